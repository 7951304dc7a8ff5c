"""Files that are written whole or not at all, and tables as CSV text."""

from __future__ import annotations

import csv
import io
import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath, PureWindowsPath

from activeloop.errors import StoreError


class StagedFiles:
    """Files that are written beside their places first, so that putting them there cannot fail for want of room.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with StagedFiles() as files:
    ...     files.add(folder / "plate.csv", "well,candidate")
    ...     print(list(folder.glob("*.csv")), files.put() == [folder / "plate.csv"])
    [] True
    """

    def __init__(self) -> None:
        self._files: list[tuple[Path, Path]] = []

    def __enter__(self) -> StagedFiles:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def add(self, path: str | Path, content: str | bytes | memoryview) -> None:
        """Write a file beside its place.

        Args:
            path: its place; the folder is there.
            content: its bytes, or a text to be written as UTF-8.

        Raises:
            StoreError: it cannot be written; what stands at its place is as it was.
        """
        path, temporary = Path(path), None
        try:
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            with os.fdopen(handle, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
        except OSError as error:
            if temporary:
                Path(temporary).unlink(missing_ok=True)
            raise _unwritable(path, error) from error
        self._files.append((Path(temporary), path))

    def put(self) -> list[Path]:
        """Put the files in their places, in the order in which they were added; returns these places.

        Raises:
            StoreError: one cannot be put there; it and those after it are as they were.
        """
        done = []
        while self._files:
            temporary, path = self._files[0]
            try:
                os.replace(temporary, path)
            except OSError as error:
                raise _unwritable(path, error) from error
            done.append(self._files.pop(0)[1])
        return done

    def clear(self) -> None:
        """Forget all files that are not in their places yet."""
        for temporary, _ in self._files:
            temporary.unlink(missing_ok=True)
        self._files = []


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{path} cannot be written ({error.strerror}): make room on the disk or choose another folder. An older "
        "file of that name is as it was."
    )


def write_whole(path: str | Path, content: str | bytes | memoryview) -> Path:
    """Write a file so that its name stands, at any moment and after a kill, for the old content or the new, whole.

    Args:
        path: of the file; its folder is there.
        content: its bytes, or a text to be written as UTF-8.

    Raises:
        StoreError: it cannot be written; an older file of that name is as it was.
    """
    with StagedFiles() as files:
        files.add(path, content)
        files.put()
    return Path(path)


def write_tables(tables: Mapping[str, str], out: Path) -> tuple[Path, ...]:
    """Tables as files of a folder, which is made.

    Args:
        tables: name of a file -> its text.
        out: the folder.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        return tuple(write_whole(out / name, text) for name, text in tables.items())
    except OSError as error:
        raise StoreError(f"{out} cannot be written ({error.strerror}). Choose another --out.") from error


def numbered(path: Path, number: int, count: int) -> Path:
    """The path of one of several files; the path itself when there is one.

    >>> numbered(Path("plate.csv"), 2, 3).name
    'plate-2.csv'
    """
    return path if count == 1 else path.with_stem(f"{path.stem}-{number}")


#: what a spreadsheet takes for a formula when a cell begins with it; apostrophes before it are escaped, too
FORMULA = re.compile(r"'*[=+\-@\t\r]")


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV; None is an empty cell, and each float is written so that it reads back the same.

    A text that a spreadsheet would take for a formula gets an apostrophe before it, as one types it there.

    >>> csv_text(("well", "value"), [["A1", 0.5], ["A2", None], ["A3", "=1+1"]]).splitlines()
    ['well,value', 'A1,0.5', 'A2,', "A3,'=1+1"]
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([[_cell(value) for value in row] for row in rows])
    return buffer.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, float):
        return repr(float(value))
    if isinstance(value, str) and FORMULA.match(value) and not _is_number(value):
        return f"'{value}"
    return "" if value is None else value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def plain_name(name: str) -> str:
    r"""The last part of a path of any system, so that a file lands where it should, with no sign that has a meaning.

    >>> plain_name("../../etc/passwd"), plain_name("C:\\data\\plate 1.csv"), plain_name(".<b>.csv")
    ('passwd', 'plate 1.csv', '_b_.csv')
    """
    last = PurePath(PureWindowsPath(name).name).name
    kept = "".join(c if c.isalnum() or c in " -_.()+" else "_" for c in last)
    return kept.lstrip(". ")[-120:] or "file"
