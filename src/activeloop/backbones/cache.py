"""Where things are kept that could be computed again."""

from __future__ import annotations

import os
from pathlib import Path

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
            f"the cache folder {folder} cannot be made ({error.strerror}). Name another in {CACHE}; nothing was kept."
        ) from error
    return folder
