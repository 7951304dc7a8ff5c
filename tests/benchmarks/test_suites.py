"""Suites: that they ask what the project must show, and what they write."""

import csv
from pathlib import Path

import numpy as np
import pytest

from activeloop.errors import ConfigError
from activeloop.replay import Protocol, Source, load_landscape, replay_all, write_results
from activeloop.replay.campaign import Turn
from activeloop.replay.sources import registry
from benchmarks.learners import check_learner, policy_of
from benchmarks.replays import Suite, labels_needed, suite_result
from benchmarks.suites import BudgetSuite, find_suites, suites


def test_every_suite_names_public_sets_and_known_policies():
    landscape = load_landscape(Source("planted-small"))
    for suite in suites().values():
        assert set(suite.sets) <= set(registry()), suite.name
        for policy in suite.policies if isinstance(suite, Suite) else ():
            assert policy_of(policy, landscape.pool, suite.protocol, landscape.assay).name == policy
        for learner in suite.learners if isinstance(suite, BudgetSuite) else ():
            check_learner(learner)


def test_the_protocols_are_those_of_the_literature():
    assert suites()["gb1"].protocol == Protocol("find", 96, 96, 4, "random")
    assert suites()["gb1"].seeds == 50
    assert suites()["singles"].protocol == Protocol("find", 16, 16, 2, "own")
    assert len(suites()["singles"].sets) >= 12
    assert suites()["enamine"].protocol.labels == (104, 208, 312, 416, 520, 624)
    assert suites()["docking"].protocol.labels[-1] == 360


def test_an_unknown_suite_is_refused():
    with pytest.raises(ConfigError, match="gb1"):
        find_suites("gb2")[0]


def campaign(values):
    return [Turn(i, 10 * (i + 1), (), {"auroc": value}, 0.0) for i, value in enumerate(values)]


def test_labels_needed_are_compared_within_seeds():
    turns = {("full", seed): campaign([1.0]) for seed in (0, 1)}
    turns |= {("random", 0): campaign([0.5, 0.7, 0.9]), ("random", 1): campaign([0.5, 0.6, 0.7])}
    turns |= {("default", 0): campaign([0.5, 0.9]), ("default", 1): campaign([0.9, 0.9])}
    by_policy = {need.policy: need for need in labels_needed(turns, "auroc")}
    assert set(by_policy) == {"random", "default"}
    assert by_policy["random"].labels == 30
    assert by_policy["random"].reached == 0.5
    assert by_policy["default"].labels == 15
    assert by_policy["default"].saved == pytest.approx(np.mean([1 - 20 / 30, 1 - 10 / 30]))


def test_a_suite_is_gathered_from_its_replays(tmp_path):
    protocol = Protocol("learn", start=10, batch=10, rounds=1)
    policies = ("forest:random", "random", "full")
    suite = Suite("tiny", "How few labels?", ("planted-small",), protocol, policies, 2, ("auroc",))
    source = Source("planted-small")
    landscape = load_landscape(source)
    outcome = replay_all(landscape, protocol, policies, 2, tmp_path / "replay")
    write_results(tmp_path / "replay", landscape, protocol, outcome)
    suite_result(suite, {"planted-small": tmp_path / "replay"}).write(tmp_path / "out", "python -m benchmarks tiny")
    page = (tmp_path / "out" / "README.md").read_text()
    assert "# How few labels?" in page
    assert "`python -m benchmarks tiny`" in page
    assert "labels saved against random" in page
    assert (tmp_path / "out" / "planted-small.png").stat().st_size > 1000
    with (tmp_path / "out" / "summary.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["labels"] for row in rows if row["policy"] == "full"} == {str(144 - 28)}
    assert {row["policy"] for row in rows} == set(policies)


def test_the_parts_of_a_replay_are_small(tmp_path):
    """A suite keeps thousands of them."""
    source, protocol = Source("planted-small"), Protocol(start=8, batch=4, rounds=1)
    replay_all(load_landscape(source), protocol, ("evolvepro-top-layer",), 1, Path(tmp_path))
    (part,) = tmp_path.glob("parts/*.json")
    assert part.stat().st_size < 1500
