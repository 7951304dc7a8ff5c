"""Encoders of protein sequences that need no download: one-hot, physicochemical scales, several side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from activeloop.candidates import AMINO_ACIDS, Sites
from activeloop.encoders.base import SiteEncoder


@dataclass(frozen=True)
class OneHot(SiteEncoder):
    """Residues of the varying sites, one column for each residue of the alphabet.

    A pool of L sites over K residues gives L * K columns: ask for a wide pool (all single mutants of a whole protein)
    in pieces.

    Args:
        relative: leave the parent's own residue at zero, so that the parent is the origin and each mutation one 1.
            A pool without a parent is encoded as without this option.
    """

    relative: bool = False

    @property
    def name(self) -> str:
        """`onehot` or `onehot-relative`."""
        return "onehot-relative" if self.relative else "onehot"

    def encode(self, sites: Sites, codes: np.ndarray) -> np.ndarray:
        """Float32 [n, L * K]; column i * K + k is residue k at site i."""
        if self.relative and sites.parent is not None:
            return one_hot(codes, len(sites.alphabet)) * (codes != sites.parent).repeat(len(sites.alphabet), axis=1)
        return one_hot(codes, len(sites.alphabet))


def one_hot(codes: np.ndarray, size: int) -> np.ndarray:
    """Codes [n, L] to one-hot float32 [n, L * size].

    >>> one_hot(np.array([[1, 0]], np.uint8), 3).tolist()
    [[0.0, 1.0, 0.0, 1.0, 0.0, 0.0]]
    """
    n, sites = codes.shape
    out = np.zeros((n, sites * size), np.float32)
    columns = codes.astype(np.int64) + size * np.arange(sites)
    np.put_along_axis(out, columns, 1.0, axis=1)
    return out


Scales = Literal["properties", "zscales"]

#: each line: values in the order ACDEFGHIKLMNPQRSTVWY
PROPERTIES: dict[str, tuple[float, ...]] = {
    # Kyte and Doolittle 1982, J Mol Biol 157:105
    "hydropathy": (
        *(1.8, 2.5, -3.5, -3.5, 2.8, -0.4, -3.2, 4.5, -3.9, 3.8),
        *(1.9, -3.5, -1.6, -3.5, -4.5, -0.8, -0.7, 4.2, -0.9, -1.3),
    ),
    # Zamyatnin 1972, Prog Biophys Mol Biol 24:107; cubic angstrom
    "volume": (
        *(88.6, 108.5, 111.1, 138.4, 189.9, 60.1, 153.2, 166.7, 168.6, 166.7),
        *(162.9, 114.1, 112.7, 143.8, 173.4, 89.0, 116.1, 140.0, 227.8, 193.6),
    ),
    # side chain at pH 7; histidine (pKa about 6) is mostly neutral
    "charge": (0, 0, -1, -1, 0, 0, 0.1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0),
    # Grantham 1974, Science 185:862
    "polarity": (
        *(8.1, 5.5, 13.0, 12.3, 5.2, 9.0, 10.4, 5.2, 11.3, 4.9),
        *(5.7, 11.6, 8.0, 10.5, 10.5, 9.2, 8.6, 5.9, 5.4, 6.2),
    ),
    # Pace and Scholtz 1998, Biophys J 75:422; kcal/mol relative to alanine, larger = breaks helices
    "helix": (
        *(0.0, 0.68, 0.69, 0.40, 0.54, 1.0, 0.61, 0.41, 0.26, 0.21),
        *(0.24, 0.65, 3.16, 0.39, 0.21, 0.50, 0.66, 0.61, 0.49, 0.53),
    ),
    # Chou and Fasman 1978, Adv Enzymol 47:45; larger = likes strands
    "strand": (
        *(0.83, 1.19, 0.54, 0.37, 1.38, 0.75, 0.87, 1.60, 0.74, 1.30),
        *(1.05, 0.89, 0.55, 1.10, 0.93, 0.75, 1.19, 1.70, 1.37, 1.47),
    ),
    # Bhaskaran and Ponnuswamy 1988, Int J Pept Protein Res 32:241
    "flexibility": (
        *(0.36, 0.35, 0.51, 0.50, 0.31, 0.54, 0.32, 0.46, 0.47, 0.37),
        *(0.30, 0.46, 0.51, 0.49, 0.53, 0.51, 0.44, 0.39, 0.31, 0.42),
    ),
    "aromatic": (0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1),
    "beta_branched": (0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0),
}

#: Sandberg et al. 1998, J Med Chem 41:2481; five principal components of 26 measured properties, by amino acid
ZSCALES: dict[str, tuple[float, ...]] = {
    "A": (0.24, -2.32, 0.60, -0.14, 1.30),
    "C": (0.84, -1.67, 3.71, 0.18, -2.65),
    "D": (3.98, 0.93, 1.93, -2.46, 0.75),
    "E": (3.11, 0.26, -0.11, -3.04, -0.25),
    "F": (-4.22, 1.94, 1.06, 0.54, -0.62),
    "G": (2.05, -4.06, 0.36, -0.82, -0.38),
    "H": (2.47, 1.95, 0.26, 3.90, 0.09),
    "I": (-3.89, -1.73, -1.71, -0.84, 0.26),
    "K": (2.29, 0.89, -2.49, 1.49, 0.31),
    "L": (-4.28, -1.30, -1.49, -0.72, 0.84),
    "M": (-2.85, -0.22, 0.47, 1.94, -0.98),
    "N": (3.05, 1.62, 1.04, -1.15, 1.61),
    "P": (-1.66, 0.27, 1.84, 0.70, 2.00),
    "Q": (1.75, 0.50, -1.44, -1.34, 0.66),
    "R": (3.52, 2.50, -3.50, 1.99, -0.17),
    "S": (2.39, -1.07, 1.15, -1.39, 0.67),
    "T": (0.75, -2.18, -1.12, -1.46, -0.40),
    "V": (-2.59, -2.64, -1.54, -0.85, -0.02),
    "W": (-4.36, 3.94, 0.59, 3.44, -1.59),
    "Y": (-2.54, 2.44, 0.43, 0.04, -1.47),
}


def scale_table(scales: Scales, alphabet: str = AMINO_ACIDS) -> np.ndarray:
    """Float32 [K, P]: each property has mean 0 and standard deviation 1 over the 20 amino acids; others are 0.

    >>> table = scale_table("properties")
    >>> table.shape, [AMINO_ACIDS[i] for i in table[:, 1].argsort()[-2:]]
    ((20, 9), ['Y', 'W'])
    """
    rows = [ZSCALES[a] for a in AMINO_ACIDS] if scales == "zscales" else zip(*PROPERTIES.values(), strict=True)
    raw = np.array(list(rows))
    table = (raw - raw.mean(0)) / raw.std(0)
    zeros = np.zeros(table.shape[1])
    known = dict(zip(AMINO_ACIDS, table, strict=True))
    return np.array([known.get(a, zeros) for a in alphabet], np.float32)


@dataclass(frozen=True)
class Physicochemical(SiteEncoder):
    """Properties of the amino acid at each varying site.

    Args:
        scales: `properties` (nine measured ones, P = 9) or `zscales` (five principal components, P = 5).
        relative: as differences from the parent's amino acid, so that the parent is the origin. A pool without a
            parent is encoded as without this option.
    """

    scales: Scales = "properties"
    relative: bool = False

    @property
    def name(self) -> str:
        """`physicochemical` or `zscales`, with `-relative`."""
        return ("zscales" if self.scales == "zscales" else "physicochemical") + ("-relative" if self.relative else "")

    def encode(self, sites: Sites, codes: np.ndarray) -> np.ndarray:
        """Float32 [n, L * P]; column i * P + p is property p at site i."""
        table = scale_table(self.scales, sites.alphabet)
        values = table[codes]
        if self.relative and sites.parent is not None:
            values = values - table[sites.parent]
        return values.reshape(len(values), len(sites.labels) * table.shape[1])


@dataclass(frozen=True)
class Joined(SiteEncoder):
    """The features of each encoder, one after the other.

    Args:
        encoders: at least one.

    >>> from activeloop.encoders import OneHot, Physicochemical
    >>> Joined((OneHot(), Physicochemical())).name
    'onehot+physicochemical'
    """

    encoders: tuple[SiteEncoder, ...]

    @property
    def name(self) -> str:
        """Their names, joined by a plus."""
        return "+".join(encoder.name for encoder in self.encoders)

    def encode(self, sites: Sites, codes: np.ndarray) -> np.ndarray:
        """Float32 [n, sum of D]."""
        return np.concatenate([encoder.encode(sites, codes) for encoder in self.encoders], axis=1)
