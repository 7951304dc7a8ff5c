"""From a registry entry to its table: local folder, mirror or source, always checked."""

from __future__ import annotations

import csv
import hashlib
import os
import re
from functools import lru_cache
from pathlib import Path

from activeloop.benchmarks.columns import Columns, find_columns
from activeloop.benchmarks.datasets import DATA, MIRROR, PublicSet, content_digest
from activeloop.candidates.tables import Table, read_table
from activeloop.errors import FetchError, InputError

CACHE = "ACTIVELOOP_CACHE"


def public_table(entry: PublicSet) -> tuple[Table, Columns]:
    """The table of a public set and its columns.

    Raises:
        FetchError: it is nowhere to be had, or is not the file it should be; nothing is kept then.
    """
    folder = os.environ.get(DATA)
    if folder and (Path(folder) / entry.file).is_file():
        table = _local(Path(folder), entry)
        return table, find_columns(table, entry.candidate, entry.target, entry.kind)
    mirror = os.environ.get(MIRROR)
    url = f"{mirror.rstrip('/')}/{entry.file}" if mirror else entry.url
    if url is None:
        raise FetchError(
            f"{entry.name}: no single file of its source ({entry.source}) is known. Put it at {entry.file} in a folder "
            f"and name that folder in {DATA}."
        )
    path = _fetch(url, entry)
    try:
        table = read_table(path)
        columns = find_columns(table, table.find(entry.candidate) or None, table.find(entry.target) or None, entry.kind)
        if not mirror and entry.shift:
            table = _shifted(table, columns.candidate, entry.shift)
        found = content_digest(
            table.column(columns.candidate), [n.value for n in table.numbers(columns.target)], entry.kind
        )
    except InputError as error:
        path.unlink()
        raise FetchError(f"{url} is not the table it should be: {error} The download was deleted. {_CURE}") from error
    if found != entry.sha256:
        path.unlink()
        raise FetchError(
            f"{url}: the content hashes to {found[:12]}..., not to {entry.sha256[:12]}...: the file was changed or cut "
            f"off on its way. The download was deleted. {_CURE}"
        )
    return table, columns


_CURE = f"Try again, or put the file in a folder and name that folder in {DATA}."


def _local(folder: Path, entry: PublicSet) -> Table:
    expected = _manifest(folder).get(entry.file)
    path = folder / entry.file
    if expected and hashlib.sha256(path.read_bytes()).hexdigest() != expected:
        raise FetchError(
            f"{path} is not the file that {folder / 'MANIFEST.csv'} lists (another SHA-256). Copy it again, or unset "
            f"{DATA} to fetch it from its source."
        )
    return read_table(path)


@lru_cache(maxsize=4)
def _manifest(folder: Path) -> dict[str, str]:
    """SHA-256 by path, {} when the folder has no list."""
    path = folder / "MANIFEST.csv"
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {row["file"]: row["sha256"] for row in csv.DictReader(file)}


def _fetch(url: str, entry: PublicSet) -> Path:
    """Download a file once; pooch writes it under another name first, so a broken download leaves nothing."""
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")
    folder = Path(os.environ.get(CACHE) or pooch.os_cache("activeloop"))
    name = f"{hashlib.sha256(url.encode()).hexdigest()[:12]}-{entry.name}.table"
    try:
        return Path(pooch.retrieve(url, known_hash=None, fname=name, path=folder))
    except (requests.RequestException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0][:200]
        raise FetchError(f"{entry.name} could not be fetched from {url}: {reason}. {_CURE}") from error


def _shifted(table: Table, column: str, shift: int) -> Table:
    """The same table with all positions moved, because the source counts from 0."""
    place = table.header.index(column)
    moved = [re.sub(r"\d+", lambda m: str(int(m[0]) + shift), cell) for cell in table.columns[place]]
    columns = (*table.columns[:place], moved, *table.columns[place + 1 :])
    return Table(table.file, table.header, columns, table.row_numbers, table.content_hash, table.decimal)
