"""Weights as whole numbers of 8 bits.

Only how weights are *stored* changes: a vector has a factor, a matrix one for each row or column, and the graph
multiplies them back (`DequantizeLinear`), which runtimes do once, while they load the file. Nothing is computed with
whole numbers, so every operator and every runtime will do, and no candidate's numbers depend on its neighbours.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch

from activeloop.students.scaled import Scaled

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
