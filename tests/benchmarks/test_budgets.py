import numpy as np
import pytest

from activeloop.benchmarks.budget_results import write_budgets
from activeloop.benchmarks.budgets import BudgetTask, all_tasks, run_budgets, split
from activeloop.benchmarks.replay import cached_landscape
from activeloop.benchmarks.sources import Source
from activeloop.benchmarks.suites import BudgetSuite

PLANT = "planted-small"


def test_a_larger_budget_holds_a_smaller_one_and_judged_candidates_are_never_learned_from():
    landscape = cached_landscape(Source(PLANT))
    small, large = split(landscape, "random", 10, 3), split(landscape, "random", 20, 3)
    assert large[0][:10].tolist() == small[0].tolist()
    assert not set(large[0]) & set(large[1])
    assert split(landscape, "random", 10, 4)[0].tolist() != small[0].tolist()
    assert split(landscape, "random", len(landscape), 0) is None


def test_results_are_kept_and_not_computed_twice(tmp_path):
    tasks = all_tasks([PLANT], ["random"], [20], 2, ["forest", "dropout"])
    first, failures = run_budgets(tasks, tmp_path)
    assert set(first) == set(tasks)
    assert not failures
    assert all(np.isfinite(r.spearman) and r.seconds > 0 for r in first.values())
    again, _ = run_budgets(tasks, tmp_path)
    assert again == first


def test_the_page_shows_every_learner_and_what_could_not_be_fitted(tmp_path):
    suite = BudgetSuite("quality", "How well?", (PLANT,), ("random",), (20,), ("forest", "dropout"), 2)
    tasks = all_tasks(suite.sets, suite.rules, suite.budgets, suite.seeds, suite.learners)
    results, _ = run_budgets(tasks, tmp_path / "work")
    failures = {BudgetTask(PLANT, "random", 20, 0, "tanimoto"): "PoolError: no compounds"}
    write_budgets(tmp_path / "out", suite, results, failures, "activeloop bench quality")
    page = (tmp_path / "out" / "README.md").read_text()
    assert "20 labels, random folds" in page
    summary = page.partition("<!-- summary -->")[2].partition("<!-- end of summary -->")[0]
    told = [line.partition("|")[2].partition("|")[0].strip() for line in summary.splitlines() if "20 labels" in line]
    assert told == [
        f"20 labels, random: {what}"
        for what in ("**mean of 1**", "**less forest**", "CPU seconds, prediction included")
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
    from activeloop.benchmarks.folds import mutated_positions
    from activeloop.benchmarks.landscape import Landscape

    pool = Pool.single_mutants("MKTAYIAKQRQISFVKSHFSRQ")
    landscape = Landscape("own", pool, np.random.default_rng(0).normal(size=len(pool)), Assay("value"))
    train, judged = split(landscape, rule, 40, 2)
    positions = mutated_positions(landscape)
    assert not set(positions[train]) & set(positions[judged])
