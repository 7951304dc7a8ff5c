"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from activeloop.errors import InputError, PlateError
from activeloop.plates.files import write_whole


def write(path: str | Path, content: bytes) -> Path:
    """Write a file so that at any moment either the old or the new one is there, never a half.

    Args:
        path: of the file.
        content: its bytes.

    Raises:
        InputError: it cannot be written; an older file of that name is left as it was.
    """
    try:
        return write_whole(path, content)
    except PlateError as error:
        raise InputError(error.problem, file=os.fspath(path)) from error
