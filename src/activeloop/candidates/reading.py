"""Candidates in tables and FASTA files: their column, their notation, and the candidate of each row."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from activeloop.candidates.designs import Design
from activeloop.candidates.notation import (
    CompoundNotation,
    GuideNotation,
    Notation,
    SequenceNotation,
    VariantNotation,
    position_of,
)
from activeloop.candidates.proteins import check_offset, check_protein, read_fasta, read_parent
from activeloop.errors import ConfigError, InputError, NotationError, PoolError
from activeloop.tables import Table, read_table
from activeloop.tables.names import SEQUENCES, candidate_names

KINDS = ("variants", "compounds", "guides")
T = TypeVar("T")


@dataclass(frozen=True)
class CandidateList:
    """The candidates of a file, each once.

    Args:
        designs: in the order of the file.
        keys: `notation.key` of each.
        notation: how they are written.
        origin: where they come from, in one sentence.
    """

    designs: list[Design]
    keys: list[str]
    notation: Notation
    origin: str

    @classmethod
    def of(
        cls, designs: list[Design], keys: list[str], pairs: list[tuple[int, int]], notation: Notation, origin: str
    ) -> CandidateList:
        """The first of each candidate, where pairs are duplicates."""
        again = {second for _, second in pairs}
        first = [i for i in range(len(keys)) if i not in again]
        return cls([designs[i] for i in first], [keys[i] for i in first], notation, origin)


def read_candidates(
    table: str | os.PathLike[str] | Table,
    kind: str,
    parent: str | os.PathLike[str] | None = None,
    column: str | None = None,
    offset: int = 0,
    *,
    sites: Iterable[int | str] = (),
    sheet: str | None = None,
    merge_duplicates: bool = False,
    skip_unreadable: bool = False,
) -> CandidateList:
    """The candidates of a spreadsheet; arguments and errors as in `Pool.from_table`."""
    if kind not in KINDS:
        raise ConfigError(f'there is no kind of candidates "{kind}". Kinds: {", ".join(KINDS)}.')
    if not isinstance(table, Table):
        table = read_table(table, sheet=sheet)
    column = column or candidate_column(table, kind)
    cells = table.candidates(column)
    notation = _notation(table, column, cells, kind, parent, offset, list(sites))
    if isinstance(notation, VariantNotation) and len(notation.sites) == 2 and all(len(c) == 2 for c in cells):
        a, b = notation.sites  # Among pairs of letters, WT is Trp and Thr.
        cells = [f"{a - offset}W:{b - offset}T" if c.upper() == "WT" else c for c in cells]
    designs: list[Design] = []
    places: list[int] = []
    refused: list[NotationError] = []
    for i, cell in enumerate(cells):
        try:
            designs.append(notation.design(cell))
            places.append(i)
        except InputError as error:
            refused.append(NotationError(error.problem, file=table.file, row=table.row_numbers[i]))
    if refused and (not skip_unreadable or not designs):
        raise refused[0]
    keys = notation.keys(designs)
    pairs = duplicates(keys)
    if pairs and not merge_duplicates:
        raise _same_twice(table, cells, [(places[a], places[b]) for a, b in pairs])
    origin = f'column "{table.find(column)}" of {Path(table.file).name}'
    if refused:
        origin += f" without {len(refused)} row{'s' * (len(refused) > 1)} that cannot be read (first: {refused[0].row})"
    if isinstance(notation, VariantNotation) and notation.offset:
        # From here on positions are those of the parent: two numberings in one pool would make names ambiguous.
        origin += f" (positions {notation.offset:+d})"
        notation = VariantNotation(notation.parent, sites=notation.sites)
    return CandidateList.of(designs, keys, pairs, notation, origin)


def read_fasta_candidates(
    path: str | os.PathLike[str], parent: str | os.PathLike[str] | None, *, merge_duplicates: bool
) -> CandidateList:
    """The sequences of a FASTA file; arguments and errors as in `Pool.from_fasta`."""
    file, records = os.fspath(path), read_fasta(path)
    notation = _fasta_notation(records, parent, file)
    designs = []
    for name, sequence in records.items():
        try:
            if parent is None:
                check_protein(sequence, "it")
            designs.append(notation.design(sequence))
        except InputError as error:
            raise NotationError(f'record "{name}": {error.problem}', file=file) from None
    keys = notation.keys(designs)
    pairs = duplicates(keys)
    if pairs and not merge_duplicates:
        names = list(records)
        problem = f'records "{names[pairs[0][0]]}" and "{names[pairs[0][1]]}" are the same sequence. Keep one of them.'
        raise PoolError(problem, file=file)
    return CandidateList.of(designs, keys, pairs, notation, f"the sequences of {Path(file).name}")


def read_each(table: Table, kind: str, column: str | None, read: Callable[[str], T]) -> list[T]:
    """The result of a function for each candidate of a table.

    Args:
        table: the table.
        kind: one of `KINDS`.
        column: the column that names the candidates; found when None or empty.
        read: from the text of a cell to a candidate.

    Raises:
        NotationError: what `read` raises, with file and row.
    """
    found = []
    for row, text in zip(table.row_numbers, table.candidates(column or candidate_column(table, kind)), strict=True):
        try:
            found.append(read(text))
        except InputError as error:
            raise NotationError(error.problem, file=table.file, row=row) from None
    return found


def duplicates(keys: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of indices of the same candidate: its first place, and each later one."""
    first: dict[str, int] = {}
    places = ((first.setdefault(key, i), i) for i, key in enumerate(keys))
    return [(earlier, i) for earlier, i in places if earlier != i]


def _same_twice(table: Table, cells: list[str], pairs: list[tuple[int, int]]) -> PoolError:
    first, second = pairs[0]
    same = f'"{cells[second]}"' if cells[first] == cells[second] else f'"{cells[first]}" and "{cells[second]}"'
    more = f" ({len(pairs)} such rows)" if len(pairs) > 1 else ""
    problem = (
        f"the same candidate as in row {table.row_numbers[first]}: {same}{more}. Delete one, or merge them "
        "(merge_duplicates=True)."
    )
    return PoolError(problem, file=table.file, row=table.row_numbers[second])


# Which column names the candidates.

_CONTENT = {
    "variants": re.compile(
        r"_?WT|_?wt|wild[- _]?type|(?:p\.)?[(\[]?(?:[A-Z]{3}|[A-Z])?\d+[A-Z*=-].*|[A-Z-]{2,}\*?|[01]{2,}",
        re.IGNORECASE,
    ),
    "compounds": re.compile(r"[A-Za-z0-9@+\-\[\]()=#$%/\\.:*~]+"),
    "guides": re.compile(r"[ACGTUN]{15,}", re.IGNORECASE),
}


def candidate_column(table: Table, kind: str) -> str:
    """The column that names the candidates: one with a common name and fitting cells, else the only one that fits.

    Args:
        table: the table.
        kind: one of `KINDS`.

    Raises:
        TableError: no column, or several, could be meant.

    >>> candidate_column(Table("a.csv", ("guide", "seq"), (["CD5-1"], ["GACGTTACGATCGATCGACA"]), (2,), ""), "guides")
    'seq'
    """
    named = table.named(candidate_names(kind))
    for name in named:
        if _looks_right(table, name, kind):
            return name
    if named:
        return named[0]  # Its content will be refused with the row and the reason.
    others = [name for name in table.header if kind != "compounds" and _looks_right(table, name, kind)]
    if len(others) == 1:
        return others[0]
    listed = ", ".join(others or table.header)
    raise table.error(f"which column names the {kind}? Name it (--column), one of: {listed}.")


def _looks_right(table: Table, name: str, kind: str) -> bool:
    cells = [c for c in table.columns[table.header.index(name)][:50] if c]
    return bool(cells) and sum(bool(_CONTENT[kind].fullmatch(c)) for c in cells) >= 0.8 * len(cells)


def _sequence_column(table: Table, besides: str) -> str | None:
    """The column of whole sequences beside one of mutations, or None."""
    for found in table.named(SEQUENCES):
        if found != table.find(besides):
            cells = table.columns[table.header.index(found)]
            if all(c.rstrip("*").isalpha() and len(c) > 10 for c in cells[:20]):
                return found
    return None


# In which notation they are written.

_DIGITS = re.compile(r"[0-9]{1,6}")
_JOINTS = re.compile(r"[:,;/+&|\s]+")


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
        return GuideNotation(_most_common_length(cells))
    if parent is not None:
        sequence = read_parent(parent)
        check_offset(cells, sequence, file=table.file, offset=offset)
        return VariantNotation(sequence, offset=offset, sites=[position_of(s, sequence) for s in sites])
    if not any(map(_names_mutations, cells[:50])):
        return _letters_notation(table, column, cells)
    whole = _sequence_column(table, column)
    if whole is None:
        raise NotationError(
            f'column "{column}" lists mutations: these need a wild type. Give it or its FASTA file (parent=...).',
            file=table.file,
        )
    return _derived_parent(table, cells, whole, offset)


def _fasta_notation(records: dict[str, str], parent: str | os.PathLike[str] | None, file: str) -> Notation:
    if parent is not None:
        return VariantNotation(read_parent(parent))
    lengths = sorted({len(s) for s in records.values()})
    if len(lengths) > 1:
        problem = (
            f"the sequences have different lengths ({lengths[0]} to {lengths[-1]}). Give the wild type (parent=...)."
        )
        raise PoolError(problem, file=file)
    return SequenceNotation(lengths[0])


def _names_mutations(cell: str) -> bool:
    letters = sum(c.isalpha() for c in cell)
    return 0 < letters < len(cell) and any(c.isdigit() for c in cell)


def _most_common_length(cells: list[str]) -> int:
    return Counter(map(len, cells)).most_common(1)[0][0]


def _letters_notation(table: Table, column: str, cells: list[str]) -> SequenceNotation:
    """Strings without a parent must have one length."""
    length = _most_common_length(cells)
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
    undone = (_undone(cell, sequence.upper(), offset) for cell, sequence in zip(cells, sequences, strict=True))
    parent = next((found for found in undone if found is not None), None)
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
