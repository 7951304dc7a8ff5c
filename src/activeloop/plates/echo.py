"""Pick lists for Echo acoustic dispensers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from activeloop.errors import PlateError
from activeloop.files import write_whole
from activeloop.plates.listing import csv_text
from activeloop.plates.plate import Plate
from activeloop.plates.sources import Source, transfers

#: An Echo 550 and 650 shoots droplets of 2.5 nL, an Echo 525 of 25 nL.
DROPLET = 2.5

COLUMNS = (
    *("Source Plate Name", "Source Well", "Destination Plate Name", "Destination Well", "Transfer Volume"),
    "Sample Name",
)


def write_echo(
    plate: Plate,
    path: str | Path,
    volume: float = 100.0,
    sources: Mapping[str, Source] | None = None,
    droplet: float = DROPLET,
) -> Path:
    """Write a cherry-pick list for Echo Cherry Pick.

    Args:
        plate: what to fill.
        path: of the CSV.
        volume: in nL, for each well; a multiple of the droplet.
        sources: candidate -> where its stock stands; `sources_of` when None.
        droplet: in nL: 2.5 (Echo 550, 650) or 25 (Echo 525).

    Raises:
        PlateError: the volume is no multiple of the droplet, or a source is missing.
        StoreError: the file cannot be written.
    """
    drops = volume / droplet if droplet > 0 else 0.0
    if not 0 < drops < 1e6 or abs(drops - round(drops)) > 1e-9:
        near = max(1, round(drops)) * droplet if 0 < drops < 1e6 else droplet
        raise PlateError(
            f"{volume:g} nL cannot be dispensed: an Echo shoots droplets of {droplet:g} nL. Use {near:g} nL. "
            "Nothing was written.",
            file=str(path),
        )
    rows: list[list[str | int | float | None]] = [
        [source.plate, source.well, plate.id, well, f"{round(drops) * droplet:g}", held.candidate]
        for source, well, held in transfers(plate, sources)
    ]
    return write_whole(path, csv_text(COLUMNS, rows).encode())
