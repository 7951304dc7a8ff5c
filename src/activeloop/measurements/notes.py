"""What a person should know about a file that was read: nothing is changed or left out in silence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from activeloop.measurements.cells import Cell
from activeloop.measurements.columns import Entry
from activeloop.measurements.places import Place
from activeloop.measurements.repeats import same_values
from activeloop.measurements.wells import Layout

#: columns of our own plate lists, which need no mention when they come back
PLATE_COLUMNS = frozenset({"rank", "predicted", "low", "high", "score", "reason"})


def notes_on(
    rows: Sequence[tuple[Place, Entry, Cell]], plates: Sequence[Layout], unread: Sequence[str]
) -> tuple[str, ...]:
    """Sentences on what was converted, limited, without value, unexpected or not read.

    Args:
        rows: all entries of the file with their place and value.
        plates: the plates that were given.
        unread: names of columns that mean nothing here.
    """
    notes = [
        *dict.fromkeys(c.note for _, _, c in rows if c.note),
        *_failed_note([(p, e) for p, e, c in rows if c.failed]),
        *same_values(rows),
        *_unproposed(p for p, _, c in rows if not c.failed),
        *_missing(rows, plates),
        *_foreign(rows, plates),
    ]
    if other := [c for c in unread if c.casefold() not in PLATE_COLUMNS]:
        notes.append(f"columns that were not read: {', '.join(other)}")
    return tuple(note if note.endswith(".") else f"{note}." for note in notes)


def _failed_note(failed: Sequence[tuple[Place, Entry]]) -> list[str]:
    if not failed:
        return []
    shown = [f"{p.well or f'row {e.row}'} ({p.candidate}, {e.assay.name})" for p, e in failed[:5]]
    more = f" and {len(failed) - 5} more" if len(failed) > 5 else ""
    return [f"no value: {', '.join(shown)}{more}. They were recorded as failed and can be tested again."]


def _unproposed(places: Iterable[Place]) -> list[str]:
    names = list(dict.fromkeys(p.candidate for p in places if not p.proposed and not p.control))
    if not names:
        return []
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return [f"in the pool but on none of the plates, accepted all the same: {shown}."]


def _foreign(rows: Sequence[tuple[Place, Entry, Cell]], plates: Sequence[Layout]) -> list[str]:
    known = {p.id for p in plates}
    names = sorted({p.plate for p, _, _ in rows if p.plate and p.plate not in known}) if known else []
    return [f"plates that are not known here, taken as the file names them: {', '.join(names)}."] if names else []


def _missing(rows: Sequence[tuple[Place, Entry, Cell]], plates: Sequence[Layout]) -> list[str]:
    """Filled wells of measured plates of which the file says nothing."""
    read = {(p.plate, p.well) for p, _, _ in rows}
    notes = []
    for plate in plates:
        if not any((plate.id, w) in read for w in plate.wells):
            continue
        silent = [w for w in plate.wells if (plate.id, w) not in read]
        if silent and not any(p.plate == plate.id and not p.well for p, _, _ in rows):
            shown = ", ".join(silent[:8]) + (" ..." if len(silent) > 8 else "")
            notes.append(f"{len(silent)} filled wells of {plate.id} are not in the file: {shown}.")
    return notes
