"""A Gaussian process over the varied sites of a combinatorial library."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from activeloop.candidates import Pool
from activeloop.encoders.base import sites_of
from activeloop.measurements import Dataset
from activeloop.models.base import PerAssayLearner
from activeloop.models.gp.core import ExactConditioned
from activeloop.models.gp.site_kernel import SiteKernel, SiteLikelihood, kernel_times, letter_coordinates, prior_draws
from activeloop.models.out_of_fold import OutOfFoldSd
from activeloop.models.transforms import QuantileTransform, Scale, standard
from activeloop.prediction import FastMean, Prediction, Predictor

#: candidates of which the covariance with the measured ones is held at once
PIECE = 8192
#: the parameters are learned on at most so many candidates, the posterior uses at most this many
LEARNED_ON, CONDITIONED_ON = 600, 3000


@dataclass(frozen=True)
class SiteGP(PerAssayLearner):
    """Exact Gaussian process with the kernel of `site_kernel`, its parameters learned by marginal likelihood.

    Args:
        ranked: whether values are first put on a normal scale by their ranks. Raw values let the few best lead; ranks
            let all speak. A campaign that averages both does better than with either.
    """

    ranked: bool = False

    @property
    def name(self) -> str:
        """`sites` or `sites-ranked`."""
        return "sites-ranked" if self.ranked else "sites"

    def _fit_one(self, dataset: Dataset, seed: int) -> Predictor:
        some = np.random.default_rng(seed).permutation(len(dataset))[:LEARNED_ON]
        return self._restore_one(dataset, seed, {"logs": self._likelihood(dataset, some).learn()})

    def _restore_one(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        used = np.random.default_rng(seed).permutation(len(dataset))[:CONDITIONED_ON]
        likelihood = self._likelihood(dataset, used)
        scale = Scores.of(dataset.values[:, 0], self.ranked)
        order = np.argsort(used) if len(used) == len(dataset) else None
        return SitePredictor(likelihood, state["logs"], scale, order, self.name)

    def _likelihood(self, dataset: Dataset, index: np.ndarray) -> SiteLikelihood:
        sites = sites_of(dataset.pool, self.name)
        x = dataset.pool.codes(dataset.rows)
        coordinates = tuple(letter_coordinates(sites.alphabet, np.unique(column)) for column in x.T)
        scale = Scores.of(dataset.values[:, 0], self.ranked)
        errors = (dataset.errors[:, 0] / scale.slope) ** 2
        return SiteLikelihood(coordinates, x[index], scale.to_score(dataset.values[:, 0])[index], errors[index])


@dataclass(frozen=True)
class Scores:
    """Values on the scale of the process: by a straight line, or by ranks.

    Args:
        line: the line.
        transform: the ranks; None = the line alone.
    """

    line: Scale
    transform: QuantileTransform | None

    @classmethod
    def of(cls, values: np.ndarray, ranked: bool) -> Scores:
        """The scale of measured values."""
        return cls(standard(values), QuantileTransform.of(values) if ranked else None)

    @property
    def slope(self) -> float:
        """Value per score."""
        return self.line.factor

    def to_score(self, values: np.ndarray) -> np.ndarray:
        """Values to scores."""
        return self.transform.to_score(values) if self.transform else self.line.to_target(values)

    def to_value(self, scores: np.ndarray) -> np.ndarray:
        """Scores to values."""
        return self.transform.to_value(scores) if self.transform else self.line.to_value(scores)

    def spread(self, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
        """Half the distance in values between one standard deviation of the scores above the mean and one below."""
        return (self.to_value(mean + sd) - self.to_value(mean - sd)) / 2


@dataclass(frozen=True)
class SitePredictor(Predictor, OutOfFoldSd, FastMean):
    """The fitted process.

    Args:
        likelihood: the labels it was conditioned on.
        logs: log parameters.
        scale: between values and scores.
        order: puts held-out predictions into the order of the data set; None when not every label was used.
        name: of its learner.
    """

    likelihood: SiteLikelihood
    logs: np.ndarray
    scale: Scores
    order: np.ndarray | None
    name: str

    @cached_property
    def kernel(self) -> SiteKernel:
        """The kernel."""
        return self.likelihood.kernel(self.logs)

    @cached_property
    def noise(self) -> np.ndarray:
        """[n] variance of each label."""
        return np.exp(self.logs[0]) + self.likelihood.errors + 1e-6

    @cached_property
    def process(self) -> ExactConditioned:
        """The process given the labels."""
        gram = self.kernel.between(self.likelihood.x, self.likelihood.x)
        return ExactConditioned.of(gram, self.likelihood.y, self.noise)

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """Mean and spread are exact in scores (of ranks: the median in values); draws are joint (Matheron's rule)."""
        x = pool.codes(rows)
        mean, variance = self._mean(x), np.zeros(len(x))
        joint = np.zeros((draws, len(x)), np.float32)
        moves = self._moves(seed, draws)
        root = self.process.root.astype(np.float32)
        for start in range(0, len(x), PIECE):
            piece = slice(start, start + PIECE)
            cross = self.kernel.between(x[piece], self.likelihood.x, np.float32)
            variance[piece] = self.kernel.own_variance - np.square(cross @ root).sum(1)
            if draws:
                joint[:, piece] = prior_draws(self.kernel, x[piece], seed, draws) + (cross @ moves).T
        sd = np.sqrt(np.maximum(variance, 1e-9))
        half = self.scale.spread(mean, sd)
        values = self.scale.to_value(joint).astype(np.float32)[:, :, None]
        noise = np.array([np.exp(0.5 * self.logs[0]) * self.scale.slope])
        return Prediction(values, self.scale.to_value(mean)[:, None], half[:, None], noise)

    def mean(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[N, 1] means, by tables of letters."""
        return self.scale.to_value(self._mean(pool.codes(rows)))[:, None]

    def _mean(self, x: np.ndarray) -> np.ndarray:
        return kernel_times(self.kernel, x, self.likelihood.x, self.process.weights)

    def _moves(self, seed: int, draws: int) -> np.ndarray:
        """[n, S] what takes each prior draw to the labels."""
        prior = prior_draws(self.kernel, self.likelihood.x, seed, draws).T
        normal = np.random.default_rng([seed, 1]).standard_normal(prior.shape)
        return self.process.updates(self.likelihood.y[:, None] - prior, normal).astype(np.float32)

    def held_out(self) -> np.ndarray:
        """[N] leave-one-out means (Rasmussen and Williams 2006, eq. 5.12); NaN when not every label was used."""
        if self.order is None:
            return np.full(1, np.nan)
        return self.scale.to_value(self._leave_one_out[0])[self.order]

    def held_out_spread(self) -> np.ndarray:
        """[N] their spreads, brought to values as those of predictions are; NaN when not every label was used."""
        if self.order is None:
            return np.full(1, np.nan)
        return self.scale.spread(*self._leave_one_out)[self.order]

    @cached_property
    def _leave_one_out(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation [n] of the score of each label, given all others."""
        mean, variance = self.process.leave_one_out
        return mean, np.sqrt(np.maximum(variance - self.noise, 1e-9))

    def explain(self) -> str:
        """What was learned about sites, pairs and the whole."""
        one, pair, whole = self.kernel.variances / self.kernel.variances.sum()
        return (
            f"A Gaussian process over {len(self.kernel.tables)} sites ({self.name}), fitted to "
            f"{len(self.likelihood.y)} candidates: {one:.0%} of what it can explain are single sites, {pair:.0%} "
            f"pairs, {whole:.0%} whole combinations; noise is {np.exp(0.5 * self.logs[0]):.2f} of the values' spread."
        )

    def state(self) -> dict[str, np.ndarray]:
        """The learned parameters."""
        return {"logs": self.logs}
