"""The drug-response protocol on files that nobody has seen, with columns and names of other kinds."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest

from activeloop.errors import ConfigError, TableError
from benchmarks.gdsc import CLAIM, DRUGS, Files, _without, command, digest_of, read, with_claim


class Laboratory:
    """Drugs of three mechanisms on lines of three expression patterns, as files."""

    def __init__(self, folder: Path, lines: int = 140):
        self.folder, self.rng = folder, np.random.default_rng(0)
        self.lines = [f"L{i}" for i in range(lines)]
        features = self.rng.standard_normal((lines, 6))
        self.groups = self.rng.standard_normal((3, lines)) + features[:, :3].T
        (folder / "tables").mkdir()
        self.write("tables/expression.csv", ["cell_id", *map(str, range(6))], [
            [n, *x] for n, x in zip(self.lines, features.round(3), strict=True)
        ])  # fmt: skip

    def write(self, name: str, header: list[str], rows: list[list[object]]) -> Path:
        with (self.folder / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *rows])
        return self.folder / name

    def values(self, drug: int, name: str = "") -> list[list[object]]:
        noisy = self.groups[drug % 3] + 0.4 * self.rng.standard_normal(len(self.lines))
        return [[name or f"D{drug}", n, round(float(v), 3)] for n, v in zip(self.lines, noisy, strict=True)]

    def files(self, response: list[list[object]], history: list[list[object]]) -> Files:
        new = self.write("new.csv", ["DRUG", "CELL_LINE", "LN_IC50"], response)
        old = self.write("old.csv", ["drug_id", "cell_id", "ln_ic50"], history)
        return Files(str(new), str(old), str(self.folder / "tables"))


@pytest.fixture
def laboratory(tmp_path: Path) -> Laboratory:
    return Laboratory(tmp_path)


def run(files: Files, out: Path, capsys: pytest.CaptureFixture[str], seeds: int = 1) -> tuple[str, str]:
    """The last line, and what stands beside it."""
    command(Path(files.response), Path(files.history), Path(files.features), seeds=seeds, out=out)
    told = capsys.readouterr()
    return told.out.strip().splitlines()[-1], " ".join(told.err.split())


def test_files_of_somebody_else_give_one_line_and_a_page(laboratory: Laboratory, tmp_path: Path, capsys):
    response = [row for d in (90, 91) for row in laboratory.values(d)]
    files = laboratory.files(response, [row for d in range(12) for row in laboratory.values(d)])
    laboratory.write("tables/drugs.csv", ["id", "targets"], [[f"D{d}", f"T{d % 3}"] for d in (*range(12), 90, 91)])
    last, _ = run(files, tmp_path / "out", capsys)
    assert re.match(r"gdsc: 2 campaigns; learn: labels to 90 % of full \d+\.\d \(random, same model \d", last)
    assert "top-10 % lines found at 100 labels" in last
    assert "known drug, new line: r" in last
    page = (tmp_path / "out" / "gdsc" / "README.md").read_text("utf-8")
    assert last in page
    assert "nearest sister" in page
    assert with_claim(page) == page
    assert "as prior means saves" in page


def test_another_file_of_the_same_name_gives_results_of_its_own(laboratory: Laboratory, tmp_path: Path, capsys):
    """Results of single seeds are kept, and were once taken for those of whatever file came next."""
    history = [row for d in range(6) for row in laboratory.values(d)]
    some = [row for row in laboratory.values(90) if int(str(row[1])[1:]) < 48]
    first = laboratory.files(some, history)
    digest = digest_of(first, DRUGS)
    last, told = run(first, tmp_path / "out", capsys)
    assert "left out" not in told  # 48 lines are few, and enough: no plate is filled twice
    second = laboratory.files([[drug, line, -float(str(value))] for drug, line, value in some], history)
    assert digest_of(second, DRUGS) != digest
    assert run(second, tmp_path / "out", capsys)[0] != last


def test_twins_leave_the_history_and_names_are_those_of_side_tables(laboratory: Laboratory):
    """Lines and drugs under a synonym, in other letters or as decimals were taken for ones that nobody knows."""
    laboratory.write(
        "tables/drugs.csv",
        ["id", "Name", "smiles"],
        [["7", "Erlotinib", "C#Cc1cccc(Nc2ncnc3cc(OCCOC)c(OCCOC)cc23)c1"], ["8", "Other", "CCO"], ["9", "Third", "CCN"],
         ["10", "KW-1", "Cl.C#Cc1cccc(Nc2ncnc3cc(OCCOC)c(OCCOC)cc23)c1"]],
    )  # fmt: skip
    laboratory.write("tables/lines.csv", ["cell_id", "synonyms"], [[n, f"line {n} of ours"] for n in laboratory.lines])
    response = [[d, f"line {n} of ours", v] for d, n, v in laboratory.values(0, "Erlotinib")]
    names = ["7.0", "8", "9", "10", "erlotinib hydrochloride", "ERLOTINIB"]
    history = [row for d, name in enumerate(names) for row in laboratory.values(d, name)]
    data = read(laboratory.files(response, history))
    assert set(data.history.pool.part_names("cells")) == set(data.response.pool.part_names("cells"))
    assert set(_without(data, ["Erlotinib"]).pool.part_names("compound")) == {"8", "9"}
    told = " ".join(data.notes)
    assert "140 of its cells are taken for ones that are spelled otherwise here: L0 = line L0 of ours" in told
    assert "ERLOTINIB = Erlotinib" in told
    assert "drugs of the history are drugs of the response or their twins" in told
    assert np.isfinite(data.cells.features["expression.csv"]).all()  # of lines under both names


def test_a_copy_under_a_name_that_nobody_lists_leaves_the_history(laboratory: Laboratory):
    response = [*laboratory.values(90), *laboratory.values(91)]
    capped = [
        [d, n, min(float(str(v)), -0.5)] for d, n, v in laboratory.values(92)
    ]  # most have one value, as have others
    copy: list[list[object]] = [["90_2", line, value] for _, line, value in response[:140]]
    other: list[list[object]] = [["D95", line, value] for _, line, value in capped]
    history = [row for d in range(3) for row in laboratory.values(d)]
    data = read(laboratory.files([*response, *capped], [*history, *copy, *other[:70]]))
    assert data.copies >= {("D90", "90_2")}
    assert "90_2" not in _without(data, ["D90"]).pool.part_names("compound")
    assert "90_2" in _without(data, ["D91"]).pool.part_names("compound")


def test_what_is_left_out_is_told(laboratory: Laboratory):
    response = [*laboratory.values(90), *([d, n, 1.0] for d, n, _ in laboratory.values(91)), *laboratory.values(90)[:3]]
    response += [["D90", "L5", ""], ["", "L5", 1.0], ["D90", "L7", ">4.5"], *laboratory.values(92)[:30]]
    laboratory.write("tables/other.csv", ["plasmid", "length"], [["pUC19", 2686]])
    data = read(laboratory.files(response, [row for d in range(4) for row in laboratory.values(d)[:-2]]))
    told = " ".join(data.notes)
    for note in (
        "new.csv: 1 rows without a value left out; 1 rows without a line or a drug left out; 4 repeats averaged; 1 lim",
        "2 of 3 drugs of the response are left out, as they were measured on fewer than 40 lines or have the same val",
        "other.csv names none of the lines and drugs, and was not used.",
        "2 of 140 lines of the response do not stand in the history; of 0 of them no features are known",
    ):
        assert note in told


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda d, n, v: [d, f"X{n}", v], "none stands in the history .*Write lines in both files in one way"),
        (lambda d, n, v: [d, n, 1e9], 'row 2: "1000000000.0" in column "LN_IC50" is no logarithm of a concentration'),
        (lambda d, n, v: [d, n, "inf"], 'row 2: "inf" is not a measured value'),
    ],
)
def test_what_cannot_be_is_refused(laboratory: Laboratory, change, why: str):
    history = [row for d in range(3) for row in laboratory.values(d)]
    files = laboratory.files([change(*row) for row in laboratory.values(90)], history)
    (laboratory.folder / "tables" / "._expression.csv").write_bytes(b"\x00\x01")  # of a Mac, and no table
    with pytest.raises((ConfigError, TableError), match=why):
        read(files)


def test_logarithms_and_concentrations_and_a_history_of_one_drug_are_refused(laboratory: Laboratory):
    history = [row for d in range(3) for row in laboratory.values(d)]
    files = laboratory.files(laboratory.values(90), history)
    new = laboratory.write("linear.csv", ["DRUG", "CELL_LINE", "IC50"], laboratory.values(90))
    with pytest.raises(ConfigError, match="holds IC50 and the history ln_ic50: one is a logarithm"):
        read(Files(str(new), files.history, files.features))
    old = laboratory.write("one.csv", ["DRUG", "CELL_LINE", "LN_IC50"], laboratory.values(0))
    with pytest.raises(ConfigError, match="the history holds 1 drug measured on 8 lines or more; 3 are needed"):
        read(Files(files.response, str(old), files.features))


def test_the_column_of_values_is_found_beside_others(laboratory: Laboratory):
    rows: list[list[object]] = [[*row, 0.9, -1.2] for row in laboratory.values(90)]
    new = laboratory.write("new.csv", ["DRUG_ID", "CELL_LINE_NAME", "LN_IC50", "AUC", "Z_SCORE"], rows)
    history = [row for d in range(3) for row in laboratory.values(d)]
    old = laboratory.write("old.csv", ["drug_id", "cell_id", "ln_ic50"], history)
    data = read(Files(str(new), str(old), str(laboratory.folder / "tables")))
    assert data.response.assays[0].name == "LN_IC50"


def test_the_claim_of_the_docs_is_that_of_the_stored_table():
    docs = Path(__file__).parents[2] / "docs"
    page = (docs / "results/gdsc/README.md").read_text("utf-8")
    assert with_claim(page) == page
    assert page.count(CLAIM[0]) == page.count(CLAIM[1]) == 1
    assert CLAIM[0] in (docs / "how-to/history.md").read_text("utf-8")
