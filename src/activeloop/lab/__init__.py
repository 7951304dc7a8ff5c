"""The laboratory: files of instruments, a folder that is watched, robots and their drivers."""

from typing import TYPE_CHECKING

from activeloop._lazy import on_use

if TYPE_CHECKING:
    from activeloop.lab.allotropy import AllotropyReader
    from activeloop.lab.raw import read_instrument
    from activeloop.lab.readings import Cube, InstrumentFile, Reader, Reading, readings_of

__all__ = [
    "AllotropyReader",
    "Cube",
    "InstrumentFile",
    "Reader",
    "Reading",
    "read_instrument",
    "readings_of",
]

__getattr__ = on_use(__name__)
