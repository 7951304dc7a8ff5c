"""Fine-tuning by the model's own likelihoods: the cheap form, and the one for few labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from activeloop.adapters.base import Adapter
from activeloop.adapters.lora import LoRA
from activeloop.backbones.foundation import Foundation
from activeloop.backbones.needs import need_models
from activeloop.backbones.substitutions import MutationScore, SubstitutionScore
from activeloop.candidates import Pool
from activeloop.measurements import Dataset
from activeloop.models.assays import fit_each, restore_each
from activeloop.models.finetuning.likelihood_tables import TRUST, LikelihoodPredictor
from activeloop.models.finetuning.plan import Plan
from activeloop.models.mutations import parented
from activeloop.predictive import Learner, Predictor

#: every measured candidate takes part in every step: they cost nothing beside the pass of the parent
ALL = 1_000_000


@dataclass(frozen=True)
class LikelihoodRanker(Learner):
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

    foundation: Foundation
    adapter: Adapter = field(default_factory=lambda: LoRA(rank=8, last=2))
    by: Literal["pairs", "list"] = "pairs"
    near: float = 0.1
    hidden: bool = False
    prior_score: MutationScore | None = field(default_factory=SubstitutionScore)
    members: int = 5
    plan: Plan = field(default_factory=lambda: Plan(epochs=30, minibatch=ALL, rate=3e-3, decay=0.0))
    progress: Callable[[int, int, int, float], None] | None = field(default=None, repr=False, compare=False)

    @property
    def name(self) -> str:
        """`likelihood-` and the model's name."""
        return f"likelihood-{self.foundation.name}"

    def prior(self, pool: Pool) -> Predictor | None:
        """What the model thinks as pretrained, with the prior score where there is one; None without parent.

        In units of the spread of the values.
        """
        from activeloop.backbones.zero_shot import zero_shot_table

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
        sites = parented(pool)
        return np.zeros((len(sites.labels), len(sites.alphabet)))

    def fit(self, dataset: Dataset, seed: int) -> Predictor:
        """Train the members; several assays have members of their own.

        A fit that was killed goes on where it was, in whichever process it is asked for again.

        Raises:
            ModelError: the pool has no parent, or the model no masked-language head.
        """
        return fit_each(dataset, seed, self._fit_one)

    def restore(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        """The same tables."""
        return restore_each(dataset, seed, state, self._restore_one)

    def _fit_one(self, dataset: Dataset, seed: int) -> Predictor:
        need_models()
        from activeloop.models.finetuning.likelihood_fitting import fit

        return fit(self, dataset, seed)

    def _restore_one(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        if not state:
            return self._fit_one(dataset, seed)
        return LikelihoodPredictor(state["tables"], state["lines"], state["unseen"], self.foundation.name)


def unit(table: np.ndarray) -> np.ndarray:
    """A table whose entries beside the parent's have a spread of 1."""
    spread = float(table[table != 0].std())
    return table / spread if spread > 0 else table
