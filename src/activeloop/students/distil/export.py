"""A student as one ONNX file that runs wherever onnxruntime does, and the checks of it."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from activeloop.errors import MissingExtraError, ModelError
from activeloop.files import write_whole
from activeloop.students.distil.modules import StudentEncoder
from activeloop.students.distil.scaled import Scaled, TorchRunner, rounded, stored_as_int8
from activeloop.students.runtime.card import KEY
from activeloop.students.runtime.onnx import INPUT, OUTPUTS, OnnxRunner, session_of
from activeloop.students.runtime.reading import PADDING, UNKNOWN, StudentTokenizer
from activeloop.students.runtime.student import Student

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


#: most that numbers may differ by, in units of their spread over the random candidates
TOLERANCE = 1e-3
#: least correlation of a student in 8 bits with itself
ALIKE = 0.99
#: random candidates of one length
ROWS = 16
#: random candidates on which 8 bits are checked
MANY = 256


def probes(reading: StudentTokenizer, seed: int) -> list[np.ndarray]:
    """Random candidates: int32 tokens of several widths, the first as wide as what was taught, shorter ones padded.

    Args:
        reading: how the student reads.
        seed: of the letters.
    """
    rng = np.random.default_rng([seed, 0])
    if reading.positions:
        return [_random(reading, rng, ROWS, reading.width), _random(reading, rng, 1, reading.width)]
    widths = [max(2, reading.width), reading.width + 3, max(1, reading.width // 2), 1]
    return [_padded(_random(reading, rng, ROWS, width), rng) for width in widths] + [
        _random(reading, rng, 1, reading.width)
    ]


def check_same(runner: OnnxRunner, module: Scaled, tokens: np.ndarray) -> None:
    """Refuse an exported graph that deviates from its module.

    Args:
        runner: of the graph.
        module: what was exported, in eval mode.
        tokens: int32 [N, W].

    Raises:
        ModelError: it does, says by how much.
    """
    said, wants = runner.run(tokens), _run(module, tokens)
    least = max(1e-4 * float(wants[2].std()), 1e-30)
    for name, found, wanted in zip(OUTPUTS, said, wants, strict=True):
        unit = max(float(wanted.std()), 1e-2 * float(np.abs(wanted).max()), least)
        if found.shape != wanted.shape:
            raise ModelError(f"the exported student gives {name} as {found.shape}, not {wanted.shape}. {_FIX}")
        apart = float(np.abs(found - wanted).max()) / unit
        if not apart <= TOLERANCE:
            raise ModelError(
                f"the exported student deviates in {name} by {apart:.2g} of its spread for candidates of "
                f"{tokens.shape[1]} letters. {_FIX}"
            )


def check_alike(rounded: Scaled, module: Scaled, reading: StudentTokenizer, seed: int) -> None:
    """Refuse 8 bits where they change the order of candidates.

    Args:
        rounded: with weights of 8 bits.
        module: the same before.
        reading: how the student reads.
        seed: of random candidates.

    Raises:
        ModelError: their correlation is below `ALIKE`.
    """
    tokens = _near(reading, np.random.default_rng([seed, 1]))
    for one, other in zip(_run(rounded, tokens)[2].T, _run(module, tokens)[2].T, strict=True):
        if other.std() == 0:
            continue
        alike = float(np.corrcoef(one, other)[0, 1]) if one.std() > 0 else 0.0
        if not alike >= ALIKE:
            problem = f"in 8 bits this student orders candidates otherwise (correlation {alike:.3f})."
            raise ModelError(f"{problem} Export it without int8. {_FIX}")


_FIX = "Nothing was written."


def _run(module: Scaled, tokens: np.ndarray) -> list[np.ndarray]:
    with torch.inference_mode():
        return [x.numpy() for x in module(torch.from_numpy(tokens))]


def _random(reading: StudentTokenizer, rng: np.random.Generator, rows: int, width: int) -> np.ndarray:
    return rng.integers(UNKNOWN, reading.size, (rows, width), np.int32)


def _padded(tokens: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same, each row but the first cut at a random length."""
    lengths = rng.integers(1, tokens.shape[1] + 1, len(tokens))
    lengths[0] = tokens.shape[1]
    return np.where(np.arange(tokens.shape[1]) < lengths[:, None], tokens, PADDING).astype(np.int32)


def _near(reading: StudentTokenizer, rng: np.random.Generator) -> np.ndarray:
    """Random candidates like those that were taught: of the wild type with a few changes, where there is one."""
    tokens = _random(reading, rng, MANY, reading.width)
    if not reading.parent:
        return tokens
    changed = rng.random(tokens.shape) < max(1.5, 0.05 * tokens.shape[1]) / tokens.shape[1]
    return np.where(changed, tokens, reading.texts([reading.parent])).astype(np.int32)


def export(student: Student, path: str | Path, int8: bool = False) -> Path:
    """Write a student to one file: graph, weights and card.

    Before anything is written the file is run by onnxruntime on random candidates of several lengths, padding among
    them, and must say what the student says. The same student gives the same bytes.

    Args:
        student: one that was taught here.
        path: of the `.onnx` file; an older one is replaced, whole or not at all.
        int8: store weights as whole numbers of 8 bits, with a factor for each row. They are turned back when the file
            is loaded, so the file is a quarter as large and as quick as the other.

    Returns:
        The path.

    Raises:
        ModelError: the file does not say what the student says, or the student was not taught here; nothing is written.
        StoreError: it cannot be written.
        MissingExtraError: onnx or onnxruntime is not installed.
    """
    return write_whole(path, as_bytes(student, int8))


def as_bytes(student: Student, int8: bool = False) -> bytes:
    """The content of the file that `export` writes, checked as there."""
    if not isinstance(student.runner, TorchRunner):
        raise ModelError("this student was read from a file: copy that. Only a student taught here can be exported.")
    if student.card.outputs != student.runner.module.outputs:
        raise ModelError("the card of this student is not that of its network. Nothing was written.")
    module = _ready(student.runner.module)
    kept = module if not int8 else _ready(rounded(module))
    content = _content(student, kept, int8)
    try:
        runner = OnnxRunner(session_of(content, 1))
    except MissingExtraError:
        raise
    except Exception as error:
        raise ModelError(f"onnxruntime cannot load the exported student ({error}). Nothing was written.") from error
    reading = student.card.reading
    for tokens in probes(reading, student.card.seed):
        check_same(runner, kept, tokens)
    if int8:
        check_alike(kept, module, reading, student.card.seed)
    return content


def _ready(module: Scaled) -> Scaled:
    """A copy that no longer changes: what follows from its weights is computed."""
    module = copy.deepcopy(module).eval()
    for part in module.modules():
        if isinstance(part, StudentEncoder):
            part.settle()
    return module.requires_grad_(False)


def _content(student: Student, module: Scaled, int8: bool) -> bytes:
    tokens = torch.from_numpy(probes(student.card.reading, student.card.seed)[0])
    model = traced(module, tokens)
    if int8:
        stored_as_int8(model)
    entry = model.metadata_props.add()
    entry.key, entry.value = KEY, student.card.text()
    return model.SerializeToString(deterministic=True)
