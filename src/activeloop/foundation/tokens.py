"""Alphabets and vocabularies of checkpoints, and candidates as token ids."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from activeloop.errors import FetchError
from activeloop.foundation.checkpoints import settings_of

#: the longest candidate of a group is so many times as long as the shortest at most
WASTE = 1.2


@dataclass(frozen=True)
class Tokens:
    """N candidates as token ids, padded at the end.

    Args:
        ids: [N, T] int32.
        lengths: [N] tokens of each candidate, special ones included (int32).
        first: special tokens before the first residue.
        last: special tokens after the last residue.
        pad: id of the padding.
        columns: [N, S] which token stands at each varying column of the pool (int32; -1: a gap, nothing stands there);
            S = 0 for pools without sites.
        changed: [N, S] which of these columns differ from the parent (False everywhere without a parent).
    """

    ids: np.ndarray
    lengths: np.ndarray
    first: int
    last: int
    pad: int
    columns: np.ndarray
    changed: np.ndarray

    @classmethod
    def around(
        cls,
        inner: np.ndarray,
        lengths: np.ndarray,
        special: tuple[tuple[int, ...], tuple[int, ...], int],
        columns: np.ndarray,
        changed: np.ndarray,
    ) -> Tokens:
        """Special tokens put around sequences.

        Args:
            inner: [N, W] ids of the residues, anything behind them.
            lengths: [N] residues of each candidate.
            special: ids before the first residue, after the last, and of padding.
            columns: [N, S] which residue stands at each varying column, from 0 (-1: a gap).
            changed: [N, S].

        >>> one = Tokens.around(np.array([[5, 6], [7, 0]]), np.array([2, 1]), ((0,), (2,), 1), *np.zeros((2, 2, 0)))
        >>> one.ids.tolist(), one.lengths.tolist()
        ([[0, 5, 6, 2], [0, 7, 2, 1]], [4, 3])
        """
        before, after, pad = special
        first, last = len(before), len(after)
        ids = np.full((len(inner), inner.shape[1] + first + last), pad, np.int32)
        ids[:, :first] = before
        body = ids[:, first : first + inner.shape[1]]
        body[:] = np.where(np.arange(inner.shape[1]) < lengths[:, None], inner, pad)
        for k, token in enumerate(after):
            ids[np.arange(len(ids)), first + lengths + k] = token
        columns = np.where(columns < 0, -1, columns + first).astype(np.int32)
        return cls(ids, (lengths + first + last).astype(np.int32), first, last, pad, columns, changed.astype(bool))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def real(self) -> np.ndarray:
        """Bool [N, T]: not padding."""
        return np.arange(self.ids.shape[1]) < self.lengths[:, None]

    @property
    def residues(self) -> np.ndarray:
        """Bool [N, T]: neither padding nor special."""
        place = np.arange(self.ids.shape[1])
        return (place >= self.first) & (place < self.lengths[:, None] - self.last)

    def take(self, index: np.ndarray) -> Tokens:
        """Some of the candidates, cut to the longest of them."""
        lengths = self.lengths[index]
        longest = int(lengths.max(initial=1))
        return replace(
            self,
            ids=self.ids[index, :longest],
            lengths=lengths,
            columns=self.columns[index],
            changed=self.changed[index],
        )

    def buckets(self, tokens: int) -> Iterator[np.ndarray]:
        """All candidates, by length, in groups whose padded size is at most `tokens` (at least one candidate each).

        Within a group lengths differ by a fifth at most, so that little of what is computed is padding.

        >>> one = Tokens(np.ones((3, 4), np.int32), np.array([2, 4, 2]), 1, 1, 0, np.zeros((3, 0)), np.zeros((3, 0)))
        >>> [group.tolist() for group in one.buckets(4)]
        [[0, 2], [1]]
        """
        order = np.argsort(self.lengths, kind="stable")
        start = 0
        while start < len(order):
            stop = start + 1
            longest = min(tokens // (stop + 1 - start), WASTE * self.lengths[order[start]])
            while stop < len(order) and self.lengths[order[stop]] <= longest:
                stop += 1
                longest = min(tokens // (stop + 1 - start), WASTE * self.lengths[order[start]])
            yield order[start:stop]
            start = stop


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


#: letters that are looked up in a vocabulary
LETTERS = "ABCDEFGHIKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Special:
    """What a family calls its special tokens.

    Args:
        before, after: around a sequence; those that a vocabulary lacks are left out.
        pad: of padding.
        mask: of a hidden residue; "" when there is none.
        unknown: of what it cannot read.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    pad: str
    mask: str
    unknown: str


ESM = Special(("<cls>",), ("<eos>",), "<pad>", "<mask>", "<unk>")
BERT = Special(("[CLS]",), ("[SEP]",), "[PAD]", "[MASK]", "[UNK]")
T5 = Special((), ("</s>",), "<pad>", "", "<unk>")


@dataclass(frozen=True)
class Alphabet:
    """How a checkpoint writes letters.

    Args:
        ids: [256] id of each letter by its code (int32); `unknown` where it has none.
        states: [K, 256] the same for each of K structure letters; K = 1 for models that read none.
        before, after: special ids around a sequence.
        pad, mask, unknown: ids of padding, of a hidden residue (-1: the model has no mask), of what it cannot read (-1:
            it has no token for that).
        longest: most tokens of one sequence, special ones included; 0 when there is no limit.
    """

    ids: np.ndarray
    states: np.ndarray
    before: tuple[int, ...]
    after: tuple[int, ...]
    pad: int
    mask: int
    unknown: int
    longest: int


@lru_cache(maxsize=32)
def read_alphabet(folder: Path, special: Special, rare: str = "", states: str = "") -> Alphabet:
    """The alphabet of a checkpoint.

    Args:
        folder: of the checkpoint.
        special: how its family calls special tokens.
        rare: letters that are read as X.
        states: structure letters; a token is then an amino acid and one of them, the last standing for "not known".

    Raises:
        FetchError: it has no vocabulary, or one that does not hold single residues.
    """
    vocabulary = read_vocabulary(folder)
    if special.pad not in vocabulary:
        raise FetchError(
            f'{folder} has no token "{special.pad}", so it is not of the family that was asked for. Choose another; '
            "nothing was loaded."
        )
    unknown = vocabulary.get(special.unknown, -1)
    tables = np.full((len(states) or 1, 256), unknown, np.int32)
    for state, table in enumerate(tables):
        for letter in LETTERS:
            read = ("X" if letter in rare else letter) + states[state : state + 1]
            # SentencePiece marks a token that follows a space, and these models read residues apart
            table[ord(letter)] = vocabulary.get("▁" + read, vocabulary.get(read, unknown))
    if (tables == unknown).all():
        raise FetchError(f"the vocabulary of {folder} does not hold single residues. Choose another family of models.")
    before, after = (tuple(vocabulary[t] for t in side if t in vocabulary) for side in (special.before, special.after))
    limit = longest_of(settings_of(folder))
    mask = vocabulary.get(special.mask, -1)
    return Alphabet(tables[-1], tables, before, after, vocabulary[special.pad], mask, unknown, limit)


def longest_of(settings: dict[str, Any]) -> int:
    """Most tokens that a model has places for; 0 when places are told by angles or distances, which have no end.

    >>> longest_of({"model_type": "roberta", "max_position_embeddings": 515, "pad_token_id": 1})
    513
    """
    most, kind = settings.get("max_position_embeddings", 0), settings.get("model_type")
    absolute = settings.get("position_embedding_type", "absolute") == "absolute"
    if kind == "bert":
        return most
    if kind == "roberta" or (kind == "esm" and absolute):
        # these count places from the id of padding on
        return most - settings.get("pad_token_id", 1) - 1
    return 0
