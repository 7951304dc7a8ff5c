"""What the name of a column says: role, assay, unit, replicate."""

from __future__ import annotations

import re
from collections.abc import Mapping

from activeloop.candidates.tables import Table

#: role -> names under which it is recognised, without regard to case, spaces, `_` and `-`
SYNONYMS: dict[str, tuple[str, ...]] = {
    "candidate": (
        *("candidate", "variant", "mutant", "mutation", "mutations", "name", "compound", "smiles", "guide"),
        *("sequence", "aasequence", "genotype", "construct", "samplename", "sample"),
    ),
    "well": ("well", "wellposition", "wellid", "destinationwell", "wellname"),
    "plate": ("plate", "plateid", "platename", "platebarcode", "destinationplatename"),
    "replicate": ("replicate", "rep", "repeat", "replicatenumber"),
    "assay": ("assay", "measurement", "property", "readout", "assayname"),
    "value": ("value", "result", "measured", "measuredvalue", "reading", "signal"),
    "unit": ("unit", "units"),
    "date": ("date", "measuredat", "measuredon", "timestamp", "datetime"),
    "kind": ("kind", "control", "type", "welltype", "iscontrol", "content"),
}
_REPLICATE = re.compile(r"(?P<base>.*?)[\s_.\-#]*(?:(?:replicate|rep|r)[\s_.\-#]*|[\s_.\-#])(?P<number>[1-9]\d?)", re.I)
_UNIT = re.compile(
    r"(?P<base>.*?)\s*(?:\((?P<round>[^()]*(?:\([^()]*\)[^()]*)*)\)|\[(?P<square>[^\[\]]*)\])(?P<rest>.*)"
)


def find_roles(table: Table, given: Mapping[str, str]) -> dict[str, str]:
    """The column of each role that the table has; `given` wins over the names.

    Raises:
        TableError: a column in `given` is missing.
    """
    roles: dict[str, str] = {}
    for role, names in SYNONYMS.items():
        if role in given:
            table.column(given[role])  # says which columns there are when it is missing
            roles[role] = table.find(given[role]) or given[role]
            continue
        for name in names:
            found = next((h for h in table.header if plain(split_unit(h)[0]) == name), None)
            if found and found not in roles.values():
                roles[role] = found
                break
    return roles


def split_header(header: str) -> tuple[str, str, str]:
    """Name, unit and replicate of a column of values.

    >>> split_header("kcat_2 (1/s)"), split_header("kcat [1/s] rep 3"), split_header("rep1"), split_header("kcat")
    (('kcat', '1/s', '2'), ('kcat', '1/s', '3'), ('', '', '1'), ('kcat', '', ''))
    """
    name, unit = split_unit(header)
    match = _REPLICATE.fullmatch(name)
    return (match["base"].strip(), unit, match["number"]) if match else (name, unit, "")


def split_unit(header: str) -> tuple[str, str]:
    """Name and unit of a column.

    >>> split_unit("kcat/KM (1/(M s))"), split_unit("kcat")
    (('kcat/KM', '1/(M s)'), ('kcat', ''))
    """
    match = _UNIT.fullmatch(header.strip())
    if not match:
        return header.strip(), ""
    return (match["base"] + match["rest"]).strip(), (match["round"] or match["square"] or "").strip()


def plain(name: str) -> str:
    """A name without case, spaces, `_` and `-`, for comparison.

    >>> plain("Plate_ID")
    'plateid'
    """
    return re.sub(r"[\s_\-]+", "", name).casefold()
