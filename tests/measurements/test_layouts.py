"""Results in the layouts that people and instruments write: each entrance stores the same measurements.

Entrances: `activeloop record`, `read_measurements` with `Campaign.record`, and, for tables of candidates and values,
the reader of `activeloop replay`.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activeloop.campaigns import Campaign
from activeloop.candidates import Pool
from activeloop.cli import main
from activeloop.config import open_campaign
from activeloop.errors import InputError
from activeloop.measurements import Assay, Well, read_measurements
from activeloop.measurements.wells import SHAPES, parse_well, row_letters, well_name, well_names
from activeloop.models import TanimotoGP
from activeloop.plates import Plate, read_plates
from activeloop.replay.table import find_columns, landscape_of
from activeloop.tables import read_table

PARENT = "MKTAYIAKQRQISFVKSHFSRQ"
KCAT = Assay("kcat", "1/s")
THREE = dict(zip("ARNDCQEGHILKMFPSTWYV", "Ala Arg Asn Asp Cys Gln Glu Gly His Ile Leu Lys Met Phe Pro Ser Thr Trp Tyr "
                 "Val".split(), strict=True))  # fmt: skip


@dataclass(frozen=True)
class Result:
    """One well and its value."""

    plate: str
    well: str
    candidate: str
    control: bool
    value: float

    @property
    def padded(self) -> str:
        row, column = parse_well(self.well) or (0, 0)
        return f"{row_letters(row)}{column + 1:02}"


Rows = Sequence[Result]
Cells = list[list[object]]


def results_of(plates: Sequence[Plate]) -> list[Result]:
    """A value for each filled well, none of them twice."""
    wells = [(plate.id, well, held) for plate in plates for well, held in plate.wells.items()]
    return [Result(p, w, held.candidate, held.control, 1.25 + i * 0.375) for i, (p, w, held) in enumerate(wells)]


# How a table becomes a file.


def text(cells: Cells, delimiter: str = ",", decimal: str = ".", **options) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator="\n", **options)
    writer.writerows([[str(c).replace(".", decimal) if isinstance(c, float) else c for c in row] for row in cells])
    return buffer.getvalue()


def save(path: Path, cells: Cells, **options) -> list[Path]:
    path.write_text(text(cells, **options), encoding="utf-8")
    return [path]


def workbook(path: Path, **sheets: Cells) -> list[Path]:
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    for name, cells in sheets.items():
        sheet = book.create_sheet(name)
        for row in cells:
            sheet.append([None if c == "" else c for c in row])
    book.save(path)
    return [path]


def by_well(
    rows: Rows, header: Sequence[str] = ("plate", "well", "kcat"), well: str = "well", times: float = 1
) -> Cells:
    return [list(header), *([r.plate, getattr(r, well), r.value * times] for r in rows)]


def by_name(rows: Rows, header: Sequence[str] = ("candidate", "value"), name: Callable[[str], str] = str) -> Cells:
    return [list(header), *([name(r.candidate), r.value] for r in rows)]


def three_letters(name: str) -> str:
    return f"p.{THREE[name[0]]}{name[1:-1]}{THREE[name[-1]]}" if name != "WT" else "p.="


def grid(rows: Rows, blank: object = "", corner: str = "", column: str = "{}", size: int = 24) -> Cells:
    values = {r.well: r.value for r in rows}
    height, width = SHAPES[size]
    head = [corner, *(column.format(c + 1) for c in range(width))]
    return [head] + [
        [row_letters(r), *(values.get(well_name(r, c), blank) for c in range(width))] for r in range(height)
    ]


def around(cells: Cells) -> Cells:
    """The lines that a reader writes before and after its block."""
    before = [["Application: Reader 7"], ["Date:", "2026-03-01"], ["Mode", "Absorbance"], []]
    return [*before, *cells, [], ["End time", "10:41"]]


@dataclass(frozen=True)
class Layout:
    """How one file, or several, are written.

    Args:
        write: from results and a folder to paths.
        wells: whether the file tells in which well each value was.
        columns: role -> column that must be named.
        sheet: of a workbook.
        replay: whether it is a table of candidates and values that `replay` reads, too.
    """

    write: Callable[[Rows, Path], list[Path]]
    wells: bool = True
    columns: dict[str, str] = field(default_factory=dict)
    sheet: str | None = None
    replay: bool = False


def named(**options) -> Callable[[Callable[[Rows, Path], list[Path]]], Layout]:
    return lambda write: Layout(write, wells=False, **options)


def encoded(cells: Cells, folder: Path, encoding: str, name: str = "r.csv", **options) -> list[Path]:
    (folder / name).write_bytes(text(cells, **options).encode(encoding))
    return [folder / name]


def shuffled(rows: Rows) -> list[Result]:
    return random.Random(3).sample(list(rows), len(rows))


def our_list(folder: Path, rows: Rows, name: str) -> list[Path]:
    """The plate list that was sent to the laboratory, with a column more."""
    with (folder / "plate-1.csv").open(newline="") as file:
        lines = list(csv.reader(file))
    values = {r.well: r.value for r in rows}
    cells: Cells = [[*lines[0], "kcat"], *([*line, values.get(line[1], "")] for line in lines[1:])]
    return workbook(folder / name, list=cells) if name.endswith("xlsx") else save(folder / name, cells)


LAYOUTS: dict[str, Layout] = {
    # by well, one row each
    "plate, well and assay": Layout(lambda r, f: save(f / "r.csv", by_well(r))),
    "well alone": Layout(lambda r, f: save(f / "r.csv", [row[1:] for row in by_well(r)])),
    "wells with a zero": Layout(lambda r, f: save(f / "r.csv", by_well(r, well="padded"))),
    "lower case": Layout(lambda r, f: save(f / "r.csv", [[str(c).lower() for c in row] for row in by_well(r)])),
    "our list with a column more": Layout(lambda r, f: our_list(f, r, "r.csv")),
    "our workbook with a column more": Layout(lambda r, f: our_list(f, r, "r.xlsx")),
    "a column value": Layout(lambda r, f: save(f / "r.csv", by_well(r, ("plate", "well", "value")))),
    "long, with assay and unit": Layout(
        lambda r, f: save(
            f / "r.csv",
            [["plate", "well", "assay", "value", "unit"], *([x.plate, x.well, "kcat", x.value, "1/s"] for x in r)],
        )
    ),
    "unit in the header": Layout(lambda r, f: save(f / "r.csv", by_well(r, ("plate", "well", "kcat (1/s)")))),
    "another spelling of the unit": Layout(lambda r, f: save(f / "r.csv", by_well(r, ("plate", "well", "kcat [s-1]")))),
    "another prefix": Layout(lambda r, f: save(f / "r.csv", by_well(r, ("plate", "well", "kcat (1/ms)"), times=1e-3))),
    "unit in the cells": Layout(
        lambda r, f: save(f / "r.csv", [by_well(r)[0], *([x.plate, x.well, f"{x.value} s-1"] for x in r)])
    ),
    "a row of units": Layout(
        lambda r, f: save(f / "r.csv", [["plate", "well", "kcat"], ["", "", "1/s"], *by_well(r)[1:]])
    ),
    "a row of other units": Layout(
        lambda r, f: save(f / "r.csv", [["well", "kcat"], ["[-]", "[1/ms]"], *([x.well, x.value / 1e3] for x in r)])
    ),
    "German": Layout(
        lambda r, f: save(f / "r.csv", by_well(r, ("Platte", "Kavität", "Messwert")), delimiter=";", decimal=",")
    ),
    "German in Latin-1": Layout(
        lambda r, f: encoded(by_well(r, ("Platte", "Kavität", "Wert")), f, "latin-1", delimiter=";", decimal=",")
    ),
    "French": Layout(lambda r, f: save(f / "r.csv", by_well(r, ("plaque", "puits", "résultat")), delimiter=";")),
    "tabs": Layout(lambda r, f: save(f / "r.tsv", by_well(r), delimiter="\t")),
    "tabs in UTF-16": Layout(lambda r, f: encoded(by_well(r), f, "utf-16", "r.txt", delimiter="\t")),
    "byte-order mark": Layout(lambda r, f: encoded(by_well(r), f, "utf-8-sig")),
    "carriage returns": Layout(lambda r, f: _crlf(by_well(r), f)),
    "quoted": Layout(lambda r, f: save(f / "r.csv", by_well(r), quoting=csv.QUOTE_ALL)),
    "the line that Excel writes": Layout(lambda r, f: _crlf(by_well(r), f, "sep=;\n", delimiter=";")),
    "packed": Layout(lambda r, f: _packed(by_well(r), f)),
    "blank lines": Layout(lambda r, f: save(f / "r.csv", [row for line in by_well(r) for row in (line, [])])),
    "any order": Layout(lambda r, f: save(f / "r.csv", by_well(shuffled(r)))),
    "workbook": Layout(lambda r, f: workbook(f / "r.xlsx", Sheet1=by_well(r))),
    "a sheet of a workbook": Layout(
        lambda r, f: workbook(f / "r.xlsx", Notes=[["nothing", "here"], ["x", "y"]], Data=by_well(r)), sheet="Data"
    ),
    "columns that are named": Layout(
        lambda r, f: save(f / "r.csv", by_well(r, ("Box", "Place", "OD600"))),
        columns={"plate": "Box", "well": "Place", "kcat": "OD600"},
    ),
    "reader with a plate number": Layout(
        lambda r, f: save(
            f / "r.csv",
            [["Plate", "Barcode", "Well", "Result", "Meas Time"]]
            + [[1, "BC0001", x.padded, x.value, "00:00:01"] for x in r],
        )
    ),
    "candidate beside its well": Layout(
        lambda r, f: save(f / "r.csv", [["well", "mutant", "kcat"], *([x.well, x.candidate, x.value] for x in r)])
    ),
    "other columns": Layout(
        lambda r, f: save(f / "r.csv", [[*row, "operator" if i == 0 else "AB", ""] for i, row in enumerate(by_well(r))])
    ),
    "dates": Layout(
        lambda r, f: save(f / "r.csv", [["well", "kcat", "date"], *([x.well, x.value, "2026-03-01"] for x in r)])
    ),
    "every well of the plate": Layout(lambda r, f: save(f / "r.csv", _all_wells(r))),
    # shaped like the plate
    "grid": Layout(lambda r, f: save(f / "r.csv", grid(r))),
    "grid with tabs": Layout(lambda r, f: save(f / "r.tsv", grid(r), delimiter="\t")),
    "grid in a workbook": Layout(lambda r, f: workbook(f / "r.xlsx", plate=grid(r))),
    "grid of every well": Layout(lambda r, f: save(f / "r.csv", grid(r, blank=0.041))),
    "grid with a unit in its corner": Layout(lambda r, f: save(f / "r.csv", grid(r, corner="kcat (1/s)"))),
    "grid with columns 01": Layout(lambda r, f: save(f / "r.csv", grid(r, column="{:02}"))),
    "grid, German": Layout(lambda r, f: save(f / "r.csv", grid(r), delimiter=";", decimal=",")),
    "grid between a reader's lines": Layout(lambda r, f: save(f / "r.csv", around(grid(r, corner="<>")))),
    "grid between lines in a workbook": Layout(lambda r, f: workbook(f / "r.xlsx", R=around(grid(r, corner="<>")))),
    # by candidate
    "candidate and value": named(replay=True)(lambda r, f: save(f / "r.csv", by_name(r))),
    "mutant and assay": named(replay=True)(lambda r, f: save(f / "r.csv", by_name(r, ("mutant", "kcat")))),
    "candidates, tabs": named(replay=True)(lambda r, f: save(f / "r.tsv", by_name(r), delimiter="\t")),
    "candidates, workbook": named(replay=True)(lambda r, f: workbook(f / "r.xlsx", S=by_name(r))),
    "candidates, German": named(replay=True)(
        lambda r, f: save(f / "r.csv", by_name(r, ("Variante", "Messwert")), delimiter=";", decimal=",")
    ),
    "candidates, Spanish": named(replay=True)(
        lambda r, f: save(f / "r.csv", by_name(r, ("Mutación", "Valor")), delimiter=";", decimal=",")
    ),
    "three letters": named(replay=True)(
        lambda r, f: save(f / "r.csv", by_name(r, ("hgvs_pro", "kcat"), three_letters))
    ),
    "candidates and their plate": named()(
        lambda r, f: save(f / "r.csv", [["plate", "mutant", "kcat"], *([x.plate, x.candidate, x.value] for x in r)])
    ),
    "candidates and unit": named()(lambda r, f: save(f / "r.csv", by_name(r, ("mutant", "kcat (1/s)")))),
    "controls by a column": named()(
        lambda r, f: save(
            f / "r.csv",
            [["mutant", "kind", "kcat"], *([x.candidate, "control" if x.control else "sample", x.value] for x in r)],
        )
    ),
    "replicates by number": named()(lambda r, f: save(f / "r.csv", _numbered(r))),
    "replicates across": named()(lambda r, f: save(f / "r.csv", _across(r, *(f"rep{i}" for i in range(1, 5))))),
    "replicates across, named after the assay": named()(
        lambda r, f: save(f / "r.csv", _across(r, *(f"kcat_{i} (1/s)" for i in range(1, 5))))
    ),
}  # fmt: skip


def _crlf(cells: Cells, folder: Path, first: str = "", **options) -> list[Path]:
    (folder / "r.csv").write_bytes((first + text(cells, **options)).replace("\n", "\r\n").encode())
    return [folder / "r.csv"]


def _packed(cells: Cells, folder: Path) -> list[Path]:
    (folder / "r.csv.gz").write_bytes(gzip.compress(text(cells).encode()))
    return [folder / "r.csv.gz"]


def _all_wells(rows: Rows) -> Cells:
    values = {r.well: r.value for r in rows}
    return [["well", "kcat"], *([well, values.get(well, 0.041)] for well in well_names(24))]


def _numbered(rows: Rows) -> Cells:
    seen: dict[str, int] = {}
    cells: Cells = [["mutant", "replicate", "kcat"]]
    for r in rows:
        seen[r.candidate] = seen.get(r.candidate, 0) + 1
        cells.append([r.candidate, seen[r.candidate], r.value])
    return cells


def _across(rows: Rows, *names: str) -> Cells:
    values: dict[str, list[object]] = {}
    for r in rows:
        values.setdefault(r.candidate, []).append(r.value)
    return [["mutant", *names], *([name, *found, *[""] * (len(names) - len(found))] for name, found in values.items())]


# The entrances.


def typed(*arguments: object) -> None:
    with pytest.raises(SystemExit) as end:
        main([str(a) for a in arguments])
    assert not end.value.code, arguments


@pytest.fixture(scope="module")
def campaign(tmp_path_factory) -> Path:
    """A campaign whose plate of 24 wells is out: 8 candidates, 4 wells of the wild type."""
    folder = tmp_path_factory.mktemp("layouts") / "c"
    options = ("--assay", "kcat:1/s", "--wells", 24, "--controls", 4, "--learner", "forest")
    typed("new", folder, "--wild-type", PARENT, "--singles", *options)
    typed("propose", folder, "-n", 8)
    return folder


def stored(campaign: Campaign, wells: bool) -> list[tuple[object, ...]]:
    """What counts and has a value."""
    found = [r.measurement for r in campaign.state().results if r.void is None]
    return sorted(
        (m.candidate, round(m.value, 9), m.qualifier, m.control, *((m.plate, m.well) if wells else ()))
        for m in found
        if m.value == m.value
    )


def expected(rows: Rows, wells: bool) -> list[tuple[object, ...]]:
    return sorted((r.candidate, round(r.value, 9), "=", r.control, *((r.plate, r.well) if wells else ())) for r in rows)


def through_the_command_line(layout: Layout, paths: list[Path], folder: Path, copy: Path) -> Campaign:
    shutil.copytree(folder, copy)
    options = [f"--column={role}={column}" for role, column in layout.columns.items()]
    for path in paths:
        typed("record", copy, path, *options, *(["--sheet", layout.sheet] if layout.sheet else []))
    return open_campaign(copy).campaign


def through_python(layout: Layout, paths: list[Path], folder: Path, _: Path) -> Campaign:
    pool = Pool.single_mutants(PARENT)
    found = Campaign(pool, [KCAT], TanimotoGP())
    plates = [p for path in sorted((folder / "plates").glob("*.csv")) for p in read_plates(path)]
    for path in paths:
        options = {"columns": layout.columns or None, "sheet": layout.sheet}
        found.record(read_measurements(path, pool=pool, assays=KCAT, plates=plates, **options))
    return found


ENTRANCES = {"command": through_the_command_line, "Python": through_python}


@pytest.mark.parametrize("entrance", ENTRANCES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_stores_each_value_where_it_was_measured(layout, entrance, campaign, tmp_path):
    shutil.copy(campaign / "plates" / "plate-1.csv", tmp_path)
    rows = results_of(read_plates(tmp_path / "plate-1.csv"))
    how = LAYOUTS[layout]
    found = ENTRANCES[entrance](how, how.write(rows, tmp_path), campaign, tmp_path / "copy")
    assert stored(found, how.wells) == expected(rows, how.wells)


@pytest.mark.parametrize("layout", [name for name, how in LAYOUTS.items() if how.replay])
def test_replay_reads_the_same_values(layout, campaign, tmp_path):
    rows = results_of(read_plates(campaign / "plates" / "plate-1.csv"))
    (path,) = LAYOUTS[layout].write(rows, tmp_path)
    table = read_table(path)
    columns = find_columns(table, None, None, None)
    landscape = landscape_of(table, columns, "results", "maximise", PARENT)
    own: dict[str, list[float]] = {}
    for r in rows:
        own.setdefault(r.candidate, []).append(r.value)
    assert dict(zip(landscape.pool.names(range(len(landscape))), landscape.values.tolist(), strict=True)) == {
        name: pytest.approx(np.mean(values)) for name, values in own.items()
    }


def test_there_are_enough_layouts():
    assert len(LAYOUTS) >= 40


SEVERAL: dict[str, Layout] = {
    "one list": Layout(lambda r, f: save(f / "r.csv", by_well(r))),
    "one workbook": Layout(lambda r, f: workbook(f / "r.xlsx", S=by_well(shuffled(r)))),
    "a list for each, named after it": Layout(
        lambda r, f: [
            path
            for plate in sorted({x.plate for x in r})
            for path in save(f / f"{plate}.csv", [row[1:] for row in by_well([x for x in r if x.plate == plate])])
        ]
    ),
    "a grid for each, named after it": Layout(
        lambda r, f: [
            path
            for plate in sorted({x.plate for x in r})
            for path in save(f / f"results {plate} day 1.csv", grid([x for x in r if x.plate == plate]))
        ]
    ),
    "candidates find their plate": Layout(
        lambda r, f: save(
            f / "r.csv", [["well", "mutant", "kcat"], *([x.well, x.candidate, x.value] for x in r if not x.control)]
        )
    ),
}


@pytest.mark.parametrize("entrance", ENTRANCES)
@pytest.mark.parametrize("layout", SEVERAL)
def test_results_of_several_plates_go_to_their_own(layout, entrance, campaign, tmp_path):
    copy = shutil.copytree(campaign, tmp_path / "two")
    typed("propose", copy, "-n", 30, "--another")
    plates = [p for path in sorted((copy / "plates").glob("*.csv")) for p in read_plates(path)]
    assert len(plates) == 3
    how, rows = SEVERAL[layout], results_of(plates)
    found = ENTRANCES[entrance](how, how.write(rows, tmp_path), copy, tmp_path / "copy")
    kept = [r for r in rows if not r.control or layout != "candidates find their plate"]
    assert stored(found, True) == expected(kept, True)


# Any layout at all: each value on the right candidate and well, or the file is refused.

POOL = Pool.single_mutants(PARENT)


@st.composite
def tables(draw) -> tuple[list[Result], Cells, dict[str, object]]:
    """A plate's results, the cells of a table of them, and how it is written; wells and names in any spelling."""
    size = draw(st.sampled_from((6, 24, 96)))
    names = draw(st.lists(st.integers(0, len(POOL) - 1), min_size=2, max_size=min(size - 2, 8), unique=True))
    wells = draw(st.permutations(well_names(size)))[: len(names)]
    values = draw(
        st.lists(st.integers(1, 99_999), min_size=len(names), max_size=len(names), unique=True).map(
            lambda v: [x / 1000 for x in v]
        )
    )
    rows = [Result("plate-1", w, POOL.names([n])[0], False, v) for w, n, v in zip(wells, names, values, strict=True)]
    spell_well = draw(st.sampled_from((str, str.lower, lambda w: f" {w} ", lambda w: f"{w[0]}0{w[1:]}")))
    spell_name = draw(st.sampled_from((str, str.lower, three_letters, lambda n: f" {n}", lambda n: f"p.{n}")))
    shown = draw(st.sets(st.sampled_from(("plate", "well", "mutant", "Operator", "replicate"))))
    value = draw(st.sampled_from(("kcat", "KCAT", "kcat (1/s)", "value", "kcat [s^-1]", "Result (1/s)")))
    header = draw(st.permutations([*sorted(shown), value]))
    cells: Cells = [list(header)]
    for r in rows:
        cell = {"plate": "plate-1", "well": spell_well(r.well), "mutant": spell_name(r.candidate), "Operator": "AB",
                "replicate": 1, value: r.value}  # fmt: skip
        cells.append([cell[name] for name in header])
    if draw(st.booleans()):
        cells[1:] = draw(st.permutations(cells[1:]))
    how = draw(st.sampled_from(((",", "."), (";", ","), (";", "."), ("\t", ","), ("\t", "."))))
    plate = Plate("plate-1", size, {r.well: Well(r.candidate) for r in rows})
    return rows, cells, {"delimiter": how[0], "decimal": how[1], "plate": plate, "shown": shown}


@settings(max_examples=250, deadline=None)
@given(tables(), st.sampled_from(("text", "workbook", "pandas", "polars", "columns")))
def test_any_table_is_stored_as_it_is_written_or_refused(tmp_path_factory, drawn, form):
    rows, cells, how = drawn
    folder = tmp_path_factory.mktemp("any")
    columns = dict(zip(cells[0], zip(*cells[1:], strict=True), strict=True))
    frames = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "columns": dict}
    if form in frames:
        path = frames[form](columns)
    elif form == "workbook":
        (path,) = workbook(folder / "r.xlsx", S=cells)
    else:
        (path,) = save(folder / "r.csv", cells, delimiter=how["delimiter"], decimal=how["decimal"])
    try:
        found, why = read_measurements(path, pool=POOL, assays=KCAT, plates=how["plate"]), ""
    except InputError as error:
        found, why = None, str(error)
    if found is None:  # without a name or well, or where 1,500 may be 1500 and 1.5
        assert not how["shown"] & {"well", "mutant"} or "two " in why, why
        return
    assert how["shown"] & {"well", "mutant"}
    assert sorted((m.candidate, m.value) for m in found.measurements) == sorted((r.candidate, r.value) for r in rows)
    if "well" in how["shown"]:
        assert {m.well: m.value for m in found.measurements} == {r.well: r.value for r in rows}


@settings(deadline=None)
@given(tables(), st.data())
def test_a_table_with_one_wrong_cell_is_refused_whole(tmp_path_factory, drawn, data):
    rows, cells, how = drawn
    shown, folder = how["shown"], tmp_path_factory.mktemp("wrong")
    if not {"well", "mutant"} <= shown:
        return
    line = data.draw(st.sampled_from(cells[1:]))
    others = [r.candidate for r in rows if r.value not in line]
    line[cells[0].index("mutant")] = data.draw(st.sampled_from(others))
    (path,) = save(folder / "r.csv", cells, delimiter=how["delimiter"], decimal=how["decimal"])
    with pytest.raises(InputError):
        read_measurements(path, pool=POOL, assays=KCAT, plates=how["plate"])
