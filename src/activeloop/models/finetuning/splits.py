"""Which measured candidates are trained on and which only judge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.candidates import Pool

#: a fold by positions must leave at least so much of the candidates to train on
LARGEST = 0.4


@dataclass(frozen=True)
class Split:
    """Indices into the measured candidates.

    Args:
        training: trained on.
        validation: judged by only; may be empty.
    """

    training: np.ndarray
    validation: np.ndarray

    @classmethod
    def without(cls, candidates: int) -> Split:
        """Everything is trained on."""
        return cls(np.arange(candidates), np.zeros(0, np.int64))


def folds_of(
    pool: Pool, rows: np.ndarray, rounds: np.ndarray, count: int, seed: int, by_position: bool = True
) -> np.ndarray:
    """[N] the fold (0 to count - 1) of each of some rows of a pool.

    By position, candidates that change the same positions stay together, so that a fold asks about positions that the
    others do not teach, as the next proposal may: so it is told when training must stop. Where that cannot be (no
    parent, or nearly all candidates change the same positions: a library of a few sites), and where it is not asked
    for, they are dealt out at random: so it is told what a model is worth beside others, of which many can say only
    what they would have foretold had they not seen a single candidate. Later rounds change nothing for earlier ones: a
    model that leaves a fold out has never seen it, also when it starts from what it was a round before.

    Args:
        pool: they are of.
        rows: [N].
        rounds: [N] in which each was measured.
        count: folds.
        seed: of what is random.
        by_position: whether candidates that change the same positions stay together.

    >>> pool = Pool.single_mutants("MKTAYI")
    >>> folds = folds_of(pool, np.arange(len(pool)), np.zeros(len(pool)), 3, seed=0)
    >>> [len(set(folds[i : i + 19])) for i in range(0, 114, 19)], np.bincount(folds).tolist()
    ([1, 1, 1, 1, 1, 1], [38, 38, 38])
    """
    groups = _groups(pool, rows) if by_position else np.zeros(len(rows), np.int64)
    first = np.unique(groups[rounds == rounds.min()], return_counts=True)[1]
    if len(first) < 2 * count or first.max() > LARGEST * first.sum():
        groups = np.arange(len(rows))
    of_group, filled = np.full(groups.max() + 1, -1), np.zeros(count, np.int64)
    for number, now in enumerate(np.unique(rounds)):
        present, sizes = np.unique(groups[rounds == now], return_counts=True)
        order = np.random.default_rng([seed, number]).random(len(present))
        # known groups first; then the largest, each to the fold with the fewest; equal ones in random order
        for i in np.lexsort((order, -sizes, of_group[present] < 0)):
            if of_group[present[i]] < 0:
                of_group[present[i]] = filled.argmin()
            filled[of_group[present[i]]] += sizes[i]
    return of_group[groups]


def _groups(pool: Pool, rows: np.ndarray) -> np.ndarray:
    """[N] a number for each set of changed positions; all the same when there is no parent to compare with."""
    if pool.sites is None or pool.sites.parent is None:
        return np.zeros(len(rows), np.int64)
    changed = np.packbits(pool.codes(rows) != pool.sites.parent, axis=1)
    return np.unique(changed, axis=0, return_inverse=True)[1].ravel()
