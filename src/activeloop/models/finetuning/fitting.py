"""How the members of a fine-tuned learner are trained, one after the other, from the round before where it helps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from activeloop.foundation.cache import cache_folder, delete_unused
from activeloop.foundation.identity import identity
from activeloop.foundation.pooling import Batch
from activeloop.foundation.tokens import Tokens
from activeloop.measurements import Dataset
from activeloop.models.finetuning.adapted import AdaptedEncoder
from activeloop.models.finetuning.checkpointer import Checkpointer, below, digest, forget, prefixed
from activeloop.models.finetuning.inputs import guesses, read
from activeloop.models.finetuning.loop import train
from activeloop.models.finetuning.objectives import Supervised
from activeloop.models.finetuning.plan import Split, folds_of
from activeloop.models.finetuning.pool_states import PARENT
from activeloop.models.finetuning.predictor import STRIDE, FineTunedMember, FineTunedPredictor
from activeloop.models.heads.base import HeadInputs
from activeloop.models.transforms import Scale, precision, standard

if TYPE_CHECKING:
    from activeloop.models.finetuning.learner import FineTuner


#: bytes that adapters of rounds before may take on the disk; those of whole models are large
MOST = 2 * 2**30
#: by its number, what a member's adapter was
States = dict[int, dict[str, torch.Tensor]]


def fingerprint(learner: FineTuner, dataset: Dataset, seed: int) -> str:
    """What a fit depends on, in short."""
    rows, rounds = dataset.rows.tolist(), np.unique(dataset.rounds, return_inverse=True)[1].tolist()
    return digest(learner, identity(learner), dataset.hash, rows, rounds, seed)


def starts(
    learner: FineTuner, earlier: Dataset, seed: int, fit: Callable[[FineTuner, Dataset, int], Sequence[FineTunedMember]]
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
    states = checkpointer(learner, earlier, seed).load() or keep(learner, earlier, seed, fit(learner, earlier, seed))
    return {k: below(str(k), states) for k in range(learner.members)}


def keep(
    learner: FineTuner, dataset: Dataset, seed: int, members: Sequence[FineTunedMember]
) -> dict[str, torch.Tensor]:
    """Leave the adapters of a fit for the next round."""
    states: dict[str, torch.Tensor] = {}
    for k, member in enumerate(members):
        states |= prefixed(str(k), member.adapted.state())
    kept = checkpointer(learner, dataset, seed)
    kept.save(states)
    delete_unused(kept.file.parent, MOST)
    return states


def checkpointer(learner: FineTuner, dataset: Dataset, seed: int) -> Checkpointer:
    """Where the adapters of a fit are."""
    return Checkpointer(cache_folder("adapters") / f"{fingerprint(learner, dataset, seed)}.safetensors", 0.0)


State = dict[str, torch.Tensor]
#: with one model, one of so many folds judges when to stop
FOLDS = 5


@dataclass(frozen=True)
class TrainingData:
    """What all models of a learner are trained on.

    Args:
        dataset: one assay, every value measured.
        tokens: of its candidates, as `reading.read` gives them.
        guess: [N, G] prior means.
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

    def told(self, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Targets and weights of some candidates for the posterior."""
        targets, weights = self.scale.to_target(self.values), precision(self.errors, self.scale)
        return targets[which], weights[which]


def fit(learner: FineTuner, dataset: Dataset, seed: int) -> FineTunedPredictor:
    """Train all models of a learner on one assay."""
    learner.head.check(dataset.values[:, 0])
    parts = splits(learner, dataset, seed)
    members = fit_members(learner, dataset, seed)
    unseen = np.full((2, len(dataset)), np.nan)
    if learner.members > 1:
        for member, split in zip(members, parts, strict=True):
            unseen[:, split.validation] = member.said
    return FineTunedPredictor(learner, dataset.pool, members, standard(dataset.values[:, 0]), unseen)


def fit_members(learner: FineTuner, dataset: Dataset, seed: int) -> tuple[FineTunedMember, ...]:
    """The models of a learner."""
    begin = begins(learner, dataset, seed)
    guess = guesses(learner.prior_score, dataset.pool, dataset.rows)
    tokens = read(learner.encoder, dataset.pool, dataset.rows)
    material = TrainingData(dataset, tokens, guess, standard(dataset.values[:, 0]))
    folder = cache_folder("fits") / fingerprint(learner, dataset, seed)
    members = tuple(
        fit_member(learner, material, split, index, seed, begin.get(index), folder / f"{index}.safetensors")
        for index, split in enumerate(splits(learner, dataset, seed))
    )
    if learner.warm:
        keep(learner, dataset, seed, members)
    forget(folder)
    return members


def splits(learner: FineTuner, dataset: Dataset, seed: int) -> list[Split]:
    """What each member is trained on."""
    n, count = len(dataset), folds_in(learner, len(dataset))
    if not count:
        return [Split.without(n)] * learner.members
    folds = folds_of(dataset.pool, dataset.rows, dataset.rounds, count, seed, learner.stop)
    return [Split(np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in range(learner.members)]


def folds_in(learner: FineTuner, candidates: int) -> int:
    """Into how many folds so many candidates are dealt; 0: everything is trained on."""
    count = learner.members if learner.members > 1 else FOLDS
    # a fold of fewer than two candidates judges nothing
    return 0 if candidates < 2 * count or (learner.members == 1 and not learner.stop) else count


def begins(learner: FineTuner, dataset: Dataset, seed: int) -> States:
    """What the models start from; nothing when they would start from what has seen the fold that they leave out."""
    earlier = dataset.take(dataset.rounds < dataset.rounds.max())
    folds = folds_in(learner, len(earlier)), folds_in(learner, len(dataset))
    if not learner.warm or not len(earlier) or folds[0] != folds[1]:
        return {}
    return starts(learner, earlier, seed, fit_members)


def fit_member(
    learner: FineTuner, material: TrainingData, split: Split, index: int, seed: int, start: State | None, file: Path
) -> FineTunedMember:
    """One model.

    Args:
        learner: its settings.
        material: what all models are trained on.
        split: what this one is trained on.
        index: its number.
        seed: of all models.
        start: of the adapter; None for one that changes nothing.
        file: of its checkpoint.
    """
    seed = seed + STRIDE * index
    adapted = AdaptedEncoder(learner.encoder, learner.adapter, material.dataset.pool, seed)
    if start is not None:
        adapted.load(start)
    objective = supervised(learner, material, adapted, split)
    frozen = HeadInputs(pretrained_features(learner, material, objective, split, start), material.guess[split.training])
    draws = learner.draws.with_scales(frozen, *material.told(split.training), seed)
    judged = split if learner.stop else Split(split.training, split.validation[:0])
    told = None if learner.progress is None else partial(learner.progress, index)
    # where no weight of the model learns there is nothing to train: the posterior takes the head's place anyway
    plan = learner.plan if adapted.parameters() else replace(learner.plan, epochs=0)
    trace = train(objective, plan, judged, material.values, seed, Checkpointer(file, plan.seconds), told)
    seen, unseen = (HeadInputs(objective.features(on), material.guess[on]) for on in (split.training, split.validation))
    posterior = draws.fit(seen, *material.told(split.training), seed)
    mean, sd = posterior.marginals(unseen) if len(unseen) else np.zeros((2, 0))
    said = np.stack([material.scale.to_value(mean), sd * material.scale.factor])
    return FineTunedMember(adapted, posterior, trace.best, trace.cost, said)


def supervised(learner: FineTuner, material: TrainingData, adapted: AdaptedEncoder, split: Split) -> Supervised:
    """What one model minimises."""
    scale = learner.head.scale(material.values)
    targets, weights = scale.to_target(material.values), precision(material.errors, scale)
    pool, rows = material.dataset.pool, [*material.dataset.rows.tolist(), PARENT]

    def entering(model: AdaptedEncoder, which: np.ndarray, batch: Batch) -> torch.Tensor:
        # other members, folds and versions read the same candidates
        return learner.states.entering(pool, model, [rows[i] for i in which.tolist()], batch)

    return Supervised(
        adapted, material.tokens, material.guess, targets, weights, learner.head, split.training, entering
    )


def pretrained_features(
    learner: FineTuner, material: TrainingData, objective: Supervised, split: Split, start: State | None
) -> np.ndarray:
    """[n, P] of the training candidates by the model as pretrained: they have not seen what was measured."""
    if start is None:
        # an adapter changes nothing to begin with
        return objective.first
    return learner.encoder.features(material.dataset.pool, material.dataset.rows[split.training])
