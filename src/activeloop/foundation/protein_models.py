"""Protein language models that read one token a residue: ESM-2, ESM-C, ProtBert, ProtT5, Ankh, SaProt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from activeloop.candidates import Pool
from activeloop.candidates.designs import AMINO_ACIDS
from activeloop.errors import PoolError
from activeloop.foundation.aligned import NOTHING, Aligned, aligned_parent, aligned_rows, aligned_texts
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.checkpoints import BUNDLED, folder_of
from activeloop.foundation.tokens import BERT, ESM, T5, Alphabet, Special, Tokens, read_alphabet

if TYPE_CHECKING:
    from activeloop.foundation.encoder import TransformerEncoder
    from activeloop.foundation.pooling import Pooling


class LetterModel(FoundationModel):
    """A protein model with one token for each residue, special ones around them.

    Attributes:
        special: how the family calls its special tokens.
        rare: letters that it reads as X.
        states: structure letters that belong to its tokens; "" for models of sequences alone.
        structure: structure letters of the pool's parent, one a residue; "" when they are not known.
    """

    special: ClassVar[Special]
    rare: ClassVar[str] = ""
    states: ClassVar[str] = ""
    structure: str = ""

    @property
    def alphabet(self) -> Alphabet:
        """How the checkpoint writes letters.

        Raises:
            FetchError: it is not to be had, or is of another family.
        """
        return read_alphabet(folder_of(self.source, self.revision), self.special, self.rare, self.states)

    def tokens_of(self, texts: Sequence[str]) -> Tokens:
        """Tokens of whole sequences, without columns and of unknown structure."""
        aligned = aligned_texts(texts)
        return self._tokens(aligned, np.full(aligned.letters.shape[1], -1))

    def tokens(self, pool: Pool, rows: np.ndarray) -> Tokens:
        """Tokens of rows of a pool; mutations leave the structure letter of their place as it is."""
        aligned = aligned_rows(pool, rows)
        readable = pool.sites is not None and set(AMINO_ACIDS) <= set(pool.sites.alphabet)
        if aligned is None or not readable or pool.kind != "variants":
            made = f" of the letters {pool.sites.alphabet}" if pool.sites is not None else ""
            raise PoolError(f"{self.name} reads proteins, not a pool of {pool.kind}{made}. Nothing was encoded.")
        return self._tokens(aligned, self._states(aligned, pool))

    def parent_tokens(self, pool: Pool) -> Tokens | None:
        """Tokens of the pool's parent."""
        parent = aligned_parent(pool)
        return None if parent is None else self._tokens(parent, self._states(parent, pool))

    def _states(self, aligned: Aligned, pool: Pool) -> np.ndarray:
        """[A] which structure letter belongs to each place; the last one where it is not known."""
        if not self.structure:
            return np.full(len(aligned.residue), -1)
        parent = pool.sites.parent_sequence if pool.sites is not None else ""
        if len(self.structure) != len(parent) or not set(self.structure) <= set(self.states):
            raise PoolError(
                f"{self.name}: the structure must have one of the letters {self.states} for each of the {len(parent)} "
                f"residues of the parent, and has {len(self.structure)} letters. Correct it; nothing was encoded."
            )
        known = np.array([self.states.index(letter) for letter in self.structure])
        return np.where(aligned.residue < 0, -1, known[aligned.residue])

    def _tokens(self, aligned: Aligned, states: np.ndarray) -> Tokens:
        alphabet = self.alphabet
        ids = alphabet.states[states, aligned.letters]
        strange = (ids == alphabet.unknown) & (aligned.letters != NOTHING)
        if strange.any():
            letters = sorted({chr(code) for code in aligned.letters[strange]})
            raise PoolError(f"{self.name} cannot read {', '.join(letters)}. Replace them by X; nothing was encoded.")
        inner, lengths = aligned.packed(ids)
        special = (alphabet.before, alphabet.after, alphabet.pad)
        tokens = Tokens.around(inner, lengths, special, aligned.places(), aligned.changed)
        check_length(self.name, tokens, alphabet.longest)
        return tokens


def check_length(name: str, tokens: Tokens, longest: int) -> None:
    """Refuse sequences for which a model has no places.

    Raises:
        PoolError: one is longer than `longest` tokens (0: no limit).
    """
    most = int(tokens.lengths.max(initial=0))
    if longest and most > longest:
        room = longest - tokens.first - tokens.last
        raise PoolError(
            f"{name} reads at most {room} tokens, and the longest candidate has {most - tokens.first - tokens.last}. "
            "Cut the sequences to the part that varies, or choose another model; nothing was encoded."
        )


@final
@dataclass(frozen=True)
class ESM2(LetterModel):
    """ESM-2 of any size, from the hub or a folder; without a source the small model that ships with this package.

    Args:
        source: such as `facebook/esm2_t12_35M_UR50D`, or a folder.
        pooling: see `activeloop.foundation.pooling`.
        revision: branch, tag or commit on the hub.
        depth: as `FoundationModel`.
    """

    family: ClassVar[str] = "esm2"
    special: ClassVar = ESM
    source: str = BUNDLED
    pooling: Pooling = "auto"
    revision: str | None = None
    depth: float | None = None

    def load(self) -> TransformerEncoder:
        """The model with its weights."""
        from activeloop.foundation.checkpoints import load_model

        model, headed = load_model("EsmForMaskedLM", self.source, self.revision)
        from activeloop.foundation.architectures import EsmEncoder

        return EsmEncoder(model, headed)


@final
@dataclass(frozen=True)
class ESMC(LetterModel):
    """ESM-C, from the hub or a folder.

    Args:
        source: hub id or folder.
        pooling: see `activeloop.foundation.pooling`.
        revision: branch, tag or commit on the hub.
        depth: as `FoundationModel`.
    """

    family: ClassVar[str] = "esmc"
    special: ClassVar = ESM
    source: str = "biohub/ESMC-300M"
    pooling: Pooling = "auto"
    revision: str | None = None
    depth: float | None = None

    def load(self) -> TransformerEncoder:
        """The model with its weights."""
        from activeloop.foundation.checkpoints import load_model

        model, headed = load_model("EsmcForMaskedLM", self.source, self.revision)
        from activeloop.foundation.architectures import EsmcEncoder

        return EsmcEncoder(model, headed)


@final
@dataclass(frozen=True)
class ProtBert(LetterModel):
    """ProtBert, from the hub or a folder.

    Args:
        source: hub id or folder.
        pooling: see `activeloop.foundation.pooling`.
        revision: branch, tag or commit on the hub.
        depth: as `FoundationModel`.
    """

    family: ClassVar[str] = "protbert"
    special: ClassVar = BERT
    rare: ClassVar[str] = "UZOB"
    source: str = "Rostlab/prot_bert"
    pooling: Pooling = "auto"
    revision: str | None = None
    depth: float | None = None

    def load(self) -> TransformerEncoder:
        """The model with its weights."""
        from activeloop.foundation.checkpoints import load_model

        model, headed = load_model("BertForMaskedLM", self.source, self.revision)
        from activeloop.foundation.architectures import BertEncoder

        return BertEncoder(model, headed)


@final
@dataclass(frozen=True)
class ProtT5(LetterModel):
    """The encoder of ProtT5, from the hub or a folder; the decoder is never loaded.

    Args:
        source: hub id or folder.
        pooling: see `activeloop.foundation.pooling`.
        revision: branch, tag or commit on the hub.
        depth: as `FoundationModel`.
    """

    family: ClassVar[str] = "prott5"
    special: ClassVar = T5
    rare: ClassVar[str] = "UZOB"
    source: str = "Rostlab/prot_t5_xl_uniref50"
    pooling: Pooling = "auto"
    revision: str | None = None
    depth: float | None = None

    def load(self) -> TransformerEncoder:
        """The encoder with its weights."""
        from activeloop.foundation.checkpoints import load_model

        model, headed = load_model("T5EncoderModel", self.source, self.revision)
        from activeloop.foundation.architectures import T5Encoder

        return T5Encoder(model, headed)


@final
@dataclass(frozen=True)
class Ankh(LetterModel):
    """The encoder of Ankh, from the hub or a folder; the decoder is never loaded.

    Args:
        source: hub id or folder.
        pooling: see `activeloop.foundation.pooling`.
        revision: branch, tag or commit on the hub.
        depth: as `FoundationModel`.
    """

    family: ClassVar[str] = "ankh"
    special: ClassVar = T5
    source: str = "ElnaggarLab/ankh-base"
    pooling: Pooling = "auto"
    revision: str | None = None
    depth: float | None = None

    def load(self) -> TransformerEncoder:
        """The encoder with its weights."""
        from activeloop.foundation.checkpoints import load_model

        model, headed = load_model("T5EncoderModel", self.source, self.revision)
        from activeloop.foundation.architectures import T5Encoder

        return T5Encoder(model, headed)


@final
@dataclass(frozen=True)
class SaProt(LetterModel):
    """SaProt, from the hub or a folder.

    Args:
        source: hub id or folder.
        pooling: see `activeloop.foundation.pooling`.
        revision: branch, tag or commit on the hub.
        depth: as `FoundationModel`.
        structure: 3Di letters of the parent (Foldseek), one a residue; "" when its structure is not known.
    """

    family: ClassVar[str] = "saprot"
    special: ClassVar = ESM
    #: the 3Di letters of Foldseek (van Kempen et al. 2024); the last stands for a place that is not known
    states: ClassVar[str] = "pynwrqhgdlvtmfsaeikc#"
    source: str = "westlake-repl/SaProt_35M_AF2"
    pooling: Pooling = "auto"
    revision: str | None = None
    depth: float | None = None
    structure: str = ""

    def load(self) -> TransformerEncoder:
        """The model with its weights."""
        from activeloop.foundation.checkpoints import load_model

        model, headed = load_model("EsmForMaskedLM", self.source, self.revision)
        from activeloop.foundation.architectures import EsmEncoder

        return EsmEncoder(model, headed)
