"""Any learner with uncertainty that was corrected and judged on what it had not seen."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field

import numpy as np

from activeloop.candidates import Pool
from activeloop.errors import ConfigError
from activeloop.measurements import Dataset
from activeloop.models.base import PerAssayLearner
from activeloop.models.calibration.base import (
    FEWEST,
    Calibration,
    OutOfFoldClasses,
    OutOfFoldPredictions,
    ProbabilityTemperature,
    Rescaling,
    figures,
)
from activeloop.models.calibration.methods import Conformal, Isotonic, NoiseEstimation, TemperatureScaling, Uncalibrated
from activeloop.models.out_of_fold import OutOfFoldSd, out_of_fold_prediction
from activeloop.prediction import FastMean, Learner, Prediction, Predictor, Validated, mean_of

#: parts of the held-out values on which corrections learned from the others are judged
PARTS = 5


@dataclass(frozen=True)
class Calibrated(PerAssayLearner):
    """A learner whose spread and noise are corrected by held-out values, and whose versions carry figures of them.

    Means stay as they are, so nothing changes in a choice by the highest mean. Held-out predictions are those that
    the learner knows itself (leave-one-out of processes, members that left a candidate out); others are
    cross-validated. Probabilities of classes get a temperature on their log-odds.

    Args:
        learner: what is corrected.
        method: how.
        folds: of the cross-validation of learners that cannot say what they would have predicted.
        note: what else tells the learner from others of its name, such as options; part of the name.
    """

    learner: Learner
    method: Calibration = field(default_factory=TemperatureScaling)
    folds: int = 5
    note: str = ""

    @property
    def name(self) -> str:
        """The learner's name and the method's, such as `mutations+temperature`; the learner's where nothing is done."""
        name = f"{self.learner.name}({self.note})" if self.note else self.learner.name
        return f"{name}+{self.method.name}" if self.method.name else name

    def prior(self, pool: Pool) -> Predictor | None:
        """That of the learner: before any measurement there is nothing to correct it by."""
        return self.learner.prior(pool)

    def _fit_one(self, dataset: Dataset, seed: int) -> Predictor:
        fitted = self.learner.fit(dataset, seed)
        mean, sd = out_of_fold_prediction(self.learner, dataset, fitted, self.folds, seed)
        one = fitted.predict(dataset.pool, dataset.rows[:1], seed, draws=0)
        # a bound such as `<0.1` is no value: nothing is judged by it
        known, values = dataset.censored[:, 0] == 0, dataset.values[:, 0]
        if one.classes:
            classes = OutOfFoldClasses(values, mean).take(known)
            sharpening, found = self.method.sharpen(classes), crossed_classes(self.method, classes, seed)
            return CalibratedClassifier(fitted, sharpening, found, np.stack([mean, sd]))
        unseen = OutOfFoldPredictions(values, mean, sd, float(one.noise[0])).take(known)
        rescaling, found = self.method.learn(unseen), crossed(self.method, unseen, seed)
        return CalibratedPredictor(fitted, rescaling, found, np.stack([mean, rescaling.spread * sd]))

    def _restore_one(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        groups: dict[str, dict[str, np.ndarray]] = {"of": {}, "by": {}, "figure": {}, "unseen": {}}
        for key, value in state.items():
            group, _, name = key.partition("/")
            groups[group][name] = value
        fitted = self.learner.restore(dataset, seed, groups["of"])
        found = {name: float(value) for name, value in groups["figure"].items()}
        if "temperature" in groups["by"]:
            return CalibratedClassifier(fitted, ProbabilityTemperature.restored(groups["by"]), found, state["unseen"])
        return CalibratedPredictor(fitted, Rescaling.restored(groups["by"]), found, state["unseen"])


CALIBRATIONS: dict[str, type[Calibration]] = {
    "temperature": TemperatureScaling,
    "isotonic": Isotonic,
    "conformal": Conformal,
    "noise": NoiseEstimation,
    "none": Uncalibrated,
}
"""Calibrations by the names that configs use."""


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
class Corrected(Predictor, OutOfFoldSd, Validated):
    """A fitted model, a correction of what it says, and figures of that.

    Args:
        fitted: the model.
        correction: of what it says.
        figures: see `metrics`.
        unseen: [2, N] held-out predictions of the N measured candidates and their corrected spread.
    """

    fitted: Predictor
    correction: Rescaling | ProbabilityTemperature
    figures: dict[str, float]
    unseen: np.ndarray

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """The model's prediction, corrected."""
        return self.correction(self.fitted.predict(pool, rows, seed, draws))

    def metrics(self) -> dict[str, float]:
        """Figures of held-out values, each judged by a correction that was learned without it."""
        return dict(self.figures)

    def held_out(self) -> np.ndarray:
        """[N] held-out predictions."""
        return self.unseen[0]

    def held_out_spread(self) -> np.ndarray:
        """[N] their corrected spread."""
        return self.unseen[1]

    @abstractmethod
    def trust(self) -> str:
        """How far its uncertainty can be trusted, in a sentence, when enough values were held out."""

    def explain(self) -> str:
        """What the model says of itself, and how far its uncertainty can be trusted."""
        enough = self.figures["held_out"] >= FEWEST
        trust = self.trust() if enough else "Too few values were held out to check its uncertainty."
        return f"{self.fitted.explain()} {trust}"

    def state(self) -> dict[str, np.ndarray]:
        """The model's state under `of/`, the correction's under `by/`, figures under `figure/`, and `unseen`."""
        own = {"unseen": self.unseen, **{f"by/{k}": v for k, v in self.correction.state().items()}}
        own |= {f"figure/{name}": np.array(value) for name, value in self.figures.items()}
        return own | {f"of/{k}": v for k, v in self.fitted.state().items()}


@dataclass(frozen=True)
class CalibratedPredictor(Corrected, FastMean):
    """A model of values with corrected draws, spread, noise and intervals; its means are the model's own."""

    correction: Rescaling

    def mean(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[N, A] means."""
        return mean_of(self.fitted, pool, rows)

    def trust(self) -> str:
        """Coverage of its 90 % intervals, and what was corrected."""
        return (
            f"Of {self.figures['held_out']:.0f} held-out values {self.figures['coverage90']:.0%} lie in their 90 % "
            f"interval; its spread was taken times {self.correction.spread:.2f}, the noise of one value is "
            f"{self.correction.noise:.3g}."
        )


@dataclass(frozen=True)
class CalibratedClassifier(Corrected):
    """A model of classes with corrected probabilities."""

    correction: ProbabilityTemperature

    def trust(self) -> str:
        """Expected calibration error, and the temperature."""
        return (
            f"On {self.figures['held_out']:.0f} held-out labels its probabilities are {self.figures['ece']:.0%} off on "
            f"average; their log-odds were divided by {self.correction.temperature:.2f}."
        )


def crossed(method: Calibration, unseen: OutOfFoldPredictions, seed: int) -> dict[str, float]:
    """Figures of held-out values in which no value was judged by a correction that it helped to learn.

    The values are dealt into five parts; each is judged by what the other four teach.

    Args:
        method: how the correction is learned.
        unseen: held-out values.
        seed: of the parts.
    """
    if len(unseen) < FEWEST:
        return {"held_out": float(len(unseen))}
    judged = []
    for rest, part in parts(len(unseen), seed):
        learned = method.learn(unseen.take(rest))
        judged.append((unseen.take(part).scaled(learned.spread, learned.noise), learned.shape))
    return figures(judged)


def crossed_classes(method: Calibration, unseen: OutOfFoldClasses, seed: int) -> dict[str, float]:
    """The same of classes."""
    if len(unseen) < FEWEST:
        return {"held_out": float(len(unseen))}
    pairs = parts(len(unseen), seed)
    moved = [method.sharpen(unseen.take(rest)).moved(unseen.take(part)) for rest, part in pairs]
    labels, probability = (np.concatenate([getattr(m, k) for m in moved]) for k in ("labels", "probability"))
    return OutOfFoldClasses(labels, probability).metrics()


def parts(count: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Five pairs of the values from which is learned and those that are judged."""
    part = np.random.default_rng([seed, count]).permutation(count) % min(PARTS, count)
    return [(np.flatnonzero(part != k), np.flatnonzero(part == k)) for k in range(min(PARTS, count))]
