"""The loop: what was proposed, measured and fitted, and what follows from it."""

from activeloop.campaigns.campaign import Campaign
from activeloop.campaigns.drift import Drift, Foresight
from activeloop.campaigns.events import (
    Distilled,
    Event,
    EventLog,
    Fitted,
    Measured,
    Pinned,
    Proposed,
    Recorded,
    StudentRecord,
    Version,
    Voided,
)
from activeloop.campaigns.honesty import Honesty
from activeloop.campaigns.log import InMemoryLog
from activeloop.campaigns.recording import RecordSummary
from activeloop.campaigns.shelf import InMemoryShelf, Shelf
from activeloop.campaigns.state import CampaignState, Result
from activeloop.campaigns.status import Leader, Status
from activeloop.campaigns.teaching import Taught, Teaching
from activeloop.campaigns.worth import Gain, RoundReport
from activeloop.forecast import Forecast

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
