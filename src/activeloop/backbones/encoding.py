"""Features of a model as pretrained: each candidate once through the network, in length buckets."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch

from activeloop.backbones.pooling import Batch, Pooler, pooling_for
from activeloop.backbones.trunk import Trunk
from activeloop.candidates import Pool

if TYPE_CHECKING:
    from activeloop.backbones.foundation import Foundation

#: padded tokens of one minibatch
TOKENS = 16_384


@lru_cache(maxsize=2)
def frozen_trunk(foundation: Foundation) -> Trunk:
    """A trunk for reading only; nothing may be attached to it."""
    return foundation.load()


@torch.inference_mode()
def encode(foundation: Foundation, pool: Pool, rows: np.ndarray) -> np.ndarray:
    """Float32 [n, P] pooled hidden states."""
    trunk = frozen_trunk(foundation)
    columns = 0 if pool.sites is None else len(pool.sites.labels)
    pooler = Pooler(pooling_for(pool, foundation.pooling), trunk.width, columns)
    parent_tokens = foundation.parent_tokens(pool)
    parent = None
    if parent_tokens is not None:
        batch = Batch.of(parent_tokens)
        parent = trunk(batch.ids, batch.real), batch
    features = np.zeros((len(rows), pooler.size), np.float32)
    tokens = foundation.tokens(pool, rows)
    for group in tokens.buckets(TOKENS):
        batch = Batch.of(tokens.take(group))
        features[group] = pooler(trunk(batch.ids, batch.real), batch, parent).float().numpy()
    return features
