"""The contract of adapters, on every architecture."""

import random

import numpy as np
import pytest
import torch
from fits import Fit, outputs
from safetensors.torch import load, save

from activeloop.adapters import Frozen, FullFineTuning, LightPEFT, LoRA, PeftAdapter, attach
from activeloop.adapters.pruning import base_of
from activeloop.adapters.registry import ADAPTERS
from activeloop.errors import ModelError

FAMILIES = ["esm2", "esmc", "protbert", "prott5", "ankh", "nucleotides"]
#: every adapter as configs name it, and with options that change where it sits
EVERY = {name: make() for name, make in ADAPTERS.items()} | {
    "adalora": PeftAdapter("adalora", {"total_step": 1}, target_modules="attention", layers_to_transform=(0, 2)),
    "full, last": FullFineTuning(last_layers=1),
    "ia3, last": PeftAdapter("ia3", last_layers=2),
    "loha": PeftAdapter("loha", {"r": 2}),
    "lora, attention": LoRA(rank=4, target_modules="attention", last_layers=2),
    "lora, faster": LoRA(rank=4, target_modules="query+value", layers_to_transform=(2, 1), loraplus_lr_ratio=16),
    "lora, thinned": LoRA(dropout=0.2, last_layers=1),
}
TRAINABLE = {name: adapter for name, adapter in EVERY.items() if name != "frozen"}
#: everywhere; the other options on one architecture
PLAIN = {name: TRAINABLE[name] for name in ADAPTERS if name != "frozen"}


def untouched(encoder, attached) -> dict[str, torch.Tensor]:
    others = {id(p) for p in attached.parameters()}
    if getattr(attached, "remains", None):
        # repairs changed these
        maps = [base_of(encoder.layers[int(name[0])].get_submodule(name[2:])) for name in attached.remains.repairs]
        others |= {id(linear.bias) for linear in maps} | {id(linear.weight) for linear in maps}
    tensors = [*encoder.named_parameters(), *encoder.named_buffers()]
    return {name: t.detach().clone() for name, t in tensors if id(t) not in others}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", PLAIN)
def test_attach_train_save_load_and_merge(encoders, family, name):
    # no head can be removed from ESM-C
    adapter = LightPEFT(heads=0.0) if (name, family) == ("light-peft", "esmc") else PLAIN[name]
    encoder = encoders(family)
    before = outputs(encoder)
    attached = attach(adapter, encoder, 0)
    torch.testing.assert_close(outputs(encoder), before, rtol=1e-5, atol=1e-5)
    frozen = untouched(encoder, attached)

    Fit(attached, 3).run()
    after = outputs(encoder)
    assert not torch.allclose(after, before, atol=1e-4)
    # smaller tensors were pruned, not trained
    same = {
        key: now
        for key, now in untouched(encoder, attached).items()
        if now.shape == getattr(frozen.get(key), "shape", 0)
    }
    assert same or name == "full"
    assert all(torch.equal(now, frozen[key]) for key, now in same.items())

    other = attach(adapter, encoders(family), 7)
    other.load(load(save(attached.state())))
    assert torch.equal(outputs(other.encoder), after)

    merged = attached.merge()
    torch.testing.assert_close(outputs(merged), after, rtol=1e-5, atol=1e-5)
    assert [type(m) for m in merged.modules()] == [type(m) for m in encoders(family).modules()]
    assert not any(p.requires_grad for p in merged.parameters())


@pytest.mark.parametrize("name", EVERY)
class TestOnOneArchitecture:
    def test_changes_nothing_before_training(self, encoders, name):
        encoder = encoders()
        before = outputs(encoder)
        attach(EVERY[name], encoder, 0)
        exact = EVERY[name].name != "pissa"
        torch.testing.assert_close(outputs(encoder), before, rtol=0 if exact else 1e-5, atol=0 if exact else 1e-5)
        assert not any(module.training for module in encoder.modules())

    def test_the_same_seed_gives_the_same_start_and_no_global_generator_moves(self, encoders, name):
        before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
        states = [attach(EVERY[name], encoders(), 3).state() for _ in range(2)]
        assert states[0].keys() == states[1].keys()
        assert all(torch.equal(tensor, states[1][key]) for key, tensor in states[0].items())
        assert torch.equal(torch.get_rng_state(), before[0])
        assert np.random.get_state()[1].tolist() == before[1]  # noqa: NPY002
        assert random.getstate() == before[2]

    def test_trainable_parameters_take_gradients(self, encoders, name):
        attached = attach(EVERY[name], encoders(), 0)
        trainable = [p for p in attached.encoder.parameters() if p.requires_grad]
        assert {id(p) for p in trainable} == {id(p) for p in attached.parameters()}
        assert attached.trainable() == sum(p.numel() for p in trainable)
        assert len(attached.rates()) == len(attached.parameters())

    def test_nothing_is_trained_below_the_lowest_layer(self, encoders, name):
        attached = attach(EVERY[name], encoders(), 0)
        layers = attached.encoder.layers
        learning = [i for i, layer in enumerate(layers) if any(p.requires_grad for p in layer.parameters())]
        expected = -1 if name == "full" else min(learning, default=len(layers))
        assert attached.lowest == expected


@pytest.mark.parametrize("name", ["lora", "adalora"])
def test_initial_weights_depend_on_the_seed(encoders, name):
    states = [attach(EVERY[name], encoders(), seed).state() for seed in (0, 1)]
    assert any(not torch.equal(tensor, states[1][key]) for key, tensor in states[0].items())


D, F, L, V = 32, 64, 3, 33
MAPS = 4 * 2 * D + 2 * (D + F)
BLOCK = 4 * (D * D + D) + (D * F + F) + (F * D + D) + 4 * D


@pytest.mark.parametrize(
    ("adapter", "count"),
    [
        (LoRA(rank=8), L * 8 * MAPS),
        (LoRA(rank=5, last_layers=2), 2 * 5 * MAPS),
        (LoRA(rank=4, target_modules="attention", layers_to_transform=(1,)), 4 * 8 * D),
        (LoRA(rank=4, target_modules="query+value"), L * 4 * 4 * D),
        (LoRA(rank=8, variant="rslora"), L * 8 * MAPS),
        (LoRA(rank=8, variant="pissa"), L * 8 * MAPS),
        (LoRA(rank=8, variant="dora"), L * (8 * MAPS + 5 * D + F)),
        (PeftAdapter("ia3"), L * (2 * D + F)),
        (PeftAdapter("adalora", {"init_r": 12, "total_step": 1}), L * (12 * MAPS + 12 * 6)),
        (FullFineTuning(), V * D + L * BLOCK + 2 * D),
        (FullFineTuning(last_layers=2), 2 * BLOCK + 2 * D),
        (Frozen(), 0),
    ],
)
def test_number_of_trainable_parameters(encoders, adapter, count):
    assert attach(adapter, encoders(), 0).trainable() == count


def test_the_change_of_a_weight_is_a_b_transposed(encoders):
    attached = attach(LoRA(rank=4, alpha=8, last_layers=1), encoders(), 0)
    Fit(attached, 3).run()
    state = attached.state()
    key = "layers.2.intermediate.dense"
    a, bt = state[f"{key}.lora_B.weight"], state[f"{key}.lora_A.weight"]
    before = encoders().layers[2].intermediate.dense.weight
    after = attached.merge().layers[2].intermediate.dense.weight
    torch.testing.assert_close(after - before, 8 / 4 * a @ bt, rtol=0, atol=1e-6)


def test_a_learns_faster_than_b(encoders):
    attached = attach(LoRA(last_layers=1, target_modules="query+value", loraplus_lr_ratio=16), encoders(), 0)
    # per map: lora_A (the B of `LoRA`), lora_B (its A)
    assert attached.rates() == [1.0, 16.0, 1.0, 16.0]


@pytest.mark.parametrize("family", ["esm2", "prott5"])
@pytest.mark.parametrize("adapter", [LoRA(alpha=0), LoRA(alpha=0, last_layers=1, variant="rslora")])
def test_refuses_an_adapter_without_effect(encoders, family, adapter):
    with pytest.raises(ModelError, match="changes nothing"):
        attach(adapter, encoders(family), 0)


@pytest.mark.parametrize("adapter", [PeftAdapter("loraa"), PeftAdapter("loha", {"rang": 2})])
def test_refuses_what_peft_does_not_make(encoders, adapter):
    with pytest.raises(ModelError, match=f'peft makes no adapter "{adapter.kind}" with these options'):
        attach(adapter, encoders(), 0)


def test_refuses_maps_that_a_fast_path_bypasses(encoders):
    encoder = encoders()
    attention = encoder.layers[2].attention.self
    kind = type(attention)

    class Bypassing(kind):
        """Uses the weight of its query map, never the map itself, as torch's fast path does."""

        def forward(self, hidden_states, *args, **kwargs):
            query = self.query
            self.query = torch.nn.Linear(query.in_features, query.out_features)
            with torch.no_grad():
                self.query.weight.copy_(query.weight)
                self.query.bias.copy_(query.bias)
            result = super().forward(hidden_states, *args, **kwargs)
            self.query = query
            return result

    attention.__class__ = Bypassing
    with pytest.raises(ModelError, match="leaves 2 of its 4 tensors without effect"):
        attach(LoRA(last_layers=1, target_modules="query+value"), encoder, 0)


def test_refuses_a_second_adapter(encoders):
    encoder = encoders()
    attach(LoRA(), encoder, 0)
    with pytest.raises(ModelError, match="has an adapter"):
        attach(LoRA(), encoder, 0)


def test_a_second_adapter_after_merging(encoders):
    encoder = attach(LoRA(last_layers=1), encoders(), 0).merge()
    assert attach(PeftAdapter("ia3"), encoder, 0).trainable() == L * (2 * D + F)


@pytest.mark.parametrize(
    ("adapter", "words"),
    [
        (LoRA(layers_to_transform=(3,)), r"layers_to_transform=\[3\]: the model has 3 layers"),
        (PeftAdapter("ia3", layers_to_transform=()), r"layers_to_transform=\[\]: the model has 3 layers"),
        (FullFineTuning(last_layers=4), "last_layers=4: the model has 3 layers"),
        (PeftAdapter("vera", last_layers=0), "last_layers=0: the model has 3 layers"),
        (LoRA(layers_to_transform=(1,), last_layers=1), "either `layers_to_transform` or `last_layers`"),
    ],
)
def test_refuses_layers_that_do_not_exist(encoders, adapter, words):
    encoder = encoders()
    with pytest.raises(ModelError, match=words):
        attach(adapter, encoder, 0)
    assert [type(m) for m in encoder.modules()] == [type(m) for m in encoders().modules()]


@pytest.mark.parametrize(
    ("saved", "attached", "words"),
    [
        (LoRA(rank=4), LoRA(rank=8), r"is 4 x 32 and must be 8 x 32 here"),
        (LoRA(last_layers=1), LoRA(), "is missing"),
        (LoRA(), LoRA(last_layers=1), "belongs nowhere"),
        (LoRA(variant="dora"), LoRA(), "lora_magnitude_vector.*belongs nowhere"),
        (PeftAdapter("ia3"), LoRA(), "nothing was loaded"),
    ],
)
def test_refuses_the_state_of_another(encoders, saved, attached, words):
    attached = attach(attached, encoders(), 0)
    before = attached.state()
    with pytest.raises(ModelError, match=words):
        attached.load(attach(saved, encoders(), 1).state())
    assert all(torch.equal(tensor, before[key]) for key, tensor in attached.state().items())


@pytest.mark.parametrize(
    "adapter", [LoRA(), LoRA(variant="dora"), PeftAdapter("ia3"), PeftAdapter("adalora", {"total_step": 1})]
)
def test_counts_on_shapes_alone(encoders, adapter):
    count = attach(adapter, encoders(), 0).trainable()
    assert attach(adapter, encoders().to("meta"), 0).trainable() == count
