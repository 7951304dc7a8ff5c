"""The page of the compute results, gathered from the tables that are there."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from activeloop.files import write_whole
from activeloop.replay.metrics import mean_and_error
from activeloop.replay.summary import csv_text
from benchmarks.compute_arms import CHEAPER, FULL, MEMORY, default_arm
from benchmarks.suite_results import markdown_table, plus_minus, write_page

Row = Mapping[str, str]
#: beside the tables: how each was measured
HOW = "how.json"


def write_table(
    folder: Path, name: str, columns: Sequence[str], rows: Iterable[Sequence[object]], how: str = ""
) -> None:
    """NAME.csv, and what the page says about how it was measured."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / f"{name}.csv", csv_text(columns, rows))
    _tell(folder, {name: how} if how else {})


def write_compute_page(folder: Path, command: str, made: Sequence[str]) -> None:
    """README.md and machine.json from all tables of the folder.

    Args:
        folder: of the results.
        command: that was typed.
        made: names of the tables that it made; the others are older.
    """
    told = _tell(folder, {f"{name}: made by": command for name in made})
    sections = [
        f"## {title}\n\n{told.get(name, '')}{_by(told, name)}\n\n{section(read_table(folder, name), folder)}"
        for name, (title, section) in SECTIONS.items()
        if (folder / f"{name}.csv").exists()
    ]
    write_page(folder, "What does learning cost, and how little is enough?", _HOW, sections, command)


_HOW = (
    "Processor time on one thread; on a graphics card (*cuda*) the time on the clock. All arms go through the same fit "
    f"loop, see the same candidates in the same minibatches, and are compared within one run; *cheaper* is {FULL} over "
    f"the arm. The default arm is {default_arm()}."
)


def read_table(folder: Path, name: str) -> list[Row]:
    """The rows of NAME.csv."""
    return list(csv.DictReader((folder / f"{name}.csv").read_text("utf-8").splitlines()))


def _tell(folder: Path, more: Mapping[str, str]) -> dict[str, str]:
    """All that is said of how tables were made, with more of it kept."""
    path = folder / HOW
    told = json.loads(path.read_text("utf-8")) if path.exists() else {}
    told |= more
    write_whole(path, json.dumps(told, indent=1, sort_keys=True) + "\n")
    return told


def _by(told: Mapping[str, str], name: str) -> str:
    command = told.get(f"{name}: made by")
    return f" Made by `{command}`." if command else ""


def _steps(rows: Sequence[Row], folder: Path) -> str:
    """A column an encoder and length, a row an arm: milliseconds and ratio."""
    del folder
    header, table = _crossed(rows, _step_place, lambda r: f"{float(r['ms_a_sequence']):.3g} ms, {_ratio(r)}")
    return markdown_table(header, table)


def _step_place(row: Row) -> str:
    return f"{row['backbone']}, {row['minibatch']} x {row['residues']} residues"


def _ratio(row: Row) -> str:
    if row["arm"] == FULL:
        return "1"
    median, lowest, highest = (float(row[name]) for name in ("cheaper", "lowest", "highest"))
    return f"**{median:.3g}x** ({lowest:.3g} to {highest:.3g})"


def _memory(rows: Sequence[Row], folder: Path) -> str:
    """The same with megabytes and shares, and whether the default meets the demand."""
    del folder
    header, table = _crossed(rows, _step_place, lambda r: f"{float(r['above_mb']):,.0f} MB, {float(r['share']):.2f}")
    shares = [float(row["share"]) for row in rows if row["arm"] == default_arm()]
    met = f"The default arm: {min(shares):.2f} to {max(shares):.2f} of {FULL} (demanded: at most {MEMORY})."
    return f"{markdown_table(header, table)}\n\n{met}"


def _crossed(
    rows: Sequence[Row], place: Callable[[Row], str], cell: Callable[[Row], str]
) -> tuple[list[str], list[list[str]]]:
    cells = {(row["arm"], place(row)): cell(row) for row in rows}
    names, places = (list(dict.fromkeys(key[k] for key in cells)) for k in (0, 1))
    return ["", *places], [[name, *(cells.get((name, p), "") for p in places)] for name in names]


def _result(rows: Sequence[Row], folder: Path) -> str:
    """For each arm: how often it got there, how much cheaper, and what it reached; then assay by assay; then rates."""
    names = list(dict.fromkeys(row["arm"] for row in rows))
    needed = [row for row in rows if row["nothing_to_do"] == "0"]
    best = ["best Spearman", f"less that of {FULL}", "whole fit, CPU s", "whole fit, cheaper"]
    header = ["", "got there", "cheaper: geometric mean (range)", *best]
    means = [[name, *_reached(name, needed), *_best(name, rows)] for name in names]
    fits = len(rows) // len(names)
    idle = sum(row["nothing_to_do"] == "1" for row in rows) // len(names)
    note = (
        f"Of {fits} comparisons {idle} are left out of the first two columns: there the head on frozen features, where "
        f"every fit begins, was already as good as {FULL} became."
    )
    each = _each_place(needed, [name for name in names if name != FULL])
    parts = [markdown_table(header, means), note, each, _rates(folder)]
    return "\n\n".join(filter(None, parts))


def _reached(name: str, rows: Sequence[Row]) -> list[str]:
    own = [row for row in rows if row["arm"] == name]
    return [f"{sum(bool(row['cheaper']) for row in own)} of {len(own)}", _geometric(own)]


def _geometric(rows: Sequence[Row]) -> str:
    """Of those that got there."""
    ratios = np.array([float(row["cheaper"]) for row in rows if row["cheaper"]])
    if not len(ratios):
        return "–"
    return f"{np.exp(np.log(ratios).mean()):.3g}x ({ratios.min():.3g} to {ratios.max():.3g})"


def _best(name: str, rows: Sequence[Row]) -> list[str]:
    """What an arm reached in all comparisons, against full fine-tuning in each, and what its whole fits cost."""
    own, full = ([row for row in rows if row["arm"] == arm] for arm in (name, FULL))
    best, best_of_full = (np.array([float(row["best"]) for row in some]) for some in (own, full))
    seconds, seconds_of_full = (np.array([float(row["cpu_seconds_in_all"]) for row in some]) for some in (own, full))
    told = [plus_minus(*mean_and_error(best)), plus_minus(*mean_and_error(best - best_of_full))]
    return [*told, f"{seconds.mean():.3g}", f"{np.exp(np.log(seconds_of_full / seconds).mean()):.3g}x"]


def _each_place(rows: Sequence[Row], names: Sequence[str]) -> str:
    places = list(dict.fromkeys((row["set"], row["labels"]) for row in rows))
    table = []
    for place in places:
        own = [row for row in rows if (row["set"], row["labels"]) == place]
        cells = (_reached(name, own) for name in names)
        table.append([", ".join(place), *(f"{cheaper}, {times}" for times, cheaper in cells)])
    return markdown_table(["assay, labels", *names], table) if table else ""


def _rates(folder: Path) -> str:
    if not (folder / "rates.csv").exists():
        return ""
    rows = read_table(folder, "rates")
    rates = list(dict.fromkeys(row["rate"] for row in rows))
    cells = {(r["arm"], r["rate"]): f"**{r['spearman']}**" if r["chosen"] == "1" else r["spearman"] for r in rows}
    names = list(dict.fromkeys(row["arm"] for row in rows))
    table = [[name, *(cells[name, rate] for rate in rates)] for name in names]
    told = "Learning rates were chosen (**bold**) on other assays, by the best validation Spearman:"
    return f"{told}\n\n{markdown_table(['', *rates], table)}"


def _campaign(rows: Sequence[Row], folder: Path) -> str:
    del folder
    encoders = list(dict.fromkeys(row["backbone"] for row in rows))
    return "\n\n".join(_campaign_of(encoder, [r for r in rows if r["backbone"] == encoder]) for encoder in encoders)


def _campaign_of(encoder: str, rows: Sequence[Row]) -> str:
    """CPU seconds of each way, and how much cheaper than the two ways of full fine-tuning."""
    ways = list(dict.fromkeys(row["way"] for row in rows))
    costs = {way: np.array([_sum(rows, way, part) for part in ("training", "scoring")]) for way in ways}
    full = [costs[way] for way in ways if way.startswith(FULL)]
    table = []
    for way in ways:
        training, scoring = costs[way]
        whole = training + scoring
        cheaper = [f"{ratio:.3g}x" for ratio in (full[0][0] / training, *(base.sum() / whole for base in full))]
        table.append([way, *(f"{seconds:.4g}" for seconds in (training, scoring, whole)), *cheaper, _last(rows, way)])
    against = [f"whole, cheaper than {way}" for way in ways if way.startswith(FULL)]
    header = ["", "training, CPU s", "scoring", "whole", "training, cheaper", *against, "Spearman after the last round"]
    met = f"Demanded of the default: {CHEAPER:g} times, for training and for the whole."
    return f"### {encoder}\n\n{markdown_table(header, table)}\n\n{met}"


def _sum(rows: Sequence[Row], way: str, part: str) -> float:
    """Over rounds, mean over seeds."""
    own = [row for row in rows if row["way"] == way]
    return sum(float(row[part]) for row in own) / len({row["seed"] for row in own})


def _last(rows: Sequence[Row], way: str) -> str:
    own = [row for row in rows if row["way"] == way]
    last = [float(row["spearman"]) for row in own if row["round"] == own[-1]["round"]]
    return f"{np.mean(last):.3f}"


SECTIONS: dict[str, tuple[str, Callable[[Sequence[Row], Path], str]]] = {
    "steps": ("One training step", _steps),
    "memory": ("Peak memory above the loaded model", _memory),
    "result": ("Computing until the same result", _result),
    "campaign": ("A whole campaign", _campaign),
}
