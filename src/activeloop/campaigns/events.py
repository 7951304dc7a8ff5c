"""What happened in a campaign: an append-only list of events, the only thing that is ever stored about it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from activeloop.measurements import Measurement
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
        metrics: name -> value: those of `predictive.Checked` from held-out values, and how the last plate came true.
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
        version: number of the version that taught it.
        teaching: all settings of the teaching, in words.
        network: in words.
        parameters: how many numbers it has.
        teacher_parameters: how many its teacher has, 0 when that is not known.
        agreement: name -> value, on candidates that it was not taught.
        seed: of the teaching.
        code_version: of ActiveLoop.
        created_at: ISO 8601, UTC.
        explanation: how it was found, in words; "" when its network was given.
        artifact: content hash under which its file is kept.
    """

    number: int
    version: int
    teaching: str
    network: str
    parameters: int
    teacher_parameters: int
    agreement: dict[str, float]
    seed: int
    code_version: str
    created_at: str
    explanation: str
    artifact: str


@dataclass(frozen=True)
class Proposed:
    """A proposal was made."""

    proposal: Proposal


@dataclass(frozen=True)
class Measured:
    """Results came back.

    Args:
        measurements: all rows of one file (or one call).
        source: the file's name.
        content_hash: of the file's content: the same file read twice is recognised.
    """

    measurements: tuple[Measurement, ...]
    source: str
    content_hash: str


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
    """A version was fitted."""

    version: Version


@dataclass(frozen=True)
class Pinned:
    """Candidates that must be on the next proposal, or (`veto`) never."""

    names: tuple[str, ...]
    veto: bool
    reason: str


@dataclass(frozen=True)
class Distilled:
    """A student was taught."""

    student: StudentRecord


Event = Proposed | Measured | Voided | Fitted | Pinned | Distilled


@dataclass(frozen=True)
class Recorded:
    """An event as it stands in the log: its sequence number (from 1, without gaps) and when it was written (UTC)."""

    sequence: int
    at: str
    event: Event


class EventLog(ABC):
    """An append-only list of events. `InMemoryLog` here; `SQLLog` in `store`."""

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
