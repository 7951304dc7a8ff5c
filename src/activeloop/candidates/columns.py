"""Which column of a table names the candidates."""

from __future__ import annotations

import re

from activeloop.tables.table import Table

NAMES = {
    "variants": (
        "mutant", "mutants", "mutation", "mutations", "variant", "variants", "variant_name", "aa_mutation",
        "aa_mutations", "aa_substitutions", "substitution", "substitutions", "aachange", "hgvs_pro", "hgvs", "combo",
        "combination", "genotype", "mutated_sequence", "mutant_sequence", "sequence", "seq", "aa_sequence", "aa_seq",
        "protein_sequence", "protein", "candidate", "name",
    ),
    "compounds": (
        "smiles", "canonical_smiles", "isomeric_smiles", "canonicalsmiles", "isomericsmiles", "structure", "compound",
        "molecule", "mol", "ligand", "drug", "candidate",
    ),
    "guides": (
        "sgrna", "grna", "guide", "guides", "guide_sequence", "sgrna_sequence", "grna_sequence",
        "sgrna target sequence",
        "30mer", "23mer", "20mer", "protospacer", "spacer", "target_sequence", "sequence", "seq", "target",
        "candidate",
    ),
}  # fmt: skip
_SEQUENCES = ("mutated_sequence", "mutant_sequence", "sequence", "aa_sequence", "aa_seq", "protein_sequence", "seq")
_CONTENT = {
    "variants": re.compile(
        r"_?WT|_?wt|wild[- _]?type|(?:p\.)?[(\[]?(?:[A-Z]{3}|[A-Z])?\d+[A-Z*=-].*|[A-Z-]{2,}\*?|[01]{2,}",
        re.IGNORECASE,
    ),
    "compounds": re.compile(r"[A-Za-z0-9@+\-\[\]()=#$%/\\.:*~]+"),
    "guides": re.compile(r"[ACGTUN]{15,}", re.IGNORECASE),
}


def guess_column(table: Table, kind: str) -> str:
    """The column that names the candidates: a usual name whose cells look right, else the only one that looks right.

    Args:
        table: the table.
        kind: `variants`, `compounds` or `guides`.

    Raises:
        TableError: no column, or several, could be meant.

    >>> guess_column(Table("a.csv", ("guide", "seq"), (["CD5-1"], ["GACGTTACGATCGATCGACA"]), (2,), ""), "guides")
    'seq'
    """
    usual = [found for name in NAMES.get(kind, ()) if (found := table.find(name)) is not None]
    for name in usual:
        if _looks_right(table, name, kind):
            return name
    if usual:
        return usual[0]  # Its content will be refused with the row and the reason.
    others = [name for name in table.header if kind != "compounds" and _looks_right(table, name, kind)]
    if len(others) == 1:
        return others[0]
    listed = ", ".join(others or table.header)
    raise table.error(f"which column names the {kind}? Give column=... (--column), one of: {listed}.")


def sequence_column(table: Table, besides: str) -> str | None:
    """The column of whole sequences beside one of mutations, or None."""
    for name in _SEQUENCES:
        found = table.find(name)
        if found is not None and found != table.find(besides):
            cells = table.columns[table.header.index(found)]
            if all(c.rstrip("*").isalpha() and len(c) > 10 for c in cells[:20]):
                return found
    return None


def _looks_right(table: Table, name: str, kind: str) -> bool:
    cells = [c for c in table.columns[table.header.index(name)][:50] if c]
    return bool(cells) and sum(bool(_CONTENT[kind].fullmatch(c)) for c in cells) >= 0.8 * len(cells)
