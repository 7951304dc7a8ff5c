"""`activeloop predict`: predictions of the model, or of a student in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from activeloop.cli.terminal import (
    Column,
    MergeDuplicates,
    Offset,
    SkipUnreadable,
    next_step,
    opened,
    prediction_titles,
    say,
    show_table,
)
from activeloop.words import many, shown_number

if TYPE_CHECKING:
    from activeloop.desk.predict import Predictions

DIRECTORY = typer.Argument(metavar="[DIR]", help="The campaign's folder; leave it out with --student.")
FILE = typer.Argument(metavar="[FILE]", help="A table of candidates (default: the whole pool).")
STUDENT = typer.Option(metavar="FILE.onnx", help="Predict with this exported student instead of a campaign.")
OUT = typer.Option(metavar="FILE.csv", help="Write all predictions here; without it the best are shown.")
SAMPLES = typer.Option(min=0, help="With --student and --out: also write this many joint samples, a column each.")


def predict(
    directory: Annotated[Path | None, DIRECTORY] = None,
    file: Annotated[Path | None, FILE] = None,
    student: Annotated[Path | None, STUDENT] = None,
    column: Column = "",
    out: Annotated[Path | None, OUT] = None,
    top: Annotated[int, typer.Option(help="How many of the best are shown.")] = 10,
    draws: Annotated[int, SAMPLES] = 0,
    offset: Offset = None,
    skip_unreadable: SkipUnreadable = False,
    merge_duplicates: MergeDuplicates = False,
) -> None:
    """Predict candidates with the current version, in the assay's unit.

    Each gets its mean, the standard deviation of the model (`model sd`, without measurement noise), and the 90 %
    interval in which a new measurement should fall (`measurement low`, `measurement high`).

    With `--student` the table alone is given: `activeloop predict --student student.onnx variants.csv`.
    """
    from activeloop.desk.predict import predict as predicted
    from activeloop.desk.predict import predict_by_student
    from activeloop.errors import ConfigError

    reading = {
        "column": column,
        "offset": offset,
        "skip_unreadable": skip_unreadable,
        "merge_duplicates": merge_duplicates,
        "top": top,
        "out": out,
    }
    if student is not None:
        if directory is None or file is not None:
            raise ConfigError("with --student give one table of candidates, and no campaign's folder.")
        found = predict_by_student(student, directory, draws=draws, **reading)
        show(found)
        for sentence in found.notes:
            say(sentence)
        return
    if directory is None or draws:
        what = "--draws needs --student" if draws else "give the campaign's folder, or a student (--student FILE.onnx)"
        raise ConfigError(f"{what}.")
    found = predicted(opened(directory), file, **reading)
    for sentence in found.notes:
        say(f"Note: {sentence}")
    show(found)
    if outside := found.outside:
        say(
            f"Note: {many(outside, 'candidate')} {'is' if outside == 1 else 'are'} not in the pool: predicted all the "
            f"same, and never proposed. To add {'it' if outside == 1 else 'them'}: `activeloop extend {directory} "
            f"--list {file}`."
        )
    if not found.version:
        what = "probabilities by" if found.classes else "scores of"
        more = "" if found.classes else ", which have no unit; more is better"
        say(f"No model was fitted yet: these are {what} the prior{more}.")
    next_step(f"`activeloop propose {directory}` chooses for you; `activeloop pin {directory} NAME` insists on one.")


def show(found: Predictions) -> None:
    """Say what was written, and show the best."""
    from activeloop.prediction import PRIOR_SCORE

    if found.file:
        say(f"Wrote {many(found.count, 'prediction')} of {found.who} to {found.file}.")
    headers = ["candidate"]
    for assay in found.assays:
        headers += [PRIOR_SCORE] if assay.name == PRIOR_SCORE else prediction_titles(assay, len(found.assays) > 1)
    rows = []
    for one in found.best:
        cells = [f"{one.name} (not in the pool)" if one.outside else one.name]
        for p in one.predictions:
            cells.append(shown_number(p.mean, 4))
            if p.assay != PRIOR_SCORE:
                cells.append(f"{shown_number(p.low)} to {shown_number(p.high)}")
        rows.append(cells)
    order = found.order + ("; intervals are of one measurement" if len(found.assays) > 1 else "")
    show_table(f"the best {len(found.best)} by {found.who}{order}", headers, rows)
