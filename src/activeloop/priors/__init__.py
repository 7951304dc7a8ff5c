"""What is known of mutations before anything is measured: substitution tables and protein language models."""

from activeloop.priors.blosum import Blosum, blosum62, substitution_costs
from activeloop.priors.plm import PLMPrior
from activeloop.priors.substitutions import SubstitutionPrior, substitution_scores

__all__ = ["Blosum", "PLMPrior", "SubstitutionPrior", "blosum62", "substitution_costs", "substitution_scores"]
