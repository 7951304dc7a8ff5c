"""ESM-2 (Lin et al. 2023, Science 379:1123)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from activeloop.backbones.alphabets import ESM
from activeloop.backbones.checkpoints import BUNDLED
from activeloop.backbones.letters import LetterModel

if TYPE_CHECKING:
    from activeloop.backbones.pooling import Pooling
    from activeloop.backbones.trunk import Trunk


@final
@dataclass(frozen=True)
class ESM2(LetterModel):
    """ESM-2 of any size, from the hub or a folder; without a source the small model that ships with this package.

    Args:
        source: such as `facebook/esm2_t12_35M_UR50D`, or a folder.
        pooling: see `activeloop.backbones.pooling`.
        revision: branch, tag or commit on the hub.
        depth: as `Foundation`.
    """

    family: ClassVar[str] = "esm2"
    special: ClassVar = ESM
    source: str = BUNDLED
    pooling: Pooling = "auto"
    revision: str | None = None
    depth: float | None = None

    def load(self) -> Trunk:
        """The model with its weights."""
        from activeloop.backbones.checkpoints import load_model

        model, headed = load_model("EsmForMaskedLM", self.source, self.revision)
        from activeloop.backbones.esm_trunk import EsmTrunk

        return EsmTrunk(model, headed)
