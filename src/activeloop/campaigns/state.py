"""The state of a campaign, computed from its log and never stored."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from activeloop.campaigns.configuring import Change
from activeloop.campaigns.events import (
    Configured,
    Distilled,
    Extended,
    Fitted,
    Measured,
    Pinned,
    PlateLaid,
    Proposed,
    Recorded,
    StudentRecord,
    Version,
    Voided,
)
from activeloop.measurements import Measurement
from activeloop.plates import Proposal


@dataclass(frozen=True, slots=True)
class Result:
    """One measured row as it stands in the log.

    Args:
        event: sequence number of the `Measured` event it came with.
        round: the round it belongs to, from 0.
        measurement: the row.
        void: why it no longer counts, or None when it does.
    """

    event: int
    round: int
    measurement: Measurement
    void: str | None = None

    @property
    def counts(self) -> bool:
        """Whether a learner sees it: not voided, not a control, and not a failed well (NaN)."""
        m = self.measurement
        return self.void is None and not m.control and m.value == m.value


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
        students: in order; number i stands at i - 1.
        pinned: name -> why it must be on the next proposal.
        vetoed: name -> why it must never be proposed.
        rounds: how many rounds have results.
        configured: the last configuration in the log; None when there is none.
        plate: options by which the last plates were laid out, and what `[plate]` of `campaign.toml` was then.
        outdated: numbers of versions that were fitted under a configuration which asked for another model, or before
            the pool was extended.
        extensions: candidates that were added to the pool, in order.
        before_extension: number of the last version that was fitted before the last of them.
    """

    last: int = 0
    proposals: tuple[Proposal, ...] = ()
    proposal_events: tuple[int, ...] = ()
    results: tuple[Result, ...] = ()
    files: dict[str, tuple[int, ...]] = field(default_factory=dict)
    sources: dict[int, str] = field(default_factory=dict)
    grown_from: dict[int, tuple[int, ...]] = field(default_factory=dict)
    repeats: frozenset[int] = frozenset()
    corrects: dict[int, int] = field(default_factory=dict)
    versions: tuple[Version, ...] = ()
    version_events: dict[int, int] = field(default_factory=dict)
    students: tuple[StudentRecord, ...] = ()
    pinned: dict[str, str] = field(default_factory=dict)
    vetoed: dict[str, str] = field(default_factory=dict)
    rounds: int = 0
    configured: Configured | None = None
    plate: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    outdated: frozenset[int] = frozenset()
    extensions: tuple[Extended, ...] = ()
    before_extension: int = 0
    _new_round: bool = True

    @classmethod
    def of(cls, log: Iterable[Recorded], upto: int | None = None, under: Configured | None = None) -> CampaignState:
        """The state after all events of a log.

        Args:
            log: the events.
            upto: the last sequence number that counts; all when None.
            under: the configuration in whose units values are; the last of these events' when None. Each value is
                converted from the unit in which it was written, so that no change back and forth alters it.
        """
        events = [r for r in log if upto is None or r.sequence <= upto]
        written = [r.event for r in events if isinstance(r.event, Configured)]
        now = under or (written[-1] if written else None)
        in_force = written[0] if written else now
        change = Change(in_force, now) if in_force and now else None
        state = cls()
        for recorded in events:
            if isinstance(recorded.event, Configured) and now:
                change = Change(recorded.event, now)
            state = state._then(recorded, change)
        return state

    def _then(self, recorded: Recorded, change: Change | None) -> CampaignState:
        """The state after one more event, which was written before a change."""
        event = recorded.event if change is None else change.applied(recorded.event)
        after = replace(self, last=recorded.sequence)
        if isinstance(event, Configured):
            return replace(after, configured=event)
        if isinstance(event, Extended):
            outdated = self.outdated | set(self.version_events)
            extensions, before = (*self.extensions, event), len(self.versions)
            return replace(after, extensions=extensions, outdated=outdated, before_extension=before)
        if isinstance(event, Proposed):
            return after._proposed(event.proposal)._laid(event.plate)
        if isinstance(event, PlateLaid):
            return after._laid(event.plate)
        if isinstance(event, Measured):
            return after._measured(recorded.sequence, event)
        if isinstance(event, Voided):
            return after.without((event.event,), event.reason, event.rows)
        if isinstance(event, Fitted):
            number = event.version.number
            numbers, outdated = {**self.version_events, number: recorded.sequence}, self.outdated
            outdated |= {number} if change is not None and change.refits else set()
            return replace(after, versions=(*self.versions, event.version), version_events=numbers, outdated=outdated)
        if isinstance(event, Distilled):
            return replace(after, students=(*self.students, event.student))
        return after._pinned(event)

    def _proposed(self, proposal: Proposal) -> CampaignState:
        # A pin asks for the next proposal only; one that was pinned after it was measured is measured once more.
        names = {p.name for p in proposal.picks}
        pinned = {name: why for name, why in self.pinned.items() if name not in names}
        return replace(
            self,
            proposals=(*self.proposals, proposal),
            proposal_events=(*self.proposal_events, self.last),
            pinned=pinned,
            _new_round=True,
        )

    def _laid(self, options: dict[str, Any]) -> CampaignState:
        settings = self.configured.settings.get("plate", {}) if self.configured else {}
        return replace(self, plate=(options, settings))

    def plate_options(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The options of the last plates that hold for the next: those whose setting has not been changed since.

        Args:
            settings: `[plate]` of `campaign.toml` as it is now.
        """
        options, then = self.plate
        return {key: value for key, value in options.items() if then.get(key) == settings.get(key)}

    def _measured(self, sequence: int, event: Measured) -> CampaignState:
        # The first results start round 0; later ones start a round when a proposal was made since the last results.
        # A correction belongs to the round of what it corrects.
        first = [self.corrects.get(e, e) for e in event.replaces]
        corrected = [r.round for r in self.results if r.event in event.replaces]
        rounds = self.rounds if corrected else self.rounds + self._new_round
        number = max(corrected) if corrected else rounds - 1
        before = self.without(event.replaces, f"replaced by event {sequence} ({event.source or 'no file'})")
        return replace(
            before,
            results=before.results + tuple(Result(sequence, number, m) for m in event.measurements),
            files={**self.files, event.content_hash: (*self.files.get(event.content_hash, ()), sequence)},
            sources={**self.sources, sequence: event.source},
            grown_from={**self.grown_from, sequence: event.grown_from},
            corrects=self.corrects | ({sequence: min(first)} if first else {}),
            repeats=self.repeats | ({sequence} if event.repeats else set()),
            rounds=rounds,
            _new_round=self._new_round and bool(corrected),
        )

    def without(self, events: Collection[int], reason: str, rows: Collection[int] = ()) -> CampaignState:
        """The state in which the results of some events no longer count.

        Args:
            events: numbers of `Measured` events.
            reason: why.
            rows: of their files; all when empty.
        """
        if not events:
            return self

        def strike(r: Result) -> Result:
            hit = r.void is None and r.event in events and (not rows or r.measurement.row in rows)
            return replace(r, void=reason) if hit else r

        return replace(self, results=tuple(map(strike, self.results)))

    def _pinned(self, event: Pinned) -> CampaignState:
        # The last word counts: a pin lifts a veto, a veto lifts a pin.
        keep, lift = (self.vetoed, self.pinned) if event.veto else (self.pinned, self.vetoed)
        keep = {**keep, **dict.fromkeys(event.names, event.reason)}
        lift = {name: why for name, why in lift.items() if name not in event.names}
        pinned, vetoed = (lift, keep) if event.veto else (keep, lift)
        return replace(self, pinned=pinned, vetoed=vetoed)

    @property
    def measured(self) -> tuple[Result, ...]:
        """The results that count."""
        return tuple(r for r in self.results if r.counts)

    @property
    def awaiting(self) -> frozenset[str]:
        """Candidates that are on a plate and for which nothing came back since it was proposed."""
        return frozenset().union(*(names for _, names in self._unanswered()))

    @property
    def on_plate(self) -> frozenset[str]:
        """Those of them of whose proposal nothing came back yet."""
        return frozenset().union(*(out for proposal, out in self._unanswered() if len(out) == len(proposal.picks)))

    @property
    def outstanding(self) -> Proposal | None:
        """The last proposal of which nothing came back since it was made, or None."""
        out = [proposal for proposal, names in self._unanswered() if len(names) == len(proposal.picks)]
        return out[-1] if out else None

    @property
    def missing(self) -> frozenset[str]:
        """Candidates that await a result although other picks of their proposal have theirs: failed or late wells."""
        return frozenset().union(*(late for proposal, late in self._unanswered() if len(late) < len(proposal.picks)))

    @property
    def rounds_measured(self) -> int:
        """Proposals of which something came back since they were made."""
        return sum(len(names) < len(proposal.picks) for proposal, names in self._unanswered())

    def _unanswered(self) -> list[tuple[Proposal, frozenset[str]]]:
        """Each proposal, and those of its candidates for which nothing came back since, be it failed or voided."""
        # What came back before does not count: a measured candidate that was pinned is measured once more.
        last: dict[str, int] = {}
        for r in self.results:
            if not r.measurement.control:
                name, event = r.measurement.candidate, self.corrects.get(r.event, r.event)
                last[name] = max(event, last.get(name, 0))
        return [
            (proposal, frozenset(p.name for p in proposal.picks if last.get(p.name, 0) < event))
            for event, proposal in zip(self.proposal_events, self.proposals, strict=True)
        ]

    @property
    def version(self) -> Version | None:
        """The last version; None before the first fit, and when all results were voided since: the loop starts anew."""
        counting = any(r.void is None and r.measurement.value == r.measurement.value for r in self.results)
        return self.versions[-1] if self.versions and counting else None

    def extended_since(self, version: int) -> bool:
        """Whether the pool was extended after a version was fitted."""
        return version <= self.before_extension

    @property
    def student(self) -> StudentRecord | None:
        """The last student of the latest version that has one, or None."""
        return max(self.students, key=lambda s: (s.version, s.number), default=None)
