"""What learns from measurements. Each learner imports its numerical library when it is fitted, not before."""

from activeloop.models.forest import ForestPredictor, RandomForest

__all__ = ["ForestPredictor", "RandomForest"]
