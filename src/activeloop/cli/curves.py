"""`activeloop curves`: fit dose-response curves."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from activeloop.cli.record import columns_of
from activeloop.cli.terminal import next_step, opened, say, show_table, waiting
from activeloop.words import many, shown_number

if TYPE_CHECKING:
    from activeloop.desk.curves import Curves
    from activeloop.measurements.curves import Curve

FILE = typer.Argument(
    metavar="FILE", help="CSV, TSV or XLSX: a row a reading (compound, dose, signal), or plate-shaped blocks."
)
LAYOUT = typer.Option(metavar="FILE", help="What each well holds: well, compound, dose; plate where there are several.")
RESPONSE = typer.Option(
    metavar="NAME",
    help="What the readings are turned into: viability, inhibition, activation, growth-rate or raw (as it stands).",
)
UNIT = typer.Option(metavar="UNIT", help="Unit of the doses, where the file does not say it; others are converted.")
NEGATIVE = typer.Option(metavar="WORD", help="Marks wells of the negative control (no effect), beside DMSO and dose 0.")
POSITIVE = typer.Option(metavar="WORD", help="Marks wells of the positive control (full effect, or without cells).")
COLUMN = typer.Option(
    metavar="ROLE=NAME", help="The column of a role: compound, cells, dose, dose unit, value, plate, well, kind."
)
SHEET = typer.Option(help="The sheet of a workbook (default: the first visible one).")
CELLS = typer.Option(metavar="NAME", help="Only the curves on these cells.")
OUT = typer.Option(metavar="DIR", help="Write curves.csv, readings.csv and pictures into this folder.")
RECORD = typer.Option(
    "--record",
    metavar="DIR",
    help="Store them as results of this campaign, whose assay is IC50, EC50, GR50, AUC or Emax.",
)
NEXT = typer.Option("--next", metavar="N", help="Show N doses for each curve that would tell most about it.")
AS_WRITTEN = typer.Option("--as-written", help="Doses that look exchanged, or in the reverse order, are right.")
REPEATS = typer.Option("--repeats", help="With --record: all of it was measured again.")
DRY_RUN = typer.Option("--dry-run", help="With --record: only say what would be stored.")
SHOWN = 20


def curves(
    file: Annotated[Path, FILE],
    layout: Annotated[Path | None, LAYOUT] = None,
    response: Annotated[str | None, RESPONSE] = None,
    dose_unit: Annotated[str | None, UNIT] = None,
    negative: Annotated[list[str] | None, NEGATIVE] = None,
    positive: Annotated[list[str] | None, POSITIVE] = None,
    column: Annotated[list[str] | None, COLUMN] = None,
    sheet: Annotated[str | None, SHEET] = None,
    cells: Annotated[str, CELLS] = "",
    out: Annotated[Path | None, OUT] = None,
    into: Annotated[Path | None, RECORD] = None,
    next_doses: Annotated[int, NEXT] = 0,
    as_written: Annotated[bool, AS_WRITTEN] = False,
    repeats: Annotated[bool, REPEATS] = False,
    dry_run: Annotated[bool, DRY_RUN] = False,
) -> None:
    """Fit dose-response curves: readings and doses become IC50s with intervals, limits beyond the doses, and pictures.

    Readings are normalised to the controls of their plate. Dose 0 is the negative control.
    """
    from activeloop.desk.curves import curves as fitted
    from activeloop.desk.curves import proposed_doses, record_curves, write_curves

    loop = opened(into, "" if dry_run else "Nothing was stored.") if into else None
    with waiting("fitting curves"):
        found = fitted(
            file,
            layout=layout,
            response=response,
            dose_unit=dose_unit,
            negative=negative or (),
            positive=positive or (),
            columns=columns_of(column or []),
            sheet=sheet,
            cells=cells,
            as_written=as_written,
            pool=loop.campaign.pool if loop else None,
        )
    readings = found.readings
    samples = sum(well.role == "sample" for well in readings.wells)
    say(
        f"{readings.file} holds {many(samples, 'reading')} at doses in {readings.unit}, and "
        f"{len(readings.wells) - samples:,} of controls: {many(len(found.curves), 'curve')}, {readings.response}."
    )
    for sentence in found.checks:
        say(f"  {sentence}")
    for sentence in readings.notes:
        say(f"Note: {sentence}")
    _show(found)
    if next_doses:
        rows = [(compound, on, f"{dose:g}") for compound, on, dose in proposed_doses(found, next_doses)]
        show_table("the next doses, least certain curves first", ("compound", "cells", f"dose ({readings.unit})"), rows)
    if out:
        written = write_curves(found, out)
        say(f"Written: {', '.join(str(path) for path in written)}")
    if loop is None:
        if not out:
            next_step(
                f"`activeloop curves {file} --out DIR` writes tables and pictures; --record DIR stores the results."
            )
        return
    summary, notes = record_curves(loop, found, repeats=repeats, dry_run=dry_run)
    for sentence in notes:
        say(f"Note: {sentence}")
    if summary.read_before:
        say(f"{file} was recorded before (event {summary.event}): nothing was stored.")
    elif dry_run:
        say(f"It would store {many(summary.stored, 'result')} of {many(summary.candidates, 'candidate')} (--dry-run).")
    else:
        what = f"{many(summary.stored, 'result')} of {many(summary.candidates, 'candidate')}"
        say(f"Stored {what} as event {summary.event}.")
        next_step(f"`activeloop propose {into}` fits the model and makes the next plate.")


def _show(found: Curves) -> None:
    from activeloop.desk.curves import remark

    cells = any(curve.series.cells for curve in found.curves)
    units = [f" ({unit})" if (unit := found.unit(name)) else "" for name in found.endpoints]
    headers = ["compound", *(["cells"] if cells else [])]
    headers += [f"{name}{unit}" for name, unit in zip(found.endpoints, units, strict=True)]
    headers += [f"90 % interval of {found.endpoints[0]}", "slope", "remark"]
    rows = []
    for curve in found.curves[:SHOWN]:
        row = [curve.series.compound, *([curve.series.cells] if cells else [])]
        row += [_value(found, curve, name) for name in found.endpoints]
        first = found.estimate(curve, found.endpoints[0])
        row += [_interval(first.low, first.high), shown_number(curve.slope, 2), remark(curve)]
        rows.append(row)
    more = f", the first {SHOWN} of {len(found.curves):,}" if len(found.curves) > SHOWN else ""
    show_table(f"curves{more}", headers, rows)


def _value(found: Curves, curve: Curve, endpoint: str) -> str:
    estimate = found.estimate(curve, endpoint)
    if math.isnan(estimate.value):
        return "-"
    return f"{'' if estimate.qualifier == '=' else estimate.qualifier}{shown_number(estimate.value)}"


def _interval(low: float, high: float) -> str:
    if math.isnan(low):
        return "-"
    if low == 0:
        return f"up to {shown_number(high)}" if math.isfinite(high) else "open"
    return f"{shown_number(low)} to {shown_number(high)}" if math.isfinite(high) else f"from {shown_number(low)}"
