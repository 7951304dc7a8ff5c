"""The worker: takes what is due, lets a runner do it, and holds the lease meanwhile."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from activeloop import tracing
from activeloop.errors import ActiveLoopError, InputError, StoreError
from activeloop.work.kinds import KINDS, WorkKind
from activeloop.work.leases import Lease, Timing, Work, request_of
from activeloop.work.places import Place
from activeloop.work.processes import End, Heard, ProcessRunner, Runner, Running

Report = Callable[[str], None]

GLANCE = 0.1
"""Seconds between two looks at what is being done."""
IDLE = 0.5
"""Seconds between two looks for work."""
SIGN = 2.0
"""Seconds between two signs of life, which say how far the work is; less where the lease is short."""
SWEEP = 30.0
"""Seconds between two looks for what a dead worker left."""
PAUSES = (1.0, 30.0)
"""Seconds to wait before a database that failed is tried again: the first time, and at most; doubled each time."""


@dataclass
class _Open:
    """A place that a worker looks after."""

    place: Place
    work: Work | None = None
    pause: float = 0.0
    again: float = 0.0
    swept: float = 0.0
    hindered: str = ""


@dataclass
class Worker:
    """Does the work of campaigns, as many pieces at a time as its runner takes. Any number may share a place.

    Args:
        places: folders of campaigns, or stores of many.
        timing: when work begins and how long it is held.
        runner: does a piece of work: a child process, or a Job of a cluster.
        kinds: of work that it does.
        name: of the worker, which no other must have.
    """

    places: Sequence[Place | Path]
    timing: Timing = field(default_factory=Timing)
    runner: Runner = field(default_factory=ProcessRunner)
    kinds: Sequence[type[WorkKind]] = KINDS
    name: str = field(default_factory=lambda: worker_name())
    _stopped: threading.Event = field(default_factory=threading.Event, init=False, repr=False)
    _said: dict[str, str] = field(default_factory=dict, init=False, repr=False)

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
        with ThreadPoolExecutor(self.runner.at_once) as threads:
            try:
                return self._run(opened, report, once, threads)
            except BaseException:
                self.stop()  # also what other threads do
                raise
            finally:
                threads.shutdown()
                for one in opened:
                    one.place.close()

    def _run(self, opened: Sequence[_Open], report: Report, once: bool, threads: ThreadPoolExecutor) -> int:
        done, busy = 0, dict[Future[bool], _Open]()
        while not self._stopped.is_set():
            taken = waiting = 0
            for one in opened:
                if self._stopped.is_set() or len(busy) >= self.runner.at_once or time.monotonic() < one.again:
                    continue
                try:
                    work = one.work = one.work or one.place.work(self.timing)
                    if time.monotonic() - one.swept > SWEEP:
                        one.swept = time.monotonic()
                        before, one.hindered = one.hindered, self.runner.sweep(work)
                        if one.hindered not in ("", before):
                            report(f"{one.place}: {one.hindered}")
                    if not (ends := work.open_ends([kind.name for kind in self.kinds])):
                        continue
                    waiting += ends
                    if lease := work.take(self.name, [kind.name for kind in self.kinds], same=self.runner.outlives):
                        taken += 1
                        busy[threads.submit(self._do, one.place, work, lease, report)] = one
                    one.pause = 0.0
                except StoreError as error:
                    if once:
                        raise
                    self._later(one, error, report)
            if once and not waiting and not busy:
                break
            if len(busy) >= self.runner.at_once:
                wait(busy, return_when=FIRST_COMPLETED)
            elif not taken:
                self._stopped.wait(IDLE)
            ended = {future: busy.pop(future) for future in list(busy) if future.done()}
            done += self._ended(ended, report, once)
        return done + self._ended(busy, report, once)

    def _later(self, one: _Open, error: StoreError, report: Report) -> None:
        """Leave a place alone for a while whose database cannot be used."""
        one.pause = min(max(2 * one.pause, PAUSES[0]), PAUSES[1])
        one.again = time.monotonic() + one.pause
        report(f"{one.place}: {error} It is tried again in {one.pause:,.0f} s.")

    def _ended(self, ended: Mapping[Future[bool], _Open], report: Report, once: bool) -> int:
        """How many of some pieces of work were done; where a database failed it is left alone for a while."""
        done = 0
        for future, one in ended.items():
            try:
                done += future.result()
            except StoreError as error:
                if once:
                    raise
                self._later(one, error, report)
        return done

    def _do(self, place: Place, work: Work, lease: Lease, report: Report) -> bool:
        """One piece of work; whether it was done."""
        what = f"{lease.campaign}: {lease.kind}" if place.is_store else lease.kind
        said = self._said.pop(f"{place} {what}", "")  # of work that is looked at again and again
        if not said:
            report(f"{place}: {what} begins{f' (attempt {lease.attempt})' if lease.attempt > 1 else ''}.")
        about: dict[str, Any] = {"activeloop.campaign": lease.campaign, "activeloop.attempt": lease.attempt}
        about |= {tracing.REQUEST: request_of(lease)}
        with tracing.span(f"work {lease.kind}", "consumer", attributes=about) as traced:
            try:
                end, words = self._watched(place, work, lease)
            except InputError as error:
                end, words = "failed", str(error)
            except OSError as error:
                end, words = "lost", f"no process could be started ({error.strerror})"
            if traced:
                traced.set_attribute("activeloop.end", end)
        left = end == "stopped" and self.runner.outlives
        if end == "done":
            kept = work.finish(lease, words)
        elif end == "later":
            seconds, _, words = words.partition(" ")
            kept = work.later(lease, words, float(seconds))
            self._said[f"{place} {what}"] = words
        elif left:
            kept = work.hand_over(lease)
        elif end in ("stopped", "superseded"):
            kept = work.release(lease)
        else:
            kept = work.fail(lease, words, again=end != "failed", counted=end != "evicted")
        if kept and not left:
            self.runner.remove(lease)
        if end == "later" and words == said:
            return False
        told = {
            "done": words,
            "later": words,
            "stopped": "left to the next worker" if left else "given back",
            "superseded": "results came in meanwhile, it begins anew",
            "failed": f"failed: {words}",
            "lost": f"to be repeated: {words}",
            "evicted": f"to be repeated: {words}",
        }[end]
        report(f"{place}: {what}: {told.rstrip('.') if kept else 'another worker has it by now'}.")
        return end == "done" and kept

    def _watched(self, place: Place, work: Work, lease: Lease) -> End:
        """How it ended (also `stopped`, `superseded`) and what came of it."""
        running = self.runner.start(place, lease, self.kinds)
        try:
            return self._until_it_ends(running, work, lease)
        finally:
            running.close()

    def _until_it_ends(self, running: Running, work: Work, lease: Lease) -> End:
        """Hold the lease until something ends, or must end before."""
        renewed = time.monotonic()
        superseded = {kind.name: kind.superseded for kind in self.kinds}[lease.kind]
        while not (end := running.ended()):
            if time.monotonic() - renewed > min(self.timing.lease / 3, SIGN):
                renewed = time.monotonic()
                if end := _signed(work, lease, running.heard, superseded):
                    return end
            if self._stopped.wait(GLANCE):
                return "stopped", ""
        return end


def _signed(work: Work, lease: Lease, heard: Heard, superseded: bool) -> End | None:
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


def stop_on_signals(worker: Worker) -> None:
    """Let SIGTERM and Ctrl-C stop a worker in order."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
