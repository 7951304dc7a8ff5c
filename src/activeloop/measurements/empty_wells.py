"""Values of wells that were never filled: a reader measures the whole plate."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from activeloop.errors import MeasurementError
from activeloop.measurements.rows import Row
from activeloop.measurements.wells import Layout

#: values of empty wells differ by at most this share of the distance from them to the farthest filled well
MOST_SPREAD = 0.25
#: probability by chance of filled wells that lie as far to one side of the empty ones
BY_CHANCE = 0.02


def without_empty_wells(rows: Sequence[Row], plates: Sequence[Layout], file: str) -> tuple[list[Row], tuple[str, ...]]:
    """The rows of filled wells, where those of empty ones can be told from them.

    A file that gives a result for each filled well, and much the same value for the empty ones, is one of the whole
    plate. Otherwise it may be of another plate, or its wells may be shifted.

    Args:
        rows: of a file; a well that was never filled has the candidate "".
        plates: those that were filled.
        file: its name, for messages.

    Returns:
        The rows of filled wells; a note on each plate whose empty wells had values.

    Raises:
        MeasurementError: filled wells have no result, or empty ones read like filled ones.
    """
    empty = [row for row in rows if not row[0].candidate]
    if not empty:
        return list(rows), ()
    notes: list[str] = []
    for plate in plates:
        mine = [row for row in empty if row[0].plate == plate.id]
        if not mine:
            continue
        filled = [row for row in rows if row[0].candidate and row[0].plate == plate.id and row[0].well]
        problem = _missing(plate, filled)
        for assay in dict.fromkeys(entry.assay.name for _, entry, _ in mine):
            apart = _values(mine, assay), _values(filled, assay)
            if len(apart[0]) and not problem:
                problem = "" if _differ(*apart) else f"empty wells read like filled ones ({_ranges(assay, *apart)})"
                notes.append(
                    f"{len(apart[0])} value{'s' * (len(apart[0]) > 1)} of wells of {plate.id} that were never filled "
                    f"{'were' if len(apart[0]) > 1 else 'was'} left out ({_ranges(assay, *apart)})."
                )
        if problem:
            match, entry, _ = mine[0]
            others = f", as for {len(mine) - 1} more," if len(mine) > 1 else ""
            raise MeasurementError(
                f'well "{match.well}" of {plate.id} was never filled, but a result is given for it{others} and '
                f"{problem}. Correct the well, or give the plate that was measured. No row was stored.",
                file=file,
                row=entry.row,
            )
    return [row for row in rows if row[0].candidate], tuple(notes)


def _missing(plate: Layout, filled: Sequence[Row]) -> str:
    """Which filled wells have no result, in words; "" when all have one, be it that they failed."""
    read = {match.well for match, entry, _ in filled if entry.text.strip()}
    silent = [well for well in plate.wells if well not in read]
    more = f" and {len(silent) - 3} more" if len(silent) > 3 else ""
    return f"none for wells that were filled ({', '.join(silent[:3])}{more})" if silent else ""


def _values(rows: Sequence[Row], assay: str) -> np.ndarray:
    values = [cell.value for _, entry, cell in rows if entry.assay.name == assay and not cell.failed]
    return np.array([value for value in values if math.isfinite(value)])


def _differ(empty: np.ndarray, filled: np.ndarray) -> bool:
    """Whether empty wells read alike, and filled ones lie to one side of them.

    Filled wells may read like empty ones (a dead variant), but no empty well like the other filled ones.

    >>> blank, plate = np.array([0.04, 0.042] * 8), np.array([0.041, 0.3, 1.2, 2.8, 0.9, 1.7, 0.5, 2.1])
    >>> _differ(blank, plate), _differ(np.append(blank, 1.3), plate), _differ(blank, blank)
    (True, False, False)
    """
    if not len(filled):
        return False
    if filled.min() > empty.max() or filled.max() < empty.min():
        one_sided = True
    else:
        from scipy.stats import mannwhitneyu  # slow to import, and only needed here

        one_sided = mannwhitneyu(filled, empty).pvalue < BY_CHANCE
    reach = np.abs(filled - np.median(empty)).max()
    return bool(one_sided and np.ptp(empty) <= MOST_SPREAD * reach)


def _ranges(assay: str, empty: np.ndarray, filled: np.ndarray) -> str:
    found = f"{assay} {empty.min():.4g} to {empty.max():.4g}"
    return f"{found}; filled wells {filled.min():.4g} to {filled.max():.4g}" if len(filled) else found
