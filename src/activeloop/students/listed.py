"""The candidates of a table, read for a student: no pool is needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from activeloop.candidates import (
    GAP,
    CompoundNotation,
    GuideNotation,
    Notation,
    SequenceNotation,
    Variant,
    VariantNotation,
    read_table,
)
from activeloop.candidates.columns import guess_column
from activeloop.errors import InputError, NotationError
from activeloop.students.reading import UNKNOWN, Reading


@dataclass(frozen=True)
class Listed:
    """Candidates as a student reads them.

    Args:
        names: N of them, in standard notation.
        tokens: int32 [N, W].
    """

    names: tuple[str, ...]
    tokens: np.ndarray

    def __len__(self) -> int:
        return len(self.names)

    @property
    def strange(self) -> int:
        """How many of them have letters that the student was never taught."""
        return int((self.tokens == UNKNOWN).any(1).sum())


def listed(reading: Reading, path: str | Path, column: str = "") -> Listed:
    """The candidates of a table.

    Args:
        reading: how the student reads.
        path: of the table: mutations against the student's wild type, whole sequences, guides or SMILES.
        column: the column that names them; guessed when empty.

    Raises:
        InputError: the table or a candidate cannot be read; names file and row.
    """
    table = read_table(path)
    written = table.candidates(column or guess_column(table, reading.kind))
    notation = notation_of(reading)
    names, sequences = [], []
    for row, text in zip(table.row_numbers, written, strict=True):
        try:
            name, sequence = read_one(notation, text)
            if reading.positions:
                reading.texts([sequence])
        except InputError as error:
            raise NotationError(error.problem, file=table.file, row=row) from None
        names.append(name)
        sequences.append(sequence)
    return Listed(tuple(names), reading.texts(sequences))


def notation_of(reading: Reading) -> Notation:
    """How the candidates of a student are written."""
    if reading.kind == "compounds":
        # the student reads characters: structures need not be understood, and loading RDKit takes longer than all else
        return CompoundNotation(structures=False)
    if reading.kind == "guides":
        return GuideNotation()
    if reading.parent:
        return VariantNotation(reading.parent, sites=reading.positions)
    return SequenceNotation(upper=reading.letters == reading.letters.upper())


def read_one(notation: Notation, text: str) -> tuple[str, str]:
    """Name and sequence of a candidate.

    Args:
        notation: how it is written.
        text: as it was written.

    Raises:
        NotationError: it cannot be understood.

    >>> read_one(VariantNotation("MKTA"), "p.Lys2Arg")
    ('K2R', 'MRTA')
    """
    design = notation.design(text)
    if isinstance(design, Variant):
        return design.name, design.sequence
    return design.name, design.name if isinstance(notation, CompoundNotation) else design.name.replace(GAP, "")
