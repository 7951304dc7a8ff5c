"""A drug-response campaign through the commands: lines, a new compound, what is known of others."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from activeloop.config import open_campaign

LINES = [f"LINE-{i}" for i in range(30)]


def write(name: str, header: list[str], rows: list[list[object]]) -> Path:
    path = Path(name)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def values() -> np.ndarray:
    """[12 drugs, lines] of three groups."""
    rng = np.random.default_rng(0)
    groups = rng.standard_normal((3, len(LINES)))
    return np.stack([groups[d % 3] + 0.2 * rng.standard_normal(len(LINES)) for d in range(13)])


def test_from_a_history_to_a_second_plate(run):
    truth = values()
    old = [[f"drug {d}", line, f"{truth[d, i]:.3f}"] for d in range(12) for i, line in enumerate(LINES)]
    write("history.csv", ["compound", "cell line", "ln_IC50"], old)
    write("lines.csv", ["cell line"], [[line] for line in LINES])
    write(
        "drugs.csv",
        ["id", "synonyms", "targets"],
        [["new one", "NN-1, nn1", "T0"], *[[f"drug {d}", "", f"T{d % 3}"] for d in range(12)]],
    )
    status, out, err = run(
        "new", "c", "--assay", "ln_IC50::minimise", "--cells", "lines.csv", "--compounds", "new one", "--history",
        "history.csv", "--panel", "drugs.csv",
    )  # fmt: skip
    assert (status, err) == (0, ""), out + err
    assert "30 treatments: all combinations of 30 cells x 1 compound" in out
    status, out, err = run("propose", "c", "-n", "6")
    assert status == 0, err
    assert "LINE-" in out
    first = {pick.name for pick in open_campaign("c").campaign.state().proposals[0].picks}
    assert set(np.argsort(truth[12])[:3]) & {LINES.index(name.split(" | ")[0]) for name in first}
    # results as a laboratory writes them: a column for each part, the compound by another of its names
    rows = [[name.split(" | ")[0], "NN1", f"{truth[12, LINES.index(name.split(' | ')[0])]:.3f}"] for name in first]
    write("results.csv", ["cell line", "drug", "ln_IC50"], rows)
    status, out, err = run("record", "c", "results.csv")
    assert status == 0, err
    assert "Stored 6 results of 6 candidates" in out
    status, out, err = run("propose", "c", "-n", "6")
    assert status == 0, err
    status, out, err = run("status", "c")
    assert "sister drugs of the history" in out
    assert len(open_campaign("c").campaign.dataset()) == 6  # the history counts in no budget


def test_doses_and_pairs_are_columns_and_errors_name_the_row(run):
    status, out, err = run(
        "new", "c", "--assay", "viability:%", "--cells", "A375,HT29", "--compounds", "a,b,c", "--doses", "0.1, 1 uM",
        "--pairs",
    )  # fmt: skip
    assert status == 0, err
    assert "12 treatments" in out
    write("r.csv", ["cells", "drug A", "drug B", "dose (nM)", "viability"], [["A375", "b", "a", "100", "55"]])
    status, out, err = run("record", "c", "r.csv")
    assert status == 0, err
    assert open_campaign("c").campaign.dataset().pool.names([0]) == ["A375 | a + b | 0.1 uM"]
    for dose, word in (("0", "untreated control"), ("fast", "no dose"), ("5000", "not in the pool")):
        write("w.csv", ["cells", "drug A", "drug B", "dose (nM)", "viability"], [["A375", "b", "a", dose, "55"]])
        status, out, err = run("record", "c", "w.csv")
        assert status != 0
        assert "row 2" in err
        assert word in err
    write("n.csv", ["cells", "drug A", "drug B", "dose", "viability"], [["A375", "b", "a", "100", "55"]])
    status, out, err = run("record", "c", "n.csv")
    assert status != 0
    assert "has no unit" in err


def test_a_list_of_treatments_is_a_pool(run):
    write(
        "pool.csv",
        ["cell line", "compound", "dose (uM)"],
        [["A", "x", "1"], ["A", "y", "1"], ["B", "x", "1"], ["B", "y", "10"]],
    )
    status, out, err = run("new", "c", "--assay", "viability", "--table", "pool.csv", "--kind", "treatments")
    assert status == 0, err
    assert "4 treatments" in out
    write(
        "r.csv",
        ["cell line", "compound", "dose (uM)", "viability"],
        [["A", "x", "1", "3"], ["B", "y", "10", "5"], ["A", "y", "1", "4"]],
    )
    assert run("record", "c", "r.csv")[0] == 0
    status, out, err = run("propose", "c", "-n", "1")
    assert status == 0, err
    assert "B | x | 1 uM" in out


def test_a_line_under_a_synonym_is_that_line_and_one_of_two_lines_is_refused(run):
    write("lines.csv", ["cell line"], [["KM-H2"], ["KMH-2"], ["A375"]])
    write(
        "panel.csv",
        ["cell line", "synonyms"],
        [["KM-H2", "KMH2; ACC-8"], ["KMH-2", "KMH2, JCRB-1"], ["A375", "A-375 MA1"]],
    )
    status, _, err = run("new", "c", "--assay", "y", "--cells", "lines.csv", "--compounds", "a", "--panel", "panel.csv")
    assert status == 0, err
    write("r.csv", ["cell line", "drug", "y"], [["A-375 MA1", "a", "3"], ["ACC8", "a", "1"], ["KMH-2", "a", "2"]])
    assert run("record", "c", "r.csv")[0] == 0
    known = open_campaign("c").campaign.dataset()
    assert dict(zip(known.pool.names(known.rows), known.values[:, 0], strict=True)) == {
        "KM-H2 | a": 1.0,
        "KMH-2 | a": 2.0,
        "A375 | a": 3.0,
    }
    write("w.csv", ["cell line", "drug", "y"], [["A375", "a", "3"], ["kmh2", "a", "4"]])
    status, _, err = run("record", "c", "w.csv")
    assert status == 2
    assert 'w.csv, row 3: "kmh2" could be KM-H2 or KMH-2' in err
    assert "No row was stored" in err
    assert len(open_campaign("c").campaign.dataset()) == 3


@pytest.mark.parametrize(
    ("column", "assay", "said"),
    [
        ("ln_IC50", "viability:%", 'stand in column "ln_IC50", and the campaign measures viability.'),
        ("IC50 (nM)", "IC50:µM", 'column "IC50 (nM)" is in nM, and IC50 of the campaign in µM.'),
        ("IC50 (uM)", "IC50:µM", ""),
        ("value", "IC50:µM", ""),
    ],
)
def test_a_history_of_another_quantity_or_unit_is_not_taken_for_the_assay(run, column, assay, said):
    write("history.csv", ["compound", "cell line", column], [["a", "X", "1"], ["b", "X", "2"], ["a", "Y", "3"]])
    given = ("--cells", "X, Y", "--compounds", "c", "--history", "history.csv")
    status, out, err = run("new", "c", "--assay", assay, *given)
    assert (status == 0) == (not said)
    assert said in " ".join(err.split())
    taken = 'Of history.csv column "value" is taken for IC50 in µM.'
    assert (taken in " ".join(out.split())) == (column == "value")


def test_controls_and_impossible_concentrations_among_results(run):
    """A logarithm passed for an IC50, under a hint that named it; -3 µM was stored."""
    given = ("--cells", "X, Y", "--compounds", "a, b", "--assay", "IC50:µM:minimise")
    assert run("new", "c", *given)[0] == 0
    for values, said in (
        (["-3"], "row 2: IC50 is a concentration, and -3 is none: is it a logarithm?"),
        (["2", "0"], "row 3: IC50 is a concentration, and never 0: write the limit that was reached"),
    ):
        write(
            "bad.csv", ["cells", "drug", "IC50 (µM)"], [["X", drug, v] for drug, v in zip("ab", values, strict=False)]
        )
        status, _, err = run("record", "c", "bad.csv")
        assert status == 2
        assert said in " ".join(err.split())
    write("ln.csv", ["cells", "drug", "ln_IC50"], [["X", "a", "-1.2"]])
    status, _, err = run("record", "c", "ln.csv")
    assert status == 2
    assert '"ln_IC50" holds ln_IC50 = ln(IC50), and this campaign measures IC50 in µM' in " ".join(err.split())
    write("good.csv", ["cells", "drug", "IC50 (µM)"], [["X", "DMSO", ">10"], ["Y", "dmso", ">10"], ["X", "a", "0.3"]])
    assert run("record", "c", "good.csv")[0] == 0
    results = open_campaign("c").campaign.results()
    assert [(r.measurement.candidate, r.measurement.control) for r in results] == [
        ("DMSO", True),
        ("DMSO", True),
        ("X | a", False),
    ]
