"""Weights as whole numbers of 8 bits.

Only how weights are *stored* changes: each row has a factor, and the graph multiplies it back (`DequantizeLinear`),
which runtimes do once, while they load the file. Nothing is computed with whole numbers, so every operator and every
runtime will do, and no candidate's numbers depend on its neighbours.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch

from activeloop.students.scaled import Scaled

#: tensors with fewer numbers stay as they are
SMALLEST = 128
#: largest whole number
TOP = 127


def rounded(module: Scaled) -> Scaled:
    """A copy with every matrix of weights rounded to what 8 bits and a factor for each row can hold.

    Args:
        module: of the student.
    """
    module = copy.deepcopy(module)
    with torch.no_grad():
        for weights in module.parameters():
            if weights.dim() > 1 and weights.numel() >= SMALLEST:
                whole, scale = _whole(weights.numpy(), 0)
                weights.copy_(torch.from_numpy(whole * scale))
    return module


def stored_as_int8(model: Any) -> None:
    """Store the matrices of a graph as whole numbers; changes it.

    The graph of a module that was `rounded` gives the same numbers afterwards, up to the last bits.

    Args:
        model: an `onnx.ModelProto`.
    """
    from onnx import numpy_helper

    graph = model.graph
    large = [x for x in graph.initializer if len(x.dims) > 1 and np.prod(x.dims) >= SMALLEST and x.data_type == 1]
    nodes = []
    for tensor in large:
        name, values = tensor.name, numpy_helper.to_array(tensor)
        axis, whole, scale = _best(values)
        tensor.CopyFrom(numpy_helper.from_array(whole.astype(np.int8), f"{name}q"))
        graph.initializer.append(numpy_helper.from_array(scale.ravel(), f"{name}s"))
        nodes.append(_node(name, axis))
    rest = list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes + rest)


def _node(name: str, axis: int) -> Any:
    from onnx import helper

    return helper.make_node("DequantizeLinear", [f"{name}q", f"{name}s"], [name], axis=axis)


def _best(values: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
    """The axis whose factors lose least: exporters turn matrices, and rows become columns."""
    tried = [(axis, *_whole(values, axis)) for axis in range(values.ndim)]
    return min(tried, key=lambda x: float(np.abs(x[1] * x[2] - values).max()))


def _whole(values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers from -127 to 127 (as float32) and the factors of an axis, which have its length and ones.

    >>> whole, scale = _whole(np.array([[1.0, -0.5], [0.0, 0.0]], np.float32), 0)
    >>> whole.tolist(), (whole * scale).round(2).tolist()
    ([[127.0, -64.0], [0.0, 0.0]], [[1.0, -0.5], [0.0, 0.0]])
    """
    others = tuple(i for i in range(values.ndim) if i != axis)
    largest = np.abs(values).max(others, keepdims=True)
    scale = (np.where(largest > 0, largest, 1) / TOP).astype(np.float32)
    return np.rint(values / scale).astype(np.float32), scale
