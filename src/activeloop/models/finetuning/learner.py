"""A pretrained model fine-tuned on measurements: adapter, head, and a posterior on the adapted features."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from activeloop.candidates import Pool
from activeloop.encoders.base import Beside
from activeloop.foundation.checkpoints import need_models
from activeloop.measurements import Dataset
from activeloop.models.base import PerAssayLearner
from activeloop.models.embedding import HeadLearner
from activeloop.models.finetuning.config import FineTuningConfig
from activeloop.models.finetuning.losses import Regression
from activeloop.prediction import Predictor
from activeloop.priors.profile import Profile


@dataclass(frozen=True)
class FineTuner(FineTuningConfig, PerAssayLearner):
    """A pretrained model of which some weights are trained; settings as `FineTuningConfig`.

    Adapter and a linear head are trained together; then the head is replaced by a posterior, in closed form, on the
    adapted features of the measured candidates. Adapted features overfit the values that they were adapted to, so the
    noise and the weight of a prior mean are estimated from the features as pretrained. A killed fit resumes, in any
    process, with the same result.
    """

    @property
    def name(self) -> str:
        """Adapter, model, head, and what differs from the defaults."""
        loss = "" if isinstance(self.loss, Regression) else f"-{self.loss.name}"
        prior = f"-{self.prior_score.name}" if self.prior_score else ""
        return f"{self.adapter.name}-{self.encoder.name}-{self.head.name}{loss}{prior}"

    def with_family(self, family: Profile) -> FineTuner:
        """The same with the family's score as a further prior score."""
        score = family if self.prior_score is None else Beside((self.prior_score, family))
        return replace(self, prior_score=score)

    def prior(self, pool: Pool) -> Predictor | None:
        """The prediction of the prior score; None without one."""
        return HeadLearner(self.encoder, self.head, self.prior_score).prior(pool)

    def _fit_one(self, dataset: Dataset, seed: int) -> Predictor:
        need_models()
        from activeloop.models.finetuning.fitting import fit

        return fit(self, dataset, seed)

    def _restore_one(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        need_models()
        from activeloop.models.finetuning.predictor import restored

        return restored(self, dataset, seed, state)
