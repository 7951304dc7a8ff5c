"""Files as they go wrong: makers shared by the tests of bad input."""

from __future__ import annotations

import gzip
import io
import zipfile
from datetime import datetime

import openpyxl


def lines(*rows: str) -> bytes:
    """A text table."""
    return ("\n".join(rows) + "\n").encode()


def workbook(*rows: list[object]) -> bytes:
    """An .xlsx workbook of one sheet."""
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def dated(header: str = "score") -> bytes:
    """A workbook in which Excel turned a variant into a date, in row 3."""
    return workbook(["mutant", header], ["A24G", 1], [datetime(2024, 3, 1), 2])


def packed(names: tuple[str, ...]) -> bytes:
    """A zip archive that is no workbook."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "content")
    return out.getvalue()


HALF_WORKBOOK = workbook(["mutant", "kcat"], ["K2R", 1.0])[:-600]
HALF_GZIP = gzip.compress(b"mutant,kcat\nK2R,1\n" * 99, mtime=0)[:40]
OLD_WORKBOOK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512)
PICTURE = b"\x89PNG\r\n\x1a\n\x01\x02\xff\xfe"
