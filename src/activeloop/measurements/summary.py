"""From single measurements to one mean and one standard error for each candidate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from activeloop.candidates import Pool
from activeloop.errors import MeasurementError
from activeloop.measurements.arrays import MeasurementArrays, Texts, numbers_in
from activeloop.measurements.assay import Assay, Measurement
from activeloop.measurements.dataset import Dataset, two_levels
from activeloop.measurements.effects import PlateEffects, moderated_variances, plate_effects, t_factor

Scale = Literal["additive", "multiplicative"]
#: a replicate series of a table without wells counts as a plate of its own from this many candidates on
SERIES = 4
#: difference of log-likelihoods from which repeats show how noise grows; else the span of values, in powers of ten
SURE_OF_NOISE, WIDE = 3.0, 1.5
_POSITIVE = ": plates can multiply positive values only"


@dataclass(frozen=True)
class AssaySummary:
    """Means, errors and plate effects of one assay.

    Args:
        assay: which.
        names: K candidates and controls, sorted.
        means: [K] corrected for plates, in the assay's unit (a factor-corrected value for `multiplicative`).
        errors: [K] standard errors of the means; 0 when nothing was repeated.
        censored: [K] -1, 0 or +1 as in `Dataset`.
        plates: plate -> what it adds to its values (for `multiplicative`: the factor).
        plate_sd: standard deviation between plates (for `multiplicative`: of the logarithm).
        noise: standard deviation of one measurement, 0 when not known.
        notes: what a person should know, in sentences.
    """

    assay: Assay
    names: tuple[str, ...]
    means: np.ndarray
    errors: np.ndarray
    censored: np.ndarray
    plates: dict[str, float]
    plate_sd: float
    noise: float
    notes: tuple[str, ...]


def summarise(
    measurements: Sequence[Measurement] | MeasurementArrays,
    pool: Pool,
    assays: Sequence[Assay],
    rounds: Sequence[int] | np.ndarray | None = None,
    scale: Scale | None = None,
) -> Dataset:
    """Each measured candidate once, with a mean and a standard error for each assay.

    A control that is in the pool (the wild type, usually) counts as a measurement of that candidate; one that is not
    serves to compare plates only. The order of the measurements does not matter.

    Args:
        measurements: those that count (the caller leaves out voided ones).
        pool: the pool they belong to.
        assays: the columns of the data set.
        rounds: [n] the round of each measurement, from 0; all 0 when None.
        scale: whether plates and noise add to values or multiply them. Where it is None they multiply those of
            assays on a logarithmic scale; of assays whose scale is to be found where repeats, else the span of the
            values, say so (`noise_grows`); and of others whose values are all positive and would not be so any more
            if a plate added; else they add, which is right for logarithms, ratios and z-scores.

    Raises:
        MeasurementError: a candidate is not in the pool, an assay is unknown, or a value is not finite.

    >>> rows = [Measurement("K2R", "kcat", v, replicate=r) for r, v in enumerate((1.0, 1.2, 1.1), 1)]
    >>> rows += [Measurement("T3S", "kcat", 3.0)]
    >>> data = summarise(rows, Pool.single_mutants("MKTA"), [Assay("kcat")])
    >>> data.values[:, 0].round(2).tolist(), data.errors[:, 0].round(2).tolist()
    ([1.1, 3.0], [0.1, 0.18])
    """
    given = measurements if isinstance(measurements, MeasurementArrays) else MeasurementArrays.of(measurements)
    known, words = {a.name for a in assays}, given.texts.words
    odd = [number for number in numbers_in(given.rows["assay"]).tolist() if words[number] not in known]
    if odd:
        m = given[int(np.flatnonzero(np.isin(given.rows["assay"], odd))[0])]
        raise _refused(m, f'"{m.assay}" is not an assay of this campaign ({", ".join(sorted(known))}).')
    of_name = given.texts.names.rows_in(pool)
    rows = of_name[given.rows["candidate"]]
    if len(outside := np.flatnonzero((rows < 0) & ~given.rows["control"])):
        m = given[int(outside[0])]
        raise _refused(m, f'"{m.candidate}" is not in the pool. Add it to the pool or void the result.')
    given = _one_name_each(given, rows)
    inside = rows >= 0
    order, place = np.unique(rows[inside], return_inverse=True)
    started = np.full(len(order), np.iinfo(np.int64).max)
    np.minimum.at(started, place, 0 if rounds is None else np.asarray(rounds, np.int64)[inside])
    values = np.full((len(order), len(assays)), np.nan)
    errors, censored = np.zeros(values.shape), np.zeros(values.shape, np.int8)
    for column, assay in enumerate(assays):
        summary = _summarised(given, assay, scale)
        row = of_name[summary.numbers]
        source = np.flatnonzero(row >= 0)
        target = np.searchsorted(order, row[source])
        values[target, column] = summary.means[source]
        errors[target, column] = summary.errors[source]
        censored[target, column] = summary.censored[source]
    return Dataset(pool, order, values, errors, tuple(assays), started, censored)


def summarise_assay(
    measurements: Sequence[Measurement] | MeasurementArrays, assay: Assay, scale: Scale | None = None
) -> AssaySummary:
    """Summarise one assay.

    Values of an assay on a logarithmic scale are averaged by their logarithms.

    Censored values take no part in estimating plates. A candidate with censored values only keeps its tightest
    limit; where others were measured, a censored value counts as its limit. A class (`classify`) is decided by the
    majority of its measurements, a tie is unfit. Plates of classes and of two values (0 and 1) are not corrected.

    Args:
        measurements: of any assay; only those of `assay` are read.
        assay: which.
        scale: see `summarise`.

    Raises:
        MeasurementError: a value is not finite, or not positive where plates multiply.
    """
    given = measurements if isinstance(measurements, MeasurementArrays) else MeasurementArrays.of(measurements)
    found = _summarised(given, assay, scale)
    names, effects, multiply = tuple(given.texts.names.at(found.numbers)), found.effects, found.multiplied
    table = np.exp(effects.shifts) if multiply else effects.shifts
    by_plate = dict(zip(found.plates, table.tolist(), strict=True)) if found.corrected else {}
    notes = _notes(assay, found.plates, effects, multiply) if found.corrected and len(names) else ()
    told = (found.means, found.errors, found.censored, by_plate, effects.sd, effects.noise, notes)
    return AssaySummary(assay, names, *told)


@dataclass(frozen=True)
class _Summary:
    """As `AssaySummary`, before anything is named.

    Args:
        numbers: [K] of the names of candidates and controls.
        means: [K] of these.
        errors: [K] of the means.
        censored: [K] as in `Dataset`.
        plates: P, sorted.
        effects: of these.
        multiplied: whether plates multiply.
        corrected: whether plates were corrected.
    """

    numbers: np.ndarray
    means: np.ndarray
    errors: np.ndarray
    censored: np.ndarray
    plates: list[str]
    effects: PlateEffects
    multiplied: bool
    corrected: bool


def _summarised(given: MeasurementArrays, assay: Assay, scale: Scale | None) -> _Summary:
    mine = given.take(given.rows["assay"] == given.texts.words.find(assay.name))
    _check_values(mine, scale or ("multiplicative" if assay.scale == "log" else "additive"))
    order = _canonical(mine)
    owner = mine.rows["candidate"][order]
    begins = np.diff(owner, prepend=-1) != 0  # those of a candidate stand together
    numbers, candidates = owner[begins], np.cumsum(begins) - 1
    values, sides = mine.rows["value"][order], mine.rows["side"][order]
    plate_names, plates = _plates_of(mine)
    plates = plates[order]
    correct = not (assay.goal == "classify" or assay.scale == "binary" or _two(mine.rows, assay))
    on_plate = plates if correct else np.zeros_like(plates)
    measured, count = sides == 0, int(on_plate.max(initial=-1)) + 1

    def fitted(modelled: np.ndarray) -> tuple[np.ndarray, PlateEffects]:
        effects = plate_effects(modelled[measured], candidates[measured], on_plate[measured], count)
        return modelled - effects.shifts[on_plate], effects

    multiply = scale == "multiplicative" or (scale is None and assay.scale == "log")
    if scale is None and assay.scale == "auto" and correct:
        multiply = noise_grows(values, candidates, sides == 0, bounded=np.isfinite(assay.ends[1]))
    corrected, effects = fitted(np.log(values) if multiply else values)
    if scale is None and not multiply and (values > 0).all() and (corrected <= 0).any():
        multiply = True  # a plate that adds would take concentrations below nothing
        corrected, effects = fitted(np.log(values))
    geometric = multiply and assay.scale == "log"
    shown = np.exp(corrected) if multiply and not geometric else corrected
    means, censored = _means(shown, candidates, sides, len(numbers))
    means = np.exp(means) if geometric else means
    if assay.bounds and len(values):
        # a correction takes no mean farther out than noise had taken a value
        low, high = (np.inf * side if end is None else end for side, end in zip((-1, 1), assay.bounds, strict=True))
        means = np.clip(means, min(low, values.min()), max(high, values.max()))
    stated = mine.rows["error"][order] / (values if multiply else 1.0)
    errors = _errors(corrected, candidates, on_plate, measured, effects, stated)
    if multiply:
        errors = errors * means  # of a logarithm: relative ones
    if assay.goal == "classify":
        means = (means > 0.5).astype(np.float64)
    return _Summary(numbers, means, errors, censored, plate_names, effects, multiply, correct)


def noise_grows(values: np.ndarray, candidates: np.ndarray, measured: np.ndarray, *, bounded: bool = False) -> bool:
    """Whether noise is a share of the values, as of an IC50, and not the same for small and large ones.

    Repeats decide, by the likelihood of their deviations from the mean of their candidate, on either scale. Where they
    do not, as controls of one level cannot, it is a share where values span more than 1.5 powers of ten. The noise of
    large values taken for that of small ones would make these count for nothing on logarithms.

    Args:
        values: [n].
        candidates: [n] number of the candidate of each, from 0.
        measured: [n] whether it is a value, not a limit.
        bounded: whether values have a largest possible one, as percent have: then repeats alone decide.

    Source: Box and Cox 1964, J. R. Stat. Soc. B 26:211.

    >>> who, measured = np.array([0, 0, 1, 1, 2, 2]), np.ones(6, bool)
    >>> noise_grows(np.array([8, 10, 90, 110, 900, 1100.0]), who, measured)
    True
    >>> noise_grows(np.array([1, 11, 90, 100, 900, 909.0]), who, measured)
    False
    """
    if not len(values) or values.min() <= 0:
        return False
    sizes = np.bincount(candidates[measured], minlength=int(candidates.max()) + 1)
    freedom = int(np.maximum(sizes - 1, 0).sum())
    if not freedom:
        return False
    own, kept = candidates[measured], values[measured]
    logs = np.log(kept)
    spread, relative = (
        float(np.square(x - (np.bincount(own, x, len(sizes)) / np.maximum(sizes, 1))[own]).sum()) for x in (kept, logs)
    )
    if not (spread > 0 and relative > 0):
        return False
    jacobian = float((((sizes - 1) / np.maximum(sizes, 1))[own] * logs).sum())
    gain = 0.5 * freedom * np.log(spread / relative) - jacobian
    if abs(gain) > SURE_OF_NOISE:
        return bool(gain > 0)
    return not bounded and float(np.log10(values.max() / values.min())) > WIDE


def _two(rows: np.ndarray, assay: Assay) -> bool:
    """Whether an assay whose scale is not stated has two values alone, see `two_levels`."""
    values = rows["value"]
    return assay.scale == "auto" and not rows["side"].any() and two_levels(values, np.zeros(len(values))) is not None


def _canonical(mine: MeasurementArrays) -> np.ndarray:
    """[n] their order by candidate, plate, well, replicate, value and qualifier.

    Sums of floats depend on their order; this one does not depend on the file's.
    """
    rows, texts = mine.rows, mine.texts
    owner = texts.names.ranks()[rows["candidate"]] if len(rows) else np.zeros(0, np.int64)
    order = np.argsort(owner, kind="stable")
    same = np.diff(owner[order]) == 0
    several = np.flatnonzero(np.append(same, False) | np.insert(same, 0, False)) if len(rows) else order
    if len(several):
        some = order[several]
        plates, wells = texts.places.ranks()[rows["plate"][some]], texts.words.ranks()[rows["well"][some]]
        rest = (rows[name][some] for name in ("side", "value", "replicate"))
        order[several] = some[np.lexsort((*rest, wells, plates, owner[some]))]
    return order


def _check_values(mine: MeasurementArrays, scale: Scale) -> None:
    values = mine.rows["value"]
    for wrong, why in ((~np.isfinite(values), ", not a number that can be averaged"), (values <= 0, _POSITIVE)):
        if len(places := np.flatnonzero(wrong)) and (why is not _POSITIVE or scale == "multiplicative"):
            m = mine[int(places[0])]
            raise _refused(m, f'the {m.assay} of "{m.candidate}" is {m.value}{why}.')


def _refused(m: Measurement, problem: str) -> MeasurementError:
    return MeasurementError(f"{problem} Nothing was summarised.", file=m.file or None, row=m.row or None)


def _one_name_each(given: MeasurementArrays, rows: np.ndarray) -> MeasurementArrays:
    """The same measurements with one spelling for each candidate, whose row of the pool is known (-1: none)."""
    numbers, own = numbers_in(given.rows["candidate"]), np.full(len(given.texts.names), -1)
    own[given.rows["candidate"]] = rows
    own = own[numbers]
    if not (np.diff(np.sort(own[own >= 0])) == 0).any():
        return given
    spelling = given.texts.names.ranks()[numbers]
    changed = np.arange(len(given.texts.names))
    by_row = np.lexsort((spelling, own))
    inside = by_row[own[by_row] >= 0]
    begins = np.diff(own[inside], prepend=-1) != 0
    changed[numbers[inside]] = numbers[inside][begins][np.cumsum(begins) - 1]
    renamed = given.rows.copy()
    renamed["candidate"] = changed[given.rows["candidate"]]
    return MeasurementArrays(renamed, given.texts)


def _plates_of(mine: MeasurementArrays) -> tuple[list[str], np.ndarray]:
    """Names of plates, sorted, and [n] the number of the one that each measurement stood on.

    Without a plate's name the file stands for it. Without wells, a replicate series of at least 4 candidates (a
    column `rep2` of a wide table) counts as a plate of its own, since that is how replicates are usually run; with
    wells, replicates are known to stand on the plate that is named.
    """
    rows, places = mine.rows, mine.texts.places
    home = np.where(rows["plate"] == places.find(""), rows["file"], rows["plate"])
    loose = np.flatnonzero(rows["well"] == mine.texts.words.find(""))
    if len(loose) and len(set(rows["replicate"][loose].tolist())) > 1:
        home = _by_series(home, loose, rows, places)
    used = numbers_in(home)
    used = used[np.argsort(places.ranks()[used])] if len(used) else used
    number = np.zeros(len(places), np.int64)
    number[used] = np.arange(len(used))
    return places.at(used), number[home]


def _by_series(home: np.ndarray, loose: np.ndarray, rows: np.ndarray, places: Texts) -> np.ndarray:
    """[n] numbers of plates, where a series of replicates without wells is one of its own.

    Args:
        home: [n] numbers of plates or files.
        loose: those of n without a well.
        rows: structured [n].
        places: names of plates and files, to which those of series are added.
    """
    members: dict[tuple[int, int], set[int]] = {}
    for at, replicate, name in zip(
        *(x[loose].tolist() for x in (home, rows["replicate"], rows["candidate"])), strict=True
    ):
        members.setdefault((at, replicate), set()).add(name)
    series: dict[int, list[int]] = {}
    for (at, replicate), names in sorted(members.items()):
        if len(names) >= SERIES:
            series.setdefault(at, []).append(replicate)
    home = home.copy()
    for place in loose.tolist():
        own = series.get(int(home[place]), [])
        if len(own) > 1:
            replicate = int(rows["replicate"][place])
            label = f"{places[int(home[place])]} replicate {replicate if replicate in own else own[0]}".strip()
            home[place] = places.add(label)
    return home


def _notes(assay: Assay, plates: Sequence[str], effects: PlateEffects, multiplied: bool) -> tuple[str, ...]:
    """What a person should know about plates and replicates of one assay, in sentences."""
    notes = []
    linked = effects.unlinked
    groups: dict[int, list[str]] = {}
    for name, group in zip(plates, linked.tolist(), strict=True):
        groups.setdefault(group, []).append(name or "(no name)")
    if len(groups) > 1:
        sets = [" and ".join(groups[group]) for group in sorted(groups)]
        notes.append(
            f"{assay.name}: nothing repeated links these plates, so they are compared without correction: "
            f"{'; '.join(sets)}. Put the same controls on every plate."
        )
    if len(groups) < len(plates):
        low, high = float(effects.shifts.min()), float(effects.shifts.max())
        unit = f" {assay.unit}" if assay.unit and not multiplied else ""
        notes.append(
            f"{assay.name}: values were corrected for their plate, by controls and repeated candidates "
            f"({'logarithm ' * multiplied}from {-high:+.3g} to {-low:+.3g}{unit})."
        )
    if effects.freedom == 0:
        notes.append(f"{assay.name}: nothing was measured often enough to know the noise; standard errors are unknown.")
    return tuple(notes)


def _means(values: np.ndarray, candidates: np.ndarray, sides: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """[K] means or tightest limits, and [K] whether each is a limit (-1 for `<`, +1 for `>`, else 0).

    Args:
        values: [n] values and limits.
        candidates: [n] the candidate of each, from 0 to K - 1; each has at least one value.
        sides: [n] -1 for `<`, 0 for a measured value, +1 for `>`.
        count: K.

    >>> means, censored = _means(np.array([0.2, 0.1, 3.0]), np.array([0, 0, 1]), np.array([-1, -1, 0]), 2)
    >>> means.tolist(), censored.tolist()
    ([0.1, 3.0], [-1, 0])
    """
    means = np.bincount(candidates, values, count) / np.maximum(np.bincount(candidates, minlength=count), 1)
    below, above = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(below, candidates[sides < 0], values[sides < 0])
    np.maximum.at(above, candidates[sides > 0], values[sides > 0])
    measured = np.bincount(candidates[sides == 0], minlength=count) > 0
    only_below = ~measured & np.isfinite(below) & ~np.isfinite(above)
    only_above = ~measured & np.isfinite(above) & ~np.isfinite(below)
    censored = only_above.astype(np.int8) - only_below.astype(np.int8)
    return np.where(only_below, below, np.where(only_above, above, means)), censored


def _errors(
    values: np.ndarray,
    candidates: np.ndarray,
    plates: np.ndarray,
    measured: np.ndarray,
    effects: PlateEffects,
    stated: np.ndarray,
) -> np.ndarray:
    """[K] standard errors of the means, of noise and of plate corrections; 0 where the noise is not known.

    Args:
        values: [n] values without their plate's shift.
        candidates: [n] the candidate of each, from 0 to K - 1.
        plates: [n] the plate of each, from 0.
        measured: [n] whether it is a value, not a limit.
        effects: of the plates.
        stated: [n] standard error with which each value came, 0 where none did: where all values of a candidate have
            one, these count in place of the noise; where that is not known, the largest stands for the others'.
    """
    count = int(candidates.max(initial=-1)) + 1
    used, stated = candidates[measured], stated[measured]
    times = np.bincount(used, minlength=count)
    together = np.sqrt(np.bincount(used, np.square(stated), count)) / np.maximum(times, 1)
    known = (np.bincount(used, stated > 0, count) == times) & (times > 0)
    if effects.noise == 0:
        # a value of unknown error beside others must not count as exact
        return np.where(known, together, together[known].max(initial=0.0))
    own, kept = candidates[measured], values[measured]
    repeats = np.bincount(own, minlength=count)
    centre = np.bincount(own, kept, count) / np.maximum(repeats, 1)
    squares = np.bincount(own, (kept - centre[own]) ** 2, count)
    noise = moderated_variances(squares, np.maximum(repeats - 1, 0), effects.noise**2, effects.freedom)
    correction = _of_corrections(candidates, plates, count, effects.covariance, effects.linked)
    own_noise = np.where(known, np.square(together), noise / np.maximum(repeats, 1))
    return np.sqrt(own_noise + correction * t_factor(np.array(effects.freedom)) ** 2)


def _of_corrections(
    candidates: np.ndarray, plates: np.ndarray, count: int, covariance: np.ndarray, linked: np.ndarray
) -> np.ndarray:
    """[K] variance that the correction for plates brings into the mean of each candidate.

    Args:
        candidates: [n] from 0 to K - 1.
        plates: [n] from 0 to P - 1.
        count: K.
        covariance: [L, L] of the shifts of some plates; those of others are 0.
        linked: [L] which.

    >>> _of_corrections(np.array([0, 0, 1]), np.array([0, 2, 2]), 2, np.diag([1.0, 4.0]), np.array([0, 2])).tolist()
    [1.25, 4.0]
    """
    if not len(linked):
        return np.zeros(count)
    width = int(plates.max(initial=0)) + 1
    pairs, times = np.unique(candidates * width + plates, return_counts=True)
    who, where = np.divmod(pairs, width)
    share = times / np.maximum(np.bincount(who, times, count), 1)[who]
    place = np.searchsorted(linked, where)
    known = linked[np.minimum(place, len(linked) - 1)] == where
    who, where, share = who[known], place[known], share[known]
    several = np.bincount(who, minlength=count)
    first, found = np.concatenate([[0], np.cumsum(several)])[:-1], np.zeros(count)
    for number in np.unique(several[several > 0]).tolist():  # of candidates on as many plates, some at a time
        mine = np.flatnonzero(several == number)
        for some in np.array_split(mine, 1 + len(mine) * number**2 // 2_000_000):
            at = first[some][:, None] + np.arange(number)
            on, weight = where[at], share[at]
            found[some] = np.einsum("kp,kpq,kq->k", weight, covariance[on[:, :, None], on[:, None, :]], weight)
    return found
