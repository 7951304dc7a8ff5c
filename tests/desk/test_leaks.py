"""Leaks in data: each kind is found where it was planted, and none where there is none."""

from __future__ import annotations

import json

import pytest

from activeloop.cli.doctor import doctor
from activeloop.desk.leaks import find_leaks
from activeloop.errors import InputError

CLEAN = {
    "smiles": ["CCO", "c1ccccc1C(=O)O", "CC(C)Cc1ccc(cc1)C(C)C(=O)O"],
    "name": ["ethanol", "benzoic acid", "ibuprofen"],
    "activity": ["1", "2", "3"],
}


def found(*tables, **columns):
    return {leak.check: leak for leak in find_leaks(tables, columns)}


def planted(**changes):
    return {**CLEAN, **changes}


def test_a_clean_table_has_no_leak():
    assert {leak.verdict for leak in found(CLEAN).values()} == {"ok"}


CASES = [
    # name, table, check, verdict, what is named
    ("salts", {"smiles": ["CC(=O)Oc1ccccc1C(=O)O", "CC(=O)Oc1ccccc1C(=O)[O-].[Na+]"]}, "salts", "warning", "CC(=O)Oc1"),
    ("tautomers", {"smiles": ["Oc1ccccn1", "O=c1cccc[nH]1"]}, "twins", "warning", "O=c1cccc[nH]1"),
    ("spellings", {"smiles": ["OCC", "CCO"]}, "twins", "warning", "CCO"),
    ("stereochemistry", {"smiles": ["C[C@H](N)C(=O)O", "CC(N)C(=O)O"]}, "stereoisomers", "warning", "1 found"),
    ("near twins", {"smiles": ["CCCCCCCCCCCCO", "CCCCCCCCCCCCCCO"]}, "similar", "warning", "CCCCCCCCCCCCO ~"),
    ("spelled names", {"cell_line": ["K-562", "K562"], "y": ["1", "2"]}, "names of cells", "warning", "K-562 = K562"),
    ("two names", planted(smiles=["CCO", "CCO", "C"], name=["ethanol", "alcohol", "methane"]), "synonyms by structure",
     "warning", "ethanol = alcohol"),
    ("two names of one number", {"drug": ["5-FU", "Fluorouracil"], "pubchem": ["3385", "3385"]}, "synonyms by pubchem",
     "warning", "5-FU = Fluorouracil"),
    ("one name, two structures", planted(name=["A", "A", "B"]), "one name, two structures", "failed", "A"),
    ("one id", {"Cmpd ID": ["C1", "C1"], "smiles": ["CCO", "CCN"]}, "one name, two structures", "failed", "C1"),
    ("listed synonyms", {"drug": ["5-FU", "Fluorouracil"], "synonyms": ["Adrucil, fluorouracil", ""]},
     "listed synonyms", "warning", "5-FU = Fluorouracil"),
    ("swapped pairs", {"drug_a": ["A", "B"], "drug_b": ["B", "A"], "synergy": ["1", "2"]}, "swapped pairs", "warning",
     "A + B"),
    ("itself", {"drug1": ["A", "A"], "drug2": ["A", "B"], "y": ["1", "2"]}, "pairs with themselves", "warning", "1"),
    ("repeats", {"drug": ["A", "A", "B"], "y": ["1", "2", "3"]}, "repeats", "warning", "1 of 2"),
    ("repeats split", {"drug": ["A", "A", "B"], "split": ["train", "test", "train"]}, "split: replicate", "failed", ""),
    ("compounds split", {"drug": ["A", "A", "B"], "cells": ["x", "y", "x"], "fold": ["1", "2", "1"]}, "split: compound",
     "warning", "unseen"),
    ("donors split", {"donor": ["d1", "d1", "d2"], "drug": ["A", "B", "A"], "set": ["1", "2", "1"]}, "split: donor",
     "failed", "d1"),
    ("scaffolds split", {"smiles": ["Cc1ccccc1", "CCc1ccccc1"], "split": ["train", "test"]}, "split: scaffold",
     "warning", "c1ccccc1"),
    ("plates are cells", {"plate": ["1", "1", "2", "2"], "cells": ["x", "x", "y", "y"], "drug": ["A", "B", "A", "B"]},
     "plates and cells", "failed", "cannot be told"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "check", "verdict", "named"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_planted_leak_is_found(table, check, verdict, named):
    leak = found(table)[check]
    assert leak.verdict == verdict
    assert named in leak.found + leak.fix
    assert leak.fix
    assert leak.count >= 1
    assert leak.rows or check.startswith("plates")


def test_plates_without_anything_in_common_that_differ():
    table = {"plate": ["1"] * 8 + ["2"] * 8, "drug": [f"d{i}" for i in range(16)]}
    values = [str(10 * (i > 7) + i % 3) for i in range(16)]
    leak = found({**table, "value": values})["plates linked"]
    assert leak.verdict == "warning"
    assert "of the variance" in leak.found
    shared = found({**table, "drug": ["DMSO", *table["drug"][1:8], "DMSO", *table["drug"][9:]], "value": values})
    assert shared["plates linked"].verdict == "ok"


def test_history_and_campaign_share_compounds():
    history = {"smiles": ["CCO", "CCN.Cl"], "value": ["1", "2"]}
    campaign = {"smiles": ["CCN", "CCCC"], "value": ["3", "4"]}
    leak = found(history, campaign)["between files: compound"]
    assert (leak.verdict, leak.count) == ("warning", 1)
    assert "row 3" in leak.rows[0][0]
    assert "row 2" in leak.rows[0][1]


def test_a_drug_on_several_lines_and_at_several_doses_is_no_repeat():
    table = {"drug_id": ["1", "1", "1", "2"], "cell_id": ["x", "x", "y", "x"], "dose_value": ["1", "10", "1", "1"]}
    assert found({**table, "ln_ic50": ["1", "2", "3", "4"]})["repeats"].verdict == "ok"
    table["dose_value"] = ["1"] * 4
    assert found(table)["repeats"].count == 1


def test_a_pair_on_several_lines_is_no_repeat():
    table = {"drug_a": ["A", "B", "A"], "drug_b": ["B", "A", "B"], "cell_line": ["x", "y", "z"], "y": ["1", "2", "3"]}
    assert found(table)["repeats"].verdict == "ok"
    assert found({**table, "cell_line": ["x", "x", "z"]})["repeats"].count == 1


def test_donors_are_no_repeats_of_each_other():
    table = {"donor": list("AABB"), "drug": list("xyxy"), "y": list("1234"), "split": ["train"] * 2 + ["test"] * 2}
    leaks = found(table)
    assert {check for check, leak in leaks.items() if leak.verdict == "failed"} == set()
    assert found(table | {"donor": list("AAAA")})["split: replicate"].verdict == "failed"


def test_names_that_are_two_for_a_campaign_are_two_here():
    """Signs between digits, and at an end, tell lines apart, as do the spellings of KM-H2 and KMH-2."""
    lines = ["A-1-12", "A-11-2", "CD4+", "CD4-", "KM-H2", "KMH-2", "TT", "T.T"]
    leaks = found({"cell_line": lines, "drug": ["x"] * len(lines), "y": list("12345678")})
    assert leaks["names of cells"].verdict == "ok"
    assert leaks["repeats"].verdict == "ok"
    spelled = found({"cell_line": ["HT-29", "ht 29"], "drug": ["JQ1 (x)", "jq-1 x"], "y": ["1", "2"]})
    assert spelled["names of cells"].verdict == spelled["names of compounds"].verdict == "warning"
    assert spelled["repeats"].count == 1


def test_names_that_differ_by_a_counter_ion():
    names = ["Imatinib", "imatinib mesylate", "lapatinib"]
    assert found({"drug": names, "y": ["1", "2", "3"]})["names of salts"].verdict == "warning"
    other = {"drug": names, "smiles": ["CCO", "CCN", "CCC"], "y": ["1", "2", "3"]}
    assert found(other)["names of salts"].verdict == "ok"  # structures say that they are several


def test_a_line_on_each_plate_beside_controls_is_no_failure():
    table = {
        "plate": list("1122"),
        "cell_line": ["A549"] * 2 + ["K562"] * 2,
        "drug": ["DMSO", "x"] * 2,
        "y": list("9282"),
    }
    assert found(table)["plates and cell_line"].verdict == "warning"
    assert found(table | {"drug": list("xyxy")})["plates and cell_line"].verdict == "failed"


def test_columns_can_be_named_and_unknown_ones_are_refused():
    table = {"what": ["A", "A"], "part": ["train", "test"]}
    assert found(table, compound="what", split="part")["split: replicate"].verdict == "failed"
    with pytest.raises(InputError, match="no role here"):
        found(table, drugs="what")
    with pytest.raises(InputError, match="no column of structures"):
        found({"x": ["1"], "y2": ["2"]})


def test_the_command(tmp_path, capsys):
    (tmp_path / "t.csv").write_text("drug,split\nA,train\nA,test\nB,train\n", encoding="utf-8")
    with pytest.raises(Exception, match="1"):
        doctor("data", [str(tmp_path / "t.csv")])
    assert "failed   split: replicate: 1 of 2" in capsys.readouterr().out
    with pytest.raises(Exception, match="1"):
        doctor("data", [str(tmp_path / "t.csv")], as_json=True)
    listed = json.loads(capsys.readouterr().out)
    assert next(leak for leak in listed if leak["check"] == "split: replicate")["rows"] == [["row 2", "row 3"]]
    with pytest.raises(InputError, match="name the tables"):
        doctor("data")
