"""What was computed of campaigns, kept so that a page that is read again costs nothing."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from activeloop.server.memory import give_back

T = TypeVar("T")

REST, LONGEST_REST = 10, 300.0
"""For how many times as long as something took it is shown although the campaign moved on; and seconds at most."""
QUICK = 0.05
"""Seconds of computing that are spent on every change."""


@dataclass(frozen=True)
class Known:
    """Something that was computed of a campaign.

    Args:
        last: the campaign's last event then.
        value: what it is.
        seconds: that it took.
        at: when, by the clock of this process.
    """

    last: int
    value: Any
    seconds: float
    at: float = field(default_factory=time.monotonic)

    def rests(self) -> bool:
        """Whether it is too early to compute it anew: a campaign that moves on all the time costs a tenth at most."""
        return self.seconds > QUICK and time.monotonic() - self.at < min(REST * self.seconds, LONGEST_REST)


class Computed:
    """What was computed for pages, of each campaign the newest, so that a page that is read again costs nothing.

    Args:
        most: that is kept.
    """

    def __init__(self, most: int = 256):
        self._most, self._kept, self._lock = most, OrderedDict[tuple[str, str], Known](), threading.Lock()

    def known(self, campaign: str, what: str) -> Known | None:
        """What was computed last."""
        with self._lock:
            if found := self._kept.get((campaign, what)):
                self._kept.move_to_end((campaign, what))
            return found

    def keep(self, campaign: str, what: str, known: Known) -> None:
        """Keep what was computed, unless it was computed of more of the campaign meanwhile."""
        with self._lock:
            if (newer := self._kept.get((campaign, what))) and newer.last > known.last:
                return
            self._kept[campaign, what] = known
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)

    def of(self, campaign: str, last: int, what: str, compute: Callable[[], T], since: int = 0) -> T:
        """What `compute` gives; a little older where the campaign moves on all the time.

        Args:
            campaign: its key.
            last: number of its last event.
            what: is computed, with all that it depends on beside the campaign.
            compute: does it.
            since: the event that it must know at least.
        """
        known = self.known(campaign, what)
        if known and (known.last >= last or (known.last >= since and known.rests())):
            return known.value
        began = time.monotonic()
        found = compute()
        self.keep(campaign, what, Known(last, found, time.monotonic() - began))
        give_back()
        return found
