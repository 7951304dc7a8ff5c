"""ProtBert (Elnaggar et al. 2021, IEEE TPAMI 44:7112)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from activeloop.backbones.alphabets import BERT
from activeloop.backbones.letters import LetterModel

if TYPE_CHECKING:
    from activeloop.backbones.pooling import Pooling
    from activeloop.backbones.trunk import Trunk


@final
@dataclass(frozen=True)
class ProtBert(LetterModel):
    """ProtBert, from the hub or a folder.

    Args:
        source: hub id or folder.
        pooling: see `activeloop.backbones.pooling`.
        revision: branch, tag or commit on the hub.
        depth: as `Foundation`.
    """

    family: ClassVar[str] = "protbert"
    special: ClassVar = BERT
    rare: ClassVar[str] = "UZOB"
    source: str = "Rostlab/prot_bert"
    pooling: Pooling = "auto"
    revision: str | None = None
    depth: float | None = None

    def load(self) -> Trunk:
        """The model with its weights."""
        from activeloop.backbones.checkpoints import load_model

        model, headed = load_model("BertForMaskedLM", self.source, self.revision)
        from activeloop.backbones.bert_trunk import BertTrunk

        return BertTrunk(model, headed)
