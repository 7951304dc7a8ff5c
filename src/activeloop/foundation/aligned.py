"""Candidates of a pool as aligned rows of letters, and where its varying columns stand once gaps are taken out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from activeloop.candidates import Pool, Sites
from activeloop.candidates.designs import GAP

#: code of the letter that stands for nothing
NOTHING = ord(GAP)


@dataclass(frozen=True)
class Aligned:
    """N candidates written below each other.

    Args:
        letters: [N, A] codes of letters (uint8); `NOTHING` where a candidate has none.
        residue: [A] which residue of the parent stands in each place, from 0 (int32; -1: the parent has none).
        columns: [S] places of the pool's varying columns (int32); S = 0 for pools without sites.
        changed: [N, S] which columns differ from the parent (False everywhere without one).
    """

    letters: np.ndarray
    residue: np.ndarray
    columns: np.ndarray
    changed: np.ndarray

    def __len__(self) -> int:
        return len(self.letters)

    def packed(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values of all places without those of gaps, and how many remain.

        Args:
            values: [N, A] of any kind.

        Returns:
            [N, W] in order, with what was left out behind; and int32 [N].
        """
        away = self.letters == NOTHING
        lengths = (away.shape[1] - away.sum(1)).astype(np.int32)
        if away.any():
            values = np.take_along_axis(values, np.argsort(away, axis=1, kind="stable"), 1)
        return values[:, : lengths.max(initial=0)], lengths

    def places(self) -> np.ndarray:
        """Where each varying column stands in each candidate's own sequence: int32 [N, S], -1 for a gap."""
        here = self.letters != NOTHING
        before = np.zeros((len(self), len(self.columns)), np.int32)
        if here.all():
            return before + self.columns
        for i, place in enumerate(self.columns):
            before[:, i] = np.where(here[:, place], here[:, :place].sum(1), -1)
        return before

    def strings(self) -> list[str]:
        """Each candidate's own sequence.

        >>> aligned_texts(["MKT", "MK"]).strings()
        ['MKT', 'MK']
        """
        packed, lengths = self.packed(self.letters)
        return [row[:n].tobytes().decode("latin-1") for row, n in zip(packed, lengths, strict=True)]


def aligned_rows(pool: Pool, rows: np.ndarray) -> Aligned | None:
    """Rows of a pool; None when it is not made of sequences.

    >>> aligned = aligned_rows(Pool.single_mutants("MKT", positions=[2]), np.array([0, 8]))
    >>> aligned.strings(), aligned.places().tolist(), aligned.changed.tolist()
    (['MAT', 'MLT'], [[1], [1]], [[True], [True]])
    """
    sites = pool.sites
    if sites is None:
        return None
    codes = pool.codes(rows)
    changed = np.zeros(codes.shape, bool) if sites.parent is None else codes != sites.parent
    return _filled(sites, sites.parent_sequence or pool.design(0).name, codes, changed)


def aligned_parent(pool: Pool) -> Aligned | None:
    """The pool's parent; None when it has none."""
    sites = pool.sites
    if sites is None or sites.parent is None or not sites.parent_sequence:
        return None
    return _filled(sites, sites.parent_sequence, sites.parent[None], np.zeros((1, len(sites.labels)), bool))


def aligned_texts(texts: Sequence[str]) -> Aligned:
    """Whole sequences, shorter ones with gaps behind them."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    letters = np.full((len(texts), int(lengths.max(initial=0))), NOTHING, np.uint8)
    inside = np.arange(letters.shape[1]) < lengths[:, None]
    letters[inside] = _codes("".join(texts))
    columns, changed = np.zeros(0, np.int32), np.zeros((len(texts), 0), bool)
    return Aligned(letters, np.arange(letters.shape[1], dtype=np.int32), columns, changed)


def _filled(sites: Sites, text: str, codes: np.ndarray, changed: np.ndarray) -> Aligned:
    inserted = inserted_columns(sites)
    # a column stands behind the parent's residues before it and behind the inserted columns before it
    columns = (sites.positions - 1 + np.cumsum(inserted)).astype(np.int32)
    width = len(text) + int(inserted.sum())
    residue = np.full(width, -1, np.int32)
    own = np.delete(np.arange(width), columns[inserted])
    residue[own] = np.arange(len(text))
    template = np.full(width, NOTHING, np.uint8)
    template[own] = _codes(text)
    letters = np.tile(template, (len(codes), 1))
    letters[:, columns] = _codes(sites.alphabet)[codes]
    return Aligned(letters, residue, columns, changed)


def inserted_columns(sites: Sites) -> np.ndarray:
    """Bool [S]: columns in which the parent has nothing."""
    if sites.parent is None:
        return np.zeros(len(sites.labels), bool)
    return _codes(sites.alphabet)[sites.parent] == NOTHING


def _codes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("latin-1", "replace"), np.uint8)
