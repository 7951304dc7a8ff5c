"""How often evolution exchanges one amino acid for another: a prior mean that needs no measurement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.candidates import AMINO_ACIDS, GAP, Pool
from activeloop.encoders.base import sites_of
from activeloop.priors.base import MutationPrior, parent_codes

# from the paper: no library that this package depends on has the matrix
_ORDER = "ARNDCQEGHILKMFPSTWYV"
_LOWER_TRIANGLE = """
 4
-1  5
-2  0  6
-2 -2  1  6
 0 -3 -3 -3  9
-1  1  0  0 -3  5
-1  0  0  2 -4  2  5
 0 -2  0 -1 -3 -2 -2  6
-2  0  1 -1 -3  0  0 -2  8
-1 -3 -3 -3 -1 -3 -3 -4 -3  4
-1 -2 -3 -4 -1 -2 -3 -4 -3  2  4
-1  2  0 -1 -3  1  1 -2 -1 -3 -2  5
-1 -1 -2 -3 -1  0 -2 -3 -2  1  2 -1  5
-2 -3 -3 -3 -2 -3 -3 -3 -1  0  0 -3  0  6
-1 -2 -2 -1 -3 -1 -1 -2 -2 -3 -3 -1 -2 -4  7
 1 -1  1  0 -1  0  0  0 -1 -2 -2  0 -1 -2 -1  4
 0 -1  0 -1 -1 -1 -1 -2 -2 -1 -1 -1 -1 -2 -1  1  5
-3 -3 -4 -4 -2 -2 -3 -2 -2 -3 -2 -3 -1  1 -4 -3 -2 11
-2 -2 -2 -3 -2 -1 -2 -3  2 -1 -1 -2 -1  3 -3 -2 -2  2  7
 0 -3 -3 -3 -1 -2 -2 -3 -3  3  1 -2  1 -1 -2 -2  0 -3 -1  4
"""
#: BLAST's score of a residue against a gap
_GAP_SCORE = -4.0


def blosum62(alphabet: str = AMINO_ACIDS) -> np.ndarray:
    """The BLOSUM62 matrix, [K, K] float32 in half bits; a gap against a residue is -4, unknown residues are 0.

    Source: Henikoff and Henikoff 1992, PNAS 89:10915.

    >>> m = blosum62("AWV-")
    >>> m[0].tolist(), float(m[1, 1])
    ([4.0, -3.0, 0.0, -4.0], 11.0)
    """
    table = {}
    for a, line in zip(_ORDER, _LOWER_TRIANGLE.split("\n")[1:], strict=False):
        for b, score in zip(_ORDER, line.split(), strict=False):
            table[a, b] = table[b, a] = float(score)
    for a in _ORDER:
        table[a, GAP] = table[GAP, a] = _GAP_SCORE
    return np.array([[table.get((a, b), 0.0) for b in alphabet] for a in alphabet], np.float32)


@dataclass(frozen=True)
class Blosum(MutationPrior):
    """The sum over all mutations of BLOSUM62(old, new) - BLOSUM62(old, old).

    A zero-shot prior (docs/results/prior compares it with public scans). It knows nothing of the function, and misleads
    where the assay rewards what evolution avoids.
    """

    name = "blosum62"

    def table(self, pool: Pool) -> np.ndarray:
        """Float32 [L, K]: BLOSUM62(parent, residue) - BLOSUM62(parent, parent) at each site; at most 0.

        Raises:
            PoolError: when the pool has no sites or no parent.
        """
        sites = sites_of(pool, self.name)
        matrix, parent = blosum62(sites.alphabet), parent_codes(sites, self.name)
        return matrix[parent] - matrix[parent, parent][:, None]
