"""The suite of screens: recall where the truth is known, time and memory where it is large, and a kill on the way."""

from __future__ import annotations

import json
import math
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from activeloop.files import write_whole
from activeloop.screening.checkpoint import read_arrays
from benchmarks.screens import Asked, Found, begin, result_of
from benchmarks.screens_killed import Killed
from benchmarks.screens_recall import Recall, RecallTask, run_recalls

#: letters at a site
LETTERS = 20
#: seconds between two looks at a journal, and between two writings of it
LOOK, EVERY = 0.05, 0.2
#: of teaching the student of the screen that is killed: how good it is does not matter
STEPS = 300


@dataclass(frozen=True)
class ScreenSuite:
    """What is asked of screens.

    Args:
        library: a public set of which every candidate was measured.
        teachers: names of arms.
        seeds: of the recall.
        sites: of the large screen: 20^sites candidates.
        keep: candidates that its teacher is shown.
        killed: sites of the screen that is killed; 0: none is.
    """

    library: str = "gb1"
    teachers: tuple[str, ...] = ("default", "frozen")
    seeds: int = 10
    sites: int = 6
    keep: int = 20_000
    killed: int = 5

    @property
    def tasks(self) -> list[RecallTask]:
        """Of the recall; seeds outermost."""
        return [RecallTask(self.library, teacher, seed) for seed in range(self.seeds) for teacher in self.teachers]

    def narrowed(self, teachers: tuple[str, ...], seeds: int | None, limit: int | None) -> ScreenSuite:
        """With other teachers or seeds, and screens of at most so many candidates.

        >>> ScreenSuite().narrowed((), 2, 10_000).sites
        3
        """
        sites = self.sites if limit is None else max(2, min(self.sites, int(math.log(limit + 1, LETTERS))))
        keep = min(self.keep, LETTERS**sites // 4)
        killed = min(self.killed, sites)
        return replace(
            self,
            teachers=teachers or self.teachers,
            seeds=self.seeds if seeds is None else seeds,
            sites=sites,
            keep=keep,
            killed=killed,
        )


Done = tuple[dict[RecallTask, list[Recall]], dict[RecallTask, str], dict[str, Found], Killed | None]


def run_screens(suite: ScreenSuite, work: Path, jobs: int, told: Callable[[], None]) -> Done:
    """Everything that the folder does not hold yet. The large screens run alone, so that time can be told.

    Args:
        suite: what is asked.
        work: a JSON file is kept here for each finished part.
        jobs: processes of the recall; threads of the large screens.
        told: called for each part that is done.

    Returns:
        Recalls, why others have none, large screens by teacher, and what came of the one that was killed.
    """
    work.mkdir(parents=True, exist_ok=True)
    huge = {}
    for teacher in suite.teachers:
        huge[teacher] = _huge(suite, teacher, work, jobs)
        told()
    killed = _killed(suite, work, jobs) if suite.killed else None
    told()
    recalls, failures = run_recalls(suite.tasks, work, jobs, lambda task: told())
    return recalls, failures, huge, killed


def _huge(suite: ScreenSuite, teacher: str, work: Path, jobs: int) -> Found:
    path = work / f"large+{teacher}+{suite.sites}+{suite.keep}.json"
    if not path.exists():
        with tempfile.TemporaryDirectory() as folder:
            asked = Asked(str(Path(folder) / "own"), suite.sites, teacher, suite.keep, jobs)
            found = result_of(begin(asked, Path(folder) / "cache"))
        write_whole(path, json.dumps(asdict(found)) + "\n")
    return Found.read(path.read_text("utf-8"))


def _killed(suite: ScreenSuite, work: Path, jobs: int) -> Killed:
    path = work / f"killed+{suite.killed}.json"
    if not path.exists():
        write_whole(path, json.dumps(asdict(_kill(suite, jobs))) + "\n")
    return Killed(**json.loads(path.read_text("utf-8")))


def _kill(suite: ScreenSuite, jobs: int) -> Killed:
    """The same student and teacher, once undisturbed and once killed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keep = min(suite.keep, LETTERS**suite.killed // 4)
        alone = Asked(str(folder / "alone"), suite.killed, "default", keep, jobs, EVERY, STEPS)
        ended = replace(alone, folder=str(folder / "ended"))
        cache = folder / "cache"
        undisturbed = result_of(begin(alone, cache))
        (folder / "ended").mkdir()
        shutil.copy(folder / "alone" / "student.onnx", folder / "ended" / "student.onnx")
        process = begin(ended, cache)
        journal = folder / "ended" / "screen" / "student.npz"
        while process.poll() is None and not _scored(journal):
            time.sleep(LOOK)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        done = _scored(journal)
        again = result_of(begin(ended, cache))
    same = (again.picks, again.digest) == (undisturbed.picks, undisturbed.digest)
    return Killed(undisturbed.candidates, min(done, undisturbed.candidates), same)


def _scored(journal: Path) -> int:
    """Candidates that a journal holds."""
    from activeloop.screening.topk import BLOCK

    arrays = read_arrays(journal) if journal.exists() else None
    return 0 if arrays is None else int(arrays["done"].sum()) * BLOCK
