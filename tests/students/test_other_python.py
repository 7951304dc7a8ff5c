"""An exported student in a Python that has NumPy and onnxruntime, and nothing else."""

from __future__ import annotations

import os
import subprocess
import venv
from importlib.metadata import distribution
from pathlib import Path

import pytest
from untrained import PARENT, a_student, exported

import activeloop
from activeloop.candidates import Pool, Variant

#: what `pip install numpy onnxruntime` brings that is imported
ALLOWED = ("numpy", "onnxruntime", "flatbuffers", "protobuf", "packaging")
FORBIDDEN = ("torch", "scipy", "sklearn", "typer", "rich", "pydantic", "openpyxl", "matplotlib", "onnx", "pandas")


@pytest.fixture(scope="module")
def python(tmp_path_factory) -> Path:
    """A bare environment: links to a few installed packages, and to ActiveLoop as `pip install --no-deps` puts it."""
    home = tmp_path_factory.mktemp("bare")
    venv.EnvBuilder(with_pip=False, symlinks=True).create(home)
    site = next(home.glob("lib/python*/site-packages"))
    for name in ALLOWED:
        found = distribution(name)
        for top in {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}:
            target = Path(str(found.locate_file(top)))
            if target.exists() and not (site / top).exists():
                (site / top).symlink_to(target)
    (site / "activeloop").symlink_to(Path(activeloop.__file__).parent)
    return home / "bin" / "python"


def run(python: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL"))}
    return subprocess.run([python, *arguments], capture_output=True, text=True, env=clean, check=False)


def test_nothing_else_is_there(python):
    code = "import importlib.util as u, sys; print([n for n in sys.argv[1:] if u.find_spec(n)])"
    assert run(python, "-c", code, *FORBIDDEN).stdout == "[]\n"


@pytest.mark.parametrize(("kind", "int8"), [("conv", False), ("conv", True), ("classes", False)])
def test_it_predicts_there_as_here(python, tmp_path, kind, int8):
    (tmp_path / "s.onnx").write_bytes(exported(kind, int8))
    (tmp_path / "v.csv").write_text("mutant\nT3G\nT3A:K8R\nWT\n")
    done = run(python, "-m", "activeloop.students.runtime.edge", str(tmp_path / "s.onnx"), str(tmp_path / "v.csv"))
    assert done.returncode == 0, done.stderr
    lines = [line.split(",") for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == ["candidate", "T3G", "T3A:K8R", "WT"]
    student = a_student(kind)
    notation = Pool.single_mutants(PARENT).notation
    designs = [notation.design(line[0]) for line in lines[1:]]
    tokens = student.card.tokenizer.encode([d.sequence for d in designs if isinstance(d, Variant)])
    mean = student.predict_tokens(tokens, 0, draws=0).mean[:, -1]
    wanted = mean if kind == "classes" else -mean
    assert [float(line[1]) for line in lines[1:]] == pytest.approx(wanted.tolist(), abs=0.3 if int8 else 1e-4)


def test_a_damaged_file_is_named_there(python, tmp_path):
    (tmp_path / "s.onnx").write_bytes(exported("conv")[:1000])
    done = run(python, "-m", "activeloop.students.runtime.edge", str(tmp_path / "s.onnx"), "none.csv")
    assert (done.returncode, done.stdout) == (2, "")
    assert "is no ONNX file, or a damaged one" in done.stderr
    assert "Traceback" not in done.stderr
