"""Reads and runs an exported student with onnxruntime and NumPy alone."""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from activeloop.errors import InputError, MissingExtraError
from activeloop.foundation.protobuf import fields_of, message_of
from activeloop.students.runtime.card import KEY, ModelCard
from activeloop.students.runtime.tokenizer import PADDING

#: tokens in one call of the graph; more take memory and, because they leave the processor's caches, time
TOKENS = 2**11
#: of the graph, in this order
OUTPUTS = ("mean", "sd", "location", "deviations")
INPUT = "tokens"


class Runner(ABC):
    """Runs a student's network. `OnnxRunner` (onnxruntime alone) and `TorchRunner` (during training)."""

    @abstractmethod
    def __call__(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predictions of the network for N candidates.

        Args:
            tokens: int32 [N, W], `PADDING` behind the end.

        Returns:
            location: float32 [N, A], in which larger is better, in the assays' units (for classes [N, C] logits).
            deviations: float32 [N, S, A] of S joint functions from the location, in the same unit.
        """


class OnnxRunner(Runner):
    """The graph of an exported file.

    Args:
        session: of onnxruntime.
    """

    def __init__(self, session: Any):
        self.session = session

    def __call__(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Location [N, A] and deviations [N, S, A]; see `Runner`."""
        location, deviations = self.run(tokens, OUTPUTS[2:])
        return location, deviations

    def run(self, tokens: np.ndarray, outputs: tuple[str, ...] = OUTPUTS) -> list[np.ndarray]:
        """Some outputs of the graph, by name, for int32 tokens [N, W]."""
        tokens = np.ascontiguousarray(tokens, np.int32)
        if not len(tokens):
            one = np.full((1, max(1, tokens.shape[1])), PADDING, np.int32)
            return [x[:0] for x in self.session.run(outputs, {INPUT: one})]
        size = max(1, TOKENS // max(1, tokens.shape[1]))
        chunks = [self.session.run(outputs, {INPUT: tokens[i : i + size]}) for i in range(0, len(tokens), size)]
        if len(chunks) == 1:
            return list(chunks[0])
        return [np.concatenate(parts) for parts in zip(*chunks, strict=True)]


def new_session(data: bytes, threads: int) -> Any:
    """An onnxruntime session that takes little memory.

    Args:
        data: content of an ONNX file.
        threads: of the processor for one call.

    Raises:
        MissingExtraError: onnxruntime is not installed.
    """
    try:
        import onnxruntime
    except ImportError:
        raise MissingExtraError("running a student", "edge") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 4
    # else a plan of all memory is cached for each number of candidates and each length
    options.enable_mem_pattern = False
    # weights of 8 bits are dequantised once, not at every call
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def read_student(path: str | Path, threads: int = 1, content: bytes | None = None) -> tuple[ModelCard, OnnxRunner]:
    """Card and network of an exported file, see `Student.open`, whose content is read unless it is given."""
    file = os.fspath(path)
    data = _content(file) if content is None else content
    sealed = _is_sealed(data, file)
    outline = Outline.of(data, file)
    if outline.external:
        raise InputError(
            "this student stores weights in other files, which is refused: a student is one file. Export it again.",
            file=file,
        )
    if KEY not in outline.metadata:
        raise InputError(
            "this is an ONNX file, but no student of ActiveLoop: it has no card. Export one with `activeloop distil`.",
            file=file,
        )
    card = ModelCard.from_json(outline.metadata[KEY], file)
    if card.checksum and not sealed:
        raise _altered(file)
    if outline.unbounded:
        raise InputError(
            f"its graph {outline.unbounded}, which no student needs: it was not run. Export the student again.",
            file=file,
        )
    try:
        runner = OnnxRunner(new_session(data, threads))
    except MissingExtraError:
        raise
    # onnxruntime has no common root for what it raises
    except Exception as error:
        problem = f"onnxruntime cannot load this student ({_first_line(error)}). Copy it again."
        raise InputError(problem, file=file) from None
    _check(card, runner, file)
    return card, runner


#: bytes of a student's file, at most
LARGEST = 2**29


def _content(file: str) -> bytes:
    try:
        size = Path(file).stat().st_size
        if size > LARGEST:
            raise InputError(
                f"it has {size:,} bytes, and a student has at most {LARGEST:,}: it was not read. Check the name.",
                file=file,
            )
        return Path(file).read_bytes()
    except FileNotFoundError:
        raise InputError("there is no such file. Check the name, or export a student.", file=file) from None
    except OSError as error:
        raise InputError(f"it cannot be read ({error.strerror}). Check the name and its rights.", file=file) from None


# The checksum: one more entry of metadata at the very end of the file, over every byte before it.

#: key of the checksum among the metadata
_SEAL = b"activeloop.sha256"
#: hexadecimal digits of a SHA-256
_DIGITS = 64
_START = bytes([0x0A, len(_SEAL)]) + _SEAL + bytes([0x12, _DIGITS])
_START = bytes([0x72, len(_START) + _DIGITS]) + _START


def sealed(content: bytes) -> bytes:
    """A student's file with a checksum over all its content at the end, where other readers find one more text.

    >>> len(sealed(b"model")) - len(b"model")
    87
    """
    return content + _START + hashlib.sha256(content).hexdigest().encode()


def _is_sealed(data: bytes, file: str) -> bool:
    """Whether a file has a checksum.

    Raises:
        InputError: it is not that of the content.
    """
    end = len(data) - _DIGITS - len(_START)
    if end < 0 or data[end : end + len(_START)] != _START:
        return False
    if hashlib.sha256(memoryview(data)[:end]).hexdigest().encode() != data[-_DIGITS:]:
        raise _altered(file)
    return True


def _altered(file: str) -> InputError:
    return InputError(
        "this student was altered or damaged since it was exported: its checksum is not that of its content. Copy it "
        "again, or export the student again.",
        file=file,
    )


def _check(card: ModelCard, runner: OnnxRunner, file: str) -> None:
    """Refuse a graph that does not take every token of the card or has not the card's outputs."""
    fix = "Export the student again."
    inputs = [(x.name, x.type) for x in runner.session.get_inputs()]
    if inputs != [(INPUT, "tensor(int32)")] or tuple(x.name for x in runner.session.get_outputs()) != OUTPUTS:
        raise InputError(f"its graph has not the inputs and outputs of a student. {fix}", file=file)
    size = card.tokenizer.vocabulary_size
    width = len(card.tokenizer.positions) or size
    every = np.resize(np.arange(size, dtype=np.int32), (-(-size // width), width))
    try:
        found = runner.run(every)
    except Exception as error:
        raise InputError(
            f"its graph does not take the tokens of its card ({_first_line(error)}). {fix}", file=file
        ) from None
    n, a = len(every), card.outputs
    shapes = [x.shape for x in found]
    if shapes[:3] != [(n, a)] * 3 or len(shapes[3]) != 3 or shapes[3][::2] != (n, a):
        raise InputError(f"its graph does not predict the {a} outputs of its card. {fix}", file=file)
    if not all(np.isfinite(x).all() for x in found):
        raise InputError(f"its weights are damaged: it predicts infinite values. {fix}", file=file)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__


# The format itself (protobuf, onnx.proto): read by hand, because the package `onnx` is not where students run, and
# onnxruntime would already have opened other files that a model refers to.

#: numbers of fields, by message
_MODEL_GRAPH, _MODEL_METADATA, _MODEL_FUNCTIONS = 7, 14, 25
_ENTRY_KEY, _ENTRY_VALUE = 1, 2
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
#: message -> field -> message: the ways to a tensor in a model
_WAYS = {
    "model": {_MODEL_GRAPH: "graph", _MODEL_FUNCTIONS: "function", 20: "training"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}


@dataclass(frozen=True)
class Outline:
    """What an ONNX file holds beside its weights.

    Args:
        metadata: texts by key.
        external: whether it refers to other files.
        unbounded: what in its graph may run for ever or need any memory, in words; "" where nothing does.
    """

    metadata: dict[str, str]
    external: bool
    unbounded: str = ""

    @classmethod
    def of(cls, data: bytes, file: str) -> Outline:
        """The outline of a file's content.

        Args:
            data: the content.
            file: its name, for messages.

        Raises:
            InputError: it is no ONNX file, or cut off.
        """
        view = memoryview(data)
        try:
            fields = list(fields_of(view))
            if not any(number == _MODEL_GRAPH for number, _ in fields):
                raise ValueError("no graph")
            metadata = dict(_entry(value) for number, value in fields if number == _MODEL_METADATA)
            return cls(metadata, _refers(view, "model"), _unbounded(fields))
        except (ValueError, IndexError, TypeError, RecursionError):
            problem = "this is no ONNX file, or a damaged one. Copy it again, or export the student again."
            raise InputError(problem, file=file) from None


def _refers(message: memoryview, kind: str) -> bool:
    """Whether a tensor in a message is stored in another file."""
    fields = fields_of(message)
    if kind == "tensor":
        return any(number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value) for number, value in fields)
    ways = _WAYS[kind]
    return any(_refers(message_of(value), ways[number]) for number, value in fields if number in ways)


#: numbers of fields of a graph, node, attribute and tensor
_GRAPH_NODE, _GRAPH_TENSOR, _NODE_INPUT, _NODE_TYPE, _NODE_ATTRIBUTE = 1, 5, 1, 4, 5
_DIMS, _TYPE, _NAME, _RAW = 1, 2, 8, 9
#: types of whole numbers, and their bytes
_WHOLE = {6: np.dtype("<i4"), 7: np.dtype("<i8")}
#: nodes of a graph, and elements that an operator may make of constants
MOST_NODES, MOST_ELEMENTS = 20_000, 2**26
#: operators whose output may be larger than their inputs, by a constant
GROWING = {"ConstantOfShape", "Expand", "Pad", "Range", "Resize", "Tile", "Upsample"}


def _unbounded(model: list[tuple[int, memoryview | int]]) -> str:
    """What in a model, of these fields, may run for ever or need any memory; "" where nothing does."""
    if any(number in (_MODEL_FUNCTIONS, 20) for number, _ in model):
        return "has functions of its own"
    for graph in (list(fields_of(message_of(value))) for number, value in model if number == _MODEL_GRAPH):
        nodes = [list(fields_of(message_of(value))) for number, value in graph if number == _GRAPH_NODE]
        if len(nodes) > MOST_NODES:
            return f"has {len(nodes):,} nodes"
        constants = dict(_constant(message_of(value)) for number, value in graph if number == _GRAPH_TENSOR)
        for node in nodes:
            attributes = [dict(fields_of(message_of(v))) for number, v in node if number == _NODE_ATTRIBUTE]
            kind = b"".join(message_of(v).tobytes() for number, v in node if number == _NODE_TYPE).decode()
            if any(6 in attribute or 11 in attribute for attribute in attributes):
                return f"has a loop or branch ({kind})"
            named = [message_of(v).tobytes().decode() for number, v in node if number == _NODE_INPUT]
            if kind in GROWING and max((constants.get(name, 0) for name in named), default=0) > MOST_ELEMENTS:
                return f"makes very many numbers of few ({kind})"
    return ""


def _constant(tensor: memoryview) -> tuple[str, int]:
    """Name of a tensor, and the product of its sizes where it holds some whole numbers; 0 for others."""
    fields = list(fields_of(tensor))
    found = dict(fields)
    kind, raw = found.get(_TYPE), message_of(found.get(_RAW, memoryview(b"")))
    name = message_of(found.get(_NAME, memoryview(b""))).tobytes().decode()
    if kind not in _WHOLE or len(raw) > 256:
        return name, 0
    size = 1
    for value in np.frombuffer(raw, _WHOLE[kind]).tolist():
        size *= max(1, abs(value))
    return name, size


def _entry(value: memoryview | int) -> tuple[str, str]:
    fields = dict(fields_of(message_of(value)))
    key, text = (message_of(fields.get(number, memoryview(b""))) for number in (_ENTRY_KEY, _ENTRY_VALUE))
    return key.tobytes().decode(), text.tobytes().decode()
