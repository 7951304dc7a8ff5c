"""Questions of pages, answered by the tables that follow from the events: no campaign is opened, nothing is folded."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from activeloop.campaigns.events import Distilled, Fitted, StudentRecord, Version, decode
from activeloop.campaigns.state import Result
from activeloop.errors import InputError
from activeloop.measurements import Measurement
from activeloop.store.database import Reader, plain_errors
from activeloop.store.log import SQLLog

T = TypeVar("T")

ALL = 2**62
"""As a limit: every row."""
_SOME = "LIMIT :most OFFSET :left"
_VOIDS = (
    "SELECT event, void, count(*) FROM results WHERE campaign = :campaign AND event BETWEEN :first AND :end "
    "AND void IS NOT NULL GROUP BY event, void ORDER BY event, min(place)"
)
_OF_RESULT = (
    "event, round, void, void_event, candidate, assay, value, qualifier, replicate, plate, well, measured_at, "
    "CASE WHEN file <> '' THEN file ELSE (SELECT source FROM files f WHERE f.campaign = results.campaign "
    "AND f.event = results.event) END, file_row, control, error"
)


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some of what a table holds.

    Args:
        items: of this page.
        total: how many there are in all.
    """

    items: tuple[T, ...]
    total: int


@dataclass(frozen=True)
class StoredFile:
    """A file of results as it is on record.

    Args:
        event: of it.
        source: its name.
        at: when it was stored.
        actor: by whom.
        rows: results in it.
        voided: how many of them no longer count.
        why: they do not, in words.
    """

    event: int
    source: str
    at: str
    actor: str
    rows: int
    voided: int
    why: str


@dataclass(frozen=True)
class StoredVersion:
    """A version as it is on record.

    Args:
        version: it.
        current: whether it predicts and proposes.
        held_back: why it did not become current by itself; "" when it did.
    """

    version: Version
    current: bool
    held_back: str


def results_page(
    log: SQLLog,
    *,
    candidate: str = "",
    plate: str = "",
    assay: str = "",
    event: int | None = None,
    voided: bool | None = None,
    offset: int = 0,
    limit: int = ALL,
) -> Page[Result]:
    """Results in the order in which they came, in the units of the campaign's last configuration.

    Args:
        log: of the campaign.
        candidate: of which they are; "" = any.
        plate: on which they stand; "" = any.
        assay: of which they are; "" = any.
        event: with which they came; None = any.
        voided: whether they no longer count; both when None.
        offset: results that are left out first.
        limit: results at most.

    Raises:
        InputError: a number makes no sense.
    """
    asked = {"candidate": candidate, "plate": plate, "assay": assay, "event": event}
    given = {name: value for name, value in asked.items() if value not in ("", None)}
    kept = ["campaign = :campaign", *(f"{name} = :{name}" for name in given)]
    if voided is not None:
        kept.append(f"void IS {'NOT ' * voided}NULL")
    where = f"FROM results WHERE {' AND '.join(kept)}"

    def ask(read: Reader) -> Page[Result]:
        mine = {"campaign": log.campaign, **given}
        total = next(iter(read(f"SELECT count(*) {where}", **mine)))[0]
        found = read(f"SELECT {_OF_RESULT} {where} ORDER BY event, place {_SOME}", **mine, **_cut(offset, limit))
        return Page(tuple(map(_result, found)), total)

    return _asked(log, ask)


def files_page(log: SQLLog, *, event: int | None = None, offset: int = 0, limit: int = ALL) -> Page[StoredFile]:
    """Files of results on record, the last first.

    Args:
        log: of the campaign.
        event: that of one of them; all when None.
        offset: files that are left out first.
        limit: files at most.

    Raises:
        InputError: a number makes no sense.
    """
    one = "" if event is None else "AND f.event = :event"
    listed = (
        "SELECT f.event, f.source, e.at, e.actor, f.size FROM files f "
        "JOIN events e ON e.campaign = f.campaign AND e.sequence = f.event "
        f"WHERE f.campaign = :campaign {one} ORDER BY f.event DESC {_SOME}"
    )

    def ask(read: Reader) -> Page[StoredFile]:
        mine = {"campaign": log.campaign, **({} if event is None else {"event": event})}
        total = next(iter(read(f"SELECT count(*) FROM files f WHERE campaign = :campaign {one}", **mine)))[0]
        rows = list(read(listed, **mine, **_cut(offset, limit)))
        voids: dict[int, dict[str, int]] = {}
        if rows:
            ends = {"first": rows[-1][0], "end": rows[0][0]}
            for number, why, count in read(_VOIDS, campaign=log.campaign, **ends):
                voids.setdefault(number, {})[why] = count
        files = []
        for number, source, at, actor, size in rows:
            why = voids.get(number, {})
            files.append(StoredFile(number, source, at, actor, size, sum(why.values()), "; ".join(why)))
        return Page(tuple(files), total)

    return _asked(log, ask)


def counts_of_plates(log: SQLLog) -> dict[str, tuple[int, int]]:
    """Plate -> how many of its results that count have a value, and how many are failed wells."""
    query = (
        "SELECT plate, count(value), count(*) FROM results "
        "WHERE campaign = :campaign AND plate <> '' AND void IS NULL GROUP BY plate"
    )
    rows = _asked(log, lambda read: list(read(query, campaign=log.campaign)))
    return {plate: (values, count - values) for plate, values, count in rows}


def versions_of(log: SQLLog) -> tuple[StoredVersion, ...]:
    """The versions of the model, the last first; none is current where all results were voided."""
    listed = (
        "SELECT e.payload, e.schema_version, v.current, v.held_back FROM versions v "
        "JOIN events e ON e.campaign = v.campaign AND e.sequence = v.event "
        "WHERE v.campaign = :campaign ORDER BY v.event DESC"
    )
    counting = "SELECT 1 FROM results WHERE campaign = :campaign AND void IS NULL AND value IS NOT NULL LIMIT 1"

    def ask(read: Reader) -> tuple[StoredVersion, ...]:
        known = bool(list(read(counting, campaign=log.campaign)))
        found = []
        for payload, schema, current, held_back in read(listed, campaign=log.campaign):
            event = decode("fitted", json.loads(payload), schema)
            assert isinstance(event, Fitted)  # of that kind
            found.append(StoredVersion(event.version, known and bool(current), held_back))
        return tuple(found)

    return _asked(log, ask)


def students_of(log: SQLLog) -> tuple[StudentRecord, ...]:
    """The students, the last first."""
    listed = (
        "SELECT payload, schema_version FROM events WHERE campaign = :campaign AND kind = 'distilled' "
        "ORDER BY sequence DESC"
    )
    found = []
    for payload, schema in _asked(log, lambda read: list(read(listed, campaign=log.campaign))):
        event = decode("distilled", json.loads(payload), schema)
        assert isinstance(event, Distilled)  # of that kind
        found.append(event.student)
    return tuple(found)


def _cut(offset: int, limit: int) -> dict[str, int]:
    if offset < 0 or limit < 1:
        raise InputError(f"{limit} rows from row {offset} on: give numbers of 1, and of 0, or more.")
    return {"most": limit, "left": offset}


def _asked(log: SQLLog, ask: Callable[[Reader], T]) -> T:
    """The answer by tables in which all events are: where somebody emptied them, they are made anew first."""
    behind = "SELECT 1 FROM campaigns WHERE campaign = :campaign AND projected < last"

    def whole(read: Reader) -> tuple[T] | None:
        return None if list(read(behind, campaign=log.campaign)) else (ask(read),)

    with plain_errors("the database"):
        found = log.database.at_one_moment(whole)
    if found is None:
        log.rebuild()
        with plain_errors("the database"):
            return log.database.at_one_moment(ask)
    return found[0]


def _result(row: Sequence[Any]) -> Result:
    event, number, void, since, name, assay, value, sign, again, plate, well, at, file, place, control, error = row
    figure, told = math.nan if value is None else float(value), (again, plate, well, at, file, place)
    return Result(
        event, number, Measurement(name, assay, figure, sign, *told, bool(control), float(error)), void, since
    )
