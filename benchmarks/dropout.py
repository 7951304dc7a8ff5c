"""The arm of the proposal beside the defaults: predictive entropy over passes with dropout of an adapted classifier.

Writes rounds.csv (every campaign), README.md and machine.json. Needs the public sets (`ACTIVELOOP_DATA`, or a
connection) and the extra `models`. Single campaigns are kept, so that a stopped suite goes on; the page is of the
suites and sets that the command names, and lists all others.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from activeloop.candidates import Pool
from activeloop.cli.replay import run as replay
from activeloop.cli.terminal import Jobs
from activeloop.errors import ConfigError
from activeloop.measurements import Assay, Dataset
from activeloop.prediction import Learner
from activeloop.replay import Source, load_landscape, policies
from activeloop.replay.campaign import Turn, measured, unmeasured
from activeloop.replay.metrics import LABELS
from activeloop.replay.policies import Policy, Protocol, learner_of
from activeloop.replay.sources import registry
from activeloop.replay.summary import turns_of
from benchmarks import stokes
from benchmarks.options import OUT, WORK, names_of
from benchmarks.replays import (
    CAMPAIGN_COLUMNS,
    FULL,
    Row,
    Suite,
    campaigns_in,
    first_crossing,
    labels_needed,
    saved_share,
)
from benchmarks.results import HEAVY, Result, crossed, markdown_table, mean_se, not_done, plus_minus, section
from benchmarks.suites import suites

ARM, OWN_RANDOM = "dropout-classifier:entropy", "dropout-classifier:random"
POLICIES = ("default", "random", OWN_RANDOM, ARM)
#: what the bundled pretrained model reads
READS = "variants"
#: landscapes of two states a site, whose residues are not in the data
TWO_STATES = ("eqfp611", "ch65", "cr9114-flub", "cr9114-h3")
COLUMNS = ("suite", *CAMPAIGN_COLUMNS)
#: of a suite that is not run, what a campaign of the arm would cost on the set of its shortest protein
COST_COLUMNS = ("suite", "dataset", "candidates", "seconds")
#: candidates whose prediction is timed for it
TIMED = 2000
HOW = (
    f"`{ARM}`: a pretrained protein model with LoRA and a logistic head, trained and asked with dropout; the next "
    "plate is that of the largest predictive entropy over its passes. It learns which candidates are fit, whatever the "
    f"goal of the suite is. `{OWN_RANDOM}`: the same classifier on random plates, so that what the entropy chooses can "
    "be told from what the classifier is. `default` and `random` are what the product does, and its model on random "
    "plates; both random policies draw the same plates, and find the same. Protocols and metrics are those of the "
    "suites, first plates the same for all policies of a seed. Differences are paired by set and seed, ± standard "
    "error over campaigns. Layers below LoRA are run once for all campaigns of a set, in the first one's seconds."
)


def arms() -> dict[str, Suite]:
    """Every suite of campaigns, with the arm and its random twin in the place of the suite's policies.

    >>> arms()["learn"].policies[-2:]
    ('dropout-classifier:entropy', 'full')
    """
    found = [s for n, s in suites().items() if isinstance(s, Suite) and not n.startswith("defaults/")]
    question = "How many of 120 growth inhibitors does a campaign find?"
    found.append(Suite("stokes", question, (stokes.SET,), stokes.PROTOCOL, (), 10, ("hits_found", "auroc")))
    return {s.name: replace(s, policies=(*POLICIES, *([FULL] if s.protocol.goal == "learn" else []))) for s in found}


def unread(suite: Suite) -> list[str]:
    """The sets of a suite that the bundled model cannot read."""
    return [name for name in suite.sets if registry()[name].kind != READS or name in TWO_STATES]


@lru_cache(maxsize=1)
def classifier(pool: Pool) -> Learner:
    """The arm's learner for all campaigns of a set in this process: frozen layers are run once for its candidates."""
    return learner_of(ARM.partition(":")[0], pool, "learn")


def policy_of(name: str, pool: Pool, protocol: Protocol, assay: Assay, history: Dataset | None = None) -> Policy:
    """A policy as the product names it."""
    found = policies.policy_of(name, pool, protocol, assay, history)
    return replace(found, learner=classifier(pool)) if name in (ARM, OWN_RANDOM) else found


def by_length(suite: Suite) -> list[str]:
    """The sets of a suite that can be read, shortest protein first, of the same length by name."""
    lengths = {}
    for name in set(suite.sets) - set(unread(suite)):
        sites = load_landscape(Source(name)).pool.sites
        lengths[name] = len(sites.parent_sequence or sites.labels) if sites else 0
    return sorted(lengths, key=lambda name: (lengths[name], name))


SUITES = typer.Option(
    "--suites",
    metavar="NAMES",
    help="Of these suites, joined by commas; NAME:N for another number of seeds than --seeds.",
)


def command(
    only: Annotated[str, SUITES] = "",
    shortest: Annotated[int, typer.Option(help="Sets of the shortest proteins of each suite; 0: all sets.")] = 0,
    seeds: Annotated[int, typer.Option(help="Campaigns of each set and policy.")] = 10,
    jobs: Jobs = None,
    work: Annotated[Path, WORK] = Path("replays"),
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """Does predictive entropy over passes with dropout find or learn more than the defaults?"""
    there = arms()
    every = tuple(name for name, suite in there.items() if len(unread(suite)) < len(suite.sets))
    names = {name: count for name, _, count in (each.partition(":") for each in names_of(only) or every)}
    for name, count in names.items():
        if count and not (count.isdecimal() and int(count)):
            raise ConfigError(f"{name}:{count}: give a number of seeds behind the colon. Nothing was computed.")
        if name not in there:
            raise ConfigError(f'"{name}" is no suite of campaigns. Suites: {", ".join(there)}. Nothing was computed.')
        if len(unread(there[name])) == len(there[name].sets):
            raise ConfigError(
                f"{name}: its sets are {registry()[there[name].sets[0]].kind}, which the bundled pretrained model does "
                "not read. Nothing was computed."
            )
    asked = f"{f' --suites {only}' if only else ''}{f' --shortest {shortest}' if shortest else ''} --seeds {seeds}"
    rows: list[Row] = []
    costs = [each for name, suite in there.items() if name not in names for each in cost_of(suite)]
    for name, count in names.items():
        suite = there[name]
        for each in by_length(suite)[: shortest or None]:
            place = work / "dropout" / name / each
            with suppress(typer.Exit):  # campaigns that could not be finished are missing in its table, and named
                replay(Source(each), suite.protocol, suite.policies, int(count or seeds), jobs, place, policy_of)
            rows += [{"suite": name, **row} for row in campaigns_in(place)]
            # after each set, so that a long suite can be looked at
            dropout_result(rows, costs).write(out / "dropout", f"python -m benchmarks dropout{asked}")


def cost_of(suite: Suite) -> Iterator[Row]:
    """A row of costs.csv, where the bundled model reads a set of the suite.

    CPU seconds on one thread: fits to the first plate and to all but the last one, and the prediction of some
    candidates, scaled to the plates and candidates of a campaign.
    """
    for name in by_length(suite)[:1]:
        landscape, p = load_landscape(Source(name)), suite.protocol
        arm = policy_of(ARM, landscape.pool, p, landscape.assay)
        order = np.random.default_rng(0).permutation(len(landscape))
        empty = unmeasured(landscape, arm.measures(p, landscape.assay))
        plates = [measured(empty, order[:count], landscape, 0) for count in (p.labels[0], p.labels[-2])]
        arm.fit(plates[0], 0)  # loads the model
        clocks = [time.process_time()]
        for plate in plates:
            predictor = arm.fit(plate, 0)
            clocks.append(time.process_time())
        some = np.sort(order[p.labels[-1] :][:TIMED])
        for _ in range(2):  # the second time frozen layers are known
            predictor.predict(landscape.pool, some, 0, 0)
            clocks.append(time.process_time())
        first, last, new, again = np.diff(clocks)
        candidates = len(landscape) - p.held_out(len(landscape))
        asked = (new + (p.rounds - 1) * again) * candidates / len(some)
        seconds = f"{p.rounds * (first + last) / 2 + asked:.0f}"
        yield {"suite": suite.name, "dataset": name, "candidates": str(candidates), "seconds": seconds}


def read_table(path: Path) -> list[Row]:
    """The rows of one of the suite's own tables; none of a page made before there was one."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def dropout_result(rows: Sequence[Row], costs: Sequence[Row] = ()) -> Result:
    """The page.

    Args:
        rows: of rounds.csv, under `COLUMNS`.
        costs: of costs.csv, under `COST_COLUMNS`.
    """
    turns: dict[str, dict[str, dict[tuple[str, int], list[Turn]]]] = {}
    for name, each in dict.fromkeys((row["suite"], row["dataset"]) for row in rows):
        own = (row for row in rows if (row["suite"], row["dataset"]) == (name, each))
        turns.setdefault(name, {})[each] = turns_of(own)
    there, sections = arms(), []
    for name, sets in turns.items():
        sections += [_suite_section(there[name], sets), _saved_section(there[name], sets)]
    return Result(
        "Does predictive entropy over passes with dropout pay?",
        HOW,
        [*sections, not_done("Not computed", _missing(there, turns, costs))],
        {
            "rounds": (COLUMNS, ([row[column] for column in COLUMNS] for row in rows)),
            "costs": (COST_COLUMNS, ([row[column] for column in COST_COLUMNS] for row in costs)),
        },
        parts=HEAVY,
    )


def _suite_section(suite: Suite, sets: Mapping[str, Mapping[tuple[str, int], Sequence[Turn]]]) -> str:
    """Each metric after the last plate: policies, and the arm less the others; each set by the first metric."""
    p, count = suite.protocol, len({seed for turns in sets.values() for _, seed in turns})
    chosen = "its set" if len(suite.sets) == 1 else f"all of its {len(sets)} sets"
    if len(sets) < len(suite.sets):
        chosen = (
            f"{len(sets)} of its {len(suite.sets)} sets, those of the shortest proteins: the time of the classifier "
            "grows with their length"
        )
    told = (
        f"{suite.question} Goal `{p.goal}`, {p.start} + {p.rounds} x {p.batch} candidates, {count} seeds; {chosen}. "
        f"Means after {p.labels[-1]}, ± standard error over {'sets' if len(sets) > 1 else 'seeds'}."
    )
    others = [policy for policy in POLICIES if policy != ARM]
    rows = []
    for metric in suite.metrics:
        last = {name: _last(turns, metric) for name, turns in sets.items()}
        cells = []
        for policy in suite.policies:
            by_set = [list(of[policy].values()) for of in last.values() if of.get(policy)]
            cells.append(
                mean_se([float(np.mean(v)) for v in by_set] if len(by_set) > 1 else by_set[0]) if by_set else ""
            )
        for other in others:
            pairs = [
                of[ARM][seed] - of[other][seed]
                for of in last.values()
                for seed in set(of.get(ARM, {})) & set(of.get(other, {}))
            ]
            cells.append(mean_se(pairs, 2) if pairs else "")
        rows.append([LABELS[metric], *cells])
    seconds = []
    for policy in suite.policies:
        courses = [course for of in sets.values() for (who, _), course in of.items() if who == policy]
        spent = [sum(turn.seconds for turn in course) for course in courses]
        seconds.append(mean_se(spent) if policy not in ("random", OWN_RANDOM, FULL) and spent else "")
    rows.append(["CPU seconds a campaign, one thread", *seconds, *[""] * len(others)])
    head = ["", *suite.policies, *(f"arm less {other}" for other in others)]
    by_set = []
    if len(sets) > 1:
        first = {name: _last(turns, suite.metrics[0]) for name, turns in sets.items()}
        cells = {(name, q): mean_se(of[q].values()) for name, of in first.items() for q in suite.policies if q in of}
        by_set = [f"{LABELS[suite.metrics[0]].capitalize()}, set by set:", crossed(cells)]
    return section(f"Suite `{suite.name}`", told, markdown_table(head, rows), *by_set)


def _last(turns: Mapping[tuple[str, int], Sequence[Turn]], metric: str) -> dict[str, dict[int, float]]:
    """Policy -> seed -> a metric after the last plate, where it is known."""
    found: dict[str, dict[int, float]] = {}
    for (policy, seed), course in turns.items():
        value = course[-1].metrics[metric]
        if not np.isnan(value):
            found.setdefault(policy, {})[seed] = value
    return found


def _saved_section(suite: Suite, sets: Mapping[str, Mapping[tuple[str, int], Sequence[Turn]]]) -> str:
    """Labels to 90 % of what all data give, and what is saved, where a suite's goal is to learn."""
    if suite.protocol.goal != "learn":
        return ""
    rows = []
    for metric in suite.metrics:
        needs = {name: {n.policy: n for n in labels_needed(turns, metric)} for name, turns in sets.items()}
        for policy in POLICIES:
            own = [of[policy] for of in needs.values() if policy in of]
            if not own:
                continue
            saved = [(n.saved, n.saved_se) for n in own]
            twin = [_against_its_own(turns, metric) for turns in sets.values()] if policy == ARM else []
            reached = f"{np.mean([n.reached for n in own]):.0%}"
            labels = mean_se(n.labels for n in own) if len(own) > 1 else plus_minus(own[0].labels, own[0].se)
            cells = [labels, reached, _shares(saved), _shares(twin) if twin else ""]
            rows.append([f"{policy}, {metric}", *cells])
    head = ["", "labels needed", "campaigns that reached it", "saved against random", "saved against its own random"]
    words = (
        "Labels until 90 % of what the default's model of all data reaches; a campaign that never does counts with its "
        f"last label. Means over sets, ± standard error over {'sets' if len(sets) > 1 else 'seeds'}."
    )
    return section(f"Labels needed in `{suite.name}`", words, markdown_table(head, rows))


def _against_its_own(turns: Mapping[tuple[str, int], Sequence[Turn]], metric: str) -> tuple[float, float]:
    """Share of the labels of the arm's classifier on random plates that the arm saves, and its error, of one set."""
    seeds = [s for (who, s) in turns if who == ARM and (OWN_RANDOM, s) in turns and (FULL, s) in turns]
    marks = {s: 0.9 * turns[FULL, s][-1].metrics[metric] for s in seeds}
    labels = {p: np.array([first_crossing(turns[p, s], metric, marks[s])[0] for s in seeds]) for p in (ARM, OWN_RANDOM)}
    return saved_share(labels[ARM], labels[OWN_RANDOM])


def _shares(saved: Sequence[tuple[float, float]]) -> str:
    """Mean share in percent, and its standard error over sets; of one set that over seeds, from pairs of both."""
    shares, (error, *_) = [share for share, _ in saved], [error for _, error in saved]
    if len(shares) > 1:
        error = np.std(shares, ddof=1) / np.sqrt(len(shares))
    return plus_minus(100 * float(np.mean(shares)), 100 * float(error), 2) + " %"


def _missing(
    there: Mapping[str, Suite],
    turns: Mapping[str, Mapping[str, Mapping[tuple[str, int], object]]],
    costs: Sequence[Row],
) -> Iterator[str]:
    """Suites and sets without a campaign of the arm, and why."""
    priced = {
        row[
            "suite"
        ]: f"; a campaign of the arm would take about {int(row['seconds']):,} CPU seconds on `{row['dataset']}`, "
        f"whose {int(row['candidates']):,} candidates it predicts before each plate"
        for row in costs
    }
    for name, suite in there.items():
        wrong = unread(suite)
        if wrong:
            what = {"two states a site" if each in TWO_STATES else registry()[each].kind for each in wrong}
            kinds = " and ".join(sorted(what))
            yield f"`{name}`: {', '.join(wrong)}: {kinds}, which the bundled model (of proteins) does not read"
        left = sorted(set(suite.sets) - set(wrong) - set(turns.get(name, {})))
        if left and name not in turns:
            yield f"`{name}`: not in this run{f' ({len(left)} sets)' if len(left) > 1 else ''}{priced.get(name, '')}"
        elif left:
            yield f"`{name}`: its other {len(left)} sets: not in this run"
    for name, sets in turns.items():
        for each, found in sets.items():
            seeds = {seed for _, seed in found}
            for policy in there[name].policies:
                if short := sorted(s for s in seeds if (policy, s) not in found):
                    yield f"`{name}`, {each}: `{policy}` could not be fitted under {len(short)} of {len(seeds)} seeds"
