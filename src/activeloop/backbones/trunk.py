"""A pretrained model as a row of layers that one can stop between."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from activeloop.backbones.places import at, watched
from activeloop.errors import ModelError


@dataclass(frozen=True)
class LayerNames:
    """Where the linear maps of one layer are, as dotted names within it.

    Args:
        query, key, value: from hidden states to heads.
        output: from heads back to hidden states.
        widen: into the feed-forward part (two of them when it is gated).
        narrow: out of it.
    """

    query: str
    key: str
    value: str
    output: str
    widen: tuple[str, ...]
    narrow: str

    @property
    def attention(self) -> tuple[str, ...]:
        """The four maps of attention."""
        return (self.query, self.key, self.value, self.output)

    @property
    def linear(self) -> tuple[str, ...]:
        """All linear maps."""
        return (*self.attention, *self.widen, self.narrow)


class Trunk(nn.Module, ABC):
    """A foundation model between its tokens and its hidden states; one final class for each architecture.

    The layers are the modules of `transformers` themselves: what is attached to them (adapters, hooks) takes effect
    here as it does there. Hidden states are [B, T, D]; `real` is bool [B, T], False for padding.

    Args:
        model: the `transformers` model, weights loaded, in eval mode.
        headed: whether it has trained weights for its masked-language head.
    """

    names: LayerNames
    model: Any
    #: heads can be removed one by one; False where queries and keys are normalised over all heads together
    separable = True
    #: [B, T] of the last run, for what is attached to its layers
    real: torch.Tensor

    def __init__(self, model: nn.Module, headed: bool = True):
        super().__init__()
        self.model = model
        self.headed = headed
        self.eval()

    @property
    @abstractmethod
    def layers(self) -> nn.ModuleList:
        """In the order in which they are run."""

    @property
    def width(self) -> int:
        """D."""
        return self.model.config.hidden_size

    @property
    def heads(self) -> int:
        """Attention heads of a layer, as pretrained."""
        return self.model.config.num_attention_heads

    @abstractmethod
    def embed(self, ids: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """[B, T, D] that enter the first layer, from ids [B, T]."""

    @abstractmethod
    def context(self, hidden: torch.Tensor, real: torch.Tensor) -> Any:
        """What every layer needs beside hidden states (attention bias, rotary angles); cheap."""

    @abstractmethod
    def layer(self, index: int, hidden: torch.Tensor, context: Any) -> torch.Tensor:
        """[B, T, D] after one layer."""

    def layer_at(self, index: int, hidden: torch.Tensor, context: Any, places: torch.Tensor) -> torch.Tensor:
        """[B, C, D] after one layer at tokens int64 [B, C]: what `layer` gives there, up to rounding.

        Whoever overrides it computes keys and values for all tokens and the rest for these alone, by the same modules.
        It is asked only in eval mode and where nothing is hooked to the layer's modules.
        """
        return at(self.layer(index, hidden, context), places)

    @abstractmethod
    def finish(self, hidden: torch.Tensor) -> torch.Tensor:
        """[B, T, D] after whatever follows the last layer (a final norm); each token on its own."""

    def logits(self, finished: torch.Tensor) -> torch.Tensor:
        """[..., V] of the masked-language head, from finished hidden states [..., D].

        Raises:
            ModelError: the checkpoint has no such head.
        """
        if not self.headed:
            raise ModelError(
                f"this checkpoint ({type(self.model).__name__}) has no masked-language head, so it cannot say how "
                "likely a residue is. Use its features, or choose another checkpoint; nothing was scored."
            )
        return self.guesses(finished)

    @abstractmethod
    def guesses(self, finished: torch.Tensor) -> torch.Tensor:
        """[..., V] logits of the masked-language head, whatever its weights are."""

    @abstractmethod
    def set_heads(self, index: int, kept: Sequence[int]) -> None:
        """Tell one layer which heads, by their present numbers, remain: the others were removed from its linear maps.

        What else has one entry a head (a position bias) must be cut here too.
        """

    def run(self, hidden: torch.Tensor, real: torch.Tensor, start: int = 0, stop: int | None = None) -> torch.Tensor:
        """[B, T, D] after layers start .. stop - 1 (all from `start` on when `stop` is None)."""
        self.real = real
        context = self.context(hidden, real)
        for index in range(start, len(self.layers) if stop is None else stop):
            hidden = self.layer(index, hidden, context)
        return hidden

    def last_at(self, hidden: torch.Tensor, context: Any, places: torch.Tensor) -> torch.Tensor:
        """[B, C, D] after the last layer at tokens int64 [B, C], by whichever way is open and the shorter one."""
        last = len(self.layers) - 1
        layer = self.layers[last]
        if layer.training or watched(layer) or 2 * places.shape[1] > hidden.shape[1]:
            return at(self.layer(last, hidden, context), places)
        return self.layer_at(last, hidden, context, places)

    def run_at(self, hidden: torch.Tensor, real: torch.Tensor, places: torch.Tensor, start: int = 0) -> torch.Tensor:
        """[B, C, D] finished hidden states at tokens int64 [B, C], from what enters layer `start`."""
        last = len(self.layers) - 1
        if start > last:
            return self.finish(at(hidden, places))
        hidden = self.run(hidden, real, start, last)
        return self.finish(self.last_at(hidden, self.context(hidden, real), places))

    def forward(self, ids: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """[B, T, D] finished hidden states of ids [B, T]."""
        return self.finish(self.run(self.embed(ids, real), real))


def sharing(base: Trunk) -> Trunk:
    """A copy of a trunk with the same weights in the same memory, so that it costs next to none.

    No adapter changes a weight where it lies: what learns, or is changed, is copied first.
    """
    same: dict[int, Any] = {id(p): nn.Parameter(p.detach(), p.requires_grad) for p in base.parameters()}
    return copy.deepcopy(base, same)
