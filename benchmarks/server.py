"""Does a laboratory's server stay quick, small and whole with large campaigns, many robots and processes that die?

A real `activeloop serve`, on SQLite and on PostgreSQL, has a campaign of 160,000 candidates and 100,000 results (half
of them of one file, the others of plates of 96 wells). Each page is asked for again and again by one client; then 200
readers go through the pages, first alone and then while 50 robots post single wells and a model is trained. Clients are
a process of their own on the same machine; each reads, or posts, and waits a while, as people and robots do.

Then clients that repeat what was not answered (`activeloop.client`) record wells of two small campaigns over HTTP while
servers, workers and training processes are killed with SIGKILL at random moments and begun again: one server and a
worker on SQLite, two servers and three workers on PostgreSQL. Last, a release with another migration takes the place
of this one, server after server, while clients write.

Writes `pages.csv`, `load.csv`, `faults.csv` and `README.md`, and exits with status 0 only when all of it holds.
"""

from __future__ import annotations

import asyncio
import csv
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import httpx
import numpy as np
import typer

from activeloop.campaigns import Fitted, Measured
from activeloop.client import Client, RemoteCampaign
from activeloop.config import Store, open_folder
from activeloop.errors import ActiveLoopError
from activeloop.files import write_whole
from activeloop.measurements import Measurement
from activeloop.store.accounts import Accounts
from activeloop.work import Place, Timing, Worker
from benchmarks.log import PROTEIN, SITES, WELLS
from benchmarks.options import OUT, WORK, names_of, own_process
from benchmarks.results import Result, markdown_table, section
from benchmarks.work import CONFIG as SMALL
from benchmarks.work import awaited, children_of, database_of, sent

LARGE = f"""
goal = "find"
seed = 1
[pool]
kind = "variants"
wild_type = "{PROTEIN}"
sites = {json.dumps(list(SITES))}
[[assays]]
name = "kcat"
unit = "1/s"
scale = "linear"
[plate]
wells = 96
"""
READY, MEBIBYTES, PAGE, TIMES = 3.0, 150.0, 0.3, 2.0
"""What is required: seconds until ready, memory of the web process, p95 of pages, p99 of reads under load over idle."""
FIRST = 1_000
"""Results to which the first version is fitted."""
READERS, ROBOTS = 200, 50
READ_PAUSE, WELL_PAUSE = 20.0, 10.0
"""Mean seconds that a reader looks at a page, and that a robot takes for a well."""
DATABASES = ("sqlite", "postgresql")
PAGES = {
    "campaigns": "/",
    "campaign": "/campaigns/{key}",
    "its strip": "/campaigns/{key}/strip",
    "plates": "/campaigns/{key}/plates",
    "a plate": "/campaigns/{key}/plates/plate-1",
    "results": "/campaigns/{key}/results",
    "candidates": "/campaigns/{key}/candidates",
    "candidates, searched and sorted": "/campaigns/{key}/candidates?search=a54&sort=kcat+measured&at=2",
    "model": "/campaigns/{key}/model",
    "students": "/campaigns/{key}/students",
    "audit": "/campaigns/{key}/audit",
    "audit, with an event of {bulk} rows": "/campaigns/{key}/audit?at={last}",
    "settings": "/campaigns/{key}/settings",
    "new campaign": "/new",
    "API: status": "/api/v1/campaigns/{key}",
    "API: results": "/api/v1/campaigns/{key}/results?limit=100",
    "API: candidates": "/api/v1/campaigns/{key}/candidates",
    "API: events": "/api/v1/campaigns/{key}/events?limit=100",
}
"""Name of a page -> its address."""
HARM = ("failures", "lost", "doubled", "versions_doubled", "gaps", "chain", "not_fitted")
"""What must be 0 after kills."""


# -- a server, and clients of it --------------------------------------------------------------------------------------


@dataclass
class Serving:
    """A server as a process of its own.

    Args:
        process: of it.
        address: where it listens.
        ready: seconds until it was ready.
        cpu: CPU seconds that this took.
    """

    process: subprocess.Popen[str]
    address: str
    ready: float
    cpu: float

    def cpu_seconds(self) -> float:
        """CPU seconds of the web process."""
        return cpu_of(self.process.pid)

    def mebibytes(self, what: str = "VmRSS") -> float:
        """Memory that the web process holds, or held at most (`VmHWM`)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return round(int(re.search(rf"{what}:\s+(\d+)", status)[1]) / 1024, 1)  # type: ignore[index]


def cpu_of(process: int) -> float:
    """CPU seconds of a process."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def environment(place: Place, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Of a server of a place."""
    told = {"ACTIVELOOP_WORKER": "0", "ARTIFACTS": place.artifacts, "ACTIVELOOP_WORK": place.cache}
    told["ACTIVELOOP_REQUESTS_PER_MINUTE"] = "1000000"  # one user on this machine stands for all readers
    return own_process() | {name: value for name, value in told.items() if value} | dict(more or {})


def begin(place: Place, port: int, more: Mapping[str, str] | None = None, **pipes: Any) -> subprocess.Popen[str]:
    """A server without a worker, as a process.

    Args:
        place: of its campaigns.
        port: where it listens; 0 = a free one.
        more: of its environment.
        pipes: of the process.
    """
    command = [sys.executable, "-c", "from activeloop.cli import main; main()", "serve", place.where]
    quiet = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "text": True}
    return subprocess.Popen([*command, "--port", str(port)], env=environment(place, more), **quiet | pipes)


def start(place: Place) -> Serving:
    """A server that is ready."""
    began = time.monotonic()
    process = begin(place, 0, stderr=subprocess.PIPE)
    assert process.stderr is not None  # a pipe
    told, address = [], ""
    for line in process.stderr:
        told.append(line)
        if found := re.search(r"http://[\d.:]+", line):
            address = found[0]
            break
    if not address:
        raise RuntimeError("".join(told))
    threading.Thread(target=lambda: [None for _ in process.stderr or ()], daemon=True).start()
    wait_until_ready(address)
    return Serving(process, address, time.monotonic() - began, cpu_of(process.pid))


def wait_until_ready(address: str, seconds: float = 600.0) -> None:
    """Ask a server until it can answer requests."""

    def ready() -> bool:
        try:
            return httpx.get(f"{address}/readyz", timeout=60).status_code == 200
        except httpx.TransportError:
            return False

    if not awaited(ready, seconds):
        raise RuntimeError(f"{address} is not ready after {seconds:g} s")


@contextmanager
def serving(place: Place) -> Iterator[Serving]:
    """A server that ends with the block."""
    one = start(place)
    try:
        yield one
    finally:
        one.process.send_signal(signal.SIGTERM)
        try:
            one.process.wait(30)
        except subprocess.TimeoutExpired:
            one.process.kill()
            one.process.wait()


def worker(place: Place, timing: Timing, more: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """A worker as a process.

    Args:
        place: of its campaigns.
        timing: of its work.
        more: of its environment.
    """
    told = json.dumps([place.where, place.artifacts, place.cache, asdict(timing)])
    command = [sys.executable, "-c", "from benchmarks.server import work; work()", told]
    return subprocess.Popen(command, env=own_process() | dict(more or {}), stderr=subprocess.DEVNULL)


def work() -> None:
    """Work until this process is killed; the process of `worker`."""
    where, artifacts, cache, timing = json.loads(sys.argv[1])
    Worker([Place(where, artifacts, cache)], Timing(**timing)).run(lambda _: None)


def end(process: subprocess.Popen[Any]) -> None:
    """Kill a process, and what it started."""
    children = children_of(process.pid)
    process.kill()
    process.wait()
    for child in children:
        sent(child, signal.SIGKILL)


# -- the large campaign -----------------------------------------------------------------------------------------------


def fill(place: Place, results: int) -> dict[str, Any]:
    """A campaign with a version, a proposal and results; its key, free candidates and the place of its long event."""
    from activeloop.desk.propose import PlateOptions, propose

    store = Store.open(place.where, place.artifacts, Path(place.cache))
    key, rng = store.create("large", LARGE), np.random.default_rng(0)
    loop = open_folder(store.folder(key))
    pool, log = loop.campaign.pool, loop.folder.log
    names = pool.names(rng.permutation(len(pool)))
    values = rng.normal(10.0, 3.0, results).round(3).tolist()
    bulk = results // 2
    rows = []
    for i, (name, value) in enumerate(zip(names, values, strict=False)):
        plate, well = (f"P{(i - bulk) // 96 + 1}", WELLS[(i - bulk) % 96]) if i >= bulk else ("", "")
        rows.append(Measurement(name, "kcat", value, plate=plate, well=well, file="r.csv", row=i))
    ends = [0, FIRST, *range(bulk, results, 96), results]
    with log.alone():
        log.append(Measured(tuple(rows[:FIRST]), "first.csv", f"{0:064x}"), after=log.last)
    store.close()
    Worker([place], Timing(quiet=0, longest=0)).run(lambda _: None, once=True)
    store = Store.open(place.where, place.artifacts, Path(place.cache))
    loop = open_folder(store.folder(key))
    propose(loop, 90, plate=PlateOptions(controls=0))
    proposed = {pick.name for pick in loop.campaign.state().proposals[0].picks}
    log = loop.folder.log
    with log.alone():
        for number, (begin, end) in enumerate(pairwise(ends[1:]), 1):
            log.append(Measured(tuple(rows[begin:end]), f"r{number}.csv", f"{number:064x}"), after=log.last)
    last = (log.last - 5) // 50 + 1
    store.close()
    free = [name for name in names[results:] if name not in proposed]
    return {"key": key, "free": free, "last": last, "bulk": bulk - FIRST}


def addresses(large: Mapping[str, Any]) -> dict[str, str]:
    """Name -> address of each page of the campaign."""
    given = {"key": large["key"], "last": large["last"], "bulk": f"{large['bulk']:,}"}
    return {name.format(**given): path.format(**given) for name, path in PAGES.items()}


def ask(address: str, paths: Mapping[str, str], repeats: int, one: Serving) -> list[dict[str, Any]]:
    """What each page takes, asked for by one client: the first time, and again and again."""
    rows = []
    with httpx.Client(base_url=address, timeout=600) as client:
        client.get(paths["API: candidates"])  # predictions of the pool are there then, as in any campaign in use
        for name, path in paths.items():
            taken, before = [], one.cpu_seconds()
            for _ in range(repeats + 1):
                began = time.monotonic()
                answer = client.get(path)
                taken.append(time.monotonic() - began)
                if answer.status_code != 200:
                    raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:500]}")
            low, high = np.percentile(taken[1:], [50, 95])
            row = {"page": name, "KiB": round(len(answer.content) / 1024, 1), "first": round(taken[0], 3)}
            row |= {"p50": round(low, 4), "p95": round(high, 4)}
            row["CPU"] = round((one.cpu_seconds() - before) / (repeats + 1), 4)
            rows.append(row)
    return rows


def generate() -> None:
    """Clients until their time is over: reads a task from standard input, and writes what came of it."""
    task = json.loads(sys.stdin.read())
    print(json.dumps(asyncio.run(_clients(task))))  # noqa: T201 - the answer of this process


async def _clients(task: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"reads": [], "wells": [], "errors": [], "stored": []}
    ends, limits = time.monotonic() + task["seconds"], httpx.Limits(max_connections=None)
    free = iter(task["free"])

    async def call(client: httpx.AsyncClient, kept: list[Any], method: str, path: str, **how: Any) -> bool:
        began = time.monotonic()
        try:
            answer = await client.request(method, path, **how)
            good = answer.status_code in (200, 201)
            words = "" if good else f"{answer.status_code} {answer.text[:200]}"
        except httpx.HTTPError as error:
            good, words = False, repr(error)
        kept.append([path.split("?")[0], round(time.monotonic() - began, 4)])
        if not good:
            found["errors"].append(f"{method} {path}: {words}")
        return good

    async def read(number: int, client: httpx.AsyncClient) -> None:
        rng = random.Random(number)
        await asyncio.sleep(rng.uniform(0, task["read_pause"]))
        while time.monotonic() < ends:
            await call(client, found["reads"], "GET", rng.choice(task["paths"]))
            await asyncio.sleep(rng.expovariate(1 / task["read_pause"]))

    async def post(number: int, client: httpx.AsyncClient) -> None:
        rng = random.Random(1000 + number)
        headers = {"authorization": f"Bearer {task['tokens'][number]}"}
        await asyncio.sleep(rng.uniform(0, task["well_pause"]))
        for place in range(10**6):
            if time.monotonic() >= ends:
                return
            name = next(free)
            row = {"candidate": name, "assay": "kcat", "value": round(rng.gauss(10, 3), 3)}
            row |= {"plate": f"robot {number}", "well": WELLS[place % 96]}
            body = {"measurements": [row], "source": f"robot {number}, well {place}"}
            how = {"json": body, "headers": headers | {"idempotency-key": f"{number}-{place}"}}
            if await call(client, found["wells"], "POST", f"/api/v1/campaigns/{task['key']}/results", **how):
                found["stored"].append(name)
            await asyncio.sleep(rng.expovariate(1 / task["well_pause"]))

    async with httpx.AsyncClient(base_url=task["address"], timeout=120, limits=limits) as client:
        readers = [read(number, client) for number in range(task["readers"])]
        await asyncio.gather(*readers, *(post(number, client) for number in range(len(task["tokens"]))))
    return found


def clients(one: Serving, large: Mapping[str, Any], seconds: float, tokens: Sequence[str]) -> dict[str, Any]:
    """What readers, and a robot for each token, saw of a server."""
    task = {
        "address": one.address,
        "key": large["key"],
        "paths": list(addresses(large).values()),
        "free": large["free"],
        "tokens": list(tokens),
        "seconds": seconds,
        "readers": READERS,
        "read_pause": READ_PAUSE,
        "well_pause": WELL_PAUSE,
    }
    before, began = one.cpu_seconds(), time.monotonic()
    command = [sys.executable, "-c", "from benchmarks.server import generate; generate()"]
    done = subprocess.run(
        command, input=json.dumps(task), capture_output=True, text=True, check=True, env=own_process()
    )
    found = json.loads(done.stdout)
    reads = [taken for _, taken in found["reads"]]
    told: dict[str, Any] = {"reads": len(reads), "wells": len(found["stored"]), "errors": len(found["errors"])}
    for percent in (50, 95, 99):
        told[f"read p{percent}"] = round(float(np.percentile(reads, percent)), 3)
        if found["wells"]:
            told[f"well p{percent}"] = round(float(np.percentile([t for _, t in found["wells"]], percent)), 3)
    share = (one.cpu_seconds() - before) / (time.monotonic() - began)
    told |= {"CPU share": round(share, 2), "MiB": one.mebibytes(), "peak MiB": one.mebibytes("VmHWM")}
    return told | {"first errors": found["errors"][:3], "stored": found["stored"]}


def loaded(kind: str, results: int, seconds: float, repeats: int) -> dict[str, Any]:
    """All that is measured of a large campaign on one database."""
    with tempfile.TemporaryDirectory(prefix="server") as made, database_of(kind, Path(made)) as (place, _):
        large = fill(place, results)
        with serving(place) as one:
            found: dict[str, Any] = {"ready": round(one.ready, 2), "ready CPU": round(one.cpu, 2)}
            found["load average"] = round(os.getloadavg()[0], 1)
            found["pages"] = ask(one.address, addresses(large), repeats, one)
            found |= {"MiB": one.mebibytes(), "peak MiB": one.mebibytes("VmHWM")}
            found["idle"] = clients(one, large, seconds, ())
            store = Store.open(place.where, place.artifacts, Path(place.cache))
            accounts = Accounts(store.database)
            tokens = [accounts.make_token("local", f"robot {n}", "robot", "benchmark")[0] for n in range(ROBOTS)]
            trainer = worker(place, Timing(quiet=0, longest=0))
            try:
                training = awaited(lambda: children_of(trainer.pid), 60.0)
                found["load"] = clients(one, large, seconds, tokens)
                found["load"]["trained"] = bool(training) and bool(children_of(trainer.pid))
            finally:
                end(trainer)
            stored = found["load"].pop("stored")
            found["idle"].pop("stored")
            query = "SELECT candidate, count(*) FROM results WHERE campaign = :key AND plate LIKE 'robot %' GROUP BY 1"
            there = dict(store.database.read(query, key=large["key"]))
            found["load"] |= {"lost": len(set(stored) - set(there)), "doubled": sum(n > 1 for n in there.values())}
            store.close()
        return found


# -- faults -----------------------------------------------------------------------------------------------------------

LEASE = Timing(quiet=0.0, longest=0.0, lease=3.0, retry=0.1, attempts=1000)
CAMPAIGNS, WRITERS, PACE = 2, 4, 0.3
ROLES = ("server", "worker", "child")
KILLS = 100
"""Kills of a whole run, for each database."""


def free_port() -> int:
    """A port of this machine that nobody uses."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@dataclass
class Fleet:
    """Servers and workers of one store.

    Args:
        place: of its campaigns.
        servers, workers: how many of each.
    """

    place: Place
    servers: int
    workers: int
    release: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ports = [free_port() for _ in range(self.servers)]
        self.serving = [begin(self.own(i), port) for i, port in enumerate(self.ports)]
        self.working = [worker(self.own(i), LEASE) for i in range(self.workers)]

    def own(self, number: int) -> Place:
        """The place with working folders of one process."""
        return Place(self.place.where, self.place.artifacts, f"{self.place.cache}-{number}")

    @property
    def addresses(self) -> list[str]:
        """Of the servers."""
        return [f"http://127.0.0.1:{port}" for port in self.ports]

    def children(self) -> list[int]:
        """Processes that do a piece of work."""
        return [child for one in self.working for child in children_of(one.pid)]

    def kill(self, role: str, rng: np.random.Generator) -> bool:
        """Kill a process of this role at a random moment, and begin another; whether there was one."""
        time.sleep(float(rng.uniform(0, 1.5)))
        if role == "child":
            late = time.monotonic() + 120
            while time.monotonic() < late:
                awaited(self.children, 30.0)
                time.sleep(float(rng.uniform(0, 0.8)))
                if (running := self.children()) and sent(int(rng.choice(running)), signal.SIGKILL):
                    return True
            return False
        if role == "worker":
            i = int(rng.integers(self.workers))
            end(self.working[i])
            self.working[i] = worker(self.own(i), LEASE, self.release)
        else:
            i = int(rng.integers(self.servers))
            end(self.serving[i])
            self.serving[i] = begin(self.own(i), self.ports[i], self.release)
            if rng.random() < 0.7:  # else the next blow comes while it begins
                wait_until_ready(self.addresses[i])
        return True

    def upgrade(self, release: Mapping[str, str]) -> None:
        """Put another release in the place of each process, one after the other; the first one migrates."""
        self.release = dict(release)
        for i, old in enumerate(self.serving):
            old.send_signal(signal.SIGTERM)
            old.wait(60)
            self.serving[i] = begin(self.own(i), self.ports[i], self.release)
            wait_until_ready(self.addresses[i])
        for i, old in enumerate(self.working):
            end(old)
            self.working[i] = worker(self.own(i), LEASE, self.release)

    def close(self) -> None:
        """End all of them."""
        for process in (*self.serving, *self.working):
            end(process)


@dataclass
class Writers:
    """Threads that record wells over HTTP, each through one of the servers, until they are stopped.

    Args:
        addresses: of the servers.
        keys: of the campaigns.
        names: of candidates.
    """

    addresses: Sequence[str]
    keys: Sequence[str]
    names: Sequence[str]
    said: list[tuple[str, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    longest: float = 0.0
    _ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._threads = [threading.Thread(target=self._write, args=(n,), daemon=True) for n in range(WRITERS)]
        for thread in self._threads:
            thread.start()

    def _write(self, number: int) -> None:
        rng, key = np.random.default_rng(number), self.keys[number % len(self.keys)]
        with Client(self.addresses[number % len(self.addresses)], attempts=30) as client:
            for place in range(10**6):
                if self._ended.wait(PACE):
                    return
                source, name = f"writer {number}, well {place}", self.names[int(rng.integers(len(self.names)))]
                row = {"candidate": name, "assay": "kcat", "value": round(float(rng.normal(5)), 3)}
                row |= {"plate": f"{number}-{place // 96}", "well": WELLS[place % 96]}
                began = time.monotonic()
                try:
                    RemoteCampaign(client, key, "").record([row], source, repeats=True)
                    self.said.append((key, source))
                except ActiveLoopError as error:
                    self.failures.append(str(error))
                self.longest = max(self.longest, time.monotonic() - began)

    def stop(self) -> None:
        """Let each end the call that it makes."""
        self._ended.set()
        for thread in self._threads:
            thread.join()


NEXT = """
from pathlib import Path
import activeloop.store.migrate as migrate
migrate.HEAD, migrate._MIGRATIONS = {head!r}, Path({folder!r})
"""
MIGRATION = """
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = {head!r}, {before!r}, None, None
def upgrade():
    op.add_column("campaigns", sa.Column("colour", sa.String(20), nullable=False, server_default=""))
    op.create_table("freezers", sa.Column("name", sa.String(20), primary_key=True))
"""


def next_release(folder: Path) -> dict[str, str]:
    """The environment of processes of a release that has one more migration."""
    from activeloop.store import migrate

    head, migrations = f"{int(migrate.HEAD) + 1:04d}", folder / "migrations"
    shutil.copytree(Path(migrate.__file__).parent / "migrations", migrations)
    written = MIGRATION.format(head=head, before=migrate.HEAD)
    (migrations / "versions" / f"{head}_next.py").write_text(written)
    (folder / "sitecustomize.py").write_text(NEXT.format(head=head, folder=str(migrations)))
    paths = [str(folder), own_process()["PYTHONPATH"]]
    return {"PYTHONPATH": os.pathsep.join(paths)}


@contextmanager
def known(upgraded: bool) -> Iterator[None]:
    """Let this process use the database of the next release, where that took the place of this one."""
    from activeloop.store import migrate

    before = migrate.HEAD
    migrate.HEAD = f"{int(before) + upgraded:04d}"
    try:
        yield
    finally:
        migrate.HEAD = before


def judged(store: Store, keys: Sequence[str], said: Sequence[tuple[str, str]]) -> dict[str, int]:
    """What the logs say after all."""
    found: Counter[str] = Counter()
    for key in keys:
        log = store.folder(key).log
        events = list(log)
        sources = Counter(r.event.source for r in events if isinstance(r.event, Measured))
        versions = Counter(r.event.version.data_hash for r in events if isinstance(r.event, Fitted))
        numbers = [r.event.version.number for r in events if isinstance(r.event, Fitted)]
        found["wells"] += sum(sources.values())
        found["versions"] += len(numbers)
        found["lost"] += len({source for mine, source in said if mine == key} - set(sources))
        found["doubled"] += sum(count - 1 for count in sources.values())
        found["versions_doubled"] += sum(count - 1 for count in versions.values())
        found["gaps"] += sum(r.sequence != i for i, r in enumerate(events, 1))
        found["gaps"] += sum(number != i for i, number in enumerate(numbers, 1))
        found["chain"] += len(log.verify()) + len(log.differences(events))
        found["not_fitted"] += open_folder(store.folder(key)).campaign.status().stale
    return {name: int(found[name]) for name in ("wells", "versions", *HARM[1:])}


def faults(kind: str, kills: int, seed: int, upgraded: bool) -> dict[str, Any]:
    """What came of clients while processes were killed, or another release took their place.

    Args:
        kind: of the database.
        kills: number of SIGKILLs.
        seed: of the moments.
        upgraded: whether another release takes the place of this one.
    """
    rng, hit, began = np.random.default_rng(seed), Counter[str](), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="server") as made, database_of(kind, Path(made)) as (place, _):
        store = Store.open(place.where, place.artifacts, Path(place.cache))
        keys = [store.create(f"campaign {n}", SMALL) for n in range(CAMPAIGNS)]
        pool = open_folder(store.folder(keys[0])).campaign.pool
        several = kind == "postgresql"
        fleet = Fleet(place, 2 if several else 1, 3 if several else 1)
        writers = None
        try:
            for address in fleet.addresses:
                wait_until_ready(address)
            writers = Writers(fleet.addresses, keys, pool.names(range(len(pool))))
            for number in range(kills):
                role = ROLES[number % len(ROLES)]
                hit[role] += fleet.kill(role, rng)
            if upgraded:
                time.sleep(3.0)
                fleet.upgrade(next_release(Path(made) / "next"))
                time.sleep(5.0)
            for address in fleet.addresses:
                wait_until_ready(address)
            writers.stop()
            with known(upgraded):
                awaited(lambda: not place.work(LEASE).open_ends(["fit"]), 300.0)
        finally:
            fleet.close()
        with known(upgraded):
            found = judged(store, keys, writers.said)
        store.close()
    return {
        "database": kind,
        "what": "another release" if upgraded else "kills",
        "servers": fleet.servers,
        "workers": fleet.workers,
        **{f"killed_{role}": hit[role] for role in ROLES},
        "answered": len(writers.said),
        "longest": round(writers.longest, 1),
        "failures": len(writers.failures),
        **found,
        "seconds": round(time.monotonic() - began),
    }


# -- the page ---------------------------------------------------------------------------------------------------------

TITLES = {
    "servers": "servers",
    "workers": "workers",
    "killed_server": "servers killed",
    "killed_worker": "workers killed",
    "killed_child": "training processes killed",
    "answered": "wells that a client was told are stored",
    "versions": "versions fitted",
    "longest": "longest call, with all its repetitions, s",
    "failures": "calls that failed after all repetitions",
    "lost": "wells lost",
    "doubled": "wells stored twice",
    "versions_doubled": "second versions of one state of the results",
    "gaps": "gaps in numbers of events or versions",
    "chain": "breaks in the chain of events, or tables that differ from it",
    "not_fitted": "campaigns with results that no version knows",
    "seconds": "seconds that it took",
}


def server_result(large: Mapping[str, Mapping[str, Any]], harmed: Sequence[Mapping[str, Any]]) -> Result:
    """The tables and the page.

    Args:
        large: database -> what was measured of the large campaign.
        harmed: a row for each run under faults.
    """
    pages = [{"database": kind, **row} for kind, found in large.items() for row in found["pages"]]
    load = []
    for kind, found in large.items():
        alone = {name: value for name, value in found.items() if name not in ("pages", "idle", "load")}
        for what, row in (("pages", alone), ("idle", found["idle"]), ("load", found["load"])):
            load.append({"database": kind, "what": what} | {k: v for k, v in row.items() if k != "first errors"})
    columns = list(dict.fromkeys(name for row in load for name in row))
    tables = {}
    for name, rows, named in (("pages", pages, None), ("load", load, columns), ("faults", harmed, None)):
        if rows:
            names = named or list(rows[0])
            tables[name] = (names, [[row.get(column, "") for column in names] for row in rows])
    parts = []
    if large:
        lines = []
        for name in dict.fromkeys(row["page"] for row in pages):
            own = {row["database"]: row for row in pages if row["page"] == name}
            cells = [f"{own[k][c] * 1000:,.0f}" for k in large for c in ("p50", "p95", "CPU")]
            lines.append((name, *cells))
        head = ["page", *(f"{kind}, {c}" for kind in large for c in ("p50", "p95", "CPU"))]
        told = f"Milliseconds for one client, and CPU of the web process. Required: p95 at most {PAGE * 1000:.0f}."
        parts.append(section("Each page", markdown_table(head, lines), told))
        rows = []
        for words, of in (
            (
                "processes that wanted a core of this machine before it began (load average)",
                lambda f: f["load average"],
            ),
            (f"seconds until ready (at most {READY:g})", lambda f: f["ready"]),
            ("CPU seconds of it", lambda f: f["ready CPU"]),
            (f"MiB of the web process after all pages (at most {MEBIBYTES:g})", lambda f: f["MiB"]),
            ("MiB at most until then", lambda f: f["peak MiB"]),
            ("MiB after readers and robots", lambda f: f["load"]["MiB"]),
            (f"reads of {READERS} readers alone", lambda f: f["idle"]["reads"]),
            ("p50 / p95 / p99 of them, s", lambda f: " / ".join(str(f["idle"][f"read p{p}"]) for p in (50, 95, 99))),
            (f"reads while {ROBOTS} robots post and a model is trained", lambda f: f["load"]["reads"]),
            ("p50 / p95 / p99 of them, s", lambda f: " / ".join(str(f["load"][f"read p{p}"]) for p in (50, 95, 99))),
            (f"p99 beside that of readers alone (at most {TIMES:g})", lambda f: f"{times_of(f):.1f}"),
            ("wells posted", lambda f: f["load"]["wells"]),
            ("p50 / p99 of a well, s", lambda f: f"{f['load']['well p50']} / {f['load']['well p99']}"),
            ("errors (0)", lambda f: f["idle"]["errors"] + f["load"]["errors"]),
            ("wells lost or stored twice (0)", lambda f: f["load"]["lost"] + f["load"]["doubled"]),
            ("share of a core of the web process", lambda f: f["load"]["CPU share"]),
            ("a model was trained all the time", lambda f: "yes" if f["load"]["trained"] else "no"),
        ):
            rows.append((words, *(str(of(found)) for found in large.values())))
        parts.append(section("Readers, robots and a training", markdown_table(["what", *large], rows)))
    if harmed:
        heads = ["what", *(f"{row['database']}, {row['what']}" for row in harmed), "required"]
        lines = [
            (title, *(str(row[name]) for row in harmed), "0" if name in HARM else "") for name, title in TITLES.items()
        ]
        kills = sum(int(row[f"killed_{role}"]) for row in harmed for role in ROLES)
        told = (
            f"{kills} processes were killed with SIGKILL while {WRITERS} clients recorded a well every {PACE:g} s; a "
            "release with one more migration took the place of this one, server after server and worker after worker. "
            "A client repeats what was not answered, with the same key; it knows one address, where its server returns."
        )
        parts.append(section("Processes that die, and another release", markdown_table(heads, lines), told))
    about = (__doc__ or "").split("\n\n")[1:3]
    return Result(
        "Does a server stay quick, small and whole?",
        " ".join(" ".join(told for told, there in zip(about, (large, harmed), strict=True) if there).split()),
        parts,
        tables,
        parts=("server", "store", "work", "client"),
    )


def read_tables(folder: Path) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    """What `server_result` was made of, from its tables."""

    def value(text: str) -> Any:
        if text in ("True", "False"):
            return text == "True"
        with suppress(ValueError):
            return float(text) if "." in text else int(text)
        return text

    read: dict[str, list[dict[str, Any]]] = {}
    for name in ("pages", "load", "faults"):
        read[name] = []
        if (path := folder / f"{name}.csv").exists():
            with path.open(encoding="utf-8", newline="") as file:
                rows = csv.DictReader(file)
                read[name] = [{k: value(text) for k, text in row.items() if text} for row in rows]
    large: dict[str, dict[str, Any]] = {}
    for row in read["load"]:
        own = large.setdefault(row.pop("database"), {"pages": []})
        what = row.pop("what")
        if what == "pages":
            own |= row
        else:
            own[what] = row
    for row in read["pages"]:
        large[row.pop("database")]["pages"].append(row)
    return large, read["faults"]


def times_of(found: Mapping[str, Any]) -> float:
    """How many times as long as alone the slowest hundredth of reads took under load."""
    return found["load"]["read p99"] / found["idle"]["read p99"]


def good(large: Mapping[str, Mapping[str, Any]], harmed: Sequence[Mapping[str, Any]]) -> bool:
    """Whether all of it holds."""
    for found in large.values():
        wrong = found["idle"]["errors"] + found["load"]["errors"] + found["load"]["lost"] + found["load"]["doubled"]
        slow = max(row["p95"] for row in found["pages"]) > PAGE or times_of(found) > TIMES
        if wrong or slow or found["ready"] > READY or found["MiB"] > MEBIBYTES:
            return False
    return not any(row[name] for row in harmed for name in HARM)


def command(
    results: Annotated[int, typer.Option(metavar="N", help="Results of the large campaign.")] = 100_000,
    seconds: Annotated[float, typer.Option(metavar="S", help="For which clients read and post.")] = 60.0,
    repeats: Annotated[int, typer.Option(metavar="N", help="How often each page is asked for.")] = 20,
    kills: Annotated[int, typer.Option(metavar="N", help="Kills, for each database.")] = KILLS,
    databases: Annotated[str, typer.Option(metavar="NAMES", help="Only these.")] = ",".join(DATABASES),
    work: Annotated[Path, WORK] = Path("replays"),
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """Does a laboratory's server stay quick, small and whole?"""
    kept = work / "server" / f"{results}-{seconds:g}-{repeats}-{kills}"
    kept.mkdir(parents=True, exist_ok=True)

    def once(name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        file = kept / f"{name}.json"
        if not file.exists():
            write_whole(file, json.dumps(make()))
        found = json.loads(file.read_text())
        typer.echo(f"{name}: {json.dumps(found)[:2000]}")
        return found

    large, harmed = {}, []
    for kind in names_of(databases):
        large[kind] = once(f"{kind}-large", lambda kind=kind: loaded(kind, results, seconds, repeats))
    for kind in names_of(databases):
        harmed.append(once(f"{kind}-kills", lambda kind=kind: faults(kind, kills, 0, False)))
    if "postgresql" in names_of(databases):
        harmed.append(once("postgresql-upgrade", lambda: faults("postgresql", 0, 1, True)))
    told = f"--results {results} --seconds {seconds:g} --repeats {repeats} --kills {kills} --databases {databases}"
    server_result(large, harmed).write(out / "server", f"python -m benchmarks server {told}")
    typer.echo(f"Written: {out / 'server' / 'README.md'}")
    raise typer.Exit(0 if good(large, harmed) else 1)
