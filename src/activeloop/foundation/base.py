"""Pretrained models: candidates to tokens, tokens to hidden states, hidden states to features."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, final

import numpy as np

from activeloop.candidates import Pool
from activeloop.encoders.base import Encoder
from activeloop.errors import ModelError
from activeloop.foundation.cache import recall, store
from activeloop.foundation.checkpoints import BUNDLED, fingerprint, folder_of, load_model, need_models
from activeloop.foundation.families import FAMILIES, Family, family_of
from activeloop.foundation.reading import READING_VERSION, Pooling, pooling_for
from activeloop.foundation.tokenizers import Checkpoint, ResidueTokenizer
from activeloop.foundation.tokens import Tokens
from activeloop.foundation.vocabulary import Alphabet

if TYPE_CHECKING:
    from activeloop.foundation.encoder import TransformerEncoder

#: share of the layers after which features are read by default, for models that are not read after all of them
DEPTHS = {BUNDLED: 2 / 3}
#: candidates whose features make one file of the cache; fewer than `SMALL` are not cached
BLOCK, SMALL = 4096, 32


@final
@dataclass(frozen=True)
class FoundationModel(Encoder):
    """A pretrained model of any family, from the hub or a folder. Only what reads hidden states imports torch.

    Args:
        family: a name in `activeloop.foundation.families.FAMILIES`.
        source: hub id, such as `facebook/esm2_t12_35M_UR50D`, or the folder of a checkpoint; the family's own when
            empty.
        pooling: how hidden states become one vector a candidate, see `activeloop.foundation.pooling.Pooler`; for
            compounds and cells `mean` or `attention`.
        revision: branch, tag or commit on the hub; the main branch when None. A commit pins the weights.
        depth: features are hidden states after this share of the layers, above 0 and at most 1; the layers above are
            not run. None: after all of them, of the model that ships after two thirds. The last layers of a masked
            language model serve its predictions; zero-shot scores always use all of them.
        structure: of SaProt: 3Di states of the parent (Foldseek), one a residue; "" when they are not known.

    >>> FoundationModel("esm2", "facebook/esm2_t6_8M_UR50D").name
    'esm2-esm2_t6_8M_UR50D'
    """

    family: str
    source: str = ""
    pooling: Pooling = "auto"
    revision: str | None = None
    depth: float | None = None
    structure: str = ""

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            known = ", ".join(sorted(FAMILIES))
            raise ModelError(f'there is no family of models "{self.family}". Known: {known}; nothing was loaded.')
        if not self.source:
            object.__setattr__(self, "source", self.description.source)
        if self.depth is not None and not 0 < self.depth <= 1:
            raise ModelError(
                f"{self.name} cannot be read after a share of {self.depth:g} of its layers. Give a depth above 0 "
                "and at most 1; nothing was encoded."
            )

    @property
    def description(self) -> Family:
        """Its row in the table of families."""
        return FAMILIES[self.family]

    @property
    def name(self) -> str:
        """The family and the last part of the source."""
        return f"{self.family}-{self.source.rstrip('/').rpartition('/')[2]}"

    @property
    def share(self) -> float:
        """Share of the layers after which features are read."""
        return DEPTHS.get(self.source, 1.0) if self.depth is None else self.depth

    # --- tokens ---

    @property
    def checkpoint(self) -> Checkpoint:
        """What its tokenizer needs.

        Raises:
            FetchError: it is neither a folder nor a model that the hub has.
        """
        return Checkpoint(self.name, folder_of(self.source, self.revision), self.structure)

    def tokens_of(self, texts: Sequence[str]) -> Tokens:
        """Tokens of whole sequences, without columns; for compounds of SMILES, for cells of names of genes.

        Raises:
            PoolError: a text that the model cannot read (residues, length).
        """
        return self.description.tokenizer.texts(self.checkpoint, texts)

    def tokens(self, pool: Pool, rows: np.ndarray) -> Tokens:
        """Tokens of rows of a pool, with the positions of its varying columns.

        Raises:
            PoolError: a kind of pool that the model cannot read.
        """
        return self.description.tokenizer.rows(self.checkpoint, pool, rows)

    def parent_tokens(self, pool: Pool) -> Tokens | None:
        """Tokens of the pool's parent, its varying columns in place; None when it has none."""
        return self.description.tokenizer.parent(self.checkpoint, pool)

    def example(self, length: int, seed: int) -> str:
        """A text of about `length` tokens that the model reads; natural where possible, another for each seed."""
        return self.description.tokenizer.example(self.checkpoint, length, seed)

    @property
    def reads_residues(self) -> bool:
        """Whether each residue of a protein is one token."""
        return isinstance(self.description.tokenizer, ResidueTokenizer)

    @property
    def alphabet(self) -> Alphabet:
        """Token ids of the residues.

        Raises:
            FetchError: the checkpoint is not to be had, or is of another family.
            ModelError: the model does not read one token a residue.
        """
        tokenizer = self.description.tokenizer
        if not isinstance(tokenizer, ResidueTokenizer):
            raise ModelError(f"{self.name} does not read one token a residue. Choose a protein model.")
        return tokenizer.alphabet(self.checkpoint.folder)

    # --- weights ---

    def load(self) -> TransformerEncoder:
        """The model with its weights, in eval mode, nothing trainable; a new copy at each call.

        Raises:
            MissingExtraError: torch or transformers is not installed.
            FetchError: it is neither a folder nor a model that the hub has.
        """
        need_models()
        from activeloop.foundation.architectures import ARCHITECTURES

        kind, encoder = ARCHITECTURES[self.description.architecture]
        return encoder(*load_model(kind, self.source, self.revision))

    def frozen_encoder(self, device: str = "cpu") -> TransformerEncoder:
        """The whole model, for reading only: nothing may be attached. Loaded once a process for each checkpoint."""
        return _loaded(self.family, self.source, self.revision, fingerprint(self.source, self.revision), device)

    def feature_encoder(self, device: str = "cpu") -> TransformerEncoder:
        """The same without the layers above `depth`; its weights are shared."""
        from activeloop.foundation.encoder import first_layers

        return first_layers(self.frozen_encoder(device), self.share)

    # --- features ---

    def features(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """Float32 [n, P]: hidden states of the model as pretrained, pooled; cached on disk.

        Raises:
            PoolError: a pool that the model, or its pooling, cannot read.
            MissingExtraError: torch or transformers is not installed.
        """
        need_models()
        rows = np.asarray(rows, np.int64)
        pooling = pooling_for(pool, self.pooling)
        columns = 0 if pool.sites is None else len(pool.sites.labels)
        parent = self.parent_tokens(pool) if pooling in ("mutated", "difference") else None
        blocks = [self.tokens(pool, rows[start : start + BLOCK]) for start in range(0, max(len(rows), 1), BLOCK)]
        return np.concatenate([self._block(tokens, parent, pooling, columns) for tokens in blocks])

    def _block(self, tokens: Tokens, parent: Tokens | None, pooling: Pooling, columns: int) -> np.ndarray:
        """Features of at most `BLOCK` candidates, from the cache if they are there."""
        from activeloop.foundation.devices import best_device, has_bfloat16
        from activeloop.foundation.pooling import pooled_features

        device = best_device()
        key = (
            self._key(tokens, parent, f"{pooling}|{self.share}|{has_bfloat16(device)}") if len(tokens) >= SMALL else ""
        )
        features = recall("features", key) if key else None
        if features is None:
            features = pooled_features(self.feature_encoder(device), tokens, parent, pooling, columns, device)
            if key:
                store("features", key, features)
        return features

    def _key(self, tokens: Tokens, parent: Tokens | None, how: str) -> str:
        """Depends on everything that features are computed from: weights, tokens, pooling, depth, precision."""
        content = fingerprint(self.source, self.revision)
        digest = hashlib.blake2b(f"{READING_VERSION}|{self.family}|{content}|{how}".encode(), digest_size=20)
        for part in (tokens, *([parent] if parent is not None else [])):
            digest.update(f"|{part.ids.shape}|{part.columns.shape}|{part.first}|{part.last}|".encode())
            for array in (part.ids, part.lengths, part.columns, part.changed):
                digest.update(array.tobytes())
        return digest.hexdigest()


@lru_cache(maxsize=2)
def _loaded(family: str, source: str, revision: str | None, content: str, device: str) -> TransformerEncoder:
    return FoundationModel(family, source, revision=revision).load().to(device)


def foundation_of(source: str, revision: str | None = None) -> FoundationModel:
    """The model that a checkpoint holds, in the family that reads it.

    Raises:
        FetchError: it is not to be had, or no family reads it.
    """
    return FoundationModel(family_of(source, revision).name, source, revision=revision)


#: ESM-2 of any size; without a source the small model that ships with this package
ESM2 = partial(FoundationModel, "esm2")
#: ESM-C
ESMC = partial(FoundationModel, "esmc")
#: ProtBert
ProtBert = partial(FoundationModel, "protbert")
#: the encoder of ProtT5; the decoder is never loaded
ProtT5 = partial(FoundationModel, "prott5")
#: the encoder of Ankh; the decoder is never loaded
Ankh = partial(FoundationModel, "ankh")
#: SaProt, which reads residues with their 3Di `structure`
SaProt = partial(FoundationModel, "saprot")
#: Nucleotide Transformer, for guides and DNA
NucleotideTransformer = partial(FoundationModel, "nucleotides")
#: ChemBERTa, for compounds
ChemBERTa = partial(FoundationModel, "chemberta")
#: models of BERT's shape for compounds
SmilesBERT = partial(FoundationModel, "smiles-bert")
#: models of Geneformer's shape, for cells: see `activeloop.foundation.tokenizers.GeneTokenizer`
Geneformer = partial(FoundationModel, "geneformer")
