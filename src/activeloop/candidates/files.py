"""Files as they arrive: perhaps missing, perhaps packed."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

from activeloop.errors import InputError, TableError


def read_file(path: str | os.PathLike[str], failure: type[InputError] = TableError) -> bytes:
    """The bytes of a file.

    Args:
        path: the file.
        failure: the error to raise.

    Raises:
        InputError: of type `failure`: it is missing, a folder, unreadable or empty.
    """
    file = os.fspath(path)
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise failure("there is no such file. Check the name and the folder.", file=file) from None
    except IsADirectoryError:
        raise failure("this is a folder. Name a file in it.", file=file) from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise failure(f"the file cannot be read ({why}). Check its name and permissions.", file=file) from None
    if not content.strip():
        raise failure("the file is empty. Export it again.", file=file)
    return content


def unpack(content: bytes, file: str, failure: type[InputError] = TableError) -> bytes:
    """The content of a gzipped file; any other content as it is.

    Args:
        content: the file's bytes.
        file: its name, for messages.
        failure: the error to raise.

    Raises:
        InputError: of type `failure`: the packed file is damaged, cut off or empty.
    """
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        data = gzip.decompress(content)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise failure("the gzip file is damaged or cut off. Copy or download it again.", file=file) from None
    if not data.strip():
        raise failure("the gzip file holds nothing. Export it again.", file=file)
    return data
