"""Which column of a table holds the candidates, which the values, and what kind of candidates they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from activeloop.candidates.numbers import parse_number
from activeloop.candidates.tables import Table
from activeloop.errors import TableError

CANDIDATES = (
    *("mutant", "variant", "variants", "mutation", "mutations", "mut", "smiles", "sgrna", "guide_sequence", "seq"),
    *("sequence", "sequences", "30mer", "genotype", "candidate", "mutated_sequence", "protein"),
)
TARGETS = (
    *("dms_score", "fitness", "score", "value", "target", "affinity", "indel", "modfreq", "activity", "y"),
    *("measurement", "measured", "response", "label", "ddg", "score_drug_gene_rank"),
)
CLASSES = ("dms_score_bin",)
_GUIDE = re.compile(r"[ACGTUN]{17,60}")
_SMILES = re.compile(r"[\[\]()=#@/\\+]|[a-z]|[A-Za-z]\d[A-Za-z(]")
_MUTATION = r"(?:p\.)?(?:[A-Z*-]|[A-Z][a-z]{2})?\d+(?:[A-Z*-]|[A-Z][a-z]{2})"
_VARIANT = re.compile(rf"(?:WT|_wt|{_MUTATION}(?:[:,;/+ ]{_MUTATION})*)", re.IGNORECASE)
LOOKED_AT = 200


@dataclass(frozen=True)
class Columns:
    """What was found in, or asked of, a table.

    Args:
        candidate, target: names of two columns.
        classes: name of the column that says fit (1) or unfit (0), None when there is none.
        kind: `variants`, `compounds` or `guides`.
    """

    candidate: str
    target: str
    classes: str | None
    kind: str


def find_columns(table: Table, candidate: str | None, target: str | None, kind: str | None) -> Columns:
    """The columns asked for, and a guess for those that were not.

    Raises:
        TableError: a column that was asked for does not exist, or none can be guessed.

    >>> table = Table("t.csv", ("variant", "kcat"), (["A1C", "A1D"], ["0.5", "2"]), (2, 3), "")
    >>> find_columns(table, None, None, None)
    Columns(candidate='variant', target='kcat', classes=None, kind='variants')
    """
    for asked in (candidate, target):
        if asked is not None:
            table.column(asked)
    candidate = (table.find(candidate) if candidate else None) or _guess_candidate(table, target)
    taken = (candidate, target)
    classes = next((found for name in CLASSES if (found := table.find(name)) and found not in taken), None)
    target = (table.find(target) if target else None) or _guess_target(table, candidate, classes)
    return Columns(candidate, target, classes, kind or guess_kind(table.column(candidate)))


def guess_kind(cells: Sequence[str]) -> str:
    """Guides, compounds or variants, by what the first cells look like.

    >>> guess_kind(["CC(=O)O", "c1ccccc1"]), guess_kind(["GATTACAGATTACAGATTACAGG"]), guess_kind(["VDGV", "A24G:K56R"])
    ('compounds', 'guides', 'variants')
    """
    seen = [cell for cell in cells[:LOOKED_AT] if cell]
    if seen and all(_GUIDE.fullmatch(cell.upper()) for cell in seen):
        return "guides"
    smiles = sum(bool(_SMILES.search(cell)) and not _VARIANT.fullmatch(cell) for cell in seen)
    return "compounds" if smiles > len(seen) / 2 else "variants"


def _guess_candidate(table: Table, target: str | None) -> str:
    named = next((found for name in CANDIDATES if (found := table.find(name))), None)
    if named:
        return named
    for name in table.header:
        if name != target and not _numeric(table.column(name)):
            return name
    raise table.error("no column looks like candidates. Name it with --candidate-column.")


def _guess_target(table: Table, candidate: str, classes: str | None) -> str:
    rest = [name for name in table.header if name not in (candidate, classes)]
    for wanted in TARGETS:
        found = table.find(wanted)
        if found in rest and _numeric(table.column(found)):
            return found
    numeric = [name for name in rest if _numeric(table.column(name))]
    numeric = numeric or [name for name in rest if _mostly_numeric(table.column(name))]
    if not numeric:
        raise table.error("no column looks like measured values. Name it with --target-column.")
    return numeric[-1]


def _mostly_numeric(cells: Sequence[str]) -> bool:
    """Whether most of the first cells are numbers: a column of values with a wrong one, which is then named."""
    seen = [cell for cell in cells[:LOOKED_AT] if cell]
    return sum(_numeric([cell]) for cell in seen) > len(seen) / 2


def _numeric(cells: Sequence[str]) -> bool:
    """Whether the first cells are numbers or empty, and one of them is a number."""
    try:
        values = [parse_number(cell).value for cell in cells[:LOOKED_AT]]
    except TableError:
        return False
    return any(value == value for value in values)
