"""Curves as a reader meets them: the command, its files and pictures, and results of a campaign."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from activeloop.cli.new import new
from activeloop.config import open_campaign
from activeloop.desk.curves import curves, proposed_doses, record_curves, write_curves
from activeloop.errors import InputError

SMILES = {"CCO": -2.0, "CCN": -1.0, "CCC": 0.0, "CCCl": 0.6, "CCBr": 5.0, "CC(=O)O": -6.0}
DOSES = 10.0 ** np.linspace(-3, 1, 8)


@pytest.fixture
def readings(tmp_path) -> Path:
    """Six compounds, of which one never acts and one acts at the lowest dose already; 4 + 2 controls."""
    rng = np.random.default_rng(5)
    lines = [
        "compound,dose (µM),signal",
        *[f"DMSO,,{1000 + 10 * k}" for k in range(-2, 3)],
        "blank,,20",
        "blank,,22",
    ]
    for smiles, log_ec50 in SMILES.items():
        for dose in np.repeat(DOSES, 2):
            lines.append(f"{smiles},{dose:.6g},{20 + 980 / (1 + (dose / 10**log_ec50) ** 1.3) + 25 * rng.normal():.1f}")
    (tmp_path / "doses.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path / "doses.csv"


def run(*words: object, status: int = 0) -> str:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("activeloop")), *map(str, words)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def campaign(folder: Path, assay: str = "IC50:µM:minimise") -> Path:
    (folder / "pool.csv").write_text("smiles\n" + "\n".join([*SMILES, "CCCC", "CCCCC"]) + "\n", encoding="utf-8")
    new(folder / "c", [assay], table=folder / "pool.csv", kind="compounds")
    return folder / "c"


def test_tables_and_pictures(readings, tmp_path):
    found = curves(readings, response="viability")
    files = write_curves(found, tmp_path / "out")
    assert [f.name for f in files] == ["curves.csv", "readings.csv", "curves.svg"]
    rows = {row["compound"]: row for row in csv.DictReader(files[0].read_text(encoding="utf-8").splitlines())}
    assert float(rows["CCN"]["IC50 (µM)"]) == pytest.approx(0.1, rel=0.3)
    assert float(rows["CCN"]["IC50 low"]) < float(rows["CCN"]["IC50 (µM)"]) < float(rows["CCN"]["IC50 high"])
    assert (rows["CCBr"]["IC50 (µM)"], rows["CCBr"]["remark"]) == (">10", "no effect")
    assert rows["CC(=O)O"]["IC50 (µM)"] == "<0.001"
    picture = files[2].read_text(encoding="utf-8")
    assert picture.count("IC50") == len(SMILES)
    assert "viability (% of control)" in picture


def test_results_of_a_campaign(readings, tmp_path):
    folder = campaign(tmp_path)
    found = curves(readings, response="viability")
    summary, _ = record_curves(open_campaign(folder), found)
    assert (summary.stored, summary.candidates) == (6, 6)
    loop = open_campaign(folder)
    stored = {r.measurement.candidate: r.measurement for r in loop.campaign.state().results}
    assert (stored["CCBr"].qualifier, stored["CCBr"].value) == (">", 10.0)
    assert (stored["CC(=O)O"].qualifier, stored["CC(=O)O"].value) == ("<", 0.001)
    assert stored["CCN"].error == pytest.approx(0.1 * 0.1, rel=1.5)
    again, _ = record_curves(open_campaign(folder), found)
    assert again.read_before


def test_nanomolar_results_of_micromolar_doses(readings, tmp_path):
    folder = campaign(tmp_path, "IC50:nM:minimise")
    record_curves(open_campaign(folder), curves(readings, response="viability"))
    stored = {r.measurement.candidate: r.measurement for r in open_campaign(folder).campaign.state().results}
    assert stored["CCBr"].value == 10_000
    assert stored["CCN"].value == pytest.approx(100, rel=0.3)
    assert stored["CCN"].error == pytest.approx(10, rel=1.5)


def test_a_campaign_of_something_else_is_refused(readings, tmp_path):
    folder = campaign(tmp_path, "kcat:1/s")
    with pytest.raises(InputError, match="give an assay one of these names"):
        record_curves(open_campaign(folder), curves(readings, response="viability"))


def test_the_command(readings, tmp_path):
    folder = campaign(tmp_path)
    said = run(
        "curves", readings, "--response", "viability", "--next", 2, "--record", folder, "--out", tmp_path / "out"
    )
    assert "6 curves, viability" in said
    assert "Stored 6 results of 6 candidates" in said
    assert ">10" in said
    assert "<0.001" in said
    again = run("curves", readings, "--response", "viability", "--record", folder)
    assert "recorded before" in again
    refused = run("curves", readings, status=2)
    assert "--response viability" in refused
    assert "Traceback" not in refused


def test_the_next_doses_begin_with_the_least_certain(readings):
    found = curves(readings, response="viability")
    order = [compound for compound, _, _ in proposed_doses(found, 1)]
    assert set(order[:2]) == {"CCBr", "CC(=O)O"}


def test_one_kind_of_cells(readings):
    lines = readings.read_text(encoding="utf-8").splitlines()
    both = [f"{lines[0]},cells", *[f"{line},{cells}" for cells in ("A549", "K-562") for line in lines[1:]]]
    readings.write_text("\n".join(both) + "\n", encoding="utf-8")
    assert len(curves(readings, response="viability").curves) == 12
    assert len(curves(readings, response="viability", cells="k562").curves) == 6
    with pytest.raises(InputError, match="A549, K-562"):
        curves(readings, response="viability", cells="MCF7")


def test_curves_on_several_cells_are_treatments(tmp_path):
    """Cells and compound name a treatment; cells that the campaign does not know are refused under the file's name."""
    lines = ["cell_line,drug,conc (nM),viability (%)"]
    for cells, log_ec50 in (("A549", 1.5), ("K562", 2.5)):
        lines += [f"{cells},aspirin,{dose:g},{100 / (1 + dose / 10**log_ec50):.2f}" for dose in 10.0 ** np.arange(5)]
    (tmp_path / "doses.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "pool.csv").write_text("cells,drug\nA549,aspirin\nK562,aspirin\nMCF7,aspirin\n", encoding="utf-8")
    new(tmp_path / "c", ["IC50:µM:minimise"], table=tmp_path / "pool.csv", kind="treatments")
    summary, _ = record_curves(open_campaign(tmp_path / "c"), curves(tmp_path / "doses.csv"))
    assert summary.stored == 2
    stored = {
        r.measurement.candidate: r.measurement.value for r in open_campaign(tmp_path / "c").campaign.state().results
    }
    assert stored["A549 | aspirin"] == pytest.approx(0.0316, rel=0.1)
    assert stored["K562 | aspirin"] == pytest.approx(0.316, rel=0.1)
    new(tmp_path / "again", ["IC50:µM:minimise"], table=tmp_path / "pool.csv", kind="treatments")
    table = write_curves(curves(tmp_path / "doses.csv"), tmp_path / "out")[0]
    again = open_campaign(tmp_path / "again").campaign.read(table)  # the table that was written is read back
    assert {m.candidate: m.value for m in again.measurements} == pytest.approx(stored, rel=1e-3)
    (tmp_path / "other.csv").write_text("\n".join(lines).replace("K562", "HT29") + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"other\.csv: .*HT29"):
        record_curves(open_campaign(tmp_path / "c"), curves(tmp_path / "other.csv"))


def test_exchanged_columns_are_refused_and_can_be_insisted_on(tmp_path):
    rng, lines = np.random.default_rng(2), ["well,compound,dose (µM),signal"]
    for r, row in enumerate("ABCDEFGH"):
        doses = 10.0 ** np.linspace(-3, 1, 10)
        true = 1000 / (1 + doses / 10.0 ** rng.uniform(-2, 0.5))
        true[[2, 7]] = true[[7, 2]]
        lines += [f"{row}1,DMSO,,{1000 + 20 * rng.normal():.0f}"]
        lines += [f"{row}{c + 2},d{r},{doses[c]:.5g},{true[c] + 20 * rng.normal():.0f}" for c in range(10)]
    file = tmp_path / "swapped.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"columns 4 and 9 exchanged, 8 curves fit far better.*--as-written"):
        curves(file, response="viability")
    assert len(curves(file, response="viability", as_written=True).curves) == 8


def test_effects_that_fall_with_the_dose_are_refused_and_can_be_insisted_on(tmp_path):
    """Readings of inhibition as viability gave IC50s of all sizes, without a word."""
    file, doses = tmp_path / "inhibition.csv", 10.0 ** np.linspace(-3, 1, 8)
    lines = ["compound,dose (µM),viability (%)"]
    for name, ec50 in (("A", 0.02), ("B", 0.2), ("C", 3.0)):
        lines += [f"{name},{dose:.5g},{100 - 100 / (1 + dose / ec50):.2f}" for dose in doses]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(
        InputError, match=r"the effect of 3 of 3 compounds falls as the dose rises \(A: from 9.* say --as"
    ):
        curves(file)
    assert "falls as the dose rises: A, B, C. Do not use their IC50s." in " ".join(curves(file, as_written=True).checks)
