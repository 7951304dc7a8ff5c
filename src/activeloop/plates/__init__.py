"""How to ask the laboratory: proposals, plates, pick lists."""

from activeloop.plates.plate import Plate, fill_plates
from activeloop.plates.proposal import Pick, Proposal

__all__ = ["Pick", "Plate", "Proposal", "fill_plates"]
