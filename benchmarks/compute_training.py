"""What the compute suites compare, a model in training made for a measurement, and the time of its steps."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from activeloop.adapters import Adapter, FullFineTuning, LightPEFT, LoRA, PeftAdapter
from activeloop.candidates import AMINO_ACIDS, Pool
from activeloop.errors import StoreError
from activeloop.files import write_whole
from activeloop.foundation import ESM2
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.devices import best_device, has_bfloat16
from activeloop.foundation.encoder import TransformerEncoder
from activeloop.measurements import Dataset
from activeloop.models.finetuning.adapted import AdaptedEncoder, tokens_of
from activeloop.models.finetuning.config import Split, TrainingConfig
from activeloop.models.finetuning.learner import FineTuner
from activeloop.models.finetuning.loop import Run
from activeloop.models.finetuning.losses import Regression
from activeloop.models.finetuning.objectives import Supervised
from activeloop.models.heads.base import Head
from activeloop.models.transforms import standard
from benchmarks.options import one_thread
from benchmarks.parameters import drawn
from benchmarks.proteins import SIZES, esm_shape
from tools.pretrain.corpus import VOCABULARY

if TYPE_CHECKING:
    from tools.pretrain.model import Shape

FULL, LORA, LIGHT = "full fine-tuning", "LoRA, all layers", "Light-PEFT"
ARMS: dict[str, Adapter] = {
    FULL: FullFineTuning(),
    LORA: LoRA(),
    "LoRA, last 2 layers": LoRA(last_layers=2),
    "LoRA, last layer": LoRA(last_layers=1),
    "PiSSA, rank 16, last layer": LoRA(last_layers=1, rank=16, variant="pissa"),
    "all weights, last 2 layers": FullFineTuning(last_layers=2),
    "all weights, last layer": FullFineTuning(last_layers=1),
    "IA3": PeftAdapter("ia3"),
    LIGHT: LightPEFT(),
}
#: how many times cheaper than full fine-tuning a default must be, and its share of memory at most
CHEAPER, MEMORY = 10.0, 0.3


def default_adapter() -> Adapter:
    """What a fine-tuned learner uses when nothing is said."""
    return _usual("adapter")


def default_draws() -> Head:
    """The posterior with which a fine-tuned learner ends when nothing is said."""
    return _usual("head")


def _usual(field: str) -> Any:
    made = next(known.default_factory for known in fields(FineTuner) if known.name == field)
    assert callable(made)
    return made()


def arms() -> dict[str, Adapter]:
    """All that is compared, the default among them.

    >>> default_adapter() in arms().values()
    True
    """
    known = default_adapter() in ARMS.values()
    return ARMS if known else {**ARMS, "the default": default_adapter()}


def default_arm() -> str:
    """Name of the default among `arms`."""
    return next(name for name, adapter in arms().items() if adapter == default_adapter())


def read_by(foundation: FoundationModel, adapter: Adapter) -> FoundationModel:
    """A model as an arm reads it: all layers where all may learn, as is usual; else those the product reads."""
    return foundation if getattr(adapter, "last_layers", None) else replace(foundation, depth=1.0)  # type: ignore[type-var]


@dataclass(frozen=True)
class MeasurementCache:
    """A folder with a JSON file for each finished measurement, so that nothing finished is done twice.

    Args:
        folder: made when it is needed.
    """

    folder: Path

    def once(self, name: str, settings: dict[str, Any], measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """A measurement, from its file if it was made before with the same settings.

        Args:
            name: of the measurement, for the file and for those who wait.
            settings: all that it depends on.
            measure: makes it.

        Raises:
            StoreError: the file is damaged, or the folder cannot be written.
        """
        content = json.dumps([name, settings], sort_keys=True, default=repr)
        digest = hashlib.blake2b(content.encode(), digest_size=6).hexdigest()
        plain = "".join(c if c.isalnum() or c in "-_" else "-" for c in name)
        path = self.folder / f"{plain}-{digest}.json"
        if path.exists():
            return self._read(path)
        start = time.perf_counter()
        found = measure()
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps({"name": name, "settings": settings, "found": found}, default=repr) + "\n")
        sys.stderr.write(f"{time.strftime('%H:%M:%S')} {name}: {time.perf_counter() - start:.1f} s\n")
        return found

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            return json.loads(path.read_text("utf-8"))["found"]
        except (ValueError, KeyError, OSError) as error:
            fix = "Delete it; the same command measures that part again."
            raise StoreError(f"{path} is damaged ({error}). {fix}") from error


def engine() -> str:
    """On what, and in which precision, products are computed here: the same for all arms."""
    device = best_device()
    return f"{device}, {'bfloat16' if has_bfloat16(device) else 'single precision'}"


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
    tokens, guess = tokens_of(foundation, dataset.pool, dataset.rows), np.zeros((len(values), 0), np.float32)
    targets, weights = standard(values).to_target(values), np.ones(len(values))
    return Supervised(adapted, tokens, guess, targets, weights, Regression(), np.arange(len(values)))


def begun(
    foundation: FoundationModel, adapter: Adapter, dataset: Dataset, plan: TrainingConfig, seed: int
) -> tuple[Run, Supervised]:
    """A fit before its first step: adapter attached, prefix built, head at the ridge regression."""
    objective = supervised(AdaptedEncoder(foundation, adapter, dataset.pool, seed), foundation, dataset)
    return Run(objective, plan, Split.without(len(dataset)), dataset.values[:, 0], seed), objective


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
    return foundation.frozen_encoder(best_device())
