"""A plate: which well holds which candidate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from activeloop.errors import PlateError
from activeloop.measurements.wells import Well, describe_plate, well_on
from activeloop.plates.filling import Filling, check_size, control_names, deal
from activeloop.plates.proposal import Pick, Proposal


@dataclass(frozen=True)
class Plate:
    """A filled plate.

    Args:
        id: its name; results refer to it.
        size: 6, 12, 24, 48, 96, 384 or 1536 wells.
        wells: filled wells, row by row: "A1" -> what it holds. A well that is not named is empty.
        picks: the proposed picks that stand on it, with their predictions and reasons.

    >>> pick = Pick("1f", "A24G", rank=1, score=2.0, mean=1.5, low=1.0, high=2.0, reason="high and uncertain")
    >>> plate = Plate.fill(Proposal(1, (pick,), version=1, seed=0, policy="UCB"), wells=24, controls=2)
    >>> sorted((w.candidate, w.control) for w in plate.wells.values())
    [('A24G', False), ('WT', True), ('WT', True)]
    """

    id: str
    size: int
    wells: Mapping[str, Well]
    picks: tuple[Pick, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        check_size(self.size)
        for name in self.wells:
            if well_on(name, self.size) != name:
                raise PlateError(f'well "{name}" is not on {describe_plate(self.size)}.')

    @classmethod
    def fill(
        cls,
        proposal: Proposal,
        wells: int = 96,
        controls: int = 8,
        control: str | Sequence[str] = "WT",
        replicates: int = 1,
        empty_edges: bool = False,
        seed: int = 0,
        id: str = "",
        again: Sequence[Well] = (),
    ) -> Plate:
        """Lay out a proposal on one plate.

        Controls are spread evenly over rows and columns; everything else stands at random, replicates of one
        candidate apart from each other. The same seed gives the same plate.

        Args:
            proposal: what to test.
            wells: size of the plate.
            controls: how many wells hold controls.
            control: the control's name, or several that take turns.
            replicates: wells for each pick.
            empty_edges: leave the outer wells empty (they dry out first).
            seed: of the layout.
            id: of the plate; `plate-` and the proposal's number when empty.
            again: wells of an earlier plate to be tested again (see `replace_failed`).

        Raises:
            PlateError: it does not fit, or a number makes no sense; no plate was made.
        """
        filling = Filling(wells, controls, control_names(control), replicates, empty_edges)
        contents = filling.contents(proposal) + list(again)
        filling.check_room(len(proposal.picks), len(again))
        held = filling.lay_out(contents, np.random.default_rng(seed))
        return cls(id or f"plate-{proposal.number}", wells, held, proposal.picks)

    def __str__(self) -> str:
        controls = sum(w.control for w in self.wells.values())
        return f"{self.id}: {len(self.wells) - controls} wells with candidates, {controls} controls, {self.size} in all"

    @property
    def candidates(self) -> tuple[str, ...]:
        """Names of the candidates on it, each once, in the order of the wells; controls are not among them."""
        return tuple(dict.fromkeys(w.candidate for w in self.wells.values() if not w.control))

    def well(self, name: str) -> Well | None:
        """What a well holds, by its name in any usual spelling (`A1`, `A01`, `a1`); None when it is empty.

        Raises:
            PlateError: there is no such well.
        """
        standard = well_on(name, self.size)
        if standard is None:
            raise PlateError(f'well "{name}" is not on {describe_plate(self.size)}.')
        return self.wells.get(standard)

    def replace_failed(
        self,
        failed: Iterable[str],
        proposal: Proposal | None = None,
        *,
        controls: int | None = None,
        seed: int = 0,
        id: str = "",
        empty_edges: bool = False,
    ) -> Plate:
        """A further plate on which the candidates of failed wells stand again, before the picks of `proposal`.

        Args:
            failed: names of the wells whose result is missing. Failed controls are not
                repeated: each plate has its own.
            proposal: what else to test on the new plate.
            controls: how many; as many as on this plate when None.
            seed: of the layout.
            id: of the new plate; this plate's id and `-again` when empty and there is no proposal.
            empty_edges: leave the outer wells empty.

        Raises:
            PlateError: a well is not on this plate or was empty, or it does not fit; no plate was made.
        """
        again = []
        for name in dict.fromkeys(failed):
            held = self.well(name)
            if held is None:
                raise PlateError(f'well "{name}" of {self.id} was empty: it cannot have failed. No plate was made.')
            if not held.control:
                again.append(held)
        own = [w.candidate for w in self.wells.values() if w.control]
        plate = Plate.fill(
            proposal or Proposal(0, (), 0, seed, "failed wells"),
            wells=self.size,
            controls=len(own) if controls is None else controls,
            control=tuple(dict.fromkeys(own)) or "WT",
            empty_edges=empty_edges,
            seed=seed,
            id=id or ("" if proposal else f"{self.id}-again"),
            again=again,
        )
        return replace(plate, picks=_picks_of(again, self.picks) + plate.picks)

    def write(self, path: str | Path) -> Path:
        """Write the plate as `.csv` (a list), `.xlsx` (a list and a picture of cells) or `.svg` (a picture).

        Raises:
            PlateError: another ending.
            StoreError: the file cannot be written; an older file of that name is as it was.
        """
        from activeloop.plates.files import write_plate

        return write_plate(self, path)


def fill_plates(
    proposal: Proposal,
    wells: int = 96,
    controls: int = 8,
    control: str | Sequence[str] = "WT",
    replicates: int = 1,
    empty_edges: bool = False,
    seed: int = 0,
    id: str = "",
) -> list[Plate]:
    """Lay out a proposal on as many plates as it needs, each with its own controls.

    Candidates are dealt to the plates at random, and replicates of one candidate go to different plates: so a plate's
    effect can be told from its candidates'. Arguments as in `Plate.fill`; with several plates the ids end in `-1`,
    `-2` ...

    Raises:
        PlateError: not even one candidate fits beside the controls, or a number makes no sense; no plate was made.
    """
    filling = Filling(wells, controls, control_names(control), replicates, empty_edges)
    contents, free = filling.contents(proposal), filling.room - controls
    if free < 1:
        filling.check_room(len(proposal.picks))
    count = max(1, -(-len(contents) // max(free, 1)))
    name, rng = id or f"plate-{proposal.number}", np.random.default_rng(seed)
    ids = [name] if count == 1 else [f"{name}-{k + 1}" for k in range(count)]
    return [
        Plate(plate_id, wells, filling.lay_out(hand, rng), _picks_of(hand, proposal.picks))
        for plate_id, hand in zip(ids, deal(contents, count, rng), strict=True)
    ]


def _picks_of(wells: Iterable[Well], picks: Iterable[Pick]) -> tuple[Pick, ...]:
    names = {w.candidate for w in wells}
    return tuple(p for p in picks if p.name in names)
