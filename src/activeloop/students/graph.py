"""A module as an ONNX graph that holds nothing but what is computed."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from activeloop.errors import MissingExtraError, ModelError
from activeloop.students.onnx_runner import INPUT, OUTPUTS

#: of ONNX operators: the lowest that torch writes, which the most runtimes read
OPSET = 18
#: where torch's exporter tells of packages that it would also know how to export
_LOGGER = "torch.onnx._internal.exporter._registration"
#: before the names of outputs while torch writes: its own names inside, such as `mean`, would be theirs
_MARK = "output of a student: "


def traced(module: nn.Module, tokens: torch.Tensor, outputs: tuple[str, ...] = OUTPUTS) -> Any:
    """The `onnx.ModelProto` of a module, for any number of candidates of any length.

    Args:
        module: in eval mode: int32 tokens [N, W] -> its outputs.
        tokens: an example of what it takes, N and W above 1.
        outputs: names of the outputs.

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
                output_names=[_MARK + name for name in outputs],
                dynamic_shapes=(sizes,),
                opset_version=OPSET,
                verbose=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            raise ModelError(f"torch cannot export this network ({error}). Nothing was written.") from error
    assert program is not None
    return _bare(program.model_proto)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch says about itself."""
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


def _bare(model: Any) -> Any:
    """Without names of files and functions in which the network is written, and with short names inside.

    They would be most of a small student's file, and tell of the machine that wrote it.
    """
    graph = model.graph
    short = {"": ""} | {value.name: value.name.removeprefix(_MARK) for value in (*graph.input, *graph.output)}
    inside = [tensor.name for tensor in graph.initializer] + [name for node in graph.node for name in node.output]
    for number, name in enumerate(inside):
        short.setdefault(name, _short(number))
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


def _short(number: int) -> str:
    """A name of few letters, in capitals so that it is that of no input or output.

    >>> _short(0), _short(35), _short(36)
    ('0', 'Z', '10')
    """
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return digits[number] if number < 36 else _short(number // 36) + digits[number % 36]
