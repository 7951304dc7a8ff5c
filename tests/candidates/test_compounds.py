"""Compounds are compared by structure."""

from __future__ import annotations

import pytest

from activeloop.candidates import Compound, CompoundNotation, Pool
from activeloop.errors import NotationError, PoolError

pytest.importorskip("rdkit")

SAME = [
    ("OCC", "CCO"),
    ("c1ccccc1O", "OC1=CC=CC=C1"),
    ("NCCO", "[NH3+]CCO.[Cl-]"),
    ("CC(=O)O", "CC(=O)[O-].[Na+]"),
    ("CC(=O)O", "[Na+].CC(=O)[O-]"),
    ("CN", "CN.Cl"),
    ("C[N+](C)(C)CCO", "[Cl-].C[N+](C)(C)CCO"),
    ("O=[N+]([O-])c1ccccc1", "c1ccccc1[N+](=O)[O-]"),
]
DIFFERENT = [("CCO", "CCC"), ("C[C@H](N)O", "C[C@@H](N)O"), ("C/C=C/C", "C/C=C\\C")]


@pytest.mark.parametrize(("a", "b"), SAME)
def test_same_compound(a, b):
    notation = CompoundNotation()
    assert notation.key(Compound(a)) == notation.key(Compound(b))
    with pytest.raises(PoolError, match="candidates 1 and 2 are the same"):
        Pool.of([Compound(a), Compound(b)])


@pytest.mark.parametrize(("a", "b"), DIFFERENT)
def test_different_compounds(a, b):
    pool = Pool.of([Compound(a), Compound(b)])
    assert [pool.row_of(a), pool.row_of(b)] == [0, 1]


def test_table_of_compounds(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("id,SMILES\n1,CCO\n2,CN.Cl\n3,OCC\n")
    with pytest.raises(PoolError) as refused:
        Pool.from_table(path, kind="compounds")
    assert 'row 4: the same candidate as in row 2: "CCO" and "OCC"' in str(refused.value)
    pool = Pool.from_table(path, kind="compounds", merge_duplicates=True)
    assert pool.names([0, 1]) == ["CCO", "CN.Cl"]
    assert pool.row_of("NC") == 1
    assert pool.row_of("not a molecule") is None
    assert pool.sites is None
    with pytest.raises(PoolError, match="no sequence"):
        pool.codes()


def test_broken_structures_are_left_out_on_request(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("smiles\nCCO\nC1CC\nCCN\n")
    pool = Pool.from_table(path, kind="compounds", skip_unreadable=True)
    assert pool.names([0, 1]) == ["CCO", "CCN"]
    assert "without 1 row that cannot be read (first: row 3)" in pool.origin


def test_without_structures_text_is_compared():
    notation = CompoundNotation(structures=False)
    assert notation.key(notation.design("OCC")) != notation.key(notation.design("CCO"))
    assert notation.design(" C1CC ").name == "C1CC"


def test_unreadable_structures_raise_one_error_and_print_nothing(capfd):
    with pytest.raises(NotationError, match=r'"C1CC" is not a SMILES that RDKit can read'):
        CompoundNotation().design("C1CC")
    assert capfd.readouterr().err == ""
