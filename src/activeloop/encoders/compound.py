"""Compounds by the neighbourhoods of their atoms."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from activeloop.candidates import Compound, Pool
from activeloop.encoders.base import Encoder
from activeloop.errors import MissingExtraError, NotationError, PoolError

#: largest table of fingerprints that is kept between calls, in bytes
KEPT = 2**29


@dataclass(frozen=True)
class Morgan(Encoder):
    """Morgan count fingerprints: how often each circular neighbourhood occurs, folded to `size` columns.

    Fingerprints of a pool are computed once and kept with this object (one byte a number) while the pool is alive and
    its table is below 512 MiB. Compounds that are the same under another notation have the same fingerprint.

    Args:
        radius: bonds from the central atom (2: ECFP4).
        size: columns.
        pharmacophores: describe atoms by what they do (donor, acceptor, aromatic, halogen, acid, base) instead of by
            what they are (FCFP instead of ECFP).

    Source: Rogers and Hahn 2010, J Chem Inf Model 50:742; RDKit.
    """

    radius: int = 2
    size: int = 2048
    pharmacophores: bool = False
    _kept: Fingerprints = field(default_factory=lambda: Fingerprints(), repr=False, compare=False)

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
        if len(pool) * self.size > KEPT:
            return self._compute(pool, rows).astype(np.float32)
        table, known = self._kept.of(pool, self.size)
        missing = np.unique(rows[~known[rows]])
        if len(missing):
            table[missing] = self._compute(pool, missing)
            known[missing] = True
        return table[rows].astype(np.float32)

    def _compute(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """Uint8 [n, size]."""
        generator = self._generator()
        out = np.zeros((len(rows), self.size), np.uint8)
        for i, row in enumerate(rows):
            smiles = cast(Compound, pool.design(int(row))).smiles
            out[i] = np.minimum(generator.GetCountFingerprintAsNumPy(molecule(smiles)), 255)
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


def molecule(smiles: str) -> Any:
    """RDKit's molecule of a SMILES.

    Raises:
        NotationError: when it cannot be read.
    """
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        found = Chem.MolFromSmiles(smiles)
    if found is None:
        raise NotationError(f'"{smiles}" is not a SMILES that RDKit can read. Correct it; nothing was encoded.')
    return found


class Fingerprints:
    """Tables of fingerprints by pool, forgotten when the pool is."""

    def __init__(self) -> None:
        self._tables: dict[int, tuple[Any, np.ndarray, np.ndarray]] = {}

    def of(self, pool: Pool, size: int) -> tuple[np.ndarray, np.ndarray]:
        """The pool's table, uint8 [N, size], and which of its rows are filled, bool [N]."""
        key = id(pool)
        if key not in self._tables:
            forget = weakref.ref(pool, lambda _: self._tables.pop(key, None))
            self._tables[key] = (forget, np.zeros((len(pool), size), np.uint8), np.zeros(len(pool), bool))
        return self._tables[key][1:]

    def __len__(self) -> int:
        return len(self._tables)
