"""Acquisition functions for several assays: hypervolume improvement, thresholds, scalarisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from activeloop.acquisition.base import AcquisitionContext, AcquisitionFunction, CombiningFunction
from activeloop.acquisition.finding import ExpectedImprovement, UpperConfidenceBound
from activeloop.errors import ConfigError, ModelError
from activeloop.measurements import Assay
from activeloop.prediction import Prediction
from activeloop.words import shown_number


def on_front(points: np.ndarray) -> np.ndarray:
    """[M] whether no other point [M, A] is as good in every assay and better in one (bool); equal points alike.

    >>> on_front(np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 1.0], [1.0, 2.0]])).tolist()
    [True, True, False, True]
    """
    front, left = np.zeros(len(points), bool), np.argsort(-points.sum(1), kind="stable")
    while len(left):  # nothing that is left beats the one with the largest sum
        best, others = points[left[0]], points[left]
        equal = (others == best).all(1)
        front[left[equal]] = True
        left = left[(others > best).any(1)]
    return front


def pareto(points: np.ndarray) -> np.ndarray:
    """The points [M, A] that no other point equals or exceeds in every assay; duplicates once.

    >>> pareto(np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 1.0], [1.0, 2.0]])).tolist()
    [[1.0, 2.0], [2.0, 1.0]]
    """
    return np.unique(points[on_front(points)], axis=0)


def gain(points: np.ndarray, front: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Volume that each point adds to what the front dominates above the reference, exactly.

    Slices along the last assay; in each slice the members of the front that reach it count, in one assay fewer.

    Args:
        points: [N, A].
        front: [F, A].
        reference: [A] the corner from which volume is counted.

    Returns:
        [N] at least 0.

    >>> gain(np.array([[2.0, 2.0], [0.5, 0.5]]), np.array([[1.0, 1.0]]), np.zeros(2)).tolist()
    [3.0, 0.0]
    """
    front = np.maximum(front, reference)
    if points.shape[1] == 1:
        return np.maximum(points[:, 0] - max(float(reference[0]), float(front.max(initial=-np.inf))), 0.0)
    levels = np.unique(np.append(front[:, -1], reference[-1]))
    out = np.zeros(len(points))
    for bottom, top in zip(levels, np.append(levels[1:], np.inf), strict=True):
        thick = np.clip(points[:, -1], bottom, top) - bottom
        inside = thick > 0
        if inside.any():
            reaching = front[front[:, -1] >= top][:, :-1]
            out[inside] += thick[inside] * gain(points[inside, :-1], pareto(reaching), reference[:-1])
    return out


def reference_point(values: np.ndarray) -> np.ndarray:
    """[A] the corner from which volume is counted: the worst value measured less a tenth of the range.

    Args:
        values: [M, A] larger is better; NaN = not measured. NaN comes back where nothing is.

    Source: Ishibuchi et al. 2018, doi:10.1162/evco_a_00226.

    >>> reference_point(np.array([[0.0, np.nan], [10.0, np.nan]])).tolist()
    [-1.0, nan]
    """
    out = np.full(values.shape[1], np.nan)
    for a, column in enumerate(values.T):
        if len(seen := column[np.isfinite(column)]):  # 0 lies infinitely far down a logarithm
            out[a] = seen.min() - 0.1 * np.ptp(seen)
    return out


def hypervolume(points: np.ndarray, reference: np.ndarray) -> float:
    """Volume above the reference [A] that points [M, A] dominate.

    >>> hypervolume(np.array([[2.0, 1.0], [1.0, 2.0]]), np.zeros(2))
    3.0
    """
    above = np.maximum(points, reference) - reference
    if above.shape[1] == 1:
        return float(above.max(initial=0.0))
    total, bottom = 0.0, 0.0
    for top in np.unique(above[:, -1]):  # slices along the last assay, as in `gain`
        total += (top - bottom) * hypervolume(above[above[:, -1] >= top, :-1], np.zeros(above.shape[1] - 1))
        bottom = top
    return float(total)


def _in_words(chance: float) -> str:
    """A probability, of which no prediction is 0 or 1.

    >>> _in_words(0.004), _in_words(0.5), _in_words(0.999)
    ('less than 1%', '50%', 'more than 99%')
    """
    return "less than 1%" if chance < 0.005 else "more than 99%" if chance > 0.995 else f"{chance:.0%}"


def described(assay: Assay, mean: float, sd: float) -> str:
    """A prediction of one assay in its direction and unit.

    >>> described(Assay("KM", "mM", "minimise"), -0.2, 0.05)
    'KM 0.2 ± 0.05 mM'
    """
    return f"{assay.name} {shown_number(assay.sign * mean)} ± {shown_number(sd, 2)} {assay.unit}".rstrip()


@dataclass(frozen=True)
class Hypervolume(CombiningFunction):
    """Expected hypervolume improvement over the front of the measured candidates, from the joint draws.

    Exact for each draw; meant for two or three assays (the cost grows as the front's size to the power of A - 1).
    Without joint draws, as in huge pools, it is the improvement by the mean plus one standard deviation.

    Args:
        reference: [A] the value of each (oriented) assay below which nothing counts; () takes the worst value
            measured less a tenth of the range, or the lowest predicted mean when nothing was measured.

    Source: Yang et al. 2019, doi:10.1007/s10898-019-00798-7; the reference point after Ishibuchi et al. 2018.
    """

    reference: tuple[float, ...] = ()
    needs_draws = True
    name = "hypervolume"

    def __call__(self, prediction: Prediction, context: AcquisitionContext) -> np.ndarray:
        """[N] expected volumes, at least 0."""
        return self.utility(prediction, context).mean[:, 0]

    def utility(self, prediction: Prediction, context: AcquisitionContext) -> Prediction:
        """The volume that each candidate adds."""
        size, count, assays = prediction.draws.shape
        if assays > 4:
            raise ModelError(f"Hypervolume improvement of {assays} assays takes too long; use Scalarised(...).")
        front, reference = self._front(prediction, context)
        if not size:
            volume = gain(prediction.mean + prediction.sd, front, reference)[:, None]
            return Prediction(np.zeros((0, count, 1)), volume, np.zeros_like(volume), np.zeros(1))
        volumes = gain(prediction.draws.reshape(-1, assays), front, reference).reshape(size, count, 1)
        return Prediction.of_draws(volumes)

    def reason(self, prediction: Prediction, i: int) -> str:
        """All predictions."""
        values = ", ".join(
            f"{shown_number(m)} ± {shown_number(s, 2)}"
            for m, s in zip(prediction.mean[i], prediction.sd[i], strict=True)
        )
        return f"may be a better compromise than any measured: predicted {values}"

    def reason_of(self, prediction: Prediction, i: int, context: AcquisitionContext, assays: Sequence[Assay]) -> str:
        """Where it would lie beside the front, and the probability that it extends it."""
        front, reference = self._front(prediction, context)
        mean = prediction.mean[i]
        better = [a.name for a, m, best in zip(assays, mean, front.max(0, initial=-np.inf), strict=True) if m > best]
        beaten = int((front <= mean).all(1).sum())
        where = "may extend the front" if len(assays) > 1 else f"may be better than the best {assays[0].name}"
        if not len(front):
            where = "would be the first of the front"
        elif len(better) == len(assays):
            where = f"predicted better than all measured in {' and '.join(better)}"
        elif beaten:
            where = f"predicted to beat {beaten} of the {len(front)} on the front in every assay"
        elif better:
            where = f"predicted to extend the front at the end of {' and '.join(better)}"
        elif not (front >= mean).all(1).any():
            where = "predicted to fill a gap of the front"
        draws = prediction.draws[:, i]
        extends = f", chance {np.mean(gain(draws, front, reference) > 0):.0%}" if len(draws) and len(front) else ""
        return f"{where}{extends}"

    def _front(self, prediction: Prediction, context: AcquisitionContext) -> tuple[np.ndarray, np.ndarray]:
        """The front of what was measured, and the reference point."""
        assays = prediction.mean.shape[1]
        known = context.values if context.values is not None else np.zeros((0, assays))
        front = pareto(known[context.counting & ~np.isnan(known).any(1)])
        if self.reference:
            if len(self.reference) != assays:
                raise ModelError(f"Hypervolume: {len(self.reference)} reference values for {assays} assays.")
            return front, np.array(self.reference)
        reference = reference_point(known)
        return front, np.where(np.isnan(reference), prediction.mean.min(0, initial=np.inf), reference)


def feasibility(prediction: Prediction, limits: np.ndarray) -> np.ndarray:
    """[N] probability that the true values reach the limits [A] (NaN: none), the assays being independent.

    It is computed on the scale of the model.
    """
    from scipy.special import ndtr

    limits, prediction = prediction.places(limits), prediction.on_scale
    bound = ~np.isnan(limits)
    z = (prediction.mean[:, bound] - limits[bound]) / np.maximum(prediction.sd[:, bound], 1e-12)
    return ndtr(z).prod(1)


@dataclass(frozen=True)
class Constrained(CombiningFunction):
    """The improvement in the assays whose best is looked for, times the probability that all thresholds are met.

    Only measured candidates that are known to meet the thresholds count as the best so far; while there is none, it
    is the improvement on the worst value measured. Without any assay whose best is looked for, or before one has a
    result, it is the probability alone.

    Args:
        score: of the assays without a threshold. One in the unit of the assay counts from the median of the values
            measured within the thresholds: from lower down the probability would decide nearly alone.

    Source: Gardner et al. 2014, ICML 32 (expected improvement with constraints); Schonlau et al. 1998.
    """

    score: AcquisitionFunction = field(default_factory=ExpectedImprovement)

    @property
    def name(self) -> str:
        """Such as `ei within the thresholds`."""
        return f"{self.score.name} within the thresholds"

    @property
    def needs_draws(self) -> bool:  # type: ignore[override]
        """As of the score inside."""
        return self.score.needs_draws

    def __call__(self, prediction: Prediction, context: AcquisitionContext) -> np.ndarray:
        """[N] values, at least 0."""
        limits, free = _limits(prediction, context)
        chance = feasibility(prediction, limits)
        if not len(free):
            return chance
        inner, floor = self._inner(prediction, context, limits, free)
        score = self.score(prediction.columns(free), inner)
        return chance * (_above(score, *floor) if self.score.in_unit else np.maximum(score, 0.0))

    def utility(self, prediction: Prediction, context: AcquisitionContext) -> Prediction:
        """The score; in a draw what it would be if the draw were true, and 0 where it does not meet the thresholds."""
        limits, free = _limits(prediction, context)
        bound = ~np.isnan(limits)
        met = np.all(prediction.draws[:, :, bound] >= limits[bound], axis=2)
        if len(free):
            inner, floor = self._inner(prediction, context, limits, free)
            part = prediction.columns(free)
            if isinstance(self.score, CombiningFunction):
                met = met * self.score.utility(part, inner).draws[:, :, 0]
            else:
                met = met * _above(part.draws[:, :, 0], *floor)
        draws = np.asarray(met, np.float64)[:, :, None]
        sd = draws.std(0) if len(draws) else np.zeros((len(prediction), 1))
        return Prediction(draws, self(prediction, context)[:, None], sd, np.zeros(1))

    def reason(self, prediction: Prediction, i: int) -> str:
        """All predictions."""
        return Hypervolume().reason(prediction, i)

    def reason_of(self, prediction: Prediction, i: int, context: AcquisitionContext, assays: Sequence[Assay]) -> str:
        """The probability that it meets the thresholds, and what is expected of the other assays."""
        limits, free = _limits(prediction, context)
        one = prediction.take(np.array([i]))
        bound = np.flatnonzero(~np.isnan(limits))
        parts = []
        if len(free):
            inner, _ = self._inner(prediction, context, limits, free)
            others = [assays[a] for a in free.tolist()]
            if isinstance(self.score, CombiningFunction):
                parts.append(self.score.reason_of(prediction.columns(free), i, inner, others))
            else:
                parts.append(self._beside_best(one, inner, context, int(free[0]), others[0]))
        for a in bound.tolist():
            probability = feasibility(one.columns(np.array([a])), limits[[a]])[0]
            parts.append(f"{assays[a].condition} with a chance of {_in_words(float(probability))}")
        return "; ".join(parts)

    def _beside_best(
        self, one: Prediction, inner: AcquisitionContext, context: AcquisitionContext, a: int, assay: Assay
    ) -> str:
        from scipy.special import ndtr

        if not context.counting.any():
            return f"nothing measured meets the thresholds yet; {described(assay, one.mean[0, a], one.sd[0, a])}"
        best, scaled = float(inner.best_f[0]), one.on_scale
        start = one.columns(np.array([a])).places(np.array([best]))[0]
        chance = ndtr((scaled.mean[0, a] - start) / max(float(scaled.sd[0, a]), 1e-12))
        value = shown_number(assay.sign * best)
        return f"better than the best {assay.name}, {value}, with a chance of {_in_words(float(chance))}"

    def _inner(
        self, prediction: Prediction, context: AcquisitionContext, limits: np.ndarray, free: np.ndarray
    ) -> tuple[AcquisitionContext, tuple[float, float]]:
        """The context of the assays without a threshold, and from where the first one's values count and their sd."""
        values = np.zeros((0, len(free))) if context.values is None else context.values[:, free]
        worst = np.where(np.isfinite(values), values, np.inf).min(0, initial=np.inf)
        floors = np.where(np.isinf(worst), prediction.mean[:, free].min(0, initial=np.inf), worst)
        counting = values[context.counting]
        best_f = np.where(np.isnan(counting), -np.inf, counting).max(0, initial=-np.inf)
        measured = context.measured
        if measured is not None:  # in a draw where it does not meet the thresholds it is no best
            bound = ~np.isnan(limits)
            met = np.all(measured.draws[:, :, bound] >= limits[bound], axis=2)[:, :, None]
            measured = measured.columns(free)
            measured = replace(measured, draws=np.where(met, measured.draws, floors))
        inner = replace(
            context,
            best_f=np.where(np.isinf(best_f), floors, best_f),
            threshold=context.threshold[free],
            values=values if len(values) else None,
            limits=None,
            highest=None if context.highest is None else context.highest[free],
            measured=measured,
            target=None if context.target is None else context.target.columns(free),
        )
        within = counting[np.isfinite(counting[:, 0]), 0]
        known = values[np.isfinite(values[:, 0]), 0]
        width = float(known.std()) if len(known) > 1 else 0.0
        return inner, (float(np.median(within) if len(within) else floors[0]), width or 1.0)


def _above(values: np.ndarray, floor: float, width: float) -> np.ndarray:
    """How far values lie above a floor; of those below it a trace that keeps their order, should all lie there.

    Args:
        values: any.
        floor: as they are.
        width: standard deviation of what was measured.
    """
    over = values - floor
    return np.maximum(over, 0.0) + 1e-9 * width * np.exp(np.clip(over / width, -700, 0))


def _limits(prediction: Prediction, context: AcquisitionContext) -> tuple[np.ndarray, np.ndarray]:
    """[A] thresholds, NaN where there is none, and the indices of those assays."""
    limits = np.full(len(prediction.noise), np.nan) if context.limits is None else context.limits
    return limits, np.flatnonzero(np.isnan(limits))


@dataclass(frozen=True)
class Scalarised(CombiningFunction):
    """One score over a combination of all assays.

    Each assay is first brought to a common scale: 0 is the worst value measured so far, 1 the best (0 and 1 in the
    assay's own unit while fewer than two values are known).

    Args:
        weights: one for each assay, at least 0, not all 0; () is equal weights.
        score: applied to the combination.
        method: `linear`: the weighted sum; `chebyshev`: the smallest weighted assay plus 0.05 times the weighted sum,
            which also finds compromises in a dent of the front.

    Source: Knowles 2006, doi:10.1109/TEVC.2005.851274 (augmented Chebyshev).
    """

    weights: tuple[float, ...] = ()
    score: AcquisitionFunction = field(default_factory=UpperConfidenceBound)
    method: Literal["linear", "chebyshev"] = "linear"
    needs_draws = True

    def __post_init__(self):
        if self.method not in ("linear", "chebyshev") or any(not w >= 0 for w in self.weights):
            raise ConfigError("Scalarised: weights are at least 0 and the method is linear or chebyshev.")
        if self.weights and sum(self.weights) == 0:
            raise ConfigError("Scalarised: give at least one assay a weight above 0.")

    @property
    def name(self) -> str:
        """Such as `ucb of linear`."""
        return f"{self.score.name} of {self.method}"

    def __call__(self, prediction: Prediction, context: AcquisitionContext) -> np.ndarray:
        """[N] scores of the combination."""
        low, scale = _scale(context, prediction.mean.shape[1])
        combine = lambda b: self._prediction(b, low, scale)  # noqa: E731 - the same for three predictions
        measured, target = context.measured, context.target
        values, best_f = context.values, np.array([np.nan])
        if values is not None:
            values = self.combined((values - low) / scale)[:, None]
            known = values[context.counting & ~np.isnan(values[:, 0])]
            best_f = known.max(0) if len(known) else best_f
        threshold = self.combined((context.threshold - low) / scale)[None]
        inner = replace(
            context,
            best_f=best_f,
            threshold=np.atleast_1d(threshold),
            values=values,
            measured=None if measured is None else combine(measured),
            target=None if target is None else combine(target),
            highest=None,
        )
        return self.score(combine(prediction), inner)

    def utility(self, prediction: Prediction, context: AcquisitionContext) -> Prediction:
        """The combination."""
        return self._prediction(prediction, *_scale(context, prediction.mean.shape[1]))

    def reason_of(self, prediction: Prediction, i: int, context: AcquisitionContext, assays: Sequence[Assay]) -> str:
        """All predictions, and the assays in which it is predicted better than all measured."""
        mean, sd = prediction.mean[i], prediction.sd[i]
        values = ", ".join(described(a, m, s) for a, m, s in zip(assays, mean, sd, strict=True))
        known = np.full((1, len(assays)), np.nan) if context.values is None else context.values[context.counting]
        best = np.where(np.isnan(known), -np.inf, known).max(0, initial=-np.inf)
        better = [a.name for a, m, b in zip(assays, mean, best, strict=True) if m > b > -np.inf]
        beyond = f"; better than all measured in {' and '.join(better)}" if better else ""
        return f"good in all assays together: predicted {values}{beyond}"

    def combined(self, scaled: np.ndarray) -> np.ndarray:
        """[...] from [..., A] scaled values."""
        weights = self._weights(scaled.shape[-1])
        total = scaled @ weights
        return total if self.method == "linear" else (scaled * weights).min(-1) + 0.05 * total

    def reason(self, prediction: Prediction, i: int) -> str:
        """All predictions."""
        values = ", ".join(
            f"{shown_number(m)} ± {shown_number(s, 2)}"
            for m, s in zip(prediction.mean[i], prediction.sd[i], strict=True)
        )
        return f"good in all assays together: predicted {values}"

    def _weights(self, assays: int) -> np.ndarray:
        if self.weights and len(self.weights) != assays:
            raise ConfigError(f"Scalarised: {len(self.weights)} weights for {assays} assays. Nothing was chosen.")
        weights = np.array(self.weights or (1.0,) * assays)
        return weights / weights.sum()

    def _prediction(self, prediction: Prediction, low: np.ndarray, scale: np.ndarray) -> Prediction:
        weights = self._weights(len(low))
        noise = np.array([np.sqrt(np.square(weights * prediction.noise / scale).sum())])
        draws = self.combined((prediction.draws - low) / scale)[:, :, None]
        mean = self.combined((prediction.mean - low) / scale)[:, None]
        if not len(draws):
            sd = np.sqrt(np.square(weights * prediction.sd / scale).sum(1, keepdims=True))
            return Prediction(draws, mean, sd, noise)
        if self.method == "linear":
            return Prediction(draws, mean, draws.std(0), noise)
        return Prediction.of_draws(draws, noise)


def _scale(context: AcquisitionContext, assays: int) -> tuple[np.ndarray, np.ndarray]:
    low, scale = np.zeros(assays), np.ones(assays)
    if context.values is not None:
        for a in range(assays):
            known = context.values[:, a][np.isfinite(context.values[:, a])]
            if len(known) > 1 and np.ptp(known) > 0:
                low[a], scale[a] = known.min(), np.ptp(known)
    return low, scale
