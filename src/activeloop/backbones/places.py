"""A layer at a few tokens only: what goes into it is needed everywhere, what comes out is not."""

from __future__ import annotations

import torch
from torch import nn


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
