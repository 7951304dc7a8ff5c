"""What a suite leaves under `docs/results`: one table of all sets, and a page that says what it shows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from activeloop.files import write_whole
from activeloop.replay.evaluation_report import PUBLISHED
from activeloop.replay.machine import describe_machine
from activeloop.replay.metrics import LABELS, mean_and_error
from activeloop.replay.summary import SUMMARY_COLUMNS, Point, csv_text, number, read_rounds, read_summary, summary_csv
from benchmarks.crossing import FULL, labels_needed
from benchmarks.suites import FoldSuite, Suite

ONE_HOT = f"{PUBLISHED}One-Hot Encodings"


def write_suite(folder: Path, suite: Suite, replays: Mapping[str, Path], command: str) -> None:
    """Gather the replays of a suite: summary.csv, README.md, machine.json and a curve for each set.

    Args:
        folder: of the suite's results.
        suite: what was asked.
        replays: the folder of each set's replay.
        command: that makes these results again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    points = [point for place in replays.values() for point in read_summary(_read(place / "summary.csv"))]
    sections = [_metric_section(suite, points, metric) for metric in suite.metrics]
    if FULL in suite.policies:
        sections += [_needs_section(replays, metric) for metric in suite.metrics]
    plates = f"{suite.protocol.start} + {suite.protocol.rounds} x {suite.protocol.batch} candidates"
    own = ", a policy that predicts something chooses its first plate" if suite.protocol.first == "own" else ""
    how = f"Goal `{suite.protocol.goal}`, {plates}{own}; {of_seeds(suite.seeds)}; mean ± standard error."
    for name, place in replays.items():
        write_whole(folder / f"{name}.png", (place / "curve.png").read_bytes())
        sections.append(f"![Learning curves of {name}]({name}.png)")
    write_whole(folder / "summary.csv", summary_csv(points))
    write_page(folder, suite.question, how, sections, command)


def write_fold_suite(folder: Path, suite: FoldSuite, evaluations: Mapping[tuple[str, str], Path], command: str) -> None:
    """Gather evaluations, by (set, rule): summary.csv, README.md and machine.json.

    Args:
        folder: of the suite's results.
        suite: what was asked.
        evaluations: the folder of each set and rule.
        command: that makes these results again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows, sections = [], []
    for rule in suite.rules:
        by_set = {
            name: read_summary(_read(place / "summary.csv")) for (name, r), place in evaluations.items() if r == rule
        }
        rows += [(*_row(point), rule) for points in by_set.values() for point in points]
        sections.append(_folds_section(rule, by_set, suite.learners))
    write_whole(folder / "summary.csv", csv_text((*SUMMARY_COLUMNS, "folds"), rows))
    how = "Spearman over the predictions of all five folds together, beside ProteinGym's published figures."
    write_page(folder, suite.question, how, sections, command)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; the first column to the left, the others to the right.

    >>> print(markdown_table(["a", "b"], [["x", "1"]]))
    | a | b |
    |---|---:|
    | x | 1 |
    """
    lines = [header, *rows]
    text = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([text[0], "|---|" + "---:|" * (len(header) - 1), *text[1:]])


def _metric_section(suite: Suite, points: Sequence[Point], metric: str) -> str:
    """All sets and policies after the last plate, their mean, and the default against the best named baseline."""
    last = {(p.dataset, p.policy): p for p in points if p.metric == metric and _is_last(p, suite)}
    policies = [p for p in suite.policies if any(policy == p for _, policy in last)]
    sets = list(dict.fromkeys(name for name, _ in last))
    rows = [[name, *(_cell(last.get((name, p))) for p in policies)] for name in sets]
    if len(sets) > 1:
        means = {p: np.array([last[name, p].mean for name in sets if (name, p) in last]) for p in policies}
        rows.append(["**mean of the sets**", *(plus_minus(*mean_and_error(means[p])) for p in policies)])
        if "default" in means:
            rows.append(["**default / policy**", *(_ratio(means["default"].mean(), means[p].mean()) for p in policies)])
    labels = suite.protocol.labels[-1]
    return f"## {LABELS[metric].capitalize()}, after {labels}\n\n{markdown_table(['', *policies], rows)}"


def _needs_section(replays: Mapping[str, Path], metric: str) -> str:
    """Labels needed for 90 % of what all data give, for each set and policy."""
    by_set = {name: labels_needed(read_rounds(_read(place / "rounds.csv")), metric) for name, place in replays.items()}
    policies = [need.policy for need in next(iter(by_set.values()))]
    rows = [
        [name, *(plus_minus(n.labels, n.se, 3) + _not_all(n.reached) for n in needs)] for name, needs in by_set.items()
    ]
    saved = {p: np.array([n.saved for needs in by_set.values() for n in needs if n.policy == p]) for p in policies}
    rows.append(["**labels saved against random**", *(_percent(*_mean_saved(saved[p])) for p in policies)])
    told = f"## Labels needed for 90 % of the {metric} of all data"
    note = "In brackets: share of campaigns that reached it; the others count with their last label."
    return f"{told}\n\n{markdown_table(['', *policies], rows)}\n\n{note}"


def _ratio(mean: float, other: float) -> str:
    """How many times the other; nothing when that is 0."""
    return f"{mean / other:.2f}" if other else "–"


def _mean_saved(saved: np.ndarray) -> tuple[float, float]:
    """Geometric mean over sets of what is saved, and its standard error over sets."""
    mean, error = mean_and_error(np.log(1 - saved))
    return float(1 - np.exp(mean)), float(np.exp(mean) * error)


def _folds_section(rule: str, by_set: Mapping[str, Sequence[Point]], learners: Sequence[str]) -> str:
    pooled = {
        (p.dataset, p.policy): p.mean for points in by_set.values() for p in points if p.metric == "spearman_pooled"
    }
    shown = [*learners, *(p for p in dict.fromkeys(policy for _, policy in pooled) if p.startswith(PUBLISHED))]
    sets = [name for name in by_set if all((name, p) in pooled for p in (learners[0], ONE_HOT))]
    values = {p: np.array([pooled.get((name, p), np.nan) for name in sets]) for p in shown}
    gain = values[learners[0]] - values[ONE_HOT]
    told = (
        f"{learners[0]} is above the published one-hot column on {int((gain > 0).sum())} of {len(sets)} assays, by "
        f"{plus_minus(*mean_and_error(gain))} on average."
    )
    means = markdown_table(
        ["mean of the assays", "Spearman"], [[p, plus_minus(*mean_and_error(values[p]))] for p in shown]
    )
    each = [[name, *(f"{values[p][i]:.3f}" for p in (*learners, ONE_HOT))] for i, name in enumerate(sets)]
    return f"## {rule.capitalize()} folds\n\n{told}\n\n{means}\n\n{markdown_table(['assay', *learners, ONE_HOT], each)}"


def write_page(folder: Path, question: str, how: str, sections: Sequence[str], command: str) -> None:
    """README.md with the question as its title, and machine.json."""
    machine = describe_machine()
    made = "; ".join(f"{name} {value}" for name, value in machine.items())
    page = "\n\n".join([f"# {question}", how, *sections, f"Made by `{command}` on: {made}."])
    write_whole(folder / "README.md", page + "\n")
    write_whole(folder / "machine.json", json.dumps(machine, indent=1) + "\n")


def of_seeds(seeds: int) -> str:
    """How many seeds there were, and of one what that means.

    >>> of_seeds(10)
    '10 seeds'
    """
    return f"{seeds} seeds" if seeds != 1 else "1 seed, so differences on a single set may be chance"


def _is_last(point: Point, suite: Suite) -> bool:
    return point.labels == suite.protocol.labels[-1] or point.policy == FULL


def _cell(point: Point | None) -> str:
    return "" if point is None else plus_minus(point.mean, point.se)


def plus_minus(mean: float, error: float, digits: int = 3) -> str:
    """A mean and its standard error, which is left out when it is not known.

    >>> plus_minus(0.51234, 0.0123), plus_minus(1.0, float("nan"))
    ('0.512 ± 0.012', '1')
    """
    return f"{mean:.{digits}g}" + ("" if np.isnan(error) else f" ± {error:.2g}")


def _percent(mean: float, error: float) -> str:
    return f"{mean:.0%}" + ("" if np.isnan(error) else f" ± {error:.0%}")


def _not_all(reached: float) -> str:
    return "" if reached == 1 else f" ({reached:.0%})"


def _row(point: Point) -> tuple[object, ...]:
    return (point.dataset, point.policy, point.labels, point.metric, number(point.mean), number(point.se), point.seeds)


def _read(path: Path) -> str:
    return path.read_text("utf-8")
