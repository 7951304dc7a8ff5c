"""The results of a replay in its folder: tables, the learning curve, and a self-contained page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from activeloop.drawing import BASELINE, FAINT, INK, OTHERS, OWN, inline, png, style, svg
from activeloop.files import write_whole
from activeloop.replay.campaign import Outcome
from activeloop.replay.landscape import Landscape
from activeloop.replay.machine import describe_machine
from activeloop.replay.metrics import DEFINITIONS, LABELS, METRICS, OF_VALUES
from activeloop.replay.policies import Protocol, ReplayGoal, title_of
from activeloop.replay.summary import Point, rounds_csv, summarise, summary_csv

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS: dict[ReplayGoal, tuple[str, ...]] = {
    "find": ("best_fraction", "optimum_found", "top1pct_found", "top100_recall"),
    "learn": ("accuracy", "auroc", "spearman", "top10pct_found"),
}


#: of landscapes of two values
PANELS_OF_TWO: dict[ReplayGoal, tuple[str, ...]] = {
    "find": ("hits_found", "enrichment", "auroc", "auprc"),
    "learn": ("accuracy", "auroc", "auprc", "hits_found"),
}


def panels_of(points: Sequence[Point], goal: ReplayGoal, two: bool = False) -> tuple[str, ...]:
    """The metrics that are drawn; of drugs each on its own where an accurate model of treatments is asked for.

    Args:
        points: of one landscape.
        goal: of the campaigns.
        two: whether the landscape has two values alone.
    """
    if two:
        return PANELS_OF_TWO[goal]
    if goal == "learn" and any(point.metric == "pearson_per_drug" for point in points):
        return ("pearson_per_drug", "spearman", "auroc", "top10pct_found")
    return PANELS[goal]


def policy_colours(policies: Sequence[str]) -> dict[str, str]:
    """One colour a policy, the same in every picture and table.

    >>> policy_colours(["default", "random", "alde"])["random"]
    '#8a94a0'
    """
    others = [p for p in policies if p not in ("default", "random", "full")]
    colours = {p: OTHERS[i % len(OTHERS)] for i, p in enumerate(others)}
    return {p: {"default": OWN, "random": BASELINE, "full": INK}.get(p) or colours[p] for p in policies}


def draw_curves(
    points: Sequence[Point], title: str, goal: ReplayGoal, seeds: int, kind: str = "variants", two: bool = False
) -> Figure:
    """Four panels, a line and a band of one standard error for each policy.

    Args:
        points: of one landscape.
        title: above all panels.
        goal: which metrics are shown.
        seeds: their number, shown below the panels.
        kind: of the candidates.
        two: whether the landscape has two values alone.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 7.0), layout="constrained", facecolor="white")
    axes = figure.subplots(2, 2, squeeze=True).ravel()
    policies = list(dict.fromkeys(p.policy for p in points))
    colours = policy_colours(policies)
    for axis, metric in zip(axes, panels_of(points, goal, two), strict=True):
        style(axis, LABELS[metric])
        for policy in policies:
            own = [p for p in points if p.policy == policy and p.metric == metric]
            _line(axis, own, policy, title_of(policy, kind), colours[policy])
    handles, names = axes[0].get_legend_handles_labels()
    if goal == "learn" or not handles:
        handles, names = axes[-1].get_legend_handles_labels()
    # the empty second line keeps a place for the legend, whatever the length of the title
    figure.suptitle(f"{title}\n ", fontsize=15, fontweight="bold", color=INK, x=0.02, ha="left")
    place = {"loc": "upper left", "bbox_to_anchor": (0.01, 0.965), "ncols": min(len(names), 6)}
    figure.legend(handles, names, **place, frameon=False, fontsize=10 if len(names) < 6 else 9)
    figure.supxlabel(
        f"measured candidates   (mean of {seeds} {'seed' if seeds == 1 else 'seeds'}; band: one standard error)",
        fontsize=10.5,
        color=FAINT,
    )
    return figure


def _line(axis: Axes, points: Sequence[Point], policy: str, label: str, colour: str) -> None:
    points = sorted(points, key=lambda p: p.labels)
    if not points:
        return
    if policy == "full":
        axis.axhline(points[-1].mean, color=colour, label="all data", linestyle=":", linewidth=1.6)
        return
    labels = np.array([p.labels for p in points])
    mean = np.array([p.mean for p in points])
    error = np.nan_to_num([p.se for p in points])
    own, baseline = policy == "default", policy == "random"
    style = {"linewidth": 2.6 if own else 1.8, "linestyle": (0, (4, 2)) if baseline else "-", "zorder": 4 if own else 3}
    axis.plot(labels, mean, color=colour, label=label, marker="o", markersize=5 if own else 4, **style)
    axis.fill_between(labels, mean - error, mean + error, color=colour, alpha=0.16, linewidth=0)
    if len(labels) > 1 or not axis.get_lines()[1:]:  # the random baseline may have its last round alone
        axis.set_xticks(labels if len(labels) <= 8 else labels[:: len(labels) // 6])


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
        curve: SVG file.
        settings: what all campaigns share.
        machine: from `machine.describe_machine`.
    """
    labels = protocol.labels[-1]
    last = [p for p in points if p.labels == labels or p.policy == "full"]
    policies = list(dict.fromkeys(p.policy for p in last))
    seeds, kind = len({seed for _, seed in outcome.turns}), str(settings["kind"])
    goal = "find the best candidates" if protocol.goal == "find" else "learn which candidates are fit"
    if protocol.goal == "learn" and (kind == "treatments" or "history" in settings):
        goal = "learn an accurate model of the values"
    return render(
        "replay.html",
        title=f"{dataset}: replay of {protocol.rounds + 1} plates",
        lead=f"{origin} Goal: {goal}. {protocol.start} candidates on the first plate, then {protocol.rounds} plates of "
        f"{protocol.batch}; {labels} of {settings['candidates']:,} candidates are measured.",
        cards=_cards(last, protocol, labels, "hits" in settings),
        curve=inline(curve, f"Learning curves of {', '.join(title_of(p, kind) for p in policies)}"),
        first=protocol.first,
        labels=labels,
        rows=_rows(last, policies, outcome, "hits" in settings),
        policies=policies,
        titles={p: title_of(p, kind) for p in policies},
        colours=policy_colours(policies),
        configs=outcome.configs,
        seeds=seeds,
        failures=outcome.failures,
        campaigns=len(outcome.turns) + len(outcome.failures),
        settings=settings,
        definitions=DEFINITIONS,
        machine=machine,
    )


def render(template: str, *, package: str = __package__ or "", **values: object) -> str:
    """A page; everything in it is escaped but pictures.

    Args:
        template: its name.
        package: that holds it; it may extend those of this one.
        values: of the template.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    loader = ChoiceLoader([PackageLoader(name) for name in dict.fromkeys((package, __package__ or ""))])
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.get_template(template).render(**values)


def _cards(last: Sequence[Point], protocol: Protocol, labels: int, two: bool) -> list[dict[str, object]]:
    """The main figures of the first policy and of the random baseline."""
    own = next((p.policy for p in last if p.policy != "random"), "random")
    cards = []
    for metric in panels_of(last, protocol.goal, two)[:2]:
        for policy in dict.fromkeys((own, "random")):
            found = [p for p in last if p.policy == policy and p.metric == metric]
            if found:
                words = f"{LABELS[metric]}, {policy}, after {labels}"
                cards.append({"figure": f"{found[0].mean:.3g}", "words": words, "own": policy == own})
    return cards


def _rows(last: Sequence[Point], policies: Sequence[str], outcome: Outcome, two: bool) -> list[dict[str, object]]:
    """A row a metric, a cell a policy; the last row holds the seconds."""
    rows: list[dict[str, object]] = []
    for metric in METRICS:
        by_policy = {p.policy: p for p in last if p.metric == metric}
        if (metric == "pearson_per_drug" and not by_policy) or (two and metric in OF_VALUES):
            continue  # of treatments alone, or of values
        best = max((p.mean for p in by_policy.values()), default=np.nan)
        rows.append({"words": LABELS[metric], "cells": [table_cell(by_policy.get(p), best) for p in policies]})
    seconds = []
    for policy in policies:
        totals = [sum(turn.seconds for turn in turns) for (name, _), turns in outcome.turns.items() if name == policy]
        seconds.append(Cell(f"{np.mean(totals):.2f}", "", False))
    return [*rows, {"words": "CPU seconds of a whole campaign", "cells": seconds}]


def table_cell(point: Point | None, best: float) -> Cell:
    """A figure with its standard error; `best` is the mean that is shaded."""
    if point is None:
        return Cell("–", "", False)
    error = "" if np.isnan(point.se) else f"{point.se:.2g}"
    return Cell(f"{point.mean:.3g}", error, point.mean >= best)


def write_results(folder: Path, landscape: Landscape, protocol: Protocol, outcome: Outcome) -> list[Point]:
    """Write summary.csv, rounds.csv, curve.png, report.html and machine.json, each whole.

    The tables depend on the campaigns alone (seconds apart); date and machine stand in the other files.

    Returns:
        The rows of summary.csv.

    Raises:
        StoreError: a file cannot be written.
    """
    points = summarise(landscape.name, outcome.turns)
    machine = describe_machine()
    seeds = len({seed for _, seed in outcome.turns})
    curve = draw_curves(points, landscape.name, protocol.goal, seeds, landscape.kind, landscape.is_two)
    settings = {
        "dataset": landscape.name,
        "candidates": len(landscape),
        "kind": landscape.kind,
        "assay": f"{landscape.assay.name} ({landscape.assay.goal})",
        "goal": protocol.goal,
        "plates": f"{protocol.start} + {protocol.rounds} x {protocol.batch}",
        "first plate": protocol.first,
        "seeds": f"0 to {seeds - 1}",
        "fingerprint of the data": landscape.fingerprint,
    }
    if landscape.is_two:
        settings["hits"] = f"{int(landscape.hits.sum()):,} of {len(landscape):,} ({landscape.hits.mean():.1%})"
    if landscape.history is not None:
        settings["history"] = f"{int(np.isfinite(landscape.history.values).sum()):,} values"
    page = replay_page(landscape.name, landscape.origin, protocol, outcome, points, svg(curve), settings, machine)
    write_whole(folder / "summary.csv", summary_csv(points))
    write_whole(folder / "rounds.csv", rounds_csv(landscape.name, outcome.turns))
    write_whole(folder / "curve.png", png(curve))
    write_whole(folder / "machine.json", json.dumps(machine, indent=1) + "\n")
    write_whole(folder / "report.html", page)
    return points
