"""CRISPR guides by their nucleotides, k-mers and binding energies."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from activeloop.candidates import Pool
from activeloop.encoders.base import Encoder, sites_of
from activeloop.encoders.sequence import one_hot
from activeloop.errors import PoolError

DNA = "ACGT"
#: free energy of stacking two neighbouring base pairs of a DNA duplex at 37 degrees C, kcal/mol
#: (SantaLucia 1998, PNAS 95:1460); the reverse complement of a pair has the same energy
STACKING = {
    **{"AA": -1.00, "TT": -1.00, "AT": -0.88, "TA": -0.58, "CA": -1.45, "TG": -1.45, "GT": -1.44, "AC": -1.44},
    **{"CT": -1.28, "AG": -1.28, "GA": -1.30, "TC": -1.30, "CG": -2.17, "GC": -2.24, "GG": -1.84, "CC": -1.84},
}


@dataclass(frozen=True)
class Kmers(Encoder):
    """The features of guide-efficiency models.

    For L varying positions: nucleotides by position (4 L), pairs by position (16 (L - 1)), counts of all k-mers of 1 to
    3 nucleotides anywhere (84), share of G and C, its distance from one half, stacking energies of the whole and of
    four stretches (PAM side, seed, middle, far end), and the longest run of one nucleotide.

    Args:
        scaled: counts and binding, which are of the order of .1 and of 10, are brought to that of the nucleotides, as
            networks need them.

    Source of the choice: Doench et al. 2016, Nat Biotechnol 34:184 (position-specific and position-independent k-mers,
    GC content, melting temperatures of stretches).
    """

    scaled: bool = False

    @property
    def name(self) -> str:
        """`kmers`, or `scaled-kmers`."""
        return "scaled-kmers" if self.scaled else "kmers"

    def features(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """Float32 [n, D] with D = 20 L + 76.

        Raises:
            PoolError: when the pool's alphabet is not DNA.
        """
        sites = sites_of(pool, self.name)
        unknown = set(sites.alphabet) - set(DNA + "N-")
        if unknown:
            raise PoolError(
                f"kmers: {''.join(sorted(unknown))} are not nucleotides of DNA. This encoder is for guides; "
                "choose another. Nothing was encoded."
            )
        # 4 stands for an unknown nucleotide and for a gap
        code = np.array([DNA.index(a) if a in DNA else 4 for a in sites.alphabet], np.uint8)
        bases = code[pool.codes(rows)].astype(np.int64)
        counts, energies = kmer_counts(bases), binding(bases)
        if self.scaled:
            width, pairs = bases.shape[1], bases.shape[1] - 1
            counts *= width / 4
            # GC share and its distance from 1/2; stacking less that of a mean pair, -1.35, of the whole and of
            # stretches; longest run
            shift = np.array([0.5, 0.0, -1.35 * pairs, *[-1.35 * pairs / 4] * 4, 2.0], np.float32)
            energies = (energies - shift) / np.array([0.25, 0.25, 3.0, *[1.5] * 4, 2.0], np.float32)
        return np.concatenate([by_position(bases), counts, energies], axis=1)


def feature_groups(sites: int) -> np.ndarray:
    """Group of each column of `Kmers` for L sites: 0 nucleotides, 1 pairs, 2 counts, 3 binding; int64 [20 L + 76].

    >>> np.bincount(feature_groups(23)).tolist()
    [92, 352, 84, 8]
    """
    return np.repeat(np.arange(4), [4 * sites, 16 * (sites - 1), 84, 8])


def kmers(bases: np.ndarray, length: int) -> np.ndarray:
    """Codes [n, L] to numbers of the k-mers that begin at each position [n, L - length + 1]; 4^length where unknown.

    >>> kmers(np.array([[0, 1, 3]]), 2).tolist(), kmers(np.array([[0, 4]]), 1).tolist()
    ([[1, 7]], [[0, 4]])
    """
    count = max(0, bases.shape[1] - length + 1)
    pieces = [bases[:, k : k + count] for k in range(length)]
    number = sum(piece * 4 ** (length - 1 - k) for k, piece in enumerate(pieces))
    unknown = np.any([piece > 3 for piece in pieces], axis=0)
    return np.where(unknown, 4**length, number)


def by_position(bases: np.ndarray) -> np.ndarray:
    """Float32 [n, 4 L + 16 (L - 1)]: nucleotides, then pairs, at each position."""
    blocks = []
    for length in (1, 2):
        found = kmers(bases, length)
        columns = one_hot(found, 4**length + 1).reshape(*found.shape, 4**length + 1)
        blocks.append(columns[:, :, :-1].reshape(len(bases), found.shape[1] * 4**length))
    return np.concatenate(blocks, axis=1)


def kmer_counts(bases: np.ndarray) -> np.ndarray:
    """Float32 [n, 84]: how often each k-mer of 1, 2 and 3 nucleotides occurs, divided by the number of positions."""
    blocks = []
    for length in (1, 2, 3):
        found = kmers(bases, length)
        size = 4**length + 1
        flat = (found + size * np.arange(len(bases))[:, None]).ravel()
        counts = np.bincount(flat, minlength=size * len(bases)).reshape(len(bases), size)
        blocks.append(counts[:, :-1] / max(1, found.shape[1]))
    return np.concatenate(blocks, axis=1).astype(np.float32)


def binding(bases: np.ndarray) -> np.ndarray:
    """Float32 [n, 8]: GC share, its distance from 1/2, stacking of the whole and of four stretches, longest run."""
    n, length = bases.shape
    gc = ((bases == 1) | (bases == 2)).mean(1)
    stacking = np.array([STACKING[a + b] for a in DNA for b in DNA] + [0.0])[kmers(bases, 2)]
    cuts = np.linspace(0, stacking.shape[1], 5).astype(int)
    stretches = [stacking[:, a:b].sum(1) for a, b in pairwise(cuts)]
    run = longest = np.ones(n)
    for i in range(1, length):
        run = np.where(bases[:, i] == bases[:, i - 1], run + 1, 1)
        longest = np.maximum(longest, run)
    columns = [gc, np.abs(gc - 0.5), stacking.sum(1), *stretches, longest]
    return np.stack(columns, axis=1).astype(np.float32)
