"""A Gaussian process over the varied sites of a combinatorial library."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np

from activeloop.candidates import Pool
from activeloop.encoders.base import sites_of
from activeloop.measurements import Dataset
from activeloop.models.base import PerAssayLearner
from activeloop.models.gp.core import ExactConditioned
from activeloop.models.gp.site_kernel import (
    SiteKernel,
    SiteLikelihood,
    kernel_times,
    prior_samples,
    residue_coordinates,
)
from activeloop.models.transforms import (
    PieceFunction,
    QuantileTransform,
    TargetCovariance,
    Transform,
    TransformedPredictor,
    standard,
)
from activeloop.prediction import Predictor
from activeloop.priors.profile import ALONE_SD, Profile

#: the parameters are fitted to at most this many candidates, the posterior is given at most this many
FITTED_ON, CONDITIONED_ON = 600, 3000


@dataclass(frozen=True)
class SiteGP(PerAssayLearner):
    """Exact Gaussian process with the kernel of `site_kernel`, its parameters fitted by marginal likelihood.

    Args:
        ranked: whether values are first put on a normal scale by their ranks. Raw values give the few best candidates
            the most weight; ranks weigh all alike. A campaign that averages both does better than with either.
        family: of the wild type: its score is a further linear term, of weight 0 before any measurement. None for none.
    """

    ranked: bool = False
    family: Profile | None = None

    @property
    def name(self) -> str:
        """`sites` or `sites-ranked`, and the family's name."""
        return f"sites{'-ranked' if self.ranked else ''}{f'-{self.family.name}' if self.family else ''}"

    def with_family(self, family: Profile) -> SiteGP:
        """The same with another family."""
        return replace(self, family=family)

    def _fit_one(self, dataset: Dataset, seed: int) -> Predictor:
        some = np.random.default_rng(seed).permutation(len(dataset))[:FITTED_ON]
        return self._restore_one(dataset, seed, {"logs": self._likelihood(dataset, some).fit()})

    def _restore_one(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        used = np.random.default_rng(seed).permutation(len(dataset))[:CONDITIONED_ON]
        order = np.argsort(used) if len(used) == len(dataset) else None
        transform = self._transform(dataset)
        return SitePredictor(self._likelihood(dataset, used), state["logs"], transform, order, self.name)

    def _transform(self, dataset: Dataset) -> Transform:
        values = dataset.values[:, 0]
        return QuantileTransform.of(values) if self.ranked else standard(values)

    def _likelihood(self, dataset: Dataset, index: np.ndarray) -> SiteLikelihood:
        sites = sites_of(dataset.pool, self.name)
        x, transform = dataset.pool.codes(dataset.rows), self._transform(dataset)
        coordinates = tuple(residue_coordinates(sites.alphabet, np.unique(column)) for column in x.T)
        y, errors = transform.to_target(dataset.values[:, 0]), (dataset.errors[:, 0] / transform.slope) ** 2
        column = None if self.family is None else ALONE_SD * self.family.table(dataset.pool)
        return SiteLikelihood(coordinates, x[index], y[index], errors[index], column)


@dataclass(frozen=True)
class SitePredictor(TransformedPredictor):
    """The fitted process.

    Args:
        likelihood: the labels it was conditioned on.
        logs: log parameters.
        transform: between values and targets.
        order: puts leave-one-out predictions into the order of the data set; None when not every label was used.
        name: of its learner.
    """

    likelihood: SiteLikelihood
    logs: np.ndarray
    transform: Transform
    order: np.ndarray | None
    name: str
    piece: ClassVar[int] = 4096

    @property
    def noise(self) -> float:  # type: ignore[override]
        """Standard deviation of one measurement, in targets."""
        return float(np.exp(0.5 * self.logs[0]))

    @cached_property
    def kernel(self) -> SiteKernel:
        """The kernel."""
        return self.likelihood.kernel(self.logs)

    @cached_property
    def process(self) -> ExactConditioned:
        """The process given the labels."""
        gram = self.kernel.between(self.likelihood.x, self.likelihood.x)
        return ExactConditioned.of(gram, self.likelihood.y, np.exp(self.logs[0]) + self.likelihood.errors + 1e-6)

    def _piece_function(self, pool: Pool, rows: np.ndarray, seed: int, draws: int) -> PieceFunction:
        x, measured = pool.codes(rows), self.likelihood.x
        mean = kernel_times(self.kernel, x, measured, self.process.weights)
        prior = prior_samples(self.kernel, measured, seed, draws).T
        normal = np.random.default_rng([seed, 1]).standard_normal(prior.shape)
        moves = self.process.updates(self.likelihood.y[:, None] - prior, normal)

        def predicted(piece: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            cross = self.kernel.between(x[piece], measured)
            variance = self.kernel.own_variance(x[piece]) - self.process.explained(cross)
            samples = np.zeros((0, len(cross)))
            if draws:
                samples = prior_samples(self.kernel, x[piece], seed, draws, np.float32) + (cross @ moves).T
            return samples, mean[piece], np.sqrt(np.maximum(variance, 1e-9))

        return predicted

    def _target_covariance(self) -> TargetCovariance:
        def covariance(pool: Pool, rows: np.ndarray, other: Pool, others: np.ndarray) -> np.ndarray:
            x, y = pool.codes(rows), other.codes(others)
            here, there = (self.process.whiten(self.kernel.between(z, self.likelihood.x)) for z in (x, y))
            return self.kernel.between(x, y) - here @ there.T

        return covariance

    def _target_mean(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        return kernel_times(self.kernel, pool.codes(rows), self.likelihood.x, self.process.weights)

    def _leave_one_out(self) -> tuple[np.ndarray, np.ndarray]:
        if self.order is None:
            return np.full(1, np.nan), np.full(1, np.nan)
        mean, variance = self.process.leave_one_out
        return mean[self.order], np.sqrt(np.maximum(variance - self.process.noise, 1e-9))[self.order]

    def explain(self) -> str:
        """What was learned about sites, pairs and the whole."""
        one, pair, whole = self.kernel.variances / self.kernel.variances.sum()
        return (
            f"A Gaussian process over {len(self.kernel.tables)} sites ({self.name}), fitted to "
            f"{len(self.likelihood.y)} candidates: {one:.0%} of the variance it can explain are single sites, "
            f"{pair:.0%} pairs, {whole:.0%} whole combinations; noise is {self.noise:.2f} of the values' standard "
            "deviation."
        )

    def state(self) -> dict[str, np.ndarray]:
        """The fitted parameters."""
        return {"logs": self.logs}
