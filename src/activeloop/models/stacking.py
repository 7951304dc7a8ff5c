"""Stacking: several learners, weighted by their out-of-fold predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from activeloop.candidates import Pool
from activeloop.errors import ConfigError
from activeloop.measurements import Dataset
from activeloop.metrics import spearman
from activeloop.models.base import PerAssayLearner, substate
from activeloop.models.family import TakesFamily, no_place, with_family
from activeloop.models.out_of_fold import OutOfFoldSd, out_of_fold_prediction
from activeloop.models.transforms import QuantileTransform, Scale, Transform
from activeloop.prediction import FastMean, Learner, Prediction, Predictor, mean_of
from activeloop.priors.profile import Profile

#: with more earlier candidates the last plate is no evidence: out-of-fold predictions suffice
MOST_EARLIER = 200
#: on which scale weights are fitted and means averaged
StackingScale = Literal["values", "ranks", "both"]


@dataclass(frozen=True)
class StackingEnsemble(PerAssayLearner):
    """Several learners, weighted by their out-of-fold predictions.

    The weights are those of a stacked regression (Breiman 1996, Machine Learning 24:49): not negative, of sum 1, and
    `start` before any evidence. Evidence is each learner's prediction of every measured candidate by a model that did
    not see it and, once there are two plates, its prediction of the last plate from the plates before. A draw of the
    result is a draw of one of the learners, chosen in proportion to the weights, so disagreement between learners
    counts as uncertainty.

    Args:
        learners: at least one; the first one that predicts something before any measurement gives the prior.
        folds: of the cross-validation of learners without out-of-fold predictions.
        prior_pseudo_count: number of measured candidates whose evidence weighs as much as the start.
        start: weights before any evidence; equal when empty.
        scale: of fitting weights and averaging means. `values`: as measured. `ranks`: the normal scores of the measured
            values' ranks, see `QuantileTransform`. Many assays have most values near one or two levels: learners that
            order those differently also give them different standard deviations, and an average of raw values then
            follows the learner with the largest. `both`: averaged by ranks, with the mean of the weights on either
            scale: ranks measure who orders all candidates best, values who predicts the few that stand out.
    """

    learners: tuple[Learner, ...]
    folds: int = 5
    prior_pseudo_count: float = 20.0
    start: tuple[float, ...] = ()
    scale: StackingScale = "values"

    @property
    def name(self) -> str:
        """`stacking`, the scale where it is not that of the values, and the names of its learners."""
        how = "stacking" if self.scale == "values" else f"stacking-{self.scale}"
        return f"{how}({','.join(learner.name for learner in self.learners)})"

    def with_family(self, family: Profile) -> StackingEnsemble:
        """The same, of learners with a family; one that has no place for it stays as it is.

        Raises:
            ConfigError: none has.
        """
        taking = [with_family(one, family) if isinstance(one, TakesFamily) else one for one in self.learners]
        if tuple(taking) == self.learners:
            raise ConfigError(no_place(self.name))
        return replace(self, learners=tuple(taking))

    def prior(self, pool: Pool) -> Predictor | None:
        """The prior of the first learner that has one."""
        return next((p for p in (learner.prior(pool) for learner in self.learners) if p is not None), None)

    def completed(self, dataset: Dataset) -> Dataset:
        """With the history of the first of its learners that brings one."""
        for learner in self.learners:
            dataset = learner.completed(dataset) if isinstance(learner, PerAssayLearner) else dataset
        return dataset

    def _fit_one(self, dataset: Dataset, seed: int) -> Predictor:
        fitted = [learner.fit(dataset, seed) for learner in self.learners]
        if len(fitted) == 1:
            return fitted[0]
        pairs = zip(self.learners, fitted, strict=True)
        evidence = [Evidence.of(learner, dataset, one, self.folds, seed) for learner, one in pairs]
        values, transform = dataset.values[:, 0], self._transform(dataset)
        start = np.array(self.start or (1.0,) * len(fitted))
        scales = (AS_MEASURED, transform) if self.scale == "both" else (transform,)
        weights = np.mean([stack(evidence, values, self.prior_pseudo_count, start / start.sum(), t) for t in scales], 0)
        mean, sd = (np.stack(each) for each in zip(*((e.held_out, e.sd) for e in evidence), strict=True))
        return StackingPredictor(
            tuple(fitted),
            tuple(learner.name for learner in self.learners),
            weights,
            np.array([e.held_out_spearman(values) for e in evidence]),
            np.array([e.last_plate_spearman(values) for e in evidence]),
            np.stack(mixture(weights, mean, sd, transform)),
            transform,
        )

    def _restore_one(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        if len(self.learners) == 1:
            return self.learners[0].restore(dataset, seed, state)
        parts = (learner.restore(dataset, seed, substate(state, f"{i}/")) for i, learner in enumerate(self.learners))
        names = tuple(learner.name for learner in self.learners)
        weights, held_out, last, predictions = (state[key] for key in STORED)
        return StackingPredictor(tuple(parts), names, weights, held_out, last, predictions, self._transform(dataset))

    def _transform(self, dataset: Dataset) -> Transform:
        return AS_MEASURED if self.scale == "values" else QuantileTransform.of(dataset.values[:, 0])


#: the scale of the values themselves
AS_MEASURED = Scale(0.0, 1.0)
#: under which weights, both correlations and out-of-fold predictions are stored
STORED = ("weights", "agreement", "foresight", "unseen")


@dataclass(frozen=True)
class StackingPredictor(Predictor, OutOfFoldSd, FastMean):
    """Several fitted models and their weights.

    Args:
        parts: M predictors.
        names: of their learners.
        weights: [M] not negative, sum 1.
        held_out_spearman: [M] of each one's out-of-fold predictions.
        last_plate_spearman: [M] of each one's prediction of the last plate from those before (NaN without one).
        out_of_fold: [2, N] weighted out-of-fold predictions of the N measured candidates, and their standard
            deviation within and between the parts; slightly optimistic, for the weights were fitted to these N.
        transform: to the scale on which means are averaged.
    """

    parts: tuple[Predictor, ...]
    names: tuple[str, ...]
    weights: np.ndarray
    held_out_spearman: np.ndarray
    last_plate_spearman: np.ndarray
    out_of_fold: np.ndarray
    transform: Transform = AS_MEASURED

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """The mixture: weighted mean, and the standard deviation within and between the parts."""
        used = [(i, int(s)) for i, s in enumerate(shares(self.weights, draws)) if self.weights[i] > 0]
        parts = [self.parts[i].predict(pool, rows, seed + 7919 * i, s) for i, s in used]
        weights = np.array([self.weights[i] for i, _ in used])
        mean, sd = mixture(weights, np.stack([p.mean for p in parts]), np.stack([p.sd for p in parts]), self.transform)
        noise = known_noise(weights, np.stack([p.noise for p in parts]))
        joint = np.concatenate([p.draws for p in parts]) if draws else np.zeros((0, *mean.shape))
        return Prediction(joint, mean, sd, noise)

    def mean(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[N, A] weighted means."""
        used = [i for i, weight in enumerate(self.weights) if weight > 0]
        means = np.stack([mean_of(self.parts[i], pool, rows) for i in used])
        return averaged(self.weights[used], means, self.transform)

    def held_out(self) -> np.ndarray:
        """[N] weighted held-out predictions."""
        return self.out_of_fold[0]

    def held_out_sd(self) -> np.ndarray:
        """[N] their standard deviations within and between the parts."""
        return self.out_of_fold[1]

    def explain(self) -> str:
        """Each learner's weight and the evidence for it, best first."""
        lines = [self._line(i) for i in np.argsort(-self.weights, kind="stable")]
        return f"Stacking weights from {self.out_of_fold.shape[1]} candidates: {'; '.join(lines)}."

    def _line(self, i: int) -> str:
        text = f"{self.names[i]} {self.weights[i]:.0%} (held-out Spearman {self.held_out_spearman[i]:.2f}"
        last = self.last_plate_spearman[i]
        return text + (f", last plate {last:.2f})" if np.isfinite(last) else ")")

    def state(self) -> dict[str, np.ndarray]:
        """Weights, evidence, and the state of each part."""
        own = (self.weights, self.held_out_spearman, self.last_plate_spearman, self.out_of_fold)
        parts = {f"{i}/{k}": v for i, part in enumerate(self.parts) for k, v in part.state().items()}
        return dict(zip(STORED, own, strict=True)) | parts


@dataclass(frozen=True)
class Evidence:
    """Predictions of measured candidates by models that had not seen them.

    Args:
        held_out: [N] out-of-fold predictions, one for each measured candidate.
        last_plate: [N] predictions of the last plate from the plates before it; NaN for candidates of those, and
            everywhere when there was only one plate.
        sd: [N] standard deviation of the out-of-fold predictions, without noise.
    """

    held_out: np.ndarray
    last_plate: np.ndarray
    sd: np.ndarray = field(default_factory=lambda: np.zeros(1))

    @classmethod
    def of(cls, learner: Learner, dataset: Dataset, fitted: Predictor, folds: int, seed: int) -> Evidence:
        """The evidence for one learner; arguments as those of `out_of_fold_prediction`."""
        mean, sd = out_of_fold_prediction(learner, dataset, fitted, folds, seed)
        return cls(mean, last_plate(learner, dataset, seed), sd)

    def held_out_spearman(self, values: np.ndarray) -> float:
        """Spearman correlation of the out-of-fold predictions with the measured values [N]."""
        return spearman(self.held_out, values, fewest=3)

    def last_plate_spearman(self, values: np.ndarray) -> float:
        """Spearman correlation of the predictions of the last plate with its values; NaN without one."""
        known = np.isfinite(self.last_plate)
        return spearman(self.last_plate[known], values[known], fewest=3)


def last_plate(learner: Learner, dataset: Dataset, seed: int) -> np.ndarray:
    """[N] predictions of the last plate by a fit to all earlier ones; NaN elsewhere, and for very many."""
    predictions = np.full(len(dataset), np.nan)
    last = dataset.rounds == dataset.rounds.max()
    if 0 < (~last).sum() <= MOST_EARLIER:
        predictor = learner.fit(dataset.take(~last), seed)
        predictions[last] = mean_of(predictor, dataset.pool, dataset.rows[last])[:, 0]
    return predictions


def averaged(weights: np.ndarray, means: np.ndarray, transform: Transform) -> np.ndarray:
    """[...] average of means [M, ...] on the scale of a transform.

    >>> averaged(
    ...     np.array([0.5, 0.5]), np.array([[0.0], [10.0]]), QuantileTransform.of(np.array([0.0, 1.0, 10.0]))
    ... ).tolist()
    [1.0]
    """
    return transform.to_value(np.tensordot(weights, transform.to_target(means), 1))


def mixture(
    weights: np.ndarray, means: np.ndarray, spreads: np.ndarray, transform: Transform
) -> tuple[np.ndarray, np.ndarray]:
    """Average of the means [M, ...] of M distributions, and standard deviation of their mixture around it, both [...].

    >>> [float(x) for x in mixture(np.array([0.5, 0.5]), np.array([-3.0, 3.0]), np.array([4.0, 4.0]), AS_MEASURED)]
    [0.0, 5.0]
    """
    mean = averaged(weights, means, transform)
    return mean, np.sqrt(np.tensordot(weights, spreads**2 + (means - mean) ** 2, 1))


def stack(
    evidence: Sequence[Evidence],
    values: np.ndarray,
    prior_pseudo_count: float,
    start: np.ndarray,
    transform: Transform = AS_MEASURED,
) -> np.ndarray:
    """Weights [M] of a stacked regression.

    Minimises the squared error of the weighted out-of-fold predictions, plus `prior_pseudo_count` times the residual
    variance times the squared distance from the start, subject to weights that are not negative and sum to 1.

    Args:
        evidence: of M learners.
        values: [N] measured values.
        prior_pseudo_count: see `StackingEnsemble`.
        start: [M] weights before any evidence, sum 1.
        transform: to the scale on which errors are squared.

    >>> good, bad = np.arange(50.0), np.zeros(50)
    >>> none = np.full(50, np.nan)
    >>> stack([Evidence(good, none), Evidence(bad, none)], good, 20.0, np.full(2, 0.5)).round(2).tolist()
    [0.95, 0.05]
    """
    from scipy.optimize import nnls

    predictions = np.stack([np.concatenate([e.held_out, e.last_plate]) for e in evidence], axis=1)
    known = np.isfinite(predictions).all(1)
    targets = transform.to_target(np.tile(values, 2)[known])
    residuals = targets[:, None] - transform.to_target(predictions[known])
    # residuals of weights that sum to 1 are the weighted residuals, so the whole is one non-negative least squares
    scale = float(np.sqrt(np.mean(residuals.var(0)))) or 1.0
    m = len(evidence)
    pull = np.sqrt(prior_pseudo_count) * (np.eye(m) - start[:, None])
    rows = np.concatenate([residuals / scale, pull, np.full((1, m), 1e4)])
    goal = np.concatenate([np.zeros(len(residuals) + m), [1e4]])
    weights, _ = nnls(rows, goal)
    return weights / weights.sum()


def known_noise(weights: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """[A] root mean square of the noise [M, A] of those parts that know theirs (0: not known); 0 when none does.

    >>> known_noise(np.array([0.8, 0.2]), np.array([[0.0], [3.0]])).tolist()
    [3.0]
    """
    share = weights[:, None] * (noise > 0)
    return np.sqrt((share * noise**2).sum(0) / np.maximum(share.sum(0), 1e-300))


def shares(weights: np.ndarray, draws: int) -> np.ndarray:
    """How many of the draws each learner gives: proportional to the weights, rounded so that they sum to `draws`.

    >>> shares(np.array([0.7, 0.3, 0.0]), 10).tolist()
    [7, 3, 0]
    """
    exact = weights * draws
    counts = np.floor(exact).astype(int)
    for i in np.argsort(counts - exact, kind="stable")[: draws - counts.sum()]:
        counts[i] += 1
    return counts
