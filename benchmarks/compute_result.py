"""How much computing each arm needs until it predicts as well as full fine-tuning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from activeloop.adapters import Adapter
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.checkpoints import fingerprint
from activeloop.measurements import Dataset
from activeloop.metrics import spearman
from activeloop.models.finetuning.adapted import ActivationCache, tokens_of
from activeloop.models.finetuning.config import TrainingConfig
from activeloop.models.finetuning.objectives import Supervised
from activeloop.models.heads.base import Head, HeadInputs
from activeloop.models.transforms import standard
from activeloop.replay.landscape import Landscape
from activeloop.replay.sources import Source, load_landscape
from benchmarks.compute_training import (
    FULL,
    MeasurementCache,
    arms,
    begun,
    clock,
    default_draws,
    engine,
    loaded,
    read_by,
)
from benchmarks.options import one_thread

#: how far below full fine-tuning's best validation counts as the same result
NEAR = 0.01


@dataclass(frozen=True)
class ResultConfig:
    """What is compared.

    Args:
        sets: names of assays, or tables.
        grid_sets: others, on which each arm's learning rate is chosen.
        grid_labels: numbers of training candidates there.
        labels: numbers of training candidates.
        seeds: how many.
        rates: learning rates to choose from.
        plan: of training; the rate is put in.
        checks: validations in a fit, beside the one before it.
        judges: candidates held out to judge.
    """

    sets: tuple[str, ...]
    grid_sets: tuple[str, ...]
    grid_labels: tuple[int, ...]
    labels: tuple[int, ...]
    seeds: int
    rates: tuple[float, ...]
    plan: TrainingConfig
    checks: int
    judges: int


class Validation:
    """Validation beside the fit: what the product would say of unseen candidates if training stopped here.

    That is the posterior that takes the head's place, on the features as they are now.

    Args:
        objective: before its first step; all its candidates are trained on.
        foundation: pretrained.
        dataset: trained on.
        draws: the posterior.
        rows: of the pool, held out.
        values: [n] of them.
    """

    def __init__(
        self,
        objective: Supervised,
        foundation: FoundationModel,
        dataset: Dataset,
        draws: Head,
        rows: np.ndarray,
        values: np.ndarray,
    ):
        self._objective, self._values = objective, values
        self._tokens = tokens_of(foundation, dataset.pool, rows)
        self._prefix: ActivationCache | None = None
        own = dataset.values[:, 0]
        self._told = standard(own).to_target(own), np.ones(len(own))
        # as a fit settles it: by the features as pretrained
        self._draws = draws.with_scales(_inputs(objective.first), *self._told, 0)

    def __call__(self) -> float:
        """Spearman correlation with the values; -1 when all scores are the same."""
        adapted = self._objective.adapted
        if self._prefix is None or not self._prefix.valid:
            self._prefix = ActivationCache(adapted, self._tokens)
        seen = self._objective.features(np.arange(len(self._told[0])))
        posterior = self._draws.fit(_inputs(seen), *self._told, 0)
        judged = self._prefix.features(np.arange(len(self._values)))
        agreement = spearman(posterior.mean(_inputs(judged)), self._values, fewest=3)
        return agreement if np.isfinite(agreement) else -1.0


def _inputs(features: np.ndarray) -> HeadInputs:
    """Without prior means."""
    return HeadInputs(features, np.zeros((len(features), 0), np.float32))


def curve(
    foundation: FoundationModel,
    adapter: Adapter,
    landscape: Landscape,
    labels: int,
    seed: int,
    plan: TrainingConfig,
    config: ResultConfig,
) -> dict[str, Any]:
    """One fit: CPU seconds so far (attaching and prefix counted, validation not) and Spearman at each validation.

    The candidates and the minibatches depend on the seed alone, so all arms see the same.
    """
    rows = np.random.default_rng(seed).permutation(len(landscape))
    held, trained = rows[: config.judges], rows[config.judges : config.judges + labels]
    dataset = Dataset.of(landscape.pool, trained, landscape.oriented[trained])
    device = next(loaded(foundation).parameters()).device
    with one_thread():
        start = clock(device)
        run, objective = begun(foundation, adapter, dataset, plan, seed)
        spent = clock(device) - start
        judge = Validation(objective, foundation, dataset, default_draws(), held, landscape.oriented[held])
        seconds, scores, steps = [spent], [judge()], [0]
        checks = set(np.linspace(0, run.steps, config.checks + 1).round().astype(int).tolist())
        while not run.done:
            start = clock(device)
            run.advance()
            spent += clock(device) - start
            if run.step in checks:
                seconds, scores, steps = [*seconds, spent], [*scores, judge()], [*steps, run.step]
    return {"seconds": seconds, "spearman": scores, "steps": steps}


def curves(
    foundation: FoundationModel, config: ResultConfig, cache: MeasurementCache
) -> tuple[dict[str, dict[str, float]], list]:
    """The grid's outcome (best Spearman of each arm at each rate), and a row of result.csv for each fit."""
    grid = {name: dict(_grid(foundation, name, adapter, config, cache)) for name, adapter in arms().items()}
    rates = {name: max(tried, key=lambda rate: tried[rate]) for name, tried in grid.items()}
    rows = []
    for place in config.sets:
        for labels in config.labels:
            for seed in range(config.seeds):
                found = {
                    name: _kept(foundation, name, adapter, place, labels, seed, float(rates[name]), config, cache)
                    for name, adapter in arms().items()
                }
                rows += result_rows(found, rates, (_plain(place), labels, seed))
    return grid, rows


def _grid(
    foundation: FoundationModel, name: str, adapter: Adapter, config: ResultConfig, cache: MeasurementCache
) -> Iterator[tuple[str, float]]:
    """Each rate, and the mean over sets and numbers of labels of the best Spearman that is reached with it."""
    for rate in config.rates:
        found = [
            _kept(foundation, name, adapter, place, labels, 0, rate, config, cache)
            for place in config.grid_sets
            for labels in config.grid_labels
        ]
        yield f"{rate:g}", float(np.mean([max(one["spearman"]) for one in found]))


def _kept(
    foundation: FoundationModel,
    name: str,
    adapter: Adapter,
    place: str,
    labels: int,
    seed: int,
    rate: float,
    config: ResultConfig,
    cache: MeasurementCache,
) -> dict[str, Any]:
    plan, read = replace(config.plan, rate=rate), read_by(foundation, adapter)
    settings = {
        "model": fingerprint(foundation.source, foundation.revision),
        "depth": read.share,
        "engine": engine(),
        "adapter": repr(adapter),
        "draws": repr(default_draws()),
        "plan": asdict(plan),
        "checks": config.checks,
        "judges": config.judges,
        "place": [place, labels, seed],
    }
    return cache.once(
        f"result-{name}-{_plain(place)}-{labels}-{seed}-{rate:g}",
        settings,
        lambda: curve(read, adapter, load_landscape(Source(place)), labels, seed, plan, config),
    )


def result_rows(
    found: Mapping[str, Mapping[str, Sequence[float]]], rates: Mapping[str, str], place: tuple[object, ...]
) -> list[tuple[object, ...]]:
    """A row of result.csv for each arm of one assay, number of labels and seed."""
    aim = max(found[FULL]["spearman"]) - NEAR
    base = seconds_until(found[FULL], aim)
    rows = []
    for name, own in found.items():
        until = seconds_until(own, aim)
        ratio = "" if until is None or base is None else f"{base / until:.4g}"
        rows.append(
            (
                *(*place, name, rates[name], f"{own['spearman'][0]:.4f}", f"{max(own['spearman']):.4f}", f"{aim:.4f}"),
                *("" if until is None else f"{until:.4g}", f"{own['seconds'][-1]:.4g}", ratio),
                # full fine-tuning had nothing to do: the head on frozen features is as good
                int(found[FULL]["spearman"][0] >= aim),
            )
        )
    return rows


def seconds_until(found: Mapping[str, Sequence[float]], aim: float) -> float | None:
    """CPU seconds until a validation was at least so good; None when none was.

    >>> seconds_until({"seconds": [1.0, 2.0, 3.0], "spearman": [0.1, 0.4, 0.3]}, 0.35)
    2.0
    """
    good = np.flatnonzero(np.array(found["spearman"]) >= aim)
    return float(found["seconds"][good[0]]) if len(good) else None


def _plain(place: str) -> str:
    return place.rpartition("/")[2].partition(".")[0]


RESULT_COLUMNS = (
    *("set", "labels", "seed", "arm", "rate", "start", "best", "aim"),
    *("cpu_seconds", "cpu_seconds_in_all", "cheaper", "nothing_to_do"),
)
GRID_COLUMNS = ("arm", "rate", "spearman", "chosen")


def grid_rows(grid: Mapping[str, Mapping[str, float]]) -> list[tuple[object, ...]]:
    """Rows of rates.csv."""
    return [
        (name, rate, f"{score:.4f}", int(rate == max(tried, key=lambda r: tried[r])))
        for name, tried in grid.items()
        for rate, score in tried.items()
    ]
