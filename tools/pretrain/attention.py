"""Attention for training in half precision without a graphics card."""

from __future__ import annotations

import torch
from transformers import AttentionInterface

#: under which `transformers` finds it
NAME = "activeloop_bfloat16"


def attend(module: torch.nn.Module, query, key, value, attention_mask, dropout: float = 0.0, **_: object):
    """Attention with scores, softmax and their gradients kept in bfloat16.

    Autocast computes the softmax in single precision and carries the scores to it and back, which takes a quarter of a
    training step at 256 tokens a row. Queries come scaled, and there is no dropout.

    Args:
        module: the layer's attention.
        query: [R, H, W, D].
        key: [R, H, W, D].
        value: [R, H, W, D].
        attention_mask: [R, 1, W, W] to be added to the scores.
        dropout: of the attention; only 0 is meant.
        _: what other implementations are told.

    Returns:
        [R, W, H, D] and the weights [R, H, W, W].
    """
    with torch.autocast(query.device.type, enabled=False):
        query, key, value = query.bfloat16(), key.bfloat16(), value.bfloat16()
        scores = (query @ key.transpose(2, 3)).add_(attention_mask)
        weights = torch.softmax(scores, -1)
        return (weights @ value).transpose(1, 2), weights


AttentionInterface.register(NAME, attend)
