"""The loop: proposals, results, versions, and that a question never writes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.stats import spearmanr
from small_campaign import ASSAY, Line, Ridge, answers, singles, truth

from activeloop.acquisition import ExpectedImprovement, Greedy, Recommender, Thompson, UpperConfidenceBound, Variance
from activeloop.campaigns import Campaign, CampaignState, InMemoryLog, Pinned, Proposed
from activeloop.campaigns.events import encode
from activeloop.candidates import Compound, Pool
from activeloop.errors import InputError, MeasurementError, StateError
from activeloop.measurements import Assay, Measurement
from activeloop.plates import Plate
from activeloop.prediction import Prediction, Predictor

POOL = singles()


def loop(**settings) -> Campaign:
    return Campaign(POOL, [ASSAY], Ridge(), **{"seed": 3, **settings})


def turn(campaign: Campaign, n: int = 8, **settings) -> list[str]:
    """One whole round; returns the names that were tested."""
    names = [p.name for p in campaign.propose(n, **settings).picks]
    number = len(campaign.state().proposals)
    campaign.record(answers(POOL, names, plate=f"P{number}"), f"results_{number}.csv")
    return names


def test_three_rounds_find_the_planted_optimum_and_test_nothing_twice():
    campaign = loop(seed=1)
    tested = [name for _ in range(4) for name in turn(campaign, 16)]
    assert len(tested) == len(set(tested)) == 64
    best = POOL.design(int(np.argmax(truth(POOL)))).name
    assert best in tested
    status = campaign.status()
    assert status.leaders[0].name == best
    assert (status.rounds, status.proposals, status.measured, len(status.versions)) == (4, 4, 64, 3)


def test_the_same_seed_and_events_give_the_same_proposals():
    runs = [loop(), loop()]
    assert [turn(runs[0]) for _ in range(3)] == [turn(runs[1]) for _ in range(3)]
    other = loop(seed=4)
    assert turn(other) != [p.name for p in runs[0].state().proposals[0].picks]


def test_a_seed_of_its_own_is_stored_with_the_proposal():
    a, b = loop().propose(8, seed=11), loop(seed=99).propose(8, seed=11)
    assert encode(Proposed(a)) == encode(Proposed(b))
    assert a.seed == 11


def test_an_outstanding_proposal_is_returned_again_and_another_shares_nothing_with_it():
    campaign = loop()
    first = campaign.propose(8)
    assert campaign.propose(8) is first
    assert campaign.propose(99) is first
    second = campaign.propose(8, another=True)
    assert second.number == 2
    assert not {p.name for p in first.picks} & {p.name for p in second.picks}
    assert campaign.propose(8) is second


def test_questions_never_write():
    campaign = loop()
    turn(campaign)
    campaign.fit()
    before = list(campaign.log)
    campaign.status(), campaign.dataset(), campaign.assess(), campaign.predict([0, 1]), campaign.validation()
    campaign.state(), campaign.model()
    assert list(campaign.log) == before


def test_propose_fits_what_came_in_and_fit_again_gives_the_same_version():
    campaign = loop()
    turn(campaign)
    assert campaign.status().stale
    assert campaign.propose(4).version == 1
    version = campaign.fit()
    assert version.number == 1
    assert campaign.fit(again=True).number == 2
    assert version.explanation == "A line through 8 candidates."
    assert version.data_hash == campaign.dataset().hash


def test_fit_without_results_is_refused():
    with pytest.raises(StateError, match="nothing was measured yet"):
        loop().fit()
    with pytest.raises(StateError, match="no model yet"):
        loop().predict([0])
    with pytest.raises(StateError, match="no round can be judged"):
        loop().assess()


def test_a_proposal_of_the_whole_pool_then_nothing_is_left():
    campaign = loop()
    names = turn(campaign, 500)
    assert len(names) == len(POOL)
    with pytest.raises(StateError, match="Nothing is left"):
        campaign.propose(1)
    assert len(campaign.state().proposals) == 1


def test_a_file_read_twice_is_recognised():
    campaign = loop()
    rows = answers(POOL, ["M1A", "K2R"])
    first = campaign.record(rows, "a.csv", "hash-a")
    again = campaign.record(rows, "copy of a.csv", "hash-a")
    assert (first.stored, first.event, first.read_before) == (2, 2, False)
    assert (again.stored, again.event, again.read_before) == (0, 2, True)
    assert campaign.state().last == 2


def test_a_growing_spreadsheet_adds_only_its_new_rows():
    campaign = loop()
    campaign.record(answers(POOL, ["M1A", "K2R"]), "all.csv", "one")
    summary = campaign.record(answers(POOL, ["M1A", "K2R", "T3S"]), "all.csv", "two")
    assert (summary.stored, summary.duplicates) == (1, 2)
    assert len(campaign.dataset()) == 3


def test_equal_replicates_of_one_file_are_all_stored():
    campaign = loop()
    row = answers(POOL, ["M1A"])[0]
    summary = campaign.record([replace(row, replicate=i, row=i + 1) for i in (1, 2, 3)], "a.csv", "h")
    assert (summary.stored, summary.candidates) == (3, 1)
    assert campaign.record([row], "b.csv", "h2").stored == 1  # not all of the earlier file: measured again


def test_a_well_with_two_values_is_refused_and_nothing_is_stored():
    campaign = loop()
    campaign.record(answers(POOL, ["M1A"], plate="P1"), "a.csv")
    other = [replace(answers(POOL, ["M1A"], plate="P1")[0], value=99.0), *answers(POOL, ["K2R"])]
    with pytest.raises(MeasurementError, match=r"b.csv, row 2: well A1 of P1 already has activity"):
        campaign.record(other, "b.csv")
    assert campaign.state().last == 2
    campaign.void(2, reason="wrong dilution")
    assert campaign.record(other, "b.csv").stored == 2


@pytest.mark.parametrize(
    ("measurement", "message"),
    [
        (Measurement("W9C", "activity", 1.0, row=4), 'x.csv, row 4: "W9C": position 9 is outside'),
        (Measurement("M1A", "yield", 1.0, row=5), 'x.csv, row 5: "yield" is not an assay'),
    ],
)
def test_rows_that_fit_nothing_are_refused_whole(measurement, message):
    campaign = loop()
    with pytest.raises(MeasurementError, match=message):
        campaign.record([*answers(POOL, ["K2R"]), measurement], "x.csv")
    assert campaign.state() == CampaignState()


def test_names_are_stored_in_standard_notation_and_the_wild_type_is_a_control():
    campaign = loop()
    campaign.record([Measurement(" m1a", "activity", 1.0), Measurement("WT", "activity", 0.5)])
    stored = [r.measurement for r in campaign.state().results]
    assert [(m.candidate, m.control) for m in stored] == [("M1A", False), ("WT", True)]


def test_voided_results_stay_on_record_and_no_longer_count():
    campaign = loop()
    campaign.record(answers(POOL, ["M1A", "K2R", "T3S"]), "a.csv")
    assert campaign.void(2, rows=[3], reason="bubble") == 1
    assert campaign.void(2, rows=[3], reason="bubble") == 0
    assert campaign.dataset().pool.names(campaign.dataset().rows) == ["M1A", "T3S"]
    assert [r.void for r in campaign.state().results] == [None, "bubble", None]
    assert "K2R" in {p.name for p in campaign.propose(500).picks}
    with pytest.raises(InputError, match="event 7 holds no results"):
        campaign.void(7)
    with pytest.raises(InputError, match="no result from row 40"):
        campaign.void(2, rows=[40])


def test_a_file_voided_whole_can_be_recorded_again():
    campaign = loop()
    campaign.record(answers(POOL, ["M1A"]), "a.csv", "h")
    campaign.void(2)
    assert campaign.record(answers(POOL, ["M1A"]), "a.csv", "h").stored == 1
    assert campaign.record(answers(POOL, ["M1A"]), "a.csv", "h").read_before


def test_pins_come_first_once_and_vetoes_never():
    campaign = loop()
    assert campaign.pin(["y5w", "I6V"], "asked by the boss") == ("Y5W", "I6V")
    campaign.veto(["M1A"])
    first = campaign.propose(4)
    assert [p.name for p in first.picks[:2]] == ["Y5W", "I6V"]
    campaign.record(answers(POOL, [p.name for p in first.picks]), "a.csv")
    rest = campaign.propose(500)
    names = {p.name for p in rest.picks}
    assert len(names) == len(POOL) - 4 - 1
    assert not names & {"Y5W", "I6V", "M1A"}


def test_a_measured_candidate_that_is_pinned_is_proposed_again():
    campaign = loop()
    names = turn(campaign)
    campaign.pin([names[0]])
    assert campaign.propose(4).picks[0].name == names[0]
    campaign.record(answers(POOL, [p.name for p in campaign.propose(4).picks], plate="P9"), "again.csv")
    assert names[0] not in {p.name for p in campaign.propose(4).picks}


def test_what_is_on_a_plate_cannot_be_pinned_and_unknown_names_are_refused():
    campaign = loop()
    name = campaign.propose(4).picks[0].name
    with pytest.raises(InputError, match="on a plate already"):
        campaign.pin([name])
    with pytest.raises(InputError, match='"A1A": the wild type has M'):
        campaign.veto(["A1A"])
    with pytest.raises(InputError, match="at least one"):
        campaign.pin([])
    assert campaign.state().last == 2


def test_a_pin_lifts_a_veto_and_the_other_way_round():
    campaign = loop()
    campaign.veto(["M1A"])
    campaign.pin(["M1A"])
    assert (list(campaign.state().pinned), list(campaign.state().vetoed)) == (["M1A"], [])
    campaign.veto(["M1A"])
    assert (list(campaign.state().pinned), list(campaign.state().vetoed)) == ([], ["M1A"])


def test_missing_wells_are_not_proposed_without_retry_missing():
    campaign = loop()
    names = [p.name for p in campaign.propose(8).picks]
    campaign.record(answers(POOL, names[:6]), "a.csv")
    assert campaign.state().missing == set(names[6:])
    assert campaign.status().missing == tuple(sorted(names[6:]))
    everything = {p.name for p in campaign.propose(500).picks}
    assert not everything & set(names)
    campaign = loop()
    names = [p.name for p in campaign.propose(8).picks]
    campaign.record(answers(POOL, names[:6]), "a.csv")
    assert {p.name for p in campaign.propose(500, retry_missing=True).picks} >= set(names[6:])


def test_failed_wells_may_be_proposed_again():
    campaign = loop()
    names = [p.name for p in campaign.propose(8).picks]
    rows = answers(POOL, names)
    campaign.record([*rows[:7], replace(rows[7], value=float("nan"))], "a.csv")
    assert len(campaign.dataset()) == 7
    assert campaign.state().missing == frozenset()
    assert names[7] in {p.name for p in campaign.propose(500).picks}


def test_rounds_count_turns_of_the_loop():
    campaign = loop()
    campaign.record(answers(POOL, ["M1A", "K2R"]), "literature.csv")
    campaign.record(answers(POOL, ["K2A", "T3S"]), "more.csv")
    turn(campaign, 4)
    turn(campaign, 4)
    assert sorted(campaign.dataset().rounds.tolist()) == [0] * 4 + [1] * 4 + [2] * 4


def test_predictions_are_in_the_unit_and_direction_of_the_assay():
    slow = Assay("activity", goal="minimise")
    up, down = loop(), Campaign(POOL, [slow], Ridge(), seed=3)
    for campaign in (up, down):
        campaign.record(answers(POOL, ["M1A", "K2R", "T3S", "A4V"]), "a.csv")
        campaign.fit()
    rows = np.arange(5)
    assert np.allclose(up.predict(rows).mean, down.predict(rows).mean)
    assert (down.predict(rows).low < down.predict(rows).high).all()
    assert all(p.low <= p.mean <= p.high for p in down.propose(4).picks)
    best = down.status().leaders[0]
    assert best.value == min(down.dataset().values[:, 0])


def test_a_proposed_wild_type_that_comes_back_by_name_is_a_result_not_a_control():
    pool = Pool.combinatorial("MKTAYI", ["K2", "A4"], letters="KA")
    campaign = Campaign(pool, [ASSAY], Ridge(), seed=3)
    campaign.pin(["WT"])
    campaign.propose(3)
    rows = [
        Measurement(n, "activity", float(i), control=n == "WT") for i, n in enumerate(["WT", "K2A", "A4K", "K2A:A4K"])
    ]
    campaign.record(rows[:1])
    assert "WT" not in campaign.state().awaiting
    assert len(campaign.state().measured) == 1
    assert campaign.record(rows).duplicates == 1
    assert len(campaign.state().measured) == 4


@pytest.mark.parametrize("score", [Greedy(), UpperConfidenceBound(), ExpectedImprovement(), Variance(), Thompson()])
def test_reasons_name_the_prediction_in_the_direction_of_the_assay(score):
    campaign = Campaign(POOL, [Assay("activity", goal="minimise")], Ridge(), Recommender(score), seed=3)
    rows = [Measurement(name, "activity", 40.0 + i) for i, name in enumerate(["M1A", "K2R", "T3S", "A4V"])]
    campaign.record(rows)
    for pick in campaign.propose(4).picks:
        assert f" {pick.mean:.3g}" in pick.reason
        assert "-4" not in pick.reason
        assert "high" not in pick.reason


def test_a_model_is_taken_from_the_shelf_not_fitted_again():
    campaign = loop()
    turn(campaign)
    campaign.fit()

    class Forgetful(Ridge):
        def fit(self, dataset, seed):
            raise AssertionError("fitted again")

    reopened = Campaign(POOL, [ASSAY], Forgetful(), seed=3, log=campaign.log, artifacts=campaign.artifacts)
    assert np.array_equal(reopened.predict([3]).mean, campaign.predict([3]).mean)


def test_a_version_is_restored_with_its_own_data():
    campaign = loop()
    turn(campaign)
    campaign.fit()
    before = campaign.predict([5]).mean
    campaign.record(answers(POOL, [POOL.design(5).name]), "late.csv")
    reopened = Campaign(POOL, [ASSAY], Ridge(), seed=3, log=campaign.log)
    reopened.artifacts = campaign.artifacts
    assert np.array_equal(reopened.predict([5]).mean, before)


def test_validation_and_expected_gain_advise_when_to_stop():
    campaign = loop(price=2.0)
    turn(campaign, 16)
    early = campaign.assess(16)
    assert early.advice == "cannot say"
    turn(campaign, 16)
    campaign.fit()
    assert campaign.assess(16).advice == "go on"
    for _ in range(4):
        turn(campaign, 16)
    campaign.fit()
    late = campaign.assess(16)
    assert late.advice == "stop"
    assert "stop here" in late.sentence
    assert (late.measured, late.wells, late.cost, late.next_cost) == (96, 96, 192.0, 32.0)
    assert late.best == pytest.approx(truth(POOL).max())
    validation = campaign.validation()
    assert validation.proposal == 6
    assert validation.candidates == 16
    picks = campaign.state().proposals[5].picks
    said, came = [p.mean for p in picks], [truth(POOL)[POOL.row_of(p.name)] for p in picks]
    assert validation.spearman == pytest.approx(spearmanr(said, came).statistic)
    assert validation.coverage == np.mean([p.low <= v <= p.high for p, v in zip(picks, came, strict=True)])
    assert campaign.fit().metrics["last_plate_spearman"] == validation.spearman


def test_a_writer_in_between_makes_propose_decide_anew():
    class Busy(InMemoryLog):
        """Somebody else pins something just before the first append."""

        disturbed = False

        def append(self, event, *, after):
            if not self.disturbed:
                self.disturbed = True
                super().append(Pinned(("Y5W",), False, "from the other window"), after=after)
            return super().append(event, after=after)

    campaign = loop(log=Busy())
    assert campaign.propose(4).picks[0].name == "Y5W"
    assert [type(r.event).__name__ for r in campaign.log] == ["Pinned", "Configured", "Proposed"]


def test_two_writers_of_the_same_results_store_them_once():
    class Twin(InMemoryLog):
        """Somebody else stores the same file just before."""

        disturbed = False

        def alone(self):
            if not self.disturbed:
                self.disturbed = True
                loop(log=self).record(answers(POOL, ["M1A"]), "a.csv", "h")
            return super().alone()

    campaign = loop(log=Twin())
    summary = campaign.record(answers(POOL, ["M1A"]), "a.csv", "h")
    assert summary.read_before
    assert len(campaign.state().results) == 1


@pytest.mark.parametrize("n", [0, -3])
def test_a_proposal_of_nothing_is_refused(n):
    with pytest.raises(InputError, match="at least 1"):
        loop().propose(n)


def test_a_campaign_without_assays_is_refused():
    with pytest.raises(InputError, match="at least one assay"):
        Campaign(POOL, [], Ridge())


def test_another_learner_or_other_assays_need_a_new_fit():
    campaign = loop()
    turn(campaign)
    campaign.fit()

    class Renamed(Ridge):
        @property
        def name(self):
            return "ridge of another name"

    changed = Campaign(POOL, [ASSAY], Renamed(), seed=3, log=campaign.log, artifacts=campaign.artifacts)
    with pytest.raises(StateError, match="were changed since version 1 was fitted: fit again"):
        changed.predict([0])
    assert changed.status().stale
    assert changed.propose(4).version == 2
    assert len(changed.predict([0])) == 1


def test_classes_are_judged_by_rank_alone():
    assay = Assay("alive", goal="classify")
    campaign = Campaign(POOL, [assay], Ridge(), seed=3)
    for number in range(3):
        names = [p.name for p in campaign.propose(16).picks]
        rows = answers(POOL, names, plate=f"P{number}", assay=assay)
        campaign.record([replace(m, value=float(m.value > 0)) for m in rows], f"{number}.csv")
    campaign.fit()
    assert np.isnan(campaign.validation().coverage)
    report = campaign.assess(16)
    assert report.gain.aim == "fit"
    assert 0 <= report.gain.expected <= 16
    assert report.met == int(campaign.dataset().values.sum())
    assert "are expected to be fit" in report.sentence


def test_of_an_assay_of_two_values_hits_are_counted_and_expected():
    assay = Assay("alive")
    campaign = Campaign(POOL, [assay], Ridge(), seed=3)
    for number in range(2):
        names = [p.name for p in campaign.propose(16).picks]
        rows = answers(POOL, names, plate=f"P{number}", assay=assay)
        campaign.record([replace(m, value=float(m.value > 0)) for m in rows], f"{number}.csv")
    campaign.fit()
    found, report = campaign.status(), campaign.assess(16)
    assert found.hits == sum(found.hits_by_round) == int(campaign.dataset().values.sum()) > 0
    assert 0 <= report.gain.expected <= 16
    assert "are expected to be hits (alive 1)" in report.sentence


def test_several_assays_are_all_predicted_and_the_first_one_is_shown_on_picks():
    @dataclass(frozen=True)
    class Both(Ridge):
        """A line for each assay; the draws of the two are independent."""

        def fit(self, dataset, seed):
            return Pair(tuple(Ridge.fit(self, dataset.column(a), seed) for a in range(2)))

        def restore(self, dataset, seed, state):
            return self.fit(dataset, seed)

    @dataclass(frozen=True)
    class Pair(Predictor):
        lines: tuple[Line, ...]

        def predict(self, pool, rows, seed, draws=64):
            parts = [line.predict(pool, rows, seed + a, draws) for a, line in enumerate(self.lines)]
            joined = [
                np.concatenate([getattr(p, k) for p in parts], axis)
                for k, axis in (("draws", 2), ("mean", 1), ("sd", 1))
            ]
            return Prediction(*joined, np.concatenate([p.noise for p in parts]))

        def explain(self):
            return "Two lines."

        def state(self):
            return {}

    second = Assay("toxicity", goal="minimise")
    campaign = Campaign(POOL, [ASSAY, second], Both(), seed=3)
    names = [POOL.design(i).name for i in range(0, 114, 5)]
    campaign.record([*answers(POOL, names), *answers(POOL, names, assay=second)], "both.csv")
    campaign.record(answers(POOL, ["M1A"]), "one.csv")
    version = campaign.fit()
    forecast = campaign.predict([3, 4])
    assert forecast.mean.shape == (2, 2)
    assert np.allclose(forecast.mean[:, 0], forecast.mean[:, 1], atol=0.5)  # the same truth, the sign turned back
    picks = campaign.propose(6).picks
    assert picks[0].mean == pytest.approx(campaign.predict([POOL.row_of(picks[0].name)]).mean[0, 0])
    assert [leader.assay for leader in campaign.status().leaders] == ["activity", "toxicity"]
    assert version.number == 1


def test_scoring_reports_progress():
    seen = []
    loop().propose(4, progress=lambda done, of: seen.append((done, of)))
    assert seen[-1] == (114, 114)


@dataclass(frozen=True)
class Slow(Ridge):
    """Other processes write while it fits, each thing once."""

    others: tuple[object, ...] = ()

    def fit(self, dataset, seed):
        if self.others:
            others = self.others[0]
            others and others.pop(0)()
        return super().fit(dataset, seed)


def test_a_long_fit_ends_although_results_come_in_and_the_next_knows_them():
    log = InMemoryLog()
    writer = loop(log=log)
    names = [p.name for p in writer.propose(30).picks]
    writer.record(answers(POOL, names[:10]), "a.csv")
    meanwhile = [lambda: writer.record(answers(POOL, names[10:20]), "b.csv"), lambda: writer.pin(["M1C"])]
    fitting = Campaign(POOL, [ASSAY], Slow(others=(meanwhile,)), seed=3, log=log)
    assert fitting.fit().number == 1
    assert fitting.status().stale
    assert fitting.fit().number == 2
    assert fitting.fit().number == 2
    assert [v.metrics["candidates"] for v in fitting.state().versions] == [10, 20]
    kinds = [type(r.event).__name__ for r in log]
    assert kinds == ["Configured", "Proposed", "Measured", "Measured", "Fitted", "Pinned", "Fitted"]
    again = Campaign(POOL, [ASSAY], Ridge(), seed=3, log=log, artifacts=fitting.artifacts)
    assert again.predict(names[:3]).mean.tolist() == fitting.predict(names[:3]).mean.tolist()


@pytest.mark.parametrize("void", [True, False])
def test_results_that_are_corrected_during_a_fit_make_it_begin_anew(void):
    log = InMemoryLog()
    writer = loop(log=log)
    names = [p.name for p in writer.propose(30).picks]
    first = writer.record(answers(POOL, names[:10]), "a.csv").event
    writer.record(answers(POOL, names[10:15]), "b.csv")

    def meanwhile() -> None:
        if void:
            writer.void(first, [], "pipette")
        else:
            writer.record(answers(POOL, names[15:20]), "c.csv", replaces=first)

    fitting = Campaign(POOL, [ASSAY], Slow(others=([meanwhile],)), seed=3, log=log)
    assert fitting.fit().metrics["candidates"] == (5 if void else 10)
    assert not fitting.status().stale
    assert len(fitting.state().versions) == 1


def test_a_fit_that_another_process_finished_first_is_used():
    campaign = loop()
    turn(campaign)
    baseline = loop(log=campaign.log, artifacts=campaign.artifacts)

    class Slow(Ridge):
        """While it fits, the twin does."""

        def fit(self, dataset, seed):
            if not baseline.state().versions:
                baseline.fit()
            return super().fit(dataset, seed)

    campaign.learner = Slow()
    assert campaign.fit() == baseline.fit()
    assert len(campaign.state().versions) == 1


def test_the_first_plate_of_compounds_is_spread_over_their_fingerprints():
    from activeloop.models.calibration import calibrated
    from activeloop.models.default import default_calibration, default_learner

    # three series of ten close relatives each
    series = ("CCCCCCCCCC", "c1ccc2ccccc2c1", "NC(=O)C1CCCN1")
    smiles = [f"{'C' * i}O{core}" for core in series for i in range(1, 11)]
    pool = Pool.of([Compound(one) for one in smiles])
    learner = calibrated(default_learner(pool, "find"), default_calibration(pool))
    plates: list[frozenset[int]] = []
    for seed in range(5):
        proposal = Campaign(pool, [Assay("KD", "nM", "minimise")], learner=learner, seed=seed).propose(n=3)
        plates.append(frozenset((pool.row_of(pick.name) or 0) // 10 for pick in proposal.picks))
        assert proposal.picks[0].reason == "nothing is known yet: spread over the pool"
        assert "lcmd" in proposal.policy
    assert plates == [frozenset({0, 1, 2})] * 5


def test_what_is_no_number_name_or_row_is_refused_in_words():
    pool = singles()
    campaign = Campaign(pool, [ASSAY], Ridge(), seed=np.int64(3))
    for n in ("3", 3.5, None, float("nan")):
        with pytest.raises(InputError, match="impossible"):
            campaign.propose(n)  # type: ignore[arg-type]
    assert len(campaign.propose(np.int64(3)).picks) == 3
    for names in ([None], [5], [b"K2R"], None, "", []):
        with pytest.raises(InputError, match=r"is no name|at least one"):
            campaign.veto(names)  # type: ignore[arg-type]
    assert campaign.veto("K2R") == campaign.veto(np.array(["K2R"])) == ("K2R",)  # type: ignore[arg-type]
    campaign.record(answers(pool, pool.names(range(20))), "a.csv")
    campaign.fit()
    assert campaign.predict("K2R").names == campaign.predict(["p.Lys2Arg"]).names == ("K2R",)
    for rows in (0, [-1], [10**6], [0.5], [True], None, slice(0, 3)):
        with pytest.raises(InputError, match=r"pool\.find"):
            campaign.predict(rows)  # type: ignore[arg-type]
    assert campaign.predict(np.array([0, 1])).names == tuple(pool.names([0, 1]))
    for seed in (-1, 1.5, "1", None):
        with pytest.raises(InputError, match="seed"):
            Campaign(pool, [ASSAY], Ridge(), seed=seed)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="counted from 1"):
        campaign.record([Measurement("K2R", ASSAY.name, 1.0, replicate=0)])


@pytest.mark.parametrize(
    "given", [2.5, b"a", [1.5], {"a": 1}, np.array([[1, 2]]), object(), Pool], ids=lambda given: type(given).__name__
)
def test_arguments_of_another_kind_are_refused_in_words(given):
    pool = singles()
    loop = Campaign(pool, [ASSAY], Ridge())
    loop.record(answers(pool, pool.names(range(20))), "a.csv")
    proposal = loop.propose(4)
    calls = (
        lambda: Pool.single_mutants(given),
        lambda: Pool.combinatorial("MKTAYIAKQR", given),
        lambda: Pool.from_frame({"mutant": ["A4G"]}, given),
        lambda: loop.pin(given),
        lambda: loop.veto(given),
        lambda: loop.assess(given),
        lambda: loop.void(given),
        lambda: Plate.fill(proposal, given),
        lambda: Plate.fill(proposal, controls=given),
        lambda: Plate.fill(proposal, control=[given]),
    )
    for call in calls:
        with pytest.raises(InputError):
            call()
