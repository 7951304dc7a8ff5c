"""What is known of mutations before anything is measured: substitution tables and protein language models."""

from activeloop.priors.blosum import Blosum, blosum62, substitution_costs
from activeloop.priors.plm import InformedScore
from activeloop.priors.substitutions import SubstitutionScore, substitution_scores

__all__ = ["Blosum", "InformedScore", "SubstitutionScore", "blosum62", "substitution_costs", "substitution_scores"]
