"""A pool that grows in a campaign: what is added, what is refused, and what is known of each combination."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from activeloop.acquisition.combining import (
    BEST,
    ENOUGH,
    MUTATIONS,
    PLATE,
    Combination,
    Outlook,
    keeps_rules,
    list_combinations,
    measured_counts,
    mutation_counts,
    selection_shift,
)
from activeloop.campaigns.events import Extended
from activeloop.candidates import (
    AMINO_ACIDS,
    Design,
    ExplicitPool,
    Mutation,
    Pool,
    Variant,
    grown,
    is_scan,
    row_of_parent,
)
from activeloop.errors import InputError, NotationError, StateError
from activeloop.measurements import Assay, Dataset
from activeloop.plates import Pick, PickPrediction
from activeloop.prediction import Predictor
from activeloop.words import many, shown_number


@dataclass(frozen=True)
class AddedCombination:
    """A combination of mutations, in the unit of the assay that it was ranked by.

    Args:
        name: in standard notation.
        rank: by the model, from 1.
        mean: predicted, less what it owes to having been chosen among many.
        low, high: 90 % interval of one measurement around it.
        above: probability that a measurement is better than the wild type's value.
        additive: the wild type's value and the effects of the single mutations, added up.
        additive_rank: among the same combinations, by that sum.
        unmeasured: its mutations that were not measured alone; their predicted effect counts in the sum.
    """

    name: str
    rank: int
    mean: float
    low: float
    high: float
    above: float
    additive: float
    additive_rank: int
    unmeasured: tuple[str, ...]


@dataclass(frozen=True)
class Extension:
    """What an extension of the pool did.

    Args:
        added: candidates that are new in the pool.
        known: candidates that were in it already.
        event: sequence number under which it stands in the log; None when nothing was added.
        origin: of what was added, in words.
        size: of the pool now.
        notes: what a person should know, in sentences.
        assay: by which combinations were ranked; None where none were made.
        wild_type: its value in that assay, measured or predicted; NaN where no combination was made.
        combinations: those in the pool that were not measured, best first by the model.
        measured: combinations that were.
        lowered: by how many standard deviations of a measurement their predictions are lowered.
    """

    added: int
    known: int
    event: int | None
    origin: str
    size: int
    notes: tuple[str, ...] = ()
    assay: Assay | None = None
    wild_type: float = float("nan")
    combinations: tuple[AddedCombination, ...] = ()
    measured: int = 0
    lowered: float = 0.0

    def noted(self, note: str) -> Extension:
        """The same with one more note."""
        return replace(self, notes=(*self.notes, note))

    @property
    def extrapolation(self) -> str:
        """What predictions of combinations rest on, in words; "" where there are none."""
        if not self.combinations:
            return ""
        seen = f"{many(self.measured, 'combination')} measured so far" if self.measured else "none was measured yet"
        return (
            f"Predictions of combinations are extrapolations ({seen}): the model adds up what it knows of single "
            "mutations, and interactions show only when combinations are measured. The best of many predictions are "
            f"too high, so each is lowered by {self.lowered:g} standard deviations of a measurement."
        )


@dataclass(frozen=True)
class Addition:
    """Candidates to be added to a pool.

    Args:
        designs: each once, none of them in the pool.
        known: how many others were asked for that are in it already.
        origin: in words that go on the pool's sentence.
        called: another name -> places in `designs`.
        labels: what else is known of each: column -> its cells.
        settings: for the log.
        notes: what a person should know.
    """

    designs: tuple[Design, ...]
    known: int
    origin: str
    settings: dict[str, object]
    called: dict[str, tuple[int, ...]] = field(default_factory=dict)
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def event(self, pool: Pool) -> Extended:
        """For the log; where variants of several mutations come, the wild type too, so that its controls count."""
        names = [d.name for d in self.designs]
        several = any(isinstance(d, Variant) and len(d.mutations) > 1 for d in self.designs)
        if several and row_of_parent(pool) is None and (parent := pool.sites.parent_sequence if pool.sites else ""):
            names.append(Variant(parent, ()).name)
        once = tuple(dict.fromkeys(names))
        labels = {column: (*cells, *[""] * (len(once) - len(cells))) for column, cells in self.labels.items()}
        return Extended(once, self.origin, self.called, labels, dict(self.settings))


def extended_pool(base: Pool, extensions: Iterable[Extended]) -> Pool:
    """A pool with all that was added to it.

    Raises:
        StateError: what was added cannot be read any more, or is in the pool that it was added to.
    """
    pool = base
    for event in extensions:
        called = [(name, place) for name, places in event.called.items() for place in places]
        try:
            designs = [base.notation.design(name) for name in event.names]
            pool = grown(pool, designs, event.origin, called, event.labels)
        except InputError as error:
            raise StateError(
                f"the pool was extended by {event.origin}, which do not fit the pool of campaign.toml any more "
                f"({error.problem}). Undo the change in campaign.toml. Nothing was changed."
            ) from error
    return pool


# -- a list -----------------------------------------------------------------------------------------------------------


def from_names(pool: Pool, names: Sequence[str], origin: str, offset: int | None) -> Addition:
    """Candidates as people write them.

    Args:
        pool: to which they go.
        names: in any notation, as the pool's own results and pins.
        origin: in words; "a list" when "".
        offset: added to their positions; see `activeloop.candidates.Resolver`.

    Raises:
        NotationError: one cannot be understood.
    """
    resolver = pool.resolver(names, offset=offset)
    matches = [resolver.find(name) for name in names]
    return from_designs(
        pool, [pool.notation.design(m.name) if m.row is None else pool.design(m.row) for m in matches], origin
    )


def from_designs(
    pool: Pool,
    designs: Sequence[Design],
    origin: str,
    names: Iterable[tuple[str, int]] = (),
    labels: Mapping[str, Sequence[str]] | None = None,
) -> Addition:
    """Designs, of which some may be in the pool already, or stand twice.

    Args:
        pool: to which they go.
        designs: of its kind.
        origin: in words; "a list" when "".
        names: other names, and the place in `designs` of what each stands for.
        labels: what else is known of each design: column -> its cells.
    """
    fresh: dict[str, int] = {}  # key -> place among the new ones
    first: list[int] = []  # of each new one: its place in `designs`
    place: dict[int, int] = {}
    known: set[str] = set()
    for i, design in enumerate(designs):
        key = pool.notation.key(design)
        if pool.row_of_design(design) is not None:
            known.add(key)
            continue
        if key not in fresh:
            fresh[key] = len(first)
            first.append(i)
        place[i] = fresh[key]
    called: dict[str, tuple[int, ...]] = {}
    for name, i in names:
        if i in place and place[i] not in called.get(name, ()):
            called[name] = (*called.get(name, ()), place[i])
    told = {column: tuple(cells[i] for i in first) for column, cells in (labels or {}).items()}
    told = {column: cells for column, cells in told.items() if any(cells)}
    found = tuple(designs[i] for i in first)
    listed = f"{many(len(found), pool.kind.removesuffix('s'))} of {origin or 'a list'}"
    return Addition(found, len(known), listed, {"list": origin}, called, told, _broken_rules(pool, found))


def _broken_rules(pool: Pool, designs: Sequence[Design]) -> tuple[str, ...]:
    variants = [d for d in designs if isinstance(d, Variant)]
    if pool.rules is None or not variants:
        return ()
    kept = keeps_rules(pool, variants)
    if kept.all():
        return ()
    first = variants[int(np.flatnonzero(~kept)[0])].name
    return (
        f"{many(int((~kept).sum()), 'variant')} of them, such as {first}, break a rule of the pool "
        f"({pool.rules.describe()}): they can be recorded and predicted, and are never proposed.",
    )


# -- new positions ----------------------------------------------------------------------------------------------------


def from_sites(
    pool: Pool, sites: Sequence[tuple[int, str]], backgrounds: Sequence[Variant], exclude: frozenset[str] = frozenset()
) -> Addition:
    """Every residue at new positions, in the wild type and in other backgrounds.

    Args:
        pool: variants of a wild type.
        sites: position, and the residues that are tried there.
        backgrounds: variants into which they are brought too.
        exclude: names that are not made.

    Raises:
        StateError: the pool has no wild type; nothing was added.
        NotationError: a position is outside the wild type.
    """
    parent = parent_of(pool)
    for position, _ in sites:
        if not 1 <= position <= len(parent):
            raise NotationError(
                f"position {position} is outside the wild type (1-{len(parent)}). Correct it. Nothing was added."
            )
    new = [Mutation(p, parent[p - 1], a) for p, residues in sorted(dict(sites).items()) for a in residues]
    new = [m for m in new if m.old != m.new]
    designs = [Variant(parent, (m,)) for m in new]
    for background in backgrounds:
        taken = {m.position for m in background.mutations}
        designs += [Variant(parent, tuple(sorted((*background.mutations, m)))) for m in new if m.position not in taken]
    listed = [d for d in designs if pool.row_of_design(d) is None and d.name not in exclude]
    fresh = [d for d, ok in zip(listed, keeps_rules(pool, listed), strict=True) if ok]
    places = ", ".join(f"{parent[p - 1]}{p}" for p in sorted(dict(sites))[:8]) + (" ..." if len(sites) > 8 else "")
    onto = f" and in {many(len(backgrounds), 'variant')} of the library" if backgrounds else ""
    origin = f"{many(len(fresh), 'variant')} at {places} in the wild type{onto}"
    left_out = len(listed) - len(fresh)
    notes = (f"{many(left_out, 'variant')} left out, which break a rule of the pool.",) if left_out else ()
    settings: dict[str, object] = {"sites": [f"{p}={residues}" for p, residues in sites]}
    return Addition(tuple(fresh), len(designs) - len(listed), origin, settings, notes=notes)


def best_of_library(dataset: Dataset, count: int) -> list[Variant]:
    """The best measured variants of a library, best first; () where single mutants are the pool."""
    if isinstance(dataset.pool, ExplicitPool) and is_scan(dataset.pool):
        return []
    data = dataset.oriented()
    known = np.flatnonzero(np.isfinite(data.values[:, 0]))
    best = known[np.argsort(-data.values[known, 0], kind="stable")[:count]]
    designs = [data.pool.design(int(data.rows[i])) for i in best]
    return [d for d in designs if isinstance(d, Variant) and d.mutations]


def residues_of(text: str) -> str:
    """The residues that a site names, all twenty when it names none; see `--sites`."""
    return text or AMINO_ACIDS


# -- combinations -----------------------------------------------------------------------------------------------------


def parent_of(pool: Pool) -> str:
    """The wild type of a pool.

    Raises:
        StateError: there is none.
    """
    parent = pool.sites.parent_sequence if pool.kind == "variants" and pool.sites else ""
    if not parent:
        what = "has no wild type" if pool.kind == "variants" else f"holds {pool.kind}, which have no mutations"
        raise StateError(
            f"this pool {what}, so that nothing can be combined and no position be added. Add candidates by a list "
            "(`activeloop extend DIR --list FILE`). Nothing was added."
        )
    return parent


def check_combinable(dataset: Dataset, most: int, forced: bool) -> list[str]:
    """Refuse combinations that rest on nothing; else what a person should know of them.

    Args:
        dataset: of one assay, oriented, with the wild type where it was measured.
        most: mutations of one combination.
        forced: whether few single mutants are enough.

    Raises:
        InputError: a number makes no sense.
        StateError: there are too few single mutants, or all values are equal.
    """
    pool = dataset.pool
    parent_of(pool)
    if most < 2:
        raise InputError(f"combinations of {most} mutations: give at least 2. Nothing was added.")
    if not is_scan(pool):
        raise StateError(
            "this pool holds combinations already (a library of chosen sites). Add positions to it "
            "(`activeloop extend DIR --sites ...`), or a list. Nothing was added."
        )
    singles, combined = measured_counts(dataset)
    if singles < ENOUGH and not forced:
        raise StateError(
            f"{many(singles, 'single mutant')} measured, and {ENOUGH} are needed to tell which to combine. Measure "
            "another plate of them first, or combine all the same (--force). Nothing was added."
        )
    if not singles:
        raise StateError("no single mutant was measured yet, so nothing can be combined. Nothing was added.")
    values = dataset.values[:, 0]
    counts = mutation_counts(pool, dataset.rows)
    if np.ptp(values[np.isfinite(values)]) == 0:
        raise StateError(
            f'all measured values of "{dataset.assays[0].name}" are equal, so no mutation is better than another. '
            "Check the results (`activeloop status`). Nothing was added."
        )
    notes = []
    wild = row_of_parent(pool)
    at = np.flatnonzero(dataset.rows == wild)
    if not len(at):
        notes.append(
            "the wild type was not measured: effects are told against its predicted value. Put it on the next plate "
            "as the control."
        )
    elif not (values[counts == 1] > values[at[0]]).any():
        notes.append(
            "no measured single mutant is better than the wild type: combinations of them will hardly be. Measure "
            "more single mutants first, unless they are close."
        )
    if most > MUTATIONS and combined < PLATE:
        notes.append(
            f"combinations of more than {MUTATIONS} mutations: before a plate of combinations was measured, about "
            "half as many of them are better than the wild type."
        )
    return notes


def from_combinations(
    predictor: Predictor,
    dataset: Dataset,
    seed: int,
    *,
    most: int,
    budget: int,
    plate: int,
    forced: bool,
    vetoed: Sequence[int] = (),
    made: Sequence[Mapping[str, object]] = (),
) -> Addition:
    """The combinations of the best single mutants that are not in the pool yet.

    Args:
        predictor: a model of the pool, one assay.
        dataset: as `check_combinable`.
        seed: of predictions.
        most: mutations of one combination.
        budget: combinations at most.
        plate: candidates of one plate; at least as many single mutants are combined.
        forced: see `check_combinable`.
        vetoed: rows that are not combined.
        made: settings of the extensions that were made before: the same list of the same data adds nothing.
    """
    notes = check_combinable(dataset, most, forced)
    pool, best = dataset.pool, max(BEST, plate)
    settings: dict[str, object] = {"combine": most, "best": best, "budget": budget, "data": dataset.hash}
    if settings in made:
        return Addition((), 0, "combinations", settings, notes=("these combinations were added before.", *notes))
    wild = Outlook.of(predictor, dataset, seed).wild_type
    listed = list_combinations(
        predictor, pool, seed, most=most, best=best, count=budget, wild_type=wild, without=vetoed
    )
    kinds = {2: "double mutants", 3: "double and triple mutants"}.get(most, f"of 2 to {most} mutations")
    origin = f"{many(len(listed.designs), 'combination')} ({kinds}) of the {len(listed.singles)} best"
    return Addition(listed.designs, listed.known, origin, settings, notes=tuple(notes))


def ranked(outlook: Outlook, rows: np.ndarray, assay: Assay) -> tuple[AddedCombination, ...]:
    """What is known of some combinations, best first by the model, in the unit of the assay."""
    known = outlook(rows)
    if not known:
        return ()
    sign = assay.sign
    sums = np.array([-c.additive if np.isfinite(c.additive) else np.inf for c in known])
    by_sum = np.empty(len(known), np.int64)
    by_sum[np.argsort(sums, kind="stable")] = np.arange(1, len(known) + 1)
    order = np.argsort([-c.mean for c in known], kind="stable").tolist()
    names = outlook.pool.names(rows)
    found = []
    for rank, i in enumerate(order, 1):
        one = known[i]
        low, high = sorted((sign * one.low, sign * one.high))
        sums, unmeasured = sign * one.additive, one.unmeasured
        found.append(
            AddedCombination(names[i], rank, sign * one.mean, low, high, one.above, sums, int(by_sum[i]), unmeasured)
        )
    return tuple(found)


def told_of(pick: Pick, known: Combination, dataset: Dataset, assay: Assay, first: bool) -> Pick:
    """A pick with what is known of its combination, and a prediction less what it owes to having been chosen.

    Args:
        pick: of a combination.
        known: of it; larger is better.
        dataset: as `Outlook`.
        assay: by which it is told.
        first: whether the pick's own prediction is of this assay.
    """
    alone = f"; not measured alone: {', '.join(known.unmeasured)}" if known.unmeasured else ""
    unit = f" {assay.unit}" if assay.unit else ""
    reason = (
        f"{pick.reason}; P(better than the wild type) {known.above:.2f}; its single effects add up to "
        f"{shown_number(assay.sign * known.additive)}{unit}{alone}; its prediction is "
        f"{selection_shift(dataset):g} sd lower than the model's, for having been chosen"
    )
    mean, (low, high) = assay.sign * known.mean, sorted((assay.sign * known.low, assay.sign * known.high))
    own = PickPrediction(assay.name, mean, low, high)
    predictions = tuple(own if p.assay == assay.name else p for p in pick.predictions)
    if first:
        return replace(pick, reason=reason, mean=mean, low=low, high=high, predictions=predictions)
    return replace(pick, reason=reason, predictions=predictions)
