"""Any learner with uncertainty that was corrected and judged on what it had not seen."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from activeloop.candidates import Pool
from activeloop.measurements import Dataset
from activeloop.models.assays import fit_each, restore_each
from activeloop.models.calibration.base import FEWEST, Calibration, Rescaling
from activeloop.models.calibration.classes import Sharpening, UnseenClasses
from activeloop.models.calibration.temperature import Temperature
from activeloop.models.calibration.unseen import Unseen, figures
from activeloop.models.evidence import HeldOutSpread, held_out_belief
from activeloop.predictive import Checked, Learner, Predictive, Predictor, QuickMean, mean_of

#: parts of the held-out values on which corrections learned from the others are judged
PARTS = 5


@dataclass(frozen=True)
class Calibrated(Learner):
    """A learner whose spread and noise are corrected by held-out values, and whose versions carry figures of them.

    Means stay as they are, so nothing changes in a choice by the highest mean. Held-out predictions are those that
    the learner knows itself (leave-one-out of processes, members that left a candidate out); others are
    cross-validated. Classes get a temperature on their log-odds whatever the method.

    Args:
        learner: what is corrected.
        method: how.
        folds: of the cross-validation of learners that cannot say what they would have predicted.
    """

    learner: Learner
    method: Calibration = field(default_factory=Temperature)
    folds: int = 5

    @property
    def name(self) -> str:
        """The learner's name and the method's, such as `mutations+temperature`."""
        return f"{self.learner.name}+{self.method.name}"

    def prior(self, pool: Pool) -> Predictor | None:
        """That of the learner: before any measurement there is nothing to correct it by."""
        return self.learner.prior(pool)

    def fit(self, dataset: Dataset, seed: int) -> Predictor:
        """Fit the learner, then learn the correction; several assays have one each."""
        return fit_each(dataset, seed, self._fit_one)

    def restore(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        """The learner's predictor and its correction."""
        return restore_each(dataset, seed, state, self._restore_one)

    def _fit_one(self, dataset: Dataset, seed: int) -> Predictor:
        fitted = self.learner.fit(dataset, seed)
        mean, sd = held_out_belief(self.learner, dataset, fitted, self.folds, seed)
        one = fitted.predict(dataset.pool, dataset.rows[:1], seed, draws=0)
        # a bound such as `<0.1` is no value: nothing is judged by it
        known, values = dataset.censored[:, 0] == 0, dataset.values[:, 0]
        if one.classes:
            classes = UnseenClasses(values, mean).take(known)
            found = crossed_classes(classes, seed)
            return CalibratedPredictor(fitted, Sharpening.learned(classes), found, np.stack([mean, sd]))
        unseen = Unseen(values, mean, sd, float(one.noise[0])).take(known)
        rescaling, found = self.method.learn(unseen), crossed(self.method, unseen, seed)
        return CalibratedPredictor(fitted, rescaling, found, np.stack([mean, rescaling.spread * sd]))

    def _restore_one(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        if not state:
            return self._fit_one(dataset, seed)
        groups: dict[str, dict[str, np.ndarray]] = {"of": {}, "by": {}, "figure": {}, "unseen": {}}
        for key, value in state.items():
            group, _, name = key.partition("/")
            groups[group][name] = value
        fitted = self.learner.restore(dataset, seed, groups["of"])
        correction = (Sharpening if "temperature" in groups["by"] else Rescaling).restored(groups["by"])
        found = {name: float(value) for name, value in groups["figure"].items()}
        return CalibratedPredictor(fitted, correction, found, state["unseen"])


@dataclass(frozen=True)
class CalibratedPredictor(Predictor, HeldOutSpread, QuickMean, Checked):
    """A fitted model and its correction.

    Args:
        fitted: the model.
        correction: of what it says.
        figures: see `metrics`.
        unseen: [2, N] held-out predictions of the N measured candidates and their corrected spread.
    """

    fitted: Predictor
    correction: Rescaling | Sharpening
    figures: dict[str, float]
    unseen: np.ndarray

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Predictive:
        """The model's belief with corrected draws, spread, noise and intervals."""
        return self.correction(self.fitted.predict(pool, rows, seed, draws))

    def mean(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[N, A] the model's own mean; for classes with the temperature."""
        if isinstance(self.correction, Sharpening):
            return self.predict(pool, rows, 0, draws=0).mean
        return mean_of(self.fitted, pool, rows)

    def metrics(self) -> dict[str, float]:
        """Figures of held-out values, each judged by a correction that was learned without it."""
        return dict(self.figures)

    def held_out(self) -> np.ndarray:
        """[N] held-out predictions."""
        return self.unseen[0]

    def held_out_spread(self) -> np.ndarray:
        """[N] their corrected spread."""
        return self.unseen[1]

    def explain(self) -> str:
        """What the model says of itself, and how far its uncertainty can be trusted."""
        return f"{self.fitted.explain()} {self._trust()}"

    def _trust(self) -> str:
        held_out = int(self.figures.get("held_out", 0))
        if held_out < FEWEST:
            return "Its uncertainty is as the model states it: too few values to check it."
        if isinstance(self.correction, Sharpening):
            told = f"its probabilities are {self.figures['ece']:.0%} off on average"
            return f"On {held_out} held-out labels {told} (temperature {self.correction.temperature:.2f})."
        return (
            f"Of {held_out} held-out values {self.figures['coverage90']:.0%} lie in their 90 % interval (its spread "
            f"times {self.correction.spread:.2f}, noise of one value {self.correction.noise:.3g})."
        )

    def state(self) -> dict[str, np.ndarray]:
        """The model's state under `of/`, the correction's under `by/`, figures under `figure/`, and `unseen`."""
        own = {"unseen": self.unseen, **{f"by/{k}": v for k, v in self.correction.state().items()}}
        own |= {f"figure/{name}": np.array(value) for name, value in self.figures.items()}
        return own | {f"of/{k}": v for k, v in self.fitted.state().items()}


def crossed(method: Calibration, unseen: Unseen, seed: int) -> dict[str, float]:
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


def crossed_classes(unseen: UnseenClasses, seed: int) -> dict[str, float]:
    """The same of classes."""
    if len(unseen) < FEWEST:
        return {"held_out": float(len(unseen))}
    pairs = parts(len(unseen), seed)
    moved = [Sharpening.learned(unseen.take(rest)).moved(unseen.take(part)) for rest, part in pairs]
    labels, probability = (np.concatenate([getattr(m, k) for m in moved]) for k in ("labels", "probability"))
    return UnseenClasses(labels, probability).metrics()


def parts(count: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Five pairs of the values from which is learned and those that are judged."""
    part = np.random.default_rng([seed, count]).permutation(count) % min(PARTS, count)
    return [(np.flatnonzero(part != k), np.flatnonzero(part == k)) for k in range(min(PARTS, count))]
