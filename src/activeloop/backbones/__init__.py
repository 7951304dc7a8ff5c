"""From candidates to features: encoders that need no download, and foundation models (whose torch is loaded on use)."""

from activeloop.backbones.ankh import Ankh
from activeloop.backbones.base import Backbone, SiteWise
from activeloop.backbones.blosum import Blosum, blosum62, substitution_costs
from activeloop.backbones.chemberta import ChemBERTa
from activeloop.backbones.esm import ESM2
from activeloop.backbones.esmc import ESMC
from activeloop.backbones.foundation import Foundation
from activeloop.backbones.geneformer import Geneformer
from activeloop.backbones.informed import InformedScore
from activeloop.backbones.joined import Joined
from activeloop.backbones.kmers import Kmers
from activeloop.backbones.morgan import Morgan
from activeloop.backbones.nucleotides import NucleotideTransformer
from activeloop.backbones.onehot import OneHot
from activeloop.backbones.physicochemical import Physicochemical, letter_table
from activeloop.backbones.protbert import ProtBert
from activeloop.backbones.prott5 import ProtT5
from activeloop.backbones.saprot import SaProt
from activeloop.backbones.substitutions import SubstitutionScore, substitution_scores
from activeloop.backbones.zero_shot import ZeroShot, zero_shot_table

__all__ = [
    "ESM2",
    "ESMC",
    "Ankh",
    "Backbone",
    "Blosum",
    "ChemBERTa",
    "Foundation",
    "Geneformer",
    "InformedScore",
    "Joined",
    "Kmers",
    "Morgan",
    "NucleotideTransformer",
    "OneHot",
    "Physicochemical",
    "ProtBert",
    "ProtT5",
    "SaProt",
    "SiteWise",
    "SubstitutionScore",
    "ZeroShot",
    "blosum62",
    "letter_table",
    "substitution_costs",
    "substitution_scores",
    "zero_shot_table",
]
