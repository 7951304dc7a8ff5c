"""What do large campaigns cost: pools of a million, proteins of thousands of residues, a hundred thousand results?

Each figure is of a command line in a process of its own on one thread; CPU seconds and peak memory are the system's.
Parts that are done are kept in the work folder, so that a stopped run goes on.
"""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.cost import calibration
from benchmarks.options import OUT, WORK, own_process
from benchmarks.results import Result, markdown_table

RESIDUES = "ACDEFGHIKLMNPQRSTVWY"
COLUMNS = ("campaign", "step", "CPU s", "peak MiB", "required")
Row = tuple[str, str, str, str, str]
#: maximum of CPU seconds
ORDINARY, NEW, PROPOSAL = 0.7, 30.0, 60.0


def protein(length: int) -> str:
    """A random protein."""
    rng = random.Random(0)
    return "M" + "".join(rng.choices(RESIDUES, k=length - 1))


def variants(count: int, parent: str) -> Iterator[str]:
    """Different variants of two to four mutations."""
    rng, seen = random.Random(1), set[str]()
    while len(seen) < count:
        places = sorted(rng.sample(range(len(parent)), rng.randint(2, 4)))
        mutations = ((p, rng.choice(RESIDUES.replace(parent[p], ""))) for p in places)
        name = ":".join(f"{parent[p]}{p + 1}{new}" for p, new in mutations)
        if name not in seen:
            seen.add(name)
            yield name


def guides(count: int) -> Iterator[str]:
    """Different guides of 20 bases."""
    rng = random.Random(2)
    numbers = rng.sample(range(4**20), count)
    return ("".join("ACGT"[number >> 2 * i & 3] for i in range(20)) for number in numbers)


def compounds(count: int) -> Iterator[str]:
    """Different amides of anilines, from small parts."""
    acids = [f"{a}{b}" for a, b in product(["", "C", "CC", "CCC", "CC(C)", "C1CC1", "C1CCC1", "COC"], ["", "C", "CO"])]
    rings = ["c1ccc({})cc1", "c1cccc({})c1", "c1ccnc({})c1", "c1ccc({})nc1", "c1csc({})c1", "c1coc({})c1"]
    ends = ["F", "Cl", "Br", "C", "CC", "OC", "C#N", "C(F)(F)F", "N(C)C", "S(C)(=O)=O", "C(N)=O", "OCC", "C(C)C", "O"]
    chains = ["".join(parts) for n in range(1, 5) for parts in product(["C", "O", "N", "S"], repeat=n)]
    chains = [c for c in chains if not any(x in c for x in ("OO", "NN", "SS", "ON", "NO", "OS", "SO", "SN", "NS"))]
    made = (f"{c}{a}C(=O)N{r.format(e)}" for c, r, e, a in product(chains, rings, ends, acids))
    seen = set[str]()
    for smiles in made:
        if smiles not in seen and len(seen) < count:
            seen.add(smiles)
            yield smiles


def listed(path: Path, header: Sequence[str], rows: Iterator[Sequence[str]]) -> Path:
    """A table of candidates."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def run(arguments: Sequence[str], repeats: int = 1) -> tuple[float, float, int]:
    """CPU seconds (median) and peak MiB of `activeloop ARGUMENTS`, and its exit status."""
    found = []
    code = "import sys; from activeloop.cli import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, *arguments]
    for _ in range(repeats):
        process = os.posix_spawn(
            sys.executable,
            command,
            own_process(),
            file_actions=[(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)],
        )
        _, status, usage = os.wait4(process, 0)
        found.append((usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)))
    return statistics.median(f[0] for f in found), max(f[1] for f in found), found[-1][2]


def row(campaign: str, step: str, found: tuple[float, float, int], required: str = "") -> Row:
    """One line of the table."""
    seconds, peak, status = found
    failed = f" (exit status {status})" if status else ""
    return campaign, step + failed, f"{seconds:.2f}", f"{peak:.0f}", required


def measured(folder: Path) -> Path:
    """Results of the last plate: made up."""
    plate = max((folder / "plates").glob("plate-*.csv"), key=lambda p: p.stat().st_mtime)
    with plate.open(encoding="utf-8", newline="") as file:
        names = [line["candidate"] for line in csv.DictReader(file) if line["candidate"]]
    rng = random.Random(3)
    taken = [name for name in dict.fromkeys(names) if name not in ("WT", "DMSO", "non-targeting")]
    return listed(folder.parent / "results.csv", ("candidate", "activity"), ((n, f"{rng.random():.4f}") for n in taken))


def rounds(name: str, folder: Path, new: Sequence[str], *, repeats: int = 1, limits: Sequence[str]) -> list[Row]:
    """A campaign from `new` to the second proposal.

    Args:
        name: how the table calls it.
        folder: of the campaign.
        new: arguments of `new`.
        repeats: of what changes nothing.
        limits: required of `new`, of `status` and a repeated `propose`, and of a proposal.
    """
    made, asked, proposed = limits
    shutil.rmtree(folder, ignore_errors=True)
    at = str(folder)
    rows = [row(name, "new", run(["new", at, *new, "--assay", "activity"]), made)]
    rows.append(row(name, "status", run(["status", at], repeats), asked))
    rows.append(row(name, "propose, before any result", run(["propose", at, "-n", "80"]), proposed))
    rows.append(row(name, "record", run(["record", at, str(measured(folder))])))
    rows.append(row(name, "propose, with a model", run(["propose", at, "-n", "80"]), proposed))
    rows.append(row(name, "propose, nothing new", run(["propose", at, "-n", "80"], repeats), asked))
    rows.append(row(name, "status", run(["status", at], repeats), asked))
    return rows


def ordinary(work: Path, _: int) -> list[Row]:
    """Campaigns of a thousand candidates."""
    parent, limits = protein(250), ("", f"at most {ORDINARY}", "")
    lists = {
        "variants": listed(work / "v.csv", ("variant",), ((v,) for v in variants(1000, parent))),
        "compounds": listed(work / "c.csv", ("smiles",), ((c,) for c in compounds(1000))),
        "guides": listed(work / "g.csv", ("guide",), ((g,) for g in guides(1000))),
    }
    rows = rounds("all singles of 250 residues", work / "s", ["--wild-type", parent, "--singles"], limits=limits)
    for kind, path in lists.items():
        own = ["--wild-type", parent] if kind == "variants" else ["--kind", kind, "--merge-duplicates"]
        rows += rounds(f"1,000 {kind}", work / kind, ["--table", str(path), *own], repeats=3, limits=limits)
    return rows


def many(
    kind: str, made: Callable[[int], Iterator[str]], own: Sequence[str], share: int = 1
) -> Callable[..., list[Row]]:
    """The measurement of a pool of many candidates, a part of the number asked for."""

    def part(work: Path, count: int) -> list[Row]:
        number = count // share
        path = listed(work / f"{kind}.csv", ("candidate",), ((name,) for name in made(number)))
        limits = (f"at most {NEW:.0f}, below 1,536 MiB", "", "")
        arguments = ["--table", str(path), "--column", "candidate", *own]
        return rounds(f"{number:,} {kind}", work / kind, arguments, limits=limits)

    return part


def long_protein(work: Path, _: int) -> list[Row]:
    """All singles of 5,000 residues."""
    parent = protein(5000)
    wild = work / "wt.fasta"
    wild.write_text(f">wt\n{parent}\n", encoding="utf-8")
    name, folder = "95,000 singles of 5,000 residues", work / "long"
    limits = ("", "", f"at most {PROPOSAL:.0f}")
    rows = rounds(name, folder, ["--wild-type", str(wild), "--singles"], limits=limits)
    singles = ((f"{old}{p}{new}",) for p, old in enumerate(parent, 1) for new in RESIDUES if new != old)
    scan = listed(work / "scan.csv", ("variant",), singles)
    out = ["predict", str(folder), str(scan), "--out", str(work / "predicted.csv")]
    return [*rows, row(name, "predict all", run(out), f"at most {PROPOSAL:.0f}")]


def wide(work: Path, count: int) -> list[Row]:
    """Many columns beside the candidates, and many assays."""
    parent = protein(250)
    number = count // 10
    header = ("variant", *(f"property {i}" for i in range(50)))
    table = listed(work / "w.csv", header, ((v, *(f"p{i}" for i in range(50))) for v in variants(number, parent)))
    name, at = f"{number:,} variants, 50 more columns", str(work / "wide")
    shutil.rmtree(at, ignore_errors=True)
    new = ["new", at, "--wild-type", parent, "--table", str(table), "--assay", "activity"]
    rows = [row(name, "new", run(new)), row(name, "status", run(["status", at]))]
    several = [text for i in range(1000) for text in ("--assay", f"assay {i}")]
    shutil.rmtree(work / "several", ignore_errors=True)
    arguments = ["new", str(work / "several"), "--wild-type", parent, "--singles", *several]
    rows.append(row("1,000 assays", "new", run(arguments)))
    return [*rows, row("1,000 assays", "status", run(["status", str(work / "several")]))]


def logged(size: int) -> Callable[[Path, int], list[Row]]:
    """The measurement of a log of many results, by the number of results in an event."""

    def part(work: Path, count: int) -> list[Row]:
        number = count // 10
        name = f"{number:,} results, {f'plates of {size}' if size > 1 else 'single wells'}"
        rows = []
        for share in (2, 1):
            folder = work / f"log{size}-{share}"
            shutil.rmtree(folder, ignore_errors=True)
            run(["new", str(folder), "--wild-type", protein(250), "--sites", "10,20,30,40,50", "--assay", "activity"])
            filled(folder, number // share, size)
            process = [sys.executable, "-m", "benchmarks.large", str(folder)]
            opened = json.loads(output_of(process))
            half = f"{number // share:,}"
            if share == 1:
                rows.append((name, "open", f"{opened['open']:.2f}", f"{opened['peak']:.0f}", "at most 1 s, 250 MiB"))
                rows.append((name, "status in that process", f"{opened['status']:.2f}", "", "at most 0.2 s"))
                rows.append((name, "record one well", f"{opened['record']:.3f}", "", "at most 0.02 s"))
            else:
                rows.append((name, f"open with half ({half})", f"{opened['open']:.2f}", f"{opened['peak']:.0f}", ""))
        return rows

    return part


def output_of(command: Sequence[str]) -> str:
    """The last line that a process prints."""
    import subprocess

    done = subprocess.run(command, env=own_process(), capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]


def filled(folder: Path, number: int, size: int) -> None:
    """Append proposals of 96 and their results, `size` in an event."""
    from activeloop.campaigns.events import Event, Measured, Proposed
    from activeloop.config import open_campaign
    from activeloop.measurements import Measurement
    from activeloop.plates import Pick, Proposal

    loop, rng = open_campaign(folder), random.Random(4)
    pool, log = loop.campaign.pool, loop.folder.log
    names, last = pool.names(rng.sample(range(len(pool)), number)), len(list(log))

    def events() -> Iterator[Event]:
        for k in range(0, number, size):
            if k % 96 == 0:
                picks = tuple(
                    Pick("0" * 16, n, i, 0.0, 1.0, 0.5, 1.5, "test") for i, n in enumerate(names[k : k + 96], 1)
                )
                yield Proposed(Proposal(k // 96 + 1, picks, 0, 1, "chance"))
            wells = [divmod((k + i) % 96, 12) for i in range(size)]
            rows = tuple(
                Measurement(
                    n, "activity", rng.random(), plate=f"plate-{k // 96 + 1}", well=f"{'ABCDEFGH'[r]}{c + 1}", row=i
                )
                for i, (n, (r, c)) in enumerate(zip(names[k : k + size], wells, strict=False), 2)
            )
            yield Measured(rows, f"r{k}.csv", f"{k:032x}")

    with log.alone():
        for event in events():
            last = log.append(event, after=last).sequence


def child(folder: str) -> None:
    """Open a campaign in this process, and print what its steps cost."""
    import resource

    import sqlalchemy  # noqa: F401  # is loaded at the first record, and no part of its cost

    from activeloop.config import open_campaign
    from activeloop.measurements import Measurement

    def seconds(step: Callable[[], object]) -> float:
        clock = time.process_time()
        step()
        return time.process_time() - clock

    held = list[object]()
    found = {"open": seconds(lambda: held.append(open_campaign(folder)))}
    campaign = held[0].campaign  # type: ignore[attr-defined]
    found["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found["status"] = seconds(campaign.status)
    there = {r.measurement.candidate for r in campaign.state().results}
    free = [name for name in campaign.pool.names(range(2000)) if name not in there][:4]
    each = [seconds(lambda n=n: campaign.record([Measurement(n, "activity", 1.0)], f"{n}.csv")) for n in free]
    print(json.dumps(found | {"record": statistics.median(each)}))  # noqa: T201


PARTS: dict[str, Callable[[Path, int], list[Row]]] = {
    "ordinary": ordinary,
    "variants": many("variants", lambda n: variants(n, protein(250)), ["--wild-type", protein(250)]),
    "guides": many("guides", guides, ["--kind", "guides"]),
    "compounds": many("compounds", compounds, ["--kind", "compounds", "--merge-duplicates"], share=10),
    "long": long_protein,
    "wide": wide,
    "plates": logged(96),
    "wells": logged(1),
}

ROWS = typer.Option("--rows", metavar="N", help="Candidates of a large pool; of compounds and results a tenth of it.")
ONLY = typer.Option("--parts", metavar="NAMES", help=f"Only these, joined by commas: {', '.join(PARTS)}.")


def command(
    rows: Annotated[int, ROWS] = 1_000_000,
    parts: Annotated[str, ONLY] = "",
    work: Annotated[Path, WORK] = Path("large-work"),
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """What do large campaigns cost: pools of a million, long proteins, a hundred thousand results?"""
    work.mkdir(parents=True, exist_ok=True)
    for name in parts.split(",") if parts else PARTS:
        kept = work / f"{name}-{rows}.json"
        if not kept.exists():
            kept.write_text(json.dumps(PARTS[name](work, rows)), encoding="utf-8")
    found = [work / f"{name}-{rows}.json" for name in PARTS]
    table = [line for path in found if path.exists() for line in json.loads(path.read_text("utf-8"))]
    table.append(("calibration", "1,000 x 1,000 matrix product", f"{calibration() / 1000:.3f}", "", ""))
    large_result(table).write(out / "large", f"python -m benchmarks large --rows {rows}")


def large_result(rows: Sequence[Sequence[str]]) -> Result:
    """What was found, as a page."""
    how = (
        "Each figure is of a command line in a process of its own on one thread, start-up included; of logs, of a "
        "process that holds the campaign, without the time to import. CPU seconds are of system and user together, "
        "medians where something was repeated. Peak memory is that of the command or of the process that started it, "
        "whichever is larger, so small figures are upper bounds."
    )
    question = "What do large campaigns cost?"
    return Result(question, how, [markdown_table(COLUMNS, rows)], {"summary": (COLUMNS, rows)})


if __name__ == "__main__":
    child(sys.argv[1])
