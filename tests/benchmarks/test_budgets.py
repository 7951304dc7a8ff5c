import numpy as np
import pytest

from activeloop.replay.campaign import cached_landscape
from activeloop.replay.sources import Source
from benchmarks.budgets import (
    JUDGED,
    BudgetResult,
    BudgetTask,
    all_tasks,
    budget_result,
    read_result,
    run_budget_task,
    split,
)
from benchmarks.results import run_kept
from benchmarks.suites import BudgetSuite, Costly, find_suites

PLANT = "planted-small"


def test_a_larger_budget_holds_a_smaller_one_and_judged_candidates_are_never_learned_from():
    landscape = cached_landscape(Source(PLANT))
    small, large = split(landscape, "random", 10, 3), split(landscape, "random", 20, 3)
    assert large[0][:10].tolist() == small[0].tolist()
    assert not set(large[0]) & set(large[1])
    assert split(landscape, "random", 10, 4)[0].tolist() != small[0].tolist()
    assert split(landscape, "random", len(landscape), 0) is None


def test_budgets_are_judged_on_the_same_candidates_where_the_set_is_large_enough():
    landscape = cached_landscape(Source("planted"))
    assert len(landscape) > JUDGED + 100
    assert split(landscape, "random", 24, 0)[1].tolist() == split(landscape, "random", 96, 0)[1].tolist()


def test_costly_learners_are_asked_less_unless_they_are_named():
    suite = find_suites("quality", seeds=3)[0]
    asked = {(t.dataset, t.rule, t.labels, t.seed) for t in all_tasks(suite) if t.learner == "tuned-full"}
    costly = suite.costly
    few = sum(n <= costly.most for n in suite.budgets)
    assert len(asked) == len(costly.sets) * len(costly.rules) * few * costly.seeds
    assert {seed for *_, seed in asked} == {0, 1}
    alone = all_tasks(find_suites("quality", seeds=3, learners=("tuned-full",))[0])
    assert len(alone) == len(suite.sets) * len(suite.rules) * len(suite.budgets) * 3


def result(spearman, **weights):
    return BudgetResult(spearman, 1.0, weights)


def test_costly_learners_are_compared_on_what_both_saw(tmp_path):
    costly = Costly(("slow",), ("a",), ("random",), 20, 1)
    learners = ("plain", "slow", "gate")
    suite = BudgetSuite("quality", "How well?", ("a", "b"), ("random",), (20,), learners, 2, costly)
    values = {("a", 0): (0.5, 0.6), ("a", 1): (0.1, None), ("b", 0): (0.3, None), ("b", 1): (0.3, None)}
    results = {}
    for (name, seed), (plain, slow) in values.items():
        results[BudgetTask(name, "random", 20, seed, "plain")] = result(plain)
        results[BudgetTask(name, "random", 20, seed, "gate")] = result(plain + (0.2 if name == "a" else -0.2), one=1.0)
        if slow is not None:
            results[BudgetTask(name, "random", 20, seed, "slow")] = result(slow)
    assert set(results) == set(all_tasks(suite))
    budget_result(suite, results, {}).write(tmp_path, "python -m benchmarks quality")
    page = (tmp_path / "README.md").read_text()
    row = next(line for line in page.splitlines() if line.startswith("| **minus plain**"))
    assert "0.1 (1 set)" in row  # .6 against .5, not against the mean of .5 and .1
    assert "| a | 0.3 ± 0.2 | 0.6 |" in page
    assert "`slow`" in page
    assert "1 of 2 (50%)" in page


def test_the_gate_is_judged_with_hindsight_and_without(tmp_path):
    suite = BudgetSuite("quality", "How well?", ("a",), ("random",), (20,), ("one", "other", "gate"), 2)
    values = {"one": (0.6, 0.1), "other": (0.1, 0.5), "gate": (0.3, 0.3)}
    results = {
        BudgetTask("a", "random", 20, seed, learner): result(each[seed], **({"x": 1.0} if learner == "gate" else {}))
        for learner, each in values.items()
        for seed in range(2)
    }
    budget_result(suite, results, {}).write(tmp_path, "python -m benchmarks quality")
    page = (tmp_path / "README.md").read_text()
    assert "difference from that best, -0.05" in page  # of .6 and .1 on average
    assert "with the other seeds: 0.2" in page  # each seed by who was best in the other: .1 and .1


def test_results_are_kept_and_not_computed_twice(tmp_path):
    tasks = all_tasks(BudgetSuite("quality", "How well?", (PLANT,), ("random",), (20,), ("forest", "dropout"), 2))
    first, failures = run_kept(tasks, run_budget_task, tmp_path, read_result)
    assert set(first) == set(tasks)
    assert not failures
    assert all(np.isfinite(r.spearman) and r.seconds > 0 for r in first.values())
    again, _ = run_kept(tasks, run_budget_task, tmp_path, read_result)
    assert again == first


def test_the_page_shows_every_learner_and_what_could_not_be_fitted(tmp_path):
    suite = BudgetSuite("quality", "How well?", (PLANT,), ("random",), (20,), ("forest", "dropout"), 2)
    tasks = all_tasks(suite)
    results, _ = run_kept(tasks, run_budget_task, tmp_path / "work", read_result)
    failures = {BudgetTask(PLANT, "random", 20, 0, "tanimoto"): "PoolError: no compounds"}
    budget_result(suite, results, failures).write(tmp_path / "out", "python -m benchmarks quality")
    page = (tmp_path / "out" / "README.md").read_text()
    assert "20 labels, random folds" in page
    summary = page.partition("<!-- summary -->")[2].partition("<!-- end of summary -->")[0]
    told = [line.partition("|")[2].partition("|")[0].strip() for line in summary.splitlines() if "20 labels" in line]
    assert told == [
        f"20 labels, random: {what}"
        for what in ("**mean of 1**", "**minus forest**", "CPU seconds, prediction included")
    ]
    assert "tanimoto on" in page
    assert "no compounds" in page
    rows = (tmp_path / "out" / "summary.csv").read_text().splitlines()
    assert len(rows) == 3
    assert rows[1].startswith(f"{PLANT},random,20,dropout,")


@pytest.mark.parametrize("rule", ["modulo"])
def test_positions_of_judged_candidates_have_no_label(rule):
    pytest.importorskip("sklearn")
    from activeloop import Assay, Pool
    from activeloop.replay.evaluation import mutated_positions
    from activeloop.replay.landscape import Landscape

    pool = Pool.single_mutants("MKTAYIAKQRQISFVKSHFSRQ")
    landscape = Landscape("own", pool, np.random.default_rng(0).normal(size=len(pool)), Assay("value"))
    train, judged = split(landscape, rule, 40, 2)
    positions = mutated_positions(landscape)
    assert not set(positions[train]) & set(positions[judged])
