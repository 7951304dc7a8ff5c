"""Background jobs of a campaign: one process at a time, whose state others see.

The lock is a SQLite transaction, not one of `filelock`: others see whether it is held without taking it, also with
read permission alone, and it does not pass to a forked process.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from activeloop.campaigns.events import now
from activeloop.errors import StateError, StoreError
from activeloop.files import write_whole

GLANCE = 1.0
"""Seconds to wait for a process that only looks whether the lock is held."""
STARTING = 60.0
"""Seconds within which a started process must report."""


@dataclass(frozen=True)
class JobState:
    """The state of a job.

    Args:
        stage: `running`, `done`, `failed`, or `killed` when its process ended without reporting.
        what: what it does, in words.
        process: number of the process.
        started: ISO 8601, UTC.
        ended: the same, "" while it runs.
        words: its result, or why it failed.
        share: progress from 0 to 1.
    """

    stage: Literal["running", "done", "failed", "killed"]
    what: str
    process: int
    started: str
    ended: str = ""
    words: str = ""
    share: float = 0.0


@dataclass(frozen=True)
class Job:
    """One kind of work in a campaign's folder.

    ```
    DIR/jobs/NAME.json   its state
    DIR/jobs/NAME.log    what its processes printed
    DIR/jobs/NAME.lock   held by the process that does it; free again however that process ends
    ```

    Args:
        folder: the campaign's.
        name: of the work, such as `distil`.
    """

    folder: Path
    name: str

    @property
    def log(self) -> Path:
        """The file with what its processes printed."""
        return self._file("log")

    def state(self) -> JobState | None:
        """Its state; None when it was never begun. Writes nothing."""
        try:
            state = JobState(**json.loads(self._file("json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, OSError) as error:
            raise StoreError(f"{self._file('json')} cannot be read ({error}): delete it.") from error
        if state.stage == "running" and not self.held():
            again = JobState(**json.loads(self._file("json").read_text(encoding="utf-8")))
            if again != state:  # it ended between the two looks
                return again
            words = "its process was killed; nothing was lost, and it can be started again"
            return replace(state, stage="killed", words=words)
        return state

    def held(self) -> bool:
        """Whether a process is doing it now; writes nothing."""
        path = self._file("lock")
        if not path.exists():
            return False
        # Reading takes a shared lock, so two processes that look do not block each other.
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0)) as connection:
            try:
                connection.execute("SELECT * FROM sqlite_master").fetchall()
            except sqlite3.OperationalError as error:
                return "locked" in str(error)
        return False

    @contextmanager
    def working(self, what: str) -> Iterator[Working]:
        """Hold the lock and do the job; how it ends is recorded in any case.

        Args:
            what: what is done, in words.

        Raises:
            StateError: another process is at it.
            StoreError: the folder cannot be written.
        """
        with self._lock() as free:
            if not free:
                raise StateError(self._busy())
            work = Working(self, JobState("running", what, os.getpid(), now()))
            work.write()
            try:
                yield work
            except BaseException as error:
                work.end("failed", str(error) or type(error).__name__)
                raise
            work.end("done", work.state.words)

    def start(self, arguments: Sequence[str]) -> int:
        """Start a Python process that does it and outlives this one; returns its number once it has begun.

        Args:
            arguments: of the interpreter; the process calls `working`.

        Raises:
            StateError: another process is at it.
            StoreError: the process ended before it began, or the folder cannot be written.
        """
        if self.held():
            raise StateError(self._busy())
        try:
            self.log.parent.mkdir(exist_ok=True)
            with self.log.open("ab") as log:
                process = subprocess.Popen(
                    [sys.executable, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            raise StoreError(f"{self.log} cannot be written ({error.strerror}). Nothing was begun.") from error
        self._await(process)
        return process.pid

    def _await(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + STARTING
        while time.monotonic() < deadline:
            if (state := self.state()) and state.process == process.pid:
                break
            if process.poll() is not None:
                if self.held():  # another process was faster
                    return
                raise StoreError(f"the process ended before it began: {self.log} shows why.")
            time.sleep(0.02)
        process.returncode = 0  # it is not ours to wait for: no warning when this one forgets it

    def _busy(self) -> str:
        state = self.state()
        who = f"process {state.process} since {state.started}" if state else "another process"
        what = state.what if state else "work on it"
        return f"{what}: {who} does it already. Nothing was begun; wait for it (`activeloop status {self.folder}`)."

    @contextmanager
    def _lock(self) -> Iterator[bool]:
        """Whether this process holds the lock within the block.

        SQLite locks files alike on all systems; a transaction that is never committed leaves nothing behind, and its
        lock dies with its process.
        """
        path, free = self._file("lock"), True
        try:
            path.parent.mkdir(exist_ok=True)
            connection = sqlite3.connect(path, timeout=GLANCE, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{path} cannot be used ({error}). Nothing was begun.") from error
        with closing(connection):
            try:
                connection.execute("BEGIN EXCLUSIVE")
            except sqlite3.Error as error:
                if "locked" not in str(error):
                    raise StoreError(f"{path} cannot be used ({error}). Nothing was begun.") from error
                free = False
            yield free

    def _file(self, ending: str) -> Path:
        return self.folder / "jobs" / f"{self.name}.{ending}"


class Working:
    """A job that this process does.

    Args:
        job: which.
        state: of it.
    """

    EVERY = 2.0
    """Seconds between two progress reports."""

    def __init__(self, job: Job, state: JobState):
        self.job, self.state, self._reported = job, state, time.monotonic()

    def progress(self, done: int, total: int) -> None:
        """Report progress; may be called as often as convenient."""
        if time.monotonic() - self._reported >= self.EVERY:
            self._reported = time.monotonic()
            self.state = replace(self.state, share=round(done / max(total, 1), 3))
            self.write()

    def report(self, words: str) -> None:
        """Set the result, in words."""
        self.state = replace(self.state, words=words)

    def end(self, stage: Literal["done", "failed"], words: str) -> None:
        """Store how it ended."""
        self.state = replace(self.state, stage=stage, words=words, ended=now())
        self.write()

    def write(self) -> None:
        """Store the state, so that other processes see it."""
        write_whole(self.job._file("json"), json.dumps(asdict(self.state), indent=1))
