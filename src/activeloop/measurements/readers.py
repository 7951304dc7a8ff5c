"""Reading a file of results: all of it, or nothing; and notes on what was read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from activeloop.candidates import Pool, find_offset
from activeloop.errors import InputError, MeasurementError
from activeloop.measurements.assay import Assay, Measurement
from activeloop.measurements.cells import Cell, read_cell, read_date
from activeloop.measurements.columns import Entry, entries, grid_size
from activeloop.measurements.places import CandidateMatch, CandidateMatcher
from activeloop.measurements.wells import Layout
from activeloop.tables.numbers import shift_between
from activeloop.tables.table import Table, read_table

Row = tuple[CandidateMatch, Entry, Cell]


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


#: columns of our own plate lists, which need no mention when they come back
PLATE_COLUMNS = frozenset({"rank", "predicted", "low", "high", "score", "reason"})


def notes_on(
    rows: Sequence[tuple[CandidateMatch, Entry, Cell]], plates: Sequence[Layout], unread: Sequence[str]
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


def _failed_note(failed: Sequence[tuple[CandidateMatch, Entry]]) -> list[str]:
    if not failed:
        return []
    shown = [f"{p.well or f'row {e.row}'} ({p.candidate}, {e.assay.name})" for p, e in failed[:5]]
    more = f" and {len(failed) - 5} more" if len(failed) > 5 else ""
    return [f"no value: {', '.join(shown)}{more}. They were recorded as failed and can be tested again."]


def _unproposed(places: Iterable[CandidateMatch]) -> list[str]:
    names = list(dict.fromkeys(p.candidate for p in places if not p.proposed and not p.control))
    if not names:
        return []
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return [f"in the pool but on none of the plates, accepted all the same: {shown}."]


def _foreign(rows: Sequence[tuple[CandidateMatch, Entry, Cell]], plates: Sequence[Layout]) -> list[str]:
    known = {p.id for p in plates}
    names = sorted({p.plate for p, _, _ in rows if p.plate and p.plate not in known}) if known else []
    return [f"plates that are not known here, taken as the file names them: {', '.join(names)}."] if names else []


def _missing(rows: Sequence[tuple[CandidateMatch, Entry, Cell]], plates: Sequence[Layout]) -> list[str]:
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


#: how many wrong rows one message names
ERRORS_SHOWN = 5

#: what an export leaves where nothing was measured; a file of nothing else is the wrong file, not a failed plate
NOTHING = frozenset({"empty", "nan", "na", "n/a", "none", "null"})


@dataclass(frozen=True)
class FailedWell:
    """A row that says that there is no value.

    Args:
        candidate, assay, plate, well, replicate, control: as in `Measurement`.
        reason: what stood in the cell, `empty` for an empty one.
        row: as a spreadsheet counts it.
    """

    candidate: str
    assay: str
    plate: str
    well: str
    replicate: int
    control: bool
    reason: str
    row: int


@dataclass(frozen=True)
class ResultsFile:
    """What one file said.

    Args:
        measurements: one for each value.
        failed_wells: one for each cell that says that there is no value.
        notes: what was converted, limited, numbered or not read, in sentences.
        file: its name.
        content_hash: of its bytes; the same file read twice has the same.
    """

    measurements: tuple[Measurement, ...]
    failed_wells: tuple[FailedWell, ...]
    notes: tuple[str, ...]
    file: str
    content_hash: str


def read_measurements(
    path: str | os.PathLike[str],
    *,
    pool: Pool,
    assays: Assay | Sequence[Assay],
    plates: Layout | Sequence[Layout] | None = None,
    columns: Mapping[str, str] | None = None,
    controls: Sequence[str] = ("WT",),
    sheet: str | None = None,
) -> ResultsFile:
    r"""Read a CSV, TSV or XLSX file of results.

    Three forms are recognised: long (columns `candidate` or `well`, `assay`, `value`; also `replicate`, `plate`,
    `unit`, `date`), wide (a column an assay, `kcat (1/s)`, or one a replicate, `kcat_1`, `rep1`), and a table shaped
    like the plate (1, 2, 3 ... across, A, B, C ... down). Values may be limits (`<0.1`); values beyond an assay's
    detection limits become limits; empty cells, `n.d.` and `failed` are reported as failed wells.
    Rows without a replicate number count as replicate 1 each.

    Args:
        path: the file.
        pool: what may have been measured.
        assays: what was measured.
        plates: the plates that were filled; needed when the file names wells only.
        columns: role (`candidate`, `well`, `plate`, `replicate`, `assay`, `value`, `unit`, `date`, `kind`) or
            assay name -> column, where the names do not say it.
        controls: names that count as controls where no plate says so; controls need not be in the pool.
        sheet: of a workbook; the first when None.

    Raises:
        TableError: the file cannot be read as a table.
        MeasurementError: rows cannot be attached to what was tested; up to 5 are named, and nothing is returned.

    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp(), "results.csv")
    >>> _ = file.write_text("mutant,kcat (1/ms)\nK2R,1.5\nT3S,<0.1\nA4G,failed\n")
    >>> reading = read_measurements(file, pool=Pool.single_mutants("MKTA"), assays=Assay("kcat", "1/s"))
    >>> [(m.candidate, m.qualifier, m.value) for m in reading.measurements]
    [('K2R', '=', 1500.0), ('T3S', '<', 100.0)]
    >>> [(well.candidate, well.reason) for well in reading.failed_wells]
    [('A4G', 'failed')]
    """
    assays = [assays] if isinstance(assays, Assay) else list(assays)
    table = read_table(path, sheet=sheet)
    layouts = _listed(plates)
    cells, unread = entries(table, assays, columns)
    rows = _attach(table, cells, CandidateMatcher(pool, layouts, controls, grid_size(table), table.file), pool)
    refuse_repeats(rows, table.file)
    found = [(p, e, c) for p, e, c in rows if not c.failed]
    return ResultsFile(
        tuple(_measurement(p, e, c, table.file) for p, e, c in found),
        tuple(
            FailedWell(p.candidate, e.assay.name, p.plate, p.well, p.replicate or 1, p.control, c.failed, e.row)
            for p, e, c in rows
            if c.failed
        ),
        notes_on(rows, layouts, unread),
        table.file,
        table.content_hash,
    )


def _listed(plates: Layout | Sequence[Layout] | None) -> list[Layout]:
    if plates is None:
        return []
    return list(plates) if isinstance(plates, Sequence) else [plates]


def _attach(
    table: Table, cells: Sequence[Entry], places: CandidateMatcher, pool: Pool
) -> list[tuple[CandidateMatch, Entry, Cell]]:
    rows: list[tuple[CandidateMatch, Entry, Cell]] = []
    wrong: list[tuple[int, str]] = []
    units: dict[str, str] = {}
    for entry in cells:
        try:
            place = places.find(entry)
            if place is None:
                continue
            cell = read_cell(entry.text, entry.assay, entry.unit, table.decimal)
            if not cell.failed and not entry.assay.unit:
                _one_unit(entry, units)
            rows.append((place, replace(entry, date=read_date(entry.date)), cell))
        except InputError as error:
            if (entry.row, error.problem) not in wrong:
                wrong.append((entry.row, error.problem))
            if len(wrong) == ERRORS_SHOWN:
                break
    if wrong:
        _refuse_offset(cells, pool, table.file)
        raise _all_of(wrong, table.file)
    if all(cell.failed.casefold() in NOTHING for *_, cell in rows):
        raise MeasurementError(
            "there is no result in it: every value is empty. Export it again, or write `failed` where a well failed. "
            "No row was stored.",
            file=table.file,
        )
    return rows


def _one_unit(entry: Entry, units: dict[str, str]) -> None:
    first = units.setdefault(entry.assay.name, entry.unit)
    if shift_between(first, entry.unit) != 0:
        raise MeasurementError(
            f'{entry.assay.name} is in "{first}" further up and in "{entry.unit}" here, and the assay names no unit. '
            "Give the assay its unit, or convert the values."
        )


def _refuse_offset(cells: Sequence[Entry], pool: Pool, file: str) -> None:
    """Say it in one sentence when the numbering of all candidates is off by a constant."""
    parent = pool.sites.parent_sequence if pool.kind == "variants" and pool.sites else ""
    found = find_offset([e.candidate for e in cells if e.candidate], parent) if parent else None
    if found:
        offset, fitting, total = found
        raise MeasurementError(
            f"the numbering is off: {fitting} of {total} candidates fit the wild type when {abs(offset)} is "
            f"{'added to' if offset > 0 else 'subtracted from'} each position. Renumber them. No row was stored.",
            file=file,
        )


def _all_of(wrong: Sequence[tuple[int, str]], file: str) -> MeasurementError:
    (row, problem), *others = sorted(wrong)
    rest = "".join(f"\nAlso row {r}: {p}" for r, p in others)
    return MeasurementError(f"{problem}{rest} No row was stored.", file=file, row=row)


def _measurement(place: CandidateMatch, entry: Entry, cell: Cell, file: str) -> Measurement:
    return Measurement(
        place.candidate,
        entry.assay.name,
        cell.value,
        cell.qualifier,
        place.replicate or 1,
        place.plate,
        place.well,
        entry.date,
        file,
        entry.row,
        place.control,
    )
