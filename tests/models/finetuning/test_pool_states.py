"""What frozen layers made of a pool is kept for the next call and the next version."""

import gc
from dataclasses import replace

import numpy as np
import pytest

from activeloop.adapters import FullFineTuning, LightPEFT, LoRA
from activeloop.backbones.esm import ESM2
from activeloop.candidates import Mutation, Pool, Variant
from activeloop.measurements import Dataset
from activeloop.models import FineTuner, Plan
from activeloop.models.finetuning.adapted import Adapted
from activeloop.models.finetuning.pool_states import PARENT, PoolStates
from activeloop.models.finetuning.tuned import FineTuned

POOL = Pool.single_mutants("MKTAYIAKQR")
EVERY = np.arange(len(POOL))


@pytest.fixture
def tuner(tiny: str) -> FineTuner:
    return FineTuner(ESM2(tiny), LoRA(rank=2, last=1), plan=Plan(epochs=1))


@pytest.fixture
def entered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many sequences went through frozen layers, each time."""
    counts: list[int] = []
    plain = Adapted.entering

    def counted(self, batch):
        counts.append(len(batch.ids))
        return plain(self, batch)

    monkeypatch.setattr(Adapted, "entering", counted)
    return counts


def fitted(learner: FineTuner, pool: Pool = POOL, n: int = 20) -> FineTuned:
    rng = np.random.default_rng(n)
    model = learner.fit(Dataset.of(pool, rng.permutation(len(pool))[:n], rng.standard_normal(n)), 0)
    assert isinstance(model, FineTuned)
    return model


def test_versions_share_them_and_no_bit_changes(tuner: FineTuner, entered: list[int]):
    first, second = fitted(tuner), fitted(tuner, n=30)
    entered.clear()
    few, rest = np.array([150, 3, 77]), EVERY[10:]
    once = [first.predict(POOL, rows, 0, 4).draws for rows in (few, EVERY)]
    # each candidate and the parent once
    assert sum(entered) == len(POOL) + 1
    entered.clear()
    later = [model.predict(POOL, rest, 0, 4).draws for model in (first, second)]
    assert not entered
    fresh = replace(tuner, states=PoolStates(0))
    for model, draws in ((first, later[0]), (second, later[1])):
        assert np.array_equal(replace(model, learner=fresh).predict(POOL, rest, 0, 4).draws, draws)
    assert np.array_equal(replace(first, learner=fresh).predict(POOL, few, 0, 4).draws, once[0])
    # without room everything is computed anew each time
    assert sum(entered) == 2 * (len(rest) + 1) + len(few) + 1


def test_only_as_much_as_there_is_room_for(tuner: FineTuner, entered: list[int]):
    one = 12 * 32 * 4
    learner = replace(tuner, states=PoolStates(50 * one + 10))
    model = fitted(learner)
    entered.clear()
    before = model.mean(POOL, EVERY)
    assert sum(entered) == len(POOL) + 1
    again = model.mean(POOL, EVERY)
    assert sum(entered) == 2 * (len(POOL) + 1) - 50
    assert np.array_equal(before, again)


def test_another_pool_takes_their_place(tuner: FineTuner):
    model, other = fitted(tuner), Pool.single_mutants("MKTAYIAKQW")
    model.mean(POOL, EVERY)
    adapted = model.members[0].adapted
    held = tuner.states.of(POOL, adapted)
    assert held is not None
    assert set(held.states) == {*EVERY.tolist(), PARENT}
    elsewhere = tuner.states.of(other, adapted)
    assert elsewhere is not None
    assert not elsewhere.states
    # they go with the pool
    del other
    gc.collect()
    assert tuner.states._kept is None


def test_candidates_beside_padding_are_not_kept(tuner: FineTuner):
    parent = "MKTAYIAKQR"
    shorter = Variant(parent, (Mutation(3, "T", ""),))
    pool = Pool.of([shorter, Variant(parent, (Mutation(2, "K", "W"),)), Variant(parent, (Mutation(9, "Q", "L"),))])
    model = fitted(tuner, pool, 3)
    model.mean(pool, np.arange(3))
    held = tuner.states.of(pool, model.members[0].adapted)
    assert held is not None
    assert not held.states
    # among others of one length they are
    model.mean(pool, np.array([1, 2]))
    assert set(held.states) == {1, 2}


@pytest.mark.parametrize(
    "adapter", [LoRA(rank=2), FullFineTuning(), LightPEFT(rank=4, modules=0.9)], ids=lambda a: a.name
)
def test_lower_layers_of_ones_own_are_not_kept(tuner: FineTuner, adapter):
    learner = replace(tuner, adapter=adapter, plan=Plan(epochs=8))
    model = fitted(learner)
    assert learner.states.of(POOL, model.members[0].adapted) is None
    assert np.isfinite(model.mean(POOL, EVERY)).all()
