"""Predicts the candidates of a table with an exported student; NumPy and onnxruntime are all it needs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from activeloop.candidates import (
    GAP,
    Compound,
    CompoundNotation,
    Design,
    GuideNotation,
    ListReader,
    Notation,
    SequenceNotation,
    Variant,
    VariantNotation,
    read_each,
)
from activeloop.errors import ActiveLoopError, InputError
from activeloop.fidelity import warnings_of
from activeloop.prediction import PredictionTable, write_predictions
from activeloop.students.runtime.student import PIECE, Student
from activeloop.students.runtime.tokenizer import UNKNOWN, StudentTokenizer
from activeloop.tables import read_table


@dataclass(frozen=True)
class EncodedTable:
    """Candidates of a table, encoded for a student.

    Args:
        names: N of them, in standard notation.
        tokens: int32 [N, W].
        note: how many rows were left out and why, "" when none was.
    """

    names: tuple[str, ...]
    tokens: np.ndarray
    note: str = ""

    def __len__(self) -> int:
        return len(self.names)

    @property
    def warning(self) -> str:
        """A sentence about candidates with characters outside the alphabet; "" when there is none."""
        count = int((self.tokens == UNKNOWN).any(1).sum())
        problem = f"{count} of {len(self)} candidates have characters unknown to the student: do not rely on them."
        return problem if count else ""


def encode_table(
    tokenizer: StudentTokenizer,
    path: str | Path,
    column: str = "",
    *,
    offset: int | None = None,
    skip_unreadable: bool = False,
    merge_duplicates: bool = False,
) -> EncodedTable:
    """The candidates of a table.

    Args:
        tokenizer: of the student.
        path: of the table: mutations against the student's wild type, whole sequences, guides or SMILES.
        column: of the candidates; found by name and content when empty.
        offset: added to the positions in the table; see `activeloop.candidates.ListReader`.
        skip_unreadable: leave out rows that cannot be read.
        merge_duplicates: of rows with the same candidate keep the first.

    Raises:
        InputError: the table or a candidate cannot be read; names file and row.
    """
    notation = notation_of(tokenizer)

    def reading(texts: list[str]) -> Callable[[str], tuple[str, str]]:
        reader = ListReader(notation, texts, offset=offset)

        def parse(text: str) -> tuple[str, str]:
            name, sequence = name_and_sequence(reader.design(text))
            if tokenizer.positions:
                tokenizer.encode([sequence])
            return name, sequence

        return parse

    found = read_each(
        read_table(path),
        tokenizer.kind,
        column,
        reading,
        skip_unreadable=skip_unreadable,
        merge_duplicates=merge_duplicates,
    )
    names, sequences = zip(*found, strict=True)
    return EncodedTable(names, tokenizer.encode(sequences), found.note)


def notation_of(tokenizer: StudentTokenizer) -> Notation:
    """How the candidates of a student are written."""
    if tokenizer.kind == "compounds":
        # the student reads characters: structures need not be understood, and loading RDKit takes longer than all else
        return CompoundNotation(structures=False)
    if tokenizer.kind == "guides":
        return GuideNotation()
    if tokenizer.parent:
        return VariantNotation(tokenizer.parent, sites=tokenizer.positions)
    return SequenceNotation(upper=tokenizer.alphabet == tokenizer.alphabet.upper())


def name_and_sequence(design: Design) -> tuple[str, str]:
    """Name and sequence of a candidate.

    >>> name_and_sequence(VariantNotation("MKTA").design("p.Lys2Arg"))
    ('K2R', 'MRTA')
    """
    if isinstance(design, Variant):
        return design.name, design.sequence
    return design.name, design.name if isinstance(design, Compound) else design.name.replace(GAP, "")


def predict_table(student: Student, table: EncodedTable, seed: int = 0, draws: int = 0) -> Iterator[PredictionTable]:
    """Predictions for encoded candidates, a bounded number at a time.

    Args:
        student: of the same tokenizer.
        table: the candidates.
        seed: of the draws.
        draws: how many joint draws.
    """
    card = student.card
    for start in range(0, len(table), PIECE):
        here = slice(start, start + PIECE)
        prediction = student.predict_tokens(table.tokens[here], seed, draws)
        yield PredictionTable.of(prediction, table.names[here], card.assays, card.teacher_version)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print predictions as CSV; returns the exit status.

    Args:
        arguments: those of the command line when None.
    """
    parser = argparse.ArgumentParser(prog="python -m activeloop.students.runtime.edge")
    parser.add_argument("student", help="the exported file, such as student.onnx")
    parser.add_argument("table", help="a table of candidates")
    parser.add_argument(
        "--column", default="", help="the table's column of candidates (default: found by name and content)"
    )
    parser.add_argument("--offset", type=int, help="added to the positions of mutations")
    parser.add_argument("--skip-unreadable", action="store_true", help="leave out rows that cannot be read")
    options = parser.parse_args(arguments)
    try:
        student = Student.open(options.student)
        table = encode_table(
            student.card.tokenizer,
            options.table,
            options.column,
            offset=options.offset,
            skip_unreadable=options.skip_unreadable,
        )
        write_predictions(sys.stdout, predict_table(student, table))
    except ActiveLoopError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 2 if isinstance(error, InputError) else 1
    remarks = (table.note, table.warning, student.card.note, *warnings_of(student.card.fidelity))
    sys.stderr.write("".join(f"{text}\n" for text in remarks if text))
    return 0


if __name__ == "__main__":
    sys.exit(main())
