"""Monte Carlo dropout in the last layers of a network, with one mask a sample for all candidates and positions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from activeloop.errors import ModelError
from activeloop.foundation.encoder import TransformerEncoder
from activeloop.foundation.pooling import Batch
from activeloop.foundation.tokens import Tokens

#: from finished hidden states [B, T, D] and their batch to [B, P] (or [B])
Pooled = Callable[[torch.Tensor, Batch], torch.Tensor]


@dataclass(frozen=True)
class LayerDropout:
    """Joint samples of a network by dropout on what its last layers add to the hidden states.

    A sample is one mask [D] for each of these layers, the same for every candidate and every position: a function of
    the candidates, which plain dropout is not. All layers before are run once for all samples. The first of the last
    layers is run once as well, since its input is not masked, so T samples cost 1 + T (k - 1) / L passes.

    Args:
        layers: k, the number of last layers.
        rate: share of the D features that a mask drops; the others are scaled up so that the mean stays.

    Source: Gal and Ghahramani 2016, arXiv:1506.02142, with constant masks as in their arXiv:1512.05287.
    """

    layers: int = 2
    rate: float = 0.1

    def __post_init__(self):
        if self.layers < 1 or not 0 < self.rate < 1:
            problem = f"{self.layers} layers with a rate of {self.rate}"
            raise ModelError(f"layer dropout: {problem} give samples without spread. Give 1 or more, and 0 < rate < 1.")

    def masks(self, encoder: TransformerEncoder, seed: int, count: int) -> torch.Tensor:
        """[T, k, D] masks of 0 or 1 / (1 - rate); the first T are the same for every larger count.

        Raises:
            ModelError: the network has fewer layers.
        """
        if self.layers > len(encoder.layers):
            raise ModelError(
                f"layer dropout: the network has {len(encoder.layers)} layers, not {self.layers}. Nothing was sampled."
            )
        uniform = np.random.default_rng(seed).random((count, self.layers, encoder.width))
        return torch.from_numpy(((uniform >= self.rate) / (1 - self.rate)).astype(np.float32))

    @torch.inference_mode()
    def draws(
        self, encoder: TransformerEncoder, pooled: Pooled, tokens: Tokens, masks: torch.Tensor, size: int = 16_384
    ) -> np.ndarray:
        """Float32 [T, n, P] (or [T, n]) of all candidates; bit-identical for the same minibatches.

        Args:
            encoder: the network, in eval mode.
            pooled: from its hidden states to the result.
            tokens: n candidates.
            masks: from `masks`.
            size: padded tokens of one minibatch.

        Raises:
            ModelError: all samples are equal.
        """
        device = next(encoder.parameters()).device
        parts: list[tuple[np.ndarray, np.ndarray]] = []
        for group in tokens.buckets(size):
            drawn = self._minibatch(encoder, pooled, Batch.of(tokens.take(group), device), masks.to(device))
            parts.append((group, drawn.float().cpu().numpy()))
        result = np.concatenate([drawn for _, drawn in parts], axis=1)
        order = np.argsort(np.concatenate([group for group, _ in parts]))
        if len(masks) > 1 and not np.ptp(result, axis=0).max() > 0:
            raise ModelError("layer dropout: all samples are equal, so they say nothing about uncertainty.")
        return result[:, order]

    def _minibatch(
        self, encoder: TransformerEncoder, pooled: Pooled, batch: Batch, masks: torch.Tensor
    ) -> torch.Tensor:
        """[T, B, P] of one minibatch."""
        first = len(encoder.layers) - self.layers
        start = encoder.run(encoder.embed(batch.ids, batch.real), batch.real, stop=first)
        context = encoder.context(start, batch.real)
        added = encoder.layer(first, start, context) - start
        draws = []
        for mask in masks.to(start.dtype):
            hidden = start + mask[0] * added
            for i in range(1, self.layers):
                added_here = encoder.layer(first + i, hidden, context) - hidden
                hidden = hidden + mask[i] * added_here
            draws.append(pooled(encoder.finish(hidden), batch))
        return torch.stack(draws)
