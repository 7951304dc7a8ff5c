"""Predicts the candidates of a table with an exported student; NumPy and onnxruntime are all it needs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
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
    read_each,
)
from activeloop.errors import ActiveLoopError, InputError
from activeloop.prediction import PredictionTable, write_predictions
from activeloop.students.runtime.reading import UNKNOWN, StudentTokenizer
from activeloop.students.runtime.student import PIECE, Student
from activeloop.tables import read_table


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


def listed(reading: StudentTokenizer, path: str | Path, column: str = "") -> Listed:
    """The candidates of a table.

    Args:
        reading: how the student reads.
        path: of the table: mutations against the student's wild type, whole sequences, guides or SMILES.
        column: the column that names them; guessed when empty.

    Raises:
        InputError: the table or a candidate cannot be read; names file and row.
    """
    notation = notation_of(reading)

    def read(text: str) -> tuple[str, str]:
        name, sequence = read_one(notation, text)
        if reading.positions:
            reading.texts([sequence])
        return name, sequence

    names, sequences = zip(*read_each(read_table(path), reading.kind, column, read), strict=True)
    return Listed(names, reading.texts(sequences))


def notation_of(reading: StudentTokenizer) -> Notation:
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


def predictions(student: Student, candidates: Listed, seed: int = 0, draws: int = 0) -> Iterator[PredictionTable]:
    """What a student says of listed candidates, a bounded number at a time.

    Args:
        student: who predicts.
        candidates: of the kind that it reads.
        seed: of the draws.
        draws: how many joint draws.
    """
    for start in range(0, len(candidates), PIECE):
        here = slice(start, start + PIECE)
        prediction = student.believe(candidates.tokens[here], seed, draws)
        yield PredictionTable.of(prediction, candidates.names[here], student.card.assays, student.card.teacher_version)


def strange_note(candidates: Listed) -> str:
    """A sentence about candidates that the student cannot know; "" when there is none."""
    count = candidates.strange
    if not count:
        return ""
    return (
        f"{count} of {len(candidates)} candidates have letters that the student was never taught: do not rely on them."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print predictions as CSV; returns the exit status.

    Args:
        arguments: those of the command line when None.
    """
    parser = argparse.ArgumentParser(prog="python -m activeloop.students.runtime.edge")
    parser.add_argument("student", help="the exported file, such as student.onnx")
    parser.add_argument("table", help="a table of candidates")
    parser.add_argument("--column", default="", help="the table's column of candidates; guessed when left out")
    asked = parser.parse_args(arguments)
    try:
        student = Student.open(asked.student)
        candidates = listed(student.card.reading, asked.table, asked.column)
        write_predictions(sys.stdout, predictions(student, candidates))
    except ActiveLoopError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 2 if isinstance(error, InputError) else 1
    sys.stderr.write(strange_note(candidates) + "\n" if candidates.strange else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
