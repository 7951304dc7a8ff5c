"""A head on features as they are: bit for bit in pieces, prior first, held-out values; on a tiny pretrained model."""

import numpy as np
import pytest

from activeloop.candidates import Pool
from activeloop.encoders import OneHot
from activeloop.foundation import ESM2
from activeloop.measurements import Dataset
from activeloop.models.embedding import HeadLearner, HeadPredictor
from activeloop.models.heads.dropout import DropoutHead
from activeloop.models.heads.gp import GPHead
from activeloop.models.out_of_fold import OutOfFold
from activeloop.prediction import mean_of
from activeloop.priors import SubstitutionPrior


def test_a_pool_in_pieces_has_the_same_draws_bit_for_bit(planted, pools, monkeypatch: pytest.MonkeyPatch):
    pool = pools["variants"]
    model = HeadLearner(head=GPHead()).fit(planted(pool, 40), 0)
    rows = np.random.default_rng(0).permutation(len(pool))[:300]
    whole = model.predict(pool, rows, 3, 16)
    monkeypatch.setattr(HeadPredictor, "piece", 37)
    pieces = model.predict(pool, rows, 3, 16)
    np.testing.assert_array_equal(pieces.draws, whole.draws)
    np.testing.assert_array_equal(pieces.sd, whole.sd)
    np.testing.assert_allclose(mean_of(model, pool, rows), whole.mean, rtol=1e-4)


def test_believes_the_prior_score_before_any_measurement():
    pool = Pool.single_mutants("MKTAYIAKQRQISFVKSHFSRQ")
    score = SubstitutionPrior()
    prior = HeadLearner(prior_score=score).prior(pool)
    assert prior is not None
    rows = np.arange(len(pool))
    prediction = prior.predict(pool, rows, 0, 32)
    assert np.corrcoef(prediction.mean[:, 0], score.features(pool, rows)[:, 0])[0, 1] > 0.999
    # half of the variance of the mean comes from the score at most; the rest is not known
    assert 0.3 < prediction.mean.std() < 0.8
    assert prediction.sd.min() > 0.1
    assert "before any measurement" in prior.explain()
    assert HeadLearner().prior(pool) is None


def test_the_prior_score_helps_with_few_labels(planted):
    pool = Pool.single_mutants("MKTAYIAKQRQISFVKSHFSRQ")
    truth = SubstitutionPrior().features(pool, np.arange(len(pool)))[:, 0]
    truth = truth + 0.5 * truth.std() * np.random.default_rng(0).standard_normal(len(pool))
    rows = np.random.default_rng(1).permutation(len(pool))[:16]
    dataset = Dataset.of(pool, rows, truth[rows])
    others = np.setdiff1d(np.arange(len(pool)), rows)
    learners = HeadLearner(), HeadLearner(prior_score=SubstitutionPrior())
    without, beside = (
        np.corrcoef(mean_of(learner.fit(dataset, 0), pool, others)[:, 0], truth[others])[0, 1] for learner in learners
    )
    assert beside > without + 0.2


def test_knows_what_it_would_have_said(planted, pools):
    dataset = planted(pools["variants"], 60)
    model = HeadLearner().fit(dataset, 0)
    assert isinstance(model, OutOfFold)
    assert np.corrcoef(model.held_out(), dataset.values[:, 0])[0, 1] > 0.6


def test_learns_on_a_pretrained_model(tiny: str):
    pool = Pool.single_mutants("MKTAYIAKQR")
    model = ESM2(tiny)
    rows = np.arange(0, len(pool), 3)
    truth = model.features(pool, np.arange(len(pool)))[:, :3].sum(1).astype(float)
    dataset = Dataset.of(pool, rows, truth[rows])
    learner = HeadLearner(model)
    others = np.setdiff1d(np.arange(len(pool)), rows)
    predictor = learner.fit(dataset, 0)
    assert np.corrcoef(mean_of(predictor, pool, others)[:, 0], truth[others])[0, 1] > 0.9
    assert learner.name == f"last-layer-{model.name}"


def test_names_say_what_they_are_made_of():
    assert HeadLearner(OneHot(), DropoutHead(), SubstitutionPrior()).name == "dropout-onehot-substitutions"
