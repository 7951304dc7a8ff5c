"""The self-contained page of a replay: curve, figures, settings, machine; one file that can be mailed."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from activeloop.benchmarks.curve import PANELS, policy_colours
from activeloop.benchmarks.metrics import DEFINITIONS, LABELS, METRICS
from activeloop.benchmarks.protocol import Protocol
from activeloop.benchmarks.replay import Outcome
from activeloop.benchmarks.summary import Point


@dataclass(frozen=True)
class Cell:
    """One figure of the table, as text."""

    mean: str
    se: str
    best: bool


def replay_page(
    dataset: str,
    origin: str,
    protocol: Protocol,
    outcome: Outcome,
    points: Sequence[Point],
    curve: bytes,
    settings: Mapping[str, object],
    machine: Mapping[str, str],
) -> str:
    """The report as HTML.

    Args:
        dataset: the landscape's name.
        origin: where its values are from.
        protocol: the rules.
        outcome: what was replayed.
        points: `summary.summarise` of it.
        curve: PNG file.
        settings: what all campaigns share.
        machine: from `machine.describe_machine`.
    """
    labels = protocol.labels[-1]
    last = [p for p in points if p.labels == labels or p.policy == "full"]
    policies = list(dict.fromkeys(p.policy for p in last))
    seeds = len({seed for _, seed in outcome.turns})
    goal = "find the best candidates" if protocol.goal == "find" else "learn which candidates are fit"
    return render(
        "replay.html",
        title=f"{dataset}: replay of {protocol.rounds + 1} plates",
        lead=f"{origin} Goal: {goal}. {protocol.start} candidates on the first plate, then {protocol.rounds} plates of "
        f"{protocol.batch}; {labels} of {settings['candidates']:,} candidates are measured.",
        cards=_cards(last, protocol, labels),
        curve=base64.b64encode(curve).decode(),
        first=protocol.first,
        labels=labels,
        rows=_rows(last, policies, outcome),
        policies=policies,
        colours=policy_colours(policies),
        recipes=outcome.recipes,
        seeds=seeds,
        failures=outcome.failures,
        campaigns=len(outcome.turns) + len(outcome.failures),
        settings=settings,
        definitions=DEFINITIONS,
        machine=machine,
    )


def render(template: str, **values: object) -> str:
    """A page of this package; everything in it is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("activeloop.benchmarks"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template(template).render(**values)


def _cards(last: Sequence[Point], protocol: Protocol, labels: int) -> list[dict[str, object]]:
    """The main figures of the first policy and of the twin."""
    own = next((p.policy for p in last if p.policy != "random"), "random")
    cards = []
    for metric in PANELS[protocol.goal][:2]:
        for policy in dict.fromkeys((own, "random")):
            found = [p for p in last if p.policy == policy and p.metric == metric]
            if found:
                words = f"{LABELS[metric]}, {policy}, after {labels}"
                cards.append({"figure": f"{found[0].mean:.3g}", "words": words, "own": policy == own})
    return cards


def _rows(last: Sequence[Point], policies: Sequence[str], outcome: Outcome) -> list[dict[str, object]]:
    """A row a metric, a cell a policy; the last row tells the seconds."""
    rows: list[dict[str, object]] = []
    for metric in METRICS:
        by_policy = {p.policy: p for p in last if p.metric == metric}
        best = max((p.mean for p in by_policy.values()), default=np.nan)
        rows.append({"words": LABELS[metric], "cells": [table_cell(by_policy.get(p), best) for p in policies]})
    seconds = [_cell_of_seconds(policy, outcome) for policy in policies]
    return [*rows, {"words": "CPU seconds of a whole campaign", "cells": seconds}]


def _cell_of_seconds(policy: str, outcome: Outcome) -> Cell:
    totals = [sum(turn.seconds for turn in turns) for (name, _), turns in outcome.turns.items() if name == policy]
    return Cell(f"{np.mean(totals):.2f}", "", False)


def table_cell(point: Point | None, best: float) -> Cell:
    """A figure with its standard error; `best` is the mean that is shaded."""
    if point is None:
        return Cell("–", "", False)
    error = "" if np.isnan(point.se) else f"{point.se:.2g}"
    return Cell(f"{point.mean:.3g}", error, point.mean >= best)
