"""What does a piece of work: a runner starts it, here a child process on the worker's own machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from activeloop import tracing
from activeloop.work.kinds import WorkKind, names_of
from activeloop.work.leases import PRINTED, Lease, Work
from activeloop.work.places import Place

End = tuple[str, str]
"""How something ended, and what came of it in words: `done`; `failed`, where another attempt would come to the same;
`lost`, where it may come to something else; `evicted`, where its machine was taken from it, which is no attempt."""
ENDS = ("done", "later", "failed", "lost")
"""How a process says that it ended."""
LINE = 2**16
"""Characters of a printed line that are read at once."""


class Heard:
    """What a process said so far; of what it prints the end is kept."""

    def __init__(self) -> None:
        self.share, self.printed = 0.0, ""
        self.end: End | None = None

    def hear(self, lines: Iterable[str]) -> None:
        """Take note of some lines."""
        for line in lines:
            try:
                told = json.loads(line) if line.startswith("{") else None
            except ValueError:
                told = None
            if isinstance(told, dict) and len(told) == 1 and isinstance(told.get("share"), float | int):
                self.share = float(told["share"])
            elif isinstance(told, dict) and len(told) == 1 and (end := next(iter(told))) in ENDS:
                self.end = end, str(told[end])
            elif line != "\n":
                self.printed = (self.printed + line)[-PRINTED:]

    def ended(self, how: str) -> End:
        """How a process ended that is no more.

        Args:
            how: it ended, such as `ended with status 1`, for one that did not say.
        """
        if self.end:
            return self.end
        last = self.printed.strip().splitlines()[-1:]
        return "lost", f"its process {how}{f': {last[0]}' if last else ''}"


class Running(ABC):
    """A piece of work that is being done somewhere."""

    heard: Heard

    @abstractmethod
    def ended(self) -> End | None:
        """How it ended; None while it goes on. Called often, it takes next to no time."""

    @abstractmethod
    def close(self) -> None:
        """Wait for it no more. What ends with the worker is ended."""


class Runner(ABC):
    """Starts what does a piece of work under a lease."""

    outlives = False
    """Whether what it starts goes on when its worker is no more, so that another one attaches to it."""
    at_once = 1
    """Pieces of work of one worker at a time."""

    @abstractmethod
    def start(self, place: Place, lease: Lease, kinds: Sequence[type[WorkKind]]) -> Running:
        """Start it, or attach to what was started under this lease.

        Args:
            place: where the campaign is.
            lease: of the work.
            kinds: all that the worker does.

        Raises:
            OSError: nothing could be started.
        """

    def remove(self, lease: Lease) -> None:
        """Remove what is left of work whose lease was given back."""
        return

    def sweep(self, work: Work) -> str:
        """Remove what is left of work under leases that nobody holds any more; what keeps it from that, in words."""
        return ""


@dataclass(frozen=True)
class ProcessRunner(Runner):
    """Does each piece of work in a child process.

    Args:
        seconds: that it may take.
        mebibytes: of memory that its process may take; None = any.
    """

    seconds: float = 4 * 3600.0
    mebibytes: int | None = None

    def start(self, place: Place, lease: Lease, kinds: Sequence[type[WorkKind]]) -> Running:
        """See `Runner.start`."""
        where = str(Path(place.where).absolute()) if "://" not in place.where else place.where
        task = {"place": {**asdict(place), "where": where}, "lease": asdict(lease), "kinds": dict(names_of(kinds))}
        task |= {"traceparent": tracing.traceparent()}
        return _Child(json.dumps(task), self)


class _Child(Running):
    """A child process; it ends with this one."""

    def __init__(self, task: str, limits: ProcessRunner):
        self.heard, self._limits, self._begun = Heard(), limits, time.monotonic()
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            [sys.executable, "-m", "activeloop.work.child"],
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        assert self._process.stdin is not None  # it was asked for
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()
        try:
            self._process.stdin.write(f"{task}\n")  # not among its arguments, which every user of a machine sees
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it ended at once

    def _read(self, output: IO[str]) -> None:
        while line := output.readline(LINE):
            self.heard.hear([line])

    def ended(self) -> End | None:
        """See `Running.ended`."""
        status = self._process.poll()
        if status is not None:
            self._reader.join()
            how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
            return self.heard.ended(how)
        if time.monotonic() - self._begun > self._limits.seconds:
            return "failed", f"it took longer than {self._limits.seconds:,.0f} seconds"
        allowed = self._limits.mebibytes
        if allowed and (used := resident_mebibytes(self._process.pid)) > allowed:
            return "failed", f"it took {used:,.0f} MiB of memory, and {allowed:,} are allowed"
        return None

    def close(self) -> None:
        """See `Running.close`."""
        with self._process:
            self._process.kill()  # nothing, where it ended by itself
            self._reader.join()


def resident_mebibytes(process: int) -> float:
    """Memory of a process; 0 where the system does not say (outside Linux)."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
