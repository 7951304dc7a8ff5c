"""Columns of a table of results: long, wide, or shaped like a plate."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from activeloop.errors import MeasurementError
from activeloop.measurements.assay import Assay
from activeloop.measurements.wells import SHAPES, row_index, well_name
from activeloop.tables import Table
from activeloop.tables.names import ROLES, candidate_names, plain, split_unit

#: role -> names under which its column is recognised
SYNONYMS: dict[str, tuple[str, ...]] = {"candidate": ("candidate", *candidate_names()), **ROLES}
_REPLICATE = re.compile(r"(?P<base>.*?)[\s_.\-#]*(?:(?:replicate|rep|r)[\s_.\-#]*|[\s_.\-#])(?P<number>[1-9]\d?)", re.I)


@dataclass(frozen=True)
class Entry:
    """One cell that should hold a value, and the cells of its row.

    Args:
        row: as a spreadsheet counts it.
        assay: what was measured.
        text: the cell.
        unit: from the header or the unit column, "" when none is given.
        candidate, well, plate, date, kind: the cells of those columns, "" when there is no such column.
        replicate: from the header or its column, "" when none is given.
    """

    row: int
    assay: Assay
    text: str
    unit: str
    candidate: str = ""
    well: str = ""
    plate: str = ""
    replicate: str = ""
    date: str = ""
    kind: str = ""


def find_entries(
    table: Table, assays: Sequence[Assay], columns: Mapping[str, str] | None
) -> tuple[list[Entry], tuple[str, ...], int]:
    """All cells that should hold values.

    Args:
        table: a table of results: long, wide, or shaped like a plate.
        assays: what may have been measured.
        columns: role (`candidate`, `well`, `value` ...) or assay name -> column, where names do not show it.

    Returns:
        The entries in the order of the table; the columns that were not read; wells of the plate whose shape the table
        has, 0 for other tables.

    Raises:
        MeasurementError: no column of values is found, or a long table names an unknown assay.
        TableError: a named column is missing, or its role is unknown.
    """
    _refuse_unknown(table, columns or {}, assays)
    size = grid_size(table)
    if size:
        return list(_grid(table, _only(assays, table, "a table shaped like a plate"))), (), size
    given = dict(columns or {})
    roles = find_roles(table, given)
    wide = _wide(table, assays, given, roles)
    if "value" in roles and ("assay" in roles or not wide):
        cells = list(_long(table, assays, roles))
        read = set(roles.values())
    elif wide:
        cells = list(_rows(table, wide, roles))
        read = {roles[r] for r in roles if r not in ("value", "assay")} | {c.name for c in wide}
    else:
        names = ", ".join(a.name for a in assays)
        raise MeasurementError(
            f"no column of values. Name one after its assay ({names}), or `value` beside a column `assay`; or say "
            f'which it is: columns={{"{assays[0].name}": "..."}} (--column {assays[0].name}=...). '
            f"Columns: {', '.join(table.header)}. No row was stored.",
            file=table.file,
        )
    return cells, tuple(h for h in table.header if h not in read), 0


def _refuse_unknown(table: Table, given: Mapping[str, str], assays: Sequence[Assay]) -> None:
    known = [*SYNONYMS, *(a.name for a in assays)]
    if unknown := [role for role in given if role not in known]:
        raise table.error(
            f'"{unknown[0]}" is no role of a column of results (--column {unknown[0]}={given[unknown[0]]}). '
            f"Known: {', '.join(known)}. No row was stored."
        )


def grid_size(table: Table) -> int:
    """Wells of the plate whose shape the table has (1, 2, 3 ... across, A, B, C ... down); 0 when it has none.

    >>> t = Table("p.csv", ("column 1", *map(str, range(1, 7))), (list("ABCD"), *([["0"] * 4] * 6)), range(2, 6), "")
    >>> grid_size(t)
    24
    """
    shape = (len(table), len(table.header) - 1)
    across = [str(c + 1) for c in range(shape[1])]
    if [h.strip().removeprefix("0").removesuffix(".0") for h in table.header[1:]] != across or not across:
        return 0
    letters = [cell.strip().upper() for cell in table.columns[0]]
    down = all(re.fullmatch("[A-Z]{1,2}", t) and row_index(t) == i for i, t in enumerate(letters))
    return next((size for size, s in SHAPES.items() if s == shape and down), 0)


def _grid(table: Table, assay: Assay) -> Iterator[Entry]:
    corner = table.header[0]
    unit = split_unit(corner)[1] if plain(split_unit(corner)[0]) == plain(assay.name) else ""
    for column, name in enumerate(table.header[1:]):
        cells = table.column(name)
        for i, row in enumerate(table.row_numbers):
            yield Entry(row, assay, cells[i], unit, well=well_name(i, column))


@dataclass(frozen=True)
class ValueColumn:
    """A column that holds values of one assay."""

    name: str
    assay: Assay
    unit: str = ""
    replicate: str = ""


def _wide(
    table: Table, assays: Sequence[Assay], given: Mapping[str, str], roles: Mapping[str, str]
) -> list[ValueColumn]:
    found: list[ValueColumn] = []
    for assay in assays:
        if assay.name in given and assay.name not in SYNONYMS:
            table.column(given[assay.name])
            name = table.find(given[assay.name]) or given[assay.name]
            found.append(ValueColumn(name, assay, split_unit(name)[1]))
            continue
        others = {plain(a.name) for a in assays if a is not assay}
        for header in table.header:
            base, unit, replicate = split_header(header)
            name = plain(split_unit(header)[0])
            if name == plain(assay.name):
                found.append(ValueColumn(header, assay, unit))
            elif replicate and plain(base) == plain(assay.name) and name not in others:
                found.append(ValueColumn(header, assay, unit, replicate))
            elif (numbered := re.fullmatch(rf"{re.escape(plain(assay.name))}([1-9])", name)) and name not in others:
                found.append(ValueColumn(header, assay, unit, numbered[1]))
    if not found and len(assays) == 1:
        for header in table.header:
            base, unit, replicate = split_header(header)
            if replicate and plain(base) in ("", "value", "result") and header not in roles.values():
                found.append(ValueColumn(header, assays[0], unit, replicate))
    return found


def _rows(table: Table, values: Sequence[ValueColumn], roles: Mapping[str, str]) -> Iterator[Entry]:
    beside, units = _beside(table, roles)
    for value in values:
        for row, text, unit, around in zip(table.row_numbers, table.column(value.name), units, beside, strict=True):
            entry = Entry(row, value.assay, text, value.unit or unit, **around)
            yield replace(entry, replicate=value.replicate) if value.replicate else entry


def _long(table: Table, assays: Sequence[Assay], roles: Mapping[str, str]) -> Iterator[Entry]:
    beside, units = _beside(table, roles)
    which = table.column(roles["assay"]) if "assay" in roles else None
    only = _only(assays, table, "a table without a column `assay`") if which is None else None
    by_name = {plain(a.name): a for a in assays}
    column_unit = split_unit(roles["value"])[1]
    for i, (row, text) in enumerate(zip(table.row_numbers, table.column(roles["value"]), strict=True)):
        base, own = split_unit(which[i]) if which else ("", "")
        assay = only or by_name.get(plain(which[i] if which else "")) or by_name.get(plain(base))
        if assay is None:
            raise MeasurementError(
                f'"{base}" is not an assay of this campaign ({", ".join(a.name for a in assays)}). Correct the name or '
                "add the assay. No row was stored.",
                file=table.file,
                row=row,
            )
        yield Entry(row, assay, text, units[i] or own or column_unit, **beside[i])


def _beside(table: Table, roles: Mapping[str, str]) -> tuple[list[dict[str, str]], list[str]]:
    """The cells of each row beside its value, by role, and its unit."""
    columns = {r: table.column(name) for r, name in roles.items() if r not in ("assay", "value")}
    if "candidate" in roles and "well" not in roles:
        columns["candidate"] = table.candidates(roles["candidate"])
    units = columns.pop("unit", [""] * len(table))
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)] or [
        {} for _ in units
    ], units


def _only(assays: Sequence[Assay], table: Table, what: str) -> Assay:
    if len(assays) == 1:
        return assays[0]
    raise MeasurementError(
        f"{what} can hold one assay, and there are {len(assays)} ({', '.join(a.name for a in assays)}). Write a table "
        f"with a column for each, named after it ({assays[0].name}), or with a column `assay`. No row was stored.",
        file=table.file,
    )


def find_roles(table: Table, given: Mapping[str, str]) -> dict[str, str]:
    """The column of each role that the table has; `given` wins over the names.

    Raises:
        TableError: a column in `given` is missing.
    """
    roles: dict[str, str] = {}
    for role, names in SYNONYMS.items():
        if role in given:
            table.column(given[role])  # refuses a missing column
            roles[role] = table.find(given[role]) or given[role]
            continue
        if free := [found for found in table.named(names) if found not in roles.values()]:
            roles[role] = free[0]
    return roles


def split_header(header: str) -> tuple[str, str, str]:
    """Name, unit and replicate of a column of values.

    >>> split_header("kcat_2 (1/s)"), split_header("kcat [1/s] rep 3"), split_header("rep1"), split_header("kcat")
    (('kcat', '1/s', '2'), ('kcat', '1/s', '3'), ('', '', '1'), ('kcat', '', ''))
    """
    name, unit = split_unit(header)
    match = _REPLICATE.fullmatch(name)
    return (match["base"].strip(), unit, match["number"]) if match else (name, unit, "")
