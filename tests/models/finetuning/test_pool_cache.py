"""Activations of frozen layers are cached for the next call and the next version."""

import gc
from dataclasses import replace

import numpy as np
import pytest

from activeloop.adapters import FullFineTuning, LightPEFT, LoRA
from activeloop.candidates import Mutation, Pool, Variant
from activeloop.foundation import ESM2
from activeloop.measurements import Dataset
from activeloop.models import FineTuner, TrainingConfig
from activeloop.models.finetuning.adapted import AdaptedEncoder
from activeloop.models.finetuning.pool_cache import PARENT, PoolCache
from activeloop.models.finetuning.predictor import FineTunedPredictor

POOL = Pool.single_mutants("MKTAYIAKQR")
EVERY = np.arange(len(POOL))


@pytest.fixture
def tuner(tiny: str) -> FineTuner:
    return FineTuner(ESM2(tiny), LoRA(rank=2, last_layers=1), plan=TrainingConfig(epochs=1))


@pytest.fixture
def entered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many sequences went through frozen layers, each time."""
    counts: list[int] = []
    plain = AdaptedEncoder.entering

    def counted(self, batch):
        counts.append(len(batch.ids))
        return plain(self, batch)

    monkeypatch.setattr(AdaptedEncoder, "entering", counted)
    return counts


def fitted(learner: FineTuner, pool: Pool = POOL, n: int = 20) -> FineTunedPredictor:
    values = np.random.default_rng(0).standard_normal(len(pool))
    model = learner.fit(Dataset.of(pool, rows(pool, n), values[:n]), 0)
    assert isinstance(model, FineTunedPredictor)
    return model


def rows(pool: Pool, n: int) -> np.ndarray:
    return np.random.default_rng(0).permutation(len(pool))[:n]


def test_versions_share_them_and_no_bit_changes(tuner: FineTuner, entered: list[int]):
    first, second = fitted(tuner), fitted(tuner, n=30)
    few, rest = np.array([150, 3, 77]), EVERY[10:]
    once = [first.predict(POOL, some, 0, 4).draws for some in (few, EVERY)]
    # each candidate and the parent once
    assert sum(entered) == len(POOL) + 1
    entered.clear()
    later = [model.predict(POOL, rest, 0, 4).draws for model in (first, second)]
    assert not entered
    fresh = replace(tuner, cache=PoolCache(0))
    for model, draws in ((first, later[0]), (second, later[1])):
        assert np.array_equal(replace(model, learner=fresh).predict(POOL, rest, 0, 4).draws, draws)
    assert np.array_equal(replace(first, learner=fresh).predict(POOL, few, 0, 4).draws, once[0])
    # without room everything is computed anew each time, the parent with each minibatch
    assert sum(entered) - len(entered) == 2 * len(rest) + len(few)


def test_members_and_versions_are_trained_on_what_was_read_before(tuner: FineTuner, entered: list[int]):
    ensemble = replace(tuner, members=3)
    first, second = fitted(ensemble), fitted(ensemble, n=30)
    assert sum(entered) == 31
    apart = [fitted(replace(ensemble, cache=PoolCache(0)), n=n) for n in (20, 30)]
    # with no room each member reads the candidates for itself
    assert sum(entered) == 31 + 3 * 21 + 3 * 31
    for model, alone in zip((first, second), apart, strict=True):
        kept, own = ({k: v for k, v in m.state().items() if not k.endswith("record")} for m in (model, alone))
        assert kept.keys() == own.keys()
        assert all(np.array_equal(kept[name], own[name], equal_nan=kept[name].dtype.kind == "f") for name in kept)


def test_only_as_much_as_there_is_room_for(tuner: FineTuner, entered: list[int]):
    one = 12 * 32 * 4
    learner = replace(tuner, cache=PoolCache(50 * one + 10))
    model = fitted(learner)
    entered.clear()
    before = model.mean(POOL, EVERY)
    # all but those that it was trained on, and the parent
    assert sum(entered) == len(POOL) - 20
    entered.clear()
    again = model.mean(POOL, EVERY)
    assert sum(entered) == len(POOL) + 1 - 50
    assert np.array_equal(before, again)


def test_another_pool_takes_their_place(tuner: FineTuner):
    model, other = fitted(tuner), Pool.single_mutants("MKTAYIAKQW")
    model.mean(POOL, EVERY)
    adapted = model.members[0].adapted
    held = tuner.cache.of(POOL, adapted)
    assert held is not None
    assert set(held.by_row) == {*EVERY.tolist(), PARENT}
    elsewhere = tuner.cache.of(other, adapted)
    assert elsewhere is not None
    assert not elsewhere.by_row
    # they go with the pool
    del other
    gc.collect()
    assert tuner.cache._cached is None


def test_candidates_padded_to_their_parent_are_not_cached(tuner: FineTuner):
    parent = "MKTAYIAKQR"
    shorter = Variant(parent, (Mutation(3, "T", ""),))
    pool = Pool.of([shorter, Variant(parent, (Mutation(2, "K", "W"),)), Variant(parent, (Mutation(9, "Q", "L"),))])
    compared = replace(tuner, encoder=replace(tuner.encoder, pooling="mutated"))
    model = fitted(compared, pool, 3)
    held = compared.cache.of(pool, model.members[0].adapted)
    assert held is not None
    held.by_row.clear()
    model.mean(pool, np.arange(3))
    # as long as the parent, which stands beside them in the minibatch
    assert set(held.by_row) == {1, 2, PARENT}


@pytest.mark.parametrize(
    "adapter", [LoRA(rank=2), FullFineTuning(), LightPEFT(rank=4, modules=0.9)], ids=lambda a: a.name
)
def test_unshared_lower_layers_are_not_cached(tuner: FineTuner, adapter):
    learner = replace(tuner, adapter=adapter, plan=TrainingConfig(epochs=8))
    model = fitted(learner)
    assert learner.cache.of(POOL, model.members[0].adapted) is None
    assert np.isfinite(model.mean(POOL, EVERY)).all()
