"""A batch by chance in proportion to the scores: cheap, and without near-duplicates by the dozen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from activeloop.acquisition.base import BatchChoice, Situation, best_first
from activeloop.errors import RecipeError
from activeloop.predictive import Predictive


@dataclass(frozen=True)
class PowerSampling(BatchChoice):
    """Draws without replacement, more likely the better the score.

    The probability is proportional to

    - `power`: score^coldness; for scores that are at least 0, such as information;
    - `softmax`: exp(coldness * score / spread of the scores);
    - `softrank`: rank^-coldness; for scores of any scale.

    Drawn at once by adding Gumbel noise to the logarithm of that probability.

    Args:
        kind: which of them.
        coldness: 0 is random, large is the top n.

    Source: Kirsch et al. 2023, arXiv:2106.12059.
    """

    kind: Literal["power", "softmax", "softrank"] = "power"
    coldness: float = 1.0
    phrase = "drawn in proportion to its score"

    def __post_init__(self):
        if self.kind not in ("power", "softmax", "softrank") or not self.coldness >= 0:
            raise RecipeError(
                f'PowerSampling: "{self.kind}" with coldness {self.coldness}: use power, softmax or '
                "softrank and a coldness of at least 0."
            )

    @property
    def name(self) -> str:
        """`power`, `softmax` or `softrank`."""
        return self.kind

    def __call__(
        self, belief: Predictive, scores: np.ndarray, n: int, situation: Situation, features: np.ndarray
    ) -> np.ndarray:
        """[n] indices; those drawn first come first."""
        # Scores that cannot be told from 0 must still be ordered by the noise.
        if self.kind == "power":
            weight = np.log(np.maximum(scores, 1e-12))
        elif self.kind == "softmax":
            weight = scores / max(float(np.std(scores)), 1e-12)
        else:
            rank = np.empty(len(scores))
            rank[best_first(scores, len(scores), situation.rng)] = np.arange(1, len(scores) + 1)
            weight = -np.log(rank)
        return best_first(self.coldness * weight + situation.rng.gumbel(size=len(scores)), n, situation.rng)
