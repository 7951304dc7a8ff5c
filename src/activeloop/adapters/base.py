"""The role of an adapter: which weights learn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from activeloop.backbones.trunk import Trunk


class Adapter(ABC):
    """What of a frozen model learns. A frozen dataclass of settings; importing it costs no torch."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name in recipes and reports."""

    @abstractmethod
    def attach(self, trunk: Trunk, seed: int) -> Attached:
        """Put it into a trunk (which is changed in place); everything else is frozen.

        Raises:
            ModelError: it would change nothing: after attaching, the trainable parameters are perturbed and the output
                must change in eval mode, then they are put back.
        """


class Attached(ABC):
    """An adapter in its trunk.

    Attributes:
        trunk: it sits in.
        lowest: index of the lowest layer with anything trainable; the number of layers when there is none (the prefix
            below it may be computed once and kept).
    """

    trunk: Trunk
    lowest: int

    @abstractmethod
    def parameters(self) -> list[torch.nn.Parameter]:
        """All that learns, in a fixed order."""

    @abstractmethod
    def state(self) -> dict[str, torch.Tensor]:
        """What must be kept to load it back onto the original checkpoint: what was trained, and which were removed."""

    @abstractmethod
    def load(self, state: dict[str, torch.Tensor]) -> None:
        """The counterpart of `state`, on a trunk that it was newly attached to; gives identical numbers."""

    @abstractmethod
    def merge(self) -> Trunk:
        """The trunk with the adapter folded into its weights (no extra modules left), the same outputs."""

    def penalty(self) -> torch.Tensor | None:
        """To be added to the loss of a step; None when there is nothing."""
        return None

    def after_backward(self) -> None:
        """Called when all gradients of a step are there, before the optimiser moves."""

    def after_step(self, step: int, steps: int) -> bool:
        """Called when the optimiser has moved.

        Args:
            step: the number of this step, from 0.
            steps: how many there will be.

        Returns:
            True: the trunk and `parameters()` are others from now on; whatever was made of them (an optimiser, a
            prefix, the best state so far) must be made anew.
        """
        return False

    def trainable(self) -> int:
        """How many numbers learn."""
        return sum(p.numel() for p in self.parameters())
