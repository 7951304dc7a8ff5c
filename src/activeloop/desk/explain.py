"""Why a candidate is predicted as it is: what was measured around it, and what each of its mutations adds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from activeloop.campaigns.reasons import Neighbour, Surroundings
from activeloop.candidates import ExplicitPool, Mutation, Pool, Variant, with_parent
from activeloop.candidates.scans import extended
from activeloop.config import OpenCampaign
from activeloop.desk.figures import Attribution
from activeloop.desk.pictures import draw_attribution
from activeloop.drawing import png, settings, svg
from activeloop.errors import StateError
from activeloop.measurements import Assay, Dataset
from activeloop.measurements.dataset import resolved
from activeloop.models.base import EachAssay
from activeloop.models.calibration.learner import CalibratedClassifier
from activeloop.models.gp.mutation_gp import MutationPredictor
from activeloop.models.scale import ScaledPredictor
from activeloop.plates import Pick, PickPrediction, Proposal
from activeloop.prediction import Predictor, mean_of

SIMILAR = 5
"""Nearest measured candidates that are named."""
LARGEST = 20_000
"""Variants of a map of exchanges that are predicted one by one."""


@dataclass(frozen=True)
class Contribution:
    """What one mutation adds to a prediction.

    Args:
        mutation: such as `K2R`.
        effect: predicted value with all mutations less that without this one, in the unit of the assay; NaN where the
            pool cannot hold the variant without it.
        parts: name -> what it adds on the scale on which the model adds mutations up; {} for models that do not.
    """

    mutation: str
    effect: float
    parts: dict[str, float]

    @property
    def total(self) -> float:
        """The sum of the parts; NaN without any."""
        return sum(self.parts.values()) if self.parts else math.nan


@dataclass(frozen=True)
class Explanation:
    """Why one candidate is predicted as it is.

    Args:
        candidate: its standard name.
        assay: which is explained: the first whose best is looked for that has a result.
        mean, low, high: predicted, with the 90 % interval of a measurement; before any result the prior's score.
        version: which predicted (0 = the prior, whose score has no unit).
        measured: its value; NaN where it was not measured.
        side: `<` or `>` where that is a limit, else "".
        parent: the wild type's predicted value; NaN where there is none.
        as_pick: of an unmeasured combination that the pool was extended by, what its plate says of it: its prediction
            is lowered for having been chosen. None of others.
        words: what was measured around it, and where the prior ranks it.
        similar: the measured candidates nearest to it, the nearest first.
        contributions: of its mutations, in the order of the chain; () without a wild type.
        exact: whether the parts are exact: the model adds mutations up.
        of_compounds: whether distances are similarities.
    """

    candidate: str
    assay: Assay
    mean: float
    low: float
    high: float
    version: int
    measured: float
    parent: float
    as_pick: Pick | None
    words: str
    similar: tuple[Neighbour, ...]
    contributions: tuple[Contribution, ...]
    exact: bool
    of_compounds: bool
    side: str = ""

    @property
    def rest(self) -> float:
        """What the effects leave over of the difference to the wild type: interactions, or the curve of a scale."""
        return self.mean - self.parent - sum(c.effect for c in self.contributions)


def explain(loop: OpenCampaign, names: Sequence[str], *, offset: int | None = None) -> tuple[Explanation, ...]:
    """Why candidates of the pool are predicted as they are.

    Args:
        loop: an open campaign.
        names: of candidates, in any notation.
        offset: added to their positions.

    Raises:
        NotationError: a name cannot be read, or is not in the pool.
        StateError: nothing predicts yet.
    """
    loop.check_available()
    explained = _Explained.of(loop)
    resolver = loop.campaign.pool.resolver(names, offset=offset)
    return tuple(explained.one(row) for row in dict.fromkeys(resolver.row(name) for name in names))


def picture_of(loop: OpenCampaign, names: Sequence[str], ending: str, *, offset: int | None = None) -> bytes:
    """A heat map of what each exchange adds, with the mutations of some candidates marked.

    Args:
        loop: an open campaign.
        names: of candidates, in any notation.
        ending: `.png` or `.svg`.
        offset: added to their positions.

    Raises:
        NotationError: a name cannot be read, or is not in the pool.
        StateError: nothing predicts yet, or the candidates have no wild type.
    """
    loop.check_available()
    explained = _Explained.of(loop)
    resolver = loop.campaign.pool.resolver(names, offset=offset)
    rows = list(dict.fromkeys(resolver.row(name) for name in names))
    with settings():
        figure = draw_attribution(explained.attribution(rows))
        return svg(figure) if ending == ".svg" else png(figure)


def last_proposal(loop: OpenCampaign) -> Proposal:
    """The proposal whose picks are explained when nobody names a candidate: the one that is out, else the last.

    Raises:
        StateError: none was made.
    """
    state = loop.campaign.state()
    if not state.proposals:
        raise StateError("there is no proposal to explain: name a candidate, or `activeloop propose` first.")
    return state.outstanding or state.proposals[-1]


@dataclass(frozen=True)
class _Explained:
    """A campaign whose candidates are explained, in one assay."""

    pool: Pool
    dataset: Dataset
    model: Predictor
    around: Surroundings
    column: int
    assay: Assay
    version: int
    loop: OpenCampaign

    @classmethod
    def of(cls, loop: OpenCampaign) -> _Explained:
        campaign = loop.campaign
        state, dataset, model = campaign.state(), campaign.dataset(), campaign.model()
        if model is None:
            raise StateError("there is no model yet: record results and fit first.")
        prior = campaign.learner.prior(campaign.pool) if campaign.learner.quick_prior else None
        around = Surroundings.of(resolved(dataset), prior, campaign.seed)
        predicted = campaign.predicted_assays()
        names = [a.name for a in predicted]
        column = names.index(around.assay.name) if around.assay.name in names else 0
        assay = predicted[column] if predicted else around.assay
        version = state.current.number if state.current else 0
        return cls(campaign.pool, dataset, model, around, column, assay, version, loop)

    def one(self, row: int) -> Explanation:
        table = self.loop.campaign.predict([row])
        column = min(self.column, table.mean.shape[1] - 1)
        mean, low, high = (float(x[0, column]) for x in (table.mean, table.low, table.high))
        at = np.flatnonzero(self.dataset.rows == row)
        measured_in = [a.name for a in self.dataset.assays].index(self.assay.name)
        values, limits = (each[at, measured_in] for each in (self.dataset.values, self.dataset.censored))
        pool, parent = self._with_parent()
        wild = math.nan if parent is None else float(self._values(pool, [parent])[0])
        return Explanation(
            candidate=self.pool.names([row])[0],
            assay=self.assay,
            mean=mean,
            low=low,
            high=high,
            version=self.version,
            measured=float(values[0]) if len(values) else math.nan,
            parent=wild,
            as_pick=self._as_pick(row, mean, low, high) if not len(values) or math.isnan(values[0]) else None,
            words=self.around.words([row])[0],
            similar=self.around.most_similar(row, SIMILAR),
            contributions=self._contributions(row, mean),
            exact=self._additive() is not None,
            of_compounds=self.pool.kind == "compounds",
            side={-1: "<", 1: ">"}.get(int(limits[0]), "") if len(limits) else "",
        )

    def _as_pick(self, row: int, mean: float, low: float, high: float) -> Pick | None:
        if not self.pool.added or not self.version:
            return None
        own = (PickPrediction(self.assay.name, mean, low, high),)
        pick = Pick("", self.pool.names([row])[0], 1, math.nan, mean, low, high, "", own)
        (told,) = self.loop.campaign.with_outlook([pick])
        return None if told is pick else replace(told, reason=told.reason.removeprefix("; "))

    def attribution(self, rows: Sequence[int]) -> Attribution:
        """What each exchange adds, to the wild type where the model adds mutations up, else to the first candidate."""
        sites = self.pool.sites
        if sites is None or sites.parent is None:
            raise StateError(f"{self.pool.kind} without a wild type have no mutations to attribute a value to.")
        names = self.pool.names(rows)
        cells = {}
        for name, codes in zip(names, self.pool.codes(rows), strict=True):
            cells[name] = tuple((int(c), int(codes[c])) for c in np.flatnonzero(codes != sites.parent))
        if (additive := self._additive()) is not None:
            parts = additive.contributions(self.pool)
            table = self._sign * np.sum(list(parts.values()), axis=0)
            unit = "standard deviations of ranks"
        else:
            table = self._exchanges(rows[0])
            unit = f"{self.assay.unit or 'unit of ' + self.assay.name}, in {names[0]}"
        return Attribution(self.assay, sites.labels, sites.alphabet, table, sites.parent, cells, unit)

    @property
    def _sign(self) -> int:
        """-1 where a larger value of the model is a lower one of the assay."""
        return self.assay.sign if self.version and self.assay.goal != "classify" else 1

    def _values(self, pool: Pool, rows: Sequence[int]) -> np.ndarray:
        """[N] predicted, in the unit of the assay."""
        mean = mean_of(self.model, pool, np.asarray(rows, np.int64))
        column = mean.shape[1] - 1 if self.assay.goal == "classify" else min(self.column, mean.shape[1] - 1)
        return self._sign * mean[:, column]

    def _additive(self) -> MutationPredictor | None:
        """The part of the model that adds mutations up; None where it does not."""
        model = self.model
        if isinstance(model, EachAssay):
            model = model.predictors[self.column]
        while isinstance(model, CalibratedClassifier | ScaledPredictor):
            model = model.fitted
        return model if isinstance(model, MutationPredictor) else None

    def _with_parent(self) -> tuple[Pool, int | None]:
        sites = self.pool.sites
        if sites is None or sites.parent is None:
            return self.pool, None
        return with_parent(self.pool)

    def _contributions(self, row: int, mean: float) -> tuple[Contribution, ...]:
        sites, design = self.pool.sites, self.pool.design(row)
        if sites is None or sites.parent is None or not isinstance(design, Variant):
            return ()
        additive = self._additive()
        parts = additive.contributions(self.pool) if additive is not None else {}
        codes = self.pool.codes([row])[0]
        found = []
        for column in np.flatnonzero(codes != sites.parent).tolist():
            position = int(sites.positions[column])
            without = Variant(design.parent, tuple(m for m in design.mutations if m.position != position))
            own = {name: self._sign * float(part[column, codes[column]]) for name, part in parts.items()}
            name = f"{sites.labels[column]}{sites.alphabet[codes[column]]}"
            found.append(Contribution(name, mean - self._value_of(without), own))
        return tuple(found)

    def _value_of(self, design: Variant) -> float:
        """The predicted value of a variant that is in the pool, or can be put behind it; else NaN."""
        row = self.pool.row_of_design(design)
        if row is not None:
            return float(self._values(self.pool, [row])[0])
        if not design.mutations:
            pool, parent = self._with_parent()
            return math.nan if parent is None else float(self._values(pool, [parent])[0])
        if isinstance(self.pool, ExplicitPool):
            return float(self._values(extended(self.pool, [design]), [len(self.pool)])[0])
        return math.nan

    def _exchanges(self, row: int) -> np.ndarray:
        """[L, K] how much the prediction differs with another residue at one site, where the pool has that variant."""
        sites, design = self.pool.sites, self.pool.design(row)
        assert sites is not None  # the caller has looked
        assert isinstance(design, Variant)
        table = np.full((len(sites.labels), len(sites.alphabet)), math.nan)
        rows, cells = [], []
        for column, position in enumerate(sites.positions.tolist()):
            kept = tuple(m for m in design.mutations if m.position != position)
            old = design.parent[position - 1]
            for code, letter in enumerate(sites.alphabet):
                new = () if letter == old else (Mutation(position, old, letter),)
                other = Variant(design.parent, tuple(sorted((*kept, *new), key=lambda m: m.position)))
                found = self.pool.row_of_design(other) if letter.isalpha() else None
                if found is not None and len(rows) < LARGEST:
                    rows.append(found)
                    cells.append((column, code))
        if rows:
            values = self._values(self.pool, rows) - float(self._values(self.pool, [row])[0])
            table[tuple(np.array(cells).T)] = values
        return table
