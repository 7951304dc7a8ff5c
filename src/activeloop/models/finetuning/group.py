"""Processes that train one model together, on several cards or machines: the group that `torchrun` makes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import distributed

from activeloop.errors import StateError

State = dict[str, torch.Tensor]


def processes() -> int:
    """How many processes `torchrun` has started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


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

    @classmethod
    def current(cls) -> Group:
        """The group that this process has joined; alone when it has joined none."""
        if not (distributed.is_available() and distributed.is_initialized()):
            return cls()
        return cls(distributed.get_rank(), distributed.get_world_size(), _device())

    @property
    def first(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    @property
    def rows(self) -> slice:
        """Which rows of a step are its own: the step is the same however many processes share it."""
        return slice(self.rank, None, self.size)

    def parts(self, which: np.ndarray) -> list[np.ndarray]:
        """The candidates of a minibatch that each process computes; those of the last ones may be one fewer, or none.

        >>> [part.tolist() for part in Group(0, 2).parts(np.array([7, 8, 9]))]
        [[7, 8], [9]]
        """
        return np.array_split(which, self.size)

    def gathered(self, own: torch.Tensor, sizes: Sequence[int]) -> torch.Tensor:
        """The rows of all processes, in the order of the processes.

        Args:
            own: [n, ...] those of this one.
            sizes: n of each process.
        """
        start = sum(sizes[: self.rank])
        # a sum with zeros is exact, and takes rows of any number
        everyone = torch.zeros((sum(sizes), *own.shape[1:]), dtype=own.dtype, device=own.device)
        everyone[start : start + len(own)] = own
        if self.size > 1:
            distributed.all_reduce(everyone)
        return everyone

    def sum_gradients(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Add up the gradients of all processes, in one message; None where no process has one."""
        if self.size == 1 or not parameters:
            return
        there = torch.tensor([float(p.grad is not None) for p in parameters], device=parameters[0].device)
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        joint = torch.cat([there, *(g.flatten() for g in gradients)])
        distributed.all_reduce(joint)
        sizes = [len(there), *(g.numel() for g in gradients)]
        there, *parts = joint.split(sizes)
        for parameter, known, part in zip(parameters, there.tolist(), parts, strict=True):
            parameter.grad = part.view_as(parameter) if known else None

    def sum(self, value: torch.Tensor) -> float:
        """Of a number over all processes."""
        value = value.detach().clone()
        if self.size > 1:
            distributed.all_reduce(value)
        return value.item()

    def same(self, array: np.ndarray) -> np.ndarray:
        """What the first process has, so that all decide alike whatever the last digits of their processors are."""
        if self.size == 1:
            return array
        tensor = torch.from_numpy(np.ascontiguousarray(array)).to(self.device)
        distributed.broadcast(tensor, 0)
        return tensor.cpu().numpy()

    def same_state(self, state: State) -> State:
        """The state of the first process, whatever this one has: only its disk is read."""
        if self.size == 1:
            return state
        about = [[(name, tuple(t.shape), t.dtype) for name, t in state.items()]]
        distributed.broadcast_object_list(about, 0, device=torch.device(self.device))
        found: State = {}
        for name, shape, kind in about[0]:
            tensor = state[name].to(self.device) if self.first else torch.empty(shape, dtype=kind, device=self.device)
            distributed.broadcast(tensor, 0)
            found[name] = tensor.cpu()
        return found

    def agree(self, what: str) -> bool:
        """Whether all processes have the same text."""
        if self.size == 1:
            return True
        told: list[str | None] = [None] * self.size
        distributed.all_gather_object(told, what)
        return len(set(told)) == 1


def _device() -> str:
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else "cpu"


@contextmanager
def joined() -> Iterator[Group]:
    """The group that `torchrun` made, left again at the end; a process by itself when it did not.

    A process can join once in its life; within that, another `with joined()` is in the same group.

    Raises:
        StateError: `torchrun` has started its processes again, in a way in which they may find those of before.
    """
    device = _device()
    if Group.current().size > 1:
        yield Group.current()
        return
    if processes() == 1:
        yield Group(device=device)
        return
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True" and os.environ.get("TORCHELASTIC_RESTART_COUNT") != "0":
        # the addresses of the dead are still in its store: a process that reads before the other writes waits for ever
        raise StateError(
            "torchrun starts again with the addresses of the processes that died. The last checkpoint is kept: type "
            "the same command with TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 before it."
        )
    graphics = device != "cpu"
    if graphics:
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if graphics else "gloo")
    try:
        yield Group.current()
        distributed.barrier()  # nobody leaves whom another one still waits for
    finally:
        distributed.destroy_process_group()
