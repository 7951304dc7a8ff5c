"""Time, memory and energy of a computation."""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import dataclass, fields
from pathlib import Path

#: where Linux shows the energy counters of the processor (microjoules)
RAPL = Path("/sys/class/powercap")


@dataclass(frozen=True)
class Cost:
    """Of one computation.

    Args:
        seconds: wall-clock time.
        cpu_seconds: of all threads of this process.
        gpu_seconds: wall-clock time with a graphics card in use (0 without one).
        peak_bytes: peak memory of this process until the end of it.
        gpu_bytes: peak memory on the graphics card.
        joules: of the whole processor, whoever used it; NaN where no counter can be read.

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
    """Measures the cost since it was made.

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
        """The cost so far."""
        gpu_bytes = 0
        if self.gpu:
            import torch

            torch.cuda.synchronize()
            gpu_bytes = torch.cuda.max_memory_allocated()
        clock, cpu, energy = self._start
        seconds = time.perf_counter() - clock
        joules = (_microjoules() - energy) / 1e6
        # a negative difference: the counter overflowed
        joules = joules if joules >= 0 else float("nan")
        on_gpu = seconds if self.gpu else 0.0
        return Cost(seconds, time.process_time() - cpu, on_gpu, peak_bytes(), gpu_bytes, joules)


def peak_bytes() -> int:
    """Peak memory of this process."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes, Linux kibibytes
    return peak if sys.platform == "darwin" else peak * 1024


def _microjoules() -> float:
    """Of all processor packages together; NaN when no counter may be read."""
    total, found = 0.0, False
    for counter in RAPL.glob("intel-rapl:?/energy_uj"):
        try:
            total, found = total + float(counter.read_text()), True
        except OSError:
            # most machines show it to the administrator only
            return float("nan")
    return total if found else float("nan")
