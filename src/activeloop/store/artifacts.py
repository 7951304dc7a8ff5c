"""Models, students, tables and files of instruments as objects named by the hash of their content."""

from __future__ import annotations

import numpy as np

from activeloop.campaigns.artifacts import ArtifactStore, pack, unpack
from activeloop.objects import ARRAYS, Objects
from activeloop.store.log import SQLLog


class FileArtifactStore(ArtifactStore):
    """What belongs to one campaign among the objects of a place: arrays as `.npz` (never pickled), and other files.

    The object is written first, under its hash and only if it is not there; then its row. A process that dies in
    between leaves an object without a row, and the next attempt finds it.

    Args:
        objects: where they are.
        log: of the campaign that owns them; its database has the tables `artifacts` and `artifact_owners`.
    """

    def __init__(self, objects: Objects, log: SQLLog):
        self.objects, self._log = objects, log

    def put(self, arrays: dict[str, np.ndarray]) -> str:
        """Store arrays; see `ArtifactStore.put`."""
        return self.put_file(pack(arrays), ARRAYS) if arrays else ""

    def get(self, key: str) -> dict[str, np.ndarray]:
        """The arrays; see `ArtifactStore.get`."""
        return unpack(self.objects.get(key, ARRAYS, "stored model")) if key else {}

    def put_file(self, content: bytes, media_type: str) -> str:
        """Store the content of a file as this campaign's; returns its hash; read it by `objects.get`."""
        key = self.objects.put(content, media_type)
        self._log.own(key, media_type, len(content))
        return key
