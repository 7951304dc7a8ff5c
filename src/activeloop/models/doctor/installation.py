"""Results of checks, and the checks of this installation."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from activeloop.errors import ActiveLoopError
from activeloop.foundation.cache import CACHE, cache_folder
from activeloop.foundation.checkpoints import BUNDLED, SMALL


@dataclass(frozen=True)
class CheckResult:
    """What one check found.

    Args:
        check: its name.
        verdict: `ok`; `warning`: it works, with a limitation; `failed`.
        found: the measured figure, in words.
        fix: a suggested fix; "" when none is needed.

    >>> CheckResult("torch", "ok", "2.13").line()
    'ok       torch: 2.13'
    """

    check: str
    verdict: Literal["ok", "warning", "failed"]
    found: str
    fix: str = ""

    def line(self) -> str:
        """As the terminal shows it."""
        return f"{self.verdict:8} {self.check}: {self.found}" + (f" -> {self.fix}" if self.fix else "")

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return asdict(self)


def passed_if(check: str, good: bool, found: str, fix: str) -> CheckResult:
    """`ok`, or `failed` with its fix."""
    return CheckResult(check, "ok", found) if good else CheckResult(check, "failed", found, fix)


def run_check(check: str, run: Callable[[], CheckResult]) -> CheckResult:
    """The result of a check; when it cannot be made, the reason."""
    try:
        return run()
    except ActiveLoopError as error:
        return CheckResult(check, "failed", "could not be checked", str(error))
    except (RuntimeError, ValueError, TypeError, IndexError, KeyError, AttributeError, MemoryError, OSError) as error:
        # an unknown architecture: all other checks must still run
        return CheckResult(check, "failed", f"{type(error).__name__}: {error}", "Report it, with this output.")


#: packages of each extra
EXTRAS = {"models": ("torch", "transformers", "peft", "zstandard"), "chem": ("rdkit",), "cells": ("h5py",)}
DATA = "ACTIVELOOP_DATA"


def check_installation() -> Iterator[CheckResult]:
    """Versions, extras, threads, precision, folders; nothing is fetched."""
    yield CheckResult(
        "activeloop", "ok", f"{installed('activeloop-bio')} on Python {platform.python_version()}, {platform.machine()}"
    )
    for extra in EXTRAS:
        yield check_extra(extra)
    yield run_check("threads", _threads)
    if installed("torch"):
        yield run_check("precision", _precision)
    yield _bundled()
    yield run_check("cache", _cache)
    yield _data()


def installed(package: str) -> str:
    """Its version; "" when it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def check_extra(extra: str) -> CheckResult:
    """Whether all packages of an extra are there."""
    versions = {package: installed(package) for package in EXTRAS[extra]}
    found = ", ".join(f"{package} {number or 'missing'}" for package, number in versions.items())
    if all(versions.values()):
        return CheckResult(f"extra {extra}", "ok", found)
    return CheckResult(f"extra {extra}", "warning", found, f'pip install "activeloop-bio[{extra}]"')


def _threads() -> CheckResult:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS")
    found = f"{cores} cores" + (f", of which OMP_NUM_THREADS lets {limit} be used" if limit else "")
    return CheckResult("threads", "ok", found)


def _precision() -> CheckResult:
    import torch

    from activeloop.foundation.devices import best_device, has_bfloat16

    device = best_device()
    name = torch.cuda.get_device_name() if device == "cuda" else "processor"
    half = has_bfloat16(device)
    return CheckResult("precision", "ok", f"{name}; bfloat16 {'pays and is used' if half else 'does not pay: single'}")


def _bundled() -> CheckResult:
    weights = SMALL / "model.safetensors"
    if weights.is_file():
        return CheckResult("small model", "ok", f"{BUNDLED}, {weights.stat().st_size / 2**20:.1f} MiB")
    fix = "Install a released version, or name another checkpoint for each encoder."
    return CheckResult("small model", "warning", f"{BUNDLED} is not in this installation", fix)


def _cache() -> CheckResult:
    folder = cache_folder("features").parent
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return CheckResult("cache", "ok", f"{folder} ({CACHE} names another), {size / 2**20:.1f} MiB")


def _data() -> CheckResult:
    named = os.environ.get(DATA)
    if not named:
        return CheckResult("data", "ok", f"public sets are fetched on first use ({DATA} names a folder of copies)")
    if Path(named).is_dir():
        return CheckResult("data", "ok", f"{named} ({DATA})")
    return CheckResult("data", "failed", f"{named} ({DATA}) is no folder", f"Correct {DATA}, or unset it.")
