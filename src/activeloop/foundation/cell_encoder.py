"""A cell encoder of scGPT's shape: genes and bins of their values through torch's encoder, without its fast path.

torch's layers have a fast path in eval mode that reads weights past the modules, so that an adapter on them does
nothing there; and `nn.MultiheadAttention` reads `out_proj.weight` itself even on the slow path. Here each layer's
weights are in plain linear maps that are called, so that every adapter takes effect (`check_gradients` proves it when
one is attached).
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, final

import torch
from torch import nn

from activeloop.errors import ModelError
from activeloop.foundation.architectures import split_heads
from activeloop.foundation.encoder import LayerNames, Positions, Projected, TransformerEncoder, at, attend
from activeloop.foundation.expression import BINS


class CellStack(nn.Module):
    """The modules of scGPT: embeddings of genes and of bins, and torch's encoder; to load weights into.

    Args:
        genes: size of the vocabulary.
        width: of hidden states.
        heads: of attention.
        inner: width of feed-forward blocks.
        layers: how many.
        bins: of values.
        dropout: while training.
    """

    def __init__(
        self, genes: int, width: int, heads: int, inner: int, layers: int, bins: int = BINS, dropout: float = 0.0
    ):
        super().__init__()
        self.genes = nn.Embedding(genes, width)
        self.gene_norm = nn.LayerNorm(width)
        self.values = nn.Embedding(bins, width)
        self.value_norm = nn.LayerNorm(width)
        layer = nn.TransformerEncoderLayer(width, heads, inner, dropout, batch_first=True)
        self.transformer_encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.heads = heads

    def forward(self, genes: torch.Tensor, bins: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """[B, T, D] by torch's own encoder, its fast path included."""
        hidden = self.gene_norm(self.genes(genes)) + self.value_norm(self.values(bins))
        return self.transformer_encoder(hidden, src_key_padding_mask=~real)


class CellLayer(nn.Module):
    """One layer of torch's encoder, with its weights in linear maps of their own.

    Args:
        layer: norms after each block, which is torch's default and scGPT's.
    """

    def __init__(self, layer: nn.TransformerEncoderLayer):
        super().__init__()
        if layer.norm_first:
            raise ModelError("norms before the blocks are not scGPT's shape. Choose another model; nothing was loaded.")
        attention, width = layer.self_attn, layer.self_attn.embed_dim
        assert attention.in_proj_weight is not None
        weights, biases = attention.in_proj_weight.chunk(3), attention.in_proj_bias.chunk(3)
        maps = [nn.Linear(width, width, device=weights[0].device, dtype=weights[0].dtype) for _ in range(3)]
        for one, weight, bias in zip(maps, weights, biases, strict=True):
            one.weight, one.bias = nn.Parameter(weight.detach().clone()), nn.Parameter(bias.detach().clone())
        self.query, self.key, self.value = maps
        self.output = nn.Linear(width, width, device=weights[0].device, dtype=weights[0].dtype)
        self.output.load_state_dict(attention.out_proj.state_dict(), assign=True)
        self.linear1, self.linear2 = layer.linear1, layer.linear2
        self.norm1, self.norm2 = layer.norm1, layer.norm2
        self.dropout, self.dropout1, self.dropout2 = layer.dropout, layer.dropout1, layer.dropout2
        self.activation: Any = layer.activation
        self.size = width // attention.num_heads

    def projected(self, hidden: torch.Tensor, tokens: torch.Tensor | None = None) -> Projected:
        """Queries (of some tokens, or all), keys and values."""
        asked = hidden if tokens is None else at(hidden, tokens)
        states = (self.query(asked), self.key(hidden), self.value(hidden))
        return Projected(*(split_heads(part, self.size) for part in states), scale=self.size**-0.5)

    def rest(self, attended: torch.Tensor, entered: torch.Tensor) -> torch.Tensor:
        """Output map, norms and feed-forward block."""
        hidden = self.norm1(entered + self.dropout1(self.output(attended)))
        inner = self.dropout(self.activation(self.linear1(hidden)))
        return self.norm2(hidden + self.dropout2(self.linear2(inner)))

    def forward(self, hidden: torch.Tensor, padding: torch.Tensor | None) -> torch.Tensor:
        """[B, T, D]; padding is bool [B, 1, 1, T], False where nothing may be taken."""
        return self.rest(attend(self.projected(hidden), padding), hidden)


@final
class CellEncoder(TransformerEncoder):
    """A `CellStack` as every other encoder here: adapters, caches and checks work on it unchanged.

    A token is a gene with the bin of its value, as one number: gene + genes x bin (`tokens_of`).

    Args:
        stack: weights loaded.
    """

    names = LayerNames(query="query", key="key", value="value", output="output", widen=("linear1",), narrow="linear2")

    def __init__(self, stack: CellStack):
        config: Any = SimpleNamespace(hidden_size=stack.genes.embedding_dim, num_attention_heads=stack.heads)
        stack.config = config
        layers = [CellLayer(layer) for layer in stack.transformer_encoder.layers]  # pyright: ignore[reportArgumentType]
        del stack.transformer_encoder
        stack.layers = nn.ModuleList(layers)
        super().__init__(stack, headed=False)

    def tokens_of(self, genes: torch.Tensor, bins: torch.Tensor) -> torch.Tensor:
        """Ids of genes with their bins; both of one shape."""
        return genes + self.model.genes.num_embeddings * bins

    @property
    def layers(self) -> nn.ModuleList:
        """In order."""
        return self.model.layers

    def embed(self, ids: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """Embeddings of genes and of bins."""
        genes = self.model.genes.num_embeddings
        gene, value = self.model.genes(ids % genes), self.model.values(ids // genes)
        return self.model.gene_norm(gene) + self.model.value_norm(value)

    def context(self, hidden: torch.Tensor, real: torch.Tensor) -> tuple[torch.Tensor | None, Positions]:
        """What padding hides; genes have no order."""
        return (None if real.is_meta or bool(real.all()) else real[:, None, None]), None

    def layer(self, index: int, hidden: torch.Tensor, context: Any) -> torch.Tensor:
        """One layer, by its linear maps."""
        return self.layers[index](hidden, context[0])

    def project(self, index: int, hidden: torch.Tensor, positions: Positions, tokens: torch.Tensor) -> Projected:
        """Queries, keys and values."""
        layer: Any = self.layers[index]
        return layer.projected(hidden, tokens)

    def after_attention(self, index: int, attended: torch.Tensor, entered: torch.Tensor) -> torch.Tensor:
        """Output map, norms and feed-forward block."""
        layer: Any = self.layers[index]
        return layer.rest(attended, entered)

    def finish(self, hidden: torch.Tensor) -> torch.Tensor:
        """Nothing follows the layers."""
        return hidden

    def head(self, finished: torch.Tensor) -> torch.Tensor:
        """Refused.

        Raises:
            ModelError: always.
        """
        raise ModelError("a cell encoder of this shape has no masked-language head. Use its features.")

    def set_heads(self, index: int, retained: Sequence[int]) -> None:
        """Nothing: the number of heads follows from the maps."""
