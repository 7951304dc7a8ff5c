"""The arm of the proposal: its suites, and a page that follows from its table."""

import pytest

from activeloop.errors import ConfigError
from activeloop.replay.policies import check_policy
from benchmarks.dropout import ARM, COLUMNS, OWN_RANDOM, POLICIES, arms, command, dropout_result, unread


def campaigns(suite, dataset, seeds, leave_out=()):
    """Made-up campaigns of two plates; the arm is .1 above its random twin after the second."""
    level = {"default": 0.8, "random": 0.6, OWN_RANDOM: 0.5, ARM: 0.6, "full": 0.8}
    for policy in (*POLICIES, "full"):
        for seed in range(seeds):
            for plate in range(1 if policy == "full" else 2):
                if (policy, seed) not in leave_out:
                    value = f"{level[policy] - (0.2 if plate == 0 and policy != 'full' else 0) + seed / 100}"
                    known = {"accuracy": value, "auroc": value, "seconds": "2", "round": str(plate)}
                    own = {"policy": policy, "seed": str(seed), "labels": str(24 * (plate + 1))}
                    yield {**dict.fromkeys(COLUMNS, ""), **known, **own, "suite": suite, "dataset": dataset}


def test_every_suite_of_campaigns_has_the_arm():
    for suite in arms().values():
        assert {ARM, OWN_RANDOM, "default", "random"} <= set(suite.policies)
        for policy in suite.policies:
            check_policy(policy)
    assert {"learn", "landscapes", "gb1", "singles", "docking", "enamine", "stokes"} <= set(arms())
    assert unread(arms()["docking"]) == ["usp7", "d2r"]
    assert unread(arms()["learn"]) == []
    assert unread(arms()["landscapes"]) == ["cr9114-h3", "cr9114-flub", "ch65", "eqfp611"]


def test_the_page_pairs_seeds_and_names_what_is_missing():
    first, second = arms()["learn"].sets[:2]
    rows = [*campaigns("learn", first, 3), *campaigns("learn", second, 3, leave_out=[(ARM, 2)])]
    costs = [{"suite": "landscapes", "dataset": "pard2", "candidates": "7882", "seconds": "1234"}]
    page = "\n\n".join(dropout_result(rows, costs).sections)
    accuracy = next(line for line in page.splitlines() if line.startswith("| share classified correctly"))
    assert [cell.split(" ± ")[0] for cell in accuracy.split(" | ")[-3:]] == ["-0.2", "0", "0.1"]
    assert f"`learn`, {second}: `{ARM}` could not be fitted under 1 of 3 seeds" in page
    assert "`landscapes`: not in this run (4 sets); a campaign of the arm would take about 1,234 CPU seconds" in page
    assert "`docking`: usp7, d2r: compounds" in page
    assert f"`learn`: its other {len(arms()['learn'].sets) - 2} sets: not in this run" in page
    assert "saved against its own random" in page


@pytest.mark.parametrize(
    ("suites", "why"),
    [
        ("docking", "does not read"),
        ("gb2", "is no suite of campaigns"),
        ("learn:few", "give a number of seeds"),
    ],
)
def test_what_cannot_be_replayed_is_refused(suites, why, tmp_path):
    with pytest.raises(ConfigError, match=why):
        command(only=suites, out=tmp_path)
    assert not list(tmp_path.iterdir())
