"""Fitted models as files named by the hash of their content."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from activeloop.campaigns.artifacts import ArtifactStore, content_hash, pack, unpack
from activeloop.errors import StoreError
from activeloop.store.log import SQLLog

if TYPE_CHECKING:
    from obstore.store import ObjectStore


class FileArtifactStore(ArtifactStore):
    """Arrays as `.npz` objects (never pickled), in a local folder or anywhere obstore can write.

    The object is written first, under its hash and only if it is not there; then its row. A process that dies in
    between leaves an object without a row, and the next attempt finds it.

    Args:
        open_store: opens the place where the objects go, on first use.
        log: of the campaign that owns them; its database has the tables `artifacts` and `artifact_owners`.
        where: how messages name the place.
    """

    def __init__(self, open_store: Callable[[], ObjectStore], log: SQLLog, where: str = "the artifact store"):
        self._open, self._log, self._where = open_store, log, where

    @cached_property
    def _store(self) -> ObjectStore:
        return self._open()

    def put(self, arrays: dict[str, np.ndarray]) -> str:
        """Store arrays; see `ArtifactStore.put`."""
        if not arrays:
            return ""
        content = pack(arrays)
        key = content_hash(content)
        self._write(_path(key), content)
        self._log.own(key, "application/x-npz", len(content))
        return key

    def get(self, key: str) -> dict[str, np.ndarray]:
        """The arrays; see `ArtifactStore.get`."""
        if not key:
            return {}
        from obstore.exceptions import BaseError

        try:
            content = bytes(self._store.get(_path(key)).bytes())
        except FileNotFoundError as error:
            raise StoreError(f"the stored model {key[:12]} is not in {self._where}: {_FIX}") from error
        except (BaseError, OSError) as error:
            raise StoreError(f"{self._where} cannot be read ({error}).") from error
        if content_hash(content) != key:
            raise StoreError(f"the stored model {key[:12]} in {self._where} is damaged: {_FIX}")
        return unpack(content)

    def _write(self, path: str, content: bytes) -> None:
        from obstore.exceptions import AlreadyExistsError, BaseError

        try:
            self._store.put(path, content, mode="create")
        except AlreadyExistsError:
            # Half-written objects never get their name, but a damaged one must not stand for good.
            if bytes(self._store.get(path).bytes()) != content:
                self._store.put(path, content)
        except (BaseError, OSError) as error:
            full = f"{self._where} cannot be written, the disk may be full or the permission missing"
            raise StoreError(f"{full}: {error}. Nothing was stored.") from error


_FIX = "restore the folder from a backup, or fit again (`activeloop fit DIR --again`)."


def local_store(folder: Path) -> ObjectStore:
    """A folder as an object store."""
    from obstore.store import LocalStore

    return LocalStore(folder, mkdir=True)


def _path(key: str) -> str:
    return f"{key[:2]}/{key}.npz"
