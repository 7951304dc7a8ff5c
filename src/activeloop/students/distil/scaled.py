"""A student’s network with the scale of its assays, in 8 bits where asked, and run while it is taught."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from activeloop.students.distil.network import Network, Shape
from activeloop.students.runtime.student import Runner

#: deviations that are hardly any have no direction
HARDLY = 1e-6


def parted(numbers: torch.Tensor, outputs: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Location [N, A] and deviations [N, S, A] of a network's numbers.

    How wide a candidate's deviations are is one number, and what hangs together is in their directions: a few
    deviations hold what candidates share, but not all that a teacher does not know of each.

    Args:
        numbers: [N, (2 + S) * A]: the location, the logarithm of the spread, then S directions of any length.
        outputs: A.

    >>> location, deviations = parted(torch.tensor([[5.0, 0.0, 3.0, -3.0]]), 1)
    >>> location.tolist(), deviations.flatten().round(decimals=3).tolist()
    ([[5.0]], [1.0, -1.0])
    """
    location, spread, rest = numbers[:, :outputs], numbers[:, outputs : 2 * outputs], numbers[:, 2 * outputs :]
    directions = rest.unflatten(1, (-1, outputs))
    length = (directions.square().mean(1) + HARDLY**2).sqrt()
    return location, directions * (spread.exp() / length).unsqueeze(1)


class Scaled(nn.Module):
    """From tokens to what stands in the exported file.

    Args:
        network: int64 tokens [N, W] -> standardised numbers [N, (2 + S) * A], see `parted`.
        shift: [A] mean of the assays, larger is better (for classes [C] of the logits).
        factor: [A] standard deviation of the assays.
        deviations: S, how many joint deviations there are.
        classes: whether the outputs are logits of classes.
    """

    shift: torch.Tensor
    factor: torch.Tensor

    def __init__(self, network: nn.Module, shift: np.ndarray, factor: np.ndarray, deviations: int, classes: bool):
        super().__init__()
        self.network, self.outputs, self.deviations, self.classes = network, len(shift), deviations, classes
        self.register_buffer("shift", torch.tensor(shift, dtype=torch.float32))
        self.register_buffer("factor", torch.tensor(factor, dtype=torch.float32))

    def split(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Standardised location [N, A] and deviations [N, S, A], as they are taught."""
        return parted(self.network(tokens.long()), self.outputs)

    def forward(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Mean [N, A], standard deviation [N, A], location [N, A] and deviations [N, S, A] of tokens [N, W]."""
        location, deviations = self.split(tokens)
        location, deviations = location * self.factor + self.shift, deviations * self.factor
        mean, sd = (
            _probabilities(location, deviations) if self.classes else (location, deviations.square().mean(1).sqrt())
        )
        return mean, sd, location, deviations


def _probabilities(location: torch.Tensor, deviations: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation [N, C] of the probabilities of the draws, without drawing.

    The logits of the draws are normally distributed with the S deviations, divided by sqrt(S), as columns of a root of
    their covariance, so the third-degree cubature takes the 2 S points `location +- deviation`, all of one weight.

    Source: Arasaratnam and Haykin 2009, Cubature Kalman filters, doi 10.1109/TAC.2009.2019800.
    """
    centre = location.unsqueeze(1)
    points = torch.cat([(centre + deviations).softmax(2), (centre - deviations).softmax(2)], 1)
    mean = points.mean(1)
    return mean, (points - mean.unsqueeze(1)).square().mean(1).sqrt()


#: shorter tensors stay as they are: a factor and a node would take as much
SMALLEST = 48
#: largest whole number
TOP = 127
#: what a number may differ by, in units of the largest, to count as one that was rounded before
SAME = 1e-5


def rounded(module: Scaled) -> Scaled:
    """A copy whose weights are rounded to what 8 bits and the factors can hold.

    Args:
        module: of the student.
    """
    module = copy.deepcopy(module)
    with torch.no_grad():
        for weights in module.parameters():
            if weights.numel() >= SMALLEST:
                values = weights.numpy()
                whole, scale = _whole(values, _axes(values)[0])
                weights.copy_(torch.from_numpy(whole * scale))
    return module


def stored_as_int8(model: Any) -> None:
    """Store the weights of a graph as whole numbers; changes it.

    The graph of a module that was `rounded` gives the same numbers afterwards, up to the last bits. What was not
    rounded, such as sums that are computed from weights, stays as it is.

    Args:
        model: an `onnx.ModelProto`.
    """
    from onnx import TensorProto, helper, numpy_helper

    graph, nodes = model.graph, []
    large = [x for x in graph.initializer if x.data_type == TensorProto.FLOAT and np.prod(x.dims) >= SMALLEST]
    for tensor in large:
        name, values = tensor.name, numpy_helper.to_array(tensor)
        found = _found(values)
        if found is None:
            continue
        axis, whole, scale = found
        tensor.CopyFrom(numpy_helper.from_array(whole.astype(np.int8), f"{name}q"))
        factors = scale.reshape(()) if axis is None else scale.ravel()
        graph.initializer.append(numpy_helper.from_array(factors, f"{name}s"))
        # None leaves it out: 1 is the operator's own axis, and a single factor has none
        place = None if axis == 1 else axis
        nodes.append(helper.make_node("DequantizeLinear", [f"{name}q", f"{name}s"], [name], axis=place))
    rest = list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes + rest)


def _axes(values: np.ndarray) -> list[int | None]:
    """Along which there may be factors, those with the fewest first; None is one factor for all."""
    if values.ndim < 2:
        return [None]
    return list(np.argsort(values.shape, kind="stable").tolist())


def _found(values: np.ndarray) -> tuple[int | None, np.ndarray, np.ndarray] | None:
    """Axis, whole numbers and factors of what was rounded before; None when it was not.

    Exporters turn matrices, so rows may have become columns.
    """
    for axis in _axes(values):
        whole, scale = _whole(values, axis)
        if scale.size * 4 < values.size and np.allclose(whole * scale, values, 0, SAME * np.abs(values).max()):
            return axis, whole, scale
    return None


def _whole(values: np.ndarray, axis: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers from -127 to 127 (as float32) and the factors of an axis, which have its length and ones.

    >>> whole, scale = _whole(np.array([[1.0, -0.5], [0.0, 0.0]], np.float32), 0)
    >>> whole.tolist(), (whole * scale).round(2).tolist()
    ([[127.0, -64.0], [0.0, 0.0]], [[1.0, -0.5], [0.0, 0.0]])
    """
    others = tuple(i for i in range(values.ndim) if i != axis)
    largest = np.abs(values).max(others, keepdims=True)
    scale = (np.where(largest > 0, largest, 1) / TOP).astype(np.float32)
    return np.rint(values / scale).astype(np.float32), scale


#: tokens that go through a network at once
TOKENS = 2**16


@dataclass(frozen=True)
class TorchRunner(Runner):
    """A network in torch.

    Args:
        network: its settings.
        shape: what goes in and comes out of it.
        module: with its weights and the scale of the assays, in eval mode.
    """

    network: Network
    shape: Shape
    module: Scaled

    @torch.inference_mode()
    def __call__(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Location and deviations of candidates, a bounded piece at a time."""
        size = max(1, TOKENS // max(1, tokens.shape[1]))
        pieces = [self._run(tokens[i : i + size]) for i in range(0, max(1, len(tokens)), size)]
        location, deviations = zip(*pieces, strict=True)
        return np.concatenate(location), np.concatenate(deviations)

    def _run(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        _, _, location, deviations = self.module(torch.from_numpy(np.ascontiguousarray(tokens)))
        return location.numpy(), deviations.numpy()
