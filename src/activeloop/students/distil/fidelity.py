"""How far a student agrees with its teacher on candidates that it was not taught."""

from __future__ import annotations

import numpy as np

from activeloop.metrics import auroc, spearman
from activeloop.students.distil.targets import EDGE

#: the best tenth of the teacher's candidates is looked for among the student's
BEST = 0.1


def agreement(teacher: tuple[np.ndarray, np.ndarray], student: tuple[np.ndarray, np.ndarray]) -> dict[str, float]:
    """Figures for values.

    Args:
        teacher: mean and standard deviation, both [N, A].
        student: the same.

    Returns:
        `spearman`, `sd_spearman` and `top_recall`, each of the assay in which it is lowest, and `candidates`; only the
        last when there are fewer than three candidates. A correlation with something constant counts as 0.

    >>> one = (np.arange(20.0)[:, None], np.ones((20, 1)))
    >>> agreement(one, one)
    {'spearman': 1.0, 'sd_spearman': 0.0, 'top_recall': 1.0, 'candidates': 20.0}
    """
    count = len(teacher[0])
    if count < 3:
        return {"candidates": float(count)}
    assays = range(teacher[0].shape[1])
    pairs = [[(t[:, a], s[:, a]) for a in assays] for t, s in zip(teacher, student, strict=True)]
    return {
        "spearman": min(spearman(t, s, undefined=0.0) for t, s in pairs[0]),
        "sd_spearman": min(spearman(t, s, undefined=0.0) for t, s in pairs[1]),
        "top_recall": min(top_recall(t, s) for t, s in pairs[0]),
        "candidates": float(count),
    }


def class_agreement(teacher: np.ndarray, student: np.ndarray) -> dict[str, float]:
    """Figures for classes.

    Args:
        teacher: probabilities [N, C].
        student: the same.

    Returns:
        `spearman` of the probability of the last class, `auroc` (how well the student's probability tells the
        candidates that the teacher puts into the last class from the others; into its better half when it puts all
        into one class), `kl` in nats, `top_recall` and `candidates`; only the last for fewer than three.
    """
    count = len(teacher)
    if count < 3:
        return {"candidates": float(count)}
    called = teacher.argmax(1) == teacher.shape[1] - 1
    if called.all() or not called.any():
        called = teacher[:, -1] > np.median(teacher[:, -1])
    goal, found = np.clip(teacher, EDGE, 1), np.clip(student, EDGE, 1)
    return {
        "spearman": spearman(teacher[:, -1], student[:, -1], undefined=0.0),
        "auroc": auroc(student[:, -1], called, undefined=0.5),
        "kl": float((goal * np.log(goal / found)).sum(1).mean()),
        "top_recall": top_recall(teacher[:, -1], student[:, -1]),
        "candidates": float(count),
    }


def top_recall(teacher: np.ndarray, student: np.ndarray) -> float:
    """Share of the teacher's best tenth (one at least) that is among the student's.

    >>> top_recall(np.arange(20.0), np.arange(20.0) * (np.arange(20) != 19))
    0.5
    """
    count = max(1, int(BEST * len(teacher)))
    best, own = (np.argsort(-values, kind="stable")[:count] for values in (teacher, student))
    return float(np.isin(best, own).mean())
