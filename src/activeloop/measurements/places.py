"""Which candidate a row of results belongs to: by its well, by its name, or by both."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from activeloop.candidates import Pool
from activeloop.errors import InputError, MeasurementError
from activeloop.measurements.cells import read_replicate
from activeloop.measurements.columns import Entry
from activeloop.measurements.wells import Layout, Well, describe_plate, parse_well, well_name, well_on

#: in a larger pool, names are not searched for a similar one
SEARCHABLE = 50_000


@dataclass(frozen=True)
class CandidateMatch:
    """Where a value belongs.

    Args:
        candidate: name in standard notation (a control's own name when it is not in the pool).
        plate, well: "" when unknown.
        replicate: None when the file does not tell.
        control: whether the well held a control.
        proposed: whether the candidate stands on one of the plates that were given (True when none was).
    """

    candidate: str
    plate: str
    well: str
    replicate: int | None
    control: bool
    proposed: bool = True


class CandidateMatcher:
    """Finds the place of each entry of one file.

    Args:
        pool: what may have been measured.
        plates: the plates that were filled; may be empty.
        controls: names that count as controls where no plate says so.
        size: wells of the plate that the table itself has the shape of, 0 when it has none.
        file: its name; it may name the plate.

    Raises:
        MeasurementError: the plate is of another size than the table.
    """

    def __init__(self, pool: Pool, plates: Sequence[Layout], controls: Sequence[str], size: int = 0, file: str = ""):
        self._pool, self._plates = pool, list(plates)
        self._controls = {c.casefold() for c in controls}
        self._names: dict[str, str | None] = {}
        self._wells: dict[str, list[tuple[Layout, Well]]] = {}
        for plate in plates:
            for well in plate.wells.values():
                self._wells.setdefault(self._standard(well.candidate) or well.candidate, []).append((plate, well))
        self._named = _named_after(file, plates)
        own = self._named or (plates[0] if len(plates) == 1 else None)
        if size and own and own.size != size:
            raise MeasurementError(
                f"the table has the shape of a {size}-well plate, but {own.id} has {own.size} wells. Give the plate "
                "that was measured. No row was stored.",
                file=file or None,
            )

    def find(self, entry: Entry) -> CandidateMatch | None:
        """The place of an entry; None when its well is empty, by the plate and by the row.

        Raises:
            InputError: there is no such place; without file and row, which the caller knows.
        """
        replicate = read_replicate(entry.replicate)
        if entry.well.strip():
            return self._by_well(entry, replicate)
        if not entry.candidate.strip():
            raise MeasurementError("neither candidate nor well is given. Fill in one of them or delete the row.")
        name, control = self._by_name(entry)
        return self._on_its_plate(entry, name, control, replicate)

    def _by_well(self, entry: Entry, replicate: int | None) -> CandidateMatch | None:
        plate = self._plate(entry)
        if plate is None:
            return self._unknown_plate(entry, replicate)
        name = well_on(entry.well, plate.size)
        if name is None:
            raise MeasurementError(
                f'well "{entry.well}" is not on {describe_plate(plate.size)} ({plate.id}). Correct the well.'
            )
        held = plate.wells.get(name)
        if held is None:
            if entry.text.strip() or entry.candidate.strip():
                raise MeasurementError(
                    f'well "{name}" of {plate.id} was never filled, but a result is given for it. Correct the well, or '
                    "give the plate that was measured."
                )
            return None
        candidate = self._standard(held.candidate) or held.candidate
        if entry.candidate.strip() and (self._standard(entry.candidate) or entry.candidate.strip()) != candidate:
            raise MeasurementError(
                f'well "{name}" of {plate.id} holds "{held.candidate}", not "{entry.candidate}". Correct the well or '
                "the candidate, or name the plate that was measured in a column `plate`."
            )
        if not held.control and self._standard(held.candidate) is None:
            raise MeasurementError(self._not_in_pool(held.candidate))
        # The plate knows which of a candidate's wells this is; a number in the file repeats the reading of one well.
        return CandidateMatch(
            candidate, plate.id, name, held.replicate if replicate is None else replicate, held.control
        )

    def _unknown_plate(self, entry: Entry, replicate: int | None) -> CandidateMatch | None:
        where = parse_well(entry.well)
        if where is None:
            raise MeasurementError(f'"{entry.well}" is not a well. Write it as A1 ... H12.')
        if not entry.candidate.strip():
            if not entry.text.strip():
                return None
            raise MeasurementError(
                f'only the well "{entry.well}" is given, and no plate says what it held. Give the plate '
                "(plates=...) or add a column `candidate`."
            )
        name, control = self._by_name(entry)
        return CandidateMatch(name, entry.plate.strip(), well_name(*where), replicate, control, self._proposed(name))

    def _plate(self, entry: Entry) -> Layout | None:
        """The plate of an entry; None when none is known, or the row names its candidate and a plate from elsewhere."""
        wanted, ids = entry.plate.strip(), ", ".join(p.id for p in self._plates)
        if wanted:
            for plate in self._plates:
                if plate.id.casefold() == wanted.casefold():
                    return plate
            if not self._plates or entry.candidate.strip():
                return None
            raise MeasurementError(f'there is no plate "{wanted}". Plates: {ids}. Correct the name.')
        if len(self._plates) < 2:
            return self._plates[0] if self._plates else None
        fitting = [p for p in self._plates if entry.candidate.strip() and self._holds(p, entry)]
        if len(fitting) == 1:
            return fitting[0]
        if self._named:
            return self._named
        raise MeasurementError(
            f"which plate? There are {ids}. Add a column `plate`, or name the file after the plate "
            f"({self._plates[-1].id}.csv)."
        )

    def _holds(self, plate: Layout, entry: Entry) -> bool:
        held = plate.wells.get(well_on(entry.well, plate.size) or "")
        return held is not None and (self._standard(entry.candidate) or entry.candidate.strip()) == (
            self._standard(held.candidate) or held.candidate
        )

    def _by_name(self, entry: Entry) -> tuple[str, bool]:
        text = entry.candidate.strip()
        name = self._standard(text)
        named = bool({text.casefold(), (name or text).casefold()} & self._controls)
        control = named or entry.kind.strip().casefold() in ("control", "yes", "true", "1")
        if name is None and not control:
            raise MeasurementError(self._not_in_pool(text))
        return name or text, control

    def _on_its_plate(self, entry: Entry, name: str, control: bool, replicate: int | None) -> CandidateMatch:
        plate = self._plate(entry) if entry.plate.strip() else self._named
        if entry.plate.strip() and plate is None:
            return CandidateMatch(name, entry.plate.strip(), "", replicate, control, self._proposed(name))
        stands = [(p, w) for p, w in self._wells.get(name, []) if plate is None or p is plate]
        homes = {p.id for p, _ in stands}
        home = plate.id if plate else homes.pop() if len(homes) == 1 else ""
        control = control or (bool(stands) and all(w.control for _, w in stands))
        # The well stays unknown even where only one holds the candidate: the value may be from elsewhere.
        return CandidateMatch(name, home, "", replicate, control, self._proposed(name))

    def _proposed(self, name: str) -> bool:
        return not self._plates or name in self._wells

    def _standard(self, text: str) -> str | None:
        """The standard name of a candidate of the pool; None when it is not in it."""
        key = text.strip()
        if key not in self._names:
            try:
                row = self._pool.row_of(key)
            except InputError:
                row = None
            self._names[key] = None if row is None else self._pool.names([row])[0]
        return self._names[key]

    def _not_in_pool(self, text: str) -> str:
        names = list(self._wells)
        if len(self._pool) <= SEARCHABLE:
            names += self._pool.names(range(len(self._pool)))
        close = difflib.get_close_matches(text, names, n=1, cutoff=0.5)
        hint = f' Did you mean "{close[0]}"?' if close else ""
        try:
            self._pool.find(text)
        except InputError as error:
            return f"{error.problem}{hint} Correct the name, or add the candidate to the pool."
        return f'"{text}" is not in the pool.{hint} Correct the name, or add the candidate to the pool.'


def _named_after(file: str, plates: Sequence[Layout]) -> Layout | None:
    """The plate whose id stands in the file's name; of several that fit (`plate-1`, `plate-1-2`) the longest."""
    stem = Path(file).stem.casefold()
    fitting = [p for p in plates if re.search(rf"(?<![a-z0-9]){re.escape(p.id.casefold())}(?![a-z0-9])", stem)]
    return max(fitting, key=lambda p: len(p.id), default=None)
