"""What a whole campaign costs: each round a model is trained from the frozen one and scores the pool."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch.nn.functional import dropout

from activeloop.adapters import Adapter
from activeloop.adapters.base import seeded_rng
from activeloop.candidates import Pool
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.devices import minibatch_tokens
from activeloop.foundation.encoder import TransformerEncoder
from activeloop.measurements import Assay, Dataset
from activeloop.metrics import spearman
from activeloop.models.finetuning.adapted import BYTES, ActivationCache, tokens_of
from activeloop.models.finetuning.config import TrainingConfig
from activeloop.models.finetuning.learner import FineTuner
from activeloop.models.finetuning.predictor import FineTunedPredictor, features_of
from activeloop.models.heads.base import HeadInputs
from activeloop.replay.landscape import Landscape
from activeloop.replay.sources import Source, load_landscape
from benchmarks.compute_training import FULL, LIGHT, LORA, arms, clock, default_adapter, default_arm, loaded, read_by
from benchmarks.options import one_thread
from benchmarks.proteins import DOMAINS, domain_library

#: share that passes leave out in every layer
RATE = 0.1


@dataclass(frozen=True)
class Strategy:
    """One way through a campaign.

    Args:
        name: in the tables.
        adapter: what learns.
        scoring: `passes`: each draw is a pass with dropout in every layer; `head`: one pass, draws from the posterior
            on its features; `kept`: the same, from states below the adapters that are kept over rounds.
    """

    name: str
    adapter: Adapter
    scoring: Literal["passes", "head", "kept"]


def strategies() -> list[Strategy]:
    """Full fine-tuning as one does it today is the first; the default with kept states the last."""
    known, plain = arms(), default_adapter()
    return [
        Strategy(f"{FULL}, one pass a sample", known[FULL], "passes"),
        Strategy(f"{FULL}, samples of the head", known[FULL], "head"),
        Strategy(f"{LORA}, samples of the head", known[LORA], "head"),
        Strategy(f"{LIGHT}, samples of the head", known[LIGHT], "head"),
        Strategy(f"{default_arm()}, samples of the head", plain, "head"),
        Strategy(f"{default_arm()}, samples of the head, activations cached", plain, "kept"),
    ]


@dataclass(frozen=True)
class CampaignConfig:
    """A campaign.

    Args:
        place: name of the landscape.
        start: labels of the first round, and how many each further one adds.
        rounds: how many.
        pool: candidates that are scored in each round.
        share: candidates on which scoring is timed; the rest is scaled.
        draws: T.
        plan: of training.
    """

    place: str
    start: int
    rounds: int
    pool: int
    share: int
    draws: int
    plan: TrainingConfig


def campaign_landscape(place: str) -> Landscape:
    """The landscape; libraries whose domain is known are put into it."""
    return domain_library(place.casefold())[0] if place.casefold() in DOMAINS else load_landscape(Source(place))


def run_campaign(foundation: FoundationModel, way: Strategy, campaign: CampaignConfig, seed: int) -> dict[str, Any]:
    """CPU seconds of training and scoring in each round, and how well the model predicts what is scored.

    States that are kept are made, and counted, in the scoring of the first round. What is asked for is random: the same
    in all strategies, and no part of the cost.
    """
    landscape = campaign_landscape(campaign.place)
    known = np.flatnonzero(np.isfinite(landscape.values))
    order = np.random.default_rng(seed).permutation(known)
    last = campaign.start * campaign.rounds
    scored = order[last : last + campaign.share]
    learner = FineTuner(read_by(foundation, way.adapter), way.adapter, plan=campaign.plan)
    device = next(loaded(foundation).parameters()).device
    score = SCORINGS[way.scoring](learner, landscape.pool, scored, campaign)
    found: dict[str, Any] = {"training": [], "scoring": [], "spearman": []}
    with one_thread():
        for turn in range(campaign.rounds):
            rows = order[: campaign.start * (turn + 1)]
            dataset = Dataset.of(landscape.pool, rows, landscape.oriented[rows], Assay("value", scale="linear"))
            start = clock(device)
            model = learner.fit(dataset, seed + turn)
            trained = clock(device)
            assert isinstance(model, FineTunedPredictor)
            mean = score(model, seed + turn)
            found["training"].append(trained - start)
            found["scoring"].append((clock(device) - trained) * campaign.pool / len(scored))
            found["spearman"].append(spearman(mean, landscape.oriented[scored], fewest=3))
    return found


def campaign_rows(found: dict[str, Any], place: tuple[object, ...], start: int) -> list[tuple[object, ...]]:
    """Rows of campaign.csv of one campaign."""
    columns = (found[name] for name in ("training", "scoring", "spearman"))
    return [
        (*place, turn, start * (turn + 1), *(f"{number:.5g}" for number in numbers))
        for turn, numbers in enumerate(zip(*columns, strict=True))
    ]


CAMPAIGN_COLUMNS = ("backbone", "way", "seed", "round", "labels", "training", "scoring", "spearman")


#: from a model and a seed to the mean [n] of T joint draws
Scoring = Callable[[FineTunedPredictor, int], np.ndarray]


def _by_passes(learner: FineTuner, pool: Pool, rows: np.ndarray, campaign: CampaignConfig) -> Scoring:
    def score(model: FineTunedPredictor, seed: int) -> np.ndarray:
        member, none = model.members[0], np.zeros((len(rows), 0), np.float32)
        with dropping(member.adapted.encoder, RATE), seeded_rng(seed):
            drawn = [
                member.posterior.mean(HeadInputs(features_of([member.adapted], learner, pool, rows)[0], none))
                for _ in range(campaign.draws)
            ]
        return np.mean(drawn, axis=0)

    return score


def _by_head(learner: FineTuner, pool: Pool, rows: np.ndarray, campaign: CampaignConfig) -> Scoring:
    del learner
    return lambda model, seed: model.predict(pool, rows, seed, campaign.draws).mean[:, 0]


def _by_kept(learner: FineTuner, pool: Pool, rows: np.ndarray, campaign: CampaignConfig) -> Scoring:
    """States are made in the first round, in as much memory as the share of the pool may take."""
    tokens = tokens_of(learner.encoder, pool, rows)
    room = int(BYTES * len(rows) / campaign.pool)
    prefixes: list[ActivationCache] = []

    def score(model: FineTunedPredictor, seed: int) -> np.ndarray:
        adapted, posterior = model.members[0].adapted, model.members[0].posterior
        if not prefixes:
            prefixes.append(ActivationCache(adapted, tokens, room))
        features = np.zeros((len(rows), adapted.pooler.size), np.float32)
        candidates = tokens.take(np.arange(len(rows)))
        with torch.inference_mode():
            for group in candidates.buckets(minibatch_tokens(adapted.device)):
                which = np.append(group, len(tokens) - 1) if adapted.needs_parent else group
                features[group] = adapted.above(*prefixes[0](which)).cpu().numpy()
        inputs = HeadInputs(features, np.zeros((len(rows), 0), np.float32))
        posterior.draws(inputs, seed, campaign.draws)
        return posterior.marginals(inputs)[0]

    return score


SCORINGS: dict[str, Callable[[FineTuner, Pool, np.ndarray, CampaignConfig], Scoring]] = {
    "passes": _by_passes,
    "head": _by_head,
    "kept": _by_kept,
}


@contextmanager
def dropping(encoder: TransformerEncoder, rate: float) -> Iterator[None]:
    """Dropout, anew for each candidate and position, on what leaves each layer."""

    def thin(layer: torch.nn.Module, entered: object, left: torch.Tensor) -> torch.Tensor:
        del layer, entered
        return dropout(left, rate, True)

    hooks = [layer.register_forward_hook(thin) for layer in encoder.layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
