"""What learners share: one model per assay, features a piece at a time, members of an ensemble as draws."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from activeloop.candidates import Pool
from activeloop.encoders.base import Encoder
from activeloop.errors import ModelError
from activeloop.measurements import Dataset
from activeloop.models.scale import ScaledPredictor, prepared, scale_of
from activeloop.prediction import NORMAL, FastMean, Learner, Prediction, Predictor, Validated, ValueMap, mean_of


class PerAssayLearner(Learner):
    """A learner of one assay; several assays have a model each, and draw s of one goes with draw s of the others.

    A subclass implements `_fit_one`; `_restore_one` too when its predictors have a state, and `prior` when it predicts
    something before any measurement. It never meets scale, bounds or censored values of an assay: what it is given is
    on the assay's scale, with estimates in place of limits, and its predictions come back in values, within the bounds
    (`models.scale`). A learner that holds other learners hands on what it is given.
    """

    #: whether predictors say on which scale they work even where that is the scale of the values
    names_scale: ClassVar[bool] = False

    @property
    def links(self) -> bool:
        """Whether its predictions of an assay of two values are probabilities and stay between these."""
        return False

    def prior(self, pool: Pool) -> Predictor | None:
        """Nothing."""
        return None

    def completed(self, dataset: Dataset) -> Dataset:
        """The data set with the history that the learner brings, so that both are put on one scale together.

        A learner that holds other learners asks them.
        """
        return dataset

    @abstractmethod
    def _fit_one(self, dataset: Dataset, seed: int) -> Predictor:
        """A model of one assay in which every value is finite."""

    def _restore_one(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        """That model from its state, which is not empty."""
        return self._fit_one(dataset, seed)

    def fit(self, dataset: Dataset, seed: int) -> Predictor:
        """Fit one assay, or each of several.

        Args:
            dataset: [N, A] values; a candidate without a value counts in the other assays only.
            seed: of the fits.

        Raises:
            ModelError: an assay has no value at all, or an infinite one, or the data cannot carry this model.
        """
        return self.restore(dataset, seed, {})

    def restore(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        """The predictor that `fit` gave, from its state."""
        dataset = self.completed(dataset)
        columns = [checked_column(dataset, i) for i in range(len(dataset.assays))]
        states = [state] if len(columns) == 1 else [substate(state, f"{i}/") for i in range(len(columns))]
        predictors = tuple(self._one(c, seed, s) for c, s in zip(columns, states, strict=True))
        return predictors[0] if len(columns) == 1 else EachAssay(predictors, tuple(a.name for a in dataset.assays))

    def _one(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        """A model of one assay, from its state or fitted when that is empty, on the assay's scale."""
        if dataset.is_prepared:
            return self._restore_one(dataset, seed, state) if state else self._fit_one(dataset, seed)
        own, state = substate(state, "scale/"), {k: v for k, v in state.items() if not k.startswith("scale/")}
        if state and not own:  # of a release without scales, or nothing was to be done
            return self._restore_one(widened(dataset), seed, state)
        values_map, why = (ValueMap.of(own["map"]), str(own["why"])) if own else scale_of(dataset, links=self.links)
        given, limits = prepared(dataset, values_map, own.get("limits"))
        fitted = self._restore_one(given, seed, state) if state else self._fit_one(given, seed)
        if values_map.changes_nothing and limits is None and not (self.names_scale and why):
            return fitted
        return ScaledPredictor(fitted, values_map, why, limits)


def substate(state: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """The entries whose name begins with a prefix, without it."""
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


@dataclass(frozen=True)
class EachAssay(Predictor, FastMean, Validated):
    """One predictor for each assay, side by side.

    Args:
        predictors: one for each assay, in the order of the data set's columns.
        assays: their names.
    """

    predictors: tuple[Predictor, ...]
    assays: tuple[str, ...]

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """Draws [S, N, A]: the assays are modelled independently of each other."""
        parts = [p.predict(pool, rows, seed + 1_000_003 * i, draws) for i, p in enumerate(self.predictors)]
        maps = tuple(each for p in parts for each in (p.maps or (ValueMap(),)))
        return Prediction(
            np.concatenate([p.draws for p in parts], axis=2),
            np.concatenate([p.mean for p in parts], axis=1),
            np.concatenate([p.sd for p in parts], axis=1),
            np.concatenate([p.noise for p in parts]),
            shape=np.concatenate([NORMAL[None] if p.shape is None else p.shape for p in parts]),
            maps=() if all(each.changes_nothing for each in maps) else maps,
            covariances=tuple(c for p in parts for c in p.covariances) if all(p.covariances for p in parts) else (),
        )

    def mean(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[N, A] means, side by side."""
        return np.concatenate([mean_of(p, pool, rows) for p in self.predictors], axis=1)

    def metrics(self) -> dict[str, float]:
        """Those of every part that was validated, prefixed with its assay."""
        pairs = zip(self.assays, self.predictors, strict=True)
        return {f"{a} {k}": v for a, p in pairs if isinstance(p, Validated) for k, v in p.metrics().items()}

    def explain(self) -> str:
        """The explanation of each."""
        return " ".join(f"{name}: {p.explain()}" for name, p in zip(self.assays, self.predictors, strict=True))

    def state(self) -> dict[str, np.ndarray]:
        """All states, under `0/`, `1/` ...; nothing of those that must be fitted again."""
        states = [p.state() for p in self.predictors]
        return {f"{i}/{key}": value for i, state in enumerate(states) for key, value in state.items()}


def checked_column(dataset: Dataset, assay: int) -> Dataset:
    """One assay alone, without the candidates in which it was not measured.

    Raises:
        ModelError: when nothing of it was measured, or a value is infinite.
    """
    column, name = dataset.column(assay), dataset.assays[assay].name
    if not len(column):
        raise ModelError(f'"{name}" was measured in no candidate. Record a result first; nothing was fitted.')
    if not np.isfinite(column.values).all():
        raise ModelError(f'"{name}" has an infinite value. Void it and record it anew; nothing was fitted.')
    return column


#: the classes of a classifier, measured as 0 and 1
CLASSES = ("unfit", "fit")


def class_labels(dataset: Dataset) -> Dataset:
    """The measured candidates of a data set of classes; a mean of replicates between 0 and 1 is taken as it is.

    Raises:
        ModelError: more than one assay, no label, or labels outside of 0 to 1.
    """
    if dataset.values.shape[1] != 1:
        raise ModelError(f"A classifier learns one assay; there are {dataset.values.shape[1]}. Nothing was fitted.")
    column = dataset.column()
    if not len(column):
        raise ModelError("Nothing was measured yet. Record a result first; nothing was fitted.")
    if not ((column.values >= 0) & (column.values <= 1)).all():
        raise ModelError(f'"{dataset.assays[0].name}" must be 0 (unfit) or 1 (fit). Nothing was fitted.')
    return column


def widened(dataset: Dataset) -> Dataset:
    """A data set of one assay as earlier versions were fitted to it: limits are values of a large standard error."""
    large = np.where(dataset.censored != 0, dataset.values.std(), 0.0)
    return replace(dataset, errors=np.maximum(dataset.errors, large), is_prepared=True)


class MemberPredictor(Predictor):
    """Members of an ensemble, each of which predicts every candidate; a draw is one member, chosen by the seed."""

    encoder: Encoder

    @abstractmethod
    def members(self, features: np.ndarray) -> np.ndarray:
        """Float32 [M, n] predictions, in the assay's unit, for features [n, D]."""

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """Mean and standard deviation over all members, and the draws."""
        every = in_pieces(self.encoder, pool, rows, self.members)
        return prediction_of(every, choose_members(len(every), draws, seed))


def prediction_of(every: np.ndarray, draws: np.ndarray) -> Prediction:
    """Mean and standard deviation over members [M, N]; `draws` [S] are those that serve as joint draws."""
    return replace(Prediction.of_draws(every[:, :, None]), draws=every[draws][:, :, None])


def choose_members(members: int, draws: int, seed: int) -> np.ndarray:
    """[S] members of an ensemble that serve as draws: all different while they last, then again from the start.

    >>> sorted(choose_members(3, 6, seed=0).tolist())
    [0, 0, 1, 1, 2, 2]
    """
    rng = np.random.default_rng(seed)
    turns = [rng.permutation(members) for _ in range(-(-draws // members))]
    return np.concatenate(turns)[:draws] if turns else np.zeros(0, np.int64)


def distinct_combinations(codes: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The distinct rows of codes [N, L] below `size`: [U] the first index of each, and [N] which of them each row is.

    >>> [part.tolist() for part in distinct_combinations(np.array([[1, 0], [0, 1], [1, 0]]), 2)]
    [[1, 0], [1, 0, 1]]
    """
    if size ** codes.shape[1] < 2**62:
        key = np.zeros(len(codes), np.int64)
        for column in codes.T:
            key = key * size + column
        _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    else:
        _, first, inverse = np.unique(codes, axis=0, return_index=True, return_inverse=True)
    return first, inverse.ravel()


#: feature values in one piece: 2^23 float32 are 32 MiB
CELLS = 2**23


def in_pieces(
    encoder: Encoder, pool: Pool, rows: np.ndarray, model: Callable[[np.ndarray], np.ndarray], cells: int = CELLS
) -> np.ndarray:
    """Apply a model to the features of rows, a bounded piece at a time.

    Args:
        encoder: from rows to features [n, D].
        pool: the pool.
        rows: [N] rows of it.
        model: features [n, D] to outputs [..., n]; each candidate's output must not depend on the others.
        cells: feature values in memory at once, at most.

    Returns:
        [..., N] outputs of all rows.
    """
    rows = np.asarray(rows, np.int64)
    if not len(rows):
        return model(encoder.features(pool, np.arange(1)))[..., :0]
    width = encoder.features(pool, rows[:1]).shape[1]
    size = max(1, cells // max(1, width))
    pieces = [model(encoder.features(pool, rows[i : i + size])) for i in range(0, len(rows), size)]
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=-1)
