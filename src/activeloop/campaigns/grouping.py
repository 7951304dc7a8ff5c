"""What many people and devices write at once: all of a moment is one transaction."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from activeloop.errors import StoreError

C = TypeVar("C")
T = TypeVar("T")

LONGEST = 0.05
"""Seconds for which writers are collected while several come in at once."""
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

    task: Callable[[Any], Any]
    leads: bool = False
    ready: threading.Event = field(default_factory=threading.Event)
    answer: Any = None
    error: BaseException | None = None


class GroupCommit(Generic[C]):
    """Writes for many threads of one process: what comes within a moment is one transaction.

    Each caller gets its own answer once what it wrote is safe, and what is wrong with the task of one is told to that
    one alone. A single caller does not wait.

    Args:
        alone: opens what the tasks write to, in a block in which nobody else writes: all events of the block are
            written at its end, or none when it raises.
        longest: seconds for which callers are collected, while several come in at once.
    """

    def __init__(self, alone: Callable[[], AbstractContextManager[C]], longest: float = LONGEST):
        self._alone, self._longest = alone, longest
        self._lock, self._led = threading.Lock(), False
        self._waiting: list[_Caller] = []
        self._crowded = -math.inf  # the moment until which several are expected

    def do(self, task: Callable[[C], T]) -> T:
        """Write something that takes a moment; any thread may call it.

        Args:
            task: decides, and appends as the last that it does; called in the block, with what `alone` opened. What it
                gives is the answer.

        Raises:
            Exception: what the task raised; nothing of it was written.
            StoreError: the whole group could not be written.
        """
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
            with self._alone() as opened:
                for caller in group:
                    try:
                        caller.answer = caller.task(opened)
                    except StoreError:  # the transaction is lost, with what others wrote in it
                        raise
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
