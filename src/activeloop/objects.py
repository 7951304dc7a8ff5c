"""Bytes under the hash of their content, in a folder or in a bucket."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from activeloop.errors import InputError, StoreError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

ARRAYS = "application/x-npz"
"""Media type of the arrays of a fitted model."""
CLOUD = ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss")
"""Schemes of the addresses of buckets; their keys come from the environment, as those of their own tools do."""
PART = 5 << 20
"""Bytes that are sent in one request."""
_ENDINGS = {ARRAYS: ".npz"}


class Objects:
    """Bytes of any media type under the hash of their content, in a local folder or anywhere obstore can write.

    An object never changes: the same content is written once, and its hash says whether it is whole.

    Args:
        open_store: opens the place where the objects go, on first use.
        where: how messages name the place.
    """

    def __init__(self, open_store: Callable[[], ObjectStore], where: str = "the artifact store"):
        self._open, self.where = open_store, where

    @cached_property
    def _store(self) -> ObjectStore:
        return self._open()

    @classmethod
    def at(cls, place: str | Path) -> Objects:
        """The objects in a folder, or in a bucket: `s3://bucket/prefix`, `gs://...`, `az://...`.

        Raises:
            InputError: it is no address of a kind that is known.
        """
        scheme, found, _ = str(place).partition("://")
        if not found:
            return cls(lambda: local_store(Path(place)), str(place))
        if scheme.casefold() not in CLOUD:
            raise InputError(
                f'artifacts cannot be kept in "{place}": name a folder, or a bucket as s3://, gs:// or az://.'
            )
        return cls(lambda: _bucket(str(place)), str(place))

    def put(self, content: bytes, media_type: str = "application/octet-stream") -> str:
        """Store bytes durably; returns their hash (SHA-256, 64 hexadecimal digits).

        Raises:
            StoreError: they cannot be written.
        """
        from obstore.exceptions import AlreadyExistsError, BaseError
        from obstore.store import LocalStore

        key = content_hash(content)
        path = _path(key, media_type)
        try:
            # a folder knows no media types
            about = None if isinstance(self._store, LocalStore) else {"Content-Type": media_type}
            if len(content) <= PART:
                try:
                    self._store.put(path, content, attributes=about, mode="create")
                except AlreadyExistsError:
                    pass
                else:
                    return key
            # Half-written objects never get their name, but a damaged one must not stand for good. Large ones are sent
            # in parts, so that each is in time; that cannot be refused where the object is there.
            if self._held(path) != content:
                self._store.put(path, content, attributes=about)
        except (BaseError, OSError) as error:
            why = "check its address, its keys and the network"
            if "://" not in self.where:
                why = "the disk may be full or the permission missing"
            raise StoreError(f"{self.where} cannot be written, {why}: {_first(error)}. Nothing was stored.") from error
        return key

    def _held(self, path: str) -> bytes | None:
        try:
            return bytes(self._store.get(path).bytes())
        except FileNotFoundError:
            return None

    def get(self, key: str, media_type: str = "application/octet-stream", what: str = "stored file") -> bytes:
        """The bytes of a hash.

        Args:
            key: their hash.
            media_type: as it was put.
            what: how messages call it.

        Raises:
            StoreError: they are gone or damaged, or cannot be read.
        """
        from obstore.exceptions import BaseError

        fix = "restore it from a backup"
        if media_type == ARRAYS:
            fix += ", or fit again (`activeloop fit DIR --again`)"
        try:
            content = bytes(self._store.get(_path(key, media_type)).bytes())
        except FileNotFoundError as error:
            raise StoreError(f"the {what} {key[:12]} is not in {self.where}: {fix}.") from error
        except (BaseError, OSError) as error:
            raise StoreError(f"{self.where} cannot be read ({_first(error)}).") from error
        if content_hash(content) != key:
            raise StoreError(f"the {what} {key[:12]} in {self.where} is damaged: {fix}.")
        return content


def content_hash(content: bytes) -> str:
    """64 hexadecimal digits (SHA-256)."""
    return hashlib.sha256(content).hexdigest()


def local_store(folder: Path) -> ObjectStore:
    """A folder as an object store."""
    from obstore.store import LocalStore

    return LocalStore(folder, mkdir=True)


def _first(error: Exception) -> str:
    """The first line of what obstore says; the others are for its authors."""
    return str(error).partition("\n")[0].rstrip(". ")


def _bucket(address: str) -> ObjectStore:
    from obstore.exceptions import BaseError
    from obstore.store import from_url

    try:
        return from_url(address, retry_config={"max_retries": 4, "retry_timeout": timedelta(minutes=1)})
    except (BaseError, ValueError) as error:
        raise StoreError(f"{address} cannot be opened ({_first(error)}): correct the address, or its keys.") from error


def _path(key: str, media_type: str) -> str:
    return f"{key[:2]}/{key}{_ENDINGS.get(media_type, '')}"
