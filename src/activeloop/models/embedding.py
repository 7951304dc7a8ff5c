"""Features of any encoder or pretrained model as they are, and a posterior over them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from activeloop.candidates import Pool
from activeloop.encoders.base import Encoder
from activeloop.encoders.sequence import OneHot
from activeloop.foundation.identity import check_identity, identity
from activeloop.measurements import Dataset
from activeloop.models.base import PerAssayLearner
from activeloop.models.heads.base import Head, HeadInputs, Posterior
from activeloop.models.heads.laplace import LaplaceHead, prior_posterior
from activeloop.models.out_of_fold import OutOfFold
from activeloop.models.transforms import Scale, precision, standard
from activeloop.prediction import FastMean, Prediction, Predictor

#: candidates of the pool that say how far a prior score spreads
LOOKED_AT = 256
#: rows that are predicted at once; covariances with the measured candidates are held for them
PIECE = 4096
#: before any value is seen: expected correlation of the prior score with the values
BELIEF = 0.5


@dataclass(frozen=True)
class HeadLearner(PerAssayLearner):
    """A posterior over functions of features that stay as they are.

    Args:
        encoder: an encoder, or a pretrained model whose weights are kept.
        draws: how what is not known is represented.
        prior_score: an encoder of columns whose order is a prior mean (`SubstitutionPrior`). Their weight is learned,
            and `prior` predicts in them.
        label: its name in configs; made of the parts when empty.
    """

    encoder: Encoder = field(default_factory=OneHot)
    draws: Head = field(default_factory=LaplaceHead)
    prior_score: Encoder | None = None
    label: str = ""

    @property
    def name(self) -> str:
        """The head's name, the encoder's, and that of the prior when there is one."""
        prior = f"-{self.prior_score.name}" if self.prior_score else ""
        return self.label or f"{self.draws.name}-{self.encoder.name}{prior}"

    def prior(self, pool: Pool) -> Predictor | None:
        """The prior score, and any linear function of the features beside it; None without a prior score."""
        if self.prior_score is None:
            return None
        columns = ColumnsOf(self.encoder, self.prior_score)
        some = spread_rows(pool)
        posterior = prior_posterior(columns.inputs(pool, some), BELIEF)
        return HeadPredictor(columns, posterior, Scale(0.0, 1.0), 0)

    def _fit_one(self, dataset: Dataset, seed: int) -> Predictor:
        columns = ColumnsOf(self.encoder, self.prior_score)
        scale = standard(dataset.values[:, 0])
        targets, weights = scale.to_target(dataset.values[:, 0]), precision(dataset.errors[:, 0], scale)
        posterior = self.draws.fit(columns.inputs(dataset.pool, dataset.rows), targets, weights, seed)
        return HeadPredictor(columns, posterior, scale, len(targets))

    def _restore_one(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        check_identity(state, ColumnsOf(self.encoder, self.prior_score))
        head = {key.removeprefix("head/"): value for key, value in state.items() if key.startswith("head/")}
        columns, scale = ColumnsOf(self.encoder, self.prior_score), Scale(*state["scale"].tolist())
        return HeadPredictor(columns, self.draws.restore(head), scale, len(dataset))


@dataclass(frozen=True)
class ColumnsOf:
    """What a head sees of candidates.

    Args:
        encoder: of the features.
        prior_score: of the guesses; None for none.
    """

    encoder: Encoder
    prior_score: Encoder | None

    def inputs(self, pool: Pool, rows: np.ndarray) -> HeadInputs:
        """Features and guesses of rows."""
        none = np.zeros((len(rows), 0), np.float32)
        guess = none if self.prior_score is None else self.prior_score.features(pool, rows)
        return HeadInputs(self.encoder.features(pool, rows).astype(np.float32, copy=False), guess)


def spread_rows(pool: Pool) -> np.ndarray:
    """Up to `LOOKED_AT` rows from all over a pool.

    >>> len(spread_rows(Pool.single_mutants("MKTAYIAKQR")))
    190
    """
    return np.unique(np.linspace(0, len(pool) - 1, LOOKED_AT).astype(np.int64))


@dataclass(frozen=True)
class HeadPredictor(Predictor, OutOfFold, FastMean):
    """A fitted head on features.

    Args:
        columns: what it sees of candidates.
        posterior: over functions of that.
        scale: of the assay.
        labels: measured candidates; 0: the prior alone.
    """

    columns: ColumnsOf
    posterior: Posterior
    scale: Scale
    labels: int

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """Joint draws, mean and spread, a piece of the pool at a time."""
        functions = self.posterior.functions(seed, draws)
        parts = [(functions(inputs), *self.posterior.marginals(inputs)) for inputs in self._inputs(pool, rows)]
        joint, mean, sd = (np.concatenate(part, axis=-1) for part in zip(*parts, strict=True))
        factor = self.scale.factor
        return Prediction(
            (np.float32(self.scale.shift) + np.float32(factor) * joint)[:, :, None],
            self.scale.to_value(mean)[:, None],
            factor * sd[:, None],
            np.array([factor * self.posterior.noise]),
        )

    def _inputs(self, pool: Pool, rows: np.ndarray) -> Iterator[HeadInputs]:
        rows = np.asarray(rows, np.int64)
        for start in range(0, max(1, len(rows)), PIECE):
            yield self.columns.inputs(pool, rows[start : start + PIECE])

    def mean(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[N, 1] the mean alone."""
        means = [self.posterior.mean(inputs) for inputs in self._inputs(pool, rows)]
        return self.scale.to_value(np.concatenate(means))[:, None]

    def held_out(self) -> np.ndarray:
        """[N] what it would have said of each measured candidate had it not seen it; NaN where it cannot tell."""
        return self.scale.to_value(self.posterior.leave_one_out())

    def explain(self) -> str:
        """On what it learned, and from how much."""
        guess = self.columns.prior_score
        beside = f" beside the prior mean of {guess.name}" if guess else ""
        what = f"of {self.labels} measured candidates" if self.labels else "before any measurement"
        noise = self.scale.factor * self.posterior.noise
        return f"A posterior over functions of {self.columns.encoder.name} features{beside}, {what}; noise {noise:.3g}."

    def state(self) -> dict[str, np.ndarray]:
        """The head's arrays under `head/`, the scale, and which pretrained weights they belong to."""
        head = {f"head/{key}": value for key, value in self.posterior.state().items()}
        return head | {"scale": np.array([self.scale.shift, self.scale.factor])} | identity(self.columns)
