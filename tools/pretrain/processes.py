"""Several processes that train one model, as `torchrun` starts them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed


@dataclass(frozen=True)
class Group:
    """Which of how many processes this is.

    Args:
        rank: from 0.
        size: how many.
        device: of this process.
    """

    rank: int = 0
    size: int = 1
    device: str = "cpu"

    @property
    def first(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    @property
    def rows(self) -> slice:
        """Which rows of a step are its own: the step is the same however many processes share it."""
        return slice(self.rank, None, self.size)

    def sum_gradients(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Add up the gradients of all processes, in one message."""
        if self.size == 1:
            return
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        joint = torch.cat([g.flatten() for g in gradients])
        distributed.all_reduce(joint)
        for parameter, part in zip(parameters, joint.split([g.numel() for g in gradients]), strict=True):
            parameter.grad = part.view_as(parameter)

    def sum(self, value: torch.Tensor) -> float:
        """Of a number over all processes."""
        value = value.detach().clone()
        if self.size > 1:
            distributed.all_reduce(value)
        return value.item()


@contextmanager
def joined() -> Iterator[Group]:
    """The group that `torchrun` made, left again at the end; a process by itself when it did not."""
    graphics = torch.cuda.is_available()
    size = int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    device = f"cuda:{local}" if graphics else "cpu"
    if size == 1:
        yield Group(device=device)
        return
    if graphics:
        torch.cuda.set_device(local)
    distributed.init_process_group("nccl" if graphics else "gloo")
    try:
        yield Group(distributed.get_rank(), size, device)
    finally:
        distributed.destroy_process_group()
