"""Light-PEFT: estimation, pruning, saving and loading."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from activeloop.adapters import LightPEFT, attach
from activeloop.adapters.estimation import SAMPLE
from activeloop.adapters.light_peft import LightAttached
from activeloop.adapters.pruning import Remains, adapted, base_of, factors, feed_forward
from activeloop.errors import ModelError
from activeloop.foundation import ESM2, ESMC, Ankh, ProtBert, ProtT5
from activeloop.foundation.encoder import TransformerEncoder
from tiny_models import tiny_bert, tiny_esm, tiny_esmc, tiny_t5

SETTINGS = LightPEFT(rank=4, dropout=0.0)
HEADS, UNITS, LAYERS = 4, 64, 3
ARCHITECTURES = {
    "esm2": (tiny_esm, ESM2),
    "protbert": (tiny_bert, ProtBert),
    "prott5": (tiny_t5, ProtT5),
    "ankh": (partial(tiny_t5, mark="", gated=True), Ankh),
    "esmc": (tiny_esmc, ESMC),
}


def minibatch(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Twelve candidates of up to ten tokens."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(4, 24, (12, 10), generator=generator)
    real = torch.arange(10) < torch.randint(5, 11, (12, 1), generator=generator)
    return ids, real


def outputs(encoder: TransformerEncoder) -> torch.Tensor:
    ids, real = minibatch(1)
    with torch.no_grad():
        return encoder(ids, real)[real]


def fit(attached: LightAttached, steps: int, planned: int | None = None) -> list[bool]:
    """Train as the fit loop does; whether the parameters became others, for each step."""
    ids, real = minibatch()
    wanted = torch.randn(12, generator=torch.Generator().manual_seed(2))
    optimiser = torch.optim.AdamW(attached.parameters(), lr=3e-3)
    changes = []
    for step in range(steps):
        pooled = (attached.encoder(ids, real) * real.unsqueeze(2)).sum(1) / real.sum(1, keepdim=True)
        loss = (pooled[:, 0] - wanted).square().mean()
        penalty = attached.penalty()
        (loss if penalty is None else loss + penalty).backward()
        attached.after_backward()
        optimiser.step()
        optimiser.zero_grad()
        changes.append(attached.after_step(step, planned or steps))
        if changes[-1]:
            optimiser = torch.optim.AdamW(attached.parameters(), lr=3e-3)
    return changes


@pytest.fixture
def encoder(tiny: str) -> TransformerEncoder:
    return ESM2(tiny).load()


@pytest.fixture(scope="module")
def pruned(tiny: str) -> LightAttached:
    """After twelve steps of twenty-four, ten of them of estimation; not to be changed."""
    attached = attach(SETTINGS, ESM2(tiny).load(), 0)
    fit(attached, 12, 24)
    return attached


def test_nothing_changes_by_attaching(tiny: str, encoder: TransformerEncoder):
    before = outputs(encoder)
    attach(SETTINGS, encoder, 0)
    assert torch.equal(outputs(encoder), before)


def test_the_estimation_has_a_scalar_for_each_head_and_unit_beside_the_adapters(encoder: TransformerEncoder):
    attached = attach(SETTINGS, encoder, 0)
    d, u = encoder.width, UNITS
    adapters = LAYERS * SETTINGS.rank * (4 * 2 * d + 2 * (d + u))
    assert attached.trainable() == adapters + LAYERS * (HEADS + UNITS)
    penalty = attached.penalty()
    assert penalty is not None
    assert penalty.item() == pytest.approx(1e-4 * LAYERS * (HEADS + UNITS))


def test_a_scalar_on_what_enters_the_output_projection_is_one_on_attention_probabilities(
    tiny: str, encoder: TransformerEncoder
):
    """As published: head 2 of layer 1, multiplied in the attention itself."""
    attached = attach(SETTINGS, encoder, 0)
    with torch.no_grad():
        attached._estimation.heads[1].values[2] = 0.25
    plain = ESM2(tiny).load()
    attention = plain.layers[1].get_submodule("attention.self")
    attention.register_forward_hook(_scaled_head)
    torch.testing.assert_close(outputs(encoder), outputs(plain))


def _scaled_head(module, inputs, output):
    context = output[0].clone()
    width = context.shape[2] // HEADS
    context[:, :, 2 * width : 3 * width] *= 0.25
    return context, *output[1:]


def test_pruning_happens_once_after_the_estimation(tiny: str):
    changes = fit(attach(SETTINGS, ESM2(tiny).load(), 0), 24)
    assert changes == [False] * 9 + [True] + [False] * 14


def test_a_third_of_heads_and_units_three_quarters_of_adapters_and_half_of_ranks_go(pruned: LightAttached):
    remains = pruned.remains
    assert remains is not None
    assert remains.heads.sum(1).tolist() == [3, 3, 3]
    assert int(remains.units.sum()) == 192 - 64
    # 18 adapters, 14 go (75 % of 18, rounded to even); 16 ranks stay in the others, 8 of them go
    assert len(remains.ranks) <= 4
    assert sum(int(kept.sum()) for kept in remains.ranks.values()) == 8
    assert pruned.trainable() == sum(p.numel() for p in pruned.encoder.parameters() if p.requires_grad)
    assert pruned.trainable() <= 0.25 * LAYERS * SETTINGS.rank * (8 * 32 + 2 * (32 + UNITS))


def test_matrices_are_smaller(pruned: LightAttached):
    remains, names = pruned.remains, pruned.encoder.names
    assert remains is not None
    for index, layer in enumerate(pruned.encoder.layers):
        units = int(remains.units[index].sum())
        wanted = dict.fromkeys((names.query, names.key, names.value), (24, 32)) | {names.output: (32, 24)}
        wanted |= dict.fromkeys(names.widen, (units, 32)) | {names.narrow: (32, units)}
        for name, shape in wanted.items():
            linear = base_of(layer.get_submodule(name))
            assert tuple(linear.weight.shape) == shape
            assert (linear.out_features, linear.in_features) == shape
            assert linear.bias.shape == shape[:1]
    for name, module in adapted(pruned.encoder).items():
        rank = int(remains.ranks[name].sum())
        into, out = factors(module)
        assert into.weight.shape == (rank, base_of(module).in_features)
        assert out.weight.shape == (base_of(module).out_features, rank)
    assert set(adapted(pruned.encoder)) == set(remains.ranks)
    assert not [name for name, _ in pruned.encoder.named_parameters() if "mask" in name]


@pytest.mark.parametrize("kind", ["esm2", "protbert", "prott5", "ankh", "esmc"])
def test_a_pruned_encoder_computes_what_the_masked_one_does(kind: str, tmp_path: Path):
    """Removed heads, units, adapters and ranks 0, and the repairs beside; also with biases of distances."""
    make, family = ARCHITECTURES[kind]
    folder = make(tmp_path)
    # the heads of ESM-C cannot be removed one by one
    settings = replace(SETTINGS, heads=0.0) if kind == "esmc" else SETTINGS
    attached, whole = (attach(settings, family(folder).load(), 0) for _ in range(2))
    fit(attached, 9, 24)
    whole.load(attached.state())
    remains = attached._estimation.choose()
    attached.prune(remains)
    for masks, kept in ((whole._estimation.heads, remains.heads), (whole._estimation.units, remains.units)):
        for mask, row in zip(masks, kept, strict=False):
            mask.values.data.copy_(row)
    for name, module in adapted(whole.encoder).items():
        factors(module)[0].weight.data[~remains.ranks.get(name, torch.zeros(4, dtype=torch.bool))] = 0
    for name, repair in remains.repairs.items():
        linear = base_of(whole.encoder.layers[int(name[0])].get_submodule(name[2:]))
        kept = (remains.heads if linear.in_features == whole.encoder.width else remains.units)[int(name[0])]
        each = kept.repeat_interleave(linear.in_features // len(kept))
        linear.register_forward_hook(
            lambda module, inputs, output, repair=repair, each=each: (
                output + repair.shift + inputs[0][..., each] @ (repair.out @ repair.into).T
            )
        )
    before = outputs(whole.encoder)
    assert not torch.allclose(before, outputs(family(folder).load()), atol=1e-3)
    torch.testing.assert_close(outputs(attached.encoder), before, rtol=1e-4, atol=1e-4)
    again = attach(settings, family(folder).load(), 0)
    again.load(attached.state())
    assert torch.equal(outputs(again.encoder), outputs(attached.encoder))


def test_what_remains_reconstructs_what_was_removed(tiny: str):
    """The mean of a map's outputs is as before; of what else they lose, some is predicted."""
    attached = attach(SETTINGS, ESM2(tiny).load(), 0)
    ids, real = minibatch()
    entered: dict[str, torch.Tensor] = {}
    for name in ("attention.output.dense", "output.dense"):
        # after the mask, which is 1 before the first step
        attached.encoder.layers[1].get_submodule(name).register_forward_pre_hook(
            lambda module, inputs, name=name: entered.update({name: inputs[0].detach()[real]})
        )
    attached.encoder(ids, real)
    remains = attached._estimation.choose()
    weights = [layer.output.dense.base_layer.weight.clone() for layer in attached.encoder.layers]  # type: ignore[union-attr]
    for name, groups in (("attention.output.dense", remains.heads[1]), ("output.dense", remains.units[1])):
        inputs, weight = entered[name], base_of(attached.encoder.layers[1].get_submodule(name)).weight.detach()
        kept, repair = groups.repeat_interleave(inputs.shape[1] // len(groups)), remains.repairs[f"1.{name}"]
        lost = inputs[:, ~kept] @ weight[:, ~kept].T
        predicted = repair.shift + inputs[:, kept] @ (repair.out @ repair.into).T
        torch.testing.assert_close(predicted.mean(0), lost.mean(0))
        assert (predicted - lost).var(0).sum() < 0.5 * lost.var(0).sum()
    biases = [layer.output.dense.base_layer.bias.clone() for layer in attached.encoder.layers]  # type: ignore[union-attr]
    attached.prune(remains)
    for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        now = base_of(attached.encoder.layers[index].get_submodule("output.dense"))
        repair = remains.repairs[f"{index}.output.dense"]
        torch.testing.assert_close(now.bias - bias, repair.shift)
        torch.testing.assert_close(now.weight - weight[:, remains.units[index]], repair.out @ repair.into)
        assert not now.bias.requires_grad
        assert not now.weight.requires_grad


def test_an_adapter_without_low_rank_repairs_loads_as_it_was(tiny: str, pruned: LightAttached):
    """As the first releases saved them: with shifts of the bias alone."""
    shifts_alone = {
        name: tensor
        for name, tensor in pruned.state().items()
        if not name.startswith(("remains.out.", "remains.into."))
    }
    again = attach(SETTINGS, ESM2(tiny).load(), 0)
    again.load(shifts_alone)
    linear = base_of(again.encoder.layers[0].get_submodule("output.dense"))
    assert again.remains is not None
    assert torch.equal(
        linear.weight, base_of(ESM2(tiny).load().layers[0].output.dense).weight[:, again.remains.units[0]]
    )


def test_tokens_are_drawn_from_all_that_were_seen(encoder: TransformerEncoder):
    attached = attach(SETTINGS, encoder, 0)
    mask = attached._estimation.units[0]
    for look in range(40):
        mask._add(torch.full((50, UNITS), float(look)))
    assert mask.sample.shape == (SAMPLE, UNITS)
    # about 13 of each of 40 looks
    assert 2 <= torch.bincount(mask.sample[:, 0].long(), minlength=40).min()
    assert torch.bincount(mask.sample[:, 0].long()).max() <= 30


def test_idle_heads_and_units_are_found(tiny: str, encoder: TransformerEncoder):
    """Planted: one head of each layer and 64 units have no effect; what is to be learnt needs all others louder."""
    generator = torch.Generator().manual_seed(3)
    useless = [int(torch.randint(HEADS, (1,), generator=generator)) for _ in encoder.layers]
    idle = torch.randperm(LAYERS * UNITS, generator=generator)[:64]
    kept = torch.ones(LAYERS * UNITS, dtype=torch.bool).scatter(0, idle, False).view(LAYERS, UNITS)
    louder = ESM2(tiny).load()
    for some, factor in ((encoder, 1.0), (louder, 1.5)):
        plant(some, useless, kept, factor)
    attached = attach(SETTINGS, encoder, 0)
    optimiser = torch.optim.AdamW(attached.parameters(), lr=3e-3)
    for step in range(10):
        ids, real = minibatch(step)
        wanted = louder(ids, real)[real].detach()
        penalty = attached.penalty()
        assert penalty is not None
        ((encoder(ids, real)[real] - wanted).square().mean() + penalty).backward()
        optimiser.step()
        optimiser.zero_grad()
        attached.after_step(step, 24)
    assert attached.remains is not None
    assert [row.tolist().index(False) for row in attached.remains.heads] == useless
    # 21 by chance
    assert (~attached.remains.units & ~kept).sum() >= 50


def plant(encoder: TransformerEncoder, useless: list[int], units: torch.Tensor, factor: float) -> None:
    """Multiply what heads and units do by a factor, of some by 0."""
    size = encoder.width // HEADS
    with torch.no_grad():
        for layer, head, row in zip(encoder.layers, useless, units, strict=True):
            scales = torch.full((HEADS,), factor).scatter(0, torch.tensor([head]), 0.0).repeat_interleave(size)
            base_of(layer.get_submodule(encoder.names.output)).weight.mul_(scales)
            base_of(layer.get_submodule(encoder.names.narrow)).weight.mul_(factor * row)


def test_an_adapter_that_does_nothing_goes_first(encoder: TransformerEncoder):
    """Planted: adapters of layer 0 stay at zero, for their outputs are multiplied by so little."""
    attached = attach(SETTINGS, encoder, 0)
    for name, importance in attached._estimation.adapters.items():
        if name.startswith("0."):
            importance.module.scaling["default"] = importance.scaling = 1e-6
    fit(attached, 10, 24)
    assert attached.remains is not None
    assert not [name for name in attached.remains.ranks if name.startswith("0.")]
    assert attached.lowest == min(int(name[0]) for name in attached.remains.ranks) >= 1


def test_importance_is_over_real_tokens_and_of_the_second_half(tiny: str):
    attached = attach(SETTINGS, ESM2(tiny).load(), 0)
    fit(attached, 9, 24)
    _, real = minibatch()
    importance = attached._estimation.adapters["1.attention.self.value"]
    assert importance.sums[1:].tolist() == [4 * int(real.sum()), 4]
    importance.reset()
    ids, real = minibatch()
    seen = {}
    for part, module in (("base", base_of(importance.module)), ("adapter", factors(importance.module)[1])):
        module.register_forward_hook(lambda *args, p=part: seen.update({p: args[2].detach()[real].norm(dim=1)}))
    attached.encoder(ids, real)[real].sum().backward()
    wanted = (4.0 * seen["adapter"] / seen["base"]).mean()
    assert importance.of_module == pytest.approx(float(wanted), rel=1e-5)
    importance.observe_gradients()
    into, out = (linear.weight for linear in factors(importance.module))
    assert into.grad is not None
    assert out.grad is not None
    rank_2 = (into[2] * into.grad[2]).mean().abs() + (out[:, 2] * out.grad[:, 2]).mean().abs()
    assert float(importance.of_ranks[2]) == pytest.approx(rank_2.item(), rel=1e-5)


def test_scores_without_gradients_count_for_nothing(encoder: TransformerEncoder):
    attached = attach(SETTINGS, encoder, 0)
    outputs(encoder)
    assert all(importance.sums.sum() == 0 for importance in attached._estimation.adapters.values())


def test_the_same_seed_removes_the_same(tiny: str, pruned: LightAttached):
    again = attach(SETTINGS, ESM2(tiny).load(), 0)
    fit(again, 12, 24)
    assert pruned.remains is not None
    assert again.remains is not None
    assert again.remains.same(pruned.remains)
    assert torch.equal(outputs(again.encoder), outputs(pruned.encoder))


def test_a_saved_state_loads_onto_the_original_checkpoint(tiny: str, pruned: LightAttached):
    again = attach(SETTINGS, ESM2(tiny).load(), 5)
    again.load(pruned.state())
    assert torch.equal(outputs(again.encoder), outputs(pruned.encoder))
    assert again.lowest == pruned.lowest
    assert [p.shape for p in again.parameters()] == [p.shape for p in pruned.parameters()]
    assert sum(t.numel() for t in pruned.state().values()) < 8000


@pytest.mark.parametrize("stop", [3, 7, 11])
def test_a_fit_that_was_interrupted_ends_as_if_it_had_not_been(tiny: str, stop: int):
    """Before the half of the estimation, after it, and after the removal; plain gradient descent keeps no state."""
    whole = attach(SETTINGS, ESM2(tiny).load(), 0)
    descend(whole, 0, 14)
    first = attach(SETTINGS, ESM2(tiny).load(), 0)
    descend(first, 0, stop)
    second = attach(SETTINGS, ESM2(tiny).load(), 1)
    second.load(first.state())
    second.resume(first.progress())
    descend(second, stop, 14)
    assert torch.equal(outputs(second.encoder), outputs(whole.encoder))


def descend(attached: LightAttached, start: int, stop: int) -> None:
    ids, real = minibatch()
    for step in range(start, stop):
        loss = attached.encoder(ids, real)[real][:, 0].square().mean() + (attached.penalty() or 0)
        loss.backward()
        attached.after_backward()
        with torch.no_grad():
            for p in attached.parameters():
                assert p.grad is not None
                p -= 0.1 * p.grad
                p.grad = None
        attached.after_step(step, 24)


def test_only_the_adapters_are_trained_after_pruning(tiny: str):
    attached = attach(SETTINGS, ESM2(tiny).load(), 0)
    fit(attached, 10, 24)
    frozen = {n: p.clone() for n, p in attached.encoder.named_parameters() if not p.requires_grad}
    ids, real = minibatch()
    attached.encoder(ids, real)[real][:, 0].sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in attached.parameters())
    fit(attached, 3, 24)
    assert all(torch.equal(p, frozen[n]) for n, p in attached.encoder.named_parameters() if not p.requires_grad)
    assert attached.penalty() is None


@pytest.mark.parametrize("steps", [5, 12])
def test_merging_gives_a_plain_encoder_with_the_same_outputs(tiny: str, steps: int):
    """During the estimation (its scalars are folded in too) and after the removal."""
    attached = attach(SETTINGS, ESM2(tiny).load(), 0)
    fit(attached, steps, 24)
    before = outputs(attached.encoder)
    plain = attached.merge()
    torch.testing.assert_close(outputs(plain), before, rtol=1e-4, atol=1e-5)
    assert not adapted(plain)
    assert not [name for name, _ in plain.named_parameters() if "lora" in name or "mask" in name]
    assert not any(p.requires_grad for p in plain.parameters())


def test_shares_of_0_remove_nothing(tiny: str):
    attached = attach(replace(SETTINGS, heads=0.0, units=0.0, modules=0.5), ESM2(tiny).load(), 0)
    assert attached.penalty() is None
    fit(attached, 10, 24)
    assert attached.remains is not None
    assert attached.remains.heads.all()
    assert attached.remains.units.all()
    assert feed_forward(attached.encoder) == UNITS
    assert sum(int(kept.sum()) for kept in attached.remains.ranks.values()) == 18


def test_a_model_without_separable_heads_is_refused(encoder: TransformerEncoder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(type(encoder), "separable", False)
    with pytest.raises(ModelError, match="LightPEFT\\(heads=0\\)"):
        attach(SETTINGS, encoder, 0)
    assert not adapted(encoder)
    assert attach(replace(SETTINGS, heads=0.0), encoder, 0).trainable() > 0


def test_a_state_pruned_another_way_is_refused(tiny: str, pruned: LightAttached):
    other = attach(SETTINGS, ESM2(tiny).load(), 0)
    unpruned = other.state()
    heads = torch.ones(LAYERS, HEADS, dtype=torch.bool)
    other.prune(Remains(heads, torch.ones(LAYERS, UNITS, dtype=torch.bool), {"2.output.dense": torch.ones(4) > 0}))
    before = outputs(other.encoder)
    for state in (pruned.state(), unpruned):
        with pytest.raises(ModelError, match="Load the model anew"):
            other.load(state)
    wrong = pruned.state() | {"remains.heads": torch.ones(LAYERS, 5, dtype=torch.bool)}
    with pytest.raises(ModelError, match="other layers, heads or units"):
        attach(SETTINGS, ESM2(tiny).load(), 0).load(wrong)
    assert torch.equal(outputs(other.encoder), before)


@pytest.mark.parametrize("share", ["heads", "units", "modules", "ranks", "estimate"])
def test_a_share_of_all_is_refused(share: str):
    with pytest.raises(ModelError, match=share):
        replace(SETTINGS, **{share: 1.0})
