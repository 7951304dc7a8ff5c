"""What a pool's file says beside its candidates travels with them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activeloop.candidates import Pool
from activeloop.candidates.labels import LabelTable, headers_of, source_columns
from activeloop.tables import Table
from activeloop.tables.names import plain, split_unit

LIBRARY = """SMILES,Catalog ID,Supplier,Plate,Well,Volume (µL),empty,note
CCO,Z-001,Acme,LIB1,A01,20,,first
c1ccccc1O,Z-002,Acme,LIB1,B01,20,,"two
lines"
CC(=O)O,Z-003,,LIB2,A01,15,,
"""


@pytest.fixture
def library(tmp_path):
    (tmp_path / "library.csv").write_text(LIBRARY)
    return Pool.from_table(tmp_path / "library.csv", "compounds")


def test_every_further_column_that_holds_something_is_a_label(library):
    assert library.label_names == ("Catalog ID", "Supplier", "Plate", "Well", "Volume (µL)", "note")
    assert dict(library[1].labels)["note"] == "two lines"
    assert [cell for _, cell in library[2].labels] == ["Z-003", "", "LIB2", "A01", "15", ""]
    assert (library.called("CCO"), library.called("unknown"), library.id_of(2)) == ("Z-001", "unknown", "Z-003")
    assert library[0] == Pool.from_table(Table("t", ("smiles",), (["CCO"],), (2,), ""), "compounds")[0]


def test_labels_follow_the_candidates_that_are_kept(tmp_path):
    (tmp_path / "t.csv").write_text("smiles,id\nCCO,A\nXX,B\nOCC,C\nCCN,D\n")
    pool = Pool.from_table(tmp_path / "t.csv", "compounds", merge_duplicates=True, skip_unreadable=True)
    assert [dict(pool[i].labels)["id"] for i in range(len(pool))] == ["A", "D"]


def test_names_of_fasta_records_are_labels(tmp_path):
    (tmp_path / "a.fasta").write_text(">sp|P1|ONE\nMKTA\n>two\nMKTG\n")
    pool = Pool.from_fasta(tmp_path / "a.fasta")
    assert [pool[i].labels for i in range(2)] == [(("name", "sp|P1|ONE"),), (("name", "two"),)]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"Name": ["a", "b"], "Compound ID": ["X1", "X2"]}, "Compound ID"),
        ({"Name": ["a", "b"], "Compound ID": ["X1", "X1"]}, "Name"),
        ({"ID": ["1", "2"], "Name": ["a", "b"]}, "Name"),
        ({"ID": ["1", "2"]}, "ID"),
        ({"MW": ["1.5", "2.5"]}, ""),
    ],
)
def test_what_people_call_a_candidate(columns, expected):
    assert LabelTable.of(columns).id_name == expected


@given(
    st.lists(st.sampled_from(["Plate", "plate", "Well ID", "score", "kcat (1/s)", "ID", "source plate"]), unique=True)
)
def test_no_two_columns_of_a_list_are_alike(names):
    own = ("plate", "well", "candidate", "score", "kcat")
    headers = headers_of(tuple(names), own)
    assert set(headers) == set(names)
    used = [plain(h) for h in headers.values()]
    assert len(set(used)) == len(used)
    assert not {plain(split_unit(h)[0]) for h in headers.values()} & set(map(plain, own))


def test_where_stocks_stand():
    assert source_columns(("Rack", "Position")) == {"plate": "Rack", "well": "Position"}
    assert source_columns(("Source Plate Barcode", "plate", "Source Well", "MW")) == {
        "plate": "Source Plate Barcode",
        "well": "Source Well",
    }


def test_labels_of_a_large_pool_cost_little():
    rows = 100_000
    cells = {
        "id": [f"Z{i}" for i in range(rows)],
        "supplier": ["Acme"] * rows,
        "well": [f"A{i % 24}" for i in range(rows)],
    }
    start = time.process_time()
    labels = LabelTable.of(cells)
    assert dict(labels.row(rows - 1)) == {"id": "Z99999", "supplier": "Acme", "well": "A15"}
    assert time.process_time() - start < 1.0


def test_a_guide_is_called_by_its_id_beside_its_sequence():
    pool = Pool.from_table(
        {"sgRNA": ["g1", "g2"], "Gene": ["A", "A"], "Sequence": [f"{18 * 'A'}GC", f"{18 * 'A'}GT"]}, "guides"
    )
    assert [pool.called(name) for name in pool.names([0, 1])] == ["g1", "g2"]
    assert pool.find("g2") == 1
