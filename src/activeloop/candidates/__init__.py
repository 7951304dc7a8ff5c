"""Candidates and pools: what could be tested."""

from typing import TYPE_CHECKING

from activeloop._lazy import on_use

if TYPE_CHECKING:
    from activeloop.candidates.designs import (
        AMINO_ACIDS,
        GAP,
        Candidate,
        Compound,
        Design,
        Guide,
        Mutation,
        Part,
        Sequence,
        Treatment,
        Variant,
    )
    from activeloop.candidates.growth import GrownPool, ReadList, grown, read_list, rows_asked
    from activeloop.candidates.notation import (
        CompoundNotation,
        GuideNotation,
        Notation,
        SequenceNotation,
        VariantNotation,
    )
    from activeloop.candidates.panel import Panel, panel_files
    from activeloop.candidates.pool import (
        CombinatorialPool,
        ExplicitPool,
        Match,
        PartPool,
        Pool,
        Resolver,
        TreatmentPool,
    )
    from activeloop.candidates.proteins import align, check_offset, check_protein, find_offset, read_fasta, read_parent
    from activeloop.candidates.reading import KINDS, ListReader, candidate_cells, left_out_note, named_column, read_each
    from activeloop.candidates.scans import (
        extended,
        is_scan,
        mostly_multiple,
        position_of_single,
        row_of_parent,
        with_parent,
    )
    from activeloop.candidates.sites import Rules, Sites
    from activeloop.candidates.streamed import StreamedPool
    from activeloop.candidates.treatments import (
        TreatmentNotation,
        dose_name,
        notation_of,
        treatment_columns,
        with_treatments,
    )

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
    "GrownPool",
    "Guide",
    "GuideNotation",
    "ListReader",
    "Match",
    "Mutation",
    "Notation",
    "Panel",
    "Part",
    "PartPool",
    "Pool",
    "ReadList",
    "Resolver",
    "Rules",
    "Sequence",
    "SequenceNotation",
    "Sites",
    "StreamedPool",
    "Treatment",
    "TreatmentNotation",
    "TreatmentPool",
    "Variant",
    "VariantNotation",
    "align",
    "candidate_cells",
    "check_offset",
    "check_protein",
    "dose_name",
    "extended",
    "find_offset",
    "grown",
    "is_scan",
    "left_out_note",
    "mostly_multiple",
    "named_column",
    "notation_of",
    "panel_files",
    "position_of_single",
    "read_each",
    "read_fasta",
    "read_list",
    "read_parent",
    "row_of_parent",
    "rows_asked",
    "treatment_columns",
    "with_parent",
    "with_treatments",
]

__getattr__ = on_use(__name__)
