"""Lines of the report, and what is installed on this machine."""

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
class Finding:
    """What one check found.

    Args:
        check: its name.
        verdict: `ok`; `warning`: it works, but one should know; `failed`.
        found: the measured figure, in words.
        fix: what to do about it; "" when nothing need be done.

    >>> Finding("torch", "ok", "2.13").line()
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


def judged(check: str, good: bool, found: str, fix: str) -> Finding:
    """`ok`, or `failed` with its fix."""
    return Finding(check, "ok", found) if good else Finding(check, "failed", found, fix)


def tried(check: str, examine: Callable[[], Finding]) -> Finding:
    """What a check finds; when it cannot even be made, why."""
    try:
        return examine()
    except ActiveLoopError as error:
        return Finding(check, "failed", "could not be done", str(error))
    except (RuntimeError, ValueError, TypeError, IndexError, KeyError, AttributeError, MemoryError, OSError) as error:
        # an architecture that differs from what is known: everything else must still be told
        return Finding(check, "failed", f"{type(error).__name__}: {error}", "Report it, with this output.")


#: packages of each extra
EXTRAS = {"models": ("torch", "transformers", "peft", "zstandard"), "chem": ("rdkit",)}
DATA = "ACTIVELOOP_DATA"


def examine_installation() -> Iterator[Finding]:
    """Versions, extras, threads, precision, folders; nothing is fetched."""
    yield Finding(
        "activeloop", "ok", f"{installed('activeloop-bio')} on Python {platform.python_version()}, {platform.machine()}"
    )
    for extra in EXTRAS:
        yield extra_finding(extra)
    yield tried("threads", _threads)
    if installed("torch"):
        yield tried("precision", _precision)
    yield _bundled()
    yield tried("cache", _cache)
    yield _data()


def installed(package: str) -> str:
    """Its version; "" when it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def extra_finding(extra: str) -> Finding:
    """Whether all packages of an extra are there."""
    versions = {package: installed(package) for package in EXTRAS[extra]}
    found = ", ".join(f"{package} {number or 'missing'}" for package, number in versions.items())
    if all(versions.values()):
        return Finding(f"extra {extra}", "ok", found)
    return Finding(f"extra {extra}", "warning", found, f'pip install "activeloop-bio[{extra}]"')


def _threads() -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS")
    found = f"{cores} cores" + (f", of which OMP_NUM_THREADS lets {limit} be used" if limit else "")
    return Finding("threads", "ok", found)


def _precision() -> Finding:
    import torch

    from activeloop.foundation.devices import best_device, has_bfloat16

    device = best_device()
    name = torch.cuda.get_device_name() if device == "cuda" else "processor"
    half = has_bfloat16(device)
    return Finding("precision", "ok", f"{name}; bfloat16 {'pays and is used' if half else 'does not pay: single'}")


def _bundled() -> Finding:
    weights = SMALL / "model.safetensors"
    if weights.is_file():
        return Finding("small model", "ok", f"{BUNDLED}, {weights.stat().st_size / 2**20:.1f} MiB")
    fix = "Install a released version, or name another checkpoint wherever an encoder is asked for."
    return Finding("small model", "warning", f"{BUNDLED} is not in this installation", fix)


def _cache() -> Finding:
    folder = cache_folder("features").parent
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Finding("cache", "ok", f"{folder} ({CACHE} names another), {size / 2**20:.1f} MiB")


def _data() -> Finding:
    named = os.environ.get(DATA)
    if not named:
        return Finding("data", "ok", f"public sets are fetched when asked for ({DATA} names a folder of copies)")
    if Path(named).is_dir():
        return Finding("data", "ok", f"{named} ({DATA})")
    return Finding("data", "failed", f"{named} ({DATA}) is no folder", f"Correct {DATA}, or unset it.")
