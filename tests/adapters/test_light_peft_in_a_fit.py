"""Light-PEFT in the fit loop: the model becomes smaller on the way, and is found again from its state."""

from __future__ import annotations

import numpy as np
import torch

from activeloop import Pool
from activeloop.adapters import LightPEFT
from activeloop.foundation import ESM2
from activeloop.measurements import Dataset
from activeloop.models import FineTuner
from activeloop.models.finetuning.adapted import AdaptedEncoder, tokens_of
from activeloop.models.finetuning.config import TrainingConfig
from activeloop.models.finetuning.losses import Regression
from activeloop.models.finetuning.objectives import Supervised, ridge


def test_a_learner_with_it_predicts_the_same_after_it_was_stored(tiny: str):
    pool = Pool.single_mutants("MKTAYIAKQR")
    rng = np.random.default_rng(0)
    rows = np.sort(rng.choice(len(pool), 40, replace=False))
    learner = FineTuner(ESM2(tiny), LightPEFT(rank=4), plan=TrainingConfig(epochs=12, minibatch=20))
    dataset = Dataset.of(pool, rows, rng.standard_normal(40))
    predictor = learner.fit(dataset, 0)
    state = predictor.state()  # pyright: ignore[reportAttributeAccessIssue] # a fine-tuned model has one
    heads = next(array for name, array in state.items() if name.endswith("remains.heads"))
    assert heads.sum(1).tolist() == [3, 3, 3]
    again = learner.restore(dataset, 0, state)
    everything = np.arange(len(pool))
    draws = predictor.predict(pool, everything, seed=1).draws
    assert draws is not None
    assert np.ptp(draws) > 0
    assert np.array_equal(draws, again.predict(pool, everything, seed=1).draws)
    assert "light-peft" in predictor.explain()  # pyright: ignore[reportAttributeAccessIssue]


def test_the_head_begins_anew_on_what_the_smaller_model_says(tiny: str):
    pool, rng = Pool.single_mutants("MKTAYIAKQR"), np.random.default_rng(0)
    foundation, rows, values = ESM2(tiny), np.arange(40), rng.standard_normal(40)
    adapted = AdaptedEncoder(foundation, LightPEFT(rank=4, heads=0.5, units=0.7), pool, 0)
    tokens, none = tokens_of(foundation, pool, rows), np.zeros((40, 0), np.float32)
    training = np.arange(30)
    objective = Supervised(adapted, tokens, none, values, np.ones(40), Regression(), training)
    before = objective.features(training)
    named = {name: tensor.clone() for name, tensor in objective.state().items() if name in ("centre", "spread")}
    parameters = [objective.weight, objective.bias]
    # the third of six steps is the last of the estimation
    assert [objective.after_step(step, 6) for step in range(3)] == [False, False, True]
    after, state = objective.features(training), objective.state()
    assert np.abs(after - before).max() > 1e-3
    standard = (after - state["centre"].numpy()) / state["spread"].numpy()
    np.testing.assert_allclose(standard.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(standard.std(0), 1, atol=1e-3)
    assert not torch.equal(named["centre"], state["centre"])
    # the same parameters, for whoever holds them, and the ridge of the new features
    assert parameters == [objective.weight, objective.bias]
    coefficients, intercept = ridge(standard, values[training], np.ones(30))
    np.testing.assert_allclose(state["weight"].numpy()[0], coefficients, rtol=1e-3, atol=1e-4)
    assert abs(float(state["bias"]) - intercept) < 1e-4
