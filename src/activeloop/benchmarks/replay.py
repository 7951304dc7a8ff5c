"""Replay: campaigns answered by recorded data, for several policies and seeds, side by side."""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from activeloop.benchmarks.campaign import Turn, replay_campaign
from activeloop.benchmarks.landscape import Landscape
from activeloop.benchmarks.parallel import run_tasks
from activeloop.benchmarks.parts import Parts
from activeloop.benchmarks.policies import check_policy, policy_of
from activeloop.benchmarks.protocol import Protocol
from activeloop.benchmarks.sources import Source, load_landscape
from activeloop.errors import ActiveLoopError, RecipeError

Finished = Callable[[str, int], None]


@dataclass(frozen=True)
class Task:
    """One campaign to be replayed."""

    source: Source
    protocol: Protocol
    policy: str
    seed: int


@dataclass(frozen=True)
class Outcome:
    """What a replay left.

    Args:
        turns: of every finished campaign, by (policy, seed).
        recipes: learner and selection of each policy, in words.
        failures: why a campaign was abandoned, by (policy, seed).
    """

    turns: dict[tuple[str, int], list[Turn]]
    recipes: dict[str, str]
    failures: dict[tuple[str, int], str]


def replay_all(
    source: Source,
    landscape: Landscape,
    protocol: Protocol,
    policies: tuple[str, ...],
    seeds: int,
    folder: Path,
    jobs: int = 1,
    finished: Finished | None = None,
) -> Outcome:
    """Replay all campaigns that the folder does not hold yet.

    Args:
        source: where the landscape comes from; every further process loads it for itself, once.
        landscape: what `load_landscape(source)` gave here.
        protocol: the rules.
        policies: names, see `policies.policy_of`.
        seeds: seeds 0 .. seeds - 1; all policies share the first plate of a seed.
        folder: where finished campaigns are kept. More seeds or policies may be added later.
        jobs: processes; each computes on one thread. 1 = in this process.
        finished: called with (policy, campaigns of it that are finished) at the start and whenever one is.

    Raises:
        RecipeError: a policy is not known, the pool is too small, or the folder holds other settings.
        KeyboardInterrupt: stopped; what is finished is kept.
    """
    if not policies:
        raise RecipeError("--policies names no policy: leave it out, or name one. Nothing was replayed.")
    for policy in policies:
        check_policy(policy)
    if seeds < 1 or jobs < 1:
        raise RecipeError(f"--seeds {seeds} --jobs {jobs}: both must be at least 1. Nothing was replayed.")
    protocol.check_fits(len(landscape))
    parts = Parts(folder, settings_of(landscape, protocol))
    recipes = {p: policy_of(p, landscape.pool, protocol, landscape.assay).recipe for p in policies}
    # a part is kept under what its policy was made of, so that a changed default never mixes with an older one
    kept = {policy: f"{policy}-{short_hash(recipe)}" for policy, recipe in recipes.items()}
    wanted = [(policy, seed) for seed in range(seeds) for policy in policies]
    tasks = [Task(source, protocol, policy, seed) for policy, seed in wanted if not parts.has(kept[policy], seed)]
    failures: dict[tuple[str, int], str] = {}
    done = Counter(policy for policy, seed in wanted if parts.has(kept[policy], seed))
    report = finished or (lambda policy, count: None)
    for policy in policies:
        report(policy, done[policy])
    for task, result in run_tasks(tasks, replay_task, jobs):
        key = (task.policy, task.seed)
        if isinstance(result, str):
            failures[key] = result
        else:
            parts.write(kept[task.policy], task.seed, result)
        done[task.policy] += 1
        report(task.policy, done[task.policy])
    turns = {key: parts.read(kept[key[0]], key[1]) for key in wanted if key not in failures}
    return Outcome(turns, recipes, failures)


def short_hash(text: str) -> str:
    """Eight hexadecimal digits that depend on the text alone."""
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


def settings_of(landscape: Landscape, protocol: Protocol) -> dict[str, object]:
    """What campaigns must share to be averaged."""
    from activeloop import __version__

    told = {"dataset": landscape.name, "fingerprint": landscape.fingerprint, "goal of the assay": landscape.assay.goal}
    return {**told, **asdict(protocol), "version": __version__}


def replay_task(task: Task) -> list[Turn] | str:
    """One campaign, in whatever process; a campaign that cannot be finished gives its reason."""
    landscape = cached_landscape(task.source)
    policy = policy_of(task.policy, landscape.pool, task.protocol, landscape.assay)
    protocol = task.protocol.whole(len(landscape)) if task.policy == "full" else task.protocol
    try:
        return replay_campaign(landscape, policy, protocol, task.seed)
    except ActiveLoopError as error:
        return f"{type(error).__name__}: {error}"


@functools.lru_cache(maxsize=2)
def cached_landscape(source: Source) -> Landscape:
    """Each process loads a landscape once."""
    return load_landscape(source)
