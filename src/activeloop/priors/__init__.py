"""What is known of mutations before anything is measured: substitution tables and protein language models."""

from typing import TYPE_CHECKING

from activeloop._lazy import on_use

if TYPE_CHECKING:
    from activeloop.priors.alignment import read_alignment
    from activeloop.priors.blosum import Blosum, blosum62
    from activeloop.priors.plm import PLMPrior
    from activeloop.priors.profile import Profile
    from activeloop.priors.substitutions import SubstitutionPrior, substitution_scores

__all__ = [
    "Blosum",
    "PLMPrior",
    "Profile",
    "SubstitutionPrior",
    "blosum62",
    "read_alignment",
    "substitution_scores",
]

__getattr__ = on_use(__name__)
