"""A student as one ONNX file that runs wherever onnxruntime does, checked before it is written."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from activeloop.errors import MissingExtraError, ModelError
from activeloop.fidelity import refusal
from activeloop.files import write_whole
from activeloop.students.distil.modules import Scaled, StudentEncoder, TorchRunner
from activeloop.students.runtime.card import CHECKSUM, KEY
from activeloop.students.runtime.onnx import INPUT, OUTPUTS, OnnxRunner, new_session, sealed
from activeloop.students.runtime.student import Student
from activeloop.students.runtime.tokenizer import PADDING, UNKNOWN, StudentTokenizer

#: of ONNX operators: the lowest that torch writes, which the most runtimes read
OPSET = 18
#: of torch's exporter, about packages that it would also know how to export
_LOGGER = "torch.onnx._internal.exporter._registration"
#: before the names of outputs while torch writes: some of its own names, such as `mean`, would be the same
_PREFIX = "output of a student: "
_FIX = "Nothing was written."


def export(student: Student, path: str | Path, int8: bool = False, *, force: bool = False) -> Path:
    """Write a student to one file: graph, weights, card, and a checksum over all of it.

    Before anything is written onnxruntime runs the file on candidates near those of the training, of several lengths,
    padding among them, and must predict what the student predicts. The same student gives the same bytes.

    Args:
        student: one that was trained here.
        path: of the `.onnx` file; an older one is replaced, whole or not at all.
        int8: store weights in 8 bits, with a factor for each row. They are dequantised when the file is loaded, so the
            file is a quarter as large and as fast as the other.
        force: write also a student that is far from its teacher, see `activeloop.fidelity.refusal`.

    Returns:
        The path.

    Raises:
        ModelError: the student is far from its teacher, the file's predictions deviate, or the student was not trained
            here; nothing is written.
        StoreError: it cannot be written.
        MissingExtraError: onnx or onnxruntime is not installed.
    """
    if not force and (problem := refusal(student.card.fidelity)):
        raise ModelError(
            f"this student is not like its teacher: {problem}. Train a larger one or for longer, or export it all the "
            f"same with force=True. {_FIX}"
        )
    return write_whole(path, as_bytes(student, int8))


def as_bytes(student: Student, int8: bool = False) -> bytes:
    """The content of the file that `export` writes, checked as there, however far it is from its teacher."""
    if not isinstance(student.runner, TorchRunner):
        raise ModelError("this student was read from a file: copy that. Only a student trained here can be exported.")
    if student.card.outputs != student.runner.module.outputs:
        raise ModelError(f"the card of this student is not that of its network. {_FIX}")
    tokenizer, seed, examples = student.card.tokenizer, student.card.seed, student.runner.examples
    module = _inference_copy(student.runner.module)
    exported = _inference_copy(rounded(module)) if int8 else module
    inputs = probes(tokenizer, examples, seed)
    model = to_onnx(exported, torch.from_numpy(inputs[0]))
    if int8:
        store_int8(model)
    entry = model.metadata_props.add()
    entry.key, entry.value = KEY, replace(student.card, checksum=CHECKSUM).to_json()
    content = sealed(model.SerializeToString(deterministic=True))
    try:
        runner = OnnxRunner(new_session(content, 1))
    except MissingExtraError:
        raise
    except Exception as error:
        raise ModelError(f"onnxruntime cannot load the exported student ({error}). {_FIX}") from error
    for tokens in inputs:
        check_same(runner, exported, tokens)
    if int8:
        check_order(exported, module, mutants(tokenizer, examples, INT8_ROWS, np.random.default_rng([seed, 1])))
    return content


def _inference_copy(module: Scaled) -> Scaled:
    """A copy that no longer changes: what follows from its weights is computed."""
    module = copy.deepcopy(module).eval()
    for part in module.modules():
        if isinstance(part, StudentEncoder):
            part.cache_parent()
    return module.requires_grad_(False)


def to_onnx(module: nn.Module, tokens: torch.Tensor, outputs: tuple[str, ...] = OUTPUTS) -> Any:
    """The `onnx.ModelProto` of a module, for any number of candidates of any length.

    Args:
        module: in eval mode: int32 tokens [N, W] -> its outputs.
        tokens: an example of its input, N and W above 1.
        outputs: their names.

    Raises:
        MissingExtraError: onnx is not installed.
        ModelError: torch cannot write it.
    """
    try:
        import onnx  # noqa: F401  # torch would say it in other words
        import onnxscript  # noqa: F401
    except ImportError:
        raise MissingExtraError("exporting a student", "models") from None
    sizes = {0: torch.export.Dim("candidates"), 1: torch.export.Dim("letters")}
    with _quiet():
        try:
            program = torch.onnx.export(
                module,
                (tokens,),
                dynamo=True,
                input_names=[INPUT],
                output_names=[_PREFIX + name for name in outputs],
                dynamic_shapes=(sizes,),
                opset_version=OPSET,
                verbose=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            raise ModelError(f"torch cannot export this network ({error}). {_FIX}") from error
    assert program is not None
    return _without_names(program.model_proto)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without torch's notes about itself."""
    logger = logging.getLogger(_LOGGER)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # torch copies its own pytrees, of which it warns itself
            warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning)
            yield
    finally:
        logger.setLevel(level)


def _without_names(model: Any) -> Any:
    """Without names of source files and functions, and with short names inside.

    They would be most of a small student's file, and describe the machine that wrote it.
    """
    graph = model.graph
    short = {"": ""} | {value.name: value.name.removeprefix(_PREFIX) for value in (*graph.input, *graph.output)}
    inside = [tensor.name for tensor in graph.initializer] + [name for node in graph.node for name in node.output]
    for number, name in enumerate(inside):
        short.setdefault(name, np.base_repr(number, 36))
    del graph.value_info[:]
    for part in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    for tensor in (*graph.initializer, *graph.output):
        tensor.name = short[tensor.name]
    for node in graph.node:
        node.ClearField("name")
        _leave_out_defaults(node)
        node.input[:], node.output[:] = [short[x] for x in node.input], [short[x] for x in node.output]
    graph.name, model.producer_name, model.producer_version = "student", "activeloop", ""
    return model


def _leave_out_defaults(node: Any) -> None:
    from onnx import defs

    known = defs.get_schema(node.op_type, OPSET, node.domain).attributes
    own = [x for x in node.attribute if x.SerializeToString() != known[x.name].default_value.SerializeToString()]
    del node.attribute[:]
    node.attribute.extend(own)


#: largest deviation, in standard deviations over the candidates
TOLERANCE = 1e-3
#: least correlation of a student in 8 bits with itself
LEAST_CORRELATION = 0.99
#: candidates of one length, and those on which 8 bits are checked
ROWS, INT8_ROWS = 16, 256
#: mutations of a candidate with which a file is checked
MUTATIONS = 2


def probes(tokenizer: StudentTokenizer, examples: np.ndarray, seed: int) -> list[np.ndarray]:
    """Mutants of candidates of the training: int32 tokens of several widths, the first as wide as in training.

    Far from the pool predictions of a student are arbitrary, and rounding errors as large as they are.

    Args:
        tokenizer: of the student.
        examples: [M, W] tokens of candidates.
        seed: of the choice and the mutations.
    """
    rng = np.random.default_rng([seed, 0])
    some, one = (mutants(tokenizer, examples, rows, rng) for rows in (ROWS, 1))
    if tokenizer.positions:
        return [some, one]
    more = np.concatenate([some, some[:, :3]], 1)
    widths = [max(2, some.shape[1]), some.shape[1] + 3, max(1, some.shape[1] - 1)]
    cut = [
        np.where(np.arange(w) < _lengths(some, w, rng)[:, None], more[:, :w], PADDING).astype(np.int32) for w in widths
    ]
    return [*cut, one]


def _lengths(tokens: np.ndarray, width: int, rng: np.random.Generator) -> np.ndarray:
    """[N] of candidates of which the first is as wide as a minibatch, and the others up to four tokens shorter."""
    lengths = np.maximum(1, np.minimum((tokens != PADDING).sum(1), width) - rng.integers(0, 4, len(tokens)))
    lengths[0] = width
    return lengths


def mutants(tokenizer: StudentTokenizer, examples: np.ndarray, rows: int, rng: np.random.Generator) -> np.ndarray:
    """Int32 [rows, W] candidates of the training with one or two tokens changed."""
    tokens = examples[rng.integers(0, len(examples), rows)].astype(np.int32)
    for _ in range(MUTATIONS):
        column = rng.integers(0, np.maximum(1, (tokens != PADDING).sum(1)))
        tokens[np.arange(rows), column] = rng.integers(UNKNOWN + 1, tokenizer.vocabulary_size, rows)
    return tokens


def check_same(runner: OnnxRunner, module: Scaled, tokens: np.ndarray) -> None:
    """Refuse an exported graph whose outputs for tokens [N, W] deviate from its module's.

    Raises:
        ModelError: they do; names the deviation.
    """
    outputs, wanted = runner.run(tokens), _run(module, tokens)
    least = max(1e-4 * float(wanted[2].std()), 1e-30)
    for name, found, want in zip(OUTPUTS, outputs, wanted, strict=True):
        unit = max(float(want.std()), 1e-2 * float(np.abs(want).max()), least)
        if found.shape != want.shape:
            raise ModelError(f"the exported student gives {name} as {found.shape}, not {want.shape}. {_FIX}")
        deviation = float(np.abs(found - want).max()) / unit
        if not deviation <= TOLERANCE:
            raise ModelError(
                f"the exported student deviates in {name} by {deviation:.2g} standard deviations for candidates of "
                f"{tokens.shape[1]} tokens. {_FIX}"
            )


def check_order(int8: Scaled, module: Scaled, tokens: np.ndarray) -> None:
    """Refuse 8 bits where they change the order of candidates.

    Args:
        int8: with weights of 8 bits.
        module: the same before.
        tokens: int32 [N, W] of candidates.

    Raises:
        ModelError: their correlation is below `LEAST_CORRELATION`.
    """
    for one, other in zip(_run(int8, tokens)[2].T, _run(module, tokens)[2].T, strict=True):
        if other.std() == 0:
            continue
        correlation = float(np.corrcoef(one, other)[0, 1]) if one.std() > 0 else 0.0
        if not correlation >= LEAST_CORRELATION:
            problem = f"in 8 bits this student orders candidates otherwise (correlation {correlation:.3f})."
            raise ModelError(f"{problem} Export it without int8. {_FIX}")


def _run(module: Scaled, tokens: np.ndarray) -> list[np.ndarray]:
    with torch.inference_mode():
        return [x.numpy() for x in module(torch.from_numpy(tokens))]


# Weights in 8 bits

#: shorter tensors are not quantised: a factor and a node would take as much
SMALLEST = 48
#: largest whole number
TOP = 127
#: of a number that was rounded before, in units of the largest
ROUNDING = 1e-5


def rounded(module: Scaled) -> Scaled:
    """A copy whose weights are rounded to what 8 bits and the factors can represent."""
    module = copy.deepcopy(module)
    with torch.no_grad():
        for weights in module.parameters():
            if weights.numel() >= SMALLEST:
                values = weights.numpy()
                whole, scale = _quantised(values, _axes(values)[0])
                weights.copy_(torch.from_numpy(whole * scale))
    return module


def store_int8(model: Any) -> None:
    """Store the weights of a graph as whole numbers; changes the `onnx.ModelProto`.

    The graph of a module that was `rounded` gives the same numbers afterwards, up to the last bits. Tensors that were
    not rounded, such as sums of weights, stay as they are.
    """
    from onnx import TensorProto, helper, numpy_helper

    graph, nodes = model.graph, []
    large = [x for x in graph.initializer if x.data_type == TensorProto.FLOAT and np.prod(x.dims) >= SMALLEST]
    for tensor in large:
        name, values = tensor.name, numpy_helper.to_array(tensor)
        found = _rounded_before(values)
        if found is None:
            continue
        axis, whole, scale = found
        tensor.CopyFrom(numpy_helper.from_array(whole.astype(np.int8), f"{name}q"))
        factors = scale.reshape(()) if axis is None else scale.ravel()
        graph.initializer.append(numpy_helper.from_array(factors, f"{name}s"))
        # None leaves it out: 1 is the operator's default, and a single factor has none
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


def _rounded_before(values: np.ndarray) -> tuple[int | None, np.ndarray, np.ndarray] | None:
    """Axis, whole numbers and factors of rounded weights; None for others.

    Exporters transpose matrices, so rows may have become columns.
    """
    for axis in _axes(values):
        whole, scale = _quantised(values, axis)
        if scale.size * 4 < values.size and np.allclose(whole * scale, values, 0, ROUNDING * np.abs(values).max()):
            return axis, whole, scale
    return None


def _quantised(values: np.ndarray, axis: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers from -127 to 127 (as float32), and factors along an axis that broadcast against them.

    >>> whole, scale = _quantised(np.array([[1.0, -0.5], [0.0, 0.0]], np.float32), 0)
    >>> whole.tolist(), (whole * scale).round(2).tolist()
    ([[127.0, -64.0], [0.0, 0.0]], [[1.0, -0.5], [0.0, 0.0]])
    """
    others = tuple(i for i in range(values.ndim) if i != axis)
    largest = np.abs(values).max(others, keepdims=True)
    scale = (np.where(largest > 0, largest, 1) / TOP).astype(np.float32)
    return np.rint(values / scale).astype(np.float32), scale
