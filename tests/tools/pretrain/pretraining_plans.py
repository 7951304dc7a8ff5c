"""A family of short proteins, and a plan that trains on it within a second."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tools.pretrain.corpus import Source
from tools.pretrain.model import Shape
from tools.pretrain.plan import Plan
from tools.pretrain.trainable import Schedule

FOUNDER = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQVKVK"


def write_family(path: Path, count: int = 30) -> Path:
    """Homologs: the founder with a tenth of its residues changed."""
    rng = np.random.default_rng(0)
    letters = np.array(list("ACDEFGHIKLMNPQRSTVWY"))
    lines = []
    for i in range(count):
        founder = np.array(list(FOUNDER))
        lines.append(
            f">{i}\n{''.join(np.where(rng.random(len(founder)) < 0.1, rng.choice(letters, len(founder)), founder))}\n"
        )
    path.write_text("".join(lines))
    return path


def plan(folder: Path, steps: int = 12, **changes) -> Plan:
    """Of a run in a folder, on the family beside it."""
    family = folder.parent / "family.fasta"
    sources = (Source(str(family if family.exists() else write_family(family))),)
    schedule = Schedule(steps, rows=4, width=64, warm=2)
    settings = {"shape": Shape(2, 32, 2, 64), "validation_share": 0.1, "log_steps": 5, "validate_steps": 10} | changes
    return Plan(sources, folder, **{"schedule": schedule} | settings)
