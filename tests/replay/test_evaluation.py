"""Five folds: no position on both sides where that is promised, and figures that follow from the folds."""

import csv

import numpy as np
import pytest
from typer.testing import CliRunner

from activeloop.candidates import Pool
from activeloop.cli import app
from activeloop.errors import ConfigError, InputError
from activeloop.executor import SharedValue
from activeloop.measurements import Assay
from activeloop.replay import Landscape
from activeloop.replay.evaluation import Evaluation, FoldTask, Split, fold_numbers, mutated_positions, predict_fold
from activeloop.replay.sources import Source, load_landscape

PARENT = "MKTAYIAKQRMKTAYIAKQR"


def singles():
    """A stability-like scan: the effect of a mutation is that of its position and of its letter."""
    pool = Pool.single_mutants(PARENT, wild_type=True)
    rng = np.random.default_rng(0)
    place, letter = rng.standard_normal(21), rng.standard_normal(26)
    designs = [pool.design(row) for row in range(len(pool))]
    values = [sum(place[m.position] + letter[ord(m.new) - 65] for m in d.mutations) for d in designs]
    return Landscape("singles", pool, np.array(values, float), Assay("dG"))


@pytest.mark.parametrize("rule", ["modulo", "contiguous"])
def test_no_position_is_on_both_sides(rule):
    landscape = singles()
    folds, positions = fold_numbers(landscape, rule), mutated_positions(landscape)
    assert folds[landscape.pool.row_of("WT")] == -1
    assert set(folds) == {-1, 0, 1, 2, 3, 4}
    for position in range(1, 21):
        assert len(set(folds[positions == position])) == 1
    if rule == "modulo":
        assert all(folds[positions == p][0] == p % 5 for p in range(1, 21))
    else:
        assert [folds[positions == p][0] for p in range(1, 21)] == sorted([0, 1, 2, 3, 4] * 4)


def test_random_folds_are_even_and_follow_the_seed():
    landscape = singles()
    assert np.bincount(fold_numbers(landscape, "random")).tolist() == [77, 76, 76, 76, 76]
    assert (fold_numbers(landscape, "random", 1) == fold_numbers(landscape, "random", 1)).all()
    assert (fold_numbers(landscape, "random", 1) != fold_numbers(landscape, "random", 2)).any()


def test_a_limit_leaves_so_many():
    assert (fold_numbers(singles(), "modulo", 0, 100) >= 0).sum() == 100


def test_position_folds_need_single_mutants():
    with pytest.raises(ConfigError, match="--folds random"):
        fold_numbers(load_landscape(Source("planted-small")), "modulo")


def test_a_fold_is_predicted_from_the_other_four():
    fold = predict_fold(FoldTask(SharedValue(load_landscape(Source("planted-small"))), Evaluation(), "forest", 2))
    assert not isinstance(fold, str)
    assert (fold.trained, len(fold.rows)) == (115, 29)
    assert fold.metrics["spearman"] > 0.5
    assert 0.5 < fold.metrics["auroc"] <= 1


def test_the_verb_writes_what_a_replay_writes(tmp_path):
    table, out = tmp_path / "scan.csv", tmp_path / "out"
    landscape = singles()
    names = landscape.pool.names(range(len(landscape)))
    lines = [f"{name},{value}" for name, value in zip(names, landscape.values, strict=True) if name != "WT"]
    table.write_text("mutant,dG\n" + "\n".join(lines) + "\n")
    arguments = ["evaluate", str(table), "--folds", "modulo", "--learners", "forest", "--jobs", "1", "--out", str(out)]
    result = CliRunner().invoke(app, [*arguments, "--wild-type", PARENT])
    assert result.exit_code == 0, result.output
    with (out / "summary.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:7] == ["dataset", "policy", "labels", "metric", "mean", "se", "seeds"]
    with (out / "folds.csv").open(newline="") as file:
        folds = [float(row["spearman"]) for row in csv.DictReader(file)]
    by_metric = {row["metric"]: row for row in rows}
    assert float(by_metric["spearman"]["mean"]) == pytest.approx(np.mean(folds), abs=1e-5)
    assert float(by_metric["spearman"]["se"]) == pytest.approx(np.std(folds, ddof=1) / np.sqrt(5), abs=1e-5)
    assert (out / "spearman.png").read_bytes()[:4] == b"\x89PNG"
    assert '<svg role="img"' in (out / "report.html").read_text()


def test_an_unknown_learner_is_refused(tmp_path):
    result = CliRunner().invoke(app, ["evaluate", "planted-small", "--learners", "magic", "--out", str(tmp_path)])
    assert isinstance(result.exception, ConfigError)
    assert '"magic" is not a learner' in str(result.exception)
    assert not list(tmp_path.iterdir())


def donors(tmp_path, rng):
    """Five donors measured four treatments each in two wells; the response of a treatment is that of all donors."""
    effect = {(line, drug): rng.normal() for line in ("A", "B", "C") for drug in ("x", "y", "z", "w")}
    lines = ["cell line,drug,patient,response"]
    for donor in range(5):
        for (line, drug), value in effect.items():
            for _ in range(2):
                lines.append(f"{line},{drug},P{donor},{value + donor / 10 + 0.05 * rng.normal():.4f}")
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    return effect


def test_a_new_donor_is_predicted_from_others(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    effect = donors(tmp_path, np.random.default_rng(0))
    landscape = load_landscape(Source("t.csv", "treatments", groups="donor"))
    split = Split.of(landscape, Evaluation("donor"))
    assert len(split.rows) == 5 * len(effect)  # wells of a donor are one measurement
    assert set(split.folds) == {0, 1, 2, 3, 4}
    assert all(len(set(split.rows[split.folds == k])) == len(effect) for k in range(5))
    found = predict_fold(FoldTask(SharedValue(landscape), Evaluation("donor"), "same-candidate", 1))
    assert not isinstance(found, str)
    assert found.trained == len(effect)
    assert found.metrics["spearman"] > 0.95
    arguments = [
        "evaluate",
        "t.csv",
        "--kind",
        "treatments",
        "--folds",
        "donor",
        "--learners",
        "additive",
        "--jobs",
        "1",
    ]
    result = CliRunner().invoke(app, [*arguments, "--out", "out"])
    assert result.exit_code == 0, result.output
    with open("out/folds.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["folds"], row["predicted"]) for row in rows] == [("donor", str(len(effect)))] * 5


def test_any_column_may_name_what_is_held_out_together(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    landscape = singles()
    names = landscape.pool.names(range(len(landscape)))
    lines = [f"{n},{v:.4f},{i % 3}" for i, (n, v) in enumerate(zip(names, landscape.values, strict=True)) if n != "WT"]
    (tmp_path / "scan.csv").write_text("mutant,dG,batch\n" + "\n".join(lines) + "\n")
    arguments = ["evaluate", "scan.csv", "--fold-column", "batch", "--learners", "same-candidate", "--jobs", "1"]
    result = CliRunner().invoke(app, [*arguments, "--wild-type", PARENT])
    assert result.exit_code == 0, result.output
    with open("evaluations/scan-batch/folds.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == 3


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--folds", "donor"], "no column names donors"),
        (["--folds", "column"], "--fold-column NAME"),
        (["--folds", "drug", "--fold-column", "mutant"], "leave one of them out"),
        (["--fold-column", "batch"], '"1" throughout'),
        (["--fold-column", "donr"], 'no column "donr"'),
        (["--fold-column", "mutant"], "holds the candidates, so it groups nothing"),
        (["--folds", "line", "--target-column", "dG"], "treatments do"),
    ],
)
def test_groups_that_cannot_be_held_out_are_refused(options, why, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scan.csv").write_text(
        "mutant,dG,batch\n" + "".join(f"K2{a},{i},1\n" for i, a in enumerate("ACDEFGHI"))
    )
    result = CliRunner().invoke(app, ["evaluate", "scan.csv", "--jobs", "1", *options])
    assert isinstance(result.exception, InputError)
    assert why in str(result.exception)
