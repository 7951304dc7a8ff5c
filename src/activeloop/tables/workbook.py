"""Excel workbooks (.xlsx), read as a stream of XML within bounds.

Not by openpyxl (which writes ours): it fills the space up to a stray far cell with empty ones, reads a bomb to its end,
and does not say what a cell's number format shows (45 % for 0.45).
"""

from __future__ import annotations

import datetime
import io
import operator
import posixpath
import re
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from activeloop.errors import TableError
from activeloop.tables.numbers import Typed, shifted

#: bytes of one unpacked part, cells and texts that are kept, and elements that are looked at: a sheet of 500,000 rows
#: and 6 columns stays below
PART, CELLS, ELEMENTS, TEXT = 2**28, 3_000_000, 8_000_000, 10**8
#: bytes of a tag, a comment or whatever else comes in one piece
TOKEN = 2**21
#: characters in a cell, by Excel's own limit
LONGEST = 32_767
DAMAGED = "the workbook is damaged or half-written. Save it again as .xlsx, or copy it again."


def read_workbook(data: bytes, file: str, sheet: str | None) -> tuple[list[list[str]], list[int], tuple[str, ...]]:
    """The rows of one sheet that are not blank, as they are shown.

    Args:
        data: the file's content.
        file: its name, for messages.
        sheet: name of the sheet; the first visible one with cells when None.

    Returns:
        The cells of each row up to the last one that holds something, its number, and the names of other sheets with
        cells, when none was named.

    Raises:
        TableError: not a whole workbook, no such sheet, or too large for a sheet of people.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            book = _Workbook(archive, file)
            records, numbers = book.rows(sheet)
            return records, numbers, book.others() if sheet is None else ()
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError):
        raise TableError(DAMAGED, file=file) from None
    except (expat.ExpatError, KeyError, IndexError, ValueError, OverflowError) as error:
        if isinstance(error, TableError):
            raise
        raise TableError("the workbook is damaged. Save it again as .xlsx.", file=file) from None


@dataclass(frozen=True)
class _Sheet:
    name: str
    part: str
    kind: str
    hidden: bool


class _Workbook:
    def __init__(self, archive: zipfile.ZipFile, file: str):
        self._archive, self._file = archive, file
        self._parts = {info.filename.replace("\\", "/").lstrip("/").casefold(): info for info in archive.infolist()}
        book = next((p for p, kind in self._relations("").values() if kind == "officeDocument"), "xl/workbook.xml")
        if book.casefold() not in self._parts or book.endswith(".bin"):
            problem = "this is an archive but not an .xlsx workbook. Save the table as .xlsx or CSV."
            raise TableError(problem, file=file)
        self._related = self._relations(book)
        self._sheets: list[_Sheet] = []
        self._date1904 = False
        self._parse(book, self._book_element)

    def rows(self, name: str | None) -> tuple[list[list[str]], list[int]]:
        """The rows of a sheet, or of the first visible one that is not empty."""
        tables = [sheet for sheet in self._sheets if sheet.kind == "worksheet"]
        names = ", ".join(sheet.name for sheet in tables)
        if name is not None:
            chosen = [s for s in self._sheets if s.name == name] or [
                s for s in self._sheets if s.name.casefold() == name.strip().casefold()
            ]
            if not chosen:
                raise TableError(f'no sheet "{name}". Sheets: {names}.', file=self._file)
            if chosen[0].kind != "worksheet":
                problem = f'the sheet "{name}" holds no cells but a chart. Sheets with cells: {names}.'
                raise TableError(problem, file=self._file)
            return self._cells(chosen[0])
        visible = [sheet for sheet in tables if not sheet.hidden]
        if not visible:
            what = f"only hidden sheets ({names}): show one, or name it (--sheet)" if tables else "no sheet with cells"
            raise TableError(f"the workbook has {what}.", file=self._file)
        records, numbers = self._cells(visible[0])
        if not records and len(tables) > 1:
            problem = f'its first sheet "{visible[0].name}" is empty. Name the sheet (--sheet), one of: {names}.'
            raise TableError(problem, file=self._file)
        return records, numbers

    def others(self) -> tuple[str, ...]:
        """Sheets that hold cells, without the first visible one."""
        tables = [sheet for sheet in self._sheets if sheet.kind == "worksheet"]
        first = next(sheet for sheet in tables if not sheet.hidden)
        found = []
        for sheet in tables:
            part = self._parts.get(sheet.part.casefold())
            if sheet is not first and part is not None and self._holds_cells(part):
                found.append(f"{sheet.name} (hidden)" if sheet.hidden else sheet.name)
        return tuple(found)

    def _holds_cells(self, part: zipfile.ZipInfo) -> bool:
        """Whether a value stands in the beginning of a sheet; nothing is parsed."""
        with self._archive.open(part) as stream:
            return re.search(rb"<(?:\w+:)?(?:v|is)[ >]", stream.read(2**20)) is not None

    def _book_element(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "workbookPr":
            self._date1904 = attributes.get("date1904", "0") in ("1", "true")
        if tag == "sheet":
            part, kind = self._related.get(attributes.get("id", ""), ("", ""))
            hidden = attributes.get("state", "visible") != "visible"
            self._sheets.append(_Sheet(attributes.get("name", ""), part, kind, hidden))

    def _relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Id -> the part it stands for, and of which kind that is."""
        folder, name = posixpath.split(part)
        found: dict[str, tuple[str, str]] = {}

        def element(tag: str, attributes: dict[str, str]) -> None:
            if tag == "Relationship":
                target = posixpath.normpath(posixpath.join("/", folder, attributes.get("Target", ""))).lstrip("/")
                found[attributes.get("Id", "")] = target, attributes.get("Type", "").rpartition("/")[2]

        rels = posixpath.join(folder, "_rels", f"{name}.rels")
        if rels.casefold() in self._parts:
            self._parse(rels, element)
        return found

    def _cells(self, sheet: _Sheet) -> tuple[list[list[str]], list[int]]:
        strings: list[str] = []
        formats: list[_Format] = []
        for part, kind in self._related.values():
            if kind == "sharedStrings":
                strings = self._strings(part)
            if kind == "styles":
                formats = self._formats(part)
        reader = _SheetReader(strings, formats, self._date1904, self._file)
        self._parse(sheet.part, reader.start, reader.end, reader.characters)
        if any(map(operator.ge, reader.numbers, reader.numbers[1:])):
            raise ValueError
        return reader.records, reader.numbers

    def _strings(self, part: str) -> list[str]:
        strings: list[str] = []
        pieces: list[str] = []
        total = 0
        state = {"text": False, "phonetic": False}

        def start(tag: str, _: dict[str, str]) -> None:
            if tag == "si":
                pieces.clear()
            elif tag == "rPh":
                state["phonetic"] = True
            elif tag == "t":
                state["text"] = not state["phonetic"]

        def end(tag: str) -> None:
            nonlocal total
            if tag == "si":
                strings.append(_unescaped("".join(pieces)))
                total += len(strings[-1])
                if len(strings) > CELLS or total > TEXT:
                    raise self._too_large()
            elif tag == "rPh":
                state["phonetic"] = False
            elif tag == "t":
                state["text"] = False

        def characters(text: str) -> None:
            if state["text"]:
                pieces.append(text)
                if len(pieces) > LONGEST or len(text) > LONGEST:
                    raise self._too_large()

        self._parse(part, start, end, characters)
        return strings

    def _formats(self, part: str) -> list[_Format]:
        codes: dict[int, str] = {}
        styles: list[int] = []
        inside: list[str] = []

        def start(tag: str, attributes: dict[str, str]) -> None:
            if tag in ("cellXfs", "cellStyleXfs", "dxfs"):
                inside.append(tag)
            elif tag == "numFmt":
                codes[int(attributes["numFmtId"])] = attributes.get("formatCode", "")
            elif tag == "xf" and inside == ["cellXfs"]:
                styles.append(int(attributes.get("numFmtId", 0)))

        def end(tag: str) -> None:
            if inside and inside[-1] == tag:
                inside.pop()

        self._parse(part, start, end)
        return [_Format.of(codes.get(style, _BUILTIN.get(style, ""))) for style in styles]

    def _parse(
        self,
        part: str,
        start: Callable[[str, dict[str, str]], None],
        end: Callable[[str], None] | None = None,
        characters: Callable[[str], None] | None = None,
    ) -> None:
        """Feed one part to some handlers; names come without their namespace."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        elements = 0

        def started(name: str, attributes: dict[str, str]) -> None:
            nonlocal elements
            elements += 1
            if elements > ELEMENTS:
                raise self._too_large()
            if ":" in name:
                name = name.rpartition(":")[2]
            if name in ("sheet", "Relationship"):
                attributes = {key.rpartition(":")[2]: value for key, value in attributes.items()}
            start(name, attributes)

        def declared(*_: Any) -> None:
            problem = (
                "the workbook declares a document type, which no spreadsheet program writes. Save it again as .xlsx."
            )
            raise TableError(problem, file=self._file)

        parser.StartElementHandler = started
        parser.StartDoctypeDeclHandler = declared
        if end is not None:
            parser.EndElementHandler = lambda name: end(name.rpartition(":")[2])
        if characters is not None:
            parser.CharacterDataHandler = characters
        size = 0
        with self._archive.open(self._parts[part.casefold()]) as stream:
            while block := stream.read(2**16):
                size += len(block)
                if size > PART:
                    raise self._too_large()
                parser.Parse(block, False)
                # The parser keeps what it has not understood, and reads it anew with each block.
                if size - parser.CurrentByteIndex > TOKEN:
                    raise TableError(DAMAGED, file=self._file)
        parser.Parse(b"", True)

    def _too_large(self) -> TableError:
        problem = f"a sheet unpacks to more than {CELLS:,} cells or {PART // 2**20} MB. Save the table as CSV."
        return TableError(problem, file=self._file)


class _SheetReader:
    """The cells of a sheet, as its XML goes by."""

    def __init__(self, strings: Sequence[str], formats: Sequence[_Format], date1904: bool, file: str):
        self.records: list[list[str]] = []
        self.numbers: list[int] = []
        self._strings, self._formats, self._date1904, self._file = strings, formats, date1904, file
        self._row, self._column, self._kept = 0, -1, 0
        self._cells: list[str] = []
        self._type, self._style = "n", 0
        self._value: list[str] = []
        self._formula: list[str] | None = None
        self._into: list[str] | None = None
        self._phonetic = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "c":
            place = attributes.get("r")
            self._column = _column_number(place) if place else self._column + 1
            self._type, self._style = attributes.get("t", "n"), int(attributes.get("s", 0))
            self._value, self._formula = [], None
        elif tag == "v":
            self._into = self._value
        elif tag == "row":
            number = int(attributes.get("r", self._row + 1))
            if not 1 <= number <= 1_048_576:
                raise ValueError
            self._row, self._column, self._cells = number, -1, []
        elif tag == "t":
            self._into = None if self._phonetic else self._value
        elif tag == "f":
            self._formula = []
            self._into = self._formula
        elif tag == "rPh":
            self._phonetic = True

    def end(self, tag: str) -> None:
        if tag in ("v", "t", "f"):
            self._into = None
        elif tag == "c":
            if text := self._text():
                room = self._column - len(self._cells)
                self._kept += room + 1
                if self._kept > CELLS:
                    problem = (
                        f"up to here the cells span {self._column + 1:,} columns and {self._row:,} rows: too many, or "
                        "far outside the table. Delete the cells outside the table, or save it as CSV."
                    )
                    raise TableError(problem, file=self._file, row=self._row)
                if room < 0:
                    raise ValueError
                self._cells.extend([""] * room)
                self._cells.append(text)
        elif tag == "row":
            if self._cells:
                self.records.append(self._cells)
                self.numbers.append(self._row)
        elif tag == "rPh":
            self._phonetic = False

    def characters(self, text: str) -> None:
        if self._into is not None:
            self._into.append(text)
            if len(self._into) > LONGEST or len(text) > LONGEST:
                problem = (
                    f"a cell holds more than the {LONGEST:,} characters that a spreadsheet program allows. Shorten it."
                )
                raise TableError(problem, file=self._file, row=self._row)

    def _text(self) -> str:
        value = "".join(self._value)
        if not value:
            # A program that never calculated stores formulas without values: show the formula instead.
            return "" if self._formula is None or self._type == "str" else f"={''.join(self._formula) or ' '}"
        if self._type == "s":
            return self._strings[int(value)].strip()
        if self._type == "n":
            shown = self._formats[self._style] if self._style < len(self._formats) else _GENERAL
            return shown.text(float(value), self._date1904)
        if self._type == "b":
            return "TRUE" if value.strip() == "1" else "FALSE"
        if self._type == "d":
            return value.replace("T", " ")
        return _unescaped(value).strip()


def _column_number(place: str) -> int:
    """The column of a cell's name, from 0.

    >>> _column_number("A1"), _column_number("XFD1048576")
    (0, 16383)
    """
    number = 0
    for letter in place.rstrip("0123456789"):
        number = number * 26 + ord(letter) - 64
    if not 1 <= number <= 16_384:
        raise ValueError
    return number - 1


def _unescaped(text: str) -> str:
    """Text with characters that XML cannot hold, which Excel writes as `_x000D_`; lone halves of characters stay so."""
    if "_x" not in text:
        return text
    return re.sub(
        "_x([0-9A-Fa-f]{4})_", lambda m: m[0] if 0xD800 <= int(m[1], 16) < 0xE000 else chr(int(m[1], 16)), text
    )


#: number formats that a workbook does not spell out
_BUILTIN = {
    **{9: "0%", 10: "0.00%", 20: "h:mm", 21: "h:mm:ss", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0", 18: "h:mm AM/PM"},
    **{number: "yyyy-mm-dd" for number in (*range(14, 18), 22, *range(27, 37), *range(50, 59))},
    19: "h:mm:ss AM/PM",
}


@dataclass(frozen=True)
class _Format:
    """What a number format makes of a number.

    Args:
        date: whether it shows a date or a time.
        power: of ten by which the shown number is larger than the stored one.
        behind: text behind the number, such as `%` or `nM`.
    """

    date: bool = False
    power: int = 0
    behind: str = field(default="")

    @classmethod
    def of(cls, code: str) -> _Format:
        """The meaning of a format code.

        >>> _Format.of("0.0%"), _Format.of('#,##0.0," kU"'), _Format.of("[$-409]d-mmm;@").date
        (_Format(date=False, power=2, behind='%'), _Format(date=False, power=-3, behind='kU'), True)
        """
        tokens = re.findall(
            r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]|;|General|Standard|AM/PM|[Ee][+-]|.', code, re.IGNORECASE | re.DOTALL
        )
        tokens = tokens[: tokens.index(";")] if ";" in tokens else tokens
        signs = "".join(t for t in tokens if len(t) == 1 or re.fullmatch(r"\[[hms]+\]", t, re.IGNORECASE))
        if re.search("[dmyhs]", signs, re.IGNORECASE):
            return cls(date=True)
        digits = [i for i, t in enumerate(tokens) if t in "0#?"]
        after = tokens[digits[-1] + 1 :] if digits else []
        thousands = len(after) - len("".join(after).lstrip(",")) if after and after[0] == "," else 0
        thousands = next((i for i, t in enumerate(after) if t != ","), len(after)) if thousands else 0
        literal = "".join(t[1:-1] if t[0] == '"' else t[1:] for t in after if t[0] in '"\\').strip()
        percent = "%" in tokens
        behind = "%" if percent else literal if any(c.isalpha() for c in literal) else ""
        return cls(False, 2 * percent - 3 * thousands, behind)

    def text(self, value: float, date1904: bool) -> str:
        """A number as it is shown, with all its digits.

        >>> _Format(power=2, behind="%").text(0.45, False), _Format(date=True).text(46143.0, False)
        ('45%', '2026-05-01 00:00:00')
        """
        if self.date:
            return _date(value, date1904)
        try:
            value = shifted(value, self.power)
        except TableError:
            return f"{value}e{self.power}"  # refused where it is read as a number
        whole = value.is_integer() and abs(value) < 1e15
        text = f"{int(value) if whole else value}{' ' * self.behind[:1].isalnum()}{self.behind}"
        return text if whole and not self.behind else Typed(text)


_GENERAL = _Format()


def _date(value: float, date1904: bool) -> str:
    """A serial number as a date or a time of day; Excel takes 1900 for a leap year."""
    if date1904:
        epoch = datetime.datetime(1904, 1, 1)
    else:
        epoch = datetime.datetime(1899, 12, 30) if value >= 60 else datetime.datetime(1899, 12, 31)
    try:
        moment = epoch + datetime.timedelta(seconds=round(value * 86400))
    except OverflowError:
        return "#####"  # as the sheet shows it
    return moment.time().isoformat() if 0 <= value < 1 else moment.isoformat(sep=" ")
