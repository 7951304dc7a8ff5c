"""Compounds by the neighbourhoods of their atoms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast
from weakref import WeakKeyDictionary

import numpy as np

from activeloop.candidates import CompoundNotation, Pool
from activeloop.candidates.compounds import read_molecule
from activeloop.encoders.base import Encoder
from activeloop.errors import MissingExtraError, PoolError

#: largest table of fingerprints that is cached, in bytes
MAX_BYTES = 2**29


@dataclass(frozen=True)
class Morgan(Encoder):
    """Morgan count fingerprints: how often each circular neighbourhood occurs, folded to `size` columns.

    Fingerprints of a pool are computed once and cached (one byte a count) while the pool is alive, for tables below
    512 MiB. They are those of the parent structure, so the same compound under another notation, as another salt or
    tautomer, has the same.

    Args:
        radius: bonds from the central atom (2: ECFP4).
        size: columns.
        pharmacophores: describe atoms by their features (donor, acceptor, aromatic, halogen, acid, base) instead of by
            their elements (FCFP instead of ECFP).

    Source: Rogers and Hahn 2010, J Chem Inf Model 50:742; RDKit.
    """

    radius: int = 2
    size: int = 2048
    pharmacophores: bool = False

    @property
    def name(self) -> str:
        """`morgan2`, or `feature-morgan2` by pharmacophores."""
        return f"{'feature-' if self.pharmacophores else ''}morgan{self.radius}"

    def features(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """Float32 [n, size] counts (at most 255).

        Raises:
            PoolError: when the pool is not of compounds.
            NotationError: when RDKit cannot read a SMILES.
            MissingExtraError: without RDKit.
        """
        if pool.kind != "compounds":
            raise PoolError(f"{self.name}: a pool of {pool.kind} has no molecules. Nothing was encoded.")
        rows = np.asarray(rows, np.int64)
        if len(pool) * self.size > MAX_BYTES:
            return self._compute(pool, rows).astype(np.float32)
        tables = _TABLES.setdefault(pool, {})
        if self not in tables:
            tables[self] = np.zeros((len(pool), self.size), np.uint8), np.zeros(len(pool), bool)
        table, known = tables[self]
        missing = np.unique(rows[~known[rows]])
        if len(missing):
            table[missing] = self._compute(pool, missing)
            known[missing] = True
        return table[rows].astype(np.float32)

    def _compute(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """Uint8 [n, size]."""
        return self.counts(structures(pool, rows))

    def counts(self, smiles: Sequence[str]) -> np.ndarray:
        """Uint8 [n, size] of written structures."""
        generator, out = self._generator(), np.zeros((len(smiles), self.size), np.uint8)
        for i, each in enumerate(smiles):
            out[i] = np.minimum(generator.GetCountFingerprintAsNumPy(read_molecule(each)), 255)
        return out

    def _generator(self) -> Any:
        try:
            from rdkit.Chem import rdFingerprintGenerator as generators
        except ImportError as error:
            raise MissingExtraError("Compound fingerprints", "chem") from error
        if not self.pharmacophores:
            return generators.GetMorganGenerator(radius=self.radius, fpSize=self.size)
        atoms = generators.GetMorganFeatureAtomInvGen()
        return generators.GetMorganGenerator(radius=self.radius, fpSize=self.size, atomInvariantsGenerator=atoms)


def structures(pool: Pool, rows: np.ndarray) -> list[str]:
    """SMILES of the parent structures of compounds, without salts."""
    notation = cast(CompoundNotation, pool.notation)
    return [notation.structure(pool.design(int(row))) for row in rows]


#: of each pool and encoder: fingerprints, uint8 [N, size], and which of its rows are filled, bool [N]
_TABLES: WeakKeyDictionary[Pool, dict[Morgan, tuple[np.ndarray, np.ndarray]]] = WeakKeyDictionary()
