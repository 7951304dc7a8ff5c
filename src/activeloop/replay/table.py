"""The landscape of a table of candidates and values: its columns, its wild type, its rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from activeloop.candidates import ExplicitPool, Pool, TreatmentPool
from activeloop.candidates.notation import VariantNotation
from activeloop.candidates.proteins import read_parent
from activeloop.candidates.reading import read_candidates
from activeloop.errors import InputError, TableError
from activeloop.measurements import Assay, Goal
from activeloop.measurements.columns import refuse_impossible, with_signs
from activeloop.measurements.outcomes import outcomes_hint
from activeloop.measurements.rows import class_words, without_words
from activeloop.measurements.single_cells import COLUMNS
from activeloop.replay.landscape import Landscape, Repeats
from activeloop.tables import Table, parse_number
from activeloop.tables.names import COUNTS, ROLES, SPREADS, TARGETS, candidate_names, plain
from activeloop.tables.numbers import find_sign
from activeloop.words import some

#: columns that number the rows
NUMBERS = ("id", "index", "no", "nr", "#", "rank", "row", "column 1", "unnamed: 0")
CLASS_COLUMNS = ("dms_score_bin",)
_GUIDE = re.compile(r"[ACGTUN]{17,60}")
_SMILES = re.compile(r"[\[\]()=#@/\\+]|[a-z]|[A-Za-z]\d[A-Za-z(]")
_MUTATION = r"(?:p\.)?(?:[A-Z*-]|[A-Z][a-z]{2})?\d+(?:[A-Z*-]|[A-Z][a-z]{2})"
_VARIANT = re.compile(rf"(?:WT|_wt|{_MUTATION}(?:[:,;/+ ]{_MUTATION})*)", re.IGNORECASE)
LOOKED_AT = 200
#: stands for the column of donors, whatever it is called
DONOR = "donor"


@dataclass(frozen=True)
class Columns:
    """The columns of a table that are used.

    Args:
        candidate, target: names of two columns.
        classes: name of the column of fit (1) and unfit (0), None when there is none.
        kind: `variants`, `compounds` or `guides`.
        groups: name of the column of what is held out together; None where none was asked for.
    """

    candidate: str
    target: str
    classes: str | None
    kind: str
    groups: str | None = None


def find_columns(
    table: Table, candidate: str | None, target: str | None, kind: str | None, groups: str | None = None
) -> Columns:
    """The columns that were named, and those that are detected for the others.

    `groups` is the name of a column, or `DONOR` for the one of donors.

    Raises:
        TableError: a named column does not exist, or none can be detected.

    >>> table = Table("t.csv", ("variant", "kcat"), (["A1C", "A1D"], ["0.5", "2"]), (2, 3), "")
    >>> find_columns(table, None, None, None)
    Columns(candidate='variant', target='kcat', classes=None, kind='variants', groups=None)
    """
    if groups == DONOR and table.find(DONOR) is None:
        if not (donors := table.named(COLUMNS["donor"])):
            raise table.error(
                f"no column names donors. Name it: --fold-column NAME, one of: {', '.join(table.header)}."
            )
        groups = donors[0]
    if groups and kind == "treatments" and table.find(groups) is None:
        raise table.error(
            f'there is no column "{groups}" beside those of cells and compounds. Take --folds drug or --folds line for '
            f"these, or one of: {', '.join(table.header[1:])}."
        )
    for named in (candidate, target, groups):
        if named is not None:
            table.column(named)
    groups = groups and table.find(groups)
    candidate = (table.find(candidate) if candidate else None) or _detect_candidate(table, target, kind)
    for what, named in (("the candidates", candidate), ("the measured values", target and table.find(target))):
        if groups and groups == named:
            raise table.error(f'"{groups}" holds {what}, so it groups nothing. Name another column with --fold-column.')
    taken = (candidate, target)
    classes = next((found for name in CLASS_COLUMNS if (found := table.find(name)) and found not in taken), None)
    kind = kind or ("compounds" if "smiles" in plain(candidate) else detect_kind(table.column(candidate)))
    if hint := outcomes_hint(table, kind):
        raise table.error(hint)
    if target is None and groups:  # a column that numbers folds or donors holds no values
        kept = [i for i, name in enumerate(table.header) if name != groups]
        table = replace(
            table, header=tuple(table.header[i] for i in kept), columns=tuple(table.columns[i] for i in kept)
        )
    target = (table.find(target) if target else None) or _detect_target(table, candidate, classes)
    return Columns(candidate, target, classes, kind, groups)


def assay_of(table: Table, columns: Columns) -> str:
    """The name of what was measured: that of the column of assays where there is one, else of the column of values.

    Raises:
        TableError: rows are of several assays.

    >>> table = Table("t.csv", ("id", "Standard Type", "Standard Value"), (["a"], ["IC50"], ["5"]), (2,), "")
    >>> assay_of(table, Columns("id", "Standard Value", None, "compounds"))
    'IC50'
    """
    taken = (columns.candidate, columns.target, columns.classes, columns.groups)
    for header in table.named(ROLES["assay"]):
        cells = table.column(header)
        names = list(dict.fromkeys(filter(None, cells)))
        if header in taken or not names or _numeric(cells):
            continue
        if len(names) > 1:
            raise table.error(
                f'column "{header}" says that the values are of several assays: {some(names)}. Keep the rows of one.'
            )
        return names[0]
    return columns.target


def detect_kind(cells: Sequence[str]) -> str:
    """Guides, compounds or variants, by what the first cells look like.

    >>> [detect_kind(cells) for cells in (["CC(=O)O", "c1ccccc1"], ["GATTACAGATTACAGATTACAGG"], ["VDGV", "A24G"])]
    ['compounds', 'guides', 'variants']
    """
    seen = [cell for cell in cells[:LOOKED_AT] if cell]
    if seen and all(_GUIDE.fullmatch(cell.upper()) for cell in seen):
        return "guides"
    smiles = sum(bool(_SMILES.search(cell)) and not _VARIANT.fullmatch(cell) for cell in seen)
    return "compounds" if smiles > len(seen) / 2 else "variants"


def _detect_candidate(table: Table, target: str | None, kind: str | None) -> str:
    if named := [found for found in table.named(candidate_names(kind)) if found != target]:
        return named[0]
    words = [name for name in table.header if name != target and not _numeric(table.column(name))]
    if len(words) == 1:
        return words[0]
    what = "which column holds the candidates" if words else "no column looks like candidates. Which holds them"
    raise table.error(f"{what}? {_named_with('--candidate-column', words or table.header)}")


def _detect_target(table: Table, candidate: str, classes: str | None) -> str:
    spread_or_place = (*(name for names in (*ROLES.values(), *SPREADS.values()) for name in names), *COUNTS, *NUMBERS)
    others = {*table.named(spread_or_place)} - {*table.named((*TARGETS, *ROLES["value"]))}
    rest = [name for name in table.header if name not in (candidate, classes, *others)]
    for found in table.named((*TARGETS, *ROLES["value"])):
        if found in rest and _numeric(table.column(found)):
            return found
    numeric = [name for name in rest if _numeric(table.column(name))]
    if not numeric:  # a column of values with a few wrong ones, which are then named
        looked_at = {name: [cell for cell in table.column(name)[:LOOKED_AT] if cell] for name in rest}
        numeric = [name for name, cells in looked_at.items() if sum(_numeric([c]) for c in cells) > len(cells) / 2]
    numeric = numeric or [name for name in rest if class_words(table.column(name))]
    if len(numeric) == 1:
        return numeric[0]
    what = "which column holds the values" if numeric else "no column looks like measured values. Which holds them"
    raise table.error(f"{what}? {_named_with('--target-column', numeric or rest)}")


def _named_with(option: str, columns: Sequence[str]) -> str:
    """How to name the column that is meant, or that there is none to name."""
    return f"Name it with {option}, one of: {', '.join(columns)}." if columns else "The table has no other column."


def _numeric(cells: Sequence[str]) -> bool:
    """Whether the first cells are numbers or empty, and one of them is a number."""
    try:
        decimal = find_sign(cells[:LOOKED_AT])[0]
        values = [parse_number(cell, decimal=decimal).value for cell in cells[:LOOKED_AT]]
    except TableError:
        return False
    return any(value == value for value in values)


_SUBSTITUTION = re.compile(r"(?<![A-Za-z])([A-Z])([1-9]\d{0,4})[A-Z*=-]")
COMPARED = 50
"""Candidates that are read to see whether a table fits a wild type."""
WHOLE = 10
"""Shorter strings are residues at sites, not whole proteins."""


def fitting_wild_type(table: Table, cells: Sequence[str], given: str | None) -> tuple[str | None, str]:
    """The wild type to read a table of variants with, and a note about it ("" when it is as given).

    - Residues at sites (`VDGV`) and a longer wild type: the positions of the sites are unknown, so it is not used.
    - Mutations without a wild type: their old residues make it, with alanine where none is mutated.
    - Whole sequences of several lengths without a wild type: the consensus of the most common length is used.

    >>> table = Table("t.csv", ("m",), (["K2C", "T5D"],), (2, 3), "")
    >>> fitting_wild_type(table, ["K2C", "T5D"], None)[0]
    'AKAAT'
    >>> fitting_wild_type(table, ["VDGV", "ADGV"], "MKTAYIAKQRQISFVKSH")[0] is None
    True
    """
    letters = all(cell.strip("*-").isalpha() for cell in cells)
    lengths = Counter(map(len, cells))
    if given is not None:
        parent = read_parent(given)
        notation = VariantNotation(parent)
        shorter = letters and len(lengths) == 1 and len(cells[0]) < len(parent)
        if shorter and not any(_reads(notation, cell) for cell in cells[:COMPARED]):
            where = f"which of its {len(parent)} residues the {len(cells[0])} letters stand for"
            return None, f" The wild type is not used: it is unknown {where}."
        return given, ""
    if any("sequence" in name.casefold() for name in table.header) and not letters:
        return None, ""
    if letters and len(lengths) > 1 and min(lengths) >= WHOLE:
        aligned = [cell.upper() for cell in cells if len(cell) == lengths.most_common(1)[0][0]]
        consensus = "".join(Counter(column).most_common(1)[0][0] for column in zip(*aligned, strict=True))
        return consensus, f" No wild type was given: the consensus of {len(aligned):,} sequences stands in."
    return _of_mutations(cells)


def _of_mutations(cells: Sequence[str]) -> tuple[str | None, str]:
    residues: dict[int, str] = {}
    for cell in cells:
        for old, position in _SUBSTITUTION.findall(cell):
            if residues.setdefault(int(position), old) != old:
                return None, ""
    if not residues:
        return None, ""
    last = max(residues)
    unknown = last - len(residues)
    where = f"{unknown:,} position{'s' * (unknown > 1)} that no variant changes"
    note = f" No wild type was given: alanine stands in at {where}."
    return "".join(residues.get(p, "A") for p in range(1, last + 1)), note if unknown else ""


MAX_LEFT_OUT = 0.1
"""Largest share of rows that may be left out because their candidate cannot be understood."""


def landscape_of(
    table: Table,
    columns: Columns,
    name: str,
    goal: Goal,
    wild_type: str | None = None,
    origin: str = "",
    offset: int | None = None,
) -> Landscape:
    """The landscape of a table: every candidate once, with the mean of its values.

    Rows without a value (empty, NaN, `n.d.`), and a few whose candidate cannot be understood (a stop codon), are left
    out and counted in the landscape's origin. A value beyond a limit (`<0.1`) counts as the limit.

    Args:
        table: read whole.
        columns: which columns to use.
        name: of the landscape.
        goal: whether more or less is better.
        wild_type: of variants, as letters or FASTA file; None = from the table, see `fitting_wild_type`.
        origin: where it is from, in one sentence.
        offset: added to the positions of variants; as in `Pool.from_table`.

    Raises:
        InputError: a row that cannot be understood (names it), or fewer than two different values.

    >>> table = Table("t.csv", ("variant", "kcat"), (["AA", "AC", "AC"], ["1", "2", "4"]), (2, 3, 4), "")
    >>> landscape = landscape_of(table, Columns("variant", "kcat", None, "variants"), "t", "maximise")
    >>> landscape.pool.names([0, 1]), landscape.values.tolist()
    (['AA', 'AC'], [1.0, 3.0])
    """
    table, read = without_words(table, columns.target)
    origin += f" {read}" if read else ""
    used = filter(None, (columns.candidate, columns.target, columns.classes, columns.groups))
    table, _ = with_signs(table, [columns.target], [*used])
    values, unit, told = table.values_in_one_unit(columns.target)
    known = ~np.isnan(values)
    refuse_impossible(table, Assay(columns.target), values)
    limits = table.limits(columns.target) & known
    origin += f" {told}" if told else ""
    origin += f" {_many(limits, 'value')} beyond a limit (< or >) taken as the limit." if limits.any() else ""
    if not known.all():
        table, values = _rows(table, known), values[known]
        origin = f"{origin} {_many(~known, 'row')} without a value left out."
    if len(values) < 2 or values.min() == values.max():
        raise table.error(f'column "{columns.target}" holds fewer than two different values: there is nothing to find.')
    if columns.kind == "variants":
        wild_type, note = fitting_wild_type(table, table.column(columns.candidate), wild_type)
        origin += note
    pool, rows, fine, left_out = _readable(table, columns, wild_type, offset)
    counts = np.bincount(rows, minlength=len(pool))
    means = np.bincount(rows, values[fine], len(pool)) / counts
    if (counts > 1).any():
        left_out += f" {_many(counts > 1, 'candidate')} in several rows; their values are averaged."
    classes = None
    if columns.classes:
        given_classes = table.values(columns.classes)[fine]
        known = np.isfinite(given_classes)
        votes = np.bincount(rows[known], given_classes[known], len(pool))
        voters = np.bincount(rows[known], minlength=len(pool))
        classes = (2 * votes >= np.maximum(voters, 1)).astype(np.int8)
        # classes that are not known for every candidate, or are all the same, are not used
        classes = classes if voters.all() and 0 < classes.sum() < len(classes) else None
    repeats = None
    if columns.groups:
        groups = np.array(table.column(columns.groups), str)[fine]
        repeats = Repeats(columns.groups, rows, values[fine], groups)
    assay, origin = Assay(columns.target, unit, goal=goal), (origin + left_out).strip()
    return Landscape(name, pool, means, assay, classes, origin, repeats=repeats)


def _many(which: np.ndarray, thing: str) -> str:
    return f"{int(which.sum()):,} {thing}{'' if which.sum() == 1 else 's'}"


def _readable(
    table: Table, columns: Columns, wild_type: str | None, offset: int | None
) -> tuple[Pool, np.ndarray, np.ndarray, str]:
    """The pool, the row in it of each table row that counts, which table rows count [n], and what was left out.

    Scans list stop codons, screens list salts that no program can read; a replay uses the rest.

    Raises:
        InputError: more than a tenth of the candidates cannot be understood; it is the first of them.
    """
    read = read_candidates(
        table, columns.kind, wild_type, columns.candidate, offset, merge_duplicates=True, skip_unreadable=True
    )
    rows = read.places
    fine = rows >= 0
    if (~fine).mean() > MAX_LEFT_OUT:
        raise read.left_out[0]
    note = ""
    if read.left_out:
        first = read.left_out[0]
        such_as = f"row {first.row}: {first.problem[:120]}"
        note = f" {_many(~fine, 'row')} whose candidate cannot be understood left out ({such_as})."
    pool = TreatmentPool.from_list(read) if columns.kind == "treatments" else ExplicitPool.from_list(read, columns.kind)
    return pool, rows[fine], fine, note


def _reads(notation: VariantNotation, cell: str) -> bool:
    try:
        notation.design(cell)
    except InputError:
        return False
    return True


def _rows(table: Table, keep: np.ndarray) -> Table:
    """Some rows of a table."""
    index = np.flatnonzero(keep).tolist()
    columns = tuple([column[i] for i in index] for column in table.columns)
    numbers = tuple(table.row_numbers[i] for i in index)
    return replace(table, columns=columns, row_numbers=numbers)
