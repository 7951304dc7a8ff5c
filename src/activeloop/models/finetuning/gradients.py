"""The gradient of one step, in as little memory as it takes."""

from __future__ import annotations

import gc
from dataclasses import dataclass

import numpy as np
import torch

from activeloop.errors import ModelError
from activeloop.models.finetuning.dice import throw, thrown
from activeloop.models.finetuning.objective import Objective


@dataclass
class Gradients:
    """Computes gradients in parts of at most `together` candidates.

    All outputs of a minibatch enter one loss, also when they are computed in parts: then once without gradients, from
    which the gradient of the loss in each output follows, and once more, part by part, with gradients. So a ranking
    loss compares all candidates of a minibatch whatever the memory, and a step is the same up to rounding (and up to
    which units dropout drops).

    Args:
        together: candidates that go through the model at once; halved when memory runs out.

    Source: Gao et al. 2021, arXiv:2101.06983 (gradient cache).
    """

    together: int

    def __call__(self, objective: Objective, which: np.ndarray, seed: int) -> float:
        """Adds the gradients of a minibatch to the parameters; the loss.

        Args:
            objective: what is minimised; its gradients are zero or None before.
            which: candidates.
            seed: of dropout.

        Raises:
            ModelError: not even one candidate fits into memory.
        """
        while True:
            try:
                with thrown(seed):
                    if len(which) <= self.together:
                        return _at_once(objective, which)
                    return _in_parts(objective, np.array_split(which, -(-len(which) // self.together)), which, seed)
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error):
                    raise
                self._halve(min(self.together, len(which)))
            for parameter in objective.parameters():
                parameter.grad = None
            gc.collect()

    def _halve(self, tried: int) -> None:
        if tried <= 1:
            raise ModelError(
                "A single candidate does not fit into memory with its gradients. Choose a smaller model, or train "
                "fewer of its layers; nothing was kept."
            )
        self.together = tried // 2


def _at_once(objective: Objective, which: np.ndarray) -> float:
    loss = objective.loss(objective.outputs(which), which)
    penalty = objective.penalty()
    (loss if penalty is None else loss + penalty).backward()
    return loss.item()


def _in_parts(objective: Objective, parts: list[np.ndarray], which: np.ndarray, seed: int) -> float:
    with torch.no_grad():
        outputs = torch.cat([_seeded(objective, part, seed + i) for i, part in enumerate(parts)])
    loss = objective.loss(outputs.requires_grad_(), which)
    (wanted,) = torch.autograd.grad(loss, outputs)
    start = 0
    for i, part in enumerate(parts):
        _seeded(objective, part, seed + i).backward(wanted[start : start + len(part)])
        start += len(part)
    penalty = objective.penalty()
    if penalty is not None:
        penalty.backward()
    return loss.item()


def _seeded(objective: Objective, part: np.ndarray, seed: int) -> torch.Tensor:
    # both passes must drop the same units
    throw(seed)
    return objective.outputs(part)


def out_of_memory(error: BaseException) -> bool:
    """Whether that is what an error says; torch has no type of its own for the processor's memory.

    >>> out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"))
    True
    """
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)
