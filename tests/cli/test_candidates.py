"""Lists of candidates as people send them, through the commands."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from activeloop.config import open_campaign
from activeloop.errors import StateError

WT = "MKTAYIAKQRQISFVKSHFSRQ"
PAMOATE = "OC(=O)c1cc2ccccc2c(Cc2c(O)c(C(=O)O)cc3ccccc23)c1O"
PYRANTEL = f"CN1CCCN=C1/C=C/c1cccs1.{PAMOATE}"
HYDROXYZINE = f"OCCOCCN1CCN(CC1)C(c1ccccc1)c1ccc(Cl)cc1.{PAMOATE}"


@pytest.fixture
def run(run, monkeypatch):
    """Type a command in an empty folder; returns exit status and everything that was said."""
    monkeypatch.setenv("COLUMNS", "1000")

    def joined(*arguments: object) -> tuple[int, str]:
        status, out, err = run(*arguments)
        return status, out + err

    return joined


def table(name: str, header: str, *rows: str) -> Path:
    path = Path(name)
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def stored(folder: str = "c") -> list[tuple[str, float, bool]]:
    results = open_campaign(folder).campaign.state().results
    return [(r.measurement.candidate, r.measurement.value, r.measurement.control) for r in results]


def test_wt_among_letters_at_two_sites_is_trp_and_thr(run):
    assert run("new", "c", "--wild-type", WT, "--sites", "K2,T3", "--assay", "fit")[0] == 0
    results = table("two.csv", "Combo,fit", "WT,0.1", "KT,1.0", "NA,3.0", "RR,0.7")
    assert run("record", "c", results)[0] == 0
    assert stored() == [("K2W", 0.1, False), ("WT", 1.0, True), ("K2N:T3A", 3.0, False), ("K2R:T3R", 0.7, False)]
    status, said = run("pin", "c", "WT")
    assert (status, '"WT" can be the wild type or the residues at the 2 sites (K2W)' in said) == (2, True)
    assert run("pin", "c", "KT", "WT")[0] == 0
    assert list(open_campaign("c").campaign.state().pinned) == ["WT", "K2W"]


def test_results_of_another_salt_of_the_same_acid_are_refused(run):
    pool = table("pool.csv", "name,smiles", f"pyrantel pamoate,{PYRANTEL}", "caffeine,Cn1c(=O)c2c(ncn2C)n(C)c1=O")
    assert run("new", "c", "--kind", "compounds", "--table", pool, "--assay", "auc")[0] == 0
    assert "structures = 2" in Path("c/campaign.toml").read_text()
    results = table("r.csv", "smiles,auc", f"{HYDROXYZINE},0.2", "Cn1c(=O)c2c(ncn2C)n(C)c1=O,0.8")
    status, said = run("record", "c", results)
    assert (status, "row 2" in said, "is not in the pool" in said, stored()) == (2, True, True, [])
    both = table("both.csv", "smiles", PYRANTEL, HYDROXYZINE)
    assert run("new", "d", "--kind", "compounds", "--table", both, "--assay", "auc")[0] == 0
    free = table("free.csv", "smiles,auc", f"{PYRANTEL.partition('.')[0]},0.4")
    assert run("record", "c", free)[0] == 0
    assert stored() == [(PYRANTEL, 0.4, False)]


def test_the_offset_of_a_campaign_holds_for_its_results(run):
    rows = [f"{position - 1}{a}" for position in range(2, 8) for a in "ACDEFGHIKLMNPQRSTVWY" if a != WT[position - 1]]
    pool = table("pool.csv", "Variant", *rows)
    status, said = run("new", "c", "--wild-type", WT, "--table", pool, "--assay", "activity")
    assert status == 2
    assert '"1A" names no old residue' in said
    assert "--offset 0" in said
    assert not Path("c").exists()
    assert run("new", "c", "--wild-type", WT, "--table", pool, "--assay", "activity", "--offset", 1)[0] == 0
    assert run("record", "c", table("r.csv", "Variant,activity", "2S,1.2", "3G,1.3", "WT,1.0"))[0] == 0
    assert stored() == [("T3S", 1.2, False), ("A4G", 1.3, False), ("WT", 1.0, True)]
    assert run("pin", "c", "K1R")[0] == 0
    assert run("veto", "c", "K2C", "T3C")[0] == 0
    state = open_campaign("c").campaign.state()
    assert (list(state.pinned), list(state.vetoed)) == (["K2R"], ["K2C", "T3C"])
    status, said = run("pin", "c", "K1A", "K2A")
    assert (status, "Write all in one of them" in said) == (2, True)
    assert run("record", "c", table("r2.csv", "Variant,activity", "3R,1.2"), "--offset", 0)[0] == 0
    assert stored()[-1][0] == "T3R"


def test_names_without_old_residues_are_asked_about(run):
    assert run("new", "c", "--wild-type", WT, "--singles", "--assay", "activity")[0] == 0
    results = table("r.csv", "Variant,activity", "2S,1.2", "3G,1.3")
    status, said = run("record", "c", results)
    assert (status, "counted as in the wild type (K there)" in said, stored()) == (2, True, [])
    assert run("record", "c", results, "--offset", 0)[0] == 0
    assert [name for name, *_ in stored()] == ["K2S", "T3G"]
    assert run("new", "d", "--wild-type", WT, "--singles", "--assay", "activity", "--offset", 0)[0] == 0
    assert run("record", "d", results)[0] == 0


ALIASES = ["p.Lys2Arg", "p.Thr3Ser", "_wt", "p.=", "p.Lys2=", "p.(=)", "Wildtype", "parent", WT]


@pytest.mark.parametrize("column", ["hgvs_pro", "aa_substitutions", "combo", "aa_seq", "mutated_sequence", "Variante"])
def test_the_wild_type_by_its_other_names(run, column):
    assert run("new", "c", "--wild-type", WT, "--singles", "--assay", "score")[0] == 0
    results = table("r.csv", f"{column},score", *(f"{name},{i}" for i, name in enumerate(ALIASES)))
    assert run("record", "c", results)[0] == 0
    assert [(name, control) for name, _, control in stored()] == [("K2R", False), ("T3S", False), *[("WT", True)] * 7]


SCAN = """accession,hgvs_nt,hgvs_pro,score
a#1,NA,p.[Lys2Arg;Thr3Ser],1.2
a#2,NA,p.Lys2Arg,0.9
a#3,NA,p.Lys2=,1.0
a#4,NA,p.Thr3=,1.1
a#5,NA,p.Ala4Ter,0.0
a#6,NA,_wt,1.0
a#9,NA,p.Tyr5fs,0.1
"""


def test_a_deep_scan_has_repeats_and_stops(run):
    scan = table("scan.csv", *SCAN.splitlines())
    status, said = run("new", "c", "--wild-type", WT, "--table", scan, "--assay", "score")
    assert (status, "row 6" in said, "--skip-unreadable" in said) == (2, True, True)
    status, said = run("new", "c", "--wild-type", WT, "--table", scan, "--assay", "score", "--skip-unreadable")
    assert (status, "--merge-duplicates" in said, "merge_duplicates" in said) == (2, True, False)
    options = ("--assay", "score", "--skip-unreadable", "--merge-duplicates")
    status, said = run("new", "c", "--wild-type", WT, "--table", scan, *options)
    assert status == 0
    assert "3 variants" in said
    assert "without 2 rows that cannot be read (first: row 6)" in said
    assert "2 rows with a candidate that stands further up merged" in said
    status, said = run("record", "c", scan, "--skip-unreadable")
    assert (status, "2 rows left out" in said, "(rows 6, 8)" in said, len(stored())) == (0, True, True, 5)
    status, said = run("predict", "c", scan, "--skip-unreadable", "--merge-duplicates", "--out", "p.csv")
    assert (status, "2 rows left out" in said, "2 rows with a candidate" in said) == (0, True, True)
    with Path("p.csv").open() as file:
        assert [line["candidate"] for line in csv.DictReader(file)] == ["K2R:T3S", "K2R", "WT"]


def test_an_empty_cell_of_the_class_wildtype_is_the_wild_type(run):
    assert run("new", "c", "--wild-type", WT, "--singles", "--assay", "score")[0] == 0
    header = "library,variant_class,aa_substitutions,score"
    rows = ("1,wildtype,,0.02", "1,1 nonsynonymous,K2R,-0.3", "1,synonymous,,0.01", "1,stop,Y5*,-4.8")
    assert run("record", "c", table("r.csv", header, *rows), "--skip-unreadable")[0] == 0
    assert stored() == [("WT", 0.02, True), ("K2R", -0.3, False), ("WT", 0.01, True)]
    status, said = run("record", "c", table("r2.csv", header, *rows[:3], "1,unknown,,0.3"))
    assert (status, "row 5" in said, "empty" in said) == (2, True, True)


def test_names_of_compounds_and_of_fasta_records_are_found(run):
    pool = table("pool.csv", "name,smiles", f"pyrantel pamoate,{PYRANTEL}", "aspirin,CC(=O)Oc1ccccc1C(=O)O")
    assert run("new", "c", "--kind", "compounds", "--table", pool, "--assay", "auc")[0] == 0
    assert run("record", "c", table("r.csv", "name,auc", "pyrantel pamoate,0.2", "Aspirin,0.9"))[0] == 0
    assert [name for name, *_ in stored()] == [PYRANTEL, "CC(=O)Oc1ccccc1C(=O)O"]
    fasta = table("lib.fa", ">clone1 first", WT.replace("MK", "MR"), ">clone2", WT.replace("KT", "KS"), ">clone3", WT)
    assert run("new", "f", "--wild-type", WT, "--fasta", fasta, "--assay", "a")[0] == 0
    assert run("record", "f", table("s.csv", "name,a", "clone1,1", "clone2,2"))[0] == 0
    assert [name for name, *_ in stored("f")] == ["K2R", "T3S"]
    assert run("pin", "f", "clone3")[0] == 0
    assert run("predict", "f", table("p.csv", "clone", "clone2", "clone1"), "--column", "clone")[0] == 0


def test_a_campaign_of_before_keeps_its_rules_for_compounds(run):
    pool = table("pool.csv", "smiles", "Oc1ccccn1", "CC(=O)Oc1ccccc1C(=O)O.NCCO")
    assert run("new", "c", "--kind", "compounds", "--table", pool, "--assay", "auc")[0] == 0
    config = Path("c/campaign.toml")
    config.write_text(config.read_text().replace("structures = 2\n", ""))
    old = open_campaign("c").campaign.pool
    assert (old.row_of("O=c1cccc[nH]1"), old.row_of("NCCO")) == (None, None)
    config.write_text(
        config.read_text().replace("[learner]", "[learner]", 1).replace('kind = "c', 'structures = 2\nkind = "c')
    )
    assert open_campaign("c").campaign.pool.row_of("O=c1cccc[nH]1") == 0


def test_a_candidate_that_is_the_control_is_read_as_the_control_and_never_proposed(run):
    note = "K2R is a control: its wells are read as those of the control, and it is never proposed."
    options = ("--wild-type", "AKT", "--singles", "--assay", "a", "--control", "p.Lys2Arg", "--controls", "2")
    status, said = run("new", "c", *options)
    assert (status, f"Note: {note}" in said) == (0, True)
    assert f'control = "p.Lys2Arg"  # {note}' in Path("c/campaign.toml").read_text()
    assert note in run("status", "c")[1]
    status, said = run("pin", "c", "K2R")
    assert (status, note in said, "Nothing was changed." in said) == (2, True, True)
    assert run("propose", "c", "-n", "56")[0] == 0  # all there are but one
    picks = {pick.name for pick in open_campaign("c").campaign.state().proposals[0].picks}
    assert (len(picks), "K2R" in picks) == (56, False)
    plate = csv.DictReader(Path("c/plates/plate-1.csv").read_text(encoding="utf-8").splitlines())
    wells = [row for row in plate if row["kind"] == "control"]
    assert [row["candidate"] for row in wells] == ["p.Lys2Arg"] * 2
    by_well = table("w.csv", "well,a", *(f"{row['well']},1" for row in wells))
    assert run("record", "c", by_well)[0] == 0
    assert run("record", "c", table("n.csv", "variant,a", "K2R,3", "K2C,4"))[0] == 0
    found = stored()
    assert [control for name, _, control in found if name == "K2R"] == [True] * 3
    assert ("K2C", 4.0, False) in found
    with pytest.raises(StateError, match="Nothing is left to propose"):
        open_campaign("c").campaign.propose(9)


def test_a_control_of_letters_may_be_a_candidate_too(run):
    pool = table("pool.csv", "combo", "FWAA", "FWLG", "AWAA", "GGGG")
    status, said = run("new", "c", "--table", pool, "--assay", "a", "--control", "FWAA")
    assert (status, "FWAA is a control" in said) == (0, True)
    assert run("record", "c", table("r.csv", "combo,a", "FWAA,3", "FWLG,4"))[0] == 0
    assert stored() == [("FWAA", 3.0, True), ("FWLG", 4.0, False)]


def test_after_a_file_that_may_correct_another_the_way_to_do_so_is_said(run):
    assert run("new", "c", "--wild-type", WT, "--singles", "--assay", "a")[0] == 0
    assert run("record", "c", table("a.csv", "variant,a", "K2R,3", "T3S,4"))[0] == 0
    status, said = run("record", "c", table("b.csv", "variant,a", "K2R,30", "T3S,40", "A4G,1"))
    assert status == 0
    assert "2 candidates already had a value (event 2): K2R, T3S. The new ones were stored as repeats" in said
    assert "If this file corrects the former, take that out: `activeloop void c 2`." in said
    assert run("void", "c", "2")[0] == 0
    assert "best a" in run("status", "c")[1]
    assert {name: value for name, value, _ in stored()} == {"K2R": 30.0, "T3S": 40.0, "A4G": 1.0}


def test_means_with_deviations_and_counts_reach_the_model(run):
    assert run("new", "c", "--wild-type", WT, "--singles", "--assay", "a")[0] == 0
    lines = [f"{name},{i},{0.4 * (i + 1)},4" for i, name in enumerate(("K2R", "K2A", "T3S", "A4G"))]
    status, said = run("record", "c", table("r.csv", "variant,a,SD,n", *lines))
    assert (status, "standard errors of the values are stored with them" in said) == (0, True)
    assert "columns that were not read" not in said
    data = open_campaign("c").campaign.dataset()
    errors = dict(zip(data.pool.names(data.rows), data.errors[:, 0].round(9).tolist(), strict=True))
    assert errors == {"K2R": 0.2, "K2A": 0.4, "T3S": 0.6, "A4G": 0.8}
    assert run("fit", "c")[0] == 0
    assert "best a" in run("status", "c")[1]
