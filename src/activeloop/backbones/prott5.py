"""ProtT5 (Elnaggar et al. 2021, IEEE TPAMI 44:7112)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from activeloop.backbones.alphabets import T5
from activeloop.backbones.letters import LetterModel

if TYPE_CHECKING:
    from activeloop.backbones.pooling import Pooling
    from activeloop.backbones.trunk import Trunk


@final
@dataclass(frozen=True)
class ProtT5(LetterModel):
    """The encoder of ProtT5, from the hub or a folder; the decoder is never loaded.

    Args:
        source: hub id or folder.
        pooling: see `activeloop.backbones.pooling`.
        revision: branch, tag or commit on the hub.
        depth: as `Foundation`.
    """

    family: ClassVar[str] = "prott5"
    special: ClassVar = T5
    rare: ClassVar[str] = "UZOB"
    source: str = "Rostlab/prot_t5_xl_uniref50"
    pooling: Pooling = "auto"
    revision: str | None = None
    depth: float | None = None

    def load(self) -> Trunk:
        """The encoder with its weights."""
        from activeloop.backbones.checkpoints import load_model

        model, headed = load_model("T5EncoderModel", self.source, self.revision)
        from activeloop.backbones.t5_trunk import T5Trunk

        return T5Trunk(model, headed)
