"""What learns from measurements. Each learner imports its numerical library when it is fitted, not before."""

from activeloop.models.alde import ALDEEnsemble
from activeloop.models.compounds import compound_default
from activeloop.models.dropout import DropoutPredictor, MCDropout
from activeloop.models.ensemble import EnsemblePredictor, MLPEnsemble
from activeloop.models.forest import ForestPredictor, RandomForest
from activeloop.models.guides import GuideGP, guide_default
from activeloop.models.network import Training
from activeloop.models.process import Likeness, ProcessPredictor
from activeloop.models.tanimoto import TanimotoGP

__all__ = [
    "ALDEEnsemble",
    "DropoutPredictor",
    "EnsemblePredictor",
    "ForestPredictor",
    "GuideGP",
    "Likeness",
    "MCDropout",
    "MLPEnsemble",
    "ProcessPredictor",
    "RandomForest",
    "TanimotoGP",
    "Training",
    "compound_default",
    "guide_default",
]
