"""How to ask the laboratory: proposals, plates, pick lists."""

from activeloop.plates.echo import write_echo
from activeloop.plates.listing import read_plate, read_plates
from activeloop.plates.opentrons import write_opentrons
from activeloop.plates.picture import draw
from activeloop.plates.plate import Plate, fill_plates
from activeloop.plates.proposal import Pick, Proposal
from activeloop.plates.sources import Source, read_sources, sources_in_order, sources_of

__all__ = [
    "Pick",
    "Plate",
    "Proposal",
    "Source",
    "draw",
    "fill_plates",
    "read_plate",
    "read_plates",
    "read_sources",
    "sources_in_order",
    "sources_of",
    "write_echo",
    "write_opentrons",
]
