"""What is in a campaign, in the form in which HTTP gives it."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from activeloop.campaigns import CampaignState, Recorded
from activeloop.campaigns.events import Measured, Pinned, PlateSent, RobotOrdered, RunFinished, StudentRecord, Version
from activeloop.campaigns.state import Result
from activeloop.campaigns.status import Status
from activeloop.config import OpenCampaign
from activeloop.fidelity import refusal, warnings_of
from activeloop.measurements import Assay
from activeloop.plates import Plate, Proposal
from activeloop.plates.plate import labelled
from activeloop.server import forms
from activeloop.server.access import CampaignAccess
from activeloop.store.database import Database
from activeloop.work.leases import Work


def status_out(access: CampaignAccess, loop: OpenCampaign, name: str, found: Status) -> forms.StatusOut:
    """Where a campaign stands."""
    state = loop.campaign.state()
    current = state.current
    student = found.student
    told = {
        "key": access.key,
        "name": name,
        "role": access.role,
        "last": state.last,
        "kind": loop.campaign.pool.kind,
        "goal": loop.campaign.goal,
        "assays": [assay_out(assay, found.binary) for assay in loop.campaign.assays],
        "outstanding": state.outstanding.number if state.outstanding else None,
        "pinned": state.pinned,
        "vetoed": state.vetoed,
        "versions": len(state.versions),
        "current": current.number if current else None,
        "student": student.number if student else None,
        "leaders": [forms.LeaderOut.model_validate(leader) for leader in found.leaders],
        "work": work_out(loop.folder.log.database, access.key),
    }
    same = ("pool", "size", "rounds", "proposals", "measured", "results", "voided", "control_results", "awaiting")
    same += ("missing", "hits", "best_by_round", "stale", "next_step")
    return forms.StatusOut.model_validate({key: getattr(found, key) for key in same} | told)


def assay_out(assay: Assay, binary: Collection[str]) -> forms.AssayOut:
    """An assay, and whether 0 and 1 alone came of it."""
    found = forms.AssayOut.model_validate(assay)
    found.binary = assay.name in binary
    return found


def work_out(database: Database, campaign: str) -> list[forms.WorkOut]:
    """What is done by itself for a campaign."""
    return [forms.WorkOut.model_validate(state) for state in Work(database).states(campaign)]


def version_out(version: Version, current: Version | None, held_back: str = "") -> forms.VersionOut:
    """A version, and whether it is current."""
    found = forms.VersionOut.model_validate(version)
    found.current = current is not None and current.number == version.number
    found.held_back = held_back
    return found


def student_out(student: StudentRecord) -> forms.StudentOut:
    """A student, and what speaks against its use."""
    found = forms.StudentOut.model_validate(student)
    found.warnings, found.refused = list(warnings_of(student.fidelity)), refusal(student.fidelity)
    return found


def proposal_out(
    loop: OpenCampaign, proposal: Proposal, plates: Sequence[str], *, again: bool = False, notes: Sequence[str] = ()
) -> dict[str, Any]:
    """A proposal as HTTP gives it."""
    found = forms.ProposalOut.model_validate(replace(proposal, picks=labelled(proposal.picks, loop.campaign.pool)))
    found.plates, found.again, found.notes = list(plates), again, list(notes)
    return found.model_dump(mode="json")


def plate_out(plate: Plate, state: CampaignState | None = None) -> forms.PlateOut:
    """A plate, and when it was sent."""
    wells = {name: forms.WellOut.model_validate(well) for name, well in plate.wells.items()}
    sent = state.sent.get(plate.id) if state else None
    return forms.PlateOut(id=plate.id, size=plate.size, wells=wells, sent=sent.sent_at if sent else "")


def result_out(result: Result) -> forms.ResultOut:
    """A result on record."""
    m = result.measurement
    same = ("candidate", "assay", "value", "qualifier", "replicate", "plate", "well", "measured_at", "control", "row")
    return forms.ResultOut(
        **{key: getattr(m, key) for key in same},
        event=result.event,
        round=result.round + 1,
        file=m.file,
        void=result.void or "",
    )


def repeated_out(recorded: Sequence[Recorded]) -> BaseModel:
    """The answer to a request that was done before and whose answer was lost, by the events that it wrote."""
    event, number = recorded[-1].event, recorded[-1].sequence
    if isinstance(event, Measured):
        rows = event.measurements
        names = {m.candidate for m in rows if not m.control}
        return forms.RecordedOut(
            source=event.source,
            stored=len(rows),
            duplicates=0,
            event=number,
            candidates=len(names),
            read_before=False,
            unproposed=[],
            controls=list(dict.fromkeys(m.candidate for m in rows if m.control)),
            control_rows=sum(m.control for m in rows),
            failed=sum(m.value != m.value for m in rows),
            replaced=0,
            repeated=[],
        )
    if isinstance(event, Pinned):
        return forms.NamesOut(names=list(event.names), last=number)
    if isinstance(event, PlateSent | RunFinished | RobotOrdered):
        return forms.EventOut(event=number)
    return forms.Repeated(repeated=True, events=[one.sequence for one in recorded])


_EVENTS = "sequence, at, kind, actor, reason"


def events_out(
    database: Database, campaign: str, after: int, limit: int, *, payload: bool = False, kinds: Sequence[str] = ()
) -> list[forms.LoggedOut]:
    """Events of the log, in order, without opening the campaign."""
    named = {f"kind{i}": kind for i, kind in enumerate(kinds)}
    which = f"AND kind IN ({', '.join(f':{name}' for name in named)})" if named else ""
    columns = f"{_EVENTS}, payload" if payload else _EVENTS
    rows = database.read(
        f"SELECT {columns} FROM events WHERE campaign = :campaign AND sequence > :after {which} "
        "ORDER BY sequence LIMIT :limit",
        campaign=campaign,
        after=after,
        limit=limit,
        **named,
    )
    return [event_out(row) for row in rows]


def event_out(row: Sequence[Any]) -> forms.LoggedOut:
    """An event of the log, of its columns."""
    given = dict(zip((*_EVENTS.split(", "), "payload"), row, strict=False))
    if "payload" in given:
        given["payload"] = json.loads(given["payload"])
    return forms.LoggedOut.model_validate(given)
