"""From an instrument's file to a table of results: one quantity, its wells, and the plates that they are of."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from activeloop.errors import MeasurementError
from activeloop.instruments.readings import InstrumentFile, Reading
from activeloop.measurements.blocks import named_in
from activeloop.tables import Table
from activeloop.tables.names import plain

Series = tuple[str, str, str, str]

#: units that a reader's schema prescribes, whatever the instrument had: the numbers are those of the file
PRESCRIBED = frozenset({"mAU", "RFU", "RLU"})


def results_table(
    file: InstrumentFile, *, assay: str, quantity: str = "", plates: Sequence[str] = ()
) -> tuple[Table, tuple[str, ...]]:
    """One quantity of an instrument's file as a table that `read_measurements` takes, and what to know about it.

    Args:
        file: the file.
        assay: that the quantity is of; names the column.
        quantity: which one, by its name, its channel, or both as `series_name` writes them; needed where the wells
            hold several.
        plates: ids of the plates that are out, by which those of the file are told.

    Raises:
        MeasurementError: no quantity has wells, or several could be meant; a well holds two values of it; the file
            holds several plates of which one has no name that is known.

    >>> from activeloop.instruments.readings import Reading
    >>> wells = [Reading("P1", w, "", "absorbance", "450 nm", v, "mAU") for w, v in (("A1", 0.5), ("A2", 0.7))]
    >>> table, notes = results_table(InstrumentFile("r.txt", "", "Gen5", tuple(wells)), assay="OD")
    >>> table.header, table.columns
    (('well', 'OD'), (['A1', 'A2'], ['0.5', '0.7']))
    """
    series = chosen_series(file, quantity)
    rows = [r for r in file.readings if r.series == series and r.well]
    names = list(dict.fromkeys(r.plate for r in rows))
    known = {name: named_in(name, plates) for name in names}
    if len(names) > 1 and not all(known.values()):
        unknown = next(name for name in names if not known[name])
        raise MeasurementError(
            f'it holds {len(names)} plates ({", ".join(map(repr, names[:6]))}), and "{unknown}" is none that is out '
            f"({', '.join(plates) or 'none'}). Name the plates in the instrument as they are named here, or export one "
            "file for each plate. Nothing was stored.",
            file=file.file,
        )
    _refuse_twice(rows, file.file)
    several = any(known.values())
    header = ("plate", "well", _column(assay, series)) if several else ("well", _column(assay, series))
    cells: list[list[str]] = [[known[r.plate] for r in rows]] if several else []
    cells += [[r.well for r in rows], [_cell(r) for r in rows]]
    notes = [
        f"read as {file.software or 'an instrument file'}: {series_name(series)} of {len(rows):,} wells.",
        *file.notes,
    ]
    if others := [series_name(s) for s in file.series() if s != series]:
        notes.append(f"not used: {'; '.join(others[:8])}{' ...' * (len(others) > 8)}.")
    return Table(file.file, header, tuple(cells), range(2, len(rows) + 2), file.content_hash), tuple(notes)


def chosen_series(file: InstrumentFile, quantity: str = "") -> Series:
    """The one quantity of the wells that is meant; see `results_table`."""
    named, counts = series_names(file), file.series()
    all_of = list(named)
    if not all_of:
        courses = (
            " It holds spectra or courses in time: choose a reduction, such as --reduce maximum." if file.cubes else ""
        )
        raise MeasurementError(f"no value of it names a well.{courses} Nothing was stored.", file=file.file)
    fitting = [s for s in all_of if _fits(s, named[s], quantity)] if quantity else all_of
    exact = [s for s in fitting if quantity and plain(quantity) in (plain(named[s]), plain(s[0]), plain(s[1]))]
    fitting = exact or fitting
    if len(fitting) == 1:
        return fitting[0]
    listed = "; ".join(f'"{name}" ({counts[s]:,} values)' for s, name in named.items())
    what = f'"{quantity}" fits {len(fitting)} of' if quantity else "its wells hold several of"
    if quantity and not fitting:
        what = f'"{quantity}" is none of'
    raise MeasurementError(
        f"{what} these: {listed}. Say which one is the result (--quantity NAME). Nothing was stored.", file=file.file
    )


def series_names(file: InstrumentFile) -> dict[Series, str]:
    """The quantities of a file's wells by the names by which they are asked for, each of another name."""
    wells = {r.series for r in file.readings if r.well}
    names = {s: series_name(s) for s in file.series() if s in wells}
    often = Counter(names.values())
    return {s: f"{name} in {s[2] or 'no unit'}" if often[name] > 1 else name for s, name in names.items()}


def series_name(series: Series) -> str:
    """A quantity as it is listed and asked for.

    >>> series_name(("absorbance", "450 nm", "mAU", "measured")), series_name(("Conc", "", "ng/ml", "calculated"))
    ('absorbance at 450 nm', 'Conc (calculated)')
    """
    quantity, channel, _, origin = series
    return f"{quantity}{f' at {channel}' * bool(channel)}{f' ({origin})' * (origin != 'measured')}"


def _fits(series: Series, name: str, quantity: str) -> bool:
    words = plain(quantity)
    return words in plain(name) or words in plain(f"{series[0]} {series[1]}")


def _column(assay: str, series: Series) -> str:
    """Name of the column; a unit that the reader's schema prescribes says nothing about the numbers."""
    unit = series[2]
    return f"{assay} ({unit})" if unit and unit not in PRESCRIBED and unit != "#" else assay


def _cell(reading: Reading) -> str:
    return (reading.problem or "n.d.") if math.isnan(reading.value) else repr(reading.value)


def _refuse_twice(rows: Sequence[Reading], file: str) -> None:
    seen: dict[tuple[str, str], Reading] = {}
    for r in rows:
        first = seen.setdefault((r.plate, r.well), r)
        if first is not r:
            times = f" (at {first.time} and {r.time})" if first.time != r.time else ""
            raise MeasurementError(
                f"well {r.well}{f' of {r.plate}' * bool(r.plate)} has {r.quantity} twice{times}: {first.value:g} and "
                f"{r.value:g}. Export one reading, or give the other a name. Nothing was stored.",
                file=file,
            )
