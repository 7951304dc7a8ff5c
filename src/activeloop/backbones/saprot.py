"""SaProt (Su et al. 2024, ICLR): a token is an amino acid and a letter of its place in the structure."""

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
class SaProt(LetterModel):
    """SaProt, from the hub or a folder.

    Args:
        source: hub id or folder.
        pooling: see `activeloop.backbones.pooling`.
        revision: branch, tag or commit on the hub.
        depth: as `Foundation`.
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

    def load(self) -> Trunk:
        """The model with its weights."""
        from activeloop.backbones.checkpoints import load_model

        model, headed = load_model("EsmForMaskedLM", self.source, self.revision)
        from activeloop.backbones.esm_trunk import EsmTrunk

        return EsmTrunk(model, headed)
