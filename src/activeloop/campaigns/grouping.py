"""Results that many people and devices store at once: those of a moment are written together."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from activeloop.campaigns.campaign import Campaign
from activeloop.campaigns.recording import RecordSummary

LONGEST = 0.05
"""Seconds for which results are collected while several come in at once."""
CROWDED = 1.0
"""Seconds for which more are expected after several came in at once."""


@dataclass
class _Caller:
    """Somebody who waits.

    Args:
        task: what it wants to be done, within the transaction.
        leads: whether it has to write for all that wait.
        ready: set once it has its answer, or has to lead.
    """

    task: Callable[[], RecordSummary]
    leads: bool = False
    ready: threading.Event = field(default_factory=threading.Event)
    answer: RecordSummary | None = None
    error: BaseException | None = None


class GroupedRecords:
    """Stores the results of many threads of one process: what comes within a moment is one transaction.

    Each caller gets its own answer once its results are safe, and what is wrong with one caller's results is told to
    that caller alone. A single caller does not wait.

    Args:
        campaign: which only this object uses.
        longest: seconds for which results are collected, while several come in at once.
    """

    def __init__(self, campaign: Campaign, longest: float = LONGEST):
        self._campaign, self._longest = campaign, longest
        self._lock, self._led = threading.Lock(), False
        self._waiting: list[_Caller] = []
        self._crowded = -math.inf  # the moment until which several are expected

    def record(self, *results: Any, actor: str = "", request: str = "", **options: Any) -> RecordSummary:
        """Store what came back, as `Campaign.record`; any thread may call it.

        Args:
            results: as of `Campaign.record`.
            actor: who stores them.
            request: of what request they are.
            options: as of `Campaign.record`.

        Raises:
            MeasurementError: as `Campaign.record`; nothing of this caller was stored.
            StoreError: the whole group could not be written.
        """

        def task() -> RecordSummary:
            log = self._campaign.log
            log.actor, log.request = actor, request
            return self._campaign.record(*results, **options)

        mine = _Caller(task)
        with self._lock:
            self._waiting.append(mine)
            mine.leads, self._led = not self._led, True
        if not mine.leads:
            mine.ready.wait()
        if mine.leads:  # now, or because whoever wrote before has its answer
            try:
                if time.monotonic() < self._crowded:
                    time.sleep(self._longest)
                self._write()
            finally:
                self._hand_over()
        if mine.error is not None:
            raise mine.error
        assert mine.answer is not None  # one of the two is there
        return mine.answer

    def _hand_over(self) -> None:
        with self._lock:
            self._led = bool(self._waiting)
            if self._led:
                self._waiting[0].leads = True
                self._waiting[0].ready.set()

    def _write(self) -> None:
        with self._lock:
            group, self._waiting = self._waiting, []
        if len(group) > 1:
            self._crowded = time.monotonic() + CROWDED
        try:
            with self._campaign.log.alone():
                for caller in group:
                    try:
                        caller.answer = caller.task()
                    except Exception as error:  # told to its caller
                        caller.error = error
        except BaseException as error:  # nothing of the group is stored
            for caller in group:
                caller.error = caller.error or error
            if not isinstance(error, Exception):
                raise
        finally:
            for caller in group:
                caller.leads = False
                caller.ready.set()
