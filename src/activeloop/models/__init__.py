"""What learns from measurements. Each learner imports its numerical library when it is fitted, not before."""

from activeloop.models.alde import ALDEEnsemble
from activeloop.models.calibration import Calibrated, Conformal, Isotonic, Temperature
from activeloop.models.classifier import GPClassifier
from activeloop.models.compounds import compound_default
from activeloop.models.defaults import default_learner
from activeloop.models.dropout import DropoutNetwork, DropoutPredictor
from activeloop.models.ensemble import EnsemblePredictor, MLPEnsemble
from activeloop.models.evidence import Evidence, HeldOut
from activeloop.models.finetuning.heads import Classification, Ranking, Regression
from activeloop.models.finetuning.likelihood import LikelihoodRanker
from activeloop.models.finetuning.plan import Plan
from activeloop.models.finetuning.tuner import FineTuner
from activeloop.models.forest import ForestPredictor, RandomForest
from activeloop.models.gate import Gate
from activeloop.models.guides import GuideGP, guide_default
from activeloop.models.head_learner import HeadLearner
from activeloop.models.heads.dropout import DropoutHead
from activeloop.models.heads.laplace import LastLayer
from activeloop.models.heads.process import GaussianProcess
from activeloop.models.mutation_gp import MutationGP
from activeloop.models.network import Training
from activeloop.models.process import Likeness, ProcessPredictor
from activeloop.models.site_gp import SiteGP
from activeloop.models.tanimoto import TanimotoGP

__all__ = [
    "ALDEEnsemble",
    "Calibrated",
    "Classification",
    "Conformal",
    "DropoutHead",
    "DropoutNetwork",
    "DropoutPredictor",
    "EnsemblePredictor",
    "Evidence",
    "FineTuner",
    "ForestPredictor",
    "GPClassifier",
    "Gate",
    "GaussianProcess",
    "GuideGP",
    "HeadLearner",
    "HeldOut",
    "Isotonic",
    "LastLayer",
    "LikelihoodRanker",
    "Likeness",
    "MLPEnsemble",
    "MutationGP",
    "Plan",
    "ProcessPredictor",
    "RandomForest",
    "Ranking",
    "Regression",
    "SiteGP",
    "TanimotoGP",
    "Temperature",
    "Training",
    "compound_default",
    "default_learner",
    "guide_default",
]
