"""Uploads: whatever a file is made to do, it is read rightly or refused in words, within memory and time."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import random
import struct
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest

from activeloop.errors import InputError, TableError
from activeloop.tables import Book, read_table
from activeloop.work.uploads import Limits, UploadedFile, check_in_child, read_in_child
from exports import gen5

LIMITS = Limits()
HEAD = b"mutant,score\n"
SHEET = "xl/worksheets/sheet1.xml"
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def book(cells: dict[str, object] | None = None, **parts: bytes | None) -> bytes:
    """A workbook of one result, with further cells; `parts` replace its parts (None: left out), `__` for a slash."""
    made, file = openpyxl.Workbook(), io.BytesIO()
    for place, value in {"A1": "mutant", "B1": "score", "A2": "K2R", "B2": 0.5, **(cells or {})}.items():
        made.active[place] = value
    made.save(file)
    named = {name.replace("__", "/").replace("_xml", ".xml"): content for name, content in parts.items()}
    with zipfile.ZipFile(file) as old:
        held = {name: old.read(name) for name in old.namelist()} | named
    return zipped({name: content for name, content in held.items() if content is not None})


def zipped(parts: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def sheet(rows: bytes) -> bytes:
    return f"<worksheet {MAIN}><sheetData>".encode() + rows + b"</sheetData></worksheet>"


def row(number: int, cells: bytes) -> bytes:
    return b'<row r="%d">%s</row>' % (number, cells)


def text(place: str, value: str) -> bytes:
    return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'.encode()


TOP = row(1, text("A1", "mutant") + text("B1", "score"))


def linked() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        link = zipfile.ZipInfo("data.csv")
        link.external_attr = 0o120777 << 16  # a symbolic link
        archive.writestr(link, "/etc/passwd")
    return file.getvalue()


def large_part(size: int, name: str = SHEET) -> bytes:
    """A workbook with a part of zeros that unpacks to so many bytes."""
    return book(**{name.replace("/", "__").replace(".xml", "_xml"): bytes(size)})


def wrong_size() -> bytes:
    """A workbook whose directory says that a sheet is small."""
    data, size = bytearray(large_part(2**28)), struct.pack("<I", 2**28)
    place = -1
    while (place := data.find(size, place + 1)) >= 0:
        data[place : place + 4] = struct.pack("<I", 100)
    return bytes(data)


def overlapping() -> bytes:
    """An archive in which 2,000 names stand for the same megabytes (after Fifield 2019, "A better zip bomb")."""
    data = zipped({"a": bytes(2**24)})
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entry = data[start:end]
    directory = b"".join(entry[:46] + b"%d" % (n % 10) for n in range(2000))
    finish = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 2000, 2000, len(directory), start, 0)
    return data[:start] + directory + finish


random_bytes = random.Random(5).randbytes
REFUSED: dict[str, Callable[[], bytes]] = {
    "a gzip bomb": lambda: gzip.compress(bytes(2**31), 1),
    "a gzip bomb of a table": lambda: gzip.compress(HEAD + b"K2R,0.5\n" * 25_000_000, 1),
    "gzip within gzip": lambda: gzip.compress(gzip.compress(bytes(2**28))),
    "a gzip file that was cut off": lambda: gzip.compress(HEAD + random_bytes(2**16))[:9000],
    "a gzip file of nothing": lambda: gzip.compress(b""),
    "a bz2 bomb": lambda: bz2.compress(bytes(2**27)),
    "an xz bomb": lambda: lzma.compress(bytes(2**27), preset=0),
    "a zip bomb": lambda: zipped({"a.csv": bytes(2**29)}),
    "a zip bomb whose names overlap": overlapping,
    "a zip file of links": linked,
    "a zip file with a way out": lambda: zipped({"../../etc/passwd": HEAD}),
    "a workbook of zeros": lambda: large_part(2**29),
    "a workbook of zeros that lies about its size": wrong_size,
    "a workbook of empty rows": lambda: book(xl__worksheets__sheet1_xml=sheet(TOP + b"<row/>" * 12_000_000)),
    "a workbook with a stray far cell": lambda: book({"XFD1048576": "x"}),
    "a workbook of deep XML": lambda: book(xl__worksheets__sheet1_xml=sheet(TOP + b"<a>" * 3_000_000)),
    "a workbook with an endless tag": lambda: book(xl__worksheets__sheet1_xml=sheet(TOP + b"<row " + b"x" * 2**27)),
    "a workbook of a million attributes": lambda: book(
        xl__worksheets__sheet1_xml=sheet(TOP + b"<row " + b" ".join(b'a%d=""' % i for i in range(1_000_000)) + b"/>")
    ),
    "a workbook with entities within entities": lambda: book(
        xl__worksheets__sheet1_xml=b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
        + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10))
        + b"]>"
        + sheet(TOP + row(2, text("A2", "&a9;")))
    ),
    "a workbook that asks for a file": lambda: book(
        xl__worksheets__sheet1_xml=b'<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
        + sheet(TOP + row(2, text("A2", "&a;")))
    ),
    "a workbook with a cell of 200 MB": lambda: book(
        xl__worksheets__sheet1_xml=sheet(TOP + row(2, text("A2", "x" * 200_000_000)))
    ),
    "a workbook merged over all": lambda: book(
        xl__worksheets__sheet1_xml=sheet(TOP).replace(
            b"</worksheet>", b'<mergeCells>%s</mergeCells></worksheet>' % (b'<mergeCell ref="A1:XFD1048576"/>' * 30_000)
        )
    ),
    "a workbook without a sheet": lambda: book(xl__worksheets__sheet1_xml=None),
    "a workbook with rows backwards": lambda: book(
        xl__worksheets__sheet1_xml=sheet(row(5, text("A5", "mutant")) + row(2, text("A2", "K2R")))
    ),
    "half a workbook": lambda: book()[:3000],
    "a program": lambda: Path(sys.executable).resolve().read_bytes()[: 2**22],
    "random bytes": lambda: random_bytes(2**20),
    "zeros": lambda: bytes(2**26),
    "an endless line": lambda: HEAD + b"A" * 2**26,
    "an endless cell in quotation marks": lambda: HEAD + b'"' + b"K2R,0.5\n" * 2**21,
    "ten million columns": lambda: b"a," * 10_000_000 + b"\n" + b"1," * 10_000_000,
    "a row of other widths": lambda: HEAD + b"K2R,0.5\n" * 100_000 + b"1,2,3,4\n",
    "a formula for a name": lambda: b'mutant,score\n"=cmd|\'/c calc\'!A1",0.5\n',
    "a formula that fetches": lambda: b'mutant,score\nK2R,"=WEBSERVICE(""http://example.org"")"\n',
    "a web page": lambda: b"<!DOCTYPE html><html><script>alert(1)</script></html>",
    "half of a letter": lambda: b"\xff\xfe" + "mutant,score\nK2R,0.5\n".encode("utf-16-le")[:-1],
    "a pickle": lambda: b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R.",
    "nothing": lambda: b"",
    "spaces": lambda: b" \n" * 1000,
}  # fmt: skip
READ: dict[str, tuple[Callable[[], bytes], int]] = {
    "a workbook": (book, 1),
    "a workbook that states huge dimensions": (
        lambda: book(
            xl__worksheets__sheet1_xml=sheet(TOP + row(2, text("A2", "K2R") + text("B2", "0.5"))).replace(
                b"<sheetData>", b'<dimension ref="A1:XFD1048576"/><sheetData>'
            )
        ),
        1,
    ),
    "a workbook with a large part that no table needs": (lambda: large_part(2**28, "xl/media/image1.png"), 1),
    "a workbook in whose archive links stand": (lambda: book(**{"link": b"/etc/passwd"}), 1),
    "a gzipped table": (lambda: gzip.compress(HEAD + b"K2R,0.5\n" * 1000), 1000),
    "200,000 rows": (lambda: HEAD + b"".join(b"K%dR,%d.5\n" % (i, i) for i in range(200_000)), 200_000),
    "UTF-16 of a spreadsheet program": (lambda: "mutant\tscore\nK2R\t0,5\n".encode("utf-16"), 1),
}


def upload(folder: Path, content: bytes) -> Path:
    path = folder / "upload"
    path.write_bytes(content)
    return path


def read_all(path: Path) -> None:
    """A table's cells are looked at when they are read, as every user of a table does."""
    table = read_in_child(path, name="results.csv").table()
    for name in table.header:
        table.column(name)
    table.candidates("mutant")
    raise AssertionError(table.header)


@pytest.mark.parametrize("name", REFUSED)
def test_hostile_files_are_refused_in_words_within_bounds(tmp_path, name):
    path = upload(tmp_path, REFUSED[name]())
    with pytest.raises(InputError) as caught:
        read_all(path)
    words = str(caught.value)
    assert words.startswith("results.csv")
    assert words.endswith(".")
    assert len(words) < 600
    assert not any(word in words for word in ("Traceback", "Error:", str(tmp_path)))


SEQUENCES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "a gzip bomb": ("family.a2m.gz", lambda: gzip.compress(bytes(2**30), 1)),
    "a chain without an end": ("family.a3m", lambda: b">a\n" + b"M" * 2**25),
    "a Stockholm file that is held whole": (
        "family.sto.gz",
        lambda: gzip.compress(
            b"# STOCKHOLM 1.0\n" + b"".join(b"%020d %s\n" % (i, b"M" * 60) for i in range(4 * 10**6)), 1
        ),
    ),
    "a cut-off gzip file": ("wt.fasta.gz", lambda: gzip.compress(b">a\n" + random_bytes(2**16))[:9000]),
    "a table": ("wt.fasta", lambda: HEAD + b"K2R,0.5\n"),
}


@pytest.mark.parametrize("kind", SEQUENCES)
def test_hostile_files_of_sequences_are_refused_in_words_within_bounds(tmp_path, kind):
    name, make = SEQUENCES[kind]
    with pytest.raises(InputError) as caught:
        check_in_child(upload(tmp_path, make()), name=name, limits=Limits(mebibytes=256))
    words = str(caught.value)
    assert words.startswith(name)
    assert words.endswith(".")
    assert not any(word in words for word in ("Traceback", "Error:", str(tmp_path)))


def test_sequences_that_come_with_a_campaign_are_read(tmp_path):
    content = b">wt\nMKTAYIAKQR\n>other\nMKTAYIAKQK\n"
    check_in_child(upload(tmp_path, content), name="wt.fasta")
    check_in_child(upload(tmp_path, gzip.compress(content)), name="family.a2m.gz")


@pytest.mark.parametrize("name", READ)
def test_files_that_look_hostile_and_are_not_are_read(tmp_path, name):
    make, rows = READ[name]
    table = read_in_child(upload(tmp_path, make()), name="results.csv").table()
    assert (table.file, len(table), table.header[:2]) == ("results.csv", rows, ("mutant", "score"))
    assert table.row(0)["mutant"] in ("K2R", "K0R")


def test_the_same_is_read_as_without_a_child(tmp_path):
    made = openpyxl.load_workbook(io.BytesIO(book({"C1": "µM", "C2": "0,5", "D1": "d\ud7ff", "D2": "<1", "A3": "T3S"})))
    for name in ("plate-1", "plate-2"):
        grid = made.create_sheet(name)
        grid.append(["", *range(1, 13)])
        for letter in "ABCDEFGH":
            grid.append([letter, *(float(len(name) + i) for i in range(12))])
    made.save(tmp_path / "upload.xlsx")
    for path in (tmp_path / "upload.xlsx", upload(tmp_path, b"mutant;score\nK2R;0,5\n")):
        here, there = Book.open(path, others=True), read_in_child(path)
        assert [b.place for b in there.blocks()] == [b.place for b in here.blocks()]
        assert there.blocks() == here.blocks()
        for block in (None, *(b for b in here.blocks() if b.place)):
            where = {} if block is None else {"sheet": block.sheet, "block": block.place}
            one, other = here.table(**where), there.table(**where)
            assert replace(one, row_numbers=tuple(one.row_numbers)) == replace(
                other, row_numbers=tuple(one.row_numbers)
            )
            assert list(one.row_numbers) == list(other.row_numbers)
            assert one == read_table(path, **where)
    assert len(Book.open(tmp_path / "upload.xlsx", "plate-2").blocks()) == 1
    with pytest.raises(TableError, match=r'no sheet "other"\. Sheets: Sheet, plate-1, plate-2'):
        read_in_child(tmp_path / "upload.xlsx").table(sheet="other")
    with pytest.raises(TableError, match='a text file has no sheet "other"'):
        read_in_child(path).table(sheet="other")


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(mebibytes=150), "more than 150 MiB of memory"),
        (Limits(seconds=1, mebibytes=4000), "longer than 1 seconds"),
        (Limits(answer=1), "holds more than 1 MiB"),
        (Limits(file=1), "1 are allowed"),
    ],
)
def test_each_limit_ends_it(tmp_path, limits, words):
    many = HEAD + b"".join(b"K%dR,%d.5\n" % (i, i) for i in range(1_000_000))
    with pytest.raises(TableError, match=words):
        read_in_child(upload(tmp_path, many), name="results.csv", limits=limits)


def test_a_child_that_hangs_is_ended_by_the_clock(tmp_path, monkeypatch):
    monkeypatch.setattr("activeloop.work.uploads.WAIT", 0.5)
    os.mkfifo(tmp_path / "pipe")  # whoever opens it waits for a writer for ever, and computes nothing
    begun = time.monotonic()
    with pytest.raises(TableError, match="longer than 1 seconds"):
        read_in_child(tmp_path / "pipe", name="results.csv", limits=Limits(seconds=1))
    assert time.monotonic() - begun < 30


def test_there_is_no_such_file(tmp_path):
    with pytest.raises(TableError, match=r"results\.csv: the file cannot be read"):
        read_in_child(tmp_path / "nothing", name="results.csv")


def test_plates_of_one_export_are_read_one_by_one_within_limits(reading, tmp_path):
    values = {f"Plate {n}": [[1000.0 * n + 12 * r + c for c in range(12)] for r in range(8)] for n in (1, 2)}
    found = UploadedFile(gen5(tmp_path / "run.txt", values), "run.txt").exported("")
    assert {(r.plate, r.well): r.value for r in found.readings}["Plate 2", "B1"] == 2012.0
    assert (len(found.readings), [path.name for path in tmp_path.iterdir()]) == (192, ["run.txt"])
