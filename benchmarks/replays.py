"""Suites of replays: campaigns on several sets under one protocol, and how many labels they save."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from activeloop.renamed import NAMES
from activeloop.replay.campaign import Turn
from activeloop.replay.metrics import LABELS, mean_and_error
from activeloop.replay.policies import Protocol, title_of
from activeloop.replay.sources import registry
from activeloop.replay.summary import ROUND_COLUMNS, SUMMARY_COLUMNS, Point, point_row, read_summary, turns_of
from benchmarks.results import Result, Table, markdown_table, mean_se, not_done, of_seeds, parts_of, plus_minus, section

FULL, FOREST = "full", "evolvepro-top-layer"
SHARE = 0.9
#: columns of rounds.csv: a row for each plate of each campaign; what was picked is not kept
CAMPAIGN_COLUMNS = tuple(column for column in ROUND_COLUMNS if column != "picks")
Row = Mapping[str, str]


@dataclass(frozen=True)
class Suite:
    """Replays of several sets under one protocol.

    Args:
        name: of the suite and of its folder of results.
        question: what it answers.
        sets: public sets.
        protocol: the rules.
        policies: who asks.
        seeds: campaigns a policy and set.
        metrics: those that stand in the table.
        note: what a reader must know beside the figures: published ones, and on what settings were chosen.
    """

    name: str
    question: str
    sets: tuple[str, ...]
    protocol: Protocol
    policies: tuple[str, ...]
    seeds: int
    metrics: tuple[str, ...]
    note: str = ""


def suite_result(suite: Suite, replays: Mapping[str, Path]) -> Result:
    """What a suite found, with a learning curve of each set.

    Args:
        suite: what was asked.
        replays: the folder of each set's replay.
    """
    texts = [(place / "summary.csv").read_text("utf-8") for place in replays.values()]
    points = [point for text in texts for point in read_summary(text)]
    rounds = [row for place in replays.values() for row in campaigns_in(place)]
    pictures = {f"{name}.png": (place / "curve.png").read_bytes() for name, place in replays.items()}
    return page_of(suite, points, rounds, pictures)


def campaigns_in(place: Path) -> Iterator[Row]:
    """The rows of a replay's rounds.csv under `CAMPAIGN_COLUMNS`."""
    with (place / "rounds.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield row | {"policy": NAMES["policy"].get(row["policy"], row["policy"])}


def page_of(
    suite: Suite, points: Sequence[Point], rounds: Sequence[Row] = (), pictures: Mapping[str, bytes] | None = None
) -> Result:
    """The same from the rows of summary.csv and rounds.csv.

    Args:
        suite: what was asked.
        points: of all sets.
        rounds: of every campaign, without its picks; () where they were not kept.
        pictures: of each set, by file name.
    """
    pictures = pictures or {}
    protocol = suite.protocol
    plates = f"{protocol.start} + {protocol.rounds} x {protocol.batch} candidates"
    own = ", a policy with a prior chooses its first plate" if protocol.first == "own" else ""
    how = f"Goal `{protocol.goal}`, {plates}{own}; {of_seeds(suite.seeds)}; mean ± standard error"
    tables: dict[str, Table] = {"summary": (SUMMARY_COLUMNS, map(point_row, points))}
    if rounds:
        columns = [column for column in CAMPAIGN_COLUMNS if column in rounds[0]]  # tables of before have fewer
        tables["rounds"] = columns, ([row[column] for column in columns] for row in rounds)
    return Result(
        suite.question,
        "\n\n".join(filter(None, [f"{how}.", _of_the_forest(suite), suite.note])),
        [
            *(_metric_section(suite, points, metric) for metric in suite.metrics),
            *(_needs_section(rounds, metric) for metric in suite.metrics if FULL in suite.policies and rounds),
            not_done("Not computed yet", _not_computed(suite, points)),
            *(f"![Learning curves of {name.removesuffix('.png')}]({name})" for name in pictures),
        ],
        tables,
        pictures,
        parts_of(suite.policies),
    )


def _not_computed(suite: Suite, points: Sequence[Point]) -> list[str]:
    """Sets without a campaign, and policies that no set has."""
    there = {point.policy for point in points}
    sets = sorted(set(suite.sets) - {point.dataset for point in points})
    return [*sets, *(f"policy `{policy}`" for policy in suite.policies if policy not in there)]


def _metric_section(suite: Suite, points: Sequence[Point], metric: str) -> str:
    """All sets and policies after the last plate, their mean, and the default against the best named baseline."""
    last = {(p.dataset, p.policy): p for p in points if p.metric == metric and _is_last(p, suite)}
    policies = [p for p in suite.policies if any(policy == p for _, policy in last)]
    sets = list(dict.fromkeys(name for name, _ in last))
    if not sets:  # replays of before lack newer metrics
        return ""
    rows = [[name, *(_cell(last.get((name, p))) for p in policies)] for name in sets]
    if len(sets) > 1:
        means = {p: np.array([last[name, p].mean for name in sets if (name, p) in last]) for p in policies}
        rows.append(["**mean of the sets**", *(mean_se(means[p]) for p in policies)])
        if "default" in means:
            rows.append(["**default / policy**", *(_ratio(means["default"].mean(), means[p].mean()) for p in policies)])
    labels = suite.protocol.labels[-1]
    titles = [_title(suite, policy) for policy in policies]
    return section(f"{LABELS[metric].capitalize()}, after {labels}", markdown_table(["", *titles], rows))


def _title(suite: Suite, policy: str) -> str:
    """A policy as the head of a column."""
    return title_of(policy, registry()[suite.sets[0]].kind) if policy == FOREST else policy


def _of_the_forest(suite: Suite) -> str:
    """What the column of the forest is, and what it is not."""
    return forest_words(_title(suite, FOREST)) if FOREST in suite.policies else ""


def forest_words(title: str) -> str:
    """What the forest is, and what it is not.

    Args:
        title: of its column.
    """
    told = (
        f"{title} (in the tables `{FOREST}`): the random forest, its settings and the greedy choice of EVOLVEpro "
        "(Jiang et al. 2024, Science 387, eadr6006)"
    )
    if "one-hot" not in title:
        return f"{told}, which is for proteins, on count fingerprints."
    return (
        f"{told} on one-hot residues. EVOLVEpro itself reads mean embeddings of a large protein language model, which "
        "carry over what evolution says of residues that no plate has held yet; that part is not in this column."
    )


def _needs_section(rounds: Sequence[Row], metric: str) -> str:
    """Labels needed for 90 % of what all data give, for each set and policy."""
    sets = dict.fromkeys(row["dataset"] for row in rounds)
    by_set = {name: labels_needed(turns_of(row for row in rounds if row["dataset"] == name), metric) for name in sets}
    policies = [need.policy for need in next(iter(by_set.values()))]
    rows = [[name, *(_need(need) for need in needs)] for name, needs in by_set.items()]
    saved = {p: np.array([n.saved for needs in by_set.values() for n in needs if n.policy == p]) for p in policies}
    rows.append(["**labels saved against random**", *(_percent(*_mean_saved(saved[p])) for p in policies)])
    note = "In brackets: share of campaigns that reached it; the others count with their last label."
    title = f"Labels needed for 90 % of the {metric} of all data"
    return section(title, markdown_table(["", *policies], rows), note)


def _ratio(mean: float, other: float) -> str:
    """How many times the other; nothing when that is 0."""
    return f"{mean / other:.2f}" if other else "–"


def _mean_saved(saved: np.ndarray) -> tuple[float, float]:
    """Geometric mean over sets of what is saved, and its standard error over sets."""
    mean, error = mean_and_error(np.log(1 - saved))
    return float(1 - np.exp(mean)), float(np.exp(mean) * error)


def _is_last(point: Point, suite: Suite) -> bool:
    return point.labels == suite.protocol.labels[-1] or point.policy == FULL


def _cell(point: Point | None) -> str:
    return "" if point is None else plus_minus(point.mean, point.se)


def _need(need: LabelsNeeded) -> str:
    return plus_minus(need.labels, need.se) + ("" if need.reached == 1 else f" ({need.reached:.0%})")


def _percent(mean: float, error: float) -> str:
    return f"{mean:.0%}" + ("" if np.isnan(error) else f" ± {error:.0%}")


@dataclass(frozen=True)
class LabelsNeeded:
    """Labels that a policy needs, over seeds.

    Args:
        policy, metric: of what.
        labels, se: mean and standard error; a campaign that never reached the mark counts with its last label.
        reached: share of the campaigns that reached it.
        saved, saved_se: share of the random baseline's labels that is saved: by the ratio of the two means, with the
            jackknife error over seeds (single ratios would be ruled by seeds in which the baseline was lucky at once).
    """

    policy: str
    metric: str
    labels: float
    se: float
    reached: float
    saved: float
    saved_se: float


def labels_needed(turns: Mapping[tuple[str, int], Sequence[Turn]], metric: str) -> list[LabelsNeeded]:
    """Labels until a metric first reaches 90 % of what the model of all data reaches, for every policy but `full`.

    Between plates the metric is taken as a straight line. The mark of a seed is that of its own `full` campaign.

    Args:
        turns: of every campaign, by (policy, seed); with the policies `full` and `random`.
        metric: `accuracy` or `auroc`.
    """
    policies = [p for p in dict.fromkeys(policy for policy, _ in turns) if p != FULL]
    full = sorted(seed for policy, seed in turns if policy == FULL)
    # a campaign that could not be finished leaves its seed out for all, so that policies stay paired
    seeds = [seed for seed in full if all((policy, seed) in turns for policy in policies)]
    marks = {seed: SHARE * turns[FULL, seed][-1].metrics[metric] for seed in seeds}
    crossings = {
        policy: np.array([first_crossing(turns[policy, seed], metric, marks[seed]) for seed in seeds])
        for policy in policies
    }
    needs = []
    for policy, found in crossings.items():
        labels, error = mean_and_error(found[:, 0])
        saved, saved_error = saved_share(found[:, 0], crossings["random"][:, 0])
        needs.append(LabelsNeeded(policy, metric, labels, error, float(found[:, 1].mean()), saved, saved_error))
    return needs


def saved_share(labels: np.ndarray, baseline: np.ndarray) -> tuple[float, float]:
    """Share of the baseline's labels that is saved, and its standard error.

    Args:
        labels: [S] labels needed, by seed.
        baseline: [S] labels that the baseline needed under the same seeds.

    >>> saved_share(np.array([50.0, 50.0, 50.0]), np.array([100.0, 100.0, 100.0]))
    (0.5, 0.0)
    """
    without = 1 - (labels.sum() - labels) / (baseline.sum() - baseline) if len(labels) > 1 else np.full(1, np.nan)
    error = np.sqrt((len(labels) - 1) * without.var())
    return float(1 - labels.mean() / baseline.mean()), float(error)


def first_crossing(campaign: Sequence[Turn], metric: str, mark: float) -> tuple[float, bool]:
    """Labels at which the metric first reaches the mark, and whether it does; else the last label.

    >>> campaign = [Turn(0, 10, (), {"auroc": 0.5}, 0.0), Turn(1, 20, (), {"auroc": 0.7}, 0.0)]
    >>> first_crossing(campaign, "auroc", 0.6), first_crossing(campaign, "auroc", 0.9)
    ((15.0, True), (20.0, False))
    """
    before: Turn | None = None
    for turn in campaign:
        value = turn.metrics[metric]
        if value >= mark:
            if before is None:
                return float(turn.labels), True
            low = before.metrics[metric]
            return before.labels + (turn.labels - before.labels) * (mark - low) / (value - low), True
        before = turn
    return float(campaign[-1].labels), False
