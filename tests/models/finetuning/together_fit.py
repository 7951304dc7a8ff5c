"""A fit of LoRA and a short pretraining, by one process or by those that torchrun starts; a program of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from activeloop.adapters import LoRA
from activeloop.candidates import Pool
from activeloop.foundation import ESM2
from activeloop.measurements import Dataset
from activeloop.models import FineTuner, TrainingConfig
from activeloop.models.finetuning import adapted
from activeloop.models.finetuning.group import joined
from activeloop.models.finetuning.losses import Ranking


def main(source: str, target: str) -> None:
    """Fit, and pretrain."""
    pool = Pool.single_mutants("MKTAYIAKQR")
    rows = np.arange(0, len(pool), 5)[:37]
    dataset = Dataset.of(pool, rows, np.random.default_rng(0).standard_normal(len(rows)))
    with joined() as group:
        steps = []

        def told(member: int, step: int, most: int, loss: float) -> None:
            steps.append((member, step, loss))

        learner = FineTuner(
            ESM2(source),
            LoRA(rank=2, last_layers=2),
            loss=Ranking(),
            # 30 candidates a fold: minibatches of 7 or 8, parts of 4 and 3 or 4
            plan=TrainingConfig(epochs=3, minibatch=8, checkpoint_seconds=0.0),
            members=2,
            early_stopping=True,
            progress=told,
        )
        state = learner.fit(dataset, seed=4).state()
        if group.first:
            arrays = {name: array for name, array in state.items() if not name.endswith("record")}
            np.savez(target, steps=np.array(steps), **arrays)
        # tools/pretrain, whose minibatches are shared by rows
        sys.path.insert(0, str(Path(__file__).parents[2] / "tools/pretrain"))
        from pretraining_plans import plan

        from tools.pretrain.run import train

        train(plan(Path(target).parent / "pretrained", steps=4, half=False), lambda status: None)


if __name__ == "__main__":
    # in half precision, rounding differs in the third digit between minibatches of other sizes
    adapted.has_bfloat16 = lambda device: False
    main(sys.argv[1], sys.argv[2])
