"""Kill a campaign at random moments and look whether anything was lost, doubled or changed.

A child process runs `activeloop propose`, `record` and `fit` on a campaign folder, round after round, and says in a
file what was finished. It is killed with SIGKILL at a random moment and started again, many times. Then:

- the events are numbered without a gap, each can be read, and all that was said to be finished is there,
- each result file is stored exactly once, and each proposal has its plate,
- a campaign that nobody disturbed has exactly the same events (all but the clock).

Writes `summary.csv` and `README.md` and exits with status 0 only when all of that holds.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from activeloop.campaigns import Measured, Proposed
from activeloop.campaigns.events import encode
from activeloop.cli import main
from activeloop.config import check_config, config_text
from activeloop.plates import read_plates
from activeloop.store import CampaignFolder
from benchmarks.options import OUT
from benchmarks.results import Result, markdown_table

PARENT = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQVKVKALPDAQFEVVHSLAKWKRQTLG"
RECIPE: dict[str, Any] = {
    "seed": 11,
    "pool": {"wild_type": PARENT, "singles": True},
    "assays": [{"name": "activity"}],
    "learner": {"name": "ensemble", "options": {"members": 2, "hidden": [4]}},
    "plate": {"wells": 24, "controls": 2},
}
PRELOAD = [
    "benchmarks.kill",
    "openpyxl",
    "rich.table",
    "sqlalchemy.dialects.sqlite",
    "activeloop.cli.propose",
    "activeloop.cli.record",
    "activeloop.cli.fit",
    "activeloop.models",
]
PRELOAD += ["activeloop.plates.listing", "activeloop.plates.picture", "activeloop.store", "activeloop.config"]

HARM = ("gaps", "lost", "files_doubled", "candidates_proposed_twice", "plates_missing")


def run_verb(*arguments: str) -> None:
    """One verb as the command line runs it, without its output."""
    try:
        main(arguments)
    except SystemExit as end:
        if end.code:
            raise RuntimeError(f"activeloop {' '.join(arguments)} ended with {end.code}") from end


def laboratory(folder: Path, number: int) -> Path:
    """The results of one plate: they depend on its candidates alone."""
    plate = read_plates(folder / "plates" / f"plate-{number}.csv")[0]
    results = folder / "results" / f"results-{number}.csv"
    lines = ["plate,well,activity"]
    for well, held in plate.wells.items():
        value = int.from_bytes(hashlib.sha256(f"{held.candidate}{well}".encode()).digest()[:4]) / 2**32
        lines.append(f"{plate.id},{well},{value!r}")
    results.write_text("\n".join(lines) + "\n")
    return results


def rounds(folder: Path, upto: int) -> None:
    """Propose, record, fit: from wherever the campaign stands to the end of round `upto`."""
    with open(os.devnull, "w") as nowhere, (folder / "done.txt").open("a", buffering=1) as done:
        sys.stdout = nowhere
        number = max(1, _proposals(folder))
        while number <= upto:
            for verb in ("propose", "record", "fit"):
                done.write(f"start {verb} {number}\n")
                if verb == "propose":
                    # Is the results file of this round stored already, then this is the next round.
                    run_verb("propose", str(folder), "-n", "4")
                    number = _proposals(folder)
                elif verb == "record":
                    run_verb("record", str(folder), str(laboratory(folder, number)))
                else:
                    run_verb("fit", str(folder))
                done.write(f"end {verb} {number}\n")
            number += 1


def _proposals(folder: Path) -> int:
    log = CampaignFolder.open(folder).log
    return sum(isinstance(r.event, Proposed) for r in log)


def create(folder: Path) -> None:
    """A fresh campaign."""
    CampaignFolder.create(folder, config_text(check_config(RECIPE, None)))
    (folder / "results").mkdir()


def killed_campaign(folder: Path, kills: int, seed: int) -> Counter[str]:
    """Run rounds without end, killed again and again; returns how often each verb was hit."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    rng = np.random.default_rng(seed)
    span = _time_of_a_round(context, folder) / 2
    hit: Counter[str] = Counter()
    for _ in range(kills):
        begun = _verbs_begun(folder) + int(rng.integers(1, 4))  # let it come to one of three verbs, then a little on
        process = context.Process(target=rounds, args=(folder, 10**6))
        process.start()
        while process.is_alive() and _verbs_begun(folder) < begun:
            time.sleep(0.001)
        process.join(float(rng.uniform(0, span)))
        if not process.is_alive():
            raise RuntimeError(f"the campaign ended by itself with {process.exitcode}")
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        hit[_interrupted(folder)] += 1
    return hit


def _verbs_begun(folder: Path) -> int:
    return (folder / "done.txt").read_text().count("start")


def _time_of_a_round(context: Any, folder: Path) -> float:
    """Seconds that the second of two rounds takes; they stay in the campaign."""
    seconds = 0.0
    for upto in (1, 2):
        process = context.Process(target=rounds, args=(folder, upto))
        clock = time.monotonic()
        process.start()
        process.join()
        seconds = time.monotonic() - clock
    return seconds


def _interrupted(folder: Path) -> str:
    """The verb that was under way; a half-written last line is none."""
    path = folder / "done.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    last = lines[-1].split() if lines else []
    return last[1] if len(last) == 3 and last[0] == "start" else "between verbs"


def timeless(folder: Path, count: int) -> list[tuple[str, Any]]:
    """The first events of a campaign without what the clock and the folder's place put into them."""
    events = []
    for recorded in list(CampaignFolder.open(folder).log)[:count]:
        kind, payload = encode(recorded.event)
        payload.get("version", {}).pop("created_at", None)
        payload.pop("source", None)
        for measurement in payload.get("measurements", []):
            measurement.pop("file")
        events.append((kind, payload))
    return events


def judge(folder: Path, baseline: Path, hit: Counter[str]) -> dict[str, Any]:
    """What the log says after all the kills, beside a campaign that nobody disturbed."""
    recorded = list(CampaignFolder.open(folder).log)
    proposed = [r.event.proposal for r in recorded if isinstance(r.event, Proposed)]
    files = Counter(r.event.content_hash for r in recorded if isinstance(r.event, Measured))
    done = [line.split() for line in (folder / "done.txt").read_text().splitlines()]
    finished = {(w[1], int(w[2])) for w in done if w[0] == "end" and len(w) == 3}
    stored = {("propose", p.number) for p in proposed}
    stored |= {("record", number) for number in range(1, len(files) + 1)}
    fits = sum(encode(r.event)[0] == "fitted" for r in recorded)
    stored |= {("fit", number) for number in range(1, fits + 1)}
    names = [pick.name for p in proposed for pick in p.picks]
    plates = {path.stem for path in (folder / "plates").glob("*.csv")}
    create(baseline)
    run_until(baseline, len(recorded))
    return {
        "kills": sum(hit.values()),
        **{f"kills_in_{verb.replace(' ', '_')}": hit[verb] for verb in ("propose", "record", "fit", "between verbs")},
        "events": len(recorded),
        "rounds": len(files),
        "gaps": sum(r.sequence != i for i, r in enumerate(recorded, 1)),
        "lost": len(finished - stored),
        "files_doubled": sum(n > 1 for n in files.values()),
        "candidates_proposed_twice": len(names) - len(set(names)),
        "plates_missing": sum(f"plate-{number}" not in plates for number in range(1, len(files) + 1)),
        "same_as_undisturbed": timeless(folder, len(recorded)) == timeless(baseline, len(recorded)),
    }


def run_until(folder: Path, events: int) -> None:
    """Run whole rounds in this process until the campaign has so many events."""
    stdout = sys.stdout
    try:
        while len(list(CampaignFolder.open(folder).log)) < events:
            rounds(folder, _proposals(folder) + 1)
    finally:
        sys.stdout = stdout


def verdict(found: Mapping[str, Any]) -> bool:
    """Whether nothing was lost, doubled or changed."""
    return found["same_as_undisturbed"] and not any(found[name] for name in HARM) and found["rounds"] > 0


def kill_result(found: Mapping[str, Any], seed: int, seconds: float) -> Result:
    """What was found, as a row of summary.csv and as a page.

    Args:
        found: what `judge` gave.
        seed: of the moments.
        seconds: that it took.
    """
    row = {**found, "seed": seed, "seconds": round(seconds, 1)}
    hits = ", ".join(f"{found[f'kills_in_{verb}']} in `{verb}`" for verb in ("propose", "record", "fit"))
    answer = "No: nothing was lost, doubled or changed." if verdict(found) else "Yes, see the table."
    table = markdown_table(
        ["what", "found", "required"],
        [
            ("killed with SIGKILL at a random moment", str(found["kills"]), ""),
            ("rounds that were finished all the same", str(found["rounds"]), "1 or more"),
            ("events in the log", str(found["events"]), ""),
            *((name.replace("_", " "), str(found[name]), "0") for name in HARM),
            ("same events as a campaign that nobody disturbed", str(found["same_as_undisturbed"]), "True"),
        ],
    )
    told = (
        "An event that was said to be finished and is not in the log counts as lost. The undisturbed campaign has the "
        "same seed and the same results; only the clock and the folder's place are left out of the comparison. It took "
        f"{seconds:.0f} s."
    )
    how = f"{answer} {found['kills']} kills hit a campaign in the middle of its verbs ({hits}); each time the same "
    return Result(
        "Is anything lost when a campaign is killed?",
        f"{how}command went on.",
        [table, told],
        {"summary": (list(row), [list(row.values())])},
        parts=("campaigns", "store"),
    )


def command(
    kills: Annotated[int, typer.Option(metavar="N", help="How often.")] = 50,
    seed: Annotated[int, typer.Option(help="Of the moments.")] = 0,
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """Is anything lost when a campaign is killed?"""
    clock = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        folder, baseline = Path(place) / "killed", Path(place) / "undisturbed"
        create(folder)
        hit = killed_campaign(folder, kills, seed)
        found = judge(folder, baseline, hit)
    result = kill_result(found, seed, time.monotonic() - clock)
    result.write(out / "kill", f"python -m benchmarks kill --kills {kills} --seed {seed}")
    for name, value in found.items():
        typer.echo(f"{name.replace('_', ' ')}: {value}")
    typer.echo(f"Written: {out / 'kill' / 'README.md'}")
    raise typer.Exit(0 if verdict(found) else 1)
