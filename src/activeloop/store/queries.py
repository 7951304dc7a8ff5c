"""Questions of pages, answered by the tables that follow from the events: no event is read, nothing is folded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from activeloop.errors import InputError
from activeloop.store.database import plain_errors
from activeloop.store.log import SQLLog

#: table -> its columns that may be shown, and by which rows may be ordered
SHOWN = {
    "results": (
        *("event", "place", "candidate", "assay", "qualifier", "value", "error", "replicate", "plate", "well"),
        *("measured_at", "control", "round", "file", "file_row", "void", "void_event"),
    ),
    "picks": (
        *("event", "place", "proposal", "version", "rank", "candidate", "score", "mean", "low", "high", "reason"),
    ),
    "plates": (
        *("plate", "proposal", "picks", "sent_to", "sent_at", "note", "device", "run", "outcome", "finished_at"),
    ),
    "versions": (
        *("event", "number", "at", "learner", "data_hash", "code_version", "metrics", "explanation", "artifact"),
        *("held_back", "current", "outdated"),
    ),
}
ORDERED = {"results": "event, place", "picks": "event, place", "plates": "proposal, plate", "versions": "event"}


@dataclass(frozen=True)
class Rows:
    """Some rows of a table.

    Args:
        columns: their names.
        rows: the cells of each; None where there is no value.
        total: how many rows there are in all.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    total: int


def rows_of(
    log: SQLLog,
    table: str,
    *,
    where: dict[str, Any] | None = None,
    voided: bool | None = None,
    order: str = "",
    descending: bool = False,
    offset: int = 0,
    limit: int = 100,
) -> Rows:
    """Rows of a table of a campaign, in the units of its last configuration.

    Args:
        log: of the campaign.
        table: `results`, `picks`, `plates` or `versions`.
        where: column -> the value that rows must have there.
        voided: of results, whether they no longer count; both when None.
        order: the column by which they are ordered; as they came when "". Rows without a value come last.
        descending: the largest first.
        offset: rows that are left out first.
        limit: rows at most.

    Raises:
        InputError: there is no such table or column, or a number makes no sense.
    """
    if table not in SHOWN:
        raise InputError(f'there is no table "{table}" (there are {", ".join(SHOWN)}). Nothing was looked up.')
    columns, where = SHOWN[table], where or {}
    if unknown := [name for name in (*where, *filter(None, [order])) if name not in columns]:
        raise InputError(f'{table} has no column "{unknown[0]}" (it has {", ".join(columns)}). Nothing was looked up.')
    if offset < 0 or limit < 1:
        raise InputError(f"{limit} rows from row {offset} on: give numbers of 1, and of 0, or more.")
    kept = ["campaign = :campaign", *(f"{name} = :{name}" for name in where)]
    if voided is not None and table == "results":
        kept.append(f"void IS {'NOT ' * voided}NULL")
    condition, way = " AND ".join(kept), "DESC" if descending else "ASC"
    first = f"CASE WHEN {order} IS NULL THEN 1 ELSE 0 END, {order} {way}, " if order else ""
    rest = ", ".join(f"{name} {way}" for name in ORDERED[table].split(", "))
    listed = f"SELECT {', '.join(columns)} FROM {table} WHERE {condition} ORDER BY {first}{rest}"
    given = {"campaign": log.campaign, **where}

    def ask(read: Any) -> Rows:
        total = next(iter(read(f"SELECT count(*) FROM {table} WHERE {condition}", **given)))[0]
        found = read(f"{listed} LIMIT :most OFFSET :left", **given, most=limit, left=offset)
        return Rows(columns, tuple(map(tuple, found)), total)

    with plain_errors("the database"):
        return log.database.at_one_moment(ask)
