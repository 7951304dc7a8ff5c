"""From candidates to features: encoders that need no download."""

from activeloop.backbones.base import Backbone, SiteWise
from activeloop.backbones.blosum import Blosum, blosum62, substitution_costs
from activeloop.backbones.joined import Joined
from activeloop.backbones.kmers import Kmers
from activeloop.backbones.morgan import Morgan
from activeloop.backbones.onehot import OneHot
from activeloop.backbones.physicochemical import Physicochemical, letter_table
from activeloop.backbones.substitutions import SubstitutionScore, substitution_scores

__all__ = [
    "Backbone",
    "Blosum",
    "Joined",
    "Kmers",
    "Morgan",
    "OneHot",
    "Physicochemical",
    "SiteWise",
    "SubstitutionScore",
    "blosum62",
    "letter_table",
    "substitution_costs",
    "substitution_scores",
]
