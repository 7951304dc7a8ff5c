"""A LoRA-adapted classifier whose class probabilities come from passes with dropout."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from activeloop.adapters import LoRA
from activeloop.candidates import Pool
from activeloop.errors import ModelError
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.checkpoints import need_models
from activeloop.measurements import Dataset
from activeloop.models.base import class_labels
from activeloop.models.finetuning.config import FineTuningConfig, TrainingConfig
from activeloop.models.finetuning.losses import Classification
from activeloop.prediction import Learner, Predictor


@dataclass(frozen=True)
class DropoutClassifier(Learner):
    """A pretrained model with LoRA and a logistic head, trained with dropout, which also drops when it predicts.

    Probabilities are means over T passes; `Entropy` of them is the predictive entropy, `BALD` what of it is the model's
    ignorance. A pass is one mask for each place of dropout (the inputs of LoRA's maps, the features before the head),
    the same for all candidates and positions, so that it is one function of the candidates. A fit is refused when the
    dropout of LoRA, or that of the head, changes no prediction.

    Args:
        encoder: the pretrained model.
        rank: of LoRA.
        last_layers: number of last layers that have LoRA; None: all.
        rate: share of what a pass drops, in training and in prediction.
        passes: T.
        plan: epochs, minibatches and learning rates.

    Raises:
        ModelError: a rate of 0 or 1, or fewer than two passes.

    Source: Gal and Ghahramani 2016, arXiv:1506.02142, with constant masks as in their arXiv:1512.05287; Hu et al. 2021,
    arXiv:2106.09685.
    """

    learns_classes: ClassVar[bool] = True

    encoder: FoundationModel
    rank: int = 8
    last_layers: int | None = 1
    rate: float = 0.1
    passes: int = 10
    plan: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self):
        if not 0 < self.rate < 1 or self.passes < 2:
            raise ModelError(
                f"dropout-classifier: a rate of {self.rate} and {self.passes} passes give no spread. Give a rate "
                "between 0 and 1, and two or more passes."
            )

    @property
    def name(self) -> str:
        """`dropout-classifier-` and the model's name."""
        return f"dropout-classifier-{self.encoder.name}"

    @cached_property
    def config(self) -> FineTuningConfig:
        """What is trained, and how; the activations of frozen layers are kept there."""
        adapter = LoRA(self.rank, 2.0 * self.rank, self.rate, last_layers=self.last_layers)
        return FineTuningConfig(self.encoder, adapter, Classification(self.rate), plan=self.plan)

    def prior(self, pool: Pool) -> Predictor | None:
        """Nothing."""
        return None

    def fit(self, dataset: Dataset, seed: int) -> Predictor:
        """The classifier of labels 0 and 1 (a mean of replicates between them is taken as it is).

        Raises:
            ModelError: more than one assay, no label, labels outside of 0 to 1, or dropout that changes nothing.
        """
        return self.restore(dataset, seed, {})

    def restore(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        """The same from its trained weights."""
        column = class_labels(dataset)
        need_models()
        from activeloop.models.finetuning import dropout_passes

        if state:
            return dropout_passes.restored(self.config, self.passes, column, seed, state)
        return dropout_passes.fit(self.config, self.passes, column, seed)
