from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activeloop.measurements import Assay, Measurement, read_measurements, summarise
from activeloop.plates import Pick, Plate, Proposal, fill_plates, write_plate


def brief(reading) -> list[tuple]:
    return sorted((m.candidate, m.assay, m.value, m.qualifier, m.replicate) for m in reading.measurements)


def test_a_long_table(write, pool, kcat):
    path = write(
        "Variant;Assay;Value;Unit;Replicate;Plate;Date",
        "K2R;kcat;1,5;s-1;1;P7;01.03.2026",
        "K2R;kcat;1,7;1/s;2;P7;2026-03-01",
        "p.Thr3Ser;KD;250;nM;1;P7;",
    )
    read = read_measurements(path, pool=pool, assays=[kcat, Assay("KD", "µM", "minimise")])
    assert read.measurements == (
        Measurement("K2R", "kcat", 1.5, "=", 1, "P7", "", "2026-03-01", str(path), 2),
        Measurement("K2R", "kcat", 1.7, "=", 2, "P7", "", "2026-03-01", str(path), 3),
        Measurement("T3S", "KD", 0.25, "=", 1, "P7", "", "", str(path), 4),
    )
    assert read.notes == ("KD: values in nM were converted to µM (x 1e-3).",)
    assert read.failed_wells == ()


def test_a_wide_table_with_a_column_an_assay(write, pool, kcat):
    path = write("mutant,kcat (1/s),Tm [°C],operator", "K2R,1.5,55.1,Ann", "T3S,n.d.,54,Ann")
    read = read_measurements(path, pool=pool, assays=[kcat, Assay("Tm", "°C")])
    assert brief(read) == [("K2R", "Tm", 55.1, "=", 1), ("K2R", "kcat", 1.5, "=", 1), ("T3S", "Tm", 54.0, "=", 1)]
    assert [(w.candidate, w.assay, w.reason, w.row) for w in read.failed_wells] == [("T3S", "kcat", "n.d.", 3)]
    assert "columns that were not read: operator." in read.notes


@pytest.mark.parametrize(
    "header",
    ["rep1,rep2", "kcat_1,kcat_2", "kcat1 (1/s),kcat2 (1/s)", "kcat rep 1,kcat rep 2", "kcat.1,kcat.2"],
)
@pytest.mark.parametrize("name", ["results.csv", "results.xlsx"])
def test_a_wide_table_with_a_column_a_replicate(write, pool, kcat, header, name):
    path = write(f"mutant,{header}", "K2R,1.5,1.25", "T3S,2,", name=name)
    read = read_measurements(path, pool=pool, assays=kcat)
    assert brief(read) == [("K2R", "kcat", 1.25, "=", 2), ("K2R", "kcat", 1.5, "=", 1), ("T3S", "kcat", 2.0, "=", 1)]
    assert [(w.candidate, w.replicate, w.reason) for w in read.failed_wells] == [("T3S", 2, "empty")]


def test_a_table_shaped_like_the_plate(write, pool, kcat, plate):
    path = write(",1,2,3,4,5,6", "A,5,5.5,1.5,2,failed,<0.2", "B,3,3.5,,,,", "C,,,,,,", "D,,,,,,")
    read = read_measurements(path, pool=pool, assays=kcat, plates=plate)
    got = {m.well: (m.candidate, m.value, m.qualifier, m.replicate, m.control, m.row) for m in read.measurements}
    assert got == {
        "A1": ("WT", 5.0, "=", 1, True, 2),
        "A2": ("WT", 5.5, "=", 2, True, 2),
        "A3": ("K2R", 1.5, "=", 1, False, 2),
        "A4": ("T3S", 2.0, "=", 1, False, 2),
        "A6": ("Y5F", 0.2, "<", 1, False, 2),
        "B1": ("I6V", 3.0, "=", 1, False, 3),
        "B2": ("I6V", 3.5, "=", 2, False, 3),
    }
    assert {m.plate for m in read.measurements} == {"plate-1"}
    assert [(w.well, w.candidate, w.reason) for w in read.failed_wells] == [("A5", "A4G", "failed")]


def test_our_own_plate_list_comes_back_with_a_column_more(pool, kcat, plate, tmp_path):
    path = write_plate(plate, tmp_path / "plate-1.csv")
    lines = path.read_text().splitlines()
    filled = [line + (",kcat" if i == 0 else ",1.5" if ",empty," not in line else ",") for i, line in enumerate(lines)]
    path.write_text("\n".join(filled))
    read = read_measurements(path, pool=pool, assays=kcat, plates=plate)
    assert {m.well: m.candidate for m in read.measurements} == {n: w.candidate for n, w in plate.wells.items()}
    assert sum(m.control for m in read.measurements) == 2
    assert read.notes == ()


def test_wells_that_the_file_does_not_name_are_mentioned(write, pool, kcat, plate):
    path = write("well,kcat", "A03,1.5", "b1,2")
    read = read_measurements(path, pool=pool, assays=kcat, plates=plate)
    assert [(m.well, m.candidate) for m in read.measurements] == [("A3", "K2R"), ("B1", "I6V")]
    assert read.notes == ("6 filled wells of plate-1 are not in the file: A1, A2, A4, A5, A6, B2.",)


def test_a_candidate_that_was_never_proposed_is_accepted_with_a_note(write, pool, kcat, plate):
    read = read_measurements(write("mutant,kcat", "Q9R,1.5"), pool=pool, assays=kcat, plates=plate)
    assert brief(read) == [("Q9R", "kcat", 1.5, "=", 1)]
    assert read.notes == ("in the pool but on none of the plates, accepted all the same: Q9R.",)


def test_a_name_alone_finds_its_plate_but_claims_no_well(write, pool, kcat, plate):
    path = write("mutant,replicate,kcat", "K2R,1,1.5", "I6V,1,2", "I6V,2,2.5", "I6V,3,2.5", "WT,1,5")
    read = read_measurements(path, pool=pool, assays=kcat, plates=plate)
    assert {(m.plate, m.well) for m in read.measurements} == {("plate-1", "")}
    assert [m.control for m in read.measurements] == [False, False, False, False, True]
    other = Plate("plate-2", 24, {n: w for n, w in plate.wells.items() if w.candidate != "K2R"})
    both = read_measurements(path, pool=pool, assays=kcat, plates=[plate, other])
    assert [m.plate for m in both.measurements] == ["plate-1", "", "", "", ""]


def test_values_beyond_the_limits_become_limits(write, pool, kcat):
    path = write("mutant,kcat", "K2R,0.01", "T3S,2000", "A4G,<0.05", "Y5F,>5000", "I6V,OVER", "A7G,0.1")
    read = read_measurements(path, pool=pool, assays=kcat)
    assert [(m.candidate, m.qualifier, m.value) for m in read.measurements] == [
        ("K2R", "<", 0.1),
        ("T3S", ">", 1000.0),
        ("A4G", "<", 0.1),
        ("Y5F", ">", 1000.0),
        ("I6V", ">", 1000.0),
        ("A7G", "=", 0.1),
    ]
    assert "kcat: values below the detection limit were recorded as <0.1." in read.notes
    assert "kcat: saturated cells were taken as above 1000." in read.notes


@pytest.mark.parametrize("word", ["failed", "FAIL", "n.d.", "NaN", "", "NA", "-", "clogged"])
def test_failed_wells_are_reported_and_never_dropped(write, pool, kcat, word):
    read = read_measurements(write("mutant,kcat", "K2R,1", f"T3S,{word}"), pool=pool, assays=kcat)
    assert len(read.measurements) == 1
    assert [(w.candidate, w.row, w.reason) for w in read.failed_wells] == [("T3S", 3, word or "empty")]
    assert any("row 3 (T3S, kcat)" in note for note in read.notes)


@pytest.mark.parametrize(
    ("written", "unit", "power"),
    [
        ("nM", "µM", 1e-3),
        ("uM", "μM", 1),
        ("mM", "µM", 1e3),
        ("mol/L", "M", 1),
        ("pM", "nM", 1e-3),
        ("mg/mL", "g/L", 1),
    ],
)
def test_units_convert_between_prefixes(write, pool, written, unit, power):
    read = read_measurements(write(f"mutant,KD ({written})", "K2R,3.3"), pool=pool, assays=Assay("KD", unit))
    assert read.measurements[0].value == pytest.approx(3.3 * power, rel=1e-15)
    assert bool(read.notes) == (power != 1)


def test_classes_are_read_in_words(write, pool):
    fit = Assay("folds", goal="classify")
    read = read_measurements(
        write("mutant,folds", "K2R,fit", "T3S,0", "A4G,No", "Y5F,1.0", "I6V,"), pool=pool, assays=fit
    )
    assert [m.value for m in read.measurements] == [1.0, 0.0, 0.0, 1.0]
    assert len(read.failed_wells) == 1


def test_columns_can_be_named(write, pool, kcat):
    path = write("clone,OD,extra", "K2R,1.5,9")
    named = read_measurements(path, pool=pool, assays=kcat, columns={"candidate": "clone", "kcat": "OD"})
    assert brief(named) == [("K2R", "kcat", 1.5, "=", 1)]
    assert brief(
        read_measurements(path, pool=pool, assays=kcat, columns={"candidate": "clone", "value": "OD"})
    ) == brief(named)


def test_controls_need_not_be_in_the_pool(write, pool, kcat):
    path = write("mutant,kcat", "WT,5", "empty vector,0.2", "K2R,1")
    read = read_measurements(path, pool=pool, assays=kcat, controls=("WT", "empty vector"))
    assert [(m.candidate, m.control) for m in read.measurements] == [
        ("WT", True),
        ("empty vector", True),
        ("K2R", False),
    ]
    data = summarise(read.measurements, pool, [kcat])
    assert sorted(pool.names(data.rows)) == ["K2R", "WT"]


def test_a_control_is_known_in_any_spelling(write, pool, kcat):
    read = read_measurements(write("mutant,kcat", "wild type,5", "wt,4", "K2R,1"), pool=pool, assays=kcat)
    assert [(m.candidate, m.control) for m in read.measurements] == [("WT", True), ("WT", True), ("K2R", False)]


def test_the_plate_is_found_by_column_file_name_or_content(write, pool, kcat):
    picks = tuple(Pick("", n, i, 0.0, 0.0, 0.0, 0.0, "") for i, n in enumerate(pool.names(range(30)), 1) if n != "WT")
    plates = fill_plates(Proposal(1, picks, 0, 0, ""), wells=24, controls=2)
    ids = [p.id for p in plates]
    assert ids == ["plate-1-1", "plate-1-2"]
    second = plates[1]
    well, held = next((n, w) for n, w in second.wells.items() if not w.control)
    for path in (
        write("plate,well,kcat", f"Plate-1-2,{well},1"),
        write("well,kcat", f"{well},1", name="Plate-1-2 results.csv"),
        write("well,mutant,kcat", f"{well},{held.candidate},1", name="other.csv"),
    ):
        (m,) = read_measurements(path, pool=pool, assays=kcat, plates=plates).measurements
        assert (m.plate, m.well, m.candidate) == (second.id, well, held.candidate)


def test_a_plate_from_elsewhere_is_taken_when_the_candidate_is_named(write, pool, kcat, plate):
    path = write("plate,well,mutant,kcat", "old-7,A1,K2R,1.5")
    read = read_measurements(path, pool=pool, assays=kcat, plates=plate)
    assert [(m.plate, m.well, m.candidate) for m in read.measurements] == [("old-7", "A1", "K2R")]
    assert "plates that are not known here, taken as the file names them: old-7." in read.notes


def test_repeated_rows_without_number_are_replicates(write, pool, kcat):
    read = read_measurements(write("mutant,kcat", "K2R,1.5", "K2R,1.75", "K2R,1.5"), pool=pool, assays=kcat)
    assert len(read.measurements) == 3
    assert read.notes == ("the same value twice, counted as two replicates: rows 2 and 4 (K2R).",)


def test_the_same_content_has_the_same_hash(write, pool, kcat):
    first = read_measurements(write("mutant,kcat", "K2R,1", name="a.csv"), pool=pool, assays=kcat)
    again = read_measurements(write("mutant,kcat", "K2R,1", name="b.csv"), pool=pool, assays=kcat)
    other = read_measurements(write("mutant,kcat", "K2R,1.0", name="c.csv"), pool=pool, assays=kcat)
    assert first.content_hash == again.content_hash != other.content_hash
    assert first.file != again.file


VALUES = st.one_of(st.floats(0.2, 900).map(lambda v: f"{v:.2f}"), st.sampled_from(["<0.3", ">800", "failed", ""]))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_wide_and_long_tables_of_the_same_numbers_give_the_same_data_in_any_order(data, write, pool, kcat):
    names = data.draw(st.lists(st.sampled_from(pool.names(range(40))), min_size=1, max_size=8, unique=True))
    table = {(n, r): data.draw(VALUES) for n in names for r in (1, 2, 3)}
    if not any(v[:1].isdigit() or v[:1] in ("<", ">") for v in table.values()):
        table[names[0], 1] = "1.5"
    wide = [f"{n}," + ",".join(table[n, r] for r in (1, 2, 3)) for n in names]
    long = [f"{n},{r},{v}" for (n, r), v in table.items()]
    datasets = []
    for header, rows in (("mutant,kcat_1,kcat_2,kcat_3", wide), ("mutant,replicate,kcat", long)):
        for ordered in (rows, data.draw(st.permutations(rows))):
            read = read_measurements(write(header, *ordered), pool=pool, assays=kcat)
            assert len(read.measurements) + len(read.failed_wells) == len(table), "no cell is lost"
            datasets.append(summarise(read.measurements, pool, [kcat]))
    for other in datasets[1:]:
        assert other.hash == datasets[0].hash
        for field in ("rows", "values", "errors", "censored", "rounds"):
            np.testing.assert_array_equal(getattr(other, field), getattr(datasets[0], field))


@pytest.mark.parametrize("header", ["Raw Data (450)", "Raw Data (450 nm)", "Fluorescence [485/520]", "OD [600]"])
def test_a_wavelength_behind_a_column_that_is_named_is_no_unit(write, pool, kcat, header):
    path = write(f"mutant,{header}", "K2R,1.5")
    assert read_measurements(path, pool=pool, assays=kcat, columns={"kcat": header}).measurements[0].value == 1.5


@pytest.mark.parametrize("name", ["[/x]", "a [b]", "act[/s]", "kcat (app)"])
def test_a_column_of_an_assay_whose_name_has_brackets(write, pool, name):
    read = read_measurements(write(f"mutant,{name}", "K2R,1.5"), pool=pool, assays=Assay(name, "1/s"))
    assert [(m.assay, m.value) for m in read.measurements] == [(name, 1.5)]


@pytest.mark.parametrize(
    ("cells", "named"),
    [
        (["<1", ">5"], "K2R, kcat <1 beside >5"),
        (["<1", "5"], "K2R, kcat <1 beside 5"),
        ([">10", "<20", "3"], "K2R, kcat >10 beside 3"),
        (["<1", "1.05"], ""),
        (["<1", "<3", "0.2"], ""),
        ([">1", "<3"], ""),
    ],
)
def test_limits_that_contradict_other_results_are_named(write, pool, kcat, cells, named):
    path = write("mutant,kcat", *(f"K2R,{cell}" for cell in cells), "T3S,1")
    notes = [note for note in read_measurements(path, pool=pool, assays=kcat).notes if "contradict" in note]
    assert [named in note for note in notes] == ([True] if named else [])
