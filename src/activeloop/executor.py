"""Many tasks: on processes of this machine or on a cluster; what they share travels once, by the hash of its content.

Whatever runs tasks is a `concurrent.futures.Executor`: `Processes` here, a `Cluster` of Dask's workers, or any other.
A task carries its own seed, so that what comes of it does not depend on who does it, nor on how often it was begun.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import platform
import shutil
import signal
import socket
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Executor, Future, InvalidStateError, ProcessPoolExecutor, as_completed
from concurrent.futures import wait as done
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from activeloop._version import __version__
from activeloop.errors import InputError, MissingExtraError, StateError, StoreError
from activeloop.objects import Objects

T = TypeVar("T")
R = TypeVar("R")

#: processes that may die under one task; then it is not begun again
DEATHS = 3
#: on whose releases the last digits of a result may depend
PACKAGES = ("numpy", "scipy", "scikit-learn", "onnxruntime", "torch")
#: seconds to wait for a cluster without workers, or whose scheduler does not answer
PATIENCE = 300.0


def available_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class SharedValue(Generic[T]):
    """A value that many tasks need, such as a pool and a model.

    Threads use it as it is. To another process it goes by the hash of its content: it is written once to the place
    that the executor names, read once by each process, and refused where the hash is another. Without such a place it
    travels in each task.

    Args:
        value: whatever can be pickled, as everything that an executor sends. The content is opened by the tasks of
            whoever wrote it alone, whose hash travels in the task.
        place: a folder or a bucket that all workers reach; "" when there is none.

    Raises:
        StoreError: the place cannot be written.

    >>> pickle.loads(pickle.dumps(SharedValue([1, 2]))).get()
    [1, 2]
    """

    def __init__(self, value: T, place: str = ""):
        self._value: T | None = value
        self._place, self._key = place, ""
        if place:
            self._key = Objects.at(place).put(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))

    def get(self) -> T:
        """The value.

        Raises:
            StoreError: this machine cannot read it, or it is not what was written.
        """
        return _opened(self._place, self._key) if self._value is None and self._key else cast("T", self._value)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_value": None if self._key else self._value}


@lru_cache(maxsize=4)
def _opened(place: str, key: str) -> Any:
    """Each process reads what its tasks share once."""
    try:
        return pickle.loads(Objects.at(place).get(key, what="part that tasks share,"))
    except StoreError as error:
        fix = "Name a folder or bucket that all machines reach (--shared). What was finished is stored."
        raise StoreError(f"the worker {socket.gethostname()} cannot go on: {error} {fix}") from error


def shared(value: T, executor: Executor | int | None) -> SharedValue[T]:
    """A value for the tasks of an executor, in the place that the executor names, if it names one."""
    return SharedValue(value, str(getattr(executor, "place", "")))


@dataclass
class _Submitted:
    """A task of `Processes`.

    Args:
        call: what to do.
        future: what its owner waits for.
        deaths: processes that died under it.
    """

    call: Callable[[], Any]
    future: Future[Any]
    deaths: int = 0


class Processes(Executor):
    """Processes of this machine, each on one thread; when one is killed, its task is done by another.

    Args:
        jobs: how many.

    >>> with Processes(1) as executor:
    ...     executor.submit(abs, -2).result()
    2
    """

    def __init__(self, jobs: int):
        self.jobs = jobs
        self._lock = threading.RLock()
        self._waiting: deque[_Submitted] = deque()
        self._open: set[Future[Any]] = set()
        self._running = 0
        self._ended = False
        self._pool = self._new_pool()

    @cached_property
    def place(self) -> str:
        """Where what tasks share is written; gone with the executor."""
        return tempfile.mkdtemp(prefix="activeloop-")

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """See `concurrent.futures.Executor`.

        The future raises `StateError` when process after process was killed under its task.
        """
        task = _Submitted(partial(fn, *args, **kwargs), Future())
        with self._lock:
            if self._ended:
                raise RuntimeError("cannot schedule new futures after shutdown")
            self._open.add(task.future)
            task.future.add_done_callback(self._open.discard)
            self._waiting.append(task)
            self._fill()
        return task.future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """See `concurrent.futures.Executor`."""
        if wait and not cancel_futures:
            done(list(self._open))
        with self._lock:
            self._ended = True
            waiting = [task.future for task in self._waiting]
        for future in waiting if cancel_futures else ():
            if not future.cancel():  # it was begun by a process that died
                _settle(future, CancelledError())
        self._pool.shutdown(wait, cancel_futures=cancel_futures)
        if "place" in vars(self):
            shutil.rmtree(self.place, ignore_errors=True)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait for what was submitted; when something failed or was interrupted, end it at once."""
        if kind is None:
            self.shutdown()
            return
        processes = list((getattr(self._pool, "_processes", None) or {}).values())
        self.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()

    def _new_pool(self) -> ProcessPoolExecutor:
        # started anew, not forked: threads of libraries do not survive a fork
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.jobs, mp_context=context, initializer=_start)

    def _fill(self) -> None:
        """As many tasks as there are processes, so that a death is blamed on none that only waited."""
        while self._waiting and self._running < self.jobs and not self._ended:
            task = self._waiting.popleft()
            if task.deaths or task.future.set_running_or_notify_cancel():
                self._running += 1
                pool = self._pool
                try:
                    pool.submit(on_one_thread, task.call).add_done_callback(partial(self._finished, task, pool))
                except BrokenProcessPool as error:
                    self._died(task, pool, error)

    def _finished(self, task: _Submitted, pool: ProcessPoolExecutor, inner: Future[Any]) -> None:
        error = CancelledError() if inner.cancelled() else inner.exception()
        with self._lock:
            if isinstance(error, BrokenProcessPool) and not self._ended:
                self._died(task, pool, error)
            else:
                self._running -= 1
                _settle(task.future, error, None if error else inner.result())
            self._fill()

    def _died(self, task: _Submitted, pool: ProcessPoolExecutor, error: BaseException) -> None:
        self._running -= 1
        task.deaths += 1
        if pool is self._pool:
            pool.shutdown(wait=False)
            self._pool = self._new_pool()
        if task.deaths < DEATHS:
            self._waiting.appendleft(task)
            return
        problem = (
            f"{DEATHS} processes were killed from outside, one after the other, most likely because memory ran out"
        )
        told = StateError(f"{problem}. Everything that was finished is stored; run the same command again with {FEWER}")
        told.__cause__ = error
        _settle(task.future, told)


FEWER = "fewer processes (--jobs, --workers)."


def _settle(future: Future[Any], error: BaseException | None, result: Any = None) -> None:
    # its owner may have cancelled it meanwhile
    with suppress(InvalidStateError):
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


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


def on_one_thread(work: Callable[..., R], *args: Any, **kwargs: Any) -> R:
    """What a function returns; the libraries of linear algebra use one thread meanwhile."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return work(*args, **kwargs)


class Cluster(Executor):
    """The workers of a Dask scheduler, on any machines.

    A task whose worker dies or is cut off is done by another one; a task under which worker after worker dies ends the
    command (`distributed.scheduler.allowed-failures`). Every worker must have the same releases as this process, for
    the last digits of results may depend on them; one that has not refuses its tasks.

    Args:
        address: of the scheduler, such as `tcp://10.0.0.5:8786`.
        place: a folder or bucket that this process and all workers reach; what tasks share is written there.
        patience: seconds to wait for a first worker, or for a scheduler that does not answer.

    Raises:
        InputError: it is no address.
        StateError: nobody answers there, or there is no worker.
        MissingExtraError: Dask is not installed.
    """

    def __init__(self, address: str, place: str | Path, patience: float = PATIENCE):
        try:
            from dask import config
            from distributed import Client
        except ModuleNotFoundError as error:
            raise MissingExtraError("a cluster", "cluster") from error
        scheme, found, rest = address.partition("://")
        if not found or not scheme or not rest:
            problem = f'--cluster "{address}" is no address of a Dask scheduler: give it as tcp://HOST:8786'
            raise InputError(f"{problem}. Nothing was begun.")
        self.address, self.place, self.patience = address, _absolute(str(place)), patience
        self._open: set[Future[Any]] = set()
        self._closed = threading.Event()
        try:
            # Dask looks at the stacks of its own loop a hundred times a second, for pages that are not used here
            with config.set({"distributed.worker.profile.enabled": False}):
                self._client: Any = Client(address, timeout=min(30.0, patience), set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            problem = f"no Dask scheduler answers at {address} ({type(error).__name__})"
            raise StateError(f"{problem}. Start one (`dask scheduler`), or correct --cluster.") from error
        try:
            self._client.wait_for_workers(1, timeout=patience)
        except TimeoutError as error:
            self._client.close()
            problem = f"the scheduler at {address} has had no worker for {patience:g} seconds"
            raise StateError(f"{problem}. Start some (`dask worker {address} --nthreads 1`).") from error
        self._inner = self._client.get_executor(pure=False)
        self._watch = threading.Thread(target=self._watched, daemon=True)
        self._watch.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """See `concurrent.futures.Executor`; the future raises `StateError` when the cluster fails."""
        outer: Future[Any] = Future()
        self._open.add(outer)
        inner = self._inner.submit(_on_worker, releases(), pickle.dumps(partial(fn, *args, **kwargs)))
        inner.add_done_callback(partial(self._finished, outer))
        outer.add_done_callback(partial(self._left, inner))
        return outer

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """See `concurrent.futures.Executor`; scheduler and workers go on."""
        if wait and not cancel_futures:
            done(list(self._open))
        for future in list(self._open):
            future.cancel()
        self._closed.set()
        self._client.close(timeout=5)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait for what was submitted; when something failed or was interrupted, leave it."""
        self.shutdown(cancel_futures=kind is not None)

    def _left(self, inner: Future[Any], outer: Future[Any]) -> None:
        self._open.discard(outer)
        if outer.cancelled():
            inner.cancel()

    def _finished(self, outer: Future[Any], inner: Future[Any]) -> None:
        from distributed.client import FutureCancelledError
        from distributed.comm.core import CommClosedError
        from distributed.scheduler import KilledWorker

        error = CancelledError() if inner.cancelled() else inner.exception()
        told: BaseException | None = error
        if isinstance(error, KilledWorker):
            problem = f"worker after worker of {self.address} died under one task, most likely because memory ran out"
            told = StateError(f"{problem}. {GOES_ON}; give the workers more memory first.")
        elif isinstance(error, CancelledError | FutureCancelledError | CommClosedError):
            told = StateError(f"the scheduler at {self.address} has ended or cannot be reached. {GOES_ON}.")
        elif isinstance(error, ModuleNotFoundError) or "deserialization" in str(error):
            problem = f"the scheduler or a worker of {self.address} has not ActiveLoop, or not what is used here"
            told = StateError(f"{problem} ({error}). Install the same there. {GOES_ON}.")
        if told is not error and told is not None:
            told.__cause__ = error
        _settle(outer, told, None if error else inner.result())

    def _watched(self) -> None:
        """Give up when nobody is there to work, or the scheduler does not answer."""
        waited, step = 0.0, min(10.0, self.patience / 4)
        while not self._closed.wait(step):
            try:
                there = bool(self._client.nthreads())
            # whatever the network raises: it cannot be asked
            except Exception:
                there = False
            waited = 0.0 if there or not self._open else waited + step
            if waited >= self.patience:
                problem = f"no worker of {self.address} has been there for {waited:g} seconds"
                for future in list(self._open):
                    _settle(future, StateError(f"{problem}. {GOES_ON}."))


GOES_ON = "What was finished is stored; the same command goes on from there"


def _absolute(place: str) -> str:
    return place if "://" in place else str(Path(place).absolute())


@cache
def releases() -> tuple[tuple[str, str], ...]:
    """Of ActiveLoop, Python and the libraries that compute, in this process."""
    found = [("activeloop", __version__), ("Python", ".".join(platform.python_version_tuple()[:2]))]
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found.append((package, version(package)))
    return tuple(found)


def _on_worker(told: tuple[tuple[str, str], ...], call: bytes) -> Any:
    """A task, if the releases of this worker are those that it was sent from."""
    own = dict(releases())
    others = [f"{name} {own.get(name, 'is missing')} (here {there})" for name, there in told if own.get(name) != there]
    if others:
        problem = f"the worker {socket.gethostname()} has {', '.join(others)}: the last digits of results may differ"
        raise StateError(f"{problem}. Install the same releases there. {GOES_ON}.")
    return on_one_thread(pickle.loads(call))


@contextmanager
def executor_at(cluster: str | None, place: str | Path, jobs: int) -> Iterator[Executor | None]:
    """The executor that a command names; None: one process is enough, this one.

    Args:
        cluster: address of a Dask scheduler; this machine when there is none.
        place: of what tasks share, which all workers of a cluster reach.
        jobs: processes of this machine.

    Raises:
        InputError: a number of processes below 1.
        ActiveLoopError: as `Cluster`.
    """
    if jobs < 1:
        raise InputError(f"--jobs {jobs}: must be at least 1. Nothing was begun.")
    if not cluster and jobs == 1:
        yield None
        return
    with Cluster(cluster, place) if cluster else Processes(jobs) as executor:
        yield executor


def run_tasks(tasks: Sequence[T], work: Callable[[T], R], jobs: int | Executor | None) -> Iterator[tuple[T, R]]:
    """Results as they come, in any order.

    Args:
        tasks: what to do; small, because each travels to its process (`shared` for what is not).
        work: a function of a module (processes are started anew, not forked).
        jobs: how many processes of this machine, with 1 or None everything runs here; or what runs the tasks.

    Raises:
        StateError: processes were killed from outside, or the cluster fails. What was yielded before is safe.

    >>> sorted(result for _, result in run_tasks([-1, 2], abs, jobs=1))
    [1, 2]
    """
    if jobs is None or (isinstance(jobs, int) and (jobs == 1 or len(tasks) < 2)):
        for task in tasks:
            yield task, on_one_thread(work, task)
        return
    with Processes(min(jobs, len(tasks))) if isinstance(jobs, int) else nullcontext(jobs) as executor:
        running = {executor.submit(on_one_thread, work, task): task for task in tasks}
        try:
            for future in as_completed(running):
                yield running[future], future.result()
        finally:
            for future in running:
                future.cancel()


def in_order(tasks: Sequence[T], work: Callable[[T], R], executor: Executor | None, ahead: int = 32) -> Iterator[R]:
    """Results in the order of the tasks; here without an executor.

    Args:
        tasks: what to do.
        work: a function.
        executor: runs them, at most `ahead` at once.
        ahead: how many are begun before the first is done.

    >>> list(in_order([-1, 2], abs, None))
    [1, 2]
    """
    if executor is None:
        yield from map(work, tasks)
        return
    running: deque[Future[R]] = deque()
    try:
        for task in tasks:
            running.append(executor.submit(work, task))
            if len(running) == ahead:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        for future in running:
            future.cancel()
