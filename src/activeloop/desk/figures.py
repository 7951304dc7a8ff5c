"""The figures of a report: random baseline, calibration, effects by position and residue, controls of plates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from warnings import catch_warnings, filterwarnings

import numpy as np

from activeloop.acquisition.multiobjective import hypervolume, reference_point
from activeloop.campaigns import CampaignState, Front
from activeloop.campaigns.validation import PredictedPlate
from activeloop.candidates import Pool
from activeloop.measurements import Assay, Dataset
from activeloop.measurements.arrays import Texts, numbers_in
from activeloop.metrics import Z90
from activeloop.prediction import NORMAL, Prediction, Predictor, ValueMap, mean_of

#: candidates and joint samples by which the rest of a pool is represented
SAMPLE, DRAWS = 2048, 32
#: candidates of the first round from which a base rate is taken
BASE = 20
#: order of residues in a heat map: alike ones stand together
RESIDUES = "AVILMFYWGPCSTNQHKRDE"


# -- the random baseline ----------------------------------------------------------------------------------------------


def expected_best(values: np.ndarray, weights: np.ndarray, counts: Iterable[float]) -> np.ndarray:
    """The expected largest of n values drawn at random, each once, from a pool.

    The chance that all n of N are among the i lowest is C(i, n) / C(N, n).

    Args:
        values: [S, M] S sets of values; NaN counts as no value and is never the best.
        weights: [M] how many of the N candidates of the pool each stands for.
        counts: n, each at least 1.

    Returns:
        [len(counts)] the mean over the sets.

    >>> expected_best(np.array([[1.0, 2.0, 3.0]]), np.ones(3), [1, 2, 3]).round(3).tolist()
    [2.0, 2.667, 3.0]
    """
    order = np.argsort(np.where(np.isnan(values), -math.inf, values), axis=1)
    known = np.take_along_axis(values, order, 1)
    ranks = np.cumsum(weights[order], axis=1)
    out = []
    for n in counts:
        below = np.exp(_log_chance(ranks, float(n), float(weights.sum())))
        share = np.diff(below, axis=1, prepend=0.0) * np.isfinite(known)
        total = share.sum(1)
        counted = total > 0
        best = (share * np.nan_to_num(known)).sum(1)[counted] / total[counted]
        out.append(float(best.mean()) if len(best) else math.nan)
    return np.array(out)


def _log_chance(ranks: np.ndarray, n: float, size: float) -> np.ndarray:
    """Log of C(rank, n) / C(size, n); -inf where fewer than n are that low."""
    from scipy.special import gammaln

    inside = ranks >= n
    at = np.where(inside, ranks, n)
    chance = gammaln(at + 1) - gammaln(at - n + 1) - gammaln(size + 1) + gammaln(size - n + 1)
    return np.where(inside, np.minimum(chance, 0.0), -math.inf)


@dataclass(frozen=True)
class PoolSample:
    """What the pool would show, if the current version is right about what nobody measured.

    Args:
        assays: names of A assays.
        values: [S, M, A] S sets of values, larger is better; NaN where a threshold is missed. Of classes probabilities.
        weights: [M] how many candidates of the pool each stands for.
        measured: how many of them are measured; they come first.
    """

    assays: tuple[str, ...]
    values: np.ndarray
    weights: np.ndarray
    measured: int

    def of(self, assay: str) -> np.ndarray:
        """[S, M] of one assay."""
        return self.values[:, :, self.assays.index(assay)]


@dataclass(frozen=True)
class BestSoFar:
    """The best of an assay after each round, beside random picks of the same number; of two values how many are hits.

    Args:
        assay: which.
        counts: [R] candidates measured until then.
        best: [R] in the unit, NaN while none counts.
        random: [R] expected of as many random picks; NaN where nothing tells it.
        exact: whether the whole pool is measured, so that nothing was estimated.
        needed: random picks after which the best found is expected; NaN where not even the whole pool, or not known.
        base: hits and candidates of the first round, where no model chose it and the base rate is taken from it.
    """

    assay: Assay
    counts: np.ndarray
    best: np.ndarray
    random: np.ndarray
    exact: bool
    needed: float
    base: tuple[int, int] | None = None

    @property
    def counted(self) -> str:
        """What `best` counts; "" where it is a value."""
        return "fit" if self.assay.goal == "classify" else "hits" if self.assay.is_two else ""

    @property
    def title(self) -> str:
        """What `best` is, in words."""
        unit = f" ({self.assay.unit})" if self.assay.unit else ""
        return self.counted or f"best {self.assay.name}{unit}"


def best_so_far(
    dataset: Dataset, rounds: int, columns: Sequence[int], sample: PoolSample | None, *, unchosen: bool = False
) -> list[BestSoFar]:
    """Of each of some assays.

    Args:
        dataset: of the campaign (not oriented), see `resolved`.
        rounds: how many there were.
        columns: of the assays.
        sample: of the pool; None where nothing tells what it would show.
        unchosen: whether no model chose the first round: with at least 20 candidates and a hit among them, their share
            of hits is the base rate of the pool. Later a model is fitted to what it chose itself, and finds hits
            likelier everywhere.
    """
    reached, enough = dataset.reached, dataset.meets_all() == 1
    counts = np.array([int((dataset.rounds <= r).sum()) for r in range(rounds)])
    whole = len(dataset) == len(dataset.pool)
    found = []
    for column in columns:
        assay = dataset.assays[column]
        fit, base = assay.is_two, None
        known = reached[:, column] if assay.goal == "classify" else np.where(enough, reached[:, column], np.nan)
        if assay.binary:  # replicates that disagree are no hit
            known = np.where(np.isnan(known), np.nan, known == (assay.sign > 0))
        best = np.array([_best(known[dataset.rounds <= r], fit) for r in range(rounds)])
        values, weights = (known[None], np.ones(len(known))) if whole else (None, np.ones(0))
        if sample is not None and assay.name in sample.assays:
            values, weights = sample.of(assay.name), sample.weights
            if assay.binary:
                values = values == (assay.sign > 0)
        if values is None:
            random, needed = np.full(rounds, np.nan), math.nan
        elif fit and (base := _base(known[dataset.rounds == 0]) if unchosen and not whole else None):
            share = base[0] / base[1]
            random, needed = share * counts, float(best[-1]) / share
            needed = needed if needed <= len(dataset.pool) else math.nan
        elif fit:
            share = float(np.average(values.mean(0), weights=weights))
            random, needed = share * counts, float(best[-1]) / share if share > 0 else math.nan
        else:
            random = expected_best(values, weights, counts)
            needed = _needed(values, weights, float(best[-1]))
        sign = 1 if fit else assay.sign
        found.append(BestSoFar(assay, counts, sign * best, sign * random, whole, needed, base))
    return found


def _base(first: np.ndarray) -> tuple[int, int] | None:
    """Hits and candidates of a round, by whether each is one; None where they are too few to tell a share."""
    known = first[np.isfinite(first)]
    return (int((known == 1).sum()), len(known)) if len(known) >= BASE and (known == 1).any() else None


def _best(values: np.ndarray, fit: bool) -> float:
    known = values[np.isfinite(values)]
    if fit:
        return float((known == 1).sum())
    return float(known.max()) if len(known) else math.nan


def _needed(values: np.ndarray, weights: np.ndarray, best: float) -> float:
    """The fewest random picks whose expected best is at least `best`, by bisection; NaN where not even all are."""
    low, high = 1, round(float(weights.sum()))
    if math.isnan(best) or expected_best(values, weights, [high])[0] < best:
        return math.nan
    while high - low > max(1, low // 200):
        middle = (low + high) // 2
        low, high = (low, middle) if expected_best(values, weights, [middle])[0] >= best else (middle, high)
    return float(high)


def sample_of_pool(dataset: Dataset, model: Predictor, predicted: Sequence[Assay], seed: int) -> PoolSample:
    """What was measured, and a random part of the rest: joint samples of the current version with measurement noise.

    Args:
        dataset: of the campaign (not oriented).
        model: the current version.
        predicted: the assays that it predicts.
        seed: of the samples.
    """
    pool, rng = dataset.pool, np.random.default_rng(seed)
    known = dataset.oriented().only([a.name for a in predicted])
    drawn = np.arange(len(pool)) if len(pool) <= SAMPLE else np.unique(rng.integers(len(pool), size=SAMPLE))
    drawn = drawn[~np.isin(drawn, known.rows)]
    rows = np.concatenate([known.rows, drawn[pool.readable(drawn)]])
    prediction = model.predict(pool, rows, seed, DRAWS)
    values = prediction.mean[None][:, :, [-1]] if prediction.classes else _with_noise(prediction, rng)
    own = values[:, : len(known)]
    # of a limit on the worse side it is known only that the value is no better
    held = np.where(known.censored < 0, np.minimum(own, known.values), known.values)
    values[:, : len(known)] = np.where(np.isnan(known.values), own, held)
    limits = known.limits
    if not prediction.classes and not np.isnan(limits).all():
        values[~(np.isnan(limits) | (values >= limits)).all(2)] = np.nan
    weights = np.ones(len(rows))
    weights[len(known) :] = (len(pool) - len(known)) / max(len(rows) - len(known), 1)
    return PoolSample(tuple(a.name for a in predicted), values, weights, len(known))


def _with_noise(prediction: Prediction, rng: np.random.Generator) -> np.ndarray:
    """[S, N, A] measurements that the samples would give, each candidate's distributed as its calibrated interval."""
    scaled = prediction.on_scale
    spread = np.maximum(np.sqrt(scaled.sd**2 + scaled.noise**2), 1e-12)
    away = scaled.draws + scaled.noise * rng.standard_normal(scaled.draws.shape) - scaled.mean
    away /= spread
    if prediction.shape is not None:
        for a, shape in enumerate(prediction.shape):
            away[:, :, a] = _shaped(away[:, :, a], shape)
    values = scaled.mean + spread * away
    for a, each in enumerate(prediction.maps):
        if each.binary:
            chance = each.inverse(scaled.draws[:, :, a])
            low = np.floor(chance.min(initial=0.0))  # -1 where less is better
            values[:, :, a] = low + (rng.random(chance.shape) < chance - low)
        else:
            values[:, :, a] = each.inverse(values[:, :, a])
    return values


def _shaped(z: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Places on a normal distribution moved to the same quantiles of a shape; beyond its ends in proportion."""
    moved = np.interp(z, NORMAL, shape)
    for end, out in ((-1, z > NORMAL[-1]), (0, z < NORMAL[0])):
        moved[out] = shape[end] * z[out] / NORMAL[end]
    return moved


def random_volumes(dataset: Dataset, front: Front, counts: np.ndarray, sample: PoolSample, seed: int) -> np.ndarray:
    """[R] volume below the front that as many random picks are expected to reach, in the unit of `Front.volumes`.

    Args:
        dataset: of the campaign (not oriented).
        front: of it, with volumes.
        counts: [R] candidates.
        sample: of the pool.
        seed: of the picks.
    """
    rng, rest = np.random.default_rng(seed), sample.values.shape[1] - sample.measured
    maps = [ValueMap(a.name in front.logs, a.sign) for a in front.assays]
    names = [a.name for a in dataset.assays]
    known = [dataset.reached[:, names.index(a.name)] for a in front.assays]
    places = np.stack([each.place(v) for each, v in zip(maps, known, strict=True)], 1)
    reference = reference_point(places)
    box = float(np.prod(np.nanmax(places, 0) - reference))
    drawn = np.stack([each.place(sample.of(a.name)) for each, a in zip(maps, front.assays, strict=True)], 2)
    volumes = np.zeros((len(drawn), len(counts)))
    others = round(float(sample.weights.sum())) - sample.measured
    for s, values in enumerate(drawn):
        for r, count in enumerate(counts.tolist()):
            of_measured = int(rng.hypergeometric(sample.measured, others, count))
            picked = rng.permutation(sample.measured)[:of_measured].tolist()
            picked += (sample.measured + rng.permutation(rest)[: count - of_measured]).tolist()
            chosen = values[picked]
            volumes[s, r] = hypervolume(chosen[~np.isnan(chosen).any(1)], reference) / box
    return volumes.mean(0)


# -- calibration ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reliability:
    """Stated against observed: shares of intervals, or probabilities of classes.

    Args:
        stated: [K] what was stated.
        observed: [K] what came true; NaN where there is nothing to count.
        counts: [K] results behind each.
        classes: whether these are probabilities.
        what: of being what; "" where they are not.
    """

    stated: np.ndarray
    observed: np.ndarray
    counts: np.ndarray
    classes: bool
    what: str = ""


def reliability(plates: Sequence[PredictedPlate]) -> Reliability | None:
    """Of all predicted plates of one assay together; None where none was predicted by a version.

    Stored are 90 % intervals. Other ones are made of them as if each side were half of a normal distribution.
    """
    known = [p for p in plates if p.version]
    if not known:
        return None
    mean, low, high, value = (np.concatenate([getattr(p, n) for p in known]) for n in ("mean", "low", "high", "value"))
    if (assay := known[0].assay).is_two:
        bins = np.clip((mean * 5).astype(int), 0, 4)
        counts = np.bincount(bins, minlength=5)
        with np.errstate(invalid="ignore"):
            stated, observed = (np.bincount(bins, v, minlength=5) / counts for v in (mean, value))
        return Reliability(stated, observed, counts, True, "fit" if assay.goal == "classify" else "1")
    half = np.where(value > mean, high - mean, mean - low) / Z90
    z = np.abs(value - mean) / np.where(half > 0, half, np.nan)
    levels = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
    from scipy.special import ndtri

    observed = np.array([np.mean(z[np.isfinite(z)] <= ndtri((1 + p) / 2)) for p in levels])
    return Reliability(levels, observed, np.full(len(levels), np.isfinite(z).sum()), False)


# -- effects by position and residue ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Effects:
    """Values of residues at positions: of single mutants, or the mean of all variants with that residue there.

    Args:
        assay: which.
        labels: [L] of the positions, such as `V39`.
        residues: [K] letters.
        measured, predicted: [K, L] in the unit, NaN where not known.
        parent: [L] place of the wild type's residue among `residues`, -1 where there is none.
        singles: whether each cell is one variant.
    """

    assay: Assay
    labels: tuple[str, ...]
    residues: str
    measured: np.ndarray
    predicted: np.ndarray
    parent: np.ndarray
    singles: bool


@dataclass(frozen=True)
class Attribution:
    """What each exchange adds to a prediction, for a picture.

    Args:
        assay: which.
        labels: [L] of the positions.
        residues: letters, K of them.
        table: [L, K] what each adds; NaN where it is not known.
        parent: [L] codes of the wild type.
        candidates: name -> the cells (position, residue) of its mutations.
        unit: of the table, in words.
    """

    assay: Assay
    labels: tuple[str, ...]
    residues: str
    table: np.ndarray
    parent: np.ndarray
    candidates: dict[str, tuple[tuple[int, int], ...]]
    unit: str


#: candidates of a large pool whose predictions are averaged; positions beyond which a picture has no room
AVERAGED, WIDEST = 20_000, 1_000


def effects(
    dataset: Dataset, columns: Sequence[int], model: Predictor | None, predicted: Sequence[Assay], seed: int
) -> list[Effects]:
    """Of each of some assays, for a pool of sequences with few columns; [] for others."""
    pool, sites = dataset.pool, dataset.pool.sites
    if sites is None or not len(sites.labels):
        return []
    rows = _some_rows(pool, seed)
    singles = False
    if sites.parent is not None:
        single = (pool.codes(rows) != sites.parent).sum(1) == 1
        singles = bool(single.sum() >= 0.5 * len(rows))
        rows = rows[single] if singles else rows
    letters = [i for i, a in enumerate(sites.alphabet) if a in RESIDUES] or list(range(len(sites.alphabet)))
    order = sorted(letters, key=lambda i: RESIDUES.find(sites.alphabet[i]))
    names = [a.name for a in predicted]
    mean = None if model is None or not names else mean_of(model, pool, rows)
    found = []
    for column in columns:
        assay = dataset.assays[column]
        kept = ~np.isnan(dataset.values[:, column])
        here = dataset.rows[kept]
        if singles and sites.parent is not None:
            one = (pool.codes(here) != sites.parent).sum(1) == 1
            here, kept = here[one], np.flatnonzero(kept)[one]
        table = _means(pool, here, dataset.values[kept, column], singles)[order]
        guess = np.full_like(table, np.nan)
        if mean is not None and assay.name in names:
            at = names.index(assay.name)
            values = mean[:, -1] if assay.goal == "classify" else assay.sign * mean[:, at]
            guess = _means(pool, rows, values, singles)[order]
        parent = np.full(len(sites.labels), -1)
        if sites.parent is not None:
            parent = np.array([order.index(c) if c in order else -1 for c in sites.parent.tolist()])
        shown = np.arange(len(sites.labels))
        if len(shown) > WIDEST:
            shown = shown[np.isfinite(table).any(0)][:WIDEST]
        labels = tuple(sites.labels[i] for i in shown)
        residues = "".join(sites.alphabet[i] for i in order)
        found.append(Effects(assay, labels, residues, table[:, shown], guess[:, shown], parent[shown], singles))
    return found


def _some_rows(pool: Pool, seed: int) -> np.ndarray:
    if len(pool) <= 5 * AVERAGED:
        rows = np.arange(len(pool))
    else:
        rows = np.unique(np.random.default_rng(seed).integers(len(pool), size=AVERAGED))
    return rows[pool.readable(rows)]


def _means(pool: Pool, rows: np.ndarray, values: np.ndarray, singles: bool) -> np.ndarray:
    """[K, L] mean of the values of the variants with residue k at position l; of single mutants where they mutate."""
    sites = pool.sites
    assert sites is not None  # the caller has looked
    codes, width = pool.codes(rows), len(sites.alphabet)
    owner, column = np.nonzero(codes != sites.parent) if singles else np.indices(codes.shape).reshape(2, -1)
    cell = codes[owner, column].astype(np.int64) * codes.shape[1] + column
    shape = (width, codes.shape[1])
    counts = np.bincount(cell, minlength=width * codes.shape[1])
    sums = np.bincount(cell, values[owner], minlength=width * codes.shape[1])
    with np.errstate(invalid="ignore"):
        return (sums / np.where(counts, counts, np.nan)).reshape(shape)


# -- controls of plates -----------------------------------------------------------------------------------------------


def z_prime(positive: np.ndarray, negative: np.ndarray) -> float:
    """How far two controls stand apart, in units of their scatter: 1 at best, above 0.5 a good assay.

    Source: Zhang, Chung and Oldenburg 1999, doi:10.1177/108705719900400206.

    Returns:
        NaN with fewer than two wells of either, or equal means.

    >>> round(z_prime(np.array([10.0, 11.0, 9.0]), np.array([1.0, 0.0, 2.0])), 2)
    0.33
    """
    if min(len(positive), len(negative)) < 2:
        return math.nan
    apart = abs(float(positive.mean() - negative.mean()))
    return 1 - 3 * float(positive.std(ddof=1) + negative.std(ddof=1)) / apart if apart else math.nan


@dataclass(frozen=True)
class PlateControls:
    """The controls of one plate in one assay.

    Args:
        plate: its id.
        round: that its results belong to, from 0.
        wells, failed: results that count, and wells without a value, of candidates and controls.
        controls: name -> values of its wells.
        z_prime: of the two controls whose means lie farthest apart; NaN where there are no two.
    """

    plate: str
    round: int
    wells: int
    failed: int
    controls: dict[str, np.ndarray]
    z_prime: float

    @property
    def cv(self) -> str:
        """Coefficient of variation of each control, in words."""
        parts = []
        for name, values in self.controls.items():
            if len(values) > 1 and values.mean():
                parts.append(f"{name} {abs(values.std(ddof=1) / values.mean()):.1%}")
        return ", ".join(parts)


def plate_controls(state: CampaignState, assay: str, plate: str = "") -> list[PlateControls]:
    """Of each plate with results that count, in the order in which they came.

    Args:
        state: of the campaign.
        assay: its name.
        plate: only this one; all when "".
    """
    stored, places = state.stored, state.stored.texts.places
    kept = stored.standing & (stored.rows["assay"] == stored.texts.words.find(assay))
    rows = stored.rows[kept & (stored.rows["plate"] == places.find(plate)) if plate else kept]
    named = rows["plate"] != places.find("")
    rows, named = rows[named | rows["control"]], named[named | rows["control"]]
    numbers, first, home = np.unique(
        np.where(named, rows["plate"], rows["file"]), return_index=True, return_inverse=True
    )
    mine = np.split(np.argsort(home, kind="stable"), np.cumsum(np.bincount(home, minlength=len(numbers)))[:-1])
    names = stored.texts.names
    return [_plate_controls(places[int(numbers[k])], rows[mine[k]], names) for k in np.argsort(first).tolist()]


def _plate_controls(name: str, rows: np.ndarray, names: Texts) -> PlateControls:
    held = rows[rows["control"] & np.isfinite(rows["value"])]
    controls = {names[c]: held["value"][held["candidate"] == c] for c in numbers_in(held["candidate"]).tolist()}
    arrays = {c: controls[c].copy() for c in sorted(controls)}
    ordered = sorted(arrays.values(), key=lambda v: float(v.mean()))
    z = z_prime(ordered[-1], ordered[0]) if len(ordered) > 1 else math.nan
    failed = int(np.isnan(rows["value"]).sum())
    return PlateControls(name, int(rows["round"][0]), len(rows) - failed, failed, arrays, z)


@dataclass(frozen=True)
class PlateEffects:
    """What the place of a well adds on one plate, beside what it holds.

    Args:
        rows: [R] of each row, from the first; NaN where fewer than two wells have a value.
        columns: [C] of each column, the same.
        edge: mean of the outer wells less that of the inner ones; NaN where there are not two of either.
        edge_error: standard error of that difference.
        spread: median absolute deviation of the rest, as a standard deviation.
    """

    rows: np.ndarray
    columns: np.ndarray
    edge: float
    edge_error: float
    spread: float

    @property
    def warnings(self) -> tuple[str, ...]:
        """What stands out, in words: an edge three standard errors away from the rest."""
        found = []
        if self.edge_error > 0 and abs(self.edge) > 3 * self.edge_error:
            found.append(f"outer wells are {'higher' if self.edge > 0 else 'lower'} than inner ones")
        return tuple(found)


def plate_effects(values: Mapping[tuple[int, int], float], shape: tuple[int, int]) -> PlateEffects:
    """Effects of rows, columns and the edge of one plate, by median polish.

    Candidates stand at random places, so that what a row or column has in common is not theirs. With few wells it is
    mostly chance.

    Args:
        values: (row, column) from 0 -> value, without controls and failed wells.
        shape: rows and columns of the plate.

    Source: Tukey 1977, Exploratory Data Analysis; Brideau et al. 2003, doi:10.1177/1087057103258285.

    >>> tilted = {(r, c): 0.5 * c for r in range(4) for c in range(6)}
    >>> plate_effects(tilted, (4, 6)).columns.round(2).tolist()
    [-1.25, -0.75, -0.25, 0.25, 0.75, 1.25]
    """
    table = np.full(shape, np.nan)
    for at, value in values.items():
        table[at] = value
    rows, columns, rest = np.zeros(shape[0]), np.zeros(shape[1]), table.copy()
    with catch_warnings():
        filterwarnings("ignore", "All-NaN", RuntimeWarning)
        filterwarnings("ignore", "Mean of empty slice", RuntimeWarning)
        rest -= np.nanmedian(rest)
        for _ in range(10):
            for axis, effects_ in ((1, rows), (0, columns)):
                step = np.nan_to_num(np.nanmedian(rest, axis=axis))
                rest -= np.expand_dims(step, axis)
                effects_ += step
        for axis, effects_ in ((1, rows), (0, columns)):
            effects_ -= np.nanmean(np.where((~np.isnan(table)).any(axis), effects_, np.nan))
            effects_[(~np.isnan(table)).sum(axis) < 2] = np.nan
        spread = float(1.4826 * np.nanmedian(np.abs(rest - np.nanmedian(rest))))
    outer = np.zeros(shape, bool)
    outer[[0, -1]] = outer[:, [0, -1]] = True
    out, inner = (table[place & ~np.isnan(table)] for place in (outer, ~outer))
    if min(len(out), len(inner)) < 2:
        return PlateEffects(rows, columns, math.nan, math.nan, spread)
    error = math.sqrt(out.var(ddof=1) / len(out) + inner.var(ddof=1) / len(inner))
    return PlateEffects(rows, columns, float(out.mean() - inner.mean()), error, spread)
