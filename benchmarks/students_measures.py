"""From single cells to means over seeds: what is kept of a teacher, and what a teacher is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from activeloop.replay.metrics import mean_and_error
from benchmarks.students import Cell, Told
from benchmarks.students_arms import ALONE, PLAIN

#: a mean and its standard error over seeds
Figure = tuple[float, float]
UNKNOWN: Figure = (float("nan"), float("nan"))


@dataclass(frozen=True)
class Row:
    """One teacher on one task with one number of labels.

    Args:
        task: name of the set.
        labels: how many.
        arm: the teacher and how it teaches.
        seeds: over how many the figures are means.
        plain: Spearman (of classes AUROC) of the one-hot GP.
        teacher, student, alone: of those.
        kept: student / teacher, a ratio of means.
        pool_kept: the same, of candidates that nobody measured, but about which the teacher was asked.
        gain: student less the same network without a teacher, seed by seed.
        ahead: teacher less the one-hot GP, seed by seed.
        teacher_coverage, student_coverage: of their 90 % intervals.
        agreement, sd_agreement: Spearman of the student's means and spreads with the teacher's.
        teacher_seconds, student_seconds: CPU seconds of fitting the one and teaching the other.
        parameters: of the student.
    """

    task: str
    labels: int
    arm: str
    seeds: int
    plain: Figure
    teacher: Figure
    student: Figure
    alone: Figure
    kept: Figure
    pool_kept: Figure
    gain: Figure
    ahead: Figure
    teacher_coverage: Figure
    student_coverage: Figure
    agreement: Figure
    sd_agreement: Figure
    teacher_seconds: Figure
    student_seconds: Figure
    parameters: float

    @property
    def counts(self) -> bool:
        """Whether the teacher is better than the one-hot GP, so that there is something to keep."""
        return bool(self.ahead[0] > 0)


def rows_of(told: Mapping[Cell, Told]) -> list[Row]:
    """A row for each task, number of labels and teacher, in the order of the cells."""
    by_key: dict[tuple[str, int, str], dict[int, Told]] = {}
    for cell, what in told.items():
        by_key.setdefault((cell.task, cell.labels, cell.arm), {})[cell.seed] = what
    return [
        _row(key, by_seed, by_key.get((*key[:2], PLAIN), {}), by_key.get((*key[:2], ALONE), {}))
        for key, by_seed in sorted(by_key.items(), key=lambda item: list(by_key).index(item[0]))
        if key[2] not in (PLAIN, ALONE)
    ]


def _row(
    key: tuple[str, int, str], by_seed: Mapping[int, Told], plain: Mapping[int, Told], alone: Mapping[int, Told]
) -> Row:
    seeds = sorted(by_seed)
    pool = [np.array([getattr(by_seed[s], f"pool_{name}") for s in seeds]) for name in ("student", "teacher")]
    own = {name: np.array([getattr(by_seed[s], name) for s in seeds]) for name in MEANS}
    other_plain = np.array([plain[s].teacher if s in plain else np.nan for s in seeds])
    other_alone = np.array([alone[s].student if s in alone else np.nan for s in seeds])
    return Row(
        *key,
        seeds=len(seeds),
        plain=mean_and_error(other_plain),
        alone=mean_and_error(other_alone),
        kept=ratio_of_means(own["student"], own["teacher"]),
        pool_kept=ratio_of_means(*pool),
        gain=mean_and_error(own["student"] - other_alone),
        ahead=mean_and_error(own["teacher"] - other_plain),
        parameters=float(np.nanmean([by_seed[s].parameters for s in seeds])),
        **{name: mean_and_error(values) for name, values in own.items()},
    )


#: fields that a row has of a cell's own
MEANS = (
    *("teacher", "student", "teacher_coverage", "student_coverage"),
    *("agreement", "sd_agreement", "teacher_seconds", "student_seconds"),
)


def ratio_of_means(above: np.ndarray, below: np.ndarray) -> Figure:
    """Ratio of the means of two [n] arrays of paired values, and its standard error by leaving one pair out in turn.

    >>> ratio_of_means(np.array([1.0, 3.0]), np.array([2.0, 2.0]))
    (1.0, 0.5)
    """
    known = ~(np.isnan(above) | np.isnan(below))
    above, below = above[known], below[known]
    n = len(above)
    if not n or below.sum() == 0:
        return UNKNOWN
    ratio = float(above.sum() / below.sum())
    if n < 2:
        return ratio, float("nan")
    without = (above.sum() - above) / (below.sum() - below)
    return ratio, float(np.sqrt((n - 1) / n * np.square(without - without.mean()).sum()))
