"""A screen of every combination at some sites, in a process of its own so that its memory can be told.

    python -m benchmarks.screens FOLDER SITES TEACHER KEEP JOBS EVERY STEPS

Prints one line of JSON: seconds, memory, speeds, and what was picked. A run that was killed goes on in the same folder.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

import numpy as np

from activeloop.acquisition import Greedy, Recommender
from activeloop.candidates import Pool
from activeloop.errors import ActiveLoopError, ModelError
from activeloop.measurements import Assay, Dataset
from activeloop.prediction import Predictor, mean_of
from activeloop.screening import Screen
from activeloop.students.distil.distiller import Distiller
from activeloop.students.distil.networks import SiteNetwork
from benchmarks.options import held_bytes, own_process
from benchmarks.proteins import DOMAINS
from benchmarks.students_teachers import Arm, teacher_of


@dataclass(frozen=True)
class Killed:
    """The same screen twice: undisturbed, and killed on its way.

    Args:
        candidates: of the pool.
        done: how many had been scored when it was killed, by its journal.
        same: whether all that the teacher saw, what it said and all picks are the same bits.
    """

    candidates: int
    done: int
    same: bool


#: where the domain of GB1 is varied: the four sites of the library, then two more of its core
PLACES = (39, 40, 41, 54, 26, 52)
#: measured candidates, how many are picked, and how many of the teacher's best must not be missed
LABELS, PICKED, TOP = 480, 96, 1000
#: candidates by which the teacher's speed is told
TIMED = 1000


@dataclass(frozen=True)
class ScreenConfig:
    """One screen.

    Args:
        folder: of the student and of the screen's journal.
        sites: how many of `PLACES` vary: 20^sites candidates.
        teacher: name of an arm.
        keep: candidates that the teacher is shown.
        jobs: threads that the student runs on.
        every: seconds between two writings of the journal.
        steps: of the student's teaching; 0: the default.
    """

    folder: str
    sites: int
    teacher: str
    keep: int
    jobs: int
    every: float = 5.0
    steps: int = 0


@dataclass(frozen=True)
class ScreenResult:
    """What came of it.

    Args:
        candidates: of the pool.
        minutes: wall time of the screen.
        peak_mb: most memory that the process held, libraries and models included.
        teacher_speed: candidates a second of one core.
        student_speed: the same of the student while it streams: candidates / CPU seconds.
        cascade_speed: candidates of the pool / CPU seconds of the whole screen.
        kept: how many of the student's best the teacher was shown in the end.
        missed: estimated share of the teacher's best that was not shown to it.
        teaching: wall minutes in which teacher and student were made.
        picks: names, best first.
        digest: of all rows that the teacher saw and what it said of them.
    """

    candidates: int
    minutes: float
    peak_mb: float
    teacher_speed: float
    student_speed: float
    cascade_speed: float
    kept: int
    missed: float
    teaching: float
    picks: tuple[str, ...]
    digest: str

    @classmethod
    def read(cls, text: str) -> ScreenResult:
        """From JSON."""
        told = json.loads(text)
        return cls(**{**told, "picks": tuple(told["picks"])})


def library(sites: int) -> Pool:
    """Every combination at the first of `PLACES`.

    >>> len(library(6))
    64000000
    """
    chain = DOMAINS["gb1"].chain
    return Pool.combinatorial(chain, [f"{chain[p - 1]}{p}" for p in sorted(PLACES[:sites])])


def planted_values(pool: Pool, rows: np.ndarray, seed: int) -> np.ndarray:
    """[N] values that have a shape but no meaning: an effect of each residue at a site, and of each pair."""
    rng = np.random.default_rng(seed)
    codes = pool.codes(rows).astype(np.int64)
    sites = codes.shape[1]
    single, pair = rng.standard_normal((sites, 21)), 0.3 * rng.standard_normal((sites, sites, 21, 21))
    values = single[np.arange(sites), codes].sum(1)
    for i in range(sites):
        for j in range(i):
            values += pair[i, j, codes[:, i], codes[:, j]]
    return values


def taught(config: ScreenConfig, pool: Pool) -> tuple[Predictor, Path]:
    """The teacher, and its student in a file; the file is made once."""
    from activeloop.replay.landscape import Landscape
    from activeloop.students.distil.export import export

    rows = np.sort(np.random.default_rng(0).choice(len(pool), min(LABELS, len(pool) // 2), replace=False))
    values = planted_values(pool, rows, 0)
    data = Dataset.of(pool, rows, values, Assay("planted"))
    learner = teacher_of(Arm(config.teacher), Landscape("planted", pool, values, Assay("planted")), look=False)
    assert learner is not None
    teacher, path = learner.fit(data, 0), Path(config.folder) / "student.onnx"
    if not path.exists():
        Path(config.folder).mkdir(parents=True, exist_ok=True)
        export(Distiller(SiteNetwork(), steps=config.steps or None).distil(teacher, data, 0), path)
    return teacher, path


def screened(config: ScreenConfig) -> ScreenResult:
    """In this process."""
    begun, pool = time.monotonic(), library(config.sites)
    teacher, path = taught(config, pool)
    teaching = (time.monotonic() - begun) / 60
    timed = np.random.default_rng(1).choice(len(pool), min(TIMED, len(pool)), replace=False)
    clock = time.process_time()
    mean_of(teacher, pool, timed)
    teacher_speed = len(timed) / (time.process_time() - clock)
    ends: list[float] = []

    def told(what: str, done: int, total: int) -> None:
        if what == "teacher" and not ends:
            ends.append(time.process_time())

    begun, clock = time.monotonic(), time.process_time()
    screen = Screen(path, teacher, shortlist=config.keep, top=min(TOP, config.keep), every=config.every)
    with ThreadPoolExecutor(config.jobs) as threads:
        found = screen.run(
            pool, PICKED, Recommender(Greedy()), Path(config.folder) / "screen", executor=threads, progress=told
        )
    spent = time.process_time() - clock
    digest = hashlib.sha256(found.rescored.tobytes() + found.values.tobytes()).hexdigest()[:16]
    return ScreenResult(
        len(pool),
        (time.monotonic() - begun) / 60,
        held_bytes() / 2**20,
        teacher_speed,
        found.scored / ((ends or [clock + spent])[0] - clock),
        len(pool) / spent,
        found.shortlist,
        found.misses.rate,
        teaching,
        found.names,
        digest,
    )


def begin(config: ScreenConfig, cache: Path) -> subprocess.Popen[str]:
    """A process that does it; features of foundation models are kept in a cache of its own, so that none is a gift."""
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.screens", *map(str, astuple(config))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**own_process(), "ACTIVELOOP_CACHE": str(cache)},
    )


def result_of(process: subprocess.Popen[str]) -> ScreenResult:
    """What the process found.

    Raises:
        ModelError: it ended without a result.
    """
    out, err = process.communicate()
    if process.returncode:
        last = (err.strip() or "no message").splitlines()[-1]
        raise ModelError(f"the screen ended with {process.returncode} ({last}). What was screened is kept.")
    return ScreenResult.read(out.splitlines()[-1])


def main() -> None:
    """Screen, and print."""
    folder, sites, teacher, keep, jobs, every, steps = sys.argv[1:]
    try:
        found = screened(ScreenConfig(folder, int(sites), teacher, int(keep), int(jobs), float(every), int(steps)))
    except ActiveLoopError as error:
        sys.exit(str(error))
    sys.stdout.write(json.dumps(asdict(found)) + "\n")


if __name__ == "__main__":
    main()
