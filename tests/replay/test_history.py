"""Replays with measurements from before, and the baselines beside them."""

import csv
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from activeloop.candidates import Pool, TreatmentPool
from activeloop.errors import ConfigError, InputError
from activeloop.measurements import Assay, Dataset, read_history
from activeloop.measurements.history import check_history
from activeloop.metrics import pearson
from activeloop.models.baselines import Baseline
from activeloop.replay import Protocol, Source, load_landscape, replay_all, write_results
from activeloop.replay.evaluation import Evaluation, evaluate_all
from activeloop.replay.metrics import per_drug
from activeloop.replay.policies import default_policies, policy_of

RNG = np.random.default_rng(0)
LINES = [f"L{i}" for i in range(30)]
KINDS = RNG.standard_normal((3, 30))
#: profiles of three kinds, a level of each drug
VALUES = {
    (f"D{d}", line): d % 4 + KINDS[d % 3, i] + 0.2 * RNG.standard_normal()
    for d in range(9)
    for i, line in enumerate(LINES)
}


def written(path, drugs, header="drug,cell line,ln_IC50"):
    rows = [f"{drug},{line},{value:.4f}" for (drug, line), value in VALUES.items() if drug in drugs]
    path.write_text("\n".join([header, *rows]) + "\n")
    return str(path)


@pytest.fixture
def source(tmp_path) -> Source:
    every = {f"D{d}" for d in range(9)}
    response, history = written(tmp_path / "new.csv", {"D0"}), written(tmp_path / "old.csv", every)
    return Source(response, "treatments", minimise=True, history=history)


def test_a_history_never_holds_what_is_replayed(source):
    landscape = load_landscape(source)
    assert landscape.history is not None
    assert len(landscape.history) == 8 * 30
    assert not {"L0 | D0"} & set(landscape.history.pool.names(landscape.history.rows))
    assert "30 of the replayed candidates themselves left out" in landscape.origin


def test_a_history_under_other_names_never_holds_it_either(source, tmp_path):
    old, drugs = tmp_path / "old.csv", tmp_path / "drugs.csv"
    old.write_text(old.read_text().replace("D0,", "7,").replace(",L", ",l-"))
    drugs.write_text("drug_id,name\n7,d 0\n8,other\n")
    landscape = load_landscape(Source(source.name, "treatments", history=str(old), panels=(str(drugs),)))
    assert landscape.history is not None
    assert len(landscape.history) == 8 * 30
    assert set(landscape.history.pool.part_names("cells")) == set(LINES)
    assert "30 of its cells are taken for ones that are spelled otherwise here: l-0 = L0" in landscape.origin
    assert "1 of its compounds is taken for one that is spelled otherwise here: 7 = D0" in landscape.origin
    assert "30 of the replayed candidates themselves left out" in landscape.origin


def test_what_is_replayed_leaves_the_history_as_a_salt_too(source, tmp_path):
    """A salt, a spelling or a guide with its PAM gave away what was to be found."""
    old = tmp_path / "old.csv"
    old.write_text(old.read_text() + "".join(f"d 0 mesylate,{line},{VALUES['D0', line]:.3f}\n" for line in LINES))
    assert "60 of the replayed candidates themselves left out" in load_landscape(source).origin
    acids = ["CC(=O)Oc1ccccc1C(=O)O", "CC(C)Cc1ccc(cc1)C(C)C(=O)O", "OC(=O)c1ccccc1O"]
    guides = ["".join(RNG.choice(list("ACGT"), 20)) for _ in range(3)]
    for kind, mine, theirs in (
        ("compounds", acids, [*(f"[Na+].{one.replace('C(=O)O', 'C(=O)[O-]', 1)}" for one in acids[1:]), "CCO"]),
        ("guides", guides, [*(f"{guide}TGG" for guide in guides[1:]), "A" * 23]),
    ):
        for name, rows in (("new", mine), ("old", theirs)):
            lines = [f"{row},{i}" for i, row in enumerate(rows)]
            (tmp_path / f"{kind}-{name}.csv").write_text("\n".join(["candidate,activity", *lines]) + "\n")
        landscape = load_landscape(
            Source(str(tmp_path / f"{kind}-new.csv"), kind, history=str(tmp_path / f"{kind}-old.csv"))
        )
        assert landscape.history is not None
        assert len(landscape.history) == 1
        assert "2 of the replayed candidates themselves left out" in landscape.origin


def test_a_history_of_another_quantity_or_of_other_cells(source, tmp_path):
    old = tmp_path / "old.csv"
    text = old.read_text()
    old.write_text(text.replace(",L", ",Z"))
    assert "None of the 30 cells (L0, L1, L2 and 27 more) stands in the history (Z0" in load_landscape(source).origin
    old.write_text(text.replace("ln_IC50", "AUC"))
    with pytest.raises(InputError, match='the values stand in column "AUC", and the campaign measures ln_IC50'):
        load_landscape(source)


@pytest.mark.parametrize(("value", "why"), [("0", "never 0"), ("-3", "is it a logarithm")])
def test_a_concentration_of_0_or_below_is_none_in_a_history_either(value, why):
    """It was refused as a result and in a replay alone."""
    treatments = {"drug": ["a", "b"], "cell line": ["X", "X"], "IC50 (nM)": ["5", value]}
    screens = {"smiles": ["CCO", "CCN"], "IC50 (nM)": ["5", value]}
    for table, pool in (
        (treatments, TreatmentPool(["X"], ["c"])),
        (screens, Pool.from_table({"smiles": ["CCC"]}, "compounds")),
    ):
        with pytest.raises(InputError, match=f"row 3: IC50 is a concentration, .*{why}"):
            read_history(table, pool, Assay("IC50", "nM", "minimise", scale="log"))
    assert (
        len(read_history({**treatments, "IC50 (nM)": ["5", ""]}, TreatmentPool(["X"], ["c"]), Assay("IC50", "nM"))) == 1
    )


UNITS = {"drug": ["a", "b"], "cell line": ["X", "X"], "IC50": ["5", "7"], "unit": ["uM", "nM"]}


def test_a_column_of_units_beside_a_history_counts():
    """Values in uM passed for ones in nM, a thousand times too potent."""
    pool, ic50 = TreatmentPool(["X"], ["c"]), Assay("IC50", "nM", "minimise")
    assert check_history(UNITS, pool, ic50) == ""
    found = read_history(UNITS, pool, ic50)
    assert found.values.ravel().tolist() == [5000.0, 7.0]
    assert "Values in uM converted to nM" in found.pool.origin
    for units, assay, why in (
        (["uM", "%"], ic50, 'row 3: column "unit" names the unit % for a value of "IC50", and it is needed in nM'),
        (["uM", ""], ic50, "row 3: .* names no unit"),
        (["uM", "uM"], Assay("IC50"), 'column "IC50" is in uM, and IC50 of the campaign in no unit'),
    ):
        with pytest.raises(InputError, match=why):
            check_history({**UNITS, "unit": units}, pool, assay)


def test_limits_of_a_history_are_told():
    table = {"drug": ["a", "b"], "cell line": ["X", "X"], "standard_relation": [">", "="], "IC50 (nM)": ["10000", "7"]}
    found = read_history(table, TreatmentPool(["X"], ["c"]), Assay("IC50", "nM"))
    assert "; 1 value beyond a limit (< or >) taken as the limit" in found.pool.origin


def test_words_for_hit_and_no_hit_are_read_in_a_history_of_treatments():
    table = {"drug": ["a", "b"], "cell line": ["X", "X"], "active": ["active", "Inactive"]}
    pool, active = TreatmentPool(["X"], ["c"]), Assay("active", scale="binary")
    assert check_history(table, pool, active) == ""
    found = read_history(table, pool, active)
    assert found.values.ravel().tolist() == [1.0, 0.0]
    assert "Read: active as 1, Inactive as 0" in found.pool.origin
    with pytest.raises(InputError, match='"unclear" is neither hit nor no hit'):
        read_history(
            {**table, "drug": ["a", "b", "c"], "cell line": ["X"] * 3, "active": ["yes", "no", "unclear"]}, pool, active
        )


@pytest.mark.parametrize(("header", "units"), [("IC50 (nM)", None), ("IC50", "nM")])
def test_a_replay_reads_its_history_in_its_own_unit(tmp_path, header, units):
    table = {"drug": ["c", "c", "c"], "cell line": ["X", "Y", "Z"], header: [5, 50, 500]}
    pd.DataFrame(table | ({"unit": units} if units else {})).to_csv(tmp_path / "new.csv", index=False)
    pd.DataFrame(UNITS).to_csv(tmp_path / "old.csv", index=False)
    source = Source(str(tmp_path / "new.csv"), "treatments", minimise=True, history=str(tmp_path / "old.csv"))
    history = load_landscape(source).history
    assert history is not None
    assert history.values.ravel().tolist() == [5000.0, 7.0]


def test_a_line_under_two_names_is_one_by_side_tables_and_perhaps_without(source, tmp_path):
    new, lines = tmp_path / "new.csv", tmp_path / "lines.csv"
    new.write_text(new.read_text() + "D0,l-3,0.5\n")
    lines.write_text("id,synonyms\n" + "".join(f"L{i},l-{i}\n" for i in range(30)))
    alone = load_landscape(Source(str(new), "treatments"))
    assert len(alone) == 31
    assert "Of the cells L3 and l-3 differ in case or signs alone" in alone.origin
    merged = load_landscape(Source(str(new), "treatments", panels=(str(lines),)))
    assert len(merged) == 30
    assert "1 candidate in several rows; their values are averaged" in merged.origin
    assert "differ" not in merged.origin


def test_a_history_of_nothing_else_is_refused(source, tmp_path):
    with pytest.raises(ConfigError, match="of the replayed candidates themselves"):
        load_landscape(Source(source.name, "treatments", history=source.name))


@pytest.mark.parametrize("goal", ["find", "learn"])
def test_sisters_help_and_every_baseline_is_written_beside(source, tmp_path, goal):
    landscape, protocol = load_landscape(source), Protocol(goal, 4, 4, 1)
    policies = default_policies("treatments", history=True)
    outcome = replay_all(landscape, protocol, policies, 2, tmp_path / "out")
    assert not outcome.failures
    write_results(tmp_path / "out", landscape, protocol, outcome)
    with (tmp_path / "out" / "summary.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["labels"] == "8" and row["metric"] == "pearson_per_drug"]
    found = {row["policy"]: float(row["mean"]) for row in rows}
    assert set(found) == set(policies)
    assert found["random"] > found["cell-mean:random"] > 0.1
    assert abs(found["drug-mean:random"]) < 1e-9
    assert found["nearest-sister:random"] > found["cell-mean:random"]
    # the baselines learn from the same plates as random choice
    picks = [outcome.turns[policy, 0][-1].picks for policy in ("random", "cell-mean:random")]
    assert picks[0] == picks[1]


def test_folds_learn_from_a_history_too(source):
    evaluation = Evaluation("cells", 0)
    # of a single drug nothing is known of a new line but what others show
    for given in (source, replace(source, history=None)):
        folds, failures = evaluate_all(load_landscape(given), evaluation, ("default", "nearest-sister"))
        assert not failures
        means = [
            np.mean([f.metrics["spearman"] for f in folds if f.learner == n]) for n in ("default", "nearest-sister")
        ]
        assert (min(means) > 0.6) == (given.history is not None)


def test_a_learner_without_a_place_goes_without(source):
    landscape = load_landscape(source)
    policy = policy_of("forest:greedy", landscape.pool, Protocol(), landscape.assay, landscape.history)
    assert policy.learner.name == "forest-onehot"


def test_the_sum_of_parts_is_found():
    from activeloop.candidates import TreatmentPool

    pool = TreatmentPool([f"L{i}" for i in range(12)], [f"D{d}" for d in range(12)], combined=2)
    codes = pool.part_rows()
    lines, drugs = np.random.default_rng(1).standard_normal((2, 12))
    truth = lines[codes[:, 0]] + drugs[codes[:, 1]] + drugs[codes[:, 2]]
    rows = np.random.default_rng(2).permutation(len(pool))[:200]
    fitted = Baseline("additive").fit(Dataset.of(pool, rows, truth[rows], Assay("y")), 0)
    rest = np.setdiff1d(np.arange(len(pool)), rows)
    assert pearson(fitted.predict(pool, rest, 0, 0).mean[:, 0], truth[rest]) > 0.99


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("guides", lambda i, rng: "".join(rng.choice(list("ACGT"), 20)) + "TGG"),
        ("compounds", lambda i, rng: "C" * (1 + i % 9) + "O" * (i % 2) + "N" * (i // 18 % 3) + "S" * (i // 54)),
    ],
)
def test_sister_screens_are_a_history(tmp_path, kind, make):
    rng = np.random.default_rng(3)
    names = list(dict.fromkeys(make(i, rng) for i in range(108)))
    value = [name.count("O") + name.count("G") + 0.3 * len(name) + 0.1 * rng.standard_normal() for name in names]
    column = {"guides": "guide", "compounds": "smiles"}[kind]
    half = len(names) // 2
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    old.write_text("\n".join([f"{column},screen A", *(f"{n},{v}" for n, v in zip(names, value, strict=True))]))
    new.write_text("\n".join([f"{column},y", *(f"{names[i]},{value[i]}" for i in range(half))]))
    source, protocol = Source(str(new), kind, history=str(old)), Protocol("find", 5, 5, 1)
    landscape = load_landscape(source)
    outcome = replay_all(landscape, protocol, default_policies(kind, history=True), 1, tmp_path / "out")
    assert not outcome.failures
    assert outcome.turns["nearest-sister:random", 0][-1].metrics["spearman"] > 0.5
    assert outcome.turns["random", 0][-1].metrics["spearman"] > 0.4


def test_side_tables_and_history_where_they_mean_nothing(tmp_path):
    scan = tmp_path / "scan.csv"
    scan.write_text("variant,y\n" + "\n".join(f"{r}{i}A,{i}" for i, r in enumerate("MKVL", 1)))
    with pytest.raises(ConfigError, match="--panel: variants have no side tables"):
        load_landscape(Source(str(scan), panels=("x.csv",)))
    with pytest.raises(InputError, match="no learner of variants reads a history"):
        load_landscape(Source(str(scan), history=str(scan)))


def test_per_drug_counts_each_drug_once():
    from activeloop.candidates import TreatmentPool

    pool = TreatmentPool([f"L{i}" for i in range(6)], ["a", "b"])
    true = np.arange(12.0) + 100 * (np.arange(12) % 2)
    wrong = 100.0 * (np.arange(12) % 2)  # the mean of each drug
    assert pearson(wrong, true) > 0.99
    assert per_drug(wrong, true, pool, np.arange(12)) == 0
