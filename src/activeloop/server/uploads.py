"""Files of results that come in over HTTP: how the sender says they are read, and where they lie meanwhile."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, TypeVar

from fastapi import Form, UploadFile

from activeloop.config.building import without_path
from activeloop.errors import InputError
from activeloop.files import plain_name

if TYPE_CHECKING:
    from activeloop.desk.record import ReadingOptions
    from activeloop.work.uploads import UploadedFile

T = TypeVar("T")

MEDIA = "application/octet-stream"
"""Media type of files that were uploaded."""


@dataclass(frozen=True)
class Reading:
    """How a file is read, and what it is beside what is on record.

    Args:
        how: it is read.
        replaces: events or files that it corrects.
        repeats: whether all of it was measured again.
    """

    how: ReadingOptions
    replaces: tuple[int | str, ...] = ()
    repeats: bool = False


def reading_of(
    columns: Annotated[str, Form(max_length=10_000, description="JSON: role or assay -> column")] = "",
    sheet: Annotated[str, Form(max_length=200, description="of a workbook")] = "",
    plate: Annotated[str, Form(max_length=200, description="of which the file is, where it does not say so")] = "",
    offset: Annotated[int | None, Form(ge=-1_000_000, le=1_000_000)] = None,
    skip_unreadable: Annotated[bool, Form(description="leave out rows whose candidate cannot be read")] = False,
    replaces: Annotated[str, Form(max_length=2_000, description="JSON: events or files that this one corrects")] = "",
    repeats: Annotated[bool, Form(description="all of it was measured again")] = False,
    instrument: Annotated[bool, Form(description="it is an export of an instrument's own program")] = False,
    quantity: Annotated[str, Form(max_length=500, description="of an export: which quantity is the result")] = "",
    reduce: Annotated[str, Form(max_length=200, description="of spectra and courses: such as slope 0..600")] = "",
    software: Annotated[str, Form(max_length=200, description="that wrote the export")] = "",
    assay: Annotated[str, Form(max_length=200, description="that the quantity of an export is of")] = "",
) -> Reading:
    """How a file is read, as the fields of a form say.

    Raises:
        InputError: a field is no JSON, or holds something else than names and numbers.
    """
    from activeloop.desk.record import ReadingOptions

    roles: dict[str, str] = json_of(columns, dict, "columns")
    if not all(isinstance(name, str) for name in roles.values()):
        raise InputError("columns must be names: role or assay -> column. Nothing was stored.")
    corrected: list[int | str] = json_of(replaces, list, "replaces")
    if not all(isinstance(one, int | str) for one in corrected):
        raise InputError("replaces must be numbers of events or names of files. Nothing was stored.")
    how = ReadingOptions(
        roles or None,
        sheet or None,
        plate or None,
        offset,
        skip_unreadable,
        instrument,
        quantity,
        reduce,
        software,
        assay,
    )
    return Reading(how, tuple(corrected), repeats)


def check_inputs(files: Mapping[str, bytes]) -> None:
    """Refuse files that come with a campaign and take more than they may, or are none.

    Args:
        files: name, as its sender has it -> content: tables, FASTA, alignments.

    Raises:
        InputError: why one is refused.
    """
    from activeloop.work.uploads import check_in_child

    for name, content in files.items():
        with passing_folder() as folder:
            path = Path(folder, "upload").with_suffix(PurePath(plain_name(name)).suffix)
            path.write_bytes(content)
            check_in_child(path, name=name)


def name_of(upload: UploadFile, otherwise: str = "upload.csv") -> str:
    """The name of a file that was sent, without folders.

    Raises:
        InputError: it cannot be shown.
    """
    name = os.path.basename((upload.filename or otherwise).replace("\\", "/")).lstrip(".")[:120] or otherwise
    if not name.isprintable():
        raise InputError("the file's name has characters that cannot be shown: rename it. Nothing was stored.")
    return name


@contextmanager
def uploaded(name: str, content: BinaryIO, how: ReadingOptions) -> Iterator[UploadedFile]:
    """A file that was sent, read ahead in a process of its own, to be given to `activeloop.desk.record`.

    Args:
        name: of the file, as its sender has it.
        content: of it.
        how: it is read.

    Raises:
        InputError: it is an export that cannot be read, or its name cannot be shown; nothing was stored.
    """
    from activeloop.work.uploads import UploadedFile

    with passing_folder() as folder:
        path = Path(folder, "upload").with_suffix(PurePath(name).suffix)
        with path.open("wb") as copy:
            shutil.copyfileobj(content, copy)
        file = UploadedFile(path, name, how.sheet)
        file.prepare(how.exported, how.software)
        file.awaited = True
        yield file


def unhurried(do: Callable[[], T]) -> T:
    """Do something that opens a campaign and reads a file of `uploaded` in it.

    Where the file turns out to need another process it is left and begun anew after that: nobody else waits meanwhile.

    Args:
        do: does it; it is undone by an exception.
    """
    from activeloop.work.uploads import UnpreparedError

    while True:
        try:
            return do()
        except UnpreparedError as needed:
            needed.prepare()


@contextmanager
def passing_folder() -> Iterator[Path]:
    """A folder for files that were sent, gone afterwards; no error names it."""
    with TemporaryDirectory(prefix="activeloop-") as folder:
        try:
            yield Path(folder)
        except InputError as error:
            without_path(error, Path(folder))
            raise


def json_of(text: str, kind: type, what: str) -> Any:
    """A field of a form that holds JSON, empty where it is.

    Raises:
        InputError: it holds none, or something else.
    """
    if not text.strip():
        return kind()
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{what} is no JSON ({error}). Nothing was stored.") from None
    if not isinstance(found, kind):
        raise InputError(f"{what} must be a JSON {'object' if kind is dict else 'list'}. Nothing was stored.")
    return found


def written(folder: Path, name: str, content: bytes) -> Path:
    """A file that was kept, in a folder.

    Raises:
        InputError: another one of the form has the same name.
    """
    path = folder / name
    if path.exists():
        raise InputError(f'two files are called "{name}": rename one of them. No campaign was made.')
    path.write_bytes(content)
    return path
