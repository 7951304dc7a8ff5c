"""The models as an estimator of scikit-learn: for its pipelines, cross-validation and searches."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Self, cast

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_array, check_consistent_length, check_random_state, column_or_1d
from sklearn.utils.validation import check_is_fitted, validate_data

from activeloop.candidates import KINDS, Pool, grown
from activeloop.errors import InputError, ModelError
from activeloop.measurements import Assay, Dataset, Measurement, summarise
from activeloop.models.default import campaign_learner
from activeloop.models.gp.exact import PRIOR_VALUES, ScaledPosterior, fit_posterior
from activeloop.models.transforms import Scale, standard
from activeloop.prediction import Learner, Predictor
from activeloop.tables import Table

#: what is predicted of candidates; larger is better, as scores of scikit-learn are
_VALUE = Assay("value")
#: the one column of names, in messages
_COLUMN = "candidate"
#: length scales that are tried, as multiples of the root of the number of features
_LENGTHS = np.geomspace(0.1, 10.0, 12)
#: rows to which the length scale is fitted, at most
_FITTED_ON = 500
#: places that are predicted at once
_PIECE = 4096


class CandidateRegressor(RegressorMixin, BaseEstimator):
    """Regression with a standard deviation, by scikit-learn's rules: of candidates by their names, or of features.

    What stands in X decides. Names, in a list or in one column, are candidates as people write them; they are read by
    the rules for files and learned by the learner that a campaign has by default. Numbers [N, D] are features; they
    are learned by an exact Gaussian process (Matern 5/2 on standardised features), which takes N cubed time.

    Args:
        kind: what names stand for: `variants`, `compounds` (SMILES) or `guides`; where a wild type is given, variants.
        parent: the wild type of variants, or the path of its FASTA file.
        offset: added to each position in names to get the position in the wild type.
        random_state: of the fit; the same one gives the same model.

    >>> model = CandidateRegressor(parent="MKTAYIAKQR").fit(["K2R", "T3S", "A4G"], [1.5, 0.4, 1.1])
    >>> mean, sd = model.predict(["K2R", "Y5F"], return_std=True)
    >>> mean.shape, bool(sd[0] < sd[1])
    ((2,), True)
    """

    def __init__(
        self,
        kind: str | None = None,
        parent: str | os.PathLike[str] | None = None,
        offset: int | None = None,
        random_state: Any = 0,
    ):
        self.kind = kind
        self.parent = parent
        self.offset = offset
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from values.

        Args:
            X: [N] names, which may come several times, or [N, D] features.
            y: [N] their values.

        Raises:
            InputError: a name cannot be understood, or nothing says what names stand for.
            ValueError: features or values are no numbers, or not as many.
        """
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        names = _names(X)
        if names is None:
            X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
            self.model_: _Features | _Candidates = _Features.fit(X, np.asarray(y, np.float64), seed)
            return self
        y = column_or_1d(check_array(y, ensure_2d=False, dtype="float64", input_name="y"), warn=True)
        check_consistent_length(names, y)
        kind = self.kind or ("variants" if self.parent is not None else None)
        if kind is None:
            raise InputError(
                f'X holds names, such as "{names[0]}", and nothing says of what. Give the wild type of variants '
                f"(parent=...), or the kind of candidates (kind=...): {', '.join(KINDS)}."
            )
        table = Table("X", (_COLUMN,), (names,), range(1, len(names) + 1), "")
        pool = Pool.from_table(table, kind, self.parent, _COLUMN, self.offset, merge_duplicates=True)
        self.model_ = _Candidates.fit(pool, names, y, self.offset, seed)
        return self

    def predict(self, X: Any, return_std: bool = False) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """The mean [N], and where it is asked for the standard deviation [N] of the model, without measurement noise.

        Args:
            X: names, also of candidates that were not in the fit, or features.
            return_std: whether to give both.

        Raises:
            InputError: a name cannot be understood, or names stand where numbers were learned, or the reverse.
            ModelError: variants of a library that was learned at its varied sites change another one.
        """
        check_is_fitted(self)
        names, model = _names(X), self.model_
        if (names is not None) != isinstance(model, _Candidates):
            learned, given = ("names", "none") if isinstance(model, _Candidates) else ("numbers", "names")
            raise InputError(f"X holds {given}, and this model was fitted to {learned}. Give {learned}.")
        if isinstance(model, _Candidates):
            mean, sd = model.predict(cast(list[str], names))
            return (mean, sd) if return_std else mean
        features = cast(np.ndarray, validate_data(self, X, dtype=np.float64, reset=False))
        return model.predict(features) if return_std else model.mean(features)


def _names(X: Any) -> list[str] | None:
    """The names in a list, or in a table or an array of one column; None where it is none of these, as features are."""
    if isinstance(X, str):
        raise InputError(f'X is one name, "{X}". Give a list of names.')
    kind = getattr(getattr(X, "dtype", None), "kind", "O")
    if kind in "biufc" or hasattr(X, "tocsr"):
        return None
    try:
        cells = np.asarray(X, object)
    except (ValueError, TypeError):  # rows of different lengths: scikit-learn says so
        return None
    if cells.ndim == 2 and cells.shape[1] == 1:
        cells = cells[:, 0]
    if cells.ndim != 1 or not any(isinstance(cell, str) for cell in cells):
        return None
    wrong = next((i for i, cell in enumerate(cells) if not isinstance(cell, str)), None)
    if wrong is not None:
        raise InputError(f"X holds names, and {cells[wrong]!r} at index {wrong}. Leave such rows out of X and y.")
    return [str(cell) for cell in cells]


@dataclass(frozen=True)
class _Candidates:
    """A learner's model of the candidates of a pool, and what it takes to predict others.

    Args:
        learner: of the pool.
        dataset: that it was fitted to.
        predictor: the model.
        offset: of positions in names.
        seed: of the fit.
    """

    learner: Learner
    dataset: Dataset
    predictor: Predictor
    offset: int | None
    seed: int

    @classmethod
    def fit(cls, pool: Pool, names: list[str], values: np.ndarray, offset: int | None, seed: int) -> _Candidates:
        resolver = pool.resolver(names, offset=offset)
        rows = pool.names([resolver.row(name) for name in names])
        measured = [Measurement(name, _VALUE.name, value) for name, value in zip(rows, values.tolist(), strict=True)]
        dataset, learner = summarise(measured, pool, [_VALUE]), campaign_learner(pool, [_VALUE])
        return cls(learner, dataset, learner.fit(dataset, seed), offset, seed)

    def predict(self, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
        known = self.dataset.pool
        resolver = known.resolver(names, offset=self.offset)
        found = [resolver.find(name) for name in names]
        new = dict.fromkeys(match.name for match in found if match.row is None)
        pool = grown(known, [known.notation.design(name) for name in new], "others")
        behind = {name: len(known) + i for i, name in enumerate(new)}
        rows = np.array([behind[m.name] if m.row is None else m.row for m in found], np.int64)
        mean, sd, *_ = self._of(pool).predict(pool, rows, self.seed, draws=0).marginals()
        return mean[:, 0], sd[:, 0]

    def _of(self, pool: Pool) -> Predictor:
        """The model, for a pool that may vary at more sites than that of the fit."""
        known, sites = self.dataset.pool.sites, pool.sites
        if known is None or sites is None or known.labels == sites.labels:
            return self.predictor
        if not self.learner.any_sites:
            new = ", ".join([label for label in sites.labels if label not in known.labels][:8])
            raise ModelError(
                f"the model knows nothing of site {new}: no candidate of the fit differs there. Leave it out."
            )
        return self.learner.restore(replace(self.dataset, pool=pool), self.seed, self.predictor.state())


@dataclass(frozen=True)
class _Features:
    """An exact Gaussian process on standardised features.

    Args:
        places: [N, D] features of the fit, standardised and divided by the length scale.
        shift: [D] what is taken from features to get there.
        factor: [D] by what they are divided then.
        posterior: of standardised values.
        scale: of the values.
    """

    places: np.ndarray
    shift: np.ndarray
    factor: np.ndarray
    posterior: ScaledPosterior
    scale: Scale

    @classmethod
    def fit(cls, features: np.ndarray, values: np.ndarray, seed: int) -> _Features:
        shift, sd = features.mean(0), features.std(0)
        factor = np.where(sd > 1e-12 * np.abs(features).max(0), sd, 1.0)
        places, scale = (features - shift) / factor, standard(values)
        targets = scale.to_target(values)
        some = np.random.default_rng(seed).permutation(len(places))[:_FITTED_ON]
        lengths: list[float] = (_LENGTHS * np.sqrt(features.shape[1])).tolist()

        def fitted(length: float, rows: np.ndarray | slice) -> ScaledPosterior:
            gram = _matern(places[rows] / length, places[rows] / length)
            return fit_posterior(gram, targets[rows], np.zeros(len(gram)))

        length = max(lengths, key=lambda each: _log_evidence(fitted(each, some)))
        return cls(places / length, shift, factor * length, fitted(length, slice(None)), scale)

    def predict(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        process = self.posterior.process
        moments = (self.posterior.moments(cross, process.whiten(cross)) for cross in self._kernel(features))
        mean, variance = (np.concatenate(part) for part in zip(*moments, strict=True))
        return self.scale.to_value(mean), self.scale.factor * np.sqrt(variance)

    def mean(self, features: np.ndarray) -> np.ndarray:
        """The mean alone, which takes a small part of the time."""
        weights = self.posterior.process.weights
        return self.scale.to_value(
            self.posterior.mean + np.concatenate([cross @ weights for cross in self._kernel(features)])
        )

    def _kernel(self, features: np.ndarray) -> Iterator[np.ndarray]:
        for start in range(0, len(features), _PIECE):
            yield _matern((features[start : start + _PIECE] - self.shift) / self.factor, self.places)


def _matern(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """[n, m] the kernel of smoothness 5/2 at length 1 (Rasmussen and Williams 2006, eq. 4.17)."""
    from scipy.spatial.distance import cdist

    distance = np.sqrt(5.0) * cdist(a, b)
    return (1 + distance + distance**2 / 3) * np.exp(-distance)


def _log_evidence(posterior: ScaledPosterior) -> float:
    """The marginal likelihood at its mean and amplitude, but for what is the same in all fits of the same values."""
    process = posterior.process
    freedom = len(process.values) + PRIOR_VALUES
    return 2 * float(np.log(np.abs(np.diag(process.root))).sum()) - freedom * float(np.log(posterior.amplitude))
