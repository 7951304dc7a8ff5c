"""Any learner with calibrated uncertainty, whose versions carry metrics of held-out values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from activeloop.candidates import Pool
from activeloop.errors import ConfigError
from activeloop.measurements import Dataset
from activeloop.measurements.dataset import levels_of
from activeloop.metrics import two_words
from activeloop.models.base import PerAssayLearner, substate
from activeloop.models.calibration.corrections import (
    CALIBRATIONS,
    FEWEST,
    Calibration,
    ProbabilityTemperature,
    Rescaling,
    TemperatureScaling,
)
from activeloop.models.calibration.held_out import OutOfFoldClasses, OutOfFoldPredictions, told_apart
from activeloop.models.out_of_fold import OutOfFoldSd, out_of_fold_prediction
from activeloop.prediction import FastMean, Learner, Prediction, Predictor, Validated, mean_of

#: parts of the held-out values; each is validated with a correction learned from the others
PARTS = 5


@dataclass(frozen=True)
class Calibrated(PerAssayLearner):
    """A learner with standard deviation and noise corrected by held-out values, whose versions carry metrics of them.

    Means stay as they are, so nothing changes in a choice by the highest mean. Held-out predictions are those that
    the learner knows itself (leave-one-out of Gaussian processes, members that left a candidate out); others are
    cross-validated. Probabilities of classes get a temperature on their log-odds.

    Args:
        learner: what is corrected.
        method: how.
        folds: of the cross-validation of learners without out-of-fold predictions.
        note: what else distinguishes the learner from others of its name, such as options; part of the name.
    """

    names_scale: ClassVar[bool] = True

    learner: Learner
    method: Calibration = field(default_factory=TemperatureScaling)
    folds: int = 5
    note: str = ""

    @property
    def name(self) -> str:
        """The learner's name and the method's, such as `mutations+temperature`; the learner's where nothing is done."""
        name = f"{self.learner.name}({self.note})" if self.note else self.learner.name
        return f"{name}+{self.method.name}" if self.method.name else name

    @property
    def quick_prior(self) -> bool:  # type: ignore[override]
        """Whether that of the learner is."""
        return self.learner.quick_prior

    @property
    def any_sites(self) -> bool:
        """As the learner."""
        return self.learner.any_sites

    @property
    def links(self) -> bool:
        """As the learner."""
        return isinstance(self.learner, PerAssayLearner) and self.learner.links

    def coordinates(self, pool: Pool, rows: np.ndarray) -> np.ndarray | None:
        """Those of the learner."""
        return self.learner.coordinates(pool, rows)

    def prior(self, pool: Pool) -> Predictor | None:
        """That of the learner: before any measurement there is nothing to correct it by."""
        return self.learner.prior(pool)

    def completed(self, dataset: Dataset) -> Dataset:
        """With the learner's history."""
        return self.learner.completed(dataset) if isinstance(self.learner, PerAssayLearner) else dataset

    def _fit_one(self, dataset: Dataset, seed: int) -> Predictor:
        fitted = self.learner.fit(dataset, seed)
        mean, sd = out_of_fold_prediction(self.learner, dataset, fitted, self.folds, seed)
        one = fitted.predict(dataset.pool, dataset.rows[:1], seed, draws=0)
        # a bound such as `<0.1` is no value: nothing is validated by it
        known, values = dataset.censored[:, 0] == 0, dataset.values[:, 0]
        if one.classes:
            classes = OutOfFoldClasses(values, mean).take(known)
            metrics = cross_validated_metrics(self.method.fit_classes, classes, seed)
            metrics |= told_apart(classes.probability, classes.labels)
            return CalibratedClassifier(fitted, self.method.fit_classes(classes), metrics, np.stack([mean, sd]))
        predictions = OutOfFoldPredictions(values, mean, sd, float(one.noise[0])).take(known)
        rescaling, metrics = self.method.fit(predictions), cross_validated_metrics(self.method.fit, predictions, seed)
        if (levels := levels_of(dataset)) is not None:
            metrics |= told_apart(mean, (values - levels[0]) / (levels[1] - levels[0]))
        return CalibratedPredictor(fitted, rescaling, metrics, np.stack([mean, rescaling.spread * sd]))

    def _restore_one(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        fitted, correction = self.learner.restore(dataset, seed, substate(state, "of/")), substate(state, "by/")
        metrics = {name: float(value) for name, value in substate(state, "figure/").items()}
        if "temperature" in correction:
            temperature = ProbabilityTemperature.restored(correction)
            return CalibratedClassifier(fitted, temperature, metrics, state["unseen"])
        return CalibratedPredictor(fitted, Rescaling.restored(correction), metrics, state["unseen"])


def calibrated(learner: Learner, name: str, note: str = "") -> Calibrated:
    """A learner with the calibration of a name, in place of the one it has.

    Args:
        learner: any.
        name: one of `CALIBRATIONS`.
        note: as `Calibrated`.

    Raises:
        ConfigError: there is no calibration of that name.
    """
    if name not in CALIBRATIONS:
        raise ConfigError(f'"{name}" is not a calibration. Known: {", ".join(CALIBRATIONS)}. Nothing was fitted.')
    inner = learner.learner if isinstance(learner, Calibrated) else learner
    return Calibrated(inner, CALIBRATIONS[name](), note=note)


@dataclass(frozen=True)
class CalibratedClassifier(Predictor, OutOfFoldSd, Validated):
    """A fitted model of classes with corrected probabilities.

    Args:
        fitted: the model.
        correction: of its predictions.
        validation: see `metrics`.
        out_of_fold: [2, N] held-out predictions of the N measured candidates and their corrected standard deviations.
    """

    fitted: Predictor
    correction: ProbabilityTemperature | Rescaling
    validation: dict[str, float]
    out_of_fold: np.ndarray

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """The model's prediction, corrected."""
        return self.correction(self.fitted.predict(pool, rows, seed, draws))

    def metrics(self) -> dict[str, float]:
        """Metrics of held-out values, each with a correction that was learned without it."""
        return dict(self.validation)

    def held_out(self) -> np.ndarray:
        """[N] held-out predictions."""
        return self.out_of_fold[0]

    def held_out_sd(self) -> np.ndarray:
        """[N] their corrected standard deviations."""
        return self.out_of_fold[1]

    def explain(self) -> str:
        """The model's own explanation, and how well its uncertainty agrees with held-out values."""
        enough = self.validation["held_out"] >= FEWEST
        checked = self.correction.explain(self.validation) if enough else "Too few values to check its uncertainty."
        if "auroc" in self.validation:
            checked = f"Held-out {two_words(self.validation)}." + f" {checked}" * ("ece" in self.validation)
        return f"{self.fitted.explain()} {checked}"

    def state(self) -> dict[str, np.ndarray]:
        """The model's state under `of/`, the correction's under `by/`, metrics under `figure/`, and `unseen`."""
        own = {"unseen": self.out_of_fold, **{f"by/{k}": v for k, v in self.correction.state().items()}}
        own |= {f"figure/{name}": np.array(value) for name, value in self.validation.items()}
        return own | {f"of/{k}": v for k, v in self.fitted.state().items()}


@dataclass(frozen=True)
class CalibratedPredictor(CalibratedClassifier, FastMean):
    """A fitted model of values with corrected draws, standard deviation, noise and intervals; means are unchanged."""

    def mean(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[N, A] means."""
        return mean_of(self.fitted, pool, rows)


def cross_validated_metrics(fit: Callable[[Any], Any], held_out: Any, seed: int) -> dict[str, float]:
    """Metrics in which no held-out value has a correction that was learned from it.

    The values are split into five parts; each is corrected by what is learned from the other four.

    Args:
        fit: learns a correction.
        held_out: `OutOfFoldPredictions` or `OutOfFoldClasses`.
        seed: of the parts.
    """
    n = len(held_out)
    if n < FEWEST:
        return {"held_out": float(n)}
    part = np.random.default_rng([seed, n]).permutation(n) % PARTS
    splits = [(np.flatnonzero(part != k), np.flatnonzero(part == k)) for k in range(PARTS)]
    return held_out.metrics([fit(held_out.take(rest)).corrected(held_out.take(own)) for rest, own in splits])
