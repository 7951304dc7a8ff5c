"""Predicting a table with an exported student."""

from __future__ import annotations

import csv
import io
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from untrained import LIBRARY, PARENT, a_student, exported

from activeloop.candidates import CompoundNotation, GuideNotation, SequenceNotation
from activeloop.cli import main
from activeloop.errors import InputError
from activeloop.students.runtime.edge import encode_table, notation_of
from activeloop.students.runtime.edge import main as edge
from activeloop.students.runtime.tokenizer import StudentTokenizer


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A folder with a student and a table of the same candidates written in several ways."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    Path("s.onnx").write_bytes(exported("sites"))
    Path("c.onnx").write_bytes(exported("classes"))
    sequence = f"{PARENT[:2]}G{PARENT[3:]}"
    Path("v.csv").write_text(f"mutant\nT3G\np.Thr3Gly\nGAKV\n{sequence}\nWT\nT3A/K8R\n")
    return tmp_path


def typed(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    return int(end.value.code or 0)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_candidates_are_understood_however_they_are_written(here, capsys):
    assert edge(["s.onnx", "v.csv"]) == 0
    rows = rows_of(capsys.readouterr().out)
    assert list(rows[0]) == ["candidate", "KD", "KD model sd", "KD measurement low", "KD measurement high"]
    assert [r["candidate"] for r in rows] == ["T3G", "T3G", "T3G", "T3G", "WT", "T3A:K8R"]
    assert len({r["KD"] for r in rows}) == 3


def test_numbers_are_in_the_unit_and_direction_of_the_assay(here, capsys):
    edge(["s.onnx", "v.csv"])
    rows = rows_of(capsys.readouterr().out)
    prediction = a_student("sites").predict(LIBRARY, LIBRARY.rows_of(["T3G", "WT", "T3A:K8R"]), 0, draws=0)
    for row, mean, sd in zip([rows[0], *rows[4:]], prediction.mean[:, 0], prediction.sd[:, 0], strict=True):
        assert float(row["KD"]) == pytest.approx(-mean, abs=1e-4)
        assert float(row["KD model sd"]) == pytest.approx(sd, abs=1e-4)
        half = 1.6449 * np.hypot(sd, 0.5)
        assert float(row["KD measurement low"]) == pytest.approx(-mean - half, abs=2e-2)
        assert float(row["KD measurement high"]) == pytest.approx(-mean + half, abs=2e-2)


def test_the_verb_shows_the_best_and_writes_all(here, capsys):
    assert typed("predict", "--student", "s.onnx", "v.csv", "--top", "2", "--out", "o.csv", "--draws", "3") == 0
    out = capsys.readouterr().out
    assert "Wrote 6 predictions of the student of version 2 to o.csv" in out
    assert "the best 2 by the student of version 2" in out
    assert "1,234 parameters" in out
    rows = rows_of(Path("o.csv").read_text())
    assert list(rows[0])[-3:] == ["KD draw 1", "KD draw 2", "KD draw 3"]
    smallest = min(rows, key=lambda r: float(r["KD"]))["candidate"]
    assert out.index(f"│ {smallest} ") > 0
    drawn = a_student("sites").predict(LIBRARY, LIBRARY.rows_of(["T3G"]), 0, draws=3).draws[:, 0, 0]
    np.testing.assert_allclose([-float(rows[0][f"KD draw {i}"]) for i in (1, 2, 3)], drawn, atol=1e-4)


def test_classes_give_the_probability_of_the_second(here, capsys):
    assert edge(["c.onnx", "v.csv"]) == 0
    rows = rows_of(capsys.readouterr().out)
    low, high = "KD probability low", "KD probability high"
    assert all(0 <= float(r[low]) <= float(r["KD"]) <= float(r[high]) <= 1 for r in rows)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("WT\nA3G\n", 'bad.csv, row 3: "A3G": the wild type has T at position 3'),
        ("WT\nK2R\n", "bad.csv, row 3: candidate 1 differs from the wild type at position 2"),
        ("WT\nT3del\n", "bad.csv, row 3: candidate 1 has 21 characters"),
    ],
)
def test_bad_candidates_are_named_with_their_row(here, capsys, cells, message):
    Path("bad.csv").write_text(f"mutant\n{cells}")
    for ask in (lambda: edge(["s.onnx", "bad.csv"]), lambda: typed("predict", "--student", "s.onnx", "bad.csv")):
        status, printed = ask(), capsys.readouterr()
        assert (status, printed.out) == (2, "")
        assert message in printed.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--student", "s.onnx"), "give one table of candidates"),
        (("--student", "s.onnx", "folder", "v.csv"), "give one table of candidates"),
        (("--student", "v.csv", "v.csv"), "v.csv: this is no ONNX file"),
        (("--student", "s.onnx", "gone.csv"), "gone.csv"),
        ((), "give the campaign's folder, or a student"),
        (("folder", "--draws", "2"), "--draws needs --student"),
    ],
    ids=str,
)
def test_what_is_missing_is_said(here, capsys, arguments, message):
    assert typed("predict", *arguments) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize(
    ("tokenizer", "notation", "cells", "names"),
    [
        (StudentTokenizer("guides", "ACGT", "", (), 4), GuideNotation, "guide\nacgu\nACGN\n", ("ACGT", "ACGN")),
        (StudentTokenizer("compounds", "CO", "", (), 4), CompoundNotation, "smiles\nCO\nC[Na]\n", ("CO", "C[Na]")),
        (StudentTokenizer("variants", "01", "", (), 4), SequenceNotation, "genotype\n0110\n0201\n", ("0110", "0201")),
    ],
    ids=["guides", "compounds", "strings"],
)
def test_other_kinds_and_letters_outside_the_alphabet(tmp_path, tokenizer, notation, cells, names):
    path = tmp_path / "t.csv"
    path.write_text(cells)
    found = encode_table(tokenizer, path)
    assert isinstance(notation_of(tokenizer), notation)
    assert (found.names, found.warning[:6]) == (names, "1 of 2")


def test_letters_outside_the_alphabet_are_warned_of(here, capsys, monkeypatch):
    monkeypatch.setattr("activeloop.students.runtime.edge.UNKNOWN", 2 + "ACDEFGHIKLMNPQRSTVWY".index("G"))
    assert edge(["s.onnx", "v.csv"]) == 0
    assert "4 of 6 candidates have characters unknown to the student" in capsys.readouterr().err


def test_a_column_that_is_not_there(here):
    with pytest.raises(InputError, match=r'no column "mutants"; did you mean "mutant"'):
        encode_table(a_student("sites").card.tokenizer, "v.csv", "mutants")


def test_the_whole_process_is_small_and_loads_nothing_large(here):
    code = (
        "import sys; from activeloop.cli import main\n"
        "try: main(['predict', '--student', 's.onnx', 'v.csv'])\n"
        "except SystemExit as end: assert not end.code\n"
        "large = {'torch', 'scipy', 'sklearn', 'matplotlib', 'transformers', 'sqlalchemy', 'onnx'} & set(sys.modules)\n"
        "assert not large, large\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    run = [sys.executable, "-m", "activeloop.students.runtime.edge", "s.onnx", "v.csv"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(run, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # most of a second is left for slow and busy machines; idle ones need a fifth
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.5
    code = "; ".join(
        (
            "from pathlib import Path",
            "from activeloop.students.runtime.edge import main",
            f"main({run[3:]!r})",
            # not ru_maxrss: that of a process that was forked counts what its parent held
            "print([x for x in Path('/proc/self/status').read_text().splitlines() if x.startswith('VmHWM')][0])",
        )
    )
    status = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert int(status.splitlines()[-1].split()[1]) < 100 * 1024
