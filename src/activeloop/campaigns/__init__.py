"""The loop: what was proposed, measured and fitted, and what follows from it."""

from activeloop.campaigns.artifacts import InMemoryShelf, Shelf
from activeloop.campaigns.campaign import Campaign
from activeloop.campaigns.events import (
    Distilled,
    Event,
    EventLog,
    Fitted,
    InMemoryLog,
    Measured,
    Pinned,
    Proposed,
    Recorded,
    StudentRecord,
    Version,
    Voided,
)
from activeloop.campaigns.recording import RecordSummary
from activeloop.campaigns.state import CampaignState, Result
from activeloop.campaigns.status import Leader, Status
from activeloop.campaigns.stopping import Gain, RoundReport
from activeloop.campaigns.students import Taught, Teaching
from activeloop.campaigns.validation import Drift, Foresight, Honesty
from activeloop.prediction import Forecast

__all__ = [
    "Campaign",
    "CampaignState",
    "Distilled",
    "Drift",
    "Event",
    "EventLog",
    "Fitted",
    "Forecast",
    "Foresight",
    "Gain",
    "Honesty",
    "InMemoryLog",
    "InMemoryShelf",
    "Leader",
    "Measured",
    "Pinned",
    "Proposed",
    "RecordSummary",
    "Recorded",
    "Result",
    "RoundReport",
    "Shelf",
    "Status",
    "StudentRecord",
    "Taught",
    "Teaching",
    "Version",
    "Voided",
]
