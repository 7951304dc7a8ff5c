"""The average effect of a substitution, learned from mutational scans of other proteins."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from os import PathLike
from typing import IO

import numpy as np

from activeloop.candidates import AMINO_ACIDS, GAP, Pool, Sites
from activeloop.encoders.base import sites_of
from activeloop.encoders.sequence import PROPERTIES
from activeloop.priors.base import MutationPrior, parent_codes

#: residues of a k-mer: chance hits of a whole protein are rarer than one in a hundred, and a relative with half its
#: residues alike still shares about one k-mer in 250
KMER = 8


def kmer_hashes(chain: str) -> np.ndarray:
    """Hashes of all k-mers of a chain, uint32 [n - 7]; empty for shorter chains.

    >>> kmer_hashes("MKTAYIAKQRQ").shape, kmer_hashes("MKT").shape
    ((4,), (0,))
    """
    kmers = (chain[i : i + KMER].encode("utf-8", "replace") for i in range(len(chain) - KMER + 1))
    hashes = [int.from_bytes(hashlib.blake2b(kmer, digest_size=4).digest(), "little") for kmer in kmers]
    return np.array(hashes, np.uint32)


def nearest_owner(chain: str, known: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Owner of the known k-mer that is nearest to each residue: [n], -1 everywhere when no k-mer is known.

    Args:
        chain: the protein, n residues.
        known: [W] hashes of the known k-mers, ascending and distinct.
        owner: [W] owner of each.

    >>> kmers = np.sort(kmer_hashes("MKTAYIAKQR"))
    >>> nearest_owner("GGGMKTAYIAKGG", kmers, np.array([4, 4, 4])).tolist() == [4] * 13
    True
    """
    hashes = kmer_hashes(chain)
    at = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    hits = np.flatnonzero(known[at] == hashes)
    if not len(hits):
        return np.full(len(chain), -1)
    # a k-mer stands at its middle
    middle = hits + (KMER - 1) / 2
    residue = np.arange(len(chain))
    after = np.clip(np.searchsorted(middle, residue), 1, max(len(middle) - 1, 1))
    before, after = after - 1, np.minimum(after, len(middle) - 1)
    nearest = np.where(np.abs(residue - middle[before]) <= np.abs(residue - middle[after]), before, after)
    return owner[at[hits[nearest]]]


#: standard deviations, in residues, of the windows over which side chains are averaged
WIDTHS = (1.5, 4.0, 12.0)
#: degrees between neighbours: of an alpha helix, of a beta strand
TURNS = (100.0, 170.0)
#: farther residues have no weight (exp(-0.5 * 5^2) of the widest window)
REACH = 60
#: shortest and longest of the training proteins; other lengths count as these
LENGTHS = (30, 3500)
#: columns of `residue_contexts`
CONTEXTS = 69


def residue_contexts(chain: str) -> np.ndarray:
    """Features of each residue: the amino acid, its neighbourhood and its protein, [n, 69].

    In order: the amino acid (20); for each of `WIDTHS` the nine side-chain properties averaged around the residue, and
    the size of the mean charge (3 x 10); for each of `TURNS` the hydrophobic moment towards the residue's own side and
    its size (2 x 2, Eisenberg et al. 1982, Nature 299:371); entropy of the amino acids within 15 residues; means over
    the whole protein (9); nearness of both ends and length (5). Residues beside the twenty have no properties.

    >>> residue_contexts("MKTAYIAKQR").shape
    (10, 69)
    """
    n = len(chain)
    own = np.array([[residue == a for a in AMINO_ACIDS] for residue in chain], float)
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
    composition = windowed(own, (np.abs(distance) <= 15).astype(float))
    columns.append(-(composition * np.log(composition + 1e-9)).sum(1, keepdims=True))
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


#: difference of the parent and the average mutant of a scan, in normal scores; without it the prior of a variant of
#: ten bad mutations would be that of its parent. On published sets of multiple mutants the sums agree best with the
#: values for 0.6 to 0.8
COST = 0.6


@dataclass(frozen=True)
class SubstitutionTables:
    """The content of `substitutions.npz`, or of a file of tables that read more of a residue than its context.

    Args:
        tables: [F + 1, C + 1, 20] from C columns and a constant to amino acids: fitted without each of F folds of the
            proteins, and last to all. The first 69 columns are those of `residue_contexts`.
        means: [C] of the columns, for chains too short to have a context.
        kmers: [W] hashes of the training proteins' k-mers, ascending.
        folds: [W] fold of the protein of each k-mer.
    """

    tables: np.ndarray
    means: np.ndarray
    kmers: np.ndarray
    folds: np.ndarray

    @classmethod
    @lru_cache(maxsize=1)
    def shipped(cls) -> SubstitutionTables:
        """Those of the package, read once."""
        with resources.files("activeloop.priors").joinpath("substitutions.npz").open("rb") as file:
            return cls.read(file)

    @classmethod
    def read(cls, file: IO[bytes] | PathLike[str]) -> SubstitutionTables:
        """Those of a file that `python -m tools.priors` wrote.

        Raises:
            OSError, ValueError, KeyError: there is none, or it holds something else.
        """
        with np.load(file, allow_pickle=False) as content:
            by_fold = [content[f"words{fold}"] for fold in range(len(content["tables"]) - 1)]
            kmers, folds = np.concatenate(by_fold), np.repeat(np.arange(len(by_fold)), [*map(len, by_fold)])
            order = np.argsort(kmers)
            return cls(content["tables"], content["usual"], kmers[order], folds[order])

    def held_out(self, chain: str) -> np.ndarray:
        """Table that was fitted without each residue: [n] indices into `tables`, the last for an unknown protein."""
        fold = nearest_owner(chain, self.kmers, self.folds)
        return np.where(fold < 0, len(self.tables) - 1, fold)

    def scores(self, chain: str, beside: np.ndarray | None = None) -> np.ndarray:
        """[n, 20] effect of exchanging each residue of a protein for each of `AMINO_ACIDS`; 0 for itself.

        Args:
            chain: the protein.
            beside: [n, C - 69] what the tables read beside contexts; None where they read these alone.
        """
        contexts = residue_contexts(chain)
        contexts = contexts if beside is None else np.hstack([contexts, beside])
        if len(chain) < KMER:
            contexts[:, 20:] = self.means[20:]
        contexts_and_one = np.hstack([contexts, np.ones((len(chain), 1))])
        held_out = self.held_out(chain)
        scores = np.zeros((len(chain), len(AMINO_ACIDS)))
        for table in np.unique(held_out):
            scores[held_out == table] = contexts_and_one[held_out == table] @ self.tables[table].astype(float)
        scores[contexts[:, :20] > 0] = 0.0
        return scores


@lru_cache(maxsize=8)
def chain_scores(chain: str) -> np.ndarray:
    """[n, 20] of the shipped tables."""
    scores = SubstitutionTables.shipped().scores(chain)
    scores.setflags(write=False)
    return scores


def substitution_scores(sites: Sites) -> np.ndarray:
    """Expected effect of each residue at each site compared with the parent's own: [L, K], higher is better.

    In units of normal scores within a scan of single mutants, whose average mutant is at `-COST`. The parent's residue
    is 0, and the score of a variant is the sum over its mutations. A gap, and any residue inserted after another, get
    the worst score at that site; sites over other alphabets (genotypes such as 0 and 1) get zeros.

    Raises:
        PoolError: when there is no parent.
    """
    chain = parent_chain(sites, "substitutions")
    return scores_at_sites(chain_scores(chain), sites) if chain else np.zeros((len(sites.labels), len(sites.alphabet)))


def parent_chain(sites: Sites, prior: str) -> str:
    """The parent whose residues are scored; "" for sites over other alphabets.

    Raises:
        PoolError: when there is no parent.
    """
    parent_codes(sites, prior)
    return sites.parent_sequence if set(AMINO_ACIDS) <= set(sites.alphabet) else ""


def scores_at_sites(scores: np.ndarray, sites: Sites, cost: float = COST) -> np.ndarray:
    """[L, K] as in `substitution_scores`, from the scores [n, 20] of the parent's residues, each less `cost`."""
    assert sites.parent is not None
    # an insertion before the first residue stands at position 0
    scores = scores[np.maximum(sites.positions, 1) - 1] - cost
    worst = scores.min(1)
    result = np.tile(worst[:, None], len(sites.alphabet))
    known = [sites.alphabet.index(a) for a in AMINO_ACIDS]
    inserted = np.array([sites.alphabet[code] == GAP for code in sites.parent])
    result[:, known] = np.where(inserted[:, None], worst[:, None], scores)
    result[np.arange(len(result)), sites.parent] = 0.0
    return result


@dataclass(frozen=True)
class SubstitutionPrior(MutationPrior):
    """The sum of `substitution_scores` over all mutations."""

    name = "substitutions"

    def table(self, pool: Pool) -> np.ndarray:
        """`substitution_scores` of the pool's sites."""
        return substitution_scores(sites_of(pool, self.name))
