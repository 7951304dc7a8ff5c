"""The databases of the store's tests, here too."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "campaigns"), str(Path(__file__).parents[1])]

from store.conftest import database, server  # noqa: E402

__all__ = ["database", "server"]
