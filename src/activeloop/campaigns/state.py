"""The state of a campaign, computed from its log and never stored."""

from __future__ import annotations

import weakref
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from activeloop.campaigns.configuring import Change
from activeloop.campaigns.events import (
    Configured,
    Distilled,
    EventLog,
    Extended,
    Fitted,
    Measured,
    Pinned,
    PlateLaid,
    PlateSent,
    Promoted,
    Proposed,
    Recorded,
    RobotOrdered,
    RunFinished,
    StudentRecord,
    Version,
    Voided,
)
from activeloop.campaigns.results import GrowingResults, Result, StoredResults
from activeloop.notebook import SHOWN, html_table, to_frame
from activeloop.plates import Proposal


@dataclass(frozen=True)
class Results:
    """All results of a campaign, in the order in which they were stored.

    Args:
        rows: as they stand in the log.
        sources: event -> name of the file that it stored.
        library: of the DataFrames that the user works with; "" for any.
    """

    rows: Sequence[Result]
    sources: Mapping[int, str]
    library: str = ""

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Result]:
        return iter(self.rows)

    def to_frame(self, library: str = "") -> Any:
        """A DataFrame with a row for each result.

        Columns: `candidate`, `assay`, `qualifier`, `value` (NaN of failed wells), `replicate`, `plate`, `well`,
        `measured_at`, `control`, `round` (from 1), `event`, `file`, `row`, `void` (why it no longer counts, else "").

        Args:
            library: of the DataFrame (pandas, polars, pyarrow); that of the DataFrames which came in when "".
        """
        columns: dict[str, list[Any]] = {}
        for name in (
            "candidate",
            "assay",
            "qualifier",
            "value",
            "replicate",
            "plate",
            "well",
            "measured_at",
            "control",
        ):
            columns[name] = [getattr(r.measurement, name) for r in self.rows]
        columns["round"] = [r.round + 1 for r in self.rows]
        columns["event"] = [r.event for r in self.rows]
        columns["file"] = [r.measurement.file or self.sources.get(r.event, "") for r in self.rows]
        columns["row"] = [r.measurement.row for r in self.rows]
        columns["void"] = [r.void or "" for r in self.rows]
        return to_frame(columns, library or self.library)

    def __repr__(self) -> str:
        return f"<Results: {len(self):,} rows; .to_frame() makes a DataFrame>"

    def _repr_html_(self) -> str:
        last = self.rows[-SHOWN:]
        cells = [(r, r.measurement) for r in last]
        rows = [[m.candidate, m.assay, f"{m.qualifier.strip('=')}{m.value:.4g}", r.round + 1, r.void] for r, m in cells]
        return html_table(["candidate", "assay", "value", "round", "void"], rows, "the last results", total=len(self))


@dataclass(frozen=True)
class Layout:
    """How the plates of a proposal were laid out last: all that they follow from.

    Args:
        options: as in `Proposed`.
        settings: `[plate]` of `campaign.toml` then; {} where the log does not say.
        seed: of the campaign then; None where the log does not say.
        by_hand: as in `PlateLaid`.
    """

    options: dict[str, Any]
    settings: dict[str, Any]
    seed: int | None
    by_hand: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CampaignState:
    """The state of a campaign after an event.

    Args:
        last: sequence number of the last event folded in.
        proposals: in order; number i stands at i - 1.
        proposal_events: the event of each proposal.
        results: every row that ever came back, also voided ones.
        files: content hash of a file -> the events that stored it.
        sources: event -> name of the file that it stored.
        grown_from: event -> the earlier events whose rows stood in its file too.
        repeats: events whose rows were said to be measured anew.
        corrects: event -> the first of those it corrects: what came back, came back then.
        versions: in order; number i stands at i - 1.
        version_events: number of a version -> its event.
        version_data: number of a version -> the last event whose results it was fitted to.
        promoted: number of the version that is current while results count, 0 before the first.
        held_back: number of a version -> why it did not become current by itself.
        students: in order; number i stands at i - 1.
        pinned: name -> why it must be on the next proposal.
        vetoed: name -> why it must never be proposed.
        rounds: how many rounds have results.
        configured: the last configuration in the log; None when there is none.
        plate: options by which the last plates were laid out, and what `[plate]` of `campaign.toml` was then.
        layouts: number of a proposal -> how its plates were laid out last.
        outdated: numbers of versions that were fitted under a configuration which asked for another model, or before
            the pool was extended.
        extensions: candidates that were added to the pool, in order.
        before_extension: number of the last version that was fitted before the last of them.
        corrected: event that last took results out, be it by voiding or by replacing them; 0 when there is none.
        sent: name of a plate -> where it was sent last; not after a run on it failed or was stopped.
        runs: of devices, in order.
        robot: what the robotic loop was told last: `run`, `pause` or `stop`; "" when it never was told anything.
        robot_reason: why, in words.
        released: plates that may go to their device, of those that wait for somebody.
    """

    last: int = 0
    proposals: tuple[Proposal, ...] = ()
    proposal_events: tuple[int, ...] = ()
    results: Sequence[Result] = ()
    files: dict[str, tuple[int, ...]] = field(default_factory=dict)
    sources: dict[int, str] = field(default_factory=dict)
    grown_from: dict[int, tuple[int, ...]] = field(default_factory=dict)
    repeats: AbstractSet[int] = frozenset()
    corrects: dict[int, int] = field(default_factory=dict)
    versions: tuple[Version, ...] = ()
    version_events: dict[int, int] = field(default_factory=dict)
    version_data: dict[int, int] = field(default_factory=dict)
    promoted: int = 0
    held_back: dict[int, str] = field(default_factory=dict)
    students: tuple[StudentRecord, ...] = ()
    pinned: dict[str, str] = field(default_factory=dict)
    vetoed: dict[str, str] = field(default_factory=dict)
    rounds: int = 0
    configured: Configured | None = None
    plate: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    layouts: dict[int, Layout] = field(default_factory=dict)
    outdated: frozenset[int] = frozenset()
    extensions: tuple[Extended, ...] = ()
    before_extension: int = 0
    corrected: int = 0
    sent: dict[str, PlateSent] = field(default_factory=dict)
    runs: tuple[RunFinished, ...] = ()
    robot: str = ""
    robot_reason: str = ""
    released: frozenset[str] = frozenset()

    @classmethod
    def of(cls, log: Iterable[Recorded], upto: int | None = None, under: Configured | None = None) -> CampaignState:
        """The state after all events of a log.

        Args:
            log: the events.
            upto: the last sequence number that counts; all when None.
            under: the configuration in whose units values are; the last of these events' when None. Each value is
                converted from the unit in which it was written, so that no change back and forth alters it.
        """
        return Fold([r for r in log if upto is None or r.sequence <= upto], under).state

    def at(self, event: int) -> CampaignState:
        """This state with the results that counted after an earlier event, in the units of now.

        All else is as it is now.
        """
        rows = self.stored.rows[self.stored.rows["event"] <= event]
        later = rows["void_event"] > event
        rows["void"][later], rows["void_event"][later] = -1, 0
        return replace(self, results=StoredResults(rows, self.stored.texts))

    def plate_options(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The options of the last plates that hold for the next: those whose setting has not been changed since.

        Args:
            settings: `[plate]` of `campaign.toml` as it is now.
        """
        options, then = self.plate
        return {key: value for key, value in options.items() if then.get(key) == settings.get(key)}

    def without(self, events: Collection[int], reason: str, rows: Collection[int] = ()) -> CampaignState:
        """The state in which the results of some events no longer count.

        Args:
            events: numbers of `Measured` events.
            reason: why.
            rows: of their files; all when empty.
        """
        if not events:
            return self

        hit = self.stored.of_events(events)
        if rows:
            hit &= np.isin(self.stored.rows["row"], list(rows))
        return replace(self, results=self.stored.voided(hit, reason, 0))

    @cached_property
    def stored(self) -> StoredResults:
        """Its results as arrays."""
        return StoredResults.of(self.results)

    @cached_property
    def measured(self) -> tuple[Result, ...]:
        """The results that count."""
        return tuple(self.stored.take(self.stored.counting))

    @cached_property
    def counted(self) -> int:
        """How many results count."""
        return int(self.stored.counting.sum())

    @cached_property
    def awaiting(self) -> frozenset[str]:
        """Candidates that are on a plate and for which nothing came back since it was proposed."""
        return frozenset().union(*(names for _, names in self._unanswered))

    @cached_property
    def on_plate(self) -> frozenset[str]:
        """Those of them of whose proposal nothing came back yet."""
        return frozenset().union(*(out for proposal, out in self._unanswered if len(out) == len(proposal.picks)))

    @cached_property
    def outstanding(self) -> Proposal | None:
        """The last proposal of which nothing came back since it was made, or None."""
        out = [proposal for proposal, names in self._unanswered if len(names) == len(proposal.picks)]
        return out[-1] if out else None

    @cached_property
    def missing(self) -> frozenset[str]:
        """Candidates that await a result although other picks of their proposal have theirs: failed or late wells."""
        return frozenset().union(*(late for proposal, late in self._unanswered if len(late) < len(proposal.picks)))

    @cached_property
    def rounds_measured(self) -> int:
        """Proposals of which something came back since they were made."""
        return sum(len(names) < len(proposal.picks) for proposal, names in self._unanswered)

    @cached_property
    def _unanswered(self) -> list[tuple[Proposal, frozenset[str]]]:
        """Each proposal, and those of its candidates for which nothing came back since, be it failed or voided."""
        # What came back before does not count: a measured candidate that was pinned is measured once more.
        names = {pick.name for proposal in self.proposals for pick in proposal.picks}
        last = self.stored.last_of(names, self.corrects) if names else {}
        return [
            (proposal, frozenset(p.name for p in proposal.picks if last.get(p.name, 0) < event))
            for event, proposal in zip(self.proposal_events, self.proposals, strict=True)
        ]

    @cached_property
    def current(self) -> Version | None:
        """The version that predicts and proposes: the last that was not held back, or the one that was promoted since.

        None before the first fit, and when all results were voided since: the loop starts anew.
        """
        return next((v for v in reversed(self.versions) if v.number == self.promoted and self._counting), None)

    @property
    def latest(self) -> Version | None:
        """The version that was fitted last, be it current or not; None where `current` is."""
        return self.versions[-1] if self.versions and self._counting else None

    @cached_property
    def _counting(self) -> bool:
        """Whether any result counts."""
        return bool((self.stored.standing & ~np.isnan(self.stored.rows["value"])).any())

    def extended_since(self, version: int) -> bool:
        """Whether the pool was extended after a version was fitted."""
        return version <= self.before_extension

    @property
    def student(self) -> StudentRecord | None:
        """The last student of the current version, else of the latest version that has one, or None."""
        return max(self.students, key=lambda s: (s.version == self.promoted, s.version, s.number), default=None)


def replaced_by(number: int, source: str) -> str:
    """Why results no longer count that another event corrects."""
    return f"replaced by event {number} ({source or 'no file'})"


_GIVEN = tuple(
    f"_{name}"
    for name in (
        *("files", "sources", "grown_from", "repeats", "corrects", "version_events", "version_data", "held_back"),
        *("pinned", "vetoed", "layouts", "sent"),
    )
)
"""What a fold gives to its states."""


class Fold:
    """The state of a log, carried on from event to event in the time that the new ones take.

    Args:
        log: the events.
        under: the configuration in whose units values are; the last of these events' when None.

    Attributes:
        last: number of the last event folded in.
    """

    def __init__(self, log: Iterable[Recorded] = (), under: Configured | None = None):
        log = list(log)
        written = [r.event for r in log if isinstance(r.event, Configured)]
        self._now = under or (written[-1] if written else None)
        in_force = written[0] if written else self._now
        self._change = Change(in_force, self._now) if in_force and self._now else None
        self.last = 0
        self._state: CampaignState | None = None
        self._given: weakref.ref[CampaignState] | None = None  # the last state, which was given the dicts below
        self.configured: Configured | None = None
        self.extensions: list[Extended] = []
        self._proposals: list[Proposal] = []
        self._proposal_events: list[int] = []
        self._results = GrowingResults()
        self._files: dict[str, tuple[int, ...]] = {}
        self._sources: dict[int, str] = {}
        self._grown_from: dict[int, tuple[int, ...]] = {}
        self._repeats: set[int] = set()
        self._corrects: dict[int, int] = {}
        self._versions: list[Version] = []
        self._version_events: dict[int, int] = {}
        self._version_data: dict[int, int] = {}
        self._held_back: dict[int, str] = {}
        self._sent: dict[str, PlateSent] = {}
        self._runs: list[RunFinished] = []
        self._robot: tuple[str, str] = ("", "")
        self._released: set[str] = set()
        self._students: list[StudentRecord] = []
        self._pinned: dict[str, str] = {}
        self._vetoed: dict[str, str] = {}
        self._plate: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
        self._layouts: dict[int, Layout] = {}
        self._outdated: set[int] = set()
        self._before_extension = self._rounds = self._promoted = self._corrected = 0
        self._new_round = True
        for recorded in log:
            self._add(recorded)

    @classmethod
    def of(cls, log: EventLog) -> Fold:
        """The fold of a whole log, by its snapshot where it has one."""
        found = log.snapshot()
        if found is None:
            return cls(log)
        fold = cls(found.others)
        for event, source, content_hash, grown_from, repeats, corrects in found.files:
            fold._file(event, source, content_hash, grown_from, repeats)
            if corrects:
                fold._corrects[event] = corrects
        fold._results = GrowingResults(found.results)
        fold._corrected = int(found.results.rows["void_event"].max(initial=0))
        fold.last, fold._rounds, fold._new_round = found.last, found.rounds, found.new_round
        return fold

    def carried_on(self, later: Sequence[Recorded]) -> bool:
        """Carry on with the events behind its last; False where it must be made anew, as values changed meaning."""
        if later and not self.last:
            self.__init__(later)
            return True
        ways = [r.event for r in later if isinstance(r.event, Configured)]
        before = [self.configured, *ways]
        if any(one is None or Change(one, other).alters for one, other in zip(before, ways, strict=False)):
            return False
        for recorded in later:
            if isinstance(recorded.event, Configured):
                self._now = recorded.event
            self._add(recorded)
        return True

    @property
    def state(self) -> CampaignState:
        """The state now; later events do not change it."""
        if self._state is None:
            self._state = CampaignState(
                last=self.last,
                proposals=tuple(self._proposals),
                proposal_events=tuple(self._proposal_events),
                results=self._results.view,
                files=self._files,
                sources=self._sources,
                grown_from=self._grown_from,
                repeats=self._repeats,
                corrects=self._corrects,
                versions=tuple(self._versions),
                version_events=self._version_events,
                version_data=self._version_data,
                promoted=self._promoted,
                held_back=self._held_back,
                students=tuple(self._students),
                pinned=self._pinned,
                vetoed=self._vetoed,
                rounds=self._rounds,
                configured=self.configured,
                plate=self._plate,
                layouts=self._layouts,
                outdated=frozenset(self._outdated),
                extensions=tuple(self.extensions),
                before_extension=self._before_extension,
                corrected=self._corrected,
                sent=self._sent,
                runs=tuple(self._runs),
                robot=self._robot[0],
                robot_reason=self._robot[1],
                released=frozenset(self._released),
            )
            self._given = weakref.ref(self._state)
        return self._state

    def _take_back(self) -> None:
        """Make ready for a change: what the last state was given stays as it is while somebody holds that state."""
        self._state = None
        if self._given is not None and self._given() is not None:
            for name in _GIVEN:
                setattr(self, name, getattr(self, name).copy())
        self._given = None

    def _add(self, recorded: Recorded) -> None:
        """One more event."""
        if isinstance(recorded.event, Configured) and self._now:
            self._change = Change(recorded.event, self._now)
        change, number = self._change, recorded.sequence
        event = recorded.event if change is None else change.applied(recorded.event)
        self._take_back()
        self.last = number
        if isinstance(event, Configured):
            self.configured = event
        elif isinstance(event, Extended):
            self._outdated |= set(self._version_events)
            self.extensions.append(event)
            self._before_extension = len(self._versions)
        elif isinstance(event, Proposed):
            self._propose(number, event.proposal)
            self._lay(event.proposal.number, event.plate)
        elif isinstance(event, PlateLaid):
            self._lay(event.proposal, event.plate, event.by_hand)
        elif isinstance(event, PlateSent):
            self._sent[event.plate] = event
        elif isinstance(event, RunFinished):
            self._runs.append(event)
            if event.outcome != "done":  # it has to be sent anew, and to be let go anew
                self._sent.pop(event.plate, None)
                self._released.discard(event.plate)
        elif isinstance(event, RobotOrdered):
            if event.order == "release":
                self._released.add(event.plate)
            else:
                self._robot = event.order, event.reason
        elif isinstance(event, Measured):
            self._measure(number, event)
        elif isinstance(event, Voided):
            self._strike(number, (event.event,), event.reason, event.rows)
        elif isinstance(event, Fitted):
            version = event.version
            self._versions.append(version)
            self._version_events[version.number] = number
            self._version_data[version.number] = event.upto or number
            self._outdated |= {version.number} if change is not None and change.refits else set()
            if event.held_back:
                self._held_back[version.number] = event.held_back
            else:
                self._promoted = version.number
        elif isinstance(event, Promoted):
            self._promoted = event.version
        elif isinstance(event, Distilled):
            self._students.append(event.student)
        else:
            self._pin(event)

    def _propose(self, number: int, proposal: Proposal) -> None:
        # A pin asks for the next proposal only; one that was pinned after it was measured is measured once more.
        for pick in proposal.picks:
            self._pinned.pop(pick.name, None)
        self._proposals.append(proposal)
        self._proposal_events.append(number)
        self._new_round = True

    def _lay(self, proposal: int, options: dict[str, Any], by_hand: dict[str, Any] | None = None) -> None:
        if by_hand:
            self._layouts[proposal] = replace(self._layouts[proposal], by_hand=by_hand)
            return
        settings = self.configured.settings.get("plate", {}) if self.configured else {}
        seed = self.configured.seed if self.configured else None
        self._plate = options, settings
        self._layouts[proposal] = Layout(options, settings, seed)

    def _measure(self, number: int, event: Measured) -> None:
        # The first results start round 0; later ones start a round when a proposal was made since the last results.
        # A correction belongs to the round of what it corrects.
        before = self._results.view
        corrected = before.rows["round"][before.of_events(event.replaces)] if event.replaces else np.zeros(0, np.int64)
        if not len(corrected):
            self._rounds += self._new_round
            self._new_round = False
        own = int(corrected.max()) if len(corrected) else self._rounds - 1
        self._strike(number, event.replaces, replaced_by(number, event.source))
        self._file(number, event.source, event.content_hash, event.grown_from, event.repeats)
        if event.replaces:
            self._corrects[number] = min(self._corrects.get(e, e) for e in event.replaces)
        self._results.add(number, own, event.measurements)

    def _file(self, number: int, source: str, content_hash: str, grown_from: tuple[int, ...], repeats: bool) -> None:
        self._files[content_hash] = (*self._files.get(content_hash, ()), number)
        self._sources[number] = source
        if grown_from:
            self._grown_from[number] = grown_from
        if repeats:
            self._repeats.add(number)

    def _strike(self, number: int, events: Collection[int], reason: str, rows: Collection[int] = ()) -> None:
        """Results of some events no longer count, since another one."""
        if not events:
            return
        now = self._results.view
        hit = now.of_events(events) & now.standing
        if rows:
            hit &= np.isin(now.rows["row"], list(rows))
        if hit.any():
            self._results.void(hit, reason, number)
            self._corrected = number

    def _pin(self, event: Pinned) -> None:
        # The last word counts: a pin lifts a veto, a veto lifts a pin.
        keep, lift = (self._vetoed, self._pinned) if event.veto else (self._pinned, self._vetoed)
        for name in event.names:
            keep[name] = event.reason
            lift.pop(name, None)
