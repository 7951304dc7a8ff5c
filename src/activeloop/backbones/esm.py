"""ESM-2 and what shares its architecture (Lin et al. 2023, Science 379:1123)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from activeloop.backbones.letters import LetterModel

if TYPE_CHECKING:
    from activeloop.backbones.pooling import Pooling
    from activeloop.backbones.trunk import Trunk

#: the checkpoint that ships with this package
BUNDLED = "activeloop/small"


@dataclass(frozen=True)
class ESM2(LetterModel):
    """ESM-2 of any size, from the hub or a folder; without a source the small model that ships with this package.

    Args:
        source: such as `facebook/esm2_t12_35M_UR50D`, or a folder.
        pooling: see `activeloop.backbones.pooling`.
    """

    source: str = BUNDLED
    pooling: Pooling = "auto"

    @property
    def name(self) -> str:
        """`esm2-` and the last part of the source."""
        return f"esm2-{self.source.rstrip('/').rpartition('/')[2]}"

    def load(self) -> Trunk:
        """The model with its weights."""
        from transformers import EsmForMaskedLM

        from activeloop.backbones.checkpoints import load_model
        from activeloop.backbones.esm_trunk import EsmTrunk

        return EsmTrunk(load_model(EsmForMaskedLM, self.source))
