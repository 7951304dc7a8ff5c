"""Which candidates to test next: scores, and the choice of a batch from them."""

from activeloop.acquisition.base import BatchChoice, Score, Situation
from activeloop.acquisition.batchbald import BatchBALD
from activeloop.acquisition.chance import Random
from activeloop.acquisition.choose import Choice, choose
from activeloop.acquisition.diverse import DiverseTop
from activeloop.acquisition.epig import EPIG
from activeloop.acquisition.features import letters
from activeloop.acquisition.hit import ProbabilityOfHit
from activeloop.acquisition.hypervolume import Hypervolume
from activeloop.acquisition.improvement import ExpectedImprovement, NoisyExpectedImprovement
from activeloop.acquisition.information import BALD, mutual_information
from activeloop.acquisition.lcmd import LCMD
from activeloop.acquisition.optimism import Greedy, UpperConfidenceBound
from activeloop.acquisition.portfolio import Portfolio
from activeloop.acquisition.power import PowerSampling
from activeloop.acquisition.promising import Promising
from activeloop.acquisition.reduction import VarianceReduction
from activeloop.acquisition.scalarised import Scalarised
from activeloop.acquisition.selection import Selection, default_selection
from activeloop.acquisition.thompson import Thompson, ThompsonBatch
from activeloop.acquisition.topk import TopK
from activeloop.acquisition.uncertainty import Entropy, Variance, entropy

__all__ = [
    "BALD",
    "EPIG",
    "LCMD",
    "BatchBALD",
    "BatchChoice",
    "Choice",
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
    "Scalarised",
    "Score",
    "Selection",
    "Situation",
    "Thompson",
    "ThompsonBatch",
    "TopK",
    "UpperConfidenceBound",
    "Variance",
    "VarianceReduction",
    "choose",
    "default_selection",
    "entropy",
    "letters",
    "mutual_information",
]
