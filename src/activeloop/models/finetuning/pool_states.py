"""States of a pool's candidates below the layers that learn, kept over calls, models and versions."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from activeloop.candidates import Pool
    from activeloop.foundation.pooling import Batch
    from activeloop.models.finetuning.adapted import AdaptedEncoder

#: bytes that are kept
BYTES = 2**30
#: the row under which the parent's states are kept
PARENT = -1


class CachedStates:
    """What is kept of one pool by models with the same frozen layers.

    A candidate is kept only from a minibatch without padding: on a processor its states then do not depend on who else
    was in the minibatch, so whether they were kept before changes no bit of a result.

    Args:
        room: bytes that may be kept.
    """

    def __init__(self, room: int):
        self.room = room
        self.states: dict[int, torch.Tensor] = {}

    def entering(self, adapted: AdaptedEncoder, rows: list[int], batch: Batch) -> torch.Tensor:
        """[B, T, D] that enter the lowest learning layer.

        Args:
            adapted: one of the models.
            rows: B rows of the pool; `PARENT` for the parent.
            batch: of their tokens.
        """
        import torch

        from activeloop.models.finetuning.inputs import part

        if not bool(batch.real.all()):
            return adapted.entering(batch)
        missing = [place for place, row in enumerate(rows) if row not in self.states]
        if not missing:
            return torch.stack([self.states[row] for row in rows])
        new = adapted.entering(part(batch, missing))
        self._keep([rows[place] for place in missing], new)
        if len(missing) == len(rows):
            return new
        found = dict(zip(missing, new, strict=True))
        return torch.stack([found[place] if place in found else self.states[row] for place, row in enumerate(rows)])

    def _keep(self, rows: list[int], states: torch.Tensor) -> None:
        for row, state in zip(rows, states, strict=True):
            self.room -= state.nbytes
            if self.room < 0:
                return
            self.states[row] = state.clone()


class PoolStates:
    """Holds what is kept of the pool that was read last, for as long as that pool is in use.

    Args:
        most: bytes at most; candidates beyond it are computed anew each time.
    """

    def __init__(self, most: int = BYTES):
        self.most = most
        self._pool: weakref.ref[Pool] | None = None
        self._made_of: tuple[object, ...] = ()
        self._kept: CachedStates | None = None

    def entering(self, pool: Pool, adapted: AdaptedEncoder, rows: list[int], batch: Batch) -> torch.Tensor:
        """[B, T, D] that enter the lowest learning layer of a model, computed where they are not kept.

        Args:
            pool: that is read.
            adapted: the model.
            rows: B rows of the pool; `PARENT` for the parent.
            batch: of their tokens.
        """
        kept = self.of(pool, adapted)
        return adapted.entering(batch) if kept is None else kept.entering(adapted, rows, batch)

    def of(self, pool: Pool, adapted: AdaptedEncoder) -> CachedStates | None:
        """For a model that reads a pool; None where nothing is worth keeping, or its lower layers are its own."""
        made_of = adapted.below
        if made_of is None:
            return None
        if self._kept is None or self._pool is None or self._pool() is not pool or self._made_of != made_of:
            self._pool, self._made_of = weakref.ref(pool, self._forget), made_of
            self._kept = CachedStates(self.most)
        return self._kept

    def _forget(self, gone: object) -> None:
        if gone is self._pool:
            self._kept = None
