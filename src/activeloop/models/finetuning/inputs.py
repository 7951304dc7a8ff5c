"""Tokens of candidates, the parent behind them where the pooling compares with it."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from activeloop.candidates import Pool
from activeloop.encoders.base import Encoder
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.pooling import Batch
from activeloop.foundation.reading import pooling_for
from activeloop.foundation.tokens import Tokens


def compares(foundation: FoundationModel, pool: Pool) -> bool:
    """Whether the pooling needs the parent's hidden states."""
    return pooling_for(pool, foundation.pooling) in ("mutated", "difference")


def read(foundation: FoundationModel, pool: Pool, rows: np.ndarray) -> Tokens:
    """Tokens of rows of a pool, and of the parent as one more row at the end where it is compared with."""
    tokens = foundation.tokens(pool, rows)
    parent = foundation.parent_tokens(pool) if compares(foundation, pool) else None
    return tokens if parent is None else joined(tokens, parent)


def guesses(prior_score: Encoder | None, pool: Pool, rows: np.ndarray) -> np.ndarray:
    """[n, G] prior means of rows; G is 0 without a prior score."""
    return np.zeros((len(rows), 0), np.float32) if prior_score is None else prior_score.features(pool, rows)


def joined(first: Tokens, second: Tokens) -> Tokens:
    """Both, one after the other."""
    width = max(first.ids.shape[1], second.ids.shape[1])
    ids = np.full((len(first) + len(second), width), first.pad, np.int32)
    ids[: len(first), : first.ids.shape[1]] = first.ids
    ids[len(first) :, : second.ids.shape[1]] = second.ids
    return replace(
        first,
        ids=ids,
        lengths=np.concatenate([first.lengths, second.lengths]),
        columns=np.concatenate([first.columns, second.columns]),
        changed=np.concatenate([first.changed, second.changed]),
    )


def part(batch: Batch, rows: slice | list[int]) -> Batch:
    """Some rows of a minibatch."""
    return Batch(*(getattr(batch, field.name)[rows] for field in fields(batch)))
