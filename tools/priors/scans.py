"""Published scans of single mutants, and which of their proteins are relatives."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from activeloop.candidates import AMINO_ACIDS, Mutation
from activeloop.errors import FetchError, TableError
from activeloop.metrics import ranks
from activeloop.priors.blosum import blosum62
from activeloop.priors.substitutions import kmer_hashes
from activeloop.replay.sources import DATA
from activeloop.tables import read_table

#: folders under `$ACTIVELOOP_DATA`: assays of any function; stabilities of small domains
ASSAYS, DOMAINS = "protein/proteingym_singles", "protein/stability"


@dataclass(frozen=True)
class Scan:
    """One assay of single mutants.

    Args:
        name: of its file.
        chain: the wild type.
        position: [n] of each mutant, from 0.
        letter: [n] index into `AMINO_ACIDS` of its new residue.
        score: [n] values as normal scores.
        stability: whether it is a stability domain.
    """

    name: str
    chain: str
    position: np.ndarray
    letter: np.ndarray
    score: np.ndarray
    stability: bool

    def __len__(self) -> int:
        return len(self.score)

    @property
    def residues(self) -> np.ndarray:
        """[P] positions with a mutant, ascending."""
        return np.unique(self.position)

    @property
    def profile(self) -> np.ndarray:
        """[P, 20] score of each letter at each of `residues`; NaN where nothing was measured."""
        profile = np.full((len(self.residues), len(AMINO_ACIDS)), np.nan)
        profile[np.searchsorted(self.residues, self.position), self.letter] = self.score
        return profile

    @property
    def mutations(self) -> list[Mutation]:
        """The n mutants."""
        pairs = zip(self.position.tolist(), self.letter.tolist(), strict=True)
        return [Mutation(p + 1, self.chain[p], AMINO_ACIDS[a]) for p, a in pairs]


def known_scans() -> list[Scan]:
    """The scans of the folder that `$ACTIVELOOP_DATA` names.

    Raises:
        FetchError: it names none, or the folder does not hold them.
        TableError: one of them cannot be read.
    """
    folder = os.environ.get(DATA)
    if not folder:
        raise FetchError(
            f"The scans are read from the folder that {DATA} names, and it names none. Nothing was written."
        )
    return read_scans(Path(folder))


def read_scans(data: Path) -> list[Scan]:
    """All scans of the data folder, assays first, each in the order of names.

    Raises:
        FetchError: there are none.
        TableError: a table does not fit its wild type.
    """
    scans = [
        read_scan(path, folder == DOMAINS)
        for folder in (ASSAYS, DOMAINS)
        for path in sorted((data / folder).glob("*.csv.gz"))
    ]
    if not scans:
        raise FetchError(f"{data} holds no {ASSAYS}/*.csv.gz. Name the folder that does in ACTIVELOOP_DATA.")
    return scans


def read_scan(path: Path, stability: bool) -> Scan:
    """One table with the columns `mutant`, `mutated_sequence` and `DMS_score`; only its single mutants.

    Raises:
        TableError: it lacks a column, or a mutant does not fit its sequence.
    """
    table = read_table(path)
    columns = (table.column("mutant"), table.column("mutated_sequence"), table.numbers("DMS_score"))
    rows = [(m, s, v.value) for m, s, v in zip(*columns, strict=True) if ":" not in m]
    mutant, mutated, _ = rows[0]
    at = int(mutant[1:-1]) - 1
    chain = mutated[:at] + mutant[0] + mutated[at + 1 :]
    position = np.array([int(m[1:-1]) - 1 for m, _, _ in rows])
    for p, (m, _, _) in zip(position.tolist(), rows, strict=True):
        if chain[p : p + 1] != m[0] or m[-1] not in AMINO_ACIDS:
            raise TableError(f"{m} does not fit the wild type that the sequence of {mutant} tells.", file=str(path))
    letter = np.array([AMINO_ACIDS.index(m[-1]) for m, _, _ in rows])
    values = np.array([value for _, _, value in rows])
    return Scan(path.name.removesuffix(".csv.gz"), chain, position, letter, normal_scores(values), stability)


def normal_scores(values: np.ndarray) -> np.ndarray:
    """Ranks as quantiles of the normal distribution; ties share one.

    >>> normal_scores(np.array([5.0, 1.0, 3.0])).round(2).tolist()
    [0.97, -0.97, 0.0]
    """
    from scipy.special import ndtri

    return ndtri((ranks(values) - 0.5) / len(values))


#: BLOSUM62 score of an ungapped local alignment above which two proteins are relatives; a random pair of the
#: longest ones seldom exceeds 45
RELATED = 55
#: residues beside the mutated ones that count, since they are the context of these
MARGIN = 15
PARTS = 10


def split(scans: Sequence[Scan]) -> np.ndarray:
    """The part [N] of each scan, 0 to 9: relatives together, parts of about the same number of mutants."""
    group = relatives(scans)
    sizes = np.bincount(group, [len(scan) for scan in scans])
    filled, part = np.zeros(PARTS), np.zeros(len(sizes), int)
    for k in np.argsort(-sizes, kind="stable"):
        part[k] = filled.argmin()
        filled[part[k]] += sizes[k]
    return part[group]


def relatives(scans: Sequence[Scan]) -> np.ndarray:
    """The family [N] of each scan: connected by similar mutated regions, or by a word that both chains hold.

    The second makes each word belong to one family, so that it tells which table may be used.
    """
    chains = [mutated_region(scan) for scan in scans]
    pairs = [(i, j) for i, row in enumerate(chains) for j in np.flatnonzero(best_segments(row, chains) > RELATED)]
    owners: dict[int, int] = {}
    for i, scan in enumerate(scans):
        pairs += [(i, owners.setdefault(word, i)) for word in kmer_hashes(scan.chain).tolist()]
    left, right = np.array(pairs).T
    graph = coo_array((np.ones(len(left)), (left, right)), shape=(len(scans), len(scans)))
    return connected_components(graph, directed=False)[1]


def mutated_region(scan: Scan) -> np.ndarray:
    """Letters, as codes, from the first mutated position to the last, and some beside; 20 for unknown ones."""
    first, last = scan.residues[0] - MARGIN, scan.residues[-1] + MARGIN
    region = scan.chain[max(first, 0) : last + 1]
    return np.array([AMINO_ACIDS.index(a) if a in AMINO_ACIDS else len(AMINO_ACIDS) for a in region])


def best_segments(one: np.ndarray, others: Sequence[np.ndarray]) -> np.ndarray:
    """The best score [N] of an ungapped local alignment of one chain with each of others, as codes."""
    end = len(AMINO_ACIDS)
    # a letter that matches nothing ends every chain, so that no segment runs from one to the next
    joined = np.concatenate([np.append(other, end) for other in others])
    scores = np.full((end + 1, end + 1), -99, np.int32)
    scores[:end, :end] = blosum62()
    running, best = np.zeros(len(joined) + 1, np.int32), np.zeros(len(joined), np.int32)
    rows = scores[:, joined]
    for letter in one:
        running[1:] = np.maximum(running[:-1] + rows[letter], 0)
        np.maximum(best, running[1:], out=best)
    starts = np.cumsum([0] + [len(other) + 1 for other in others[:-1]])
    return np.maximum.reduceat(best, starts)
