"""Layers of a foundation model as part of a student."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn

from activeloop.backbones.encoding import frozen_trunk
from activeloop.backbones.foundation import Foundation
from activeloop.backbones.trunk import Trunk
from activeloop.errors import ModelError
from activeloop.students.reading import PADDING


def copied_trunk(foundation: Foundation, layers: int) -> Trunk:
    """Embeddings and first layers of a foundation model, as weights of one's own that learn.

    Raises:
        ModelError: it has fewer layers.
    """
    trunk = copy.deepcopy(frozen_trunk(foundation, "cpu"))
    if len(trunk.layers) < layers:
        raise ModelError(f"{foundation.name} has {len(trunk.layers)} layers, not {layers}. Nothing was taught.")
    del trunk.layers[layers:]
    for parameter in trunk.parameters():
        parameter.requires_grad_(True)
    # written out, attention is made of operations that every runtime knows
    trunk.model.config._attn_implementation = "eager"
    hidden = trunk(torch.zeros(1, 2, dtype=torch.int64), torch.ones(1, 2, dtype=torch.bool))
    hidden.sum().backward()
    for parameter in trunk.parameters():
        # heads that guess residues have no part in it
        parameter.requires_grad_(parameter.grad is not None)
        parameter.grad = None
    return trunk


class Copied(nn.Module):
    """Vectors of residues by the first layers of a foundation model.

    Args:
        trunk: the layers.
        ids: [letters] the model's id of each token of the student.
        before, after: ids of special tokens around a sequence.
    """

    ids: torch.Tensor

    def __init__(self, trunk: Trunk, ids: np.ndarray, before: tuple[int, ...], after: tuple[int, ...]):
        super().__init__()
        self.trunk, self.before, self.after, self.pad = trunk, before, after, int(ids[PADDING])
        self.norm = nn.LayerNorm(trunk.width)
        self.register_buffer("ids", torch.from_numpy(ids.astype(np.int64)))

    def forward(self, tokens: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """[N, W, D] of tokens [N, W]; `real` is [N, W, 1]."""
        first, last = len(self.before), len(self.after)
        inner = nn.functional.pad(self.ids[tokens], (first, last), value=self.pad)
        place = torch.arange(inner.shape[1], device=tokens.device) - first
        length = real.sum(1).long()
        ids = inner
        for k, special in enumerate(self.before):
            ids = torch.where(place == k - first, special, ids)
        for k, special in enumerate(self.after):
            ids = torch.where(place == length + k, special, ids)
        seen = place < length + last
        hidden = self.trunk.embed(ids, seen)
        context = self.trunk.context(hidden, seen)
        for index in range(len(self.trunk.layers)):
            hidden = self.trunk.layer(index, hidden, context)
        hidden = self.trunk.finish(hidden)
        return self.norm(hidden[:, first : hidden.shape[1] - last] if last else hidden[:, first:])
