"""Measurements as arrays: a hundred thousand in a few megabytes, and what is computed of them without a loop."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.dtypes import StringDType

from activeloop.candidates import Pool
from activeloop.measurements.assay import Measurement

AT_ONCE = 1_000
"""Rows that are taken over at once: few, since what is in between lies where more could have gone back."""
FEW = 1_000
"""New texts up to which each is put where it belongs, and the others are not ordered anew."""
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


class Texts:
    """Texts, each with a number from 0 in the order in which they came."""

    def __init__(self) -> None:
        self._all: list[str] = []
        self._numbers: dict[str, int] = {}
        self._order = np.zeros(0, np.int32)
        self._ranks = np.zeros(0, np.int32)

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
        add = self.add
        return np.fromiter([add(text) for text in texts], np.int32, len(texts))

    def at(self, numbers: np.ndarray) -> list[str]:
        """Texts by their numbers."""
        every = self._all
        return [every[number] for number in numbers.tolist()]

    def _every(self) -> np.ndarray:
        """[T] all of them."""
        return np.array(self._all, np.object_)

    def ranks(self) -> np.ndarray:
        """[T] the place of each in alphabetical order."""
        known, size = len(self._order), len(self)
        if known < size:
            if size - known > FEW:
                self._order = np.argsort(self._every(), kind="stable").astype(np.int32)
            else:  # each where it belongs among those that are in order
                new = sorted(range(known, size), key=self.__getitem__)
                places = [bisect_left(self._order, self[number], key=self.__getitem__) for number in new]
                self._order = np.insert(self._order, places, np.array(new, np.int32))
            self._ranks = np.empty(size, np.int32)
            self._ranks[self._order] = np.arange(size, dtype=np.int32)
        return self._ranks


class Names(Texts):
    """Names of candidates: as `Texts`, in less than half of the memory, since there may be a hundred thousand.

    Half characters, which no database holds, become U+FFFD, as they do there.

    >>> names = Names()
    >>> names.add_all(["K2R", "K2A", "K2R"]).tolist(), names.ranks().tolist(), names.find("K2A"), names.find("T3S")
    ([0, 1, 0], [1, 0], 1, -1)
    """

    def __init__(self) -> None:
        super().__init__()
        self._texts = np.empty(16, StringDType())
        self._size = 0
        self._table = array("i", [-1]) * 32  # by the hash of a text, or behind: its number
        self._pool: Pool | None = None
        self._rows = np.zeros(0, np.int32)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, number: int) -> str:
        return self._texts[number]

    def _slot(self, text: str) -> int:
        """Where the number of a text stands, or has to."""
        table, texts, last = self._table, self._texts, len(self._table) - 1
        slot = hash(text) & last
        while (number := table[slot]) >= 0 and texts[number] != text:
            slot = (slot + 1) & last
        return slot

    def find(self, text: str) -> int:
        """The number of a text; -1 where it is none of these."""
        return self._table[self._slot(_whole(text))]

    def add(self, text: str) -> int:
        """The number of a text, which is one of these from then on."""
        text = _whole(text)
        slot = self._slot(text)
        if (number := self._table[slot]) >= 0:
            return number
        number, self._size = self._size, self._size + 1
        if number == len(self._texts):
            texts = np.empty(number * 5 // 4, StringDType())
            texts[:number] = self._texts
            self._texts = texts
        self._texts[number] = text
        self._table[slot] = number
        if self._size * 2 > len(self._table):
            self._table = array("i", [-1]) * (len(self._table) * 2)
            for other, known in enumerate(self._texts[: self._size].tolist()):
                self._table[self._slot(known)] = other
        return number

    def at(self, numbers: np.ndarray) -> list[str]:
        """Texts by their numbers."""
        return self._texts[numbers].tolist()

    def _every(self) -> np.ndarray:
        return self._texts[: self._size]

    def rows_in(self, pool: Pool) -> np.ndarray:
        """[T] the row of each in a pool, as a name of a candidate; -1 where it is none."""
        if self._pool is not pool:
            self._pool, self._rows = pool, np.zeros(0, np.int64)
        if len(self._rows) < self._size:
            new = map(pool.row_of, self._texts[len(self._rows) : self._size].tolist())
            found = np.fromiter((-1 if row is None else row for row in new), np.int64)
            self._rows = np.concatenate([self._rows, found])
        return self._rows


def _whole(text: str) -> str:
    """A text that can be encoded."""
    return text if text.isascii() else "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)


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

    names: Names = field(default_factory=Names)
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
        some = rows[begin : begin + AT_ONCE]
        for name, (_, assay, value, side, again, plate, well, at, file, row, control, error, *_) in zip(
            names.at(some["candidate"]), some.tolist(), strict=True
        ):
            yield Measurement(
                name,
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
