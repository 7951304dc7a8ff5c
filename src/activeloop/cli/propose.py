"""`activeloop propose`: the next candidates, on a plate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from activeloop.cli.fit import start_distillation
from activeloop.cli.terminal import (
    Folder,
    check_file,
    fitting,
    next_step,
    opened,
    prediction_titles,
    say,
    show_table,
)
from activeloop.words import many, shown_number, some

if TYPE_CHECKING:
    from activeloop.measurements import Assay
    from activeloop.plates import Pick, PickPrediction, Proposal

Layout = Literal["auto", "compact", "by-column", "random"]
N = typer.Option(
    "-n", "--number", help="How many candidates (default: as last time, else as many as fit on one plate)."
)
PLATE = typer.Option("--plate", metavar="WELLS", help="Wells of a plate (default: as last time, else campaign.toml's).")
CONTROLS = typer.Option(help="Control wells of each plate (default: campaign.toml's).")
REPLICATES = typer.Option(help="Wells for each candidate (default: campaign.toml's).")
LAYOUT = typer.Option(
    help="compact (the first columns), by-column (the best first), random, or auto: compact if hardly filled, else "
    "random (default: campaign.toml's)."
)
EDGES = typer.Option("--empty-edges/--fill-edges", help="Leave the outer wells empty (default: campaign.toml's).")
OUT = typer.Option(metavar="FILE", help="Also write the plate here (.csv, .xlsx, .svg).")
ANOTHER = typer.Option("--another", help="Make a further proposal although one is out.")
RETRY = typer.Option("--retry-missing", help="Candidates whose results never came may be chosen again.")
SHOWN = 10
SIDE_BY_SIDE = 2
"""Assays whose intervals have room on a screen."""


def propose(
    directory: Folder,
    number: Annotated[int | None, N] = None,
    plate: Annotated[int | None, PLATE] = None,
    controls: Annotated[int | None, CONTROLS] = None,
    replicates: Annotated[int | None, REPLICATES] = None,
    layout: Annotated[Layout | None, LAYOUT] = None,
    empty_edges: Annotated[bool | None, EDGES] = None,
    out: Annotated[Path | None, OUT] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the choice (default: the campaign's own).")] = None,
    another: Annotated[bool, ANOTHER] = False,
    retry_missing: Annotated[bool, RETRY] = False,
) -> None:
    """Choose the next candidates and lay out their plate.

    A new version is fitted first when results came in. While a proposal is out, the same one is shown again. Options of
    the plate hold for the next one, too.
    """
    from activeloop.desk.propose import PlateOptions
    from activeloop.desk.propose import propose as proposed
    from activeloop.plates.files import ENDINGS

    loop = opened(directory, "Nothing was proposed.")
    check_file(out, ENDINGS[::-1], "Nothing was proposed.")
    with fitting({"scoring": f"Scoring {len(loop.campaign.pool):,} candidates"}) as show_progress:
        found = proposed(
            loop,
            number,
            seed,
            plate=PlateOptions(plate, controls, replicates, layout, empty_edges),
            another=another,
            retry_missing=retry_missing,
            out=out,
            progress=show_progress,
        )
    for sentence in found.notes:
        say(f"Note: {sentence}")
    proposal = found.proposal
    head = "is out already; this is it again" if found.again else "was made"
    say(f"Proposal {proposal.number} {head}: {many(len(proposal.picks), 'candidate')}, chosen by {proposal.policy}.")
    if found.options:
        say(f"As for the last plate: {', '.join(map(as_option, found.options.items()))}.")
    show(proposal, loop.campaign.shown_assays())
    for p in found.plates:
        say(f"  {p}")
    say(f"Written: {some([str(path) for path in found.files], 12)}")
    if found.unchanged:
        options = ", ".join(UNCHANGED[name] for name in found.unchanged)
        say(f"Note: {options} changed nothing, since it was made before. For a further proposal: --another.")
    elif len(proposal.picks) < found.wanted:
        say(f"Note: {many(len(proposal.picks), 'candidate')}, not {found.wanted:,}: no others are left to propose.")
    start_distillation(loop)
    results = "the results" if not found.again else "its results (or `--another` for a further proposal)"
    next_step(f"measure it, then `activeloop record {directory} FILE` with {results}.")


OPTIONS = {
    "number": "-n",
    "wells": "--plate",
    "controls": "--controls",
    "replicates": "--replicates",
    "layout": "--layout",
}
"""Setting of a plate -> its option."""
UNCHANGED = OPTIONS | {"empty_edges": "--empty-edges", "seed": "--seed", "retry_missing": "--retry-missing"}
"""What may be asked of a proposal -> its option."""


def as_option(setting: tuple[str, Any]) -> str:
    """A setting of a plate as one types it.

    >>> as_option(("wells", 384)), as_option(("empty_edges", False))
    ('--plate 384', '--fill-edges')
    """
    key, value = setting
    return f"{OPTIONS[key]} {value}" if key in OPTIONS else "--empty-edges" if value else "--fill-edges"


def show(proposal: Proposal, assays: Sequence[Assay]) -> None:
    """The first picks as a table, with what is predicted in every assay; before any result the prior's score."""
    picks = proposal.picks[:SHOWN]
    labels = label_columns(picks, [a.name for a in assays])
    columns = labels | dict(prediction_columns(proposal, picks, assays))
    cells = ([str(p.rank) for p in picks], [p.name for p in picks], *columns.values(), [p.reason for p in picks])
    rows = zip(*cells, strict=True)
    title = f"the first {len(picks)} of {len(proposal.picks)}"
    if len(assays) > SIDE_BY_SIDE:
        title += "; 90 % intervals stand in the plate's list"
    elif sum(name.endswith("interval") for name in columns) > 1:
        title += "; intervals are of one measurement"
    show_table(title, ("rank", "candidate", *columns, "why"), rows)


def label_columns(picks: Sequence[Pick], assays: Sequence[str]) -> dict[str, list[str]]:
    """Header and cells of the labels by which picks are found on the shelf."""
    from activeloop.candidates.labels import told_by
    from activeloop.measurements.columns import label_headers

    names = tuple(dict.fromkeys(name for p in picks for name, _ in p.labels))
    headers, known = label_headers(names, assays), [dict(p.labels) for p in picks]
    return {headers[name]: [labels.get(name, "") for labels in known] for name in told_by(names)}


def prediction_columns(
    proposal: Proposal, picks: Sequence[Pick], assays: Sequence[Assay]
) -> Iterator[tuple[str, list[str]]]:
    """Header and cells of each column of predictions."""
    from activeloop.prediction import PRIOR_SCORE

    if not proposal.version and not any(p.predictions for p in picks):
        yield PRIOR_SCORE, [shown_number(p.score) if p.score == p.score else "-" for p in picks]  # in no unit
        return
    for assay in assays:
        found = [_prediction(p, assay.name, assay is assays[0]) for p in picks]
        known = [one if one and one.mean == one.mean else None for one in found]
        if any(known):
            predicted, interval = prediction_titles(assay, several=len(assays) > 1)
            yield predicted, [shown_number(one.mean) if one else "-" for one in known]
            if len(assays) <= SIDE_BY_SIDE:
                yield (
                    interval,
                    [f"{shown_number(one.low)} to {shown_number(one.high)}" if one else "-" for one in known],
                )


def _prediction(pick: Pick, assay: str, first: bool) -> PickPrediction | None:
    from activeloop.plates import PickPrediction

    if not pick.predictions and first:  # of a former release
        return PickPrediction(assay, pick.mean, pick.low, pick.high)
    return next((p for p in pick.predictions if p.assay == assay), None)
