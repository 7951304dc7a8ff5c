"""Storage of the arrays of fitted models, by the hash of their content."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod

import numpy as np

from activeloop.errors import StoreError
from activeloop.objects import content_hash

Arrays = dict[str, np.ndarray]


class ArtifactStore(ABC):
    """Stores the state of predictors. `InMemoryArtifactStore` here; `FileArtifactStore` in `store`."""

    @abstractmethod
    def put(self, arrays: Arrays) -> str:
        """Store arrays durably and return their content hash; "" for {} (nothing to store)."""

    @abstractmethod
    def get(self, key: str) -> Arrays:
        """The arrays under a content hash; {} for "".

        Raises:
            StoreError: they are gone or damaged.
        """


class InMemoryArtifactStore(ArtifactStore):
    """An artifact store that ends with the process.

    >>> artifacts = InMemoryArtifactStore()
    >>> artifacts.get(artifacts.put({"weights": np.array([1.0, 2.0])}))["weights"].tolist()
    [1.0, 2.0]
    """

    def __init__(self) -> None:
        self._content: dict[str, bytes] = {}

    def put(self, arrays: Arrays) -> str:
        """Store arrays; see `ArtifactStore.put`."""
        if not arrays:
            return ""
        content = pack(arrays)
        key = content_hash(content)
        self._content[key] = content
        return key

    def get(self, key: str) -> Arrays:
        """The arrays; see `ArtifactStore.get`."""
        if not key:
            return {}
        if key not in self._content:
            raise StoreError(f"the stored model {key[:12]} is not there: fit again.")
        return unpack(self._content[key])


def pack(arrays: Arrays) -> bytes:
    """Arrays as one `.npz` file (no pickle), the same bytes for the same arrays."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{name: np.asarray(arrays[name]) for name in sorted(arrays)})
    return buffer.getvalue()


def unpack(content: bytes) -> Arrays:
    """The arrays that `pack` was given."""
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
