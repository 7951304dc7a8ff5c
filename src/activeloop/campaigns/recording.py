"""Checking rows of results and finding those that are new."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from pathlib import PurePath

import numpy as np

from activeloop.campaigns.state import CampaignState, Result
from activeloop.candidates import Pool, Resolver
from activeloop.errors import InputError, MeasurementError, NotationError, did_you_mean
from activeloop.measurements import Assay, Measurement, ResultsFile
from activeloop.measurements.dataset import odd_values
from activeloop.measurements.rows import CORRECT
from activeloop.tables.numbers import LARGEST, SMALLEST

WILD_TYPE = "WT"


@dataclass(frozen=True)
class RecordSummary:
    """The result of recording one file.

    Args:
        source: the file's name.
        stored: rows that are new; 0 when there are none. After a dry run they would be stored.
        duplicates: rows that were stored before.
        event: sequence number of the event that holds the rows (of the earlier one for a file read twice), or None when
            nothing was written.
        candidates: how many different candidates the new rows are about, controls left out.
        read_before: whether this very file had been recorded already.
        unproposed: candidates among the new rows that were in no proposal.
        controls: names of the controls among the new rows.
        control_rows: how many of the new rows are about controls.
        failed: how many of the new rows have no value.
        known: the rows that were stored before, where the file had not been recorded already.
        known_from: the events that hold them.
        replaced: results that no longer count because this file corrects them.
        repeated: candidates that had a value of the same assay from another file, neither in a well; () where the file
            was said to hold repeats.
        repeated_from: the events that hold those values.
    """

    source: str
    stored: int
    duplicates: int
    event: int | None
    candidates: int
    read_before: bool
    unproposed: tuple[str, ...]
    controls: tuple[str, ...] = ()
    control_rows: int = 0
    failed: int = 0
    known: tuple[Measurement, ...] = ()
    known_from: tuple[int, ...] = ()
    replaced: int = 0
    repeated: tuple[str, ...] = ()
    repeated_from: tuple[int, ...] = ()


def hash_rows(measurements: Iterable[Measurement]) -> str:
    """A hash of the rows themselves, for results that came from no file."""
    digest = hashlib.blake2b(digest_size=32)
    for m in measurements:
        digest.update(repr(astuple(m) if m.error else astuple(m)[:-1]).encode())  # as before there were errors
    return digest.hexdigest()


def checked(measurements: Sequence[Measurement], pool: Pool, assays: Sequence[Assay], source: str) -> list[Measurement]:
    """The rows with each candidate under its standard name.

    Raises:
        MeasurementError: a row is about no candidate of the pool, no assay of the campaign, or its value lies beyond
            the assay's bounds.
    """
    named = {a.name: a for a in assays}
    names = dict.fromkeys(m.candidate for m in measurements if not m.control)
    standard: dict[str, str | None] = {name: name for name in names if _is_standard(name, pool)}
    resolver = _resolver(pool, [name for name in names if name not in standard], source)
    rows = []
    for m in measurements:
        file, row = m.file or source or None, m.row or None
        if m.assay not in named:
            known = ", ".join(sorted(named))
            hint = did_you_mean(m.assay, named) or "Correct the name, or add the assay."
            problem = f'"{m.assay}" is not an assay of this campaign (it has: {known}). {hint} Nothing was stored.'
            raise MeasurementError(problem, file=file, row=row)
        if m.replicate < 1:
            problem = f'replicate {m.replicate} of "{m.candidate}" is impossible: they are counted from 1.'
            raise MeasurementError(f"{problem} Nothing was stored.", file=file, row=row)
        if m.value and not math.isnan(m.value) and not SMALLEST <= abs(m.value) <= LARGEST:
            problem = f"{m.assay} {m.value:g} is too {'large' if abs(m.value) > 1 else 'small'} to be a measured value."
            raise MeasurementError(f"{problem} Correct it. Nothing was stored.", file=file, row=row)
        if not 0 <= m.error < math.inf:
            problem = f"the standard error {m.error:g} of {m.assay} is no number of 0 or more. Correct it."
            raise MeasurementError(f"{problem} Nothing was stored.", file=file, row=row)
        if not math.isnan(m.value) and (refusal := named[m.assay].refusal(m.value, m.qualifier)):
            raise MeasurementError(f"{refusal}. {CORRECT} Nothing was stored.", file=file, row=row)
        if not m.control:
            if m.candidate not in standard:
                standard[m.candidate] = _name_in(resolver, m.candidate, file, row)
            name = standard[m.candidate]
            if name != m.candidate:
                m = replace(m, candidate=name or WILD_TYPE, control=name is None)
        rows.append(m)
    return rows


def _is_standard(name: str, pool: Pool) -> bool:
    """Whether a name stands in the pool's own notation, rather than in another that somebody wrote."""
    row = pool.row_of(name)
    return row is not None and pool.names([row]) == [name]


def _resolver(pool: Pool, names: Sequence[str], source: str) -> Resolver:
    try:
        return pool.resolver(names)
    except NotationError as error:
        raise MeasurementError(f"{error.problem} Nothing was stored.", file=source or None) from None


def _name_in(resolver: Resolver, name: str, file: str | None, row: int | None) -> str | None:
    """The standard name of a candidate; None for a wild type outside the pool, which is a control."""
    try:
        match = resolver.find(name)
        if match.row is None and match.name == WILD_TYPE:
            return None
        resolver.row(name)  # refuses what is not in the pool
        return match.name
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


def ask_whether_two(fresh: Sequence[Measurement], state: CampaignState, assays: Sequence[Assay], source: str) -> None:
    """Ask about a value that makes an assay of two values one of numbers; see `odd_values`.

    Nothing is asked where the scale of the assay, its bounds, limits or threshold say what it is.

    Args:
        fresh: rows that the campaign does not hold yet.
        state: of the campaign, without what they replace.
        assays: of the campaign.
        source: the file's name.

    Raises:
        MeasurementError: such a value may be a wrong one, or the assay may have more than two values.
    """
    for assay in assays:
        rows = [m for m in fresh if m.assay == assay.name and not m.control and math.isfinite(m.value)]
        if assay.scale != "auto" or not assay.is_open or not rows:
            continue
        stored = state.stored
        mine = stored.counting & (stored.rows["assay"] == stored.texts.words.find(assay.name))
        before = stored.rows["value"][mine]
        # a limit is another value than the number beside it
        new = np.array([math.inf if m.qualifier != "=" else m.value for m in rows])
        if stored.rows["side"][mine].any() or (found := odd_values(before, new)) is None:
            continue
        (low, high), odd = found
        first, others = rows[int(np.flatnonzero(odd)[0])], int(odd.sum()) - 1
        count = len(before) or len(new) - others - 1
        them = f"the {count:,} {'stored' if len(before) else 'other'} values are {low:g} or {high:g}"
        mean = " (replicates that disagree have a row each)" if low < first.value < high else ""
        raise MeasurementError(
            f"{assay.name} = {_value(first)} of {first.candidate}, and {them}"
            f"{f'; {others:,} more rows are like it' if others else ''}. Is it a wrong value, or does {assay.name} "
            f"have more than two values? If it is wrong, write {low:g} or {high:g}{mean}. Else write "
            f'`scale = "linear"` under [[assays]] of {assay.name} in campaign.toml (or "log"), and record this again. '
            "Nothing was stored.",
            file=first.file or source or None,
            row=first.row or None,
        )


@dataclass(frozen=True)
class Comparison:
    """The rows of a file beside those of a campaign.

    Args:
        fresh: rows that the campaign does not hold yet.
        known: rows that it holds.
        events: those that hold them.
        grown_from: those of them whose rows all stand in the file: it is a spreadsheet that grew.
        repeated: candidate of a fresh row without a well -> the events with earlier values of it, without wells too.
    """

    fresh: list[Measurement]
    known: list[Measurement]
    events: tuple[int, ...]
    grown_from: tuple[int, ...]
    repeated: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def compare(rows: Sequence[Measurement], state: CampaignState, source: str, repeats: bool = False) -> Comparison:
    """Which rows of a file the campaign holds already.

    A well is measured once in each assay: the same value again is known, another value an error, a value where it had
    failed is new. Rows without a well are known only when *all* rows of an earlier file stand in this one (a
    spreadsheet that grew); otherwise they are repeats, whatever their values.

    Args:
        rows: of the file.
        state: of the campaign, without what the file replaces.
        source: the file's name.
        repeats: whether the file is known to hold repeats, so that no row without a well is known.

    Raises:
        MeasurementError: a well has another value already; or, unless `repeats`, rows without a well could correct
            earlier ones: the file has their file's name, or they stand on the same plate.
    """
    # A row that was voided alone stays so when its spreadsheet comes again; a file that was voided whole may come anew.
    stored = state.stored
    about = stored.loose_about({m.candidate for m in rows})
    loose = stored.loose({e for event in about for e in _whole(event, state)})
    wells = stored.in_wells([key for m in rows if (key := _well(m))])
    grown, stock = ([], Counter()) if repeats or not loose else _grown(rows, loose, state)
    found = Comparison([], [], (), ())
    events, awaiting = set(grown), state.awaiting
    for m in rows:
        key, held = _well(m), None
        if key is None:
            known = bool(stock) and stock[_content(m)] > 0
            if known:
                stock[_content(m)] -= 1
        else:
            for r in wells.get(key, ()):
                held = r if r.void is None or held is None else held
            known = held is not None and _is_known(m, held, source)
            if known and held:
                events.add(held.event)
        if known:
            found.known.append(m)
        else:
            found.fresh.append(_proposed(m, awaiting))
    for event in grown:
        if all(r.measurement.candidate in awaiting for r in loose.get(event, [])):
            # It was measured before, and is on a plate that is out: the same value may be that of either.
            same = [m for m in found.known if m.candidate in awaiting]
            raise _asked([(m, loose[event][0]) for m in same[:1]], len(same), source, (event,))
    if not repeats and loose:
        _refuse_correction(found.fresh, {e: own for e, own in loose.items() if e not in grown}, state, source)
    repeated = {} if repeats else _repeated(found.fresh, [r for e, own in loose.items() if e not in grown for r in own])
    return replace(found, events=tuple(sorted(events)), grown_from=tuple(sorted(grown)), repeated=repeated)


def _repeated(fresh: Sequence[Measurement], earlier: Sequence[Result]) -> dict[str, tuple[int, ...]]:
    held: dict[tuple[str, str], set[int]] = {}
    for r in earlier:
        if r.void is None and not r.measurement.control and not _failed(r.measurement):
            held.setdefault((r.measurement.candidate, r.measurement.assay), set()).add(r.event)
    found: dict[str, set[int]] = {}
    for m in fresh:
        if _well(m) is None and not m.control and not _failed(m) and (events := held.get((m.candidate, m.assay))):
            found.setdefault(m.candidate, set()).update(events)
    return {name: tuple(sorted(events)) for name, events in found.items()}


def _grown(
    rows: Sequence[Measurement], loose: Mapping[int, Sequence[Result]], state: CampaignState
) -> tuple[set[int], Counter[tuple[str, ...]]]:
    """Events whose file stands whole in the rows, and what they hold (also voided), each as often as it is stored."""
    here = Counter(_content(m) for m in rows if _well(m) is None)
    files = {event: _whole(event, state) & loose.keys() for event in loose}
    size = {event: sum(len(loose[e]) for e in files[event]) for event in files}
    grown: set[int] = set()
    stock: Counter[tuple[str, ...]] = Counter()
    # The largest first: a row of this file is the row of one earlier file only.
    for event in sorted(files, key=lambda e: (-size[e], e)):
        own = [r for e in files[event] - grown for r in loose[e]]
        counting = [r.measurement for r in own if r.void is None]
        # A failed well may have its value by now.
        needed = Counter(map(_content, [m for m in counting if not _failed(m)] or counting))
        if all(here[content] >= count for content, count in needed.items()):
            grown |= files[event]
            here -= needed
            stock += Counter(_content(r.measurement) for r in own)
    return grown, stock


def _whole(event: int, state: CampaignState) -> set[int]:
    """The events that hold the rows of one file: its own, and those it grew from."""
    found, more = set[int](), [event]
    while more:
        found.add(latest := more.pop())
        more += [e for e in state.grown_from.get(latest, ()) if e not in found]
    return found


def _refuse_correction(
    fresh: Sequence[Measurement], others: Mapping[int, Sequence[Result]], state: CampaignState, source: str
) -> None:
    """Ask whether rows without a well correct earlier ones or repeat them, where both are likely."""
    earlier: dict[tuple[object, ...], Result] = {}
    for event, results in others.items():
        namesake = same_file(source, state.sources.get(event, ""))
        for r in results:
            m = r.measurement
            if r.void is None and not m.control and not _failed(m) and (namesake or m.plate):
                earlier[_place(m)] = r
    clashes = [(m, earlier[_place(m)]) for m in fresh if not m.control and not m.well and _place(m) in earlier]
    if clashes:
        raise _asked(clashes, len(clashes), source, sorted({r.event for _, r in clashes}))


def _asked(
    clashes: Sequence[tuple[Measurement, Result]], count: int, source: str, events: Sequence[int]
) -> MeasurementError:
    """What is asked of a row and the earlier one that it may correct or repeat."""
    m, r = clashes[0]
    old = r.measurement
    where = f"event {r.event}{f', {old.file}' if old.file else ''}{f', row {old.row}' if old.row else ''}"
    more = f", and {count - 1} more rows are like it" if count > 1 else ""
    replacing = " ".join(f"--replaces {e}" for e in events)
    on = f" on plate {m.plate}" if m.plate else ""
    return MeasurementError(
        f"{m.candidate} has {m.assay} = {_value(old)} already{on} ({where}), and here {_value(m)}{more}. Does this "
        f"file correct that one, or was it measured again? To correct it, record this file with `{replacing}`: what "
        "came with that event no longer counts. For repeats, record it with `--repeats`. Nothing was stored.",
        file=m.file or source or None,
        row=m.row or None,
    )


def replaced_events(replaces: Iterable[int | str], state: CampaignState) -> tuple[int, ...]:
    """The events that a file corrects.

    Args:
        replaces: numbers of events, or names of files: all events whose file has that name.
        state: of the campaign.

    Raises:
        InputError: an event or file is not known, or none of its results counts any more.
    """
    counting = set(state.stored.events.tolist())
    found: set[int] = set()
    for wanted in replaces:
        text = str(wanted).strip()
        exact = {e for e, source in state.sources.items() if text and PurePath(source) == PurePath(text)}
        named = exact or {e for e, source in state.sources.items() if same_file(text, source)}
        if len(several := {state.sources[e] for e in named}) > 1:
            problem = f'"{text}" may be {" or ".join(sorted(several))}. Name its folder, or the number of its event.'
            raise InputError(f"{problem} Nothing was stored.")
        mine = named or ({int(text)} & state.sources.keys() if text.isdecimal() else set())
        if not mine:
            events = [f"{e} ({source or 'no file'})" for e, source in sorted(state.sources.items())]
            known = f"Results came with: {', '.join(events) or 'none yet'}."
            raise InputError(f'no results came with event or file "{text}". {known} Nothing was stored.')
        if not mine & counting:
            problem = f'all results of "{text}" were voided before: there is nothing to replace.'
            raise InputError(f"{problem} Nothing was stored.")
        found |= mine & counting
    return tuple(sorted(found))


def same_file(one: str, other: str) -> bool:
    """Whether two names of files, as they were typed, may mean the same one: one ends in the other.

    >>> same_file("results.csv", "./today/results.csv"), same_file("day1/r.csv", "day2/r.csv"), same_file("", "")
    (True, False, False)
    """
    a, b = PurePath(one).parts, PurePath(other).parts
    shared = min(len(a), len(b))
    return shared > 0 and a[-shared:] == b[-shared:]


def _proposed(m: Measurement, awaiting: frozenset[str]) -> Measurement:
    """A row that is a control by its name alone is a result when a proposal contains that candidate."""
    return replace(m, control=False) if m.control and not m.well and m.candidate in awaiting else m


def _failed(m: Measurement) -> bool:
    return math.isnan(m.value)


def _value(m: Measurement) -> str:
    return "no value" if _failed(m) else f"{m.qualifier.strip('=')}{m.value:.6g}"


def _well(m: Measurement) -> tuple[str, str, str] | None:
    return (m.plate, m.well, m.assay) if m.plate and m.well else None


def _content(m: Measurement) -> tuple[str, ...]:
    # A value that was converted from another unit may differ in its last bits.
    return (m.candidate, m.assay, f"{m.value:.12g}", m.qualifier, m.plate, m.well, m.measured_at)


def _place(m: Measurement) -> tuple[object, ...]:
    """What a row without a well is a value of: two rows of one place correct or repeat each other."""
    return m.candidate, m.assay, m.plate, m.replicate, m.measured_at


def _is_known(m: Measurement, stored: Result, source: str) -> bool:
    """Whether a well's result is the one that is stored; refuses another one."""
    old = stored.measurement
    same = _content(m)[:4] == _content(old)[:4]
    if same or stored.void is not None or (_failed(old) and not _failed(m)):
        return same
    held = f"{old.assay} = {_value(old)} for {old.candidate} (event {stored.event})"
    raise MeasurementError(
        f"well {m.well} of {m.plate} already has {held}, and here {_value(m)} for {m.candidate}. If this file is the "
        f"right one, record it with `--replaces {stored.event}` (what came with that event no longer counts), or void "
        "the other first. Nothing was stored.",
        file=m.file or source or None,
        row=m.row or None,
    )
