"""Which proteins are relatives, so that what is learned from one is never judged on another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from activeloop.candidates import AMINO_ACIDS
from activeloop.priors.blosum import blosum62
from activeloop.priors.substitutions import fingerprints
from tools.priors.scans import Scan

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
        pairs += [(i, owners.setdefault(word, i)) for word in fingerprints(scan.chain).tolist()]
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
