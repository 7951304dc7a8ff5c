"""The role of what the fit loop minimises."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch


class Objective(ABC):
    """A model in training, its candidates and its loss. The loop asks; it owns parameters and candidates.

    Candidates are counted from 0 to N - 1, training and validation ones together. Random numbers (dropout) come from
    torch's generator, which the loop seeds before each step; nothing else may be random.
    """

    @abstractmethod
    def parameters(self) -> list[torch.nn.Parameter]:
        """All that learns, in a fixed order."""

    @abstractmethod
    def outputs(self, which: np.ndarray) -> torch.Tensor:
        """What the model says of some candidates, [n, ...], with gradients and with dropout."""

    @abstractmethod
    def loss(self, outputs: torch.Tensor, which: np.ndarray) -> torch.Tensor:
        """The mean loss of these candidates; it may depend on the parameters through `outputs` alone."""

    @abstractmethod
    def scores(self, which: np.ndarray) -> np.ndarray:
        """[n] predictions, larger is better, without gradients and without dropout."""

    @property
    def rate(self) -> float:
        """The highest learning rate, where a plan names none."""
        return 1e-3

    def rates(self) -> list[float]:
        """By how much the learning rate of each of `parameters` is multiplied."""
        return [1.0] * len(self.parameters())

    def penalty(self) -> torch.Tensor | None:
        """What is added to the loss whatever the candidates; called once a step, after `outputs`."""
        return None

    def after_backward(self) -> None:
        """Called when the gradients of a step are complete, before they are clipped and used."""
        return

    def after_step(self, step: int, steps: int) -> bool:
        """Called after a step (from 0) of so many; True when `parameters` are others now (a new optimiser is made)."""
        del step, steps
        return False

    @abstractmethod
    def state(self) -> dict[str, torch.Tensor]:
        """Everything that training changes."""

    @abstractmethod
    def load(self, state: dict[str, torch.Tensor]) -> None:
        """The counterpart of `state`; `parameters` may be others afterwards."""

    def progress(self) -> dict[str, torch.Tensor]:
        """What a fit that was interrupted needs beside `state`; often nothing."""
        return {}

    def resume(self, progress: dict[str, torch.Tensor]) -> None:
        """The counterpart of `progress`, after `load`."""
        del progress
