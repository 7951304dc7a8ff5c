"""What a suite of label budgets leaves under `docs/results`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from activeloop.benchmarks.budgets import BudgetResult, BudgetTask
from activeloop.benchmarks.metrics import mean_and_error
from activeloop.benchmarks.parts import write_whole
from activeloop.benchmarks.suite_results import markdown_table, plus_minus, write_page
from activeloop.benchmarks.suites import BudgetSuite
from activeloop.benchmarks.summary import csv_text, number

COLUMNS = ("dataset", "folds", "labels", "learner", "spearman", "se", "seconds", "seeds")

Results = Mapping[BudgetTask, BudgetResult]
Cell = tuple[str, str, int, str]


def write_budgets(folder: Path, suite: BudgetSuite, results: Results, failures: Mapping[BudgetTask, str], command: str):
    """summary.csv, README.md and machine.json.

    Args:
        folder: of the suite's results.
        suite: what was asked.
        results: of every fit.
        failures: why others have none.
        command: that makes these results again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    cells = by_cell(results)
    rows = [(*key, *_moments([r.spearman for r in each]), *_cost(each)) for key, each in sorted(cells.items())]
    write_whole(folder / "summary.csv", csv_text(COLUMNS, rows))
    sections = [_summary(suite, cells)]
    sections += [_section(suite, cells, rule, labels) for rule in suite.rules for labels in suite.budgets]
    if gates := [name for name in suite.learners if any(results[t].weights for t in results if t.learner == name)]:
        sections += [_gate_section(suite, results, gate) for gate in gates]
    if failures:
        told = sorted({f"- {t.learner} on {t.dataset}: {why}" for t, why in failures.items()})
        sections.append("## Not fitted\n\n" + "\n".join(told))
    seeds = f"{suite.seeds} {'seed' if suite.seeds == 1 else 'seeds'}"
    how = (
        "Spearman on at most 1,000 unseen candidates after so many labels, the same for all learners. "
        f"{seeds}; mean ± standard error over seeds, over the sets' means where there are several. `random`: unseen "
        "candidates; `modulo`: candidates at positions without a label."
    )
    write_page(folder, suite.question, how, [s for s in sections if s], command)


def by_cell(results: Results) -> dict[Cell, list[BudgetResult]]:
    """Results of all seeds by (set, rule, labels, learner)."""
    cells: dict[Cell, list[BudgetResult]] = {}
    for task in sorted(results, key=lambda t: t.seed):
        cells.setdefault((task.dataset, task.rule, task.labels, task.learner), []).append(results[task])
    return cells


def _summary(suite: BudgetSuite, cells: Mapping[Cell, list[BudgetResult]]) -> str:
    """What all sets say together; for whoever wants no more."""
    rows = [
        [f"{labels} labels, {rule}: {row[0]}", *row[1:]]
        for rule in suite.rules
        for labels in suite.budgets
        for row in _together(suite, cells, rule, labels)
    ]
    return (
        f"<!-- summary -->\n\n{markdown_table(['', *suite.learners], rows)}\n\n<!-- end of summary -->" if rows else ""
    )


def _together(suite: BudgetSuite, cells: Mapping[Cell, list[BudgetResult]], rule: str, labels: int) -> list[list[str]]:
    """Rows over all sets: mean, difference from the first learner, cost; none without a set that all were fitted to."""
    sets, means = _means(suite, cells, rule, labels)
    if not sets:
        return []
    first = suite.learners[0]
    seconds = (np.mean([r.seconds for s in sets for r in cells[s, rule, labels, x]]) for x in means)
    return [
        [f"**mean of {len(sets)}**", *(plus_minus(*mean_and_error(means[x])) for x in means)],
        [f"**less {first}**", *(plus_minus(*mean_and_error(means[x] - means[first])) for x in means)],
        ["CPU seconds, prediction included", *(f"{each:.3g}" for each in seconds)],
    ]


def _means(
    suite: BudgetSuite, cells: Mapping[Cell, list[BudgetResult]], rule: str, labels: int
) -> tuple[list[str], dict[str, np.ndarray]]:
    """Sets that every learner was fitted to, and its mean over seeds on each of them."""
    sets = [s for s in suite.sets if all((s, rule, labels, learner) in cells for learner in suite.learners)]
    means = {
        learner: np.array([np.mean([r.spearman for r in cells[s, rule, labels, learner]]) for s in sets])
        for learner in suite.learners
    }
    return sets, means


def _section(suite: BudgetSuite, cells: Mapping[Cell, list[BudgetResult]], rule: str, labels: int) -> str:
    sets, means = _means(suite, cells, rule, labels)
    if not sets:
        return ""
    rows = []
    for i, name in enumerate(sets):
        errors = [mean_and_error(np.array([r.spearman for r in cells[name, rule, labels, x]]))[1] for x in means]
        rows.append([name, *(plus_minus(means[x][i], e) for x, e in zip(means, errors, strict=True))])
    rows += _together(suite, cells, rule, labels)
    return f"## {labels} labels, {rule} folds\n\n{markdown_table(['', *suite.learners], rows)}"


def _gate_section(suite: BudgetSuite, results: Results, gate: str) -> str:
    """What the gate weighed, and how often it is no worse than the best single learner within its standard error."""
    tasks = [t for t in results if t.learner == gate and results[t].weights]
    names = list(dict.fromkeys(name for t in tasks for name in results[t].weights))
    rows = []
    for rule in suite.rules:
        for labels in suite.budgets:
            some = [results[t].weights for t in tasks if (t.rule, t.labels) == (rule, labels)]
            if some:
                rows.append([f"{rule}, {labels}", *(f"{np.mean([w[n] for w in some]):.0%}" for n in names)])
    cells = by_cell(results)
    kept = [_no_worse(cells, key, suite, gate) for key in cells if key[3] == gate]
    told = f"No worse than the best of the other learners by more than its standard error: {sum(kept)} of {len(kept)}."
    return f"## What {gate} weighs\n\n{markdown_table(['', *names], rows)}\n\n{told}"


def _no_worse(cells: Mapping[Cell, list[BudgetResult]], key: Cell, suite: BudgetSuite, gate: str) -> bool:
    """Whether the gate's mean reaches that of the best other learner less the standard error of their difference."""
    mine = np.array([r.spearman for r in cells[key]])
    others = [cells[(*key[:3], x)] for x in suite.learners if x != gate and (*key[:3], x) in cells]
    best = max((np.array([r.spearman for r in each]) for each in others), key=np.mean)
    if len(best) != len(mine):
        return bool(mine.mean() >= best.mean())
    mean, error = mean_and_error(mine - best)
    return bool(mean >= -np.nan_to_num(error))


def _moments(values: Sequence[float]) -> tuple[str, str]:
    mean, error = mean_and_error(np.array(values))
    return number(mean), number(error)


def _cost(each: Sequence[BudgetResult]) -> tuple[str, int]:
    return f"{np.mean([r.seconds for r in each]):.4g}", len(each)
