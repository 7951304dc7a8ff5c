"""Dose-response curves: 4-parameter Hill curves with all of their uncertainty, IC50, EC50, AUC and GR50.

`response(d) = Einf + (E0 - Einf) / (1 + (d / EC50)^h)`: E0 without compound, Einf at infinite dose, EC50 half-way
between the two, h > 0 the slope; falling where Einf < E0, rising where it is above. Dose 0 is the control and has its
place in the formula; no logarithm of it is taken.

Given EC50 and h the curve is linear in E0 and Einf, so these two are integrated exactly and the other two on a grid
that is refined around its peak: there are no start values, a flat curve is an answer, and an IC50 beyond the doses
shows itself as such instead of as a large number with a small error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple

import numpy as np

from activeloop.measurements.assay import Qualifier
from activeloop.measurements.effects import moderated_variances
from activeloop.metrics import Z90

#: what is read off a curve
Endpoint = Literal["IC50", "EC50", "GR50", "AUC", "Emax"]
#: powers of ten beyond the tested doses to which EC50 is looked for
BEYOND = 3.0
#: slopes that are tried, and the median and spread (powers of ten) of their log-normal prior
SLOPES, SLOPE, SLOPE_SD = (0.25, 8.0), 1.2, 0.25
#: points of a grid over EC50 and slope, refinements of it at most, and natural logarithms below the peak where it ends
POINTS, REFINEMENTS, NEGLIGIBLE = (96, 24), 3, 16.0
#: samples of a posterior
DRAWS = 2000
#: fewest doses above 0 of a curve
FEWEST = 3
#: of a curve; fewer degrees of freedom of all curves say nothing about noise; least noise, in units of the prior
PARAMETERS, LEAST_FREEDOM, LEAST = 4, 8, 0.2
#: curves by which the likeliest noise is found, and the noises that are tried, in units of the prior
DECIDING, NOISES = 60, np.geomspace(0.5, 45, 14)
#: natural logarithm of the evidence by which a curve must beat a constant to show an effect
EFFECT = math.log(3)


class Prior(NamedTuple):
    """What is known of a response before its doses: means and deviations of E0 and Einf, and the half-way line.

    Args:
        start, start_sd: of E0, the response of the control.
        end, end_sd: of Einf.
        half: the response that defines IC50 or GR50; NaN where the response has no scale of its own.
        unit: in which noise is compared between curves: one percent of the full effect, of raw readings of their level.
    """

    start: float
    start_sd: float
    end: float
    end_sd: float
    half: float
    unit: float = 1.0


#: response -> prior: percent of the control; percent of the full effect; 100 x the normalised growth rate
PRIORS = {
    "viability": Prior(100.0, 10.0, 30.0, 40.0, 50.0),
    "inhibition": Prior(0.0, 10.0, 70.0, 40.0, 50.0),
    "activation": Prior(0.0, 10.0, 70.0, 40.0, 50.0),
    "growth-rate": Prior(100.0, 10.0, 0.0, 60.0, 50.0),
}


class Estimate(NamedTuple):
    """One number of a curve with its 90 % interval.

    Args:
        value: posterior median; of a censored one the dose that is not reached. NaN where the curve does not show it.
        qualifier: `>` the highest dose, `<` the lowest, `=` between.
        low, high: 5 and 95 % quantiles; infinite, or 0, where the doses leave them open.
        sd: standard deviation, of a dose in powers of ten; NaN of a censored one.
    """

    value: float
    qualifier: Qualifier = "="
    low: float = math.nan
    high: float = math.nan
    sd: float = math.nan


class Draws(NamedTuple):
    """Samples of a curve's posterior, each [S]."""

    start: np.ndarray
    end: np.ndarray
    log_ec50: np.ndarray
    slope: np.ndarray

    def at(self, doses: np.ndarray) -> np.ndarray:
        """[S, D] the response of each sample at doses [D], of which 0 is the control."""
        share = unaffected(np.asarray(doses, np.float64), self.log_ec50[:, None], self.slope[:, None])
        return self.end[:, None] + (self.start - self.end)[:, None] * share

    def log_dose_of(self, response: float) -> np.ndarray:
        """[S] log10 of the dose at which each sample crosses a response; infinite where it never does.

        Below all doses (minus infinity) where the response without compound is beyond it already.
        """
        before, behind = self.start - response, response - self.end
        falling = self.end <= self.start
        before, behind = np.where(falling, before, -before), np.where(falling, behind, -behind)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = self.log_ec50 + np.log10(before / behind) / self.slope
        return np.where(before <= 0, -np.inf, np.where(behind <= 0, np.inf, found))


def unaffected(doses: np.ndarray, log_ec50: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """The share of the response that a dose leaves: 1 at dose 0, 1/2 at EC50.

    >>> unaffected(np.array([0.0, 1.0, 10.0]), np.array(0.0), np.array(1.0)).round(3).tolist()
    [1.0, 0.5, 0.091]
    """
    logs = np.log10(np.where(doses > 0, doses, 1.0))
    power = np.clip(slope * (logs - log_ec50), -30, 30)
    return np.where(doses > 0, 1 / (1 + 10.0**power), 1.0)


@dataclass(frozen=True)
class DoseSeries:
    """The responses of one compound (on one kind of cells) at its doses.

    Args:
        compound, cells: names; cells "" where there is one kind only.
        doses: [n] above 0, in one unit.
        responses: [n] on the scale of `prior`.
        prior: of the response; `start` and `start_sd` are those of its controls.
        labels: what else the table says of it (catalogue id, target ...).
    """

    compound: str
    cells: str
    doses: np.ndarray
    responses: np.ndarray
    prior: Prior
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """As messages and pictures show it."""
        return f"{self.compound} on {self.cells}" if self.cells else self.compound

    @cached_property
    def levels(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        """Different doses [D], their readings [D], mean responses [D]; and the squares of the repeats around them."""
        doses, places = np.unique(self.doses, return_inverse=True)
        counts = np.bincount(places).astype(np.float64)
        means = np.bincount(places, self.responses) / counts
        return doses, counts, means, float(np.square(self.responses - means[places]).sum())


@dataclass(frozen=True)
class Curve:
    """A fitted curve: its best parameters, what is read off it, and its posterior by `draws`.

    Args:
        series: the readings.
        noise: standard deviation of one reading, from this curve and those beside it.
        start, end, ec50, slope: the most probable curve.
        estimates: endpoint -> estimate.
        residual: root mean square distance of the readings from the curve.
        effect: whether the readings show any effect of the compound.
    """

    series: DoseSeries
    noise: float
    start: float
    end: float
    ec50: float
    slope: float
    estimates: dict[str, Estimate]
    residual: float
    effect: bool
    seed: int = field(default=0, repr=False)

    def at(self, doses: np.ndarray) -> np.ndarray:
        """[D] the most probable curve at doses."""
        share = unaffected(np.asarray(doses, np.float64), np.array(math.log10(self.ec50)), np.array(self.slope))
        return self.end + (self.start - self.end) * share

    @cached_property
    def draws(self) -> Draws:
        """Samples of the posterior; the same each time."""
        return _Posterior.of(self.series, self.noise).draws(self.seed)


def fit_curve(series: DoseSeries, noise: float, seed: int = 0) -> Curve:
    """The curve of one series whose noise is known.

    Args:
        series: at least 3 different doses.
        noise: standard deviation of one reading.
        seed: of the samples.

    >>> doses = np.repeat(10.0 ** np.arange(-3, 2), 2)
    >>> series = DoseSeries("A", "", doses, 100 / (1 + doses / 0.1), PRIORS["viability"])
    >>> curve = fit_curve(series, noise=1.0)
    >>> round(curve.ec50, 2), curve.estimates["IC50"].qualifier
    (0.1, '=')
    """
    posterior = _Posterior.of(series, noise)
    start, end, log_ec50, slope = posterior.peak
    draws = posterior.draws(seed)
    share = unaffected(series.doses, np.array(log_ec50), np.array(slope))
    residual = float(np.sqrt(np.square(series.responses - end - (start - end) * share).mean()))
    effect = posterior.evidence - posterior.constant > EFFECT
    lowest, highest = float(series.doses.min()), float(series.doses.max())
    estimates = {"AUC": _plain(_area(draws, lowest, highest, series.prior))}
    estimates["Emax"] = _plain(draws.at(np.array([highest]))[:, 0])
    estimates["EC50"] = _dose(draws.log_ec50, lowest, highest) if effect else Estimate(math.nan)
    if not math.isnan(series.prior.half):
        estimates["IC50"] = _dose(draws.log_dose_of(series.prior.half), lowest, highest)
    return Curve(series, noise, start, end, float(10.0**log_ec50), slope, estimates, residual, bool(effect), seed)


def most_probable(series: DoseSeries, noise: float) -> Callable[[np.ndarray], np.ndarray]:
    """The most probable curve of a series whose noise is known, as a function of doses."""
    start, end, log_ec50, slope = _Posterior.of(series, noise).peak
    return lambda doses: end + (start - end) * unaffected(doses, np.array(log_ec50), np.array(slope))


def fit_curves(series: Sequence[DoseSeries], seed: int = 0) -> list[Curve]:
    """Curves of many series, measured alike: each one's noise is pulled towards that of all.

    The noise of a curve is what its readings leave, with the degrees of freedom that four parameters leave, moderated
    by that of the others (`moderated_variances`): eight readings say little about their own noise. Where hardly any
    degrees of freedom are left in all, as of four doses without repeats, it is the noise under which all readings are
    likeliest, whatever the curves are (the marginal likelihood).

    Args:
        series: those of one file.
        seed: of the samples.
    """
    if not series:
        return []
    first, units = _first_noise(series), np.array([one.prior.unit for one in series])
    residuals = [one.responses - most_probable(one, first[k])(one.doses) for k, one in enumerate(series)]
    squares = np.array([np.square(r).sum() for r in residuals]) / units**2
    freedom = np.array([max(len(r) - PARAMETERS, 0) for r in residuals])
    behind = int(freedom.sum())
    if behind < LEAST_FREEDOM:
        noises = np.full(len(series), _likeliest_noise(series))
    else:
        noises = np.sqrt(moderated_variances(squares, freedom, float(squares[freedom > 0].sum()) / behind, behind))
    noises = np.maximum(noises, LEAST) * units
    return [fit_curve(one, float(noise), seed) for one, noise in zip(series, noises, strict=True)]


def next_doses(curve: Curve, count: int) -> list[float]:
    """Doses, in the unit of the curve, whose readings would tell most about its IC50 (its EC50 without a scale).

    One by one that which lowers the variance of log10 IC50 most, by the samples' covariances, given those before it,
    and no dose twice.
    Doses lie on the dilution steps between the lowest and the highest, and half-way between them; two steps farther
    out where the IC50 lies there. The samples' IC50s count as one step farther than that at most.

    Args:
        curve: a fitted one.
        count: how many.
    """
    draws, tested = curve.draws, np.log10(curve.series.levels[0])
    wanted = draws.log_ec50 if math.isnan(curve.series.prior.half) else draws.log_dose_of(curve.series.prior.half)
    step = float(np.median(np.diff(tested)))
    half = curve.estimates.get("IC50", curve.estimates["EC50"]).qualifier
    low = tested[0] - (2 * step if half == "<" else 0.0)
    high = tested[-1] + (2 * step if half == ">" else 0.0)
    places = np.round(np.arange(low, high + step / 4, step / 2), 6)
    wanted = np.clip(wanted, low - step, high + step)
    responses = draws.at(10.0**places)
    responses = responses - responses.mean(0)
    wanted = wanted - wanted.mean()
    chosen, taken = list[float](), list[int]()
    for _ in range(min(count, len(places))):
        variances = np.square(responses).mean(0) + curve.noise**2
        shared = wanted @ responses / len(wanted)
        gains = shared**2 / variances
        gains[taken] = -1.0
        best = int(np.argmax(gains))
        taken.append(best)
        chosen.append(float(f"{10.0 ** places[best]:.3g}"))
        # the samples as if that reading were known, with its noise
        factor = (1 - math.sqrt(curve.noise**2 / variances[best])) / max(variances[best] - curve.noise**2, 1e-300)
        column = responses[:, best].copy()
        wanted = wanted - factor * shared[best] * column
        responses = responses - factor * np.outer(column, column @ responses / len(wanted))
    return sorted(chosen)


def _likeliest_noise(series: Sequence[DoseSeries]) -> float:
    """The noise, in units of the priors, under which all readings are likeliest, curves integrated out."""
    some = series
    if len(series) > DECIDING:
        some = [series[k] for k in np.random.default_rng(0).choice(len(series), DECIDING, replace=False)]
    found = []
    for noise in NOISES:
        total = 0.0
        for one in some:
            _, counts, means, within = one.levels
            sigma = noise * one.prior.unit
            away = float(counts @ np.square(means - one.prior.start)) + within
            total += _Posterior.of(one, sigma).evidence - len(one.doses) * math.log(sigma) - 0.5 * away / sigma**2
        found.append(total)
    return float(NOISES[int(np.argmax(found))])


def _first_noise(series: Sequence[DoseSeries]) -> np.ndarray:
    """[K] noise before any curve: that of the repeats, else a hundredth of the scale times five."""
    squares = np.array([one.levels[3] / one.prior.unit**2 for one in series])
    freedom = np.array([len(one.doses) - len(one.levels[0]) for one in series])
    common = math.sqrt(squares.sum() / freedom.sum()) if freedom.sum() > 0 else 0.0
    return np.array([max(common or 5.0, LEAST) * one.prior.unit for one in series])


@lru_cache(64)
def _coarse(lowest: float, highest: float) -> tuple[np.ndarray, np.ndarray]:
    logs = np.linspace(lowest - BEYOND, highest + BEYOND, 2 * POINTS[0])
    return logs, np.geomspace(*SLOPES, POINTS[1])


@dataclass(frozen=True)
class _Posterior:
    """Over a grid of EC50 and slope [G]: weights, and the normal distribution of (E0, Einf) at each point."""

    log_ec50: np.ndarray
    slope: np.ndarray
    weights: np.ndarray  # sums to 1
    means: np.ndarray  # [G, 2]
    covariances: np.ndarray  # [G, 3]: of E0; of both; of Einf
    widths: tuple[float, float]  # of a grid cell: log10 EC50, log10 slope
    evidence: float  # log, per volume of the prior
    constant: float  # log evidence of a compound without effect

    @classmethod
    def of(cls, series: DoseSeries, noise: float) -> _Posterior:
        doses, counts, means, _ = series.levels
        weights = counts / noise**2
        logs, slopes = _coarse(float(np.log10(doses[0])), float(np.log10(doses[-1])))
        first = True
        volume = evidence = 0.0
        for _ in range(REFINEMENTS):
            log_ec50, slope = (a.ravel() for a in np.meshgrid(logs, slopes, indexing="ij"))
            found, mean, covariance, constant = _linear(doses, weights, means, series.prior, log_ec50, slope)
            found = found - 0.5 * (np.log10(slope / SLOPE) / SLOPE_SD) ** 2
            if first:
                prior = np.exp(-0.5 * (np.log10(slope / SLOPE) / SLOPE_SD) ** 2).sum()
                volume, evidence, first = float(np.log(prior)), float(np.logaddexp.reduce(found)), False
            likely = (found > found.max() - NEGLIGIBLE).reshape(len(logs), len(slopes))
            rows, columns = np.flatnonzero(likely.any(1)), np.flatnonzero(likely.any(0))
            ends = (max(rows[0] - 1, 0), min(rows[-1] + 1, len(logs) - 1))
            sides = (max(columns[0] - 1, 0), min(columns[-1] + 1, len(slopes) - 1))
            done = len(rows) > POINTS[0] // 2 or len(rows) * len(columns) > len(logs) * len(slopes) // 3
            width = (logs[1] - logs[0], float(np.log10(slopes[1] / slopes[0])))
            if done:
                break
            logs = np.linspace(logs[ends[0]], logs[ends[1]], POINTS[0])
            slopes = np.geomspace(slopes[sides[0]], slopes[sides[1]], POINTS[1])
        share = np.exp(found - found.max())
        return cls(log_ec50, slope, share / share.sum(), mean, covariance, width, evidence - volume, constant)

    @property
    def peak(self) -> tuple[float, float, float, float]:
        """The most probable E0, Einf, log10 EC50 and slope."""
        best = int(np.argmax(self.weights))
        start, end = self.means[best]
        return float(start), float(end), float(self.log_ec50[best]), float(self.slope[best])

    def draws(self, seed: int) -> Draws:
        """Samples: a grid point each by systematic resampling, spread over its cell, and E0 and Einf of there."""
        rng = np.random.default_rng(seed)
        places = (np.arange(DRAWS) + rng.random()) / DRAWS
        at = np.minimum(np.searchsorted(np.cumsum(self.weights), places), len(self.weights) - 1)
        rng.shuffle(at)
        within = rng.random((2, DRAWS)) - 0.5
        (a, b, c), noise = self.covariances[at].T, rng.standard_normal((2, DRAWS))
        root = np.sqrt(a)
        start = self.means[at, 0] + root * noise[0]
        end = self.means[at, 1] + b / root * noise[0] + np.sqrt(np.maximum(c - b * b / a, 0.0)) * noise[1]
        log_ec50 = self.log_ec50[at] + within[0] * self.widths[0]
        return Draws(start, end, log_ec50, self.slope[at] * 10.0 ** (within[1] * self.widths[1]))


def _linear(
    doses: np.ndarray, weights: np.ndarray, means: np.ndarray, prior: Prior, log_ec50: np.ndarray, slope: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Log evidence [G], mean [G, 2] and covariance [G, 3] of (E0, Einf) at points of a grid, and that of a constant."""
    start_weight, end_weight = 1 / prior.start_sd**2, 1 / prior.end_sd**2
    y = means - prior.start  # so that numbers stay small
    end = prior.end - prior.start
    share = unaffected(doses, log_ec50[:, None], slope[:, None])
    rest = 1 - share
    a, b, c = share**2 @ weights + start_weight, (share * rest) @ weights, rest**2 @ weights + end_weight
    u, v = share @ (weights * y), rest @ (weights * y) + end_weight * end
    determinant = a * c - b * b
    first, second = (c * u - b * v) / determinant, (a * v - b * u) / determinant
    rest_of = -0.5 * end_weight * end**2
    found = 0.5 * (first * u + second * v) - 0.5 * np.log(determinant) + rest_of
    found += 0.5 * math.log(start_weight * end_weight)
    total, along = weights.sum() + start_weight, weights @ y
    constant = 0.5 * along**2 / total + 0.5 * math.log(start_weight / total)
    mean = np.stack([first, second], 1) + prior.start
    return found, mean, np.stack([c, -b, a], 1) / determinant[:, None], float(constant)


def _dose(logs: np.ndarray, lowest: float, highest: float) -> Estimate:
    """An estimate of a dose from samples of its log10, censored where most of them lie beyond the tested doses."""
    low, middle, high = np.quantile(logs, [0.05, 0.5, 0.95], method="nearest")
    ends = [0.0 if q == -np.inf else math.inf if q > 300 else float(10.0**q) for q in (low, high)]
    if middle > math.log10(highest):
        return Estimate(highest, ">", ends[0], ends[1])
    if middle < math.log10(lowest):
        return Estimate(lowest, "<", ends[0], ends[1])
    # a half that is open is as wide as the other, or as far as it was looked for
    upper = min(high, math.log10(highest) + BEYOND) - middle
    lower = middle - max(low, math.log10(lowest) - BEYOND)
    return Estimate(float(10.0**middle), "=", ends[0], ends[1], float((upper + lower) / (2 * Z90)))


def _plain(values: np.ndarray) -> Estimate:
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
    return Estimate(float(middle), "=", float(low), float(high), float(values.std()))


def _area(draws: Draws, lowest: float, highest: float, prior: Prior) -> np.ndarray:
    """[S] mean response over the logarithm of the tested doses, as a share of the control (of the full effect)."""
    ends = np.log(10) * draws.slope * (np.log10([[lowest], [highest]]) - draws.log_ec50)
    share = 1 - np.diff(np.logaddexp(0, ends), axis=0)[0] / np.maximum(ends[1] - ends[0], 1e-12)
    whole = draws.end + (draws.start - draws.end) * share
    return whole / 100 if not math.isnan(prior.half) else whole
