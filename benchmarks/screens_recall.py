"""How many of the teacher's best a cascade shows it, on a library whose every candidate was measured."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from activeloop.acquisition import Greedy, Recommender
from activeloop.candidates import Pool
from activeloop.errors import ActiveLoopError
from activeloop.prediction import mean_of
from activeloop.replay.landscape import Landscape
from activeloop.replay.metrics import spearman
from activeloop.screening import Screen
from activeloop.students.distil.distiller import Distiller
from activeloop.students.distil.networks import default_network
from benchmarks.proteins import domain_library
from benchmarks.students_teachers import Arm, labelled_data, teacher_of

#: candidates that are measured, the teacher's best so many of the others, and how many are picked
LABELS, TOP, PICKED = 480, 1000, 96
#: candidates of the student's that the teacher is shown at first
KEEPS = (2000, 5000, 20_000)
#: how many times as many it may be shown in the end: as they are, and by default
WIDEST = (1, 8)


@dataclass(frozen=True)
class Recall:
    """One cascade.

    Args:
        keep: candidates that the teacher is shown at first.
        widest: how many times as many at most.
        kept: in the end.
        seen: share of the library that the teacher was shown, the sample of the rest included.
        recall: share of its best that it was shown.
        missed: the share that the screen itself estimates it was not.
        agreement: Spearman of student and teacher over all candidates.
        cpu: seconds of the screen.
    """

    keep: int
    widest: int
    kept: int
    seen: float
    recall: float
    missed: float
    agreement: float
    cpu: float


@dataclass(frozen=True)
class RecallTask:
    """All cascades of one student.

    Args:
        library: a public set whose domain is known.
        teacher: name of an arm.
        seed: of the measured candidates and all other chances.
        labels, top: see `LABELS` and `TOP`.
        keeps: see `KEEPS`.
    """

    library: str
    teacher: str
    seed: int
    labels: int = LABELS
    top: int = TOP
    keeps: tuple[int, ...] = KEEPS

    @property
    def file(self) -> str:
        """Under which its result is kept."""
        return f"recall+{self.library}+{self.teacher}+{self.seed}.json"


#: once in each process
_library = lru_cache(maxsize=1)(domain_library)


def run_recall(task: RecallTask) -> list[Recall] | str:
    """Teach a student and screen the library with it; what cannot be done gives its reason."""
    library, measured = _library(task.library)
    try:
        return _screens(task, library, measured)
    except ActiveLoopError as error:
        return f"{type(error).__name__}: {error}"


def _screens(task: RecallTask, library: Landscape, measured: np.ndarray) -> list[Recall]:
    pool: Pool = library.pool
    labelled = np.random.default_rng(task.seed).permutation(measured)[: task.labels]
    data = labelled_data(library, labelled)
    learner = teacher_of(Arm(task.teacher), library)
    assert learner is not None
    teacher = learner.fit(data, task.seed)
    open_to = np.setdiff1d(measured, labelled)
    said = mean_of(teacher, pool, open_to)[:, 0]
    best = open_to[np.argsort(-said, kind="stable")[: task.top]]
    student = Distiller(default_network(pool)).distil(teacher, data, task.seed)
    agreement = spearman(mean_of(student, pool, open_to)[:, 0], said)
    excluded = np.setdiff1d(np.arange(len(pool)), open_to)
    found = []
    for keep in task.keeps:
        for widest in WIDEST:
            clock = time.process_time()
            with tempfile.TemporaryDirectory() as folder:
                screen = Screen(student, teacher, shortlist=keep, top=task.top, max_growth=widest)
                picked = min(PICKED, keep)
                done = screen.run(pool, picked, Recommender(Greedy()), folder, task.seed, excluded=excluded.tolist())
            share, cpu = len(done.rescored) / len(open_to), time.process_time() - clock
            recall, missed = done.recall(best), done.misses.rate
            found.append(Recall(keep, widest, done.shortlist, share, recall, missed, agreement, round(cpu, 2)))
    return found


def read_recalls(text: str) -> list[Recall]:
    """From JSON."""
    return [Recall(**one) for one in json.loads(text)]
