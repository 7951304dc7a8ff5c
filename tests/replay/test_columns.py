"""Columns and kinds are guessed as a person would."""

import pytest

from activeloop.errors import TableError
from activeloop.replay import Source, load_landscape
from activeloop.replay.table import Columns, detect_kind, find_columns, landscape_of
from activeloop.tables import Table


def table(**columns):
    rows = len(next(iter(columns.values())))
    return Table("t.csv", tuple(columns), tuple(map(list, columns.values())), tuple(range(2, rows + 2)), "")


CASES = [
    (
        table(mutant=["A1C"], mutated_sequence=["CK"], DMS_score=["0.1"], DMS_score_bin=["1"]),
        Columns("mutant", "DMS_score", "DMS_score_bin", "variants"),
    ),
    (table(variant=["VDGV"], fitness=["1.0"]), Columns("variant", "fitness", None, "variants")),
    (table(variant=["0110"], fitness=["1.0"]), Columns("variant", "fitness", None, "variants")),
    (
        table(SMILES=["CC(=O)O"], affinity=["5.6"], target=["D2R"], top_2p=["False"]),
        Columns("SMILES", "affinity", None, "compounds"),
    ),
    (table(sgRNA=["A" * 23], indel=["0.1"]), Columns("sgRNA", "indel", None, "guides")),
    (table(id=["7"], enzyme=["MKV"], kcat=["3"]), Columns("enzyme", "kcat", None, "variants")),
]


@pytest.mark.parametrize(("given", "expected"), CASES, ids=lambda case: str(getattr(case, "candidate", "")))
def test_columns_of_common_tables(given, expected):
    assert find_columns(given, None, None, None) == expected


def test_named_columns_take_precedence():
    both = table(variant=["A1C"], other=["A1D"], fitness=["1"], kcat=["2"])
    assert find_columns(both, "other", "KCAT", "variants") == Columns("other", "kcat", None, "variants")


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(TableError, match="kcot"):
        find_columns(table(variant=["A1C"], kcat=["2"]), None, "kcot", None)


def test_a_table_without_numbers_is_refused_with_a_fix():
    with pytest.raises(TableError, match="--target-column"):
        find_columns(table(variant=["A1C"], note=["good"]), None, None, None)


def test_columns_are_asked_for_where_several_could_be_meant():
    assert find_columns(table(variant=["A1C"], kcat=["2"], SD=["0.1"], n=["3"]), None, None, None).target == "kcat"
    assert find_columns(table(index=["0"], Mutante=["A1C"], Messwert=["2"]), None, None, None).target == "Messwert"
    with pytest.raises(TableError, match=r"which column holds the values\? .*--target-column, one of: kcat, Tm\."):
        find_columns(table(variant=["A1C"], kcat=["2"], Tm=["55"]), None, None, None)
    with pytest.raises(TableError, match=r"which column holds the candidates\? .*one of: enzyme, note\."):
        find_columns(table(enzyme=["MKV"], note=["good"], kcat=["2"]), None, None, None)
    with pytest.raises(TableError, match=r"Which holds them\? The table has no other column\."):
        find_columns(table(variant=["A1C"]), None, None, None)


def test_mutations_are_not_taken_for_smiles():
    assert detect_kind(["A24G:K56R", "WT", "L5V"]) == "variants"
    assert detect_kind(["N#N", "C=C", "CCO"]) == "compounds"


@pytest.mark.parametrize(("told", "classes"), [(["1", "0", "1"], [1, 0, 1]), (["1", "", "0"], None)])
def test_classes_count_only_when_every_candidate_has_one(told: list[str], classes: list[int] | None):
    given = table(variant=["AA", "AC", "CA"], fitness=["1", "2", "4"], DMS_score_bin=told)
    columns = Columns("variant", "fitness", "DMS_score_bin", "variants")
    found = landscape_of(given, columns, "t", "maximise").classes
    assert (found is None) if classes is None else (found.tolist() == classes)


def test_limits_and_units_beside_the_values_are_told():
    """An IC50 of `20 nM` beside `1 uM` was the largest of the table."""
    given = table(smiles=["CCO", "CCN", "CCC"], IC50=["1", "20", ">10"], unit=["uM", "nM", "uM"])
    landscape = landscape_of(given, Columns("smiles", "IC50", None, "compounds"), "t", "minimise")
    assert landscape.values.tolist() == [1.0, 0.02, 10.0]
    assert "Values in nM converted to uM. 1 value beyond a limit (< or >) taken as the limit." in landscape.origin
    mixed = table(smiles=["CCO", "CCN"], IC50=["1", "20"], unit=["uM", "%"])
    with pytest.raises(
        TableError, match='row 3: column "unit" names the unit % for a value of "IC50", and others are in uM'
    ):
        landscape_of(mixed, Columns("smiles", "IC50", None, "compounds"), "t", "minimise")


def test_signs_in_a_column_of_their_own_are_limits():
    """As ChEMBL writes them."""
    given = table(Smiles=["CCO", "CCN", "CCC"], relation=["'='", "'>'", "'='"], value=["3", "10", "5"])
    landscape = landscape_of(given, find_columns(given, None, None, None), "t", "minimise")
    assert landscape.values.tolist() == [3.0, 10.0, 5.0]
    assert "1 value beyond a limit" in landscape.origin


def test_values_of_several_assays_in_one_column_are_not_mixed(tmp_path):
    rows = ["Smiles;Standard Type;Standard Value", "CCO;IC50;3", "CCN;Ki;10", "CCC;IC50;5"]
    file = tmp_path / "chembl.csv"
    file.write_text("\n".join(rows) + "\n")
    with pytest.raises(TableError, match='"Standard Type" says that the values are of several assays: IC50, Ki'):
        load_landscape(Source(str(file), "compounds"))
    file.write_text("\n".join(rows).replace("Ki", "IC50") + "\n")
    note = "More IC50 counts as better, as nothing else was said. If less is better, give --minimise."
    assert note in load_landscape(Source(str(file), "compounds")).origin
    assert note not in load_landscape(Source(str(file), "compounds", minimise=True)).origin


def test_a_column_of_words_is_one_of_two_values():
    given = table(smiles=["CCO", "CCN", "CCC", "CCCC"], outcome=["Active", "inactive", "", "Inactive"])
    landscape = landscape_of(given, find_columns(given, None, None, None), "t", "maximise")
    assert landscape.values.tolist() == [1.0, 0.0, 0.0]
    assert "Read: Active as 1, inactive as 0." in landscape.origin
    odd = table(smiles=["CCO", "CCN", "CCC"], outcome=["Active", "Inconclusive", "Inactive"])
    with pytest.raises(TableError, match='row 3: "Inconclusive" is neither hit nor no hit'):
        landscape_of(odd, Columns("smiles", "outcome", None, "compounds"), "t", "maximise")
