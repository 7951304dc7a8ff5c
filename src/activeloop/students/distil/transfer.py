"""What a teacher is asked: candidates of the pool, and mutants made of the pool's own mutations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from activeloop.candidates import ExplicitPool, Pool
from activeloop.candidates.designs import Mutation, Variant
from activeloop.errors import ConfigError

#: candidates that are held back for each of the two uses, when that many can be spared
HELD_BACK = 100
#: at most this share of a pool is held back for one use
SPARED = 0.1
#: of those looked at, one in so many is taken for disagreement
LOOKED_AT = 3
#: mutations of an invented mutant, if those of the pool have not more; the larger number in this share
FEWEST, MOST, SOME = 2, 3, 0.2
#: mutations that are looked at for each that is wanted: some are at positions that are taken
TURNS = 2


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
            whole, see `with_mutants`.
    """

    size: int = 8192
    rounds: int = 2
    share: float = 0.25
    mutants: int = 4096

    def __post_init__(self) -> None:
        if self.size < 0 or self.rounds < 0 or self.mutants < 0 or not 0 <= self.share < 1:
            raise ConfigError(
                "a transfer set needs a size, rounds and mutants of 0 or more, and a share from 0 to below 1. Nothing "
                "was taught."
            )

    def plan(self, pool: Pool, measured: np.ndarray, exclude: np.ndarray, rng: np.random.Generator) -> TransferSet:
        """What is asked first, and what is held back.

        Args:
            pool: of candidates.
            measured: rows about which the teacher is asked in any case; none of them is held back.
            exclude: rows about which it is never asked.
            rng: of the choice.
        """
        held = max(HELD_BACK, self.size // 10) if self.size else 0
        known, parent = np.union1d(exclude, measured), None
        if self.size and self.mutants and len(pool) <= self.size + 2 * held + len(known):
            pool, parent = with_parent(pool)
        asked = np.setdiff1d(measured if parent is None else np.union1d(measured, [parent]), exclude)
        rows = some_rows(pool, self.size + 2 * held, np.union1d(exclude, asked), rng)
        held = min(held, int(SPARED * len(rows)))
        watched, checked, first = rows[:held], rows[held : 2 * held], rows[2 * held :][: self.size]
        whole = len(rows) + len(np.union1d(exclude, asked)) >= len(pool)
        if not whole and self.rounds:
            first = first[: max(1, int(len(first) * (1 - self.share)))]
        added = 0 if whole or not self.rounds else (self.size - len(first)) // self.rounds
        closed = np.concatenate([exclude, watched, checked])
        taught = np.concatenate([asked if self.size else asked[:0], first])
        mutants = self.mutants if whole and parent is not None else 0
        return TransferSet(pool, taught, watched, checked, closed, added, mutants)


@dataclass(frozen=True)
class TransferSet:
    """Candidates for teaching.

    Args:
        pool: of all of them; rows of the pool that was given keep their numbers.
        taught: rows about which the teacher is asked.
        watched: rows that tell when the student has learned enough.
        checked: rows that tell how far it agrees in the end.
        closed: rows that are never taught.
        added: how many each round of disagreement adds; 0 when there is nothing to add.
        mutants: how many are to be invented.
    """

    pool: Pool
    taught: np.ndarray
    watched: np.ndarray
    checked: np.ndarray
    closed: np.ndarray
    added: int
    mutants: int = 0

    def grown(self, disagreement: Callable[[np.ndarray], np.ndarray], rng: np.random.Generator) -> np.ndarray:
        """Rows that are not taught yet, those on which teacher and student differ most.

        Args:
            disagreement: of rows [n], larger is more [n].
            rng: of the rows that are looked at.
        """
        known = np.concatenate([self.closed, self.taught])
        looked_at = some_rows(self.pool, LOOKED_AT * self.added, known, rng)
        return looked_at[np.argsort(-disagreement(looked_at), kind="stable")[: self.added]]

    def taking(self, rows: np.ndarray) -> TransferSet:
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


def with_parent(pool: Pool) -> tuple[Pool, int | None]:
    """A pool of variants with the wild type, behind the others if it was not there; and its row.

    Of pools that mutants cannot be added to the row is None.
    """
    first = pool.design(0)
    if not isinstance(pool, ExplicitPool) or not isinstance(first, Variant) or pool.rules is not None:
        return pool, None
    parent = Variant(first.parent, ())
    (row,) = pool.rows_of([parent.name]).tolist()
    return (pool, row) if row >= 0 else (_with(pool, [parent]), len(pool))


def _with(pool: ExplicitPool, designs: Sequence[Variant]) -> ExplicitPool:
    """The pool, and designs behind it."""
    listed = [*map(pool.design, range(len(pool))), *designs]
    return ExplicitPool(listed, kind=pool.kind, origin=f"{pool.origin}, and mutants of it", notation=pool.notation)


def with_mutants(material: TransferSet, rng: np.random.Generator) -> TransferSet:
    """Add the invented mutants.

    They combine mutations that the pool's candidates have, as many as one of these has, two or three at least, so that
    mutations about which the teacher is not asked as they stand have their turn too. None is a candidate of the pool.

    Args:
        material: whose mutants.
        rng: of the choice.
    """
    pool, count = material.pool, material.mutants
    if not count or not isinstance(pool, ExplicitPool):
        return material
    designs = [d for d in map(pool.design, range(len(pool))) if isinstance(d, Variant)]
    mutations = sorted({m for design in designs for m in design.mutations})
    present, invented = {design.name for design in designs}, list[Variant]()
    for design in _combinations(designs[0].parent, mutations, [len(d.mutations) for d in designs], count, rng):
        if design.name not in present:
            present.add(design.name)
            invented.append(design)
    if not invented:
        return material
    return replace(material, pool=_with(pool, invented)).taking(np.arange(len(pool), len(pool) + len(invented)))


def _combinations(
    parent: str, mutations: list[Mutation], usual: list[int], count: int, rng: np.random.Generator
) -> Iterator[Variant]:
    """At most `count` variants; every mutation has its turn before any has its next.

    Args:
        parent: sequence of the wild type.
        mutations: of which they are made.
        usual: numbers of mutations of the pool's candidates.
        count: how many.
        rng: of the choice.
    """
    order: list[int] = []
    for _ in range(count):
        fewest = MOST if rng.random() < SOME else FEWEST
        wanted = max(fewest, usual[rng.integers(len(usual))])
        apart: dict[int, Mutation] = {}
        for _ in range(TURNS * wanted):
            if len(apart) == wanted:
                break
            order = order or rng.permutation(len(mutations)).tolist()
            chosen = mutations[order.pop()]
            apart.setdefault(chosen.position, chosen)
        if len(apart) >= FEWEST:
            yield Variant(parent, tuple(sorted(apart.values())))
