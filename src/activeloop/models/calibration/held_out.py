"""Held-out values and classes, and how well the stated uncertainty agrees with them.

NumPy alone: `sklearn.metrics` costs half a second of start-up and states none of these for intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from activeloop.metrics import auroc, average_precision, spearman
from activeloop.prediction import LEVELS, NORMAL

#: central intervals on which miscalibration is measured
CENTRAL = np.arange(0.05, 1.0, 0.05)
#: central intervals whose coverage is reported
REPORTED = (0.5, 0.8, 0.9, 0.95)
#: bins of predicted probability
BINS = 10


@dataclass(frozen=True)
class OutOfFoldPredictions:
    """Measured candidates, and predictions of them by models that were not trained on them.

    Args:
        values: [N] measured, larger is better.
        mean: [N] predicted.
        sd: [N] standard deviation of the prediction, without noise.
        noise: standard deviation of one measurement as the model knows it; 0 when it knows none.
        shape: [K] quantiles, at `prediction.LEVELS`, of the standardised values as stated; None = normal.
    """

    values: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    noise: float
    shape: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def total(self) -> np.ndarray:
        """[N] standard deviation of a new measurement; not 0."""
        floor = 1e-6 * float(np.abs(self.values - self.mean).mean()) + 1e-300
        return np.maximum(np.hypot(self.sd, self.noise), floor)

    @property
    def standardised(self) -> np.ndarray:
        """[N] (value - mean) / standard deviation."""
        return (self.values - self.mean) / self.total

    @property
    def normal_scores(self) -> np.ndarray:
        """[N] the normal quantile of the probability that each standardised value has by the stated shape."""
        return self.standardised if self.shape is None else np.interp(self.standardised, self.shape, NORMAL)

    def take(self, index: np.ndarray) -> OutOfFoldPredictions:
        """Some of them."""
        return replace(self, values=self.values[index], mean=self.mean[index], sd=self.sd[index])

    @staticmethod
    def metrics(parts: Sequence[OutOfFoldPredictions]) -> dict[str, float]:
        """Metrics over parts that may be corrected differently; names as in `Validated.metrics`.

        `sharpness` is the mean width of the 90 % intervals in standard deviations of the values, `nll` the mean
        negative log-likelihood of normal distributions in nats, with values in their standard deviations as well.
        """
        values, mean, total, z = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("values", "mean", "total", "normal_scores")
        )
        width = np.concatenate([np.diff(ends(np.array([0.9]), p.shape), axis=0)[0] * p.total for p in parts])
        unit = float(values.std()) or 1.0
        return {
            "held_out": float(len(values)),
            "held_out_spearman": spearman(mean, values, fewest=3),
            **{f"coverage{100 * level:.0f}": float(calibration_curve(np.array([level]), z)[0]) for level in REPORTED},
            "miscalibration_area": miscalibration_area(CENTRAL, calibration_curve(CENTRAL, z)),
            "quantile_error": quantile_error(z),
            "sharpness": float(width.mean()) / unit,
            "nll": normal_nll(values / unit, mean / unit, total / unit),
        }


@dataclass(frozen=True)
class OutOfFoldClasses:
    """Measured classes, and predictions of them by models that were not trained on them.

    Args:
        labels: [N] 1 = the last class.
        probability: [N] of the last class.
    """

    labels: np.ndarray
    probability: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: np.ndarray) -> OutOfFoldClasses:
        """Some of them."""
        return OutOfFoldClasses(self.labels[index], self.probability[index])

    @staticmethod
    def metrics(parts: Sequence[OutOfFoldClasses]) -> dict[str, float]:
        """Rank correlation, expected calibration error and mean negative log-likelihood (nats) over all parts."""
        labels, probability = (np.concatenate([getattr(p, name) for p in parts]) for name in ("labels", "probability"))
        return {
            "held_out": float(len(labels)),
            "held_out_spearman": spearman(probability, labels, fewest=3),
            "ece": class_error(probability, labels),
            "nll": class_nll(probability, labels),
        }


def told_apart(score: np.ndarray, label: np.ndarray) -> dict[str, float]:
    """How well a score tells two classes apart: `auroc`, `auprc`, and `share`, which the latter is at random.

    Args:
        score: [N] larger for the class that is looked for.
        label: [N] 1 for it, 0 for the other; between them where replicates disagree.

    >>> told_apart(np.array([0.9, 0.8, 0.7, 0.1]), np.array([1, 0, 1, 0]))
    {'auroc': 0.75, 'auprc': 0.833, 'share': 0.5}
    """
    hit = label > 0.5
    if not 0 < hit.sum() < len(hit):
        return {}
    figures = {"auroc": auroc(score, hit), "auprc": average_precision(score, hit), "share": float(hit.mean())}
    return {name: round(float(value), 3) for name, value in figures.items()}


def ends(levels: np.ndarray, shape: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Low and high ends [C] of central intervals in standard deviations.

    Args:
        levels: [C] stated probabilities.
        shape: [K] quantiles at `prediction.LEVELS`; None = those of a normal distribution.

    >>> [float(end[0].round(3)) for end in ends(np.array([0.9]))]
    [-1.645, 1.645]
    """
    shape = NORMAL if shape is None else shape
    return np.interp((1 - levels) / 2, LEVELS, shape), np.interp((1 + levels) / 2, LEVELS, shape)


def calibration_curve(levels: np.ndarray, standardised: np.ndarray) -> np.ndarray:
    """[C] share of standardised values [N] within each central interval of stated probability `levels` [C].

    >>> calibration_curve(np.array([0.5, 0.9]), np.array([-3.0, -1.0, 0.0, 0.5])).tolist()
    [0.5, 0.75]
    """
    low, high = ends(levels)
    return ((low[:, None] <= standardised) & (standardised <= high[:, None])).mean(1)


def miscalibration_area(levels: np.ndarray, found: np.ndarray) -> float:
    """Area between the calibration curve and the diagonal, from 0 (calibrated) to nearly 0.5 (never right).

    Args:
        levels: [C] stated probabilities of central intervals, ascending.
        found: [C] share of values within each.

    Source: Chung et al. 2021, arXiv:2109.10254.

    >>> miscalibration_area(CENTRAL, CENTRAL), miscalibration_area(CENTRAL, np.zeros(19))
    (0.0, 0.475)
    """
    x = np.concatenate([[0.0], levels, [1.0]])
    gap = np.concatenate([[0.0], np.abs(found - levels), [0.0]])
    return round(float(np.sum((gap[1:] + gap[:-1]) / 2 * np.diff(x))), 12)


def quantile_error(standardised: np.ndarray) -> float:
    """Expected calibration error of quantiles: mean distance of the share of values [N] below each from its level.

    Detects asymmetric errors, which central intervals do not.

    Source: Kuleshov et al. 2018, arXiv:1807.00263 (there squared).

    >>> round(quantile_error(NORMAL), 2), quantile_error(np.full(9, -3.0))
    (0.0, 0.5)
    """
    below = (standardised <= np.interp(CENTRAL, LEVELS, NORMAL)[:, None]).mean(1)
    return round(float(np.mean(np.abs(below - CENTRAL))), 12)


def class_error(probability: np.ndarray, label: np.ndarray) -> float:
    """Expected calibration error of a probability: in ten bins, how far the mean probability is from the share.

    Args:
        probability: [N] predicted, of one class.
        label: [N] 1 where the candidate is of that class.

    Source: Naeini et al. 2015, AAAI 29; Guo et al. 2017, arXiv:1706.04599.

    >>> class_error(np.array([0.9, 0.9, 0.9, 0.9]), np.array([1, 1, 1, 0])).__round__(3)
    0.15
    """
    bins = np.minimum((probability * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, probability - label, minlength=BINS)
    return float(np.abs(gaps).sum() / len(label))


def normal_nll(values: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> float:
    """Mean negative log-likelihood of values [N] under normal distributions with mean [N] and sd [N], in nats.

    >>> round(normal_nll(np.zeros(3), np.zeros(3), np.ones(3)), 3)
    0.919
    """
    return float(np.mean(0.5 * ((values - mean) / sd) ** 2 + np.log(sd) + 0.5 * np.log(2 * np.pi)))


def class_nll(probability: np.ndarray, label: np.ndarray) -> float:
    """Mean negative log-likelihood of labels [N] under probabilities [N], in nats.

    >>> round(class_nll(np.array([0.5, 0.5]), np.array([0, 1])), 3)
    0.693
    """
    p = np.clip(probability, 1e-12, 1 - 1e-12)
    return float(-np.mean(label * np.log(p) + (1 - label) * np.log1p(-p)))
