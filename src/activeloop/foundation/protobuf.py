"""Reads the fields of protocol buffer messages (SentencePiece models, ONNX files) without the package `protobuf`."""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def fields_of(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    r"""Number and value of each field: a whole number, or the bytes of what has a length.

    Raises:
        ValueError, IndexError: it is cut off, or no message.

    >>> [(number, bytes(value)) for number, value in fields_of(memoryview(b"\x0a\x02MK"))]
    [(1, b'MK')]
    """
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
            length = {_FIXED64: 8, _FIXED32: 4}.get(wire, -1)
        if length < 0 or at + length > len(message) or not number:
            raise ValueError("a field does not end")
        yield number, message[at : at + length]
        at += length


def message_of(value: memoryview | int) -> memoryview:
    """The value of a field that must be a message or a text.

    Raises:
        ValueError: it is a whole number.
    """
    if isinstance(value, int):
        raise ValueError("a number where a message should be")
    return value


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    # 7 bits a byte, the lowest first
    value = shift = 0
    while message[at] & 0x80:
        value, shift, at = value | (message[at] & 0x7F) << shift, shift + 7, at + 1
        if shift > 63:
            raise ValueError("a number does not end")
    return value | message[at] << shift, at + 1
