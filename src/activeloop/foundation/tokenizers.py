"""From sequences, SMILES and cells to token ids: one class for each way in which families cut their input."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, final

import numpy as np

from activeloop.candidates import AMINO_ACIDS, Pool
from activeloop.errors import FetchError, PoolError
from activeloop.foundation.aligned import GAP_CODE, Aligned, aligned_parent, aligned_rows, aligned_texts
from activeloop.foundation.checkpoints import load_tokenizer, settings_of
from activeloop.foundation.tokens import Tokens
from activeloop.foundation.vocabulary import Alphabet, SpecialTokens, max_tokens, read_alphabet, read_vocabulary

#: the first domain of streptococcal protein G, 56 residues
GB1 = "MTYKLILNGKTLKGETTTEAVDAATAEKVFKQYANDNGVDGEWTYDDATKTFTVTE"


@dataclass(frozen=True)
class Checkpoint:
    """What a tokenizer needs of a model.

    Args:
        name: of the model, for errors.
        folder: with its vocabulary.
        structure: 3Di states of the pool's parent, one a residue; "" when they are not known.
    """

    name: str
    folder: Path
    structure: str = ""


class Tokenizer(ABC):
    """How the models of a family read candidates. Every method raises `PoolError` for what the model cannot read."""

    #: what is read, for errors
    reads: ClassVar[str]

    @abstractmethod
    def texts(self, checkpoint: Checkpoint, texts: Sequence[str]) -> Tokens:
        """Tokens of whole texts, without columns."""

    @abstractmethod
    def rows(self, checkpoint: Checkpoint, pool: Pool, rows: np.ndarray) -> Tokens:
        """Tokens of rows of a pool, with the positions of its varying columns."""

    def parent(self, checkpoint: Checkpoint, pool: Pool) -> Tokens | None:
        """Tokens of the pool's parent; None when it has none."""
        return None

    @abstractmethod
    def example(self, checkpoint: Checkpoint, length: int, seed: int) -> str:
        """A text of about `length` tokens, another for each seed."""

    def refusal(self, checkpoint: Checkpoint, pool: Pool) -> PoolError:
        """The error for a pool of another kind."""
        made = f" over the alphabet {pool.sites.alphabet}" if pool.sites is not None else ""
        return PoolError(
            f"{checkpoint.name} reads {self.reads}, not a pool of {pool.kind}{made}. Name a model that reads them "
            "(--model, in a campaign the option `model` of its learner); nothing was encoded."
        )


class SequenceTokenizer(Tokenizer):
    """Of models that read the sequences of a pool, aligned with its parent."""

    def texts(self, checkpoint: Checkpoint, texts: Sequence[str]) -> Tokens:
        """Tokens of whole sequences, without columns and of unknown structure."""
        return self.aligned(checkpoint, aligned_texts(texts), None)

    def rows(self, checkpoint: Checkpoint, pool: Pool, rows: np.ndarray) -> Tokens:
        """Tokens of rows of a pool; mutations leave the structure state of their position as it is."""
        aligned = aligned_rows(pool, rows) if self.readable(pool) else None
        if aligned is None:
            raise self.refusal(checkpoint, pool)
        return self.aligned(checkpoint, aligned, pool)

    def parent(self, checkpoint: Checkpoint, pool: Pool) -> Tokens | None:
        """Tokens of the pool's parent, its varying columns in place."""
        parent = aligned_parent(pool)
        return None if parent is None else self.aligned(checkpoint, parent, pool)

    @abstractmethod
    def readable(self, pool: Pool) -> bool:
        """Whether a pool is of the right kind."""

    @abstractmethod
    def aligned(self, checkpoint: Checkpoint, aligned: Aligned, pool: Pool | None) -> Tokens:
        """Tokens of sequences of a pool (None: of none)."""


@final
@dataclass(frozen=True)
class ResidueTokenizer(SequenceTokenizer):
    """One token for each residue of a protein.

    Args:
        special: names of the special tokens.
        read_as_x: residues that are read as X.
        states: structure states that belong to the tokens; "" for models of sequences alone.
    """

    reads: ClassVar[str] = "proteins"
    special: SpecialTokens
    read_as_x: str = ""
    states: str = ""

    def alphabet(self, folder: Path) -> Alphabet:
        """Token ids of the residues.

        Raises:
            FetchError: the checkpoint is of another family.
        """
        return read_alphabet(folder, self.special, self.read_as_x, self.states)

    def readable(self, pool: Pool) -> bool:
        """Whether it is made of proteins."""
        return pool.kind == "variants" and pool.sites is not None and set(AMINO_ACIDS) <= set(pool.sites.alphabet)

    def aligned(self, checkpoint: Checkpoint, aligned: Aligned, pool: Pool | None) -> Tokens:
        """Tokens of sequences of a pool."""
        alphabet = self.alphabet(checkpoint.folder)
        ids = alphabet.states[self._states(checkpoint, aligned, pool), aligned.residues]
        unknown = (ids == alphabet.unknown) & (aligned.residues != GAP_CODE)
        if unknown.any():
            residues = sorted({chr(code) for code in aligned.residues[unknown]})
            raise PoolError(
                f"{checkpoint.name} cannot read {', '.join(residues)}. Replace them by X; nothing was encoded."
            )
        inner, lengths = aligned.packed(ids)
        special = (alphabet.before, alphabet.after, alphabet.pad)
        tokens = Tokens.around(inner, lengths, special, aligned.column_positions(), aligned.changed)
        return checked_length(checkpoint, tokens)

    def _states(self, checkpoint: Checkpoint, aligned: Aligned, pool: Pool | None) -> np.ndarray:
        """[A] the structure state of each position; the last one where it is not known."""
        structure = checkpoint.structure
        if pool is None or not structure:
            return np.full(len(aligned.parent_index), -1)
        parent = pool.sites.parent_sequence if pool.sites is not None else ""
        if len(structure) != len(parent) or not set(structure) <= set(self.states):
            raise PoolError(
                f"{checkpoint.name}: the structure must have one of the states {self.states} for each of the "
                f"{len(parent)} residues of the parent, and has {len(structure)}. Correct it; nothing was encoded."
            )
        known = np.array([self.states.index(state) for state in structure])
        return np.where(aligned.parent_index < 0, -1, known[aligned.parent_index])

    def example(self, checkpoint: Checkpoint, length: int, seed: int) -> str:
        """Protein G, repeated or cut; one residue of it mutated for other seeds than 0."""
        protein = (GB1 * -(-length // len(GB1)))[:length]
        if not seed:
            return protein
        rng = np.random.default_rng(seed)
        at = int(rng.integers(len(protein)))
        return protein[:at] + str(rng.choice([a for a in AMINO_ACIDS if a != protein[at]])) + protein[at + 1 :]


@final
@dataclass(frozen=True)
class KmerTokenizer(SequenceTokenizer):
    """One token for each six known nucleotides in a row, counted from the first; the others are one token each.

    A varying column stands in the token that holds it.
    """

    reads: ClassVar[str] = "DNA"

    def readable(self, pool: Pool) -> bool:
        """Whether it has sequences; their nucleotides are checked one by one."""
        return pool.sites is not None

    def aligned(self, checkpoint: Checkpoint, aligned: Aligned, pool: Pool | None) -> Tokens:
        """Tokens of sequences of a pool."""
        vocabulary, texts = read_vocabulary(checkpoint.folder), aligned.strings()
        if unknown := sorted(set().union(*texts) - set(NUCLEOTIDES)):
            raise PoolError(f"{checkpoint.name} reads {NUCLEOTIDES}, not {', '.join(unknown)}. Nothing was encoded.")
        kmers = [kmers_of(text) for text in texts]
        inner, lengths = padded([[vocabulary[kmer] for kmer in row] for row in kmers])
        columns = kmer_columns(aligned.column_positions(), kmers)
        special = ((vocabulary["<cls>"],), (), vocabulary["<pad>"])
        return checked_length(checkpoint, Tokens.around(inner, lengths, special, columns, aligned.changed))

    def example(self, checkpoint: Checkpoint, length: int, seed: int) -> str:
        """Random DNA."""
        return "".join(np.random.default_rng(seed).choice(list("ACGT"), 6 * length))


#: nucleotides of one token where all of them are known
KMER = 6
NUCLEOTIDES = "ACGTN"


def kmers_of(text: str) -> list[str]:
    """DNA cut into six known nucleotides at a time, and single ones where there are fewer.

    >>> kmers_of("ACGTACGNACGTACC")
    ['ACGTAC', 'G', 'N', 'ACGTAC', 'C']
    """
    kmers, at = [], 0
    while at < len(text):
        kmer = text[at : at + KMER]
        if len(kmer) < KMER or "N" in kmer:
            kmer = text[at]
        kmers.append(kmer)
        at += len(kmer)
    return kmers


def kmer_columns(positions: np.ndarray, kmers: list[list[str]]) -> np.ndarray:
    """[N, S] which k-mer holds the nucleotide at each position [N, S] (-1: a gap)."""
    columns = np.full(positions.shape, -1, np.int32)
    if not positions.shape[1]:
        return columns
    for row, cut in enumerate(kmers):
        holder = np.repeat(np.arange(len(cut)), [len(kmer) for kmer in cut])
        present = positions[row] >= 0
        columns[row, present] = holder[positions[row, present]]
    return columns


@final
@dataclass(frozen=True)
class SmilesTokenizer(Tokenizer):
    """SMILES, cut by the tokenizer that comes with the checkpoint; atom by atom where it has a plain vocabulary alone.

    A general tokenizer made of such a vocabulary would split `Cl` or make it lower case, which is another atom. A piece
    that the model does not know is refused: read as unknown, two compounds would look the same.
    """

    reads: ClassVar[str] = "compounds"

    def texts(self, checkpoint: Checkpoint, texts: Sequence[str]) -> Tokens:
        """Tokens of SMILES.

        Raises:
            PoolError: a piece is not in the vocabulary, or a SMILES is too long.
        """
        rows, special, unknown = _smiles_ids(checkpoint, texts)
        if wrong := [text for text, row in zip(texts, rows, strict=True) if unknown in row]:
            raise PoolError(
                f"{checkpoint.name} does not know every piece of {wrong[0]} ({len(wrong):,} such compounds). Leave "
                "them out, or choose another model; nothing was encoded."
            )
        inner, lengths = padded(rows)
        return checked_length(checkpoint, Tokens.around(inner, lengths, special, *np.zeros((2, len(rows), 0))))

    def rows(self, checkpoint: Checkpoint, pool: Pool, rows: np.ndarray) -> Tokens:
        """Tokens of rows of a pool of compounds."""
        if pool.kind != "compounds":
            raise self.refusal(checkpoint, pool)
        return self.texts(checkpoint, [pool.design(int(row)).name for row in rows])

    def example(self, checkpoint: Checkpoint, length: int, seed: int) -> str:
        """A random chain of C, N and O."""
        return "".join(np.random.default_rng(seed).choice(list("CNO"), length))


#: atoms in brackets, atoms of two letters, rings above 9, and single signs: one token each (Schwaller et al. 2019,
#: doi:10.1021/acscentsci.9b00576)
_PIECES = re.compile(r"\[[^\]]+\]|Br|Cl|%[0-9]{2}|.")
#: files of a tokenizer that knows itself how to cut
_OWN = ("tokenizer.json", "merges.txt", "spiece.model")
#: names of the special tokens: before and behind a compound, padding, unknown
_SPECIAL = (("[CLS]", "[SEP]", "[PAD]", "[UNK]"), ("<s>", "</s>", "<pad>", "<unk>"))
Around = tuple[tuple[int, ...], tuple[int, ...], int]


def smiles_pieces(smiles: str) -> list[str]:
    """A SMILES cut atom by atom.

    >>> smiles_pieces("Cc1c[nH]c(Cl)c1Br")
    ['C', 'c', '1', 'c', '[nH]', 'c', '(', 'Cl', ')', 'c', '1', 'Br']
    """
    return _PIECES.findall(smiles)


def _smiles_ids(checkpoint: Checkpoint, texts: Sequence[str]) -> tuple[list[list[int]], Around, int]:
    """Ids of each SMILES without special tokens; these; the id of what is not known (-1: the model has none)."""
    if any((checkpoint.folder / name).is_file() for name in _OWN):
        tokenizer = _tokenizer(checkpoint.folder)
        rows = [row[1:-1] for row in tokenizer(list(texts))["input_ids"]] if len(texts) else []
        unknown = -1 if tokenizer.unk_token_id is None else tokenizer.unk_token_id
        return rows, ((tokenizer.cls_token_id,), (tokenizer.sep_token_id,), tokenizer.pad_token_id), unknown
    vocabulary = read_vocabulary(checkpoint.folder)
    names = next((names for names in _SPECIAL if names[0] in vocabulary), None)
    if names is None or not vocabulary.keys() >= set(names):
        raise FetchError(f"{checkpoint.folder} has no vocabulary of SMILES: it lacks [CLS] or <s>. Nothing was loaded.")
    before, behind, pad, unknown = (vocabulary[name] for name in names)
    rows = [[vocabulary.get(piece, unknown) for piece in smiles_pieces(text)] for text in texts]
    return rows, ((before,), (behind,), pad), unknown


@lru_cache(maxsize=4)
def _tokenizer(folder: Path) -> Any:
    return load_tokenizer(folder)


@final
@dataclass(frozen=True)
class GeneTokenizer(Tokenizer):
    """Cells as names of genes with spaces between, the most strongly expressed first; no pool is made of cells.

    The published checkpoints keep the ids of genes in a pickle, which can run code and is not read: put them beside
    the weights as `vocab.json` (`{"ENSG...": 5, ..., "<pad>": 0}`).
    """

    reads: ClassVar[str] = "cells"

    def texts(self, checkpoint: Checkpoint, texts: Sequence[str]) -> Tokens:
        """Tokens of cells."""
        vocabulary, cells = read_vocabulary(checkpoint.folder), [text.split() for text in texts]
        if unknown := sorted(set().union(*cells) - set(vocabulary)):
            raise PoolError(f"{checkpoint.name} knows no gene {unknown[0]}. Leave such genes out; nothing was encoded.")
        inner, lengths = padded([[vocabulary[gene] for gene in cell] for cell in cells])
        # the first version of Geneformer puts nothing around a cell, the second does
        before, after = (tuple(vocabulary[t] for t in (name,) if t in vocabulary) for name in ("<cls>", "<eos>"))
        special = (before, after, vocabulary["<pad>"])
        return checked_length(checkpoint, Tokens.around(inner, lengths, special, *np.zeros((2, len(cells), 0))))

    def rows(self, checkpoint: Checkpoint, pool: Pool, rows: np.ndarray) -> Tokens:
        """Refused: no pool is made of cells."""
        raise self.refusal(checkpoint, pool)

    def example(self, checkpoint: Checkpoint, length: int, seed: int) -> str:
        """A cell of random genes."""
        genes = [token for token in read_vocabulary(checkpoint.folder) if not token.startswith("<")]
        return " ".join(np.random.default_rng(seed).choice(genes, min(length, len(genes)), replace=False))


def padded(rows: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Token ids of texts as int32 [N, W], zeros behind them, and their lengths [N].

    >>> padded([[5, 6], [7]])[0].tolist()
    [[5, 6], [7, 0]]
    """
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    ids = np.zeros((len(rows), int(lengths.max(initial=0))), np.int32)
    ids[np.arange(ids.shape[1]) < lengths[:, None]] = [token for row in rows for token in row]
    return ids, lengths


def checked_length(checkpoint: Checkpoint, tokens: Tokens) -> Tokens:
    """The same tokens, if the model has positions for all of them.

    Raises:
        PoolError: a sequence is too long.
    """
    most, limit = int(tokens.lengths.max(initial=0)), _max_tokens(checkpoint.folder)
    if limit and most > limit:
        around = tokens.first + tokens.last
        raise PoolError(
            f"{checkpoint.name} reads at most {limit - around} tokens, and the longest candidate has {most - around}. "
            "Cut the sequences to the part that varies, or choose another model; nothing was encoded."
        )
    return tokens


@lru_cache(maxsize=16)
def _max_tokens(folder: Path) -> int:
    return max_tokens(settings_of(folder))
