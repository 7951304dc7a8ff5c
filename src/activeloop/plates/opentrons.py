"""Pick lists for the cherrypicking protocol of Opentrons robots."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from activeloop.errors import PlateError
from activeloop.files import write_whole
from activeloop.plates.listing import csv_text
from activeloop.plates.plate import Plate
from activeloop.plates.sources import Source, transfers

#: The protocol reads columns by place, so neither order nor number may change.
COLUMNS = (
    "Source Labware",
    "Source Slot",
    "Source Well",
    "Source Aspiration Height Above Bottom (in mm)",
    "Dest Labware",
    "Dest Slot",
    "Dest Well",
    "Volume (in ul)",
)
LABWARE = {
    6: "corning_6_wellplate_16.8ml_flat",
    12: "corning_12_wellplate_6.9ml_flat",
    24: "corning_24_wellplate_3.4ml_flat",
    48: "corning_48_wellplate_1.6ml_flat",
    96: "corning_96_wellplate_360ul_flat",
    384: "corning_384_wellplate_112ul_flat",
}
SLOTS = range(1, 12)


def write_opentrons(
    plate: Plate,
    path: str | Path,
    volume: float = 5.0,
    sources: Mapping[str, Source] | None = None,
    *,
    source_labware: str = LABWARE[384],
    labware: str = "",
    slot: int = 1,
    height: float = 1.0,
) -> Path:
    """Write a pick list for Opentrons' cherrypicking protocol (protocol library, `cherrypicking`).

    Source plates stand on the free slots of the deck in the order of their names, the plate itself on `slot`; slot 11
    and downwards stay free for tips.

    Args:
        plate: what to fill.
        path: of the CSV.
        volume: in µL, for each well.
        sources: candidate -> where its stock stands; `sources_of` when None.
        source_labware: load name of the source plates.
        labware: load name of the plate; the usual one of its size when empty.
        slot: where the plate stands, 1 to 11.
        height: in mm above the bottom of the source well.

    Raises:
        PlateError: a volume, height or slot that no robot has, too many source plates, no labware of that size, or
            a source is missing.
        StoreError: the file cannot be written.
    """
    _check(plate, path, volume, slot, height, labware)
    moves = transfers(plate, sources)
    plates = sorted({source.plate for source, _, _ in moves})
    free = [s for s in SLOTS if s != slot]
    if len(plates) >= len(free):
        raise PlateError(
            f"{len(plates)} source plates do not fit on the deck beside {plate.id} and a rack of tips. Use fewer, or "
            "write one list for each of them. Nothing was written.",
            file=str(path),
        )
    slots = dict(zip(plates, free, strict=False))
    rows: list[list[str | int | float | None]] = [
        [
            source_labware,
            slots[s.plate],
            s.well,
            f"{height:g}",
            labware or LABWARE[plate.size],
            slot,
            well,
            f"{volume:g}",
        ]
        for s, well, _ in moves
    ]
    return write_whole(path, csv_text(COLUMNS, rows).encode())


def _check(plate: Plate, path: str | Path, volume: float, slot: int, height: float, labware: str) -> None:
    problem = ""
    if not 0 < volume <= 1000:
        problem = f"{volume:g} µL cannot be pipetted. Use more than 0 and at most 1000 µL"
    elif slot not in SLOTS:
        problem = f"there is no slot {slot}. Use 1 to 11"
    elif not 0 <= height < 100:
        problem = f"a height of {height:g} mm is outside the well. Use 0 to 100 mm"
    elif not labware and plate.size not in LABWARE:
        problem = f"Opentrons has no labware of {plate.size} wells. Name yours: labware=..."
    if problem:
        raise PlateError(f"{problem}. Nothing was written.", file=str(path))
