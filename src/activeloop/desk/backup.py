"""All campaigns of a store in one file, and back, also from SQLite into PostgreSQL and from a folder into a bucket."""

from __future__ import annotations

import io
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from activeloop._version import __version__
from activeloop.campaigns.events import now
from activeloop.config import Store
from activeloop.errors import InputError, StoreError
from activeloop.store.database import plain_errors
from activeloop.store.migrate import HEAD

if TYPE_CHECKING:
    import sqlalchemy as sa

FORM = 1
PIECE = 1_000
"""Rows that are read or written at once."""
_ABOUT = "backup.json"


@dataclass(frozen=True)
class Backup:
    """What is in a backup.

    Args:
        file: it.
        campaigns: how many.
        events: of all of them.
        objects: models, students and files.
        made: when (ISO 8601, UTC).
    """

    file: Path
    campaigns: int
    events: int
    objects: int
    made: str


def backup(store: Store, file: Path) -> Backup:
    """Write a store into a file, as it was at one moment; people and programs may go on meanwhile.

    It holds everything: events, models, files, members, hashes of tokens and secrets of webhooks. Keep it safe.

    Args:
        store: to be saved.
        file: a new file (.zip).

    Raises:
        InputError: the file is there already.
        StoreError: it cannot be written, or a model is lost; there is no such file.
    """
    import sqlalchemy as sa

    from activeloop.store.schema import metadata

    if file.exists():
        raise InputError("this file is there already: name another. Nothing was written.", file=str(file))
    counts: dict[str, int] = {}
    made = now()
    try:
        handle, temporary = tempfile.mkstemp(dir=file.absolute().parent, prefix=f".{file.name}.")
    except OSError as error:
        raise StoreError(f"{file} cannot be written ({error.strerror}). Nothing was written.") from error
    try:
        with os.fdopen(handle, "wb") as raw, zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as out:
            with plain_errors(store.where), _one_moment(store) as connection:
                for table in metadata.sorted_tables:
                    with out.open(f"tables/{table.name}.jsonl", "w", force_zip64=True) as lines:
                        found = connection.execution_options(yield_per=PIECE).execute(
                            sa.select(table).order_by(*table.primary_key)
                        )
                        for row in found.mappings():
                            lines.write(json.dumps(dict(row), ensure_ascii=False).encode() + b"\n")
                            counts[table.name] = counts.get(table.name, 0) + 1
                objects = connection.execute(sa.text("SELECT hash, media_type FROM artifacts")).fetchall()
            for key, media_type in objects:  # which never change, so that they can be read afterwards
                out.writestr(f"objects/{key}", store.objects.get(key, media_type))
            about = {"form": FORM, "schema": HEAD, "version": __version__, "made": made, "rows": counts}
            out.writestr(_ABOUT, json.dumps(about, indent=1))
        os.replace(temporary, file)
    except OSError as error:
        raise StoreError(f"{file} cannot be written ({error.strerror}). Nothing was written.") from error
    finally:
        Path(temporary).unlink(missing_ok=True)
    return Backup(file, counts.get("campaigns", 0), counts.get("events", 0), len(objects), made)


def restore(file: Path, store: Store) -> Backup:
    """Fill an empty store from a backup; every chain of events is verified.

    Args:
        file: that `backup` wrote.
        store: without campaigns.

    Raises:
        InputError: the file is no backup, or the store is not empty; nothing was restored.
        StoreError: the backup is damaged, or of another release; nothing was restored.
    """
    import sqlalchemy as sa

    from activeloop.store.schema import metadata

    if store.campaigns():
        raise InputError(f"{store.where} holds campaigns already: name an empty place. Nothing was restored.")
    try:
        with zipfile.ZipFile(file) as found:
            about = _about(found, file)
            if broken := _broken(found):
                raise StoreError(f"{file} is damaged: {broken} Nothing was restored.")
            media = {row["hash"]: row["media_type"] for row in _rows(found, "artifacts")}
            for key, media_type in media.items():
                if store.objects.put(found.read(f"objects/{key}"), media_type) != key:
                    raise StoreError(f"{file} is damaged (object {key[:12]}): take another. Nothing was restored.")
            with plain_errors(store.where), store.database.writing() as connection:
                for table in metadata.sorted_tables:
                    connection.execute(sa.delete(table))  # what a fresh store has, such as its one user
                for table in metadata.sorted_tables:
                    _fill(connection, table, _rows(found, table.name))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise InputError(f"this is no whole backup ({error}). Nothing was restored.", file=str(file)) from error
    rows = about["rows"]
    return Backup(file, rows.get("campaigns", 0), rows.get("events", 0), len(media), about["made"])


def _one_moment(store: Store) -> sa.Connection:
    """A connection that sees the database as it is when it first reads."""
    connection = store.database.engine.connect()
    if connection.dialect.name == "postgresql":
        connection = connection.execution_options(isolation_level="REPEATABLE READ")
    return connection


def _about(found: zipfile.ZipFile, file: Path) -> Mapping[str, Any]:
    about = json.loads(found.read(_ABOUT))
    if about["form"] > FORM or about["schema"] != HEAD:
        raise StoreError(
            f"{file} was written by ActiveLoop {about['version']} (schema {about['schema']}, this one has {HEAD}): "
            "restore it with that release, then upgrade. Nothing was restored."
        )
    return about


def _rows(found: zipfile.ZipFile, table: str) -> Iterator[dict[str, Any]]:
    with found.open(f"tables/{table}.jsonl") as raw:
        for line in io.TextIOWrapper(raw, encoding="utf-8"):
            yield json.loads(line)


def _fill(connection: sa.Connection, table: sa.Table, rows: Iterator[dict[str, Any]]) -> None:
    import sqlalchemy as sa

    piece: list[dict[str, Any]] = []
    for row in rows:
        piece.append(row)
        if len(piece) == PIECE:
            connection.execute(sa.insert(table), piece)
            piece = []
    if piece:
        connection.execute(sa.insert(table), piece)


def _broken(found: zipfile.ZipFile) -> str:
    """What is wrong with the chains of events in a backup, in a sentence; "" when nothing is."""
    from activeloop.store.schema import event_hash

    ends = {row["campaign"]: (0, "") for row in _rows(found, "campaigns")}
    for row in _rows(found, "events"):
        last, head = ends[row["campaign"]]
        if (row["sequence"], row["previous_hash"]) != (last + 1, head):
            return f"event {row['sequence']} of campaign {row['campaign']} does not follow the one before it."
        ends[row["campaign"]] = (row["sequence"], event_hash(row))
    for row in _rows(found, "campaigns"):
        if ends[row["campaign"]] != (row["last"], row["head"]):
            return f"events of campaign {row['campaign']} are missing or were changed."
    return ""
