"""The transfer set: what the teacher predicts for the student, candidates of the pool and new mutants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from activeloop.candidates import ExplicitPool, Mutation, Pool, Variant, extended, row_of_parent, with_parent
from activeloop.students.distil.config import Transfer

#: candidates for validation, and as many for the test, where that many can be spared
HELD_OUT = 100
#: at most this share of a pool for each of the two
HELD_OUT_SHARE = 0.1
#: candidates that are compared for one that is added
COMPARED = 3
#: mutations of a new mutant, if those of the pool have not more; the larger number in this share
FEWEST, MOST, MOST_SHARE = 2, 3, 0.2
#: mutations that are tried for each that is wanted: some are at positions that are taken
TRIES = 2


@dataclass(frozen=True)
class TransferSet:
    """Candidates for the training.

    Args:
        pool: of all of them; rows of the pool that was given keep their numbers.
        training: rows that the teacher predicts for the student.
        validation: rows for early stopping.
        test: rows on which the fidelity is measured in the end.
        excluded: rows that are never in the training.
        added: how many each round of disagreement adds; 0 when there is nothing to add.
        mutants: how many new ones are wanted.
        parent: row of the wild type; None where it is in no pool that one can add it to.
    """

    pool: Pool
    training: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    excluded: np.ndarray
    added: int
    mutants: int = 0
    parent: int | None = None

    @classmethod
    def plan(
        cls, settings: Transfer, pool: Pool, measured: np.ndarray, exclude: np.ndarray, rng: np.random.Generator
    ) -> TransferSet:
        """The first training candidates, and those that are held out.

        Args:
            settings: how many of which kind.
            pool: of candidates.
            measured: rows that are in the training in any case, and never held out.
            exclude: rows that are in none of the sets.
            rng: of the choice.
        """
        held_out = max(HELD_OUT, settings.size // 10) if settings.size else 0
        known, parent = np.union1d(exclude, measured), None
        small = len(pool) <= settings.size + 2 * held_out + len(known)
        if settings.size:
            pool, parent = with_parent(pool) if small else (pool, row_of_parent(pool))
        certain = np.setdiff1d(measured if parent is None else np.union1d(measured, [parent]), exclude)
        rows = random_rows(pool, settings.size + 2 * held_out, np.union1d(exclude, certain), rng)
        held_out = min(held_out, int(HELD_OUT_SHARE * len(rows)))
        validation, test, first = np.split(rows, [held_out, 2 * held_out])
        first = first[: settings.size]
        whole = len(rows) + len(np.union1d(exclude, certain)) >= len(pool)
        if not whole and settings.rounds:
            first = first[: max(1, int(len(first) * (1 - settings.share)))]
        added = 0 if whole or not settings.rounds else (settings.size - len(first)) // settings.rounds
        excluded = np.concatenate([exclude, validation, test])
        training = np.concatenate([certain if settings.size else certain[:0], first])
        room = isinstance(pool, ExplicitPool)
        mutants = settings.mutants if whole and room and parent is not None else 0
        return cls(pool, training, validation, test, excluded, added, mutants, parent)

    def most_different(self, difference: Callable[[np.ndarray], np.ndarray], rng: np.random.Generator) -> np.ndarray:
        """Rows outside the training on which teacher and student differ most.

        Args:
            difference: of rows [n], larger is more [n].
            rng: of the rows that are compared.
        """
        known = np.concatenate([self.excluded, self.training])
        compared = random_rows(self.pool, COMPARED * self.added, known, rng)
        return compared[np.argsort(-difference(compared), kind="stable")[: self.added]]

    def adding(self, rows: np.ndarray) -> TransferSet:
        """With more rows in the training."""
        return replace(self, training=np.concatenate([self.training, rows]))

    def with_mutants(self, rng: np.random.Generator) -> TransferSet:
        """With new mutants in pool and training.

        They combine mutations of the pool's candidates, as many as one of these has, two or three at least, so that
        mutations of candidates outside the training are learned too. None is a candidate of the pool.
        """
        pool, count = self.pool, self.mutants
        if not count or not isinstance(pool, ExplicitPool):
            return self
        designs = [d for d in map(pool.design, range(len(pool))) if isinstance(d, Variant)]
        mutations = sorted({m for design in designs for m in design.mutations})
        present, new = {design.name for design in designs}, list[Variant]()
        for design in _combinations(designs[0].parent, mutations, [len(d.mutations) for d in designs], count, rng):
            if design.name not in present:
                present.add(design.name)
                new.append(design)
        if not new:
            return self
        return replace(self, pool=extended(pool, new)).adding(np.arange(len(pool), len(pool) + len(new)))


def random_rows(pool: Pool, count: int, without: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Up to `count` allowed rows of a pool in random order, none of them among `without`; never holds a large pool.

    >>> random_rows(Pool.single_mutants("MKT"), 100, np.arange(50), np.random.default_rng(0)).size
    7
    """
    wanted = count + len(without)
    if len(pool) <= 4 * wanted:
        rows = rng.permutation(len(pool))
    else:
        rows = np.unique(rng.integers(0, len(pool), 2 * wanted))
        rows = rng.permutation(rows)
    rows = rows[~np.isin(rows, without)]
    return rows[pool.allowed(rows)][:count]


def _combinations(
    parent: str, mutations: list[Mutation], sizes: list[int], count: int, rng: np.random.Generator
) -> Iterator[Variant]:
    """At most `count` variants, as large as `sizes`; every mutation is used once before any is used again."""
    order: list[int] = []
    for _ in range(count):
        fewest = MOST if rng.random() < MOST_SHARE else FEWEST
        wanted = max(fewest, sizes[rng.integers(len(sizes))])
        apart: dict[int, Mutation] = {}
        for _ in range(TRIES * wanted):
            if len(apart) == wanted:
                break
            order = order or rng.permutation(len(mutations)).tolist()
            chosen = mutations[order.pop()]
            apart.setdefault(chosen.position, chosen)
        if len(apart) >= FEWEST:
            yield Variant(parent, tuple(sorted(apart.values())))
