"""Which candidates to test next: scores, and the choice of a batch from them."""

from activeloop.acquisition.base import BatchChoice, Score, Situation
from activeloop.acquisition.chance import Random
from activeloop.acquisition.choose import Choice, choose
from activeloop.acquisition.features import letters
from activeloop.acquisition.hit import ProbabilityOfHit
from activeloop.acquisition.improvement import ExpectedImprovement, NoisyExpectedImprovement
from activeloop.acquisition.optimism import Greedy, UpperConfidenceBound
from activeloop.acquisition.selection import Selection, default_selection
from activeloop.acquisition.topk import TopK
from activeloop.acquisition.uncertainty import Entropy, LeastConfidence, Margin, Variance

__all__ = [
    "BatchChoice",
    "Choice",
    "Entropy",
    "ExpectedImprovement",
    "Greedy",
    "LeastConfidence",
    "Margin",
    "NoisyExpectedImprovement",
    "ProbabilityOfHit",
    "Random",
    "Score",
    "Selection",
    "Situation",
    "TopK",
    "UpperConfidenceBound",
    "Variance",
    "choose",
    "default_selection",
    "letters",
]
