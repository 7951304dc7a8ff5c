"""A new drug on known lines, or a new line under known drugs: its sisters' profiles are its prior means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from weakref import WeakKeyDictionary

import numpy as np

from activeloop.candidates import Panel, Pool, TreatmentPool
from activeloop.candidates.treatments import PLUS
from activeloop.errors import ModelError
from activeloop.measurements import Dataset
from activeloop.models.base import PerAssayLearner
from activeloop.models.gp.factors import Factors
from activeloop.models.gp.mixture import MixturePosterior
from activeloop.models.gp.mixture_predictor import Group, MixturePredictor
from activeloop.models.gp.side_information import predicted
from activeloop.models.gp.sister_prior import RANK, SisterPrior
from activeloop.models.history import data_with_history
from activeloop.models.scale import ScaledPredictor, history_on_scale, scale_of
from activeloop.prediction import Predictor

#: what stands between the parts of a place
_AT = " @ "


@dataclass(frozen=True, eq=False)
class SisterGP(PerAssayLearner):
    """Mixture of sisters: a Gaussian process whose prior means are the profiles of drugs that were measured before.

    The history is a table of sisters x places (cells, at a dose where there are doses) of low rank. A new drug is one
    of its sisters, or the mean of all, times a scale, plus a process on the factors of the places. Labels and side
    information (structure, targets, pathway) weigh the sisters, and one factorisation serves all. Where the pool has
    lines that the history lacks, their factors are predicted from their features; where it has only new lines and
    known drugs, the two change places. The covariance is exact, as are joint samples.

    Args:
        history: what was measured before the campaign, on treatments with the pool's lines or drugs; None: that of the
            data set.
        rank: of the factors, at most.
        target: `compound` where sisters are drugs, `cells` where they are lines; "" as the history shows.
        sisters: False takes the mean of all sisters as the only prior mean: the factor model of collaborative
            filtering, for comparison.

    Source: Stegle et al. 2010, PLoS Comput Biol 6:e1000770 (factors); Rasmussen and Williams 2006, section 2.7.
    """

    history: Dataset | None = field(default=None, repr=False)
    rank: int = RANK
    target: str = ""
    sisters: bool = True

    @property
    def name(self) -> str:
        """`sisters`, or `factors` with one prior mean alone."""
        return "sisters" if self.sisters else "factors"

    def with_history(self, history: Dataset) -> SisterGP:
        """The same learner with a history."""
        return replace(self, history=history)

    def prior(self, pool: Pool) -> Predictor | None:
        """What the history alone says; None without one."""
        if self.history is None or not isinstance(pool, TreatmentPool):
            return None
        history = self.history.oriented().column()
        values_map, why = scale_of(history)
        assay = history.assays[0]
        given = history_on_scale(history, assay.name, values_map)
        empty = replace(Dataset.of(pool, np.zeros(0, np.int64), np.zeros(0), assay), history=given, is_prepared=True)
        return ScaledPredictor(self._fit_one(empty, 0), values_map, why, None)

    def completed(self, dataset: Dataset) -> Dataset:
        """With the learner's history where the data set has none."""
        return data_with_history(dataset, self.history)

    def _fit_one(self, dataset: Dataset, seed: int) -> Predictor:
        history, pool = dataset.history, dataset.pool
        if history is None:
            raise ModelError(
                f'"{self.name}" needs a history: measurements of other drugs or lines. Nothing was fitted.'
            )
        if not isinstance(pool, TreatmentPool) or not isinstance(history.pool, TreatmentPool):
            raise ModelError(f'"{self.name}" is for treatments; these are {pool.kind}. Nothing was fitted.')
        target = self.target or _target_of(pool, history.pool)
        names = [assay.name for assay in history.assays]
        column = names.index(dataset.assays[0].name) if dataset.assays[0].name in names else 0
        known = _prior_of(history, column, target, self.rank, pool.panels[target])
        return SisterPredictor.of(self, _extended(known, pool, target), target, dataset)


#: of each pool of a history: what was learned, by column, target, rank and values
_PRIORS: WeakKeyDictionary[Pool, dict[tuple[object, ...], SisterPrior]] = WeakKeyDictionary()


def _prior_of(history: Dataset, column: int, target: str, rank: int, panel: Panel) -> SisterPrior:
    """What a history says, learned once."""
    pool = history.pool
    assert isinstance(pool, TreatmentPool)
    kept = _PRIORS.setdefault(pool, {})
    key = (column, target, rank, hash(history.values.tobytes()))
    if key not in kept:
        one = history.column(column)
        owners, places = owners_and_places(pool, one.rows, target)
        names, who = np.unique(owners, return_inverse=True)
        where_names, where = np.unique(places, return_inverse=True)
        flat = who * len(where_names) + where
        counts = np.bincount(flat, minlength=len(names) * len(where_names))
        sums = np.bincount(flat, one.values[:, 0], minlength=len(counts))
        table = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan).reshape(len(names), -1)
        kept[key] = SisterPrior.of(names.tolist(), where_names.tolist(), table, pool.panels[target], rank)
    if (*key, panel.names) not in kept:
        kept[(*key, panel.names)] = replace(kept[key], panel=_both(kept[key].panel, panel))
    return kept[(*key, panel.names)]


def _both(first: Panel, second: Panel) -> Panel:
    """Two panels as one; what the first says wins."""
    names = (*first.names, *(name for name in second.names if name not in first.rows))
    labels = {
        what: tuple(first.label(what, name) or second.label(what, name) for name in names)
        for what in {*first.labels, *second.labels}
    }
    return Panel(names, labels, {}, {**second.synonyms, **first.synonyms})


def _target_of(pool: TreatmentPool, history: TreatmentPool) -> str:
    """Which part of the pool is new: `compound`, unless all its compounds are known and most of its cells are not."""
    known = {part: set(history.part_names(part)) for part in ("cells", "compound")}
    shares = {part: np.mean([name in names for name in pool.part_names(part)]) for part, names in known.items()}
    return "cells" if shares["compound"] == 1 and shares["cells"] < 0.5 else "compound"


def owners_and_places(pool: TreatmentPool, rows: np.ndarray, target: str) -> tuple[np.ndarray, np.ndarray]:
    """[n] names of the new part, and [n] names of the place: the other part, at its dose where there is one."""
    codes = pool.part_rows(rows)
    cells = np.array(pool.part_names("cells"), object)[codes[:, 0]]
    drugs = np.array(pool.part_names("compound"), object)
    pairs = codes[:, 1 : 1 + pool.combined]
    if pool.combined == 1:
        compounds = drugs[pairs[:, 0]]
    else:
        distinct, which = np.unique(pairs, axis=0, return_inverse=True)
        joined = [PLUS.join(sorted(str(drugs[code]) for code in pair if code >= 0)) for pair in distinct.tolist()]
        compounds = np.array(joined, object)[which.ravel()]
    new, other = (compounds, cells) if target == "compound" else (cells, compounds)
    if pool.dosed:
        other = other + _AT + np.array(pool.part_names("dose"), object)[codes[:, -1]]
    return new.astype(str), other.astype(str)


def _extended(prior: SisterPrior, pool: TreatmentPool, target: str) -> SisterPrior:
    """With the places of a pool that the history lacks.

    The factors of a place at a dose between doses of the history lie between theirs, on the logarithm of the dose;
    beyond them they are those of the next one. Those of a new part are predicted from its features.
    """
    other = "cells" if target == "compound" else "compound"
    names = pool.part_names(other)
    if (not pool.dosed and other == "compound" and pool.combined == 1) or (other == "cells" and not pool.dosed):
        wanted = list(names)
    else:
        wanted = sorted(set(owners_and_places(pool, np.arange(min(len(pool), 200_000)), target)[1].tolist()))
    new = [place for place in wanted if place not in prior.places]
    if not new:
        return prior
    known = list(prior.places)
    factors, panel = prior.factors, pool.panels[other]
    table = np.column_stack([factors.mean, factors.loadings])
    base = {place: place.split(_AT)[0] for place in (*known, *new)}
    found = predicted(panel, [base[p] for p in known], [base[p] for p in new], table)
    if pool.dosed:
        _interpolate(found, new, known, table)
    more = Factors(
        np.concatenate([factors.mean, found[:, 0]]),
        np.concatenate([factors.loadings, found[:, 1:]]),
        factors.scores,
        factors.noise,
    )
    places = prior.places | {place: len(known) + i for i, place in enumerate(new)}
    return replace(prior, places=places, factors=more)


def _interpolate(found: np.ndarray, new: Sequence[str], known: Sequence[str], table: np.ndarray) -> None:
    """Into `found`, rows of `table` between the doses at which the same part is known."""
    doses: dict[tuple[str, str], list[tuple[float, int]]] = {}
    for i, place in enumerate(known):
        if _AT in place:
            part, unit, decade = _taken_apart(place)
            doses.setdefault((part, unit), []).append((decade, i))
    for i, place in enumerate(new):
        part, unit, decade = _taken_apart(place)
        if (part, unit) in doses:
            at, rows = np.array(sorted(doses[part, unit])).T
            found[i] = [np.interp(decade, at, column) for column in table[rows.astype(np.int64)].T]


def _taken_apart(place: str) -> tuple[str, str, float]:
    """The part, the unit of its dose, and the logarithm of the dose."""
    part, _, dose = place.rpartition(_AT)
    value, _, unit = dose.partition(" ")
    return part, unit, float(np.log10(float(value)))


@dataclass(frozen=True)
class SisterPredictor(MixturePredictor):
    """The mixture of each new drug (or line) of the pool, given its labels.

    Args:
        learner: that made it.
        known: what the history says.
        part: which part of a treatment is new.
        posteriors: of each name that has labels, those of the history included.
        order: as in `MixturePredictor`.
    """

    learner: SisterGP
    known: SisterPrior
    part: str
    posteriors: dict[str, MixturePosterior]
    order: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, learner: SisterGP, known: SisterPrior, part: str, dataset: Dataset) -> SisterPredictor:
        """Of a data set on its scale."""
        pool = dataset.pool
        assert isinstance(pool, TreatmentPool)
        owners, places = owners_and_places(pool, dataset.rows, part)
        posteriors: dict[str, MixturePosterior] = {}
        order = [("", 0)] * len(owners)
        before = sorted(set(known.measured) & set(_owners_of(pool, part)))
        for name in dict.fromkeys([*sorted(set(owners.tolist())), *before]):
            mine = np.flatnonzero(owners == name)
            for k, i in enumerate(mine.tolist()):
                order[i] = (name, k)
            old, values = known.own(name)
            where = np.array([known.places[place] for place in places[mine].tolist()], np.int64)
            posteriors[name] = _posterior(
                learner,
                known,
                name,
                np.concatenate([where, old]),
                np.concatenate([dataset.values[mine, 0], values]),
                np.concatenate([dataset.errors[mine, 0], np.zeros(len(old))]),
            )
        return cls(learner, known, part, posteriors, tuple(order))

    @property
    def noise(self) -> float:  # type: ignore[override]
        """Standard deviation of one measurement: root mean square over the new ones."""
        some = list(self.posteriors.values()) or [self._of("")]
        return float(np.sqrt(np.mean([each.noise**2 for each in some])))

    def _of(self, name: str) -> MixturePosterior:
        if name not in self.posteriors:
            self.posteriors[name] = _posterior(
                self.learner, self.known, name, np.zeros(0, np.int64), np.zeros(0), np.zeros(0)
            )
        return self.posteriors[name]

    def _groups(self, pool: Pool, rows: np.ndarray) -> list[Group]:
        """The candidates of each new drug or line."""
        assert isinstance(pool, TreatmentPool)
        owners, places = owners_and_places(pool, rows, self.part)
        names, which = np.unique(owners, return_inverse=True)
        where = np.array([self.known.places.get(place, -1) for place in places.tolist()], np.int64)
        if (where < 0).any():
            raise ModelError(f'the model knows nothing of "{places[where.argmin()]}". Nothing was predicted.')
        phi, means = self.known.phi, self.known.means
        groups = [(name, np.flatnonzero(which == k)) for k, name in enumerate(names.tolist())]
        return [Group(name, self._of(name), index, phi[where[index]], means[where[index]]) for name, index in groups]

    def metrics(self) -> dict[str, float]:
        """How many sisters there are, and the weight of the heaviest one."""
        top = [posterior.shares.sum(1)[1:].max(initial=0.0) for posterior in self.posteriors.values()]
        return {"sisters": float(len(self.known.sisters)), "heaviest_sister": float(np.mean(top)) if top else 0.0}

    def explain(self) -> str:
        """The sisters that weigh most."""
        what = "drugs" if self.part == "compound" else "lines"
        words = []
        for name, posterior in list(self.posteriors.items())[:3]:
            near = self.known.nearest(name, posterior.shares.sum(1))
            named = ", ".join(f"{self._called(sister)} {share:.0%}" for sister, share in near)
            words.append(f"{self._called(name)}: {named}")
        return (
            f"A mixture of {len(self.known.sisters)} sister {what} of the history, given {len(self.order)} measured "
            f"candidates; noise of one value {self.noise:.3g}. Heaviest: {'; '.join(words) or 'none yet'}."
        )

    def _called(self, name: str) -> str:
        return (self.known.panel.label("name", name) or name) if name else "the mean of all"


def _owners_of(pool: TreatmentPool, part: str) -> list[str]:
    names = pool.part_names(part)
    if part == "cells" or pool.combined == 1:
        return list(names)
    return np.unique(owners_and_places(pool, np.arange(min(len(pool), 200_000)), part)[0]).tolist()


def _posterior(
    learner: SisterGP, known: SisterPrior, name: str, where: np.ndarray, values: np.ndarray, errors: np.ndarray
) -> MixturePosterior:
    weights = known.log_weights([name])[0]
    if not learner.sisters:
        weights = np.where(np.arange(len(weights)) == 0, 0.0, -np.inf)
    return known.mixture(weights).posterior(known.phi[where], known.means[where], values, errors)
