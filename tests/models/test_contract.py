"""What every learner promises, whatever it is made of."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from activeloop.candidates import Pool
from activeloop.encoders import Morgan
from activeloop.errors import ModelError
from activeloop.measurements import Assay, Dataset
from activeloop.models import (
    ALDEEnsemble,
    DropoutNetwork,
    MLPEnsemble,
    MutationGP,
    RandomForest,
    SiteGP,
    StackingEnsemble,
    Training,
    compound_default,
    guide_default,
)
from activeloop.models.embedding import HeadLearner
from activeloop.models.heads.gp import GPHead
from activeloop.models.heads.laplace import LaplaceHead
from activeloop.prediction import Learner, Prediction
from activeloop.priors import Blosum, PLMPrior, SubstitutionPrior

SHORT = Training(steps=150, batch=64, rate=5e-3)
CASES: dict[str, tuple[Learner, str]] = {
    "forest": (RandomForest(trees=20), "variants"),
    "forest, compounds": (RandomForest(Morgan(size=256), trees=20, features=0.3), "compounds"),
    "alde": (ALDEEnsemble(), "variants"),
    "ensemble": (MLPEnsemble(members=4, hidden=(32,), training=SHORT), "variants"),
    "ensemble, ranking": (MLPEnsemble(members=4, hidden=(32,), training=replace(SHORT, loss="ranking")), "variants"),
    "ensemble, prior": (MLPEnsemble(members=4, hidden=(32,), training=SHORT, prior_score=Blosum()), "variants"),
    "ensemble, compounds": (MLPEnsemble(Morgan(size=256), members=4, hidden=(32,), training=SHORT), "compounds"),
    "dropout": (DropoutNetwork(hidden=(64, 64), training=SHORT), "variants"),
    "head": (HeadLearner(prior_score=SubstitutionPrior()), "variants"),
    "head, process": (HeadLearner(draws=GPHead()), "variants"),
    "head, compounds": (HeadLearner(Morgan(size=256), LaplaceHead()), "compounds"),
    "tanimoto": (compound_default(), "compounds"),
    "guides": (guide_default(), "guides"),
    "mutations": (MutationGP(), "variants"),
    "mutations, informed": (MutationGP(prior_score=PLMPrior()), "variants"),
    "sites": (SiteGP(), "variants"),
    "sites, ranked": (SiteGP(ranked=True), "variants"),
    "gate": (StackingEnsemble((RandomForest(trees=20), SiteGP())), "variants"),
}
RANKED = ("mutations", "mutations, informed", "sites-ranked")


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request: pytest.FixtureRequest, pools: dict[str, Pool]) -> tuple[Learner, Pool]:
    learner, kind = request.param
    return learner, pools[kind]


def same(a: Prediction, b: Prediction) -> None:
    for field in ("draws", "mean", "sd", "noise"):
        np.testing.assert_allclose(getattr(a, field), getattr(b, field), rtol=1e-4, atol=1e-4)


def sensible(prediction: Prediction, draws: int, rows: int, assays: int = 1) -> None:
    assert prediction.draws.shape == (draws, rows, assays)
    assert prediction.mean.shape == prediction.sd.shape == (rows, assays)
    assert prediction.noise.shape == (assays,)
    assert all(np.isfinite(x).all() for x in (prediction.draws, prediction.mean, prediction.sd, prediction.noise))
    assert (prediction.sd >= 0).all()


def test_finds_a_planted_truth(case: tuple[Learner, Pool], planted, truth):
    learner, pool = case
    dataset = planted(pool, 150)
    others = np.setdiff1d(np.arange(len(pool)), dataset.rows)[:500]
    prediction = learner.fit(dataset, seed=0).predict(pool, others, seed=1)
    sensible(prediction, 64, len(others))
    found = spearmanr(prediction.mean[:, 0], truth(pool)[others]).statistic
    assert found > 0.6
    assert abs(prediction.mean.mean() - truth(pool).mean()) < 2 * truth(pool).std()
    assert prediction.sd.max() > 0


def test_draws_are_functions_of_the_whole_pool(case: tuple[Learner, Pool], planted):
    learner, pool = case
    model = learner.fit(planted(pool, 60), seed=0)
    rows = np.random.default_rng(0).permutation(len(pool))[:90]
    whole = model.predict(pool, rows, seed=5, draws=12)
    for piece in (slice(0, 1), slice(1, 40), slice(40, 90)):
        same(model.predict(pool, rows[piece], seed=5, draws=12), whole.take(np.arange(90)[piece]))
    sensible(model.predict(pool, rows[:0], seed=5, draws=12), 12, 0)


def test_draws_say_what_mean_and_spread_say(case: tuple[Learner, Pool], planted):
    learner, pool = case
    prediction = learner.fit(planted(pool, 60), seed=0).predict(pool, np.arange(80), seed=2, draws=240)
    spread = np.maximum(prediction.sd, 1e-6 * np.abs(prediction.mean))
    # learners that work on ranks believe something skewed, and give its median
    centre = np.median(prediction.draws, axis=0) if learner.name in RANKED else prediction.draws.mean(0)
    assert (np.abs(centre - prediction.mean) < 0.4 * spread + 1e-3).all()
    np.testing.assert_allclose(prediction.draws.std(0).mean(), prediction.sd.mean(), rtol=0.15)
    assert np.ptp(prediction.draws, axis=0).max() > 0


def test_the_seed_decides(case: tuple[Learner, Pool], planted):
    learner, pool = case
    dataset, rows = planted(pool, 40), np.arange(50)
    model = learner.fit(dataset, seed=3)
    first = model.predict(pool, rows, seed=4, draws=8)
    same(first, learner.fit(dataset, seed=3).predict(pool, rows, seed=4, draws=8))
    assert not np.allclose(first.draws, model.predict(pool, rows, seed=5, draws=8).draws)
    none = model.predict(pool, rows, seed=4, draws=0)
    sensible(none, 0, 50)


def test_a_stored_predictor_is_the_same(case: tuple[Learner, Pool], planted):
    learner, pool = case
    dataset, rows = planted(pool, 40), np.arange(50)
    model = learner.fit(dataset, seed=3)
    state = {key: np.array(value, copy=True) for key, value in model.state().items()}
    restored = learner.restore(dataset, 3, state)
    same(model.predict(pool, rows, seed=4, draws=8), restored.predict(pool, rows, seed=4, draws=8))
    same(model.predict(pool, rows, 4, 8), learner.restore(dataset, 3, {}).predict(pool, rows, 4, 8))


@pytest.mark.parametrize("labels", [1, 2, 3])
def test_few_labels_are_enough(case: tuple[Learner, Pool], labels: int, planted):
    learner, pool = case
    dataset = planted(pool, labels)
    prediction = learner.fit(dataset, seed=0).predict(pool, np.arange(50), seed=1, draws=8)
    sensible(prediction, 8, 50)
    assert abs(prediction.mean.mean() - dataset.values.mean()) < 20


@pytest.mark.parametrize("value", [0.0, 7.5, -3e6])
def test_constant_values_are_no_trouble(case: tuple[Learner, Pool], value: float, planted):
    learner, pool = case
    dataset = planted(pool, 20)
    constant = replace(dataset, values=np.full((20, 1), value))
    prediction = learner.fit(constant, seed=0).predict(pool, np.arange(50), seed=1, draws=8)
    sensible(prediction, 8, 50)
    # a network of ALDE's config is not trained to the end
    np.testing.assert_allclose(prediction.mean, value, atol=3 + 1e-6 * abs(value))


def test_the_unit_does_not_matter(case: tuple[Learner, Pool], planted):
    learner, pool = case
    dataset, rows = planted(pool, 60), np.arange(60)
    scaled = replace(dataset, values=1000 * dataset.values)
    one = learner.fit(dataset, seed=0).predict(pool, rows, seed=1, draws=4)
    thousand = learner.fit(scaled, seed=0).predict(pool, rows, seed=1, draws=4)
    assert spearmanr(one.mean[:, 0], thousand.mean[:, 0]).statistic > 0.99
    np.testing.assert_allclose(thousand.sd.mean() / one.sd.mean(), 1000, rtol=0.05)


def test_several_assays_have_a_model_each(case: tuple[Learner, Pool], planted):
    learner, pool = case
    one = planted(pool, 60)
    values = np.concatenate([one.values, 50 - 3 * one.values], axis=1)
    values[::3, 1] = np.nan
    assays = (Assay("kcat"), Assay("stability"))
    two = replace(one, values=values, errors=np.zeros((60, 2)), censored=np.zeros((60, 2), np.int8), assays=assays)
    model = learner.fit(two, seed=0)
    prediction = model.predict(pool, np.arange(80), seed=1, draws=8)
    sensible(prediction, 8, 80, assays=2)
    assert spearmanr(prediction.mean[:, 0], prediction.mean[:, 1]).statistic < -0.3
    assert "kcat" in model.explain()
    assert "stability" in model.explain()
    same(prediction, learner.restore(two, 0, model.state()).predict(pool, np.arange(80), seed=1, draws=8))


def test_nothing_measured_is_refused(case: tuple[Learner, Pool]):
    learner, pool = case
    dataset = Dataset.of(pool, np.arange(3), np.full(3, np.nan), Assay("kcat"))
    with pytest.raises(ModelError, match='"kcat" was measured in no candidate'):
        learner.fit(dataset, seed=0)
    with pytest.raises(ModelError, match="infinite"):
        learner.fit(Dataset.of(pool, np.arange(2), np.array([1.0, np.inf])), seed=0)


def test_says_what_it_is(case: tuple[Learner, Pool], planted):
    learner, pool = case
    model = learner.fit(planted(pool, 20), seed=0)
    assert "20" in model.explain()
    assert learner.name
    assert " " not in learner.name


def test_a_prior_is_a_predictor_or_nothing(case: tuple[Learner, Pool]):
    learner, pool = case
    prior = learner.prior(pool)
    if prior is not None:
        sensible(prior.predict(pool, np.arange(30), seed=0, draws=4), 4, 30)
        assert prior.explain()


def test_names_are_their_own():
    names = [learner.name for learner, _ in CASES.values()]
    assert len(set(names)) == len(names)
