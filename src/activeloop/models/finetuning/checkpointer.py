"""Where an unfinished fit is kept, so that it can go on after it was killed."""

from __future__ import annotations

import hashlib
import os
import shutil
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
        file: where.
        seconds: between two writes.
    """

    file: Path
    seconds: float
    _written: float = field(default_factory=time.monotonic, init=False)

    def due(self) -> bool:
        """Whether it is time to write."""
        return time.monotonic() - self._written >= self.seconds

    def save(self, tensors: dict[str, torch.Tensor]) -> None:
        """Write; whoever is killed in between leaves the file before untouched."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        new = self.file.with_suffix(f".{os.getpid()}.new")
        # clones: tensors that share memory may not be written side by side
        save_file({name: t.detach().cpu().clone().contiguous() for name, t in tensors.items()}, new)
        new.replace(self.file)
        self._written = time.monotonic()

    def load(self) -> dict[str, torch.Tensor]:
        """What was written last; {} when there is nothing that can be read."""
        if not self.file.is_file():
            return {}
        try:
            return load_file(self.file)
        except (SafetensorError, OSError):
            # damaged by the machine: the fit begins anew, with the same result
            return {}


def forget(folder: Path) -> None:
    """Remove what was kept of a fit that is done."""
    shutil.rmtree(folder, ignore_errors=True)


def digest(*parts: object) -> str:
    """A short name for what a fit depends on; the parts are taken by their `repr`."""
    return hashlib.blake2b("\n".join(map(repr, parts)).encode(), digest_size=12).hexdigest()


def prefixed(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same tensors, `prefix/` before each name."""
    return {f"{prefix}/{name}": tensor for name, tensor in tensors.items()}


def below(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The counterpart of `prefixed`: those whose name begins with `prefix/`, without it."""
    start = f"{prefix}/"
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}
