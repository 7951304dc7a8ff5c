"""The protocol of a replay, and its policies: a learner and an acquisition function, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from activeloop.acquisition import (
    BALD,
    EPIG,
    LCMD,
    BatchBALD,
    Entropy,
    ExpectedImprovement,
    Greedy,
    PowerSampling,
    Recommender,
    ThompsonBatch,
    UpperConfidenceBound,
    Variance,
    choose,
    default_recommender,
)
from activeloop.candidates import Pool
from activeloop.errors import ConfigError
from activeloop.measurements import Assay, Dataset
from activeloop.models.default import default_learner
from activeloop.models.history import TakesHistory
from activeloop.models.registry import LEARNERS, named_learners, reads_model
from activeloop.prediction import Learner, Predictor
from activeloop.renamed import NAMES, current_name, known_name, spelled_out

ReplayGoal = Literal["find", "learn"]
First = Literal["random", "own"]

HELD_OUT = 0.2
"""Share of the pool that is never proposed when the goal is `learn`; models are evaluated on it."""

WHOLE = 3000
"""Most candidates that a model of "all" data is fitted to."""


@dataclass(frozen=True)
class Protocol:
    """How a campaign is replayed.

    Args:
        goal: `find` the best, or `learn` which are fit.
        start: candidates on the first plate.
        batch: candidates on each later plate.
        rounds: later plates.
        first: `random` gives every policy the same first plate (one a seed); `own` lets a policy that predicts
            something before any measurement choose its own.
        model: pretrained model, by hub id or folder, of the learners that read one; None: the bundled one, of proteins.

    >>> Protocol().labels
    (96, 192, 288, 384, 480)
    """

    goal: ReplayGoal = "find"
    start: int = 96
    batch: int = 96
    rounds: int = 4
    first: First = "random"
    model: str | None = None

    def __post_init__(self) -> None:
        for name, value, least in (("start", self.start, 1), ("batch", self.batch, 1), ("rounds", self.rounds, 0)):
            if value < least:
                raise ConfigError(f"--{name} {value}: must be at least {least}. Nothing was replayed.")
        if self.goal not in ("find", "learn"):
            raise ConfigError(f'--goal "{self.goal}": is find or learn. Nothing was replayed.')
        if self.first not in ("random", "own"):
            raise ConfigError(f'--first "{self.first}": is random or own. Nothing was replayed.')

    @property
    def labels(self) -> tuple[int, ...]:
        """How many candidates are measured after each plate."""
        return tuple(self.start + i * self.batch for i in range(self.rounds + 1))

    def measures(self, assay: Assay) -> Assay:
        """What a plate brings: values of the assay, or whether candidates are fit when the goal is `learn`."""
        return assay if self.goal == "find" else Assay("fit", goal="classify")

    def check_fits(self, candidates: int) -> None:
        """Whether a pool is large enough.

        Raises:
            ConfigError: when the campaign would measure more candidates than may be proposed.
        """
        available = candidates - self.held_out(candidates)
        if self.labels[-1] > available:
            raise ConfigError(
                f"The campaign would measure {self.labels[-1]} candidates, but only {available} of {candidates} may be "
                "proposed. Lower --start, --batch or --rounds. Nothing was replayed."
            )

    def whole(self, candidates: int) -> Protocol:
        """The same, with a single plate of everything that may be proposed, at most `WHOLE` candidates."""
        return replace(self, start=min(WHOLE, candidates - self.held_out(candidates)), rounds=0, first="random")

    def held_out(self, candidates: int) -> int:
        """How many candidates are held out for evaluation and never proposed."""
        return int(HELD_OUT * candidates) if self.goal == "learn" else 0


POLICIES = {
    "default": "what `activeloop propose` does for the stated goal",
    "random": "the random baseline: the same learner, every plate drawn at random",
    "evolvepro-top-layer": "a random forest on one-hot residues (EVOLVEpro's top layer), best mean first",
    "full": "not a campaign: the default learner's model of everything that may be proposed (at most 3,000)",
    "alde": "ALDE's settings: five small networks on one-hot residues, highest mean first",
}

#: published settings, as learner and selection
PUBLISHED = {"evolvepro-top-layer": "forest:greedy", "alde": "alde:greedy"}


def title_of(policy: str, kind: str) -> str:
    """A policy as tables, legends and reports name it.

    Args:
        policy: its name.
        kind: of the candidates.

    >>> title_of("evolvepro-top-layer", "variants"), title_of("default", "variants")
    ("forest (EVOLVEpro's top layer, one-hot)", 'default')
    """
    if policy in BASELINE_TITLES:
        return BASELINE_TITLES[policy]
    features = "fingerprints" if kind == "compounds" else "k-mers" if kind == "guides" else "one-hot"
    return f"forest (EVOLVEpro's top layer, {features})" if policy == "evolvepro-top-layer" else policy


#: what models of treatments must beat
BASELINES = ("drug-mean", "cell-mean", "additive", "nearest-sister")
#: what each is called in tables of replays, where it learns from the plates of the random baseline
BASELINE_TITLES = {f"{name}:random": name.replace("-", " ") for name in BASELINES}


def default_policies(kind: str, history: bool) -> tuple[str, ...]:
    """The policies of a replay that names none: the default, random choice and the baselines that apply.

    Args:
        kind: of the candidates.
        history: whether there is one.

    >>> default_policies("guides", history=True)
    ('default', 'random', 'additive:random', 'nearest-sister:random')
    """
    if kind == "treatments":
        return ("default", "random", *BASELINE_TITLES)
    if history:
        return ("default", "random", "additive:random", "nearest-sister:random")
    return ("default", "random", "evolvepro-top-layer", "alde")


SELECTIONS: dict[str, Callable[[], Recommender]] = {
    "greedy": lambda: Recommender(Greedy()),
    "ucb": lambda: Recommender(UpperConfidenceBound()),
    "ei": lambda: Recommender(ExpectedImprovement()),
    "thompson": lambda: Recommender(Greedy(), ThompsonBatch()),
    "power": lambda: Recommender(UpperConfidenceBound(), PowerSampling()),
    "variance": lambda: Recommender(Variance()),
    "entropy": lambda: Recommender(Entropy()),
    "bald": lambda: Recommender(BALD()),
    "batchbald": lambda: Recommender(BALD(), BatchBALD()),
    "epig": lambda: Recommender(EPIG()),
    "lcmd": lambda: Recommender(Variance(), LCMD()),
}


@dataclass(frozen=True)
class Policy:
    """What proposes in a replay.

    Args:
        name: in results.
        learner: fitted to the measured values.
        selection: how the next plate is chosen from it; None = at random.
        by_values: whether plates bring values when the goal is `learn`, too.
    """

    name: str
    learner: Learner
    selection: Recommender | None
    by_values: bool = False

    @property
    def config(self) -> str:
        """Learner and selection in words."""
        return f"{self.learner.name}; {self.selection.name if self.selection else 'random'}"

    def measures(self, protocol: Protocol, assay: Assay) -> Assay:
        """What its plates bring: classes where its learner learns nothing else, whatever the goal is."""
        if self.learner.learns_classes:
            return replace(protocol, goal="learn").measures(assay)
        return assay if self.by_values else protocol.measures(assay)

    @property
    def uses_model(self) -> bool:
        """Whether a plate depends on the model."""
        return self.selection is not None

    def needs_model(self, protocol: Protocol, last: bool) -> bool:
        """Whether a model is fitted after a plate: to choose the next, or to be evaluated.

        The random baseline is evaluated after each plate when the goal is `learn`, after the last when it is `find`.
        """
        return self.uses_model or last or protocol.goal == "learn"

    def fit(self, dataset: Dataset, seed: int) -> Predictor:
        """The model of what was measured; published settings take values as they are."""
        if self.name in PUBLISHED:
            dataset = replace(dataset, assays=tuple(_as_it_is(assay) for assay in dataset.assays))
        return self.learner.fit(dataset.oriented(), seed)

    def prior(self, pool: Pool) -> Predictor | None:
        """The learner's prior; None when there is none or the policy uses no model."""
        return self.learner.prior(pool) if self.uses_model else None

    def choose(self, dataset: Dataset, predictor: Predictor | None, free: np.ndarray, n: int, seed: int) -> np.ndarray:
        """[n] rows of the next plate, best first.

        Args:
            dataset: what was measured.
            predictor: the model of it.
            free: rows that may be proposed.
            n: how many.
            seed: of ties, draws and random choices.
        """
        if self.selection is None or predictor is None:
            return np.random.default_rng(seed).choice(free, n, replace=False)
        excluded = np.setdiff1d(np.arange(len(dataset.pool)), free)
        seen = dataset.oriented() if len(dataset) else None
        picks = choose(predictor, dataset.pool, n=n, select=self.selection, seed=seed, excluded=excluded, dataset=seen)
        return np.array([pick.row for pick in picks], np.int64)


def _as_it_is(assay: Assay) -> Assay:
    return assay if assay.goal == "classify" else replace(assay, scale="linear", bounds=None)


def policy_of(name: str, pool: Pool, protocol: Protocol, assay: Assay, history: Dataset | None = None) -> Policy:
    """A policy by its name.

    Args:
        name: one of `POLICIES`, or `learner:selection` with names from `LEARNERS` and `SELECTIONS`.
        pool: of the landscape; the default learner depends on it.
        protocol: the default depends on its goal.
        assay: of the landscape; the default follows what the protocol measures of it.
        history: measurements from before; learners without a place for it go without. With one, and for treatments,
            an accurate model is one of values.

    Raises:
        ConfigError: when the name is not known.
    """
    check_policy(name)
    name = current_name("policy", name)
    learner, _, selection = PUBLISHED.get(name, name).partition(":")
    if name in ("default", "random", "full"):
        learner, selection = "default", {"full": "random"}.get(name, name)
    by_values = history is not None or pool.kind == "treatments"
    found = learner_of(learner, pool, "find" if by_values else protocol.goal, history, protocol.model)
    policy = Policy(name, found, None, by_values)
    if selection == "random":
        return policy
    if selection == "default":
        measured = policy.measures(protocol, assay)
        return replace(policy, selection=default_recommender(protocol.goal, [measured], pool))
    return replace(policy, selection=SELECTIONS[selection]())


def check_policy(name: str) -> None:
    """Whether a policy's name can be understood, before anything is loaded.

    Raises:
        ConfigError: it cannot.
    """
    if name in POLICIES or name in NAMES["policy"]:
        return
    learner, colon, selection = name.partition(":")
    known = known_name("learner", learner, ("default", *LEARNERS))
    recommenders = ("default", "random", *SELECTIONS)
    if colon and known and any(known_name(role, selection, recommenders) for role in ("score", "batch")):
        current_name("learner", learner)
        return
    if known and not colon:
        raise ConfigError(f'"{name}" is a learner, not a policy: write {learner}:default. Nothing was replayed.')
    raise ConfigError(
        f'"{name}" is not a policy. Policies: {", ".join(POLICIES)}, or LEARNER:RECOMMENDER with a learner of '
        f"{', '.join(('default', *LEARNERS))} and a recommender of {', '.join(recommenders)}. Nothing was replayed."
    )


def check_model(model: str | None, names: Iterable[str]) -> None:
    """Whether a model that is named is read by some learner or policy.

    Raises:
        ConfigError: it is read by none of them.
    """
    if model is None:
        return
    learners = [spelled_out("learner", current_name("learner", name.partition(":")[0]), {})[0] for name in names]
    if not any(map(reads_model, learners)):
        readers = ", ".join(filter(reads_model, LEARNERS))
        raise ConfigError(
            f"--model {model}: {', '.join(dict.fromkeys(learners))} read no pretrained model. Leave --model out, or "
            f"name a learner that reads one: {readers} (a policy is LEARNER:RECOMMENDER). Nothing was computed."
        )


def learner_of(
    name: str, pool: Pool, goal: ReplayGoal, history: Dataset | None = None, model: str | None = None
) -> Learner:
    """A learner by its name; `default` is the product's for the goal.

    Args:
        name: one of `LEARNERS`, or `default`.
        pool: of the candidates.
        goal: of the default.
        history: measurements from before, for a learner that has a place for them.
        model: pretrained model of a learner that reads one; None: its own.

    Raises:
        FetchError: the model cannot be loaded.
    """
    name, options = spelled_out("learner", NAMES["learner"].get(name, name), {})
    options = options | ({"model": model} if model and reads_model(name) else {})
    found = default_learner(pool, goal) if name == "default" else named_learners(pool)[name](**options)
    if history is not None and isinstance(found, TakesHistory):
        with suppress(ConfigError):  # it says that it has no place for one after all
            return found.with_history(history)
    return found
