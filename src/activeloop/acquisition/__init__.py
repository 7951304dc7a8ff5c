"""Acquisition functions, batch strategies, and the recommender that combines them."""

from typing import TYPE_CHECKING

from activeloop._lazy import on_use

if TYPE_CHECKING:
    from activeloop.acquisition.base import (
        AcquisitionContext,
        AcquisitionFunction,
        BatchStrategy,
        CombiningFunction,
    )
    from activeloop.acquisition.batch import DiverseTop, Portfolio, PowerSampling, TopK, TopPerPosition
    from activeloop.acquisition.batch_joint import LCMD, BatchBALD, Promising, VarianceReduction, site_features
    from activeloop.acquisition.finding import (
        ExpectedImprovement,
        Greedy,
        NoisyExpectedImprovement,
        ProbabilityOfHit,
        Thompson,
        ThompsonBatch,
        UpperConfidenceBound,
    )
    from activeloop.acquisition.learning import BALD, EPIG, Entropy, Variance, entropy, mutual_information
    from activeloop.acquisition.multiobjective import Constrained, Hypervolume, Scalarised
    from activeloop.acquisition.random import Random
    from activeloop.acquisition.recommender import Choice, Recommender, choose, default_recommender

__all__ = [
    "BALD",
    "EPIG",
    "LCMD",
    "AcquisitionContext",
    "AcquisitionFunction",
    "BatchBALD",
    "BatchStrategy",
    "Choice",
    "CombiningFunction",
    "Constrained",
    "DiverseTop",
    "Entropy",
    "ExpectedImprovement",
    "Greedy",
    "Hypervolume",
    "NoisyExpectedImprovement",
    "Portfolio",
    "PowerSampling",
    "ProbabilityOfHit",
    "Promising",
    "Random",
    "Recommender",
    "Scalarised",
    "Thompson",
    "ThompsonBatch",
    "TopK",
    "TopPerPosition",
    "UpperConfidenceBound",
    "Variance",
    "VarianceReduction",
    "choose",
    "default_recommender",
    "entropy",
    "mutual_information",
    "site_features",
]

__getattr__ = on_use(__name__)
