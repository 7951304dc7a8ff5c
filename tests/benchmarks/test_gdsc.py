"""The drug-response protocol on files that nobody has seen, with columns of other names."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np

from benchmarks.gdsc import CLAIM, command, with_claim


def test_files_of_somebody_else_give_one_line_and_a_page(tmp_path: Path, capsys):
    rng = np.random.default_rng(0)
    lines = [f"L{i}" for i in range(140)]
    groups, features = rng.standard_normal((3, 140)), rng.standard_normal((140, 6))
    groups += features[:, :3].T

    def write(name: str, header: list[str], rows: list[list[object]]) -> Path:
        with (tmp_path / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *rows])
        return tmp_path / name

    def values(drug: int) -> list[list[object]]:
        noisy = groups[drug % 3] + 0.4 * rng.standard_normal(140)
        return [[f"D{drug}", line, round(float(value), 3)] for line, value in zip(lines, noisy, strict=True)]

    response = write("new.csv", ["DRUG", "CELL_LINE", "LN_IC50"], [row for d in (90, 91) for row in values(d)])
    history = write("old.csv", ["drug_id", "cell_id", "ln_ic50"], [row for d in range(12) for row in values(d)])
    (tmp_path / "tables").mkdir()
    write(
        "tables/expression.csv",
        ["cell_id", *map(str, range(6))],
        [[n, *x] for n, x in zip(lines, features.round(3), strict=True)],
    )
    write("tables/drugs.csv", ["id", "targets"], [[f"D{d}", f"T{d % 3}"] for d in (*range(12), 90, 91)])
    command(response, history, tmp_path / "tables", seeds=1, out=tmp_path / "out")
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert re.match(r"gdsc: 2 campaigns; learn: labels to 90 % of full \d+\.\d \(random, same model \d", last)
    assert "top-10 % lines found at 100 labels" in last
    assert "known drug, new line: r" in last
    page = (tmp_path / "out" / "gdsc" / "README.md").read_text("utf-8")
    assert last in page
    assert "nearest sister" in page
    assert with_claim(page) == page
    assert "as prior means saves" in page


def test_the_claim_of_the_docs_is_that_of_the_stored_table():
    docs = Path(__file__).parents[2] / "docs"
    page = (docs / "results/gdsc/README.md").read_text("utf-8")
    assert with_claim(page) == page
    assert page.count(CLAIM[0]) == page.count(CLAIM[1]) == 1
    assert CLAIM[0] in (docs / "how-to/history.md").read_text("utf-8")
