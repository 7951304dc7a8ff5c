"""The scale of an assay, its bounds and its censored values, for every learner: values in, values out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from activeloop.candidates import Pool
from activeloop.encoders import Kmers, Morgan, OneHot
from activeloop.encoders.base import Encoder
from activeloop.errors import ModelError
from activeloop.measurements import Dataset
from activeloop.measurements.dataset import levels_of
from activeloop.models.out_of_fold import OutOfFold, OutOfFoldSd
from activeloop.prediction import FastMean, Prediction, Predictor, Validated, ValueMap, mean_of

#: with fewer values no likelihood decides; then values that span more powers of ten than this are put on logarithms
FEWEST, FEW_SPAN = 8, 1.5
#: with a smaller span, in powers of ten, both scales are nearly the same, and that of the values is kept
LEAST_SPAN = 1.0
#: standard errors by which the mean log-likelihood must be larger on logarithms
SURE = 2.0
#: values by which the scale is decided, at most
DECIDING = 400
#: distance from a bound from which predictions approach it, as a share of that between bounds, or of the values' range
MARGIN = 0.02
#: noise variances that are tried, as shares of the amplitude
RATIOS = np.geomspace(1e-2, 30, 17)


def scale_of(dataset: Dataset, *, links: bool = False) -> tuple[ValueMap, str]:
    """The scale of the only assay of a data set, and why, in a sentence ("" for classes).

    `auto` compares the likelihood of each measured value given all others, on either scale, as a density of the value
    itself (on logarithms with the Jacobian 1 / value). The model is always the same, a Gaussian process on plain
    features of the candidates, so that the scale depends on the assay and not on the learner. The logarithm is taken
    when all values are above 0 and its mean log-likelihood is larger by two standard errors; of fewer than 8 values,
    when they span more than 1.5 powers of ten. Censored values have no part in it. An assay of two values is on the
    scale of these, and they are its bounds.

    Args:
        dataset: of one assay.
        links: whether the model keeps predictions between two values itself.

    Raises:
        ModelError: the assay is on a logarithmic scale and has a value that is not above 0.

    Source: Box and Cox 1964, J. R. Stat. Soc. B 26:211 (likelihood of transformations); Sundararajan and Keerthi 2001,
    Neural Computation 13:1103 (leave-one-out predictive likelihood).
    """
    assay = dataset.assays[0]
    if assay.goal == "classify":
        return ValueMap(), ""
    low, high = assay.ends
    sign = assay.sign if dataset.is_oriented else 1
    values = sign * dataset.values[:, 0]
    levels = tuple(sorted(0.0 + sign * level for level in levels_of(dataset) or ()))
    if levels and assay.bounds in (None, levels):
        low, high = levels
        words = f"Predictions stay between {low:g} and {high:g}, the two values of the assay."
        if links and assay.bounds is None:
            return ValueMap(sign=sign), words
        centre, margin = sign * float(np.median(values)), 0.0 if links else MARGIN * (high - low)
        return ValueMap(False, sign, low, high, centre, margin, (low, high) == (0, 1)), words
    if assay.scale == "log" and values.min() <= 0:
        problem = f"{assay.name} is on a logarithmic scale and has the value {values.min():g}, which is not above 0."
        raise ModelError(f"{problem} Void it, or take scale linear in campaign.toml. Nothing was fitted.")
    log, why = (assay.scale == "log", "as stated") if assay.scale != "auto" else _likelier(dataset, values)
    if assay.scale == "auto" and dataset.history is not None and _of_sisters(dataset) is not None:
        sisters = _of_sisters(dataset)
        assert sisters is not None
        log, why = _likelier(sisters, sign * sisters.values[:, 0]) if values.min() > 0 else (log, why)
        why += " (of the history)"
    places = np.log10(values) if log else values
    words = f"The scale is {'logarithmic' if log else 'linear'}: {why}."
    if log:
        words += " Figures of the model above are powers of ten; predicted means are medians."
    if assay.bounds:
        words += f" Predictions stay within {low:g} to {high:g}."
    if log and low <= 0:
        low = -np.inf  # a logarithm has no place for it, and no value below it
    width = float(np.ptp(places)) or 1.0
    if np.isfinite([low, high]).all():
        width = float(np.log10(high / low)) if log else high - low
    return ValueMap(log, sign, low, high, sign * float(np.median(places)), MARGIN * width), words


def _of_sisters(dataset: Dataset) -> Dataset | None:
    """The values of the only assay in the history, which say more of its scale; None where there are none."""
    history, name = dataset.history, dataset.assays[0].name
    if history is None or name not in [assay.name for assay in history.assays]:
        return None
    return history.column([assay.name for assay in history.assays].index(name))


def _likelier(dataset: Dataset, values: np.ndarray) -> tuple[bool, str]:
    """Whether values [N] are likelier on logarithms, and why."""
    known = dataset.censored[:, 0] == 0
    if values.min() <= 0 or dataset.assays[0].ends[1] <= 0:
        return False, "not all values are above 0"
    span = float(np.log10(values.max() / values.min()))
    spans = f"{len(values)} values span {span:.1f} powers of ten"
    if span <= LEAST_SPAN or known.sum() < FEWEST:
        return span > FEW_SPAN, spans
    some = np.flatnonzero(known)
    if len(some) > DECIDING:
        some = np.sort(np.random.default_rng(0).choice(some, DECIDING, replace=False))
    gram = plain_kernel(dataset.pool, dataset.rows[some])
    natural = np.log(values[some])
    gain = held_out_likelihood(gram, natural) - natural - held_out_likelihood(gram, values[some])
    mean, error = float(gain.mean()), float(gain.std() / np.sqrt(len(gain)))
    log = mean > SURE * error
    return log, f"on logarithms the log-likelihood of a held-out value is {mean:+.2f} ± {error:.2f}"


def plain_kernel(pool: Pool, rows: np.ndarray) -> np.ndarray:
    """[N, N] half linear, half smooth kernel of plain features, 1 on its diagonal; the identity when there are none."""
    encoders: dict[str, Encoder] = {"variants": OneHot(), "compounds": Morgan(), "guides": Kmers()}
    encoder = encoders.get(pool.kind)
    if encoder is None or (pool.kind != "compounds" and pool.sites is None):
        return np.eye(len(rows))
    x = encoder.features(pool, rows).astype(np.float64)
    x -= x.mean(0)
    x /= np.maximum(np.sqrt(np.square(x).sum(1, keepdims=True)), 1e-12)
    cosine = np.clip(x @ x.T, -1, 1)
    return 0.5 * cosine + 0.5 * np.exp(cosine - 1)


def held_out_likelihood(gram: np.ndarray, values: np.ndarray) -> np.ndarray:
    """[N] log density, in nats, of each value given all others, by a Gaussian process.

    Amplitude, constant mean and noise maximise the marginal likelihood.

    Args:
        gram: [N, N] kernel.
        values: [N], at least 2.

    >>> held_out_likelihood(np.eye(3), np.array([1.0, 2.0, 3.0])).round(2).tolist()
    [-1.47, -0.72, -1.47]
    """
    mean, sd, _ = leave_one_out(gram, values)
    return -0.5 * ((values - mean) / sd) ** 2 - np.log(sd) - 0.5 * np.log(2 * np.pi)


def leave_one_out(gram: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Mean [N] and standard deviation [N], noise included, of each value given all others; and the noise's.

    Source: Rasmussen and Williams 2006, section 5.4.2.
    """
    unit = float(values.std()) or 1.0
    targets = (values - values.mean()) / unit
    variances, vectors = np.linalg.eigh(gram)
    variances = np.maximum(variances, 0.0)
    one, rotated = vectors.sum(0), targets @ vectors
    best = (-np.inf, targets, targets, 0.0)
    for ratio in RATIOS:
        precision = 1 / (variances + ratio)
        residual = rotated - one * (one * rotated * precision).sum() / (one * one * precision).sum()
        amplitude = max(float((residual**2 * precision).mean()), 1e-12)
        evidence = 0.5 * np.log(precision).sum() - 0.5 * len(targets) * np.log(amplitude)
        if evidence > best[0]:
            diagonal = np.square(vectors) @ precision
            left_out = targets - (vectors @ (precision * residual)) / diagonal
            best = (evidence, left_out, np.sqrt(amplitude / diagonal), float(np.sqrt(amplitude * ratio)))
    _, mean, sd, noise = best
    return values.mean() + unit * mean, unit * sd, unit * noise


#: rounds in which censored values and the process that predicts them take turns; candidates in one process, at most
ROUNDS, TOGETHER = 5, 800


def estimated(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Values [N] of the only assay with censored ones replaced, and standard errors [N] of all.

    Each likelihood of a censored value, the probability of lying beyond its limit (the Tobit model), is replaced by
    that of a measured value with a standard error, so that the posterior given all other values has the same mean and
    variance (expectation propagation). So a candidate that is predicted beyond its limit anyway does not pull a model
    back to the limit, whatever the learner. What the other values say comes from a Gaussian process on plain features.

    Args:
        dataset: of one assay, on the scale of the model.

    Source: Tobin 1958, Econometrica 26:24; Rasmussen and Williams 2006, section 3.6; Groot and Lucas 2012, ECML PKDD
    7524:612 (Gaussian processes with censored data).
    """
    if len(dataset) <= TOGETHER:
        return _estimated(dataset)
    values, errors = dataset.values[:, 0].copy(), dataset.errors[:, 0].copy()
    parts = -(-len(dataset) // TOGETHER)
    part = np.random.default_rng(0).permutation(len(dataset)) % parts
    for k in range(parts):
        values[part == k], errors[part == k] = _estimated(dataset.take(part == k))
    return values, errors


def _estimated(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    from scipy.special import log_ndtr

    limits, errors = dataset.values[:, 0], dataset.errors[:, 0]
    censored = dataset.censored[:, 0] != 0
    # what is beyond an upper bound is below it
    side = -dataset.censored[:, 0].astype(np.float64)
    values, found = limits, errors
    gram = plain_kernel(dataset.pool, dataset.rows)
    for _ in range(ROUNDS):
        mean, total, noise = leave_one_out(gram, values)
        variance = np.maximum(total**2 - noise**2, 1e-9 * total**2)
        place = np.clip(side * (limits - mean) / total, -30, 8)
        ratio = np.exp(-0.5 * place**2 - 0.5 * np.log(2 * np.pi) - log_ndtr(place))
        known = np.clip(ratio * (ratio + place), 1e-6, 1.0)
        own = (total**2 - variance * known) / known - noise**2
        values = np.where(censored, mean - side * total / (ratio + place), limits)
        found = np.where(censored, np.sqrt(np.maximum(own, 0.0)), errors)
    return values, found


def prepared(dataset: Dataset, values_map: ValueMap, limits: np.ndarray | None) -> tuple[Dataset, np.ndarray | None]:
    """The data set that a learner is fitted to: on the scale of a map, censored values estimated; and the estimates.

    Args:
        dataset: of one assay.
        values_map: to the scale.
        limits: [2, N] estimates and standard errors of before; None to make them.
    """
    scale = "linear" if dataset.assays[0].scale == "log" else dataset.assays[0].scale
    assay = replace(dataset.assays[0], scale=scale, bounds=None, lower=None, upper=None, threshold=None)
    values, errors = dataset.values, dataset.errors
    if values_map.log:
        values, errors = values_map.forward(values), values_map.sd_forward(values, errors)
    history = dataset.history and history_on_scale(dataset.history, dataset.assays[0].name, values_map)
    on_scale = replace(dataset, values=values, errors=errors, assays=(assay,), is_prepared=True, history=history)
    if not dataset.censored.any():
        return on_scale, None
    limits = np.stack(estimated(on_scale)) if limits is None else limits
    return replace(on_scale, values=limits[0][:, None], errors=limits[1][:, None]), limits


def history_on_scale(history: Dataset, name: str, values_map: ValueMap) -> Dataset:
    """A history with the values of one assay on its scale, and those of sister assays each on its own."""
    values = history.values.copy()
    for i, assay in enumerate(history.assays):
        known = ~np.isnan(values[:, i])
        own = values_map if assay.name == name else scale_of(history.column(i))[0] if known.any() else ValueMap()
        if own.log:
            values[known, i] = own.forward(np.where(own.sign * values[known, i] > 0, values[known, i], np.nan))
    return replace(history, values=values, is_prepared=True)


@dataclass(frozen=True)
class ScaledPredictor(Predictor, OutOfFoldSd, FastMean, Validated):
    """A model of one assay on its scale, with predictions in the assay's unit and within its bounds.

    Args:
        fitted: the model.
        map: between values and its scale.
        why: why this is the scale, in a sentence.
        limits: [2, N] estimates of censored values and standard errors of all, on the scale; None without any.
    """

    fitted: Predictor
    map: ValueMap
    why: str
    limits: np.ndarray | None

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """The model's prediction, in values; see `Prediction.maps`."""
        return self.fitted.predict(pool, rows, seed, draws).in_values([self.map])

    def mean(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[N, 1] the mean alone; on logarithms the median."""
        return self.map.inverse(mean_of(self.fitted, pool, rows))

    def held_out(self) -> np.ndarray:
        """[N] held-out predictions; NaN where the model has none."""
        return self.map.inverse(self.fitted.held_out()) if isinstance(self.fitted, OutOfFold) else np.full(1, np.nan)

    def held_out_sd(self) -> np.ndarray:
        """[N] their standard deviations."""
        if not isinstance(self.fitted, OutOfFoldSd):
            return np.full(1, np.nan)
        return self.map.sd_inverse(self.held_out(), self.fitted.held_out_sd())

    def metrics(self) -> dict[str, float]:
        """Those of the model, on its scale; `log_scale` is 1 where that is logarithmic."""
        own = self.fitted.metrics() if isinstance(self.fitted, Validated) else {}
        return {**own, "log_scale": 1.0} if self.map.log else own

    def explain(self) -> str:
        """The model's explanation, and the scale and why."""
        return f"{self.fitted.explain()} {self.why}"

    def state(self) -> dict[str, np.ndarray]:
        """The model's, and map and limits under `scale/`; {} when the model has none."""
        state = self.fitted.state()
        if not state:
            return {}
        own = {"scale/map": self.map.numbers(), "scale/why": np.array(self.why)}
        return state | own | ({} if self.limits is None else {"scale/limits": self.limits})
