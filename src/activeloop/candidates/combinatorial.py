"""Pools that are generated on the fly: every combination of letters at some sites."""

from __future__ import annotations

import math
from collections.abc import Sequence as Rows
from typing import final

import numpy as np

from activeloop.candidates.designs import Design, Mutation, Sequence, Variant
from activeloop.candidates.notation import Notation, SequenceNotation, VariantNotation
from activeloop.candidates.pool import Pool
from activeloop.candidates.sites import Rules, Sites, encode, letters_alphabet, protein_sites
from activeloop.errors import NotationError, PoolError

LARGEST = 2**62


@final
class CombinatorialPool(Pool):
    """All combinations of letters at sites; a row is a number whose digits are the letters, the first site leading.

    Nothing is stored but the sites: 20^7 candidates take no memory.

    Args:
        parent: the wild type, or "" for sequences made of the sites alone.
        positions: [L] of the sites in the parent, increasing (1 .. L without a parent).
        letters: [L] letters allowed at each site, each once.
        rules: what a candidate must keep to be allowed.
        origin: in one sentence.

    >>> pool = CombinatorialPool("", (1, 2, 3, 4), ("ACDEFGHIKLMNPQRSTVWY",) * 4, Rules(), "all combinations")
    >>> len(pool), pool.row_of("FWAA"), pool.design(39600).name
    (160000, 39200, 'FYAA')
    """

    def __init__(
        self, parent: str, positions: tuple[int, ...], letters: tuple[str, ...], rules: Rules | None, origin: str
    ):
        self.kind, self.origin, self.rules = "variants", origin, rules
        self._letters = letters
        self._sizes = np.array([len(x) for x in letters], np.int64)
        if not positions or math.prod(map(len, letters)) == 0:
            raise PoolError("a combinatorial pool needs at least one site, and each site at least one letter.")
        self._length = math.prod(map(len, letters))
        if self._length > LARGEST:
            raise PoolError(
                f"{len(positions)} sites make {self._length:.1e} combinations, too many to number. Use fewer."
            )
        self._strides = np.array([math.prod(map(len, letters[i + 1 :])) for i in range(len(letters))], np.int64)
        self.notation: Notation
        if parent:
            self._sites = protein_sites(parent, positions)
            self.notation = VariantNotation(parent, sites=positions)
        else:
            columns = np.arange(1, len(letters) + 1, dtype=np.int32)
            alphabet = letters_alphabet("".join(letters))
            self._sites = Sites(alphabet, tuple(map(str, columns)), columns, None, "")
            self.notation = SequenceNotation(len(letters))
        self._codes = np.zeros((len(letters), int(self._sizes.max())), np.uint8)
        for i, allowed in enumerate(letters):
            self._codes[i, : len(allowed)] = encode(allowed, self._sites.alphabet)

    def __len__(self) -> int:
        return self._length

    def design(self, row: int) -> Design:
        """The design in one row."""
        if not 0 <= row < self._length:
            raise IndexError(f"row {row} of a pool of {self._length}")
        here = [x[row // int(s) % len(x)] for x, s in zip(self._letters, self._strides, strict=True)]
        parent = self._sites.parent_sequence
        if not parent:
            return Sequence("".join(here))
        pairs = zip(self._sites.positions.tolist(), here, strict=True)
        return Variant(parent, tuple(Mutation(p, parent[p - 1], a) for p, a in pairs if a != parent[p - 1]))

    def row_of(self, name: str) -> int | None:
        """The row of a candidate by any of its notations, or None when it is not in the pool."""
        try:
            design = self.notation.design(name)
        except NotationError:
            return None
        here = design.name if isinstance(design, Sequence) else self._letters_at_sites(design)
        if here is None:
            return None
        digits = [x.find(a) for x, a in zip(self._letters, here, strict=True)]
        return None if min(digits) < 0 else int(np.dot(digits, self._strides))

    @property
    def letters(self) -> tuple[str, ...]:
        """[L] letters allowed at each site; row r has letter `r // (combinations of all later sites) % (letters)`."""
        return self._letters

    @property
    def sites(self) -> Sites:
        """The sites."""
        return self._sites

    def codes(self, rows: np.ndarray | Rows[int] | None = None) -> np.ndarray:
        """Letters at the sites as codes: uint8 [n, L]; all rows when `rows` is None (mind the memory)."""
        chosen = np.arange(self._length) if rows is None else np.asarray(rows, np.int64)
        codes = np.empty((len(chosen), len(self._letters)), np.uint8)
        for i, (stride, size) in enumerate(zip(self._strides, self._sizes, strict=True)):
            codes[:, i] = self._codes[i][chosen // stride % size]
        return codes

    def _letters_at_sites(self, design: Design) -> list[str] | None:
        """The letters of a variant at the sites; None when it differs from the parent elsewhere."""
        assert isinstance(design, Variant)
        changed = {m.position: m for m in design.mutations}
        here = []
        for position, old in zip(self._sites.positions.tolist(), self._parent_letters, strict=True):
            mutation = changed.pop(position, None)
            here.append(mutation.new if mutation else old)
        single = all(len(a) == 1 for a in here) and all(m.old for m in design.mutations)
        return here if single and not changed else None

    @property
    def _parent_letters(self) -> list[str]:
        return [self._sites.parent_sequence[p - 1] for p in self._sites.positions.tolist()]
