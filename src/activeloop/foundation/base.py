"""The role of a pretrained model: candidates to tokens, tokens to hidden states, hidden states to features."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from activeloop.candidates import Pool
from activeloop.encoders.base import Encoder
from activeloop.errors import MissingExtraError, ModelError
from activeloop.foundation.checkpoints import BUNDLED
from activeloop.foundation.tokens import Tokens

if TYPE_CHECKING:
    from activeloop.foundation.encoder import TransformerEncoder


#: how hidden states become one vector a candidate, see `activeloop.foundation.pooling.Pooler`
Pooling = Literal["auto", "mean", "mutated", "difference", "sites", "attention"]
#: another number when the same weights and tokens give other features
READING = 2
#: features of these models are read after so large a share of their layers when nothing is said, of others after all
DEPTHS = {BUNDLED: 2 / 3}


class FoundationModel(Encoder):
    """A family of pretrained models; importing it costs no torch, `load` does.

    Attributes:
        family: what its models are called in names.
        source: a hub id or the folder of a checkpoint.
        revision: branch, tag or commit on the hub; the main branch when None. A commit pins the weights.
        pooling: how hidden states become one vector a candidate, see `activeloop.foundation.pooling`.
        depth: features are hidden states after this share of the layers, above 0 and at most 1, and what is above is
            not run; None: after all of them, and of the model that ships after two thirds. The last layers of a model
            that was trained to guess residues serve the guess; what it thinks of a residue is always asked of all.
    """

    family: ClassVar[str]
    source: str
    revision: str | None
    pooling: Pooling
    depth: float | None

    def __post_init__(self) -> None:
        if self.depth is not None and not 0 < self.depth <= 1:
            raise ModelError(
                f"{self.name} cannot be read after a share of {self.depth:g} of its layers. Give a depth above 0 "
                "and at most 1; nothing was encoded."
            )

    @property
    def share(self) -> float:
        """Of the layers after which features are read."""
        return DEPTHS.get(self.source, 1.0) if self.depth is None else self.depth

    @property
    def name(self) -> str:
        """The family and the last part of the source."""
        return f"{self.family}-{self.source.rstrip('/').rpartition('/')[2]}"

    def features(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """Float32 [n, P]: hidden states of the model as pretrained, pooled.

        Raises:
            PoolError: a pool that the model, or its pooling, cannot read.
            MissingExtraError: torch or transformers is not installed.
        """
        try:
            from activeloop.foundation.encoding import encode
        except ImportError as error:
            raise MissingExtraError("a foundation model", "models") from error
        return encode(self, pool, np.asarray(rows, np.int64))

    @abstractmethod
    def load(self) -> TransformerEncoder:
        """The model with its weights, in eval mode, nothing trainable; a new copy at each call.

        Raises:
            MissingExtraError: torch or transformers is not installed.
            FetchError: neither a folder nor to be had from the hub; says what was tried.
        """

    @abstractmethod
    def tokens_of(self, texts: Sequence[str]) -> Tokens:
        """Tokens of whole sequences (for compounds SMILES), without columns.

        Raises:
            PoolError: a text that the model cannot read (letters, length).
        """

    @abstractmethod
    def tokens(self, pool: Pool, rows: np.ndarray) -> Tokens:
        """Tokens of rows of a pool, with the places of its varying columns.

        Raises:
            PoolError: a kind of pool that the model cannot read.
        """

    @abstractmethod
    def parent_tokens(self, pool: Pool) -> Tokens | None:
        """Tokens of the pool's parent, its varying columns in place; None when it has none."""
