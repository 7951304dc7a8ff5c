"""A residue described by the chain around it: what a sequence alone says about where a mutation would hurt."""

from __future__ import annotations

import numpy as np

from activeloop.backbones.physicochemical import PROPERTIES
from activeloop.candidates import AMINO_ACIDS

#: standard deviations, in residues, of the windows over which side chains are averaged
WIDTHS = (1.5, 4.0, 12.0)
#: degrees between neighbours: of an alpha helix, of a beta strand
TURNS = (100.0, 170.0)
#: farther residues weigh nothing (exp(-0.5 * 5^2) of the widest window)
REACH = 60
#: lengths beyond those of the proteins from which anything was learned say nothing more
LENGTHS = (30, 3500)
#: columns of `residue_contexts`
CONTEXTS = 69


def residue_contexts(chain: str) -> np.ndarray:
    """Each residue by its own letter, its neighbourhood and its protein, [n, 69].

    In order: the letter (20); for each of `WIDTHS` the nine side-chain properties averaged around the residue, and the
    size of the mean charge (3 x 10); for each of `TURNS` the hydrophobic moment towards the residue's own side and its
    size (2 x 2, Eisenberg et al. 1982, Nature 299:371); entropy of the letters within 15 residues; means over the whole
    protein (9); nearness of both ends and length (5). Letters that are no amino acids have no properties.

    >>> residue_contexts("MKTAYIAKQR").shape
    (10, 69)
    """
    n = len(chain)
    own = np.array([[letter == a for a in AMINO_ACIDS] for letter in chain], float)
    chains = own @ side_chains()
    distance = np.arange(-REACH, REACH + 1)
    columns = [own]
    for width in WIDTHS:
        mean = windowed(chains, np.exp(-0.5 * (distance / width) ** 2))
        columns += [mean, np.abs(mean[:, 2:3])]
    near = np.exp(-0.5 * (distance / 5.0) ** 2)
    hydropathy = chains[:, :1]
    for turn in np.deg2rad(TURNS):
        along = convolved(hydropathy, near * np.cos(turn * distance)) / 3
        across = convolved(hydropathy, near * np.sin(turn * distance)) / 3
        columns += [along, np.hypot(along, across)]
    letters = windowed(own, (np.abs(distance) <= 15).astype(float))
    columns.append(-(letters * np.log(letters + 1e-9)).sum(1, keepdims=True))
    columns.append(np.tile(chains.mean(0), (n, 1)))
    first, last = np.arange(n), n - 1 - np.arange(n)
    length = np.full(n, np.log(np.clip(n, *LENGTHS) / 200))
    columns.append(np.stack([*(np.exp(-end / scale) for scale in (5, 20) for end in (first, last)), length], 1))
    return np.hstack(columns)


def side_chains() -> np.ndarray:
    """[20, 9] standardised: hydropathy, volume, charge, helix, strand; whether aromatic, proline, glycine, polar."""
    groups = [[float(a in members) for a in AMINO_ACIDS] for members in ("FWYH", "P", "G", "STNQ")]
    columns = np.array([PROPERTIES[n] for n in ("hydropathy", "volume", "charge", "helix", "strand")] + groups).T
    return (columns - columns.mean(0)) / columns.std(0)


def windowed(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """[n, D] weighted means around each residue; residues beyond the ends do not count.

    >>> windowed(np.array([[0.0], [3.0], [3.0]]), np.ones(3)).ravel().tolist()
    [1.5, 2.0, 3.0]
    """
    return convolved(values, weights) / convolved(np.ones((len(values), 1)), weights)


def convolved(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """[n, D] weighted sums around each residue, for weights [2 h + 1] of the distances -h to h."""
    half = len(weights) // 2
    return np.stack([np.convolve(column, weights[::-1])[half : half + len(values)] for column in values.T], 1)
