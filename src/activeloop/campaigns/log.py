"""A log in memory, for replays, notebooks and tests: the twin of the one on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from activeloop.campaigns.events import Event, EventLog, Recorded
from activeloop.errors import StateError


class InMemoryLog(EventLog):
    """An event log that ends with the process.

    >>> from activeloop.campaigns import Pinned
    >>> log = InMemoryLog()
    >>> log.append(Pinned(("A24G",), veto=False, reason="control of our own"), after=0).sequence
    1
    """

    def __init__(self, recorded: Iterable[Recorded] = ()):
        self._recorded = list(recorded)

    def append(self, event: Event, *, after: int) -> Recorded:
        """Write one event; see `EventLog.append`."""
        if after != len(self._recorded):
            raise StateError(moved_on(after, len(self._recorded)))
        recorded = Recorded(after + 1, now(), event)
        self._recorded.append(recorded)
        return recorded

    def __iter__(self) -> Iterator[Recorded]:
        return iter(tuple(self._recorded))


def now() -> str:
    """The present moment, UTC, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def moved_on(after: int, last: int) -> str:
    """The sentence that tells a writer that somebody wrote before it."""
    return (
        f"the campaign moved on while this was being decided (event {last} is there, {after} was the last seen). "
        "Nothing was written: look at its status and try again."
    )
