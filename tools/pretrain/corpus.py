"""Natural sequences as tokens: FASTA files, plain or compressed, read line by line, and mixtures of them."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from activeloop.errors import InputError, MissingExtraError

#: the vocabulary of ESM-2, in its order; <cls> opens a sequence and <eos> closes it
VOCABULARY = (*("<cls>", "<pad>", "<eos>", "<unk>"), *"LAGVSERTIDPKQNFYMHWC", *"XBUZO.-", *("<null_1>", "<mask>"))
CLS, PAD, EOS, UNK, MASK = 0, 1, 2, 3, 32
#: codes of the twenty amino acids are those from here, in the order of the vocabulary
FIRST_LETTER, LETTERS = 4, 20


def _letter_codes() -> bytes:
    codes = {
        ord(letter): code
        for code, token in enumerate(VOCABULARY)
        if len(token) == 1
        for letter in {token, token.lower()}
    }
    return bytes(codes.get(byte, UNK) for byte in range(256))


#: [256] code of each byte, for `bytes.translate`; residues outside the vocabulary are <unk>
LETTER_CODES = _letter_codes()


@dataclass(frozen=True)
class Corpus:
    """Sequences as tokens, end to end.

    Args:
        tokens: [T] codes into `VOCABULARY` (uint8), without <cls> and <eos>.
        starts: [N + 1] where each sequence begins; the last entry is T.
    """

    tokens: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        return len(self.starts) - 1

    @classmethod
    def of(cls, sequences: Sequence[str]) -> Corpus:
        """Encode sequences; residues outside the vocabulary become <unk>.

        >>> corpus = Corpus.of(["MKT", "LA"])
        >>> corpus.tokens.tolist(), corpus.starts.tolist()
        ([20, 15, 11, 4, 5], [0, 3, 5])
        """
        text = "".join(sequences).encode("latin-1", "replace").translate(LETTER_CODES)
        lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
        return cls(np.frombuffer(text, np.uint8), np.concatenate([[0], np.cumsum(lengths)]))

    def split(self, share: float, seed: int) -> tuple[Corpus, Corpus]:
        """Most sequences, and a random share of them apart: at least one, unless there is only one or the share is 0.

        >>> [len(part) for part in Corpus.of(["MKT"] * 50).split(0.1, 0)]
        [44, 6]
        """
        chance = np.random.default_rng(seed).random(len(self))
        apart = chance < share
        if share > 0 and len(self) > 1:
            apart[chance.argmin()], apart[chance.argmax()] = True, False
        return self._take(np.flatnonzero(~apart)), self._take(np.flatnonzero(apart))

    def _take(self, which: np.ndarray) -> Corpus:
        lengths = np.diff(self.starts)
        kept = np.zeros(len(self), bool)
        kept[which] = True
        return Corpus(self.tokens[np.repeat(kept, lengths)], np.concatenate([[0], np.cumsum(lengths[kept])]))

    def crop(self, longest: int, rng: np.random.Generator) -> np.ndarray:
        """[n] tokens of a random sequence, or of a random window of it when it is longer than `longest`."""
        i = int(rng.integers(len(self)))
        start, stop = int(self.starts[i]), int(self.starts[i + 1])
        if stop - start > longest:
            start += int(rng.integers(stop - start - longest + 1))
            stop = start + longest
        return self.tokens[start:stop]


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


@dataclass(frozen=True)
class Source:
    """A FASTA file and its share of the training.

    Args:
        path: of the file.
        weight: of the rows it fills, relative to the others.

    Raises:
        InputError: the weight is not above zero.
    """

    path: str
    weight: float = 1.0

    def __post_init__(self):
        if not 0 < self.weight < float("inf"):
            raise InputError(f"has weight {self.weight:g}. Give one above zero; nothing was trained.", file=self.path)

    @classmethod
    def parse(cls, text: str) -> Source:
        """As it is typed: a path, or path=weight.

        >>> Source.parse("whole.fasta.gz=0.6")
        Source(path='whole.fasta.gz', weight=0.6)
        >>> Source.parse("a=b.fasta")
        Source(path='a=b.fasta', weight=1.0)
        """
        path, _, weight = text.rpartition("=")
        try:
            return cls(path, float(weight)) if path else cls(text)
        except InputError:
            raise
        except ValueError:
            return cls(text)


@dataclass(frozen=True)
class Part:
    """A file as it is used.

    Args:
        name: of the file, without its folder.
        sha256: of its content.
        weight: as given.
        train: what the model learns from.
        held_out: what it is validated on.
    """

    name: str
    sha256: str
    weight: float
    train: Corpus
    held_out: Corpus

    def facts(self) -> dict[str, Any]:
        """What is written down about it."""
        return {
            "name": self.name,
            "sha256": self.sha256,
            "weight": self.weight,
            "sequences": len(self.train) + len(self.held_out),
            "residues": len(self.train.tokens) + len(self.held_out.tokens),
            "held_out_sequences": len(self.held_out),
        }


def read_parts(sources: Sequence[Source], share: float, seed: int) -> list[Part]:
    """Read the files of a mixture and put some sequences of each apart.

    Args:
        sources: at least one.
        share: of the sequences of each file held out for validation, never trained on.
        seed: of which.

    Raises:
        InputError: as `read_corpus`.
    """
    return [_part(source, share, seed) for source in sources]


def _part(source: Source, share: float, seed: int) -> Part:
    train, held_out = read_corpus(source.path).split(share, seed)
    return Part(os.path.basename(source.path), sha256(source.path), source.weight, train, held_out)
