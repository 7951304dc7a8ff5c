"""The role of an adapter: which weights learn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from activeloop.foundation.encoder import TransformerEncoder


class Adapter(ABC):
    """What of a frozen model learns. A frozen dataclass of settings; importing it costs no torch."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name in configs and reports."""

    @property
    @abstractmethod
    def rate(self) -> float:
        """The highest learning rate, where nobody names one; compared with others in `docs/results/compute`."""

    @abstractmethod
    def attach(self, encoder: TransformerEncoder, seed: int) -> Attached:
        """Put it into an encoder (which is changed in place); everything else is frozen.

        Raises:
            ModelError: it would change nothing: after attaching, the trainable parameters are perturbed and the output
                must change in eval mode, then they are put back.
        """


class Attached(ABC):
    """An adapter in its encoder.

    Attributes:
        encoder: it sits in.
        lowest: index of the lowest layer with anything trainable: the prefix below it may be computed once and kept.
            The number of layers when no layer learns, -1 when even what enters the first layer does (embeddings), so
            that nothing can be kept.
    """

    encoder: TransformerEncoder
    lowest: int

    @abstractmethod
    def parameters(self) -> list[torch.nn.Parameter]:
        """All that learns, in a fixed order."""

    @abstractmethod
    def state(self) -> dict[str, torch.Tensor]:
        """What must be kept to load it back onto the original checkpoint: what was trained, and which were removed."""

    @abstractmethod
    def load(self, state: dict[str, torch.Tensor]) -> None:
        """The counterpart of `state`, on an encoder that it was newly attached to; gives identical numbers."""

    @abstractmethod
    def merge(self) -> TransformerEncoder:
        """The encoder with the adapter folded into its weights (no extra modules left), the same outputs."""

    def rates(self) -> list[float]:
        """For each of `parameters()`, by how much its learning rate is multiplied."""
        return [1.0] * len(self.parameters())

    def penalty(self) -> torch.Tensor | None:
        """To be added to the loss of a step; None when there is nothing."""
        return None

    def after_backward(self) -> None:
        """Called when all gradients of a step are there, before the optimiser moves."""
        return

    def after_step(self, step: int, steps: int) -> bool:
        """Called when the optimiser has moved.

        Args:
            step: the number of this step, from 0.
            steps: how many there will be.

        Returns:
            True: the encoder and `parameters()` are others from now on; whatever was made of them (an optimiser, a
            prefix, the best state so far) must be made anew.
        """
        return False

    def progress(self) -> dict[str, torch.Tensor]:
        """What a fit that was interrupted needs beside `state` to go on as if it had not been; often nothing."""
        return {}

    def resume(self, progress: dict[str, torch.Tensor]) -> None:
        """The counterpart of `progress`, after `load`."""
        return

    def trainable(self) -> int:
        """How many numbers learn."""
        return sum(p.numel() for p in self.parameters())
