"""How long and how fast something is fine-tuned, which candidates are held out, and what happened in a fit."""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from activeloop.candidates import Pool

#: where Linux shows the energy counters of the processor (microjoules)
RAPL = Path("/sys/class/powercap")


@dataclass(frozen=True)
class Cost:
    """Of one computation.

    Args:
        seconds: on the clock.
        cpu_seconds: of all threads of this process.
        gpu_seconds: on the clock while a graphics card was used (0 without one).
        peak_bytes: the most memory this process has held until the end of it.
        gpu_bytes: the most memory it held on the graphics card.
        joules: of the whole processor, whoever used it; NaN where the machine does not tell.

    >>> (Cost(1.0, 2.0, 0.0, 10, 0, 3.0) + Cost(1.0, 1.0, 0.0, 20, 0, 3.0)).peak_bytes
    20
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    gpu_seconds: float = 0.0
    peak_bytes: int = 0
    gpu_bytes: int = 0
    joules: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        """Of both, one after the other."""
        return Cost(
            self.seconds + other.seconds,
            self.cpu_seconds + other.cpu_seconds,
            self.gpu_seconds + other.gpu_seconds,
            max(self.peak_bytes, other.peak_bytes),
            max(self.gpu_bytes, other.gpu_bytes),
            self.joules + other.joules,
        )

    def numbers(self) -> list[float]:
        """The fields in their order."""
        return [float(getattr(self, field.name)) for field in fields(self)]

    @classmethod
    def of(cls, numbers: list[float]) -> Cost:
        """The counterpart of `numbers`."""
        seconds, cpu, gpu, peak, gpu_peak, joules = numbers
        return cls(seconds, cpu, gpu, int(peak), int(gpu_peak), joules)

    def describe(self) -> str:
        """In a few words.

        >>> Cost(3.0, 5.5, 0.0, 2 * 10**9, 0, float("nan")).describe()
        '5.5 CPU-seconds, 2.0 GB at most'
        """
        parts = [f"{self.cpu_seconds:.1f} CPU-seconds"]
        if self.gpu_seconds:
            parts.append(f"{self.gpu_seconds:.1f} GPU-seconds")
        parts.append(f"{self.peak_bytes / 1e9:.1f} GB at most")
        if self.joules > 0:
            parts.append(f"{self.joules:.0f} J of the processor")
        return ", ".join(parts)


class Meter:
    """Counts from its making on.

    Args:
        gpu: whether the computation uses a graphics card.
    """

    def __init__(self, gpu: bool = False):
        self.gpu = gpu
        if gpu:
            import torch

            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
        self._start = (time.perf_counter(), time.process_time(), _microjoules())

    def read(self) -> Cost:
        """What it cost so far."""
        gpu_bytes = 0
        if self.gpu:
            import torch

            torch.cuda.synchronize()
            gpu_bytes = torch.cuda.max_memory_allocated()
        clock, cpu, energy = self._start
        seconds = time.perf_counter() - clock
        # a counter that ran over in between tells nothing
        joules = (_microjoules() - energy) / 1e6
        joules = joules if joules >= 0 else float("nan")
        on_gpu = seconds if self.gpu else 0.0
        return Cost(seconds, time.process_time() - cpu, on_gpu, peak_bytes(), gpu_bytes, joules)


def peak_bytes() -> int:
    """The most memory this process has held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes, Linux kibibytes
    return peak if sys.platform == "darwin" else peak * 1024


def _microjoules() -> float:
    """All processor packages together; NaN when no counter may be read."""
    total, found = 0.0, False
    for counter in RAPL.glob("intel-rapl:?/energy_uj"):
        try:
            total, found = total + float(counter.read_text()), True
        except OSError:
            # most machines show it to the administrator only
            return float("nan")
    return total if found else float("nan")


@dataclass(frozen=True)
class Trace:
    """Of one run of the fit loop.

    Args:
        losses: [T] of the minibatch of each step.
        checked: [V] steps done before each validation (0: before the first one).
        validation: [V] Spearman correlation of the validation candidates' scores with their values.
        scores: [V, n] the validation candidates' scores at each of them.
        best: steps done when the state that was kept was reached.
        together: candidates that went through the model at once at the end (fewer than asked: memory ran out).
        cost: of all of it, interruptions left out.
    """

    losses: np.ndarray
    checked: np.ndarray
    validation: np.ndarray
    scores: np.ndarray
    best: int
    together: int
    cost: Cost

    @property
    def steps(self) -> int:
        """How many were done."""
        return len(self.losses)


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of the fit loop.

    Args:
        epochs: passes through the training candidates, at most.
        minibatch: candidates of one step; fewer when memory runs out, the step stays the same.
        rate: highest learning rate (AdamW); None: what suits that which learns, see `Adapter.rate`.
        decay: weight decay per unit of learning rate.
        warm: share of the steps in which the rate rises from 0 in a straight line.
        cooling: share of the steps, at the end, in which it falls to 0 in a straight line.
        clip: longest gradient, as a Euclidean norm (0: as long as it is).
        patience: with validation candidates, epochs without a better validation after which it stops (0: never). The
            best state is the one that is kept.
        every: epochs between two validations.
        seconds: between two checkpoints.

    >>> plan = TrainingConfig(epochs=2, minibatch=10, warm=0.5, cooling=0.5)
    >>> plan.steps(25), [round(plan.pace(step, 6), 2) for step in range(6)]
    (6, [0.33, 0.67, 1.0, 1.0, 0.67, 0.33])
    """

    epochs: int = 10
    minibatch: int = 16
    rate: float | None = None
    decay: float = 0.01
    warm: float = 0.1
    cooling: float = 0.5
    clip: float = 1.0
    patience: int = 0
    every: int = 2
    seconds: float = 5.0

    def steps_of_epoch(self, candidates: int) -> int:
        """Minibatches of one pass through so many candidates."""
        return max(1, -(-candidates // self.minibatch))

    def steps(self, candidates: int) -> int:
        """At most, for so many training candidates."""
        return self.epochs * self.steps_of_epoch(candidates)

    def pace(self, step: int, steps: int) -> float:
        """Share of the highest learning rate that a step has, counted from 0."""
        rising = (step + 1) / max(1.0, self.warm * steps)
        falling = (steps - step) / max(1.0, self.cooling * steps)
        return min(1.0, rising, falling)


#: a fold by positions must leave at least so much of the candidates to train on
LARGEST = 0.4


@dataclass(frozen=True)
class Split:
    """Indices into the measured candidates.

    Args:
        training: trained on.
        validation: judged by only; may be empty.
    """

    training: np.ndarray
    validation: np.ndarray

    @classmethod
    def without(cls, candidates: int) -> Split:
        """Everything is trained on."""
        return cls(np.arange(candidates), np.zeros(0, np.int64))


def folds_of(
    pool: Pool, rows: np.ndarray, rounds: np.ndarray, count: int, seed: int, by_position: bool = True
) -> np.ndarray:
    """[N] the fold (0 to count - 1) of each of some rows of a pool.

    By position, candidates that change the same positions stay together, so that a fold asks about positions that the
    others do not teach, as the next proposal may: so it is told when training must stop. Where that cannot be (no
    parent, or nearly all candidates change the same positions: a library of a few sites), and where it is not asked
    for, they are dealt out at random: so it is told what a model is worth beside others, of which many can say only
    what they would have predicted had they not seen a single candidate. Later rounds change nothing for earlier ones: a
    model that leaves a fold out has never seen it, also when it starts from what it was a round before.

    Args:
        pool: they are of.
        rows: [N].
        rounds: [N] in which each was measured.
        count: folds.
        seed: of what is random.
        by_position: whether candidates that change the same positions stay together.

    >>> pool = Pool.single_mutants("MKTAYI")
    >>> folds = folds_of(pool, np.arange(len(pool)), np.zeros(len(pool)), 3, seed=0)
    >>> [len(set(folds[i : i + 19])) for i in range(0, 114, 19)], np.bincount(folds).tolist()
    ([1, 1, 1, 1, 1, 1], [38, 38, 38])
    """
    groups = _groups(pool, rows) if by_position else np.zeros(len(rows), np.int64)
    first = np.unique(groups[rounds == rounds.min()], return_counts=True)[1]
    if len(first) < 2 * count or first.max() > LARGEST * first.sum():
        groups = np.arange(len(rows))
    of_group, filled = np.full(groups.max() + 1, -1), np.zeros(count, np.int64)
    for number, now in enumerate(np.unique(rounds)):
        present, sizes = np.unique(groups[rounds == now], return_counts=True)
        order = np.random.default_rng([seed, number]).random(len(present))
        # known groups first; then the largest, each to the fold with the fewest; equal ones in random order
        for i in np.lexsort((order, -sizes, of_group[present] < 0)):
            if of_group[present[i]] < 0:
                of_group[present[i]] = filled.argmin()
            filled[of_group[present[i]]] += sizes[i]
    return of_group[groups]


def _groups(pool: Pool, rows: np.ndarray) -> np.ndarray:
    """[N] a number for each set of changed positions; all the same when there is no parent to compare with."""
    if pool.sites is None or pool.sites.parent is None:
        return np.zeros(len(rows), np.int64)
    changed = np.packbits(pool.codes(rows) != pool.sites.parent, axis=1)
    return np.unique(changed, axis=0, return_inverse=True)[1].ravel()
