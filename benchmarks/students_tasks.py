"""What students are taught in their suite: public sets, named by rule, and which candidates of them are held out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np

from activeloop.candidates import Pool
from activeloop.errors import ConfigError
from activeloop.measurements import Assay, Dataset
from activeloop.metrics import auroc
from activeloop.replay.landscape import Landscape
from activeloop.replay.metrics import spearman
from activeloop.replay.sources import Source, load_landscape
from benchmarks.domains import DOMAINS
from benchmarks.suites import SHORT

#: larger sets are represented by so many of their candidates, drawn once for all seeds
MOST = 6000
#: share of the candidates that is never labelled and never shown to a teacher or student
HELD_OUT = 3
#: values: single mutants of the four shortest proteins of `SHORT`, two libraries, one set of many mutations, one of
#: guides; classes: the next of `SHORT`, and a screen of compounds
VALUES = (*SHORT[:4], "gb1", "phoq", "avgfp", "crispr-hl60")
CLASSES = (SHORT[4], "ecoli")


@dataclass(frozen=True)
class Task:
    """A set of candidates to learn.

    Args:
        name: of the public set.
        measured: whether values or classes are told of the labelled candidates.
    """

    name: str
    measured: Literal["values", "classes"] = "values"

    @property
    def metric(self) -> str:
        """By which it is judged."""
        return "Spearman" if self.measured == "values" else "AUROC"


TASKS = (*(Task(name) for name in VALUES), *(Task(name, "classes") for name in CLASSES))


def find_task(name: str) -> Task:
    """A task by the name of its set; sets that are none of `TASKS` are learned as values.

    >>> find_task("ecoli").metric, find_task("gb1").metric
    ('AUROC', 'Spearman')
    """
    return next((task for task in TASKS if task.name == name), Task(name))


@lru_cache(maxsize=2)
def landscape_of_task(task: Task) -> Landscape:
    """At most `MOST` candidates of its set; libraries over a known domain have the domain as their parent.

    For classes the values are 0 and 1.

    Raises:
        ConfigError: classes of a set that has none.
    """
    landscape = load_landscape(Source(task.name))
    if task.measured == "classes":
        landscape = _classified(landscape)
    rows, pool = np.arange(len(landscape)), landscape.pool
    if len(rows) > MOST:
        rows = np.sort(np.random.default_rng(0).choice(len(rows), MOST, replace=False))
        pool = Pool.of([pool.design(row) for row in rows.tolist()])
    if task.name in DOMAINS:
        pool = _parented(landscape, rows)
    return replace(landscape, pool=pool, values=landscape.values[rows], classes=None)


def whole_library(name: str) -> tuple[Pool, np.ndarray]:
    """Every combination at a library's sites, within its domain, and the rows [n] of it that were measured.

    >>> len(DOMAINS["gb1"].sites)
    4
    """
    landscape, domain = load_landscape(Source(name)), DOMAINS[name]
    pool = Pool.combinatorial(domain.chain, domain.sites)
    return pool, pool.rows_of(landscape.pool.names(np.arange(len(landscape))))


def _parented(landscape: Landscape, rows: np.ndarray) -> Pool:
    domain = DOMAINS[landscape.name]
    library = Pool.combinatorial(domain.chain, domain.sites)
    return Pool.of([library.design(int(r)) for r in library.rows_of(landscape.pool.names(rows))])


def _classified(landscape: Landscape) -> Landscape:
    values = landscape.values if landscape.classes is None else landscape.classes
    if values.min() < 0 or values.max() > 1:
        raise ConfigError(f"{landscape.name} tells no classes 0 and 1. Ask for its values; nothing was computed.")
    # a candidate in several rows has the class of most of them
    return replace(landscape, values=(values >= 0.5).astype(float), assay=Assay("fit", goal="classify"))


@dataclass(frozen=True)
class Split:
    """Which candidates are for what; all rows of the task's pool.

    Args:
        labelled: what was measured.
        held_out: judged on; nobody sees them before.
        unlabelled: judged on as well, at most as many: nobody measured them, but a teacher may be asked about them.
    """

    labelled: np.ndarray
    held_out: np.ndarray
    unlabelled: np.ndarray


def split(count: int, labels: int, seed: int) -> Split:
    """A third of the candidates is held out, and the first so many of an order that the seed draws are labelled.

    More labels hold fewer, and the held-out ones are the same for any number.

    Raises:
        ConfigError: there are not so many to label.

    >>> split(12, 3, 0).held_out.tolist() == split(12, 8, 0).held_out.tolist()
    True
    """
    order = np.random.default_rng(seed).permutation(count)
    held_out, rest = order[: count // HELD_OUT], order[count // HELD_OUT :]
    if labels > len(rest):
        raise ConfigError(f"{labels} labels: only {len(rest)} of {count} candidates may be labelled.")
    return Split(rest[:labels], np.sort(held_out), np.sort(rest[labels:][: len(held_out)]))


def labelled_data(landscape: Landscape, rows: np.ndarray) -> Dataset:
    """The measured candidates, oriented."""
    return Dataset.of(landscape.pool, rows, landscape.values[rows], landscape.assay).oriented()


def judged(task: Task, predicted: np.ndarray, true: np.ndarray) -> float:
    """Spearman of values, AUROC of classes: predictions and oriented truth [n]."""
    return spearman(predicted, true) if task.measured == "values" else auroc(predicted, true > 0.5)
