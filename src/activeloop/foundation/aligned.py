"""Candidates of a pool as aligned rows of residues, and the positions of its varying columns without gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from activeloop.candidates import Pool, Sites
from activeloop.candidates.designs import GAP

#: character code of a gap
GAP_CODE = ord(GAP)


@dataclass(frozen=True)
class Aligned:
    """N candidates written below each other.

    Args:
        residues: [N, A] character codes of amino acids or nucleotides (uint8); `GAP_CODE` where a candidate has none.
        parent_index: [A] index of the parent's residue at each position, from 0 (int32; -1: the parent has none).
        columns: [S] positions of the pool's varying columns (int32); S = 0 for pools without sites.
        changed: [N, S] which columns differ from the parent (False everywhere without one).
    """

    residues: np.ndarray
    parent_index: np.ndarray
    columns: np.ndarray
    changed: np.ndarray

    def __len__(self) -> int:
        return len(self.residues)

    def packed(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values at all positions but gaps, and how many remain.

        Args:
            values: [N, A] of any kind.

        Returns:
            [N, W] in order, those at gaps behind; and int32 [N].
        """
        gaps = self.residues == GAP_CODE
        lengths = (gaps.shape[1] - gaps.sum(1)).astype(np.int32)
        if gaps.any():
            values = np.take_along_axis(values, np.argsort(gaps, axis=1, kind="stable"), 1)
        return values[:, : lengths.max(initial=0)], lengths

    def column_positions(self) -> np.ndarray:
        """Position of each varying column in each candidate's own sequence: int32 [N, S], -1 for a gap."""
        present = self.residues != GAP_CODE
        before = np.zeros((len(self), len(self.columns)), np.int32)
        if present.all():
            return before + self.columns
        for i, position in enumerate(self.columns):
            before[:, i] = np.where(present[:, position], present[:, :position].sum(1), -1)
        return before

    def strings(self) -> list[str]:
        """Each candidate's own sequence.

        >>> aligned_texts(["MKT", "MK"]).strings()
        ['MKT', 'MK']
        """
        packed, lengths = self.packed(self.residues)
        return [row[:n].tobytes().decode("latin-1") for row, n in zip(packed, lengths, strict=True)]


def aligned_rows(pool: Pool, rows: np.ndarray) -> Aligned | None:
    """Rows of a pool; None when it is not made of sequences.

    >>> aligned = aligned_rows(Pool.single_mutants("MKT", positions=[2]), np.array([0, 8]))
    >>> aligned.strings(), aligned.column_positions().tolist(), aligned.changed.tolist()
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
    residues = np.full((len(texts), int(lengths.max(initial=0))), GAP_CODE, np.uint8)
    inside = np.arange(residues.shape[1]) < lengths[:, None]
    residues[inside] = _codes("".join(texts))
    columns, changed = np.zeros(0, np.int32), np.zeros((len(texts), 0), bool)
    return Aligned(residues, np.arange(residues.shape[1], dtype=np.int32), columns, changed)


def _filled(sites: Sites, text: str, codes: np.ndarray, changed: np.ndarray) -> Aligned:
    inserted = inserted_columns(sites)
    # a column stands behind the parent's residues before it and behind the inserted columns before it
    columns = (sites.positions - 1 + np.cumsum(inserted)).astype(np.int32)
    width = len(text) + int(inserted.sum())
    parent_index = np.full(width, -1, np.int32)
    own = np.delete(np.arange(width), columns[inserted])
    parent_index[own] = np.arange(len(text))
    template = np.full(width, GAP_CODE, np.uint8)
    template[own] = _codes(text)
    residues = np.tile(template, (len(codes), 1))
    residues[:, columns] = _codes(sites.alphabet)[codes]
    return Aligned(residues, parent_index, columns, changed)


def inserted_columns(sites: Sites) -> np.ndarray:
    """Bool [S]: columns in which the parent has a gap."""
    if sites.parent is None:
        return np.zeros(len(sites.labels), bool)
    return _codes(sites.alphabet)[sites.parent] == GAP_CODE


def _codes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("latin-1", "replace"), np.uint8)
