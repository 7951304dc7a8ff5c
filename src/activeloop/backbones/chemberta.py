"""ChemBERTa (Ahmad et al. 2022, arXiv:2209.01712): a RoBERTa that reads SMILES."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from activeloop.backbones.alphabets import longest_of
from activeloop.backbones.checkpoints import folder_of, load_tokenizer, settings_of
from activeloop.backbones.foundation import Foundation
from activeloop.backbones.letters import check_length
from activeloop.backbones.tokens import Tokens
from activeloop.candidates import Pool
from activeloop.errors import PoolError

if TYPE_CHECKING:
    from activeloop.backbones.pooling import Pooling
    from activeloop.backbones.trunk import Trunk


@final
@dataclass(frozen=True)
class ChemBERTa(Foundation):
    """ChemBERTa, from the hub or a folder; SMILES are cut by the tokenizer that comes with the checkpoint.

    Args:
        source: hub id or folder.
        pooling: see `activeloop.backbones.pooling`; for compounds `mean` or `attention`.
        revision: branch, tag or commit on the hub.
        depth: as `Foundation`.
    """

    family: ClassVar[str] = "chemberta"
    source: str = "DeepChem/ChemBERTa-77M-MLM"
    pooling: Pooling = "auto"
    revision: str | None = None
    depth: float | None = None

    def load(self) -> Trunk:
        """The model with its weights."""
        from activeloop.backbones.checkpoints import load_model

        model, headed = load_model("RobertaForMaskedLM", self.source, self.revision)
        from activeloop.backbones.bert_trunk import BertTrunk

        return BertTrunk(model, headed)

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
