"""Campaigns on recorded data: replay, five-fold evaluation, metrics, reports, a simulated laboratory."""

from typing import TYPE_CHECKING

from activeloop._lazy import on_use

if TYPE_CHECKING:
    from activeloop.replay.campaign import Outcome, Turn, replay_all, replay_campaign
    from activeloop.replay.laboratory import SimulatedLaboratory
    from activeloop.replay.landscape import Landscape, plant
    from activeloop.replay.metrics import METRICS, Truth
    from activeloop.replay.policies import Policy, Protocol, policy_of
    from activeloop.replay.report import write_results
    from activeloop.replay.sources import Source, load_landscape
    from activeloop.replay.summary import Point

__getattr__ = on_use(__name__)

__all__ = [
    "METRICS",
    "Landscape",
    "Outcome",
    "Point",
    "Policy",
    "Protocol",
    "SimulatedLaboratory",
    "Source",
    "Truth",
    "Turn",
    "load_landscape",
    "plant",
    "policy_of",
    "replay_all",
    "replay_campaign",
    "write_results",
]
