"""Processor time of one training step, all arms in turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from activeloop.adapters import Adapter, LightPEFT
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.encoder import TransformerEncoder
from activeloop.foundation.encoding import best_device, frozen_encoder
from activeloop.measurements import Dataset
from activeloop.models.finetuning.adapted import AdaptedEncoder
from activeloop.models.finetuning.loop import Run
from activeloop.models.finetuning.plan import Split, TrainingConfig
from benchmarks.compute_arms import read_by
from benchmarks.compute_setting import clock, one_thread, random_dataset, supervised
from benchmarks.pruning_speed import drawn

#: minibatches that are tried, largest first, until full fine-tuning fits into `ROOM` of the memory that is free
MINIBATCHES, ROOM = (32, 8, 2, 1), 0.6


def training_bytes(encoder: TransformerEncoder, rows: int, tokens: int) -> float:
    """About what full fine-tuning holds in single precision: weights, their copies, and activations.

    Activations of a layer are 34 numbers a token and unit of width, and 5 attention matrices a head (Korthikanti et al.
    2022, arXiv:2205.05198, of whose bytes in half precision about so many numbers remain).
    """
    weights = 6 * 4 * sum(p.numel() for p in encoder.parameters())
    return weights + 4.0 * len(encoder.layers) * rows * tokens * (34 * encoder.width + 5 * encoder.heads * tokens)


def free_bytes() -> float:
    """Memory that new work may take, of the graphics card where there is one; without limit where none is told."""
    if best_device() == "cuda":
        return float(torch.cuda.mem_get_info()[0])
    told = Path("/proc/meminfo")
    lines = told.read_text("utf-8").splitlines() if told.exists() else []
    free = [float(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    return free[0] if free else float("inf")


def minibatch_for(encoder: TransformerEncoder, residues: int, most: int) -> int:
    """The largest minibatch, at most `most`, with which full fine-tuning fits into memory."""
    room = ROOM * free_bytes()
    fitting = [n for n in MINIBATCHES if n <= most and training_bytes(encoder, n + 1, residues + 2) < room]
    return fitting[0] if fitting else min(MINIBATCHES)


def time_steps(
    foundation: FoundationModel, compared: Mapping[str, Adapter], residues: int, rows: int, alternations: int
) -> dict[str, Any]:
    """CPU seconds of steps [alternations] of each arm, in turns, after one that does not count."""
    dataset = random_dataset(residues, rows)
    with one_thread():
        runs = {name: ready(foundation, adapter, dataset, alternations + 1) for name, adapter in compared.items()}
        seconds = np.array([[_seconds(run) for run in runs.values()] for _ in range(alternations + 1)])[1:]
    trained = {name: sum(p.numel() for p in run.objective.parameters()) for name, run in runs.items()}
    return {
        name: {"seconds": seconds[:, column].tolist(), "trained": trained[name]} for column, name in enumerate(runs)
    }


def ready(foundation: FoundationModel, adapter: Adapter, dataset: Dataset, steps: int) -> Run:
    """A fit of so many steps that can begin; what Light-PEFT removes is removed already (at random)."""
    foundation = read_by(foundation, adapter)
    adapted = AdaptedEncoder(foundation, adapter, dataset.pool, 0)
    if isinstance(adapter, LightPEFT):
        adapted.attached.prune(drawn(adapted.encoder, adapter, 0))  # pyright: ignore[reportAttributeAccessIssue]
    plan = TrainingConfig(epochs=steps, minibatch=len(dataset))
    return Run(
        supervised(adapted, foundation, dataset), plan, Split.without(len(dataset)), dataset.values[:, 0], seed=0
    )


def _seconds(run: Run) -> float:
    device = run.objective.parameters()[0].device
    start = clock(device)
    run.advance()
    return clock(device) - start


def step_rows(
    found: Mapping[str, Any], size: str, residues: int, minibatch: int, full: str
) -> Sequence[tuple[object, ...]]:
    """Rows of steps.csv of one encoder and length."""
    base = np.array(found[full]["seconds"])
    rows = []
    for name, own in found.items():
        seconds = np.array(own["seconds"])
        ratios = base / seconds
        each = 1000 * seconds / minibatch
        numbers = (np.median(each), each.min(), each.max(), np.median(ratios), ratios.min(), ratios.max())
        rows.append((size, residues, minibatch, name, own["trained"], *(f"{x:.4g}" for x in numbers), len(seconds)))
    return rows


STEP_COLUMNS = (
    *("backbone", "residues", "minibatch", "arm", "trained"),
    *("ms_a_sequence", "lowest_ms", "highest_ms", "cheaper", "lowest", "highest", "alternations"),
)


def loaded(foundation: FoundationModel) -> TransformerEncoder:
    """The frozen model; loading it once keeps that out of all measurements."""
    return frozen_encoder(foundation, best_device())
