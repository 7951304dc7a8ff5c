"""Random numbers of a step: torch's generator, seeded for it and left as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def thrown(seed: int) -> Iterator[None]:
    """What torch draws inside depends on the seed alone; outside nothing changes."""
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices):
        throw(seed)
        yield


def throw(seed: int) -> None:
    """Seed torch's generators; `torch.manual_seed` would leave a note in memory at each call where CUDA never starts.

    >>> with thrown(3):
    ...     one = torch.rand(2)
    >>> with thrown(3):
    ...     print(torch.equal(one, torch.rand(2)))
    True
    """
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)
