"""Likelihood ranking: a masked-language model's own log-likelihood ratios, trained to rank few measured variants."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np

from activeloop.adapters import Adapter, LoRA
from activeloop.candidates import Pool
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.cache import cache_folder
from activeloop.foundation.checkpoints import need_models
from activeloop.foundation.identity import identity
from activeloop.measurements import Dataset
from activeloop.models.base import PerAssayLearner
from activeloop.models.finetuning.config import SEED_STRIDE, Split, TrainingConfig, folds_of
from activeloop.models.gp.mutation_kernel import Mutations, sites_with_parent
from activeloop.models.out_of_fold import OutOfFold
from activeloop.models.transforms import precision, standard
from activeloop.prediction import FastMean, Prediction, Predictor
from activeloop.priors.base import MutationPrior
from activeloop.priors.substitutions import SubstitutionPrior

#: prior slope between standardised table sums and targets, and the number of values that it counts as
PRIOR_SLOPE, PRIOR_COUNT = 0.3, 5.0
#: all measured candidates are in every minibatch: they cost nothing beside the pass of the parent
ALL = 1_000_000


@dataclass(frozen=True)
class LikelihoodRanker(PerAssayLearner):
    """A masked-language model whose own log-likelihood ratios are trained to rank the measured variants.

    A step reads one sequence, the parent; its log-odds at every site score every variant, as a sum over its mutations.
    So a fit costs a few hundred passes of one sequence, whatever is measured, and scoring a pool costs none. The
    result is a table of mutations for each member; members differ in initial weights and in the fold they leave out. A
    fit that was killed resumes, in any process.

    Args:
        foundation: with a masked-language head.
        adapter: which of its weights are trained.
        by: `pairs` or `list`, see `losses.Ranking`.
        kl_weight: of the divergence from the frozen model, see `likelihood_objective.Likelihood`.
        masked: mask each site when it is scored (a pass for each measured site in each step); otherwise one pass of the
            unmasked parent serves all.
        prior_score: whose table is added, with a trained weight; None for none.
        members: each leaves out one fold of the candidates, which gives out-of-fold predictions.
        plan: epochs and learning rates.
        progress: called at each step with member, steps done, steps at most, loss.

    Source: Zhou et al. 2024, Nature Communications 15:5566 (FSFP); Hawkins-Hooker et al. 2024, arXiv:2405.18986.
    """

    foundation: FoundationModel
    adapter: Adapter = field(default_factory=lambda: LoRA(rank=8, last_layers=2))
    by: Literal["pairs", "list"] = "pairs"
    kl_weight: float = 0.1
    masked: bool = False
    prior_score: MutationPrior | None = field(default_factory=SubstitutionPrior)
    members: int = 5
    plan: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(epochs=30, minibatch=ALL, rate=3e-3, weight_decay=0.0)
    )
    progress: Callable[[int, int, int, float], None] | None = field(default=None, repr=False, compare=False)

    @property
    def name(self) -> str:
        """`likelihood-` and the model's name."""
        return f"likelihood-{self.foundation.name}"

    def prior(self, pool: Pool) -> Predictor | None:
        """The zero-shot score, with the prior score where there is one, in standard deviations; None without parent."""
        from activeloop.foundation import zero_shot_table

        if pool.sites is None or pool.sites.parent is None:
            return None
        odds = zero_shot_table(self.foundation, pool, "masked" if self.masked else "wild-type")
        table = sum((_unit_spread(part) for part in (odds, self.prior_table(pool)) if part.any()), np.zeros(odds.shape))
        line = np.array([[0.0, PRIOR_SLOPE / max(float(table.std()), 1e-12)]])
        return LikelihoodPredictor(table.reshape(1, -1), line, np.zeros(0), self.foundation.name)

    def prior_table(self, pool: Pool) -> np.ndarray:
        """[L, K] of the prior score; zeros without one."""
        if self.prior_score is not None:
            return self.prior_score.table(pool)
        sites = sites_with_parent(pool)
        return np.zeros((len(sites.labels), len(sites.alphabet)))

    def _fit_one(self, dataset: Dataset, seed: int) -> Predictor:
        need_models()
        from activeloop.models.finetuning.checkpointer import Checkpointer, digest
        from activeloop.models.finetuning.likelihood_objective import Likelihood, ResidueReader
        from activeloop.models.finetuning.loop import train

        folder = cache_folder("fits") / digest(self, identity(self), dataset.hash, dataset.rows.tolist(), seed)
        values, pool, rows = dataset.values[:, 0], dataset.pool, dataset.rows
        scale, mutations = standard(values), Mutations.of(pool, rows)
        targets, weights = scale.to_target(values), precision(dataset.errors[:, 0], scale)
        out_of_fold = np.full(len(dataset), np.nan)
        tables, lines = [], []
        for index, split in enumerate(splits(self.members, dataset, seed)):
            own = seed + SEED_STRIDE * index
            reader = ResidueReader(self.foundation, self.adapter, pool, self.masked, own)
            prior = self.prior_table(pool)
            objective = Likelihood(reader, pool, rows, targets, weights, prior, self.by, self.kl_weight)
            checkpointer = Checkpointer(folder / f"{index}.safetensors", self.plan.checkpoint_seconds)
            progress = None if self.progress is None else partial(self.progress, index)
            train(
                objective, self.plan, Split(split.training, split.validation[:0]), values, own, checkpointer, progress
            )
            table = objective.table()
            sums = mutations.sums(table.astype(np.float64))
            moved, seen = table[table != 0], split.training
            spread = max(float(moved.std()) if len(moved) else 0.0, 1e-6)
            shift, slope = regularised_line(sums[seen], targets[seen], weights[seen], spread)
            line = np.array([scale.to_value(shift), scale.factor * slope])
            out_of_fold[split.validation] = line[0] + line[1] * sums[split.validation]
            tables.append(table)
            lines.append(line)
        shutil.rmtree(folder, ignore_errors=True)
        return LikelihoodPredictor(np.stack(tables), np.stack(lines), out_of_fold, self.foundation.name)

    def _restore_one(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        return LikelihoodPredictor(state["tables"], state["lines"], state["unseen"], self.foundation.name)


@dataclass(frozen=True)
class LikelihoodPredictor(Predictor, OutOfFold, FastMean):
    """Sums over the mutations of a candidate; no network is needed any more.

    Args:
        tables: [M, L * K] of each member: a score for each residue at each site, 0 for the parent's own.
        lines: [M, 2] shift and slope from each member's sums to the assay's unit.
        out_of_fold: [N] prediction of each training candidate by the member that left it out (NaN where none did); N =
            0: as pretrained.
        model: name of the foundation model.
    """

    tables: np.ndarray
    lines: np.ndarray
    out_of_fold: np.ndarray
    model: str

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """Mean and standard deviation of the members; a joint sample adds normal multiples of their deviations."""
        every = self._members(pool, rows)
        mean = every.mean(0)
        weights = np.random.default_rng(seed).standard_normal((draws, len(every))) / np.sqrt(len(every))
        joint = mean + weights @ (every - mean)
        return Prediction(joint.astype(np.float32)[:, :, None], mean[:, None], every.std(0)[:, None], np.zeros(1))

    def mean(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[N, 1] mean of the members."""
        return self._members(pool, rows).mean(0)[:, None]

    def _members(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[M, n] in the assay's unit."""
        sums = Mutations.of(pool, np.asarray(rows, np.int64)).sums(self.tables.T.astype(np.float64)).T
        return self.lines[:, :1] + self.lines[:, 1:] * sums

    def held_out(self) -> np.ndarray:
        """[N] out-of-fold predictions."""
        return self.out_of_fold

    def explain(self) -> str:
        """How many members on how many candidates."""
        if not len(self.out_of_fold):
            return f"Zero-shot score of {self.model}, as pretrained."
        return (
            f"{len(self.tables)} copies of {self.model}, fine-tuned so that their own likelihoods rank "
            f"{len(self.out_of_fold)} candidates."
        )

    def state(self) -> dict[str, np.ndarray]:
        """Tables, lines, and out-of-fold predictions."""
        return {"tables": self.tables, "lines": self.lines, "unseen": self.out_of_fold}


def splits(members: int, dataset: Dataset, seed: int) -> list[Split]:
    """What each member is trained on: all but its own fold, or everything when there are too few."""
    n = len(dataset)
    if members == 1 or n < 2 * members:
        return [Split.without(n)] * members
    return Split.by_fold(
        folds_of(dataset.pool, dataset.rows, dataset.rounds, members, seed, by_position=False), members
    )


def regularised_line(sums: np.ndarray, targets: np.ndarray, weights: np.ndarray, spread: float) -> np.ndarray:
    """[2] shift and slope (not below 0) from table sums to targets; the slope is shrunk to `PRIOR_SLOPE`.

    Args:
        sums: [n] of the training candidates.
        targets: [n] of mean 0 and standard deviation 1.
        weights: [n].
        spread: standard deviation of the table.

    >>> regularised_line(np.array([1.0]), np.array([0.0]), np.ones(1), 1.0).round(3).tolist()
    [-0.3, 0.3]
    """
    share = weights / weights.sum()
    x, y = sums / spread, targets
    centred = x - share @ x
    slope = weights @ (centred * (y - share @ y)) + PRIOR_COUNT * PRIOR_SLOPE
    slope = max(slope / (weights @ centred**2 + PRIOR_COUNT), 0.0)
    return np.array([share @ y - slope * (share @ x), slope / spread])


def _unit_spread(table: np.ndarray) -> np.ndarray:
    """A table whose entries beside the parent's have standard deviation 1."""
    spread = float(table[table != 0].std())
    return table / spread if spread > 0 else table
