"""Which heads, feed-forward units, adapters and ranks remain, and the removal of the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from activeloop.adapters.pruning_layers import adapted, base_of, cut_inputs, cut_outputs, cut_ranks, take_off
from activeloop.adapters.pruning_repair import Repair
from activeloop.foundation.encoder import TransformerEncoder


@dataclass(frozen=True)
class Remains:
    """What is left of an encoder and its adapters.

    Args:
        heads: bool [L, H].
        units: bool [L, U].
        ranks: bool [r] of each adapter that is left, by its name.
        repairs: what makes up for heads or units that are gone, by the name of the map that they entered.
    """

    heads: torch.Tensor
    units: torch.Tensor
    ranks: dict[str, torch.Tensor]
    repairs: dict[str, Repair] = field(default_factory=dict)

    def state(self) -> dict[str, torch.Tensor]:
        """Tensors for `of`."""
        ranks = {f"remains.ranks.{name}": kept for name, kept in self.ranks.items()}
        repairs = {
            f"remains.{key}.{name}": tensor
            for name, repair in self.repairs.items()
            for key, tensor in (("shifts", repair.shift), ("out", repair.out), ("into", repair.into))
        }
        return {"remains.heads": self.heads, "remains.units": self.units, **ranks, **repairs}

    @classmethod
    def of(cls, state: Mapping[str, torch.Tensor]) -> Remains | None:
        """The counterpart of `state`; None when it tells nothing of the kind."""
        if "remains.heads" not in state:
            return None
        ranks, shifts, out, into = (
            {key.removeprefix(start): kept for key, kept in state.items() if key.startswith(start)}
            for start in ("remains.ranks.", "remains.shifts.", "remains.out.", "remains.into.")
        )
        # adapters kept by the first releases have shifts alone
        none = torch.zeros(0, 0)
        repairs = {name: Repair(shift, out.get(name, none), into.get(name, none)) for name, shift in shifts.items()}
        return cls(state["remains.heads"], state["remains.units"], ranks, repairs)

    def same(self, other: Remains) -> bool:
        """Whether the other leaves the same."""
        mine, others = self.state(), other.state()
        return mine.keys() == others.keys() and all(torch.equal(mine[k].cpu(), others[k].cpu()) for k in mine)


def keep_heads(sizes: torch.Tensor, share: float) -> torch.Tensor:
    """Bool [L, H] without the share of each layer's heads whose scalars [L, H] are smallest; one head stays.

    >>> keep_heads(torch.tensor([[0.1, 0.9, 0.5], [0.3, 0.2, 0.4]]), 1 / 3).tolist()
    [[False, True, True], [True, False, True]]
    """
    cut = min(round(share * sizes.shape[1]), sizes.shape[1] - 1)
    order = sizes.argsort(dim=1, stable=True)
    return torch.ones_like(sizes, dtype=torch.bool).scatter_(1, order[:, :cut], False)


def keep_units(sizes: torch.Tensor, share: float) -> torch.Tensor:
    """Bool [L, U] without the share of all units whose scalars [L, U] are smallest; one unit of each layer stays.

    >>> keep_units(torch.tensor([[0.1, 0.2], [0.8, 0.9]]), 0.5).tolist()
    [[False, True], [False, True]]
    """
    sizes = sizes.scatter(1, sizes.argmax(1, keepdim=True), torch.inf)
    return keep_largest(sizes.flatten(), share).view_as(sizes)


def keep_largest(values: torch.Tensor, share: float) -> torch.Tensor:
    """Bool [n] without the share of values [n] that is smallest; of equal ones the first goes first.

    >>> keep_largest(torch.tensor([3.0, 1.0, 2.0, 1.0]), 0.5).tolist()
    [True, False, True, False]
    """
    cut = round(share * len(values))
    kept = torch.ones(len(values), dtype=torch.bool, device=values.device)
    kept[values.argsort(stable=True)[:cut]] = False
    return kept


def keep_ranks(
    modules: Mapping[str, float], ranks: Mapping[str, torch.Tensor], module_share: float, rank_share: float
) -> dict[str, torch.Tensor]:
    """Bool [r] of each adapter that stays, by name; an adapter that loses all its ranks is left out too.

    Args:
        modules: how much each adapter does.
        ranks: [r] how much each of its ranks does.
        module_share: of the adapters, to be removed.
        rank_share: of the ranks of those that stay, all together, to be removed.

    >>> ranks = {"a": torch.tensor([1.0, 4.0]), "b": torch.tensor([2.0, 3.0]), "c": torch.tensor([9.0, 9.0])}
    >>> keep_ranks({"a": 0.2, "b": 0.3, "c": 0.1}, ranks, 1 / 3, 1 / 2)
    {'a': tensor([False,  True]), 'b': tensor([False,  True])}
    """
    left = keep_largest(torch.tensor(list(modules.values())), module_share)
    names = [name for name, stays in zip(modules, left.tolist(), strict=True) if stays]
    kept = keep_largest(torch.cat([ranks[name] for name in names]), rank_share)
    parts = kept.split([len(ranks[name]) for name in names])
    return {name: part for name, part in zip(names, parts, strict=True) if part.any()}


def remove(encoder: TransformerEncoder, remains: Remains) -> None:
    """Take away, for good, all that does not remain: matrices become smaller."""
    for name, module in adapted(encoder).items():
        if name in remains.ranks:
            cut_ranks(module, remains.ranks[name])
        else:
            take_off(encoder, name)
    for index in range(len(encoder.layers)):
        _cut_heads(encoder, index, remains.heads[index])
        _cut_units(encoder, index, remains.units[index])
    for name, repair in remains.repairs.items():
        index, _, path = name.partition(".")
        repair.add_to(encoder.layers[int(index)].get_submodule(path))


def _cut_heads(encoder: TransformerEncoder, index: int, kept: torch.Tensor) -> None:
    if kept.all():
        return
    layer, names = encoder.layers[index], encoder.names
    inputs = kept.repeat_interleave(base_of(layer.get_submodule(names.output)).in_features // len(kept))
    for name in (names.query, names.key, names.value):
        cut_outputs(layer.get_submodule(name), inputs)
    cut_inputs(layer.get_submodule(names.output), inputs)
    encoder.set_heads(index, kept.nonzero().flatten().tolist())


def _cut_units(encoder: TransformerEncoder, index: int, kept: torch.Tensor) -> None:
    if kept.all():
        return
    layer, names = encoder.layers[index], encoder.names
    for name in names.widen:
        cut_outputs(layer.get_submodule(name), kept)
    cut_inputs(layer.get_submodule(names.narrow), kept)
