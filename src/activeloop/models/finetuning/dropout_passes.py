"""Passes of a fine-tuned classifier with dropout on: its fit, its masks and its probabilities."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch

from activeloop.adapters.peft import merged, tuner_layers
from activeloop.candidates import Pool
from activeloop.errors import ModelError
from activeloop.foundation.cache import cache_folder
from activeloop.foundation.identity import check_identity, identity
from activeloop.measurements import Dataset
from activeloop.models.base import CLASSES, choose_members, substate
from activeloop.models.finetuning.adapted import AdaptedEncoder, tokens_of
from activeloop.models.finetuning.config import FineTuningConfig, Split
from activeloop.models.finetuning.cost import Cost
from activeloop.models.finetuning.fitting import TrainingData, fingerprint, trained
from activeloop.models.finetuning.predictor import entering_minibatches
from activeloop.models.transforms import Scale
from activeloop.prediction import Prediction, Predictor

#: measured candidates and passes by which dropout is checked after a fit
CHECKED, CHECK_PASSES = 8, 2
#: minibatches that go through one pass after another, so that weights are merged once for all of them
TOGETHER = 16


def mask(width: int, rate: float, seed: Sequence[int]) -> torch.Tensor:
    """[width] values of 0 and 1 / (1 - rate)."""
    return torch.from_numpy(((np.random.default_rng(seed).random(width) >= rate) / (1 - rate)).astype(np.float32))


@dataclass(frozen=True)
class DropoutPasses(Predictor):
    """A trained classifier that predicts by passes with dropout.

    Args:
        config: its settings.
        passes: T, over which mean and standard deviation are taken.
        adapted: the network.
        head: `weight` [P], `bias` [1], `centre` [P] and `spread` [P] of a logistic function of its features.
        labels: [N] it was trained on.
        cost: steps, and `Cost.numbers`.
    """

    config: FineTuningConfig
    passes: int
    adapted: AdaptedEncoder
    head: dict[str, np.ndarray]
    labels: np.ndarray
    cost: np.ndarray

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """Probabilities of the two classes: mean and standard deviation over T passes; a draw is one of the passes."""
        fit = self.probabilities(pool, np.asarray(rows, np.int64), seed, self.passes)
        both = np.stack([1 - fit, fit], -1)
        some = both.astype(np.float64)
        chosen = both[choose_members(self.passes, draws, seed)]
        return Prediction(chosen, some.mean(0), some.std(0), np.zeros(2), CLASSES)

    @torch.inference_mode()
    def probabilities(
        self, pool: Pool, rows: np.ndarray, seed: int, passes: int, adapter: bool = True, head: bool = True
    ) -> np.ndarray:
        """Float32 [T, N] probability of `fit` in each pass.

        Args:
            pool: of the candidates.
            rows: [N].
            seed: of the masks; the first T are the same for every larger number.
            passes: T.
            adapter: whether LoRA's inputs are dropped.
            head: whether the head's are.
        """
        rate, features = self.config.loss.dropout, self.adapted.pooler.size
        widths = [module.in_features for module in tuner_layers(self.adapted.encoder)]
        of_head = [mask(features, rate, (seed, t)).numpy() if head else np.ones(features) for t in range(passes)]
        of_lora = [
            [mask(width, rate, (seed, t, i)) if adapter else torch.ones(width) for i, width in enumerate(widths)]
            for t in range(passes)
        ]
        logits = np.zeros((passes, len(rows)), np.float32)
        minibatches = entering_minibatches(self.adapted, self.config, pool, rows)
        while some := list(islice(minibatches, TOGETHER)):
            for t in range(passes):
                with merged(self.adapted.encoder, of_lora[t]):
                    of_parent = self.adapted.parent_above(*some[0][1:])
                    for group, hidden, batch in some:
                        pooled = self.adapted.above(hidden, batch, of_parent).float().cpu().numpy()
                        standardised = (pooled - self.head["centre"]) / self.head["spread"]
                        # a sum, not a product of matrices, whose last bits depend on how many candidates there are
                        whole = (standardised * (of_head[t] * self.head["weight"])).sum(1)
                        logits[t, group] = whole + self.head["bias"]
        return (0.5 * (1 + np.tanh(0.5 * logits))).astype(np.float32)

    def explain(self) -> str:
        """What was trained, on what, and how it predicts."""
        steps, cost, fit = int(self.cost[0]), Cost.of(self.cost[1:].tolist()), int((self.labels > 0.5).sum())
        what, rate = f"{self.config.adapter.name} in {self.config.encoder.name}", self.config.loss.dropout
        return (
            f"{what} and a logistic head on {len(self.labels)} labels, {fit} of them fit, {steps} steps, "
            f"{cost.describe()}; {self.passes} passes with {rate:.0%} dropped, in each the same for every candidate."
        )

    def state(self) -> dict[str, np.ndarray]:
        """Adapter, head, and the identity of the pretrained weights."""
        model = {f"model/{name}": tensor.detach().cpu().numpy() for name, tensor in self.adapted.state().items()}
        head = {f"head/{name}": array for name, array in self.head.items()}
        return {**model, **head, "record": self.cost, **identity(self.config.encoder, None)}

    def check_dropout(self, pool: Pool, rows: np.ndarray) -> None:
        """Check that the dropout of LoRA changes predictions, and that of the head.

        Raises:
            ModelError: one of them does not: it would look like certainty.
        """
        for adapter, where in ((True, "LoRA"), (False, "the head")):
            passes = self.probabilities(pool, rows[:CHECKED], 0, CHECK_PASSES, adapter=adapter, head=not adapter)
            if not float(np.ptp(passes, axis=0).max(initial=0.0)) > 0:
                raise ModelError(
                    f"dropout-classifier: the dropout of {where} changes no prediction, so its passes hold no "
                    "uncertainty. Train for more epochs, or choose another learner; nothing was fitted."
                )


def fit(config: FineTuningConfig, passes: int, dataset: Dataset, seed: int) -> DropoutPasses:
    """The classifier of one assay of classes; a killed fit resumes."""
    none = np.zeros((len(dataset), 0), np.float32)
    data = TrainingData(dataset, tokens_of(config.encoder, dataset.pool, dataset.rows), none, Scale(0.0, 1.0))
    folder = cache_folder("fits") / f"classes-{fingerprint(config, dataset, seed)}"
    split = Split.without(len(dataset))
    objective, trace = trained(config, data, split, split, seed, folder / "0.safetensors")
    shutil.rmtree(folder, ignore_errors=True)
    cost = np.array([trace.best, *trace.cost.numbers()])
    head = {name: t.detach().cpu().numpy().ravel() for name, t in objective.head_state().items()}
    found = DropoutPasses(config, passes, objective.adapted, head, dataset.values[:, 0], cost)
    found.check_dropout(dataset.pool, dataset.rows)
    return found


def restored(
    config: FineTuningConfig, passes: int, dataset: Dataset, seed: int, state: dict[str, np.ndarray]
) -> DropoutPasses:
    """The classifier of a stored state.

    Raises:
        StateError: it belongs to other pretrained weights.
    """
    check_identity(state, config.encoder, None)
    adapted = AdaptedEncoder(config.encoder, config.adapter, dataset.pool, seed)
    adapted.load({name: torch.from_numpy(np.array(array)) for name, array in substate(state, "model/").items()})
    return DropoutPasses(config, passes, adapted, substate(state, "head/"), dataset.values[:, 0], state["record"])
