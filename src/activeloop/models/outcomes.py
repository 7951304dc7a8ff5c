"""Distributions of repair outcomes from guides: a simplex head, learned by the Kullback-Leibler divergence."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from activeloop.candidates import Pool
from activeloop.encoders.base import Encoder
from activeloop.encoders.guide import Kmers
from activeloop.errors import ModelError
from activeloop.measurements.outcomes import Outcomes
from activeloop.metrics import pearson
from activeloop.models.base import choose_members
from activeloop.prediction import Prediction, Predictor

#: ridges that are tried, the share of guides on which they are compared, and the fewest guides
RIDGES, HELD_OUT, FEWEST = tuple(np.geomspace(1e-4, 1.0, 5).tolist()), 0.2, 5
#: reads from which more make a distribution no surer: guides differ by more than counting then
ENOUGH = 500.0
#: shares below it count as it in a logarithm
LEAST = 1e-6


def divergence(true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Kullback-Leibler divergence of predicted from true distributions, in nats.

    Args:
        true: [N, K], each row sums to 1.
        predicted: [N, K].

    Returns:
        [N], 0 where both are the same.

    >>> divergence(np.array([[0.5, 0.5]]), np.array([[0.5, 0.5]])).tolist()
    [0.0]
    """
    ratio = np.log(np.maximum(true, LEAST) / np.maximum(predicted, LEAST))
    return np.maximum((np.where(true > 0, true, 0.0) * ratio).sum(1), 0.0)


@dataclass(frozen=True)
class OutcomeLearner:
    """A linear map of guides to a softmax over outcomes, fitted by the divergence from the measured distributions.

    The loss is the mean over guides of KL(measured || predicted), guides of few reads counting less, and a ridge that
    is chosen on a fifth of the guides. Members are fitted to guides drawn with replacement; a sample is one member.

    Args:
        encoder: of guides.
        members: how many.

    Source: Shen et al. 2018, Nature 563:646 (inDelphi); Allen et al. 2019, Nat Biotechnol 37:64 (FORECasT, whose
    figure is this divergence, too).
    """

    encoder: Encoder = field(default_factory=Kmers)
    members: int = 5

    def fit(self, outcomes: Outcomes, rows: np.ndarray | None = None, seed: int = 0) -> OutcomePredictor:
        """The model of some guides, of all when None.

        Raises:
            ModelError: fewer than five guides.
        """
        rows = np.arange(len(outcomes)) if rows is None else np.asarray(rows, np.int64)
        if len(rows) < FEWEST:
            raise ModelError(f"{len(rows)} guides tell no distribution of outcomes. Give {FEWEST} or more.")
        x = self.encoder.features(outcomes.pool, rows).astype(np.float64)
        centre, spread = x.mean(0), np.where(x.std(0) > 1e-9, x.std(0), 1.0)
        z = (x - centre) / spread / np.sqrt(x.shape[1])
        reads = np.nan_to_num(outcomes.reads[rows], nan=ENOUGH)
        weights = np.minimum(reads, ENOUGH) / ENOUGH
        targets, rng = outcomes.shares[rows], np.random.default_rng(seed)
        order = rng.permutation(len(rows))
        held, rest = np.split(order, [max(1, int(HELD_OUT * len(rows)))])

        def error(ridge: float) -> float:
            predicted = softmax(z[held], _weights(z[rest], targets[rest], weights[rest], ridge))
            return float(np.average(divergence(targets[held], predicted), weights=weights[held]))

        ridge = min(RIDGES, key=error)
        drawn = [rng.choice(len(rows), len(rows)) for _ in range(self.members)]
        maps = np.stack([_weights(z[some], targets[some], weights[some], ridge) for some in drawn])
        return OutcomePredictor(self.encoder, outcomes.names, centre, spread, maps, len(rows))


@dataclass(frozen=True)
class OutcomePredictor(Predictor):
    """Predicts distributions of outcomes; they are classes of a `Prediction`.

    Args:
        encoder: of guides.
        names: [K] of the outcomes.
        centre, spread: [D] of the features.
        maps: [M, D + 1, K] of each member; the last row is the constant.
        guides: how many it was fitted to.
    """

    encoder: Encoder
    names: tuple[str, ...]
    centre: np.ndarray
    spread: np.ndarray
    maps: np.ndarray
    guides: int

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """[N, K] shares: mean and standard deviation over members; each sample is one member."""
        x = self.encoder.features(pool, np.asarray(rows, np.int64)).astype(np.float64)
        z = (x - self.centre) / self.spread / np.sqrt(max(x.shape[1], 1))
        every = np.stack([softmax(z, one) for one in self.maps])
        some = every[choose_members(len(every), draws, seed)].astype(np.float32)
        return Prediction(some, every.mean(0), every.std(0), np.zeros(len(self.names)), self.names)

    def figures(self, outcomes: Outcomes, rows: np.ndarray) -> dict[str, float]:
        """How well the distributions of some guides are predicted, which it must not have been fitted to.

        Returns:
            `kl`: mean divergence in nats; `kl_of_mean`: that of the mean distribution of these guides, whatever the
            guide, which a model must beat; `pearson`: median over guides of the correlation over outcomes.
        """
        rows = np.asarray(rows, np.int64)
        true, predicted = outcomes.shares[rows], self.predict(outcomes.pool, rows, 0, 0).mean
        mean = np.tile(true.mean(0), (len(true), 1))
        each = [pearson(a, b) for a, b in zip(predicted, true, strict=True)]
        return {
            "kl": float(divergence(true, predicted).mean()),
            "kl_of_mean": float(divergence(true, mean).mean()),
            "pearson": float(np.nanmedian(each)),
        }

    def explain(self) -> str:
        """On what it was fitted."""
        return f"A softmax over {len(self.names)} outcomes, fitted to {self.guides} guides, {len(self.maps)} members."

    def state(self) -> dict[str, np.ndarray]:
        """Maps and scale of the features."""
        return {"maps": self.maps, "centre": self.centre, "spread": self.spread}


def softmax(features: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """[N, K] probabilities from features [N, D] and weights [D + 1, K], the last row of which is the constant."""
    logits = features @ weights[:-1] + weights[-1]
    odds = np.exp(logits - logits.max(1, keepdims=True))
    return odds / odds.sum(1, keepdims=True)


def _weights(features: np.ndarray, targets: np.ndarray, weights: np.ndarray, ridge: float) -> np.ndarray:
    """[D + 1, K] of the least mean divergence and ridge; the constant has none."""
    from scipy.optimize import minimize

    size, outcomes = features.shape[1] + 1, targets.shape[1]
    share = weights / weights.sum()
    start = np.zeros((size, outcomes))
    start[-1] = np.log(np.maximum(share @ targets, LEAST))

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        w = flat.reshape(size, outcomes)
        predicted = softmax(features, w)
        value = -float(share @ (targets * np.log(np.maximum(predicted, LEAST))).sum(1))
        apart = share[:, None] * (predicted - targets)
        slope = np.concatenate([features.T @ apart, apart.sum(0)[None]])
        slope[:-1] += ridge * w[:-1]
        return value + 0.5 * ridge * float((w[:-1] ** 2).sum()), slope.ravel()

    return minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 200}).x.reshape(
        size, outcomes
    )
