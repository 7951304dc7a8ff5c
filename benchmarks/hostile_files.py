"""Files made to do harm: bombs, tricks with names, wrong kinds, numbers that are none; each is made when asked for.

Each stands for a table of variants with a column of results, so that what is wrong with it is all that is wrong.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import struct
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import openpyxl

HEAD = b"variant,activity\n"
SHEET = "xl/worksheets/sheet1.xml"
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
random_bytes = random.Random(5).randbytes


@dataclass(frozen=True)
class HostileFile:
    """A file that must be refused.

    Args:
        make: its bytes.
        name: under which it is sent.
        wrong: the `file` itself, the `names` of candidates in a good table, or only the `values` beside good ones.
    """

    make: Callable[[], bytes]
    name: str = "results.csv"
    wrong: Literal["file", "names", "values"] = "file"


def book(cells: dict[str, object] | None = None, **parts: bytes | None) -> bytes:
    """A workbook of one result, with further cells; `parts` replace its parts (None: left out), `__` for a slash."""
    made, file = openpyxl.Workbook(), io.BytesIO()
    assert made.active is not None  # a new one has a sheet
    for place, value in {"A1": "variant", "B1": "activity", "A2": "K2R", "B2": 0.5, **(cells or {})}.items():
        made.active[place] = value
    made.save(file)
    named = {name.replace("__", "/").replace("_xml", ".xml"): content for name, content in parts.items()}
    with zipfile.ZipFile(file) as old:
        held = {name: old.read(name) for name in old.namelist()} | named
    return zipped({name: content for name, content in held.items() if content is not None})


def zipped(parts: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of these files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def sheet(rows: bytes) -> bytes:
    """The XML of a sheet."""
    return f"<worksheet {MAIN}><sheetData>".encode() + rows + b"</sheetData></worksheet>"


def row(number: int, cells: bytes) -> bytes:
    """The XML of a row."""
    return b'<row r="%d">%s</row>' % (number, cells)


def text(place: str, value: str) -> bytes:
    """The XML of a cell that holds text."""
    return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'.encode()


TOP = row(1, text("A1", "variant") + text("B1", "activity"))


def with_rows(rows: bytes) -> Callable[[], bytes]:
    """A workbook whose sheet holds a header and these rows."""
    return lambda: book(xl__worksheets__sheet1_xml=sheet(TOP + rows))


def linked() -> bytes:
    """An archive with a symbolic link."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        link = zipfile.ZipInfo("data.csv")
        link.external_attr = 0o120777 << 16  # a symbolic link
        archive.writestr(link, "/etc/passwd")
    return file.getvalue()


def tarred() -> bytes:
    """A tar archive whose member leads out of its folder."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        member = tarfile.TarInfo("../../etc/cron.d/x")
        member.size = len(HEAD)
        archive.addfile(member, io.BytesIO(HEAD))
    return file.getvalue()


def large_part(size: int, name: str = SHEET) -> bytes:
    """A workbook with a part of zeros that unpacks to this size in bytes."""
    return book(None, **{name.replace("/", "__").replace(".xml", "_xml"): bytes(size)})


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


def many_sheets() -> bytes:
    """A workbook of 100,000 sheets, all of them the same part."""
    named = b"".join(b'<sheet name="s%d" sheetId="%d" r:id="rId1"/>' % (n, n + 1) for n in range(100_000))
    relations = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    return book(xl__workbook_xml=f"<workbook {MAIN} {relations}><sheets>".encode() + named + b"</sheets></workbook>")


def other_files() -> bytes:
    """A workbook whose value stands in another file, of which it holds no copy."""
    linked = f'<externalLink {MAIN}><externalBook xmlns:r="r" r:id="rId1"/></externalLink>'.encode()
    link = b"<c r=\"B2\"><f>[1]Sheet1!$A$1+'file:///etc/[passwd]x'!A1</f></c>"
    return book(
        xl__worksheets__sheet1_xml=sheet(TOP + row(2, text("A2", "K2R") + link)),
        xl__externalLinks__externalLink1_xml=linked,
    )


def objects() -> bytes:
    """Arrays of NumPy whose elements are pickled."""
    file = io.BytesIO()
    np.savez(file, variant=np.array([{"a": 1}, None], dtype=object))
    return file.getvalue()


FILES: dict[str, HostileFile] = {
    "a gzip bomb": HostileFile(lambda: gzip.compress(bytes(2**31), 1), "results.csv.gz"),
    "a gzip bomb of a table": HostileFile(lambda: gzip.compress(HEAD + b"K2R,0.5\n" * 25_000_000, 1)),
    "gzip within gzip": HostileFile(lambda: gzip.compress(gzip.compress(bytes(2**28)))),
    "a gzip file that was cut off": HostileFile(lambda: gzip.compress(HEAD + random_bytes(2**16))[:9000]),
    "a gzip file of nothing": HostileFile(lambda: gzip.compress(b"")),
    "a bz2 bomb": HostileFile(lambda: bz2.compress(bytes(2**27))),
    "an xz bomb": HostileFile(lambda: lzma.compress(bytes(2**27), preset=0)),
    "a zip bomb": HostileFile(lambda: zipped({"a.csv": bytes(2**29)}), "results.zip"),
    "a zip bomb whose names overlap": HostileFile(overlapping, "results.xlsx"),
    "zip within zip": HostileFile(lambda: zipped({"a.zip": zipped({"b.zip": zipped({"c.csv": HEAD})})})),
    "a zip file of links": HostileFile(linked),
    "a zip file with a way out": HostileFile(lambda: zipped({"../../etc/passwd": HEAD}), "results.xlsx"),
    "a tar file with a way out": HostileFile(tarred, "results.tar.gz"),
    "a workbook of zeros": HostileFile(lambda: large_part(2**29), "results.xlsx"),
    "a workbook of zeros that lies about its size": HostileFile(wrong_size, "results.xlsx"),
    "a workbook of empty rows": HostileFile(with_rows(b"<row/>" * 12_000_000), "results.xlsx"),
    "a workbook with a stray far cell": HostileFile(lambda: book({"XFD1048576": "x"}), "results.xlsx"),
    "a workbook of deep XML": HostileFile(with_rows(b"<a>" * 3_000_000), "results.xlsx"),
    "a workbook with an endless tag": HostileFile(with_rows(b"<row " + b"x" * 2**27), "results.xlsx"),
    "a workbook of a million attributes": HostileFile(
        with_rows(b"<row " + b" ".join(b'a%d=""' % i for i in range(1_000_000)) + b"/>"), "results.xlsx"
    ),
    "a workbook with entities within entities": HostileFile(
        lambda: book(
            xl__worksheets__sheet1_xml=b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
            + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10))
            + b"]>"
            + sheet(TOP + row(2, text("A2", "&a9;")))
        ),
        "results.xlsx",
    ),
    "a workbook that asks for a file": HostileFile(
        lambda: book(
            xl__worksheets__sheet1_xml=b'<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
            + sheet(TOP + row(2, text("A2", "&a;")))
        ),
        "results.xlsx",
    ),
    "a workbook of values in other files": HostileFile(other_files, "results.xlsx", wrong="values"),
    "a workbook with a cell of 200 MB": HostileFile(with_rows(row(2, text("A2", "x" * 200_000_000))), "results.xlsx"),
    "a workbook merged over all": HostileFile(
        lambda: book(
            xl__worksheets__sheet1_xml=sheet(TOP).replace(
                b"</worksheet>",
                b"<mergeCells>%s</mergeCells></worksheet>" % (b'<mergeCell ref="A1:XFD1048576"/>' * 30_000),
            )
        ),
        "results.xlsx",
    ),
    "a workbook of 100,000 sheets": HostileFile(many_sheets, "results.xlsx"),
    "a workbook without a sheet": HostileFile(lambda: book(xl__worksheets__sheet1_xml=None), "results.xlsx"),
    "a workbook with rows backwards": HostileFile(
        lambda: book(xl__worksheets__sheet1_xml=sheet(row(5, text("A5", "variant")) + row(2, text("A2", "K2R")))),
        "results.xlsx",
    ),
    "a workbook with a row beyond all": HostileFile(
        with_rows(b'<row r="99999999999">%s</row>' % text("A99999999999", "K2R")), "results.xlsx"
    ),
    "a workbook with a shared text that is none": HostileFile(
        with_rows(row(2, b'<c r="A2" t="s"><v>99999999999</v></c>')), "results.xlsx"
    ),
    "a workbook of endless shared texts": HostileFile(
        lambda: book(
            xl__worksheets__sheet1_xml=sheet(TOP + row(2, b'<c r="A2" t="s"><v>0</v></c>')),
            xl__sharedStrings_xml=f"<sst {MAIN}>".encode() + b"<si><t>K2R</t></si>" * 12_000_000 + b"</sst>",
        ),
        "results.xlsx",
    ),
    "half a workbook": HostileFile(lambda: book()[:3000], "results.xlsx"),
    "a document": HostileFile(lambda: zipped({"word/document.xml": b"<w/>"}), "results.xlsx"),
    "an old workbook": HostileFile(lambda: bytes.fromhex("d0cf11e0a1b11ae1") + random_bytes(2**14), "results.xls"),
    "a program": HostileFile(lambda: Path(sys.executable).resolve().read_bytes()[: 2**22]),
    "random bytes": HostileFile(lambda: random_bytes(2**20)),
    "zeros": HostileFile(lambda: bytes(2**26)),
    "an endless line": HostileFile(lambda: HEAD + b"A" * 2**26),
    "an endless cell in quotation marks": HostileFile(lambda: HEAD + b'"' + b"K2R,0.5\n" * 2**21),
    "ten million columns": HostileFile(lambda: b"a," * 10_000_000 + b"\n" + b"1," * 10_000_000),
    "a million columns with names": HostileFile(
        lambda: b"variant," + b",".join(b"c%d" % n for n in range(1_000_000)) + b"\nK2R" + b",1" * 1_000_000 + b"\n"
    ),
    "99,000 columns with names": HostileFile(
        lambda: b"variant," + b",".join(b"c%d" % n for n in range(99_000)) + b"\nK2R" + b",1" * 99_000 + b"\n",
        wrong="values",
    ),
    "a row of other widths": HostileFile(lambda: HEAD + b"K2R,0.5\n" * 100_000 + b"1,2,3,4\n"),
    "deep JSON": HostileFile(lambda: b"[" * 2_000_000, "results.json"),
    "a name of a megabyte": HostileFile(lambda: HEAD + b"K2R" * 350_000 + b",0.5\n"),
    "a million exchanges": HostileFile(lambda: HEAD + b":".join([b"K2R"] * 250_000) + b",0.5\n"),
    "what slows patterns": HostileFile(
        lambda: HEAD + b"".join(b'"%s!",0.5\n' % (one * 40_000) for one in (b"p.(", b"A1", b"A1C", b"A:", b"-", b"(")),
        wrong="names",
    ),
    "numbers that slow patterns": HostileFile(
        lambda: HEAD + b"".join(b'K2R,"%s!"\n' % (one * 40_000) for one in (b"1,1", b"1 1", b"1e", b" ", b"-", b".")),
        wrong="values",
    ),
    "numbers without an end": HostileFile(
        lambda: HEAD + b"K2R,inf\nT3S,-1e999\nA4G,%s\n" % (b"9" * 40_000), wrong="values"
    ),
    "zeros within cells": HostileFile(lambda: HEAD + b"K2\x00R,0.5\n"),
    "headers twice": HostileFile(lambda: b"variant,activity,activity\nK2R,0.5,0.7\n", wrong="values"),
    "a name written from right to left": HostileFile(lambda: HEAD + "K2R\u202e,0.5\n".encode(), wrong="names"),
    "letters of another alphabet": HostileFile(lambda: HEAD + "\u041a2R,0.5\n".encode()),
    "half of a pair of letters": HostileFile(lambda: HEAD + b"K2R\xed\xa0\x80,0.5\n"),
    "a formula for a name": HostileFile(lambda: b'variant,activity\n"=cmd|\'/c calc\'!A1",0.5\n'),
    "a formula that fetches": HostileFile(
        lambda: b'variant,activity\nK2R,"=WEBSERVICE(""http://example.org"")"\n', wrong="values"
    ),
    "a well beyond the plate": HostileFile(
        lambda: b"variant,activity,plate,well\nK2R,0.5,plate-1,ZZ99\n", wrong="values"
    ),
    "a web page": HostileFile(lambda: b"<!DOCTYPE html><html><script>alert(1)</script></html>", "results.html"),
    "a picture that is a page": HostileFile(lambda: b"GIF89a/*\n<script>alert(1)</script>*/=1;\n", "results.gif"),
    "a picture that is an archive": HostileFile(lambda: b"\x89PNG\r\n\x1a\n" + zipped({"a.csv": HEAD}), "results.png"),
    "half of a letter": HostileFile(lambda: b"\xff\xfe" + "variant,activity\nK2R,0.5\n".encode("utf-16-le")[:-1]),
    "damaged single cells": HostileFile(lambda: b"\x89HDF\r\n\x1a\n" + random_bytes(2**16), "results.h5ad"),
    "a damaged Parquet file": HostileFile(lambda: b"PAR1" + random_bytes(2**12) + b"PAR1", "results.parquet"),
    "a damaged database": HostileFile(lambda: b"SQLite format 3\x00" + random_bytes(2**12), "results.db"),
    "arrays of objects": HostileFile(objects, "results.npz"),
    "a pickle": HostileFile(lambda: b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R."),
    "nothing": HostileFile(lambda: b""),
    "spaces": HostileFile(lambda: b" \n" * 1000),
}  # fmt: skip
"""Name -> a file that no entrance takes."""
SLOW = (
    *("a gzip bomb", "a gzip bomb of a table", "gzip within gzip", "a workbook of zeros", "an xz bomb"),
    *("a workbook of zeros that lies about its size", "a workbook of empty rows", "a workbook of deep XML"),
    *("a workbook with an endless tag", "a workbook of a million attributes", "a workbook with a cell of 200 MB"),
    *("a workbook merged over all", "a workbook of endless shared texts", "zeros", "an endless line", "a zip bomb"),
    *("a workbook of 100,000 sheets", "a workbook with a row beyond all", "99,000 columns with names"),
    *("ten million columns", "a bz2 bomb", "a zip bomb whose names overlap", "a million columns with names"),
)
"""Those that take a second or more to be made and refused."""

SEQUENCES: dict[str, HostileFile] = {
    "sequences in a gzip bomb": HostileFile(lambda: gzip.compress(bytes(2**30), 1), "family.a2m.gz"),
    "a chain without an end": HostileFile(lambda: b">a\n" + b"M" * 2**25, "family.a3m"),
    "a Stockholm file that is held whole": HostileFile(
        lambda: gzip.compress(
            b"# STOCKHOLM 1.0\n" + b"".join(b"%020d %s\n" % (i, b"M" * 60) for i in range(4 * 10**6)), 1
        ),
        "family.sto.gz",
    ),
    "sequences in a cut-off gzip file": HostileFile(
        lambda: gzip.compress(b">a\n" + random_bytes(2**16))[:9000], "wt.fasta.gz"
    ),
    "a table of no sequences": HostileFile(lambda: HEAD + b"K2R,0.5\n", "wt.fasta"),
}
"""Name -> a file of sequences that no entrance takes."""
NAMES = (
    "../../etc/cron.d/x.csv",
    "..\\..\\windows\\x.csv",
    "C:\\x.csv",
    "a" * 4000 + ".csv",
    "..",
    "results\u202evsc.exe",
    "<img src=x onerror=alert(1)>.csv",
    "a\r\nX-Y: 1.csv",
    "a\x00b.csv",
    "%2e%2e%2fx.csv",
    "\U0001f4a5.csv",
    "'; drop table events; --.csv",
    "{{7*7}}.csv",
    "results.csv/",
)
"""Names under which a good file comes, that must not become paths, markup or headers."""
GOOD = HEAD + b"K2R,0.5\nT3S,0.7\n"
"""A file that is taken."""
