"""Dropout in the last layers: functions of the candidates, and no pass more than needed."""

import numpy as np
import pytest
import torch

from activeloop.errors import ModelError
from activeloop.foundation import ESM2, FoundationModel
from activeloop.foundation.encoder import TransformerEncoder
from activeloop.foundation.pooling import Batch, Pooler
from activeloop.foundation.tokens import Tokens
from activeloop.models.finetuning.layer_dropout import LayerDropout


@pytest.fixture(scope="module")
def model(tiny: str) -> FoundationModel:
    return ESM2(tiny, pooling="mean")


@pytest.fixture(scope="module")
def encoder(model: FoundationModel) -> TransformerEncoder:
    return model.load()


@pytest.fixture(scope="module")
def tokens(model: FoundationModel) -> Tokens:
    return model.tokens_of(["MKTAYIAKQR", "MKTAYIAKQRQISF", "MKTWWIAKQR", "MK", "ACDEFGHIKL", "MKTAYIAKQR"])


def pooled(hidden: torch.Tensor, batch: Batch) -> torch.Tensor:
    return Pooler("mean", hidden.shape[2], 0)(hidden, batch, None)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_draws_spread_around_the_network(encoder: TransformerEncoder, tokens: Tokens, layers: int):
    dropout = LayerDropout(layers, rate=0.2)
    draws = dropout.draws(encoder, pooled, tokens, dropout.masks(encoder, 0, 6))
    assert draws.shape == (6, len(tokens), encoder.width)
    assert draws.std(0).max() > 1e-3
    whole = dropout.draws(encoder, pooled, tokens, torch.ones(1, layers, encoder.width))
    batch = Batch.of(tokens)
    with torch.inference_mode():
        plain = pooled(encoder(batch.ids, batch.real), batch).numpy()
    np.testing.assert_allclose(whole[0], plain, atol=1e-4)


def test_a_draw_is_one_function_of_candidates(encoder: TransformerEncoder, tokens: Tokens):
    dropout = LayerDropout(2, rate=0.3)
    masks = dropout.masks(encoder, 1, 4)
    draws = dropout.draws(encoder, pooled, tokens, masks)
    np.testing.assert_allclose(draws[:, 0], draws[:, 5], atol=1e-5)
    for size in (1, 24):
        np.testing.assert_allclose(dropout.draws(encoder, pooled, tokens, masks, size), draws, atol=1e-5)


def test_the_same_minibatches_give_the_same_bits(encoder: TransformerEncoder, tokens: Tokens):
    dropout = LayerDropout()
    masks = dropout.masks(encoder, 1, 5)
    torch.testing.assert_close(dropout.masks(encoder, 1, 3), masks[:3], rtol=0, atol=0)
    first, again = (dropout.draws(encoder, pooled, tokens, masks, 30) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(dropout.draws(encoder, pooled, tokens, masks[:3], 30), first[:3])


def test_no_layer_is_run_more_often_than_needed(encoder: TransformerEncoder, tokens: Tokens):
    runs = [0] * len(encoder.layers)

    def count(index: int):
        def seen(*_):
            runs[index] += 1

        return seen

    hooks = [layer.register_forward_hook(count(i)) for i, layer in enumerate(encoder.layers)]
    dropout = LayerDropout(2)
    alike = tokens.take(np.array([0, 2, 4, 5]))
    dropout.draws(encoder, pooled, alike, dropout.masks(encoder, 0, 7))
    for hook in hooks:
        hook.remove()
    assert runs == [1, 1, 7]


def test_what_cannot_spread_is_refused(encoder: TransformerEncoder, tokens: Tokens):
    for layers, rate in ((0, 0.1), (1, 0.0), (1, 1.0)):
        with pytest.raises(ModelError, match="without spread"):
            LayerDropout(layers, rate)
    with pytest.raises(ModelError, match="has 3 layers, not 4"):
        LayerDropout(4).masks(encoder, 0, 2)
    with pytest.raises(ModelError, match="all samples are equal"):
        LayerDropout(1).draws(encoder, pooled, tokens, torch.ones(3, 1, encoder.width))
