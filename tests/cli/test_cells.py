"""Single cells on the command line: tables of conditions, campaigns from them, folds by what is held out."""

from __future__ import annotations

import csv
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from activeloop.candidates import TreatmentPool
from activeloop.desk.cells import as_tables
from activeloop.desk.new import CampaignOptions, draft
from activeloop.errors import InputError
from activeloop.replay import Source, load_landscape
from activeloop.replay.evaluation import fold_numbers

GENES = [f"GENE{i}" for i in range(12)]
SMILES = {"aspirin": "CC(=O)Oc1ccccc1C(=O)O", "ethanol": "CCO", "benzoic acid": "O=C(O)c1ccccc1",
          "caffeine": "CN1C=NC2=C1C(=O)N(C)C(=O)N2C", "pyridine": "c1ccncc1", "propanol": "CCCO"}  # fmt: skip


def cells_file(path: Path, layout: str) -> Path:
    """600 cells of three lines under six compounds and a vehicle, as two consortia lay them out."""
    rng = np.random.default_rng(0)
    lines, names = rng.choice(["A549", "K562", "MCF7"], 600), rng.choice([*SMILES, "Vehicle"], 600)
    counts = rng.poisson(3.0, (600, len(GENES))).astype(np.float32)
    counts[names == "ethanol", 3] += 30
    counts[lines == "K562", 5] += 20
    dose = np.where(names == "Vehicle", 0, rng.choice([10, 1000], 600))
    donor = rng.choice(["1", "2"], 600)
    if layout == "tahoe":
        told = [
            f"[('{'DMSO_TF' if n == 'Vehicle' else n}', {d / 1000}, 'uM')]" for n, d in zip(names, dose, strict=True)
        ]
        obs = {"cell_line": lines, "drugname_drugconc": told, "plate": rng.choice(["p1", "p2"], 600)}
    else:
        obs = {"cell_type": lines, "product_name": names, "dose": dose, "vehicle": names == "Vehicle",
               "smiles": [SMILES.get(n, "") for n in names], "donor": donor}  # fmt: skip
    if layout == "united":
        obs["dose_unit"] = ["nM"] * 600
    frame = pd.DataFrame(obs, index=pd.Index([f"c{i}" for i in range(600)]))
    anndata.AnnData(counts, frame, pd.DataFrame(index=pd.Index(GENES))).write_h5ad(path)
    return path


@pytest.fixture(scope="module")
def sciplex(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cells_file(tmp_path_factory.mktemp("cells") / "cells.h5ad", "sciplex")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_tables_of_conditions(run, sciplex, tmp_path):
    code, said, _ = run("cells", sciplex, "--out", tmp_path / "out", "--response", "GENE3", "--split", "compound",
                        "--folds", 3, "--column", "donor=donor", "--dose-unit", "nM")  # fmt: skip
    assert code == 0
    assert "600 cells" in said
    rows = rows_of(tmp_path / "out" / "treatments.csv")
    assert set(rows[0]) == {"cell line", "compound", "dose", "donor", "GENE3", "fold"}
    by_drug = {name: np.mean([float(r["GENE3"]) for r in rows if r["compound"] == name]) for name in SMILES}
    assert max(by_drug, key=by_drug.__getitem__) == "ethanol"
    folds = {r["compound"]: {q["fold"] for q in rows if q["compound"] == r["compound"]} for r in rows}
    assert all(len(found) == 1 for found in folds.values())
    drugs = {r["compound"]: r["smiles"] for r in rows_of(tmp_path / "out" / "drugs.csv")}
    assert drugs == SMILES
    lines = rows_of(tmp_path / "out" / "lines.csv")
    assert {r["cell line"] for r in lines} == {"A549", "K562", "MCF7"}
    assert float(lines[1]["GENE5"]) != float(lines[0]["GENE5"])


def test_tahoe_has_its_doses_with_their_unit(run, tmp_path):
    run("cells", cells_file(tmp_path / "t.h5ad", "tahoe"), "--out", tmp_path / "out")
    rows = rows_of(tmp_path / "out" / "treatments.csv")
    assert {r["dose"] for r in rows} == {"0.01 uM", "1 uM"}
    assert set(rows[0]) == {"cell line", "compound", "dose", "response"}


def test_a_campaign_takes_cells_as_pool_panel_and_history(run, sciplex, tmp_path):
    campaign, united = tmp_path / "campaign", cells_file(tmp_path / "united.h5ad", "united")
    run("new", campaign, "--assay", "GENE3", "--cells", "A549,K562,MCF7", "--compounds", "aspirin,ethanol,novel",
        "--doses", "10, 1000 nM", "--panel", sciplex, "--history", united)  # fmt: skip
    kept = sorted(path.name for path in campaign.iterdir() if path.suffix == ".csv")
    assert kept == ["cells-drugs.csv", "cells-lines.csv", "united-treatments.csv"]
    code, said, _ = run("propose", campaign, "-n", 3)
    assert code == 0
    assert "ethanol" in said or "novel" in said


def test_a_file_of_cells_is_a_pool_of_treatments(tmp_path):
    united = cells_file(tmp_path / "united.h5ad", "united")
    planned = draft(CampaignOptions(({"name": "response"},), table=united))
    assert isinstance(planned.pool, TreatmentPool)
    assert set(planned.pool.part_names("compound")) == set(SMILES)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--response", "GENE99"), 'no gene "GENE99"'),
        ((), "have no unit. Say it with --dose-unit"),
        (("--column", "drug=product_name"), "the roles are"),
        (("--column", "compound=nothing"), "obs has no column"),
        (("--split", "donor", "--folds", "9"), "2 donors cannot make 9 folds"),
        (("--layer", "counts"), 'no layer "counts"'),
    ],
)
def test_what_cannot_be_read_is_refused(run, sciplex, tmp_path, words, message):
    code, _, error = run("cells", sciplex, "--out", tmp_path / "out", *words)
    assert code == 2
    assert message in error
    assert not (tmp_path / "out").exists()


def test_a_history_without_the_gene_of_the_assay_says_how(sciplex):
    parts = {"cells": ("A549",), "compounds": ("aspirin", "novel")}
    with pytest.raises(InputError, match=r'no gene "IC50".*activeloop cells cells.h5ad --out DIR'):
        draft(CampaignOptions(({"name": "IC50"},), history=sciplex, **parts))


@pytest.mark.parametrize("rule", ["compound", "cells", "scaffold"])
def test_folds_hold_out_what_is_new(tmp_path, rule):
    table = tmp_path / "t.csv"
    drugs = ["c1ccccc1", "Cc1ccccc1", "CCO", "CCCO", "c1ccncc1", "CN1C=NC2=C1C(=O)N(C)C(=O)N2C", "CCN"]
    rows = [f"L{i},{drug},{i + j}" for i in range(6) for j, drug in enumerate(drugs)]
    table.write_text("\n".join(["cell line,compound,y", *rows]) + "\n")
    landscape = load_landscape(Source(str(table), "treatments"))
    folds = fold_numbers(landscape, rule)
    assert set(folds) == set(range(5))
    names = landscape.pool.names(np.arange(len(landscape)))
    part = [name.split(" | ")[rule != "cells"] for name in names]
    same = {name: {int(f) for p, f in zip(part, folds, strict=True) if p == name} for name in set(part)}
    assert all(len(found) == 1 for found in same.values())
    if rule == "scaffold":
        assert same["c1ccccc1"] == same["Cc1ccccc1"]


def test_files_of_two_folders_may_have_one_name(sciplex, tmp_path):
    other = cells_file(tmp_path / sciplex.name, "united")
    with as_tables(None, [sciplex, other], None, ["GENE3"]) as (_, panels, _):
        assert len({path for path in panels if path.is_file()}) == 4
