"""Campaigns of a few rounds on disk, as the verbs make them."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from activeloop.cli.new import new
from activeloop.cli.propose import propose
from activeloop.cli.record import record
from activeloop.plates import plates_in

WT = "MKTAYIAKQRQISFVKSH"
LABEL = {"MUT": 0.0, "WT": 1.0}


def planted(name: str, assay: int = 0) -> float:
    """An additive value of a variant: the same every time."""
    if name in LABEL:
        return LABEL[name]
    rng = np.random.default_rng([sum(map(ord, name)), assay])
    return float(np.sin(int("".join(c for c in name.split(":")[0] if c.isdigit())) + assay) + 0.3 * rng.normal())


def answered(folder: Path, number: int, assays: list[str], to: Path) -> Path:
    """The results of a proposal's plates, with replicates of the control and one failed well a plate."""
    plates = [p for p in plates_in(folder / "plates").plates if p.id.split("-")[1] == str(number)]
    rng = np.random.default_rng(number)
    with to.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["plate", "well", *assays])
        for plate in plates:
            for i, (well, held) in enumerate(plate.wells.items()):
                values = [planted(held.candidate, a) + 0.05 * rng.normal() for a in range(len(assays))]
                writer.writerow([plate.id, well, *(["failed"] * len(values) if i == 5 else values)])
    return to


Make = Callable[..., Path]


@pytest.fixture(name="answer")
def _answer() -> Callable[[Path, int, list[str], Path], Path]:
    """Writes the results of a proposal's plates."""
    return answered


@pytest.fixture(scope="session")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Makes a campaign of some rounds; the same arguments give the same folder."""
    made: dict[tuple, Path] = {}

    def make(rounds: int = 2, assays: tuple[str, ...] = ("kcat:1/s",), n: int = 20) -> Path:
        key = (rounds, assays, n)
        if key not in made:
            base = tmp_path_factory.mktemp("desk")
            folder = base / "kcat"
            new(folder, list(assays), wild_type=WT, singles=True, seed=3, wells=24, controls=4, price=2.0)
            for number in range(1, rounds + 1):
                propose(folder, number=n)
                names = [a.split(":")[0] for a in assays]
                record(folder, answered(folder, number, names, base / f"results_{number}.csv"))
            made[key] = folder
        return made[key]

    return make
