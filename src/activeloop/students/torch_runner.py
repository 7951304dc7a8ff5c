"""Runs a student's network while it is taught."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from activeloop.students.network import Network, Shape
from activeloop.students.scaled import Scaled
from activeloop.students.student import Runner

#: tokens that go through a network at once
TOKENS = 2**16


@dataclass(frozen=True)
class TorchRunner(Runner):
    """A network in torch.

    Args:
        network: its settings.
        shape: what goes in and comes out of it.
        module: with its weights and the scale of the assays, in eval mode.
    """

    network: Network
    shape: Shape
    module: Scaled

    @torch.inference_mode()
    def __call__(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Location and deviations of candidates, a bounded piece at a time."""
        size = max(1, TOKENS // max(1, tokens.shape[1]))
        pieces = [self._run(tokens[i : i + size]) for i in range(0, max(1, len(tokens)), size)]
        location, deviations = zip(*pieces, strict=True)
        return np.concatenate(location), np.concatenate(deviations)

    def _run(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        _, _, location, deviations = self.module(torch.from_numpy(np.ascontiguousarray(tokens)))
        return location.numpy(), deviations.numpy()
