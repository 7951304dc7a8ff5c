"""Where the stock of each candidate stands, for robots that carry it to the plate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from activeloop.candidates.tables import read_table
from activeloop.errors import PlateError
from activeloop.measurements.wells import SHAPES, Well, describe_plate, well_name, well_on
from activeloop.plates.filling import check_size
from activeloop.plates.plate import Plate


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
    """Read where stocks stand from a table with the columns `candidate`, `plate` and `well`.

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


def transfers(plate: Plate, sources: Mapping[str, Source] | None) -> list[tuple[Source, str, Well]]:
    """What goes from where to which well, in the order of the source wells so that a robot travels little.

    Raises:
        PlateError: a candidate on the plate has no source.
    """
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
