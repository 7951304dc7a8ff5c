"""Pick lists for liquid handlers (Echo, Opentrons, Hamilton): from the wells of stocks to those of plates."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from activeloop.candidates import Pool
from activeloop.candidates.labels import SOURCES, source_columns
from activeloop.errors import InputError, PlateError
from activeloop.files import csv_text, write_whole
from activeloop.measurements.wells import SHAPES, Well, describe_plate, parse_well, well_name, well_on
from activeloop.plates.files import Row
from activeloop.plates.plate import Plate, check_size
from activeloop.tables import Book, Table, as_table
from activeloop.tables.names import split_unit
from activeloop.tables.numbers import converted, factor_between, parse_number


@dataclass(frozen=True)
class Source:
    """A well of a source plate.

    Args:
        plate: its name or barcode.
        well: its name.
        volume: in it, in µL; NaN when it is not known.
        concentration: of what is in it, in µM; NaN when it is not known.
    """

    plate: str
    well: str
    volume: float = math.nan
    concentration: float = math.nan


Sources = Mapping[str, Source | Sequence[Source]]
"""Candidate or control -> where its stock stands, in one well or several."""


@dataclass(frozen=True)
class Transfer:
    """A volume that goes from a source to a well.

    Args:
        source: from where.
        plate: id of the plate.
        well: of the plate.
        held: what the well holds then.
        volume: in µL.
        vehicle: name of the control whose liquid it is, to make volumes equal; "" for the stock of what the well holds.
    """

    source: Source
    plate: Plate
    well: str
    held: Well
    volume: float
    vehicle: str = ""


def sources_in_order(names: Iterable[str], *, size: int = 384, plate: str = "source") -> dict[str, Source]:
    """Stocks laid out one after the other, column by column as a robot with eight channels does it.

    Args:
        names: candidates and controls, each once.
        size: wells of a source plate.
        plate: name of the first plate; the next ones are `source-2` ...

    >>> sources_in_order(["WT", "A24G"], size=96)["A24G"].well
    'B1'
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


def sources_of_pool(plates: Iterable[Plate], pool: Pool) -> dict[str, Source]:
    """Where the pool's file says that the stocks of some plates stand: its columns of source plate and well.

    Returns:
        Candidate or control -> source; those without one are missing.

    Raises:
        PlateError: a well that is none, or a volume that cannot be read.
    """
    columns = source_columns(pool.label_names)
    if "well" not in columns:
        return {}
    found: dict[str, Source] = {}
    for name in dict.fromkeys(w.candidate for p in plates for w in p.wells.values()):
        rows = pool.rows_labelled(name)
        row = pool.row_of(name) if pool.row_of(name) is not None else rows[0] if len(rows) == 1 else None
        labels = {} if row is None else dict(pool.labels(row))
        if labels.get(columns["well"]):
            try:
                found[name] = _source(labels, columns, unit_stated=False)
            except InputError as error:
                raise PlateError(f"{pool.called(name)} in the pool's file: {error.problem}") from None
    return found


def read_sources(
    path: str | Path | Book, *, size: int | None = None, sheet: str | None = None, pool: Pool | None = None
) -> dict[str, Source | Sequence[Source]]:
    """Read the positions of stocks from a table: a column of candidates, of plates, of wells, and perhaps of volumes.

    A candidate may stand in several wells, which are used one after the other.

    Args:
        path: CSV or XLSX, also taken apart.
        size: wells of the source plates; any that has the wells when None.
        sheet: of a workbook; the first when None.
        pool: by whose notation and other names (catalogue numbers) the candidates are read; else as they are written.

    Raises:
        TableError: it is no such table.
        PlateError: a well twice, or one that is not on the plate, or a volume that cannot be read; names the row.
    """
    if size is not None:
        check_size(size)
    table = as_table(path, sheet=sheet)
    columns = source_columns(table.header)
    for role in ("plate", "well"):
        if role not in columns:
            names = " or ".join(f'"{name}"' for name in SOURCES[role][:2])
            raise PlateError(f"no column of the source {role}. Name it {names}.", file=table.file)
    column = _column_of_names(table, pool, list(columns.values()))
    names = table.candidates(column, empty=True)
    known = _standard(names, pool, table)
    found: dict[str, list[Source]] = {}
    filled: dict[tuple[str, str], int] = {}
    for i, (name, row) in enumerate(zip(names, table.row_numbers, strict=True)):
        cells = table.row(i)
        if not name:
            continue
        try:
            source = _source(cells, columns, size)
        except InputError as error:
            raise PlateError(error.problem, file=table.file, row=row) from None
        if (place := (source.plate, source.well)) in filled:
            problem = f"{source.well} of {source.plate} stands in row {filled[place]} already. Delete one of the two."
            raise PlateError(problem, file=table.file, row=row)
        filled[place] = row
        found.setdefault(known.get(name, name), []).append(source)
    return {name: tuple(wells) if len(wells) > 1 else wells[0] for name, wells in found.items()}


def _column_of_names(table: Table, pool: Pool | None, others: Sequence[str]) -> str:
    """The column of a table of sources that names candidates: `candidate`, else the one whose cells the pool knows."""
    if table.find("candidate") is not None or pool is None:
        return "candidate"
    free = [h for h in table.header if h not in others]
    if len(free) == 1:
        return free[0]

    def known(header: str) -> int:
        cells = [c for c in table.cells(header)[:50] if c]
        return sum(bool(pool.rows_labelled(c)) or pool.row_of(c) is not None for c in cells)

    best = max(free, key=known, default="")
    if not best or not known(best):
        raise PlateError(
            f"no column names candidates of this campaign (columns: {', '.join(table.header)}). Add a column "
            "`candidate` with their names or ids.",
            file=table.file,
        )
    return best


def _standard(names: Sequence[str], pool: Pool | None, table: Table) -> dict[str, str]:
    """The name in the pool's notation of each text that it knows."""
    found: dict[str, str] = {}
    if pool is None:
        return found
    for name in dict.fromkeys(filter(None, names)):
        row = pool.row_of(name)
        rows = pool.rows_labelled(name) or (() if row is None else (row,))
        if len(rows) > 1:
            both = " and ".join(f'"{n}"' for n in pool.names(rows[:2]))
            raise PlateError(f'"{name}" can mean {both}. Write which.', file=table.file)
        if rows:
            found[name] = pool.names(rows)[0]
    return found


def _source(
    cells: Mapping[str, str], columns: Mapping[str, str], size: int | None = None, *, unit_stated: bool = True
) -> Source:
    """The source of a row, by the columns of its plate, well and volume; see `sources_of_pool`, `read_sources`."""
    text = cells[columns["well"]]
    place = parse_well(text)
    if size is not None and well_on(text, size) is None:
        raise PlateError(f'"{text}" is not on {describe_plate(size)}. Correct the well.')
    rows, across = SHAPES[1536]
    if place is None or place[0] >= rows or place[1] >= across:
        raise PlateError(f'"{text}" is not a well. Write it as A1 ... P24.')
    plate = cells.get(columns.get("plate", ""), "") or "source"
    header = columns.get("volume", "")
    volume, unit = cells.get(header, ""), split_unit(header)[1]
    if not unit_stated and not split_unit(header)[1] and re.fullmatch(r"[\d.,\s]*", volume):
        volume = ""  # such as the molecular volume of a table of descriptors
    header = columns.get("concentration", "")
    strength = _concentration(cells.get(header, ""), split_unit(header)[1])
    return Source(plate, well_name(*place), read_volume(volume, unit) if volume else math.nan, strength)


def _concentration(text: str, unit: str) -> float:
    """In µM; NaN where none is stated, or none that is molar."""
    try:
        return read_dose(text, unit)
    except InputError:
        return math.nan


def read_dose(text: str, unit: str = "") -> float:
    """A molar concentration in µM.

    Args:
        text: such as `10 mM`.
        unit: of a number without one; "" when it must have its own.

    Raises:
        PlateError: it is none, or names no molar unit.

    >>> read_dose("10 mM"), read_dose("30nM"), read_dose("0.5", "µM")
    (10000.0, 0.03, 0.5)
    """
    try:
        number = parse_number(text.strip(), decimal="," if re.fullmatch(r"\s*\d+,\d+\D*", text) else ".")
    except InputError:
        raise PlateError(f'"{text}" is no concentration. Write it as 10 mM or 30 nM.') from None
    factor = factor_between(number.unit or unit, "µM") if number.unit or unit else None
    if factor is None or not number.value > 0 or math.isinf(number.value):
        raise PlateError(f'"{text}" is no molar concentration. Write it as 10 mM or 30 nM.')
    return converted(number.value, factor)


def read_volume(text: str, unit: str = "") -> float:
    """A volume in µL.

    Args:
        text: such as `100 nL`.
        unit: of a number without one; "" when it must have its own.

    Raises:
        PlateError: it is none, or names no unit.

    >>> read_volume("100 nL"), read_volume("2.5uL"), read_volume("20", "µL")
    (0.1, 2.5, 20.0)
    """
    try:
        number = parse_number(text.strip(), decimal="," if re.fullmatch(r"\s*\d+,\d+\D*", text) else ".")
    except InputError:
        raise PlateError(f'"{text}" is no volume. Write it as 100 nL or 2.5 µL.') from None
    given = number.unit or unit
    if not given:
        raise PlateError(f'"{text}" has no unit: it may be nL or µL. Write "{text} nL" or "{text} µL".')
    factor = factor_between(given, "µL")
    if factor is None or not number.value >= 0 or math.isinf(number.value):
        raise PlateError(f'"{text}" is no volume in nL, µL or mL. Write it as 100 nL or 2.5 µL.')
    return converted(number.value, factor)


#: µL that a well holds, by plate size: more cannot be meant
MOST = {6: 16_800.0, 12: 6_900.0, 24: 3_400.0, 48: 1_600.0, 96: 2_200.0, 384: 240.0, 1536: 15.0}


def transfers(
    plates: Plate | Sequence[Plate],
    volume: float,
    sources: Sources | None = None,
    *,
    dead_volume: float = 0.0,
    controls: bool = True,
) -> list[Transfer]:
    """What goes where, by source plates and their wells, so that a robot travels little.

    Args:
        plates: those of a proposal together: they share their stocks.
        volume: for each well, in µL.
        sources: where stocks stand; `sources_of` when None.
        dead_volume: that stays in a source well, in µL, where its volume is known.
        controls: whether control wells are filled, too.

    Raises:
        PlateError: a source is missing or holds too little, two stand in one well, or a well cannot hold so much.
    """
    plates = [plates] if isinstance(plates, Plate) else list(plates)
    if not dead_volume >= 0:
        raise PlateError(f"a dead volume of {dead_volume:g} µL is impossible. Nothing was written.")
    stocks: Sources = sources_of(plates) if sources is None else sources
    most = min((MOST[p.size] for p in plates), default=math.inf)
    if not 0 < volume <= most:
        raise PlateError(
            f"{shown_volume(volume)} for each well: a well of a {min(p.size for p in plates)}-well plate holds at most "
            f"{shown_volume(most)}. Nothing was written."
        )
    wanted = [(p, name, w) for p in plates for name, w in p.wells.items() if controls or not w.control]
    _refuse_missing([(p, w) for p, _, w in wanted], stocks)
    _refuse_shared({w.candidate: _wells_of(stocks[w.candidate]) for _, _, w in wanted})
    taken: dict[tuple[str, str], float] = {}
    found = []
    short: dict[str, float] = {}
    for plate, name, held in wanted:
        wells = _wells_of(stocks[held.candidate])
        source = next((s for s in wells if taken.get((s.plate, s.well), 0.0) + volume <= _usable(s, dead_volume)), None)
        if source is None:
            short[held.candidate] = short.get(held.candidate, 0.0) + volume
            continue
        key = (source.plate, source.well)
        taken[key] = taken.get(key, 0.0) + volume
        found.append(Transfer(source, plate, name, held, volume))
    if short:
        raise PlateError(_over_drawn(short, stocks, plates, volume, dead_volume))
    return sorted(found, key=lambda t: (t.source.plate, (parse_well(t.source.well) or (0, 0))[::-1]))


def _wells_of(source: Source | Sequence[Source]) -> Sequence[Source]:
    return [source] if isinstance(source, Source) else source


def _usable(source: Source, dead_volume: float) -> float:
    """What can be taken from a well; without limit where its volume is not known. A hundredth of a nL is rounding."""
    return math.inf if math.isnan(source.volume) else source.volume - dead_volume + 1e-5


def _refuse_missing(wells: Sequence[tuple[Plate, Well]], stocks: Sources) -> None:
    lacking = dict.fromkeys((w.candidate, p.called(w.candidate), w.control) for p, w in wells)
    lacking = [found for found in lacking if found[0] not in stocks]
    if not lacking:
        return
    names = [f"{called} (control)" if control else called for _, called, control in lacking]
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    only = all(control for *_, control in lacking)
    fix = "Add them to the table of sources (--sources FILE)"
    fix += ", or leave controls out (--without-controls)" if only else ""
    what = "has no source well" if len(names) == 1 else "have no source well"
    raise PlateError(
        f"{len(names)} of {len({w.candidate for _, w in wells})} stocks {what}: {shown}. {fix}. Nothing was written."
    )


def _refuse_shared(stocks: Mapping[str, Sequence[Source]]) -> None:
    first: dict[tuple[str, str], str] = {}
    for name, wells in stocks.items():
        for source in wells:
            other = first.setdefault((source.plate, source.well), name)
            if other != name:
                raise PlateError(
                    f"{source.well} of {source.plate} is the source of {other} and of {name}. Correct one of the two. "
                    "Nothing was written."
                )


def _over_drawn(
    short: Mapping[str, float], stocks: Sources, plates: Sequence[Plate], volume: float, dead_volume: float
) -> str:
    name = next(iter(short))
    wells = _wells_of(stocks[name])
    needed = volume * sum(w.candidate == name for p in plates for w in p.wells.values())
    places = " and ".join(f"{s.well} of {s.plate} ({shown_volume(s.volume)})" for s in wells[:3])
    dead = f", of which {shown_volume(dead_volume)} stay in each well" if dead_volume else ""
    more = f" So it is with {len(short) - 1} more." if len(short) > 1 else ""
    called = next((p.called(name) for p in plates if p.called(name) != name), name)
    return (
        f"{called} needs {shown_volume(needed)}, and its source holds too little: {places}{dead}.{more} Use a smaller "
        "volume, or name another well (--sources FILE). Nothing was written."
    )


def shown_volume(volume: float) -> str:
    """A volume in the unit in which one says it.

    >>> shown_volume(0.1), shown_volume(2.5), shown_volume(1500)
    ('100 nL', '2.5 µL', '1,500 µL')
    """
    return f"{volume * 1000:g} nL" if volume < 1 else f"{volume:,.6g} µL"


#: An Echo 550 and 650 shoots droplets of 2.5 nL, an Echo 525 of 25 nL; one transfer is at most 10 µL.
DROPLET, ECHO_MOST = 2.5, 10_000.0

ECHO_COLUMNS = (
    *("Source Plate Name", "Source Plate Barcode", "Source Well"),
    *("Destination Plate Name", "Destination Plate Barcode", "Destination Well", "Transfer Volume"),
    *("Sample ID", "Sample Name"),
)


def write_echo(
    plate: Plate | Sequence[Plate],
    path: str | Path,
    volume: float = 100.0,
    sources: Sources | None = None,
    droplet: float = DROPLET,
    *,
    dead_volume: float = 0.0,
    controls: bool = True,
) -> Path:
    """Write a pick list for Echo Cherry Pick (volumes in nL).

    Args:
        plate: what to fill; one plate, or all of a proposal.
        path: of the CSV.
        volume: in nL, for each well; a multiple of the droplet.
        sources: candidate -> where its stock stands; `sources_of` when None.
        droplet: in nL: 2.5 (Echo 550, 650) or 25 (Echo 525).
        dead_volume: in µL, that stays in a source well.
        controls: whether control wells are filled, too.

    Raises:
        PlateError: the volume is no multiple of the droplet, or as `transfers`.
        StoreError: the file cannot be written.
    """
    drops = volume / droplet if droplet > 0 else 0.0
    if not 0 < drops < 1e6 or abs(drops - round(drops)) > 1e-6:
        near = max(1, round(drops)) * droplet if 0 < drops < 1e6 else droplet
        raise PlateError(
            f"{volume:g} nL cannot be dispensed: an Echo shoots droplets of {droplet:g} nL. Use {near:g} nL. "
            "Nothing was written.",
            file=str(path),
        )
    if volume > ECHO_MOST:
        raise PlateError(
            f"{volume:g} nL cannot be dispensed: an Echo transfers at most {ECHO_MOST:g} nL. Nothing was written.",
            file=str(path),
        )
    moves = transfers(plate, volume / 1000, sources, dead_volume=dead_volume, controls=controls)
    return write_whole(path, echo_text(moves, droplet))


def echo_text(moves: Sequence[Transfer], droplet: float = DROPLET) -> str:
    """Transfers as a pick list for Echo Cherry Pick; each volume is a multiple of the droplet, in nL."""
    rows: list[Row] = []
    for m in moves:
        size = f"{round(m.volume * 1000 / droplet) * droplet:g}"
        rows.append([*[m.source.plate] * 2, m.source.well, *[m.plate.id] * 2, m.well, size, *_sample(m)])
    return csv_text(ECHO_COLUMNS, rows)


def _sample(move: Transfer) -> list[str]:
    """What people call a sample, "" where that is its name, and its name."""
    name = move.vehicle or move.held.candidate
    called = move.plate.called(name)
    return [called if called != name else "", name]


HAMILTON_COLUMNS = (
    *("Source Plate Name", "Source Well", "Destination Plate Name", "Destination Well", "Transfer Volume"),
    *("Sample ID", "Sample Name"),
)


def write_hamilton(
    plate: Plate | Sequence[Plate],
    path: str | Path,
    volume: float = 5.0,
    sources: Sources | None = None,
    *,
    dead_volume: float = 0.0,
    controls: bool = True,
) -> Path:
    """Write a worklist for a Hamilton method that reads its transfers from a CSV (volumes in µL).

    Venus has no format of its own: a method names the columns that it reads. These are the ones of common worklists.

    Args:
        plate: what to fill; one plate, or all of a proposal.
        path: of the CSV.
        volume: in µL, for each well; 0.5 to 1000.
        sources: candidate -> where its stock stands; `sources_of` when None.
        dead_volume: in µL, that stays in a source well.
        controls: whether control wells are filled, too.

    Raises:
        PlateError: a volume that no channel pipettes, or as `transfers`.
        StoreError: the file cannot be written.
    """
    _check_pipetted(volume, 0.5, "a Hamilton channel", path)
    moves = transfers(plate, volume, sources, dead_volume=dead_volume, controls=controls)
    return write_whole(path, hamilton_text(moves))


def hamilton_text(moves: Sequence[Transfer]) -> str:
    """Transfers as a worklist for a Hamilton method, in µL."""
    rows: list[Row] = [[m.source.plate, m.source.well, m.plate.id, m.well, f"{m.volume:g}", *_sample(m)] for m in moves]
    return csv_text(HAMILTON_COLUMNS, rows)


def _check_pipetted(volume: float, least: float, who: str, path: str | Path) -> None:
    if not least <= volume <= 1000:
        raise PlateError(
            f"{shown_volume(volume)} cannot be pipetted: {who} takes {least:g} to 1,000 µL. Nothing was written.",
            file=str(path),
        )


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
    sources: Sources | None = None,
    *,
    source_labware: str = "",
    labware: str = "",
    slot: int = 1,
    height: float = 1.0,
    dead_volume: float = 0.0,
    controls: bool = True,
) -> Path:
    """Write a pick list for Opentrons' cherrypicking protocol (protocol library, `cherrypicking`).

    Source plates stand on the free slots of the deck in the order of their names, the plate itself on `slot`; slot 11
    and downwards stay free for tips.

    Args:
        plate: what to fill.
        path: of the CSV.
        volume: in µL, for each well; 1 to 1000.
        sources: candidate -> where its stock stands; `sources_of` when None.
        source_labware: load name of the source plates; when empty that of the smallest plate that has the wells, of 96
            or 384.
        labware: load name of the plate; the default of its size when empty.
        slot: where the plate stands, 1 to 11.
        height: in mm above the bottom of the source well.
        dead_volume: in µL, that stays in a source well.
        controls: whether control wells are filled, too.

    Raises:
        PlateError: a volume, height or slot that no robot has, too many source plates, no labware of that size, or as
            `transfers`.
        StoreError: the file cannot be written.
    """
    _check_opentrons(plate, path, volume, slot, height, labware)
    moves = transfers(plate, volume, sources, dead_volume=dead_volume, controls=controls)
    text = opentrons_text(plate, moves, path, source_labware=source_labware, labware=labware, slot=slot, height=height)
    return write_whole(path, text)


def opentrons_text(
    plate: Plate,
    moves: Sequence[Transfer],
    path: str | Path = "",
    *,
    source_labware: str = "",
    labware: str = "",
    slot: int = 1,
    height: float = 1.0,
) -> str:
    """Transfers as a pick list for Opentrons' cherrypicking protocol; arguments and errors as of `write_opentrons`."""
    slots = deck(moves, plate, slot, path)
    standing = source_labware or labware_of(moves, path)
    own = labware or LABWARE[plate.size]
    rows: list[Row] = [
        [standing, slots[m.source.plate], m.source.well, f"{height:g}", own, slot, m.well, f"{m.volume:g}"]
        for m in moves
    ]
    return csv_text(OPENTRONS_COLUMNS, rows)


def deck(moves: Sequence[Transfer], plate: Plate, slot: int = 1, path: str | Path = "") -> dict[str, int]:
    """Source plate -> the slot of an OT-2 on which it stands, where the plate itself stands on `slot`.

    Raises:
        PlateError: there are too many.
    """
    plates = sorted({m.source.plate for m in moves})
    free = [s for s in SLOTS if s != slot]
    if len(plates) >= len(free):
        raise PlateError(
            f"{len(plates)} source plates do not fit on the deck beside {plate.id} and a rack of tips. Use fewer, or "
            "write one list for each of them. Nothing was written.",
            file=str(path) or None,
        )
    return dict(zip(plates, free, strict=False))


def labware_of(moves: Sequence[Transfer], path: str | Path = "") -> str:
    """Opentrons' load name of the source plates of some transfers: the smallest that has their wells.

    Raises:
        PlateError: they have more than 384 wells.
    """
    size = next((s for s in (96, 384) if all(well_on(m.source.well, s) for m in moves)), None)
    if size is None:
        problem = "the source plates have more than 384 wells, of which Opentrons has no labware. Name yours"
        raise PlateError(f"{problem}: source_labware=... Nothing was written.", file=str(path) or None)
    return LABWARE[size]


def _check_opentrons(plate: Plate, path: str | Path, volume: float, slot: int, height: float, labware: str) -> None:
    _check_pipetted(volume, 1.0, "an Opentrons pipette", path)
    problem = ""
    if slot not in SLOTS:
        problem = f"there is no slot {slot}. Use 1 to 11"
    elif not 0 <= height < 100:
        problem = f"a height of {height:g} mm is outside the well. Use 0 to 100 mm"
    elif not labware and plate.size not in LABWARE:
        problem = f"Opentrons has no labware of {plate.size} wells. Name yours: labware=..."
    if problem:
        raise PlateError(f"{problem}. Nothing was written.", file=str(path))
