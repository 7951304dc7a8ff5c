"""Files that are written whole or not at all, and tables as CSV text."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from activeloop.errors import StoreError


def write_whole(path: str | Path, content: str | bytes) -> Path:
    """Write a file so that its name stands, at any moment and after a kill, for the old content or the new, whole.

    Args:
        path: of the file; its folder is there.
        content: its bytes, or a text to be written as UTF-8.

    Raises:
        StoreError: it cannot be written; an older file of that name is as it was.
    """
    path, temporary = Path(path), None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise StoreError(
            f"{path} cannot be written ({error.strerror}): make room on the disk or choose another folder. An older "
            "file of that name is as it was."
        ) from error
    return path


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV; None is an empty cell, and each float is written so that it reads back the same.

    >>> csv_text(("well", "value"), [["A1", 0.5], ["A2", None]]).splitlines()
    ['well,value', 'A1,0.5', 'A2,']
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([["" if v is None else repr(float(v)) if isinstance(v, float) else v for v in r] for r in rows])
    return buffer.getvalue()
