"""Models of a later round that start from those of the round before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from activeloop.backbones.cache import cache_folder
from activeloop.backbones.identity import identity
from activeloop.backbones.kept import drop
from activeloop.measurements import Dataset
from activeloop.models.finetuning.keeping import Keeper, below, digest, prefixed
from activeloop.models.finetuning.member import Member

if TYPE_CHECKING:
    from activeloop.models.finetuning.tuner import FineTuner

#: bytes that adapters of rounds before may take on the disk; those of whole models are large
MOST = 2 * 2**30
#: by its number, what a member's adapter was
States = dict[int, dict[str, torch.Tensor]]


def fingerprint(learner: FineTuner, dataset: Dataset, seed: int) -> str:
    """What a fit depends on, in short."""
    rows, rounds = dataset.rows.tolist(), np.unique(dataset.rounds, return_inverse=True)[1].tolist()
    return digest(learner, identity(learner), dataset.hash, rows, rounds, seed)


def starts(
    learner: FineTuner, earlier: Dataset, seed: int, fit: Callable[[FineTuner, Dataset, int], Sequence[Member]]
) -> States:
    """The adapters after a fit to the rounds before.

    What it starts from follows from the measurements alone, never from what happens to lie on the disk: there the
    adapters of the round before are only found sooner.

    Args:
        learner: which is to start from them.
        earlier: all rounds but the last.
        seed: of the fits.
        fit: trains the models of a learner.
    """
    states = keeper(learner, earlier, seed).load() or keep(learner, earlier, seed, fit(learner, earlier, seed))
    return {k: below(str(k), states) for k in range(learner.members)}


def keep(learner: FineTuner, dataset: Dataset, seed: int, members: Sequence[Member]) -> dict[str, torch.Tensor]:
    """Leave the adapters of a fit for the next round."""
    states: dict[str, torch.Tensor] = {}
    for k, member in enumerate(members):
        states |= prefixed(str(k), member.adapted.state())
    kept = keeper(learner, dataset, seed)
    kept.save(states)
    drop(kept.file.parent, MOST)
    return states


def keeper(learner: FineTuner, dataset: Dataset, seed: int) -> Keeper:
    """Where the adapters of a fit are."""
    return Keeper(cache_folder("adapters") / f"{fingerprint(learner, dataset, seed)}.safetensors", 0.0)
