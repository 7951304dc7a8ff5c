"""Light-PEFT in the fit loop: the model becomes smaller on the way, and is found again from its state."""

from __future__ import annotations

import numpy as np

from activeloop import Pool
from activeloop.adapters import LightPEFT
from activeloop.backbones import ESM2
from activeloop.measurements import Dataset
from activeloop.models import FineTuner
from activeloop.models.finetuning.plan import Plan


def test_a_learner_with_it_predicts_the_same_after_it_was_stored(tiny: str):
    pool = Pool.single_mutants("MKTAYIAKQR")
    rng = np.random.default_rng(0)
    rows = np.sort(rng.choice(len(pool), 40, replace=False))
    learner = FineTuner(ESM2(tiny), LightPEFT(rank=4), plan=Plan(epochs=12, minibatch=20))
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
