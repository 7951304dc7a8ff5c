"""The shape that all pretrained encoders share: layers that one can stop between, attention, positions."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import nn

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


@dataclass(frozen=True)
class Projected:
    """What some tokens of a layer attend with.

    Args:
        query: [B, H, C, d] of these tokens.
        key, value: [B, H, T, d] of all tokens.
        scale: factor of the products of queries and keys.
        bias: [B, H, C, T] that is added to the scores; None for none.
    """

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    scale: float
    bias: torch.Tensor | None = None


#: rotary cosines and sines [1, T, d], or relative position biases [1, H, T, T], or None
Positions = Any


class TransformerEncoder(nn.Module, ABC):
    """A pretrained model between its tokens and its hidden states; one final class for each architecture.

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

    # --- what an architecture defines ---

    @property
    @abstractmethod
    def layers(self) -> nn.ModuleList:
        """In the order in which they are run."""

    @abstractmethod
    def embed(self, ids: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """[B, T, D] that enter the first layer, from ids [B, T]."""

    def positions(self, hidden: torch.Tensor) -> Positions:
        """What the layers know of positions; None where embeddings hold it."""
        return None

    @abstractmethod
    def layer(self, index: int, hidden: torch.Tensor, context: tuple[torch.Tensor | None, Positions]) -> torch.Tensor:
        """[B, T, D] after one layer."""

    @abstractmethod
    def project(self, index: int, hidden: torch.Tensor, positions: Positions, tokens: torch.Tensor) -> Projected:
        """What tokens int64 [B, C] attend with in one layer, from the hidden states [B, T, D] that enter it."""

    @abstractmethod
    def after_attention(self, index: int, attended: torch.Tensor, entered: torch.Tensor) -> torch.Tensor:
        """[B, C, D] after the rest of a layer, from what tokens took by attention and what entered the layer there."""

    @abstractmethod
    def finish(self, hidden: torch.Tensor) -> torch.Tensor:
        """[B, T, D] after whatever follows the last layer (a final norm); each token on its own."""

    @abstractmethod
    def head(self, finished: torch.Tensor) -> torch.Tensor:
        """[..., V] logits of the masked-language head, whatever its weights are."""

    @abstractmethod
    def set_heads(self, index: int, retained: Sequence[int]) -> None:
        """Set which heads of one layer remain, by their present numbers; the others were removed from its linear maps.

        What else has one entry a head (a position bias) must be cut here too.
        """

    # --- the same for all architectures ---

    @property
    def width(self) -> int:
        """D."""
        return self.model.config.hidden_size

    @property
    def heads(self) -> int:
        """Attention heads of a layer, as pretrained."""
        return self.model.config.num_attention_heads

    def context(self, hidden: torch.Tensor, real: torch.Tensor) -> tuple[torch.Tensor | None, Positions]:
        """What every layer needs beside hidden states: the bias of padding, and positions; cheap."""
        return padding_bias(self.model.config, hidden, real), self.positions(hidden)

    def layer_at(self, index: int, hidden: torch.Tensor, context: Any, tokens: torch.Tensor) -> torch.Tensor:
        """[B, C, D] after one layer at tokens int64 [B, C]: what `layer` gives there, up to rounding.

        Keys and values are computed for all tokens and the rest for these alone. Only in eval mode and where nothing
        is hooked to the layer's modules.
        """
        padding, positions = context
        taken = attend(self.project(index, hidden, positions, tokens), padding)
        return self.after_attention(index, taken, at(hidden, tokens))

    def logits(self, finished: torch.Tensor) -> torch.Tensor:
        """[..., V] of the masked-language head, from finished hidden states [..., D].

        Raises:
            ModelError: the checkpoint has no such head.
        """
        if not self.headed:
            raise ModelError(
                f"this checkpoint ({type(self.model).__name__}) has no masked-language head, so it gives no "
                "likelihoods of residues. Use its features, or choose another checkpoint; nothing was scored."
            )
        return self.head(finished)

    def run(self, hidden: torch.Tensor, real: torch.Tensor, start: int = 0, stop: int | None = None) -> torch.Tensor:
        """[B, T, D] after layers start .. stop - 1 (all from `start` on when `stop` is None)."""
        self.real = real
        context = self.context(hidden, real)
        for index in range(start, len(self.layers) if stop is None else stop):
            hidden = self.layer(index, hidden, context)
        return hidden

    def last_at(self, hidden: torch.Tensor, context: Any, tokens: torch.Tensor) -> torch.Tensor:
        """[B, C, D] after the last layer at tokens int64 [B, C], by `layer_at` where that is possible and faster."""
        last = len(self.layers) - 1
        layer = self.layers[last]
        if layer.training or has_hooks(layer) or 2 * tokens.shape[1] > hidden.shape[1]:
            return at(self.layer(last, hidden, context), tokens)
        return self.layer_at(last, hidden, context, tokens)

    def run_at(self, hidden: torch.Tensor, real: torch.Tensor, tokens: torch.Tensor, start: int = 0) -> torch.Tensor:
        """[B, C, D] finished hidden states at tokens int64 [B, C], from what enters layer `start`."""
        last = len(self.layers) - 1
        if start > last:
            return self.finish(at(hidden, tokens))
        hidden = self.run(hidden, real, start, last)
        return self.finish(self.last_at(hidden, self.context(hidden, real), tokens))

    def forward(self, ids: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """[B, T, D] finished hidden states of ids [B, T]."""
        return self.finish(self.run(self.embed(ids, real), real))


def at(hidden: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """[B, C, D] of [B, T, D] at tokens int64 [B, C].

    >>> at(torch.tensor([[[1.0], [2.0], [3.0]]]), torch.tensor([[2, 0]])).flatten().tolist()
    [3.0, 1.0]
    """
    return hidden.gather(1, tokens.unsqueeze(2).expand(-1, -1, hidden.shape[2]))


def attend(projected: Projected, padding: torch.Tensor | None) -> torch.Tensor:
    """[B, C, H * d] that some tokens take from all tokens.

    Args:
        projected: what they attend with.
        padding: what is added to the scores, or (bool) False where nothing may be taken; None where nothing is
            padding. It is the same for every token that attends, so the first one's is used.
    """
    scores = projected.query @ projected.key.transpose(2, 3) * projected.scale
    if projected.bias is not None:
        scores = scores + projected.bias
    if padding is not None:
        padding = padding[:, :, :1]
        scores = scores.masked_fill(~padding, -torch.inf) if padding.dtype == torch.bool else scores + padding
    return (scores.softmax(3) @ projected.value).transpose(1, 2).flatten(2)


def padding_bias(config: Any, hidden: torch.Tensor, real: torch.Tensor) -> torch.Tensor | None:
    """What the attention of a `transformers` model takes for its mask; None where nothing is padding.

    Args:
        config: of the model.
        hidden: [B, T, D] for shape, kind and device.
        real: bool [B, T].
    """
    if torch.compiler.is_exporting():
        # a graph is for candidates with padding and without; eager attention adds this to its scores
        return torch.where(real, 0.0, torch.finfo(hidden.dtype).min)[:, None, None]
    # a mask that hides nothing costs time for nothing
    if real.is_meta or bool(real.all()):
        return None
    from transformers.masking_utils import create_bidirectional_mask

    return create_bidirectional_mask(config=config, inputs_embeds=hidden, attention_mask=real.long())


def has_hooks(layer: nn.Module) -> bool:
    """Whether hooks read or change what passes through the modules of a layer: they expect all tokens."""
    return any(module._forward_hooks or module._forward_pre_hooks for module in layer.modules())


def sharing(base: TransformerEncoder) -> TransformerEncoder:
    """A copy of an encoder with the same weights in the same memory, so it costs hardly any.

    No adapter changes a weight in place: what is trained or changed is copied first.
    """
    same: dict[int, Any] = {id(p): nn.Parameter(p.detach(), p.requires_grad) for p in base.parameters()}
    return copy.deepcopy(base, same)


@lru_cache(maxsize=2)
def first_layers(encoder: TransformerEncoder, share: float) -> TransformerEncoder:
    """An encoder of the first share of the layers, at least one; its weights are shared, and all layers are itself."""
    layers = max(1, round(share * len(encoder.layers)))
    if layers == len(encoder.layers):
        return encoder
    shorter = sharing(encoder)
    del shorter.layers[layers:]
    return shorter
