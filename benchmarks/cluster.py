"""A screen on a cluster of this one machine: the same bits, and what comes of a killed and of a cut-off worker."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from activeloop.acquisition import Greedy, Recommender
from activeloop.candidates import Pool
from activeloop.errors import ModelError
from activeloop.executor import Cluster
from activeloop.files import write_whole
from activeloop.prediction import Predictor
from activeloop.screening import Screen
from benchmarks.network import Host, hosts
from benchmarks.options import OUT, WORK, own_process
from benchmarks.proteins import DOMAINS
from benchmarks.results import Result, markdown_table, section
from benchmarks.screens import ScreenConfig, taught

#: seven sites of GB1 with ten residues each: 10^7 candidates
PLACES, RESIDUES = (3, 7, 39, 40, 41, 54, 56), "ACDEFGHIKL"
#: the workers of the run with failures: one goes on, one is killed, one is cut off
WORKERS = 3
#: seconds for which a worker is cut off
CUT = 60.0
#: seconds of work after which failures begin; each of `ROUNDS` compares one process with one worker
CALM, ROUNDS = 4.0, 3
#: rows of a piece, and of the shortlist; minibatches of the student's training
PIECE, SHORTLIST, STEPS = 2**17, 20_000, 2_000
#: Dask's settings of the how-to: it does not look at itself a hundred times a second
QUIET = {
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
    "DASK_DISTRIBUTED__WORKER__MEMORY__MONITOR_INTERVAL": "2s",
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s",
    "DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__INTERVAL": "5s",
}
#: demanded of the overhead of a cluster of one worker, and pieces that may be done more than once
OVERHEAD = 0.10


def library(size: int) -> Pool:
    """The first 10^k candidates' sites.

    >>> len(library(10**7)), len(library(10**4))
    (10000000, 10000)
    """
    chain, sites = DOMAINS["gb1"].chain, len(str(size)) - 1
    return Pool.combinatorial(chain, [(place, RESIDUES) for place in PLACES[:sites]])


@dataclass(frozen=True)
class Run:
    """One screen.

    Args:
        name: of the arm.
        workers: of the cluster; 0: this process alone.
        digest: of the rows that the teacher saw, its values, and the picks.
        wall: seconds.
        cpu: seconds of all processes together.
        pieces: that were scanned.
        begun: how often a piece was begun, by number of pieces.
        events: what was done to workers, after how many seconds, in words.
        refused: why workers had no network of their own; "" when they had.
    """

    name: str
    workers: int
    digest: str
    wall: float
    cpu: float
    pieces: int = 0
    begun: dict[str, int] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    refused: str = ""


class Noted(Executor):
    """An executor that notes in a file when a task is begun, by whatever worker.

    Args:
        inner: that runs the tasks.
        file: on a drive that all see.
    """

    def __init__(self, inner: Executor, file: Path):
        self.inner, self.file, self.count = inner, file, 0
        self.place = getattr(inner, "place", "")

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """See `concurrent.futures.Executor`."""
        self.count += 1
        return self.inner.submit(_noted, str(self.file), self.count, partial(fn, *args, **kwargs))


def _noted(file: str, number: int, call: Callable[[], Any]) -> Any:
    with open(file, "a", encoding="utf-8") as notes:  # a line this short is appended as a whole
        notes.write(f"{number}\n")
    return call()


def screened(teacher: Predictor, student: Path, pool: Pool, folder: Path, executor: Executor) -> tuple[str, float]:
    """Digest of the result, and wall seconds."""
    screen = Screen(student, teacher, shortlist=SHORTLIST, piece=PIECE, every=1e9)
    begun = time.monotonic()
    found = screen.run(pool, 96, Recommender(Greedy()), folder, executor=executor)
    wall, digest = time.monotonic() - begun, hashlib.sha256(found.rescored.tobytes() + found.values.tobytes())
    digest.update(repr(found.picks).encode())
    return digest.hexdigest()[:16], wall


@dataclass
class Machines:
    """A scheduler and workers, each on a host of its own; a worker that ends is started again, as a Deployment does.

    Args:
        hosts: the scheduler's, then those of the workers.
        folder: of their files.
    """

    hosts: Sequence[Host]
    folder: Path
    processes: list[subprocess.Popen] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Of the scheduler."""
        return f"tcp://{self.hosts[0].address}:{8786 if self.hosts[0].name else 28786}"

    def start(self) -> None:
        """The scheduler, then all workers."""
        host, port = self.hosts[0].address, self.address.rpartition(":")[2]
        dask = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard", "--no-show"]
        self._begin(self.hosts[0], [*dask, "--host", host, "--port", port])
        for host in self.hosts[1:]:
            dask = [sys.executable, "-m", "distributed.cli.dask_worker", self.address, "--nthreads", "1", "--no-nanny"]
            dask += ["--no-dashboard", "--host", host.address, "--local-directory", str(self.folder), "--death-timeout"]
            again = f"while true; do {' '.join(dask)} 300; done"
            self._begin(host, ["bash", "-c", again])

    def _begin(self, host: Host, command: Sequence[str]) -> None:
        with (self.folder / f"log-{len(self.processes)}.txt").open("w") as log:
            self.processes.append(host.start(command, own_process() | QUIET, self.folder, log))

    def kill(self, worker: int) -> None:
        """SIGKILL to the Python process of a worker."""
        for process in _tree(self.processes[1 + worker].pid):
            if b"dask_worker" in _read(process, "cmdline") and b"bash" not in _read(process, "cmdline"):
                os.kill(process, signal.SIGKILL)

    def cpu(self) -> float:
        """Seconds of all processes so far, those that ended included."""
        ticks = 0
        for process in (each for one in self.processes for each in _tree(one.pid)):
            # user and system time, its own and that of its children that ended
            ticks += sum(map(int, _read(process, "stat").rpartition(b")")[2].split()[11:15]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        """Kill all of them."""
        for process in reversed(self.processes):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _read(process: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{process}/{name}").read_bytes()
    except OSError:
        return b") " + b"0 " * 20


def _tree(process: int) -> Iterator[int]:
    yield process
    for child in _read(process, f"task/{process}/children").split():
        if child.isdigit() and child != b"0":
            yield from _tree(int(child))


@contextmanager
def machines(workers: int, folder: Path) -> Iterator[Machines]:
    """A cluster on namespaces of this machine."""
    with hosts(1 + workers) as places:
        found = Machines(places, folder)
        try:
            found.start()
            yield found
        finally:
            found.end()


def alone(screen: Callable[[Path, Executor], tuple[str, float]], folder: Path) -> Run:
    """One process, one thread."""
    clock = time.process_time()
    with ThreadPoolExecutor(1) as thread:
        digest, wall = screen(folder / "kept", thread)
    return Run("one process", 0, digest, wall, time.process_time() - clock)


def together(
    screen: Callable[[Path, Executor], tuple[str, float]],
    workers: int,
    folder: Path,
    failing: bool = False,
) -> Run:
    """A cluster; with failures one worker is killed and another one cut off."""
    notes = folder / "begun.txt"
    notes.touch()
    with machines(workers, folder) as there, Cluster(there.address, folder / "shared") as cluster:
        cluster._client.wait_for_workers(workers, timeout=120)
        events: list[str] = []
        trouble = threading.Thread(target=_trouble, args=(there, notes, events), daemon=True)
        if failing:
            trouble.start()
        clock, before = time.process_time(), there.cpu()
        executor = Noted(cluster, notes)
        digest, wall = screen(folder / "kept", executor)
        cpu = time.process_time() - clock + there.cpu() - before
        if failing:
            events.append(f"the screen ended after {wall:.0f} s")
            trouble.join(CUT + 30)
    times = Counter(notes.read_text().split())
    begun = {str(k): n for k, n in sorted(Counter(times.values()).items())}
    name = f"{workers} workers, failures" if failing else f"{workers} worker{'s' * (workers > 1)}"
    return Run(name, workers, digest, wall, cpu, executor.count, begun, events, there.hosts[0].refused)


def _trouble(there: Machines, notes: Path, events: list[str]) -> None:
    while notes.stat().st_size == 0:
        time.sleep(0.1)
    begun = time.monotonic()
    time.sleep(CALM)
    if there.hosts[2].name:
        there.hosts[2].cut(True)
        events.append(f"worker 2 was cut off after {time.monotonic() - begun:.0f} s")
    time.sleep(CALM)
    there.kill(2)
    events.append(f"worker 3 was killed after {time.monotonic() - begun:.0f} s")
    time.sleep(max(0.0, begun + CALM + CUT - time.monotonic()))
    if there.hosts[2].name:
        there.hosts[2].cut(False)
        events.append(f"worker 2 was reachable again after {time.monotonic() - begun:.0f} s")


def screens(size: int, work: Path, told: Callable[[str], None]) -> list[Run]:
    """All arms; each that is finished is kept."""
    place = work / f"screen-{size}"
    place.mkdir(parents=True, exist_ok=True)
    pool = library(size)
    teacher, student = taught(ScreenConfig(str(place), 0, "default", SHORTLIST, 1, steps=STEPS), pool)
    screen = partial(screened, teacher, student, pool)
    arms: dict[str, Callable[[Path], Run]] = {}
    for i in range(ROUNDS):  # in turns, so that whatever else the machine does meets both
        arms[f"alone-{i}"] = partial(alone, screen)
        arms[f"one-{i}"] = partial(together, screen, 1)
    arms |= {f"{n}-workers": partial(together, screen, n) for n in range(2, WORKERS + 1)}
    arms["failures"] = partial(together, screen, WORKERS, failing=True)
    runs = []
    for name, arm in arms.items():
        file = place / f"{name}.json"
        if not file.exists():
            with tempfile.TemporaryDirectory() as folder:
                write_whole(file, json.dumps(asdict(arm(Path(folder)))))
        runs.append(Run(**json.loads(file.read_text())))
        told(f"{name}: {runs[-1].wall:.1f} s, {runs[-1].cpu:.1f} CPU s, {runs[-1].digest} {runs[-1].events}")
    return runs


def fits(work: Path) -> dict[str, Any]:
    """A LoRA fit by one process, and by one on each of two hosts, of which one is killed on the way."""
    from benchmarks.compute_training import write_checkpoint
    from benchmarks.proteins import esm_shape

    kept = work / "fit.json"
    if kept.exists():
        return json.loads(kept.read_text())
    with tempfile.TemporaryDirectory() as place, hosts(2) as nodes:
        folder = Path(place)
        (folder / "model").mkdir()
        model = write_checkpoint(esm_shape("8M"), folder / "model")
        program = ["-m", "benchmarks.cluster_fit", model]

        def started(host: Host, name: str, before: Sequence[str], killed: int, log: str) -> subprocess.Popen:
            own = {"ACTIVELOOP_CACHE": str(folder / name), "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
            own |= {"GLOO_SOCKET_IFNAME": "eth0" if host.name else "lo"}
            command = [sys.executable, *before, *program, str(folder / f"{name}.npz"), str(killed)]
            with (folder / log).open("w") as out:
                return host.start(command, own_process() | own, folder, out)

        if started(Host("", ""), "alone", (), 0, "alone.txt").wait():
            raise ModelError((folder / "alone.txt").read_text()[-2000:])
        endpoint = f"{nodes[0].address}:29{os.getpid() % 900 + 100}"
        torchrun = ["-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1", "--max-restarts", "1"]
        torchrun += ["--rdzv-backend", "c10d", "--rdzv-id", "fit", "--rdzv-endpoint", endpoint, "--local-addr"]
        ranks = [
            started(node, "both", [*torchrun, node.address, "--rdzv-conf", f"is_host={not i}"], KILLED, f"node-{i}.txt")
            for i, node in enumerate(nodes)
        ]
        if any([rank.wait() for rank in ranks]):
            raise ModelError((folder / "node-0.txt").read_text()[-4000:])
        alone, both = (dict(np.load(folder / f"{name}.npz")) for name in ("alone", "both"))
        resumed = len(both["losses"])
        expected = alone["losses"][-resumed:, 1]
        found = {
            "steps": len(alone["losses"]),
            "killed_at": KILLED,
            "steps_after": resumed,
            "loss": float(np.abs(both["losses"][:, 1] / expected - 1).max()),
            "mean": float(np.abs(both["mean"] - alone["mean"]).max() / alone["mean"].std()),
            "sd": float(np.abs(both["sd"] / alone["sd"] - 1).max()),
            "refused": nodes[0].refused,
        }
    write_whole(kept, json.dumps(found))
    return found


#: step of the fit after which a process is killed
KILLED = 5


def cluster_result(size: int, runs: Sequence[Run], fit: Mapping[str, Any]) -> Result:
    """What was found, as tables and a page."""
    of = {name: [run for run in runs if run.name == name] for name in dict.fromkeys(run.name for run in runs)}
    digests = {run.digest for run in runs}
    pairs = [one.cpu / alone.cpu - 1 for alone, one in zip(of["one process"], of["1 worker"], strict=True)]
    overhead = sum(run.cpu for run in of["1 worker"]) / sum(run.cpu for run in of["one process"]) - 1
    base = float(np.median([run.wall for run in of["1 worker"]]))
    lines = []
    for name, same in of.items():
        wall, begun = float(np.median([run.wall for run in same])), same[-1].begun
        again = sum(n for times, n in begun.items() if int(times) == 2)
        more = sum(n for times, n in begun.items() if int(times) > 2)
        lines.append(
            (
                name,
                f"{wall:.0f}",
                f"{base / wall:.2f}" if same[0].workers else "",
                f"{np.median([run.cpu for run in same]):.1f}",
                *((f"{same[0].pieces}", f"{again}", f"{more}") if same[0].workers else ("", "", "")),
            )
        )
    failing = runs[-1]
    bits = "All of them found the same bits" if len(digests) == 1 else "THEY DID NOT FIND THE SAME BITS"
    network = (
        f"Namespaces were refused ({failing.refused}): the workers were processes on loopback, and none was cut off."
        if failing.refused
        else "Scheduler and workers had network namespaces of their own on one bridge."
    )
    how = (
        f"{size:,} candidates (seven sites of GB1 with ten residues each) were screened by a student, and its best by "
        f"the teacher. {bits}: the rows that the teacher saw, its values, all picks. {network} Pool, student and "
        "teacher travelled by hash through a folder."
    )
    table = markdown_table(
        ["arm", "seconds", "speed, 1 worker = 1", "CPU seconds", "tasks", "begun twice", "more often"], lines
    )
    cost = (
        f"A cluster of one worker took {overhead:.1%} more CPU time than one process, all processes counted "
        f"(pairs in turns: {', '.join(f'{x:.1%}' for x in pairs)}; demanded at most {OVERHEAD:.0%}). Seconds are of a "
        "machine of two cores on which other programs ran, so that three workers cannot be three times as fast as one."
    )
    failures = (
        f"Of three workers: {'; '.join(failing.events)}. A worker that ends is started again at once. Tasks that were "
        f"begun twice: {sum(n for times, n in failing.begun.items() if int(times) == 2)} of {failing.pieces}; more "
        f"often: {sum(n for times, n in failing.begun.items() if int(times) > 2)}."
    )
    where = f"processes on loopback ({fit['refused']})" if fit["refused"] else "two network namespaces"
    fitted = (
        f"LoRA in the last two layers of a model of the shape of ESM-2 8M with random weights, {fit['steps']} steps, "
        f"by one process and by `torchrun --nnodes 2` (gloo, {where}). A process was killed after step "
        f"{fit['killed_at']}; both started again and did the last {fit['steps_after']} steps. Largest differences from "
        f"one process, in single precision: losses {fit['loss']:.1e} of the loss, predictions {fit['mean']:.1e} of "
        f"their standard deviation over candidates, predicted standard deviations {fit['sd']:.1e}."
    )
    columns = ("arm", "workers", "digest", "wall", "cpu", "tasks", "begun", "events")
    rows = [
        (r.name, r.workers, r.digest, round(r.wall, 2), round(r.cpu, 2), r.pieces, str(r.begun), "; ".join(r.events))
        for r in runs
    ]
    return Result(
        "Does a cluster find what one process finds, and what does it cost?",
        how,
        [
            section("Workers", table, cost),
            section("A worker killed, another cut off", failures),
            section("One model on two nodes", fitted),
        ],
        {"summary": (columns, rows), "fit": (list(fit), [list(fit.values())])},
        parts=("executor.py", "objects.py", "screening", "models/finetuning"),
    )


def command(
    size: Annotated[int, typer.Option(metavar="N", help="Candidates: a power of ten, at most 10^7.")] = 10**7,
    work: Annotated[Path, WORK] = Path("replays"),
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """Does a cluster find what one process finds, and what does it cost?"""
    place = (work / "cluster").absolute()
    runs = screens(size, place, typer.echo)
    fit = fits(place)
    result = cluster_result(size, runs, fit)
    result.write(out / "cluster", f"python -m benchmarks cluster --size {size}")
    typer.echo(f"Written: {out / 'cluster' / 'README.md'}")
    raise typer.Exit(0 if len({run.digest for run in runs}) == 1 else 1)
