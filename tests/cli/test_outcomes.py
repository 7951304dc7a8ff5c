"""Repair outcomes on the command line: a table that is checked, figures, and a campaign on what follows from it."""

from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import pytest

from activeloop.measurements.outcomes import read_outcomes

RNG = np.random.default_rng(0)
GUIDES = ["".join(RNG.choice(list("ACGT"), 20)) for _ in range(60)]
NAMES = ("I1", "D1", "D6")
WEIGHTS = np.array([[6 if g[16] == "T" else 1, 4 if g[17] == "G" else 1, 1] for g in GUIDES])
READS = np.stack([RNG.multinomial(300, weight / weight.sum()) for weight in WEIGHTS])


@pytest.fixture
def table(tmp_path):
    each = {"guide": np.repeat(GUIDES, 3), "Indel": NAMES * len(GUIDES), "Mutated Reads": READS.ravel()}
    pd.DataFrame(each).to_csv(tmp_path / "raw.csv", index=False)
    new = pd.DataFrame({"guide": [g[::-1] for g in GUIDES[:8]] + GUIDES[:1]})
    new.to_csv(tmp_path / "new.csv", index=False)
    return tmp_path


def test_outcomes_become_a_table_that_every_verb_reads(run, table):
    code, said, _ = run("outcomes", "raw.csv", "--out", "o", "--guides", "new.csv", "-n", 3)
    assert code == 0, said
    assert "60 guides, 3 outcomes" in said
    assert "divergence" in said
    rows = list(csv.DictReader((table / "o/outcomes.csv").read_text().splitlines()))
    shares = np.array([[float(row[name]) for name in NAMES] for row in rows])
    np.testing.assert_allclose(shares, READS / 300, atol=1e-5)
    assert [float(row["frameshift"]) for row in rows] == pytest.approx((READS[:, :2].sum(1) / 300).tolist(), abs=1e-5)
    assert {row["reads"] for row in rows} == {"300"}
    again = read_outcomes(table / "o/outcomes.csv")  # what was written is read as what it is
    assert set(again.names) == set(NAMES)
    assert again.reads.tolist() == [300] * 60
    predicted = list(csv.DictReader((table / "o/predictions.csv").read_text().splitlines()))
    assert len(predicted) == 9
    assert sum(row["measured"] == "yes" for row in predicted) == 1
    assert [float(row["information"]) for row in predicted] == sorted(
        (float(row["information"]) for row in predicted), reverse=True
    )
    for row in predicted:
        assert sum(float(row[name]) for name in NAMES) == pytest.approx(1, abs=1e-4)
    run("new", "loop", "--assay", "frameshift", "--table", "o/outcomes.csv", "--kind", "guides", "--controls", 2)
    assert "Stored 60 results" in run("record", "loop", "o/outcomes.csv")[1]


def test_the_raw_table_is_no_table_of_results(run, table):
    run("outcomes", "raw.csv", "--out", "o")
    run("new", "loop", "--assay", "frameshift", "--table", "o/outcomes.csv", "--kind", "guides", "--controls", 2)
    code, _, error = run("record", "loop", "raw.csv")
    assert code == 2
    assert "activeloop outcomes FILE" in error
    assert "No row was stored." in error
