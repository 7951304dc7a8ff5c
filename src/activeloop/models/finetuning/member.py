"""One fine-tuned model: its adapter and its posterior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from activeloop.candidates import Pool
from activeloop.models.finetuning.adapted import Adapted
from activeloop.models.finetuning.cost import Cost
from activeloop.models.heads.base import Posterior

if TYPE_CHECKING:
    from activeloop.models.finetuning.tuner import FineTuner


@dataclass(frozen=True)
class Member:
    """A model after training.

    Args:
        adapted: the network.
        posterior: on its features.
        steps: of training that led to it.
        cost: of its training.
        said: [2, n] mean and spread of what it says, in the assay's unit, of the measured candidates that it was not
            trained on.
    """

    adapted: Adapted
    posterior: Posterior
    steps: int
    cost: Cost
    said: np.ndarray

    def state(self) -> dict[str, np.ndarray]:
        """Arrays of adapter, posterior and record."""
        model = {f"model/{name}": tensor.detach().cpu().numpy() for name, tensor in self.adapted.state().items()}
        head = {f"head/{name}": array for name, array in self.posterior.state().items()}
        return {**model, **head, "record": np.array([self.steps, *self.cost.numbers()])}

    @classmethod
    def restored(cls, learner: FineTuner, pool: Pool, seed: int, state: dict[str, np.ndarray]) -> Member:
        """The counterpart of `state`."""
        adapted = Adapted(learner.backbone, learner.adapter, pool, seed)
        model, head = (
            {k[6:] if p == "model/" else k[5:]: v for k, v in state.items() if k.startswith(p)}
            for p in ("model/", "head/")
        )
        adapted.load({name: torch.from_numpy(np.array(array)) for name, array in model.items()})
        steps, *cost = state["record"].tolist()
        return cls(adapted, learner.draws.restore(head), int(steps), Cost.of(cost), np.zeros((2, 0)))
