"""The fine-tuned learner, on a tiny model of random weights."""

from dataclasses import replace

import numpy as np
import pytest

from activeloop.adapters import Frozen, FullFineTuning, LightPEFT, LoRA
from activeloop.candidates import Pool, VariantNotation
from activeloop.foundation import ESM2
from activeloop.foundation.devices import has_bfloat16
from activeloop.measurements import Assay, Dataset
from activeloop.models import Classification, FineTuner, RandomForest, Ranking, StackingEnsemble, TrainingConfig
from activeloop.models.finetuning import fitting as warm
from activeloop.models.registry import HEADS
from activeloop.priors import SubstitutionPrior

POOL = Pool.single_mutants("MKTAYIAKQR")
#: effect of each residue, at every position
EFFECT = np.random.default_rng(0).standard_normal(20)
VALUES = 5 + 2 * EFFECT[POOL.codes()[np.arange(190), np.repeat(range(10), 19)]]
PLAN = TrainingConfig(epochs=4, minibatch=16)


@pytest.fixture
def tuner(tiny: str) -> FineTuner:
    return FineTuner(ESM2(tiny), LoRA(rank=2, last_layers=1), plan=PLAN)


def dataset(n: int = 40, seed: int = 0) -> Dataset:
    rows = np.random.default_rng(seed).permutation(len(POOL))[:n]
    return Dataset.of(POOL, rows, VALUES[rows])


ADAPTERS = [LoRA(rank=2, last_layers=1), FullFineTuning(), Frozen(), LightPEFT(rank=4)]


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)
def test_fits_predicts_and_comes_back(tuner: FineTuner, adapter):
    learner = replace(tuner, adapter=adapter, plan=replace(PLAN, epochs=8))
    model = learner.fit(dataset(), seed=0)
    prediction = model.predict(POOL, np.arange(190), seed=1, draws=8)
    assert prediction.draws.shape == (8, 190, 1)
    assert np.corrcoef(prediction.mean[:, 0], VALUES)[0, 1] > 0.3
    assert (prediction.sd > 0).all()
    state = model.state()
    restored = learner.restore(dataset(), 0, {name: np.array(array) for name, array in state.items()})
    again = restored.predict(POOL, np.arange(190), seed=1, draws=8)
    for field in ("draws", "mean", "sd", "noise"):
        assert np.array_equal(getattr(prediction, field), getattr(again, field))
    assert restored.explain() == model.explain()
    np.testing.assert_allclose(restored.mean(POOL, np.arange(190)), prediction.mean, rtol=1e-3, atol=1e-3)


def test_a_candidate_is_predicted_alike_alone_and_among_others_of_other_lengths(tuner: FineTuner):
    notation = VariantNotation("MKTAYIAKQR")
    names = ["K2R", "A4del", "4insGGGG", "K2R:A4G:Y5F", "K2_T3del", "Q9E", "I6V:Q9del", "10insMHHHHHHGS", "Y5W", "T3S"]
    pool = Pool.of([notation.design(name) for name in names])
    model = tuner.fit(Dataset.of(pool, np.arange(6), np.arange(6.0)), 0)
    together = model.predict(pool, np.arange(10), 1, 4)
    alone = [model.predict(pool, np.array([row]), 1, 4) for row in range(10)]
    # without bfloat16 a product may round otherwise in a minibatch of another size
    near = (1e-6 if has_bfloat16() else 1e-4) * float(together.mean.std())
    np.testing.assert_allclose(np.concatenate([one.mean for one in alone]), together.mean, rtol=0, atol=near)
    np.testing.assert_allclose(np.concatenate([one.sd for one in alone]), together.sd, rtol=0, atol=near)
    np.testing.assert_allclose(np.concatenate([one.draws for one in alone], 1), together.draws, rtol=0, atol=10 * near)


@pytest.mark.parametrize("name", HEADS)
def test_every_head(tuner: FineTuner, name: str):
    learner = replace(tuner, head=HEADS[name](), prior_score=SubstitutionPrior())
    model = learner.fit(dataset(), 0)
    prediction = model.predict(POOL, np.arange(40), 1, 5)
    assert np.ptp(prediction.draws, axis=0).max() > 0
    assert np.array_equal(model.predict(POOL, np.arange(40), 1, 0).mean, prediction.mean)
    again = learner.restore(dataset(), 0, model.state()).predict(POOL, np.arange(40), 1, 5)
    assert np.array_equal(again.draws, prediction.draws)


def test_adapted_features_do_not_hide_the_noise(tuner: FineTuner):
    rows = np.random.default_rng(0).permutation(190)[:40]
    nothing = Dataset.of(POOL, rows, np.random.default_rng(1).standard_normal(40))
    learner = replace(tuner, plan=TrainingConfig(epochs=25, rate=0.02), adapter=LoRA(rank=8, last_layers=2))
    prediction = learner.fit(nothing, 0).predict(POOL, np.setdiff1d(np.arange(190), rows), 0, 0)
    spread = np.sqrt(prediction.sd[:, 0] ** 2 + prediction.noise[0] ** 2)
    assert np.median(spread) > 0.6


def test_progress_of_a_prediction(tuner: FineTuner, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("activeloop.models.finetuning.predictor.PIECE", 64)
    calls = []
    model = replace(tuner, prediction_progress=lambda *call: calls.append(call)).fit(dataset(), 0)
    model.predict(POOL, np.arange(150), 0, 2)
    assert calls == [(64, 150), (128, 150), (150, 150)]


def test_the_same_seed_gives_the_same_model(tuner: FineTuner):
    one, two, other = (tuner.fit(dataset(), seed).predict(POOL, np.arange(30), 0, 4).mean for seed in (0, 0, 1))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("adapter", ADAPTERS[:2], ids=lambda adapter: adapter.name)
def test_a_rate_that_nobody_names_is_the_adapters(tuner: FineTuner, adapter):
    learner, rows = replace(tuner, adapter=adapter), np.arange(60)
    plans = (PLAN, replace(PLAN, rate=adapter.rate), replace(PLAN, rate=adapter.rate / 10))
    unnamed, named, slow = (replace(learner, plan=plan).fit(dataset(), 0).mean(POOL, rows) for plan in plans)
    assert np.array_equal(unnamed, named)
    assert not np.allclose(unnamed, slow, rtol=1e-4)


def test_draws_are_functions(tuner: FineTuner):
    model = replace(tuner, members=2).fit(dataset(), 0)
    whole = model.predict(POOL, np.arange(60), seed=3, draws=6).draws
    pieces = [model.predict(POOL, np.arange(i, i + 20), seed=3, draws=6).draws for i in (0, 20, 40)]
    np.testing.assert_allclose(whole, np.concatenate(pieces, 1), rtol=1e-4, atol=1e-4)
    assert model.predict(POOL, np.zeros(0, np.int64), 0).mean.shape == (0, 1)


@pytest.mark.parametrize("stop", [False, True])
def test_members_give_out_of_fold_predictions(tuner: FineTuner, stop: bool):
    learner = replace(tuner, members=4, early_stopping=stop)
    model = learner.fit(dataset(), 0)
    assert np.isfinite(model.held_out()).all()
    assert (model.held_out_sd() > 0).all()
    # a value that only its own fold's model does not see changes every prediction but its own
    changed = dataset()
    changed.values[0] = -50.0
    other = learner.fit(changed, 0).held_out()
    shift = np.ptp(changed.values) / np.ptp(dataset().values)
    assert abs(other[0] - model.held_out()[0]) < 0.5 * 50 / shift + 5
    assert np.isfinite(learner.restore(dataset(), 0, model.state()).held_out()).all()


def test_one_member_has_no_out_of_fold_predictions(tuner: FineTuner):
    assert np.isnan(tuner.fit(dataset(), 0).held_out()).all()
    assert np.isnan(replace(tuner, early_stopping=True).fit(dataset(), 0).held_out()).all()


@pytest.mark.parametrize("few", [1, 2, 3])
def test_few_candidates(tuner: FineTuner, few: int):
    model = replace(tuner, members=3, early_stopping=True, prior_score=SubstitutionPrior()).fit(dataset(few), 0)
    assert np.isfinite(model.predict(POOL, np.arange(20), 0, 4).draws).all()


def test_a_prior_mean_is_used(tuner: FineTuner):
    prior_score = SubstitutionPrior()
    rows = np.random.default_rng(0).permutation(190)[:30]
    scores = prior_score.features(POOL, np.arange(190))[:, 0].astype(float)
    learner = replace(tuner, prior_score=prior_score)
    model = learner.fit(Dataset.of(POOL, rows, scores[rows]), 0)
    assert np.corrcoef(model.mean(POOL, np.arange(190))[:, 0], scores)[0, 1] > 0.9
    prior = learner.prior(POOL)
    assert prior is not None
    assert np.corrcoef(prior.predict(POOL, np.arange(190), 0).mean[:, 0], scores)[0, 1] > 0.9
    assert tuner.prior(POOL) is None


def test_orders_and_classes(tuner: FineTuner):
    ranked = replace(tuner, loss=Ranking()).fit(dataset(), 0)
    assert np.corrcoef(ranked.mean(POOL, np.arange(190))[:, 0], VALUES)[0, 1] > 0.3
    fit = (VALUES > 5).astype(float)
    rows = np.arange(0, 190, 4)
    classes = Dataset.of(POOL, rows, fit[rows], Assay("bound", goal="classify"))
    prediction = replace(tuner, loss=Classification()).fit(classes, 0).predict(POOL, np.arange(190), 0, 8)
    assert prediction.draws.min() >= 0
    assert prediction.draws.max() <= 1


def test_several_assays(tuner: FineTuner):
    one = dataset()
    two = replace(
        one,
        values=np.hstack([one.values, -one.values]),
        errors=np.zeros((40, 2)),
        assays=(Assay("a"), Assay("b")),
        censored=np.zeros((40, 2), np.int8),
    )
    model = tuner.fit(two, 0)
    prediction = model.predict(POOL, np.arange(190), 0, 4)
    assert prediction.draws.shape == (4, 190, 2)
    assert np.corrcoef(prediction.mean.T)[0, 1] < -0.9
    again = tuner.restore(two, 0, model.state()).predict(POOL, np.arange(190), 0, 4)
    assert np.array_equal(prediction.draws, again.draws)


def test_is_a_member_of_stacking(tuner: FineTuner):
    ensemble = StackingEnsemble((RandomForest(trees=5), replace(tuner, members=3)))
    model = ensemble.fit(dataset(), 0)
    assert "lora-esm2" in model.explain()


def test_warm_starts_do_not_leak_and_do_not_depend_on_the_disk(
    tuner: FineTuner, tmp_path, monkeypatch: pytest.MonkeyPatch
):
    learner = replace(tuner, warm_start=True, members=2)
    first, rounds = dataset(40), np.repeat([0, 1], 20)
    both = replace(first, rounds=rounds)
    monkeypatch.setenv("ACTIVELOOP_CACHE", str(tmp_path / "one"))
    earlier = learner.fit(both.take(rounds == 0), 0)
    found = learner.fit(both, 0)
    assert len(list((tmp_path / "one" / "adapters").iterdir())) == 2
    monkeypatch.setenv("ACTIVELOOP_CACHE", str(tmp_path / "two"))
    monkeypatch.setattr(warm, "MOST", 0)
    made = learner.fit(both, 0)
    # nothing may be left on the disk, and nothing depends on it
    assert not list((tmp_path / "two" / "adapters").iterdir())
    names = [name for name in found.state() if not name.endswith("record")]
    assert all(np.array_equal(found.state()[n], made.state()[n], equal_nan=True) for n in names)
    cold = replace(learner, warm_start=False).fit(both, 0)
    assert not np.array_equal(cold.mean(POOL, np.arange(9)), found.mean(POOL, np.arange(9)))
    # each model leaves out in the second round what it left out in the first
    for one, two in zip(earlier.members, found.members, strict=True):
        assert one.out_of_fold.shape[1] <= two.out_of_fold.shape[1]
