"""What is written for a user: files that are whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

from activeloop.errors import InputError
from activeloop.files import replace_file


def write(path: str | Path, content: bytes) -> Path:
    """Write a file so that at any moment either the old or the new one is there, never a half.

    Args:
        path: of the file.
        content: its bytes.

    Raises:
        InputError: it cannot be written; an older file of that name is left as it was.
    """
    path = Path(path)
    try:
        replace_file(path, content)
    except OSError as error:
        raise InputError(
            f"cannot be written ({error.strerror}). Check the folder and the free space; an older file of that name "
            "was left as it was.",
            file=os.fspath(path),
        ) from error
    return path
