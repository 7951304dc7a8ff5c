"""The worker: takes what is due, does it in a child process, and holds the lease meanwhile."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from activeloop.errors import ActiveLoopError, StoreError
from activeloop.work.kinds import KINDS, WorkKind, names_of
from activeloop.work.leases import PRINTED, Lease, Timing, Work
from activeloop.work.places import Place

Report = Callable[[str], None]

ENDS = ("done", "failed", "lost")
"""How a child says that it ended."""
GLANCE = 0.1
"""Seconds between two looks at a child."""
IDLE = 0.5
"""Seconds between two looks for work."""
SIGN = 2.0
"""Seconds between two signs of life, which say how far the work is; less where the lease is short."""
PAUSES = (1.0, 30.0)
"""Seconds to wait before a database that failed is tried again: the first time, and at most; doubled each time."""
LINE = 2**16
"""Characters of a printed line that are read at once."""


@dataclass
class _Open:
    """A place that a worker looks after."""

    place: Place
    work: Work | None = None
    pause: float = 0.0
    again: float = 0.0


@dataclass
class Worker:
    """Does the work of campaigns, one piece at a time. Any number of workers may share a place.

    Args:
        places: folders of campaigns, or stores of many.
        timing: when work begins and how long it is held.
        seconds: that a piece of work may take.
        mebibytes: of memory that its process may take; None = any.
        kinds: of work that it does.
        name: of the worker, which no other must have.
    """

    places: Sequence[Place | Path]
    timing: Timing = field(default_factory=Timing)
    seconds: float = 4 * 3600.0
    mebibytes: int | None = None
    kinds: Sequence[type[WorkKind]] = KINDS
    name: str = field(default_factory=lambda: worker_name())
    _stopped: threading.Event = field(default_factory=threading.Event, init=False, repr=False)

    def stop(self) -> None:
        """Give back what is being done, and end `run`; may be called from a signal handler."""
        self._stopped.set()

    def run(self, report: Report, *, once: bool = False) -> int:
        """Do what is due until `stop` is called.

        A database that cannot be used is reported and tried again later, for as long as it takes; what was done
        meanwhile is not lost, since the next look finds what is missing.

        Args:
            report: called with a sentence on everything that begins or ends.
            once: end when nothing is due any more, also nothing that is still waited for.

        Returns:
            The number of pieces of work that were done.

        Raises:
            InputError: there is no such place.
            StoreError: a database cannot be used, and `once` is set.
        """
        opened = [_Open(p if isinstance(p, Place) else Place(str(p))) for p in self.places]
        try:
            return self._run(opened, report, once)
        finally:
            for one in opened:
                one.place.close()

    def _run(self, opened: Sequence[_Open], report: Report, once: bool) -> int:
        done = 0
        while not self._stopped.is_set():
            taken = waiting = 0
            for one in opened:
                if self._stopped.is_set() or time.monotonic() < one.again:
                    continue
                try:
                    one.work = one.work or one.place.work(self.timing)
                    if not (ends := one.work.open_ends([kind.name for kind in self.kinds])):
                        continue
                    waiting += ends
                    if lease := one.work.take(self.name, [kind.name for kind in self.kinds]):
                        taken += 1
                        done += self._do(one.place, one.work, lease, report)
                    one.pause = 0.0
                except StoreError as error:
                    if once:
                        raise
                    one.pause = min(max(2 * one.pause, PAUSES[0]), PAUSES[1])
                    one.again = time.monotonic() + one.pause
                    report(f"{one.place}: {error} It is tried again in {one.pause:,.0f} s.")
            if once and not waiting:
                break
            if not taken:
                self._stopped.wait(IDLE)
        return done

    def _do(self, place: Place, work: Work, lease: Lease, report: Report) -> bool:
        """One piece of work; whether it was done."""
        what = f"{lease.campaign}: {lease.kind}" if place.is_store else lease.kind
        report(f"{place}: {what} begins{f' (attempt {lease.attempt})' if lease.attempt > 1 else ''}.")
        try:
            end, words = self._watched(place, work, lease)
        except OSError as error:
            end, words = "lost", f"no process could be started ({error.strerror})"
        if end == "done":
            kept = work.finish(lease, words)
        elif end in ("stopped", "superseded"):
            kept = work.release(lease)
        else:
            kept = work.fail(lease, words, again=end != "failed")
        told = {
            "done": words,
            "stopped": "given back",
            "superseded": "results came in meanwhile, it begins anew",
            "failed": f"failed: {words}",
            "lost": f"to be repeated: {words}",
        }[end]
        report(f"{place}: {what}: {told.rstrip('.') if kept else 'another worker has it by now'}.")
        return end == "done" and kept

    def _watched(self, place: Place, work: Work, lease: Lease) -> tuple[str, str]:
        """How the child ended (`done`, `failed`, `lost`, `stopped`, `superseded`) and what came of it."""
        where = str(Path(place.where).absolute()) if "://" not in place.where else place.where
        task = {
            "place": {**asdict(place), "where": where},
            "lease": asdict(lease),
            "kinds": dict(names_of(self.kinds)),
        }
        pipe = subprocess.PIPE
        with subprocess.Popen(
            [sys.executable, "-m", "activeloop.work.child"],
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        ) as child:
            assert child.stdin is not None  # it was asked for
            assert child.stdout is not None
            heard = Heard(child.stdout)
            try:
                child.stdin.write(
                    json.dumps(task) + "\n"
                )  # not among its arguments, which every user of a machine sees
                child.stdin.flush()
                cut_short = self._until_it_ends(child, work, lease, heard)
            except BrokenPipeError:
                cut_short = None  # it ended at once
            finally:
                child.kill()  # nothing, where it ended by itself
                heard.join()
        return cut_short or heard.end(child.returncode)

    def _until_it_ends(
        self, child: subprocess.Popen[str], work: Work, lease: Lease, heard: Heard
    ) -> tuple[str, str] | None:
        """Hold the lease until a child ends; why it must end before, or None."""
        begun = renewed = time.monotonic()
        superseded = {kind.name: kind.superseded for kind in self.kinds}[lease.kind]
        while child.poll() is None:
            if time.monotonic() - renewed > min(self.timing.lease / 3, SIGN):
                renewed = time.monotonic()
                if end := _signed(work, lease, heard, superseded):
                    return end
            if self._stopped.wait(GLANCE):
                return "stopped", ""
            if time.monotonic() - begun > self.seconds:
                return "failed", f"it took longer than {self.seconds:,.0f} seconds"
            if self.mebibytes and (used := resident_mebibytes(child.pid)) > self.mebibytes:
                return "failed", f"it took {used:,.0f} MiB of memory, and {self.mebibytes:,} are allowed"
        return None


class Heard:
    """What a child said so far; of what it prints the end is kept.

    Args:
        output: of the child.
    """

    def __init__(self, output: IO[str]) -> None:
        self.share, self.printed = 0.0, ""
        self._output, self._end = output, None
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def join(self) -> None:
        """Wait until all was read of a child that ended."""
        self._reader.join()

    def _read(self) -> None:
        while line := self._output.readline(LINE):
            try:
                told = json.loads(line) if line.startswith("{") else None
            except ValueError:
                told = None
            if isinstance(told, dict) and len(told) == 1 and isinstance(told.get("share"), float | int):
                self.share = float(told["share"])
            elif isinstance(told, dict) and len(told) == 1 and (end := next(iter(told))) in ENDS:
                self._end = end, str(told[end])
            elif line != "\n":
                self.printed = (self.printed + line)[-PRINTED:]

    def end(self, status: int) -> tuple[str, str]:
        """How it ended and what came of it."""
        if self._end:
            return self._end
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        last = self.printed.strip().splitlines()[-1:]
        return "lost", f"its process {how}{f': {last[0]}' if last else ''}"


def _signed(work: Work, lease: Lease, heard: Heard, superseded: bool) -> tuple[str, str] | None:
    """Renew a lease; why the work must end, or None. A database that fails for a moment does not end it."""
    try:
        if not work.renew(lease, heard.share, heard.printed):
            return "lost", "the lease went to another worker"
        return ("superseded", "") if superseded and work.is_outdated(lease) else None
    except ActiveLoopError:
        return None  # if the lease runs out meanwhile, the fence keeps the result out


def worker_name() -> str:
    """A name that no other process has: machine, process and a random part."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"


def resident_mebibytes(process: int) -> float:
    """Memory of a process; 0 where the system does not say (outside Linux)."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def stop_on_signals(worker: Worker) -> None:
    """Let SIGTERM and Ctrl-C stop a worker in order."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
