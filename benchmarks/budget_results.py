"""What a suite of label budgets leaves under `docs/results`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from activeloop.files import write_whole
from activeloop.replay.evaluation import FoldRule
from activeloop.replay.metrics import mean_and_error
from activeloop.replay.summary import csv_text, number
from benchmarks.budgets import JUDGED, BudgetResult, BudgetTask
from benchmarks.suite_results import markdown_table, of_seeds, plus_minus, write_page
from benchmarks.suites import BudgetSuite

COLUMNS = ("dataset", "folds", "labels", "learner", "spearman", "se", "seconds", "seeds")

Results = Mapping[BudgetTask, BudgetResult]
Key = tuple[str, FoldRule, int, str]
#: results by seed, by (set, rule, labels, learner)
Cells = Mapping[Key, Mapping[int, BudgetResult]]


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
    each = [(key, list(cells[key].values())) for key in sorted(cells)]
    rows = [(*key, *_moments([r.spearman for r in found]), *_cost(found)) for key, found in each]
    write_whole(folder / "summary.csv", csv_text(COLUMNS, rows))
    sections = [_summary(suite, cells)]
    sections += [_section(suite, cells, rule, labels) for rule in suite.rules for labels in suite.budgets]
    gates = [x for x in suite.learners if any(results[t].weights for t in results if t.learner == x)]
    sections += [_gate_section(suite, results, gate) for gate in gates]
    if failures:
        told = sorted({f"- {t.learner} on {t.dataset}: {why}" for t, why in failures.items()})
        sections.append("## Not fitted\n\n" + "\n".join(told))
    how = (
        f"Spearman on at most {JUDGED} unseen candidates after so many labels, the same for all learners. "
        f"{of_seeds(suite.seeds)}; mean ± standard error over seeds, over the sets' means where there are "
        "several. `random`: unseen candidates; `modulo`: candidates at positions without a label. Features as "
        f"pretrained that an earlier fit left on disk are not counted again.{_told_costly(suite)}"
    )
    write_page(folder, suite.question, how, [s for s in sections if s], command)


def _told_costly(suite: BudgetSuite) -> str:
    """Who was asked less, as a sentence."""
    costly = suite.costly
    if not set(costly.learners) & set(suite.learners):
        return ""
    names = ", ".join(f"`{x}`" for x in costly.learners)
    return (
        f" On {', '.join(name for name in costly.sets if name in suite.sets)} alone, up to "
        f"{min(costly.most, max(suite.budgets))} labels, {' and '.join(costly.rules)} folds, "
        f"{_counted(min(costly.seeds, suite.seeds), 'seed')}, because they take minutes: {names}; they are compared on "
        "what both saw."
    )


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def by_cell(results: Results) -> Cells:
    """Results by seed, by (set, rule, labels, learner)."""
    cells: dict[Key, dict[int, BudgetResult]] = {}
    for task in sorted(results, key=lambda t: t.seed):
        cells.setdefault((task.dataset, task.rule, task.labels, task.learner), {})[task.seed] = results[task]
    return cells


def _summary(suite: BudgetSuite, cells: Cells) -> str:
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


def _together(suite: BudgetSuite, cells: Cells, rule: FoldRule, labels: int) -> list[list[str]]:
    """Rows over all sets: mean, difference from the first learner, cost; none where nothing was fitted."""
    found = {x: [s for s in suite.sets if (s, rule, labels, x) in cells] for x in suite.learners}
    most = max(map(len, found.values()))
    if not most:
        return []
    rows: list[list[str]] = [[f"**mean of {most}**"], [f"**less {suite.learners[0]}**"]]
    rows.append(["CPU seconds, prediction included"])
    for learner, sets in found.items():
        every = [list(cells[s, rule, labels, learner].values()) for s in sets]
        means = np.array([np.mean([r.spearman for r in each]) for each in every])
        differences = [_paired(cells, (s, rule, labels), learner, suite.learners[0]) for s in sets]
        less = np.array([np.mean(d) for d in differences if len(d)])
        fewer = f" ({_counted(len(less), 'set')})" if 0 < len(less) < most else ""
        rows[0].append(plus_minus(*mean_and_error(means)) if len(sets) == most else "–")
        rows[1].append(plus_minus(*mean_and_error(less)) + fewer if len(less) else "–")
        rows[2].append(f"{np.mean([r.seconds for each in every for r in each]):.3g}{fewer}" if sets else "–")
    return rows


def _paired(cells: Cells, place: tuple[str, FoldRule, int], learner: str, other: str) -> np.ndarray:
    """Of the seeds that both were fitted with: the difference of the first from the other."""
    mine, its = (cells.get((*place, x), {}) for x in (learner, other))
    return np.array([mine[seed].spearman - its[seed].spearman for seed in mine if seed in its])


def _section(suite: BudgetSuite, cells: Cells, rule: FoldRule, labels: int) -> str:
    together = _together(suite, cells, rule, labels)
    rows = []
    for name in suite.sets:
        found = [cells.get((name, rule, labels, x), {}) for x in suite.learners]
        moments = [mean_and_error(np.array([r.spearman for r in each.values()])) for each in found]
        if any(found):
            rows.append(
                [name, *(plus_minus(*each) if seen else "–" for each, seen in zip(moments, found, strict=True))]
            )
    table = markdown_table(["", *suite.learners], rows + together)
    return f"## {labels} labels, {rule} folds\n\n{table}" if rows else ""


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
    return f"## What {gate} weighs\n\n{markdown_table(['', *names], rows)}\n\n{_judged(suite, results, gate)}"


def _judged(suite: BudgetSuite, results: Results, gate: str) -> str:
    """How often the gate keeps up with the best other learner, whoever that turned out to be on each set."""
    cells, kept, less, chosen = by_cell(results), 0, [], []
    weighs = {x for x in suite.learners if any(results[t].weights for t in results if t.learner == x)}
    for rule in suite.rules:
        for labels in suite.budgets:
            places: list[tuple[str, FoldRule, int]] = [(s, rule, labels) for s in suite.sets]
            found = [_against_best(cells, suite, place, gate, weighs) for place in places]
            found = [each for each in found if len(each)]
            error = _pooled_error(found)
            kept += sum(bool(each.mean() >= -error) for each in found)
            less += [each.mean() for each in found]
            elsewhere = [_against_best(cells, suite, place, gate, weighs, elsewhere=True) for place in places]
            chosen += [each.mean() for each in elsewhere if len(each)]
    if not less:
        return ""
    told = (
        f"No worse than the best of the other learners by more than its standard error: {kept} of {len(less)} "
        f"({kept / len(less):.0%}); less that best, {plus_minus(*mean_and_error(np.array(less)))}. The best is chosen "
        "with hindsight on each set; the standard error is that of the seeds of a set, pooled over sets"
    )
    if not chosen:
        return f"{told}, and of one seed none is known: here it counts as 0."
    without = plus_minus(*mean_and_error(np.array(chosen)))
    return f"{told}. Without hindsight, less the one that was best on the same set with the other seeds: {without}."


def _against_best(
    cells: Cells,
    suite: BudgetSuite,
    place: tuple[str, FoldRule, int],
    gate: str,
    weighs: set[str],
    elsewhere: bool = False,
) -> np.ndarray:
    """By seed, the gate less the best single learner; learners that saw fewer of its seeds are left out.

    Args:
        cells: results.
        suite: names the learners.
        place: set, rule and number of labels.
        gate: its name.
        weighs: names of all that are gates.
        elsewhere: whether the best is, for each seed, the one that is best in the other seeds; empty for one seed.
    """
    mine = cells.get((*place, gate), {})
    others = {x: cells[*place, x] for x in suite.learners if x not in weighs and (*place, x) in cells}
    others = {x: each for x, each in others.items() if set(mine) <= set(each)}
    less = []
    for seed in mine if others else ():
        judges = [each for each in mine if each != seed] if elsewhere else list(mine)
        if judges:
            best = max(others.values(), key=lambda each, judges=judges: np.mean([each[s].spearman for s in judges]))
            less.append(mine[seed].spearman - best[seed].spearman)
    return np.array(less)


def _pooled_error(found: Sequence[np.ndarray]) -> float:
    """Standard error of a set's mean over seeds, pooled over sets; 0 where every set has one seed.

    >>> _pooled_error([np.array([0.0, 2.0]), np.array([1.0, 1.0])])
    0.7071067811865476
    """
    several = [each for each in found if len(each) > 1]
    return float(np.sqrt(np.mean([each.var(ddof=1) / len(each) for each in several]))) if several else 0.0


def _moments(values: Sequence[float]) -> tuple[str, str]:
    mean, error = mean_and_error(np.array(values))
    return number(mean), number(error)


def _cost(each: Sequence[BudgetResult]) -> tuple[str, int]:
    return f"{np.mean([r.seconds for r in each]):.4g}", len(each)
