"""The wild type of a table that does not come with a fitting one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from activeloop.candidates.notation import VariantNotation
from activeloop.candidates.proteins import read_parent
from activeloop.candidates.tables import Table
from activeloop.errors import InputError

_SUBSTITUTION = re.compile(r"(?<![A-Za-z])([A-Z])([1-9]\d{0,4})[A-Z*=-]")
LOOKED_AT = 50
"""Candidates that tell whether a table fits a wild type."""
WHOLE = 10
"""Strings of fewer letters are letters at sites, not whole proteins."""


def fitting_wild_type(table: Table, cells: Sequence[str], given: str | None) -> tuple[str | None, str]:
    """The wild type to read a table of variants with, and what has to be said about it ("" when it is as given).

    - Letters at sites (`VDGV`) beside a longer wild type: nothing says where the sites are, so it is left out.
    - Mutations without a wild type: their own letters make it; where none is mutated, alanine stands in.
    - Whole sequences of several lengths without a wild type: the consensus of the usual length stands in.

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
        if letters and len(lengths) == 1 and len(cells[0]) < len(parent) and not _reads_any(parent, cells):
            where = f"which of its {len(parent)} residues the {len(cells[0])} letters stand for"
            return None, f" The wild type is not used: nothing says {where}."
        return given, ""
    if any("sequence" in name.casefold() for name in table.header) and not letters:
        return None, ""
    if letters and len(lengths) > 1 and min(lengths) >= WHOLE:
        usual = [cell.upper() for cell in cells if len(cell) == lengths.most_common(1)[0][0]]
        consensus = "".join(Counter(column).most_common(1)[0][0] for column in zip(*usual, strict=True))
        return consensus, f" No wild type was given: the consensus of {len(usual):,} sequences stands in."
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
    told = f" No wild type was given: alanine stands in at {where}."
    return "".join(residues.get(p, "A") for p in range(1, last + 1)), told if unknown else ""


def _reads_any(parent: str, cells: Sequence[str]) -> bool:
    notation = VariantNotation(parent)
    for cell in cells[:LOOKED_AT]:
        try:
            notation.design(cell)
        except InputError:
            continue
        return True
    return False
