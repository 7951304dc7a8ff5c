"""Settings of fine-tuning, and the folds of the measured candidates; importing it costs no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from activeloop.adapters import Adapter, LoRA
from activeloop.candidates import Pool
from activeloop.encoders.base import Encoder
from activeloop.foundation.base import FoundationModel
from activeloop.models.finetuning.losses import Loss, Regression
from activeloop.models.finetuning.pool_cache import PoolCache
from activeloop.models.heads.base import Head
from activeloop.models.heads.gp import GPHead


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of the fit loop.

    Args:
        epochs: passes through the training candidates, at most.
        minibatch: candidates of one step; fewer at once when memory runs out, the step stays the same.
        rate: peak learning rate (AdamW); None: the adapter's default, see `Adapter.rate`.
        weight_decay: per unit of learning rate.
        warmup: share of the steps in which the rate rises linearly from 0.
        cooldown: share of the steps, at the end, in which it falls linearly to 0.
        clip: largest norm of the gradient (0: no clipping).
        patience: with validation candidates, epochs without improvement after which training stops (0: never). The best
            state is the one that is returned.
        validate_every: epochs between two validations.
        checkpoint_seconds: between two checkpoints.

    >>> plan = TrainingConfig(epochs=2, minibatch=10, warmup=0.5, cooldown=0.5)
    >>> plan.steps(25), [round(plan.schedule(step, 6), 2) for step in range(6)]
    (6, [0.33, 0.67, 1.0, 1.0, 0.67, 0.33])
    """

    epochs: int = 10
    minibatch: int = 16
    rate: float | None = None
    weight_decay: float = 0.01
    warmup: float = 0.1
    cooldown: float = 0.5
    clip: float = 1.0
    patience: int = 0
    validate_every: int = 2
    checkpoint_seconds: float = 5.0

    def steps_per_epoch(self, candidates: int) -> int:
        """Minibatches of one pass through the training candidates."""
        return max(1, -(-candidates // self.minibatch))

    def steps(self, candidates: int) -> int:
        """Steps at most, for a number of training candidates."""
        return self.epochs * self.steps_per_epoch(candidates)

    def schedule(self, step: int, steps: int) -> float:
        """Share of the peak learning rate in a step, counted from 0."""
        rising = (step + 1) / max(1.0, self.warmup * steps)
        falling = (steps - step) / max(1.0, self.cooldown * steps)
        return min(1.0, rising, falling)


@dataclass(frozen=True)
class FineTuningConfig:
    """Settings of a fine-tuned model, see `FineTuner`.

    Args:
        encoder: the pretrained model.
        adapter: which of its weights are trained.
        loss: minimised while the adapter is trained.
        head: the posterior on the adapted features.
        plan: epochs, minibatches and learning rates.
        members: number of models, which share the frozen weights. With more than one, each leaves out a fold of the
            candidates, which gives out-of-fold predictions, and their disagreement counts as uncertainty. With one
            there are none (they are NaN, and stacking cross-validates instead).
        early_stopping: stop a model when its left-out fold is no longer predicted better (one of five folds when there
            is one model); otherwise train for all epochs.
        warm_start: models of a later round start from those of the round before instead of the pretrained one. Those
            are fitted first, or loaded from the disk when they were fitted here before; the result is the same. No
            model starts from one that was trained on the fold it leaves out.
        prior_score: an encoder of one column whose order is a prior mean, such as `SubstitutionPrior`.
        progress: called at each step with member, steps done, steps at most, loss.
        prediction_progress: called at each piece of a pool that was predicted with rows done, rows in all.
        cache: activations of frozen layers for the pool used last, shared by members, folds and versions; at most a
            gigabyte.
    """

    encoder: FoundationModel
    adapter: Adapter = field(default_factory=lambda: LoRA(last_layers=1))
    loss: Loss = field(default_factory=Regression)
    head: Head = field(default_factory=GPHead)
    plan: TrainingConfig = field(default_factory=TrainingConfig)
    members: int = 1
    early_stopping: bool = False
    warm_start: bool = False
    prior_score: Encoder | None = None
    progress: Callable[[int, int, int, float], None] | None = field(default=None, repr=False, compare=False)
    prediction_progress: Callable[[int, int], None] | None = field(default=None, repr=False, compare=False)
    cache: PoolCache = field(default_factory=PoolCache, repr=False, compare=False)


#: between the seeds of two members
SEED_STRIDE = 7919
#: a fold by positions may have at most this share of the first round's candidates
LARGEST = 0.4


@dataclass(frozen=True)
class Split:
    """Indices into the measured candidates.

    Args:
        training: trained on.
        validation: left out; may be empty.
    """

    training: np.ndarray
    validation: np.ndarray

    @classmethod
    def without(cls, candidates: int) -> Split:
        """All candidates are trained on."""
        return cls(np.arange(candidates), np.zeros(0, np.int64))

    @classmethod
    def by_fold(cls, folds: np.ndarray, count: int) -> list[Split]:
        """Each of the first `count` folds left out once.

        Args:
            folds: [N] of each candidate.
            count: number of splits.
        """
        return [cls(np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in range(count)]


def folds_of(
    pool: Pool, rows: np.ndarray, rounds: np.ndarray, count: int, seed: int, by_position: bool = True
) -> np.ndarray:
    """[N] the fold (0 to count - 1) of each of some rows of a pool.

    By position, candidates that change the same positions share a fold, so a fold tests positions that the others do
    not cover, as the next proposal may: this is right for early stopping. Random folds are used where that is
    impossible (no parent, or nearly all candidates change the same positions: a library of a few sites), and where
    `by_position` is False: they are right for comparing a model with others, many of which have random out-of-fold
    predictions only. Later rounds change nothing for earlier ones: a model that leaves a fold out was never trained on
    it, also when it starts from the model of the round before.

    Args:
        pool: of the candidates.
        rows: [N].
        rounds: [N] in which each was measured.
        count: number of folds.
        seed: of the random order.
        by_position: whether candidates that change the same positions share a fold.

    >>> pool = Pool.single_mutants("MKTAYI")
    >>> folds = folds_of(pool, np.arange(len(pool)), np.zeros(len(pool)), 3, seed=0)
    >>> [len(set(folds[i : i + 19])) for i in range(0, 114, 19)], np.bincount(folds).tolist()
    ([1, 1, 1, 1, 1, 1], [38, 38, 38])
    """
    groups = _position_groups(pool, rows) if by_position else np.zeros(len(rows), np.int64)
    first = np.unique(groups[rounds == rounds.min()], return_counts=True)[1]
    if len(first) < 2 * count or first.max() > LARGEST * first.sum():
        groups = np.arange(len(rows))
    of_group, filled = np.full(groups.max() + 1, -1), np.zeros(count, np.int64)
    for number, now in enumerate(np.unique(rounds)):
        present, sizes = np.unique(groups[rounds == now], return_counts=True)
        order = np.random.default_rng([seed, number]).random(len(present))
        # known groups first; then the largest, each to the fold with the fewest; equal ones in random order
        for i in np.lexsort((order, -sizes, of_group[present] < 0)):
            if of_group[present[i]] < 0:
                of_group[present[i]] = filled.argmin()
            filled[of_group[present[i]]] += sizes[i]
    return of_group[groups]


def _position_groups(pool: Pool, rows: np.ndarray) -> np.ndarray:
    """[N] a number for each set of changed positions; all the same without a parent to compare with."""
    if pool.sites is None or pool.sites.parent is None:
        return np.zeros(len(rows), np.int64)
    changed = np.packbits(pool.codes(rows) != pool.sites.parent, axis=1)
    return np.unique(changed, axis=0, return_inverse=True)[1].ravel()
