"""The tables of a replay: a row per seed, policy and round, and means with standard errors over seeds."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from activeloop.files import csv_text
from activeloop.renamed import NAMES
from activeloop.replay.campaign import Turn
from activeloop.replay.metrics import METRICS, mean_and_error

SUMMARY_COLUMNS = ("dataset", "policy", "labels", "metric", "mean", "se", "seeds")
ROUND_COLUMNS = ("dataset", "policy", "seed", "round", "labels", *METRICS, "seconds", "picks")

Turns = Mapping[tuple[str, int], Sequence[Turn]]


@dataclass(frozen=True)
class Point:
    """A metric of a policy after a number of labels: mean over seeds, its standard error, and the count of seeds."""

    dataset: str
    policy: str
    labels: int
    metric: str
    mean: float
    se: float
    seeds: int


def summarise(dataset: str, turns: Turns) -> list[Point]:
    """Means over seeds, for every policy, number of labels and metric.

    A metric that no seed has (for the goal `find` the random baseline is evaluated at the end) is left out.

    Args:
        dataset: the landscape's name.
        turns: of every campaign, by (policy, seed).
    """
    grouped: dict[tuple[str, int, str], list[float]] = {}
    for (policy, _), campaign in turns.items():
        for turn in campaign:
            for metric in METRICS:
                grouped.setdefault((policy, turn.labels, metric), []).append(turn.metrics.get(metric, math.nan))
    points = []
    for (policy, labels, metric), values in grouped.items():
        known = sum(not math.isnan(value) for value in values)
        if known:
            points.append(Point(dataset, policy, labels, metric, *mean_and_error(np.array(values)), known))
    return points


def summary_csv(points: Iterable[Point]) -> str:
    """`summary.csv`; the standard error of one seed is empty."""
    return csv_text(SUMMARY_COLUMNS, map(point_row, points))


def point_row(point: Point) -> tuple[object, ...]:
    """A row of `summary.csv`, in the order of `SUMMARY_COLUMNS`."""
    return point.dataset, point.policy, point.labels, point.metric, number(point.mean), number(point.se), point.seeds


def rounds_csv(dataset: str, turns: Turns) -> str:
    """`rounds.csv`; picks are joined by `;`, a metric that was not evaluated is empty."""
    rows = (
        (
            *(dataset, policy, seed, turn.round, turn.labels),
            *(number(turn.metrics.get(m, math.nan)) for m in METRICS),
            *(f"{turn.seconds:.3f}", ";".join(turn.picks)),
        )
        for (policy, seed), campaign in turns.items()
        for turn in campaign
    )
    return csv_text(ROUND_COLUMNS, rows)


def read_rounds(text: str) -> dict[tuple[str, int], list[Turn]]:
    """The campaigns of a `rounds.csv`."""
    return turns_of(csv.DictReader(text.splitlines()))


def turns_of(rows: Iterable[Mapping[str, str]]) -> dict[tuple[str, int], list[Turn]]:
    """The campaigns of the rows of a `rounds.csv`; where picks were not kept they are ()."""
    turns: dict[tuple[str, int], list[Turn]] = {}
    for row in rows:
        metrics = {m: _value(row.get(m, "")) for m in METRICS}  # former releases had fewer
        picks = tuple(row["picks"].split(";")) if "picks" in row else ()
        turn = Turn(int(row["round"]), int(row["labels"]), picks, metrics, float(row["seconds"]))
        turns.setdefault((_policy(row["policy"]), int(row["seed"])), []).append(turn)
    return turns


def read_summary(text: str) -> list[Point]:
    """The rows of a `summary.csv`."""
    cells = ([row[column] for column in SUMMARY_COLUMNS] for row in csv.DictReader(text.splitlines()))
    return [
        Point(dataset, _policy(policy), int(labels), metric, _value(mean), _value(se), int(seeds))
        for dataset, policy, labels, metric, mean, se, seeds in cells
    ]


def _policy(name: str) -> str:
    return NAMES["policy"].get(name, name)  # tables of former releases


def _value(cell: str) -> float:
    return float(cell) if cell else math.nan


def number(value: float) -> str:
    """Six digits; empty when there is no value.

    >>> number(0.5), number(float("nan"))
    ('0.5', '')
    """
    return "" if math.isnan(value) else f"{value:.6g}"
