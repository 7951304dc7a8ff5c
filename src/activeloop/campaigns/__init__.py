"""The campaign: its events, and the state, versions, proposals and reports computed from them."""

from typing import TYPE_CHECKING

from activeloop._lazy import on_use

if TYPE_CHECKING:
    from activeloop.campaigns.artifacts import ArtifactStore, InMemoryArtifactStore
    from activeloop.campaigns.campaign import Campaign
    from activeloop.campaigns.events import (
        Configured,
        Distilled,
        Event,
        EventLog,
        Extended,
        Fitted,
        InMemoryLog,
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
    from activeloop.campaigns.front import Front, FrontPoint
    from activeloop.campaigns.growing import AddedCombination, Extension
    from activeloop.campaigns.recording import RecordSummary
    from activeloop.campaigns.state import CampaignState, Result, Results
    from activeloop.campaigns.status import Leader, Status
    from activeloop.campaigns.stopping import Gain, RoundReport, Skill
    from activeloop.campaigns.students import StudentTrainer, TrainedStudent
    from activeloop.campaigns.validation import Drift, ProspectivePerformance, ProspectiveValidation

__all__ = [
    "AddedCombination",
    "ArtifactStore",
    "Campaign",
    "CampaignState",
    "Configured",
    "Distilled",
    "Drift",
    "Event",
    "EventLog",
    "Extended",
    "Extension",
    "Fitted",
    "Front",
    "FrontPoint",
    "Gain",
    "InMemoryArtifactStore",
    "InMemoryLog",
    "Leader",
    "Measured",
    "Pinned",
    "PlateLaid",
    "PlateSent",
    "Promoted",
    "Proposed",
    "ProspectivePerformance",
    "ProspectiveValidation",
    "RecordSummary",
    "Recorded",
    "Result",
    "Results",
    "RobotOrdered",
    "RoundReport",
    "RunFinished",
    "Skill",
    "Status",
    "StudentRecord",
    "StudentTrainer",
    "TrainedStudent",
    "Version",
    "Voided",
]

__getattr__ = on_use(__name__)
