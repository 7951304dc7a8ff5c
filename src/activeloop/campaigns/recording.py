"""Checking rows of results and finding those that are new."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, replace

from activeloop.campaigns.state import CampaignState, Result
from activeloop.candidates import Pool
from activeloop.errors import MeasurementError, NotationError
from activeloop.measurements import Assay, Measurement, ResultsFile

WILD_TYPE = "WT"


@dataclass(frozen=True)
class RecordSummary:
    """The result of recording one file.

    Args:
        source: the file's name.
        stored: rows that are new; 0 when nothing was written.
        duplicates: rows that were stored before.
        event: sequence number of the event that holds the rows (of the earlier one for a file read twice), or None.
        candidates: how many different candidates the new rows are about.
        read_before: whether this very file had been recorded already.
        unproposed: candidates among the new rows that were in no proposal.
    """

    source: str
    stored: int
    duplicates: int
    event: int | None
    candidates: int
    read_before: bool
    unproposed: tuple[str, ...]


def hash_rows(measurements: Iterable[Measurement]) -> str:
    """A hash of the rows themselves, for results that came from no file."""
    digest = hashlib.blake2b(digest_size=32)
    for m in measurements:
        digest.update(repr(astuple(m)).encode())
    return digest.hexdigest()


def checked(measurements: Sequence[Measurement], pool: Pool, assays: Sequence[Assay], source: str) -> list[Measurement]:
    """The rows with each candidate under its standard name.

    Raises:
        MeasurementError: a row is about no candidate of the pool, no assay of the campaign, or its value lies beyond
            the assay's bounds.
    """
    named = {a.name: a for a in assays}
    rows = []
    for m in measurements:
        file, row = m.file or source or None, m.row or None
        if m.assay not in named:
            known = ", ".join(sorted(named))
            problem = f'"{m.assay}" is not an assay of this campaign (it has: {known}). Nothing was stored.'
            raise MeasurementError(problem, file=file, row=row)
        if not math.isnan(m.value) and (refusal := named[m.assay].refusal(m.value, m.qualifier)):
            fix = "Correct the value, or the scale or bounds in campaign.toml. Nothing was stored."
            raise MeasurementError(f"{refusal}. {fix}", file=file, row=row)
        rows.append(_in_pool(m, pool, file, row))
    return rows


def _in_pool(m: Measurement, pool: Pool, file: str | None, row: int | None) -> Measurement:
    if m.control:
        return m
    if m.candidate == WILD_TYPE and pool.row_of(m.candidate) is None:
        return replace(m, control=True)  # a wild type outside the pool is a control
    try:
        return replace(m, candidate=pool.names([pool.find(m.candidate)])[0])
    except NotationError as error:
        fix = "Correct the name, leave the row out, or mark it as a control. Nothing was stored."
        raise MeasurementError(f"{error.problem} {fix}", file=file, row=row) from None


def rows_of(reading: ResultsFile) -> list[Measurement]:
    """All rows of a file, failed wells as NaN."""
    failed = [
        Measurement(
            candidate=w.candidate,
            assay=w.assay,
            value=math.nan,
            replicate=w.replicate,
            plate=w.plate,
            well=w.well,
            file=reading.file,
            row=w.row,
            control=w.control,
        )
        for w in reading.failed_wells
    ]
    return [*reading.measurements, *failed]


def new_rows(rows: Sequence[Measurement], state: CampaignState, source: str) -> list[Measurement]:
    """The rows that the campaign does not hold yet.

    A well is measured once in each assay: the same value again is a duplicate, another value an error, a value where
    it had failed is new. Rows without a well are identified by candidate, assay, value and date; of k equal rows, as
    many as are stored already are duplicates (a spreadsheet that grows with each round may be recorded each time).

    Raises:
        MeasurementError: a well has another value already.
    """
    live = [r for r in state.results if r.void is None]
    wells = {key: r for r in live if (key := _well(r.measurement))}
    loose = Counter(_content(r.measurement) for r in live if not _well(r.measurement))
    fresh, awaiting = [], state.awaiting
    for m in rows:
        key = _well(m)
        if key is None:
            known = loose[_content(m)] > 0
            loose[_content(m)] -= known
        else:
            known = key in wells and not (_failed(wells[key].measurement) and not _failed(m))
            if known:
                _same_value(m, wells[key], source)
        if not known:
            fresh.append(_proposed(m, awaiting))
    return fresh


def _proposed(m: Measurement, awaiting: frozenset[str]) -> Measurement:
    """A row that is a control by its name alone is a result when a proposal contains that candidate."""
    return replace(m, control=False) if m.control and not m.well and m.candidate in awaiting else m


def _failed(m: Measurement) -> bool:
    return math.isnan(m.value)


def _well(m: Measurement) -> tuple[str, str, str] | None:
    return (m.plate, m.well, m.assay) if m.plate and m.well else None


def _content(m: Measurement) -> tuple[str, ...]:
    return (m.candidate, m.assay, repr(float(m.value)), m.qualifier, m.plate, m.well, m.measured_at)


def _same_value(m: Measurement, stored: Result, source: str) -> None:
    old = stored.measurement
    same = (m.candidate, repr(float(m.value)), m.qualifier) == (old.candidate, repr(float(old.value)), old.qualifier)
    if not same:
        problem = (
            f"well {m.well} of {m.plate} already has {old.assay} = {old.value:g} for {old.candidate} "
            f"(event {stored.event}), and here {m.value:g} for {m.candidate}. If this is the right one, void the "
            "other first. Nothing was stored."
        )
        raise MeasurementError(problem, file=m.file or source or None, row=m.row or None)
