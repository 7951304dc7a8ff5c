"""Candidates: protein variants, sequences without a known parent, compounds, guides, treatments of cells."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
GAP = "-"


@dataclass(frozen=True, order=True)
class Mutation:
    """One change of a parent sequence.

    Args:
        position: counted from 1, in the parent.
        old: the parent's residue there; empty for an insertion (it stands *after* `position`; 0 = before the first).
        new: what stands there now; empty for a deletion, one or more letters for an insertion.

    >>> str(Mutation(24, "A", "G")), str(Mutation(24, "A", "")), str(Mutation(24, "", "GS"))
    ('A24G', 'A24del', '24insGS')
    """

    position: int
    old: str
    new: str

    def __str__(self) -> str:
        return self._text

    @cached_property
    def _text(self) -> str:
        # A library repeats the same few thousand mutations in a million names.
        if not self.old:
            return f"{self.position}ins{self.new}"
        return f"{self.old}{self.position}{self.new or 'del'}"


@dataclass(frozen=True)
class Variant:
    """A protein variant: its parent and the mutations that make it, ordered by position.

    >>> v = Variant("MKTA", (Mutation(2, "K", "R"), Mutation(4, "A", "")))
    >>> v.name, v.sequence
    ('K2R:A4del', 'MRT')
    >>> Variant("MKTA", ()).name
    'WT'
    """

    parent: str
    mutations: tuple[Mutation, ...]

    @property
    def name(self) -> str:
        """The mutations in standard notation, joined by a colon; `WT` when there is none."""
        return ":".join([m._text for m in self.mutations]) or "WT"

    @property
    def sequence(self) -> str:
        """The whole sequence after all mutations."""
        pieces = ["", *self.parent]
        for m in self.mutations:
            if m.old:
                pieces[m.position] = m.new + pieces[m.position][1:]
            else:
                pieces[m.position] += m.new
        return "".join(pieces)


@dataclass(frozen=True)
class Sequence:
    """A whole sequence without a known parent: residues of a combinatorial library, or a genotype such as `0110`."""

    sequence: str

    @property
    def name(self) -> str:
        """The sequence itself."""
        return self.sequence


@dataclass(frozen=True)
class Compound:
    """A compound, by its SMILES as given."""

    smiles: str

    @property
    def name(self) -> str:
        """The SMILES."""
        return self.smiles


#: where the 20 letters that pair with the target begin in guides of each length: with PAM, with flanks too
GUIDE_LENGTHS = {20: 0, 23: 0, 30: 4}


@dataclass(frozen=True)
class Guide:
    """A CRISPR guide: protospacer, with its PAM and flanks if they were given, as DNA."""

    sequence: str

    @property
    def name(self) -> str:
        """The sequence itself."""
        return self.sequence


@dataclass(frozen=True)
class Treatment:
    """Cells under a compound, or under several at once, at a dose.

    Args:
        cells: name of the cell line or sample.
        compounds: names or SMILES; of a combination in alphabetical order, as their order means nothing.
        dose: number and unit; "" where no dose belongs to a candidate, as for an IC50.

    >>> Treatment("A375", ("dabrafenib", "trametinib"), "0.1 uM").name
    'A375 | dabrafenib + trametinib | 0.1 uM'
    """

    cells: str
    compounds: tuple[str, ...]
    dose: str = ""

    @property
    def name(self) -> str:
        """Its parts, joined by a bar; compounds of a combination are joined by a plus between blanks."""
        return " | ".join(filter(None, (self.cells, " + ".join(self.compounds), self.dose)))


@dataclass(frozen=True)
class Part:
    """One part of treatments that is known by its name alone: a cell line, or a compound without a structure."""

    name: str


Design = Variant | Sequence | Compound | Guide | Treatment | Part


@dataclass(frozen=True)
class Candidate:
    """One thing that could be tested; its id is a hash of the design, the same everywhere.

    Args:
        id: the hash.
        design: what it is.
        labels: what else the pool's file says of it, such as catalogue number, supplier and source well: names of the
            columns and cells, in their order.

    >>> Candidate.of(Compound("CCO")).id == Candidate.of(Compound("CCO")).id
    True
    """

    id: str
    design: Design
    labels: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    @classmethod
    def of(cls, design: Design, labels: tuple[tuple[str, str], ...] = ()) -> Candidate:
        """The candidate of a design."""
        parent = design.parent if isinstance(design, Variant) else ""
        return cls(candidate_id(type(design).__name__, parent, design.name), design, labels)

    @property
    def name(self) -> str:
        """The design in standard notation."""
        return self.design.name


def candidate_id(kind: str, parent: str, name: str) -> str:
    """16 hexadecimal digits that depend on the design alone."""
    return hashlib.blake2b(f"{kind}|{parent}|{name}".encode(), digest_size=8).hexdigest()
