"""kill -9 in the middle of a fit, and the same fit again."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

PROGRAM = Path(__file__).parent / "slow_fit.py"


def run(tiny: str, folder: Path, *moments: int) -> tuple[str, dict[str, np.ndarray]]:
    """What it printed, and the fitted state; killed after these numbers of steps, one after the other."""
    folder.mkdir()
    target = folder / "fit.npz"
    environment = {**os.environ, "ACTIVELOOP_CACHE": str(folder), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(PROGRAM), tiny, str(target), *map(str, moments)]
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    with np.load(target) as content:
        return printed, dict(content)


def test_killed_fits_go_on_to_the_same_result(tiny: str, tmp_path: Path):
    _, whole = run(tiny, tmp_path / "whole")
    # in the first model, on the way from it to the second, and at the very next step
    printed, broken = run(tiny, tmp_path / "broken", 3, 4, 1)
    assert printed.splitlines() == ["3 9 False", "4 9 False", "1 9 False"]
    # a step is done again when it was not kept, and gives the same
    done, all_steps = broken.pop("steps"), whole.pop("steps")
    assert 0 < len(done) < len(all_steps) - 3
    assert np.array_equal(done, all_steps[-len(done) :])
    assert whole.keys() == broken.keys()
    assert all(np.array_equal(whole[name], broken[name], equal_nan=True) for name in whole)
    assert not list((tmp_path / "broken").rglob("*.safetensors"))
