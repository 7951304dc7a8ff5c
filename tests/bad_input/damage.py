"""What can be wrong with a campaign and its disk."""

from __future__ import annotations

import resource
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def edit(old: str, new: str) -> None:
    path = Path("loop/campaign.toml")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def sql(statement: str) -> None:
    connection = sqlite3.connect("loop/campaign.db")
    with connection:
        connection.execute(statement)
    connection.close()


def overwrite(name: str, content: bytes) -> None:
    Path(name).write_bytes(content)


def lose_the_model() -> None:
    for path in Path("loop/artifacts").rglob("*.npz"):
        path.unlink()


def no_plates() -> None:
    shutil.rmtree("loop/plates")
    Path("loop/plates").write_text("")


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file can grow beyond `size` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def locked(how: str) -> Iterator[None]:
    """Another program is writing to the campaign."""
    other = sqlite3.connect("loop/campaign.db", isolation_level=None)
    try:
        other.execute(f"BEGIN {how}")
        yield
    finally:
        other.close()
