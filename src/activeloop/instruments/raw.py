"""An independent look at an instrument's file: which numbers stand in it, and at which well.

What a parser says is checked against this, never against the same parser's output.
"""

from __future__ import annotations

import csv
import io
import itertools
import math
import re
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from activeloop.errors import MeasurementError, TableError
from activeloop.instruments.readings import InstrumentFile, Reader, Reading, well_name
from activeloop.measurements.wells import parse_well
from activeloop.plugins import plugins
from activeloop.tables.grids import SHAPES, row_letters
from activeloop.tables.reading import read_file
from activeloop.tables.workbook import read_workbook, sheet_names

_NUMBER = re.compile(r"[-+]?(?:\d+(?:[ ,]\d{3})+|\d+)?(?:[.,]\d+)?(?:[eE][-+]?\d+)?")
_WELL_CELL = re.compile(r"[A-Za-z]{1,2}0?[1-9]\d?")
_IN_BRACKETS = re.compile(r"\d+\s*\(\d+,\s*([A-Za-z]{1,2}0?[1-9]\d?)\)")  # as Luminex: 1(1,A1)
_INSTRUMENT = re.compile(
    r"##BLOCKS=|\b(?:software|firmware|serial ?(?:no|number|#)|instrument|reader|wavelengths?|detection|raw data|"
    r"plate information|read time|run id|well positions?)\b",
    re.IGNORECASE,
)
_WIDTHS = {columns: rows for rows, columns in SHAPES.values()}
#: digits to which a number that was rounded, or scaled to another unit, is the same
_DIGITS = 5


@dataclass
class Raw:
    """Numbers of a file.

    Args:
        at: well -> numbers that stand in its cell of a plate-shaped block, or beside its name in a list.
        of: (plate, well) -> the same, behind a line that names the plate; plate "" before any.
        plates: by which the wells of several plates are told apart; empty where the file has one, or says it otherwise.
        anywhere: every number of the file.
        rows: the letters of the rows of each plate-shaped block, where it writes them.
        cut: where the last line of the file ends within a row of a block, "" where it does not.
    """

    at: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    of: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    plates: frozenset[str] = frozenset()
    anywhere: Counter[str] = field(default_factory=Counter)
    rows: set[tuple[str, ...]] = field(default_factory=set)
    cut: str = ""

    def stands_at(self, reading: Reading) -> bool:
        """Whether the value of a reading stands at its well, and of its plate where the file tells plates apart."""
        held: set[str] = {*self.at.get(reading.well, ())}
        if reading.plate in self.plates:
            held = {*self.of.get((reading.plate, reading.well), ()), *self.of.get(("", reading.well), ())}
        return any(key in held for key in _keys(reading.value))

    def put(self, well: str, cells: Iterable[str], plates: Collection[str]) -> None:
        """Note the numbers of cells that stand at a well of some plates.

        Args:
            well: its name.
            cells: with numbers, or without.
            plates: of which the cells are; () where no plate was named yet.
        """
        keys = [key for cell in cells for key in _read(cell)]
        self.at[well].update(keys)
        for plate in plates or ("",):
            self.of[plate, well].update(keys)

    def stands(self, reading: Reading) -> bool:
        """Whether the value of a reading stands anywhere in the file."""
        return any(key in self.anywhere for key in _keys(reading.value))


@dataclass(frozen=True)
class Confirmed:
    """How many measured values of a file were found in it without its parser.

    Args:
        at_well: found at their own well.
        elsewhere: found, but not at a place that names a well (such as a list of tubes).
        not_found: not in the file as they are: scaled or converted by the parser.
        wrong_well: readings whose value stands at another well and not at their own.
    """

    at_well: int
    elsewhere: int
    not_found: int
    wrong_well: tuple[Reading, ...]


def confirm(file: InstrumentFile, raw: Raw) -> Confirmed:
    """Look each measured value up in the file itself.

    Args:
        file: as a parser read it.
        raw: the numbers of the same file.
    """
    measured = [r for r in file.readings if r.origin == "measured" and not math.isnan(r.value)]
    at_well = elsewhere = missing = 0
    wrong = []
    for reading in measured:
        if raw.stands_at(reading):
            at_well += 1
        elif not raw.stands(reading):
            missing += 1
        elif any(key in values for values in raw.at.values() for key in _keys(reading.value)):
            wrong.append(reading)
        else:
            elsewhere += 1
    if not at_well:  # the file names no wells in a way that is understood here
        return Confirmed(0, elsewhere + len(wrong), missing, ())
    return Confirmed(at_well, elsewhere, missing, tuple(wrong))


def looks_exported(path: Path) -> bool:
    """Whether the beginning of a file speaks of an instrument, as exports of their programs do; only a hint."""
    try:
        content = Path(path).read_bytes()
        # a packed file cannot be opened by its beginning
        sheets = list(_shown(content if content[:2] == b"PK" else content[: 1 << 20], str(path)))
    except (OSError, TableError):
        return False
    lines = [" ".join(record) for sheet in sheets for record in sheet]
    return any(_INSTRUMENT.search(line) for line in (*lines[:60], *lines[-60:]))


def checked(file: InstrumentFile, raw: Raw) -> InstrumentFile:
    """A file whose measured values stand at the wells that it names, as far as it names any.

    Parsers count the rows of a block where its letters leave some out (A, E, I, M of a plate read in part); such rows
    get the letters that stand there. What still stands at another well is refused.

    Args:
        file: as a parser read it.
        raw: the numbers of the same file.

    Raises:
        MeasurementError: the file is cut off, a line stands there twice, or a value stands at another well than the one
            the parser gave it. Nothing was stored.
    """
    if raw.cut:
        raise MeasurementError(
            f"it ends in the middle of a row, at well {raw.cut}: it is cut off, or not written to its end. Wait until "
            "it is complete, or export it again. Nothing was stored.",
            file=file.file,
        )
    if twice := _twice(file):
        where = f"well {twice.well}{f' of {twice.plate}' * bool(twice.plate)}"
        raise MeasurementError(
            f"{where} has {twice.quantity} {twice.value:g} twice: a line may stand there twice. Export it again. "
            "Nothing was stored.",
            file=file.file,
        )
    if not (wrong := confirm(file, raw).wrong_well):
        return file
    for letters in sorted(raw.rows):
        again = _relettered(file, letters)
        if again and not confirm(again, raw).wrong_well:
            told = f"its rows are {', '.join(letters)}; the parser had counted them from A."
            return replace(again, notes=(*file.notes, told))
    r = wrong[0]
    raise MeasurementError(
        f"{len(wrong):,} values stand at other wells in the file than they were read for, such as {r.quantity} "
        f"{r.value:g} {r.unit} read for {r.well}. The file may be damaged, or of another program (--software NAME). "
        "Nothing was stored.",
        file=file.file,
    )


def read_instrument(path: Path, reader: Reader, software: str = "") -> InstrumentFile:
    """A file, read by a reader and checked against itself; see `Reader.read` and `checked`.

    Readers that other packages announce (entry points of the group `activeloop.readers`) are asked where this one does
    not know the file, or where `software` is the name of one.

    Args:
        path: the file.
        reader: that is asked first.
        software: by which it was written, where it may be of several.
    """
    parts = _exports(Path(path))
    if len(parts) < 2:
        return _read_one(Path(path), reader, software)
    found = []
    with TemporaryDirectory(prefix="activeloop-") as folder:
        for number, part in enumerate(parts, 1):
            one = Path(folder, f"{number}{Path(path).suffix}")
            one.write_text(part, encoding="utf-8")
            try:
                found.append(_read_one(one, reader, software))
            except MeasurementError as error:
                raise MeasurementError(
                    f"export {number} of {len(parts)} in it: {error.problem}", file=str(path)
                ) from error
    notes = [note for file in found for note in file.notes]
    return InstrumentFile(
        str(path),
        read_file(path, MeasurementError)[1],
        found[0].software,
        tuple(reading for file in found for reading in file.readings),
        tuple(cube for file in found for cube in file.cubes),
        (f"it holds {len(found)} exports, one for each plate.", *dict.fromkeys(notes)),
    )


def _read_one(path: Path, reader: Reader, software: str) -> InstrumentFile:
    """A file of one export; see `read_instrument`."""
    others = {name: make for name, make in plugins("reader").items() if software in ("", name)}
    if software in others:
        return _checked(others[software]().read(path), path)
    try:
        return _checked(reader.read(path, software), path)
    except MeasurementError as error:
        for make in others.values():
            try:
                return _checked(make().read(path), path)
            except MeasurementError:
                continue
        raise error


def _checked(file: InstrumentFile, path: Path) -> InstrumentFile:
    return checked(file, look(path, {reading.plate for reading in file.readings}))


#: lines with which an export of one plate begins, in files in which one stands behind the other (Gen5)
_BEGINS = re.compile(r"^Software Version\t", re.MULTILINE)


def _exports(path: Path) -> list[str]:
    """The exports that stand one behind the other in a file of text, each of a plate of its own; [] where it is one."""
    content = read_file(path, MeasurementError)[0]
    if content[:2] == b"PK":
        return []
    text = _text(content).replace("\r\n", "\n")
    begins = [found.start() for found in _BEGINS.finditer(text)]
    return [text[a:b] for a, b in itertools.pairwise([*begins, len(text)])] if len(begins) > 1 else []


def _twice(file: InstrumentFile) -> Reading | None:
    """A value of a row of a plate whose wells hold each of their values an even number of times; None without one.

    Wells with several spots may read the same by chance, but not all of three wells of a row.
    """
    counts: dict[tuple[str, ...], Counter[Reading]] = defaultdict(Counter)
    for r in file.readings:
        if r.origin == "measured" and not math.isnan(r.value) and parse_well(r.well):
            counts[r.plate, r.well, *r.series][r] += 1
    rows: dict[tuple[str, ...], list[Reading]] = defaultdict(list)
    for (plate, well, *series), held in counts.items():
        if all(count % 2 == 0 for count in held.values()):
            rows[plate, well.rstrip("0123456789"), *series].append(next(iter(held)))
    return next((wells[0] for wells in rows.values() if len(wells) > 2), None)


def _relettered(file: InstrumentFile, letters: Sequence[str]) -> InstrumentFile | None:
    """A file whose rows, counted from A, have these letters; None where it has others, or these already."""
    names = {row_letters(k): letter for k, letter in enumerate(letters)}
    rows = {r.well.rstrip("0123456789") for r in file.readings if r.well}
    if not rows <= set(names) or all(before == after for before, after in names.items()):
        return None

    def moved(reading: Reading) -> Reading:
        letter = reading.well.rstrip("0123456789")
        well = names.get(letter, letter) + reading.well[len(letter) :]
        end = f" {reading.well}"
        sample = f"{reading.sample.removesuffix(end)} {well}" if reading.sample.endswith(end) else reading.sample
        return replace(reading, well=well, sample=sample)

    cubes = tuple(replace(cube, reading=moved(cube.reading)) for cube in file.cubes)
    return replace(file, readings=tuple(map(moved, file.readings)), cubes=cubes)


def look(path: Path, plates: Collection[str] = ()) -> Raw:
    """The numbers of a file: text in any usual encoding, a workbook, or either of them in a ZIP.

    Args:
        path: the file.
        plates: that it is said to hold, so that the wells of each are told apart where lines name them.

    Raises:
        TableError: it is neither.
    """
    # a number or a letter stands in many cells that name no plate
    raw = Raw(
        plates=frozenset(p for p in plates if len(p) > 2 and not p.isdecimal()) if len(plates) > 1 else frozenset()
    )
    content = Path(path).read_bytes()
    for sheet in _sheets(content, str(path)):
        _collect(sheet, raw)
    if len({plate for plate, _ in raw.of if plate}) < len(raw.plates):
        raw.plates = frozenset()  # it says otherwise of which plate a well is
    return raw


def _shown(content: bytes, file: str) -> Iterable[list[list[str]]]:
    """As `_sheets`; of a workbook the first sheets and the last, within the bounds of `read_workbook`."""
    if not _is_workbook(content):
        yield from _sheets(content, file)
        return
    names = sheet_names(content, file)
    for name in dict.fromkeys((*names[:3], *names[-1:])):
        yield read_workbook(content, file, name)[0]


def _is_workbook(content: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return "[Content_Types].xml" in archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return False


def _sheets(content: bytes, file: str) -> Iterable[list[list[str]]]:
    if content[:2] != b"PK":
        yield _records(_text(content))
        return
    try:
        if not _is_workbook(content):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for name in archive.namelist():
                    if sum(i.file_size for i in archive.infolist()) < 1 << 28:
                        yield _records(_text(archive.read(name)))
            return
        from openpyxl import load_workbook

        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        for sheet in book.worksheets:
            yield [["" if cell is None else str(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
    # also: encrypted; parsers of XML call a sheet that is cut off a SyntaxError
    except (zipfile.BadZipFile, zlib.error, RuntimeError, KeyError, ValueError, OSError, SyntaxError) as error:
        raise TableError("is no workbook that can be opened.", file=file) from error


def _text(content: bytes) -> str:
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig")):
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    if content[:400].count(0) > 100:
        return content.decode("utf-16-le", "replace")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _records(text: str) -> list[list[str]]:
    lines = text.splitlines()
    sign = max("\t;,|", key=lambda s: sum(line.count(s) for line in lines)) if lines else ","
    try:
        return [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=sign)]
    except csv.Error:
        return [[cell.strip() for cell in line.split(sign)] for line in lines]


def _collect(records: Sequence[Sequence[str]], raw: Raw) -> None:
    current: tuple[str, ...] = ()
    for i, record in enumerate(records):
        named = _plates_in(record, raw.plates)
        current = named or current
        for cell in record:
            raw.anywhere.update(_read(cell))
            if " " in cell or ":" in cell:
                raw.anywhere.update(key for word in re.split(r"[\s:=]+", cell) for key in _read(word))
        _list_row(record, raw, current)
        for left, width in _headers(record):
            _block(records, i, left, width, raw, current)
        _bare_block(records, i, raw, current)
        wells = {j: well_name(cell) for j, cell in enumerate(record) if _WELL_CELL.fullmatch(cell.strip())}
        if len(wells) > 2:  # a table with a column for each well
            for below in records[i + 1 : i + 20_000]:
                cells = {well: below[j] for j, well in wells.items() if j < len(below)}
                if any(cell and not _read(cell) for cell in cells.values()) or "".join(below).startswith("~"):
                    break
                own = _plates_in(below, raw.plates) or current
                for well, cell in cells.items():
                    raw.put(well, [cell], own)


def _plates_in(record: Sequence[str], plates: Collection[str]) -> tuple[str, ...]:
    """The plates that a line names, in a cell of its own or behind a colon in one."""
    if not plates:
        return ()
    words = {cell.strip() for cell in record} | {cell.rpartition(":")[2].strip() for cell in record if ":" in cell}
    return tuple(plate for plate in plates if plate in words)


def _list_row(record: Sequence[str], raw: Raw, plates: Sequence[str]) -> None:
    """A line of a list: it names a well, in one cell or as row and column, and holds its values."""
    wells = {well_name(cell) for cell in record if _WELL_CELL.fullmatch(cell.strip())}
    wells |= {well_name(found[1]) for cell in record if (found := _IN_BRACKETS.fullmatch(cell.strip()))}
    for first, second in itertools.pairwise(record):
        if re.fullmatch(r"[A-Za-z]{1,2}", first.strip()) and re.fullmatch(r"0?[1-9]\d?", second.strip()):
            wells.add(well_name(first.strip() + second.strip()))
    if 0 < len(wells) < 4:
        for well in wells:
            raw.put(well, record, plates)


def _headers(record: Sequence[str]) -> Iterable[tuple[int, int]]:
    """Where column numbers 1, 2, 3 ... of a plate-shaped block begin, and how many there are."""
    for j, cell in enumerate(record):
        if cell.strip() not in ("1", "01", "1.0"):
            continue
        width = 1
        while j + width < len(record) and record[j + width].strip().removesuffix(".0").lstrip("0") == str(width + 1):
            width += 1
        if width >= 3:
            yield j, width


def _block(records: Sequence[Sequence[str]], i: int, left: int, width: int, raw: Raw, plates: Sequence[str]) -> None:
    """The rows below column numbers: by their letter, by their order where they have none."""
    rows = _WIDTHS.get(width, 32)
    letter, unnamed, letters = "", 0, list[str]()
    for k, record in enumerate(records[i + 1 : i + 1 + 16 * rows], i + 1):
        if not any(record[left : left + width]):
            if len(record) <= left and not _goes_on(records, k, letter):
                break
            unnamed += not letter  # an empty row of a plate that was read in part
            continue
        if next(iter(_headers(record)), None):
            break
        named = [cell.strip().upper() for cell in record[:left] if re.fullmatch(r"[A-Za-z]{1,2}", cell.strip())]
        if named:
            letter = named[-1]
            letters.append(letter)
        elif not letter:
            if unnamed >= rows:
                break
            unnamed += 1
        row = letter or row_letters(unnamed - 1)
        if len(record) < left + width and k == len(records) - 1:
            raw.cut = f"{row}{len(record) - left}"
        for column in range(width):
            if left + column < len(record):
                raw.put(f"{row}{column + 1}", [record[left + column]], plates)
    if letters:
        raw.rows.add(tuple(letters))


def _goes_on(records: Sequence[Sequence[str]], k: int, letter: str) -> bool:
    """Whether a block goes on with its next letter after an empty line."""
    following = records[k + 1][0].strip().upper() if k + 1 < len(records) and records[k + 1] else ""
    at = parse_well(f"{letter}1")
    return at is not None and following == row_letters(at[0] + 1)


def _bare_block(records: Sequence[Sequence[str]], i: int, raw: Raw, plates: Sequence[str]) -> None:
    """Lines of numbers alone, as many and as long as a plate has rows and columns."""
    if i and _width(records[i - 1]) == _width(records[i]):
        return
    rows = _WIDTHS.get(_width(records[i]), 0)
    block = records[i : i + rows]
    if rows and len(block) == rows and len({_width(record) for record in block}) == 1:
        if i + rows < len(records) and _width(records[i + rows]) == _width(records[i]):
            return
        for row, record in enumerate(block):
            for column, cell in enumerate(record[: _width(record)]):
                raw.put(f"{row_letters(row)}{column + 1}", [cell], plates)


def _width(record: Sequence[str]) -> int:
    """How many cells a line of nothing but numbers has; 0 for any other line."""
    cells = list(record[:-1] if record and not record[-1] else record)
    return len(cells) if cells and all(_read(cell) for cell in cells) else 0


def _read(cell: str) -> set[str]:
    """A cell as numbers, once for each way to read its decimal sign."""
    cell = cell.strip().lstrip("<>=~").strip().rstrip("%*").strip()
    if not cell or not _NUMBER.fullmatch(cell):
        return set()
    texts = {cell.replace(",", "").replace(" ", ""), cell.replace(".", "").replace(",", "."), cell.replace(",", ".")}
    found = set()
    for text in texts:
        try:
            found.update(_keys(float(text)))
        except ValueError:
            continue
    return found


def _keys(value: float) -> tuple[str, ...]:
    """A number as what it is looked up by."""
    return (f"{value:.{_DIGITS}g}",) if math.isfinite(value) else ()
