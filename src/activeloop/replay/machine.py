"""The machine: its description, and tasks on its processes."""

from __future__ import annotations

import multiprocessing
import os
import platform
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeVar

from activeloop._version import __version__
from activeloop.errors import StateError

PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "transformers", "peft", "onnxruntime")


def describe_machine() -> dict[str, str]:
    """Processor, memory, versions and the time, as in `machine.json` and the reports."""
    return {
        "activeloop": __version__,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": str(available_cores()),
        "memory": _memory(),
        **_graphics(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
    }


def available_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text("utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _graphics() -> dict[str, str]:
    """The graphics card, where there is one and something may have been computed on it."""
    torch = sys.modules.get("torch")
    return {"graphics card": torch.cuda.get_device_name()} if torch and torch.cuda.is_available() else {}


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB"
    except (ValueError, OSError, AttributeError):
        return "unknown"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


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
            "stored; run the same command again with a smaller --jobs."
        ) from error
    except (KeyboardInterrupt, GeneratorExit):
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def _start() -> None:
    """Ctrl-C, or the end of the first process, ends this one at once and silently."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End a process whose parent was killed, which would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _on_one_thread(work: Callable[[T], R], task: T) -> R:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return work(task)
