"""Models that read one token a residue."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from activeloop.backbones.foundation import Foundation
from activeloop.backbones.texts import Texts, parent_text, texts_of
from activeloop.backbones.tokens import Tokens
from activeloop.candidates import Pool
from activeloop.errors import PoolError


class LetterModel(Foundation):
    """A foundation model with one token for each letter, special ones around them."""

    def tokens_of(self, texts: Sequence[str]) -> Tokens:
        """Tokens of whole sequences, without columns."""
        none = np.zeros((len(texts), 0))
        return self._tokens(Texts(tuple(texts), none.astype(np.int32), none.astype(bool)))

    def tokens(self, pool: Pool, rows: np.ndarray) -> Tokens:
        """Tokens of rows of a pool."""
        if pool.sites is None:
            raise PoolError(f"{self.name} reads sequences, and this is a pool of {pool.kind}. Nothing was encoded.")
        return self._tokens(texts_of(pool, rows))

    def parent_tokens(self, pool: Pool) -> Tokens | None:
        """Tokens of the pool's parent."""
        parent = parent_text(pool)
        return None if parent is None else self._tokens(parent)

    def _tokens(self, texts: Texts) -> Tokens:
        alphabet = letter_ids(self.source)
        lengths = np.fromiter(map(len, texts.texts), np.int32, len(texts.texts))
        first, last = len(alphabet.before), len(alphabet.after)
        width = int(lengths.max(initial=0)) + first + last
        ids = np.full((len(lengths), width), alphabet.pad, np.int32)
        ids[:, :first] = alphabet.before
        for row, text in enumerate(texts.texts):
            letters = np.frombuffer(text.encode("latin-1", "replace"), np.uint8)
            end = first + len(letters)
            ids[row, first:end] = alphabet.ids[letters]
            ids[row, end : end + last] = alphabet.after
        columns = np.where(texts.columns < 0, -1, texts.columns + first).astype(np.int32)
        return Tokens(ids, lengths + first + last, first, last, alphabet.pad, columns, texts.changed)


@lru_cache(maxsize=16)
def letter_ids(source: str):
    """How a checkpoint's tokenizer writes letters."""
    from activeloop.backbones.checkpoints import load_alphabet

    return load_alphabet(source)
