"""A campaign that answers itself: public data sets, replay, evaluation, metrics and reports."""

from activeloop.benchmarks.campaign import Turn, replay_campaign
from activeloop.benchmarks.landscape import Landscape
from activeloop.benchmarks.metrics import METRICS, Truth
from activeloop.benchmarks.policies import POLICIES, Policy, policy_of
from activeloop.benchmarks.protocol import Protocol
from activeloop.benchmarks.replay import Outcome, replay_all
from activeloop.benchmarks.results import write_results
from activeloop.benchmarks.sources import Source, load_landscape
from activeloop.benchmarks.summary import Point, summarise

__all__ = [
    "METRICS",
    "POLICIES",
    "Landscape",
    "Outcome",
    "Point",
    "Policy",
    "Protocol",
    "Source",
    "Truth",
    "Turn",
    "load_landscape",
    "policy_of",
    "replay_all",
    "replay_campaign",
    "summarise",
    "write_results",
]
