"""The worker: takes what is due, does it in a child process, and holds the lease meanwhile."""

from __future__ import annotations

import json
import os
import queue
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

from activeloop.errors import ActiveLoopError
from activeloop.store import CampaignFolder
from activeloop.work.leases import Lease, Timing, Work

Report = Callable[[str], None]

#: how a child says that it ended
ENDS = ("done", "failed", "lost")
#: seconds between two looks at a child, and between two looks for work
GLANCE = 0.2


@dataclass
class Worker:
    """Does the work of campaign folders, one piece at a time. Any number of workers may share a folder.

    Args:
        folders: of the campaigns.
        timing: when work begins and how long it is held.
        seconds: that a piece of work may take.
        mebibytes: of memory that its process may take; None = any.
        name: of the worker, which no other must have.
    """

    folders: Sequence[Path]
    timing: Timing = field(default_factory=Timing)
    seconds: float = 4 * 3600.0
    mebibytes: int | None = None
    name: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}")
    _stopped: threading.Event = field(default_factory=threading.Event, init=False, repr=False)

    def stop(self) -> None:
        """Give back what is being done, and end `run`; may be called from a signal handler."""
        self._stopped.set()

    def run(self, report: Report, *, once: bool = False) -> int:
        """Do what is due until `stop` is called.

        Args:
            report: called with a sentence on everything that begins or ends.
            once: end when nothing is due any more, also nothing that is still waited for.

        Returns:
            The number of pieces of work that were done.
        """
        done, open_works = 0, [(Path(folder), self._work_of(Path(folder))) for folder in self.folders]
        while not self._stopped.is_set():
            taken = waiting = 0
            for folder, work in open_works:
                # looking takes no lock, so that who records does not wait for who looks
                if not any(state.due or state.stage == "running" for state in work.states()):
                    continue
                waiting += 1
                if not self._stopped.is_set() and (lease := work.take(self.name)):
                    taken += 1
                    done += self._do(folder, work, lease, report)
            if once and not waiting:
                break
            if not taken:
                self._stopped.wait(GLANCE)
        return done

    def _work_of(self, folder: Path) -> Work:
        opened = CampaignFolder.open(folder)
        return Work(opened.log.database, str(folder), self.timing)

    def _do(self, folder: Path, work: Work, lease: Lease, report: Report) -> bool:
        """One piece of work; whether it was done."""
        report(f"{folder}: {lease.kind} begins{f' (attempt {lease.attempt})' if lease.attempt > 1 else ''}.")
        try:
            end, words = self._watched(folder, work, lease)
        except OSError as error:
            end, words = "lost", f"no process could be started ({error.strerror})"
        if end == "done":
            kept = work.finish(lease, words)
        elif end == "stopped":
            kept = work.release(lease)
        else:
            kept = work.fail(lease, words, again=end != "failed")
        told = {"done": words, "stopped": "given back", "failed": f"failed: {words}"}.get(
            end, f"to be repeated: {words}"
        )
        report(f"{folder}: {lease.kind}: {told if kept else 'another worker has it by now'}.")
        return end == "done" and kept

    def _watched(self, folder: Path, work: Work, lease: Lease) -> tuple[str, str]:
        """How the child ended (`done`, `failed`, `lost`, `stopped`) and what came of it."""
        command = [sys.executable, "-m", "activeloop.work.child", str(folder.absolute()), json.dumps(asdict(lease))]
        pipe = subprocess.PIPE
        heard, lines = Heard(), queue.SimpleQueue[str]()
        with subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as child:
            reader = threading.Thread(target=_read, args=(child, lines), daemon=True)
            reader.start()
            try:
                cut_short = self._until_it_ends(child, work, lease, heard, lines)
            finally:
                child.kill()  # nothing, where it ended by itself
                reader.join()
        heard.take(lines)
        return cut_short or heard.end(child.returncode)

    def _until_it_ends(
        self, child: subprocess.Popen[str], work: Work, lease: Lease, heard: Heard, lines: queue.SimpleQueue[str]
    ) -> tuple[str, str] | None:
        """Hold the lease until a child ends; why it must end before, or None."""
        begun = renewed = time.monotonic()
        while child.poll() is None:
            heard.take(lines)
            if time.monotonic() - renewed > self.timing.lease / 3:
                renewed = time.monotonic()
                if not _held(work, lease, heard):
                    return "lost", "the lease went to another worker"
            if self._stopped.wait(GLANCE):
                return "stopped", ""
            if time.monotonic() - begun > self.seconds:
                return "failed", f"it took longer than {self.seconds:,.0f} seconds"
            if self.mebibytes and (used := resident_mebibytes(child.pid)) > self.mebibytes:
                return "failed", f"it took {used:,.0f} MiB of memory, and {self.mebibytes:,} are allowed"
        return None


class Heard:
    """What a child said so far."""

    def __init__(self) -> None:
        self.share, self.printed = 0.0, ""
        self._end: tuple[str, str] | None = None

    def take(self, lines: queue.SimpleQueue[str]) -> None:
        """Read what came since."""
        while not lines.empty():
            line = lines.get()
            try:
                told = json.loads(line)
            except ValueError:
                told = None
            if isinstance(told, dict) and "share" in told:
                self.share = float(told["share"])
            elif isinstance(told, dict) and len(told) == 1 and (end := next(iter(told))) in ENDS:
                self._end = end, str(told[end])
            else:
                self.printed += line

    def end(self, status: int) -> tuple[str, str]:
        """How it ended and what came of it."""
        if self._end:
            return self._end
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        last = self.printed.strip().splitlines()[-1:]
        return "lost", f"its process {how}{f': {last[0]}' if last else ''}"


def _read(child: subprocess.Popen[str], lines: queue.SimpleQueue[str]) -> None:
    assert child.stdout is not None  # it was asked for
    for line in child.stdout:
        lines.put(line)


def _held(work: Work, lease: Lease, heard: Heard) -> bool:
    """Renew a lease; a database that cannot be reached for a moment does not end the work."""
    try:
        return work.renew(lease, heard.share, heard.printed)
    except ActiveLoopError:
        return True  # if the lease runs out meanwhile, the fence keeps the result out


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
