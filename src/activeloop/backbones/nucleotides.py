"""Nucleotide Transformer, first version (Dalla-Torre et al. 2025, Nature Methods 22:287): for non-commercial use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from activeloop.backbones.alphabets import longest_of
from activeloop.backbones.checkpoints import folder_of, settings_of
from activeloop.backbones.foundation import Foundation
from activeloop.backbones.letters import check_length
from activeloop.backbones.texts import Aligned, aligned_parent, aligned_rows, aligned_texts
from activeloop.backbones.tokens import Tokens
from activeloop.backbones.vocabularies import read_vocabulary
from activeloop.candidates import Pool
from activeloop.errors import PoolError

if TYPE_CHECKING:
    from activeloop.backbones.pooling import Pooling
    from activeloop.backbones.trunk import Trunk

#: nucleotides of one token where six of them are known and in a row
WORD = 6
NUCLEOTIDES = "ACGTN"


@final
@dataclass(frozen=True)
class NucleotideTransformer(Foundation):
    """Nucleotide Transformer for guides and DNA, from the hub or a folder.

    Six letters are one token, counted from the first; what is left over, and what is beside an N, is one token each.
    A varying column stands in the token that holds it.

    Args:
        source: hub id or folder.
        pooling: see `activeloop.backbones.pooling`.
        revision: branch, tag or commit on the hub.
        depth: as `Foundation`.
    """

    family: ClassVar[str] = "nucleotides"
    source: str = "InstaDeepAI/nucleotide-transformer-500m-human-ref"
    pooling: Pooling = "auto"
    revision: str | None = None
    depth: float | None = None

    def load(self) -> Trunk:
        """The model with its weights."""
        from activeloop.backbones.checkpoints import load_model

        model, headed = load_model("EsmForMaskedLM", self.source, self.revision)
        from activeloop.backbones.esm_trunk import EsmTrunk

        return EsmTrunk(model, headed)

    def tokens_of(self, texts: Sequence[str]) -> Tokens:
        """Tokens of whole sequences, without columns."""
        return self._tokens(aligned_texts(texts))

    def tokens(self, pool: Pool, rows: np.ndarray) -> Tokens:
        """Tokens of rows of a pool of guides or of DNA."""
        aligned = aligned_rows(pool, rows)
        if aligned is None:
            raise PoolError(f"{self.name} reads DNA, not a pool of {pool.kind}. Nothing was encoded.")
        return self._tokens(aligned)

    def parent_tokens(self, pool: Pool) -> Tokens | None:
        """Tokens of the pool's parent."""
        parent = aligned_parent(pool)
        return None if parent is None else self._tokens(parent)

    def _tokens(self, aligned: Aligned) -> Tokens:
        folder = folder_of(self.source, self.revision)
        vocabulary = _vocabulary(folder)
        texts = aligned.strings()
        if strange := sorted(set().union(*texts) - set(NUCLEOTIDES)):
            raise PoolError(f"{self.name} reads {NUCLEOTIDES}, not {', '.join(strange)}. Nothing was encoded.")
        words = [words_of(text) for text in texts]
        lengths = np.fromiter(map(len, words), np.int64, len(words))
        ids = np.zeros((len(words), int(lengths.max(initial=0))), np.int32)
        ids[np.arange(ids.shape[1]) < lengths[:, None]] = [vocabulary[word] for row in words for word in row]
        special = ((vocabulary["<cls>"],), (), vocabulary["<pad>"])
        tokens = Tokens.around(ids, lengths, special, _columns(aligned.places(), words), aligned.changed)
        check_length(self.name, tokens, longest_of(settings_of(folder)))
        return tokens


def words_of(text: str) -> list[str]:
    """DNA cut into words of six known letters, and single letters where six are not to be had.

    >>> words_of("ACGTACGNACGTACC")
    ['ACGTAC', 'G', 'N', 'ACGTAC', 'C']
    """
    words, at = [], 0
    while at < len(text):
        word = text[at : at + WORD]
        if len(word) < WORD or "N" in word:
            word = text[at]
        words.append(word)
        at += len(word)
    return words


def _columns(places: np.ndarray, words: list[list[str]]) -> np.ndarray:
    """[N, S] which word holds each letter (-1: a gap)."""
    columns = np.full(places.shape, -1, np.int32)
    if not places.shape[1]:
        return columns
    for row, cut in enumerate(words):
        holder = np.repeat(np.arange(len(cut)), [len(word) for word in cut])
        here = places[row] >= 0
        columns[row, here] = holder[places[row, here]]
    return columns


@lru_cache(maxsize=8)
def _vocabulary(folder: Path) -> dict[str, int]:
    return read_vocabulary(folder)
