"""A pretrained model as a row of layers that one can stop between: attention, padding, precision."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from activeloop.errors import ModelError


def at(hidden: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """[B, C, D] of [B, T, D] at tokens int64 [B, C].

    >>> at(torch.tensor([[[1.0], [2.0], [3.0]]]), torch.tensor([[2, 0]])).flatten().tolist()
    [3.0, 1.0]
    """
    return hidden.gather(1, places.unsqueeze(2).expand(-1, -1, hidden.shape[2]))


def heads(states: torch.Tensor, size: int) -> torch.Tensor:
    """[B, H, C, size] of [B, C, H * size]."""
    return states.unflatten(2, (-1, size)).transpose(1, 2)


def attended(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *biases: torch.Tensor | None, scale: float
) -> torch.Tensor:
    """[B, C, H * d] that some tokens take from all tokens.

    Args:
        query: [B, H, C, d] of the tokens that ask.
        key: [B, H, T, d].
        value: [B, H, T, d].
        biases: what is added to the scores, or (bool) False where nothing may be taken; each broadcasts to
            [B, H, C, T].
        scale: by which products of queries and keys are multiplied.
    """
    scores = query @ key.transpose(2, 3) * scale
    for bias in biases:
        if bias is not None:
            scores = scores.masked_fill(~bias, -torch.inf) if bias.dtype == torch.bool else scores + bias
    return (scores.softmax(3) @ value).transpose(1, 2).flatten(2)


def of_padding(bias: torch.Tensor | None) -> torch.Tensor | None:
    """[B, 1, 1, T]: what padding adds is the same for every token that asks."""
    return None if bias is None else bias[:, :, :1]


def turned(states: torch.Tensor, angles: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """[B, H, C, d] after rotary embeddings, from cosines and sines that broadcast to [B, C, d]."""
    cos, sin = (part.unsqueeze(1) for part in angles)
    left, right = states.chunk(2, 3)
    return states * cos + torch.cat([-right, left], 3) * sin


def angles_at(angles: tuple[torch.Tensor, torch.Tensor], places: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """[B, C, d] cosines and sines of some tokens, from those of all [1, T, d]."""
    return angles[0][0][places], angles[1][0][places]


def watched(layer: nn.Module) -> bool:
    """Whether something looks at, or changes, what passes through the modules of a layer: it expects all tokens."""
    return any(module._forward_hooks or module._forward_pre_hooks for module in layer.modules())


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


class TransformerEncoder(nn.Module, ABC):
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


def sharing(base: TransformerEncoder) -> TransformerEncoder:
    """A copy of an encoder with the same weights in the same memory, so that it costs next to none.

    No adapter changes a weight where it lies: what learns, or is changed, is copied first.
    """
    same: dict[int, Any] = {id(p): nn.Parameter(p.detach(), p.requires_grad) for p in base.parameters()}
    return copy.deepcopy(base, same)


Attention = Literal["eager", "sdpa"]


def padding_bias(config: Any, hidden: torch.Tensor, real: torch.Tensor) -> torch.Tensor | None:
    """What the attention of a `transformers` model takes for its mask; None where nothing is padding.

    Args:
        config: of the model.
        hidden: [B, T, D] for shape, kind and place.
        real: bool [B, T].
    """
    if torch.compiler.is_exporting():
        # a graph is for candidates with padding and without; written-out attention adds this to its scores
        return torch.where(real, 0.0, torch.finfo(hidden.dtype).min)[:, None, None]
    # a mask that hides nothing costs time for nothing
    if real.is_meta or bool(real.all()):
        return None
    from transformers.masking_utils import create_bidirectional_mask

    return create_bidirectional_mask(config=config, inputs_embeds=hidden, attention_mask=real.long())


def faster(heads: int, length: int, *, half: bool, device: str = "cpu") -> Attention:
    """The way that takes less time, forwards and backwards.

    Written out, attention is made of matrix products that run in half precision, backwards too; SDPA spares the memory
    traffic of the scores, but its backward pass on a processor is slow. So the written-out way is the faster one as
    long as its scores stay in the cache, in half precision for longer.
    What counts is how many scores there are to write out, which is heads times length for a minibatch of one size.

    >>> faster(20, 58, half=True), faster(20, 1024, half=True), faster(20, 512, half=False)
    ('eager', 'sdpa', 'sdpa')
    """
    if torch.device(device).type != "cpu":
        return "sdpa"
    return "sdpa" if heads * length > (15_000 if half else 4_000) else "eager"


@contextmanager
def attention_as(encoder: TransformerEncoder, kind: Attention) -> Iterator[None]:
    """A encoder with one way of computing attention, and as it was afterwards."""
    config = encoder.model.config
    before = config._attn_implementation
    config._attn_implementation = kind
    try:
        yield
    finally:
        config._attn_implementation = before


#: what processors call their arithmetic in bfloat16; without it, bfloat16 is emulated and slower
FAST = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")


def half_pays(device: str = "cpu") -> bool:
    """True where the processor or the graphics card multiplies in bfloat16 itself."""
    kind = torch.device(device).type
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if kind != "cpu":
        return False
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in FAST)


@contextmanager
def fast(device: str = "cpu") -> Iterator[None]:
    """Products in bfloat16 where that pays, everything else (norms, sums of layers) in single precision."""
    with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=half_pays(device)):
        yield
