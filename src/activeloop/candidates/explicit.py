"""Pools that are listed."""

from __future__ import annotations

from collections.abc import Sequence as Rows
from functools import cached_property
from typing import cast, final

import numpy as np

from activeloop.candidates.designs import Compound, Design, Variant
from activeloop.candidates.notation import Notation
from activeloop.candidates.pool import Pool
from activeloop.candidates.sites import Sites, letter_columns, variant_columns
from activeloop.errors import NotationError, PoolError


@final
class ExplicitPool(Pool):
    """Listed candidates, each once.

    Args:
        designs: of one type; variants of one parent, sequences and guides of one length.
        kind: one of `KINDS`.
        origin: where they come from, in one sentence.
        notation: how they are written.

    Raises:
        PoolError: none at all, or the same candidate twice.
    """

    def __init__(self, designs: Rows[Design], *, kind: str, origin: str, notation: Notation):
        if not designs:
            raise PoolError("a pool needs at least one candidate. Nothing was listed, or the rules leave nothing.")
        self.kind, self.origin, self.notation = kind, origin, notation
        self._designs = tuple(designs)
        self._rows = {notation.key(design): row for row, design in enumerate(self._designs)}
        if len(self._rows) < len(self._designs):
            first, second = duplicates(self._designs, notation)[0]
            names = f'"{self._designs[first].name}" and "{self._designs[second].name}"'
            raise PoolError(f"candidates {first + 1} and {second + 1} are the same: {names}. Keep one of them.")

    def __len__(self) -> int:
        return len(self._designs)

    def design(self, row: int) -> Design:
        """The design in one row."""
        return self._designs[row]

    def row_of(self, name: str) -> int | None:
        """The row of a candidate by any of its notations, or None when it is not in the pool."""
        row = self._rows.get(name)
        if row is not None:
            return row
        try:
            return self._rows.get(self.notation.key(self.notation.design(name)))
        except NotationError:
            return None

    @property
    def sites(self) -> Sites | None:
        """The varying columns; None for compounds."""
        return self._columns[0] if self._columns else None

    def codes(self, rows: np.ndarray | Rows[int] | None = None) -> np.ndarray:
        """Letters of the varying columns as codes: uint8 [n, L]; all rows when `rows` is None."""
        if self._columns is None:
            raise PoolError("compounds have no sequence. Use an encoder that reads structures.")
        codes = self._columns[1]
        return codes if rows is None else codes[np.asarray(rows, np.int64)]

    @cached_property
    def _columns(self) -> tuple[Sites, np.ndarray] | None:
        first = self._designs[0]
        if isinstance(first, Compound):
            return None
        if isinstance(first, Variant):
            columns = variant_columns(cast("tuple[Variant, ...]", self._designs))
        else:
            columns = letter_columns([d.name for d in self._designs])
        columns[1].setflags(write=False)  # Shared by everybody who asks.
        return columns


def duplicates(designs: Rows[Design], notation: Notation) -> list[tuple[int, int]]:
    """Pairs of indices of the same candidate: its first place, and each later one."""
    first: dict[str, int] = {}
    pairs = []
    for i, design in enumerate(designs):
        earlier = first.setdefault(notation.key(design), i)
        if earlier != i:
            pairs.append((earlier, i))
    return pairs
