"""Fine-tuning by the model’s own likelihoods: the cheap form, and the one for few labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from activeloop.adapters import Adapter, LoRA
from activeloop.candidates import Pool
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.checkpoints import need_models
from activeloop.measurements import Dataset
from activeloop.models.base import PerAssayLearner
from activeloop.models.finetuning.plan import TrainingConfig
from activeloop.models.gp.mutation_kernel import Mutations, sites_with_parent
from activeloop.models.out_of_fold import OutOfFold
from activeloop.prediction import FastMean, Prediction, Predictor
from activeloop.priors.substitutions import MutationPrior, SubstitutionPrior

#: before any measurement a table is believed to explain this share of the values' spread, as firmly as this many values
TRUST, FIRMNESS = 0.3, 5.0


@dataclass(frozen=True)
class LikelihoodPredictor(Predictor, OutOfFold, FastMean):
    """Sums over the mutations of a candidate; no network is needed any more.

    Args:
        tables: [M, L * K] of each member: a score for each letter at each site, 0 for the parent's own.
        lines: [M, 2] shift and factor from each member's sums to the assay's unit.
        unseen: [N] what the member that did not see a candidate says of it, for each of the N it was trained on (NaN
            where all have seen it); N = 0: as pretrained.
        model: name of the foundation model.
    """

    tables: np.ndarray
    lines: np.ndarray
    unseen: np.ndarray
    model: str

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """Mean and spread of the members; a draw is their mean and a random weight times how each departs from it."""
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
        """[N] what the member that did not see a candidate says of it."""
        return self.unseen

    def explain(self) -> str:
        """How many members on how many candidates."""
        if not len(self.unseen):
            return f"What {self.model} thinks of mutations as pretrained."
        return (
            f"{len(self.tables)} copies of {self.model}, fine-tuned so that their own likelihoods rank "
            f"{len(self.unseen)} candidates."
        )

    def state(self) -> dict[str, np.ndarray]:
        """Tables, lines, and what was said of unseen candidates."""
        return {"tables": self.tables, "lines": self.lines, "unseen": self.unseen}


def careful_line(sums: np.ndarray, targets: np.ndarray, weights: np.ndarray, spread: float) -> np.ndarray:
    """[2] shift and factor (not below 0) from a member's sums to targets; with few values near what is usual.

    Args:
        sums: [n] of the candidates it has seen.
        targets: [n] of mean 0 and spread 1.
        weights: [n].
        spread: of the sums in the pool at large.

    >>> careful_line(np.array([1.0]), np.array([0.0]), np.ones(1), 1.0).round(3).tolist()
    [-0.3, 0.3]
    """
    share = weights / weights.sum()
    x, y = sums / spread, targets
    from_mean = x - share @ x
    slope = (weights @ (from_mean * (y - share @ y)) + FIRMNESS * TRUST) / (weights @ from_mean**2 + FIRMNESS)
    slope = max(slope, 0.0)
    return np.array([share @ y - slope * (share @ x), slope / spread])


#: every measured candidate takes part in every step: they cost nothing beside the pass of the parent
ALL = 1_000_000


@dataclass(frozen=True)
class LikelihoodRanker(PerAssayLearner):
    """A masked-language model whose own log-likelihood ratios are trained to rank the measured variants.

    A step reads one sequence, the parent; its log-odds at every site score every variant, as a sum over its mutations.
    So a fit costs a few hundred passes of one sequence, whatever is measured, and scoring a pool costs none. What is
    kept is a table of mutations for each member; the members differ in first weights and in the candidates they see.

    Args:
        foundation: with a masked-language head.
        adapter: what of it learns.
        by: `pairs` (the better of two is ranked above) or `list` (the whole order).
        near: how much it costs to depart from the frozen model, see `likelihood_objective.Likelihood`.
        hidden: whether each site is hidden when it is scored (a pass for each measured site in each step); else one
            pass serves all.
        prior_score: whose table is added, with a weight that is learnt; None for none.
        members: each leaves out one fold of the candidates, so that they know what they would have said of them.
        plan: for how long and how fast.
        progress: told of each step: member, steps done, steps at most, loss.

    Source: Zhou et al. 2024, Nature Communications 15:5566 (FSFP); Hawkins-Hooker et al. 2024, arXiv:2405.18986.
    """

    foundation: FoundationModel
    adapter: Adapter = field(default_factory=lambda: LoRA(rank=8, last_layers=2))
    by: Literal["pairs", "list"] = "pairs"
    near: float = 0.1
    hidden: bool = False
    prior_score: MutationPrior | None = field(default_factory=SubstitutionPrior)
    members: int = 5
    plan: TrainingConfig = field(default_factory=lambda: TrainingConfig(epochs=30, minibatch=ALL, rate=3e-3, decay=0.0))
    progress: Callable[[int, int, int, float], None] | None = field(default=None, repr=False, compare=False)

    @property
    def name(self) -> str:
        """`likelihood-` and the model's name."""
        return f"likelihood-{self.foundation.name}"

    def prior(self, pool: Pool) -> Predictor | None:
        """What the model thinks as pretrained, with the prior score where there is one; None without parent.

        In units of the spread of the values.
        """
        from activeloop.foundation import zero_shot_table

        if pool.sites is None or pool.sites.parent is None:
            return None
        odds = zero_shot_table(self.foundation, pool, "masked" if self.hidden else "wild-type")
        table = sum((unit(part) for part in (odds, self.fixed(pool)) if part.any()), np.zeros(odds.shape))
        line = np.array([[0.0, TRUST / max(float(table.std()), 1e-12)]])
        return LikelihoodPredictor(table.reshape(1, -1), line, np.zeros(0), self.foundation.name)

    def fixed(self, pool: Pool) -> np.ndarray:
        """[L, K] the table that is added; zeros for none."""
        if self.prior_score is not None:
            return self.prior_score.table(pool)
        sites = sites_with_parent(pool)
        return np.zeros((len(sites.labels), len(sites.alphabet)))

    def _fit_one(self, dataset: Dataset, seed: int) -> Predictor:
        """Train the members. A fit that was killed goes on where it was, in whichever process.

        Raises:
            ModelError: the pool has no parent, or the model no masked-language head.
        """
        need_models()
        from activeloop.models.finetuning.likelihood_fitting import fit

        return fit(self, dataset, seed)

    def _restore_one(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        return LikelihoodPredictor(state["tables"], state["lines"], state["unseen"], self.foundation.name)


def unit(table: np.ndarray) -> np.ndarray:
    """A table whose entries beside the parent's have a spread of 1."""
    spread = float(table[table != 0].std())
    return table / spread if spread > 0 else table
