"""Measurements as arrays: a hundred thousand in a few megabytes, and what is computed of them without a loop."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import islice
from typing import Any

import numpy as np

from activeloop.candidates import Pool
from activeloop.measurements.assay import Measurement

AT_ONCE = 10_000
"""Rows that are taken over at once."""
SIDES = {"<": -1, "=": 0, ">": 1}
"""Qualifier -> the side on which the value is limited, in the order of the texts."""
QUALIFIERS = ("=", ">", "<")
"""By side."""
MEASURED = (
    *(("candidate", "i4"), ("assay", "i4"), ("value", "f8"), ("side", "i1"), ("replicate", "i8"), ("plate", "i4")),
    *(("well", "i4"), ("measured_at", "i4"), ("file", "i4"), ("row", "i8"), ("control", "?"), ("error", "f8")),
)
"""Columns of a measurement; texts are numbers of a `Texts`."""
FIELDS = tuple(f.name for f in fields(Measurement))
TEXTS = ("candidate", "assay", "plate", "well", "measured_at", "file")
"""Those of them that are texts with a number."""
FEW = 16
"""New texts up to which each is put in its place among those in order, instead of sorting all."""


class Texts:
    """Texts, each with a number from 0 in the order in which they came."""

    def __init__(self) -> None:
        self._all: list[str] = []
        self._numbers: dict[str, int] = {}
        self._order = np.zeros(0, np.int64)
        self._ranks = np.zeros(0, np.int64)
        self._pool: Pool | None = None
        self._rows = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self._all)

    def __getitem__(self, number: int) -> str:
        return self._all[number]

    def find(self, text: str) -> int:
        """The number of a text; -1 where it is none of these."""
        return self._numbers.get(text, -1)

    def same(self, text: str) -> str:
        """The text itself, where it is one of these the one that is in memory already."""
        number = self._numbers.get(text)
        return text if number is None else self._all[number]

    def add(self, text: str) -> int:
        """The number of a text, which is one of these from then on."""
        number = self._numbers.setdefault(text, len(self._all))
        if number == len(self._all):
            self._all.append(text)
        return number

    def add_all(self, texts: Sequence[str]) -> np.ndarray:
        """[n] numbers of texts."""
        if texts and texts.count(texts[0]) == len(texts):
            return np.full(len(texts), self.add(texts[0]), np.int32)
        known, before = self._numbers, len(self._all)
        number = known.setdefault
        numbers = np.fromiter([number(text, len(known)) for text in texts], np.int32, len(texts))
        self._all += reversed(list(islice(reversed(known), len(known) - before)))
        return numbers

    def at(self, numbers: np.ndarray) -> list[str]:
        """Texts by their numbers."""
        every = self._all
        return [every[number] for number in numbers.tolist()]

    def ranks(self) -> np.ndarray:
        """[T] the place of each in alphabetical order."""
        every, order = self._all, self._order
        if len(order) < len(every):
            new = range(len(order), len(every))
            if len(new) > FEW:
                order = np.array(sorted(range(len(every)), key=every.__getitem__), np.int64)
            else:
                for number in new:
                    order = np.insert(order, bisect(order, every[number], key=every.__getitem__), number)
            self._order, self._ranks = order, np.empty(len(order), np.int64)
            self._ranks[order] = np.arange(len(order))
        return self._ranks

    def rows_in(self, pool: Pool) -> np.ndarray:
        """[T] the row of each in a pool, as a name of a candidate; -1 where it is none."""
        if self._pool is not pool:
            self._pool, self._rows = pool, np.zeros(0, np.int64)
        if len(self._rows) < len(self._all):
            new = (pool.row_of(name) for name in islice(self._all, len(self._rows), None))
            found = np.fromiter((-1 if row is None else row for row in new), np.int64)
            self._rows = np.concatenate([self._rows, found])
        return self._rows


def numbers_in(numbers: np.ndarray) -> np.ndarray:
    """Each of some numbers from 0 once, in order; quicker than by sorting or hashing.

    >>> numbers_in(np.array([3, 0, 3])).tolist()
    [0, 3]
    """
    return np.flatnonzero(np.bincount(numbers))


@dataclass(frozen=True)
class Vocabulary:
    """The texts of measurements.

    Args:
        names: of candidates.
        places: plates and files.
        words: assays, wells, moments, and why results no longer count.
    """

    names: Texts = field(default_factory=Texts)
    places: Texts = field(default_factory=Texts)
    words: Texts = field(default_factory=Texts)

    def of(self, column: str) -> Texts:
        """The texts of a column."""
        return self.names if column == "candidate" else self.places if column in ("plate", "file") else self.words


@dataclass(frozen=True)
class MeasurementArrays:
    """Measurements as one array.

    Args:
        rows: structured [n], with the columns of `MEASURED` at least.
        texts: of it.
    """

    rows: np.ndarray
    texts: Vocabulary

    @classmethod
    def of(cls, measurements: Iterable[Measurement]) -> MeasurementArrays:
        """The same measurements.

        >>> one = Measurement("K2R", "kcat", 1.5, "<", plate="P1", well="A1")
        >>> MeasurementArrays.of([one])[0] == one
        True
        """
        measurements = list(measurements)
        rows, texts = np.zeros(len(measurements), list(MEASURED)), Vocabulary()
        fill(rows, measurements, texts)
        return cls(rows, texts)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> Measurement:
        return next(measurements_in(self.rows[[place]], self.texts))

    def take(self, index: np.ndarray) -> MeasurementArrays:
        """Some of them, by index or mask."""
        whole = index.dtype == bool and bool(index.all())
        return self if whole else MeasurementArrays(self.rows[index], self.texts)


def fill(to: np.ndarray, measurements: Sequence[Measurement], texts: Vocabulary) -> None:
    """Write measurements into as many rows of an array.

    Args:
        to: structured [n].
        measurements: n of them.
        texts: that are added to.
    """
    for begin in range(0, len(measurements), AT_ONCE):
        some = measurements[begin : begin + AT_ONCE]
        columns = {name: [getattr(m, name) for m in some] for name in FIELDS}
        fill_columns(to[begin : begin + AT_ONCE], columns, texts)


def fill_columns(to: np.ndarray, columns: Mapping[str, Sequence[Any]], texts: Vocabulary) -> None:
    """Write columns into an array.

    Args:
        to: structured [n].
        columns: name -> its n cells, as `Measurement` has them; None of `value` becomes NaN.
        texts: that are added to.
    """
    for name, cells in columns.items():
        if name == "qualifier":
            to["side"] = [SIDES[sign] for sign in cells]
        elif name in TEXTS:
            to[name] = texts.of(name).add_all(cells)
        else:
            to[name] = np.array(cells, np.float64) if name == "value" else cells


def measurements_in(rows: np.ndarray, texts: Vocabulary) -> Iterator[Measurement]:
    """The measurements of an array."""
    names, places, words = texts.names, texts.places, texts.words
    for begin in range(0, len(rows), AT_ONCE):
        for name, assay, value, side, again, plate, well, at, file, row, control, error, *_ in rows[
            begin : begin + AT_ONCE
        ].tolist():
            yield Measurement(
                names[name],
                words[assay],
                value,
                QUALIFIERS[side],  # type: ignore[arg-type]
                again,
                places[plate],
                words[well],
                words[at],
                places[file],
                row,
                control,
                error,
            )
