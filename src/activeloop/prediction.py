"""Predictions and joint samples over candidates, and the roles that make them: `Learner` and `Predictor`."""

from __future__ import annotations

import csv
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, ClassVar, Self, TextIO

import numpy as np

from activeloop.candidates import Pool
from activeloop.measurements import Assay, Dataset
from activeloop.metrics import Z90
from activeloop.notebook import SHOWN, axes, html_table, to_frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: what stands for an assay's name before any result: the prior's score has no unit, and more is better
PRIOR_SCORE = "prior score"
#: candidates that a picture names, at most, and letters of a name that it shows
NAMED, LONG = 40, 24
#: [K] levels at which a shape gives quantiles; 50, 80, 90 and 95 % intervals end on them
LEVELS = np.arange(1, 400) / 400
#: [K] quantiles of a standard normal distribution at these levels
NORMAL = np.array([NormalDist().inv_cdf(level) for level in LEVELS])


class Covariance(ABC):
    """The covariance of the noise-free values of N candidates in one assay.

    Attributes:
        variance: [N].
    """

    variance: np.ndarray

    @abstractmethod
    def with_others(self, others: Self) -> np.ndarray:
        """[N, M] covariances with M other candidates of the same posterior."""

    @abstractmethod
    def take(self, index: np.ndarray) -> Self:
        """That of some of the candidates."""

    @abstractmethod
    def scaled(self, factor: float) -> Self:
        """That of the values' distances from their means times a factor."""


@dataclass(frozen=True)
class ValueMap:
    """Between values of one assay and the scale on which a model works; on both larger is better.

    Args:
        log: whether the scale is the base-10 logarithm of values above 0; else it is that of the values.
        sign: -1 where values are negated because less is better (`Dataset.oriented`), else 1.
        low, high: bounds of the values, not negated; infinite where there is none.
        centre: a typical place on the scale, for which the noise of one measurement is given in the assay's unit.
        margin: distance from a bound, on the scale, from which predictions approach it and never reach it, so that
            those beyond it keep their order.
        binary: whether the assay has the values 0 and 1 alone, so that a mean is the probability of 1.

    >>> potency = ValueMap(log=True, sign=-1)
    >>> potency.forward(np.array([-100.0, -0.1])).tolist(), potency.inverse(np.array([-2.0, 1.0])).tolist()
    ([-2.0, 1.0], [-100.0, -0.1])
    >>> ValueMap(low=0, high=100, margin=2).inverse(np.array([-3.0, 60.0, 103.0, 104.0])).round(2).tolist()
    [0.16, 60.0, 99.84, 99.9]
    """

    log: bool = False
    sign: int = 1
    low: float = -math.inf
    high: float = math.inf
    centre: float = 0.0
    margin: float = 0.0
    binary: bool = False

    @property
    def changes_nothing(self) -> bool:
        """Whether it is neither logarithmic nor bounded."""
        return not self.log and math.isinf(self.low) and math.isinf(self.high)

    def forward(self, values: np.ndarray) -> np.ndarray:
        """Values to their place on the scale."""
        return self.sign * np.log10(self.sign * values) if self.log else values

    def place(self, values: np.ndarray) -> np.ndarray:
        """The same for any values; those that have no place (0 on logarithms) are infinitely far out."""
        if not self.log:
            return values
        magnitude = self.sign * values
        places = np.log10(np.where(magnitude > 0, magnitude, 1.0))
        return np.where(np.isnan(values), values, self.sign * np.where(magnitude > 0, places, -math.inf))

    def inverse(self, places: np.ndarray) -> np.ndarray:
        """Places on the scale to values, within the bounds."""
        return self.end(self.bent(places))

    def bent(self, places: np.ndarray) -> np.ndarray:
        """Places on the scale of which those near a bound, or beyond it, are between the margin and the bound."""
        bent = self.sign * places
        for turn, end in ((1, self.high), (-1, self.low)):
            if math.isfinite(end) and self.margin > 0:
                near = turn * self._unsigned(end) - self.margin
                over = np.maximum(turn * bent - near, 0.0) / self.margin
                bent = np.where(over > 0, turn * (near + self.margin * -np.expm1(-over)), bent)
        return self.sign * bent

    def end(self, places: np.ndarray) -> np.ndarray:
        """The same for the end of an interval, which is cut off at a bound."""
        values = self.sign * places
        if self.log:
            values = 10.0 ** np.clip(values, -DECADES, DECADES)
        return self.sign * np.clip(values, self.low, self.high)

    def _unsigned(self, bound: float) -> float:
        return math.log10(bound) if self.log else bound

    def sd_inverse(self, values: np.ndarray, sd: np.ndarray) -> np.ndarray:
        """Standard deviations on the scale to those around values: half the distance between one above and one below.

        >>> ValueMap(log=True).sd_inverse(np.array([10.0]), np.array([1.0])).round(3).tolist()
        [49.5]
        """
        return np.abs(values) * np.sinh(np.minimum(sd, DECADES) * math.log(10)) if self.log else sd

    def sd_forward(self, values: np.ndarray, sd: np.ndarray) -> np.ndarray:
        """The counterpart of `sd_inverse`."""
        return np.arcsinh(sd / np.abs(values)) / math.log(10) if self.log else sd

    def numbers(self) -> np.ndarray:
        """[7] from which `ValueMap.of` makes it again."""
        found = [self.log, self.sign, self.low, self.high, self.centre, self.margin, self.binary]
        return np.array(found, np.float64)

    @classmethod
    def of(cls, numbers: np.ndarray) -> ValueMap:
        """The counterpart of `numbers`."""
        log, sign, *others = map(float, numbers)
        return cls(bool(log), int(sign), *others[:4], binary=bool(others[4:] and others[4]))


#: powers of ten beyond which a prediction is cut off; single precision ends at 38
DECADES = 37.0


@dataclass(frozen=True)
class Prediction:
    """Predictions of N candidates.

    Draw s is *one* function for all N candidates, so differences, covariances and maxima over candidates may be taken
    within a draw.

    Args:
        draws: [S, N, A] joint draws of the noise-free values, larger is better; for classes [S, N, C] probabilities.
            S may be 0: marginals only.
        mean: [N, A] mean (for classes [N, C]); exact where the model knows it, else that of the draws. A model that
            works on ranks gives the median, which orders candidates as its scores do.
        sd: [N, A] standard deviation of the noise-free value (epistemic), without measurement noise.
        noise: [A] standard deviation of the noise of one measurement (0 where it is not known).
        classes: the names of the classes, or () for values.
        shape: [A, K] quantiles, at `LEVELS`, of how far a new measurement lies from the mean in units of its standard
            deviation; None = those of a normal distribution.
        maps: A of them, to the scale on which the model works; () when that is the scale of the values. Acquisition
            works there, see `on_scale`. Where a map is logarithmic, `mean` is the median, `sd` half the distance
            between one standard deviation above and one below, and `noise` that of a typical value.
        covariances: A of them where the model knows them exactly, on the scale of the maps, else (); then
            those of the draws are all there is.

    >>> p = Prediction.of_draws(np.array([[[1.0], [2.0]], [[3.0], [2.0]]]))
    >>> p.mean[:, 0].tolist(), p.sd[:, 0].tolist()
    ([2.0, 2.0], [1.0, 0.0])
    """

    draws: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    noise: np.ndarray
    classes: tuple[str, ...] = field(default=())
    shape: np.ndarray | None = field(default=None)
    maps: tuple[ValueMap, ...] = field(default=())
    covariances: tuple[Covariance, ...] = field(default=())

    @classmethod
    def of_draws(cls, draws: np.ndarray, noise: np.ndarray | None = None, classes: tuple[str, ...] = ()) -> Prediction:
        """Mean and standard deviation of the draws [S, N, A]."""
        outputs = draws.shape[2]
        return cls(
            draws,
            draws.mean(0, dtype=np.float64),
            draws.std(0, dtype=np.float64),
            np.zeros(outputs) if noise is None else noise,
            classes,
        )

    def __len__(self) -> int:
        return len(self.mean)

    def __repr__(self) -> str:
        draws, candidates, outputs = len(self.draws), *self.mean.shape
        of = f"{len(self.classes)} classes" if self.classes else f"{outputs} assay{'s' * (outputs != 1)}"
        return f"<Prediction: {of} of {candidates:,} candidates, {draws} joint draws>"

    def to_frame(self, names: Sequence[str] = (), library: str = "") -> Any:
        """A DataFrame with a row for each candidate; `Campaign.predict` makes one with names and units.

        Columns: `candidate` (its number where no names are given), and of each assay or class, counted from 1, `mean`,
        `model sd`, and of assays `low` and `high` (90 % interval of one measurement); larger is better.

        Args:
            names: [N] of the candidates.
            library: of the DataFrame (pandas, polars, pyarrow); the first that is installed when "".
        """
        columns: dict[str, Any] = {"candidate": list(names) or list(range(len(self)))}
        parts = {"mean": self.mean, "model sd": self.sd}
        if not self.classes:
            parts |= dict(zip(("low", "high"), self.interval(0.9), strict=True))
        for a in range(self.mean.shape[1]):
            behind = f" {self.classes[a] if self.classes else a + 1}" if self.mean.shape[1] > 1 else ""
            columns |= {f"{what}{behind}": values[:, a] for what, values in parts.items()}
        return to_frame(columns, library)

    def take(self, index: np.ndarray) -> Prediction:
        """The same prediction about some of its candidates."""
        return replace(
            self,
            draws=self.draws[:, index],
            mean=self.mean[index],
            sd=self.sd[index],
            covariances=tuple(covariance.take(index) for covariance in self.covariances),
        )

    def in_values(self, maps: Sequence[ValueMap]) -> Prediction:
        """This prediction, made on the scale of maps, as one of values.

        >>> places = Prediction(np.zeros((0, 1, 1)), np.array([[2.0]]), np.array([[0.5]]), np.array([0.1]))
        >>> low, high = places.in_values([ValueMap(log=True)]).interval(0.9)
        >>> round(low.item(), 1), round(high.item(), 1)
        (14.5, 689.8)
        """
        if all(each.changes_nothing for each in maps):
            return self
        typical = np.array([each.inverse(np.array(each.centre)) for each in maps])
        mean = _columns("inverse", maps, self.mean)
        return replace(
            self,
            draws=_columns("inverse", maps, self.draws).astype(self.draws.dtype, copy=False),
            mean=mean,
            sd=_columns("sd_inverse", maps, mean, self.sd),
            noise=_columns("sd_inverse", maps, typical, self.noise),
            maps=tuple(maps),
        )

    @property
    def on_scale(self) -> Prediction:
        """The prediction on the scale on which its model works, within the bounds of the values."""
        if not self.maps:
            return self
        typical = np.array([each.inverse(np.array(each.centre)) for each in self.maps])
        return replace(
            self,
            draws=_columns("forward", self.maps, self.draws).astype(self.draws.dtype, copy=False),
            mean=_columns("forward", self.maps, self.mean),
            sd=_columns("sd_forward", self.maps, self.mean, self.sd),
            noise=_columns("sd_forward", self.maps, typical, self.noise),
            maps=(),
        )

    def shares_scale(self, other: Prediction) -> bool:
        """Whether both work on the same scale, logarithms or values of each assay, whatever bounds and margins are.

        >>> one = Prediction.of_draws(np.ones((2, 1, 1)))
        >>> log, bent = (one.in_values([ValueMap(log=True, margin=m)]) for m in (0.0, 0.5))
        >>> log.shares_scale(bent), log.shares_scale(one)
        (True, False)
        """
        logs = [[each.log for each in p.maps] or [False] * p.mean.shape[1] for p in (self, other)]
        return logs[0] == logs[1]

    def places(self, values: np.ndarray) -> np.ndarray:
        """Places of values [..., A] on the scale of the model; those that have none are below all others.

        >>> log = Prediction.of_draws(np.ones((2, 1, 1))).in_values([ValueMap(log=True)])
        >>> log.places(np.array([[100.0], [0.0]])).tolist()
        [[2.0], [-inf]]
        """
        return _columns("place", self.maps, values) if self.maps else values

    @property
    def highest(self) -> np.ndarray:
        """[A] the best possible values, infinite where no bound is known."""
        ends = [each.high if each.sign > 0 else -each.low for each in self.maps]
        return np.array(ends) if ends else np.full(self.mean.shape[1], math.inf)

    def columns(self, index: np.ndarray) -> Prediction:
        """The same prediction of some of its assays."""
        shape = None if self.shape is None else self.shape[index]
        draws, mean, sd = self.draws[:, :, index], self.mean[:, index], self.sd[:, index]
        maps, known = (tuple(each[a] for a in index) if each else () for each in (self.maps, self.covariances))
        return Prediction(draws, mean, sd, self.noise[index], self.classes, shape, maps, known)

    def interval(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Low and high ends [N, A] between which a new measurement, noise included, lies with a probability.

        Args:
            level: the probability, above 0 and below 1.

        >>> low, high = Prediction.of_draws(np.array([[[-1.0]], [[1.0]]])).interval(0.9)
        >>> round(low.item(), 3), round(high.item(), 3)
        (-1.645, 1.645)
        """
        if self.maps:
            return tuple(_columns("end", self.maps, end) for end in self.on_scale.interval(level))  # type: ignore[return-value]
        spread = np.sqrt(self.sd**2 + self.noise**2)
        ends = [(1 - level) / 2, (1 + level) / 2]
        shapes = np.broadcast_to(NORMAL, (len(self.noise), len(LEVELS))) if self.shape is None else self.shape
        low, high = np.array([np.interp(ends, LEVELS, shape) for shape in shapes]).T
        return self.mean + low * spread, self.mean + high * spread

    def marginals(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Mean, sd, and low and high ends of the 90 % interval, each [N, A]; of classes those of the last, [N, 1].

        The interval is that of a measurement; of classes and of assays of 0 and 1 that of the probability.
        """
        if not self.classes:
            low, high = self.interval(0.9)
            for a, each in enumerate(self.maps):
                if each.binary:
                    mean, far = self.mean[:, a], Z90 * self.sd[:, a]
                    low[:, a], high[:, a] = each.end(mean - far), each.end(mean + far)
            return self.mean, self.sd, low, high
        mean, sd = self.mean[:, [-1]], self.sd[:, [-1]]
        return mean, sd, np.clip(mean - Z90 * sd, 0, 1), np.clip(mean + Z90 * sd, 0, 1)


def _columns(method: str, maps: Sequence[ValueMap], *arrays: np.ndarray) -> np.ndarray:
    """[..., A] what a method of each map makes of its column of arrays [..., A]."""
    columns = [getattr(each, method)(*(x[..., a] for x in arrays)) for a, each in enumerate(maps)]
    return np.stack(columns, axis=-1)


class Predictor(ABC):
    """A fitted model."""

    @abstractmethod
    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """What the model predicts about some rows of a pool.

        The same seed gives the same functions for any rows, so a pool may be predicted in pieces.

        Args:
            pool: the pool the model was fitted on, or one with the same sites.
            rows: [N] rows of the pool.
            seed: of the draws.
            draws: S; with 0 only mean and standard deviation are computed.
        """

    @abstractmethod
    def explain(self) -> str:
        """A description of the fit and its uncertainty, in one or two sentences."""

    @abstractmethod
    def state(self) -> dict[str, np.ndarray]:
        """Arrays from which `Learner.restore` makes this predictor again; {} when it must be fitted again."""


@dataclass(frozen=True)
class OneAssay(Predictor):
    """One assay of a predictor of several.

    Args:
        predictor: of several.
        assay: which.
    """

    predictor: Predictor
    assay: int

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """That assay's prediction."""
        return self.predictor.predict(pool, rows, seed, draws).columns(np.array([self.assay]))

    def explain(self) -> str:
        """That of all."""
        return self.predictor.explain()

    def state(self) -> dict[str, np.ndarray]:
        """Nothing: the predictor of all is what is stored."""
        return {}


class FastMean(ABC):
    """A predictor whose mean costs much less than its standard deviation."""

    @abstractmethod
    def mean(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[N, A] the mean that `predict` gives, without standard deviation or draws."""


class Validated(ABC):
    """A predictor that was validated on held-out candidates."""

    @abstractmethod
    def metrics(self) -> dict[str, float]:
        """Accuracy and calibration on held-out values.

        Names: `held_out` (how many values), `held_out_spearman`, `coverage90` (share of them in their 90 %
        interval), `miscalibration_area`, `sharpness`; for classes `ece`; `log_scale` is 1 on logarithms.
        With several assays each name begins with the assay's.
        """


def mean_of(predictor: Predictor, pool: Pool, rows: np.ndarray) -> np.ndarray:
    """[N, A] the predictor's mean, by the cheapest way it has."""
    if isinstance(predictor, FastMean):
        return predictor.mean(pool, rows)
    return predictor.predict(pool, rows, 0, draws=0).mean


#: who watches the fits that run here
_WATCHER: ContextVar[Callable[[str, int, int], None] | None] = ContextVar("watcher", default=None)


@contextmanager
def watched_fits(show: Callable[[str, int, int], None] | None) -> Iterator[None]:
    """Within it, long fits report how far they are.

    Args:
        show: called with (part, steps done, steps at most); the part is `folds` or `training`. None leaves it as it is.

    >>> with watched_fits(print):
    ...     report_fit("folds", 1, 10)
    folds 1 10
    """
    token = _WATCHER.set(show or _WATCHER.get())
    try:
        yield
    finally:
        _WATCHER.reset(token)


def report_fit(part: str, done: int, most: int) -> None:
    """Say how far a fit is; nothing happens where nobody watches."""
    if show := _WATCHER.get():
        show(part, done, most)


class Learner(ABC):
    """Something that can be fitted to measurements.

    Attributes:
        quick_prior: whether `prior` takes milliseconds, so that a reason may compare with it.
        learns_classes: whether it learns nothing but classes, measured as 0 and 1.
    """

    quick_prior: bool = False
    learns_classes: ClassVar[bool] = False

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name in configs and reports."""

    @property
    def any_sites(self) -> bool:
        """Whether `restore` makes the same model of a pool with further sites of the same wild type."""
        return False

    def coordinates(self, pool: Pool, rows: np.ndarray) -> np.ndarray | None:
        """Float [n, D] in which candidates that it takes for different are far apart, before any measurement.

        A first plate without a prior is spread over them. None: it takes candidates for different by their residues.
        """
        return None

    @abstractmethod
    def prior(self, pool: Pool) -> Predictor | None:
        """The predictor before any measurement; None when there is none."""

    @abstractmethod
    def fit(self, dataset: Dataset, seed: int) -> Predictor:
        """A model of the measured candidates.

        Args:
            dataset: oriented (every assay is to be maximised), at least one candidate.
            seed: of every random choice of the fit.

        Raises:
            ModelError: when the data cannot carry a model; nothing is changed.
        """

    @abstractmethod
    def restore(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        """The predictor that `fit(dataset, seed)` gave, from its stored state; fits again when that is {}."""


@dataclass(frozen=True)
class PredictionTable:
    """Predictions of N candidates in A assays, in the units of the assays.

    Args:
        names: N of them.
        assays: A of them.
        mean: [N, A]; of classes the probability of the second, `fit`.
        sd: [N, A] epistemic standard deviation, without measurement noise.
        low, high: [N, A] 90 % interval of one measurement, its noise included; for classes of the probability.
        draws: [S, N, A] joint draws; S may be 0.
        version: number of the model version (0 = its prior).
        classes: whether `mean` is a probability.
        outside: [N] which are not in the pool of the campaign (bool); None when all are in it.
        library: of the DataFrames that the user works with; "" for any.
        binary: [A] which assays have the values 0 and 1, so that `mean` is the probability of 1; () for none.

    >>> joint = Prediction.of_draws(np.array([[[1.0], [2.0]], [[3.0], [2.0]]]))
    >>> table = PredictionTable.of(joint, ["K2R", "A4G"], [Assay("KD", "nM", "minimise")], version=1)
    >>> table.mean[:, 0].tolist(), table.draws[0, :, 0].tolist()
    ([-2.0, -2.0], [-1.0, -2.0])
    """

    names: tuple[str, ...]
    assays: tuple[str, ...]
    mean: np.ndarray
    sd: np.ndarray
    low: np.ndarray
    high: np.ndarray
    draws: np.ndarray
    version: int
    classes: bool = False
    outside: np.ndarray | None = None
    library: str = field(default="", compare=False, repr=False)
    binary: tuple[bool, ...] = ()

    @classmethod
    def of(cls, prediction: Prediction, names: Sequence[str], assays: Sequence[Assay], version: int) -> PredictionTable:
        """A prediction, in which larger is better, turned back into the units of the assays."""
        signs = np.array([1.0]) if prediction.classes else np.array([a.sign for a in assays])
        mean, sd, *ends = prediction.marginals()
        low, high = np.sort(np.stack(ends) * signs, axis=0)
        draws = prediction.draws[:, :, [-1]] if prediction.classes else prediction.draws
        shown = tuple(names), tuple(a.name for a in assays)
        turned, classes = (mean * signs, sd, low, high, draws * signs), bool(prediction.classes)
        return cls(*shown, *turned, version, classes, binary=tuple(each.binary for each in prediction.maps))

    def __len__(self) -> int:
        return len(self.names)

    def is_probability(self, a: int) -> bool:
        """Whether `mean` is one in an assay, and the interval its."""
        return self.classes or bool(self.binary and self.binary[a])

    @property
    def column_names(self) -> list[str]:
        """Of the predictions in files, behind the candidate."""
        each = enumerate(self.assays)
        draws = [f"draw {s + 1}" for s in range(len(self.draws))]
        return [name for a, assay in each for name in column_names(assay, self.is_probability(a), draws)]

    def _columns(self) -> dict[str, Any]:
        columns: dict[str, Any] = {"candidate": list(self.names)}
        for a, assay in enumerate(self.assays):
            if assay == PRIOR_SCORE:  # in no unit, and an interval of measurements there is none
                columns[assay] = self.mean[:, a]
                continue
            names = column_names(assay, self.is_probability(a))
            columns |= dict(zip(names, (x[:, a] for x in (self.mean, self.sd, self.low, self.high)), strict=True))
        return columns

    def to_frame(self, library: str = "") -> Any:
        """A DataFrame with a row for each candidate, under the columns of `activeloop predict`.

        Args:
            library: of the DataFrame (pandas, polars, pyarrow); that of the DataFrames which came in when "".
        """
        return to_frame(self._columns(), library or self.library)

    def _by(self) -> str:
        return f"version {self.version}" if self.version else "the prior"

    def __repr__(self) -> str:
        of = ", ".join(self.assays)
        return f"<PredictionTable: {of} of {len(self):,} candidates by {self._by()}; .to_frame() makes a DataFrame>"

    def _repr_html_(self) -> str:
        columns = self._columns()
        rows = zip(*(column[:SHOWN] for column in columns.values()), strict=True)
        return html_table(list(columns), rows, f"by {self._by()}", total=len(self))

    def plot(self, ax: Axes | None = None) -> Axes:
        """A picture of the predictions of the first assay, sorted, with their 90 % intervals; few ones by name.

        Args:
            ax: where to draw; new axes when None.
        """
        ax, order = axes(ax), np.argsort(self.mean[:, 0], kind="stable")
        mean, low, high = (each[order, 0] for each in (self.mean, self.low, self.high))
        what, is_score = "probability" if self.is_probability(0) else "predicted", self.assays[0] == PRIOR_SCORE
        place = np.arange(len(order))
        if len(order) <= NAMED:
            ends = None if is_score else np.maximum([mean - low, high - mean], 0)
            ax.errorbar(place, mean, ends, fmt="o", ms=5, lw=1, capsize=3)
            names = [self.names[i] for i in order]
            ax.set_xticks(place, [n if len(n) <= LONG else f"{n[: LONG - 1]}…" for n in names], rotation=90)
        else:
            if not is_score:
                ax.fill_between(place, low, high, alpha=0.25, lw=0)
            ax.plot(place, mean)
            ax.set_xlabel("candidates, sorted")
        label = self.assays[0] if is_score else f"{self.assays[0]} {what}, 90 % interval"
        ax.set(ylabel=label, title=f"by {self._by()}")
        return ax


def column_names(assay: str, classes: bool = False, further: Iterable[str] = ()) -> list[str]:
    """Names of the columns of an assay's predictions in files.

    >>> column_names("kcat")
    ['kcat', 'kcat model sd', 'kcat measurement low', 'kcat measurement high']
    """
    of = "probability" if classes else "measurement"
    return [assay, *(f"{assay} {what}" for what in ("model sd", f"{of} low", f"{of} high", *further))]


def write_predictions(file: TextIO, tables: Iterable[PredictionTable]) -> None:
    """Write predictions as CSV: candidate, and for each assay mean, `model sd`, ends of the interval, and draws.

    The standard deviation is that of the model, without measurement noise; the interval is that of one new measurement,
    `measurement low` and `measurement high` (for classes, and assays of 0 and 1, of the probability, `probability low`
    and `high`). Where some candidates are not in the pool, a last column `in pool` says which.

    Args:
        file: an open text file.
        tables: of one model, such as a large pool in pieces.
    """
    writer = csv.writer(file, lineterminator="\n")
    for i, table in enumerate(tables):
        if i == 0:
            writer.writerow(["candidate", *table.column_names, *(["in pool"] if table.outside is not None else [])])
        columns = [
            values.tolist()
            for a in range(len(table.assays))
            for values in (*(x[:, a] for x in (table.mean, table.sd, table.low, table.high)), *table.draws[:, :, a])
        ]
        if table.outside is not None:
            columns.append(["no" if one else "yes" for one in table.outside.tolist()])
        writer.writerows(zip(table.names, *columns, strict=True))
