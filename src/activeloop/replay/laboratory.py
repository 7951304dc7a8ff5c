"""A simulated laboratory: a landscape measured with noise, plate effects and failed wells."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from activeloop.errors import MeasurementError
from activeloop.files import csv_text, write_whole
from activeloop.measurements.wells import SHAPES, parse_well
from activeloop.plates import Plate
from activeloop.replay.landscape import Landscape


@dataclass(frozen=True)
class SimulatedLaboratory:
    """Measures plates of a landscape's candidates. What it adds is in units of the landscape's values.

    A well shows the true value, plus what its plate adds to every well, plus a slope from the first to the last column
    (evaporation), plus noise of its own. The same plate and seed give the same results.

    Args:
        landscape: the truth.
        noise: standard deviation of one well.
        plate_spread: standard deviation of what plates add.
        slope: difference between the last and the first column.
        failing: share of wells without a result.
        controls: true value of controls that are not in the pool, by name.

    >>> from activeloop.replay import Source, load_landscape
    >>> from activeloop.plates import Pick, Proposal
    >>> landscape = load_landscape(Source("planted-small"))
    >>> pick = Pick("", "AC", 1, 0.0, 0.0, 0.0, 0.0, "")
    >>> plate = Plate.fill(Proposal(1, (pick,), 0, 0, ""), wells=24, controls=2)
    >>> lab = SimulatedLaboratory(landscape, noise=0.0, controls={"WT": 0.5})
    >>> sorted(value for _, _, value in lab.measure(plate, seed=0))[1:]
    [0.5, 0.5]
    """

    landscape: Landscape
    noise: float = 0.05
    plate_spread: float = 0.0
    slope: float = 0.0
    failing: float = 0.0
    controls: Mapping[str, float] = field(default_factory=dict)

    def measure(self, plate: Plate, seed: int) -> list[tuple[str, str, float]]:
        """Well, candidate and value of every filled well; NaN where the well failed.

        Raises:
            MeasurementError: something on the plate is neither in the landscape nor a known control.
        """
        rng = np.random.default_rng([seed, *plate.id.encode()])
        added = self.plate_spread * rng.standard_normal()
        results = []
        for name, well in plate.wells.items():
            _, column = parse_well(name) or (0, 0)
            tilt = self.slope * (column / max(SHAPES[plate.size][1] - 1, 1) - 0.5)
            value = self.truth(well.candidate) + added + tilt + self.noise * rng.standard_normal()
            results.append((name, well.candidate, math.nan if rng.random() < self.failing else value))
        return results

    def truth(self, name: str) -> float:
        """The value of a candidate or control without anything added.

        Raises:
            MeasurementError: it is neither in the landscape nor a known control.
        """
        if name in self.controls:
            return self.controls[name]
        row = self.landscape.pool.row_of(name)
        if row is None:
            raise MeasurementError(f'"{name}" is neither in {self.landscape.name} nor a control. Nothing was measured.')
        return float(self.landscape.values[row])

    def write(self, plate: Plate, path: Path, seed: int) -> Path:
        """Measure a plate and write a CSV file of plate, well and value; `failed` stands for failed wells."""
        rows = [
            (plate.id, well, "failed" if math.isnan(value) else f"{value:.5g}")
            for well, _, value in self.measure(plate, seed)
        ]
        write_whole(path, csv_text(("plate", "well", self.landscape.assay.name), rows))
        return path
