"""`activeloop outcomes`: repair outcomes of guides, checked, as a table, and predicted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from activeloop.cli.terminal import Column, names_of, next_step, progress_bar, say
from activeloop.words import many, some

FILE = typer.Argument(metavar="FILE", help="Reads, shares or percent: a row for each guide and outcome, or a column.")
OUT = typer.Option(metavar="DIR", help="Folder of the tables.")
GUIDES = typer.Option("--guides", metavar="FILE", help="Predict these guides, and say which would tell most.")
COLUMNS = typer.Option(metavar="I1,D1,...", help="The columns of outcomes, where their names do not show them.")
UNIT = typer.Option(help="What the values are, where they do not show it.")
REST = typer.Option(help="Where shares sum to less than 1: an outcome of its own, or left out of all.")


def outcomes(
    file: Annotated[Path, FILE],
    out: Annotated[Path, OUT],
    further: Annotated[Path | None, GUIDES] = None,
    column: Column = "",
    columns: Annotated[str, COLUMNS] = "",
    unit: Annotated[Literal["reads", "share", "percent"] | None, UNIT] = None,
    rest: Annotated[Literal["other", "renormalise"] | None, REST] = None,
    most: Annotated[int, typer.Option(min=2, help="Outcomes that are kept; the rarer ones together are `other`.")] = 60,
    number: Annotated[
        int | None, typer.Option("-n", min=1, show_default="24", help="How many guides are named (with --guides).")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of folds and fits.")] = 0,
) -> None:
    """Check a table of repair outcomes, and learn what a guide's cut becomes: a distribution that sums to 1.

    Writes DIR/outcomes.csv, a row a guide with a column for each outcome and the share of frameshifts, for `new`,
    `record`, `replay` and `evaluate`; with --guides also DIR/predictions.csv.
    """
    from activeloop.desk.outcomes import outcome_tables
    from activeloop.errors import ConfigError
    from activeloop.files import write_tables

    if number is not None and further is None:
        raise ConfigError(
            f"-n {number}: says how many of further guides are named. Give them with --guides FILE, or leave it out. "
            "Nothing was written."
        )
    with progress_bar("fitting") as progress:
        found = outcome_tables(
            file,
            further,
            columns=names_of(columns),
            column=column,
            unit=unit,
            rest=rest,
            most=most,
            number=24 if number is None else number,
            seed=seed,
            progress=progress,
        )
    written = write_tables(found.tables, out)
    say(f"{many(found.guides, 'guide')}, {many(len(found.names), 'outcome')}: {some(found.names)}.")
    if found.figures is None:
        say("Fewer than 25 guides: how well they are predicted is not known.")
    else:
        (kl, error), (plain, _) = found.figures.kl, found.figures.kl_of_mean
        say(
            f"Predicted in five folds, off by {kl:.3f} ± {error:.2g} a guide (0 is exact: Kullback-Leibler divergence "
            f"in nats; the mean distribution for all: {plain:.3f}); median correlation {found.figures.pearson:.2f}."
        )
        if kl >= plain:
            say("Note: the model is no better than the mean distribution. Do not choose guides by it yet.")
    if found.best:
        say(f"These tell most about the others: {some(found.best)}.")
    say(f"Written: {', '.join(map(str, written))}")
    table = out / "outcomes.csv"
    next_step(f"`activeloop evaluate {table} --kind guides --target-column NAME`, or `activeloop record DIR {table}`.")
