"""A pretrained model fine-tuned on measurements: adapter, head, and a posterior on the adapted features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from activeloop.adapters import Adapter, LoRA
from activeloop.candidates import Pool
from activeloop.encoders.base import Encoder
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.checkpoints import need_models
from activeloop.measurements import Dataset
from activeloop.models.base import PerAssayLearner
from activeloop.models.embedding import HeadLearner
from activeloop.models.finetuning.losses import Loss, Regression
from activeloop.models.finetuning.plan import TrainingConfig
from activeloop.models.finetuning.pool_states import PoolStates
from activeloop.models.heads.base import Head
from activeloop.models.heads.gp import GPHead
from activeloop.prediction import Predictor


@dataclass(frozen=True)
class FineTuner(PerAssayLearner):
    """A pretrained model some of whose weights learn.

    Adapter and a linear head are trained together; then the head's place is taken by a posterior, in closed form, on
    the adapted features of the measured candidates. Adapted features explain the values that they were adapted to all
    too well, so how much is noise, and how far a prior mean is to be believed, is learned from the features as
    pretrained.

    Args:
        encoder: the pretrained model.
        adapter: what of it learns.
        head: what is minimised while the adapter learns.
        draws: the posterior on the adapted features.
        plan: for how long and how fast.
        members: so many models, which share the frozen weights. With more than one each leaves out a fold of the
            candidates, so that they know what they would have said of candidates they did not see, and their
            disagreement counts as uncertainty. With one there is no such knowledge (held-out predictions are NaN, and
            the gate fits anew for them).
        stop: whether a model is trained only for as long as its left-out fold is predicted better (one of five folds
            when there is one model); else for as long as the plan says.
        warm: whether the models of a later round start from those of the round before, instead of from the pretrained
            one. Those are fitted first, and found on the disk when they were fitted here before; the result is the
            same. No model starts from one that has seen the fold it leaves out.
        prior_score: an encoder of one column whose order is a prior mean, such as `SubstitutionPrior`.
        progress: told of each step: member, steps done, steps at most, loss.
        reading: told of each piece of a pool that was predicted: rows done, rows asked for.
        states: what frozen layers made of the pool that was read last, to train or to predict, for other members, folds
            and versions; at most a gigabyte.
    """

    encoder: FoundationModel
    adapter: Adapter = field(default_factory=lambda: LoRA(last_layers=1))
    head: Loss = field(default_factory=Regression)
    draws: Head = field(default_factory=GPHead)
    plan: TrainingConfig = field(default_factory=TrainingConfig)
    members: int = 1
    stop: bool = False
    warm: bool = False
    prior_score: Encoder | None = None
    progress: Callable[[int, int, int, float], None] | None = field(default=None, repr=False, compare=False)
    reading: Callable[[int, int], None] | None = field(default=None, repr=False, compare=False)
    states: PoolStates = field(default_factory=PoolStates, repr=False, compare=False)

    @property
    def name(self) -> str:
        """Adapter, model, and what differs from the usual."""
        head = "" if isinstance(self.head, Regression) else f"-{self.head.name}"
        prior = f"-{self.prior_score.name}" if self.prior_score else ""
        return f"{self.adapter.name}-{self.encoder.name}-{self.draws.name}{head}{prior}"

    def prior(self, pool: Pool) -> Predictor | None:
        """What the prior score suggests; None without one."""
        return HeadLearner(self.encoder, self.draws, self.prior_score).prior(pool)

    def _fit_one(self, dataset: Dataset, seed: int) -> Predictor:
        """Train. A fit that was killed goes on where it was, in whichever process, and gives the same.

        Raises:
            ModelError: values that the head cannot learn, or memory for not even one candidate.
            PoolError: candidates that the model cannot read.
        """
        need_models()
        from activeloop.models.finetuning.fitting import fit

        return fit(self, dataset, seed)

    def _restore_one(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        need_models()
        from activeloop.models.finetuning.predictor import restored

        return restored(self, dataset, seed, state)
