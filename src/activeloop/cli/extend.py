"""`activeloop extend`: add candidates to the pool."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from activeloop.cli.terminal import (
    Column,
    Folder,
    MergeDuplicates,
    Offset,
    SkipUnreadable,
    next_proposal,
    opened,
    prediction_titles,
    say,
    show_table,
    waiting,
)
from activeloop.words import many, shown_number

if TYPE_CHECKING:
    from activeloop.campaigns import Extension

COMBINE = typer.Option(
    metavar="K",
    help="Combinations of 2 to K of the best single mutants (default: 3). More than 3 pay once a plate of combinations "
    "was measured.",
)
LIST = typer.Option("--list", metavar="FILE", help="The candidates of a CSV, TSV, XLSX or FASTA file.")
POSITIONS = typer.Option(metavar="20-60,75", help="Every residue at these positions of the wild type.")
SITES = typer.Option(metavar="V39,D40=AGS", help="The same, with the residues to be tried (D40: only A, G, S).")
BUDGET = typer.Option(metavar="N", help="Combinations at most, best first (default: 4,000).")
FORCE = typer.Option("--force", help="Combine although fewer than 48 single mutants were measured.")
SHOWN = 10
AFTER = "chooses among all that is in the pool"
"""What `propose` does then."""


def extend(
    directory: Folder,
    combine: Annotated[int | None, COMBINE] = None,
    table: Annotated[Path | None, LIST] = None,
    positions: Annotated[str, POSITIONS] = "",
    sites: Annotated[str, SITES] = "",
    budget: Annotated[int | None, BUDGET] = None,
    force: Annotated[bool, FORCE] = False,
    column: Column = "",
    offset: Offset = None,
    skip_unreadable: SkipUnreadable = False,
    merge_duplicates: MergeDuplicates = False,
) -> None:
    """Add candidates to the pool: combinations of the best hits (the default), a list, or new positions.

    Candidates that are there keep their results; unmeasured ones compete with the new ones for the next plate.
    """
    from activeloop.desk.extend import extend as added_by

    loop = opened(directory, "Nothing was added.")
    with waiting("adding candidates and fitting the model"):
        done = added_by(
            loop,
            combine=combine,
            table=table,
            positions=positions,
            sites=sites,
            budget=budget,
            force=force,
            column=column,
            offset=offset,
            skip_unreadable=skip_unreadable,
            merge_duplicates=merge_duplicates,
        )
    show(done, loop.campaign.pool.kind)
    out = loop.campaign.state().outstanding
    next_proposal(out.number if out else None, f"activeloop propose {directory}", AFTER)


def show(done: Extension, kinds: str) -> None:
    """Print what was added to a pool.

    Args:
        done: it.
        kinds: of candidates, such as `variants`.
    """
    kind = kinds.removesuffix("s")
    if done.event is None:
        there = f"all {many(done.known, kind)} are in it already" if done.known else "there is nothing new"
        say(f"The pool stays as it is, {many(done.size, kind)}: {there}. Nothing was added.")
    else:
        say(f"Added {done.origin} (event {done.event}): the pool now holds {many(done.size, kind)}.")
        if done.known:
            say(f"  {many(done.known, kind)} more {'are' if done.known > 1 else 'is'} in it already.")
    for sentence in done.notes:
        say(f"Note: {sentence}")
    if not done.combinations or done.assay is None:
        return
    unit = f" {done.assay.unit}" if done.assay.unit else ""
    rows = []
    for one in done.combinations[:SHOWN]:
        sum_of = "-" if one.additive != one.additive else f"{shown_number(one.additive)} (rank {one.additive_rank:,})"
        alone = ", ".join(one.unmeasured) or "-"
        interval = f"{shown_number(one.low)} to {shown_number(one.high)}"
        rows.append((str(one.rank), one.name, shown_number(one.mean), interval, f"{one.above:.2f}", sum_of, alone))
    headers = (
        "rank",
        "candidate",
        *prediction_titles(done.assay),
        "P(better than wild type)",
        f"sum of single effects{unit and f' ({unit.strip()})'}",
        "not measured alone",
    )
    title = f"the best {len(rows)} of {len(done.combinations):,} unmeasured combinations, by the model"
    show_table(f"{title}; the wild type: {shown_number(done.wild_type)}{unit}", headers, rows)
    say(done.extrapolation)
