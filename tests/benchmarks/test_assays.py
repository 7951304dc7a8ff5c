"""Replays of two assays: thresholds and fronts are judged by all candidates, and policies share their first plate."""

import numpy as np
import pytest

from activeloop.candidates import Pool
from activeloop.measurements import Assay
from benchmarks.assays import BATCH, PAIRS, POLICIES, ROUNDS, START, Campaign, Judge, Truth, assays_result, replayed

POOL = Pool.single_mutants("MKTAYIAKQRQISFVKSHFSRQ")


def truth(threshold):
    rng = np.random.default_rng(0)
    effect = np.repeat(rng.normal(size=22), 19)
    first = effect + 0.1 * rng.normal(size=len(POOL))
    second = np.roll(effect, 57) + 0.4 * first + 0.1 * rng.normal(size=len(POOL))
    values = np.column_stack([first, second])
    values[:7, 1] = np.nan
    return Truth(POOL, values, (Assay("a"), Assay("b", goal="minimise", threshold=threshold)))


def test_everything_measured_is_perfect_and_nothing_good_is_nothing():
    for limit in (None, 0.0):
        some = truth(limit)
        judge = Judge.of(some)
        assert all(value == pytest.approx(1) for value in judge(some.rows).values())
        worst = some.rows[np.argsort(some.oriented[some.rows].sum(1))[:5]]
        assert all(value < 0.2 for value in judge(worst).values())


@pytest.mark.parametrize("threshold", [None, -0.2])
def test_policies_begin_alike_and_never_propose_what_is_not_known(threshold):
    courses = {policy: replayed(truth(threshold), policy, 3) for policy in POLICIES}
    starts = [{k: v for k, v in course[0].items()} for course in courses.values()]
    assert starts[0] == starts[1] == starts[2]
    for course in courses.values():
        assert [one["labels"] for one in course] == [START + BATCH * i for i in range(ROUNDS + 1)]
        for name in set(course[0]) - {"labels"}:
            assert (np.diff([one[name] for one in course]) >= -1e-12).all()
    name = "volume" if threshold is None else "top1pct_within"
    assert courses["default"][-1][name] >= courses["random"][-1][name]


def test_the_page_has_every_seed(tmp_path):
    pair = next(iter(PAIRS))
    done = {
        Campaign(pair, "front", policy, seed): replayed(truth(None), policy, seed)
        for policy in ("first alone", "random")
        for seed in range(2)
    }
    assays_result(done, ["a reason"]).write(tmp_path, "the command")
    assert len((tmp_path / "rounds.csv").read_text("utf-8").splitlines()) == 1 + 2 * 2 * (ROUNDS + 1)
    assert "| vkor1 |" in (tmp_path / "README.md").read_text("utf-8")
