"""Assays of two values: which they are, what is predicted, and that versions of before stay as they were."""

from dataclasses import replace

import numpy as np
import pytest

from activeloop.candidates import Pool
from activeloop.encoders import Kmers, Morgan
from activeloop.measurements import Assay, Dataset
from activeloop.measurements.dataset import two_levels
from activeloop.metrics import auroc
from activeloop.models import GPClassifier, MutationGP, TanimotoGP
from activeloop.models.calibration import calibrated
from activeloop.models.default import default_learner
from activeloop.models.gp.two_valued import TwoValuedPredictor
from activeloop.models.out_of_fold import OutOfFold
from activeloop.testing import planted_values

LEVELS = [
    ([0, 0, 0, 1, 1, 1], 0, (0, 1)),
    ([-1.5, 4, 4, 4, -1.5, -1.5, -1.5], 0, (-1.5, 4)),
    ([0, 0, 0, 0, 1, 1], 0, None),
    ([0, 0, 0, 0, 0, 3.4], 0, None),
    ([0, 1], 0, None),
    ([1, 1, 1, 1, 1, 1], 0, None),
    # between both: replicates that disagree, and no third value
    ([0, 0, 0, 0, 0, 1, 1, 1, 2 / 3, 0.5], 0.2, (0, 1)),
    ([0, 0, 0, 0, 0, 1, 1, 1, 2 / 3, 0.5], 0, None),
    ([0] * 60 + [1, 1, 1, 0.5], 0, (0, 1)),
    ([0] * 60 + [1, 1, 1, 0.5, 0.5], 0, None),
    ([0] * 60 + [1, 1, 1, 0.41], 0, None),
    ([0, 0, 0, 1, 1, 1, 2, 2, 2], 0.2, None),
]


@pytest.mark.parametrize(("values", "error", "levels"), LEVELS)
def test_an_assay_has_two_values_where_both_come_often_enough(values, error, levels):
    assert two_levels(np.array(values, np.float64), np.full(len(values), error)) == levels


def hits(pool, low: float = 0.0, high: float = 1.0, share: float = 0.2) -> np.ndarray:
    """[N] the higher value for the best of a pool, with some noise."""
    values = planted_values(pool) + np.random.default_rng(3).normal(0, 0.7, len(pool))
    return np.where(values > np.quantile(values, 1 - share), high, low)


def dataset(pool, labels: int = 120, low: float = 0.0, high: float = 1.0, assay: Assay | None = None) -> Dataset:
    rows = np.random.default_rng(1).choice(len(pool), labels, replace=False)
    return Dataset.of(pool, rows, hits(pool, low, high)[rows], assay)


@pytest.fixture(scope="module")
def fitted(pools) -> TwoValuedPredictor:
    model = TanimotoGP().fit(dataset(pools["compounds"]), 0)
    assert isinstance(model, TwoValuedPredictor)
    return model


def test_a_prediction_is_the_probability_of_a_hit(pools, fitted):
    pool, data = pools["compounds"], dataset(pools["compounds"])
    rest = np.setdiff1d(np.arange(len(pool)), data.rows)
    prediction = fitted.predict(pool, rest, 0, draws=300)
    mean, truth = prediction.mean[:, 0], hits(pool)[rest]
    assert 0 <= mean.min()
    assert mean.max() <= 1
    assert auroc(mean, truth) > 0.9
    assert mean.sum() == pytest.approx(truth.sum(), rel=0.3)
    low, high = prediction.interval(0.9)
    assert low.min() >= 0
    assert high.max() <= 1
    assert prediction.draws.min() >= 0
    assert np.corrcoef(prediction.draws[:, :, 0].mean(0), mean)[0, 1] > 0.95
    assert "a prediction is the probability of 1" in fitted.explain()


def test_where_less_is_better_a_prediction_is_the_probability_of_1_too(pools):
    toxic = dataset(pools["compounds"], assay=Assay("toxic", goal="minimise", scale="binary")).oriented()
    model = TanimotoGP().fit(toxic, 0)
    assert model.predict(toxic.pool, toxic.rows, 0).maps[0].binary
    assert "two values, 1 and 0" in model.explain()
    assert "a prediction is the probability of 1" in model.explain()


def test_it_tells_hits_from_others_better_than_values_do(pools, fitted):
    pool, data = pools["compounds"], dataset(pools["compounds"])
    values = TanimotoGP(link=False).fit(data, 0)
    rest = np.setdiff1d(np.arange(len(pool)), data.rows)
    areas = [auroc(model.predict(pool, rest, 0, 0).mean[:, 0], hits(pool)[rest]) for model in (fitted, values)]
    assert areas[0] > areas[1] - 0.01


def test_held_out_probabilities_are_those_of_a_fit_without_the_label(pools, fitted):
    pool, data = pools["compounds"], dataset(pools["compounds"])
    some = [int(i) for i in (*np.flatnonzero(data.values[:, 0] == 1)[:3], *np.flatnonzero(data.values[:, 0] == 0)[:5])]
    without = []
    for i in some:
        model = TanimotoGP().fit(data.take(np.arange(len(data)) != i), 0)
        without.append(model.predict(pool, data.rows[[i]], 0, 0).mean[0, 0])
    assert np.abs(fitted.held_out()[some] - without).max() < 0.15
    assert (fitted.held_out_sd() > 0).all()


@pytest.mark.parametrize("goal", ["maximise", "minimise"])
def test_other_values_and_a_goal_of_less_are_the_same_model(pools, fitted, goal):
    pool = pools["compounds"]
    low, high = (-2.0, 6.0) if goal == "maximise" else (6.0, -2.0)
    data = dataset(pool, low=low, high=high, assay=Assay("activity", goal=goal)).oriented()
    model, rows = TanimotoGP().fit(data, 0), np.arange(50)
    found = model.predict(pool, rows, 0)
    assert f"a prediction is {low:g} {high - low:+g} x the probability of {high:g}" in model.explain()
    chance = fitted.predict(pool, rows, 0)
    np.testing.assert_allclose(found.mean, (-2.0 if goal == "maximise" else -6.0) + 8 * chance.mean, atol=1e-6)
    np.testing.assert_allclose(found.sd, 8 * chance.sd, atol=1e-6)


def test_a_stored_version_comes_back_and_one_of_before_stays_a_model_of_values(pools):
    pool, rows = pools["compounds"], np.arange(40)
    data = dataset(pool)
    for learner in (TanimotoGP(), calibrated(TanimotoGP(), "noise")):
        model = learner.fit(data, 0)
        back = learner.restore(data, 0, model.state())
        for field in ("draws", "mean", "sd", "noise"):
            np.testing.assert_allclose(
                getattr(back.predict(pool, rows, 0), field), getattr(model.predict(pool, rows, 0), field), atol=1e-6
            )
        assert isinstance(back, OutOfFold)
        assert isinstance(model, OutOfFold)
        np.testing.assert_allclose(back.held_out(), model.held_out(), atol=1e-6)
    before = TanimotoGP(link=False).fit(data, 0)
    assert before.state() == {}
    again = TanimotoGP().restore(data, 0, before.state())
    np.testing.assert_array_equal(again.predict(pool, rows, 0).mean, before.predict(pool, rows, 0).mean)


def test_beside_an_assay_of_values_each_has_its_own_model(pools):
    pool = pools["compounds"]
    data = dataset(pool)
    both = replace(
        data,
        values=np.column_stack([data.values[:, 0], planted_values(pool)[data.rows]]),
        errors=np.zeros((len(data), 2)),
        censored=np.zeros((len(data), 2), np.int8),
        assays=(Assay("hit"), Assay("potency")),
    )
    model, rows = TanimotoGP().fit(both, 0), np.arange(30)
    one, back = TanimotoGP().fit(data, 0), TanimotoGP().restore(both, 0, model.state())
    expected = model.predict(pool, rows, 0)
    np.testing.assert_allclose(expected.mean[:, 0], one.predict(pool, rows, 0).mean[:, 0])
    np.testing.assert_allclose(back.predict(pool, rows, 0).mean, expected.mean)


def test_an_assay_of_values_is_fitted_as_before(pools, planted):
    pool, data = pools["compounds"], planted(pools["compounds"], 60)
    new, before = (TanimotoGP(link=link).fit(data, 0).predict(pool, np.arange(50), 0) for link in (True, False))
    for field in ("draws", "mean", "sd", "noise"):
        np.testing.assert_array_equal(getattr(new, field), getattr(before, field))


@pytest.mark.parametrize("kind", ["compounds", "guides"])
def test_classes_and_a_stated_assay_of_two_values_are_one_question(pools, kind):
    pool = pools[kind]
    data = dataset(pool, assay=Assay("active", scale="binary"))
    classes = replace(data, assays=(Assay("active", goal="classify"),))
    learner = default_learner(pool, "find")
    chance = learner.fit(data, 0).predict(pool, np.arange(len(pool)), 0, draws=4)
    model = GPClassifier().fit(classes, 0)
    found = model.predict(pool, np.arange(len(pool)), 0, draws=4)
    assert np.array_equal(found.mean[:, 1], chance.mean[:, 0])
    assert np.allclose(found.draws.sum(2), 1, atol=1e-6)
    again = GPClassifier().restore(classes, 0, model.state()).predict(pool, np.arange(9), 0, draws=4)
    assert np.array_equal(again.draws, found.draws[:, :9])
    before = GPClassifier(encoder=Morgan()) if kind == "compounds" else GPClassifier(encoder=Kmers())
    stored = before.fit(classes, 0)
    old = GPClassifier().restore(classes, 0, stored.state()).predict(pool, np.arange(9), 0, draws=0)
    assert np.array_equal(old.mean, stored.predict(pool, np.arange(9), 0, draws=0).mean), "a version of before"


@pytest.mark.parametrize("goal", ["maximise", "minimise"])
def test_a_stated_assay_has_probabilities_from_the_first_label(pools, goal):
    pool = pools["compounds"]
    for rows, values in ((np.array([5]), np.zeros(1)), (np.arange(4), np.array([0, 0, 0, 1.0]))):
        data = Dataset.of(pool, rows, values, Assay("active", goal=goal, scale="binary"))
        prediction = calibrated(TanimotoGP(), "noise").fit(data.oriented(), 0).predict(pool, np.arange(40), 0, draws=4)
        mean, _, low, high = prediction.marginals()
        start = -1 if goal == "minimise" else 0
        assert (start <= low).all()
        assert (low <= mean).all()
        assert (mean <= high).all()
        assert (high <= start + 1).all()


def test_learners_without_a_link_stay_between_the_two_values(pools):
    pool = Pool.single_mutants("MKTAYIAKQR")
    rows = np.arange(0, len(pool), 2)
    data = Dataset.of(pool, rows, hits(pool)[rows], Assay("folds", goal="minimise"))
    prediction = MutationGP().fit(data.oriented(), 0).predict(pool, np.arange(len(pool)), 0, draws=8)
    assert prediction.maps[0].binary
    for values in (prediction.mean, prediction.draws, *prediction.marginals()[2:]):
        assert (values >= -1).all()
        assert (values <= 0).all()
