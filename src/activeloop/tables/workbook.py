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
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from xml.parsers import expat

from activeloop.errors import TableError
from activeloop.tables.numbers import Typed, shifted

#: bytes of one unpacked part, cells and texts that are kept, and elements that are looked at: a sheet of 500,000 rows
#: and 6 columns stays below
PART, CELLS, ELEMENTS, TEXT = 2**28, 3_000_000, 8_000_000, 10**8
#: bytes of a tag, a comment or whatever else comes in one piece
TOKEN = 2**21
#: elements inside each other, styles of cells, merged ranges and sheets: no program writes as many
DEPTH, STYLES, MERGED, SHEETS = 64, 100_000, 20_000, 2_000
#: characters in a cell, by Excel's own limit
LONGEST = 32_767
DAMAGED = "the workbook is damaged or half-written. Save it again as .xlsx, or copy it again."


def read_workbook(data: bytes, file: str, sheet: str | None) -> tuple[list[list[str]], list[int], tuple[str, ...]]:
    """The rows of one sheet that are not blank, as they are shown.

    What is struck through is kept with a stroke through each letter, raised digits as `²`, and a cell that a merged
    one covers says so where its row holds something else: none of them is read as a number or a candidate by mistake.

    Args:
        data: the file's content.
        file: its name, for messages.
        sheet: name of the sheet; the first visible one with cells when None.

    Returns:
        The cells of each row up to the last one that holds something, its number, and what was not read or is not
        seen, in sentences: other sheets with cells when none was named, and hidden rows.

    Raises:
        TableError: not a whole workbook, no such sheet, or too large for a sheet of people.
    """
    with _opened(data, file) as book:
        records, numbers, hidden = book.rows(sheet)
        return records, numbers, (*(book.others() if sheet is None else ()), *hidden)


def sheet_names(data: bytes, file: str) -> tuple[str, ...]:
    """Names of the visible sheets that hold cells; errors as in `read_workbook`."""
    with _opened(data, file) as book:
        return book.visible()


@contextmanager
def _opened(data: bytes, file: str) -> Iterator[_Workbook]:
    """A workbook; whatever is wrong with it within this context is a `TableError`."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield _Workbook(archive, file)
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

    def rows(self, name: str | None) -> tuple[list[list[str]], list[int], tuple[str, ...]]:
        """The rows of a sheet, or of the first visible one that is not empty, and a sentence on hidden ones."""
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
        records, numbers, notes = self._cells(visible[0])
        if not records and len(tables) > 1:
            problem = f'its first sheet "{visible[0].name}" is empty. Name the sheet (--sheet), one of: {names}.'
            raise TableError(problem, file=self._file)
        return records, numbers, notes

    def visible(self) -> tuple[str, ...]:
        """Names of the visible sheets that hold cells."""
        parts = [
            (s.name, self._parts.get(s.part.casefold())) for s in self._sheets if s.kind == "worksheet" and not s.hidden
        ]
        return tuple(name for name, part in parts if part is not None and self._holds_cells(part))

    def others(self) -> tuple[str, ...]:
        """A sentence on sheets that hold cells, without the first visible one."""
        tables = [sheet for sheet in self._sheets if sheet.kind == "worksheet"]
        first = next(sheet for sheet in tables if not sheet.hidden)
        found = []
        for sheet in tables:
            part = self._parts.get(sheet.part.casefold())
            if sheet is not first and part is not None and self._holds_cells(part):
                found.append(f'"{sheet.name}"{" (hidden)" * sheet.hidden}')
        what = (
            f'sheet "{first.name}" was read, and not {", ".join(found)}: put another one first, or name it by --sheet '
            "where the command has that."
        )
        return (what,) if found else ()

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
            if len(self._sheets) > SHEETS:
                raise TableError(DAMAGED, file=self._file)

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

    def _cells(self, sheet: _Sheet) -> tuple[list[list[str]], list[int], tuple[str, ...]]:
        strings: list[str] = []
        styles: list[_Style] = []
        for part, kind in self._related.values():
            if kind == "sharedStrings":
                strings = self._strings(part)
            if kind == "styles":
                styles = self._styles(part)
        reader = _SheetReader(strings, styles, self._date1904, self._file)
        self._parse(sheet.part, reader.start, reader.end, reader.characters)
        if any(map(operator.ge, reader.numbers, reader.numbers[1:])):
            raise ValueError
        if reader.merged:
            self._name_covered(reader)
        return reader.records, reader.numbers, reader.notes()

    def _name_covered(self, reader: _SheetReader) -> None:
        """Write into the cells below each other that are merged into one that they are, where their row holds more."""
        at = {number: i for i, number in enumerate(reader.numbers)}
        covered = 0
        for column, top, bottom in reader.merged:
            first = at.get(top)
            if first is None or not "".join(reader.records[first][column : column + 1]):
                continue
            covered += bottom - top
            if covered > CELLS:
                raise self._too_large()
            for row in range(top + 1, bottom + 1):
                cells = reader.records[at[row]] if row in at else []
                if cells:
                    cells.extend([""] * (column + 1 - len(cells)))
                    cells[column] = cells[column] or f"(merged with row {top})"

    def _strings(self, part: str) -> list[str]:
        strings: list[str] = []
        text = _Text()
        total = 0

        def start(tag: str, attributes: dict[str, str]) -> None:
            if tag == "si":
                text.clear()
            text.start(tag, attributes)

        def end(tag: str) -> None:
            nonlocal total
            text.end(tag)
            if tag == "si":
                strings.append(_unescaped(text.read()))
                total += len(strings[-1])
                if len(strings) > CELLS or total > TEXT:
                    raise self._too_large()

        def characters(piece: str) -> None:
            if not text.add(piece):
                raise self._too_large()

        self._parse(part, start, end, characters)
        return strings

    def _styles(self, part: str) -> list[_Style]:
        codes: dict[int, str] = {}
        struck: list[bool] = []
        styles: list[tuple[int, int]] = []
        inside: list[str] = []

        def start(tag: str, attributes: dict[str, str]) -> None:
            if tag in ("cellXfs", "cellStyleXfs", "dxfs", "fonts"):
                inside.append(tag)
            elif tag == "numFmt":
                codes[int(attributes["numFmtId"])] = attributes.get("formatCode", "")
            elif inside == ["fonts"] and tag == "font":
                struck.append(False)
            elif inside == ["fonts"] and tag == "strike":
                struck[-1] = _is_on(attributes)
            elif tag == "xf" and inside == ["cellXfs"]:
                styles.append((int(attributes.get("numFmtId", 0)), int(attributes.get("fontId", 0))))
            if max(len(codes), len(struck), len(styles)) > STYLES:
                raise self._too_large()

        def end(tag: str) -> None:
            if inside and inside[-1] == tag:
                inside.pop()

        self._parse(part, start, end)
        return [
            _Style(_Format.of(codes.get(code, _BUILTIN.get(code, ""))), 0 <= font < len(struck) and struck[font])
            for code, font in styles
        ]

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
        elements = depth = 0

        def started(name: str, attributes: dict[str, str]) -> None:
            nonlocal elements, depth
            elements, depth = elements + 1, depth + 1
            if elements > ELEMENTS:
                raise self._too_large()
            if depth > DEPTH:
                raise TableError(DAMAGED, file=self._file)
            if ":" in name:
                name = name.rpartition(":")[2]
            if name in ("sheet", "Relationship"):
                attributes = {key.rpartition(":")[2]: value for key, value in attributes.items()}
            start(name, attributes)

        def ended(name: str) -> None:
            nonlocal depth
            depth -= 1
            if end is not None:
                end(name.rpartition(":")[2] if ":" in name else name)

        def declared(*_: Any) -> None:
            problem = (
                "the workbook declares a document type, which no spreadsheet program writes. Save it again as .xlsx."
            )
            raise TableError(problem, file=self._file)

        parser.StartElementHandler = started
        parser.EndElementHandler = ended
        parser.StartDoctypeDeclHandler = declared
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


def _is_on(attributes: dict[str, str]) -> bool:
    return attributes.get("val", "1") not in ("0", "false")


#: digits and signs -> raised
_RAISED = str.maketrans("0123456789+-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻")


def _struck(text: str) -> str:
    """Text with a stroke through each letter, which no number and no candidate has.

    >>> _struck("1.5") == "1\u0336.\u03365\u0336"
    True
    """
    return "".join(f"{character}\u0336" for character in text)


class _Text:
    """The text of a cell that may be formatted in parts."""

    def __init__(self) -> None:
        self.clear()
        self._phonetic = False

    def clear(self) -> None:
        """Forget what was read."""
        self._pieces: list[str] = []
        self._open = self._raised = self._crossed = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        if tag == "t":
            self._open = not self._phonetic
        elif tag == "r":
            self._raised = self._crossed = False
        elif tag == "vertAlign":
            self._raised = attributes.get("val") == "superscript"
        elif tag == "strike":
            self._crossed = _is_on(attributes)
        elif tag == "rPh":
            self._phonetic = True

    def end(self, tag: str) -> None:
        """An element ends."""
        if tag == "t":
            self._open = False
        elif tag == "r":
            self._raised = self._crossed = False
        elif tag == "rPh":
            self._phonetic = False

    def add(self, text: str) -> bool:
        """Take what stands in the element; False where it is more than a cell holds."""
        if not self._open:
            return True
        text = text.translate(_RAISED) if self._raised else text
        self._pieces.append(_struck(text) if self._crossed else text)
        return len(self._pieces) <= LONGEST and len(text) <= LONGEST

    def read(self) -> str:
        """All of it."""
        return "".join(self._pieces)


class _SheetReader:
    """The cells of a sheet, as its XML goes by."""

    def __init__(self, strings: Sequence[str], styles: Sequence[_Style], date1904: bool, file: str):
        self.records: list[list[str]] = []
        self.numbers: list[int] = []
        #: column, first and last row of what is merged downwards
        self.merged: list[tuple[int, int, int]] = []
        self._hidden: list[int] = []
        self._strings, self._styles, self._date1904, self._file = strings, styles, date1904, file
        self._row, self._column, self._kept = 0, -1, 0
        self._cells: list[str] = []
        self._type, self._style, self._is_hidden = "n", 0, False
        self._value: list[str] | None = None
        self._formula: list[str] | None = None
        self._into: list[str] | None = None
        self._text = _Text()

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "c":
            place = attributes.get("r")
            self._column = _column_number(place) if place else self._column + 1
            self._type, self._style = attributes.get("t", "n"), int(attributes.get("s", 0))
            self._value = self._formula = None
            self._text.clear()
        elif tag == "v":
            if self._value is not None:
                raise ValueError
            self._value = self._into = []
        elif tag == "row":
            number = int(attributes.get("r", self._row + 1))
            if not 1 <= number <= 1_048_576:
                raise ValueError
            self._row, self._column, self._cells = number, -1, []
            self._is_hidden = attributes.get("hidden", "0") in ("1", "true")
        elif tag == "f":
            self._formula = self._into = []
        elif tag == "mergeCell":
            self._merge(attributes.get("ref", ""))
        else:
            self._text.start(tag, attributes)

    def end(self, tag: str) -> None:
        if tag in ("v", "f"):
            self._into = None
        elif tag == "c":
            if text := self._shown():
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
                if self._is_hidden:
                    self._hidden.append(self._row)
        else:
            self._text.end(tag)

    def characters(self, text: str) -> None:
        fits = self._text.add(text)
        if self._into is not None:
            self._into.append(text)
            fits = len(self._into) <= LONGEST and len(text) <= LONGEST
        if not fits:
            problem = (
                f"a cell holds more than the {LONGEST:,} characters that a spreadsheet program allows. Shorten it."
            )
            raise TableError(problem, file=self._file, row=self._row)

    def notes(self) -> tuple[str, ...]:
        """A sentence on rows that a filter, or a person, hides."""
        if not self._hidden:
            return ()
        several = len(self._hidden) > 1
        which = ", ".join(map(str, self._hidden[:8])) + (" ..." if len(self._hidden) > 8 else "")
        what = f"{len(self._hidden):,} rows that are" if several else "a row that is"
        return (
            f"{what} hidden in the sheet (by a filter, for instance) {'were' if several else 'was'} read: {which}.",
        )

    def _merge(self, area: str) -> None:
        first, _, last = area.replace("$", "").partition(":")
        top, bottom = (int(place.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ") or 0) for place in (first, last or first))
        if 1 <= top < bottom <= 1_048_576:
            self.merged.append((_column_number(first), top, bottom))
        if len(self.merged) > MERGED:
            raise TableError(DAMAGED, file=self._file)

    def _shown(self) -> str:
        style = self._styles[self._style] if 0 <= self._style < len(self._styles) else _PLAIN
        text = self._content(style.format)
        return _struck(text) if style.struck else text

    def _content(self, shown: _Format) -> str:
        value, inline = "".join(self._value or ()), self._text.read()
        if inline:
            if value:
                raise ValueError
            return _unescaped(inline).strip()
        if not value:
            # A program that never calculated stores formulas without values: show the formula instead.
            return "" if self._formula is None or self._type == "str" else f"={''.join(self._formula) or ' '}"
        if self._type == "s":
            if (index := int(value)) < 0:
                raise ValueError
            return self._strings[index].strip()
        if self._type == "n":
            if not _STORED.fullmatch(value):
                raise ValueError
            number = float(value)
            # Beyond what a float holds: refused where it is read as a number.
            exact = abs(number) < float("inf") and (
                number != 0 or not re.search("[1-9]", value.casefold().split("e")[0])
            )
            return shown.text(number, self._date1904) if exact else value.strip()
        if self._type == "b":
            return "TRUE" if value.strip() == "1" else "FALSE"
        if self._type == "d":
            return value.replace("T", " ")
        return _unescaped(value).strip()


#: a number as it stands in a sheet; some programs write NaN where nothing is
_STORED = re.compile(r"\s*(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|NaN)\s*", re.ASCII | re.IGNORECASE)


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


#: what a format adds to a number that says what money it is, and nothing about its size
_MONEY = frozenset(
    "USD EUR CHF GBP JPY CNY CAD AUD NZD SEK NOK DKK PLN CZK HUF INR KRW BRL ZAR kr kr. zł Kč Ft".split()
)
_TOKEN = re.compile(
    r'"[^"]*"|\\.|_.|\*.|\[[^\]]{0,99}\]|;|General|Standard|AM/PM|A/P|[Ee][+-]|.', re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True)
class _Section:
    """What one section of a number format makes of a number.

    Args:
        date: whether it shows a date or a time.
        power: of ten by which the shown number is larger than the stored one.
        before, behind: text around the number, such as `<`, `%` or `nM`.
        digits: places for digits before the point that are filled with zeros; -1 where no place is for a number.
        within: text stands between the digits.
        condition: comparison and number, "" for none.
    """

    date: bool = False
    power: int = 0
    before: str = ""
    behind: str = ""
    digits: int = 1
    within: bool = False
    condition: str = ""

    @classmethod
    def of(cls, tokens: Sequence[str]) -> _Section:
        """The meaning of the tokens between two semicolons."""
        bare = [t for t in tokens if len(t) == 1 or t[0] == "["]
        if re.search("[dmyhs]", "".join(t for t in bare if re.fullmatch(r"[^\[]|\[[hms]+\]", t, re.I)), re.IGNORECASE):
            return cls(date=True)
        condition = next((t[1:-1] for t in tokens if re.fullmatch(r"\[[<>=]+-?[\d.]+\]", t)), "")
        places = [i for i, t in enumerate(tokens) if t in "0#?@" or t.casefold() in ("general", "standard")]
        if not places:
            return cls(before=_literal(tokens), digits=-1, condition=condition)
        ahead, inner, after = tokens[: places[0]], tokens[places[0] : places[-1]], tokens[places[-1] + 1 :]
        commas = next((i for i, t in enumerate(after) if t != ","), len(after))
        percent = "%" in tokens
        whole = inner[: inner.index(".")] if "." in inner else [*inner, tokens[places[-1]]]
        marks = [t for t in inner if t not in ".,/ " and not (len(t) == 2 and t[0] in "eE")]
        behind = "%" if percent else _literal(after)
        return cls(
            power=2 * percent - 3 * commas,
            before=_literal(ahead),
            behind=behind,
            digits=whole.count("0") if not any(t in "/?eE" or t[0] in "eE" for t in inner) else 1,
            within=bool(_literal(marks)),
            condition=condition,
        )


def _literal(tokens: Iterable[str]) -> str:
    """The text that a format adds, without signs of money, brackets and the sign of negative numbers."""
    found = ""
    for token in tokens:
        if token[0] == "[":
            named = re.fullmatch(r"\[\$([^\]-]*)(?:-[^\]]*)?\]", token)
            found += named[1] if named and named[1].strip() not in _MONEY else ""
        elif token[0] in '"\\':
            found += token[1:-1] if token[0] == '"' else token[1:]
        elif token[0] not in "_*" and token not in "0#?@.,%" and token.casefold() not in ("general", "standard"):
            found += token
    found = "".join(c for c in found if unicodedata.category(c) != "Sc").strip()
    return "" if found in _MONEY or not found.strip("()+ ") else found


@dataclass(frozen=True)
class _Format:
    """What a number format makes of a number.

    Args:
        sections: for numbers above, below and of 0, or by their conditions; () for a format that shows all as it is.
        code: as it is written.

    >>> _Format.of('"<"0.0').text(1.25, False), _Format.of('0.0" nM"').text(1.25, False)
    ('<1.25', '1.25 nM')
    >>> _Format.of("0000").text(7.0, False), _Format.of(";;;").text(7.0, False), _Format.of('0"0"').text(7.0, False)
    ('0007', '7 shown as ;;;', '7 shown as 0"0"')
    """

    sections: tuple[_Section, ...] = ()
    code: str = ""

    @classmethod
    @lru_cache(1024)
    def of(cls, code: str) -> _Format:
        """The meaning of a format code.

        >>> _Format.of("0.0%").sections[0].power, _Format.of("[$-409]d-mmm;@").sections[0].date
        (2, True)
        """
        if code in ("", "General", "@"):
            return cls()
        # No program allows more than 255.
        if len(code) > 1000:
            raise ValueError
        parts: list[list[str]] = [[]]
        for token in _TOKEN.findall(code):
            if token == ";":
                parts.append([])
            else:
                parts[-1].append(token)
        return cls(tuple(map(_Section.of, parts[:3])), code)

    def text(self, value: float, date1904: bool) -> str:
        """A number as it is shown, with all its digits.

        >>> _Format.of("0%").text(0.45, False), _Format.of("d-mmm").text(46143.0, False)
        ('45%', '2026-05-01 00:00:00')
        """
        section = self._section(value)
        if section.date:
            return _date(value, date1904)
        if section.digits < 0 and section.before:
            return section.before
        try:
            scaled = shifted(value, section.power)
        except TableError:
            return f"{value}e{section.power}"  # refused where it is read as a number
        whole = scaled.is_integer() and abs(scaled) < 1e15
        number = str(int(scaled) if whole else scaled)
        before, behind = section.before, section.behind
        around = f"{before}{behind}".replace("‰", "")
        minus = before.strip("() ") in ("-", "−") and value > 0
        if section.digits < 0 or section.within or minus or any(c.isdigit() for c in around):
            return f"{number} shown as {self.code}"
        before, behind = before.strip("() "), behind.strip("() ")
        before = "" if before in ("-", "−") else before
        if whole and scaled >= 0:
            number = number.zfill(section.digits)
        text = f"{before}{number}{' ' * (behind[:1] not in ('', '%'))}{behind}"
        if before.strip("<>=≤≥ "):
            return text  # no number, but perhaps a name, such as CMP-0007
        return text if whole and not before and not behind else Typed(text)

    def _section(self, value: float) -> _Section:
        if not self.sections:
            return _Section()
        if any(section.condition for section in self.sections):
            for section in self.sections:
                if not section.condition or _holds(section.condition, value):
                    return section
            return _Section()
        if value == 0 and len(self.sections) == 3:
            return self.sections[2]
        return self.sections[1 if value < 0 and len(self.sections) > 1 else 0]


def _holds(condition: str, value: float) -> bool:
    match = re.fullmatch(r"([<>=]+)(-?[\d.]+)", condition)
    assert match is not None
    than = float(match[2])
    return {"<": value < than, ">": value > than, "=": value == than, "<=": value <= than, ">=": value >= than}.get(
        match[1], value != than
    )


@dataclass(frozen=True)
class _Style:
    """How a cell is shown: its number format, and whether it is struck through."""

    format: _Format = _Format()
    struck: bool = False


_PLAIN = _Style()


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
