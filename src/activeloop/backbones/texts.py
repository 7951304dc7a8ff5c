"""Rows of a pool as whole texts, and where its varying columns stand in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.candidates import Compound, Pool, Variant
from activeloop.candidates.designs import GAP


@dataclass(frozen=True)
class Texts:
    """N candidates written out.

    Args:
        texts: N sequences, guides or SMILES.
        columns: [N, S] place in the text of each varying column, from 0 (int32; -1: a gap); S = 0 without sites.
        changed: [N, S] which columns differ from the parent.
    """

    texts: tuple[str, ...]
    columns: np.ndarray
    changed: np.ndarray


def texts_of(pool: Pool, rows: np.ndarray) -> Texts:
    """Rows of a pool written out.

    >>> texts = texts_of(Pool.single_mutants("MKT", positions=[2]), np.array([0, 8]))
    >>> texts.texts, texts.columns.tolist(), texts.changed.tolist()
    (('MAT', 'MLT'), [[1], [1]], [[True], [True]])
    """
    designs = [pool.design(int(row)) for row in rows]
    sites = pool.sites
    if sites is None:
        texts = tuple(d.smiles if isinstance(d, Compound) else d.name for d in designs)
        return Texts(texts, np.zeros((len(rows), 0), np.int32), np.zeros((len(rows), 0), bool))
    texts = tuple(d.sequence if isinstance(d, Variant) else d.name for d in designs)
    codes = pool.codes(rows)
    gap = sites.alphabet.find(GAP)
    away = codes == gap if gap >= 0 else np.zeros(codes.shape, bool)
    changed = codes != sites.parent if sites.parent is not None else np.zeros(codes.shape, bool)
    return Texts(texts, columns_of(sites.positions, _inserted(sites), away), changed)


def parent_text(pool: Pool) -> Texts | None:
    """The pool's parent written out; None when it has none."""
    sites = pool.sites
    if sites is None or not sites.parent_sequence or sites.parent is None:
        return None
    inserted = _inserted(sites)
    columns = columns_of(sites.positions, inserted, inserted[None])
    return Texts((sites.parent_sequence,), columns, np.zeros(columns.shape, bool))


def _inserted(sites) -> np.ndarray:
    if sites.parent is None:
        return np.zeros(len(sites.labels), bool)
    return np.array([sites.alphabet[code] == GAP for code in sites.parent], bool)


def columns_of(positions: np.ndarray, inserted: np.ndarray, away: np.ndarray) -> np.ndarray:
    """Where each column stands in each candidate's own sequence: int32 [N, S], -1 for a gap.

    Args:
        positions: [S] of the columns in the parent, from 1; an inserted column follows the residue of its position.
        inserted: [S] which columns the parent lacks.
        away: [N, S] which columns the candidate lacks.

    >>> columns_of(np.array([2, 2, 3]), np.array([False, True, False]), np.array([[True, True, False]])).tolist()
    [[-1, -1, 1]]
    """
    # a column stands behind all parent residues before it, less those deleted, plus those inserted
    shift = np.where(inserted, ~away, 0) - np.where(inserted, 0, away)
    before = np.cumsum(shift, 1) - shift
    place = positions - 1 + inserted + before
    return np.where(away, -1, place).astype(np.int32)
