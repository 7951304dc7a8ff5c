"""What learns from measurements. Each learner imports its numerical library when it is fitted, not before."""

from activeloop.models.alde import ALDEEnsemble
from activeloop.models.ensemble import EnsemblePredictor, MLPEnsemble
from activeloop.models.forest import ForestPredictor, RandomForest
from activeloop.models.network import Training

__all__ = ["ALDEEnsemble", "EnsemblePredictor", "ForestPredictor", "MLPEnsemble", "RandomForest", "Training"]
