"""ESM-C (EvolutionaryScale 2024): check the licence of the checkpoint, it differs between sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from activeloop.backbones.alphabets import ESM
from activeloop.backbones.letters import LetterModel

if TYPE_CHECKING:
    from activeloop.backbones.pooling import Pooling
    from activeloop.backbones.trunk import Trunk


@final
@dataclass(frozen=True)
class ESMC(LetterModel):
    """ESM-C, from the hub or a folder.

    Args:
        source: hub id or folder.
        pooling: see `activeloop.backbones.pooling`.
        revision: branch, tag or commit on the hub.
        depth: as `Foundation`.
    """

    family: ClassVar[str] = "esmc"
    special: ClassVar = ESM
    source: str = "biohub/ESMC-300M"
    pooling: Pooling = "auto"
    revision: str | None = None
    depth: float | None = None

    def load(self) -> Trunk:
        """The model with its weights."""
        from activeloop.backbones.checkpoints import load_model

        model, headed = load_model("EsmcForMaskedLM", self.source, self.revision)
        from activeloop.backbones.esmc_trunk import EsmcTrunk

        return EsmcTrunk(model, headed)
