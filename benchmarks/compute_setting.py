"""A model in training as the fit loop sees it, made for a measurement."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from activeloop.adapters import Adapter
from activeloop.candidates import AMINO_ACIDS, Pool
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.encoder import half_pays
from activeloop.foundation.encoding import best_device
from activeloop.foundation.protein_models import ESM2
from activeloop.measurements import Dataset
from activeloop.models.finetuning.adapted import AdaptedEncoder
from activeloop.models.finetuning.inputs import read
from activeloop.models.finetuning.loop import Run
from activeloop.models.finetuning.losses import Regression
from activeloop.models.finetuning.objectives import Supervised
from activeloop.models.finetuning.plan import Split, TrainingConfig
from activeloop.models.transforms import standard
from benchmarks.esm_shapes import SIZES, esm_shape
from tools.pretrain.corpus import VOCABULARY

if TYPE_CHECKING:
    from tools.pretrain.shape import Shape


@contextmanager
def one_thread() -> Iterator[None]:
    """All arithmetic on one thread."""
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def engine() -> str:
    """On what, and in which precision, products are computed here: the same for all arms."""
    device = best_device()
    return f"{device}, {'bfloat16' if half_pays(device) else 'single precision'}"


def clock(device: torch.device | str = "cpu") -> float:
    """Seconds of the processor; where the model is on a graphics card, seconds on the clock after it is done."""
    if torch.device(device).type != "cuda":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def write_checkpoint(shape: Shape, folder: Path) -> str:
    """A checkpoint of a shape with random weights; returns the folder."""
    from safetensors.torch import save_model
    from transformers import EsmForMaskedLM

    config = shape.config()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        save_model(EsmForMaskedLM(config), str(folder / "model.safetensors"), {"format": "pt"})
    config.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY), encoding="utf-8")
    return str(folder)


@contextmanager
def checkpoint_of(size: str) -> Iterator[FoundationModel]:
    """ESM-2 in a size with random weights, or a checkpoint by its folder; what was written is removed afterwards."""
    if size not in SIZES:
        yield ESM2(size)
        return
    with tempfile.TemporaryDirectory(prefix="activeloop-shape-") as folder:
        yield ESM2(write_checkpoint(esm_shape(size), Path(folder)))


def random_dataset(residues: int, rows: int) -> Dataset:
    """Single mutants of a random protein with random values."""
    rng = np.random.default_rng([residues, rows])
    pool = Pool.single_mutants("".join(rng.choice(list(AMINO_ACIDS), residues)))
    return Dataset.of(pool, rng.choice(len(pool), rows, replace=False), rng.standard_normal(rows))


def supervised(adapted: AdaptedEncoder, foundation: FoundationModel, dataset: Dataset) -> Supervised:
    """What the fit loop minimises when all candidates are trained on; the frozen prefix is built here."""
    values = dataset.values[:, 0]
    tokens, guess = read(foundation, dataset.pool, dataset.rows), np.zeros((len(values), 0), np.float32)
    targets, weights = standard(values).to_target(values), np.ones(len(values))
    return Supervised(adapted, tokens, guess, targets, weights, Regression(), np.arange(len(values)))


def begun(
    foundation: FoundationModel, adapter: Adapter, dataset: Dataset, plan: TrainingConfig, seed: int
) -> tuple[Run, Supervised]:
    """A fit before its first step: adapter attached, prefix built, head at the ridge regression."""
    objective = supervised(AdaptedEncoder(foundation, adapter, dataset.pool, seed), foundation, dataset)
    return Run(objective, plan, Split.without(len(dataset)), dataset.values[:, 0], seed), objective
