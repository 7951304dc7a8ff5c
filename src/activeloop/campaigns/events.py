"""The events of a campaign, their JSON form, and a log in memory."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from activeloop.campaigns.results import StoredResults
from activeloop.errors import StateError, StoreError
from activeloop.measurements import Assay, Measurement
from activeloop.plates import Proposal


@dataclass(frozen=True)
class Version:
    """One fitted model.

    Args:
        number: counted from 1.
        parent: number of the version before it, 0 for the first.
        data_hash: `Dataset.hash` of what it was fitted to.
        learner: the learner's description.
        seed: of the fit.
        code_version: of ActiveLoop.
        metrics: name -> value: `Validated.metrics`, and the prospective validation of the last plate.
        created_at: ISO 8601, UTC.
        explanation: what was chosen and why, in words.
        artifact: content hash of the stored model, "" when it is rebuilt by fitting again.
    """

    number: int
    parent: int
    data_hash: str
    learner: str
    seed: int
    code_version: str
    metrics: dict[str, float]
    created_at: str
    explanation: str
    artifact: str = ""


@dataclass(frozen=True)
class StudentRecord:
    """One student of a version.

    Args:
        number: counted from 1.
        version: number of its teacher.
        trainer: all settings of the training, in words.
        network: in words.
        parameters: its number of trainable parameters.
        teacher_parameters: those of its teacher, 0 when not known.
        fidelity: name -> value, against its teacher on candidates that it was not trained on.
        seed: of the training.
        code_version: of ActiveLoop.
        created_at: ISO 8601, UTC.
        explanation: how it was found, in words; "" when its network was given.
        artifact: content hash under which its file is stored.
    """

    number: int
    version: int
    trainer: str
    network: str
    parameters: int
    teacher_parameters: int
    fidelity: dict[str, float]
    seed: int
    code_version: str
    created_at: str
    explanation: str
    artifact: str


@dataclass(frozen=True)
class Configured:
    """What the campaign is from here on: the log alone says what its values mean.

    What was written before the first of these events is as that event says.

    Args:
        assays: with their units, goals and limits.
        pool: `Pool.hash`, without what was added to it later (`Extended`).
        origin: of that pool, in one sentence.
        seed: of everything random.
        hits: assay -> the value from which a candidate counts as a hit, in its unit; those that state one.
        files: file of the pool or of the learner -> SHA-256 of its content.
        settings: all of `campaign.toml` as plain values, defaults included; {} for a campaign made in Python.
    """

    assays: tuple[Assay, ...]
    pool: str
    origin: str
    seed: int
    hits: dict[str, float] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Extended:
    """Candidates were added to the pool, behind those that it had.

    Args:
        names: in the pool's own notation, in the order of their rows.
        origin: where they come from, in words that go on the pool's own sentence.
        called: another name, such as a catalogue number -> places in `names` of what it stands for.
        labels: what else is known of each, such as its supplier: column -> its cells.
        settings: how they were found, as plain values, such as the most mutations of a combination.
    """

    names: tuple[str, ...]
    origin: str
    called: dict[str, tuple[int, ...]] = field(default_factory=dict)
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Proposed:
    """A proposal was made.

    Args:
        proposal: it.
        plate: options by which its plates were laid out other than `campaign.toml` says: the next ones are, too.
    """

    proposal: Proposal
    plate: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PlateLaid:
    """The plates of a proposal were laid out anew.

    Args:
        proposal: number of the proposal.
        plate: options as in `Proposed`.
        by_hand: plate -> its `size` and `wells` (well -> candidate, replicate, whether it is a control), where somebody
            laid it out otherwise than these options do.
    """

    proposal: int
    plate: dict[str, Any] = field(default_factory=dict)
    by_hand: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PlateSent:
    """A plate went to whoever measures it.

    Args:
        plate: its name, such as `plate-3` or `plate-3-2`.
        to: a person, a laboratory or a device.
        sent_at: when (ISO 8601).
        note: what else is to be known of it, in the user's words.
    """

    plate: str
    to: str
    sent_at: str
    note: str = ""


Outcome = Literal["done", "failed", "stopped"]


@dataclass(frozen=True)
class RunFinished:
    """A device ended a run on a plate.

    Args:
        plate: its name.
        device: of which name.
        run: the device's own name of the run; with the device it says which run it is.
        outcome: `done`, `failed`, or `stopped` by somebody.
        files: name of each file that the run wrote -> SHA-256 of its content.
        finished_at: when (ISO 8601).
        words: what the device said of it.
    """

    plate: str
    device: str
    run: str
    outcome: Outcome
    files: dict[str, str] = field(default_factory=dict)
    finished_at: str = ""
    words: str = ""


RobotOrder = Literal["run", "pause", "stop", "release"]


@dataclass(frozen=True)
class RobotOrdered:
    """The robotic loop was told to run, to pause or to stop, or to let a plate go to its device.

    Args:
        order: `run`, `pause` (what a device does goes on, nothing new begins), `stop` (also what a device does), or
            `release` of a plate that waits for somebody.
        plate: that is released; "" for the others.
        reason: why, in the words of whoever ordered it: a person, or the loop itself when it stops.
    """

    order: RobotOrder
    plate: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Measured:
    """Results came back.

    Args:
        measurements: the rows of one file (or one call) that were new.
        source: the file's name.
        content_hash: of the file's content: the same file read twice is recognised.
        grown_from: events whose rows all stand in the file too: a spreadsheet that grew.
        replaces: events whose results it corrects; they no longer count.
        repeats: whether somebody said that all rows were measured anew, whatever earlier files hold.
    """

    measurements: tuple[Measurement, ...]
    source: str
    content_hash: str
    grown_from: tuple[int, ...] = ()
    replaces: tuple[int, ...] = ()
    repeats: bool = False


@dataclass(frozen=True)
class Voided:
    """Results were declared wrong; they stay on record and no longer count.

    Args:
        event: sequence number of the `Measured` event.
        rows: spreadsheet rows within it, or () for all.
        reason: why, in the user's words.
    """

    event: int
    rows: tuple[int, ...]
    reason: str


@dataclass(frozen=True)
class Fitted:
    """A version was fitted; it is current from here on, unless it is held back.

    Args:
        version: it.
        held_back: why it did not become current by itself, in words; "" when it did.
        upto: the last event whose results it was fitted to, where results came in during the fit; 0 = all before it.
    """

    version: Version
    held_back: str = field(default="", metadata={"stored": "unless default"})
    upto: int = field(default=0, metadata={"stored": "unless default"})


@dataclass(frozen=True)
class Promoted:
    """Somebody made a version current: one that was held back, or an earlier one.

    Args:
        version: its number.
        reason: why, in the user's words.
    """

    version: int
    reason: str


@dataclass(frozen=True)
class Pinned:
    """Candidates that must be on the next proposal, or (`veto`) never."""

    names: tuple[str, ...]
    veto: bool
    reason: str


@dataclass(frozen=True)
class Distilled:
    """A student was trained."""

    student: StudentRecord


Event = (
    Configured
    | Extended
    | Proposed
    | PlateLaid
    | PlateSent
    | RunFinished
    | RobotOrdered
    | Measured
    | Voided
    | Fitted
    | Promoted
    | Pinned
    | Distilled
)


@dataclass(frozen=True)
class Recorded:
    """An event as it stands in the log.

    Args:
        sequence: its number, from 1, without gaps.
        at: when it was written (ISO 8601, UTC).
        event: what happened.
        actor: who wrote it; "" where that is not known.
        request: of what request it is, so that one that is made twice is done once; "" where there is none.
    """

    sequence: int
    at: str
    event: Event
    actor: str = ""
    request: str = ""


@dataclass(frozen=True)
class Snapshot:
    """What a log comes to, without each of its events.

    Args:
        last: number of its last event.
        others: all its events but those that store or void results.
        results: every row that ever came back, in the units of the last configuration.
        files: of each event that stored results its number, file, content hash, the events that the file grew from,
            whether all rows were measured anew, and the first event that it corrects (0 when none).
        rounds: how many rounds have results.
        new_round: whether the next results begin another.
    """

    last: int
    others: tuple[Recorded, ...]
    results: StoredResults
    files: Iterable[tuple[int, str, str, tuple[int, ...], bool, int]]
    rounds: int
    new_round: bool


class EventLog(ABC):
    """An append-only list of events. `InMemoryLog` here; `SQLLog` in `store`.

    Attributes:
        undone: how often events that had been read were not written after all, because a block `alone` failed.
        actor: who writes, kept with every event where the log is in a database.
        request: of what request the events are, kept in the same way.
    """

    undone: int = 0
    actor: str = ""
    request: str = ""

    @abstractmethod
    def append(self, event: Event, *, after: int) -> Recorded:
        """Write one event durably, or nothing at all.

        Args:
            event: what happened.
            after: the last sequence number the caller has seen; when somebody wrote since, nothing is written.

        Raises:
            StateError: another process wrote in between; read again and decide anew.
            StoreError: the log cannot be written; nothing was.
        """

    @abstractmethod
    def __iter__(self) -> Iterator[Recorded]:
        """All events in order."""

    def after(self, sequence: int) -> list[Recorded]:
        """The events behind one."""
        return [r for r in self if r.sequence > sequence]

    def snapshot(self) -> Snapshot | None:
        """What it comes to, where that is quicker to read than its events; None where it is not."""
        return None

    def alone(self) -> AbstractContextManager[None]:
        """A block in which nobody else writes: what is read in it is still the last when it appends.

        For what takes moments, such as storing results, which must not fail because others write. What takes longer,
        such as fitting, reads first, and its `append` fails when somebody wrote since. All events of the block are
        written at its end, or none when it raises.

        Raises:
            StoreError: others kept it waiting too long.
        """
        return nullcontext()


SCHEMA = 1

KINDS: dict[str, type] = {
    "configured": Configured,
    "extended": Extended,
    "proposed": Proposed,
    "plate-laid": PlateLaid,
    "plate-sent": PlateSent,
    "run-finished": RunFinished,
    "robot-ordered": RobotOrdered,
    "measured": Measured,
    "voided": Voided,
    "fitted": Fitted,
    "promoted": Promoted,
    "pinned": Pinned,
    "distilled": Distilled,
}
_NAMES = {cls: kind for kind, cls in KINDS.items()}
#: field -> its stored word, where that is an older one: what was stored keeps loading, here and in older releases
_STORED: dict[type, dict[str, str]] = {
    Version: {"learner": "recipe"},
    StudentRecord: {"trainer": "teaching", "fidelity": "agreement"},
}
#: in texts by which a version or student is recognised, pattern of an older word -> the word of now, in this order
STORED_WORDS: dict[tuple[type, str], dict[str, str]] = {
    (Version, "learner"): {
        r"\bgate(-ranks|-both)?\(": r"stacking\1(",
        r"\+own-noise$": "+noise",
        r"(?<=[(, ])draws=process\b": "head=gp",
        r"(?<=[(, ])draws=last-layer\b": "head=laplace",
        r"(?<=[(, ])draws=dropout\b": "head=mc-dropout",
        r"(?<=[(, ])line=": "linear_share=",
        r"(?<=[(, ])usual=": "variances=",
        r"(?<=[(, ])last=": "last_layers=",
        r"(?<=[(, ])stop=": "early_stopping=",
        r"(?<=[(, ])near=": "kl_weight=",
        r"(?<=[(, ])hidden=(?=True|False)": "masked=",
    },
    (StudentRecord, "trainer"): {},
}


def encode(event: Event) -> tuple[str, dict[str, Any]]:
    """The kind of an event and its fields as plain JSON values.

    >>> encode(Voided(event=3, rows=(4, 5), reason="pipette"))
    ('voided', {'event': 3, 'rows': [4, 5], 'reason': 'pipette'})
    """
    if isinstance(event, Measured) and len(event.measurements) >= LONG:
        fields = plain(dataclasses.replace(event, measurements=()))
        return _NAMES[Measured], {**fields, "measurements": _columns(event.measurements)}
    return _NAMES[type(event)], plain(event)


#: results of one file from which on they are stored by column, which takes a quarter of the room
LONG = 10_000


def _columns(rows: Sequence[Measurement]) -> dict[str, Any]:
    """Measurements as JSON by column; a column of one value holds it once.

    >>> rows = [Measurement("K2R", "kcat", 1.5, row=2), Measurement("T3S", "kcat", math.nan, row=3)]
    >>> columns = _columns(rows)["columns"]
    >>> columns["assay"], columns["value"], columns["row"]
    ({'all': 'kcat'}, {'each': [1.5, 'nan']}, {'each': [2, 3]})
    >>> str(_of_columns(_columns(rows))) == str(tuple(rows))
    True
    """
    columns, hints = {}, _hints(Measurement)
    for name in [f.name for f in dataclasses.fields(Measurement) if _is_stored(f, rows)]:
        cells, kind = [getattr(m, name) for m in rows], hints[name]
        same = kind is not float and cells.count(cells[0]) == len(cells)  # 0.0 == -0.0, and yet they differ
        columns[name] = {"all": plain(cells[0])} if same else {"each": plain(cells)}
    return {"count": len(rows), "columns": columns}


def _of_columns(stored: dict[str, Any]) -> tuple[Measurement, ...]:
    count, columns = stored["count"], stored["columns"]
    if unknown := sorted(set(columns) - set(_hints(Measurement))):
        raise ValueError(f"unknown field {unknown[0]}")
    names: dict[str, str] = {}
    cells = []
    defaults = {f.name: f.default for f in dataclasses.fields(Measurement) if "stored" in f.metadata}
    for name, kind in _hints(Measurement).items():
        column = columns[name] if name in columns or name not in defaults else {"all": plain(defaults[name])}
        one = column.get("each")
        if one is None:
            cells.append(itertools.repeat(_typed(kind, column["all"]), count))
            continue
        if len(one) != count:
            raise ValueError(f"{len(one)} cells for {count} rows")
        typed = (_typed(kind, cell) for cell in one)
        # Equal texts are one text in memory.
        cells.append([names.setdefault(v, v) for v in typed] if kind is str else list(typed))
    return tuple(itertools.starmap(Measurement, zip(*cells, strict=False)))


def decode(kind: str, payload: Any, schema: int = SCHEMA) -> Event:
    """The event that `encode` was given.

    Args:
        kind: the first thing that `encode` returned.
        payload: the second.
        schema: the version of the form it was written in.

    Raises:
        StoreError: the event is damaged, or was written by a newer release.

    >>> decode("voided", {"event": 3, "rows": [4, 5], "reason": "pipette"})
    Voided(event=3, rows=(4, 5), reason='pipette')
    """
    if schema > SCHEMA or kind not in KINDS:
        raise StoreError(f'an event "{kind}" of form {schema} was written by a newer ActiveLoop: upgrade this one.')
    try:
        if kind == _NAMES[Measured] and isinstance(payload["measurements"], dict):
            rows = _of_columns(payload["measurements"])
            return dataclasses.replace(_typed(Measured, {**payload, "measurements": []}), measurements=rows)
        return _typed(KINDS[kind], payload)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise StoreError(f'a stored event "{kind}" is damaged ({error}): restore the folder from a backup.') from error


def plain(value: Any) -> Any:
    """A value of an event as JSON holds it.

    Raises:
        TypeError: it is nothing that an event can hold.

    >>> plain({"bounds": (0, float("inf"))})
    {'bounds': [0, 'inf']}
    """
    if dataclasses.is_dataclass(value):
        stored = _STORED.get(type(value), {})
        fields = [f for f in dataclasses.fields(value) if _is_stored(f, [value])]
        return {stored.get(f.name, f.name): plain(getattr(value, f.name)) for f in fields}
    if isinstance(value, (tuple, list)):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else repr(float(value))
    if value is None or isinstance(value, (str, bool, int)):
        return value
    raise TypeError(f"an event cannot hold a {type(value).__name__}")


def _is_stored(f: dataclasses.Field, values: Sequence[Any]) -> bool:
    """Whether a field of some values is stored: always, never, or unless all have its default."""
    how = f.metadata.get("stored", True)
    return any(getattr(v, f.name) != f.default for v in values) if how == "unless default" else bool(how)


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


@cache
def _fields(cls: type) -> dict[str, tuple[str, Any, tuple[Any, ...], bool]]:
    """Stored word of a field -> its name, type, the texts that it may be, and whether its texts have older words."""
    older = {name: (word,) for name, word in _STORED.get(cls, {}).items()}
    return {
        word: (name, hint, get_args(hint) if get_origin(hint) is Literal else (), (cls, name) in STORED_WORDS)
        for name, hint in _hints(cls).items()
        for word in (name, *older.get(name, ()))
    }


def _typed(kind: Any, value: Any) -> Any:
    """`value` as the annotated type `kind`."""
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind):
        fields, made = _fields(kind), {}  # type: ignore[arg-type]
        for word, v in value.items():
            if word not in fields:
                raise ValueError(f"unknown field {word}")
            name, hint, allowed, renamed = fields[word]
            if renamed:
                v = in_words_of_now(kind, name, v)  # type: ignore[arg-type]
            plain = type(v) is hint or (allowed and type(v) is str and v in allowed)
            made[name] = v if plain else _typed(hint, v)
        return kind(**made)  # type: ignore[operator]
    origin = get_origin(kind)
    if origin is tuple:
        if not isinstance(value, list):
            raise TypeError("a list was expected")
        each = get_args(kind)[0]
        return tuple([v if type(v) is each else _typed(each, v) for v in value])
    if origin is dict:
        return {k: _typed(get_args(kind)[1], v) for k, v in value.items()}
    if origin is Literal:
        if value not in get_args(kind):
            raise ValueError(f"{value!r} is not one of {get_args(kind)}")
        return value
    if origin in (Union, UnionType):
        return None if value is None else _typed(next(a for a in get_args(kind) if a is not type(None)), value)
    if kind is float:
        return float(value)
    if not isinstance(value, kind):
        raise TypeError(f"{kind.__name__} was expected, not {value!r}")
    return value


def in_words_of_now(kind: type, field: str, value: Any) -> Any:
    """A stored name of a learner or trainer, as this release would write it.

    Args:
        kind: of event, or of what it holds.
        field: of it.
        value: as it was stored; anything but a text of `STORED_WORDS` is returned as it is.
    """
    if (kind, field) not in STORED_WORDS or not isinstance(value, str):
        return value
    now = value
    for old, new in STORED_WORDS[kind, field].items():
        now = re.sub(old, new, now)
    return value if now == value else re.sub(r"\((\w+=[^()]*)\)", _in_order, now)


def _in_order(options: re.Match[str]) -> str:
    """`(option=value, ...)` in alphabetical order of the new names."""
    return f"({', '.join(sorted(re.split(r', (?=[a-z_]+=)', options[1])))})"


class InMemoryLog(EventLog):
    """An event log that ends with the process.

    >>> from activeloop.campaigns import Pinned
    >>> log = InMemoryLog()
    >>> log.append(Pinned(("A24G",), veto=False, reason="control of our own"), after=0).sequence
    1
    """

    def __init__(self, recorded: Iterable[Recorded] = ()):
        self._recorded = list(recorded)

    def append(self, event: Event, *, after: int) -> Recorded:
        """Write one event; see `EventLog.append`."""
        if after != len(self._recorded):
            raise StateError(moved_on(after, len(self._recorded)))
        recorded = Recorded(after + 1, now(), event)
        self._recorded.append(recorded)
        return recorded

    def __iter__(self) -> Iterator[Recorded]:
        return iter(tuple(self._recorded))

    def after(self, sequence: int) -> list[Recorded]:
        """The events behind one; see `EventLog.after`."""
        return self._recorded[sequence:]


def now() -> str:
    """The present moment, UTC, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def moved_on(after: int, last: int) -> str:
    """The message for a writer when another process wrote before it."""
    return (
        f"the campaign moved on while this was being decided (event {last} is there, {after} was the last seen). "
        "Nothing was written: look at its status and try again."
    )
