"""A posterior over functions of fixed features: of any encoder, or of a pretrained model."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from activeloop.candidates import Pool
from activeloop.encoders.base import Beside, Encoder
from activeloop.encoders.sequence import OneHot
from activeloop.foundation.identity import check_identity, identity
from activeloop.measurements import Dataset
from activeloop.models.base import PerAssayLearner, substate
from activeloop.models.heads.base import Head, HeadInputs, Posterior
from activeloop.models.heads.laplace import LaplaceHead, prior_posterior
from activeloop.models.transforms import PieceFunction, Scale, TransformedPredictor, precision, standard
from activeloop.prediction import Predictor
from activeloop.priors.profile import Profile

#: candidates, evenly spaced over the pool, from which the scale of a prior score is taken
SCALE_SAMPLE = 256
#: expected correlation of the prior score with the values, before any value is seen
PRIOR_CORRELATION = 0.5


@dataclass(frozen=True)
class HeadLearner(PerAssayLearner):
    """A posterior over functions of fixed features.

    Args:
        encoder: an encoder, or a pretrained model whose weights stay frozen.
        head: how the posterior is represented.
        prior_score: an encoder of columns whose order is a prior mean (`SubstitutionPrior`). Their weight is learned,
            and `prior` predicts in them.
    """

    encoder: Encoder = field(default_factory=OneHot)
    head: Head = field(default_factory=LaplaceHead)
    prior_score: Encoder | None = None

    @property
    def name(self) -> str:
        """The head's name, the encoder's, and that of the prior when there is one."""
        prior = f"-{self.prior_score.name}" if self.prior_score else ""
        return f"{self.head.name}-{self.encoder.name}{prior}"

    @property
    def columns(self) -> HeadColumns:
        """What the head sees of candidates."""
        return HeadColumns(self.encoder, self.prior_score)

    def with_family(self, family: Profile) -> HeadLearner:
        """The same with the family's score as a further prior score."""
        score = family if self.prior_score is None else Beside((self.prior_score, family))
        return replace(self, prior_score=score)

    def prior(self, pool: Pool) -> Predictor | None:
        """The prior score, and any linear function of the features beside it; None without a prior score."""
        if self.prior_score is None:
            return None
        rows = np.unique(np.linspace(0, len(pool) - 1, SCALE_SAMPLE).astype(np.int64))
        posterior = prior_posterior(self.columns.inputs(pool, rows), PRIOR_CORRELATION)
        return HeadPredictor(self.columns, posterior, Scale(0.0, 1.0), 0)

    def _fit_one(self, dataset: Dataset, seed: int) -> Predictor:
        values, inputs = dataset.values[:, 0], self.columns.inputs(dataset.pool, dataset.rows)
        scale = standard(values)
        posterior = self.head.fit(inputs, scale.to_target(values), precision(dataset.errors[:, 0], scale), seed)
        return HeadPredictor(self.columns, posterior, scale, len(values))

    def _restore_one(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        check_identity(state, self.columns)
        posterior = self.head.restore(substate(state, "head/"))
        return HeadPredictor(self.columns, posterior, Scale(*state["scale"].tolist()), len(dataset))


@dataclass(frozen=True)
class HeadColumns:
    """What a head sees of candidates.

    Args:
        encoder: of the features.
        prior_score: of the prior scores; None for none.
    """

    encoder: Encoder
    prior_score: Encoder | None

    def inputs(self, pool: Pool, rows: np.ndarray) -> HeadInputs:
        """Features and prior scores of rows."""
        none = np.zeros((len(rows), 0), np.float32)
        scores = none if self.prior_score is None else self.prior_score.features(pool, rows)
        return HeadInputs(self.encoder.features(pool, rows).astype(np.float32, copy=False), scores)


@dataclass(frozen=True)
class HeadPredictor(TransformedPredictor):
    """A fitted head on features.

    Args:
        columns: what it sees of candidates.
        posterior: over functions of that.
        transform: of the assay.
        labels: measured candidates; 0: the prior alone.
    """

    columns: HeadColumns
    posterior: Posterior
    transform: Scale
    labels: int
    piece: ClassVar[int] = 4096

    @property
    def noise(self) -> float:  # type: ignore[override]
        """Standard deviation of one measurement, in targets."""
        return self.posterior.noise

    def _piece_function(self, pool: Pool, rows: np.ndarray, seed: int, draws: int) -> PieceFunction:
        functions = self.posterior.functions(seed, draws)

        def predicted(piece: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            inputs = self.columns.inputs(pool, rows[piece])
            return functions(inputs), *self.posterior.marginals(inputs)

        return predicted

    def _target_mean(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        parts = [self.posterior.mean(self.columns.inputs(pool, rows[piece])) for piece in self._pieces(rows)]
        return np.concatenate(parts)

    def _leave_one_out(self) -> tuple[np.ndarray, np.ndarray]:
        mean = self.posterior.leave_one_out()
        return mean, np.full(len(mean), np.nan)

    def explain(self) -> str:
        """Features, prior score, labels and noise."""
        prior = self.columns.prior_score
        beside = f" beside the prior mean of {prior.name}" if prior else ""
        what = f"of {self.labels} measured candidates" if self.labels else "before any measurement"
        noise = self.transform.factor * self.noise
        return f"A posterior over functions of {self.columns.encoder.name} features{beside}, {what}; noise {noise:.3g}."

    def state(self) -> dict[str, np.ndarray]:
        """The head's arrays under `head/`, the scale, and which pretrained weights they belong to."""
        head = {f"head/{key}": value for key, value in self.posterior.state().items()}
        return head | {"scale": np.array([self.transform.shift, self.transform.factor])} | identity(self.columns)
