"""Peak memory of a few training steps, each arm in a process of its own.

    python -m benchmarks.compute_memory FOLDER ARM RESIDUES MINIBATCH

Prints one line of JSON: bytes held when the model was loaded, the most held after that, and the bytes of the weights.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from activeloop.adapters import FullFineTuning, LoRA
from activeloop.errors import ActiveLoopError, ModelError
from benchmarks.compute_training import arms
from benchmarks.options import held_bytes, one_thread, own_process

CLEAR = Path("/proc/self/clear_refs")
STEPS = 3
#: layers, width, heads and feed-forward units of the model that is trained before anything is measured
SMALLEST = (2, 32, 2, 64)


def measure(folder: str, arm: str, residues: int, minibatch: int) -> dict[str, int]:
    """In this process: load the model, then attach and train for three steps."""
    from activeloop.foundation import ESM2
    from activeloop.foundation.checkpoints import folder_of

    # before libraries are loaded, which takes longer
    folder_of(folder)
    from benchmarks.compute_training import loaded, random_dataset, ready

    _warm(arm)
    foundation, dataset = ESM2(folder), random_dataset(residues, minibatch)
    encoder = loaded(foundation)
    weights = sum(p.numel() * p.element_size() for p in encoder.parameters())
    for parameter in encoder.parameters():
        # a file of weights that was only mapped is in memory once they are read
        parameter.sum()
    held = begin()
    with one_thread():
        run = ready(foundation, arms()[arm], dataset, STEPS)
        while not run.done:
            run.advance()
    return {"loaded": held, "peak": peak(), "weights": weights}


def _warm(arm: str) -> None:
    """Train the smallest of models, also with the arm, so that what libraries load then is no memory of training."""
    from activeloop.foundation import ESM2
    from benchmarks.compute_training import random_dataset, ready, write_checkpoint
    from tools.pretrain.model import Shape

    with TemporaryDirectory(prefix="activeloop-warm-") as folder, one_thread():
        tiny = ESM2(write_checkpoint(Shape(*SMALLEST), Path(folder)))
        for adapter in (FullFineTuning(), LoRA(last_layers=1), arms()[arm]):
            ready(tiny, adapter, random_dataset(8, 2), 1).advance()
    gc.collect()


def begin() -> int:
    """Bytes held now; what was held before is forgotten. Of the graphics card where there is one."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    held = held_bytes("VmRSS")
    begin_peak()
    return held


def in_a_process(folder: str, arm: str, residues: int, minibatch: int) -> dict[str, Any]:
    """The same in a process of its own.

    Raises:
        ModelError: it ended without a result (most often: killed for want of memory).
    """
    program = [sys.executable, "-m", "benchmarks.compute_memory", folder, arm, str(residues), str(minibatch)]
    done = subprocess.run(program, capture_output=True, text=True, check=False, env=own_process())
    if done.returncode:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise ModelError(
            f"{arm}, {residues} residues, minibatch of {minibatch}: the process ended with {done.returncode} ({last}). "
            "Choose shorter sequences or a smaller minibatch; what was measured before is kept."
        )
    return json.loads(done.stdout.splitlines()[-1])


def begin_peak() -> None:
    """Forget what was held before: loading takes more than the model, and a child begins with its parent's peak."""
    try:
        CLEAR.write_text("5")
    except OSError as error:
        problem = f"{CLEAR} cannot be written ({error.strerror})"
        raise ModelError(f"{problem}, so peak memory cannot be told here. Measure on Linux.") from error


def peak() -> int:
    """The most bytes held since `begin`."""
    import torch

    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else held_bytes()


def above(found: dict[str, Any], copied: bool) -> int:
    """Bytes above the loaded model at the peak.

    Args:
        found: what `measure` gave.
        copied: the arm trains a copy of the weights, where a trainer of its own would train the loaded ones; that copy
            is not held against it.
    """
    return found["peak"] - found["loaded"] - (found["weights"] if copied else 0)


def memory_row(found: dict[str, dict[str, Any]], full: str, arm: str, place: tuple[object, ...]) -> tuple[object, ...]:
    """One row of memory.csv."""
    own, base = above(found[arm], arm == full), above(found[full], True)
    return (*place, arm, *(f"{number / 1e6:.1f}" for number in (found[arm]["loaded"], own)), f"{own / base:.4g}")


MEMORY_COLUMNS = ("backbone", "residues", "minibatch", "arm", "loaded_mb", "above_mb", "share")


def main() -> None:
    """Measure, and print."""
    folder, arm, residues, minibatch = sys.argv[1:]
    try:
        sys.stdout.write(json.dumps(measure(folder, arm, int(residues), int(minibatch))) + "\n")
    except ActiveLoopError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
