"""Proposals, plates, and pick lists for robots."""

from typing import TYPE_CHECKING

from activeloop._lazy import on_use

if TYPE_CHECKING:
    from activeloop.plates.files import PlateFolder, plates_in, read_plate, read_plates, write_plate
    from activeloop.plates.picklists import (
        Source,
        Transfer,
        read_sources,
        sources_in_order,
        sources_of,
        sources_of_pool,
        transfers,
        write_echo,
        write_hamilton,
        write_opentrons,
    )
    from activeloop.plates.picture import draw
    from activeloop.plates.plate import Pick, PickPrediction, Plate, Proposal, fill_plates

__all__ = [
    "Pick",
    "PickPrediction",
    "Plate",
    "PlateFolder",
    "Proposal",
    "Source",
    "Transfer",
    "draw",
    "fill_plates",
    "plates_in",
    "read_plate",
    "read_plates",
    "read_sources",
    "sources_in_order",
    "sources_of",
    "sources_of_pool",
    "transfers",
    "write_echo",
    "write_hamilton",
    "write_opentrons",
    "write_plate",
]

__getattr__ = on_use(__name__)
