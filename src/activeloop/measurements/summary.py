"""From single measurements to one mean and one standard error for each candidate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from activeloop.candidates import Pool
from activeloop.errors import MeasurementError
from activeloop.measurements.assay import Assay, Measurement
from activeloop.measurements.dataset import Dataset
from activeloop.measurements.effects import PlateEffects, moderated_variances, plate_effects, t_factor

Scale = Literal["additive", "multiplicative"]
#: a replicate series of a table without wells counts as a plate of its own from this many candidates on
SERIES = 4


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
    measurements: Sequence[Measurement],
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
        scale: whether a plate adds to its values or multiplies them. Where it is None a plate multiplies those of
            assays on a logarithmic scale, and of others whose values are all positive and would not be so any more
            if it added; else it adds, which is right for logarithms, ratios and z-scores.

    Raises:
        MeasurementError: a candidate is not in the pool, an assay is unknown, or a value is not finite.

    >>> rows = [Measurement("K2R", "kcat", v, replicate=r) for r, v in enumerate((1.0, 1.2, 1.1), 1)]
    >>> rows += [Measurement("T3S", "kcat", 3.0)]
    >>> data = summarise(rows, Pool.single_mutants("MKTA"), [Assay("kcat")])
    >>> data.values[:, 0].round(2).tolist(), data.errors[:, 0].round(2).tolist()
    ([1.1, 3.0], [0.1, 0.18])
    """
    known = {a.name for a in assays}
    for m in measurements:
        if m.assay not in known:
            raise _refused(m, f'"{m.assay}" is not an assay of this campaign ({", ".join(sorted(known))}).')
    rows = _rows(measurements, pool)
    measurements = _one_name_each(measurements, rows)
    first: dict[int, int] = {}
    for m, number in zip(measurements, [0] * len(measurements) if rounds is None else rounds, strict=True):
        if (row := rows.get(m.candidate)) is not None:
            first[row] = min(int(number), first.get(row, int(number)))
    order = np.array(sorted(first), np.int64)
    values = np.full((len(order), len(assays)), np.nan)
    errors, censored = np.zeros(values.shape), np.zeros(values.shape, np.int8)
    for column, assay in enumerate(assays):
        summary = summarise_assay(measurements, assay, scale)
        source = np.array([k for k, name in enumerate(summary.names) if name in rows], np.int64)
        target = np.searchsorted(order, [rows[summary.names[k]] for k in source.tolist()])
        values[target, column] = summary.means[source]
        errors[target, column] = summary.errors[source]
        censored[target, column] = summary.censored[source]
    started = np.array([first[row] for row in order.tolist()], np.int64)
    return Dataset(pool, order, values, errors, tuple(assays), started, censored)


def summarise_assay(measurements: Sequence[Measurement], assay: Assay, scale: Scale | None = None) -> AssaySummary:
    """Summarise one assay.

    Values of an assay on a logarithmic scale are averaged by their logarithms.

    Censored values take no part in estimating plates. A candidate with censored values only keeps its tightest
    limit; where others were measured, a censored value counts as its limit. A class (`classify`) is decided by the
    majority of its measurements, a tie is unfit, and plates are not corrected.

    Args:
        measurements: of any assay; only those of `assay` are read.
        assay: which.
        scale: see `summarise`.

    Raises:
        MeasurementError: a value is not finite, or not positive where plates multiply.
    """
    mine = sorted((m for m in measurements if m.assay == assay.name), key=_canonical)
    _check_values(mine, scale or ("multiplicative" if assay.scale == "log" else "additive"))
    names = tuple(sorted({m.candidate for m in mine}))
    number = {name: k for k, name in enumerate(names)}
    candidates = np.array([number[m.candidate] for m in mine], np.int64)
    values = np.array([m.value for m in mine], np.float64)
    sides = np.array([{"<": -1, "=": 0, ">": 1}[m.qualifier] for m in mine], np.int8)
    labels = _plates_of(mine)
    plate_names = sorted(set(labels))
    place = {name: k for k, name in enumerate(plate_names)}
    plates = np.array([place[label] for label in labels], np.int64)
    correct = assay.goal != "classify"
    on_plate = plates if correct else np.zeros_like(plates)
    measured, count = sides == 0, int(on_plate.max(initial=-1)) + 1

    def fitted(modelled: np.ndarray) -> tuple[np.ndarray, PlateEffects]:
        effects = plate_effects(modelled[measured], candidates[measured], on_plate[measured], count)
        return modelled - effects.shifts[on_plate], effects

    multiply = scale == "multiplicative" or (scale is None and assay.scale == "log")
    corrected, effects = fitted(np.log(values) if multiply else values)
    if scale is None and not multiply and (values > 0).all() and (corrected <= 0).any():
        multiply = True  # a plate that adds would take concentrations below nothing
        corrected, effects = fitted(np.log(values))
    geometric = multiply and assay.scale == "log"
    shown = np.exp(corrected) if multiply and not geometric else corrected
    means, censored = _means(shown, candidates, sides, len(names))
    means = np.exp(means) if geometric else means
    if assay.bounds and len(values):
        # a correction takes no mean farther out than noise had taken a value
        low, high = (np.inf * side if end is None else end for side, end in zip((-1, 1), assay.bounds, strict=True))
        means = np.clip(means, min(low, values.min()), max(high, values.max()))
    stated = np.array([m.error for m in mine], np.float64) / (values if multiply else 1.0)
    errors = _errors(corrected, candidates, on_plate, measured, effects, stated)
    if multiply:
        errors = errors * means  # of a logarithm: relative ones
    if assay.goal == "classify":
        means = (means > 0.5).astype(np.float64)
    table = np.exp(effects.shifts) if multiply else effects.shifts
    by_plate = dict(zip(plate_names, table.tolist(), strict=True)) if correct else {}
    notes = _notes(assay, plate_names, effects, multiply) if correct and mine else ()
    return AssaySummary(assay, names, means, errors, censored, by_plate, effects.sd, effects.noise, notes)


def _canonical(m: Measurement) -> tuple[str, str, str, int, float, str]:
    # Sums of floats depend on their order; this one does not depend on the file's.
    return m.candidate, m.plate, m.well, m.replicate, m.value, m.qualifier


def _check_values(mine: Sequence[Measurement], scale: Scale) -> None:
    for m in mine:
        problem = ""
        if not np.isfinite(m.value):
            problem = f'the {m.assay} of "{m.candidate}" is {m.value}, not a number that can be averaged'
        elif scale == "multiplicative" and m.value <= 0:
            problem = f'the {m.assay} of "{m.candidate}" is {m.value}: plates can multiply positive values only'
        if problem:
            raise _refused(m, f"{problem}.")


def _refused(m: Measurement, problem: str) -> MeasurementError:
    return MeasurementError(f"{problem} Nothing was summarised.", file=m.file or None, row=m.row or None)


def _rows(measurements: Sequence[Measurement], pool: Pool) -> dict[str, int]:
    """Name -> row of the pool; controls that are not in it are left out."""
    rows: dict[str, int] = {}
    outside: set[str] = set()
    for m in measurements:
        if m.candidate in rows or (m.candidate in outside and m.control):
            continue
        row = pool.row_of(m.candidate)
        if row is not None:
            rows[m.candidate] = row
        elif m.control:
            outside.add(m.candidate)
        else:
            raise _refused(m, f'"{m.candidate}" is not in the pool. Add it to the pool or void the result.')
    return rows


def _one_name_each(measurements: Sequence[Measurement], rows: dict[str, int]) -> Sequence[Measurement]:
    """The same measurements with one spelling for each candidate."""
    if len(set(rows.values())) == len(rows):
        return measurements
    spelling: dict[int, str] = {}
    for name in sorted(rows):
        spelling.setdefault(rows[name], name)
    return [replace(m, candidate=spelling[rows[m.candidate]]) if m.candidate in rows else m for m in measurements]


def _plates_of(measurements: Sequence[Measurement]) -> list[str]:
    """[n] the plate that each measurement stood on.

    Without a plate's name the file stands for it. Without wells, a replicate series of at least 4 candidates (a
    column `rep2` of a wide table) counts as a plate of its own, since that is how replicates are usually run; with
    wells, replicates are known to stand on the plate that is named.
    """
    homes = [m.plate or m.file for m in measurements]
    members: dict[tuple[str, int], set[str]] = {}
    for m, home in zip(measurements, homes, strict=True):
        if not m.well:
            members.setdefault((home, m.replicate), set()).add(m.candidate)
    series: dict[str, list[int]] = {}
    for (home, replicate), names in sorted(members.items()):
        if len(names) >= SERIES:
            series.setdefault(home, []).append(replicate)
    labels = []
    for m, home in zip(measurements, homes, strict=True):
        own = series.get(home, []) if not m.well else []
        if len(own) > 1:
            labels.append(f"{home} replicate {m.replicate if m.replicate in own else own[0]}".strip())
        else:
            labels.append(home)
    return labels


def _notes(assay: Assay, plates: Sequence[str], effects: PlateEffects, multiplied: bool) -> tuple[str, ...]:
    """What a person should know about plates and replicates of one assay, in sentences."""
    notes = []
    linked = effects.unlinked
    groups = sorted(set(linked.tolist()))
    if len(groups) > 1:
        sets = [" and ".join(p or "(no name)" for p, g in zip(plates, linked, strict=True) if g == k) for k in groups]
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
    correction = _of_corrections(candidates, plates, count, effects.covariance)
    own_noise = np.where(known, np.square(together), noise / np.maximum(repeats, 1))
    return np.sqrt(own_noise + correction * t_factor(np.array(effects.freedom)) ** 2)


def _of_corrections(candidates: np.ndarray, plates: np.ndarray, count: int, covariance: np.ndarray) -> np.ndarray:
    """[K] variance that the correction for plates brings into the mean of each candidate.

    Args:
        candidates: [n] from 0 to K - 1.
        plates: [n] from 0 to P - 1.
        count: K.
        covariance: [P, P] of the shifts.

    >>> _of_corrections(np.array([0, 0, 1]), np.array([0, 1, 1]), 2, np.diag([1.0, 4.0])).tolist()
    [1.25, 4.0]
    """
    pairs, times = np.unique(candidates * len(covariance) + plates, return_counts=True)
    who, where = np.divmod(pairs, max(len(covariance), 1))
    several = np.bincount(who, minlength=count)
    share = times / np.maximum(np.bincount(who, times, count), 1)[who]
    first, found = np.concatenate([[0], np.cumsum(several)])[:-1], np.zeros(count)
    for number in np.unique(several[several > 0]).tolist():  # of candidates on as many plates, some at a time
        mine = np.flatnonzero(several == number)
        for some in np.array_split(mine, 1 + len(mine) * number**2 // 2_000_000):
            at = first[some][:, None] + np.arange(number)
            on, weight = where[at], share[at]
            found[some] = np.einsum("kp,kpq,kq->k", weight, covariance[on[:, :, None], on[:, None, :]], weight)
    return found
