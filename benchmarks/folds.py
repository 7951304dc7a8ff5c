"""Suites of five-fold prediction of several sets, beside ProteinGym's published figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from activeloop.replay.evaluation import FoldRule
from activeloop.replay.evaluation_report import PUBLISHED
from activeloop.replay.summary import SUMMARY_COLUMNS, Point, point_row, read_summary
from benchmarks.results import Result, markdown_table, mean_se, section

ONE_HOT = f"{PUBLISHED}One-Hot Encodings"
#: the best of the published columns: a kernel over structures and a protein language model's probabilities
KERMUT = f"{PUBLISHED}Kermut"


@dataclass(frozen=True)
class FoldSuite:
    """Five-fold prediction of several sets.

    Args:
        name: of the suite and of its folder of results.
        question: what it answers.
        sets: public sets.
        rules: how they are split.
        learners: who predicts.
    """

    name: str
    question: str
    sets: tuple[str, ...]
    rules: tuple[FoldRule, ...]
    learners: tuple[str, ...]


def fold_result(suite: FoldSuite, evaluations: Mapping[tuple[str, FoldRule], Path]) -> Result:
    """What a suite found.

    Args:
        suite: what was asked.
        evaluations: the folder of each set's evaluation by a rule.
    """
    return page_of(
        suite,
        {
            key: read_summary((place / "summary.csv").read_text("utf-8"))
            for key, place in sorted(evaluations.items(), key=lambda item: suite.rules.index(item[0][1]))
        },
    )


def page_of(suite: FoldSuite, points: Mapping[tuple[str, FoldRule], Sequence[Point]]) -> Result:
    """The same from the rows of summary.csv, by (set, rule), rules outermost."""
    rows = [(*point_row(point), rule) for (_, rule), some in points.items() for point in some]
    how = "Spearman over the predictions of all five folds together, beside ProteinGym's published figures."
    return Result(
        suite.question,
        "\n\n".join([_against_kermut(suite, points), how]),
        [_section(rule, {n: p for (n, r), p in points.items() if r == rule}, suite.learners) for rule in suite.rules],
        {"summary": ((*SUMMARY_COLUMNS, "folds"), rows)},
    )


def _against_kermut(suite: FoldSuite, points: Mapping[tuple[str, FoldRule], Sequence[Point]]) -> str:
    """The means beside Kermut's, positions that were never seen first."""
    means_of = []
    for rule in sorted(suite.rules, key=lambda rule: rule != "modulo"):
        found = {
            (p.dataset, p.policy): p.mean
            for (_, of), some in points.items()
            for p in some
            if of == rule and p.metric == "spearman_pooled"
        }
        sets = [s for s in suite.sets if (s, KERMUT) in found and (s, suite.learners[0]) in found]
        means = (np.mean([found[s, p] for s in sets]) for p in (KERMUT, suite.learners[0]))
        if sets:
            means_of.append("in {} folds Kermut's published {:.3f}, ours {:.3f}".format(rule, *means))
    if not means_of:
        return ""
    text = "; ".join(means_of)
    told = "Kermut reads structures and a protein language model, ours the sequence alone"
    return f"{text[0].upper()}{text[1:]}: {told}."


def _section(rule: str, by_set: Mapping[str, Sequence[Point]], learners: Sequence[str]) -> str:
    pooled = {
        (p.dataset, p.policy): p.mean for points in by_set.values() for p in points if p.metric == "spearman_pooled"
    }
    shown = [*learners, *(p for p in dict.fromkeys(policy for _, policy in pooled) if p.startswith(PUBLISHED))]
    sets = [name for name in by_set if all((name, p) in pooled for p in (learners[0], ONE_HOT))]
    values = {p: np.array([pooled.get((name, p), np.nan) for name in sets]) for p in shown}
    gain = values[learners[0]] - values[ONE_HOT]
    told = (
        f"{learners[0]} is above the published one-hot column on {int((gain > 0).sum())} of {len(sets)} assays, by "
        f"{mean_se(gain)} on average."
    )
    means = markdown_table(["mean of the assays", "Spearman"], [[p, mean_se(values[p])] for p in shown])
    each = [[name, *(f"{values[p][i]:.3f}" for p in (*learners, ONE_HOT))] for i, name in enumerate(sets)]
    return section(f"{rule.capitalize()} folds", told, means, markdown_table(["assay", *learners, ONE_HOT], each))
