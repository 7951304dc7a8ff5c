"""The gate: which learners to trust, by evidence, and how far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

import numpy as np

from activeloop.candidates import Pool
from activeloop.measurements import Dataset
from activeloop.metrics import spearman
from activeloop.models.base import PerAssayLearner
from activeloop.models.out_of_fold import OutOfFoldSd, out_of_fold_prediction
from activeloop.models.transforms import QuantileTransform
from activeloop.prediction import FastMean, Learner, Prediction, Predictor, mean_of

T = TypeVar("T", np.ndarray, "Evidence")
#: with more earlier candidates than this another fit costs more than it tells: held-out predictions are plenty by then
LOOKING_BACK = 200
#: on which scale means are weighed
Scale = Literal["values", "ranks", "both"]


@dataclass(frozen=True)
class StackingEnsemble(PerAssayLearner):
    """Several learners, weighed by how well each predicts what it has not seen.

    The weights are those of a stacked regression (Breiman 1996, Machine Learning 24:49): not negative, they sum to 1,
    and they begin at `start`; evidence moves them. Evidence is each learner's prediction of every measured candidate
    by a model that did not see it and, once there are two plates, what the version before said of the last plate.
    A draw of the result is a draw of one of the learners, chosen in proportion to the weights, so disagreement
    between learners counts as uncertainty.

    Args:
        learners: at least one; the first one that predicts something gives the prior.
        folds: of the cross-validation of learners that cannot say what they would have predicted.
        patience: number of measured candidates whose evidence weighs as much as the start.
        start: weights before any evidence; equal when empty.
        scale: `values`: means are weighed and averaged as they are. `ranks`: both on the normal scale of the measured
            values' ranks, see `QuantileTransform`. Many assays have most values near one or two levels: learners that
            order those differently also give them different standard deviations, and an average of raw values then
            follows the learner with the largest. `both`: averaged by ranks, with the mean of the weights on either
            scale: ranks measure who orders all candidates best, values who predicts the few that stand out.
    """

    learners: tuple[Learner, ...]
    folds: int = 5
    patience: float = 20.0
    start: tuple[float, ...] = ()
    scale: Scale = "values"

    @property
    def name(self) -> str:
        """`stacking`, the scale where it is not that of the values, and the names of its learners."""
        how = "stacking" if self.scale == "values" else f"stacking-{self.scale}"
        return f"{how}({','.join(learner.name for learner in self.learners)})"

    def prior(self, pool: Pool) -> Predictor | None:
        """The prior of the first learner that has one."""
        return next((p for p in (learner.prior(pool) for learner in self.learners) if p is not None), None)

    def _fit_one(self, dataset: Dataset, seed: int) -> Predictor:
        fitted = [learner.fit(dataset, seed) for learner in self.learners]
        if len(fitted) == 1:
            return fitted[0]
        pairs = zip(self.learners, fitted, strict=True)
        evidence = [gather(learner, dataset, one, self.folds, seed) for learner, one in pairs]
        values = dataset.values[:, 0]
        start, transform = np.array(self.start or (1.0,) * len(fitted)), self._transform(dataset)
        scales = (None, transform) if self.scale == "both" else (transform,)
        weights = np.mean(
            [stack([on(w, e) for e in evidence], on(w, values), self.patience, start / start.sum()) for w in scales], 0
        )
        agreement = np.array([e.agreement(values) for e in evidence])
        foresight = np.array([e.foresight(values) for e in evidence])
        names = tuple(e.learner for e in evidence)
        held_out, spread = (np.stack(each) for each in zip(*((e.held_out, e.spread) for e in evidence), strict=True))
        unseen = mixture(weights, held_out, spread, transform)
        return StackingPredictor(tuple(fitted), names, weights, agreement, foresight, np.stack(unseen), transform)

    def _restore_one(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        if len(self.learners) == 1:
            return self.learners[0].restore(dataset, seed, state)
        parts = [
            learner.restore(dataset, seed, {k.split("/", 1)[1]: v for k, v in state.items() if k.startswith(f"{i}/")})
            for i, learner in enumerate(self.learners)
        ]
        names = tuple(learner.name for learner in self.learners)
        own = {k: state[k] for k in ("weights", "agreement", "foresight", "unseen")}
        return StackingPredictor(tuple(parts), names, **own, transform=self._transform(dataset))

    def _transform(self, dataset: Dataset) -> QuantileTransform | None:
        return None if self.scale == "values" else QuantileTransform.of(dataset.values[:, 0])


@dataclass(frozen=True)
class StackingPredictor(Predictor, OutOfFoldSd, FastMean):
    """Several fitted models and their weights.

    Args:
        parts: M predictors.
        names: of their learners.
        weights: [M] not negative, sum 1.
        agreement: [M] Spearman of each on held-out candidates.
        foresight: [M] Spearman of each one's version before on the last plate (NaN without one).
        unseen: [2, N] weighted held-out predictions of the N measured candidates, and their spread within and between
            the parts. The weights were chosen by these N, which makes them look a little better than they are.
        transform: to the scale on which means are averaged; None for the assay's own.
    """

    parts: tuple[Predictor, ...]
    names: tuple[str, ...]
    weights: np.ndarray
    agreement: np.ndarray
    foresight: np.ndarray
    unseen: np.ndarray
    transform: QuantileTransform | None = None

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """The mixture: weighted mean, and the spread within and between the parts."""
        used = [(i, int(s)) for i, s in enumerate(shares(self.weights, draws)) if self.weights[i] > 0]
        predictions = [self.parts[i].predict(pool, rows, seed + 7919 * i, s) for i, s in used]
        weights = np.array([self.weights[i] for i, _ in used])
        mean, sd = mixture(
            weights, np.stack([b.mean for b in predictions]), np.stack([b.sd for b in predictions]), self.transform
        )
        noise = known_noise(weights, np.stack([b.noise for b in predictions]))
        joint = np.concatenate([b.draws for b in predictions]) if draws else np.zeros((0, *mean.shape))
        return Prediction(joint, mean, sd, noise)

    def mean(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[N, A] weighted means."""
        used = [i for i, weight in enumerate(self.weights) if weight > 0]
        return averaged(
            self.weights[used], np.stack([mean_of(self.parts[i], pool, rows) for i in used]), self.transform
        )

    def held_out(self) -> np.ndarray:
        """[N] weighted held-out predictions."""
        return self.unseen[0]

    def held_out_spread(self) -> np.ndarray:
        """[N] their spread within and between the parts."""
        return self.unseen[1]

    def explain(self) -> str:
        """Each learner's weight and the evidence for it, best first."""
        lines = [self._line(i) for i in np.argsort(-self.weights, kind="stable")]
        return f"On {self.unseen.shape[1]} candidates the gate weighs {'; '.join(lines)}."

    def _line(self, i: int) -> str:
        text = f"{self.names[i]} {self.weights[i]:.0%} (held-out Spearman {self.agreement[i]:.2f}"
        return text + (f", last plate {self.foresight[i]:.2f})" if np.isfinite(self.foresight[i]) else ")")

    def state(self) -> dict[str, np.ndarray]:
        """Weights, evidence, and the state of each part."""
        own = {k: getattr(self, k) for k in ("weights", "agreement", "foresight", "unseen")}
        return own | {f"{i}/{k}": v for i, part in enumerate(self.parts) for k, v in part.state().items()}


def on(transform: QuantileTransform | None, told: T) -> T:
    """Values, or what is said of them by evidence, on a warp's scale; as they are without one."""
    if transform is None:
        return told
    if isinstance(told, Evidence):
        return replace(told, held_out=transform.to_target(told.held_out), earlier=transform.to_target(told.earlier))
    return transform.to_target(told)


def averaged(weights: np.ndarray, means: np.ndarray, transform: QuantileTransform | None) -> np.ndarray:
    """[...] average of means [M, ...]; on the scale of a warp where there is one.

    >>> averaged(
    ...     np.array([0.5, 0.5]), np.array([[0.0], [10.0]]), QuantileTransform.of(np.array([0.0, 1.0, 10.0]))
    ... ).tolist()
    [1.0]
    """
    if transform is None:
        return np.tensordot(weights, means, 1)
    return transform.to_value(np.tensordot(weights, transform.to_target(means), 1))


def mixture(
    weights: np.ndarray, means: np.ndarray, spreads: np.ndarray, transform: QuantileTransform | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Average of the means [M, ...] of M distributions, and spread around it of their mixture, both [...].

    >>> [float(x) for x in mixture(np.array([0.5, 0.5]), np.array([-3.0, 3.0]), np.array([4.0, 4.0]))]
    [0.0, 5.0]
    """
    mean = averaged(weights, means, transform)
    return mean, np.sqrt(np.tensordot(weights, spreads**2 + (means - mean) ** 2, 1))


def stack(evidence: Sequence[Evidence], values: np.ndarray, patience: float, start: np.ndarray) -> np.ndarray:
    """Weights [M] of a stacked regression.

    Minimises the squared error of the weighted held-out predictions, plus `patience` times the residual variance times
    the squared distance from the start, subject to weights that are not negative and sum to 1.

    Args:
        evidence: of M learners.
        values: [N] measured values.
        patience: see `StackingEnsemble`.
        start: [M] weights before any evidence, sum 1.

    >>> good, bad = np.arange(50.0), np.zeros(50)
    >>> none = np.full(50, np.nan)
    >>> stack([Evidence("a", good, none), Evidence("b", bad, none)], good, 20.0, np.full(2, 0.5)).round(2).tolist()
    [0.95, 0.05]
    """
    from scipy.optimize import nnls

    predictions = np.stack([np.concatenate([e.held_out, e.earlier]) for e in evidence], axis=1)
    targets = np.tile(values, 2)
    known = np.isfinite(predictions).all(1)
    residuals = targets[known, None] - predictions[known]
    # residuals of weights that sum to 1 are the weighted residuals, so the whole is one non-negative least squares
    scale = float(np.sqrt(np.mean(residuals.var(0)))) or 1.0
    m = len(evidence)
    rows = np.concatenate(
        [
            residuals / scale,
            np.sqrt(patience) * (np.eye(m) - start[:, None]),
            np.full((1, m), 1e4),
        ]
    )
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


@dataclass(frozen=True)
class Evidence:
    """Predictions of measured candidates by models that had not seen them.

    Args:
        learner: name of the learner.
        held_out: [N] predictions, one for each measured candidate.
        earlier: [N] what the version before predicted for the last plate; NaN for candidates of earlier plates, and
            everywhere when there was only one plate.
        spread: [N] standard deviation of the held-out predictions, without noise.
    """

    learner: str
    held_out: np.ndarray
    earlier: np.ndarray
    spread: np.ndarray = field(default_factory=lambda: np.zeros(1))

    def agreement(self, values: np.ndarray) -> float:
        """Spearman correlation of the held-out predictions with the measured values [N]."""
        return spearman(self.held_out, values, fewest=3)

    def foresight(self, values: np.ndarray) -> float:
        """Spearman correlation of the version before with the plate that came after it; NaN without one."""
        seen = np.isfinite(self.earlier)
        return spearman(self.earlier[seen], values[seen], fewest=3)


def gather(learner: Learner, dataset: Dataset, fitted: Predictor, folds: int, seed: int) -> Evidence:
    """The evidence for one learner.

    Args:
        learner: the learner.
        dataset: one assay, every value measured.
        fitted: the learner fitted to all of `dataset`; asked for its own held-out predictions when it is `OutOfFold`.
        folds: of the cross-validation otherwise.
        seed: of folds and fits.
    """
    held_out, spread = out_of_fold_prediction(learner, dataset, fitted, folds, seed)
    return Evidence(learner.name, held_out, last_plate(learner, dataset, seed), spread)


def last_plate(learner: Learner, dataset: Dataset, seed: int) -> np.ndarray:
    """[N] what a fit to all earlier plates says of the last one; NaN elsewhere, and when those are very many."""
    predictions = np.full(len(dataset), np.nan)
    last = dataset.rounds == dataset.rounds.max()
    if 0 < (~last).sum() <= LOOKING_BACK:
        predictor = learner.fit(dataset.take(~last), seed)
        predictions[last] = mean_of(predictor, dataset.pool, dataset.rows[last])[:, 0]
    return predictions
