"""What a teacher is asked: candidates of the pool, and mutants made of the pool's own mutations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from activeloop.candidates import Pool
from activeloop.candidates.designs import Mutation, Variant
from activeloop.candidates.explicit import ExplicitPool
from activeloop.errors import RecipeError

#: candidates that are held back for each of the two uses, when that many can be spared
HELD_BACK = 100
#: at most this share of a pool is held back for one use
SPARED = 0.1
#: of those looked at, one in so many is taken for disagreement
LOOKED_AT = 3
#: mutations of an invented mutant: few, for of many a teacher knows little; the larger number in this share
FEWEST, MOST, SOME = 2, 3, 0.2


@dataclass(frozen=True)
class Transfer:
    """Which candidates a teacher is asked about.

    A pool not larger than `size` is asked about as a whole. Of a larger one the teacher is first asked about
    random candidates, then, in some rounds, about those on which the student differs from it most.

    Args:
        size: at most so many candidates of the pool.
        rounds: how often candidates are added where teacher and student disagree; 0: all are random.
        share: of `size` that is left for these rounds.
        mutants: so many new combinations of its own mutations are added to a pool of variants that is asked about as a
            whole.
    """

    size: int = 8192
    rounds: int = 2
    share: float = 0.25
    mutants: int = 4096

    def __post_init__(self) -> None:
        if self.size < 0 or self.rounds < 0 or self.mutants < 0 or not 0 <= self.share < 1:
            raise RecipeError(
                "a transfer set needs a size, rounds and mutants of 0 or more, and a share from 0 to below 1. Nothing "
                "was taught."
            )

    def plan(self, pool: Pool, measured: np.ndarray, exclude: np.ndarray, rng: np.random.Generator) -> Material:
        """What is asked first, and what is held back.

        Args:
            pool: of candidates.
            measured: rows about which the teacher is asked in any case; none of them is held back.
            exclude: rows about which it is never asked.
            rng: of the choice.
        """
        known = np.setdiff1d(measured, exclude) if self.size else np.zeros(0, np.int64)
        held = max(HELD_BACK, self.size // 10) if self.size else 0
        rows = some_rows(pool, self.size + 2 * held, np.union1d(exclude, measured), rng)
        held = min(held, int(SPARED * len(rows)))
        watched, checked, first = rows[:held], rows[held : 2 * held], rows[2 * held :][: self.size]
        whole = len(rows) + len(np.union1d(exclude, measured)) >= len(pool)
        if not whole and self.rounds:
            first = first[: max(1, int(len(first) * (1 - self.share)))]
        added = 0 if whole or not self.rounds else (self.size - len(first)) // self.rounds
        closed = np.concatenate([exclude, watched, checked])
        material = Material(pool, np.concatenate([known, first]), watched, checked, closed, added)
        small = whole and self.size > 0 and self.mutants > 0
        return with_mutants(material, self.mutants, rng) if small else material


@dataclass(frozen=True)
class Material:
    """Candidates for teaching.

    Args:
        pool: of all of them; rows of the pool that was given keep their numbers.
        taught: rows about which the teacher is asked.
        watched: rows that tell when the student has learned enough.
        checked: rows that tell how far it agrees in the end.
        closed: rows that are never taught.
        added: how many each round of disagreement adds; 0 when there is nothing to add.
    """

    pool: Pool
    taught: np.ndarray
    watched: np.ndarray
    checked: np.ndarray
    closed: np.ndarray
    added: int

    def grown(self, disagreement: Callable[[np.ndarray], np.ndarray], rng: np.random.Generator) -> np.ndarray:
        """Rows that are not taught yet, those on which teacher and student differ most.

        Args:
            disagreement: of rows [n], larger is more [n].
            rng: of the rows that are looked at.
        """
        known = np.concatenate([self.closed, self.taught])
        looked_at = some_rows(self.pool, LOOKED_AT * self.added, known, rng)
        return looked_at[np.argsort(-disagreement(looked_at), kind="stable")[: self.added]]

    def taking(self, rows: np.ndarray) -> Material:
        """With more rows that are taught."""
        return replace(self, taught=np.concatenate([self.taught, rows]))


def some_rows(pool: Pool, count: int, without: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Up to `count` allowed rows of a pool in random order, none of them among `without`; never holds a large pool.

    >>> some_rows(Pool.single_mutants("MKT"), 100, np.arange(50), np.random.default_rng(0)).size
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


def with_mutants(material: Material, count: int, rng: np.random.Generator) -> Material:
    """Add invented mutants to a pool of variants; other pools stay as they are.

    Each combines two, some three, of the mutations that the pool's candidates have, and none is one of these.
    """
    pool = material.pool
    first = pool.design(0)
    if not isinstance(pool, ExplicitPool) or not isinstance(first, Variant) or pool.rules is not None:
        return material
    designs = [pool.design(row) for row in range(len(pool))]
    mutations = sorted({m for design in designs if isinstance(design, Variant) for m in design.mutations})
    present = {design.name for design in designs}
    invented: list[Variant] = []
    for design in _combinations(first.parent, mutations, count, rng):
        if design.name not in present:
            present.add(design.name)
            invented.append(design)
    if not invented:
        return material
    whole = ExplicitPool(
        [*designs, *invented], kind=pool.kind, origin=f"{pool.origin}, and mutants made of them", notation=pool.notation
    )
    more = np.arange(len(pool), len(whole))
    return replace(material, pool=whole, taught=np.concatenate([material.taught, more]))


def _combinations(parent: str, mutations: list[Mutation], count: int, rng: np.random.Generator) -> Iterator[Variant]:
    """At most `count` variants; every mutation has its turn before any has its next."""
    order: list[int] = []
    for _ in range(count):
        wanted = MOST if rng.random() < SOME else FEWEST
        if len(order) < wanted:
            order += rng.permutation(len(mutations)).tolist()
        chosen = [mutations[order.pop(0)] for _ in range(min(wanted, len(order)))]
        apart = {m.position: m for m in chosen}
        if len(apart) >= FEWEST:
            yield Variant(parent, tuple(sorted(apart.values())))
