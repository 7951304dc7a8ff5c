"""Many independent tasks on the processes of one machine, each computing on one thread."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from activeloop.errors import StateError

T = TypeVar("T")
R = TypeVar("R")


def run_tasks(tasks: Sequence[T], work: Callable[[T], R], jobs: int) -> Iterator[tuple[T, R]]:
    """Results as they come, in any order.

    Args:
        tasks: what to do; small, because each travels to its process.
        work: a function of a module (processes are started anew, not forked).
        jobs: how many processes; with 1 everything runs here.

    Raises:
        StateError: a process was killed from outside. What was yielded before is safe.

    >>> sorted(result for _, result in run_tasks([-1, 2], abs, jobs=1))
    [1, 2]
    """
    if jobs == 1 or len(tasks) < 2:
        for task in tasks:
            yield task, _on_one_thread(work, task)
        return
    context = multiprocessing.get_context("spawn")
    workers = min(jobs, len(tasks))
    executor = ProcessPoolExecutor(workers, mp_context=context, initializer=_start)
    try:
        running = {executor.submit(_on_one_thread, work, task): task for task in tasks}
        for future in as_completed(running):
            yield running[future], future.result()
    except BrokenProcessPool as error:
        raise StateError(
            "A process was killed from outside, most likely because memory ran out. Everything that was finished is "
            "kept; run the same command again with a smaller --jobs."
        ) from error
    except (KeyboardInterrupt, GeneratorExit):
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def _start() -> None:
    """Ctrl-C ends a process at once and silently, as the first one says what was kept; so does the end of the first."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A process whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _on_one_thread(work: Callable[[T], R], task: T) -> R:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return work(task)
