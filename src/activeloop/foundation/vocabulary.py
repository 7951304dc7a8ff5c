"""Vocabularies of checkpoints, and the token of each residue.

They are read by hand, not with `tokenizers` or `sentencepiece`: the model that ships is read where neither is
installed, and published checkpoints of ProtT5 hold a `spiece.model` alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from activeloop.errors import FetchError
from activeloop.foundation.checkpoints import settings_of
from activeloop.foundation.protobuf import fields_of, message_of


@lru_cache(maxsize=16)
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
    pieces = (message_of(value) for field, value in fields_of(memoryview(path.read_bytes())) if field == 1)
    texts = (next(message_of(value) for field, value in fields_of(piece) if field == 1) for piece in pieces)
    return {bytes(text).decode("utf-8"): i for i, text in enumerate(texts)}


_READERS = {
    "tokenizer.json": _from_tokenizer,
    "vocab.txt": _from_lines,
    "vocab.json": _from_mapping,
    "spiece.model": _from_sentencepiece,
}


#: characters that are looked up in a vocabulary
CHARACTERS = "ABCDEFGHIKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class SpecialTokens:
    """Names of the special tokens of a family.

    Args:
        before, after: around a sequence; those that a vocabulary lacks are left out.
        pad: padding.
        mask: a masked residue; "" when there is none.
        unknown: what the model cannot read.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    pad: str
    mask: str
    unknown: str


ESM = SpecialTokens(("<cls>",), ("<eos>",), "<pad>", "<mask>", "<unk>")
BERT = SpecialTokens(("[CLS]",), ("[SEP]",), "[PAD]", "[MASK]", "[UNK]")
T5 = SpecialTokens((), ("</s>",), "<pad>", "", "<unk>")


@dataclass(frozen=True)
class Alphabet:
    """Token ids of the residues in one checkpoint.

    Args:
        ids: [256] id of each residue by its character code (int32); `unknown` where it has none.
        states: [K, 256] the same for each of K structure states; K = 1 for models of sequences alone.
        before, after: ids of the special tokens around a sequence.
        pad, mask, unknown: ids of padding, of a masked residue (-1: the model has no mask), of what it cannot read
            (-1: it has no token for that).
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
def read_alphabet(folder: Path, special: SpecialTokens, read_as_x: str = "", states: str = "") -> Alphabet:
    """The alphabet of a checkpoint.

    Args:
        folder: of the checkpoint.
        special: names of its special tokens.
        read_as_x: residues that are read as X.
        states: structure states; a token is then an amino acid and one of them, the last standing for "not known".

    Raises:
        FetchError: it has no vocabulary, or one that does not hold single residues.
    """
    vocabulary = read_vocabulary(folder)
    if special.pad not in vocabulary:
        raise FetchError(
            f'{folder} has no token "{special.pad}", so it is not of this family of models. Choose another; '
            "nothing was loaded."
        )
    unknown = vocabulary.get(special.unknown, -1)
    tables = np.full((len(states) or 1, 256), unknown, np.int32)
    for state, table in enumerate(tables):
        for residue in CHARACTERS:
            token = ("X" if residue in read_as_x else residue) + states[state : state + 1]
            # SentencePiece marks a token that follows a space, and these models read residues apart
            table[ord(residue)] = vocabulary.get("▁" + token, vocabulary.get(token, unknown))
    if (tables == unknown).all():
        raise FetchError(f"the vocabulary of {folder} does not hold single residues. Choose another family of models.")
    before, after = (tuple(vocabulary[t] for t in side if t in vocabulary) for side in (special.before, special.after))
    mask = vocabulary.get(special.mask, -1)
    limit = max_tokens(settings_of(folder))
    return Alphabet(tables[-1], tables, before, after, vocabulary[special.pad], mask, unknown, limit)


def max_tokens(settings: dict[str, Any]) -> int:
    """Most tokens for which a model has position embeddings; 0 for rotary or relative positions, which have no end.

    >>> max_tokens({"model_type": "roberta", "max_position_embeddings": 515, "pad_token_id": 1})
    513
    """
    most, kind = settings.get("max_position_embeddings", 0), settings.get("model_type")
    absolute = settings.get("position_embedding_type", "absolute") == "absolute"
    if kind == "bert":
        return most
    if kind == "roberta" or (kind == "esm" and absolute):
        # these count positions from the id of padding on
        return most - settings.get("pad_token_id", 1) - 1
    return 0
