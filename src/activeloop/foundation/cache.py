"""Where computed arrays are cached, shared by versions and processes; those that were not used for longest go first."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from uuid import uuid4

import numpy as np

from activeloop.errors import StoreError

#: environment variable that names the folder
CACHE = "ACTIVELOOP_CACHE"


def cache_folder(name: str) -> Path:
    """A folder for one kind of things, made if need be: below `ACTIVELOOP_CACHE`, else in the platform's user cache.

    Raises:
        StoreError: it cannot be made.
    """
    import pooch

    folder = Path(os.environ.get(CACHE) or pooch.os_cache("activeloop")) / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the cache folder {folder} cannot be made ({error.strerror}). Name another in {CACHE}; nothing was cached."
        ) from error
    return folder


#: bytes that one kind of arrays may take
MAX_BYTES = 4 * 2**30
#: seconds after which a file that was never finished belongs to a process that died
ABANDONED = 3600.0


def recall(name: str, key: str) -> np.ndarray | None:
    """A cached array; None when there is none, or none that can be read.

    Args:
        name: of the kind of arrays.
        key: hexadecimal digits that depend on all that it was computed from.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = _path(name, key)
    try:
        found = load_file(path)["array"]
        os.utime(path)  # files are deleted in the order of their last use
    except (OSError, SafetensorError, KeyError):
        return None
    return found


def store(name: str, key: str, array: np.ndarray, most: int = MAX_BYTES) -> None:
    """Cache an array. It appears whole or not at all, whoever else writes it; nothing happens when the disk is full.

    Args:
        name: of the kind of arrays.
        key: what it is found by.
        array: any.
        most: bytes that this kind may take; beyond it the files that were not used for longest are deleted.
    """
    from safetensors.numpy import save

    path = _path(name, key)
    new = path.with_name(f"{key}.{uuid4().hex}.new")
    try:
        new.write_bytes(save({"array": np.ascontiguousarray(array)}))
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
    delete_unused(path.parent, most)


def _path(name: str, key: str) -> Path:
    return cache_folder(name) / f"{key}.safetensors"


def delete_unused(folder: Path, most: int = MAX_BYTES) -> None:
    """Delete the files that were not used for longest until the rest fits, and what dead processes left.

    Args:
        folder: of one kind of things that can be computed again.
        most: bytes that it may take.
    """
    files, now = [], time.time()
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            with contextlib.suppress(OSError):  # another process deleted it
                stat = entry.stat()
                if entry.name.endswith(".new"):
                    if now - stat.st_mtime > ABANDONED:
                        os.unlink(entry.path)
                else:
                    files.append((stat.st_mtime, stat.st_size, entry.path))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= most:
            return
        with contextlib.suppress(OSError):
            os.unlink(path)
        total -= size
