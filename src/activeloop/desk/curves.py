"""Dose-response curves of a file of readings: fits, tables, pictures, the next doses, and results of a campaign."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from activeloop.campaigns.recording import RecordSummary
from activeloop.candidates import Pool, TreatmentPool
from activeloop.config import OpenCampaign
from activeloop.drawing import BASELINE, FAINT, INK, OWN, settings, style, svg
from activeloop.errors import InputError, MeasurementError
from activeloop.files import csv_text, write_whole
from activeloop.measurements.curves import Curve, Estimate, fit_curves, next_doses
from activeloop.measurements.doses import DoseReadings, read_doses
from activeloop.measurements.exchanged import directions, exchanges
from activeloop.tables.names import plain
from activeloop.words import shown_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


#: curves in one picture, and beside each other
PANELS, ACROSS = 24, 4
#: letters of a title
LONGEST = 30
#: standard deviations of noise from which a curve is said to fit badly; the residual of all its readings counts
BADLY = 2.0
#: response -> the words beside its axis
AXES = {
    "viability": "viability (% of control)",
    "inhibition": "inhibition (%)",
    "activation": "activation (%)",
    "growth-rate": "growth rate (% of control)",
    "raw": "response",
}


@dataclass(frozen=True)
class Curves:
    """The curves of one file.

    Args:
        readings: what was read, normalised.
        curves: one for each series, in the order of the file.
        checks: what a person should look at, in sentences.
    """

    readings: DoseReadings
    curves: tuple[Curve, ...]
    checks: tuple[str, ...]

    @property
    def endpoints(self) -> tuple[str, ...]:
        """What is read off each curve; GR50 is the IC50 of growth rates."""
        half = {"growth-rate": ("GR50",), "raw": (), "activation": ()}.get(self.readings.response, ("IC50",))
        return (*half, "EC50", "AUC", "Emax")

    def unit(self, endpoint: str) -> str:
        """The unit of an endpoint."""
        if endpoint == "AUC" or (endpoint == "Emax" and self.readings.response == "raw"):
            return ""
        return "%" if endpoint == "Emax" else self.readings.unit

    def estimate(self, curve: Curve, endpoint: str) -> Estimate:
        """An endpoint of a curve; NaN where the curve does not show it."""
        return curve.estimates.get("IC50" if endpoint == "GR50" else endpoint, Estimate(math.nan))

    def table(self) -> tuple[list[str], list[list[object]]]:
        """A row for each curve: names, endpoints with 90 % intervals and standard errors, and the curve itself.

        Columns are named as `activeloop record` reads them: `IC50 (µM)`, `IC50 standard error`, limits as `>10`.
        """
        labels = list(dict.fromkeys(name for curve in self.curves for name, _ in curve.series.labels))
        cells = any(curve.series.cells for curve in self.curves)
        header = ["compound", *(["cells"] if cells else []), *labels]
        for endpoint in self.endpoints:
            unit = self.unit(endpoint)
            header += [f"{endpoint} ({unit})" if unit else endpoint, f"{endpoint} standard error"]
            header += [f"{endpoint} low", f"{endpoint} high"]
        header += ["E0", "Einf", "slope", "noise", "tested doses", "readings", "remark"]
        rows = []
        for curve in self.curves:
            own = dict(curve.series.labels)
            row: list[object] = [curve.series.compound, *([curve.series.cells] if cells else [])]
            row += [own.get(name, "") for name in labels]
            for endpoint in self.endpoints:
                row += _cells(self.estimate(curve, endpoint), dose=endpoint in ("IC50", "EC50", "GR50"))
            row += [float(f"{x:.4g}") for x in (curve.start, curve.end, curve.slope, curve.noise)]
            row += [len(curve.series.levels[0]), len(curve.series.doses), remark(curve)]
            rows.append(row)
        return header, rows


def curves(
    file: Any,
    *,
    layout: Any = None,
    response: str | None = None,
    dose_unit: str | None = None,
    negative: Sequence[str] = (),
    positive: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    sheet: str | None = None,
    cells: str = "",
    as_written: bool = False,
    seed: int = 0,
    pool: Pool | None = None,
) -> Curves:
    """Fit the curves of a file of doses and readings; see `read_doses`.

    Args:
        file: the readings.
        layout: what each well holds, where `file` holds readings by well alone.
        response: what they are; may be left out where their column says it.
        dose_unit: of the doses, where the file does not say it.
        negative: further words that mark the negative control.
        positive: further words that mark the positive control.
        columns: role -> column, where names do not show it.
        sheet: of a workbook.
        cells: only the curves on these.
        as_written: whether doses that look exchanged, or in the reverse order, are right.
        seed: of the samples.
        pool: of the campaign that they are for; names and synonyms that it knows are understood.

    Raises:
        InputError: as `read_doses`; or two columns, rows or doses of a plate seem to be exchanged, or its effects fall
            as doses rise.
    """
    found = read_doses(
        file,
        layout=layout,
        response=response,
        dose_unit=dose_unit,
        negative=negative,
        positive=positive,
        columns=columns,
        sheet=sheet,
        **({"resolve": pool.resolve} if isinstance(pool, TreatmentPool) else {}),
    )
    if cells:
        found = _on(found, cells)
    if not found.series:
        raise MeasurementError("no compound has enough doses for a curve. Nothing was fitted.", file=found.file)
    fitted = fit_curves(found.series, seed)
    if not as_written and (swapped := exchanges(found, fitted)):
        one = swapped[0]
        where = f"plate {one.plate}: " if one.plate else ""
        percent = "" if found.response == "raw" else " %"
        raise MeasurementError(
            f"{where}with {one.what} {one.first} and {one.second} exchanged, {one.curves} curves fit far better (the "
            f"readings lie {shown_number(one.after, 2)}{percent} from them instead of {shown_number(one.before, 2)}"
            f"{percent}): they were exchanged when the plate was filled, or when its doses were written down. Correct "
            "the doses; or, if they are right, say --as-written (as_written=True). Nothing was fitted.",
            file=found.file,
        )
    runs = directions(found)
    for plate, one in runs.items():
        if not as_written and len(one.falling) > one.rising:
            name, (low, high) = next(iter(one.falling.items()))
            where = f"plate {plate}: " if plate else ""
            raise MeasurementError(
                f"{where}the effect of {len(one.falling)} of {len(one.falling) + one.rising} compounds falls as the "
                f"dose rises ({name}: from {shown_number(low, 2)} to {shown_number(high, 2)} %), so that IC50s would "
                f"mean nothing. Doses may stand in the reverse order, controls be exchanged, or readings not be "
                f"{found.response}: correct that; or, if all is right, say --as-written (as_written=True). Nothing was "
                "fitted.",
                file=found.file,
            )
    falling = [name for one in runs.values() for name in one.falling]
    falls = f"The effect of {len(falling)} falls as the dose rises: {_named(falling)}. Do not use their IC50s."
    return Curves(found, tuple(fitted), (*found.checks, *([falls] if falling else []), *_checks(fitted, found)))


def _on(found: DoseReadings, cells: str) -> DoseReadings:
    kept = [k for k, one in enumerate(found.series) if plain(one.cells) == plain(cells)]
    if not kept:
        there = ", ".join(dict.fromkeys(one.cells for one in found.series)) or "no cells are named"
        raise InputError(f'no curve is on the cells "{cells}": {there}. Nothing was fitted.', file=found.file)
    number = np.full(len(found.series) + 1, -1)
    number[kept] = np.arange(len(kept))
    return replace(found, series=tuple(found.series[k] for k in kept), series_of=number[found.series_of])


def remark(curve: Curve) -> str:
    """What a person should know of a curve; "" for nothing.

    >>> from activeloop.measurements.curves import PRIORS, DoseSeries, fit_curve
    >>> remark(fit_curve(DoseSeries("A", "", 10.0 ** np.arange(5), np.full(5, 99.0), PRIORS["viability"]), 3.0))
    'no effect'
    """
    if not curve.effect:
        return "no effect"
    half = curve.estimates.get("IC50")
    words = []
    if curve.residual > BADLY * curve.noise:
        words.append("fits badly")
    if half is not None and half.qualifier == "=" and half.high > curve.series.doses.max():
        words.append("upper end open")
    return ", ".join(words)


def _checks(fitted: Sequence[Curve], found: DoseReadings) -> Iterable[str]:
    none = [curve.series.name for curve in fitted if not curve.effect]
    badly = [curve.series.name for curve in fitted if "badly" in remark(curve)]
    if none:
        yield f"{len(none)} of {len(fitted)} show no effect up to the highest dose: {_named(none)}."
    if badly:
        yield f"{len(badly)} fit badly, look at their pictures: {_named(badly)}."
    for sign, side in ((">", "above the highest"), ("<", "below the lowest")):
        beyond = [c.series.name for c in fitted if c.estimates.get("IC50", Estimate(0.0)).qualifier == sign]
        if beyond:
            what = "GR50" if found.response == "growth-rate" else "IC50"
            yield f"The {what} of {len(beyond)} lies {side} dose and is stored as a limit: {_named(beyond)}."


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _cells(estimate: Estimate, *, dose: bool) -> list[object]:
    """Value, standard error and interval as cells; empty where there is none."""
    if math.isnan(estimate.value):
        return ["", "", "", ""]
    value = float(f"{estimate.value:.4g}")
    low, high = (
        "" if not math.isfinite(end) or (dose and end == 0) else float(f"{end:.4g}")
        for end in (estimate.low, estimate.high)
    )
    if estimate.qualifier != "=":
        return [f"{estimate.qualifier}{value:g}", "", low, high]
    error = estimate.sd * math.log(10) * estimate.value if dose else estimate.sd
    return [value, float(f"{error:.3g}"), low, high]


def write_curves(found: Curves, out: Path) -> list[Path]:
    """Write curves.csv, readings.csv and pictures into a folder, which is made when it is missing.

    Returns:
        The files.

    Raises:
        StoreError: they cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    files = [write_whole(out / "curves.csv", csv_text(*found.table()))]
    readings = found.readings
    header = ("row", "plate", "well", "compound", "cells", "kind", f"dose ({readings.unit})", "reading", "response")
    rows = (
        (
            w.row,
            w.plate,
            w.well,
            w.compound,
            w.cells,
            w.role,
            w.dose,
            w.value,
            None if w.response != w.response else w.response,
        )
        for w in readings.wells
    )
    files.append(write_whole(out / "readings.csv", csv_text(header, rows)))
    pages = [found.curves[i : i + PANELS] for i in range(0, len(found.curves), PANELS)]
    for number, page in enumerate(pages, 1):
        name = "curves.svg" if len(pages) == 1 else f"curves-{number}.svg"
        with settings():
            files.append(write_whole(out / name, svg(draw_curves(page, found))))
    return files


def draw_curves(page: Sequence[Curve], found: Curves) -> Figure:
    """Curves beside each other, with their readings, 90 % bands and IC50s; the control stands left of the doses."""
    from matplotlib.figure import Figure

    across = min(ACROSS, len(page))
    down = -(-len(page) // across)
    figure = Figure(figsize=(max(3.1 * across, 4.2), 2.7 * down + 0.3), layout="constrained", facecolor="white")
    panels = figure.subplots(down, across, squeeze=False, sharey=found.readings.response != "raw").ravel()
    for axis in panels[len(page) :]:
        axis.set_visible(False)
    for number, (axis, curve) in enumerate(zip(panels, page, strict=False)):
        _draw(axis, curve, found)
        if number % across == 0:
            axis.set_ylabel(AXES[found.readings.response], fontsize=9)
        if number >= len(page) - across:
            axis.set_xlabel(f"dose ({found.readings.unit})", fontsize=9)
    return figure


def _draw(axis: Axes, curve: Curve, found: Curves) -> None:
    series, endpoint = curve.series, found.endpoints[0]
    name = series.name if len(series.name) <= LONGEST else f"{series.name[:LONGEST]}..."
    style(axis, name)
    axis.title.set_fontsize(10)
    doses = series.levels[0]
    low, high = float(doses[0]), float(doses[-1])
    line = np.geomspace(low / 1.5, high * 1.5, 120)
    band = np.quantile(curve.draws.at(line), [0.05, 0.95], axis=0)
    axis.fill_between(line, band[0], band[1], color=OWN, alpha=0.15, linewidth=0)
    axis.plot(line, curve.at(line), color=OWN if curve.effect else BASELINE, linewidth=1.8)
    axis.plot(series.doses, series.responses, "o", color=INK, markersize=3.4, alpha=0.75, markeredgewidth=0)
    axis.set_xscale("log")
    left = low / 3.5
    if any(well.role == "negative" for well in found.readings.wells):
        axis.errorbar([left], [series.prior.start], [series.prior.start_sd], fmt="s", color=FAINT, markersize=4)
        axis.axhline(series.prior.start, color=BASELINE, linewidth=0.7, linestyle=(0, (2, 3)))
    estimate = found.estimate(curve, endpoint)
    unit = found.unit(endpoint)
    if math.isnan(estimate.value):
        words = "no effect" if not curve.effect else f"{endpoint} open"
    elif estimate.qualifier != "=":
        words = f"{endpoint} {estimate.qualifier} {shown_number(estimate.value)} {unit}"
    else:
        axis.axvline(estimate.value, color=OWN, linewidth=0.9, linestyle=(0, (4, 2)))
        axis.axvspan(max(estimate.low, low / 2), min(estimate.high, high * 2), color=OWN, alpha=0.06, linewidth=0)
        ends = f"{shown_number(estimate.low, 2)} to {shown_number(estimate.high, 2)}" if estimate.high < 1e9 else "open"
        words = f"{endpoint} {shown_number(estimate.value)} {unit} ({ends})"
    beside = {"boxstyle": "square,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
    axis.text(0.98, 0.97, words, transform=axis.transAxes, ha="right", va="top", fontsize=8, color=INK, bbox=beside)
    axis.set_xlim(low / 6, high * 2.5)
    axis.minorticks_off()
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    if not math.isnan(series.prior.half):
        axis.axhline(series.prior.half, color=BASELINE, linewidth=0.7)
        axis.set_ylim(min(-15.0, axis.get_ylim()[0]), max(125.0, axis.get_ylim()[1]))


def proposed_doses(found: Curves, count: int) -> list[tuple[str, str, float]]:
    """Compound, cells and dose of the next readings: `count` doses for each curve, those least certain first."""

    def open_to(curve: Curve) -> float:
        estimate = found.estimate(curve, found.endpoints[0])
        return -math.inf if estimate.qualifier != "=" else -estimate.sd if estimate.sd == estimate.sd else -math.inf

    order = sorted(found.curves, key=open_to)
    return [(c.series.compound, c.series.cells, dose) for c in order for dose in next_doses(c, count)]


def record_curves(
    loop: OpenCampaign, found: Curves, *, repeats: bool = False, dry_run: bool = False
) -> tuple[RecordSummary, tuple[str, ...]]:
    """Store what the curves show as results of a campaign: each assay that is named after an endpoint.

    An IC50 beyond the doses is stored as a limit (`>` the highest, `<` the lowest dose), others with their standard
    errors. A file that was recorded before is not stored twice.

    Args:
        loop: the campaign; its assays are called IC50, EC50, GR50, AUC or Emax.
        found: the curves.
        repeats: all were measured again.
        dry_run: store nothing.

    Returns:
        What was stored, and the notes of its reading.

    Raises:
        InputError: no assay has such a name, a unit differs, or a compound is not in the pool; nothing was stored.
    """
    campaign = loop.campaign
    wanted = {plain(name): name for name in found.endpoints}
    assays = [assay for assay in campaign.assays if plain(assay.name) in wanted]
    if not assays:
        raise InputError(
            f"the campaign measures {', '.join(a.name for a in campaign.assays)}, and these curves show "
            f"{', '.join(found.endpoints)}: give an assay one of these names. Nothing was stored."
        )
    header, rows = found.table()
    several = sorted({curve.series.cells for curve in found.curves})
    if len(several) > 1 and campaign.pool.kind in ("compounds", "variants", "guides"):
        raise InputError(
            f"the curves are on {len(several)} kinds of cells ({', '.join(several[:4])}), and the candidates of this "
            "campaign are compounds alone: say which (--cells NAME). Nothing was stored."
        )
    names = {"compound", "cells"} if len(several) > 1 or campaign.pool.kind == "treatments" else {"compound"}
    keep = [i for i, name in enumerate(header) if name in names]
    for assay in assays:
        start = next(i for i, name in enumerate(header) if plain(name.split(" (")[0]) == plain(assay.name))
        keep += [start, start + 1]
    table = {header[i]: [_text(row[i]) for row in rows] for i in keep}
    try:
        reading = campaign.read(table, columns={"candidate": "compound"} if "cells" not in names else None)
    except InputError as error:  # the rows of this table are curves, not rows of the file
        raise type(error)(error.problem, file=found.readings.file) from None
    reading = replace(reading, file=found.readings.file, content_hash=found.readings.content_hash)
    return campaign.record(reading, repeats=repeats, dry_run=dry_run), reading.notes


def _text(cell: object) -> str:
    return "" if cell is None else cell if isinstance(cell, str) else repr(cell)
