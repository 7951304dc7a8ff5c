"""Geneformer (Theodoris et al. 2023, Nature 618:616): a BERT that reads the genes of a cell, the strongest first."""

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
from activeloop.backbones.tokens import Tokens
from activeloop.backbones.vocabularies import read_vocabulary
from activeloop.candidates import Pool
from activeloop.errors import PoolError

if TYPE_CHECKING:
    from activeloop.backbones.pooling import Pooling
    from activeloop.backbones.trunk import Trunk


@final
@dataclass(frozen=True)
class Geneformer(Foundation):
    """A model of Geneformer's shape. It reads ranked genes; no pool is made of cells, so only `tokens_of` reads any.

    The published checkpoints keep the ids of genes in a pickle, which can run code and is not read: put them beside
    the weights as `vocab.json` (`{"ENSG...": 5, ..., "<pad>": 0}`).

    Args:
        source: folder of a checkpoint with its `vocab.json`, or hub id.
        pooling: see `activeloop.backbones.pooling`; for cells `mean` or `attention`.
        revision: branch, tag or commit on the hub.
        depth: as `Foundation`.
    """

    family: ClassVar[str] = "geneformer"
    source: str = "ctheodoris/Geneformer"
    pooling: Pooling = "auto"
    revision: str | None = None
    depth: float | None = None

    def load(self) -> Trunk:
        """The model with its weights."""
        from activeloop.backbones.checkpoints import load_model

        model, headed = load_model("BertForMaskedLM", self.source, self.revision)
        from activeloop.backbones.bert_trunk import BertTrunk

        return BertTrunk(model, headed)

    def tokens_of(self, texts: Sequence[str]) -> Tokens:
        """Tokens of cells, each the names of its genes with spaces between, the most strongly expressed first."""
        folder = folder_of(self.source, self.revision)
        vocabulary = _vocabulary(folder)
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
def _vocabulary(folder: Path) -> dict[str, int]:
    return read_vocabulary(folder)
