"""Tasks on processes and on a cluster: the same results, again when a worker dies, and an end when they die and die."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from activeloop import errors, executor
from activeloop.errors import ActiveLoopError, InputError, MissingExtraError, StateError, StoreError
from activeloop.executor import Cluster, Processes, SharedValue, executor_at, in_order, run_tasks, shared


def squared(common: SharedValue[np.ndarray], row: int) -> int:
    return int(common.get()[row]) ** 2


def place_of(common: SharedValue[str], _: int) -> int:
    common.get()
    return os.getpid()


def dies_once(folder: str, task: int) -> int:
    """The process is killed the first time that task 3 is done."""
    mark = Path(folder) / "died"
    if task == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    with (Path(folder) / "done.txt").open("a") as file:
        file.write(f"{task}\n")
    return task * task


def dies(task: int) -> int:
    if task == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return task


def refuses(task: int) -> int:
    raise InputError(f"{task} is wrong.", file="pool.csv", row=2)


@contextmanager
def dask(folder: Path, workers: int) -> Iterator[tuple[str, subprocess.Popen]]:
    """A scheduler, and workers that are processes; one that dies is started again."""
    file, env = folder / "scheduler.json", {**os.environ, "DASK_LOGGING__DISTRIBUTED": "critical"}
    # tasks of these tests are functions of this file
    env["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[1]), env.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard", "--port", "0", "--no-show"]
    scheduler = subprocess.Popen([*command, "--host", "127.0.0.1", "--scheduler-file", str(file)], env=env, cwd=folder)
    command = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(file), "--nthreads", "1"]
    command += ["--no-dashboard", "--host", "127.0.0.1", "--local-directory", str(folder)]
    started = [scheduler]
    try:
        while not file.exists() or not file.read_text():
            time.sleep(0.05)
        if workers:
            started.append(subprocess.Popen([*command, "--nworkers", str(workers)], env=env, cwd=folder))
        yield json.loads(file.read_text())["address"], scheduler
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(20)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[str]:
    with dask(tmp_path_factory.mktemp("dask"), 2) as (address, _):
        yield address


@pytest.fixture(params=["processes", "cluster"])
def workers(request, tmp_path):
    address = request.getfixturevalue("cluster") if request.param == "cluster" else None
    with executor_at(address, tmp_path / "shared", 2) as found:
        assert found is not None
        yield found


def test_what_comes_of_tasks_is_what_one_process_finds(workers):
    values = np.arange(20)
    work = partial(squared, shared(values, workers))
    assert list(in_order(range(20), work, workers, ahead=3)) == (values**2).tolist()
    assert dict(run_tasks(range(20), work, workers)) == dict(zip(range(20), (values**2).tolist(), strict=True))


def test_a_task_whose_worker_is_killed_is_done_by_another(workers, tmp_path):
    found = dict(run_tasks(range(8), partial(dies_once, str(tmp_path)), workers))
    assert found == {task: task * task for task in range(8)}
    times = [int(line) for line in (tmp_path / "done.txt").read_text().split()]
    assert set(times) == set(range(8))
    assert max(map(times.count, times)) <= 2


def test_a_task_that_kills_worker_after_worker_ends_in_words(workers):
    with pytest.raises(StateError, match="most likely because memory ran out"):
        list(run_tasks(range(4), dies, workers))


def test_an_error_keeps_its_file_and_row(workers):
    with pytest.raises(InputError, match=r"pool.csv, row 2: 1 is wrong") as caught:
        list(in_order([1], refuses, workers))
    assert (caught.value.file, caught.value.row) == ("pool.csv", 2)


def test_what_is_shared_travels_once_and_not_in_a_task(tmp_path):
    large = np.random.default_rng(0).random(100_000)
    one, again = SharedValue(large, str(tmp_path)), SharedValue(large, str(tmp_path))
    assert len(pickle.dumps(one)) < 300
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1
    first, second = (pickle.loads(pickle.dumps(x)).get() for x in (one, again))
    assert first is second
    assert np.array_equal(first, large)


def test_what_was_damaged_is_refused(tmp_path):
    sent = pickle.dumps(SharedValue("a pool", str(tmp_path)))
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    path.write_bytes(pickle.dumps("another"))
    with pytest.raises(StoreError, match="damaged"):
        pickle.loads(sent).get()
    path.unlink()
    with pytest.raises(StoreError, match="Name a folder or bucket that all machines reach"):
        pickle.loads(sent).get()


def test_what_processes_share_is_gone_with_them():
    with Processes(1) as processes:
        place = Path(processes.place)
        assert list(in_order([1, 2], partial(place_of, shared("x", processes)), processes))
        assert any(place.iterdir())
    assert not place.exists()


def test_another_release_on_a_worker_is_refused(monkeypatch, cluster, tmp_path):
    other = (*executor.releases(), ("numpy", "1.0"))
    monkeypatch.setattr(executor, "releases", lambda: other)
    with Cluster(cluster, tmp_path) as workers, pytest.raises(StateError, match=r"numpy .* \(here 1.0\)"):
        workers.submit(abs, 1).result(20)


def test_a_cluster_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="no address of a Dask scheduler"):
        Cluster("10.0.0.1:8786", tmp_path)
    with pytest.raises(StateError, match="no Dask scheduler answers"):
        Cluster("tcp://127.0.0.1:9", tmp_path, patience=0.5)


def test_a_cluster_without_workers_and_without_scheduler(tmp_path):
    with dask(tmp_path, 0) as (address, scheduler):
        with pytest.raises(StateError, match=r"has had no worker for 0.3 seconds"):
            Cluster(address, tmp_path, patience=0.3)
        worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny", "--no-dashboard"]
        process = subprocess.Popen([*worker, "--nthreads", "1"], stderr=subprocess.DEVNULL, cwd=tmp_path)
        with Cluster(address, tmp_path, patience=20) as workers:
            assert workers.submit(abs, -1).result(20) == 1
            workers.patience, future = 1, workers.submit(time.sleep, 60)
            process.kill()
            process.wait()
            with pytest.raises(StateError, match=r"no worker of .* has been there"):
                future.result(60)
            future = workers.submit(abs, 1)
            scheduler.kill()
            with pytest.raises(StateError, match=r"the scheduler at .* has ended"):
                future.result(60)


def test_interrupted_processes_end_at_once():
    begun = time.monotonic()
    with suppress(KeyboardInterrupt), Processes(1) as processes:
        processes.submit(time.sleep, 60)
        time.sleep(0.2)
        raise KeyboardInterrupt
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(
    "kind", [x for x in vars(errors).values() if isinstance(x, type) and issubclass(x, ActiveLoopError)]
)
def test_every_error_reaches_another_process(kind):
    error = MissingExtraError("a cluster", "cluster") if kind is MissingExtraError else kind("wrong")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_jobs_below_one_are_refused(tmp_path):
    with pytest.raises(InputError, match="--jobs 0"), executor_at(None, tmp_path, 0):
        pass
