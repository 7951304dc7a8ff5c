"""Natural sequences for masked-language-model training: from FASTA to rows of tokens."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from activeloop.errors import InputError

#: the vocabulary of ESM-2, in its order; <cls> opens a sequence and <eos> closes it
VOCABULARY = (
    *("<cls>", "<pad>", "<eos>", "<unk>"),
    *"LAGVSERTIDPKQNFYMHWC",
    *"XBUZO.-",
    *("<null_1>", "<mask>"),
)
CLS, PAD, EOS, UNK, MASK = 0, 1, 2, 3, 32
#: codes of the twenty amino acids are those from here, in the order of the vocabulary
FIRST_LETTER, LETTERS = 4, 20
#: a crop shorter than this tells too little to fill a row with
SHORTEST = 32


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
        """Encode sequences; letters outside the vocabulary become <unk>.

        >>> corpus = Corpus.of(["MKT", "LA"])
        >>> corpus.tokens.tolist(), corpus.starts.tolist()
        ([20, 15, 11, 4, 5], [0, 3, 5])
        """
        table = np.full(256, UNK, np.uint8)
        for code, token in enumerate(VOCABULARY):
            if len(token) == 1:
                table[ord(token)] = code
        text = "".join(sequences).upper().encode("latin-1", "replace")
        lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
        return cls(table[np.frombuffer(text, np.uint8)], np.concatenate([[0], np.cumsum(lengths)]))

    def split(self, share: float, seed: int) -> tuple[Corpus, Corpus]:
        """Most sequences, and a random share of them apart."""
        apart = np.random.default_rng(seed).random(len(self)) < share
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


def pack(corpora: Sequence[Corpus], weights: np.ndarray, rows: int, width: int, rng: np.random.Generator):
    """Rows filled end to end with sequences of a mixture of corpora.

    Args:
        corpora: where the sequences come from.
        weights: [K] share of the rows that each corpus fills.
        rows: R.
        width: W tokens a row.
        rng: of the choice and of the windows of long sequences.

    Returns:
        Tokens int64 [R, W] (padded at the end), and int64 [R, W] the number of the sequence within its row (-1:
        padding); a token may look only at those with its number.

    >>> tokens, piece = pack([Corpus.of(["MKT" * 12])], np.ones(1), 1, 80, np.random.default_rng(0))
    >>> [int((piece == k).sum()) for k in (0, 1, -1)], tokens[0, [0, 37, 38]].tolist()
    ([38, 38, 4], [0, 2, 0])
    """
    tokens, piece = np.full((rows, width), PAD, np.int64), np.full((rows, width), -1, np.int64)
    for r, source in enumerate(rng.choice(len(corpora), size=rows, p=weights / weights.sum())):
        at = number = 0
        while (room := width - at - 2) >= (SHORTEST if number else 1):
            text = corpora[source].crop(room, rng)
            end = at + len(text) + 2
            tokens[r, at], tokens[r, at + 1 : end - 1], tokens[r, end - 1] = CLS, text, EOS
            piece[r, at:end] = number
            at, number = end, number + 1
    return tokens, piece


def mask_tokens(tokens: np.ndarray, share: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Hide some residues, as BERT does: four fifths become <mask>, a tenth another residue, a tenth stay.

    Args:
        tokens: [R, W].
        share: of the residues that must be told.
        rng: of the choice.

    Returns:
        The tokens [R, W] to be shown, and bool [R, W] which must be told.
    """
    told = (tokens >= FIRST_LETTER) & (tokens < FIRST_LETTER + LETTERS) & (rng.random(tokens.shape) < share)
    how = rng.random(tokens.shape)
    shown = np.where(told & (how < 0.8), MASK, tokens)
    other = rng.integers(FIRST_LETTER, FIRST_LETTER + LETTERS, tokens.shape)
    return np.where(told & (how >= 0.9), other, shown), told


def read_sequences(path: str | os.PathLike[str]) -> list[str]:
    """The sequences of a FASTA file, plain or compressed (.gz, .zst).

    Raises:
        InputError: there is no such file, or it holds no sequence.
    """
    with _opened(Path(path)) as file:
        sequences = list(_sequences(file))
    if not sequences:
        raise InputError("holds no sequence. Give a FASTA file; nothing was trained.", file=os.fspath(path))
    return sequences


def _opened(path: Path) -> IO[str]:
    if not path.is_file():
        raise InputError("is not a file. Check the path; nothing was trained.", file=os.fspath(path))
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="latin-1")
    if path.suffix == ".zst":
        import zstandard

        return io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(path.open("rb")), encoding="latin-1")
    return path.open(encoding="latin-1")


def _sequences(lines: IO[str]) -> Iterator[str]:
    parts: list[str] = []
    for line in lines:
        if not line.startswith(">"):
            parts.append(line.strip())
        elif parts:
            yield "".join(parts)
            parts = []
    if text := "".join(parts):
        yield text
