"""A campaign that answers itself: public data sets, replay, evaluation, metrics and reports."""

from activeloop.benchmarks.campaign import Turn, replay_campaign
from activeloop.benchmarks.laboratory import SimulatedLaboratory
from activeloop.benchmarks.landscape import Landscape
from activeloop.benchmarks.metrics import METRICS, Truth
from activeloop.benchmarks.planted import PLANTED, plant
from activeloop.benchmarks.policies import POLICIES, Policy, policy_of
from activeloop.benchmarks.protocol import Protocol
from activeloop.benchmarks.replay import Outcome, replay_all
from activeloop.benchmarks.results import write_results
from activeloop.benchmarks.sources import Source, load_landscape
from activeloop.benchmarks.summary import Point, summarise

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
