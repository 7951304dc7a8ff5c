"""What learns from measurements. Each learner imports its numerical library when it is fitted, not before."""

from typing import TYPE_CHECKING

from activeloop._lazy import on_use

if TYPE_CHECKING:
    from activeloop.models.calibration import Calibrated, Conformal, Isotonic, TemperatureScaling
    from activeloop.models.default import default_learner
    from activeloop.models.dropout import DropoutNetwork
    from activeloop.models.embedding import HeadLearner
    from activeloop.models.ensemble import MLPEnsemble, alde_ensemble
    from activeloop.models.finetuning.config import TrainingConfig
    from activeloop.models.finetuning.dropout_classifier import DropoutClassifier
    from activeloop.models.finetuning.learner import FineTuner
    from activeloop.models.finetuning.likelihood import LikelihoodRanker
    from activeloop.models.finetuning.losses import Classification, Ranking, Regression
    from activeloop.models.forest import RandomForest
    from activeloop.models.gp.classifier import GPClassifier
    from activeloop.models.gp.guides import GuideGP
    from activeloop.models.gp.mutation_gp import MutationGP
    from activeloop.models.gp.sister_guides import SisterGuideGP
    from activeloop.models.gp.sisters import SisterGP
    from activeloop.models.gp.site_gp import SiteGP
    from activeloop.models.gp.tanimoto import MiniMolGP, TanimotoGP
    from activeloop.models.gp.treatments import TreatmentGP
    from activeloop.models.heads.dropout import DropoutHead
    from activeloop.models.heads.gp import GPHead
    from activeloop.models.heads.laplace import LaplaceHead
    from activeloop.models.networks import Training
    from activeloop.models.regressor import CandidateRegressor
    from activeloop.models.stacking import StackingEnsemble

__all__ = [
    "Calibrated",
    "CandidateRegressor",
    "Classification",
    "Conformal",
    "DropoutClassifier",
    "DropoutHead",
    "DropoutNetwork",
    "FineTuner",
    "GPClassifier",
    "GPHead",
    "GuideGP",
    "HeadLearner",
    "Isotonic",
    "LaplaceHead",
    "LikelihoodRanker",
    "MLPEnsemble",
    "MiniMolGP",
    "MutationGP",
    "RandomForest",
    "Ranking",
    "Regression",
    "SisterGP",
    "SisterGuideGP",
    "SiteGP",
    "StackingEnsemble",
    "TanimotoGP",
    "TemperatureScaling",
    "Training",
    "TrainingConfig",
    "TreatmentGP",
    "alde_ensemble",
    "default_learner",
]

__getattr__ = on_use(__name__)
