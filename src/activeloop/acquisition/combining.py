"""Combinations of the best single mutants: their list, best first, and what a person should know of each."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from activeloop.candidates import Mutation, Pool, Variant, row_of_parent, with_parent
from activeloop.errors import StateError
from activeloop.measurements import Dataset
from activeloop.prediction import Prediction, Predictor, ValueMap

#: single mutants that are combined, at least: with these the best 48 of all combinations were found in every set
BEST = 40
#: combinations that are listed
LISTED = 4000
#: mutations of one candidate when nothing is said; more halve the share above the wild type
MUTATIONS = 3
#: measured single mutants that a list of combinations should rest on
ENOUGH = 48
#: measured combinations from which on one plate of them is known
PLATE = 24
#: by how many standard deviations the best predictions are too high while only single mutants were measured, and
#: when a plate of combinations was: they were chosen for being high (see docs/results/extend)
SELECTION = (0.7, 0.3)
#: share of a plate of combinations that may carry one mutation
SHARE = 0.5


def best_combinations(effects: np.ndarray, places: Sequence[int], most: int) -> Iterator[tuple[int, ...]]:
    """Combinations of 2 to `most` effects at different places, by the largest sum first.

    Args:
        effects: [M].
        places: [M] where each one is; two at one place exclude each other.
        most: effects in one combination.

    Yields:
        Ascending indices into `effects`.

    >>> list(best_combinations(np.array([3.0, 2.0, -1.0, 1.0]), [1, 2, 1, 3], 3))
    [(0, 1, 3), (0, 1), (0, 3), (1, 3), (1, 2, 3), (1, 2), (2, 3)]
    """
    order = np.argsort(-effects, kind="stable")
    sorted_effects, at = effects[order].tolist(), [places[i] for i in order]
    count = len(order)
    # Every combination of one size follows from the first by moving one member to the next effect: each move lowers
    # the sum, so that a heap gives them in order.
    heap = [(-sum(sorted_effects[:size]), size, tuple(range(size))) for size in range(2, min(most, count) + 1)]
    heapq.heapify(heap)
    seen = {members for _, _, members in heap}
    while heap:
        _, size, members = heapq.heappop(heap)
        for i, member in enumerate(members):
            after = members[i + 1] if i + 1 < size else count
            if member + 1 < after:
                moved = (*members[:i], member + 1, *members[i + 1 :])
                if moved not in seen:
                    seen.add(moved)
                    heapq.heappush(heap, (-sum(sorted_effects[m] for m in moved), size, moved))
        if len({at[m] for m in members}) == size:
            yield tuple(sorted(int(order[m]) for m in members))


@dataclass(frozen=True)
class Listed:
    """Combinations that could be added to a pool.

    Args:
        designs: best first, by the sum of predicted effects.
        singles: names of the single mutants of which they are made, best first.
        known: better ones that are in the pool already.
    """

    designs: tuple[Variant, ...]
    singles: tuple[str, ...]
    known: int


def list_combinations(
    predictor: Predictor,
    pool: Pool,
    seed: int,
    *,
    most: int,
    best: int,
    count: int,
    wild_type: float,
    without: Sequence[int] = (),
) -> Listed:
    """The first combinations of the best single mutants of a pool that are not in it, best first.

    Measured or not, a single mutant counts as the model predicts it: measured values are noisy, and the best of many
    are best by luck as well.

    Args:
        predictor: a model of the pool.
        pool: variants of a wild type.
        seed: of the prediction.
        most: mutations of one combination.
        best: single mutants that are combined.
        count: combinations at most, those in the pool included: asked again, it gives nothing new.
        wild_type: its value on the scale of the model.
        without: rows that may not be combined, such as vetoed ones.

    Raises:
        StateError: no two of them can be combined.
    """
    rows = np.setdiff1d(single_rows(pool), np.asarray(without, np.int64))
    rows = rows[pool.allowed(rows)]
    if not len(rows):
        raise StateError("the pool holds no single mutants that could be combined. Nothing was added.")
    effects = predictor.predict(pool, rows, seed, draws=0).on_scale.mean[:, 0] - wild_type
    order = np.argsort(-effects, kind="stable")[:best]
    members = [next(iter(_mutations(pool, int(row)))) for row in rows[order]]
    parent = pool.sites.parent_sequence if pool.sites else ""
    found: list[Variant] = []
    piece: list[Variant] = []
    # Rules may leave few of many: the search ends somewhere.
    for tried, chosen in enumerate(best_combinations(effects[order], [m.position for m in members], most), 1):
        piece.append(Variant(parent, tuple(sorted(members[i] for i in chosen))))
        if len(piece) >= count - len(found) or tried == 50 * count:
            found += [d for d, ok in zip(piece, keeps_rules(pool, piece), strict=True) if ok]
            piece = []
            if len(found) == count or tried == 50 * count:
                break
    found += [d for d, ok in zip(piece, keeps_rules(pool, piece), strict=True) if ok]
    if not found:
        raise StateError(
            f"the best {len(order)} single mutants cannot be combined: they are all at one position, or every "
            "combination breaks a rule of the pool. Widen the pool (`activeloop extend DIR --positions ...`). Nothing "
            "was added."
        )
    new = tuple(d for d in found if pool.row_of_design(d) is None)
    return Listed(new, tuple(pool.names(rows[order])), len(found) - len(new))


def _mutations(pool: Pool, row: int) -> tuple[Mutation, ...]:
    design = pool.design(row)
    return design.mutations if isinstance(design, Variant) else ()


def keeps_rules(pool: Pool, designs: Sequence[Variant]) -> np.ndarray:
    """[n] whether each design keeps the rules of a pool (bool)."""
    if pool.rules is None or not designs:
        return np.ones(len(designs), bool)
    listed = Pool.of([*designs, Variant(designs[0].parent, ())] if all(d.mutations for d in designs) else designs)
    assert listed.sites is not None
    return pool.rules.allow(listed.codes(), listed.sites)[: len(designs)]


def single_rows(pool: Pool) -> np.ndarray:
    """Rows of the variants with one mutation: int64 [n]."""
    rows = np.flatnonzero(mutation_counts(pool, np.arange(len(pool))) == 1)
    # an insertion of several residues changes as many columns as it has residues
    return np.array([row for row in rows.tolist() if len(_mutations(pool, row)) == 1], np.int64)


def mutation_counts(pool: Pool, rows: np.ndarray) -> np.ndarray:
    """[n] how many columns each of some rows changes; zeros where there is no wild type."""
    sites = pool.sites
    if sites is None or sites.parent is None:
        return np.zeros(len(rows), np.int64)
    return (pool.codes(rows) != sites.parent).sum(1)


def measured_counts(dataset: Dataset) -> tuple[int, int]:
    """How many single mutants and how many combinations have a value."""
    known = dataset.rows[np.isfinite(dataset.values).any(1)]
    counts = mutation_counts(dataset.pool, known)
    return int((counts == 1).sum()), int((counts > 1).sum())


def selection_shift(dataset: Dataset) -> float:
    """By how many standard deviations the best predictions of combinations are too high; see `SELECTION`."""
    return SELECTION[measured_counts(dataset)[1] >= PLATE]


@dataclass(frozen=True)
class Combination:
    """What is known of one combination before it is measured; larger is better throughout.

    Args:
        row: in the pool.
        mean: predicted value, less what it owes to having been chosen (`selection_shift`).
        low, high: 90 % interval of one measurement around it.
        above: probability that its value is above that of the wild type.
        additive: the wild type's value and the effects of its mutations alone, added up.
        unmeasured: its mutations that were not measured alone; their predicted effect counts in `additive`.
    """

    row: int
    mean: float
    low: float
    high: float
    above: float
    additive: float
    unmeasured: tuple[str, ...]


@dataclass(frozen=True)
class Outlook:
    """What a model and single measurements say of combinations of one pool, in the first assay.

    Args:
        predictor: the model.
        pool: the pool, with the wild type behind it where it has none.
        dataset: oriented, of one assay or more.
        seed: of predictions.
        wild_type: value of the wild type on the scale of the model: the measured one, else the predicted one.
        measured_wild_type: whether it was measured.
        effects: mutation -> its effect alone, on that scale, of those that were measured.
        map: to that scale.
    """

    predictor: Predictor
    pool: Pool
    dataset: Dataset
    seed: int
    wild_type: float
    measured_wild_type: bool
    effects: dict[Mutation, float]
    map: ValueMap

    @classmethod
    def of(cls, predictor: Predictor, dataset: Dataset, seed: int) -> Outlook:
        """From a model and what it was fitted to.

        Args:
            predictor: the model.
            dataset: oriented.
            seed: of predictions.

        Raises:
            StateError: the pool has no wild type.
        """
        pool, row = with_parent(dataset.pool)
        if row is None:
            raise StateError("this pool has no wild type, against which mutations could be told. Nothing was added.")
        predicted = predictor.predict(pool, np.array([row]), seed, draws=0)
        own = predicted.maps[0] if predicted.maps else ValueMap()
        values = own.place(dataset.values[:, 0]) if predicted.maps else dataset.values[:, 0]
        known = np.isfinite(values)
        rows, values = dataset.rows[known], values[known]
        at = np.flatnonzero(rows == row)
        wild = float(values[at[0]]) if len(at) else float(predicted.on_scale.mean[0, 0])
        singles = np.flatnonzero(mutation_counts(dataset.pool, rows) == 1)
        effects = {}
        for i in singles:
            design = dataset.pool.design(int(rows[i]))
            if isinstance(design, Variant) and len(design.mutations) == 1:
                effects[design.mutations[0]] = float(values[i]) - wild
        return cls(predictor, pool, dataset, seed, wild, bool(len(at)), effects, own)

    def __call__(self, rows: np.ndarray) -> list[Combination]:
        """Of some rows of the pool."""
        prediction = self.predictor.predict(self.pool, np.asarray(rows, np.int64), self.seed, draws=0)
        if prediction.classes:
            raise StateError("probabilities of classes are not added up. Nothing was added.")
        shifted, above = corrected(prediction, selection_shift(self.dataset), self.wild_type)
        mean, _, low, high = shifted.marginals()
        sums = self.additive(rows)
        found = []
        for i, row in enumerate(np.asarray(rows).tolist()):
            design = self.pool.design(row)
            assert isinstance(design, Variant)
            unmeasured = tuple(str(m) for m in design.mutations if m not in self.effects)
            ends, chance = (float(low[i, 0]), float(high[i, 0])), float(above[i])
            found.append(Combination(row, float(mean[i, 0]), *ends, chance, float(sums[i]), unmeasured))
        return found

    def additive(self, rows: np.ndarray) -> np.ndarray:
        """[n] values of the sums of single effects; those that were not measured as predicted."""
        designs = [self.pool.design(int(row)) for row in rows]
        every = {m for d in designs if isinstance(d, Variant) for m in d.mutations}
        effects = self.effects | self._predicted(every - set(self.effects))
        sums = [sum(effects[m] for m in d.mutations) for d in designs if isinstance(d, Variant)]
        places = self.wild_type + np.array(sums)
        return places if self.map.changes_nothing else self.map.inverse(places)

    def _predicted(self, mutations: set[Mutation]) -> dict[Mutation, float]:
        """Predicted effects; NaN for single mutants that are not in the pool."""
        listed = sorted(mutations)
        found = [self.pool.row_of_design(Variant(self.pool.sites.parent_sequence, (m,))) for m in listed]  # type: ignore[union-attr]
        rows = np.array([row for row in found if row is not None], np.int64)
        if not len(rows):
            return dict.fromkeys(listed, float("nan"))
        wild = row_of_parent(self.pool)
        assert wild is not None  # `of` has put it there
        mean = self.predictor.predict(self.pool, np.append(rows, [wild]), self.seed, draws=0).on_scale.mean[:, 0]
        effects = iter((mean[:-1] - mean[-1]).tolist())
        return {m: float("nan") if row is None else next(effects) for m, row in zip(listed, found, strict=True)}


def corrected(prediction: Prediction, shift: float, wild_type: float) -> tuple[Prediction, np.ndarray]:
    """A prediction less what it owes to selection, and the probability [N] that a measurement is above a value.

    Args:
        prediction: of the first assay.
        shift: in standard deviations of one measurement.
        wild_type: the value, on the scale of the model.

    >>> one = Prediction(np.zeros((0, 1, 1)), np.array([[2.0]]), np.array([[0.6]]), np.array([0.8]))
    >>> shifted, above = corrected(one, 1.0, 1.0)
    >>> shifted.mean.tolist(), above.tolist()
    ([[1.0]], [0.5])
    """
    scale = prediction.on_scale
    spread = np.sqrt(scale.sd**2 + scale.noise**2)
    mean = scale.mean - shift * spread
    z = (mean[:, 0] - wild_type) / np.maximum(spread[:, 0], 1e-12)
    above = np.array([NormalDist().cdf(float(one)) for one in z])
    moved = replace(scale, mean=mean)
    return moved.in_values(prediction.maps) if prediction.maps else moved, above


def within_share(
    choose: Callable[[np.ndarray], np.ndarray], mutations: Sequence[frozenset[int]], n: int, share: float = SHARE
) -> np.ndarray:
    """A batch in which no mutation stands in more than a share of the picks, but for single mutants.

    Args:
        choose: from candidates [m] to the places in them [n] of those chosen, best first.
        mutations: of each candidate; empty for those that count for none.
        n: size of the batch.
        share: of the batch.

    Returns:
        [n] candidates, best first. Where too few others are left the share is exceeded.
    """
    most, left = max(1, int(share * n)), np.arange(len(mutations))
    while True:
        picked = left[choose(left)]
        counts: Counter[int] = Counter()
        kept: list[int] = []
        for one in picked.tolist():
            if all(counts[m] < most for m in mutations[one]):
                kept.append(one)
                counts.update(mutations[one])
        if len(kept) == len(picked):
            return picked
        full, own = {m for m, count in counts.items() if count >= most}, set(kept)
        fits = np.array([one in own or not (full & mutations[one]) for one in left.tolist()])
        if fits.sum() < n:
            return np.array([*kept, *(one for one in picked.tolist() if one not in own)], np.int64)
        left = left[fits]


def shared_mutations(pool: Pool, rows: np.ndarray) -> list[frozenset[int]]:
    """The mutations of each of some rows that carries several; empty for all others."""
    sites = pool.sites
    if sites is None or sites.parent is None:
        return [frozenset()] * len(rows)
    codes = pool.codes(rows)
    changed, size = codes != sites.parent, len(sites.alphabet)
    several = changed.sum(1) > 1
    cells = np.arange(codes.shape[1]) * size + codes.astype(np.int64)
    return [frozenset(cells[i, changed[i]].tolist()) if several[i] else frozenset() for i in range(len(rows))]
