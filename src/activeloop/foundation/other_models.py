"""Models of compounds, cells and DNA: ChemBERTa, Geneformer, Nucleotide Transformer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from activeloop.candidates import Pool
from activeloop.errors import PoolError
from activeloop.foundation.aligned import Aligned, aligned_parent, aligned_rows, aligned_texts
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.checkpoints import folder_of, load_tokenizer, settings_of
from activeloop.foundation.protein_models import check_length
from activeloop.foundation.tokens import Tokens, longest_of, read_vocabulary

if TYPE_CHECKING:
    from activeloop.foundation.encoder import TransformerEncoder
    from activeloop.foundation.pooling import Pooling


@final
@dataclass(frozen=True)
class ChemBERTa(FoundationModel):
    """ChemBERTa, from the hub or a folder; SMILES are cut by the tokenizer that comes with the checkpoint.

    Args:
        source: hub id or folder.
        pooling: see `activeloop.foundation.pooling`; for compounds `mean` or `attention`.
        revision: branch, tag or commit on the hub.
        depth: as `FoundationModel`.
    """

    family: ClassVar[str] = "chemberta"
    source: str = "DeepChem/ChemBERTa-77M-MLM"
    pooling: Pooling = "auto"
    revision: str | None = None
    depth: float | None = None

    def load(self) -> TransformerEncoder:
        """The model with its weights."""
        from activeloop.foundation.checkpoints import load_model

        model, headed = load_model("RobertaForMaskedLM", self.source, self.revision)
        from activeloop.foundation.architectures import BertEncoder

        return BertEncoder(model, headed)

    def tokens_of(self, texts: Sequence[str]) -> Tokens:
        """Tokens of SMILES."""
        folder = folder_of(self.source, self.revision)
        tokenizer = _tokenizer(folder)
        rows = tokenizer(list(texts))["input_ids"] if len(texts) else []
        lengths = np.fromiter(map(len, rows), np.int64, len(rows)) - 2
        inner = np.zeros((len(rows), int(lengths.max(initial=0))), np.int32)
        inner[np.arange(inner.shape[1]) < lengths[:, None]] = [token for row in rows for token in row[1:-1]]
        special = ((tokenizer.cls_token_id,), (tokenizer.sep_token_id,), tokenizer.pad_token_id)
        none = np.zeros((len(rows), 0))
        tokens = Tokens.around(inner, lengths, special, none, none)
        check_length(self.name, tokens, longest_of(settings_of(folder)))
        return tokens

    def tokens(self, pool: Pool, rows: np.ndarray) -> Tokens:
        """Tokens of rows of a pool of compounds."""
        if pool.kind != "compounds":
            raise PoolError(f"{self.name} reads compounds, not a pool of {pool.kind}. Nothing was encoded.")
        return self.tokens_of([pool.design(int(row)).name for row in rows])

    def parent_tokens(self, pool: Pool) -> Tokens | None:
        """Compounds have no parent."""
        return None


@lru_cache(maxsize=4)
def _tokenizer(folder: Path) -> Any:
    return load_tokenizer(folder)


@final
@dataclass(frozen=True)
class Geneformer(FoundationModel):
    """A model of Geneformer's shape. It reads ranked genes; no pool is made of cells, so only `tokens_of` reads any.

    The published checkpoints keep the ids of genes in a pickle, which can run code and is not read: put them beside
    the weights as `vocab.json` (`{"ENSG...": 5, ..., "<pad>": 0}`).

    Args:
        source: folder of a checkpoint with its `vocab.json`, or hub id.
        pooling: see `activeloop.foundation.pooling`; for cells `mean` or `attention`.
        revision: branch, tag or commit on the hub.
        depth: as `FoundationModel`.
    """

    family: ClassVar[str] = "geneformer"
    source: str = "ctheodoris/Geneformer"
    pooling: Pooling = "auto"
    revision: str | None = None
    depth: float | None = None

    def load(self) -> TransformerEncoder:
        """The model with its weights."""
        from activeloop.foundation.checkpoints import load_model

        model, headed = load_model("BertForMaskedLM", self.source, self.revision)
        from activeloop.foundation.architectures import BertEncoder

        return BertEncoder(model, headed)

    def tokens_of(self, texts: Sequence[str]) -> Tokens:
        """Tokens of cells, each the names of its genes with spaces between, the most strongly expressed first."""
        folder = folder_of(self.source, self.revision)
        vocabulary = _gene_vocabulary(folder)
        cells = [text.split() for text in texts]
        if strange := sorted(set().union(*cells) - set(vocabulary)):
            raise PoolError(f"{self.name} knows no gene {strange[0]}. Leave such genes out; nothing was encoded.")
        lengths = np.fromiter(map(len, cells), np.int64, len(cells))
        inner = np.zeros((len(cells), int(lengths.max(initial=0))), np.int32)
        inner[np.arange(inner.shape[1]) < lengths[:, None]] = [vocabulary[gene] for cell in cells for gene in cell]
        # the first version of the model puts nothing around a cell, the second does
        before, after = (tuple(vocabulary[t] for t in (name,) if t in vocabulary) for name in ("<cls>", "<eos>"))
        none = np.zeros((len(cells), 0))
        tokens = Tokens.around(inner, lengths, (before, after, vocabulary["<pad>"]), none, none)
        check_length(self.name, tokens, longest_of(settings_of(folder)))
        return tokens

    def tokens(self, pool: Pool, rows: np.ndarray) -> Tokens:
        """Refused: no pool is made of cells.

        Raises:
            PoolError: always.
        """
        raise PoolError(f"{self.name} reads cells, not a pool of {pool.kind}. Nothing was encoded.")

    def parent_tokens(self, pool: Pool) -> Tokens | None:
        """Cells have no parent."""
        return None


@lru_cache(maxsize=4)
def _gene_vocabulary(folder: Path) -> dict[str, int]:
    return read_vocabulary(folder)


#: nucleotides of one token where six of them are known and in a row
WORD = 6
NUCLEOTIDES = "ACGTN"


@final
@dataclass(frozen=True)
class NucleotideTransformer(FoundationModel):
    """Nucleotide Transformer for guides and DNA, from the hub or a folder.

    Six letters are one token, counted from the first; what is left over, and what is beside an N, is one token each.
    A varying column stands in the token that holds it.

    Args:
        source: hub id or folder.
        pooling: see `activeloop.foundation.pooling`.
        revision: branch, tag or commit on the hub.
        depth: as `FoundationModel`.
    """

    family: ClassVar[str] = "nucleotides"
    source: str = "InstaDeepAI/nucleotide-transformer-500m-human-ref"
    pooling: Pooling = "auto"
    revision: str | None = None
    depth: float | None = None

    def load(self) -> TransformerEncoder:
        """The model with its weights."""
        from activeloop.foundation.checkpoints import load_model

        model, headed = load_model("EsmForMaskedLM", self.source, self.revision)
        from activeloop.foundation.architectures import EsmEncoder

        return EsmEncoder(model, headed)

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
        vocabulary = _word_vocabulary(folder)
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
def _word_vocabulary(folder: Path) -> dict[str, int]:
    return read_vocabulary(folder)
