"""Work as Jobs, against an emulation of Kubernetes: an HTTP server on loopback with a seeded fake controller."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from activeloop.campaigns import Fitted
from activeloop.config import Store, open_folder
from activeloop.errors import ConfigError
from activeloop.measurements import Measurement
from activeloop.work import Place, Timing, Worker
from activeloop.work.jobs import FENCE, JobRunner, Pace
from activeloop.work.kinds import Fit
from benchmarks.emulator import TEMPLATE, Cluster, Faults, client_of, contained

CONFIG = """
[pool]
wild_type = "MKTAYIAKQR"
singles = true
[[assays]]
name = "kcat"
[learner]
name = "mutation-gp"
"""
AT_ONCE = Timing(quiet=0.0, longest=0.0, lease=5.0, retry=0.1, attempts=3)
QUICK = Pace(look=0.2, ask=1.0, gone=1.0, stuck=1.0)


class Laboratory:
    """A store with a campaign that has results, unless it is empty, and a cluster."""

    def __init__(self, folder: Path, faults: Faults | None = None, where: str = "", key: str = "", **options):
        self.place = Place(where or str(folder / "store"), str(folder / "artifacts"), str(folder / "cache"))
        self.store = Store.open(self.place.where, self.place.artifacts, Path(self.place.cache))
        self.key = key or self.store.create("enzyme", CONFIG)
        if not key:
            self.record(0)
        secret = {"DATABASE_URL": self.place.where, "ARTIFACTS": self.place.artifacts}
        secret["ACTIVELOOP_WORK"] = str(folder / "pods")
        self.cluster = Cluster(folder / "cluster", secret, faults, **options)
        self.templates = folder / "templates"
        self.templates.mkdir(parents=True)
        (self.templates / "fit.yaml").write_text(TEMPLATE)
        self.told: list[str] = []

    def record(self, start: int) -> None:
        campaign = open_folder(self.store.folder(self.key)).campaign
        names = campaign.pool.names(range(start, start + 12))
        campaign.record([Measurement(name, "kcat", float(i % 7)) for i, name in enumerate(names)], f"{start}.csv")

    def runner(self) -> JobRunner:
        return JobRunner(self.templates, client_of(self.cluster), at_once=2, pace=QUICK)

    def worker(self, timing: Timing = AT_ONCE) -> Worker:
        return Worker([Place(*self.of_place)], timing, self.runner(), (Fit,))

    @property
    def of_place(self) -> tuple[str, str, str]:
        return self.place.where, self.place.artifacts, self.place.cache

    def run(self, timing: Timing = AT_ONCE) -> int:
        return self.worker(timing).run(self.told.append, once=True)

    def versions(self) -> list[str]:
        log = self.store.folder(self.key).log
        return [r.event.version.data_hash for r in log if isinstance(r.event, Fitted)]

    @property
    def jobs(self) -> list[str]:
        return sorted(self.cluster.objects["jobs"])

    def work(self):
        return self.place.work(AT_ONCE)

    def state(self):
        return next(s for s in self.work().states(self.key) if s.kind == "fit")


@pytest.fixture
def made(tmp_path):
    opened = []

    def make(*faults, folder=tmp_path, **options) -> Laboratory:
        opened.append(Laboratory(folder, *faults, **options))
        return opened[-1]

    yield make
    for one in opened:
        one.cluster.close()
        one.store.close()
        one.place.close()


def until(true, seconds: float = 60.0):
    late = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < late
        time.sleep(0.05)
    return found


def slow() -> int:
    """A container that takes its time."""
    time.sleep(2.0)
    return contained()


def test_results_become_a_version_in_a_job_which_is_removed(made):
    lab = made()
    assert lab.run() == 1
    assert len(set(lab.versions())) == len(lab.versions()) == 1
    assert any("fit: version 1" in line for line in lab.told)
    assert lab.jobs == []
    until(lambda: not lab.cluster.objects["pods"])  # and its pod with it
    (event,) = [r for r in lab.store.folder(lab.key).log if isinstance(r.event, Fitted)]
    assert event.actor.startswith(f"fit-{lab.key[:24]}-1-")  # the Job by which it was made


def test_a_worker_that_ends_leaves_its_job_to_the_next(made):
    lab = made(run=slow)
    first = lab.worker()
    thread = threading.Thread(target=first.run, args=(lab.told.append,))
    thread.start()
    until(lambda: lab.cluster.processes())
    (job,) = lab.jobs
    first.stop()
    thread.join()
    assert any("left to the next worker" in line for line in lab.told)
    assert lab.jobs == [job]
    assert lab.run() == 1
    assert len(lab.versions()) == 1
    assert lab.work().states(lab.key)[0].attempts == 0
    assert lab.cluster.calls["post jobs"] == 2  # of which the second was answered by 409
    assert lab.jobs == []


def test_a_worker_that_wakes_up_late_does_not_remove_what_another_has_taken_over(made):
    lab = made(run=slow)
    work, runner = lab.work(), lab.runner()
    lease = work.take("asleep", ["fit"])
    running = runner.start(lab.place, lease, (Fit,))
    until(lambda: running.ended() or lab.cluster.processes())
    work.hand_over(lease)
    taken = work.take("awake", ["fit"], same=True)
    assert (taken.fence, taken.attempt, taken.owner) == (lease.fence, lease.attempt, "awake")
    assert not work.renew(lease)
    assert not work.finish(lease, "done")
    runner.sweep(work)
    assert len(lab.jobs) == 1
    assert work.release(taken)
    runner.sweep(work)
    assert lab.jobs == []
    until(lambda: not lab.cluster.processes())
    assert lab.versions() == []  # what ran under that lease could not write any more


@pytest.mark.parametrize(("large", "stage"), [(False, "done"), (True, "failed")])
def test_a_job_that_runs_out_of_memory_is_given_twice_as_much_once(made, large, stage):
    lab = made(Faults(pods=1.0, kinds=("out of memory",), large=large), run=slow)
    seen = []
    put = lab.cluster.put
    lab.cluster.put = lambda kind, found, event="MODIFIED": (seen.append((kind, event, found)), put(kind, found, event))
    lab.run()
    made_jobs = [found for kind, event, found in seen if (kind, event) == ("jobs", "ADDED")]
    resources = [job["spec"]["template"]["spec"]["containers"][0]["resources"] for job in made_jobs]
    assert [each["limits"]["memory"] for each in resources] == ["2Gi", "4Gi"]
    assert resources[1]["requests"] == {"memory": "2Gi", "cpu": "1"}
    assert lab.state().stage == stage
    assert len(lab.versions()) == (stage == "done")
    assert stage == "done" or "more than 4Gi of memory" in lab.state().words
    assert lab.jobs == []


@pytest.mark.parametrize("fault", ["node lost", "job deleted", "started twice"])
def test_whatever_happens_to_a_pod_there_is_one_version(made, fault):
    lab = made(Faults(seed=1, pods=0.7, kinds=(fault,)))
    lab.run(Timing(quiet=0.0, longest=0.0, lease=5.0, retry=0.1, attempts=50))
    assert len(lab.versions()) == 1
    assert lab.jobs == []


def test_evictions_use_up_no_attempt(made):
    lab = made(Faults(pods=1.0, kinds=("evicted",)), run=slow)
    worker = lab.worker(Timing(quiet=0.0, longest=0.0, lease=5.0, retry=0.05, attempts=2))
    thread = threading.Thread(target=worker.run, args=(lab.told.append,))
    thread.start()
    until(lambda: lab.cluster.happened["evicted"] >= 3)
    lab.cluster.faults = Faults()
    until(lab.versions)
    worker.stop()
    thread.join()
    assert any("evicted" in line for line in lab.told)


def test_cards_are_waited_for_in_words(made):
    lab = made(cards=0)
    card = TEMPLATE.replace("limits: {memory: 2Gi}", "limits: {memory: 2Gi, nvidia.com/gpu: 1}")
    (lab.templates / "fit.yaml").write_text(card)
    worker = lab.worker()
    thread = threading.Thread(target=worker.run, args=(lab.told.append,))
    thread.start()
    until(lambda: "exceeded quota" in lab.state().printed)
    lab.cluster.cards = 1
    until(lab.versions)
    worker.stop()
    thread.join()


def test_what_the_cluster_refuses_is_said(made):
    lab = made()
    (lab.templates / "fit.yaml").unlink()
    (lab.templates / "distil.yaml").write_text(TEMPLATE)
    lab.run()
    assert lab.state().words == 'there is no Job for work of the kind "fit" (there are distil.yaml)'
    (lab.templates / "fit.yaml").write_text(TEMPLATE.replace("app.kubernetes.io/instance: lab, ", ""))
    with pytest.raises(ConfigError, match="no label"):
        lab.runner()
    (lab.templates / "fit.yaml").write_text("kind: Job")
    with pytest.raises(ConfigError, match="is no Job with labels"):
        lab.runner()


def test_two_installations_share_a_namespace(made):
    lab = made(run=slow)
    work, mine = lab.work(), lab.runner()
    lease = work.take("worker", ["fit"])
    mine.start(lab.place, lease, (Fit,)).ended()
    (lab.templates / "fit.yaml").write_text(TEMPLATE.replace("instance: lab", "instance: other"))
    other = lab.runner()
    other.start(lab.place, lease, (Fit,)).ended()
    assert len(lab.jobs) == 2  # of the same campaign, as after a backup was restored beside it
    work.release(lease)
    mine.sweep(work)
    (left,) = lab.cluster.objects["jobs"].values()
    assert left["metadata"]["labels"]["app.kubernetes.io/instance"] == "other"
    assert left["metadata"]["labels"][FENCE] == "1"


def test_rights_that_a_worker_lacks_are_said(made):
    """Without them work is done all the same, as far as it can be."""
    lab = made()
    lab.cluster.forbidden = {"list jobs", "watch pods", "log pods", "delete jobs"}
    worker = lab.worker()
    assert worker.run(lab.told.append, once=True) == 1
    (job,) = lab.jobs  # it stays behind
    work, runner = lab.work(), worker.runner
    assert '"list" of "jobs"' in runner.sweep(work)
    lab.cluster.forbidden = {"delete jobs"}
    words = runner.sweep(work)
    assert 'its Role lacks "delete" of "jobs". ' in words
    assert "the caller cannot delete jobs" in words
    assert lab.jobs == [job]
    lab.cluster.forbidden = set()
    assert runner.sweep(work) == ""
    assert lab.jobs == []


def test_a_worker_says_once_what_it_may_not(made, monkeypatch):
    monkeypatch.setattr("activeloop.work.worker.SWEEP", 0.1)
    lab = made(run=slow)
    lab.cluster.forbidden = {"list jobs"}
    assert lab.run() == 1
    told = [line for line in lab.told if '"list" of "jobs"' in line]
    assert len(told) == 1
    assert told[0].startswith(str(lab.place))


def test_a_watch_keeps_nothing_of_what_is_gone(made):
    lab = made()
    worker = lab.worker()
    worker.run(lab.told.append, once=True)
    for watch in worker.runner.seen.values():
        until(lambda watch=watch: not watch._objects)
        assert not watch._changed
        assert not watch._doubts


def test_a_lost_installation_comes_back_in_an_empty_namespace(made, typed, tmp_path):
    """The steps of docs/how-to/upgrade.md, each with what goes wrong at it."""
    lab = made(run=slow)
    lab.run()
    lab.record(20)
    lease = lab.work().take("a worker that is lost", ["fit"])
    running = lab.runner().start(lab.place, lease, (Fit,))
    until(lambda: running.ended() or lab.cluster.processes())
    where, file, artifacts = lab.place.where, tmp_path / "backup.zip", ("--artifacts", lab.place.artifacts)

    # a backup is made while a Job runs; it replaces none
    assert typed("backup", where, file, *artifacts)[0] == 0
    whole = file.read_bytes()
    status, _, err = typed("backup", where, file, *artifacts)
    assert (status, "is there already" in " ".join(err.split())) == (2, True)
    assert file.read_bytes() == whole
    before = list(lab.store.folder(lab.key).log)

    # a newer release has migrated the database: this one refuses it, and changes nothing
    with lab.store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    for verb in (("store",), ("work", "--once")):
        status, _, err = typed(verb[0], where, *verb[1:], *artifacts)
        assert status
        assert "newer ActiveLoop" in " ".join(err.split())

    # everything is lost, and what is not whole, or not empty, is refused
    lab.cluster.close()
    cut = tmp_path / "cut.zip"
    cut.write_bytes(whole[: len(whole) // 2])
    empty = str(tmp_path / "again" / "store")
    place = (empty, "--artifacts", tmp_path / "again" / "artifacts")
    assert typed("restore", cut, *place)[0]
    assert typed("restore", file, *place)[0] == 0
    status, _, err = typed("restore", file, *place)
    assert (status, "holds campaigns already" in " ".join(err.split())) == (2, True)

    # the same events, and what was under way is begun anew by a worker of the new namespace
    again = made(folder=tmp_path / "again", where=empty, key=lab.key)
    assert list(again.store.folder(lab.key).log) == before
    again.run()
    assert len(set(again.versions())) == len(again.versions()) == 2
    assert again.store.folder(lab.key).log.verify() == ()
    assert again.jobs == []
