"""Compounds are compared by structure."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activeloop.candidates import Compound, CompoundNotation, ExplicitPool, Pool
from activeloop.candidates.compounds import parent_structure
from activeloop.encoders import Morgan
from activeloop.errors import NotationError, PoolError

pytest.importorskip("rdkit")

PAMOATE = "OC(=O)c1cc2ccccc2c(Cc2c(O)c(C(=O)O)cc3ccccc23)c1O"
PYRANTEL = "CN1CCCN=C1/C=C/c1cccs1"
HYDROXYZINE = "OCCOCCN1CCN(CC1)C(c1ccccc1)c1ccc(Cl)cc1"
OXANTEL = "CN1CCCN=C1/C=C/c1cccc(O)c1"
CITRATE = "[O-]C(=O)CC(O)(CC([O-])=O)C([O-])=O"

#: the same compound under two notations, as salt, solvate, ion or tautomer
SAME = [
    ("OCC", "CCO"),
    ("c1ccccc1O", "OC1=CC=CC=C1"),
    ("O=[N+]([O-])c1ccccc1", "c1ccccc1[N+](=O)[O-]"),
    ("O=N(=O)c1ccccc1", "c1ccccc1[N+](=O)[O-]"),
    ("[CH3:1][CH2:2][OH:3]", "CCO"),
    # salts
    ("NCCO", "[NH3+]CCO.[Cl-]"),
    ("CN", "CN.Cl"),
    ("CC(=O)O", "CC(=O)[O-].[Na+]"),
    ("CC(=O)O", "[Na+].CC(=O)[O-]"),
    ("CC(=O)O", "CC(=O)O[Na]"),
    ("CC(=O)[O-].[K+]", "CC(=O)[O-].[Na+]"),
    (PYRANTEL, f"{PYRANTEL}.{PAMOATE}"),
    (f"{PAMOATE}.{HYDROXYZINE}", f"{HYDROXYZINE}.Cl.Cl"),
    ("CC(C)Cc1ccc(cc1)C(C)C(=O)O", "CC(C)Cc1ccc(cc1)C(C)C([O-])=O.NCCCC[C@H]([NH3+])C(=O)O"),
    ("CN(C)CCCN1c2ccccc2CCc2ccccc21", "CN(C)CCCN1c2ccccc2CCc2ccccc21.OC(=O)/C=C\\C(=O)O"),
    ("CC(N)Cc1ccccc1", "CC(N)Cc1ccccc1.CC(N)Cc1ccccc1.OS(=O)(=O)O"),
    ("Nc1ccc(cc1)S(=O)(=O)Nc1ncccn1", "Nc1ccc(cc1)S(=O)(=O)[N-]c1ncccn1.[Na+]"),
    ("CCCC(CCC)C(=O)O", "CCCC(CCC)C(=O)O[Na]"),
    ("CCCC(CCC)C(=O)[O-].[Na+]", "CCCC(CCC)C(=O)O.CCCC(CCC)C(=O)[O-].[Na+]"),
    ("CC(O)=O.NCCCCCC(=O)Nc1ccccc1", "NCCCCCC(=O)Nc1ccccc1"),
    ("OC(=O)C(O)C(O)C(O)=O.CC(C)NCC(O)COc1cccc2ccccc12", "CC(C)NCC(O)COc1cccc2ccccc12.Cl"),
    ("C[N+](C)(C)CCO", "[Cl-].C[N+](C)(C)CCO"),
    ("C[N+](C)(C)CCO.[Cl-]", "C[N+](C)(C)CCO.OC(=O)C(O)C(O)C(=O)[O-]"),
    ("CNC.Cc1ccc(cc1)S(=O)(=O)O", "CNC.Cl"),
    ("O=c1[nH]cnc2nc[nH]c12", "O=c1[nH]cnc2nc[nH]c12.NCCN"),
    # solvates and hydrates
    ("NCC(=O)Nc1ccccc1", "NCC(=O)Nc1ccccc1.O"),
    ("NCC(=O)Nc1ccccc1", "NCC(=O)Nc1ccccc1.O.O.Cl"),
    ("NCC(=O)Nc1ccccc1", "NCC(=O)Nc1ccccc1.CS(C)=O"),
    ("NCC(=O)Nc1ccccc1", "NCC(=O)Nc1ccccc1.[2H]O[2H]"),
    ("CC(=O)[O-].[Na+].O.O.O", "CC(=O)O"),
    ("CCO", "CCO.CCO.O"),
    # charges
    ("NCC(=O)O", "[NH3+]CC(=O)[O-]"),
    ("C[N+](C)(C)CC(O)CC([O-])=O", "C[N+](C)(C)CC(O)CC(O)=O.[Cl-]"),
    ("CS(=O)c1ccccc1", "C[S+]([O-])c1ccccc1"),
    ("COc1ccc2[nH]c(nc2c1)[S@](=O)Cc1ncccc1", "COc1ccc2[nH]c(nc2c1)[S@+]([O-])Cc1ncccc1"),
    ("CP(C)(=O)c1ccccc1", "C[P+](C)([O-])c1ccccc1"),
    ("[O-][n+]1ccccc1", "[O-][n+]1ccccc1.Cl"),
    ("CN=[N+]=[N-]", "CN=[N+]=[N-].O"),
    ("NC(=N)NCCCC(N)C(=O)O", "NC(=N)NCCCC(N)C(=O)O.Cl"),
    ("CC(=O)[O-].[NH4+]", "CC(O)=O"),
    ("CC(=O)O[Ca]OC(C)=O", "CC(=O)[O-].[Na+]"),
    ("Cn1c(=O)c2c(ncn2C)n(C)c1=O", "Cn1c(=O)c2c(ncn2C)n(C)c1=O.[Na+].[O-]C(=O)c1ccccc1"),
    ("OB(O)c1ccccc1", "OB([O-])c1ccccc1.[Na+]"),
    # anions without a place for a proton
    ("CC[n+]1ccccc1", "CC[n+]1ccccc1.F[P-](F)(F)(F)(F)F"),
    ("NCCO", "[NH3+]CCO.F[P-](F)(F)(F)(F)F"),
    ("C[n+]1ccccc1.[Cl-]", "C[n+]1ccccc1.F[B-](F)(F)F"),
    ("CC[c-]1cccc1.[Na+]", "CC[c-]1cccc1.[K+]"),
    # tautomers
    ("Oc1ccccn1", "O=c1cccc[nH]1"),
    ("Oc1ccncc1", "O=c1cc[nH]cc1"),
    ("Cc1cnc[nH]1", "Cc1c[nH]cn1"),
    ("Cc1ccc2[nH]cnc2c1", "Cc1ccc2nc[nH]c2c1"),
    ("c1nn[nH]n1", "c1nnn[nH]1"),
    ("CC(=O)CC(C)=O", "CC(O)=CC(C)=O"),
    ("CC1=NN(c2ccccc2)C(=O)C1", "Cc1cc(O)n(-c2ccccc2)n1"),
    ("Nc1nc2[nH]cnc2c(=O)[nH]1", "Nc1nc(O)c2nc[nH]c2n1"),
    ("O=C1CC(=O)NC(=O)N1", "Oc1cc(O)nc(O)n1"),
    ("NC(N)=S", "NC(=N)S"),
    ("CNC(=N)N", "CN=C(N)N"),
    ("ON=C1C=CC(=O)C=C1", "O=Nc1ccc(O)cc1"),
    ("CC(=O)Nc1ccc(O)cc1", "CC(O)=Nc1ccc(O)cc1"),
    ("CC(C)=O", "CC(O)=C"),
    ("Oc1ccccn1.Cl", "O=c1cccc[nH]1"),
    # a racemate, written as both enantiomers
    ("C[C@H](N)c1ccc(F)cc1.C[C@@H](N)c1ccc(F)cc1", "CC(N)c1ccc(F)cc1"),
]
DIFFERENT = [
    ("CCO", "CCC"),
    (f"{PYRANTEL}.{PAMOATE}", f"{HYDROXYZINE}.{PAMOATE}"),
    (f"{OXANTEL}.{PAMOATE}", f"{HYDROXYZINE}.{PAMOATE}"),
    (f"{OXANTEL}.{PAMOATE}", PAMOATE),
    ("C[N+](C)(C)CCO.Cc1ccc(cc1)S(=O)(=O)[O-]", "Cc1ccc(cc1)S(=O)(=O)O"),
    ("C[N+](C)(C)CCO.Cc1ccc(cc1)S(=O)(=O)[O-]", "CNC.Cc1ccc(cc1)S(=O)(=O)O"),
    ("CNC.Cc1ccc(cc1)S(=O)(=O)O", "Cc1ccc(cc1)S(=O)(=O)O"),
    (f"{CITRATE}.[Li+].[Li+].[Li+]", f"{CITRATE}.[Na+].[Na+].[Na+]"),
    ("CC(=O)[O-].CC(=O)[O-].[Zn+2]", "CC(=O)O"),
    ("O=C([O-])[O-].[Li+].[Li+]", "O=C([O-])[O-].[Na+].[Na+]"),
    ("[Na+].[Cl-]", "[K+].[Cl-]"),
    ("[Mg+2].[O-]S(=O)(=O)[O-]", "[Na+].[Na+].[O-]S(=O)(=O)[O-]"),
    ("N[Pt](N)(Cl)Cl", "N.Cl"),
    ("N[Pt](N)(Cl)Cl", "N[Pt](N)(Br)Br"),
    ("[CH-]1C=CC=C1.[CH-]1C=CC=C1.[Fe+2]", "C1C=CC=C1"),
    ("[Ag+].Nc1ccc(cc1)S(=O)(=O)[N-]c1ncccn1", "Nc1ccc(cc1)S(=O)(=O)Nc1ncccn1"),
    ("C[Hg]c1ccccc1", "Cc1ccccc1"),
    # stereochemistry and isotopes stay
    ("C[C@H](N)O", "C[C@@H](N)O"),
    ("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"),
    ("C[C@H](N)C(=O)O", "CC(N)C(=O)O"),
    ("O=C1CC[C@H](N2C(=O)c3ccccc3C2=O)C(=O)N1", "O=C1CC[C@@H](N2C(=O)c3ccccc3C2=O)C(=O)N1"),
    ("CC(C)Cc1ccc(cc1)[C@H](C)C(=O)O", "CC(C)Cc1ccc(cc1)[C@@H](C)C(=O)O"),
    ("C/C=C/C", "C/C=C\\C"),
    ("OC(=O)/C=C/C(=O)O", "OC(=O)/C=C\\C(=O)O"),
    ("C/C(=N/O)c1ccccc1", "C/C(=N\\O)c1ccccc1"),
    ("CCO", "[2H]C([2H])([2H])CO"),
    ("CC(=O)O", "[13CH3]C(=O)O"),
    # no tautomers: other places of atoms, other numbers of hydrogens
    ("Oc1cccnc1", "Oc1ccccn1"),
    ("CC(=O)C", "CC(O)C"),
    ("O=C1C=CC(=O)C=C1", "Oc1ccc(O)cc1"),
    ("Cn1cnc2ncnc-2c1", "Cn1cnc2cncnc21"),
]
REFUSED = [
    ("C1CC", "is not a SMILES that RDKit can read"),
    ("c1cccc1", "is not a SMILES"),
    ("CN(C)(C)(C)C", "is not a SMILES"),
    ("aspirin", "is not a SMILES"),
    ("CCO ethanol", "is not a SMILES"),
    ("", "is not a SMILES"),
    ("Cc1cc(NS(=O)(=O)c2ccc(N)cc2)no1.COc1cc(Cc2cnc(N)nc2N)cc(OC)c1OC", "parts of similar size"),
    ("C=CCN.ClCC1CO1", "parts of similar size"),
]


@pytest.mark.parametrize(("smiles", "problem"), REFUSED)
def test_refused_structures(smiles, problem):
    with pytest.raises(NotationError, match=problem):
        CompoundNotation().design(smiles)


@pytest.mark.parametrize(("a", "b"), SAME)
def test_the_same_compound_looks_the_same_to_a_model(a, b):
    first, second = (Morgan().features(Pool.of([Compound(smiles)]), np.array([0])) for smiles in (a, b))
    assert np.array_equal(first, second)
    assert first.any()


def test_a_campaign_keeps_the_rules_it_was_made_with():
    salt, plain = Compound(f"{HYDROXYZINE}.Cl"), Compound(HYDROXYZINE)
    for version, alike in ((1, False), (2, True)):
        notation = CompoundNotation(version=version)
        assert notation.key(salt) == notation.key(plain)
        pools = [ExplicitPool([d], kind="compounds", origin="listed", notation=notation) for d in (salt, plain)]
        first, second = (Morgan().features(pool, np.array([0])) for pool in pools)
        assert np.array_equal(first, second) == alike
    old = CompoundNotation(version=1)
    assert old.key(Compound(f"{PYRANTEL}.{PAMOATE}")) == old.key(Compound(PAMOATE))
    assert old.key(Compound("Oc1ccccn1")) != old.key(Compound("O=c1cccc[nH]1"))


@pytest.mark.parametrize(("a", "b"), [*SAME, *DIFFERENT])
def test_the_quick_key_never_tells_the_same_apart(a, b):
    notation = CompoundNotation()
    if notation.key(Compound(a)) == notation.key(Compound(b)):
        assert notation.quick_key(Compound(a)) == notation.quick_key(Compound(b))


@settings(deadline=None, max_examples=60)
@given(st.sampled_from([s for pair in [*SAME, *DIFFERENT] for s in pair]), st.randoms(use_true_random=False))
def test_however_a_structure_is_written_its_parent_is_the_same(smiles, order):
    from rdkit import Chem

    molecule = Chem.MolFromSmiles(smiles)
    again = Chem.MolToSmiles(molecule, doRandom=True, canonical=False, rootedAtAtom=-1)
    atoms = list(range(molecule.GetNumAtoms()))
    order.shuffle(atoms)
    shuffled = Chem.MolToSmiles(Chem.RenumberAtoms(molecule, atoms), canonical=False)
    assert parent_structure(shuffled) == parent_structure(again) == parent_structure(smiles)
    parent = parent_structure(smiles)
    assert parent_structure(parent) == parent
    assert parent_structure(f"O.{smiles}.[Na+].[Cl-]") in (parent, parent_structure(f"{smiles}.[Na+].[Cl-]"))


NAMED = """compound_name,Catalog No.,smiles,auc
pyrantel pamoate,HY-100,CN1CCCN=C1/C=C/c1cccs1,0.2
imipramine,HY-200,CN(C)CCCN1c2ccccc2CCc2ccccc21,0.9
salicylate,HY-300,OC(=O)c1ccccc1O,0.4
salicylate,HY-400,[Na+].[O-]C(=O)c1ccccc1OC,0.4
CO,HY-500,CCCCCN,0.4
"""


@pytest.mark.parametrize(
    ("written", "row"),
    [
        ("imipramine", 1),
        ("Imipramine ", 1),
        ("HY-300", 2),
        ("hy-300", 2),
        ("[O-]C(=O)c1ccccc1O.[K+]", 2),
        ("CO", 4),
        ("salicylate", None),
        ("HY-999", None),
        ("methanol", None),
        ("CCCCCCN", None),
    ],
)
def test_names_and_catalogue_numbers_are_found(tmp_path, written, row):
    path = tmp_path / "c.csv"
    path.write_text(NAMED)
    pool = Pool.from_table(path, kind="compounds")
    if row is None:
        with pytest.raises(NotationError):
            pool.find(written)
    else:
        assert pool.find(written) == row


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
