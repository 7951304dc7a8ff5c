"""How a plate is to be filled, and whether a proposal fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from activeloop.errors import PlateError
from activeloop.measurements.wells import SHAPES, Well, well_name
from activeloop.plates.layout import arrange, sort_wells, spread, usable_wells
from activeloop.plates.proposal import Proposal


@dataclass(frozen=True)
class Filling:
    """What is asked of a plate.

    Args:
        size: wells of the plate.
        controls: how many of them hold controls.
        control: names of the controls, which take turns.
        replicates: wells for each pick.
        empty_edges: whether the outer wells stay empty.

    Raises:
        PlateError: a number makes no sense.
    """

    size: int
    controls: int
    control: tuple[str, ...]
    replicates: int
    empty_edges: bool

    def __post_init__(self) -> None:
        check_size(self.size)
        if self.controls < 0:
            raise PlateError(f"{self.controls} controls: the number cannot be negative. No plate was made.")
        if self.controls and not all(self.control or [""]):
            raise PlateError("a control has no name. Name it (such as WT) or set controls to 0. No plate was made.")
        if self.replicates < 1:
            raise PlateError(f"{self.replicates} replicates: each candidate needs at least 1 well. No plate was made.")

    @property
    def room(self) -> int:
        """Wells that may be filled, controls included."""
        return len(usable_wells(self.size, self.empty_edges))

    def contents(self, proposal: Proposal) -> list[Well]:
        """The wells that the picks need.

        Raises:
            PlateError: a candidate is proposed twice.
        """
        names = [p.name for p in proposal.picks]
        if len(set(names)) < len(names):
            twice = next(n for n in names if names.count(n) > 1)
            raise PlateError(f'"{twice}" is proposed twice. Use replicates for repeated wells. No plate was made.')
        return [Well(name, r + 1) for name in names for r in range(self.replicates)]

    def check_room(self, picks: int, again: int = 0) -> None:
        """Refuse what does not fit on one plate.

        Raises:
            PlateError: naming what is needed, what there is, and the ways out.
        """
        needed = picks * self.replicates + again + self.controls
        if needed <= self.room:
            return
        parts = [f"{picks} candidate{'s' * (picks > 1)}{f' x {self.replicates} replicates' * (self.replicates > 1)}"]
        parts += [f"{again} wells to repeat"] if again else []
        parts += [f"{self.controls} controls"] if self.controls else []
        larger = next((s for s in SHAPES if len(usable_wells(s, self.empty_edges)) >= needed), None)
        cures = [f"{larger} wells"] if larger else []
        cures += ["fewer replicates" if self.replicates > 1 else "fewer candidates"]
        raise PlateError(
            f"{' + '.join(parts)} need {needed} wells; a {self.size}-well plate{' without edges' * self.empty_edges} "
            f"has {self.room}. Use {', '.join(cures)} or several plates (fill_plates). No plate was made."
        )

    def lay_out(self, contents: list[Well], rng: np.random.Generator) -> dict[str, Well]:
        """The wells of one plate, controls first spread evenly, then everything else at random."""
        cells = usable_wells(self.size, self.empty_edges)
        chosen = spread(cells, self.controls, rng)
        turns = len(self.control)
        wells = arrange(contents, np.delete(cells, chosen, axis=0), rng)
        for i, at in enumerate(rng.permutation(chosen)):
            name = well_name(*cells[at].tolist())
            wells[name] = Well(self.control[i % turns], i // turns + 1, control=True)
        return sort_wells(wells)


def control_names(control: str | Sequence[str]) -> tuple[str, ...]:
    """One name or several as a tuple.

    >>> control_names("WT")
    ('WT',)
    """
    return (control,) if isinstance(control, str) else tuple(control)


def check_size(size: int) -> None:
    """Refuse a number of wells that no plate has.

    Raises:
        PlateError: naming the sizes there are.
    """
    if size not in SHAPES:
        raise PlateError(f"there is no {size}-well plate. Use one of {', '.join(map(str, SHAPES))} wells.")


def deal(contents: list[Well], plates: int, rng: np.random.Generator) -> list[list[Well]]:
    """Wells dealt to plates: candidates at random, replicates of one candidate to different plates.

    >>> hands = deal([Well("A24G", 1), Well("A24G", 2)], 2, np.random.default_rng(0))
    >>> [len(hand) for hand in hands]
    [1, 1]
    """
    by_name: dict[str, list[Well]] = {}
    for well in contents:
        by_name.setdefault(well.candidate, []).append(well)
    groups = list(by_name.values())
    flat = [well for i in rng.permutation(len(groups)) for well in groups[i]]
    return [flat[k::plates] for k in range(plates)]
