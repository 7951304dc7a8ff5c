"""Replayed campaigns: one of them, and several policies and seeds side by side."""

from __future__ import annotations

import functools
import hashlib
import json
import math
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from activeloop.candidates import Pool
from activeloop.errors import ActiveLoopError, ConfigError, StoreError
from activeloop.executor import SharedValue, run_tasks, shared
from activeloop.files import write_whole
from activeloop.measurements import Assay, Dataset
from activeloop.metrics import auroc, average_precision
from activeloop.prediction import Predictor, mean_of
from activeloop.renamed import NAMES, current_name
from activeloop.replay.landscape import Landscape
from activeloop.replay.metrics import PREDICTED, Truth, per_drug, spearman
from activeloop.replay.policies import Policy, Protocol, check_model, check_policy, policy_of
from activeloop.replay.sources import Source, load_landscape

EVALUATED = 10_000
"""Predictions are evaluated on at most this many candidates, drawn once a seed."""


@dataclass(frozen=True)
class Turn:
    """The result of one plate.

    Args:
        round: 0 is the first plate.
        labels: measured so far, this plate included.
        picks: names of the candidates on this plate, best first.
        metrics: name -> value; NaN when it was not evaluated.
        seconds: CPU seconds of fitting, scoring and choosing this plate (evaluation is not counted).
    """

    round: int
    labels: int
    picks: tuple[str, ...]
    metrics: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class Shared:
    """What all policies share under one seed: the first plate, and the candidates on which predictions are evaluated.

    Args:
        first_plate: [start] rows.
        held_out: rows that are never proposed (goal `learn`), else empty.
        evaluated: at most `EVALUATED` rows; those that are measured later do not count.
    """

    first_plate: np.ndarray
    held_out: np.ndarray
    evaluated: np.ndarray

    @classmethod
    def of(cls, candidates: int, protocol: Protocol, seed: int) -> Shared:
        """Drawn from the seed alone.

        >>> Shared.of(50, Protocol(start=3), seed=7).first_plate.tolist()
        [10, 45, 24]
        """
        order = np.random.default_rng([seed, 0]).permutation(candidates)
        held_out, rest = np.split(order, [protocol.held_out(candidates)])
        evaluated = held_out if len(held_out) else np.random.default_rng([seed, 1]).permutation(candidates)
        return cls(rest[: protocol.start], held_out, evaluated[:EVALUATED])


def replay_campaign(landscape: Landscape, policy: Policy, protocol: Protocol, seed: int) -> list[Turn]:
    """One whole campaign.

    Args:
        landscape: the recorded values.
        policy: what proposes.
        protocol: the rules.
        seed: of the first plate and of every later choice.

    Returns:
        One turn a plate, the first plate first.

    Raises:
        ModelError: when a learner cannot be fitted; the campaign is abandoned.
    """
    shared = Shared.of(len(landscape), protocol, seed)
    truth = Truth(landscape.oriented, landscape.fit, landscape.hits)
    dataset = unmeasured(landscape, policy.measures(protocol, landscape.assay))
    turns: list[Turn] = []
    predictor, fit_seconds = None, 0.0
    for number in range(protocol.rounds + 1):
        clock = time.process_time()
        if number == 0 and protocol.first == "own":
            predictor = policy.prior(landscape.pool)
        if number == 0 and predictor is None:
            picks = shared.first_plate
        else:
            free = np.setdiff1d(np.arange(len(landscape)), np.concatenate([dataset.rows, shared.held_out]))
            size = protocol.batch if number else protocol.start
            picks = policy.choose(dataset, predictor, free, size, derived_seed(seed, number, 2))
        seconds = time.process_time() - clock + fit_seconds
        dataset = measured(dataset, picks, landscape, number)
        metrics = truth.found(dataset.rows)

        clock = time.process_time()
        last = number == protocol.rounds
        predictor = policy.fit(dataset, derived_seed(seed, number, 1)) if policy.needs_model(protocol, last) else None
        fit_seconds = time.process_time() - clock if policy.uses_model else 0.0

        metrics |= judge(predictor, dataset, truth, shared, protocol)
        names = tuple(landscape.pool.names(picks))
        turns.append(Turn(number, len(dataset), names, metrics, seconds))
    return turns


def unmeasured(landscape: Landscape, assay: Assay) -> Dataset:
    """The data set before the first plate, of what plates bring."""
    return Dataset.of(landscape.pool, np.empty(0, np.int64), np.empty(0), assay)


def measured(dataset: Dataset, picks: np.ndarray, landscape: Landscape, number: int) -> Dataset:
    """The data set with the values of one more plate."""
    classify = dataset.assays[0].goal == "classify"
    values = landscape.fit if classify else landscape.values
    new = Dataset.of(dataset.pool, picks, values[picks].astype(np.float64), dataset.assays[0])
    return replace(
        dataset,
        rows=np.concatenate([dataset.rows, new.rows]),
        values=np.concatenate([dataset.values, new.values]),
        errors=np.concatenate([dataset.errors, new.errors]),
        rounds=np.concatenate([dataset.rounds, np.full(len(picks), number)]),
        censored=np.concatenate([dataset.censored, new.censored]),
    )


def judge(
    predictor: Predictor | None, dataset: Dataset, truth: Truth, shared: Shared, protocol: Protocol
) -> dict[str, float]:
    """How well a model predicts candidates that were not measured.

    Goal `learn`: the 20 % that are never proposed. Goal `find`: what is not measured yet (a fixed draw of 10,000 from
    larger pools); there, a candidate is called fit when its predicted value reaches that of the worst fit one.
    """
    rows = np.setdiff1d(shared.evaluated, dataset.rows)
    if predictor is None or not len(rows):
        return dict.fromkeys(PREDICTED, float("nan"))
    predicted = mean_of(predictor, dataset.pool, rows)[:, -1]
    hits = np.zeros(len(rows), bool) if truth.hits is None else truth.hits[rows]
    border = 0.5 if dataset.assays[0].goal == "classify" else truth.fit_from
    return {
        "spearman": spearman(predicted, truth.values[rows]),
        "auroc": auroc(predicted, truth.fit[rows]),
        "accuracy": float(np.mean((predicted >= border) == truth.fit[rows])),
        "auprc": average_precision(predicted, hits),
        "prevalence": float(hits.mean()) if hits.any() else math.nan,
        "pearson_per_drug": per_drug(predicted, truth.values[rows], dataset.pool, rows),
    }


def derived_seed(*parts: int) -> int:
    """One seed from several, without overlap between rounds or uses."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


class Parts:
    """`DIR/parts`: a JSON file a (policy, seed), written whole or not at all; `DIR/settings.json` guards them.

    Args:
        folder: DIR; made when it does not exist.
        settings: what all campaigns of this folder share. A folder that was begun with others is refused.

    Raises:
        ConfigError: the folder holds campaigns with other settings; nothing was changed.
        StoreError: the folder cannot be written.
    """

    def __init__(self, folder: Path, settings: dict[str, object]):
        self.folder = folder
        try:
            (folder / "parts").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{folder} cannot be written ({error.strerror}). Choose another --out.") from error
        self._guard(settings)

    def _guard(self, settings: dict[str, object]) -> None:
        path = self.folder / "settings.json"
        if path.exists():
            before = json.loads(path.read_text("utf-8"))
            other = sorted(key for key in {*before, *settings} if before.get(key) != settings.get(key))
            if other:
                changed = "; ".join(f"{key} was {before.get(key)}, now {settings.get(key)}" for key in other)
                fix = "Choose another --out, or delete the folder to begin anew. Nothing was changed."
                raise ConfigError(f"{self.folder} holds a replay with other settings ({changed}). {fix}")
        else:
            write_whole(path, json.dumps(settings, indent=1, sort_keys=True) + "\n")

    def path(self, policy: str, seed: int) -> Path:
        """The file of one campaign."""
        return self.folder / "parts" / f"{policy.replace(':', '+')}-{seed:05d}.json"

    def has(self, policy: str, seed: int) -> bool:
        """Whether that campaign is finished."""
        return self.path(policy, seed).exists()

    def write(self, policy: str, seed: int, turns: list[Turn]) -> None:
        """Store a finished campaign."""
        without_nan = ({k: None if math.isnan(v) else v for k, v in turn.metrics.items()} for turn in turns)
        rows = [{**asdict(turn), "metrics": metrics} for turn, metrics in zip(turns, without_nan, strict=True)]
        write_whole(self.path(policy, seed), json.dumps(rows) + "\n")

    def read(self, policy: str, seed: int) -> list[Turn]:
        """A finished campaign.

        Raises:
            StoreError: the file is damaged.
        """
        path = self.path(policy, seed)
        try:
            rows = json.loads(path.read_text("utf-8"))
            for row in rows:
                row["picks"] = tuple(row["picks"])
                row["metrics"] = {k: math.nan if v is None else v for k, v in row["metrics"].items()}
            return [Turn(**row) for row in rows]
        except (ValueError, TypeError, KeyError) as error:
            fix = "Delete it; the same command does that campaign again."
            raise StoreError(f"{path} is damaged ({error}). {fix}") from error


Finished = Callable[[str, int], None]
#: from a name, the pool, the rules, the assay and the history to a policy
MakePolicy = Callable[[str, Pool, Protocol, Assay, Dataset | None], Policy]


@dataclass(frozen=True)
class Task:
    """One campaign to be replayed."""

    landscape: SharedValue[Landscape]
    protocol: Protocol
    policy: str
    seed: int
    make: MakePolicy = policy_of


@dataclass(frozen=True)
class Outcome:
    """The result of a replay.

    Args:
        turns: of every finished campaign, by (policy, seed).
        configs: learner and selection of each policy, in words.
        failures: why a campaign was abandoned, by (policy, seed).
    """

    turns: dict[tuple[str, int], list[Turn]]
    configs: dict[str, str]
    failures: dict[tuple[str, int], str]


def replay_all(
    landscape: Landscape,
    protocol: Protocol,
    policies: tuple[str, ...],
    seeds: int,
    folder: Path,
    executor: Executor | None = None,
    finished: Finished | None = None,
    make: MakePolicy = policy_of,
) -> Outcome:
    """Replay all campaigns that the folder does not hold yet.

    Args:
        landscape: the recorded values.
        protocol: the rules.
        policies: names, see `policies.policy_of`.
        seeds: seeds 0 .. seeds - 1; all policies share the first plate of a seed.
        folder: where finished campaigns are stored. More seeds or policies may be added later.
        executor: runs the campaigns, each on one thread; None = this process.
        finished: called with (policy, campaigns of it that are finished) at the start and whenever one is.
        make: makes a policy of its name; a function of a module, which every process can import.

    Raises:
        ConfigError: a policy is not known, none of them reads the model that is named, the pool is too small, or the
            folder holds other settings.
        KeyboardInterrupt: stopped; finished campaigns are stored.
    """
    if not policies:
        raise ConfigError("--policies names no policy: leave it out, or name one. Nothing was replayed.")
    for policy in policies if make is policy_of else ():
        check_policy(policy)
    check_model(protocol.model, policies)
    policies = tuple(dict.fromkeys(current_name("policy", policy) for policy in policies))
    if seeds < 1:
        raise ConfigError(f"--seeds {seeds}: must be at least 1. Nothing was replayed.")
    protocol.check_fits(len(landscape))
    parts = Parts(folder, settings_of(landscape, protocol))
    configs = {p: make(p, landscape.pool, protocol, landscape.assay, landscape.history).config for p in policies}
    # a part is named after its policy's config too, so that a changed default never mixes with an older one; and after
    # the first name of the policy, so that a folder of before goes on
    first = {new: old for old, new in NAMES["policy"].items()}
    names = {
        policy: f"{first.get(policy, policy)}-{hashlib.blake2b(config.encode(), digest_size=4).hexdigest()}"
        for policy, config in configs.items()
    }
    wanted = [(policy, seed) for seed in range(seeds) for policy in policies]
    missing = [(policy, seed) for policy, seed in wanted if not parts.has(names[policy], seed)]
    common = shared(landscape, executor if missing else None)
    tasks = [Task(common, protocol, policy, seed, make) for policy, seed in missing]
    failures: dict[tuple[str, int], str] = {}
    done = Counter(policy for policy, seed in wanted if parts.has(names[policy], seed))
    report = finished or (lambda policy, count: None)
    for policy in policies:
        report(policy, done[policy])
    for task, result in run_tasks(tasks, replay_task, executor):
        key = (task.policy, task.seed)
        if isinstance(result, str):
            failures[key] = result
        else:
            parts.write(names[task.policy], task.seed, result)
        done[task.policy] += 1
        report(task.policy, done[task.policy])
    turns = {key: parts.read(names[key[0]], key[1]) for key in wanted if key not in failures}
    return Outcome(turns, configs, failures)


def settings_of(landscape: Landscape, protocol: Protocol) -> dict[str, object]:
    """What campaigns must share to be averaged."""
    from activeloop._version import __version__

    data = {"dataset": landscape.name, "fingerprint": landscape.fingerprint, "goal of the assay": landscape.assay.goal}
    before = {} if landscape.history is None else {"history": landscape.history.hash}
    return {**data, **before, **asdict(protocol), "version": __version__}


def replay_task(task: Task) -> list[Turn] | str:
    """One campaign, in whatever process; a campaign that cannot be finished gives its reason."""
    landscape = task.landscape.get()
    policy = task.make(task.policy, landscape.pool, task.protocol, landscape.assay, landscape.history)
    protocol = task.protocol.whole(len(landscape)) if task.policy == "full" else task.protocol
    try:
        return replay_campaign(landscape, policy, protocol, task.seed)
    except ActiveLoopError as error:
        return f"{type(error).__name__}: {error}"


@functools.lru_cache(maxsize=2)
def cached_landscape(source: Source) -> Landscape:
    """Each process loads a landscape once."""
    return load_landscape(source)
