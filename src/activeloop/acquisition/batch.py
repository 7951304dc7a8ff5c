"""Batch strategies that start from the acquisition values: top, diverse, power, portfolio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from activeloop.acquisition.base import AcquisitionContext, BatchStrategy, best_first
from activeloop.acquisition.batch_joint import greedy_logdet
from activeloop.acquisition.finding import ThompsonBatch
from activeloop.errors import ConfigError
from activeloop.prediction import Prediction


@dataclass(frozen=True)
class TopK(BatchStrategy):
    """The n best scores, ties in random order."""

    name = "top"

    def __call__(
        self, prediction: Prediction, scores: np.ndarray, n: int, context: AcquisitionContext, features: np.ndarray
    ) -> np.ndarray:
        """[n] indices, best first."""
        return best_first(scores, n, context.rng)


@dataclass(frozen=True)
class TopPerPosition(BatchStrategy):
    """The n best scores, of single mutants at most half of them at one position.

    After a few results the highest predictions are often one position with many residues: a single lucky value there
    lifts them all. `docs/results/diversity` says what the rule costs and brings. Where the positions left are too few
    to fill the batch, the limit is raised.

    Args:
        share: of the batch that may be at one position.
    """

    share: float = 0.5
    by_position = True
    name = "top-per-position"

    def __call__(
        self, prediction: Prediction, scores: np.ndarray, n: int, context: AcquisitionContext, features: np.ndarray
    ) -> np.ndarray:
        """[n] indices, best first."""
        order = best_first(scores, len(scores), context.rng)
        if context.position is None:
            return order[:n]
        limit = max(1, int(np.ceil(self.share * n)))
        position = context.position[order]
        # which one of its position each is, best first: a stable sort keeps the order within positions
        grouped = np.argsort(position, kind="stable")
        begins = np.flatnonzero(np.r_[True, np.diff(position[grouped]) != 0])
        place = np.zeros(len(order), np.int64)
        place[grouped] = np.arange(len(order)) - np.repeat(begins, np.diff(np.r_[begins, len(order)]))
        # those within the limit first, and then those just beyond it
        late = np.where(position < 0, 0, np.maximum(place - limit + 1, 0))
        chosen = np.argsort(late, kind="stable")[:n]
        return order[np.sort(chosen)]


@dataclass(frozen=True)
class PowerSampling(BatchStrategy):
    """Random draws without replacement; better scores are more likely.

    The probability is proportional to

    - `power`: score^coldness; for scores that are at least 0, such as information;
    - `softmax`: exp(coldness * score / standard deviation of the scores);
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
            raise ConfigError(
                f'PowerSampling: "{self.kind}" with coldness {self.coldness}: use power, softmax or '
                "softrank and a coldness of at least 0."
            )

    @property
    def name(self) -> str:
        """`power`, `softmax` or `softrank`."""
        return self.kind

    def __call__(
        self, prediction: Prediction, scores: np.ndarray, n: int, context: AcquisitionContext, features: np.ndarray
    ) -> np.ndarray:
        """[n] indices; those drawn first come first."""
        # Scores near 0 must still be ordered by the noise.
        if self.kind == "power":
            weight = np.log(np.maximum(scores, 1e-12))
        elif self.kind == "softmax":
            weight = scores / max(float(np.std(scores)), 1e-12)
        else:
            rank = np.empty(len(scores))
            rank[best_first(scores, len(scores), context.rng)] = np.arange(1, len(scores) + 1)
            weight = -np.log(rank)
        return best_first(self.coldness * weight + context.rng.gumbel(size=len(scores)), n, context.rng)


@dataclass(frozen=True)
class Portfolio(BatchStrategy):
    """The best acquisition values, and for the rest of the batch Thompson sampling: a hedge on rugged landscapes.

    Args:
        share: share of the batch by Thompson sampling, 0 to 1.

    Source: Kandasamy et al. 2018, arXiv:1705.09236, for the latter.
    """

    share: float = 0.5
    needs_draws = True
    phrase = "the plate combines the best predictions with Thompson sampling"
    name = "portfolio"

    def __call__(
        self, prediction: Prediction, scores: np.ndarray, n: int, context: AcquisitionContext, features: np.ndarray
    ) -> np.ndarray:
        """[n] indices: the best scores first, then those of the draws."""
        drawn = round(self.share * n)
        best = TopK()(prediction, scores, n - drawn, context, features)
        rest = np.setdiff1d(np.arange(len(scores)), best)
        hedge = ThompsonBatch()(prediction.take(rest), scores[rest], drawn, context, features[rest])
        return np.concatenate([best, rest[hedge]])


@dataclass(frozen=True)
class DiverseTop(BatchStrategy):
    """Greedy choice by score and difference in design, as in a determinantal point process.

    Args:
        weight: how much one standard deviation of the scores counts against similarity; large is the top n.
        among: only the best `among * n` scores are considered, so that no bad candidate is chosen for diversity.

    Source: Kulesza and Taskar 2012, arXiv:1207.6083, section 3.1 (quality and diversity).
    """

    weight: float = 1.0
    among: int = 10
    spreads = True
    phrase = "unlike the other picks"
    name = "diverse"

    def __call__(
        self, prediction: Prediction, scores: np.ndarray, n: int, context: AcquisitionContext, features: np.ndarray
    ) -> np.ndarray:
        """[n] indices in the order in which they were taken."""
        best = TopK()(prediction, scores, min(len(scores), self.among * n), context, features)
        x = np.asarray(features, np.float64)[best]
        x = x - x.mean(0)
        scale = float(np.square(x).sum(1).mean()) + 1e-12
        quality = self.weight * scores[best] / max(float(scores[best].std()), 1e-12)
        return best[greedy_logdet(x / np.sqrt(scale), 0.1, n, quality)]
