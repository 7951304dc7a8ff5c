"""Checkpoints of unfinished fits, so that a killed fit resumes."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file


@dataclass
class Checkpointer:
    """One file that is replaced every few seconds.

    Args:
        file: of the checkpoint.
        seconds: between two writes.
    """

    file: Path
    seconds: float
    _written: float = field(default_factory=time.monotonic, init=False)

    def due(self) -> bool:
        """Whether it is time to write."""
        return time.monotonic() - self._written >= self.seconds

    def save(self, tensors: dict[str, torch.Tensor]) -> None:
        """Write atomically: a process killed meanwhile leaves the previous file."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        new = self.file.with_suffix(f".{os.getpid()}.new")
        # clones: tensors that share memory may not be written side by side
        save_file({name: t.detach().cpu().clone().contiguous() for name, t in tensors.items()}, new)
        new.replace(self.file)
        self._written = time.monotonic()

    def load(self) -> dict[str, torch.Tensor]:
        """The last checkpoint; {} when there is none that can be read."""
        if not self.file.is_file():
            return {}
        try:
            return load_file(self.file)
        except (SafetensorError, OSError):
            # damaged by the machine: the fit begins anew, with the same result
            return {}


def digest(*parts: object) -> str:
    """A short name for everything that a fit depends on, from the `repr` of the parts."""
    return hashlib.blake2b("\n".join(map(repr, parts)).encode(), digest_size=12).hexdigest()


def prefixed(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same tensors, `prefix/` before each name."""
    return {f"{prefix}/{name}": tensor for name, tensor in tensors.items()}


def unprefixed(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The counterpart of `prefixed`: tensors whose name begins with `prefix/`, without it."""
    start = f"{prefix}/"
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}
