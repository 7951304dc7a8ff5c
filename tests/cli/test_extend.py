"""`activeloop extend`, as one types it: combinations, lists and positions, and what is refused."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from activeloop.campaigns import Extended
from activeloop.candidates import Pool
from activeloop.config import open_campaign
from activeloop.plates import read_plates

WT = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQ"


@pytest.fixture
def run(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    return run


@pytest.fixture
def loop(run) -> str:
    """A campaign with 60 measured single mutants and four wells of the wild type."""
    assert run("new", "loop", "--wild-type", WT, "--singles", "--positions", "2-30", "--assay", "kcat:1/s")[0] == 0
    rng = np.random.default_rng(0)
    pool = Pool.single_mutants(WT, positions=range(2, 31))
    names = pool.names(rng.choice(len(pool), 60, replace=False))
    rows = [f"{name},{10 + rng.normal(-0.3, 0.6):.3f}" for name in names] + [f"WT,{10 + k / 100}" for k in range(4)]
    Path("r.csv").write_text("\n".join(["variant,kcat", *rows]) + "\n")
    assert run("record", "loop", "r.csv")[0] == 0
    return "loop"


def extensions(folder: str) -> list[Extended]:
    return [r.event for r in open_campaign(folder).folder.log if isinstance(r.event, Extended)]


def test_combinations_by_default_then_a_plate_of_them(run, loop):
    status, out, _ = run("extend", loop)
    assert status == 0
    assert "Added 4,000 combinations (double and triple mutants) of the 88 best" in out
    assert "the best 10 of 4,000 unmeasured combinations, by the model; the wild type: 10" in out
    assert "P(better than wild" in out
    assert "extrapolations (none was measured yet)" in out
    again = run("extend", loop)
    assert again[0] == 0
    assert "Nothing was added" in again[1]
    assert len(extensions(loop)) == 1
    status, out, _ = run("propose", loop, "-n", 24)
    assert (status, "P(better than the" in out) == (0, True)
    assert "4,000 combinations" in run("status", loop)[1]
    (plate,) = read_plates(Path("loop/plates/plate-1.csv"))
    name = next(w.candidate for w in plate.wells.values() if ":" in w.candidate)
    Path("r2.csv").write_text(f"variant,kcat\n{name},12\n")
    assert "Stored 1 result" in run("record", loop, "r2.csv")[1]
    assert run("predict", loop)[0] == 0


def test_a_list_with_catalogue_numbers_is_read_as_all_lists_are(run, loop):
    Path("l.csv").write_text("variant,ID\np.Lys2Arg/p.Thr3Ser,X-1\nA4G,X-2\nA4G:I6L,X-3\n")
    status, out, _ = run("extend", loop, "--list", "l.csv")
    assert status == 0
    assert "Added 2 variants of l.csv (event 3)" in out
    assert "1 variant more is in it already" in out
    assert run("pin", loop, "X-3")[1].startswith("Pinned A4G:I6L")
    pool = open_campaign(loop).campaign.pool
    assert pool.labels(pool.row_of("K2R:T3S")) == (("ID", "X-1"),)
    assert "Nothing was added" in run("extend", loop, "--list", "l.csv")[1]
    Path("f.fasta").write_text(f">one\n{WT[:5]}V{WT[6:]}\n>two\n{'G' + WT[1:]}\n")
    assert "Added 1 variant of f.fasta" in run("extend", loop, "--list", "f.fasta")[1]


def test_positions_and_sites(run, loop):
    assert "Added 57 variants at E31, V32, Q33" in run("extend", loop, "--positions", "31-33")[1]
    assert "Added 1 variant at M1" in run("extend", loop, "--sites", "M1=A")[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--combine", "1"), "at least 2"),
        (("--combine", "2", "--positions", "31"), "one way at a time"),
        (("--positions", "31", "--budget", "9"), "adds none"),
        (("--positions", "99"), "outside the wild type"),
        (("--sites", "A31"), "position 31"),
        (("--list", "nowhere.csv"), "nowhere.csv"),
    ],
)
def test_what_makes_no_sense_adds_nothing(run, loop, options, said):
    status, _, errors = run("extend", loop, *options)
    assert status == 2
    assert said in errors
    assert "Traceback" not in errors
    assert extensions(loop) == []


def test_a_list_that_cannot_be_read_names_its_row(run, loop):
    Path("l.csv").write_text("variant\nK2R:T3S\nK2R:Z9Q\n")
    status, _, errors = run("extend", loop, "--list", "l.csv")
    assert (status, "l.csv, row 3" in errors, "Nothing was added" in errors) == (2, True, True)
    assert "Added 1 variant" in run("extend", loop, "--list", "l.csv", "--skip-unreadable")[1]


def test_compounds_grow_by_a_list_and_keep_their_numbers(run):
    Path("pool.csv").write_text("SMILES,Catalog ID\nCCO,Z1\nCCN,Z2\n")
    assert run("new", "c", "--table", "pool.csv", "--kind", "compounds", "--assay", "IC50:nM:minimise")[0] == 0
    Path("more.csv").write_text("SMILES,Catalog ID,Supplier\nCCC,Z3,Acme\nOCC,Z4,Acme\n")
    status, out, _ = run("extend", "c", "--list", "more.csv")
    assert (status, "Added 1 compound of more.csv" in out) == (0, True)
    pool = open_campaign("c").campaign.pool
    assert pool.labels(pool.find("Z3")) == (("Catalog ID", "Z3"), ("Supplier", "Acme"))
    assert run("extend", "c")[0] == 1
    assert "holds compounds" in run("extend", "c")[2]


def test_candidates_outside_the_pool_are_predicted_and_marked(run, loop):
    assert run("fit", loop)[0] == 0
    whole = {row["candidate"]: row for row in predicted(run, loop)}
    Path("q.csv").write_text("variant\nK2R\nK2R:T3S\nV32A\nWT\n")
    status, out, _ = run("predict", loop, "q.csv", "--out", "q.out.csv")
    assert (status, "3 candidates are not in the pool" in out, "V32A (not in the pool)" in out) == (0, True, True)
    found = {row["candidate"]: row for row in csv.DictReader(Path("q.out.csv").read_text().splitlines())}
    assert {name: row["in pool"] for name, row in found.items()} == {
        "K2R": "yes",
        "K2R:T3S": "no",
        "V32A": "no",
        "WT": "no",
    }
    assert float(found["K2R"]["kcat"]) == pytest.approx(float(whole["K2R"]["kcat"]), abs=1e-9)
    Path("one.csv").write_text("variant\nV32A\n")
    assert run("predict", loop, "one.csv", "--out", "one.out.csv")[0] == 0
    (alone,) = csv.DictReader(Path("one.out.csv").read_text().splitlines())
    assert float(alone["kcat"]) == pytest.approx(float(found["V32A"]["kcat"]), rel=1e-6)
    assert [r.event for r in open_campaign(loop).folder.log if isinstance(r.event, Extended)] == []


def predicted(run, loop):
    assert run("predict", loop, "--out", "all.csv")[0] == 0
    return list(csv.DictReader(Path("all.csv").read_text().splitlines()))


def test_a_library_says_which_position_its_model_does_not_know(run):
    assert run("new", "lib", "--wild-type", WT, "--sites", "K2,T3,A4", "--assay", "kcat")[0] == 0
    rows = [f"K2{a}:T3{b},{i}" for i, (a, b) in enumerate(zip("ACDEFGHIL", "LIHGFEDCA", strict=True))]
    Path("r.csv").write_text("\n".join(["variant,kcat", *rows]) + "\n")
    assert run("record", "lib", "r.csv")[0] == 0
    assert run("fit", "lib")[0] == 0
    Path("q.csv").write_text("variant\nK2R:Y5F\n")
    status, _, errors = run("predict", "lib", "q.csv")
    assert status == 1
    assert "knows nothing of Y5" in errors


@pytest.mark.parametrize(
    ("options", "first", "said"),
    [
        ((), "K2A", "the start methionine is left out"),
        (("--signal-peptide", 5), "I6A", "residues 1 to 5 are left out (the signal peptide)"),
        (("--offset", 12), "S13A", "residues 1 to 12 are left out (the numbering begins behind them"),
        (("--keep-start",), "M1A", ""),
        (("--positions", "1-3"), "M1A", ""),
    ],
)
def test_start_methionine_and_signal_peptide_are_left_out_and_it_is_said(run, options, first, said):
    status, out, err = run("new", "n", "--wild-type", WT, "--singles", "--assay", "fit", *options)
    assert status == 0, err
    assert said in out
    assert ("left out" in out) == bool(said)
    pool = open_campaign("n").campaign.pool
    allowed = np.flatnonzero(pool.allowed(np.arange(len(pool))))
    assert pool.names(allowed[:1]) == [first]
    Path("r.csv").write_text("variant,fit\nM1G,0.1\n")
    assert run("record", "n", "r.csv", "--offset", 0)[0] == 0
    config = Path("n/campaign.toml")
    config.write_text("\n".join(line for line in config.read_text().splitlines() if not line.startswith("start = ")))
    campaign = open_campaign("n").campaign
    assert campaign.pool.allowed(np.arange(len(campaign.pool))).all()
    assert len(campaign.dataset()) == 1


def test_nothing_of_the_start_is_proposed_or_combined(run):
    assert run("new", "n", "--wild-type", WT, "--singles", "--assay", "fit", "--signal-peptide", 12)[0] == 0
    pool = open_campaign("n").campaign.pool
    rng = np.random.default_rng(1)
    rows = [f"{name},{rng.normal() + 5 * (int(name[1:-1]) < 12):.3f}" for name in pool.names(range(0, len(pool), 4))]
    Path("r.csv").write_text("\n".join(["variant,fit", *rows, "WT,0.5"]) + "\n")
    assert run("record", "n", "r.csv")[0] == 0
    assert run("extend", "n", "--combine", 2, "--budget", 300)[0] == 0
    assert run("propose", "n", "-n", 40)[0] == 0
    (added,) = extensions("n")
    assert len(added.names) == 301  # and the wild type
    assert min(int(m[1:-1]) for name in added.names if name != "WT" for m in name.split(":")) > 12
    (proposal,) = open_campaign("n").campaign.state().proposals
    positions = [int(m[1:-1]) for pick in proposal.picks for m in pick.name.split(":")]
    assert min(positions) > 12


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--signal-peptide", 5, "--positions", "7-9"), "one of them"),
        (("--signal-peptide", len(WT)), "leaves nothing"),
    ],
)
def test_a_start_that_contradicts_itself_makes_no_campaign(run, options, said):
    status, _, errors = run("new", "n", "--wild-type", WT, "--singles", "--assay", "fit", *options)
    assert (status, said in errors, Path("n").exists()) == (2, True, False)
