"""A checkpoint's vocabulary, read from whichever file it comes in; no tokenizer is run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from activeloop.errors import FetchError


def read_vocabulary(folder: Path) -> dict[str, int]:
    """Ids by token, from `tokenizer.json`, `vocab.txt`, `vocab.json` or `spiece.model`, the first that is there.

    Raises:
        FetchError: none is there, or it cannot be read.
    """
    for name, read in _READERS.items():
        path = folder / name
        if path.is_file():
            try:
                return read(path)
            except (ValueError, KeyError, TypeError, IndexError, UnicodeDecodeError) as error:
                raise FetchError(
                    f"{path} is not the vocabulary of a tokenizer ({type(error).__name__}: {error}). Fetch the "
                    "checkpoint again; nothing was loaded."
                ) from error
    raise FetchError(
        f"{folder} has no vocabulary (one of {', '.join(_READERS)}). Put its tokenizer beside the weights; nothing "
        "was loaded."
    )


def _from_tokenizer(path: Path) -> dict[str, int]:
    content = json.loads(path.read_text("utf-8"))
    vocabulary: Any = content["model"]["vocab"]
    if isinstance(vocabulary, list):  # a unigram model lists pairs of token and score
        vocabulary = {token: i for i, (token, _) in enumerate(vocabulary)}
    return {**vocabulary, **{added["content"]: added["id"] for added in content.get("added_tokens", ())}}


def _from_lines(path: Path) -> dict[str, int]:
    lines = path.read_text("utf-8").splitlines()
    return {token.strip(): i for i, token in enumerate(lines)}


def _from_mapping(path: Path) -> dict[str, int]:
    return {str(token): int(i) for token, i in json.loads(path.read_text("utf-8")).items()}


def _from_sentencepiece(path: Path) -> dict[str, int]:
    """The pieces of a SentencePiece model in their order: field 1 of the message, and field 1 of each piece."""
    pieces = (value for field, value in _fields(path.read_bytes()) if field == 1)
    texts = (next(value for field, value in _fields(piece) if field == 1) for piece in pieces)
    return {text.decode("utf-8"): i for i, text in enumerate(texts)}


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Numbers and contents of the fields of a protocol buffer message that hold bytes."""
    at = 0
    while at < len(message):
        key, at = _number(message, at)
        field, kind = key >> 3, key & 7
        if kind == 0:
            _, at = _number(message, at)
        elif kind == 2:
            size, at = _number(message, at)
            if at + size > len(message):
                raise ValueError("cut off")
            yield field, message[at : at + size]
            at += size
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise ValueError("not a SentencePiece model")


def _number(message: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first; and where it ends."""
    number = shift = 0
    while True:
        byte = message[at]
        at += 1
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return number, at


_READERS = {
    "tokenizer.json": _from_tokenizer,
    "vocab.txt": _from_lines,
    "vocab.json": _from_mapping,
    "spiece.model": _from_sentencepiece,
}
