"""What an ONNX file says of itself, read without the onnx package and before anything in it is run.

An ONNX file is a `ModelProto` in the wire format of Protocol Buffers: fields, each a key (number and wire type) and a
value. Only the few fields that are looked at here are named; all others are skipped.

Sources: https://protobuf.dev/programming-guides/encoding, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from activeloop.errors import InputError

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
#: numbers of fields, by message
_MODEL_GRAPH, _MODEL_METADATA, _MODEL_FUNCTIONS = 7, 14, 25
_ENTRY_KEY, _ENTRY_VALUE = 1, 2
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
#: message -> field -> message: the ways on which tensors stand in a model
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
    """What stands in an ONNX file beside its numbers.

    Args:
        metadata: texts by key.
        external: whether it refers to other files.
    """

    metadata: dict[str, str]
    external: bool

    @classmethod
    def of(cls, data: bytes, file: str) -> Outline:
        """That of a file's content.

        Args:
            data: the content.
            file: its name, for messages.

        Raises:
            InputError: it is no ONNX file, or cut off.
        """
        view = memoryview(data)
        try:
            fields = list(_fields(view))
            if not any(number == _MODEL_GRAPH for number, _ in fields):
                raise ValueError("no graph")
            metadata = dict(_entry(value) for number, value in fields if number == _MODEL_METADATA)
            return cls(metadata, _refers(view, "model"))
        except (ValueError, IndexError, TypeError, RecursionError):
            problem = "this is no ONNX file, or a damaged one. Copy it again, or export the student again."
            raise InputError(problem, file=file) from None


def _refers(message: memoryview, kind: str) -> bool:
    """Whether a tensor in a message stands in another file."""
    if kind == "tensor":
        return any(
            number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value) for number, value in _fields(message)
        )
    ways = _WAYS[kind]
    return any(_refers(_message(value), ways[number]) for number, value in _fields(message) if number in ways)


def _entry(value: memoryview | int) -> tuple[str, str]:
    fields = dict(_fields(_message(value)))
    key, text = fields.get(_ENTRY_KEY, memoryview(b"")), fields.get(_ENTRY_VALUE, memoryview(b""))
    return _message(key).tobytes().decode(), _message(text).tobytes().decode()


def _message(value: memoryview | int) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where a message should be")
    return value


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """Number and value of each field: whole numbers, and bytes of what has a length."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire == _BYTES:
            length, at = _varint(message, at)
        else:
            length = {_EIGHT: 8, _FOUR: 4}[wire] if wire in (_EIGHT, _FOUR) else -1
        if length < 0 or at + length > len(message) or not number:
            raise ValueError("a field does not end")
        yield number, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A whole number of 7 bits a byte, and where it ends."""
    value = shift = 0
    while message[at] & 0x80:
        value, shift, at = value | (message[at] & 0x7F) << shift, shift + 7, at + 1
        if shift > 63:
            raise ValueError("a number does not end")
    return value | message[at] << shift, at + 1
