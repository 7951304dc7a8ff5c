"""Cached activations give the outputs of the whole model."""

import numpy as np
import pytest
import torch

from activeloop.adapters import Frozen, FullFineTuning, LoRA
from activeloop.adapters.registry import ADAPTERS
from activeloop.candidates import Pool
from activeloop.foundation import ESM2, FoundationModel
from activeloop.foundation.encoder import sharing
from activeloop.foundation.pooling import Batch
from activeloop.models.finetuning.adapted import ActivationCache, AdaptedEncoder, concatenated, tokens_of
from activeloop.models.finetuning.pool_cache import rows_of

WILD = "MKTAYIAKQR"
POOL = Pool.single_mutants(WILD)


@pytest.fixture
def foundation(tiny: str) -> FoundationModel:
    return ESM2(tiny)


@pytest.mark.parametrize("adapter", [LoRA(last_layers=1), LoRA(last_layers=2), LoRA(), FullFineTuning()], ids=str)
@pytest.mark.parametrize("most", [2**30, 10_000, 0])
def test_the_same_as_the_whole_model(foundation: FoundationModel, adapter, most: int):
    adapted = AdaptedEncoder(foundation, adapter, POOL, 0)
    longer = foundation.tokens_of(["MKTAYIAKQRMK", "MK"])
    none = np.zeros((2, 10))
    longer = type(longer)(**{**vars(longer), "columns": none.astype(np.int32), "changed": none.astype(bool)})
    tokens = concatenated(foundation.tokens(POOL, np.arange(9)), longer)
    with torch.no_grad():
        for parameter in adapted.attached.parameters():
            parameter.add_(0.1)
        adapted.half = False
        prefix = ActivationCache(adapted, tokens, most)
        which = np.array([3, 10, 0, 9])
        hidden, batch = prefix(which)
        finished = adapted.encoder.finish(adapted.encoder.run(hidden, batch.real, start=max(adapted.lowest, 0)))
        for row, i in enumerate(which):
            alone = Batch.of(tokens.take(np.array([i])), adapted.device)
            expected = adapted.encoder(alone.ids, alone.real)[0]
            torch.testing.assert_close(finished[row, : len(expected)], expected, rtol=1e-4, atol=1e-5)
    assert len(prefix.cached) == (0 if adapted.lowest <= 0 or not most else 11 if most > 10_000 else len(prefix.cached))
    assert sum(t.nbytes for t in prefix.cached.values()) <= most


def test_embeddings_that_learn_get_gradients(foundation: FoundationModel):
    adapted = AdaptedEncoder(foundation, FullFineTuning(), POOL, 0)
    hidden, _ = ActivationCache(adapted, foundation.tokens(POOL, np.arange(3)))(np.arange(3))
    assert hidden.requires_grad
    frozen = AdaptedEncoder(foundation, LoRA(last_layers=1), POOL, 0)
    hidden, _ = ActivationCache(frozen, foundation.tokens(POOL, np.arange(3)))(np.arange(3))
    assert not hidden.requires_grad


def test_models_share_what_does_not_learn(foundation: FoundationModel):
    one, two = (AdaptedEncoder(foundation, LoRA(last_layers=1), POOL, seed) for seed in (0, 1))
    weights = [dict(m.encoder.named_parameters()) for m in (one, two)]
    shared = [name for name, p in weights[0].items() if p.data_ptr() == weights[1][name].data_ptr()]
    assert {name for name in weights[0] if not weights[0][name].requires_grad} == set(shared)
    with torch.no_grad():
        one.attached.parameters()[0].add_(1)
    assert not torch.equal(one.attached.parameters()[0], two.attached.parameters()[0])


@pytest.mark.parametrize("pooling", ["mutated", "difference", "mean", "attention"])
def test_the_features_are_those_of_the_frozen_model_to_begin_with(tiny: str, pooling):
    foundation = ESM2(tiny, pooling=pooling)
    rows = np.array([0, 40, 100])
    adapted = AdaptedEncoder(foundation, LoRA(last_layers=2), POOL, 0)
    tokens = tokens_of(foundation, POOL, rows)
    assert len(tokens) == 3 + adapted.needs_parent
    with torch.no_grad():
        features = adapted.above(*ActivationCache(adapted, tokens)(np.arange(len(tokens))))
    np.testing.assert_allclose(features.cpu().numpy(), foundation.features(POOL, rows), rtol=0.05, atol=0.05)


@pytest.mark.parametrize("name", ADAPTERS)
def test_no_adapter_changes_the_weights_of_others(foundation: FoundationModel, name: str):
    base = foundation.frozen_encoder()
    before = {key: tensor.clone() for key, tensor in base.state_dict().items()}
    adapted = AdaptedEncoder(foundation, ADAPTERS[name](), POOL, 0)
    kept = adapted.state()
    with torch.no_grad():
        for parameter in adapted.attached.parameters():
            parameter.add_(0.1)
    adapted.load(kept)
    adapted.attached.merge()
    assert all(torch.equal(tensor, before[key]) for key, tensor in base.state_dict().items())
    assert not any(p.requires_grad for p in base.parameters())


def test_a_model_takes_no_memory_for_what_does_not_learn(foundation: FoundationModel):
    base = foundation.frozen_encoder()
    copied = sharing(base)
    assert all(p.data_ptr() == q.data_ptr() for p, q in zip(base.parameters(), copied.parameters(), strict=True))
    assert not {id(p) for p in base.parameters()} & {id(p) for p in copied.parameters()}
    # matrices that the checkpoint ties stay tied
    assert len(list(base.parameters())) == len(list(copied.parameters()))


@pytest.mark.parametrize("pooling", ["mutated", "sites", "mean", "difference"])
@pytest.mark.parametrize("adapter", [LoRA(last_layers=1), LoRA(last_layers=2), FullFineTuning(), Frozen()], ids=str)
def test_features_are_those_of_whole_hidden_states(tiny: str, pooling, adapter):
    foundation, pool = ESM2(tiny, pooling=pooling), Pool.combinatorial(WILD, ["K2", "A4"])
    adapted = AdaptedEncoder(foundation, adapter, pool, 0)
    adapted.half = False
    tokens = tokens_of(foundation, pool, np.array([0, 7, 21, 399]))
    which = np.arange(len(tokens))
    with torch.no_grad():
        for parameter in adapted.attached.parameters():
            parameter.add_(0.02)
    hidden, batch = ActivationCache(adapted, tokens)(which)
    found = adapted.above(hidden, batch)
    whole = adapted.encoder(batch.ids, batch.real)
    own, parent = (slice(None, -1), slice(-1, None)) if adapted.needs_parent else (slice(None), None)
    beside = None if parent is None else (whole[parent], rows_of(batch, parent))
    expected = adapted.pooler(whole[own], rows_of(batch, own), beside)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    if adapted.parameters():
        slopes = [torch.autograd.grad(f.square().sum(), adapted.parameters()) for f in (found, expected)]
        # some slopes are nothing but rounding beside the largest
        rounding = 1e-6 * max(float(slope.abs().max()) for slope in slopes[1])
        for one, other in zip(*slopes, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3 * float(other.abs().max()) + rounding)
