"""Campaigns of several assays: from the first plate on, with thresholds, and the front; and what `assess` says."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from activeloop.campaigns import Campaign, Front, Skill
from activeloop.campaigns.front import front_of, logarithmic
from activeloop.campaigns.stopping import expected_gain, skills
from activeloop.campaigns.validation import validate_each
from activeloop.candidates import Pool
from activeloop.errors import StateError
from activeloop.measurements import Assay, Dataset, Measurement
from activeloop.models.gp.mutation_gp import MutationGP
from activeloop.plates import Plate
from activeloop.prediction import Prediction, Predictor, Validated, ValueMap
from tests.campaigns.small_campaign import Ridge, answers, singles, truth

POOL = singles()

KCAT, KM, TM = Assay("kcat", "1/s"), Assay("KM", "mM", "minimise"), Assay("Tm", "°C", threshold=0.0)


def measured(names, assays, plate="P1"):
    """kcat is the planted truth, KM and Tm its trade-offs."""
    rows = [m for assay in assays for m in answers(POOL, names, plate=plate, assay=assay)]
    other = dict(zip(POOL.names(np.arange(len(POOL))), np.roll(truth(POOL), 7), strict=True))
    turned = {"KM": lambda m: m.value + other[m.candidate], "Tm": lambda m: other[m.candidate] - m.value}
    return [replace(m, value=turned[m.assay](m)) if m.assay in turned else m for m in rows]


def rounds(assays, count, learner=None, size=12, **options):
    campaign = Campaign(POOL, assays, learner or MutationGP(), seed=1, **options)
    for number in range(count):
        names = [p.name for p in campaign.propose(size).picks]
        campaign.record(measured(names, assays, f"P{number}"), f"{number}.csv")
    return campaign


@pytest.mark.parametrize("assays", [(KCAT, KM), (KCAT, TM), (KCAT, KM, TM), (replace(KCAT, threshold=1.0), TM)])
@pytest.mark.parametrize("pool", [POOL, Pool.combinatorial("MKTAYI", [1, 3]), None])
def test_the_first_plate_needs_no_result(assays, pool, tmp_path):
    if pool is None:
        (tmp_path / "p.csv").write_text("smiles\nCCO\nCCN\nCCC\nCCS\n", encoding="utf-8")
        pool = Pool.from_table(tmp_path / "p.csv", "compounds")
    campaign = Campaign(pool, assays, MutationGP() if pool.kind == "variants" else Ridge())
    proposal = campaign.propose(3)
    assert len(proposal.picks) == 3
    assert not any(p.predictions for p in proposal.picks)  # a score has no unit
    plate = Plate.fill(proposal, wells=24, controls=2)
    assert np.isnan([p.mean for p in plate.picks]).all()


def test_an_assay_without_a_result_has_no_model_and_does_not_stop_the_others():
    campaign = Campaign(POOL, (KM, KCAT), MutationGP(), seed=1)
    names = [p.name for p in campaign.propose(12).picks]
    campaign.record(measured(names, (KCAT,)), "r.csv")
    assert campaign.assess(8).advice == "cannot say"  # nothing was fitted yet
    picks = campaign.propose(8).picks
    assert [[one.assay for one in p.predictions] for p in picks] == [["kcat"]] * 8
    assert [a.name for a in campaign.predicted_assays()] == ["kcat"]
    assert campaign.predict([0, 1]).assays == ("kcat",)
    assert campaign.assess(8).assay == KCAT
    assert campaign.status().front is None
    campaign.record(measured([p.name for p in picks], (KCAT, KM), "P2"), "r2.csv")
    again = campaign.propose(8).picks
    assert [[one.assay for one in p.predictions] for p in again] == [["KM", "kcat"]] * 8
    assert len({p.reason for p in again}) > 1
    reopened = Campaign(POOL, (KM, KCAT), MutationGP(), seed=1, log=campaign.log, artifacts=campaign.artifacts)
    np.testing.assert_array_equal(reopened.predict([3, 4]).mean, campaign.predict([3, 4]).mean)


def test_predictions_before_any_result_are_scores():
    campaign = Campaign(POOL, (KM,), MutationGP())
    assert campaign.predict([0, 1]).assays == ("prior score",)
    names = [p.name for p in campaign.propose(12).picks]
    campaign.record(measured(names, (KM,)), "r.csv")
    validation = campaign.validation()
    assert validation.version == 0
    assert np.isnan(validation.coverage)  # a score lies in no interval of the assay


def test_every_assay_is_validated():
    campaign = rounds((KCAT, KM), 3)
    found = validate_each(campaign.state(), campaign.dataset())
    assert [(v.assay, v.proposal) for v in found] == [("kcat", 3), ("KM", 3)]
    assert campaign.status().validations == found


def test_status_counts_what_meets_a_threshold_and_the_best_is_one_that_does():
    campaign = rounds((KCAT, TM), 2, hit=(0.0, np.nan))
    data, status = campaign.dataset(), campaign.status()
    met = data.values[:, 1] >= 0
    ((words, found, known),) = status.conditions
    assert (words, found, known) == ("Tm >= 0 °C", met.sum(), len(data))
    assert [x.assay for x in status.leaders] == ["kcat"]
    assert status.leaders[0].value == data.values[met, 0].max()
    assert status.best_by_round[-1] == data.values[met, 0].max()
    assert status.hits == (met & (data.values[:, 0] >= 0)).sum()
    assert status.front is None
    report = campaign.assess(8)
    assert (report.met, report.best) == (met.sum(), data.values[met, 0].max())
    assert "kcat with Tm >= 0 °C" in report.sentence or "no better than chance" in report.sentence


def test_with_nothing_within_the_thresholds_the_chance_of_any_is_told():
    campaign = rounds((KCAT, replace(TM, threshold=50.0)), 2, StatedLearner())
    campaign.fit()
    status, report = campaign.status(), campaign.assess(8)
    assert (status.leaders, status.best_by_round) == ((), ())
    assert (report.best_name, report.met, report.gain.aim) == ("", 0, "enough")
    assert report.sentence.startswith("No measured candidate meets Tm >= 50 °C yet")
    assert report.advice == "stop"


def test_the_front_is_what_nothing_beats_and_its_volume_grows():
    campaign = rounds((KCAT, KM), 3)
    front, values = campaign.status().front, campaign.dataset().oriented().values
    on = [v for v in values if not any((w >= v).all() and (w > v).any() for w in values)]
    assert [list(p.values) for p in front.points] == [[k, -m] for k, m in sorted(on, key=lambda v: -v[0])]
    assert list(front.volumes) == sorted(front.volumes)
    assert 0 < front.volumes[0] <= front.volumes[-1] <= 1


def test_the_volume_of_a_front_is_counted_on_the_scale_of_the_model():
    potency = Assay("IC50", "nM", "minimise")
    assays, values = (KCAT, potency), ([0.0, 1.0, 2.0], [1.0, 10.0, 1000.0])
    linear, log = (front_of(data(assays, *values), 1, logs) for logs in ((), ("IC50",)))
    assert linear.points == log.points
    # box: 2.2 wide; 1000 + 99.9 down to 1, and 3.3 powers of ten
    steps = ([0.2, 1.0, 1.0], [1099.9 - 1, 1099.9 - 10, 99.9])
    assert linear.volumes[0] == pytest.approx(np.dot(*steps) / (2.2 * 1098.9))
    assert log.volumes[0] == pytest.approx(np.dot([0.2, 1.0, 1.0], [3.3, 2.3, 0.3]) / (2.2 * 3.3))
    assert (linear.counted, log.counted) == ("", "on logarithms of IC50")
    known = data(assays, *values)
    mean = np.zeros((len(POOL), 2))
    mean[5:10] = -9.0
    mean[7] = [1.5, -1.5]  # 31.6 nM, which adds half a unit of kcat times 1.5 powers of ten
    gain = expected_gain(OnLogarithms(mean, 1e-9), POOL, np.arange(5, 10), known, 0)
    assert gain.expected == pytest.approx(0.5 * 1.5 / np.dot([0.2, 1.0, 1.0], [3.3, 2.3, 0.3]), rel=1e-6)


def test_the_scale_of_an_only_assay_is_known():
    campaign = Campaign(POOL, (KCAT,), MutationGP(), seed=1)
    campaign.record(
        [replace(m, value=10.0 ** (2 * m.value)) for m in measured(POOL.names(np.arange(40)), (KCAT,))], "r.csv"
    )
    assert logarithmic(campaign.assays, campaign.state().current) == ()
    campaign.fit()
    assert logarithmic(campaign.assays, campaign.state().current) == ("kcat",)


def test_a_best_value_is_lowered_by_no_more_than_it_is():
    potency = Assay("IC50", "nM", "minimise")
    known, mean = data((potency,), [4.0, 5000.0, 20.0]), np.full((len(POOL), 1), -4.0)
    mean[0] = -2.0  # the best measured value, 4 nM, is luck to the model: it says 100 nM
    mean[7] = -1.0  # 10 nM

    class OnLogarithm(Stated):
        def predict(self, pool, rows, seed, draws=64):
            return super().predict(pool, rows, seed, draws).in_values([ValueMap(log=True, sign=-1)])

    gain = expected_gain(OnLogarithm(mean, 1e-9), POOL, np.arange(5, 10), known, 0)
    assert gain is not None
    assert gain.expected == pytest.approx(4.0 * (1 - 0.1), rel=1e-6)


def test_a_scale_that_the_model_found_is_that_of_the_front():
    potency = Assay("IC50", "nM", "minimise")
    campaign = Campaign(POOL, (KCAT, potency), MutationGP(), seed=1)
    names = POOL.names(np.arange(40))
    rows = measured(names, (KCAT,))
    rows += [replace(m, assay="IC50", value=10.0 ** (2 * m.value)) for m in rows]
    campaign.record(rows, "r.csv")
    assert campaign.status().front.counted == ""  # no model has decided yet
    campaign.fit()
    assert campaign.status().front.logs == campaign.assess(8).front.logs == ("IC50",)
    assert front_of(campaign.dataset(), 1, ("IC50",)) == campaign.status().front


class Stated(Predictor, Validated):
    """Predicts a table of means [N, A] with one standard deviation, and says how skilled it is."""

    def __init__(self, mean, sd=0.1, metrics=None):
        self.mean, self.sd, self.held = np.asarray(mean, float), sd, metrics or {}

    def predict(self, pool, rows, seed, draws=64):
        mean = self.mean[rows]
        noise = np.random.default_rng(seed).standard_normal((draws, *self.mean.shape))[:, rows]
        return Prediction(mean + noise * self.sd, mean, np.full_like(mean, self.sd), np.zeros(mean.shape[1]))

    def metrics(self):
        return self.held

    def explain(self):
        return "Stated."

    def state(self):
        return {}


class OnLogarithms(Stated):
    """The same of two assays, the second on logarithms and to be small."""

    def predict(self, pool, rows, seed, draws=64):
        return super().predict(pool, rows, seed, draws).in_values([ValueMap(), ValueMap(log=True, sign=-1)])


def data(assays, *columns):
    values = np.array(columns, float).T
    rows = np.arange(len(values))
    return Dataset(POOL, rows, values, values * 0, assays, rows * 0, (values * 0).astype(np.int8))


def test_no_gain_is_promised_beyond_a_bound():
    percent = Assay("inhibition", "%", bounds=(0, 100))
    mean = np.full((len(POOL), 1), 250.0)
    mean[0] = 90
    gain = expected_gain(Stated(mean), POOL, np.arange(5, 10), data((percent,), [90.0]), 0)
    assert 9.8 <= gain.expected <= 10.5
    less = replace(percent, goal="minimise")
    low = expected_gain(Stated(-mean * 0 + 250), POOL, np.arange(5, 10), data((less,), [3.0]), 0)
    assert low.expected <= 3.0 + 1e-9


def test_a_gain_within_a_threshold_needs_the_threshold():
    mean = np.zeros((len(POOL), 2))
    mean[5:10] = [9.0, -1.0]  # great, and they fail
    known = data((KCAT, TM), [1.0], [1.0])
    mean[0] = [1.0, 1.0]
    assert expected_gain(Stated(mean, 0.05), POOL, np.arange(5, 10), known, 0).expected == 0
    mean[7] = [3.0, 1.0]
    assert expected_gain(Stated(mean, 0.05), POOL, np.arange(5, 10), known, 0).expected == pytest.approx(2, abs=0.1)


def test_a_gain_of_the_front_is_the_volume_that_picks_add():
    mean = np.zeros((len(POOL), 2))
    mean[5:10] = -9.0
    mean[7] = [3.0, -3.0]  # KM, turned
    known = data((KCAT, KM), [0.0, 4.0, 2.0], [2.0, 6.0, 4.0])
    gain = expected_gain(Stated(mean, 1e-6), POOL, np.arange(5, 10), known, 0)
    assert gain.aim == "front"
    assert gain.chance == 1
    assert [name for name, _ in gain.extending] == POOL.names([7])
    assert gain.expected > 0
    mean[7] = [1.0, -5.0]
    assert expected_gain(Stated(mean, 1e-6), POOL, np.arange(5, 10), known, 0).chance == 0


class StatedLearner(Ridge):
    """A ridge regression that says how skilled it is."""

    held: ClassVar[dict[str, float]] = {}

    def fit(self, dataset, seed):
        names = [a.name for a in dataset.assays]
        own = super().fit
        parts = [own(dataset.column(i), seed) for i in range(len(names))]
        everything = np.arange(len(dataset.pool))
        mean = np.column_stack([p.predict(dataset.pool, everything, 0, 0).mean[:, 0] for p in parts])
        return Stated(mean, 0.3, type(self).held)

    def restore(self, dataset, seed, state):
        return self.fit(dataset, seed)


@pytest.mark.parametrize(
    ("spearman", "values", "chance"), [(0.02, 200, True), (0.3, 12, True), (0.3, 200, False), (-0.8, 200, True)]
)
def test_a_model_without_skill_is_called_so_by_its_interval(spearman, values, chance):
    learner = type("Learner", (StatedLearner,), {"held": {"held_out": float(values), "held_out_spearman": spearman}})()
    campaign = Campaign(POOL, (KCAT,), learner, seed=1)
    names = POOL.names(np.arange(0, 100, 5))
    campaign.record(measured(names, (KCAT,)), "r.csv")
    campaign.fit()
    report = campaign.assess(8)
    assert ("no better than chance here" in report.sentence) == chance
    assert (report.advice == "cannot say") == chance


def test_one_assay_without_skill_is_named_and_the_others_still_speak():
    held = {"kcat held_out": 90.0, "kcat held_out_spearman": 0.7, "KM held_out": 90.0, "KM held_out_spearman": 0.0}
    learner = type("Learner", (StatedLearner,), {"held": held})()
    campaign = rounds((KCAT, KM), 1, learner)
    campaign.fit()
    report = campaign.assess(8)
    assert report.advice in ("go on", "stop")
    assert "Of KM the model predicts no better than chance here" in report.sentence
    assert [s.assay for s in skills(held, (KCAT, KM))] == ["kcat", "KM"]
    assert isinstance(report.skills[0], Skill)


@pytest.mark.parametrize(("assay", "word"), [(KCAT, "raise the best"), (KM, "lower the best")])
def test_the_promise_is_in_the_direction_of_the_goal(assay, word):
    campaign = rounds((assay,), 2, Ridge())
    assert word in campaign.assess(8).sentence


def test_a_campaign_that_learns_is_judged_by_its_accuracy():
    course = iter((0.5, 0.62, 0.622, 0.623))

    class Learning(StatedLearner):
        def fit(self, dataset, seed):
            type(self).held = {"held_out": 99.0, "held_out_spearman": next(course)}
            return super().fit(dataset, seed)

        def restore(self, dataset, seed, state):
            return StatedLearner.fit(self, dataset, seed)

    campaign = Campaign(POOL, (KCAT,), Learning(), seed=1, goal="learn")
    advices = []
    for number in range(4):
        names = POOL.names(np.arange(number, 100, 9))
        campaign.record(measured(names, (KCAT,), f"P{number}"), f"{number}.csv")
        campaign.fit()
        report = campaign.assess(8)
        assert "best" not in report.sentence
        advices.append(report.advice)
    assert advices == ["go on", "go on", "go on", "stop"]


@pytest.mark.parametrize("assays", [(KCAT, KM), (KCAT, TM), (KCAT, KM, TM)])
def test_the_picture_is_drawn_the_same_each_time(assays):
    campaign = rounds(assays, 2)
    campaign.propose(6)
    svg = campaign.picture(".svg").decode()
    assert svg == campaign.picture(".svg").decode()
    for word in ("kcat (1/s), more is better", "proposed"):
        assert word in svg
    if front := campaign.status().front:
        assert front.points[0].name in svg
    from matplotlib.image import imread

    assert imread(io.BytesIO(campaign.picture(".png"))).shape[0] > 500


def test_a_picture_needs_two_assays_with_results():
    with pytest.raises(StateError, match="at least two"):
        rounds((KCAT,), 1).picture()


def test_classes_beside_others_are_a_threshold():
    soluble = Assay("soluble", goal="classify")
    known = data((KCAT, KM, soluble), [1.0, 5.0, 2.0], [1.0, 9.0, 2.0], [1.0, 0.0, 1.0])
    front = front_of(known, 1)
    assert isinstance(front, Front)
    assert [p.values for p in front.points] == [(2.0, 2.0), (1.0, 1.0)]


def test_a_measurement_of_one_assay_alone_stays_off_the_front():
    campaign = rounds((KCAT, KM), 1)
    campaign.record([Measurement(POOL.names([len(POOL) - 1])[0], "kcat", 99.0, file="x", row=2)], "x.csv")
    assert all(p.values[0] < 99 for p in campaign.status().front.points)
    assert campaign.status().leaders[0].value == 99.0
