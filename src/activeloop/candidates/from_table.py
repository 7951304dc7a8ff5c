"""Pools that a spreadsheet lists."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from activeloop.candidates.columns import guess_column, sequence_column
from activeloop.candidates.designs import Design
from activeloop.candidates.explicit import ExplicitPool, duplicates
from activeloop.candidates.notation import (
    CompoundNotation,
    GuideNotation,
    Notation,
    SequenceNotation,
    VariantNotation,
    position_of,
)
from activeloop.candidates.pool import KINDS
from activeloop.candidates.proteins import check_offset, read_parent
from activeloop.errors import ConfigError, InputError, NotationError, PoolError
from activeloop.tables.table import Table, read_table

_DIGITS = re.compile(r"[0-9]{1,6}")
_JOINTS = re.compile(r"[:,;/+&|\s]+")


def pool_from_table(
    table: str | os.PathLike[str] | Table,
    kind: str,
    parent: str | os.PathLike[str] | None,
    column: str | None,
    offset: int,
    *,
    sites: Iterable[int | str],
    sheet: str | None,
    merge_duplicates: bool,
    skip_unreadable: bool,
) -> ExplicitPool:
    """See `Pool.from_table`."""
    if kind not in KINDS:
        raise ConfigError(f'there is no kind of candidates "{kind}". Kinds: {", ".join(KINDS)}.')
    if not isinstance(table, Table):
        table = read_table(table, sheet=sheet)
    column = guess_column(table, kind) if column is None else column
    cells = table.candidates(column)
    notation = _notation(table, column, cells, kind, parent, offset, list(sites))
    if isinstance(notation, VariantNotation) and len(notation.sites) == 2 and all(len(c) == 2 for c in cells):
        a, b = notation.sites  # Among pairs of letters, WT is Trp and Thr.
        cells = [f"{a - offset}W:{b - offset}T" if c.upper() == "WT" else c for c in cells]
    designs, places, refused = _read_all(table, cells, notation)
    if refused and (not skip_unreadable or not designs):
        raise refused[0]
    pairs = duplicates(designs, notation)
    if pairs and not merge_duplicates:
        raise _same_twice(table, cells, [(places[a], places[b]) for a, b in pairs])
    again = {second for _, second in pairs}
    kept = [d for i, d in enumerate(designs) if i not in again] if again else designs
    origin = f'column "{table.find(column)}" of {Path(table.file).name}'
    if refused:
        origin += f" without {len(refused)} row{'s' * (len(refused) > 1)} that cannot be read (first: {refused[0].row})"
    if isinstance(notation, VariantNotation) and notation.offset:
        # From here on positions are those of the parent: two numberings in one pool would make names ambiguous.
        origin += f" (positions {notation.offset:+d})"
        notation = VariantNotation(notation.parent, sites=notation.sites)
    return ExplicitPool(kept, kind=kind, origin=origin, notation=notation)


def _notation(
    table: Table,
    column: str,
    cells: list[str],
    kind: str,
    parent: str | os.PathLike[str] | None,
    offset: int,
    sites: list[int | str],
) -> Notation:
    if kind == "compounds":
        return CompoundNotation()
    if kind == "guides":
        return GuideNotation(_usual_length(cells))
    if parent is not None:
        sequence = read_parent(parent)
        check_offset(cells, sequence, file=table.file, offset=offset)
        return VariantNotation(sequence, offset=offset, sites=[position_of(s, sequence) for s in sites])
    if not any(map(_names_mutations, cells[:50])):
        return _letters_notation(table, column, cells)
    whole = sequence_column(table, column)
    if whole is None:
        raise NotationError(
            f'column "{column}" lists mutations: these need a wild type. Give it or its FASTA file (parent=...).',
            file=table.file,
        )
    return _derived_parent(table, cells, whole, offset)


def _letters_notation(table: Table, column: str, cells: list[str]) -> SequenceNotation:
    """Strings without a parent must have one length."""
    length = _usual_length(cells)
    odd = next((i for i, c in enumerate(cells) if len(c) != length), None)
    text = "".join(cells)
    if odd is None:
        return SequenceNotation(length, upper=text.upper() == text or text.lower() == text)
    if text.isdigit():
        fix = "Excel drops leading zeros: set the format of the column to Text and enter the genotypes again."
    else:
        fix = "Give the wild type (parent=...) if these are insertions or deletions, else correct the row."
    raise table.error(
        f'"{cells[odd]}" has {len(cells[odd])} letters where others in "{column}" have {length}. {fix}', odd
    )


def _derived_parent(table: Table, cells: list[str], whole: str, offset: int) -> VariantNotation:
    """The wild type from a row that gives both its mutations and its whole sequence; all other rows must agree."""
    sequences = table.candidates(whole)
    parent = None
    for cell, sequence in zip(cells, sequences, strict=True):
        parent = _undone(cell, sequence.upper(), offset)
        if parent is not None:
            break
    if parent is None:
        shift = _shift(cells, sequences)
        fix = "Give it (parent=...)" if shift is None else f"They fit with offset={shift:+d}: give that"
        problem = f'the wild type cannot be derived: no sequence in column "{whole}" fits its mutations. {fix}.'
        raise NotationError(problem, file=table.file)
    notation = VariantNotation(parent, offset=offset)
    for i, (cell, sequence) in enumerate(zip(cells, sequences, strict=True)):
        try:
            agrees = notation.design(cell).sequence == sequence.upper()
        except InputError:
            continue  # Reported when the candidates are read.
        if not agrees:
            raise table.error(f'"{cell}" does not give the sequence in column "{whole}". Correct one of the two.', i)
    return notation


def _undone(cell: str, sequence: str, offset: int) -> str | None:
    """The sequence with its substitutions taken back, or None when they do not fit or are of another sort."""
    letters = list(sequence)
    for token in _JOINTS.split(cell.upper()):
        if len(token) < 3 or not _DIGITS.fullmatch(token[1:-1]):
            return None
        position = int(token[1:-1]) + offset
        if not 1 <= position <= len(letters) or letters[position - 1] != token[-1]:
            return None
        letters[position - 1] = token[0]
    return "".join(letters)


def _shift(cells: list[str], sequences: list[str]) -> int | None:
    """The one offset with which the new residue of each single mutant stands in its sequence, or None."""
    possible: set[int] | None = None
    for cell, sequence in zip(cells, sequences, strict=True):
        if _DIGITS.fullmatch(cell[1:-1]):
            here = {i - int(cell[1:-1]) for i, letter in enumerate(sequence.upper(), 1) if letter == cell[-1].upper()}
            possible = here if possible is None else possible & here
            if len(possible) < 2:
                break
    return possible.pop() if possible and len(possible) == 1 else None


def _read_all(
    table: Table, cells: list[str], notation: Notation
) -> tuple[list[Design], list[int], list[NotationError]]:
    """The designs, the data row of each, and an error for each row that cannot be read."""
    designs: list[Design] = []
    places: list[int] = []
    refused: list[NotationError] = []
    for i, cell in enumerate(cells):
        try:
            designs.append(notation.design(cell))
            places.append(i)
        except InputError as error:
            refused.append(NotationError(error.problem, file=table.file, row=table.row_numbers[i]))
    return designs, places, refused


def _same_twice(table: Table, cells: list[str], pairs: list[tuple[int, int]]) -> PoolError:
    first, second = pairs[0]
    same = f'"{cells[second]}"' if cells[first] == cells[second] else f'"{cells[first]}" and "{cells[second]}"'
    more = f" ({len(pairs)} such rows)" if len(pairs) > 1 else ""
    problem = (
        f"the same candidate as in row {table.row_numbers[first]}: {same}{more}. Delete one, or merge them "
        "(merge_duplicates=True)."
    )
    return PoolError(problem, file=table.file, row=table.row_numbers[second])


def _usual_length(cells: list[str]) -> int:
    return Counter(map(len, cells)).most_common(1)[0][0]


def _names_mutations(cell: str) -> bool:
    letters = sum(c.isalpha() for c in cell)
    return 0 < letters < len(cell) and any(c.isdigit() for c in cell)
