"""Checkpoints by hub id or folder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Alphabet:
    """How a tokenizer writes letters.

    Args:
        ids: [256] id of each letter by its code (int32); the unknown token where it has none.
        before, after: special ids around a sequence.
        pad, mask: ids of padding and of a hidden residue (-1: the model has no mask).
    """

    ids: np.ndarray
    before: tuple[int, ...]
    after: tuple[int, ...]
    pad: int
    mask: int


def load_model(kind, source: str):
    """A `transformers` model in eval mode, nothing trainable."""
    model = kind.from_pretrained(source, attn_implementation="eager").float().eval()
    return model.requires_grad_(False)


def load_alphabet(source: str) -> Alphabet:
    """The alphabet of a checkpoint's tokenizer."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source)
    vocabulary = tokenizer.get_vocab()
    ids = np.full(256, tokenizer.unk_token_id, np.int32)
    for token, code in vocabulary.items():
        if len(token) == 1 and ord(token) < 256:
            ids[ord(token)] = code
    around = tokenizer.build_inputs_with_special_tokens([-1])
    at = around.index(-1)
    mask = -1 if tokenizer.mask_token_id is None else tokenizer.mask_token_id
    return Alphabet(ids, tuple(around[:at]), tuple(around[at + 1 :]), tokenizer.pad_token_id, mask)
