"""The same candidate several times in one file: replicates, or a mistake."""

from __future__ import annotations

from collections.abc import Sequence

from activeloop.errors import MeasurementError
from activeloop.measurements.cells import Cell
from activeloop.measurements.columns import Entry
from activeloop.measurements.places import Place

Row = tuple[Place, Entry, Cell]


def refuse_repeats(rows: Sequence[Row], file: str) -> None:
    """Refuse two results for one place: the same assay, plate, well, candidate and replicate.

    Without a well and without a number, a second result is a further replicate.

    Raises:
        MeasurementError: naming both rows.
    """
    seen: dict[tuple[str, str, str, str, int], int] = {}
    for place, entry, _ in rows:
        if place.replicate is None and not place.well:
            continue
        key = (entry.assay.name, place.plate, place.well, place.candidate, place.replicate or 0)
        if key in seen:
            what = f'well "{place.well}"' if place.well else f'"{place.candidate}", replicate {place.replicate},'
            where = f" of {place.plate}" if place.plate and place.well else ""
            raise MeasurementError(
                f"{what}{where} has a value of {entry.assay.name} in row {seen[key]} already. Delete one of the two, "
                "or give replicates their numbers. No row was stored.",
                file=file,
                row=entry.row,
            )
        seen[key] = entry.row


def same_values(rows: Sequence[Row]) -> list[str]:
    """A note on unnumbered rows that give one candidate the same value twice."""
    first: dict[tuple[str, str, str, str], int] = {}
    twice = []
    for place, entry, cell in rows:
        if place.well or place.replicate is not None or cell.failed:
            continue
        key = (entry.assay.name, place.plate, place.candidate, f"{cell.qualifier}{cell.value!r}")
        if key in first:
            twice.append(f"{first[key]} and {entry.row} ({place.candidate})")
        first.setdefault(key, entry.row)
    if not twice:
        return []
    more = f" and {len(twice) - 3} more" if len(twice) > 3 else ""
    return [f"the same value twice, counted as two replicates: rows {', '.join(twice[:3])}{more}."]
