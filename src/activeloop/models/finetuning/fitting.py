"""Trains the members of a fine-tuned learner, with a warm start from the round before where it is set."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from activeloop.foundation.cache import cache_folder, delete_unused
from activeloop.foundation.identity import identity
from activeloop.foundation.pooling import Batch
from activeloop.foundation.tokens import Tokens
from activeloop.measurements import Dataset
from activeloop.models.finetuning.adapted import AdaptedEncoder, tokens_of
from activeloop.models.finetuning.checkpointer import Checkpointer, digest, prefixed, unprefixed
from activeloop.models.finetuning.config import SEED_STRIDE, FineTuningConfig, Split, folds_of
from activeloop.models.finetuning.group import Group
from activeloop.models.finetuning.loop import Trace, train
from activeloop.models.finetuning.objectives import Supervised
from activeloop.models.finetuning.pool_cache import PARENT
from activeloop.models.finetuning.predictor import FineTunedMember, FineTunedPredictor, prior_features
from activeloop.models.heads.base import HeadInputs
from activeloop.models.transforms import Scale, precision, standard

#: bytes that adapters of earlier rounds may take on the disk; those of whole models are large
MOST = 2 * 2**30
#: with one model, early stopping leaves out one of this many folds
FOLDS = 5
State = dict[str, torch.Tensor]


@dataclass(frozen=True)
class TrainingData:
    """What all models of a learner are trained on.

    Args:
        dataset: one assay, every value measured.
        tokens: of its candidates, from `tokens_of`.
        prior: [N, G] prior means.
        scale: of the posterior's targets.
    """

    dataset: Dataset
    tokens: Tokens
    prior: np.ndarray
    scale: Scale

    @property
    def values(self) -> np.ndarray:
        """[N]."""
        return self.dataset.values[:, 0]

    @property
    def errors(self) -> np.ndarray:
        """[N] standard errors."""
        return self.dataset.errors[:, 0]

    def targets(self, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Targets and weights of some candidates for the posterior."""
        targets, weights = self.scale.to_target(self.values), precision(self.errors, self.scale)
        return targets[which], weights[which]


def fit(config: FineTuningConfig, dataset: Dataset, seed: int) -> FineTunedPredictor:
    """Train all models of a learner on one assay."""
    config.loss.check(dataset.values[:, 0])
    members = fit_members(config, dataset, seed)
    out_of_fold = np.full((2, len(dataset)), np.nan)
    if config.members > 1:
        for member, split in zip(members, splits(config, dataset, seed), strict=True):
            out_of_fold[:, split.validation] = member.out_of_fold
    return FineTunedPredictor(config, dataset.pool, members, standard(dataset.values[:, 0]), out_of_fold)


def fit_members(config: FineTuningConfig, dataset: Dataset, seed: int) -> tuple[FineTunedMember, ...]:
    """The models of a learner."""
    starts = warm_starts(config, dataset, seed)
    prior = prior_features(config.prior_score, dataset.pool, dataset.rows)
    tokens = tokens_of(config.encoder, dataset.pool, dataset.rows)
    data = TrainingData(dataset, tokens, prior, standard(dataset.values[:, 0]))
    folder = cache_folder("fits") / fingerprint(config, dataset, seed)
    members = tuple(
        fit_member(config, data, split, index, seed, starts.get(index), folder / f"{index}.safetensors")
        for index, split in enumerate(splits(config, dataset, seed))
    )
    if config.warm_start:
        save_adapters(config, dataset, seed, members)
    if Group.current().first:
        shutil.rmtree(folder, ignore_errors=True)
    return members


def fit_member(
    config: FineTuningConfig, data: TrainingData, split: Split, index: int, seed: int, start: State | None, file: Path
) -> FineTunedMember:
    """One model.

    Args:
        config: settings of the learner.
        data: of all models.
        split: what this one is trained on.
        index: its number.
        seed: of all models.
        start: state of the adapter; None for a new one.
        file: of its checkpoint.
    """
    seed = seed + SEED_STRIDE * index
    validated = split if config.early_stopping else Split(split.training, split.validation[:0])
    progress = None if config.progress is None else partial(config.progress, index)
    objective, trace = trained(config, data, split, validated, seed, file, start, progress)
    # a new adapter changes nothing; one of the round before was trained on measurements
    pretrained = (
        objective.first
        if start is None
        else config.encoder.features(data.dataset.pool, data.dataset.rows[split.training])
    )
    head = config.head.with_scales(
        HeadInputs(pretrained, data.prior[split.training]), *data.targets(split.training), seed
    )
    training, held_out = (
        HeadInputs(objective.features(on), data.prior[on]) for on in (split.training, split.validation)
    )
    posterior = head.fit(training, *data.targets(split.training), seed)
    mean, sd = posterior.marginals(held_out) if len(held_out) else np.zeros((2, 0))
    out_of_fold = np.stack([data.scale.to_value(mean), sd * data.scale.factor])
    return FineTunedMember(objective.adapted, posterior, trace.best, trace.cost, out_of_fold)


def trained(
    config: FineTuningConfig,
    data: TrainingData,
    split: Split,
    validated: Split,
    seed: int,
    file: Path,
    start: State | None = None,
    progress: Callable[[int, int, float], None] | None = None,
) -> tuple[Supervised, Trace]:
    """Adapter and linear head of one model, trained together; the training resumes from its checkpoint.

    Args:
        config: settings of the learner.
        data: of all models.
        split: whose training candidates standardise the features.
        validated: what is trained on, and by what training stops.
        seed: of this model.
        file: of its checkpoint.
        start: state of the adapter; None for a new one.
        progress: called at each step with steps done, steps at most, loss.
    """
    adapted = AdaptedEncoder(config.encoder, config.adapter, data.dataset.pool, seed)
    if start is not None:
        adapted.load(start)
    objective = supervised(config, data, adapted, split)
    # without trainable parameters there is nothing to train: the posterior replaces the head anyway
    plan = config.plan if adapted.parameters() else replace(config.plan, epochs=0)
    checkpointer = Checkpointer(file, plan.checkpoint_seconds)
    return objective, train(objective, plan, validated, data.values, seed, checkpointer, progress)


def supervised(config: FineTuningConfig, data: TrainingData, adapted: AdaptedEncoder, split: Split) -> Supervised:
    """The objective of one model."""
    scale = config.loss.scale(data.values)
    targets, weights = scale.to_target(data.values), precision(data.errors, scale)
    pool, rows = data.dataset.pool, [*data.dataset.rows.tolist(), PARENT]

    def entering(model: AdaptedEncoder, which: np.ndarray, batch: Batch) -> torch.Tensor:
        # other members, folds and versions need the same candidates
        return config.cache.entering(pool, model, [rows[i] for i in which.tolist()], batch)

    return Supervised(adapted, data.tokens, data.prior, targets, weights, config.loss, split.training, entering)


def splits(config: FineTuningConfig, dataset: Dataset, seed: int) -> list[Split]:
    """What each member is trained on."""
    n, count = len(dataset), number_of_folds(config, len(dataset))
    if not count:
        return [Split.without(n)] * config.members
    folds = folds_of(dataset.pool, dataset.rows, dataset.rounds, count, seed, config.early_stopping)
    return Split.by_fold(folds, config.members)


def number_of_folds(config: FineTuningConfig, candidates: int) -> int:
    """Folds of the candidates; 0: all are trained on."""
    count = config.members if config.members > 1 else FOLDS
    # a fold of one candidate validates nothing
    return 0 if candidates < 2 * count or (config.members == 1 and not config.early_stopping) else count


def warm_starts(config: FineTuningConfig, dataset: Dataset, seed: int) -> dict[int, State]:
    """Adapter states that models start from, by number; {} when one would start from a model trained on its fold.

    They follow from the measurements alone: adapters of the round before on the disk only save the fit.
    """
    earlier = dataset.take(dataset.rounds < dataset.rounds.max())
    folds = number_of_folds(config, len(earlier)), number_of_folds(config, len(dataset))
    if not config.warm_start or not len(earlier) or folds[0] != folds[1]:
        return {}
    group = Group.current()
    states = group.same_state(_adapters_file(config, earlier, seed).load() if group.first else {})
    states = states or save_adapters(config, earlier, seed, fit_members(config, earlier, seed))
    return {k: unprefixed(str(k), states) for k in range(config.members)}


def save_adapters(config: FineTuningConfig, dataset: Dataset, seed: int, members: tuple[FineTunedMember, ...]) -> State:
    """Save the adapters of a fit for the next round."""
    states: State = {}
    for k, member in enumerate(members):
        states |= prefixed(str(k), member.adapted.state())
    if Group.current().first:
        file = _adapters_file(config, dataset, seed)
        file.save(states)
        delete_unused(file.file.parent, MOST)
    return states


def _adapters_file(config: FineTuningConfig, dataset: Dataset, seed: int) -> Checkpointer:
    return Checkpointer(cache_folder("adapters") / f"{fingerprint(config, dataset, seed)}.safetensors", 0.0)


def fingerprint(config: FineTuningConfig, dataset: Dataset, seed: int) -> str:
    """A digest of everything that a fit depends on."""
    rows, rounds = dataset.rows.tolist(), np.unique(dataset.rounds, return_inverse=True)[1].tolist()
    return digest(config, identity(config), dataset.hash, rows, rounds, seed)
