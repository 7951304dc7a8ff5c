"""Cached activations of a pool's candidates below the trained layers, shared by calls, models and versions."""

from __future__ import annotations

import weakref
from dataclasses import fields
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch

    from activeloop.candidates import Pool
    from activeloop.foundation.pooling import Batch

#: bytes of the cache
BYTES = 2**30
#: the row under which the parent's activations are stored
PARENT = -1


class LowerLayers(Protocol):
    """A model whose layers below the trained ones may be shared with others."""

    @property
    def shared(self) -> tuple[object, ...] | None:
        """What the activations depend on; None where the layers are the model's own."""
        ...

    def entering(self, batch: Batch) -> torch.Tensor:
        """[B, T, D] activations entering the lowest trained layer."""
        ...


class CachedActivations:
    """Of one pool, for models with the same frozen layers.

    A candidate is cached only from a minibatch without padding: on a processor its activations then do not depend on
    the rest of the minibatch, so caching changes no bit of a result.

    Args:
        room: bytes.
    """

    def __init__(self, room: int):
        self.room = room
        self.by_row: dict[int, torch.Tensor] = {}

    def entering(self, model: LowerLayers, rows: list[int], batch: Batch) -> torch.Tensor:
        """[B, T, D] activations entering the lowest trained layer, computed where they are not cached.

        Args:
            model: one of the models.
            rows: B rows of the pool; `PARENT` for the parent.
            batch: of their tokens.
        """
        import torch

        if not bool(batch.real.all()):
            return model.entering(batch)
        missing = [i for i, row in enumerate(rows) if row not in self.by_row]
        if not missing:
            return torch.stack([self.by_row[row] for row in rows])
        new = model.entering(rows_of(batch, missing))
        self._add([rows[i] for i in missing], new)
        if len(missing) == len(rows):
            return new
        found = dict(zip(missing, new, strict=True))
        return torch.stack([found[i] if i in found else self.by_row[row] for i, row in enumerate(rows)])

    def _add(self, rows: list[int], activations: torch.Tensor) -> None:
        for row, activation in zip(rows, activations, strict=True):
            self.room -= activation.nbytes
            if self.room < 0:
                return
            self.by_row[row] = activation.clone()


class PoolCache:
    """The activations of the pool used last, for as long as that pool is in use.

    Args:
        most: bytes at most; candidates beyond it are computed each time.
    """

    def __init__(self, most: int = BYTES):
        self.most = most
        self._pool: weakref.ref[Pool] | None = None
        self._made_of: tuple[object, ...] = ()
        self._cached: CachedActivations | None = None

    def entering(self, pool: Pool, model: LowerLayers, rows: list[int], batch: Batch) -> torch.Tensor:
        """The activations of `CachedActivations.entering`, for rows of a pool."""
        cached = self.of(pool, model)
        return model.entering(batch) if cached is None else cached.entering(model, rows, batch)

    def of(self, pool: Pool, model: LowerLayers) -> CachedActivations | None:
        """For a model and a pool; None where the model's lower layers are its own."""
        made_of = model.shared
        if made_of is None:
            return None
        if self._cached is None or self._pool is None or self._pool() is not pool or self._made_of != made_of:
            self._pool, self._made_of = weakref.ref(pool, self._drop), made_of
            self._cached = CachedActivations(self.most)
        return self._cached

    def _drop(self, gone: object) -> None:
        if gone is self._pool:
            self._cached = None


def rows_of(batch: Batch, rows: slice | list[int]) -> Batch:
    """Some rows of a minibatch."""
    return type(batch)(*(getattr(batch, field.name)[rows] for field in fields(batch)))
