"""Writing a plate under the format that the file's name asks for, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from activeloop.errors import PlateError
from activeloop.files import write_whole

if TYPE_CHECKING:
    from activeloop.plates.plate import Plate


def write_plate(plate: Plate, path: str | Path) -> Path:
    """Write a plate as `.csv`, `.xlsx` or `.svg`.

    Raises:
        PlateError: another ending.
        StoreError: the file cannot be written.
    """
    from activeloop.plates.listing import write_csv, write_xlsx
    from activeloop.plates.picture import draw

    ending = Path(path).suffix.lower()
    if ending == ".csv":
        return write_csv(plate, path)
    if ending == ".xlsx":
        return write_xlsx(plate, path)
    if ending == ".svg":
        return write_whole(path, draw(plate).encode())
    raise PlateError(
        f'"{ending}" is no format of plates. Use .csv or .xlsx (lists) or .svg (picture); pick lists for robots are '
        "written by write_echo and write_opentrons. Nothing was written.",
        file=str(path),
    )
