"""Candidates in tables, FASTA files and lists of names: their column, their notation, and the candidate of each."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np

from activeloop.candidates.designs import AMINO_ACIDS, Design
from activeloop.candidates.labels import LabelTable, counts_rows
from activeloop.candidates.notation import (
    WILD_TYPE,
    CompoundNotation,
    GuideNotation,
    NamedDesigns,
    Notation,
    SequenceNotation,
    VariantNotation,
    plain_name,
    position_of,
)
from activeloop.candidates.proteins import (
    all_old_residues,
    check_offset,
    check_protein,
    fitting_offset,
    old_residues,
    read_fasta,
    read_parent,
    refuse_offset,
)
from activeloop.candidates.treatments import notation_of, with_treatments
from activeloop.errors import ConfigError, InputError, NotationError, PoolError, check_type
from activeloop.tables import Table, as_table
from activeloop.tables.names import CLASSES, LABELS, SEQUENCES, candidate_names
from activeloop.words import many

KINDS = ("variants", "compounds", "guides", "treatments")
#: rows after which the progress of reading is told
REPORTED = 5_000
T = TypeVar("T")


@dataclass(frozen=True)
class CandidateList:
    """The candidates of a file, each once.

    Args:
        designs: in the order of the file.
        keys: `notation.quick_key` of each.
        notation: how they are written.
        origin: where they come from, in one sentence.
        names: other names in the file, such as a catalogue number, and the place in `designs` of what each stands for.
        offset: of the positions as the file has them; None when it was neither given nor needed.
        places: int64, of each row of the file: the place of its candidate in `designs`, -1 where it was left out.
        left_out: the error of each row that was left out.
        labels: what else the file says of each design.
    """

    designs: NamedDesigns
    keys: list[str]
    notation: Notation
    origin: str
    names: tuple[tuple[str, int], ...] = ()
    offset: int | None = None
    places: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    left_out: tuple[NotationError, ...] = ()
    labels: LabelTable = field(default_factory=LabelTable)


class ListReader:
    """Reads the candidates of one list: all of them in the same numbering, `WT` in the same meaning.

    Args:
        notation: how they are written.
        texts: the whole list.
        offset: what is added to each position of this list to get that in the wild type; None when it was not given.
        numbering: the offset that people use for these candidates, as stated when they were first listed; None when it
            was not. Names may then also have the positions of the wild type, as our own lists have.
        possible: whether a design can be meant at all, where two readings of `WT` are.

    Raises:
        NotationError: the list can be read in two ways: two numberings fit, no name of it has an old residue by which
            its numbering could be checked, or `WT` could be Trp and Thr at two sites.

    >>> notation = VariantNotation("MKTAYIAKQR", sites=(2, 3))
    >>> [ListReader(notation, names).design("WT").name for names in (["WT", "KA"], ["WT", "K2R"])]
    ['K2W', 'WT']
    >>> ListReader(notation, ["1R", "3G"], numbering=1).design("1R").name
    'K2R'
    >>> ListReader(notation, ["2R", "4G"])
    Traceback (most recent call last):
    activeloop.errors.NotationError: "2R" names no old residue, so nothing shows whether position 2 is counted as in ...
    """

    def __init__(
        self,
        notation: Notation,
        texts: Iterable[str],
        *,
        offset: int | None = None,
        numbering: int | None = None,
        possible: Callable[[Design], bool] = lambda _: True,
    ):
        self._notation, self._as_letters = notation, False
        self.offset = 0
        if not isinstance(notation, VariantNotation):
            return
        cleaned = [cleaned_name(text) for text in texts]
        _one_chain(cleaned)
        plain = [text for text, _ in cleaned]
        self.offset = _offset_of(notation, plain, offset, numbering)
        if self.offset:
            self._notation = VariantNotation(notation.parent, offset=self.offset, sites=notation.sites)
        self._as_letters = _wild_type_is_letters(notation, plain, possible)

    def design(self, text: str) -> Design:
        """The design a text of the list stands for; raises NotationError with the reason when there is none."""
        if not isinstance(self._notation, VariantNotation):
            return self._notation.design(text)
        plain, _ = cleaned_name(text)
        if self._as_letters and _spells_wild_type(plain, len(self._notation.sites)):
            return self._notation.at_sites(plain)
        return self._notation.design(plain)


_SIGNS = str.maketrans({"\u2212": "-", "\u2010": "-", "\u2011": "-", "\u2013": "-", "\u2206": "Δ", "→": None})
_MUTATED = r"(?:p\.)?[\[(]?(?:[A-Z]{3}|[A-Z])\d+[A-Z=*_-]"
_CHAIN = re.compile(rf"(?<![A-Z0-9=*])(?!p\.)(?:chain\s*)?([A-Z])[:._]\s*(?={_MUTATED})", re.IGNORECASE)
_CHAIN_INSIDE = re.compile(r"(?<![A-Z0-9])([ACDEFGHIKLMNPQRSTVWY])([A-Z])(?=\d+[ACDEFGHIKLMNPQRSTVWY](?![A-Z0-9]))")
_PLAIN = re.compile(r"(?:[A-Z][0-9]+[A-Z](?::|$))+")
#: at the beginning, and no mutation itself
_REFERENCE = re.compile(rf"^(?!p\.)(?!{_MUTATED}[A-Z0-9]*:)(?!\d+[A-Z*=-])([A-Z0-9_.\-]+):(?=p\.)", re.IGNORECASE)

#: signs that turn the direction of what follows, so that a name is shown otherwise than it is read
_TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def cleaned_name(text: str) -> tuple[str, frozenset[str]]:
    """A variant's name in plain signs without the chain or the reference sequence before it, and those.

    >>> cleaned_name("A:K2R,A:T3S"), cleaned_name("P12345:p.Lys2Arg"), cleaned_name("KA2R")
    (('K2R,T3S', frozenset({'A'})), ('p.Lys2Arg', frozenset({'P12345'})), ('K2R', frozenset({'A'})))
    """
    if _PLAIN.fullmatch(text):
        return text, frozenset()
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_SIGNS)
        text = "".join(c for c in text if unicodedata.category(c) != "Cf" or c in _TURNING)
    text = text.strip()
    if not any(c.isdigit() for c in text):
        return text, frozenset()
    found: set[str] = set()
    for pattern in (_REFERENCE, _CHAIN):
        found |= {match[1].upper() for match in pattern.finditer(text)}
        text = pattern.sub("", text)
    if text.isupper() and _CHAIN_INSIDE.search(text):
        found |= {match[2] for match in _CHAIN_INSIDE.finditer(text)}
        text = _CHAIN_INSIDE.sub(r"\1", text)
    return text, frozenset(found)


def _one_chain(cleaned: Iterable[tuple[str, frozenset[str]]]) -> None:
    chains = sorted({chain for _, found in cleaned for chain in found})
    if len(chains) > 1:
        raise NotationError(
            f"the names are of several chains or sequences ({', '.join(chains[:4])}), and there is one wild type. Keep "
            "those of one."
        )


_BARE = re.compile(
    r"(?:p\.)?[\[(]*(?:Δ|DEL)?([0-9]{1,6})(?:_[0-9]{1,6})?(?:[A-Z*=-]|[A-Z]{3}|DELINS[A-Z]+)[\])]*", re.IGNORECASE
)
_BARE_INSERTION = re.compile(r"([0-9]{1,6})(?:_[0-9]{1,6})?INS[A-Z]+", re.IGNORECASE)


def _bare(text: str) -> int | None:
    """The first position of a name that stands without its old residue; None when there is none."""
    found = (_BARE.fullmatch(token) for token in _JOINTS.split(text.strip()))
    return next(
        (int(match[1]) for match in found if match and "INS" not in match[0].upper().replace("DELINS", "")), None
    )


def _offset_of(notation: VariantNotation, texts: list[str], given: int | None, numbering: int | None) -> int:
    """The offset of a list: the one given, else the one that the old residues show, else the one stated before."""
    if given is not None:
        return given
    texts = [text for text in texts if _DIGIT.search(text)]
    named = all_old_residues(texts)
    options = list(dict.fromkeys((0, numbering or 0)))
    refuse_offset(fitting_offset(named, notation.parent), options)
    different = {site for sites in named for site in sites}
    wrong = {o: {site for site in different if not _fits(notation.parent, (site,), o)} for o in options}
    fitting = {o: sum(map(wrong[o].isdisjoint, named)) for o in options}
    if 2 * max(fitting.values()) < len(named) or not named:
        return _unchecked_offset(notation, texts, numbering)
    if len(options) > 1 and fitting[options[0]] == fitting[options[1]]:
        raise NotationError(_two_numberings(notation, texts, options[1]))
    return max(options, key=lambda o: fitting[o])


def _unchecked_offset(notation: VariantNotation, texts: list[str], numbering: int | None) -> int:
    """The offset of names without old residues."""
    bare = next((text for text in texts if _bare(text)), None)
    if bare is not None and numbering is None:
        position = _bare(bare) or 0
        here = notation.parent[position - 1] if 1 <= position <= len(notation.parent) else "no residue"
        raise NotationError(
            f'"{bare}" names no old residue, so nothing shows whether position {position} is counted as in the wild '
            f"type ({here} there). If it is, give offset=0, else what must be added to each position; or write the old "
            "residues."
        )
    if bare is None and numbering and any(map(_BARE_INSERTION.fullmatch, texts)):
        raise NotationError(_two_numberings(notation, texts, numbering))
    return numbering or 0


def _fits(parent: str, sites: Iterable[tuple[int, str]], offset: int) -> bool:
    return all(0 < p + offset <= len(parent) and parent[p + offset - 1] == old for p, old in sites)


def _two_numberings(notation: VariantNotation, texts: list[str], numbering: int) -> str:
    """The message where the numbering of the wild type and the one that was stated are equally likely."""

    def read(text: str, offset: int) -> str:
        try:
            return VariantNotation(notation.parent, offset=offset).design(text).name
        except NotationError:
            return ""

    named = [t for t in texts if old_residues(t) or _BARE_INSERTION.fullmatch(t)]
    both = next((t for t in named if read(t, 0) and read(t, numbering)), None)
    if both is not None:
        return (
            f'"{both}" is {read(both, 0)} in the numbering of the wild type (offset=0) and {read(both, numbering)} in '
            f"that of the campaign (offset={numbering}). Say which is meant."
        )
    ours, theirs = (next((t for t in named if read(t, o)), named[0]) for o in (0, numbering))
    return (
        f'"{ours}" is in the numbering of the wild type (offset=0) and "{theirs}" in that of the campaign '
        f"(offset={numbering}). Write all in one of them."
    )


def _spells_wild_type(text: str, sites: int) -> bool:
    """Whether a name of the wild type is also one letter for each of the sites."""
    name = plain_name(text)
    return name in WILD_TYPE and len(name) == sites and set(name) <= set(AMINO_ACIDS)


def _wild_type_is_letters(notation: VariantNotation, texts: list[str], possible: Callable[[Design], bool]) -> bool:
    """Whether `WT` means Trp and Thr at two sites (or `PARENT` six residues): so it is among letters at the sites."""
    sites = len(notation.sites)
    meant = next((text for text in texts if _spells_wild_type(text, sites)), None) if sites else None
    if meant is None:
        return False
    others = [text for text in texts if text and not _spells_wild_type(text, sites)]
    letters = any(text.isalpha() and len(text) == sites for text in others)
    mutations = any(any(c.isdigit() for c in text) for text in others)
    if letters != mutations:
        return letters
    there = notation.at_sites(meant)
    if there.name == "WT" or (not letters and not possible(there)):  # the residues of the wild type are just that
        return False
    raise NotationError(
        f'"{meant}" can be the wild type or the residues at the {sites} sites ({there.name}). Write wild_type or '
        f"{there.name}."
    )


def read_candidates(
    table: Any,
    kind: str,
    parent: str | os.PathLike[str] | None = None,
    column: str | None = None,
    offset: int | None = None,
    *,
    sites: Iterable[int | str] = (),
    sheet: str | None = None,
    merge_duplicates: bool = False,
    skip_unreadable: bool | None = False,
    structures: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> CandidateList:
    """The candidates of a spreadsheet; arguments and errors as in `Pool.from_table`.

    Where `skip_unreadable` is None, rows that cannot be read are refused without the advice to leave them out.
    """
    offered, skip_unreadable = skip_unreadable is not None, bool(skip_unreadable)
    check_type(kind, str, "a kind of candidates", f"one of {', '.join(KINDS)}")
    if kind not in KINDS:
        raise ConfigError(f'there is no kind of candidates "{kind}". Kinds: {", ".join(KINDS)}.')
    table = as_table(table, sheet=sheet)
    if kind == "treatments" and not column:
        table = with_treatments(table)
    column = column or candidate_column(table, kind)
    cells = candidate_cells(table, column, kind, skip_empty=skip_unreadable)
    filled = [cell for cell in cells if cell]
    notation = _notation(table, column, filled, kind, parent, offset, list(sites), structures, skip_unreadable)
    try:
        reader = ListReader(notation, filled, offset=offset)
    except NotationError as error:
        raise NotationError(error.problem, file=table.file) from None
    designs: list[Design] = []
    keys: list[str] = []
    places: list[int] = []
    refused: list[NotationError] = []
    for i, cell in enumerate(cells):
        if progress and i and i % REPORTED == 0:
            progress(i, len(cells))
        try:
            if not cell:
                raise NotationError("the candidate is empty.")
            design = reader.design(cell)
            keys.append(notation.quick_key(design))  # at once: of a structure, it is still known
            designs.append(design)
            places.append(i)
        except InputError as error:
            refused.append(NotationError(error.problem, file=table.file, row=table.row_numbers[i]))
    if refused and (not skip_unreadable or not designs):
        raise _or_skip(refused[0], offered and bool(designs))
    pairs = duplicates(notation, designs, keys)
    if pairs and not merge_duplicates:
        raise _same_twice(table, cells, [(places[a], places[b]) for a, b in pairs])
    origin = f'column "{table.find(column)}" of {Path(table.file).name}'
    if refused:
        origin += f" without {many(len(refused), 'row')} that cannot be read (first: row {refused[0].row})"
    if pairs:
        origin += f"; {many(len(pairs), 'row')} with a candidate that stands further up merged"
    if reader.offset:
        # From here on positions are those of the parent: two numberings in one pool would make names ambiguous.
        origin += f" (positions {reader.offset:+d})"
    columns = name_columns(table, column)
    names = [(name, k) for k, i in enumerate(places) for cells in columns if (name := cells[i])]
    read = np.full(len(table), -1)
    read[places] = range(len(places))
    own = table.find(column)
    others = {name: cells for name, cells in zip(table.header, table.columns, strict=True) if name != own}
    labels = {name: [cells[i] for i in places] for name, cells in others.items()}
    return _each_once(designs, keys, pairs, notation, origin, names, offset, read, refused, labels)


def _or_skip(error: NotationError, others: bool) -> NotationError:
    """A refusal of one row, with a way to read the others."""
    if not others:
        return error
    fix = f"{error.problem} Or leave such rows out (skip_unreadable=True)."
    return NotationError(fix, file=error.file, row=error.row)


def _each_once(
    designs: list[Design],
    keys: list[str],
    pairs: list[tuple[int, int]],
    notation: Notation,
    origin: str,
    names: Iterable[tuple[str, int]],
    offset: int | None = None,
    rows: np.ndarray | None = None,
    left_out: Iterable[NotationError] = (),
    labels: Mapping[str, Sequence[str]] | None = None,
) -> CandidateList:
    """The first of each candidate, where pairs are duplicates; their names and rows stand for the first."""
    standard = [design.name for design in designs]
    if not isinstance(notation, CompoundNotation):  # equal texts are one text in memory
        keys = [name if name == key else key for name, key in zip(standard, keys, strict=True)]
    rows, cells = np.arange(len(designs)) if rows is None else rows, dict(labels or {})
    if pairs:
        first_of = np.arange(len(designs))
        for first, second in pairs:
            first_of[second] = first
        kept = np.flatnonzero(first_of == np.arange(len(designs))).tolist()
        place = np.searchsorted(kept, first_of)
        standard, keys = [standard[i] for i in kept], [keys[i] for i in kept]
        names = [(name, int(place[i])) for name, i in names]
        rows = np.where(rows < 0, -1, place[rows])
        cells = {name: [column[i] for i in kept] for name, column in cells.items()}
    own, once = LabelTable.of(cells), NamedDesigns(standard, notation)
    found = tuple(dict.fromkeys(names))
    return CandidateList(once, keys, notation, origin, found, offset, rows, tuple(left_out), own)


def read_fasta_candidates(
    path: str | os.PathLike[str],
    parent: str | os.PathLike[str] | None,
    *,
    merge_duplicates: bool,
    skip_unreadable: bool = False,
) -> CandidateList:
    """The sequences of a FASTA file; arguments and errors as in `Pool.from_fasta`."""
    file, records = os.fspath(path), read_fasta(path)
    notation = _fasta_notation(records, parent, file)
    designs: list[Design] = []
    names: list[str] = []
    refused: list[tuple[str, NotationError]] = []
    for name, sequence in records.items():
        try:
            if parent is None:
                check_protein(sequence, "it")
            designs.append(notation.design(sequence))
            names.append(name)
        except InputError as error:
            refused.append((name, NotationError(f'record "{name}": {error.problem}', file=file)))
    if refused and (not skip_unreadable or not designs):
        raise _or_skip(refused[0][1], bool(designs))
    keys = list(map(notation.quick_key, designs))
    pairs = duplicates(notation, designs, keys)
    if pairs and not merge_duplicates:
        first, second = pairs[0]
        problem = f'records "{names[first]}" and "{names[second]}" are the same sequence. {KEEP_ONE}'
        raise PoolError(problem, file=file)
    origin = f"the sequences of {Path(file).name}"
    if refused:
        origin += f" without {len(refused)} that cannot be read (first: {refused[0][0]})"
    if pairs:
        origin += f"; {len(pairs)} that stand further up merged"
    # `sp|P12345|GB1_STRSG` is also known by its parts.
    parts = [(part, i) for i, name in enumerate(names) for part in dict.fromkeys((name, *name.split("|"))) if part]
    return _each_once(designs, keys, pairs, notation, origin, parts, labels={"name": names})


@dataclass(frozen=True)
class EachRow(Sequence[T]):
    """What was read from the rows of a table.

    Args:
        found: of each row that could be read.
        rows: their numbers, as a spreadsheet counts them.
        left_out: the error of each row that could not be read.
        merged: rows that were left out because one further up holds the same.
    """

    found: tuple[T, ...]
    rows: tuple[int, ...]
    left_out: tuple[NotationError, ...] = ()
    merged: int = 0

    def __len__(self) -> int:
        return len(self.found)

    @overload
    def __getitem__(self, i: int) -> T: ...
    @overload
    def __getitem__(self, i: slice) -> tuple[T, ...]: ...
    def __getitem__(self, i: int | slice) -> T | tuple[T, ...]:
        """What was read from one row, or from a part of them."""
        return self.found[i]

    @property
    def note(self) -> str:
        """How many rows were left out and why, "" when none was."""
        merged = f"{many(self.merged, 'row')} with a candidate that stands further up merged." if self.merged else ""
        return " ".join(filter(None, (left_out_note(self.left_out), merged)))


def left_out_note(errors: Sequence[InputError], what: str = "whose candidate cannot be read") -> str:
    """How many rows were left out, which, and why the first.

    >>> left_out_note(
    ...     [NotationError('"A4*" has a stop codon.', row=3), NotationError("the candidate is empty.", row=9)]
    ... )
    '2 rows left out, whose candidate cannot be read (rows 3, 9). Row 3: "A4*" has a stop codon.'
    """
    if not errors:
        return ""
    rows = list(dict.fromkeys(error.row for error in errors))
    shown = ", ".join(map(str, rows[:8])) + (" ..." if len(rows) > 8 else "")
    which = f" (rows {shown})" if len(rows) > 1 else ""
    return f"{many(len(rows), 'row')} left out, {what}{which}. Row {rows[0]}: {errors[0].problem}"


def read_each(
    table: Table,
    kind: str,
    column: str | None,
    reading: Callable[[list[str]], Callable[[str], T]],
    *,
    skip_unreadable: bool = False,
    merge_duplicates: bool = False,
) -> EachRow[T]:
    """The result of a function for each candidate of a table.

    Args:
        table: the table.
        kind: one of `KINDS`.
        column: the column that names the candidates; found when None or empty.
        reading: from the texts of all cells to the function that reads one of them.
        skip_unreadable: leave out rows that cannot be read.
        merge_duplicates: of rows with the same result keep the first.

    Raises:
        NotationError: what `reading` or its function raises, with file and row.
    """
    column = column or candidate_column(table, kind)
    cells = candidate_cells(table, column, kind, skip_empty=skip_unreadable)
    try:
        read = reading([cell for cell in cells if cell])
    except InputError as error:
        raise NotationError(error.problem, file=table.file) from None
    found: list[tuple[int, T]] = []
    seen: set[T] = set()
    merged = 0
    refused: list[NotationError] = []
    for row, text in zip(table.row_numbers, cells, strict=True):
        try:
            if not text:
                raise NotationError("the candidate is empty.")
            result = read(text)
            if merge_duplicates and result in seen:
                merged += 1
                continue
            found.append((row, result))
            if merge_duplicates:
                seen.add(result)
        except InputError as error:
            refused.append(NotationError(error.problem, file=table.file, row=row))
    if refused and (not skip_unreadable or not found):
        raise _or_skip(refused[0], bool(found))
    return EachRow(tuple(x for _, x in found), tuple(row for row, _ in found), tuple(refused), merged)


def candidate_cells(table: Table, column: str, kind: str = "variants", *, skip_empty: bool = False) -> list[str]:
    """The cells of the column of candidates; `WT` where the cell of a variant is empty and its class says wild type.

    Args:
        table: the table.
        column: of the candidates.
        kind: one of `KINDS`.
        skip_empty: leave other empty cells empty instead of refusing them.

    Raises:
        TableError: no such column; an empty cell; a date where a name was.

    >>> table = Table("t.csv", ("aa", "variant_class"), (["", "K2R"], ["wildtype", "1 nonsynonymous"]), (2, 3), "")
    >>> candidate_cells(table, "aa")
    ['WT', 'K2R']
    """
    cells = table.candidates(column, empty=True)
    if kind == "variants" and not all(cells):
        for name in table.named(CLASSES):
            same = [plain_name(c) in _SAME_PROTEIN for c in table.column(name)]
            cells = ["WT" if wild and not cell else cell for cell, wild in zip(cells, same, strict=True)]
    if "" in cells and not (skip_empty and any(cells)):
        problem = f'column "{column}" is empty here. Fill in the candidate or delete the row.'
        raise table.error(problem, cells.index(""))
    return cells


#: classes of variants whose protein is the wild type's
_SAME_PROTEIN = WILD_TYPE | {"SYNONYMOUS", "SYN", "SILENT"}


def duplicates(
    notation: Notation, designs: Sequence[Design] | NamedDesigns, keys: Iterable[str]
) -> list[tuple[int, int]]:
    """Pairs of indices of the same candidate: its first place, and each later one.

    Args:
        notation: of the designs.
        designs: in which candidates may come again.
        keys: `notation.quick_key` of each.
    """
    places: dict[str, int] = {}
    alike: dict[int, list[int]] = {}
    for i, key in enumerate(keys):
        if (there := places.setdefault(key, i)) != i:
            alike.setdefault(there, [there]).append(i)
    pairs = []
    for several in alike.values():
        first: dict[str, int] = {}
        for i in several:
            earlier = first.setdefault(notation.key(designs[i]), i)
            if earlier != i:
                pairs.append((earlier, i))
    return sorted(pairs, key=lambda pair: pair[1])


KEEP_ONE = "Delete one, or merge them (merge_duplicates=True)."


def _same_twice(table: Table, cells: list[str], pairs: list[tuple[int, int]]) -> PoolError:
    first, second = pairs[0]
    same = f'"{cells[second]}"' if cells[first] == cells[second] else f'"{cells[first]}" and "{cells[second]}"'
    more = f" ({len(pairs)} such rows)" if len(pairs) > 1 else ""
    problem = f"the same candidate as in row {table.row_numbers[first]}: {same}{more}. {KEEP_ONE}"
    return PoolError(problem, file=table.file, row=table.row_numbers[second])


def name_columns(table: Table, column: str) -> list[list[str]]:
    """The cells of the columns with other names of the candidates; numbers that only count the rows are none."""
    own = table.find(column)
    found = [table.cells(name) for name in table.named(LABELS) if name != own]
    return [cells for cells in found if not counts_rows(cells)]


# Which column names the candidates.

_CONTENT = {
    "variants": re.compile(
        r"_?WT|_?wt|wild[- _]?type|(?:p\.)?[(\[]?(?:[A-Z]{3}|[A-Z])?\d+[A-Z*=-].*|[A-Z-]{2,}\*?|[01]{2,}",
        re.IGNORECASE,
    ),
    "compounds": re.compile(r"[A-Za-z0-9@+\-\[\]()=#$%/\\.:*~]+"),
    "guides": re.compile(r"[ACGTUN]{15,}", re.IGNORECASE),
    "treatments": re.compile(r"[^|]+\|[^|]+(\|[^|]+)?"),
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
    if named := named_column(table, kind):
        return named
    others = [name for name in table.header if kind != "compounds" and _looks_right(table, name, kind)]
    if len(others) == 1:
        return others[0]
    listed = ", ".join(others or table.header)
    raise table.error(f"which column names the {kind}? Name it (--column), one of: {listed}.")


def named_column(table: Table, kind: str, names: Sequence[str] | None = None) -> str | None:
    """The column with a common name for candidates: the first whose cells fit, else the first; None when there is none.

    Args:
        table: the table.
        kind: one of `KINDS`.
        names: that are looked for; `candidate_names(kind)` when None.
    """
    named = table.named(candidate_names(kind) if names is None else names)
    # Where no content fits, it will be refused with the row and the reason.
    return next((name for name in named if _looks_right(table, name, kind)), named[0] if named else None)


def _looks_right(table: Table, name: str, kind: str) -> bool:
    cells = [c for c in table.cells(name)[:50] if c]
    return bool(cells) and sum(bool(_CONTENT[kind].fullmatch(c)) for c in cells) >= 0.8 * len(cells)


def _sequence_column(table: Table, besides: str) -> str | None:
    """The column of whole sequences beside one of mutations, or None."""
    for found in table.named(SEQUENCES):
        if found != table.find(besides):
            cells = table.cells(found)
            if all(c.rstrip("*").isalpha() and len(c) > 10 for c in cells[:20]):
                return found
    return None


# In which notation they are written.

_DIGIT, _DIGITS = re.compile(r"\d"), re.compile(r"[0-9]{1,6}")
_JOINTS = re.compile(r"[:,;/+&|\s]+")


def _notation(
    table: Table,
    column: str,
    cells: list[str],
    kind: str,
    parent: str | os.PathLike[str] | None,
    offset: int | None,
    sites: list[int | str],
    structures: int | None,
    skip_unreadable: bool,
) -> Notation:
    """The notation of the cells, in the numbering of the parent."""
    if kind == "compounds":
        return CompoundNotation() if structures is None else CompoundNotation(version=structures)
    if kind == "guides":
        return GuideNotation(_most_common_length(cells))
    if kind == "treatments":
        return notation_of(cells)
    if parent is not None:
        sequence = read_parent(parent)
        if offset is not None:
            check_offset(cells, sequence, file=table.file, offsets=[offset])
        return VariantNotation(sequence, sites=[position_of(s, sequence) for s in sites])
    if not any(map(_names_mutations, cells[:50])):
        return _letters_notation(table, column, cells, skip_unreadable)
    whole = _sequence_column(table, column)
    if whole is None:
        raise NotationError(
            f'column "{column}" lists mutations: these need a wild type. Give it or its FASTA file (parent=...).',
            file=table.file,
        )
    return _derived_parent(table, table.candidates(column), whole, offset or 0)


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


def _letters_notation(table: Table, column: str, cells: list[str], skip_unreadable: bool) -> SequenceNotation:
    """Strings without a parent must have one length."""
    length = _most_common_length(cells)
    odd = next((i for i, c in enumerate(cells) if len(c) != length), None)
    text = "".join(cells)
    if odd is None or skip_unreadable:
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
    return VariantNotation(parent)


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
