"""Reading a file of results: all of it, or nothing. Table, then columns, then rows; and notes on what was read."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict

from activeloop.candidates import Pool, TreatmentPool, left_out_note, with_treatments
from activeloop.errors import MeasurementError, check_type
from activeloop.measurements.assay import Assay, Measurement, checked_assays
from activeloop.measurements.blocks import PlateBlock, plate_blocks
from activeloop.measurements.checks import quality
from activeloop.measurements.columns import PLATE_LIST, Entry, find_entries, impossible, is_plate_list, without_labels
from activeloop.measurements.empty_wells import without_empty_wells
from activeloop.measurements.rows import CandidateMatcher, Row, read_rows
from activeloop.measurements.wells import Layout
from activeloop.tables import Book, Table, as_table
from activeloop.tables.names import LABELS, candidate_names, plain
from activeloop.words import some

#: columns of our own plate lists, which need no mention when they come back
PLATE_COLUMNS = frozenset({"rank", "predicted", "low", "high", "score", "reason"})


@dataclass(frozen=True)
class FailedWell:
    """A result without a value.

    Args:
        candidate, assay, plate, well, replicate, control: as in `Measurement`.
        reason: the text of the cell, `empty` for an empty one.
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
    """The results of one file.

    Args:
        measurements: one for each value.
        failed_wells: one for each cell without a value.
        notes: what was converted, limited, numbered or not read, in sentences.
        file: its name.
        content_hash: of its bytes; the same file read twice has the same.
        columns: each column, and what it was read as ("" where it was not read).
        checks: on controls, and on values far beyond the rest, in sentences.
    """

    measurements: tuple[Measurement, ...]
    failed_wells: tuple[FailedWell, ...]
    notes: tuple[str, ...]
    file: str
    content_hash: str
    columns: tuple[tuple[str, str], ...] = ()
    checks: tuple[str, ...] = ()

    def describe(self) -> str:
        """What was understood, a line for each column, check and note."""
        candidates = len({m.candidate for m in self.measurements if not m.control})
        failed = f", {len(self.failed_wells):,} wells without a value" if self.failed_wells else ""
        lines = [f"{self.file}: {len(self.measurements):,} values of {candidates:,} candidates{failed}"]
        lines += [f'  column "{name}" was read as {role}' for name, role in self.columns if role]
        return "\n".join((*lines, *(f"  {sentence}" for sentence in (*self.checks, *self.notes))))

    def __repr__(self) -> str:
        return f"<ResultsFile: {self.describe().splitlines()[0]}; .describe() says what was understood>"


class Reading(TypedDict, total=False):
    """How a table of results is read beside pool and assays; see `read_measurements`."""

    plates: Layout | Sequence[Layout] | None
    columns: Mapping[str, str] | None
    controls: Sequence[str]
    sheet: str | None
    plate: str | None
    offset: int | None
    skip_unreadable: bool
    progress: Callable[[int, int], None] | None


def read_measurements(
    path: Any,
    *,
    pool: Pool,
    assays: Assay | Sequence[Assay],
    plates: Layout | Sequence[Layout] | None = None,
    columns: Mapping[str, str] | None = None,
    controls: Sequence[str] = ("WT",),
    sheet: str | None = None,
    offset: int | None = None,
    skip_unreadable: bool = False,
    progress: Callable[[int, int], None] | None = None,
    plate: str | None = None,
) -> ResultsFile:
    r"""Read a CSV, TSV or XLSX file of results, or a DataFrame.

    Three forms are recognised: long (columns `candidate` or `well`, `assay`, `value`; also `replicate`, `plate`,
    `unit`, `date`), wide (a column an assay, `kcat (1/s)`, or one a replicate, `kcat_1`, `rep1`), and a table shaped
    like the plate (1, 2, 3 ... across, A, B, C ... down). Values may be limits (`<0.1`); values beyond an assay's
    detection limits become limits; empty cells, `n.d.` and `failed` are reported as failed wells. A reader's values of
    wells that were never filled are left out, with a note, where they can be told from those of filled ones.
    Rows without a replicate number count as replicate 1 each. Several blocks shaped like a plate, or several sheets,
    are read together where each names its plate: in its corner, above it, or as the name of the sheet.

    Args:
        path: the file, also taken apart; or a DataFrame (of pandas, polars, pyarrow ...), which is read like a file of
            its cells.
        pool: what may have been measured.
        assays: what was measured.
        plates: the plates that were filled; needed when the file names wells only.
        columns: role (`candidate`, `well`, `plate`, `replicate`, `assay`, `value`, `unit`, `date`, `kind`) or
            assay name -> column, where the names do not show it; `decimal` -> the decimal sign, where the numbers do
            not show it; `block` -> row or label of a plate-shaped block, where a sheet has several.
        controls: names that count as controls where no plate defines them; controls need not be in the pool.
        sheet: of a workbook; the first when None.
        offset: added to the positions in the file; see `activeloop.candidates.Resolver`.
        skip_unreadable: leave out rows whose candidate cannot be read or is not in the pool; a note counts them.
        progress: called with (cells read, cells in all) from time to time in a long file.
        plate: id of the plate of which the file is, where it does not say so.

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
    check_type(pool, Pool, "a pool", "a Pool, such as Pool.single_mutants(...) or Pool.from_frame(df, ...)")
    assays = checked_assays(assays)
    layouts = [] if plates is None else list(plates) if isinstance(plates, Sequence) else [plates]
    block = (columns or {}).get("block")
    if isinstance(path, (str, os.PathLike)):
        path = Book.open(path, sheet, others=bool(layouts) and not block)
    parts = (
        plate_blocks(path, layouts, assays, sheet, plate) if isinstance(path, Book) and not block else [PlateBlock()]
    )
    entries: list[Entry] = []
    open_cells: list[Entry] = []
    read_as: dict[str, str] = {}
    for part in parts:
        found = part.block
        where = (sheet, block) if found is None else (found.sheet or None, found.place or None)
        table = as_table(path, sheet=where[0], block=where[1])
        _refuse_predictions(table, assays)
        written = table.header
        if isinstance(pool, TreatmentPool):
            table = with_treatments(table, pool.resolve, required=False, controls=controls)
        own_parts = [name for name in written if table.find(name) != name]
        table = without_labels(table, pool, assays)
        given = _plate_column(table, columns, layouts)
        own = [part.assay] if part.assay else assays
        cells, found_as, size = find_entries(table, own, given, pool.kind)
        if part.plate:
            cells = [e if _names(e.plate, layouts) else replace(e, plate=part.plate) for e in cells]
        cells, still = _filled(cells) if is_plate_list(table) else (cells, [])
        entries, open_cells = [*entries, *cells] if entries else cells, [*open_cells, *still]
        if own_parts:  # as the file has them, not the column made of them
            found_as = dict.fromkeys(own_parts, "candidate") | {k: v for k, v in found_as.items() if v != "candidate"}
        read_as |= {header: role for header, role in found_as.items() if role or header not in read_as}
    del path  # of a long file, the memory is needed
    size = size if len(parts) == 1 else 0
    names = dict.fromkeys(entry.candidate for entry in entries)
    matcher = CandidateMatcher(pool, layouts, controls, size, table.file, names=names, offset=offset, plate=plate)
    rows, unreadable = read_rows(entries, matcher, table.file, skip_unreadable=skip_unreadable, progress=progress)
    if len(parts) == 1 and not (columns or {}).get("candidate"):
        _refuse_other_names(table, rows, read_as, pool)
    rows, left_out = without_empty_wells(rows, layouts, table.file)
    _refuse_repeats(rows, table.file)
    for _, entry, cell in rows:
        if not cell.failed and (why := impossible(entry.assay, cell.value)):
            raise MeasurementError(f"{why} No row was stored.", file=table.file, row=entry.row)
    unknown = left_out_note(unreadable, "whose candidate cannot be read or is not in the pool")
    unread = [header for header, role in read_as.items() if not role]
    notes = (
        *(table.notes if len(parts) == 1 and not is_plate_list(table) else ()),
        unknown,
        *left_out,
        *_still_open(open_cells),
        *_notes(rows, layouts, tuple(unread), pool, whole=not open_cells),
    )
    notes = tuple(filter(None, notes))
    file, content_hash = table.file, table.content_hash
    del entries, table, matcher
    measurements, failed_wells = _results(rows, file)
    checks = quality(measurements, assays)
    return ResultsFile(measurements, failed_wells, notes, file, content_hash, tuple(read_as.items()), checks)


def _results(rows: list[Row], file: str) -> tuple[tuple[Measurement, ...], tuple[FailedWell, ...]]:
    """What is stored of rows; empties the list, so that a long file is not in memory twice."""
    measurements: list[Measurement] = []
    failed_wells: list[FailedWell] = []
    rows.reverse()
    while rows:
        match, entry, cell = rows.pop()
        if cell.failed:
            failed_wells.append(
                FailedWell(
                    candidate=match.candidate,
                    assay=entry.assay.name,
                    plate=match.plate,
                    well=match.well,
                    replicate=match.replicate or 1,
                    control=match.control,
                    reason=cell.failed,
                    row=entry.row,
                )
            )
            continue
        measurements.append(
            Measurement(
                candidate=match.candidate,
                assay=entry.assay.name,
                value=cell.value,
                qualifier=cell.qualifier,
                replicate=match.replicate or 1,
                plate=match.plate,
                well=match.well,
                measured_at=entry.date,
                file=file,
                row=entry.row,
                control=match.control,
                error=cell.error,
            )
        )
    return tuple(measurements), tuple(failed_wells)


def _refuse_predictions(table: Table, assays: Sequence[Assay]) -> None:
    """Refuse what `activeloop predict` wrote, whose columns are named after the assays."""
    for assay in assays:
        if column := table.find(f"{assay.name} model sd"):
            raise MeasurementError(
                f'it holds predictions of {assay.name} (it has the column "{column}"), not results. No row was stored.',
                file=table.file,
            )


def _refuse_other_names(table: Table, rows: Sequence[Row], read_as: Mapping[str, str], pool: Pool) -> None:
    """Refuse a row in which another column holds the id or the name of another candidate of the pool.

    So it is where one column of a spreadsheet was sorted, or filled down, and the other was not.
    """
    names = table.named((*candidate_names(pool.kind), *LABELS))
    other = [name for name in names if not read_as.get(name)] if pool.label_names else []
    places = {row: i for i, row in enumerate(table.row_numbers)} if other else {}
    known: dict[tuple[str, str], str] = {}
    for header in other:
        cells = table.cells(header)
        for match, entry, _ in rows:
            cell = cells[places[entry.row]].strip() if entry.row in places else ""
            if not cell or match.control or not match.candidate:
                continue
            if (cell, match.candidate) not in known:
                found = pool.rows_labelled(cell)
                agrees = not found or pool.row_of(match.candidate) in found
                known[cell, match.candidate] = "" if agrees else pool.names(found[:1])[0]
            if meant := known[cell, match.candidate]:
                read = next((h for h, role in read_as.items() if role == "candidate"), "candidate")
                raise MeasurementError(
                    f'column "{read}" names "{entry.candidate}", and column "{header}" "{cell}", which is "{meant}" in '
                    "the pool: one of the columns may have been sorted without the other. Correct the file; or say "
                    f'which column counts: --column candidate=NAME (columns={{"candidate": ...}}). No row was stored.',
                    file=table.file,
                    row=entry.row,
                )


def _refuse_repeats(rows: Sequence[Row], file: str) -> None:
    """Refuse two results for one place: the same assay, plate, well, candidate and replicate.

    Without a well and without a number, a second result is a further replicate.
    """
    seen: dict[tuple[str, str, str, str, int], int] = {}
    for match, entry, _ in rows:
        if match.replicate is None and not match.well:
            continue
        key = (entry.assay.name, match.plate, match.well, match.candidate, match.replicate or 0)
        if key in seen:
            what = f'well "{match.well}"' if match.well else f'"{match.candidate}", replicate {match.replicate},'
            where = f" of {match.plate}" if match.plate and match.well else ""
            raise MeasurementError(
                f"{what}{where} has a value of {entry.assay.name} in row {seen[key]} already. Delete one of the two, "
                "or give replicates their numbers. No row was stored.",
                file=file,
                row=entry.row,
            )
        seen[key] = entry.row


def _names(text: str, plates: Sequence[Layout]) -> bool:
    """Whether a cell is the id of one of the plates."""
    return any(plain(p.id) == plain(text) for p in plates)


def _plate_column(
    table: Table, columns: Mapping[str, str] | None, plates: Sequence[Layout]
) -> Mapping[str, str] | None:
    """`columns` with the column whose every cell is the id of a plate, such as one of barcodes."""
    if not plates or (columns or {}).get("plate"):
        return columns
    known = {plain(p.id) for p in plates}
    fitting = [h for h, cells in zip(table.header, table.columns, strict=True) if _all_in(cells, known)]
    return {**(columns or {}), "plate": fitting[0]} if len(fitting) == 1 else columns


def _all_in(cells: Sequence[str], known: set[str]) -> bool:
    found = {plain(cell) for cell in dict.fromkeys(cells) if cell}
    return bool(found) and found <= known


def _filled(entries: list[Entry]) -> tuple[list[Entry], list[Entry]]:
    """The cells of a plate's list that were filled in, and those of filled wells that were not yet."""
    filled = [entry for entry in entries if entry.text.strip()]
    if not filled:
        return entries, []  # which is refused
    return filled, [e for e in entries if not e.text.strip() and e.candidate.strip() and e.kind.casefold() != "empty"]


def _still_open(cells: Sequence[Entry]) -> list[str]:
    """Notes on the wells of a plate's list that have no result yet."""
    notes = []
    for assay in dict.fromkeys(cell.assay.name for cell in cells):
        wells = [cell.well or f"row {cell.row}" for cell in cells if cell.assay.name == assay]
        notes.append(
            f"{len(wells)} cell{'s' * (len(wells) > 1)} of {assay} {'are' if len(wells) > 1 else 'is'} still empty "
            f"({some(wells, 5)}): nothing was stored for {'them' if len(wells) > 1 else 'it'}. Fill in the list and "
            "record it again, or write `failed` where there will be no value."
        )
    return notes


def _notes(
    rows: Sequence[Row], plates: Sequence[Layout], unread: Sequence[str], pool: Pool, *, whole: bool = True
) -> tuple[str, ...]:
    """Sentences on what was converted, limited, without value, unexpected or not read.

    Args:
        rows: that were read.
        plates: that were filled.
        unread: columns that were not read.
        pool: whose file says what people call its candidates.
        whole: whether missing wells are worth a note.
    """
    failed = [
        f"{m.well or f'row {e.row}'} ({pool.called(m.candidate)}, {e.assay.name})" for m, e, c in rows if c.failed
    ]
    strangers = dict.fromkeys(m.candidate for m, _, c in rows if not (c.failed or m.proposed or m.control))
    outside = [pool.called(name) for name in strangers]
    known = {p.id for p in plates}
    foreign = sorted({m.plate for m, _, _ in rows if m.plate and m.plate not in known}) if known else []
    ours = PLATE_COLUMNS | {f"{e.assay.name} {what}".casefold() for _, e, _ in rows for what in PLATE_LIST[6:9]}
    other = [c for c in unread if c.casefold() not in ours]
    notes = [
        *dict.fromkeys(c.note for _, _, c in rows if c.note),
        *(
            f"{name}: standard errors of the values are stored with them (standard deviations divided by the root of n)"
            for name in dict.fromkeys(e.assay.name for _, e, c in rows if c.error)
        ),
        f"no value: {some(failed, 5)}. They count as failed and can be tested again." if failed else "",
        _same_values(rows, pool),
        _crossing(rows, pool),
        f"in the pool but on none of the plates, accepted all the same: {some(outside, 5)}." if outside else "",
        *(_missing(rows, plates) if whole else ()),
        f"plates that are not known here, taken as the file names them: {', '.join(foreign)}." if foreign else "",
        f"columns that were not read: {', '.join(other)}" if other else "",
    ]
    return tuple(note if note.endswith(".") else f"{note}." for note in notes if note)


def _same_values(rows: Sequence[Row], pool: Pool) -> str:
    """A note on unnumbered rows that give one candidate the same value twice."""
    first: dict[tuple[str, str, str, str], int] = {}
    twice = []
    for match, entry, cell in rows:
        if match.well or match.replicate is not None or cell.failed:
            continue
        key = (entry.assay.name, match.plate, match.candidate, f"{cell.qualifier}{cell.value!r}")
        if key in first:
            twice.append(f"{first[key]} and {entry.row} ({pool.called(match.candidate)})")
        first.setdefault(key, entry.row)
    return f"the same value twice, counted as two replicates: rows {some(twice, 3)}." if twice else ""


#: share of a value by which noise may take it beyond a limit
NOISE = 0.1


def _crossing(rows: Sequence[Row], pool: Pool) -> str:
    """A note on candidates of which no value satisfies what was found: `<1` beside `>5`, or beside 5."""
    ends: dict[tuple[str, str], dict[str, float]] = {}
    for sign, tightest in (("<", min), (">", max)):
        for match, entry, cell in rows:
            if cell.qualifier == sign and not cell.failed and entry.assay.goal != "classify":
                own = ends.setdefault((match.candidate, entry.assay.name), {})
                own[sign] = tightest(cell.value, own.get(sign, cell.value))
    crossed: dict[tuple[str, str], str] = {
        (name, assay): f"<{own['<']:g} beside >{own['>']:g}"
        for (name, assay), own in ends.items()
        if own.get("<", math.inf) <= own.get(">", -math.inf)
    }
    for match, entry, cell in rows if ends else ():
        own = ends.get((match.candidate, entry.assay.name), {}) if cell.qualifier == "=" and not cell.failed else {}
        for sign, limit in own.items():
            beyond = cell.value - limit if sign == "<" else limit - cell.value
            if beyond > NOISE * max(abs(cell.value), abs(limit)):
                crossed.setdefault((match.candidate, entry.assay.name), f"{sign}{limit:g} beside {cell.value:g}")
    named = [f"{pool.called(name)}, {assay} {words}" for (name, assay), words in crossed.items()]
    if not named:
        return ""
    return (
        f"limits that contradict other results count as the value of the limit: {some(named, 3)}. Where one is wrong, "
        "correct the file and record it with --replaces."
    )


def _missing(rows: Sequence[Row], plates: Sequence[Layout]) -> list[str]:
    """Notes on filled wells of measured plates that are not in the file."""
    read = {(m.plate, m.well) for m, _, _ in rows}
    by_name = {m.plate for m, _, _ in rows if not m.well}
    notes = []
    for plate in plates:
        silent = [w for w in plate.wells if (plate.id, w) not in read]
        if silent and len(silent) < len(plate.wells) and plate.id not in by_name:
            notes.append(f"{len(silent)} filled wells of {plate.id} are not in the file: {some(silent, 8)}.")
    return notes
