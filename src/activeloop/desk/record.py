"""Results that came back: what was understood of a file, and storing it.

One rule for files of every kind, at every entrance: tables and plate-shaped blocks are read as they are, exports of an
instrument's own program through the readers of instruments, which of its quantities is the result is never guessed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from activeloop.campaigns.recording import RecordSummary
from activeloop.config import OpenCampaign
from activeloop.desk.propose import known_plates
from activeloop.errors import ConfigError, InputError, MeasurementError, did_you_mean
from activeloop.instruments.allotropy import UNKNOWN, AllotropyReader
from activeloop.instruments.raw import looks_exported, read_instrument
from activeloop.instruments.readings import InstrumentFile
from activeloop.instruments.results import results_table, series_names
from activeloop.measurements import Measurement, ResultsFile
from activeloop.tables import Table
from activeloop.words import controls_named, many, some

#: names that count as the wild type's control in every campaign
WILD_TYPE = "WT"


@dataclass(frozen=True)
class ReadingOptions:
    """How a file of results is read, where it does not show it.

    The first five are of tables, the others of exports of an instrument's own program.

    Args:
        columns: role (`candidate`, `well`, `value` ...) or assay -> column; also `decimal` and `block`.
        sheet: of a workbook; the first visible one when None.
        plate: id of the plate of which the file is.
        offset: added to the positions in names; the campaign's when None.
        skip_unreadable: leave out rows whose candidate cannot be read.
        instrument: it is such an export, whatever it looks like.
        quantity: which of its quantities is the result, as `ResultsPreview.quantities` names it.
        reduce: of its spectra or courses in time, see `activeloop.instruments.Cube.reduced`.
        software: that wrote it, where it may be of several.
        assay: that the quantity is of, where the campaign has several.
    """

    columns: dict[str, str] | None = None
    sheet: str | None = None
    plate: str | None = None
    offset: int | None = None
    skip_unreadable: bool = False
    instrument: bool = False
    quantity: str = ""
    reduce: str = ""
    software: str = ""
    assay: str = ""

    @property
    def exported(self) -> bool:
        """Whether somebody says that it is an export of an instrument's own program."""
        return self.instrument or bool(self.quantity or self.reduce or self.software or self.assay)


class SentFile(ABC):
    """A file of results, and how its content is got at: here, or in a process of its own.

    Args:
        name: by which whoever sent it knows it.
    """

    def __init__(self, name: str):
        self.name = name
        self.export: InstrumentFile | None = None

    @abstractmethod
    def table(self, sheet: str | None) -> Any:
        """What `read_measurements` takes.

        Raises:
            InputError: it is no table.
        """

    @abstractmethod
    def speaks_of_an_instrument(self) -> bool:
        """Whether it may be an export of an instrument's own program; only a hint."""

    @abstractmethod
    def exported(self, software: str) -> InstrumentFile:
        """It, read as such an export.

        Raises:
            InputError: it is of no program that is known, of several, or damaged.
        """


class LocalFile(SentFile):
    """A file of whoever runs this process.

    Args:
        path: of it.
        name: of it in messages; the path when "".
    """

    def __init__(self, path: Path, name: str = ""):
        super().__init__(name or str(path))
        self._path = path

    def table(self, sheet: str | None) -> Any:
        """See `SentFile.table`."""
        return self._path

    def speaks_of_an_instrument(self) -> bool:
        """See `SentFile.speaks_of_an_instrument`."""
        return looks_exported(self._path)

    def exported(self, software: str) -> InstrumentFile:
        """See `SentFile.exported`."""
        with AllotropyReader() as reader:
            return replace(read_instrument(self._path, reader, software), file=self.name)


@dataclass(frozen=True)
class RowProblem:
    """What is wrong with a row.

    Args:
        row: as a spreadsheet counts it; None where it is the file as a whole.
        problem: what is wrong and what to do.
    """

    row: int | None
    problem: str


@dataclass(frozen=True)
class ReadColumn:
    """A column of a file.

    Args:
        name: its header.
        role: what it was read as; "" where it was not read.
        unit: of the campaign's assay in which its values are stored; "" for other roles.
    """

    name: str
    role: str
    unit: str


@dataclass(frozen=True)
class ReadQuantity:
    """A quantity of an instrument's export, of which one is the result.

    Args:
        name: by which it is asked for.
        unit: as the instrument writes it; "" for none.
        values: how many there are.
    """

    name: str
    unit: str
    values: int


@dataclass(frozen=True)
class ReadWell:
    """A value of a file, or a well without one.

    Args:
        candidate: its standard notation.
        called: what people call it.
        assay, unit: of the value.
        value: in that unit; NaN for a failed well.
        qualifier: `=`, `<` or `>`.
        plate, well, replicate, control: as in `Measurement`.
        row: as a spreadsheet counts it.
        failed: the text that stood in place of a value; "" where there is one.
    """

    candidate: str
    called: str
    assay: str
    unit: str
    value: float
    qualifier: str
    plate: str
    well: str
    replicate: int
    control: bool
    row: int
    failed: str


@dataclass(frozen=True)
class ResultsPreview:
    """What storing a file would do; nothing was stored.

    Args:
        file, content_hash: of it; the same content has the same hash.
        values, failed, candidates: how many were read, controls left out of the last.
        columns: what each was read as.
        wells: what was read, the first of many.
        checks: on controls, and on values far beyond the rest, in sentences.
        notes: what was converted, limited, numbered or not read, in sentences.
        problems: for which nothing can be stored; () when all is well.
        skippable: whether leaving out unreadable rows would help.
        summary: what would be stored; None where there are problems.
        software: by which an export was written; "" where the file was read as a table.
        quantities: of an export, of which one is the result; with a reduction also those that come of it.
        courses: spectra and courses in time of an export, which become results by a reduction.
    """

    file: str
    content_hash: str
    values: int
    failed: int
    candidates: int
    columns: tuple[ReadColumn, ...]
    wells: tuple[ReadWell, ...]
    checks: tuple[str, ...]
    notes: tuple[str, ...]
    problems: tuple[RowProblem, ...]
    skippable: bool
    summary: RecordSummary | None
    software: str = ""
    quantities: tuple[ReadQuantity, ...] = ()
    courses: int = 0

    @property
    def good(self) -> bool:
        """Whether it can be stored as it is."""
        return not self.problems


def read_results(
    loop: OpenCampaign,
    source: Any,
    how: ReadingOptions | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> ResultsFile:
    """Read a file of results for a campaign; nothing is stored.

    What can be read as a table, or as blocks shaped like a plate, is. Where that fails and the file speaks of an
    instrument, or where `how` says that it is an export, it is read through the readers of instruments.

    Args:
        loop: the campaign.
        source: a file (a path or a `SentFile`), a DataFrame or a table.
        how: it is read.
        progress: called with (cells read, cells in all) from time to time in a long file.

    Raises:
        TableError: the file cannot be read as a table, nor as an export.
        MeasurementError: rows cannot be attached to what was tested, its `rows` name them all; or an export holds
            several quantities, or wells of a plate that is not out.
        ConfigError: the campaign has several assays, and which one the export is of was not said.
    """
    how = how or ReadingOptions()
    if isinstance(source, (str, Path)):
        source = LocalFile(Path(source))
    if not isinstance(source, SentFile):
        return _read(loop, source, how, progress)
    if how.exported:
        return _read_export(loop, source, how, progress)
    try:
        return _read(loop, source.table(how.sheet), how, progress)
    except InputError as error:
        if how.columns or how.sheet or not source.speaks_of_an_instrument():
            raise  # somebody said how the table is to be read, or it is none of an instrument
        try:
            source.export = source.exported("")
        except InputError as other:
            raise _with_hint(error, other) from None
    return _read_export(loop, source, how, progress)


def _read(
    loop: OpenCampaign, source: Any, how: ReadingOptions, progress: Callable[[int, int], None] | None
) -> ResultsFile:
    plates, notes = known_plates(loop)
    found = loop.campaign.read(
        source,
        plates=plates or None,
        columns=how.columns,
        controls=(loop.config.plate.control, WILD_TYPE),
        sheet=how.sheet,
        offset=how.offset,
        skip_unreadable=how.skip_unreadable,
        progress=progress,
        plate=how.plate,
    )
    return found if not notes else _noted(found, notes)


def _read_export(
    loop: OpenCampaign, source: SentFile, how: ReadingOptions, progress: Callable[[int, int], None] | None
) -> ResultsFile:
    source.export = source.export or source.exported(how.software)
    table, notes = _table_of(loop, source.export, how)
    found = _read(loop, table, replace(how, columns=None, sheet=None), progress)
    return _noted(found, notes)


def _table_of(loop: OpenCampaign, file: InstrumentFile, how: ReadingOptions) -> tuple[Table, tuple[str, ...]]:
    """The results of a campaign in an instrument's export, as a table, and what to know about it."""
    names = [a.name for a in loop.campaign.assays]
    if how.assay and how.assay not in names:
        raise ConfigError(
            f'the campaign has no assay "{how.assay}". {did_you_mean(how.assay, names)} It has {", ".join(names)}.'
        )
    if not how.assay and len(names) > 1:
        raise ConfigError(
            f"the campaign has {len(names)} assays ({', '.join(names)}): say which this is (--assay NAME). Nothing was "
            "stored.",
            file=file.file,
        )
    reduced = file.reduced(how.reduce) if how.reduce else file
    plates, _ = known_plates(loop)
    return results_table(
        reduced, assay=how.assay or names[0], quantity=how.quantity, plates=[plate.id for plate in plates]
    )


def _with_hint(error: InputError, other: InputError) -> InputError:
    """Why a file that speaks of an instrument is no table, and why it is no export that could be read either."""
    if other.problem.startswith(UNKNOWN):
        return error
    hint = f"It speaks of an instrument; as an export of its program: {other.problem}"
    if isinstance(error, MeasurementError):
        return MeasurementError(f"{error.problem} {hint}", file=error.file, row=error.row, rows=error.rows)
    return type(error)(f"{error.problem} {hint}", file=error.file, row=error.row)


def preview_results(
    loop: OpenCampaign,
    source: Any,
    how: ReadingOptions | None = None,
    *,
    replaces: Sequence[int | str] = (),
    repeats: bool = False,
    most: int = 2_000,
    progress: Callable[[int, int], None] | None = None,
) -> ResultsPreview:
    """What storing a file would do, its wrong rows as data; nothing is stored.

    Args:
        loop: the campaign.
        source: a file, a DataFrame or a table.
        how: it is read.
        replaces: events or files that this one corrects.
        repeats: all of it was measured again.
        most: wells that are listed.
        progress: called with (cells read, cells in all) from time to time in a long file.
    """
    how = how or ReadingOptions()
    if isinstance(source, (str, Path)):
        source = LocalFile(Path(source))
    try:
        found = read_results(loop, source, how, progress=progress)
    except InputError as error:
        skippable = isinstance(error, MeasurementError) and "skip_unreadable" in error.problem
        name = error.file or (source.name if isinstance(source, SentFile) else "")
        nothing = ResultsPreview(name, "", 0, 0, 0, (), (), (), (), _problems(error), skippable, None)
        return _with_export(nothing, source, how)
    units = {a.name: a.unit for a in loop.campaign.assays}
    columns = tuple(ReadColumn(name, role, units.get(role, "")) for name, role in found.columns)
    read_only = (
        found.file,
        found.content_hash,
        len(found.measurements),
        len(found.failed_wells),
        candidates_in(found),
        columns,
        _wells(loop, found, units, most),
        found.checks,
        found.notes,
    )
    try:
        summary = loop.campaign.record(found, replaces=replaces, repeats=repeats, dry_run=True)
    except InputError as error:
        return _with_export(ResultsPreview(*read_only, _problems(error), False, None), source, how)
    return _with_export(ResultsPreview(*read_only, (), False, summary), source, how)


def _with_export(preview: ResultsPreview, source: Any, how: ReadingOptions) -> ResultsPreview:
    """What an export holds to choose from, where the file was read as one."""
    file = source.export if isinstance(source, SentFile) else None
    if file is None:
        return preview
    courses = len(file.cubes)
    try:
        file = file.reduced(how.reduce) if how.reduce else file
    except MeasurementError:
        pass  # the preview says why
    counts = file.series()
    quantities = tuple(ReadQuantity(name, s[2], counts[s]) for s, name in series_names(file).items())
    return replace(preview, software=file.software or "an instrument", quantities=quantities, courses=courses)


def record(
    loop: OpenCampaign,
    results: ResultsFile | Sequence[Measurement],
    source: str = "",
    *,
    replaces: Sequence[int | str] = (),
    repeats: bool = False,
    dry_run: bool = False,
) -> RecordSummary:
    """Store results, all or nothing; what is stored already is not stored again.

    Args:
        loop: the campaign.
        results: what `read_results` gave, or single measurements.
        source: the file's name, or what stands for it.
        replaces: events or files that this one corrects: their results no longer count.
        repeats: all of it was measured again, also what equals or contradicts earlier rows.
        dry_run: store nothing; the summary says what would be stored.

    Raises:
        MeasurementError: a row fits neither pool nor assays, contradicts a stored well, or may be a correction or a
            repeat; nothing was stored.
        InputError: there is nothing to replace; nothing was stored.
    """
    return loop.campaign.record(results, source, replaces=replaces, repeats=repeats, dry_run=dry_run)


def candidates_in(results: ResultsFile) -> int:
    """How many candidates a file has values of, controls left out."""
    return len({m.candidate for m in results.measurements if not m.control})


def understood(results: ResultsFile) -> str:
    """How many values a file holds, and what each of its columns was read as, in words."""
    head = f"{results.file} holds {many(len(results.measurements), 'value')} of "
    columns = [name if name == role else f'"{name}" = {role}' for name, role in results.columns if role]
    return f"{head}{many(candidates_in(results), 'candidate')}. Columns: {'; '.join(columns)}."


def known_words(summary: RecordSummary, called: Callable[[str], str]) -> str:
    """Which rows were stored before, and with which events."""
    events = f"event{'s' * (len(summary.known_from) > 1)} {', '.join(map(str, summary.known_from))}"
    named = [f"{f'row {m.row} ' if m.row else ''}{called(m.candidate)}" for m in summary.known]
    loose = any(not m.well for m in summary.known)
    fix = " If they were measured again, record the file with --repeats." if loose else ""
    return f"{many(len(named), 'row')} known from {events}, not stored again: {some(named)}.{fix}"


def stored_words(summary: RecordSummary, file: str) -> str:
    """How much was stored, and what part of it is about controls or without a value.

    >>> stored_words(RecordSummary("r.csv", 12, 0, 2, 10, False, (), ("WT",), 2, failed=1), "r.csv")
    'Stored 12 results of 10 candidates from r.csv as event 2. 2 of them of the control WT, 1 without value.'
    """
    parts = [f"{summary.control_rows:,} of them of {controls_named(summary.controls)}"] if summary.controls else []
    parts += [f"{summary.failed:,} without value"] if summary.failed else []
    beside = f" {', '.join(parts)}." if parts else ""
    what = f"{many(summary.stored, 'result')} of {many(summary.candidates, 'candidate')}"
    return f"Stored {what} from {file} as event {summary.event}.{beside}"


def _problems(error: InputError) -> tuple[RowProblem, ...]:
    rows = error.rows if isinstance(error, MeasurementError) else ()
    return tuple(RowProblem(row, problem) for row, problem in rows) or (RowProblem(error.row, error.problem),)


def _noted(results: ResultsFile, notes: Sequence[str]) -> ResultsFile:
    return replace(results, notes=(*notes, *results.notes))


def _wells(loop: OpenCampaign, found: ResultsFile, units: Mapping[str, str], most: int) -> tuple[ReadWell, ...]:
    called = loop.campaign.pool.called
    wells = [
        ReadWell(
            m.candidate,
            m.candidate if m.control else called(m.candidate),
            m.assay,
            units.get(m.assay, ""),
            m.value,
            m.qualifier,
            m.plate,
            m.well,
            m.replicate,
            m.control,
            m.row,
            "",
        )
        for m in found.measurements[:most]
    ]
    wells += [
        ReadWell(
            w.candidate,
            w.candidate if w.control else called(w.candidate),
            w.assay,
            units.get(w.assay, ""),
            float("nan"),
            "=",
            w.plate,
            w.well,
            w.replicate,
            w.control,
            w.row,
            w.reason,
        )
        for w in found.failed_wells[: most - len(wells)]
    ]
    return tuple(sorted(wells, key=lambda w: w.row))
