"""How to ask the laboratory: proposals, plates, pick lists."""

from activeloop.plates.proposal import Pick, Proposal

__all__ = ["Pick", "Proposal"]
