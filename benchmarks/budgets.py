"""Prediction from a budget of labels: the same few measured candidates for every learner, the same unseen ones."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from activeloop.errors import ActiveLoopError
from activeloop.measurements import Dataset
from activeloop.models.scale import ScaledPredictor
from activeloop.models.stacking import StackingPredictor
from activeloop.prediction import mean_of
from activeloop.replay.campaign import cached_landscape
from activeloop.replay.evaluation import FOLDS, FoldRule, fold_numbers
from activeloop.replay.landscape import Landscape
from activeloop.replay.metrics import mean_and_error, spearman
from activeloop.replay.sources import Source
from activeloop.replay.summary import number
from benchmarks.learners import learner_of
from benchmarks.results import Result, markdown_table, mean_se, not_done, of_seeds, parts_of, section

#: maximum number of unseen candidates that are predicted
JUDGED = 500


@dataclass(frozen=True)
class Costly:
    """What learners are asked whose fits take minutes.

    Args:
        learners: their names.
        sets: on these alone.
        rules: with these alone.
        most: maximum number of labels.
        seeds: their number.
    """

    learners: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    rules: tuple[FoldRule, ...] = ()
    most: int = 0
    seeds: int = 0

    def asks(self, learner: str, name: str, rule: FoldRule, labels: int, seed: int) -> bool:
        """Whether a fit is asked for; all fits of other learners are.

        >>> costly = Costly(("slow",), ("a",), ("random",), 96, 1)
        >>> costly.asks("slow", "a", "random", 96, 0), costly.asks("slow", "a", "random", 96, 1)
        (True, False)
        """
        few = name in self.sets and rule in self.rules and labels <= self.most and seed < self.seeds
        return learner not in self.learners or few


@dataclass(frozen=True)
class BudgetSuite:
    """Prediction of several sets from few labels.

    Args:
        name: of the suite and of its folder of results.
        question: what it answers.
        sets: public sets.
        rules: how labelled and judged candidates are parted.
        budgets: numbers of labels.
        learners: who predicts; differences are shown against the first.
        seeds: draws of the labelled candidates.
        costly: those of the learners that are asked less.
    """

    name: str
    question: str
    sets: tuple[str, ...]
    rules: tuple[FoldRule, ...]
    budgets: tuple[int, ...]
    learners: tuple[str, ...]
    seeds: int
    costly: Costly = field(default_factory=Costly)


@dataclass(frozen=True)
class BudgetTask:
    """One fit.

    Args:
        dataset: name of a public set.
        rule: `random`: unseen candidates; `modulo`: at positions without a label.
        labels: how many candidates are measured; 0: the prior alone.
        seed: which ones.
        learner: its name, see `policies.learner_of`.
    """

    dataset: str
    rule: FoldRule
    labels: int
    seed: int
    learner: str

    @property
    def file(self) -> str:
        """Under which its result is kept."""
        return f"{self.dataset}+{self.rule}+{self.labels}+{self.seed}+{self.learner}.json"


@dataclass(frozen=True)
class BudgetResult:
    """What came of it.

    Args:
        spearman: on the unseen candidates.
        seconds: CPU seconds of fit and prediction.
        weights: of each learner, when it was a stacking ensemble.
    """

    spearman: float
    seconds: float
    weights: dict[str, float]


def split(landscape: Landscape, rule: FoldRule, labels: int, seed: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Rows to learn from and rows to be judged on; None when the set is too small.

    The first `labels` of an order that the seed draws, so a larger budget holds a smaller one; the last ones of it are
    judged, so budgets are judged on the same candidates where the set is large enough. With `modulo` the judged
    candidates stand at a fifth of the positions, at which nothing is measured.
    """
    if rule == "random":
        order = np.random.default_rng(seed).permutation(len(landscape))
        train, rest = order[:labels], order[labels:]
    else:
        folds = fold_numbers(landscape, rule, seed)
        order = np.random.default_rng(seed).permutation(np.flatnonzero(folds >= 0))
        apart = folds[order] == seed % FOLDS
        train, rest = order[~apart][:labels], order[apart]
    return (train, rest[-JUDGED:]) if len(train) == labels and len(rest) >= 50 else None


def run_budget_task(task: BudgetTask) -> BudgetResult | str:
    """Fit and judge; a learner that cannot be fitted gives the reason, a set that is too small the empty string."""
    landscape = cached_landscape(Source(task.dataset))
    rows = split(landscape, task.rule, task.labels, task.seed)
    if rows is None:
        return ""
    train, judged = rows
    clock = time.process_time()
    try:
        data = Dataset.of(landscape.pool, train, landscape.values[train], landscape.assay).oriented()
        learner = learner_of(task.learner, landscape.pool, "find")
        predictor = learner.fit(data, task.seed) if task.labels else learner.prior(landscape.pool)
        if predictor is None:
            return f"{task.learner} predicts nothing before any label"
        predicted = mean_of(predictor, landscape.pool, judged)[:, 0]
    except ActiveLoopError as error:
        return f"{type(error).__name__}: {error}"
    weights = {}
    predictor = predictor.fitted if isinstance(predictor, ScaledPredictor) else predictor
    if isinstance(predictor, StackingPredictor):
        weights = dict(zip(predictor.names, predictor.weights.round(4).tolist(), strict=True))
    agreement = spearman(predicted, landscape.oriented[judged])
    return BudgetResult(agreement, round(time.process_time() - clock, 3), weights)


def read_result(text: str) -> BudgetResult:
    """From JSON."""
    return BudgetResult(**json.loads(text))


def all_tasks(suite: BudgetSuite) -> list[BudgetTask]:
    """Every fit that a suite asks for; seeds outermost, so that a stopped suite has looked at all sets."""
    return [
        BudgetTask(name, rule, labels, seed, learner)
        for seed in range(suite.seeds)
        for name in suite.sets
        for rule in suite.rules
        for labels in suite.budgets
        for learner in suite.learners
        if suite.costly.asks(learner, name, rule, labels, seed)
    ]


COLUMNS = ("dataset", "folds", "labels", "learner", "spearman", "se", "seconds", "seeds")
#: of every seed
EACH = ("dataset", "folds", "labels", "learner", "seed", "spearman")

Results = Mapping[BudgetTask, BudgetResult]
Key = tuple[str, FoldRule, int, str]
#: results by seed, by (set, rule, labels, learner)
Cells = Mapping[Key, Mapping[int, BudgetResult]]


def budget_result(suite: BudgetSuite, results: Results, failures: Mapping[BudgetTask, str]) -> Result:
    """What a suite found; failures tell why a fit has no result."""
    cells = by_cell(results)
    each = [(key, list(cells[key].values())) for key in sorted(cells)]
    rows = [(*key, *_moments([r.spearman for r in found]), *_cost(found)) for key, found in each]
    ensembles = [x for x in suite.learners if any(results[t].weights for t in results if t.learner == x)]
    how = (
        f"Spearman on at most {JUDGED} unseen candidates after so many labels, the same for all learners. "
        f"{of_seeds(suite.seeds)}; mean ± standard error over seeds, over the sets' means where there are "
        "several. `random`: unseen candidates; `modulo`: candidates at positions without a label. Features as "
        f"pretrained that an earlier fit left on disk are not counted again.{_told_costly(suite)}"
    )
    sections = [
        _summary(suite, cells),
        *(_section(suite, cells, rule, labels) for rule in suite.rules for labels in suite.budgets),
        *(_stacking_section(suite, results, ensemble) for ensemble in ensembles),
        not_done("Not fitted", (f"{t.learner} on {t.dataset}: {why}" for t, why in failures.items())),
    ]
    seeds = [(*key, seed, r.spearman) for key in sorted(cells) for seed, r in cells[key].items()]
    tables = {"summary": (COLUMNS, rows), "rounds": (EACH, seeds)}
    return Result(suite.question, how, sections, tables, parts=parts_of(suite.learners))


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
    rows: list[list[str]] = [[f"**mean of {most}**"], [f"**minus {suite.learners[0]}**"]]
    rows.append(["CPU seconds, prediction included"])
    for learner, sets in found.items():
        every = [list(cells[s, rule, labels, learner].values()) for s in sets]
        means = np.array([np.mean([r.spearman for r in each]) for each in every])
        differences = [_paired(cells, (s, rule, labels), learner, suite.learners[0]) for s in sets]
        less = np.array([np.mean(d) for d in differences if len(d)])
        fewer = f" ({_counted(len(less), 'set')})" if 0 < len(less) < most else ""
        rows[0].append(mean_se(means) if len(sets) == most else "–")
        rows[1].append(mean_se(less) + fewer if len(less) else "–")
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
        if any(found):
            rows.append([name, *(mean_se(r.spearman for r in each.values()) if each else "–" for each in found)])
    table = markdown_table(["", *suite.learners], rows + together)
    return section(f"{labels} labels, {rule} folds", table if rows else "")


def _stacking_section(suite: BudgetSuite, results: Results, ensemble: str) -> str:
    """Weights of a stacking ensemble, and how often it is no worse than the best single learner."""
    tasks = [t for t in results if t.learner == ensemble and results[t].weights]
    names = list(dict.fromkeys(name for t in tasks for name in results[t].weights))
    rows = []
    for rule in suite.rules:
        for labels in suite.budgets:
            some = [results[t].weights for t in tasks if (t.rule, t.labels) == (rule, labels)]
            if some:
                rows.append([f"{rule}, {labels}", *(f"{np.mean([w[n] for w in some]):.0%}" for n in names)])
    return section(f"Weights of {ensemble}", markdown_table(["", *names], rows), _judged(suite, results, ensemble))


def _judged(suite: BudgetSuite, results: Results, ensemble: str) -> str:
    """How often the ensemble keeps up with the best other learner, whoever that turned out to be on each set."""
    cells, kept, less, chosen = by_cell(results), 0, [], []
    weighs = {x for x in suite.learners if any(results[t].weights for t in results if t.learner == x)}
    for rule in suite.rules:
        for labels in suite.budgets:
            places: list[tuple[str, FoldRule, int]] = [(s, rule, labels) for s in suite.sets]
            found = [_against_best(cells, suite, place, ensemble, weighs) for place in places]
            found = [each for each in found if len(each)]
            error = _pooled_error(found)
            kept += sum(bool(each.mean() >= -error) for each in found)
            less += [each.mean() for each in found]
            elsewhere = [_against_best(cells, suite, place, ensemble, weighs, elsewhere=True) for place in places]
            chosen += [each.mean() for each in elsewhere if len(each)]
    if not less:
        return ""
    told = (
        f"No worse than the best of the other learners by more than its standard error: {kept} of {len(less)} "
        f"({kept / len(less):.0%}); difference from that best, {mean_se(less)}. The best is chosen "
        "with hindsight on each set; the standard error is that of the seeds of a set, pooled over sets"
    )
    if not chosen:
        return f"{told}, and of one seed none is known: here it counts as 0."
    without = f"difference from the one that was best on the same set with the other seeds: {mean_se(chosen)}"
    return f"{told}. Without hindsight, {without}."


def _against_best(
    cells: Cells,
    suite: BudgetSuite,
    place: tuple[str, FoldRule, int],
    ensemble: str,
    weighs: set[str],
    elsewhere: bool = False,
) -> np.ndarray:
    """By seed, the ensemble minus the best single learner; learners that saw fewer of its seeds are left out.

    Args:
        cells: results.
        suite: names the learners.
        place: set, rule and number of labels.
        ensemble: its name.
        weighs: names of all stacking ensembles.
        elsewhere: whether the best is, for each seed, the one that is best in the other seeds; empty for one seed.
    """
    mine = cells.get((*place, ensemble), {})
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
