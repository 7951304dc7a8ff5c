"""Students trained by a person's command: here, or by a worker that is started for it and outlives the command."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from activeloop.campaigns import StudentRecord, StudentTrainer
from activeloop.config import OpenCampaign, StudentConfig
from activeloop.errors import ActiveLoopError, StateError, StoreError
from activeloop.work.kinds import Distil
from activeloop.work.leases import Lease, Timing, Work, WorkState, fence_of
from activeloop.work.places import Place, work_of
from activeloop.work.worker import SIGN, Worker, stop_on_signals, worker_name

LOG = Path("jobs", "work.log")
"""In a campaign's folder, what workers in the background printed."""


def distil_here(
    loop: OpenCampaign,
    settings: StudentConfig,
    seed: int | None = None,
    *,
    again: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> StudentRecord:
    """Train a student of the current version, as the only process that does.

    Args:
        loop: the campaign.
        settings: of the training.
        seed: of it; the campaign's own when None.
        again: train again also when nothing changed.
        progress: called with (steps done, steps in all).

    Raises:
        StateError: a student is being trained already, or there is no version yet.
        ModelError: no student can be trained.
    """
    trainer = _trainer(loop, settings)
    if not loop.campaign.state().versions:
        return loop.campaign.distil(trainer, seed)  # its error names what is missing
    _refuse_busy(loop)
    with held_here(loop, Distil.name, "a student is being trained already. Nothing was begun.") as held:

        def report(done: int, total: int) -> None:
            held.share = done / max(total, 1)
            if progress:
                progress(done, total)

        student = loop.campaign.distil(trainer, seed, again=again, progress=report)
        held.words = f"student {student.number} of version {student.version}"
        return student


def distil_in_background(
    loop: OpenCampaign, settings: StudentConfig, seed: int | None = None, *, again: bool = False
) -> int | None:
    """Ask for a student of the current version, and start a worker that trains it and those of versions that follow.

    Args:
        loop: the campaign.
        settings: of the training.
        seed: of it; the campaign's own when None.
        again: train again also when nothing changed.

    Returns:
        The number of the worker's process; None when the student exists.

    Raises:
        StateError: a student is being trained already, or there is no version yet.
        ConfigError: the settings are wrong.
        StoreError: the process could not be started.
    """
    trainer = _trainer(loop, settings)
    if not again and loop.campaign.has_student(trainer, seed):
        return None
    _refuse_busy(loop)
    own = loop.config.student.auto and settings == loop.config.student and seed is None and not again
    ordered = "" if own else Distil.order(settings, seed, again=again)
    work_of(loop).ask(loop.folder.log.campaign, Distil.name, ordered)
    return start(loop.folder.path)


def start(folder: Path) -> int:
    """Start a worker that trains the students that are due in a campaign's folder, and ends; its process's number.

    Args:
        folder: of the campaign.

    Raises:
        StoreError: it could not be started.
    """
    log = folder / LOG
    try:
        log.parent.mkdir(exist_ok=True)
        with log.open("ab") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "activeloop.work.students", str(folder.absolute())],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except OSError as error:
        raise StoreError(f"{log} cannot be written ({error.strerror}). No student is trained.") from error
    process.returncode = 0  # it is not ours to wait for: no warning when this one forgets it
    return process.pid


class Held:
    """Work that this process does itself."""

    def __init__(self) -> None:
        self.share, self.words = 0.0, ""
        self.ended = threading.Event()


@contextmanager
def held_here(loop: OpenCampaign, kind: str, busy: str) -> Iterator[Held]:
    """Hold some work of a campaign within the block; how it ends is noted in any case.

    Args:
        loop: the campaign.
        kind: of the work.
        busy: what is said when another process holds it.

    Raises:
        StateError: another process does.
    """
    work, log, held = work_of(loop), loop.folder.log, Held()
    lease = work.claim(log.campaign, kind, worker_name())
    if lease is None:
        raise StateError(busy)
    signs = threading.Thread(target=_give_signs, args=(work, lease, held), daemon=True)
    signs.start()
    before, log.holds = log.holds, fence_of(lease)
    try:
        yield held
    except BaseException as error:
        held.ended.set()
        stopped = "it was stopped by Ctrl-C" if isinstance(error, KeyboardInterrupt) else type(error).__name__
        work.fail(lease, str(error) or stopped, again=False)
        raise
    finally:
        log.holds = before
        held.ended.set()
        signs.join()
    work.finish(lease, held.words)


def _give_signs(work: Work, lease: Lease, held: Held) -> None:
    while not held.ended.wait(SIGN):
        try:
            work.renew(lease, held.share)
        except ActiveLoopError:
            continue  # the fence keeps the result out, if the lease runs out meanwhile


def training(loop: OpenCampaign) -> WorkState | None:
    """How the training of a student that goes on now stands; None when none does. Writes nothing."""
    states = work_of(loop).states(loop.folder.log.campaign)
    return next((s for s in states if s.kind == Distil.name and s.stage == "running" and s.held), None)


def _refuse_busy(loop: OpenCampaign) -> None:
    if state := training(loop):
        raise StateError(
            f"a student is being trained already ({state.share:.0%} done), by {state.owner} since {state.moment}. "
            f"Nothing was begun; wait for it (`activeloop status {loop.folder.path}`)."
        )


def _trainer(loop: OpenCampaign, settings: StudentConfig) -> StudentTrainer:
    from activeloop.config.students import trainer_of

    return trainer_of(settings, loop.campaign.pool, loop.folder.called)


def main(arguments: Sequence[str]) -> int:
    """Exit status of `python -m activeloop.work.students DIR`."""
    worker = Worker([Place(arguments[0])], Timing(quiet=0.0, longest=0.0, lease=10.0), kinds=(Distil,))
    stop_on_signals(worker)
    try:
        worker.run(_say, once=True)
    except ActiveLoopError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    return 0


def _say(sentence: str) -> None:
    sys.stdout.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {sentence}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
