"""A model whose own likelihoods are trained to rank what was measured."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from activeloop.adapters import LoRA
from activeloop.candidates import Pool
from activeloop.candidates.designs import Mutation, Sequence, Variant
from activeloop.errors import ModelError
from activeloop.foundation import ESM2, zero_shot_table
from activeloop.measurements import Assay, Dataset
from activeloop.models.finetuning.config import Split, TrainingConfig
from activeloop.models.finetuning.likelihood import ALL, LikelihoodRanker, splits
from activeloop.models.finetuning.likelihood_objective import Likelihood, ResidueReader
from activeloop.prediction import mean_of

CHAIN = "MKTAYIAKQRQISFVKSHFSRQ"
POOL = Pool.single_mutants(CHAIN)
QUICK = TrainingConfig(epochs=6, minibatch=ALL, rate=1e-2, weight_decay=0.0)


@pytest.fixture
def learner(tiny: str) -> LikelihoodRanker:
    return LikelihoodRanker(ESM2(tiny), adapter=LoRA(rank=4, last_layers=2), members=3, plan=QUICK)


def planted(pool: Pool, count: int, seed: int = 0) -> Dataset:
    """Values that depend on the position and on how heavy the new letter is."""
    rng = np.random.default_rng(seed)
    sites = pool.sites
    assert sites is not None
    table = rng.standard_normal((len(sites.labels), 1)) + np.linspace(-1, 1, len(sites.alphabet))
    table[np.arange(len(table)), sites.parent] = 0.0
    rows = rng.permutation(len(pool))[:count]
    codes = pool.codes(rows)
    return Dataset.of(pool, rows, table[np.arange(len(table)), codes].sum(1))


def objective(learner: LikelihoodRanker, dataset: Dataset, **options) -> Likelihood:
    reader = ResidueReader(learner.foundation, learner.adapter, dataset.pool, learner.masked, 0)
    prior = learner.prior_table(dataset.pool)
    weights = np.ones(len(dataset))
    settings = {"by": "pairs", "kl_weight": 0.1} | options
    return Likelihood(reader, dataset.pool, dataset.rows, dataset.values[:, 0], weights, prior, **settings)


@pytest.mark.parametrize("masked", [False, True])
def test_before_training_it_is_the_zero_shot_score(learner: LikelihoodRanker, masked: bool):
    alone = replace(learner, prior_score=None, masked=masked)
    table = objective(alone, planted(POOL, 20)).table()
    expected = zero_shot_table(alone.foundation, POOL, "masked" if masked else "wild-type").ravel()
    np.testing.assert_allclose(table / table.std(), expected / expected.std(), atol=1e-4)


def test_insertions_and_gaps_score_as_in_the_table(learner: LikelihoodRanker):
    changed, gone, added = Mutation(2, "K", "R"), Mutation(4, "A", ""), Mutation(3, "", "GG")
    pool = Pool.of([Variant(CHAIN, found) for found in ((changed,), (gone,), (added,), (changed, gone))])
    dataset = Dataset.of(pool, np.arange(4), np.arange(4.0))
    table = objective(replace(learner, prior_score=None), dataset).table()
    expected = zero_shot_table(learner.foundation, pool, "wild-type").ravel()
    np.testing.assert_allclose(table / table.std(), expected / expected.std(), atol=1e-4)


@pytest.mark.parametrize("by", ["pairs", "list"])
@pytest.mark.parametrize("masked", [False, True])
def test_training_ranks_what_was_measured(learner: LikelihoodRanker, by: str, masked: bool):
    dataset = planted(POOL, 30)
    learner = replace(learner, by=by, masked=masked, kl_weight=0.0, members=1, plan=replace(QUICK, epochs=25))
    values = dataset.values[:, 0]
    before = spearmanr(objective(learner, dataset).scores(np.arange(30)), values).statistic
    model = learner.fit(dataset, seed=0)
    after = spearmanr(mean_of(model, POOL, dataset.rows)[:, 0], values).statistic
    assert after > before + 0.2
    assert after > 0.7


def test_a_divergence_penalty_keeps_it_near_the_frozen_model(learner: LikelihoodRanker):
    dataset = planted(POOL, 30)
    fits = [replace(learner, kl_weight=weight, members=1, prior_score=None).fit(dataset, 0) for weight in (0.0, 1e3)]
    frozen = zero_shot_table(learner.foundation, POOL, "wild-type").ravel()
    away, near = (spearmanr(fit.state()["tables"][0], frozen).statistic for fit in fits)
    assert near > 0.95
    assert near > away


def test_one_pass_of_the_parent_a_step(learner: LikelihoodRanker, monkeypatch: pytest.MonkeyPatch):
    made = objective(learner, planted(POOL, 40))
    encoder, shapes = made.reader.attached.encoder, []
    run = type(encoder).run

    def watched(self, hidden, *arguments, **options):
        shapes.append((tuple(hidden.shape), options))
        return run(self, hidden, *arguments, **options)

    monkeypatch.setattr(type(encoder), "run", watched)
    made.outputs(np.arange(40))
    ((shape, where),) = shapes
    assert shape == (1, len(CHAIN) + 2, 32)
    # and only through the layers that learn
    assert where["start"] == 1


def test_members_give_out_of_fold_predictions(learner: LikelihoodRanker):
    dataset = planted(POOL, 40)
    model = learner.fit(dataset, seed=1)
    predicted = model.held_out()
    assert np.isfinite(predicted).all()
    assert len(model.tables) == 3
    for member, split in enumerate(splits(3, dataset, 1)):
        codes = POOL.codes(dataset.rows[split.validation])
        table = model.tables[member].reshape(len(CHAIN), -1)
        sums = table[np.arange(len(CHAIN)), codes].sum(1)
        shift, factor = model.lines[member]
        np.testing.assert_allclose(predicted[split.validation], shift + factor * sums, rtol=1e-4, atol=1e-5)
        assert len(np.intersect1d(split.training, split.validation)) == 0


def test_same_seed_same_model_and_state(learner: LikelihoodRanker):
    dataset, rows = planted(POOL, 20), np.arange(50)
    before = torch.random.get_rng_state()
    one, again = (learner.fit(dataset, 3) for _ in range(2))
    assert torch.equal(before, torch.random.get_rng_state())
    restored = learner.restore(dataset, 3, one.state())
    a, b, c = (model.predict(POOL, rows, 4, 8) for model in (one, again, restored))
    np.testing.assert_array_equal(a.draws, b.draws)
    np.testing.assert_array_equal(a.draws, c.draws)
    piece = one.predict(POOL, rows[7:9], 4, 8)
    np.testing.assert_allclose(piece.draws, a.draws[:, 7:9], rtol=1e-6)
    assert a.draws.std(0).mean() > 0
    many = one.predict(POOL, rows, 5, 4000)
    np.testing.assert_allclose(many.draws.std(0), many.sd, rtol=0.1)


@pytest.mark.parametrize("labels", [1, 2, 3])
def test_few_or_constant_labels_are_enough(learner: LikelihoodRanker, labels: int):
    dataset, learner = planted(POOL, labels), replace(learner, members=2)
    for values in (dataset.values, np.full((labels, 1), 7.5)):
        prediction = learner.fit(replace(dataset, values=values), 0).predict(POOL, np.arange(60), 1, 4)
        assert np.isfinite(prediction.draws).all()
        assert abs(prediction.mean.mean() - values.mean()) < 5


def test_several_assays(learner: LikelihoodRanker):
    one = planted(POOL, 12)
    two = replace(
        one,
        values=np.hstack([one.values, -one.values]),
        errors=np.zeros((12, 2)),
        assays=(Assay("a"), Assay("b")),
        censored=np.zeros((12, 2), np.int8),
    )
    prediction = replace(learner, members=2).fit(two, 0).predict(POOL, np.arange(30), 0, 4)
    assert prediction.draws.shape == (4, 30, 2)


def test_the_prior_needs_no_label(learner: LikelihoodRanker):
    model = learner.prior(POOL)
    assert model is not None
    prediction = model.predict(POOL, np.arange(100), 0, 4)
    assert prediction.mean.std() > 0
    assert "as pretrained" in model.explain()
    assert learner.prior(Pool.of([Sequence("MKT"), Sequence("MKA")])) is None


def test_without_a_parent_it_says_why(learner: LikelihoodRanker):
    pool = Pool.of([Sequence("MKT"), Sequence("MKA")])
    with pytest.raises(ModelError, match="wild type"):
        learner.fit(Dataset.of(pool, np.arange(2), np.arange(2.0)), 0)


def test_all_is_trained_on_when_there_is_little():
    dataset = planted(POOL, 5)
    assert all(isinstance(split, Split) and len(split.training) == 5 for split in splits(3, dataset, 0))
