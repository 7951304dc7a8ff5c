"""Uploads: whatever a file is made to do, it is read rightly or refused in words, within memory and time."""

from __future__ import annotations

import gzip
import io
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest

from activeloop.errors import InputError, TableError
from activeloop.tables import Book, read_table
from activeloop.work.uploads import Limits, UploadedFile, check_in_child, read_in_child
from benchmarks.hostile_files import FILES, HEAD, SEQUENCES, SLOW, TOP, book, large_part, row, sheet, text
from exports import gen5

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
    "a workbook in whose archive links stand": (lambda: book(None, link=b"/etc/passwd"), 1),
    "a gzipped table": (lambda: gzip.compress(HEAD + b"K2R,0.5\n" * 1000), 1000),
    "200,000 rows": (lambda: HEAD + b"".join(b"K%dR,%d.5\n" % (i, i) for i in range(200_000)), 200_000),
    "UTF-16 of a spreadsheet program": (lambda: "variant\tactivity\nK2R\t0,5\n".encode("utf-16"), 1),
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
    table.candidates("variant")
    raise AssertionError(table.header)


@pytest.mark.parametrize("name", [name for name in SLOW if FILES[name].wrong == "file"])
def test_hostile_files_are_refused_in_words_within_bounds(tmp_path, name):
    """Those that take long; the others come to the entrances of the server."""
    path = upload(tmp_path, FILES[name].make())
    with pytest.raises(InputError) as caught:
        read_all(path)
    words = str(caught.value)
    assert words.startswith("results.csv")
    assert words.endswith(".")
    assert len(words) < 600
    assert not any(word in words for word in ("Traceback", "Error:", str(tmp_path)))


@pytest.mark.parametrize("kind", SEQUENCES)
def test_hostile_files_of_sequences_are_refused_in_words_within_bounds(tmp_path, kind):
    name, make = SEQUENCES[kind].name, SEQUENCES[kind].make
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
    assert (table.file, len(table), table.header[:2]) == ("results.csv", rows, ("variant", "activity"))
    assert table.row(0)["variant"] in ("K2R", "K0R")


def test_the_same_is_read_as_without_a_child(tmp_path):
    made = openpyxl.load_workbook(io.BytesIO(book({"C1": "µM", "C2": "0,5", "D1": "d\ud7ff", "D2": "<1", "A3": "T3S"})))
    for name in ("plate-1", "plate-2"):
        grid = made.create_sheet(name)
        grid.append(["", *range(1, 13)])
        for letter in "ABCDEFGH":
            grid.append([letter, *(float(len(name) + i) for i in range(12))])
    made.save(tmp_path / "upload.xlsx")
    for path in (tmp_path / "upload.xlsx", upload(tmp_path, b"variant;activity\nK2R;0,5\n")):
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
