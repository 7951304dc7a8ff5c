"""What could be tested."""

from activeloop.candidates.designs import (
    AMINO_ACIDS,
    GAP,
    Candidate,
    Compound,
    Design,
    Guide,
    Mutation,
    Sequence,
    Variant,
    candidate_id,
)
from activeloop.candidates.pool import KINDS, Pool, Sites

__all__ = [
    "AMINO_ACIDS",
    "GAP",
    "KINDS",
    "Candidate",
    "Compound",
    "Design",
    "Guide",
    "Mutation",
    "Pool",
    "Sequence",
    "Sites",
    "Variant",
    "candidate_id",
]
