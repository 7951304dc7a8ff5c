"""A student's file made by hand: letters and places make features, whose squashed sums make the outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from activeloop.students.runtime.card import KEY, ModelCard

FEATURES, DIRECTIONS = 12, 6


def write_student(card: ModelCard, path: Path, seed: int = 0) -> Path:
    """Write a file that keeps the contract of exported students."""
    rng = np.random.default_rng(seed)
    a = card.outputs
    letters = rng.normal(0, 0.5, (card.tokenizer.vocabulary_size, FEATURES)).astype(np.float32)
    letters[0] = 0
    size = np.r_[np.ones(a), np.full(DIRECTIONS * a, 0.3)]
    weights = {
        "letters": letters,
        "speed": rng.uniform(0.1, 2.5, FEATURES).astype(np.float32),
        "mix": (rng.normal(0, 1, (FEATURES, len(size))) * size).astype(np.float32),
        "some": np.array(0.7, np.float32),
        "zero": np.array(0),
        "one": np.array(1),
        "place": np.array([1]),
        "all": np.array([0, 1 + DIRECTIONS, a]),
        "from": np.array([0]),
        "to": np.array([1]),
        "end": np.array([1 + DIRECTIONS]),
        "flat": np.array([0, a]),
        "column": np.array([-1, 1]),
    }
    node = helper.make_node
    nodes = [
        node("Gather", ["letters", "tokens"], ["read"]),
        node("Shape", ["tokens"], ["shape"]),
        node("Gather", ["shape", "one"], ["wide"]),
        node("Range", ["zero", "wide", "one"], ["places"]),
        node("Cast", ["places"], ["floats"], to=TensorProto.FLOAT),
        node("Reshape", ["floats", "column"], ["upright"]),
        node("Mul", ["upright", "speed"], ["phase"]),
        node("Cos", ["phase"], ["wave"]),
        node("Mul", ["read", "wave"], ["placed"]),
        node("ReduceSum", ["placed", "place"], ["sum"], keepdims=0),
        node("Mul", ["sum", "some"], ["less"]),
        node("Tanh", ["less"], ["squashed"]),
        node("MatMul", ["squashed", "mix"], ["mixed"]),
        node("Reshape", ["mixed", "all"], ["parts"]),
        node("Slice", ["parts", "from", "to", "place"], ["head"]),
        node("Reshape", ["head", "flat"], ["location"]),
        node("Slice", ["parts", "to", "end", "place"], ["deviations"]),
        node("Mul", ["deviations", "deviations"], ["squares"]),
        node("ReduceMean", ["squares", "place"], ["variance"], keepdims=0),
        node("Sqrt", ["variance"], ["spread"]),
    ]
    if card.classes:
        weights["tenth"] = np.array(0.1, np.float32)
        nodes += [node("Softmax", ["location"], ["mean"], axis=-1), node("Mul", ["spread", "tenth"], ["sd"])]
    else:
        nodes += [node("Identity", ["location"], ["mean"]), node("Identity", ["spread"], ["sd"])]
    value = helper.make_tensor_value_info
    outputs = [value(n, TensorProto.FLOAT, ["N", a]) for n in ("mean", "sd", "location")]
    outputs.append(value("deviations", TensorProto.FLOAT, ["N", DIRECTIONS, a]))
    graph = helper.make_graph(
        nodes, "student", [value("tokens", TensorProto.INT32, ["N", "W"])], outputs,
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, {KEY: card.to_json()})
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path
