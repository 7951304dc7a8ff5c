"""What could be tested."""

from activeloop.candidates.alignment import align
from activeloop.candidates.combinatorial import CombinatorialPool
from activeloop.candidates.compounds import CompoundNotation
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
from activeloop.candidates.explicit import ExplicitPool
from activeloop.candidates.letters import GuideNotation, SequenceNotation
from activeloop.candidates.notation import Notation, VariantNotation
from activeloop.candidates.offsets import check_offset, find_offset
from activeloop.candidates.pool import KINDS, Pool
from activeloop.candidates.proteins import check_protein, read_fasta, read_parent
from activeloop.candidates.rules import Rules
from activeloop.candidates.scans import is_scan, mostly_multiple
from activeloop.candidates.sites import Sites
from activeloop.candidates.streamed import StreamedPool
from activeloop.candidates.tables import Number, Table, parse_number, read_table

__all__ = [
    "AMINO_ACIDS",
    "GAP",
    "KINDS",
    "Candidate",
    "CombinatorialPool",
    "Compound",
    "CompoundNotation",
    "Design",
    "ExplicitPool",
    "Guide",
    "GuideNotation",
    "Mutation",
    "Notation",
    "Number",
    "Pool",
    "Rules",
    "Sequence",
    "SequenceNotation",
    "Sites",
    "StreamedPool",
    "Table",
    "Variant",
    "VariantNotation",
    "align",
    "candidate_id",
    "check_offset",
    "check_protein",
    "find_offset",
    "is_scan",
    "mostly_multiple",
    "parse_number",
    "read_fasta",
    "read_parent",
    "read_table",
]
