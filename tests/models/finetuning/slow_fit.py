"""A fit that kills itself at given moments and is begun anew each time; run as a program of its own.

All attempts are forks of one process, so that torch is loaded once.
"""

from __future__ import annotations

import os
import signal
import sys
from functools import partial

import numpy as np

from activeloop.adapters import LoRA
from activeloop.candidates import Pool
from activeloop.foundation import ESM2
from activeloop.measurements import Dataset
from activeloop.models import FineTuner, TrainingConfig


def main(source: str, target: str, moments: list[int]) -> None:
    """Fork an attempt for each moment (steps it may take), and one that ends."""
    import activeloop.models.finetuning.fitting  # noqa: F401 # loads torch, once

    for moment in moments:
        child = os.fork()
        if not child:
            attempt(source, target, moment)
        _, status = os.waitpid(child, 0)
        print(moment, os.WTERMSIG(status), os.path.exists(target))  # noqa: T201
    attempt(source, target, 0)


def attempt(source: str, target: str, moment: int) -> None:
    """Two members with dropout; a checkpoint after every step."""
    pool = Pool.single_mutants("MKTAYIAKQR")
    rows = np.arange(0, len(pool), 6)
    dataset = Dataset.of(pool, rows, np.random.default_rng(0).standard_normal(len(rows)))
    steps: list[tuple[int, int, float]] = []
    learner = FineTuner(
        ESM2(source),
        LoRA(rank=2, last_layers=2, dropout=0.2),
        plan=TrainingConfig(epochs=4, minibatch=8, checkpoint_seconds=0.0),
        members=2,
        early_stopping=True,
        progress=partial(tell, steps, moment),
    )
    state = learner.fit(dataset, seed=4).state()
    arrays = {name: array for name, array in state.items() if not name.endswith("record")}
    np.savez(target, steps=np.array(steps), **arrays)


def tell(steps: list, moment: int, member: int, step: int, most: int, loss: float) -> None:
    """Remember the step; at the moment, die as nothing can be caught."""
    del most
    steps.append((member, step, loss))
    if len(steps) == moment:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], [int(moment) for moment in sys.argv[3:]])
