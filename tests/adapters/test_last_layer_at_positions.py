"""With an adapter in it, too, the last layer at a few tokens is what the whole layer gives there."""

import pytest
import torch
from fits import IDS, REAL, Fit

from activeloop.adapters import LightPEFT, LoRA, attach
from activeloop.adapters.registry import ADAPTERS
from activeloop.foundation.encoder import TransformerEncoder, has_hooks

FAMILIES = ["esm2", "esmc", "protbert", "prott5", "ankh", "nucleotides"]
TRAINABLE = {name: make() for name, make in ADAPTERS.items() if name != "frozen"}
POSITIONS = torch.tensor([[1, 8, 3], [5, 0, 0], [7, 2, 4]])


def both(encoder: TransformerEncoder) -> tuple[torch.Tensor, torch.Tensor]:
    """The last layer at positions, by the way that is taken and as a whole."""
    last = len(encoder.layers) - 1
    hidden = encoder.run(encoder.embed(IDS, REAL), REAL, stop=last)
    context = encoder.context(hidden, REAL)
    return encoder.last_at(hidden, context, POSITIONS), encoder.layer(last, hidden, context)[
        torch.arange(3)[:, None], POSITIONS
    ]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", TRAINABLE)
def test_outputs_and_gradients_are_those_of_the_whole_layer(encoders, family, name):
    adapter = LightPEFT(heads=0.0) if (name, family) == ("light-peft", "esmc") else TRAINABLE[name]
    attached = attach(adapter, encoders(family), 0)
    Fit(attached, 3).run()
    encoder = attached.encoder
    assert not has_hooks(encoder.layers[-1])
    short, whole = both(encoder)
    torch.testing.assert_close(short, whole, rtol=1e-4, atol=1e-5)
    trained = attached.parameters()
    of_short = torch.autograd.grad(short.square().sum(), trained, allow_unused=True, retain_graph=True)
    of_whole = torch.autograd.grad(whole.square().sum(), trained, allow_unused=True)
    for one, other in zip(of_short, of_whole, strict=True):
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            # sums of terms that cancel are as exact as the largest of them; some gradients are nothing but rounding
            slack = max(1e-4, 2e-3 * float(other.abs().max()))
            torch.testing.assert_close(one, other, rtol=1e-3, atol=slack)


def test_an_estimation_sees_every_token(encoders):
    attached = attach(LightPEFT(), encoders(), 0)
    encoder = attached.encoder
    assert has_hooks(encoder.layers[-1])
    short, whole = both(encoder)
    assert torch.equal(short, whole)
    # every real token was counted, in the last layer once for each way
    seen = attached.progress()["sums"][:, 1] / REAL.sum()
    assert seen.tolist() == [1.0] * 12 + [2.0] * 6


def test_dropout_of_an_adapter_drops(encoders):
    attached = attach(LoRA(last_layers=1, dropout=0.5), encoders(), 0)
    Fit(attached, 2).run()
    encoder = attached.encoder
    plain = both(encoder)[0]
    for module in encoder.layers[-1].modules():
        if "lora_dropout" in type(module).__name__ or (isinstance(module, torch.nn.Dropout) and module.p == 0.5):
            module.train()
    first, second = both(encoder)[0], both(encoder)[0]
    assert not torch.equal(first, plain)
    assert not torch.equal(first, second)
