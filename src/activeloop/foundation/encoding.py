"""Features of a model as pretrained: each candidate once through the network, in length buckets, and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from activeloop.candidates import Pool
from activeloop.foundation.base import READING
from activeloop.foundation.cache import keep, recall
from activeloop.foundation.checkpoints import fingerprint
from activeloop.foundation.encoder import TransformerEncoder, at, attention_as, fast, faster, half_pays, sharing
from activeloop.foundation.pooling import Batch, PooledPositions, Pooler, Pooling, pooling_for
from activeloop.foundation.tokens import Tokens

if TYPE_CHECKING:
    from activeloop.foundation.base import FoundationModel


#: padded tokens of one minibatch: as many as fill a graphics card, and on a processor as stay in its caches
TOKENS = {"cuda": 16_384, "cpu": 2048}
#: candidates whose features make one file of the cache; fewer than `SMALL` are not worth one
BLOCK, SMALL = 4096, 32


def best_device() -> str:
    """`cuda` where there is one, else `cpu`."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def tokens_together(device: torch.device | str = "cpu") -> int:
    """Padded tokens that go through a model at once.

    >>> tokens_together("cpu")
    2048
    """
    return TOKENS[torch.device(device).type]


def frozen_encoder(foundation: FoundationModel, device: str = "cpu") -> TransformerEncoder:
    """A whole encoder for reading only; nothing may be attached to it. Loaded once a process for each checkpoint."""
    anonymous: Any = replace(foundation, pooling="auto", depth=None)  # type: ignore[type-var]
    return _loaded(anonymous, fingerprint(foundation.source, foundation.revision), device)


def feature_encoder(foundation: FoundationModel, device: str = "cpu") -> TransformerEncoder:
    """The same without the layers above `FoundationModel.depth`; its weights are shared."""
    return _cut(frozen_encoder(foundation, device), foundation.share)


@lru_cache(maxsize=2)
def _loaded(foundation: FoundationModel, content: str, device: str) -> TransformerEncoder:
    return foundation.load().to(device)


@lru_cache(maxsize=2)
def _cut(encoder: TransformerEncoder, share: float) -> TransformerEncoder:
    layers = max(1, round(share * len(encoder.layers)))
    if layers == len(encoder.layers):
        return encoder
    shorter = sharing(encoder)
    del shorter.layers[layers:]
    return shorter


@contextmanager
def reading(encoder: TransformerEncoder, length: int, device: str = "cpu") -> Iterator[None]:
    """No gradients, half precision where it pays, and the faster attention for sequences of a length."""
    half = half_pays(device)
    with (
        torch.inference_mode(),
        fast(device),
        attention_as(encoder, faster(encoder.heads, length, half=half, device=device)),
    ):
        yield


def encode(foundation: FoundationModel, pool: Pool, rows: np.ndarray) -> np.ndarray:
    """Float32 [n, P] pooled hidden states."""
    pooling = pooling_for(pool, foundation.pooling)
    columns = 0 if pool.sites is None else len(pool.sites.labels)
    parent = foundation.parent_tokens(pool) if pooling in ("mutated", "difference") else None
    blocks = [foundation.tokens(pool, rows[start : start + BLOCK]) for start in range(0, max(len(rows), 1), BLOCK)]
    return np.concatenate([_block(foundation, tokens, parent, pooling, columns) for tokens in blocks])


def _block(
    foundation: FoundationModel, tokens: Tokens, parent: Tokens | None, pooling: Pooling, columns: int
) -> np.ndarray:
    """Features of at most `BLOCK` candidates, from the cache if they are there."""
    if len(tokens) < SMALL:
        return _computed(foundation, tokens, parent, pooling, columns)
    key = _key(foundation, tokens, parent, pooling)
    features = recall("features", key)
    if features is None:
        features = _computed(foundation, tokens, parent, pooling, columns)
        keep("features", key, features)
    return features


def _key(foundation: FoundationModel, tokens: Tokens, parent: Tokens | None, pooling: Pooling) -> str:
    """Depends on all that features are computed from: weights, tokens, pooling, precision."""
    whole = hashlib.blake2b(digest_size=20)
    content = fingerprint(foundation.source, foundation.revision)
    whole.update(
        f"{READING}|{foundation.family}|{content}|{pooling}|{foundation.share}|{half_pays(best_device())}".encode()
    )
    for part in (tokens, *([parent] if parent is not None else [])):
        whole.update(f"|{part.ids.shape}|{part.columns.shape}|{part.first}|{part.last}|".encode())
        for array in (part.ids, part.lengths, part.columns, part.changed):
            whole.update(array.tobytes())
    return whole.hexdigest()


def _computed(
    foundation: FoundationModel, tokens: Tokens, parent: Tokens | None, pooling: Pooling, columns: int
) -> np.ndarray:
    device = best_device()
    encoder = feature_encoder(foundation, device)
    pooler = Pooler(pooling, encoder.width, columns).to(device)
    features = np.zeros((len(tokens), pooler.size), np.float32)
    own = None if parent is None else Batch.of(parent, device)
    beside = None if own is None else (_states(encoder, own, None, device), own)
    for group in tokens.buckets(tokens_together(device)):
        batch = Batch.of(tokens.take(group), device)
        here, there = pooler.places(batch, own) or (None, None)
        hidden = _states(encoder, batch, here, device)
        with torch.inference_mode():
            compared = beside if beside is None or there is None else (at(beside[0], there.tokens), there.batch)
            features[group] = pooler(hidden, here.batch if here else batch, compared).cpu().numpy()
    return features


def _states(encoder: TransformerEncoder, batch: Batch, places: PooledPositions | None, device: str) -> torch.Tensor:
    """[B, C, D] in single precision at the places that are read; [B, T, D] where there are none."""
    with reading(encoder, batch.ids.shape[1], device):
        if places is None:
            return encoder(batch.ids, batch.real).float()
        return encoder.run_at(encoder.embed(batch.ids, batch.real), batch.real, places.tokens).float()
