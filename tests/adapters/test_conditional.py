"""Adapters that a drug's embedding steers, on encoders of Geneformer's and of scGPT's shape."""

from __future__ import annotations

import copy

import pytest
import torch
from fits import IDS, REAL
from peft import LoraConfig
from peft.tuners.lora import LoraModel

from activeloop.adapters import Conditional, FullFineTuning, LightPEFT, LoRA, attach
from activeloop.adapters.conditional import ConditionalAttached
from activeloop.errors import ModelError
from activeloop.foundation.architectures import BertEncoder
from activeloop.foundation.cell_encoder import CellEncoder, CellStack

SIZE = 6


def cell_stack(**options) -> CellStack:
    torch.manual_seed(0)
    return CellStack(**{"genes": 40, "width": 32, "heads": 4, "inner": 48, "layers": 3, "bins": 5, **options}).eval()


def ranked(**options) -> BertEncoder:
    from transformers import BertConfig, BertForMaskedLM

    torch.manual_seed(0)
    shape = {"vocab_size": 40, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4}
    config = BertConfig(
        **{**shape, "intermediate_size": 48, "max_position_embeddings": 64, "pad_token_id": 0, **options}
    )
    return BertEncoder(BertForMaskedLM(config).eval())


ENCODERS = {"geneformer": ranked, "scgpt": lambda: CellEncoder(cell_stack())}


@pytest.fixture(params=ENCODERS)
def attached(request) -> ConditionalAttached:
    return attach(Conditional(SIZE, bottleneck=4), ENCODERS[request.param](), 0)  # type: ignore[return-value]


def drugs(seed: int = 0) -> torch.Tensor:
    return torch.randn((len(IDS), SIZE), generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def outputs(attached, conditions):
    with attached.under(conditions) as encoder:
        return encoder.eval()(IDS, REAL)[REAL]


def trained(attached, steps=20):
    optimiser = torch.optim.Adam(attached.parameters(), lr=1e-2)
    for step in range(steps):
        conditions = drugs(step % 4)
        target = conditions[:, :1, None].expand(-1, 9, 32)
        with attached.under(conditions) as encoder:
            loss = (encoder(IDS, REAL) - target)[REAL].square().mean()
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    return attached


def test_torchs_own_stack_and_ours_are_the_same():
    stack = cell_stack()
    genes, bins = IDS % 40, IDS % 5
    with torch.no_grad():
        theirs = copy.deepcopy(stack)(genes, bins, REAL)
        encoder = CellEncoder(stack)
        ours = encoder(encoder.tokens_of(genes, bins), REAL)
    torch.testing.assert_close(ours[REAL], theirs[REAL], rtol=1e-5, atol=1e-5)


def test_an_adapter_in_torchs_own_layers_does_nothing_and_in_ours_it_does():
    """The trap (peft issue 761): in eval mode torch reads the weights past the modules."""
    stack = cell_stack()
    genes, bins = IDS % 40, IDS % 5
    with torch.no_grad():
        before = stack(genes, bins, REAL)
        LoraModel(stack.transformer_encoder, LoraConfig(r=2, target_modules=["linear1"], init_lora_weights=False), "a")
        assert torch.equal(stack(genes, bins, REAL)[REAL], before[REAL])
    for adapter in (LoRA(rank=2), LoRA(rank=2, target_modules="attention"), FullFineTuning(), LightPEFT()):
        attach(adapter, CellEncoder(cell_stack()), 0)  # refuses what has no effect


def test_it_begins_as_the_encoder_was_and_answers_each_condition_in_its_own_way(attached):
    one, other = outputs(attached, drugs(0)), outputs(attached, drugs(1))
    assert torch.equal(one, other)
    frozen = copy.deepcopy(attached.encoder.state_dict())
    trained(attached)
    assert not torch.allclose(outputs(attached, drugs(0)), outputs(attached, drugs(1)), atol=1e-3)
    assert all(torch.equal(now, frozen[name]) for name, now in attached.encoder.state_dict().items())


def test_conditions_belong_to_their_sequences(attached):
    """One minibatch of three drugs is three minibatches of one."""
    trained(attached)
    conditions = drugs(7)
    with torch.no_grad(), attached.under(conditions) as encoder:
        whole = encoder(IDS, REAL)
    for i in range(len(IDS)):
        with torch.no_grad(), attached.under(conditions[i : i + 1]) as encoder:
            alone = encoder(IDS[i : i + 1], REAL[i : i + 1])
        torch.testing.assert_close(alone[0][REAL[i]], whole[i][REAL[i]], rtol=1e-4, atol=1e-5)


def test_saved_and_loaded_it_is_the_same(attached):
    trained(attached)
    expected = outputs(attached, drugs(3))
    state = attached.state()
    name = "geneformer" if isinstance(attached.encoder, BertEncoder) else "scgpt"
    fresh = attach(Conditional(SIZE, bottleneck=4), ENCODERS[name](), 1)
    fresh.load(state)
    assert torch.equal(outputs(fresh, drugs(3)), expected)
    with pytest.raises(ModelError, match="must be"):
        attach(Conditional(SIZE, bottleneck=3), ENCODERS[name](), 1).load(state)


def test_what_cannot_be_is_refused(attached):
    with pytest.raises(ModelError, match="no condition"):
        attached.encoder(IDS, REAL)
    with pytest.raises(ModelError, match="takes"), attached.under(torch.zeros(3, SIZE + 1)):
        pass
    with pytest.raises(ModelError, match="cannot be merged"):
        attached.merge()
    with pytest.raises(ModelError, match="at least 1"):
        Conditional(0)
    encoder = attached.detach()
    encoder(IDS, REAL)


def test_under_one_percent_of_the_parameters_at_published_sizes():
    """Geneformer with 10 M and scGPT with 51 M parameters, 384 numbers of a drug; shapes only."""
    with torch.device("meta"):
        geneformer = ranked(
            vocab_size=25426, hidden_size=256, num_hidden_layers=6, intermediate_size=512, max_position_embeddings=2048
        )
        scgpt = CellEncoder(cell_stack(genes=60697, width=512, heads=8, inner=512, layers=12, bins=51))
    for encoder, size in ((geneformer, 10e6), (scgpt, 50e6)):
        attached = attach(Conditional(384), encoder, 0)
        assert isinstance(attached, ConditionalAttached)
        assert sum(p.numel() for p in encoder.parameters()) > 0.95 * size
        assert 0 < attached.share < 0.01
