"""The machine that results were made on, described."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from activeloop._version import __version__
from activeloop.executor import available_cores

PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "transformers", "peft", "onnxruntime")


def describe_machine() -> dict[str, str]:
    """Processor, memory, versions and the time, as in `machine.json` and the reports."""
    return {
        "activeloop": __version__,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": str(available_cores()),
        "memory": _memory(),
        **_graphics(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text("utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _graphics() -> dict[str, str]:
    """The graphics card, where there is one and something may have been computed on it."""
    torch = sys.modules.get("torch")
    return {"graphics card": torch.cuda.get_device_name()} if torch and torch.cuda.is_available() else {}


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB"
    except (ValueError, OSError, AttributeError):
        return "unknown"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
