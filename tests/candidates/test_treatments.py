"""Treatments: pairs without order, doses with units, pools too large to list, synonyms."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activeloop.candidates import Panel, Pool, TreatmentPool, dose_name, grown, read_list, with_treatments
from activeloop.candidates.panel import one_spelling
from activeloop.encoders import Morgan
from activeloop.errors import InputError, NotationError, PoolError
from activeloop.measurements import Assay, read_history, read_treatments
from activeloop.tables import as_table


@given(st.integers(2, 60), st.integers(1, 4), st.integers(0, 3))
def test_every_pair_has_one_row(compounds: int, cells: int, doses: int):
    names = [f"d{i:02}" for i in range(compounds)]
    amounts = [f"{i + 1} uM" for i in range(doses)]
    pool = TreatmentPool([f"c{i}" for i in range(cells)], names, amounts, combined=2)
    assert len(pool) == cells * compounds * (compounds - 1) // 2 * max(1, doses)
    codes = pool.part_rows()
    assert len(np.unique(codes, axis=0)) == len(pool)
    assert (codes[:, 1] < codes[:, 2]).all()
    for row in np.random.default_rng(0).integers(len(pool), size=5):
        assert pool.row_of_design(pool.design(int(row))) == row
        cell, pair, *dose = pool.design(int(row)).name.split(" | ")
        assert pool.row_of(" | ".join([cell, " + ".join(reversed(pair.split(" + "))), *dose])) == row


def test_a_pool_of_billions_is_numbered_and_not_listed():
    compounds = [f"d{i}" for i in range(10_000)]
    pool = TreatmentPool([f"c{i}" for i in range(1000)], compounds, combined=2)
    assert len(pool) == 1000 * 9999 * 5000
    rows = np.array([0, 1, len(pool) // 3, len(pool) - 1])
    assert pool.part_rows(rows).dtype == np.int32
    assert [pool.row_of(name) for name in pool.names(rows)] == rows.tolist()
    assert pool.hash != TreatmentPool(["c0"], compounds, combined=2).hash


@pytest.mark.parametrize(
    ("text", "unit", "meant"),
    [
        *(("100 nM", "", "0.1 uM"), ("0.1", "µM", "0.1 uM"), ("1e-7 M", "", "0.1 uM"), ("0.0001", "mM", "0.1 uM")),
        ("5 mg/L", "", "5 ug/mL"),
    ],
)
def test_a_dose_is_compared_in_one_unit(text: str, unit: str, meant: str):
    assert dose_name(text, unit) == meant


@pytest.mark.parametrize(
    ("text", "words"),
    [("0 uM", "untreated"), ("-1 uM", "below 0"), ("5", "no unit"), ("lots", "no dose"), ("", "no dose")],
)
def test_what_is_no_dose_is_refused(text: str, words: str):
    with pytest.raises(NotationError, match=words):
        dose_name(text)


def test_compounds_of_treatments_are_read_by_encoders_of_compounds():
    pool = TreatmentPool(["A"], ["CCO", "c1ccccc1O"])
    part = pool.part("compound")
    assert part.kind == "compounds"
    assert Morgan().features(part, pool.part_rows()[:, 1]).shape == (2, 2048)
    named = Panel(("drug 1", "drug 2"), {"smiles": ("CCO", "c1ccccc1O")})
    by_name = TreatmentPool(["A"], ["drug 1", "drug 2"], compound_panel=named).part("compound")
    assert (Morgan().features(by_name, np.arange(2)) == Morgan().features(part, np.arange(2))).all()
    assert TreatmentPool(["A"], ["OSI", "CAL"]).part("compound").kind != "compounds"  # names, if also SMILES
    with pytest.raises(PoolError, match="no part"):
        pool.part("dose")


def test_names_and_synonyms_are_those_of_side_tables(tmp_path: Path):
    with (tmp_path / "drugs.tsv").open("w", newline="") as file:
        csv.writer(file, delimiter="\t").writerows(
            [
                ["drug_id", "Name", "Synonyms", "Targets"],
                ["1", "Dabrafenib", "GSK2118436, Tafinlar", "BRAF"],
                ["2", "Trametinib", "", "MEK1, MEK2"],
            ]
        )
    panel = Panel.read([tmp_path / "drugs.tsv"], ["1", "2", "3"])
    assert [panel.resolve(name) for name in ("tafinlar", "GSK-2118436", "DABRAFENIB", "aspirin")] == [
        "1",
        "1",
        "1",
        None,
    ]
    assert panel.words("targets", "2") == {"mek1", "mek2"}
    assert panel.unresolved == ("3",)
    assert "1 of 3 drugs" in panel.note("drugs")
    pool = TreatmentPool(["A", "B"], ["1", "2", "3"], compound_panel=panel)
    assert pool.find("B | Tafinlar") == pool.row_of("B | 1")


def test_a_table_of_parts_is_one_of_treatments():
    table = as_table({"Cell Line": ["A", "B"], "Drug A": ["y", "x"], "Drug B": ["x", ""], "Dose (nM)": ["10", "20"]})
    found = with_treatments(table)
    assert found.columns[0] == ["A | x + y | 0.01 uM", "B | x | 0.02 uM"]
    pool = Pool.from_table(table, "treatments")
    assert pool.names([0, 1]) == found.columns[0]
    with pytest.raises(InputError, match=r"row 3.*dose"):
        with_treatments(as_table({"cells": ["A", "B"], "drug": ["y", "x"], "dose": ["10 nM", "ten"]}))
    with pytest.raises(InputError, match="which column names the cells"):
        with_treatments(as_table({"drug": ["y"], "value": ["1"]}))
    with pytest.raises(InputError, match="same candidate"):
        Pool.from_table({"cells": ["A", "A"], "drug A": ["x", "y"], "drug B": ["y", "x"]}, "treatments")


@pytest.mark.parametrize(
    ("header", "cell", "meant"),
    [
        ("dose_uM", "0.1", "0.1 uM"),
        ("Conc nM", "100", "0.1 uM"),
        ("final.conc.µM", "2", "2 uM"),
        ("concentration_ug_per_ml", "3", "3 ug/mL"),
        ("Dose [mM]", "1", "1000 uM"),
        ("dose", "5 nM", "0.005 uM"),
    ],
)
def test_a_unit_behind_the_name_is_that_of_the_doses(header: str, cell: str, meant: str):
    table = with_treatments(as_table(pd.DataFrame({"cells": ["A375"], "drug": ["a"], header: [cell], "ic50": ["1"]})))
    assert table.cells("treatment") == [f"A375 | a | {meant}"]


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        (("dose (uM)", "conc_nM"), "which column holds the dose, dose"),
        (("dose_1 (uM)", "dose_2 (uM)"), "dose of each compound of a pair"),
        (("conc_row", "conc_col"), "dose of each compound of a pair"),
        (("log10 dose",), "looks like logarithms of doses"),
        (("dose (log M)",), "looks like logarithms of doses"),
    ],
)
def test_columns_that_leave_doses_open_are_refused(headers: tuple[str, ...], words: str):
    frame = pd.DataFrame({"cells": ["A375"], "drug": ["a"], "drug_2": ["b"]} | {name: ["1"] for name in headers})
    with pytest.raises(InputError, match=words):
        with_treatments(as_table(frame))


def test_ranges_of_doses_in_a_table_of_ic50_are_no_doses():
    frame = pd.DataFrame({"cells": ["A375"], "drug": ["a"], "MIN_CONC": ["0.01"], "MAX_CONC": ["10"], "ic50": ["1"]})
    assert with_treatments(as_table(frame)).cells("treatment") == ["A375 | a"]


def test_repeats_are_one_value_with_an_error():
    table = {"cells": ["A", "A", "B"], "drug": ["x", "x", "x"], "IC50 (nM)": [1.0, 3.0, 5.0], "n": [1, 1, 1]}
    data = read_treatments(table, Assay("IC50", "nM"))
    assert data.values[:, 0].tolist() == [2.0, 5.0]
    assert data.errors[:, 0].tolist() == [1.0, 0.0]
    with pytest.raises(InputError, match="combined with itself"):
        read_treatments({"cells": ["A"], "drug 1": ["x"], "drug 2": ["x"], "value": [1.0]})
    with pytest.raises(InputError, match="which column holds the measured values"):
        read_treatments({"cells": ["A"], "drug": ["x"], "a": [1.0], "b": [2.0]})


def test_treatments_that_are_added_may_have_new_parts(tmp_path: Path):
    (tmp_path / "drugs.csv").write_text("id,synonyms,logP,mass,rings,NH,O\na,alpha,1,2,3,4,5\nb,,1,2,3,4,6\n")
    pool = TreatmentPool(("X", "Y"), ("a", "b"), ("1 uM",))
    pool = pool.with_panels(*pool.panels_from([tmp_path / "drugs.csv"], pool))
    table = {"cell line": ["Y", "X", "Z"], "drug": ["alpha", "c", "a"], "dose": ["3 uM", "1 uM", "1 uM"]}
    found = read_list(pool, pd.DataFrame(table))
    assert found.rows == (None, None, None)
    more = grown(grown(pool, found.designs[:1], "1 treatment"), found.designs[1:], "2 treatments")
    assert isinstance(more, TreatmentPool)
    assert more.names(range(7)) == [*pool.names(range(4)), "Y | a | 3 uM", "X | c | 1 uM", "Z | a | 1 uM"]
    assert [more.row_of(name) for name in more.names(range(7))] == list(range(7))
    assert more.added == 3
    assert more.panels["compound"].features["drugs.csv"].shape == (3, 5)
    assert read_list(more, pd.DataFrame(table)).rows == (4, 5, 6)
    with pytest.raises(PoolError, match="is in the pool already"):
        grown(more, found.designs[:1], "again")
    large = TreatmentPool([f"L{i}" for i in range(2_000)], [f"d{i}" for i in range(2_000)])
    with pytest.raises(PoolError, match="is not listed, so that nothing can be added"):
        grown(large, [large.notation.design("Z | d1")], "1 treatment")


SPELLED = [("MCF-7", "MCF7"), ("HCT 116", "hct-116"), ("SK-MEL-28", "SKMEL28"), ("U-87 MG", "U87MG")]


@pytest.mark.parametrize(("name", "written"), SPELLED)
def test_names_that_differ_in_hyphens_blanks_and_case_are_one(name, written):
    pool = TreatmentPool([name, "A549"], ["Taxol", "CC(=O)O"])
    assert pool.resolve("cells", written) == name
    assert pool.find(f"{written} | taxol") == pool.row_of(f"{name} | Taxol")
    history = {"cell line": [written, "a549"], "drug": ["x", "TAXOL"], "IC50": [2.0, 3.0]}
    found = read_history(history, pool, Assay("IC50"))
    assert found.pool.names(found.rows) == [f"{name} | x", "A549 | Taxol"]
    assert isinstance(found.pool, TreatmentPool)
    assert f"{written} = {name}" in found.pool.origin


@pytest.mark.parametrize(
    ("names", "written"),
    [(["A-1-12"], "A-11-2"), (["10"], "1.0"), (["TT"], "T.T"), (["KM-H2"], "KMH-2"), (["c1ccccc1C"], "C1CCCCC1C")],
)
def test_other_names_stay_others(names, written):
    assert Panel(tuple(names)).resolve(written) is None
    assert one_spelling([*names, written]) == {names[0]: names[0], written: written}


def test_a_spelling_of_two_parts_is_asked_for():
    with pytest.raises(NotationError, match="could be HT-29 or HT29"):
        Panel(("HT-29", "HT29")).resolve("HT 29")


def test_side_tables_may_spell_names_otherwise(tmp_path: Path):
    table = "Cell line,stripped,tissue,a,b,c,d,e,f\nHT-29,X1,colon,1,2,3,4,5,6\nMCF7,X2,breast,2,3,4,5,6,7\n"
    (tmp_path / "lines.csv").write_text(table + "mcf-7,X3,skin,9,9,9,9,9,9\n")
    panel = Panel.read([tmp_path / "lines.csv"], ["HT29", "MCF7", "K562"])
    assert [panel.label("tissue", name) for name in ("HT29", "MCF7", "K562")] == ["colon", "breast", ""]
    assert panel.features["lines.csv"][:2, 0].tolist() == [1.0, 2.0]  # MCF7 as it stands, not mcf-7
    assert panel.unresolved == ("K562",)
