"""Pick lists for liquid handlers: Echo and Opentrons, from source wells to the plate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from activeloop.errors import PlateError
from activeloop.files import csv_text, write_whole
from activeloop.measurements.wells import SHAPES, Well, describe_plate, well_name, well_on
from activeloop.plates.files import Row
from activeloop.plates.plate import Plate, check_size
from activeloop.tables import read_table


@dataclass(frozen=True)
class Source:
    """A well of a source plate."""

    plate: str
    well: str


def sources_in_order(names: Iterable[str], *, size: int = 384, plate: str = "source") -> dict[str, Source]:
    """Stocks laid out one after the other, column by column as a robot with eight channels does it.

    Args:
        names: candidates and controls, each once.
        size: wells of a source plate.
        plate: name of the first plate; the next ones are `source-2` ...

    >>> sources_in_order(["WT", "A24G"], size=96)["A24G"]
    Source(plate='source', well='B1')
    """
    check_size(size)
    rows = SHAPES[size][0]
    found: dict[str, Source] = {}
    for name in dict.fromkeys(names):
        number, at = divmod(len(found), size)
        found[name] = Source(plate if number == 0 else f"{plate}-{number + 1}", well_name(at % rows, at // rows))
    return found


def sources_of(plates: Iterable[Plate]) -> dict[str, Source]:
    """The default stocks of some plates: controls first, then candidates by rank, on 384-well plates `source` ...

    All plates of a proposal should be given together, so that they share their stocks.
    """
    plates = list(plates)
    controls = sorted({w.candidate for p in plates for w in p.wells.values() if w.control})
    ranks = {k.name: k.rank for p in plates for k in p.picks}
    candidates = {c for p in plates for c in p.candidates}
    last = len(ranks) + 1
    ordered = sorted(candidates, key=lambda n: (ranks.get(n, last), n))
    return sources_in_order([*controls, *ordered])


def read_sources(path: str | Path, *, size: int = 384, sheet: str | None = None) -> dict[str, Source]:
    """Read the positions of stocks from a table with the columns `candidate`, `plate` and `well`.

    Args:
        path: CSV or XLSX.
        size: wells of the source plates.
        sheet: of a workbook; the first when None.

    Raises:
        TableError: it is no such table.
        PlateError: a candidate twice, or a well that is not on the plate; names the row.
    """
    check_size(size)
    table = read_table(path, sheet=sheet)
    names, plates, wells = table.candidates("candidate"), table.column("plate"), table.column("well")
    found: dict[str, Source] = {}
    for name, plate, well, row in zip(names, plates, wells, table.row_numbers, strict=True):
        standard = well_on(well, size)
        if standard is None:
            raise PlateError(f'"{well}" is not on {describe_plate(size)}. Correct the well.', file=table.file, row=row)
        if name in found:
            raise PlateError(f'"{name}" has a source already. Delete one of the rows.', file=table.file, row=row)
        found[name] = Source(plate, standard)
    return found


def _transfers(plate: Plate, sources: Mapping[str, Source] | None) -> list[tuple[Source, str, Well]]:
    """Source, well and content of each transfer, in the order of the sources so that a robot travels little."""
    stocks = sources_of([plate]) if sources is None else sources
    lacking = list(dict.fromkeys(w.candidate for w in plate.wells.values() if w.candidate not in stocks))
    if lacking:
        shown = ", ".join(lacking[:5]) + (" ..." if len(lacking) > 5 else "")
        raise PlateError(
            f"{len(lacking)} names on {plate.id} have no source well: {shown}. Add them to the table of sources. "
            "Nothing was written."
        )
    order = {name: i for i, name in enumerate(stocks)}
    wells = sorted(plate.wells.items(), key=lambda item: order[item[1].candidate])
    return [(stocks[w.candidate], name, w) for name, w in wells]


#: An Echo 550 and 650 shoots droplets of 2.5 nL, an Echo 525 of 25 nL.
DROPLET = 2.5

ECHO_COLUMNS = (
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
    rows: list[Row] = [
        [source.plate, source.well, plate.id, well, f"{round(drops) * droplet:g}", held.candidate]
        for source, well, held in _transfers(plate, sources)
    ]
    return write_whole(path, csv_text(ECHO_COLUMNS, rows))


#: The protocol reads columns by place, so neither order nor number may change.
OPENTRONS_COLUMNS = (
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
        labware: load name of the plate; the default of its size when empty.
        slot: where the plate stands, 1 to 11.
        height: in mm above the bottom of the source well.

    Raises:
        PlateError: a volume, height or slot that no robot has, too many source plates, no labware of that size, or
            a source is missing.
        StoreError: the file cannot be written.
    """
    _check(plate, path, volume, slot, height, labware)
    moves = _transfers(plate, sources)
    plates = sorted({source.plate for source, _, _ in moves})
    free = [s for s in SLOTS if s != slot]
    if len(plates) >= len(free):
        raise PlateError(
            f"{len(plates)} source plates do not fit on the deck beside {plate.id} and a rack of tips. Use fewer, or "
            "write one list for each of them. Nothing was written.",
            file=str(path),
        )
    slots = dict(zip(plates, free, strict=False))
    rows: list[Row] = [
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
    return write_whole(path, csv_text(OPENTRONS_COLUMNS, rows))


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
