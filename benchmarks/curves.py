"""Dose-response curves against planted ones: do intervals hold, are limits right, do proposed doses pay?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from warnings import catch_warnings, simplefilter

import numpy as np
import typer

from activeloop.cli.terminal import say
from activeloop.measurements.curves import PRIORS, Curve, DoseSeries, fit_curve, fit_curves, next_doses, unaffected
from benchmarks.options import OUT
from benchmarks.results import Result, markdown_table, mean_se, section

#: lowest and highest dose, as powers of ten of a micromole; curves of one plate
LOWEST, HIGHEST, CURVES = -3.0, 1.0, 40
PRIOR = PRIORS["viability"]._replace(start_sd=5.0)
#: readings that are proposed for a curve
NEXT = 2


@dataclass(frozen=True)
class Design:
    """How curves are measured: doses, repeats, noise in percent of the control."""

    doses: int
    repeats: int
    noise: float

    @property
    def name(self) -> str:
        """For tables."""
        return f"{self.doses} doses x {self.repeats}, noise {self.noise:g} %"


DESIGNS = (Design(8, 1, 5), Design(8, 2, 5), Design(8, 3, 10), Design(10, 2, 2), Design(5, 1, 5))


@dataclass(frozen=True)
class Planted:
    """A curve: E0, Einf, log10 EC50, slope; and log10 of its IC50, infinite where it never reaches half."""

    start: float
    end: float
    log_ec50: float
    slope: float

    @property
    def log_ic50(self) -> float:
        """Of half the control."""
        if self.end >= 50:
            return math.inf
        return self.log_ec50 + math.log10((self.start - 50) / (50 - self.end)) / self.slope

    def at(self, doses: np.ndarray) -> np.ndarray:
        """Responses without noise."""
        return self.end + (self.start - self.end) * unaffected(doses, np.array(self.log_ec50), np.array(self.slope))


def planted(rng: np.random.Generator) -> Planted:
    """A random curve, wider than the priors of the fit: EC50s reach beyond the doses on both sides."""
    slope = math.exp(rng.uniform(math.log(0.6), math.log(3)))
    return Planted(100 + 3 * rng.normal(), rng.uniform(0, 60), rng.uniform(LOWEST - 0.5, HIGHEST + 0.5), slope)


def measured(design: Design, seed: int) -> tuple[list[Planted], list[DoseSeries]]:
    """The curves of a plate and their readings."""
    rng = np.random.default_rng([seed, design.doses, design.repeats])
    doses = np.repeat(10.0 ** np.linspace(LOWEST, HIGHEST, design.doses), design.repeats)
    truths = [planted(rng) for _ in range(CURVES)]
    readings = [one.at(doses) + design.noise * rng.normal(size=len(doses)) for one in truths]
    return truths, [DoseSeries(f"c{k}", "", doses, y, PRIOR) for k, y in enumerate(readings)]


@dataclass(frozen=True)
class Found:
    """Figures of one plate."""

    design: Design
    seed: int
    ic50: float
    ec50: float
    error: float
    limits: float
    wrong: float
    squares: float
    failed: float


def run(design: Design, seed: int) -> Found:
    """Fit the curves of a plate, and the same by least squares."""
    truths, series = measured(design, seed)
    curves = fit_curves(series, seed)
    inside, errors, wrong, limits = [], [], 0, 0
    for truth, curve in zip(truths, curves, strict=True):
        estimate, log = curve.estimates["IC50"], truth.log_ic50
        if estimate.qualifier == "=":
            inside.append(_covers(estimate.low, estimate.high, log))
            errors.append(abs(math.log10(estimate.value) - log) if math.isfinite(log) else math.nan)
        else:
            limits += 1
            wrong += log < HIGHEST if estimate.qualifier == ">" else log > LOWEST
    ec50 = [
        _covers(c.estimates["EC50"].low, c.estimates["EC50"].high, t.log_ec50)
        for t, c in zip(truths, curves, strict=True)
        if not math.isnan(c.estimates["EC50"].value)
    ]
    classic = [_least_squares(one) for one in series]
    held = [_covers(*ends, t.log_ec50) for t, ends in zip(truths, classic, strict=True) if ends]
    failed = sum(ends is None for ends in classic) / len(classic)
    return Found(
        *(design, seed, float(np.mean(inside)), float(np.mean(ec50)), float(np.nanmedian(errors))),
        *(limits / len(curves), wrong / max(limits, 1), float(np.mean(held)) if held else math.nan, failed),
    )


def _covers(low: float, high: float, log: float) -> bool:
    return (not low or math.log10(low) <= log) and (not math.isfinite(high) or log <= math.log10(high))


def _least_squares(series: DoseSeries) -> tuple[float, float] | None:
    """The 90 % interval of EC50 by SciPy's `curve_fit`, as most programs make it; None where it fails."""
    from scipy.optimize import curve_fit
    from scipy.stats import t as student

    def hill(doses: np.ndarray, start: float, end: float, log_ec50: float, slope: float) -> np.ndarray:
        return end + (start - end) / (1 + (doses / 10**log_ec50) ** slope)

    freedom = len(series.doses) - 4
    with catch_warnings():
        simplefilter("ignore")
        try:
            bounds = ([50, -50, -8, 0.1], [150, 150, 6, 10])
            best, covariance = curve_fit(hill, series.doses, series.responses, [100, 20, -1, 1], bounds=bounds)
        except (RuntimeError, ValueError):
            return None
    error = float(np.sqrt(covariance[2, 2]))
    if freedom < 1 or not math.isfinite(error):
        return None
    half = float(student.ppf(0.95, freedom)) * error
    return 10.0 ** max(best[2] - half, -300), 10.0 ** min(best[2] + half, 300)


def doses_pay(design: Design, seed: int) -> tuple[float, float, float]:
    """Median width of log10 IC50 after two more readings: proposed doses, evenly spaced ones, and none."""
    truths, series = measured(design, seed)
    rng, widths = np.random.default_rng([seed, 9]), []
    even = 10.0 ** np.array([LOWEST + (HIGHEST - LOWEST) / 3, LOWEST + 2 * (HIGHEST - LOWEST) / 3])
    for truth, one in list(zip(truths, series, strict=True))[:15]:
        curve = fit_curve(one, design.noise, seed)
        if not LOWEST < truth.log_ic50 < HIGHEST:
            continue
        noise = design.noise * rng.normal(size=NEXT)
        after = [fit_curve(_with(one, truth, d, noise), design.noise, seed) for d in (next_doses(curve, NEXT), even)]
        widths.append((*map(_width, after), _width(curve)))
    return tuple(np.median(widths, axis=0))  # type: ignore[return-value]


def _with(one: DoseSeries, truth: Planted, doses: Sequence[float] | np.ndarray, noise: np.ndarray) -> DoseSeries:
    more = np.asarray(doses, np.float64)
    readings = np.concatenate([one.responses, truth.at(more) + noise])
    return DoseSeries(one.compound, "", np.concatenate([one.doses, more]), readings, one.prior)


def _width(curve: Curve) -> float:
    """Powers of ten from the 25 to the 75 % quantile of IC50, within what is looked for."""
    logs = np.clip(curve.draws.log_dose_of(50.0), LOWEST - 3, HIGHEST + 3)
    return float(np.ptp(np.quantile(logs, [0.25, 0.75])))


def curves_result(found: Sequence[Found], paid: dict[str, list[tuple[float, float, float]]]) -> Result:
    """The page."""
    seeds = len({one.seed for one in found})
    rows = []
    for design in DESIGNS:
        own = [one for one in found if one.design == design]
        cells = [mean_se([getattr(one, name) for one in own]) for name in ("ic50", "ec50", "error", "limits", "wrong")]
        rows.append([design.name, *cells])
    classic = [
        [
            d.name,
            *(mean_se([getattr(o, name) for o in found if o.design == d]) for name in ("ec50", "squares", "failed")),
        ]
        for d in DESIGNS
    ]
    spent = [[name, *(mean_se([each[k] for each in every]) for k in (2, 1, 0))] for name, every in paid.items()]
    how = (
        f"{seeds} plates of {CURVES} planted curves for each design, doses from 1 nM to 10 µM; E0 about 100, Einf 0 to "
        "60, EC50s from half a power of ten below the lowest to half a power above the highest dose, slopes 0.6 to 3. "
        "Mean ± standard error over plates."
    )
    table = {
        "plates": (
            ("design", "seed", "coverage IC50", "coverage EC50", "median error", "limits", "wrong", "least squares"),
            [
                (o.design.name, o.seed, *(f"{x:.4f}" for x in (o.ic50, o.ec50, o.error, o.limits, o.wrong, o.squares)))
                for o in found
            ],
        )
    }
    return Result(
        "Dose response: do intervals hold what they say?",
        how,
        [
            section(
                "Coverage of 90 % intervals, and limits",
                "Error: median distance of log10 IC50 from the planted one. Limits: share of curves whose IC50 is "
                "stated as beyond the doses; wrong ones lie within them, most of them by less than a dilution step.",
                markdown_table(["", "IC50 covered", "EC50 covered", "error", "limits", "of these wrong"], rows),
            ),
            section(
                "Beside least squares",
                "SciPy's `curve_fit` with the same four parameters and symmetric intervals from its covariance.",
                markdown_table(["", "EC50 covered", "by least squares", "no interval"], classic),
            ),
            section(
                "Proposed doses",
                f"Width of log10 IC50 (from its 25 to its 75 % quantile; median of the curves of a plate) before, and "
                f"after {NEXT} more readings at evenly spaced or at proposed doses.",
                markdown_table(["", "before", "evenly spaced", "proposed"], spent),
            ),
        ],
        table,
    )


def command(
    seeds: Annotated[int, typer.Option(help="Plates of each design.")] = 12,
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """Do intervals of dose-response curves hold what they say?"""
    found = [run(design, seed) for design in DESIGNS for seed in range(seeds)]
    paid = {design.name: [doses_pay(design, seed) for seed in range(seeds)] for design in DESIGNS[:3]}
    result = curves_result(found, paid)
    result.write(out / "curves", f"python -m benchmarks curves --seeds {seeds}")
    say(f"curves: IC50 covered {np.mean([one.ic50 for one in found]):.3f}, EC50 {np.mean([o.ec50 for o in found]):.3f}")
