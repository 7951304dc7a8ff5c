"""How a checkpoint writes letters: ids of residues and of the special tokens around them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from activeloop.backbones.checkpoints import settings_of
from activeloop.backbones.vocabularies import read_vocabulary
from activeloop.errors import FetchError

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
