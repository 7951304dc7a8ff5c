"""How the models of a fine-tuned learner are trained, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from activeloop.backbones.cache import cache_folder
from activeloop.backbones.tokens import Tokens
from activeloop.measurements import Dataset
from activeloop.models.finetuning.adapted import Adapted
from activeloop.models.finetuning.keeping import Keeper, digest, forget
from activeloop.models.finetuning.loop import train
from activeloop.models.finetuning.member import Member
from activeloop.models.finetuning.reading import guesses, read
from activeloop.models.finetuning.splits import Split, folds_of
from activeloop.models.finetuning.supervised import Supervised
from activeloop.models.finetuning.tuned import STRIDE, FineTuned
from activeloop.models.heads.base import Inputs
from activeloop.models.targets import Scale, precision, standard

if TYPE_CHECKING:
    from activeloop.models.finetuning.tuner import FineTuner

#: with one model, one of so many folds judges when to stop
FOLDS = 5


@dataclass(frozen=True)
class Material:
    """What all models of a learner are trained on.

    Args:
        dataset: one assay, every value measured.
        tokens: of its candidates, as `reading.read` gives them.
        guess: [N, G] first guesses.
        scale: of the posterior's targets.
    """

    dataset: Dataset
    tokens: Tokens
    guess: np.ndarray
    scale: Scale

    @property
    def values(self) -> np.ndarray:
        """[N]."""
        return self.dataset.values[:, 0]

    @property
    def errors(self) -> np.ndarray:
        """[N] standard errors."""
        return self.dataset.errors[:, 0]


def fit(learner: FineTuner, dataset: Dataset, seed: int) -> FineTuned:
    """Train all models of a learner on one assay."""
    learner.head.check(dataset.values[:, 0])
    guess = guesses(learner.prior_score, dataset.pool, dataset.rows)
    tokens = read(learner.backbone, dataset.pool, dataset.rows)
    material = Material(dataset, tokens, guess, standard(dataset.values[:, 0]))
    folder = cache_folder("fits") / digest(learner, dataset.hash, dataset.rows.tolist(), dataset.rounds.tolist(), seed)
    unseen = np.full((2, len(dataset)), np.nan)
    members = []
    for index, split in enumerate(splits(learner, dataset, seed)):
        member, said = fit_member(learner, material, split, index, seed, folder / f"{index}.safetensors")
        members.append(member)
        if learner.members > 1:
            unseen[:, split.validation] = said
    forget(folder)
    return FineTuned(learner, dataset.pool, tuple(members), material.scale, unseen)


def splits(learner: FineTuner, dataset: Dataset, seed: int) -> list[Split]:
    """What each member is trained on."""
    n, count = len(dataset), learner.members if learner.members > 1 else FOLDS
    # a fold of fewer than two candidates judges nothing
    if n < 2 * count or (learner.members == 1 and not learner.stop):
        return [Split.without(n)] * learner.members
    folds = folds_of(dataset.pool, dataset.rows, count, seed)
    return [Split(np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in range(learner.members)]


def fit_member(
    learner: FineTuner, material: Material, split: Split, index: int, seed: int, file: Path
) -> tuple[Member, np.ndarray]:
    """One model, and mean and spread [2, n] of what it says of the candidates it was not trained on, in values."""
    seed = seed + STRIDE * index
    adapted = Adapted(learner.backbone, learner.adapter, material.dataset.pool, seed)
    scale = learner.head.scale(material.values)
    objective = Supervised(
        adapted,
        material.tokens,
        material.guess,
        scale.to_target(material.values),
        precision(material.errors, scale),
        learner.head,
        split.training,
    )
    judged = split if learner.stop else Split(split.training, split.validation[:0])
    told = None if learner.progress is None else partial(learner.progress, index)
    trace = train(objective, learner.plan, judged, material.values, seed, Keeper(file, learner.plan.seconds), told)
    inputs = Inputs(objective.features(split.training), material.guess[split.training])
    targets = material.scale.to_target(material.values)[split.training]
    weights = precision(material.errors, material.scale)[split.training]
    posterior = learner.draws.fit(inputs, targets, weights, seed)
    unseen = Inputs(objective.features(split.validation), material.guess[split.validation])
    mean, sd = posterior.marginals(unseen) if len(unseen) else np.zeros((2, 0))
    said = np.stack([material.scale.to_value(mean), sd * material.scale.factor])
    return Member(adapted, posterior, trace.best, trace.cost), said
