"""What the status says: rounds, counts, the best as measured and as corrected, and a start anew after a void."""

from __future__ import annotations

import pytest
from small_campaign import ASSAY, Ridge, answers, singles

from activeloop.campaigns import Campaign
from activeloop.candidates import Pool
from activeloop.cli.status import leader_words, summary_table
from activeloop.errors import InputError, StateError
from activeloop.measurements import Assay, Measurement

POOL = singles()


@pytest.fixture
def campaign() -> Campaign:
    return Campaign(POOL, [ASSAY], Ridge(), seed=3)


def test_a_measured_candidate_that_is_pinned_counts_no_round_and_loses_no_well(campaign):
    campaign.record(answers(POOL, ["K2R", "K2C", "T3S"]), "before.csv")
    campaign.pin(["K2R"])
    picks = {p.name for p in campaign.propose(4).picks}
    status, state = campaign.status(), campaign.state()
    assert (status.rounds, status.proposals, status.earlier) == (0, 1, 3)
    assert set(status.awaiting) == picks >= {"K2R"}
    assert status.missing == ()
    assert state.outstanding
    with pytest.raises(InputError, match="on a plate already"):
        campaign.pin(["K2R"])
    assert not picks & {p.name for p in campaign.propose(4, another=True).picks}
    # the value it had before comes again: a repeat, and the round is measured
    campaign.record(answers(POOL, sorted(picks)), "after.csv")
    status = campaign.status()
    assert (status.rounds, len(status.awaiting), status.results) == (1, 4, 7)
    assert [r.measurement.candidate for r in campaign.state().measured].count("K2R") == 2


def test_what_was_missing_and_is_on_a_plate_again_is_not_proposed_a_third_time(campaign):
    first = [p.name for p in campaign.propose(3).picks]
    campaign.record(answers(POOL, first[:2]), "a.csv")
    second = [p.name for p in campaign.propose(len(POOL) - 2, retry_missing=True).picks]
    assert first[2] in second
    with pytest.raises(StateError):
        campaign.propose(5, another=True, retry_missing=True)


def test_after_a_void_of_all_results_the_loop_starts_anew(campaign):
    names = [p.name for p in campaign.propose(6).picks]
    event = campaign.record(answers(POOL, names), "a.csv").event
    campaign.fit()
    assert campaign.predict([0]).version == 1
    campaign.void(event, reason="the wrong buffer")
    status = campaign.status()
    assert (status.leaders, status.best_by_round, status.stale, status.unused) == ((), (), False, True)
    assert status.next_step.startswith("All results were voided.")
    assert campaign.model() is None  # this learner predicts nothing before something was measured
    for call in (lambda: campaign.predict([0]), campaign.fit, campaign.assess):
        with pytest.raises(StateError):
            call()
    proposal = campaign.propose(6)
    assert (proposal.version, proposal.policy) == (0, "chance: there is no model yet")
    campaign.record(answers(POOL, [p.name for p in proposal.picks]), "b.csv")
    assert campaign.fit().number == 2
    assert not campaign.status().unused


def test_a_round_without_a_value_that_counts_is_left_out_of_the_best_by_round(campaign):
    first = campaign.record(answers(POOL, ["K2R", "K2C"]), "a.csv").event
    campaign.propose(3)
    campaign.record(answers(POOL, [p.name for p in campaign.state().proposals[0].picks]), "b.csv")
    campaign.void(first)
    assert len(campaign.status().best_by_round) == 1


def test_a_value_that_is_corrected_for_its_plate_stands_beside_the_measured_one(campaign):
    days = {"P1": 0.0, "P2": 2.0}
    rows = [
        Measurement(m.candidate, m.assay, m.value + shift, plate=plate, row=i)
        for plate, shift in days.items()
        for i, m in enumerate(answers(POOL, ["K2R", "K2C", "T3S", "A4G", "Y5F", "I6V"]), 2)
    ]
    best = max(rows, key=lambda m: m.value)
    campaign.record([*rows, Measurement("M1A", ASSAY.name, best.value + 5, plate="P2")], "a.csv")
    leader = campaign.status().leaders[0]
    assert leader.name == "M1A"
    assert leader.measured == pytest.approx(best.value + 5)
    assert leader.value == pytest.approx(leader.measured - 1, abs=0.1)


def test_controls_are_counted_apart(campaign):
    rows = [*answers(POOL, ["K2R", "K2C"]), *(Measurement("WT", ASSAY.name, 1.0, control=True, row=r) for r in (8, 9))]
    found = campaign.record(rows, "a.csv")
    status = campaign.status()
    assert (found.stored, found.candidates, found.control_rows, found.controls) == (4, 2, 2, ("WT",))
    assert (status.measured, status.results, status.control_results, status.controls) == (2, 2, 2, ("WT",))


def test_a_control_of_the_pool_is_one_candidate_more_for_the_model():
    pool = Pool.combinatorial("MKTA", ["K2", "T3"])
    campaign = Campaign(pool, [ASSAY], Ridge(), seed=3)
    campaign.record([*answers(pool, ["K2R"]), Measurement("WT", ASSAY.name, 1.0, control=True, row=8)], "a.csv")
    status = campaign.status()
    assert (status.measured, status.learned) == (1, 2)
    told = "1 candidates, 1 results, 1 more of the control WT (1 candidate more for the model)"
    assert told in list(summary_table(status).columns[1].cells)


@pytest.mark.parametrize(("goal", "worse"), [("maximise", "<"), ("minimise", ">")])
def test_a_limit_on_the_worse_side_is_no_best(goal, worse):
    campaign = Campaign(POOL, [Assay("KD", "nM", goal)], Ridge(), seed=3)
    sign = 1 if goal == "maximise" else -1
    values = [Measurement(name, "KD", 50.0 + sign * i) for i, name in enumerate(["K2R", "K2C", "T3S"])]
    limit = Measurement("T3A", "KD", 50.0 + sign * 30, worse)
    campaign.record([*values, limit], "a.csv")
    (leader,) = campaign.status().leaders
    assert leader_words(leader) == f"T3S: {50 + 2 * sign} nM"
    assert campaign.assess().best_name == "T3S"
    assert campaign.status().best_by_round in ((), (50.0 + 2 * sign,))
    better = Measurement("T3C", "KD", 50.0 + sign * 9, ">" if worse == "<" else "<")
    campaign.record([better], "b.csv")
    (leader,) = campaign.status().leaders
    assert leader_words(leader) == f"T3C: {better.qualifier}{better.value:.4g} nM"
