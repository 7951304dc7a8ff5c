"""Files of instruments: read by their content, checked against themselves, and made tables of results."""

from typing import TYPE_CHECKING

from activeloop._lazy import on_use

if TYPE_CHECKING:
    from activeloop.instruments.allotropy import AllotropyReader
    from activeloop.instruments.raw import read_instrument
    from activeloop.instruments.readings import Cube, InstrumentFile, Reader, Reading, readings_of

__all__ = ["AllotropyReader", "Cube", "InstrumentFile", "Reader", "Reading", "read_instrument", "readings_of"]

__getattr__ = on_use(__name__)
