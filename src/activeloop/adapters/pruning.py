"""Structured pruning: which heads, feed-forward units, adapters and ranks remain, and the removal of the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from activeloop.adapters.peft import DEFAULT
from activeloop.foundation.encoder import TransformerEncoder

#: largest rank of the update in a repair; few directions predict most of the removed part
REPAIR_RANK = 16
#: ridge penalty of the regression in a repair, times the mean square of an input
RIDGE = 1e-3


@dataclass(frozen=True)
class Repair:
    """What is added to a linear map so that its remaining inputs reconstruct the removed ones.

    Args:
        shift: [out] added to the bias.
        out: [out, r], or r = 0.
        into: [r, k] of the k remaining inputs; `out @ into` is added to the weight.
    """

    shift: torch.Tensor
    out: torch.Tensor
    into: torch.Tensor

    @classmethod
    def of(cls, module: nn.Module, inputs: torch.Tensor, keep: torch.Tensor) -> Repair:
        """The least-squares reconstruction of the map's outputs, before anything is cut.

        As channel pruning of convolutions (He et al. 2017, arXiv:1707.06168), here by reduced-rank regression (Izenman
        1975, J Multivar Anal 5:248). Variants of one protein are so similar that little is lost.

        Args:
            module: the map, with its adapter if it has one.
            inputs: [S, in] a sample.
            keep: bool [in].
        """
        weight, inputs = base_of(module).weight.detach().double(), inputs.double()
        mean = inputs.sum(0) / max(len(inputs), 1)
        centred = inputs - mean
        out, into = reduced_rank(centred[:, keep], centred[:, ~keep] @ weight[:, ~keep].T, REPAIR_RANK)
        shift = weight[:, ~keep] @ mean[~keep] - out @ (into @ mean[keep])
        return cls(shift.float(), out.float(), into.float())

    def add_to(self, module: nn.Module) -> None:
        """Change a map whose removed inputs were cut; what is added is not trained."""
        linear = base_of(module)
        # new tensors: other encoders may share the old ones
        bias = 0 if linear.bias is None else linear.bias.detach()
        linear.bias = nn.Parameter(bias + self.shift.to(linear.weight), False)
        if self.out.shape[1]:
            update = (self.out @ self.into).to(linear.weight)
            linear.weight = nn.Parameter(linear.weight.detach() + update, linear.weight.requires_grad)


def reduced_rank(inputs: torch.Tensor, outputs: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Factors [D, r] and [r, K] of the linear map of at most that rank from inputs [S, K] to outputs [S, D].

    >>> x = torch.eye(3, dtype=torch.float64)
    >>> out, into = reduced_rank(x, 2.0 * x[:, :1], 1)
    >>> (out @ into).abs().round(decimals=1).tolist()
    [[2.0, 0.0, 0.0]]
    """
    gram = inputs @ inputs.T
    ridge = RIDGE * inputs.square().mean() * len(inputs) + 1e-12
    duals = torch.linalg.solve(gram + ridge * torch.eye(len(inputs)).to(gram), outputs)
    directions = torch.linalg.svd(gram @ duals, full_matrices=False).Vh[:rank]
    return directions.T, directions @ duals.T @ inputs


@dataclass(frozen=True)
class Remains:
    """What remains of an encoder and its adapters.

    Args:
        heads: bool [L, H].
        units: bool [L, U].
        ranks: bool [r] of each remaining adapter, by its name.
        repairs: by the name of the map that removed heads or units entered.
    """

    heads: torch.Tensor
    units: torch.Tensor
    ranks: dict[str, torch.Tensor]
    repairs: dict[str, Repair] = field(default_factory=dict)

    def state(self) -> dict[str, torch.Tensor]:
        """Tensors for `of`."""
        ranks = {f"remains.ranks.{name}": keep for name, keep in self.ranks.items()}
        repairs = {
            f"remains.{key}.{name}": tensor
            for name, repair in self.repairs.items()
            for key, tensor in (("shifts", repair.shift), ("out", repair.out), ("into", repair.into))
        }
        return {"remains.heads": self.heads, "remains.units": self.units, **ranks, **repairs}

    @classmethod
    def of(cls, state: Mapping[str, torch.Tensor]) -> Remains | None:
        """The counterpart of `state`; None for the state of an unpruned encoder."""
        if "remains.heads" not in state:
            return None
        ranks, shifts, out, into = (
            {key.removeprefix(start): tensor for key, tensor in state.items() if key.startswith(start)}
            for start in ("remains.ranks.", "remains.shifts.", "remains.out.", "remains.into.")
        )
        # adapters saved by the first releases have shifts alone
        none = torch.zeros(0, 0)
        repairs = {name: Repair(shift, out.get(name, none), into.get(name, none)) for name, shift in shifts.items()}
        return cls(state["remains.heads"], state["remains.units"], ranks, repairs)

    def same(self, other: Remains) -> bool:
        """Whether the same remains, bit for bit."""
        mine, others = self.state(), other.state()
        return mine.keys() == others.keys() and all(torch.equal(mine[k].cpu(), others[k].cpu()) for k in mine)


def keep_heads(importance: torch.Tensor, share: float) -> torch.Tensor:
    """Bool [L, H]: False for that share of each layer's heads with least importance [L, H]; one head stays.

    >>> keep_heads(torch.tensor([[0.1, 0.9, 0.5], [0.3, 0.2, 0.4]]), 1 / 3).tolist()
    [[False, True, True], [True, False, True]]
    """
    cut = min(round(share * importance.shape[1]), importance.shape[1] - 1)
    order = importance.argsort(dim=1, stable=True)
    return torch.ones_like(importance, dtype=torch.bool).scatter_(1, order[:, :cut], False)


def keep_units(importance: torch.Tensor, share: float) -> torch.Tensor:
    """Bool [L, U]: False for that share of all units with least importance [L, U]; one unit of each layer stays.

    >>> keep_units(torch.tensor([[0.1, 0.2], [0.8, 0.9]]), 0.5).tolist()
    [[False, True], [False, True]]
    """
    importance = importance.scatter(1, importance.argmax(1, keepdim=True), torch.inf)
    return keep_largest(importance.flatten(), share).view_as(importance)


def keep_largest(values: torch.Tensor, share: float) -> torch.Tensor:
    """Bool [n]: False for that share of the smallest values [n]; of equal ones the first goes first.

    >>> keep_largest(torch.tensor([3.0, 1.0, 2.0, 1.0]), 0.5).tolist()
    [True, False, True, False]
    """
    keep = torch.ones(len(values), dtype=torch.bool, device=values.device)
    keep[values.argsort(stable=True)[: round(share * len(values))]] = False
    return keep


def keep_ranks(
    modules: Mapping[str, float], ranks: Mapping[str, torch.Tensor], module_share: float, rank_share: float
) -> dict[str, torch.Tensor]:
    """Bool [r] of each adapter that stays, by name; an adapter that loses all its ranks is left out too.

    Args:
        modules: importance of each adapter.
        ranks: [r] importance of its ranks.
        module_share: of the adapters, to remove.
        rank_share: of the ranks of the remaining adapters, pooled, to remove.

    >>> ranks = {"a": torch.tensor([1.0, 4.0]), "b": torch.tensor([2.0, 3.0]), "c": torch.tensor([9.0, 9.0])}
    >>> keep_ranks({"a": 0.2, "b": 0.3, "c": 0.1}, ranks, 1 / 3, 1 / 2)
    {'a': tensor([False,  True]), 'b': tensor([False,  True])}
    """
    left = keep_largest(torch.tensor(list(modules.values())), module_share)
    names = [name for name, stays in zip(modules, left.tolist(), strict=True) if stays]
    keep = keep_largest(torch.cat([ranks[name] for name in names]), rank_share)
    parts = keep.split([len(ranks[name]) for name in names])
    return {name: part for name, part in zip(names, parts, strict=True) if part.any()}


def remove(encoder: TransformerEncoder, remains: Remains) -> None:
    """Remove all that does not remain: matrices become smaller."""
    names = encoder.names
    for name, module in adapted(encoder).items():
        if name in remains.ranks:
            _cut_ranks(module, remains.ranks[name])
        else:
            _take_off(encoder, name)
    for index, layer in enumerate(encoder.layers):
        heads, units = remains.heads[index], remains.units[index]
        if not heads.all():
            inputs = heads.repeat_interleave(base_of(layer.get_submodule(names.output)).in_features // len(heads))
            _cut_between(layer, (names.query, names.key, names.value), inputs, names.output)
            encoder.set_heads(index, heads.nonzero().flatten().tolist())
        if not units.all():
            _cut_between(layer, names.widen, units, names.narrow)
    for name, repair in remains.repairs.items():
        index, _, path = name.partition(".")
        repair.add_to(encoder.layers[int(index)].get_submodule(path))


def base_of(module: nn.Module) -> Any:
    """The linear map itself, below its adapter if it has one."""
    return getattr(module, "base_layer", module)


def factors(module: Any) -> tuple[Any, Any]:
    """The two linear maps of an adapter: inputs to ranks, ranks to outputs."""
    return module.lora_A[DEFAULT], module.lora_B[DEFAULT]


def adapted(encoder: TransformerEncoder) -> dict[str, Any]:
    """The LoRA modules of an encoder by layer and name (`3.attention.self.query`), in the order of the layers."""
    return {
        f"{index}.{name}": module
        for index, layer in enumerate(encoder.layers)
        for name in encoder.names.linear
        if hasattr(module := layer.get_submodule(name), "lora_A")
    }


def feed_forward(encoder: TransformerEncoder) -> int:
    """Feed-forward units of a layer."""
    return base_of(encoder.layers[0].get_submodule(encoder.names.narrow)).in_features


def _cut_between(layer: nn.Module, before: tuple[str, ...], keep: torch.Tensor, after: str) -> None:
    """Keep some outputs, bool [n], of the maps `before`, which are the inputs of the map `after`."""
    for name in before:
        module = layer.get_submodule(name)
        _shrink(base_of(module), rows=keep)
        if base_of(module) is not module:
            _shrink(factors(module)[1], rows=keep)
    module = layer.get_submodule(after)
    _shrink(base_of(module), columns=keep)
    if base_of(module) is not module:
        _shrink(factors(module)[0], columns=keep)


def _cut_ranks(module: Any, keep: torch.Tensor) -> None:
    """Keep some of an adapter's ranks, bool [r]; the scale alpha / rank is that of before."""
    into, out = factors(module)
    _shrink(into, rows=keep)
    _shrink(out, columns=keep)
    module.r[DEFAULT] = into.out_features


def _take_off(encoder: TransformerEncoder, name: str) -> None:
    """Put the linear map itself back where it had an adapter."""
    index, _, path = name.partition(".")
    parent, _, child = path.rpartition(".")
    owner = encoder.layers[int(index)].get_submodule(parent)
    setattr(owner, child, base_of(getattr(owner, child)))


def _shrink(linear: Any, rows: torch.Tensor | None = None, columns: torch.Tensor | None = None) -> None:
    weight, trained = linear.weight.detach(), linear.weight.requires_grad
    # indices are found before they move to the weight's device (the meta device cannot find them)
    if rows is not None:
        indices = rows.nonzero().flatten().to(weight.device)
        weight = weight[indices]
        if linear.bias is not None:
            linear.bias = nn.Parameter(linear.bias.detach()[indices], linear.bias.requires_grad)
    if columns is not None:
        weight = weight[:, columns.nonzero().flatten().to(weight.device)]
    linear.weight = nn.Parameter(weight.contiguous(), trained)
    linear.out_features, linear.in_features = weight.shape
