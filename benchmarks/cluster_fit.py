"""A LoRA fit by one process, or by those that torchrun starts on several hosts.

    python -m benchmarks.cluster_fit MODEL TARGET.npz KILLED

The last process of the first attempt is killed after KILLED steps (0: none is).
"""

from __future__ import annotations

import os
import signal
import sys

import numpy as np

from activeloop.adapters import LoRA
from activeloop.foundation import ESM2
from activeloop.models import FineTuner, TrainingConfig
from activeloop.models.finetuning import adapted
from activeloop.models.finetuning.group import joined
from benchmarks.compute_training import random_dataset

#: measured candidates of 56 residues; minibatches of 15, 15 and 14, so that parts are uneven
ROWS, MINIBATCH, EPOCHS, RESIDUES = 44, 16, 4, 56


def main(model: str, target: str, killed: int) -> None:
    """Fit, and write losses and predictions."""
    # in half precision, rounding differs in the third digit between minibatches of other sizes
    adapted.has_bfloat16 = lambda device="cpu": False
    dataset = random_dataset(RESIDUES, ROWS)
    losses: list[tuple[int, float]] = []
    with joined() as group:

        def told(member: int, step: int, most: int, loss: float) -> None:
            losses.append((step, loss))
            first = os.environ.get("TORCHELASTIC_RESTART_COUNT") == "0"
            if killed and step == killed and group.rank == group.size - 1 and first:
                os.kill(os.getpid(), signal.SIGKILL)

        plan = TrainingConfig(epochs=EPOCHS, minibatch=MINIBATCH, checkpoint_seconds=0.0)
        learner = FineTuner(ESM2(model), LoRA(last_layers=2), plan=plan, progress=told)
        found = learner.fit(dataset, 0).predict(dataset.pool, np.arange(0, len(dataset.pool), 7), 0, 0)
        if group.first:
            np.savez(target, losses=np.array(losses), mean=found.mean, sd=found.sd)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
