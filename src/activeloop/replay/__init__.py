"""Campaigns on recorded data: replay, five-fold evaluation, metrics, reports, a simulated laboratory."""

from activeloop.replay.campaign import Outcome, Turn, replay_all, replay_campaign
from activeloop.replay.laboratory import SimulatedLaboratory
from activeloop.replay.landscape import PLANTED, Landscape, plant
from activeloop.replay.metrics import METRICS, Truth
from activeloop.replay.policies import POLICIES, Policy, Protocol, policy_of
from activeloop.replay.report import write_results
from activeloop.replay.sources import Source, load_landscape
from activeloop.replay.summary import Point, summarise

__all__ = [
    "METRICS",
    "PLANTED",
    "POLICIES",
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
    "summarise",
    "write_results",
]
