"""The same seed gives the same plate: whatever kernels multiply matrices, on however many threads, in any locale."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

CHILD = Path(__file__).with_name("plates.py")


def dispatched() -> str:
    """What NumPy's own loops would use beyond the baseline on this processor."""
    from numpy._core import _multiarray_umath as loops

    return " ".join(name for name in loops.__cpu_dispatch__ if loops.__cpu_features__[name])


def environment(core: str, threads: int, language: str, plain: bool = False) -> dict[str, str]:
    own = {"OPENBLAS_CORETYPE": core, "LC_ALL": language, "LANG": language}
    # threads that wait for each other by spinning would take all of a busy machine: they sleep at once
    own |= {"OPENBLAS_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads), "OPENBLAS_THREAD_TIMEOUT": "4"}
    return os.environ | own | ({"NPY_DISABLE_CPU_FEATURES": dispatched()} if plain else {})


MACHINES = {
    "AVX2": environment("Haswell", 1, "C"),
    "SSE": environment("Prescott", 2, "C.UTF-8"),
    "AVX, loops without vectors": environment("Sandybridge", 1, "tr_TR.UTF-8", plain=True),
}


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    children = {
        name: subprocess.Popen([sys.executable, str(CHILD)], env=env, stdout=subprocess.PIPE, text=True)
        for name, env in MACHINES.items()
    }
    answers = {name: child.communicate()[0] for name, child in children.items()}
    assert not any(child.returncode for child in children.values())
    return {name: json.loads(answer) for name, answer in answers.items()}


def test_the_same_seed_gives_the_same_plates_on_every_processor(found: dict[str, Any]):
    kernels = {str(answer["blas"]) for answer in found.values()}
    if len(kernels) < 3:
        pytest.skip(f"this NumPy has no choice of kernels: {kernels}")
    first, *others = (answer["plates"] for answer in found.values())
    assert all(len(plate) == 12 for plates in first.values() for plate in plates)
    for other in others:
        assert other == first


@pytest.mark.parametrize("count", [1, 5])
def test_roots_do_not_depend_on_signs_and_turns_of_eigenvectors(count: int, monkeypatch: pytest.MonkeyPatch):
    from activeloop.models.gp.core import root
    from activeloop.models.heads.laplace import spanning_directions

    rng = np.random.default_rng(count)
    # eigenvalue 1 twice and more: any turn of their eigenvectors is as good
    basis = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    matrix = (basis * [1, 1, 1, 4, 9, 0]) @ basis.T
    rows = rng.standard_normal((count, 6))
    before, spanned = root(matrix), spanning_directions(rows)
    eigh = np.linalg.eigh

    def turned(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values, vectors = eigh(matrix)
        vectors = vectors * rng.choice([-1.0, 1.0], len(values))
        for i in range(len(values) - 1):
            if np.isclose(values[i], values[i + 1]):
                turn = np.array([[0.6, 0.8], [-0.8, 0.6]])
                vectors[:, i : i + 2] = vectors[:, i : i + 2] @ turn
        return values, vectors

    monkeypatch.setattr(np.linalg, "eigh", turned)
    np.testing.assert_allclose(root(matrix), before, atol=1e-12)
    np.testing.assert_allclose(spanning_directions(rows), spanned, atol=1e-12)
    np.testing.assert_allclose(before @ before, matrix, atol=1e-12)
    np.testing.assert_allclose(rows @ spanned.T @ spanned, rows, atol=1e-12)
