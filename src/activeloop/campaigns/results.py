"""The results of a campaign: as arrays, of which a row becomes an object when it is asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

import numpy as np

from activeloop.measurements import Measurement
from activeloop.measurements.arrays import MEASURED, MeasurementArrays, Vocabulary, fill, measurements_in

STORED = (*MEASURED, ("event", "i8"), ("round", "i8"), ("void", "i4"), ("void_event", "i8"))
"""Columns of a result: `void` is a text of why it no longer counts, -1 where it does."""


@dataclass(frozen=True, slots=True)
class Result:
    """One measured row as it stands in the log.

    Args:
        event: sequence number of the `Measured` event it came with.
        round: the round it belongs to, from 0.
        measurement: the row.
        void: why it no longer counts, or None when it does.
        void_event: sequence number of the event since which it does not count; 0 when it counts.
    """

    event: int
    round: int
    measurement: Measurement
    void: str | None = None
    void_event: int = 0

    @property
    def counts(self) -> bool:
        """Whether a learner sees it: not voided, not a control, and not a failed well (NaN)."""
        m = self.measurement
        return self.void is None and not m.control and m.value == m.value


class StoredResults(Sequence[Result]):
    """Results in the order of their events; what is asked of all of them is answered by arrays.

    Args:
        rows: structured [n], the columns of `STORED`.
        texts: of it.

    >>> rows = StoredResults.of([Result(3, 0, Measurement("K2R", "kcat", 1.5))])
    >>> len(rows), rows[0].measurement.candidate, rows.valid.tolist()
    (1, 'K2R', [True])
    """

    def __init__(self, rows: np.ndarray, texts: Vocabulary):
        self.rows, self.texts = rows, texts

    @classmethod
    def of(cls, results: Iterable[Result]) -> StoredResults:
        """The same results."""
        if isinstance(results, StoredResults):
            return results
        results, texts = list(results), Vocabulary()
        rows = np.zeros(len(results), list(STORED))
        fill(rows, [r.measurement for r in results], texts)
        for name in ("event", "round", "void_event"):
            rows[name] = [getattr(r, name) for r in results]
        rows["void"] = [-1 if r.void is None else texts.words.add(r.void) for r in results]
        return cls(rows, texts)

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Result: ...

    @overload
    def __getitem__(self, index: slice) -> StoredResults: ...

    def __getitem__(self, index: int | slice) -> Result | StoredResults:
        if isinstance(index, slice):
            return StoredResults(self.rows[index], self.texts)
        return next(iter(self.take(np.array([index]))))

    def __iter__(self) -> Iterator[Result]:
        words = self.texts.words
        more = zip(*(self.rows[name].tolist() for name in ("event", "round", "void", "void_event")), strict=True)
        for m, (event, number, void, since) in zip(measurements_in(self.rows, self.texts), more, strict=True):
            yield Result(event, number, m, None if void < 0 else words[void], since)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and repr(self) == repr(list(other))  # NaN equals NaN here

    def __hash__(self) -> int:
        return hash(len(self))

    def __repr__(self) -> str:
        return repr(list(self))

    def take(self, index: np.ndarray) -> StoredResults:
        """Some of them, by index or mask."""
        whole = index.dtype == bool and bool(index.all())
        return self if whole else StoredResults(self.rows[index], self.texts)

    @property
    def arrays(self) -> MeasurementArrays:
        """Their measurements."""
        return MeasurementArrays(self.rows, self.texts)

    @cached_property
    def standing(self) -> np.ndarray:
        """[n] whether each was not voided."""
        return self.rows["void"] < 0

    @cached_property
    def valid(self) -> np.ndarray:
        """[n] whether each was not voided and has a value, be it of a control."""
        return self.standing & np.isfinite(self.rows["value"])

    @cached_property
    def counting(self) -> np.ndarray:
        """[n] whether a learner sees each; see `Result.counts`."""
        return self.standing & ~np.isnan(self.rows["value"]) & ~self.rows["control"]

    @cached_property
    def events(self) -> np.ndarray:
        """Events of which a row was not voided, in order."""
        events = self.rows["event"][self.standing]
        return events[np.flatnonzero(np.diff(events, prepend=-1))]

    def per_event(self) -> dict[int, tuple[int, int]]:
        """Event -> how many rows came with it, and how many of them were voided."""
        events, first, counts = np.unique(self.rows["event"], return_index=True, return_counts=True)
        voided = np.add.reduceat(~self.standing, first) if len(first) else counts
        return dict(zip(events.tolist(), zip(counts.tolist(), voided.tolist(), strict=True), strict=True))

    def plates(self) -> dict[str, int]:
        """Plate with results that were not voided -> the event of the first of them."""
        rows = self.rows[self.standing]
        numbers, first = np.unique(rows["plate"], return_index=True)
        return dict(zip(self.texts.places.at(numbers), rows["event"][first].tolist(), strict=True))

    def assays_of(self, events: Collection[int]) -> set[str]:
        """The assays in which some events have results, failed ones included."""
        words = self.texts.words
        return {words[number] for number in np.unique(self.rows["assay"][self.of_events(events)]).tolist()}

    def of_events(self, events: Collection[int]) -> np.ndarray:
        """[n] whether each came with one of some events."""
        events = np.array(list(events), np.int64)
        return np.isin(self.rows["event"], events) if len(events) else np.zeros(len(self), bool)

    def voided(self, mask: np.ndarray, reason: str, event: int) -> StoredResults:
        """The same, of which some that stood no longer count.

        Args:
            mask: [n] which.
            reason: why.
            event: since which.
        """
        struck, rows = mask & self.standing, self.rows.copy()
        rows["void"][struck], rows["void_event"][struck] = self.texts.words.add(reason), event
        return StoredResults(rows, self.texts)

    def last_of(self, names: Iterable[str], corrects: Mapping[int, int]) -> dict[str, int]:
        """Candidate -> the last event in which something came back for it, controls left out, for those that have one.

        Args:
            names: of candidates.
            corrects: event -> the first of those that it corrects: what came back, came back then.
        """
        numbers = {name: self.texts.names.find(name) for name in names}
        wanted = np.zeros(len(self.texts.names), bool)
        wanted[[number for number in numbers.values() if number >= 0]] = True
        candidates = self.rows["candidate"]
        here = np.flatnonzero(wanted[candidates] & ~self.rows["control"])
        events = self.rows["event"][here]
        if corrects:
            which = np.arange(int(events.max(initial=0)) + 1)
            for event, first in corrects.items():
                if event < len(which):
                    which[event] = first
            events = which[events]
        last = np.zeros(len(wanted), np.int64)
        np.maximum.at(last, candidates[here], events)
        return {name: int(last[number]) for name, number in numbers.items() if 0 <= number and last[number]}

    def in_wells(self, keys: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], list[Result]]:
        """What stands in some wells (plate, well, assay), of events with results that count."""
        wanted: dict[tuple[int, int, int], tuple[str, str, str]] = {}
        words, places = self.texts.words, self.texts.places
        for key in keys:
            wanted[places.find(key[0]), words.find(key[1]), words.find(key[2])] = key
        plates = np.array(sorted({plate for plate, _, _ in wanted if plate >= 0}), np.int64)
        near = np.flatnonzero(np.isin(self.rows["plate"], plates)) if len(plates) else plates
        near = near[np.isin(self.rows["event"][near], self.events)] if len(near) else near
        found: dict[tuple[str, str, str], list[Result]] = {}
        codes = zip(*(self.rows[name][near].tolist() for name in ("plate", "well", "assay")), strict=True)
        here = [(place, wanted[code]) for place, code in zip(near.tolist(), codes, strict=True) if code in wanted]
        for (_, key), result in zip(here, self.take(np.array([p for p, _ in here], np.int64)), strict=True):
            found.setdefault(key, []).append(result)
        return found

    def loose_about(self, names: Iterable[str]) -> set[int]:
        """Events with a row without a well about one of some candidates."""
        numbers = np.array([self.texts.names.find(name) for name in names], np.int32)
        mine = self.rows["event"][self._loose & np.isin(self.rows["candidate"], numbers[numbers >= 0])]
        return set(np.unique(mine).tolist())

    def loose(self, events: Collection[int]) -> dict[int, list[Result]]:
        """Event -> its rows without a well, of those of some events that have both such rows and results that count."""
        known = set(events) & set(self.events.tolist()) if events else set()
        found: dict[int, list[Result]] = {}
        for result in self.take(self._loose & self.of_events(known)) if known else ():
            found.setdefault(result.event, []).append(result)
        return found

    @cached_property
    def _loose(self) -> np.ndarray:
        """[n] whether each has no well."""
        places, words = self.texts.places.find(""), self.texts.words.find("")
        return (self.rows["plate"] == places) | (self.rows["well"] == words)


class GrowingResults:
    """Results to which others are added, in the time that these take.

    Args:
        results: that there are first.
    """

    def __init__(self, results: StoredResults | None = None):
        start = results or StoredResults(np.zeros(0, list(STORED)), Vocabulary())
        self.texts, self._rows, self._size = start.texts, start.rows, len(start)
        self._view: StoredResults | None = start

    def __len__(self) -> int:
        return self._size

    @property
    def view(self) -> StoredResults:
        """Those of now, which stay as they are."""
        if self._view is None:
            self._view = StoredResults(self._rows[: self._size], self.texts)
        return self._view

    def add(self, event: int, number: int, measurements: Sequence[Measurement]) -> None:
        """Results of an event, in a round."""
        new = self.room(len(measurements))
        fill(new, measurements, self.texts)
        new["event"], new["round"], new["void"] = event, number, -1

    def room(self, count: int) -> np.ndarray:
        """Room for more results at the end, to be written: structured [count]."""
        first, self._size, self._view = self._size, self._size + count, None
        if self._size > len(self._rows):
            rows = np.zeros(max(self._size, len(self._rows) * 5 // 4 + 16), list(STORED))
            rows[:first] = self._rows[:first]
            self._rows = rows
        return self._rows[first : self._size]

    def void(self, mask: np.ndarray, reason: str, event: int) -> None:
        """Some of them, [n], no longer count; see `StoredResults.voided`."""
        self._view = self.view.voided(mask, reason, event)
        self._rows = self._view.rows
