"""Plates as one types them: options that last, layouts, lists that come back, pick lists."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from openpyxl import load_workbook

from activeloop.plates import plates_in, read_plate

LIBRARY = "SMILES,Catalog ID,Supplier,Plate,Well,Volume (µL)\n" + "".join(
    f"{'C' * i}O,Z{i},Acme,LIB{1 + i % 2},{'ABCDEFGH'[i % 8]}0{i % 9 + 1},20\n" for i in range(1, 41)
)


@pytest.fixture
def run(run, monkeypatch):
    """Type a command in an empty folder; returns exit status and everything that was said."""
    monkeypatch.setenv("COLUMNS", "160")

    def joined(*arguments: object) -> tuple[int, str]:
        status, out, err = run(*arguments)
        return status, out + err

    return joined


@pytest.fixture
def loop(run) -> Path:
    Path("library.csv").write_text(LIBRARY)
    assert run("new", "c", "--table", "library.csv", "--kind", "compounds", "--assay", "inhibition:%:0..100")[0] == 0
    return Path("c")


def fill_in(number: int, value: float = 50.0) -> Path:
    """The list of a plate with a result in each of its wells."""
    path = Path(f"c/plates/plate-{number}.csv")
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))
    for i, row in enumerate(rows):
        row["inhibition (%)"] = "" if row["kind"] == "empty" else f"{value + i % 7}"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_the_list_itself_is_filled_in_recorded_and_still_the_plate(run, loop):
    assert "Z" in run("propose", "c", "-n", 6, "--controls", 2)[1]
    status, said = run("record", "c", fill_in(1))
    assert (status, "Stored 8 results of 6 candidates" in said) == (0, True)
    assert "Note" not in said
    status, said = run("plate", "c", "--out", "again.csv")
    assert status == 0
    assert "no plates" not in said
    header = Path("again.csv").read_text("utf-8").splitlines()[0]
    assert header.startswith("plate,well,kind,candidate,replicate,Catalog ID,Supplier,source Plate,source Well,Volume")


def test_options_of_the_last_plate_hold_for_the_next(run, loop):
    run("propose", "c", "-n", 6, "--controls", 2, "--layout", "by-column", "--plate", 24)
    run("record", "c", fill_in(1))
    status, said = run("propose", "c")
    assert status == 0
    assert "As for the last plate: --plate 24, --controls 2, --layout by-column, -n 6." in said
    plate = read_plate("c/plates/plate-2.csv")
    assert (plate.size, len(plate.candidates), [w for w in plate.wells][:2]) == (24, 6, ["A1", "A2"])
    assert {n for n, w in plate.wells.items() if w.control} == {"A1", "B1"}
    run("record", "c", fill_in(2))
    config = Path("c/campaign.toml")
    config.write_text(config.read_text("utf-8").replace("controls = 8", "controls = 4"), "utf-8")
    assert "--layout by-column, -n 6." in run("propose", "c")[1]
    plate = read_plate("c/plates/plate-3.csv")
    assert (plate.size, sum(w.control for w in plate.wells.values())) == (24, 4), "what is edited since goes first"
    run("record", "c", fill_in(3))
    run("propose", "c", "--plate", 96, "--controls", 0)
    assert len(read_plate("c/plates/plate-4.csv").candidates) == 22, "another plate is filled: all that are left"


def test_a_plate_is_laid_out_anew_until_it_has_results(run, loop):
    run("propose", "c", "-n", 20, "--controls", 4, "--layout", "compact")
    compact = read_plate("c/plates/plate-1.csv")
    assert {name[1:] for name in compact.wells} == {"1", "2", "3"}
    status, said = run("plate", "c", "--layout", "random", "--empty-edges")
    assert (status, "Laid out anew: plate-1" in said) == (0, True)
    plate = read_plate("c/plates/plate-1.csv")
    assert set(plate.candidates) == set(compact.candidates)
    assert not [name for name in plate.wells if name[0] in "AH" or name[1:] in ("1", "12")]
    assert "without edges" in run("plate", "c", "--plate", 24, "--controls", 8)[1]
    run("plate", "c", "--plate", 24, "--controls", 8, "--fill-edges")
    assert {p.id for p in plates_in("c/plates").plates} == {"plate-1-1", "plate-1-2"}
    run("plate", "c", "--plate", 96, "--layout", "compact", "--fill-edges", "--controls", 4)
    assert read_plate("c/plates/plate-1.csv").wells == compact.wells, "the same seed, the same layout"
    run("record", "c", fill_in(1))
    status, said = run("plate", "c", "--layout", "random")
    assert (status, "plate-1 has results already (event" in said) == (1, True)
    assert read_plate("c/plates/plate-1.csv").wells == compact.wells
    assert "As for the last plate" in run("propose", "c")[1]


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_typed_results_are_never_written_over(run, loop, ending):
    run("propose", "c", "-n", 6, "--controls", 2, "--plate", 24)
    path = Path(f"c/plates/plate-1.{ending}")
    if ending == "csv":
        fill_in(1)
    else:
        book = load_workbook(path)
        column = next(cell.column for cell in book["list"][1] if cell.value == "inhibition (%)")
        book["list"].cell(2, column, 3.5)
        book.save(path)
    before = path.read_bytes()
    for tried in (("plate", "--layout", "by-column"), ("plate", "--out", path), ("propose", "--out", path)):
        status, said = run(tried[0], "c", *tried[1:])
        assert (status, "results were typed into it" in said, said.count("Record it first")) == (2, True, 1), said
        assert path.read_bytes() == before
    if ending == "xlsx":  # the list is lost: it is not written anew beside a workbook with results
        Path("c/plates/plate-1.csv").unlink()
        assert "results were typed into it" in run("propose", "c")[1]
        assert path.read_bytes() == before


def test_tables_and_pictures_say_the_unit(run, loop):
    run("propose", "c", "-n", 12, "--controls", 4, "--plate", 24)
    run("record", "c", fill_in(1))
    status, said = run("propose", "c", "-n", 4)
    assert (status, "predicted (%)" in " ".join(said.split())) == (0, True)
    assert "inhibition predicted (%)" in Path("c/plates/plate-2.svg").read_text("utf-8")
    assert "Best of 12 after 1 round: Z" in run("assess", "c")[1], "a compound is called by its id"
    assert run("explain", "c", "Z3")[1].startswith("Z3, CCCO: predicted")


def test_what_changes_a_campaign_says_that_a_proposal_is_out(run, loop):
    assert run("veto", "c", "Z1")[1].endswith("Next: `activeloop propose c`.\n")
    run("propose", "c", "-n", 6, "--controls", 2, "--plate", 24)
    out = "proposal 1 is out and stays as it is: measure it. `activeloop propose c --another` makes a further one.\n"
    assert run("veto", "c", "Z2")[1].endswith(out)
    assert run("pin", "c", "Z3")[1].endswith(out)


def test_a_name_is_no_suggestion_for_itself(run, loop):
    run("propose", "c", "-n", 6, "--controls", 2, "--plate", 24)
    path = Path("c/plates/plate-1.csv")
    first = read_plate(path).candidates[0]
    path.write_text(path.read_text("utf-8").replace(f",{first},", ",CCCCN,", 1), "utf-8")
    status, said = run("record", "c", fill_in(1))
    assert (status, '"CCCCN" is not in the pool' in said, 'mean "CCCCN"' in said) == (2, True, False), said


def test_pick_lists(run, loop):
    run("propose", "c", "-n", 6, "--controls", 2)
    assert run("plate", "c", "--for", "echo")[1].endswith("--volume 100nL. Nothing was written.\n")
    assert "DMSO (control)" in run("plate", "c", "--for", "echo", "--volume", "100nL")[1]
    Path("dmso.csv").write_text("stock,plate,well\nDMSO,D1,A1\n")
    status, said = run("plate", "c", "--for", "echo", "--volume", "100nL", "--sources", "dmso.csv")
    assert status == 0
    assert "8 transfers of 100 nL from 7 wells of " in said
    assert "How much 1 of them hold is not known (--source-volume)." in said
    rows = list(csv.DictReader(io.StringIO(Path("c/plates/picklists/plate-1-echo.csv").read_text("utf-8"))))
    library = {row["SMILES"]: row for row in csv.DictReader(io.StringIO(LIBRARY))}
    plate = read_plate("c/plates/plate-1.csv")
    assert {r["Destination Well"] for r in rows} == set(plate.wells)
    for r in rows:
        assert plate.wells[r["Destination Well"]].candidate == r["Sample Name"]
        if r["Sample Name"] != "DMSO":
            known = library[r["Sample Name"]]
            assert (r["Source Plate Barcode"], r["Sample ID"]) == (known["Plate"], known["Catalog ID"])
            assert r["Source Well"] == known["Well"].replace("0", "", 1)
    for robot in ("opentrons", "hamilton"):
        assert run("plate", "c", "--for", robot, "--volume", "2uL", "--without-controls", "--out", "l.csv")[0] == 0
        assert len(Path("l.csv").read_text().splitlines()) == 7
    assert "no plates" not in run("status", "c")[1], "pick lists are no plates"
    for options, expected in [
        (("--volume", "18uL", "--dead-volume", "5uL"), "its source holds too little"),
        (("--volume", "100"), "it may be nL or µL"),
        (("--volume", "101nL"), "droplets of 2.5 nL. Use 100 nL"),
        (("--volume", "110nL", "--droplet", "25nL"), "droplets of 25 nL. Use 100 nL"),
    ]:
        status, said = run("plate", "c", "--for", "echo", "--without-controls", *options)
        assert (status, expected in said) == (2, True), said
    assert "add --for echo" in run("plate", "c", "--volume", "1uL")[1]


def test_variants_have_no_source_until_one_is_given(run):
    run("new", "v", "--wild-type", "MKTAYIAKQR", "--singles", "--assay", "kcat")
    run("propose", "v", "-n", 3, "--controls", 1)
    status, said = run("plate", "v", "--for", "hamilton", "--volume", "5uL")
    assert status == 2
    assert "4 of 4 stocks have no source well" in said
    names = ["WT", *read_plate("v/plates/plate-1.csv").candidates]
    Path("s.csv").write_text("candidate,plate,well\n" + "".join(f"{n},glycerol,A{i}\n" for i, n in enumerate(names, 1)))
    assert run("plate", "v", "--for", "hamilton", "--volume", "5uL", "--sources", "s.csv")[0] == 0
