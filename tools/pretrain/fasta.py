"""FASTA files, plain or compressed, as a corpus: read line by line, so memory holds the tokens and no text."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import zlib
from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from activeloop.errors import InputError, MissingExtraError
from tools.pretrain.corpus import LETTER_CODES, Corpus

#: what may stand in a sequence; a stop (*) at its end is no residue and is left out
WRITTEN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-."
STOP = b"*"


def read_corpus(path: str | os.PathLike[str]) -> Corpus:
    """The sequences of a FASTA file, plain, .gz or .zst.

    Raises:
        InputError: there is no such file, it is damaged, or a line is no FASTA; names file and line.
        MissingExtraError: a .zst file, and zstandard is not installed.
    """
    name = os.fspath(path)
    with _opened(Path(path)) as file:
        corpus = parse(file, name)
    if not len(corpus):
        raise InputError("holds no sequence. Give a FASTA file; nothing was trained.", file=name)
    return corpus


def parse(lines: Iterable[bytes], name: str) -> Corpus:
    """Lines of FASTA as a corpus.

    Args:
        lines: with or without line ends.
        name: of the file, for errors.

    Raises:
        InputError: text before the first ">", a header without a sequence, or a sign that is no letter.

    >>> corpus = parse([b">a", b"MK", b"T*", b">b", b"la"], "two.fasta")
    >>> corpus.tokens.tolist(), corpus.starts.tolist()
    ([20, 15, 11, 4, 5], [0, 3, 5])
    """
    tokens, starts, header = bytearray(), array("q"), 0
    for number, line in enumerate(lines, 1):
        if line.startswith(b">"):
            _check_filled(starts, len(tokens), header, name)
            starts.append(len(tokens))
            header = number
        elif text := line.strip():
            _check_line(text, bool(starts), number, name)
            tokens += text.translate(LETTER_CODES, STOP)
    _check_filled(starts, len(tokens), header, name)
    starts.append(len(tokens))
    return Corpus(np.frombuffer(tokens, np.uint8), np.frombuffer(starts, np.int64))


def _check_filled(starts: array[int], end: int, header: int, name: str) -> None:
    if starts and starts[-1] == end:
        raise InputError(f"line {header}: no sequence follows this header. Nothing was trained.", file=name)


def _check_line(text: bytes, begun: bool, number: int, name: str) -> None:
    if not begun:
        raise InputError(
            f'line {number}: FASTA begins with a header (">name"), this is {_shown(text)}. Nothing was trained.',
            file=name,
        )
    if strange := text.translate(None, WRITTEN + STOP):
        raise InputError(f"line {number}: {_shown(strange)} is no residue. Nothing was trained.", file=name)


def _shown(text: bytes) -> str:
    return ascii(text[:20].decode("latin-1"))


@contextmanager
def _opened(path: Path) -> Iterator[Iterable[bytes]]:
    if not path.is_file():
        raise InputError("is not a file. Check the path; nothing was trained.", file=os.fspath(path))
    try:
        with _decompressed(path) as file:
            yield file
    except (EOFError, zlib.error, gzip.BadGzipFile, *_zstd_errors(path)) as error:
        problem = f"is damaged or not what its name says ({error}). Fetch it again; nothing was trained."
        raise InputError(problem, file=os.fspath(path)) from error


def _decompressed(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return io.BufferedReader(gzip.open(path, "rb"))
    if path.suffix == ".zst":
        # a file may be several frames; without the flag reading would end silently after the first
        reader = _zstandard().ZstdDecompressor().stream_reader(path.open("rb"), read_across_frames=True)
        return io.BufferedReader(reader, 1 << 20)
    return path.open("rb")


def _zstandard():
    try:
        import zstandard
    except ModuleNotFoundError as error:
        raise MissingExtraError("reading .zst files", "models") from error
    return zstandard


def _zstd_errors(path: Path) -> tuple[type[Exception], ...]:
    return (_zstandard().ZstdError,) if path.suffix == ".zst" else ()


def sha256(path: str | os.PathLike[str]) -> str:
    """Of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
