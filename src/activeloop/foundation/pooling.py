"""From hidden states of every token to one vector a candidate."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from activeloop.foundation.devices import inference, minibatch_tokens
from activeloop.foundation.encoder import TransformerEncoder, at
from activeloop.foundation.reading import Pooling
from activeloop.foundation.tokens import Tokens


@dataclass(frozen=True)
class Batch:
    """Tokens as tensors; fields as in `Tokens`."""

    ids: torch.Tensor
    real: torch.Tensor
    residues: torch.Tensor
    columns: torch.Tensor
    changed: torch.Tensor

    @classmethod
    def of(cls, tokens: Tokens, device: torch.device | str = "cpu") -> Batch:
        """The tensors, on a device."""
        arrays = (tokens.ids.astype(np.int64), tokens.real, tokens.residues, tokens.columns.astype(np.int64))
        ids, real, residues, columns = (torch.from_numpy(a).to(device) for a in arrays)
        return cls(ids, real, residues, columns, torch.from_numpy(tokens.changed).to(device))


@dataclass(frozen=True)
class PooledPositions:
    """The tokens that a pooling reads.

    Args:
        tokens: int64 [B, C].
        batch: with columns renumbered, so that hidden states of these tokens alone are pooled as all would be.
    """

    tokens: torch.Tensor
    batch: Batch


class Pooler(nn.Module):
    """Pools hidden states [B, T, D] to [B, P].

    `mean`: over residues, never special tokens. `mutated`: means over the mutated positions of the candidate's hidden
    state less the parent's there, and beside it of the parent's, which encodes the position (zeros for the parent
    itself). `difference`: the mean over all residues, less the parent's. `sites`: the hidden states at all varying
    columns side by side (zeros at a gap). `attention`: a weighted mean over residues with learned weights, equal at
    first.

    Args:
        pooling: one of them, not `auto`.
        width: D.
        columns: S, the pool's varying columns.
    """

    def __init__(self, pooling: Pooling, width: int, columns: int):
        super().__init__()
        self.pooling: Pooling = pooling
        self.size = width * {"sites": columns, "mutated": 2}.get(pooling, 1)
        self.query = nn.Parameter(torch.zeros(width)) if pooling == "attention" else None

    def positions(self, batch: Batch, parent: Batch | None) -> tuple[PooledPositions, PooledPositions | None] | None:
        """What is read of candidates, and of their parent where it is needed; None where it is every token.

        Args:
            batch: of the candidates.
            parent: batch of the parent; needed by `mutated`.
        """
        if self.pooling == "sites":
            return side_by_side(batch), None
        if self.pooling == "mutated":
            assert parent is not None
            return changed_columns(batch, parent)
        return None

    def forward(self, hidden: torch.Tensor, batch: Batch, parent: tuple[torch.Tensor, Batch] | None) -> torch.Tensor:
        """[B, P].

        Args:
            hidden: [B, T, D] finished hidden states.
            batch: of the candidates.
            parent: hidden states [1, T', D] and batch of the parent; needed by `mutated` and `difference`.
        """
        if self.pooling == "sites":
            return at_columns(hidden, batch).flatten(1)
        if self.pooling == "mutated":
            assert parent is not None
            of_parent = at_columns(*parent).expand(len(hidden), -1, -1)
            states = torch.cat([at_columns(hidden, batch) - of_parent, of_parent], 2)
            changed = batch.changed.to(hidden.dtype).unsqueeze(2)
            return (states * changed).sum(1) / changed.sum(1).clamp(min=1)
        weights = batch.residues.to(hidden.dtype)
        if self.query is not None:
            scores = (hidden @ self.query).masked_fill(~batch.residues, torch.finfo(hidden.dtype).min)
            weights = torch.softmax(scores, 1)
        mean = (hidden * weights.unsqueeze(2)).sum(1) / weights.sum(1, keepdim=True)
        if self.pooling == "difference":
            assert parent is not None
            mean = mean - Pooler("mean", hidden.shape[2], 0)(*parent, None)
        return mean


def at_columns(hidden: torch.Tensor, batch: Batch) -> torch.Tensor:
    """[B, S, D] hidden states [B, T, D] (or [1, T, D] for all) at the varying columns; zeros at a gap."""
    return at(hidden.expand(len(batch.columns), -1, -1), batch.columns.clamp(min=0)) * (batch.columns >= 0).unsqueeze(2)


def side_by_side(batch: Batch) -> PooledPositions:
    """All varying columns."""
    return PooledPositions(batch.columns.clamp(min=0), replace(batch, columns=renumbered(batch.columns)))


def changed_columns(batch: Batch, parent: Batch) -> tuple[PooledPositions, PooledPositions]:
    """The changed columns of each candidate, and those of the parent that any of the candidates changed.

    As many tokens are read of each candidate as of the one with most changes; the further ones do not count.
    """
    most = int(batch.changed.sum(1).max())
    which = torch.sort(batch.changed.to(torch.uint8), dim=1, descending=True, stable=True).indices[:, :most]
    columns, counted = batch.columns.gather(1, which), batch.changed.gather(1, which)
    own = PooledPositions(columns.clamp(min=0), replace(batch, columns=renumbered(columns), changed=counted))
    anywhere = batch.changed.any(0)
    of_parent = parent.columns[:, anywhere]
    # index of each candidate's columns among those that are read of the parent
    among = (torch.cumsum(anywhere, 0) - 1).clamp(min=0)[which]
    among = torch.where(parent.columns[0][which] >= 0, among, -1)
    return own, PooledPositions(of_parent.clamp(min=0), replace(parent, columns=among))


def renumbered(columns: torch.Tensor) -> torch.Tensor:
    """[B, C] columns that stand side by side; gaps stay gaps."""
    return torch.where(columns >= 0, torch.arange(columns.shape[1], device=columns.device), -1)


def pooled_features(
    encoder: TransformerEncoder, tokens: Tokens, parent: Tokens | None, pooling: Pooling, columns: int, device: str
) -> np.ndarray:
    """Float32 [n, P] of candidates, each once through the network, in minibatches of similar length.

    Args:
        encoder: for reading, on the device.
        tokens: of the candidates.
        parent: of their parent, for `mutated` and `difference`.
        pooling: as in `Pooler`.
        columns: S.
        device: where to compute.
    """
    pooler = Pooler(pooling, encoder.width, columns).to(device)
    features = np.zeros((len(tokens), pooler.size), np.float32)
    own = None if parent is None else Batch.of(parent, device)
    of_parent = None if own is None else (_states(encoder, own, None, device), own)
    for group in tokens.buckets(minibatch_tokens(device)):
        batch = Batch.of(tokens.take(group), device)
        read, read_of_parent = pooler.positions(batch, own) or (None, None)
        hidden = _states(encoder, batch, read, device)
        with torch.inference_mode():
            compared = of_parent
            if of_parent is not None and read_of_parent is not None:
                compared = at(of_parent[0], read_of_parent.tokens), read_of_parent.batch
            features[group] = pooler(hidden, read.batch if read else batch, compared).cpu().numpy()
    return features


def _states(encoder: TransformerEncoder, batch: Batch, read: PooledPositions | None, device: str) -> torch.Tensor:
    """[B, C, D] in single precision at the tokens that are read; [B, T, D] where that is all."""
    with inference(encoder, batch.ids.shape[1], device):
        if read is None:
            return encoder(batch.ids, batch.real).float()
        return encoder.run_at(encoder.embed(batch.ids, batch.real), batch.real, read.tokens).float()
