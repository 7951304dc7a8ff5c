"""Baselines of drug response and of screens, which every model must beat: means, sums, the nearest sister."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from activeloop.candidates import Pool, TreatmentPool
from activeloop.candidates.treatments import PLUS
from activeloop.encoders import Morgan, OneHot
from activeloop.errors import ModelError
from activeloop.measurements import Dataset
from activeloop.metrics import pearson
from activeloop.models.base import PerAssayLearner
from activeloop.models.gp.sister_guides import screens_of
from activeloop.models.gp.sisters import owners_and_places
from activeloop.models.history import data_with_history
from activeloop.prediction import Prediction, Predictor

What = Literal["drug-mean", "cell-mean", "additive", "nearest-sister"]
#: labels that two profiles must share before they are correlated
SHARED = 3
#: penalty of the square of each term of a sum; the square of an error has 1
RIDGE = 1.0
#: from rows of a pool to predictions
Means = Callable[[Pool, np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Baseline(PerAssayLearner):
    """A baseline, which predicts without a fitted model or by the simplest.

    - `drug-mean`: the mean of the drug's own values; a drug without any has the mean of all.
    - `cell-mean`: the mean of all drugs on these cells, of the history and of the campaign.
    - `additive`: one term for each part, added: cells + drug (+ second drug, dose); residues of variants and guides.
    - `nearest-sister`: of treatments the profile of the drug that correlates best with the measured values, shifted to
      their mean; of screens the sister screen whose predictions correlate best; without a history the nearest measured
      compound (Tanimoto similarity).

    Args:
        what: which.
        history: measurements from before.
    """

    what: What
    history: Dataset | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """What it is."""
        return self.what

    def with_history(self, history: Dataset) -> Baseline:
        """The same with a history."""
        return replace(self, history=history)

    def completed(self, dataset: Dataset) -> Dataset:
        """With the learner's history where the data set has none."""
        return data_with_history(dataset, self.history)

    def _fit_one(self, dataset: Dataset, seed: int) -> Predictor:
        if self.what in ("drug-mean", "cell-mean") and not isinstance(dataset.pool, TreatmentPool):
            raise ModelError(f'"{self.what}" is for treatments; these are {dataset.pool.kind}. Nothing was fitted.')
        means = (_of_treatments if isinstance(dataset.pool, TreatmentPool) else _of_others)(self.what, dataset)
        residuals = dataset.values[:, 0] - means(dataset.pool, dataset.rows)
        spread = float(residuals.std()) or float(dataset.values.std()) or 1.0
        return BaselinePredictor(self.what, means, spread, len(dataset))


@dataclass(frozen=True)
class BaselinePredictor(Predictor):
    """A baseline with a constant standard deviation.

    Args:
        what: its name.
        means: what it predicts.
        spread: standard deviation of the values about it.
        labels: how many values it was fitted to.
    """

    what: str
    means: Means
    spread: float
    labels: int

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """The predictions; a draw moves all of them together, by the standard error of a mean of the labels."""
        mean = self.means(pool, np.asarray(rows, np.int64))
        error = self.spread / np.sqrt(max(self.labels, 1))
        moved = mean + error * np.random.default_rng(seed).standard_normal((draws, 1))
        sd = np.full((len(mean), 1), error)
        return Prediction(moved[:, :, None].astype(np.float32), mean[:, None], sd, np.array([self.spread]))

    def explain(self) -> str:
        """What it is."""
        return f"The baseline {self.what} of {self.labels} values, which lie {self.spread:.3g} from it."

    def state(self) -> dict[str, np.ndarray]:
        """{}: fitted again in no time."""
        return {}


def _of_treatments(what: What, dataset: Dataset) -> Means:
    """Means of the values of the history and of the campaign together."""
    if what == "nearest-sister":
        return _nearest_profile(dataset)
    parts, values = _known(dataset)
    level = float(values.mean())
    if what == "additive":
        return _sum_of_parts(parts, values, level)
    column = 0 if what == "cell-mean" else 1
    names, which = np.unique(parts[:, column].astype(str), return_inverse=True)
    means = dict(zip(names.tolist(), np.bincount(which, values) / np.bincount(which), strict=True))
    return lambda pool, rows: np.array([means.get(name, level) for name in _parts(pool, rows)[:, column].tolist()])


def _known(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Parts [N, 3] (cells, compounds, dose) and values [N] of the history and of the campaign."""
    blocks = [(dataset.pool, dataset.rows, dataset.values[:, 0])]
    if (history := _history_of(dataset)) is not None:
        blocks.append((history.pool, history.rows, history.values[:, 0]))
    return np.concatenate([_parts(pool, rows) for pool, rows, _ in blocks]), np.concatenate([v for _, _, v in blocks])


def _history_of(dataset: Dataset) -> Dataset | None:
    """The history of the same assay, else its first; None without one of treatments."""
    history = dataset.history
    if history is None or not isinstance(history.pool, TreatmentPool):
        return None
    names = [assay.name for assay in history.assays]
    return history.column(names.index(dataset.assays[0].name) if dataset.assays[0].name in names else 0)


def _parts(pool: Pool, rows: np.ndarray) -> np.ndarray:
    """Object [n, 3] names of cells, of the compounds of each treatment as one, and of the dose."""
    assert isinstance(pool, TreatmentPool)
    compounds, cells = owners_and_places(pool, rows, "compound")
    codes = pool.part_rows(rows)
    lines = np.array(pool.part_names("cells"), object)[codes[:, 0]]
    doses = np.array(pool.part_names("dose"), object)[codes[:, -1]] if pool.dosed else np.full(len(cells), "", object)
    return np.stack([lines, compounds.astype(object), doses], axis=1)


def _sum_of_parts(parts: np.ndarray, values: np.ndarray, level: float) -> Means:
    """A ridge regression on which parts a treatment has."""
    from scipy.sparse import csr_array
    from scipy.sparse.linalg import lsqr

    terms: dict[tuple[int, str], int] = {}

    def design(parts: np.ndarray, learn: bool) -> csr_array:
        at, columns = [], []
        for i, (cells, compounds, dose) in enumerate(parts.tolist()):
            keys = [(0, cells), *((1, each) for each in compounds.split(PLUS)), *([(2, dose)] if dose else [])]
            for key in keys:
                place = terms.setdefault(key, len(terms)) if learn else terms.get(key, -1)
                if place >= 0:
                    at.append(i)
                    columns.append(place)
        return csr_array((np.ones(len(at)), (at, columns)), shape=(len(parts), len(terms)))

    known = design(parts, learn=True)
    effects = lsqr(known, values - level, damp=RIDGE**0.5)[0]
    return lambda pool, rows: level + design(_parts(pool, rows), learn=False) @ effects


def _nearest_profile(dataset: Dataset) -> Means:
    """For each new drug the profile of the sister that correlates best with its own values."""
    history = _history_of(dataset)
    blocks = [(dataset.pool, dataset.rows, dataset.values[:, 0])]
    blocks += [(history.pool, history.rows, history.values[:, 0])] if history is not None else []
    profiles: dict[str, dict[str, list[float]]] = {}
    for pool, rows, values in blocks:
        assert isinstance(pool, TreatmentPool)
        for owner, place, value in zip(*owners_and_places(pool, rows, "compound"), values.tolist(), strict=True):
            profiles.setdefault(str(owner), {}).setdefault(str(place), []).append(value)
    known = {owner: {p: float(np.mean(v)) for p, v in found.items()} for owner, found in profiles.items()}
    everything: dict[str, list[float]] = {}
    for profile in known.values():
        for place, value in profile.items():
            everything.setdefault(place, []).append(value)
    common = {place: float(np.mean(values)) for place, values in everything.items()}
    level = float(np.mean(list(common.values())))
    chosen: dict[str, tuple[dict[str, float], float]] = {}

    def sister(owner: str) -> tuple[dict[str, float], float]:
        """Its profile, and by how much the own values lie above it."""
        own, best, near = known.get(owner, {}), -2.0, common
        for other, profile in known.items():
            shared = [place for place in own if place in profile]
            if other == owner or len(shared) < SHARED:
                continue
            r = pearson(np.array([own[p] for p in shared]), np.array([profile[p] for p in shared]))
            if np.isfinite(r) and r > best:
                best, near = r, profile
        above = [value - near.get(place, common[place]) for place, value in own.items()]
        return near, float(np.mean(above)) if above else 0.0

    def means(pool: Pool, rows: np.ndarray) -> np.ndarray:
        assert isinstance(pool, TreatmentPool)
        found = np.zeros(len(rows))
        for i, (owner, place) in enumerate(zip(*owners_and_places(pool, rows, "compound"), strict=True)):
            if owner not in chosen:
                chosen[str(owner)] = sister(str(owner))
            near, above = chosen[str(owner)]
            found[i] = near.get(place, common.get(place, level)) + above
        return found

    return means


def _of_others(what: What, dataset: Dataset) -> Means:
    """Of variants, compounds and guides."""
    values, level = dataset.values[:, 0], float(dataset.values[:, 0].mean())
    if what == "additive":
        encoder = OneHot() if dataset.pool.sites is not None else Morgan()
        x = encoder.features(dataset.pool, dataset.rows).astype(np.float64)
        # in the space of the labels, which are fewer than the features
        gram = x @ x.T + RIDGE * np.eye(len(x))
        effects = x.T @ np.linalg.solve(gram, values - level)
        return lambda pool, rows: level + encoder.features(pool, rows) @ effects
    screens = screens_of(dataset)
    if screens:
        told = [screen(dataset.pool, dataset.rows) for screen in screens]
        ranked = [pearson(each, values) if len(values) >= SHARED else 0.0 for each in told]
        best = int(np.argmax(np.nan_to_num(ranked)))
        scale = float(values.std()) or 1.0
        return lambda pool, rows: level + scale * screens[best](pool, rows)
    if dataset.pool.kind != "compounds":
        raise ModelError(
            f'"{what}" compares {dataset.pool.kind} with sister screens; give a history. Nothing was fitted.'
        )
    from activeloop.models.gp.tanimoto import TanimotoKernel

    kernel = TanimotoKernel.between((Morgan(),), dataset.pool, dataset.rows)
    return lambda pool, rows: values[kernel(pool, rows).argmax(1)]
