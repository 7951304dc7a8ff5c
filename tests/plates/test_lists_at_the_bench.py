"""The list of a plate goes to the bench and comes back: labels beside each candidate, a column to type results into."""

from __future__ import annotations

import csv
import io

import pytest

from activeloop.campaigns import Campaign
from activeloop.candidates import Pool
from activeloop.errors import MeasurementError
from activeloop.measurements import Assay, read_measurements
from activeloop.models import default_learner
from activeloop.plates import Plate, plates_in, read_plate, write_plate

LIBRARY = "SMILES,Catalog ID,Supplier,Plate,Well,unit,inhibition\n" + "".join(
    f"{'C' * i}O,00{i},Acme,LIB{1 + i % 2},{'ABCD'[i % 4]}0{i % 6 + 1},mg,{i}.5\n" for i in range(1, 13)
)
ASSAYS = (Assay("inhibition", "%", bounds=(0, 100)), Assay("Tm (melting)", "°C"))


@pytest.fixture
def pool(tmp_path):
    (tmp_path / "library.csv").write_text(LIBRARY)
    return Pool.from_table(tmp_path / "library.csv", "compounds")


@pytest.fixture
def plate(pool):
    loop = Campaign(pool, ASSAYS, learner=default_learner(pool, "find"), seed=1)
    return Plate.fill(loop.propose(6), wells=24, controls=2, control="DMSO", seed=0)


def rows_of(path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))


def filled(path, values: dict[str, dict[str, str]], delimiter: str = ",") -> None:
    """Type results into the list, by header and well."""
    rows = rows_of(path)
    for header, wells in values.items():
        assert header in rows[0], f"there is a column {header}"
        for row in rows:
            row[header] = wells.get(row["well"], row[header])
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def test_labels_travel_to_the_list_and_back(pool, plate, tmp_path):
    path = write_plate(plate, tmp_path / "plate-1.csv", ASSAYS)
    header = path.read_text("utf-8").splitlines()[0].split(",")
    assert header[:5] == ["plate", "well", "kind", "candidate", "replicate"]
    assert header[5:10] == ["Catalog ID", "Supplier", "source Plate", "source Well", "unit"]
    assert header[10:14] == ["pool inhibition", "inhibition (%)", "Tm (melting)", "rank"]
    for row in rows_of(path):
        if row["kind"] == "candidate":
            known = dict(pool[pool.find(row["candidate"])].labels)
            assert (row["Catalog ID"], row["source Plate"]) == (known["Catalog ID"], known["Plate"])
    again = read_plate(path)
    assert again == plate
    assert [dict(p.labels)["Catalog ID"] for p in again.picks] == [dict(p.labels)["Catalog ID"] for p in plate.picks]
    assert [p.labels for p in again.labelled(pool).picks] == [p.labels for p in plate.picks]


def test_a_proposal_keeps_its_labels_when_it_is_asked_for_again(pool):
    loop = Campaign(pool, ASSAYS, learner=default_learner(pool, "find"), seed=1)
    first = loop.propose(4)
    again = Campaign(pool, ASSAYS, learner=loop.learner, seed=1, log=loop.log).propose(4)
    assert [p.labels for p in again.picks] == [p.labels for p in first.picks]
    assert all(dict(p.labels)["Catalog ID"] == p.called for p in again.picks)


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_filled_in_list_is_recorded_as_it_is(pool, plate, tmp_path, delimiter):
    path = write_plate(plate, tmp_path / "plate-1.csv", ASSAYS)
    values = {well: f"{i + 10}.25" for i, well in enumerate(plate.wells)}
    if delimiter == ";":
        values = {well: value.replace(".", ",") for well, value in values.items()}
    filled(path, {"inhibition (%)": values, "Tm (melting)": dict(list(values.items())[:3])}, delimiter)
    found = read_measurements(path, pool=pool, assays=ASSAYS, plates=plate, controls=("DMSO",))
    assert len(found.measurements) == len(plate.wells) + 3
    assert not found.failed_wells
    by_well = {m.well: m for m in found.measurements if m.assay == "inhibition"}
    for i, (well, held) in enumerate(plate.wells.items()):
        assert (by_well[well].candidate, by_well[well].value) == (held.candidate, i + 10.25)
    (note,) = found.notes
    assert note.startswith("5 cells of Tm (melting) are still empty (")
    assert "write `failed`" in note
    assert [p.id for p in plates_in(tmp_path).plates] == ["plate-1"], "it is still the plate's list"


def test_a_list_in_which_nothing_was_filled_in_is_refused(pool, plate, tmp_path):
    path = write_plate(plate, tmp_path / "plate-1.csv", ASSAYS)
    with pytest.raises(MeasurementError, match="there is no result in it: every value is empty"):
        read_measurements(path, pool=pool, assays=ASSAYS, plates=plate, controls=("DMSO",))


def test_a_workbook_is_filled_in_too(pool, plate, tmp_path):
    from openpyxl import load_workbook

    path = write_plate(plate, tmp_path / "plate-1.xlsx", ASSAYS[:1])
    book = load_workbook(path)
    sheet = book["list"]
    header = [cell.value for cell in sheet[1]]
    column, kinds = header.index("inhibition (%)") + 1, header.index("kind") + 1
    for row in range(2, sheet.max_row + 1):
        if sheet.cell(row, kinds).value != "empty":
            sheet.cell(row, column, 12.5)
    assert sheet.cell(2, header.index("Catalog ID") + 1).value in (
        None,
        *(dict(p.labels)["Catalog ID"] for p in plate.picks),
    )
    book.save(path)
    found = read_measurements(path, pool=pool, assays=ASSAYS[:1], plates=plate, controls=("DMSO",))
    assert {m.well: m.value for m in found.measurements} == dict.fromkeys(plate.wells, 12.5)
    shape = load_workbook(path)["plate"]
    names = {str(cell.value) for row in shape.iter_rows(min_row=2, min_col=2) for cell in row if cell.value}
    assert names == {plate.called(w.candidate) for w in plate.wells.values()}
    assert names >= {"DMSO"}


@pytest.mark.parametrize("name", ["score", "rank", "reason"])
def test_an_assay_may_be_called_as_one_of_our_columns(pool, tmp_path, name):
    assay = Assay(name, "U")
    loop = Campaign(pool, [assay], learner=default_learner(pool, "find"), seed=1)
    plate = Plate.fill(loop.propose(3), wells=24, controls=1, control="DMSO", seed=0)
    path = write_plate(plate, tmp_path / "plate-1.csv", [assay])
    assert read_plate(path) == plate
    assert [p.rank for p in read_plate(path).picks] == [1, 2, 3]
    filled(path, {f"{name} (U)": dict.fromkeys(plate.wells, "1.5")})
    found = read_measurements(path, pool=pool, assays=assay, plates=plate, controls=("DMSO",))
    assert [m.value for m in found.measurements] == [1.5] * 4
