"""Records of text files that are too long to be read whole."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from activeloop.errors import TableError

#: records from one indexed place to the next
STRIDE = 256
#: bytes that are read at once
BLOCK = 2**24
NEWLINE, OPENING = ord("\n"), ord(">")


@dataclass(frozen=True)
class LongFile:
    """Records of a text file: its lines, or what follows each `>` in FASTA.

    Args:
        path: the file.
        fasta: whether it is FASTA.
        places: byte at which each 256th record begins.
        size: bytes of the file.
        count: records.
        digest: SHA-256 of the file.
    """

    path: str
    fasta: bool
    places: np.ndarray
    size: int
    count: int
    digest: str

    @classmethod
    def of(cls, path: str | os.PathLike[str], fasta: bool) -> LongFile:
        """Index a file: reads it once.

        Raises:
            TableError: it is missing, unreadable, packed, empty, or no text.
        """
        file = os.fspath(path)
        try:
            with Path(path).open("rb") as stream:
                return cls._read(file, stream, fasta)
        except OSError as error:
            problem = f"it cannot be read ({error.strerror}). Check the name. Nothing was screened."
            raise TableError(problem, file=file) from None

    @classmethod
    def _read(cls, file: str, stream, fasta: bool) -> LongFile:
        digest, places, count, size, last = hashlib.sha256(), [], 0, 0, NEWLINE
        while block := stream.read(BLOCK):
            if size == 0 and (block[:2] == b"\x1f\x8b" or b"\x00" in block[:4096]):
                what = "packed" if block[:2] == b"\x1f\x8b" else "no text"
                raise TableError(f"it is {what}; a long list is read from plain text. Unpack it first.", file=file)
            digest.update(block)
            letters = np.frombuffer(block, np.uint8)
            before = np.concatenate([np.array([last], np.uint8), letters[:-1]]) == NEWLINE
            begin = np.flatnonzero(before & (letters == OPENING) if fasta else before)
            places.append(begin[(-count) % STRIDE :: STRIDE] + size)
            count, size, last = count + len(begin), size + len(block), int(letters[-1])
        if not count:
            raise TableError("it holds no record. Check that it is the right file.", file=file)
        return cls(file, fasta, np.concatenate(places), size, count, digest.hexdigest())

    def records(self, rows: np.ndarray) -> list[str]:
        """The text of some records, without the line's end (of FASTA the letters).

        Raises:
            TableError: the file cannot be read any more, or is shorter than it was.
        """
        found: dict[int, str] = {}
        wanted = np.unique(rows)
        buckets = wanted // STRIDE
        for part in np.split(wanted, np.flatnonzero(np.diff(buckets) > 1) + 1) if len(wanted) else []:
            first = int(part[0]) // STRIDE
            texts = self._stretch(first, int(part[-1]) // STRIDE + 1)
            found |= {int(row): texts[int(row) - first * STRIDE] for row in part}
        return [found[int(row)] for row in rows]

    def _stretch(self, first: int, last: int) -> list[str]:
        start = int(self.places[first])
        stop = int(self.places[last]) if last < len(self.places) else self.size
        try:
            with Path(self.path).open("rb") as stream:
                stream.seek(start)
                content = stream.read(stop - start)
        except OSError as error:
            raise TableError(f"it cannot be read ({error.strerror}) any more.", file=self.path) from None
        if len(content) < stop - start:
            raise TableError("it is shorter than it was when it was opened. Put it back.", file=self.path)
        text = content.decode("utf-8", errors="replace")
        if not self.fasta:
            return [line.rstrip("\r") for line in text.removesuffix("\n").split("\n")]
        return ["".join(record.split("\n")[1:]).replace("\r", "") for record in ("\n" + text).split("\n>")[1:]]
