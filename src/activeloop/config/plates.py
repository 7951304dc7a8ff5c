"""The plates of a campaign as its events say: nothing else is needed to lay them out again, byte for byte."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from activeloop.campaigns.state import Layout
from activeloop.campaigns.versions import derive
from activeloop.config.building import OpenCampaign
from activeloop.config.config import PlateConfig
from activeloop.measurements.wells import Well
from activeloop.plates import Plate, Proposal, fill_plates
from activeloop.plates.files import ENDINGS, plate_content
from activeloop.plates.plate import labelled


def laid_out(proposal: Proposal, settings: PlateConfig, seed: int) -> list[Plate]:
    """The plates of a proposal.

    Args:
        proposal: what stands on them.
        settings: how they are laid out.
        seed: of the campaign.
    """
    return fill_plates(
        proposal,
        wells=settings.wells,
        controls=settings.controls,
        control=settings.control,
        replicates=settings.replicates,
        empty_edges=settings.empty_edges,
        seed=derive(seed, "plate", proposal.number),
        id=f"plate-{proposal.number}",
        layout=settings.layout,
    )


def plates_of_events(loop: OpenCampaign, number: int) -> list[Plate]:
    """The plates of a proposal as they were laid out last.

    Args:
        loop: the campaign.
        number: of the proposal.
    """
    state = loop.campaign.state()
    stored = state.proposals[number - 1]
    proposal = replace(stored, picks=labelled(stored.picks, loop.campaign.pool))
    layout = state.layouts[number]
    if number in loop.laid and loop.laid[number][0] == layout:
        return loop.laid[number][1]
    seed = loop.config.seed if layout.seed is None else layout.seed
    plates = laid_out(proposal, settings_of(layout, loop.config.plate), seed)
    if layout.by_hand:
        plates = [_by_hand(name, held, plates) for name, held in layout.by_hand.items()]
    loop.laid[number] = layout, plates
    return plates


def settings_of(layout: Layout, default: PlateConfig) -> PlateConfig:
    """The settings by which plates were laid out.

    Args:
        layout: of their proposal.
        default: where the log does not say.
    """
    fields = {**default.model_dump(), **layout.settings, **layout.options}
    return default.model_copy(update={name: fields[name] for name in PlateConfig.model_fields})


def is_of(plate: Plate, proposal: int) -> bool:
    """Whether a plate is of the proposal of a number."""
    return plate.id == f"plate-{proposal}" or plate.id.startswith(f"plate-{proposal}-")


def by_hand(plates: list[Plate]) -> dict[str, Any]:
    """Plates as `PlateLaid` holds those that somebody laid out."""
    return {
        p.id: {"size": p.size, "wells": {at: [w.candidate, w.replicate, w.control] for at, w in p.wells.items()}}
        for p in plates
    }


def plate_files(plates: list[Plate], loop: OpenCampaign) -> dict[str, str | bytes]:
    """Name -> content of the files of some plates, the list of the first plate last."""
    return {
        f"{p.id}{ending}": plate_content(p, f"{p.id}{ending}", loop.campaign.assays)
        for p in reversed(plates)
        for ending in ENDINGS
    }


def _by_hand(name: str, held: Mapping[str, Any], plates: list[Plate]) -> Plate:
    wells = {at: Well(str(candidate), int(n), bool(control)) for at, (candidate, n, control) in held["wells"].items()}
    on_it = {well.candidate for well in wells.values() if not well.control}
    picks = {pick.name: pick for plate in plates for pick in plate.picks if pick.name in on_it}
    return Plate(name, int(held["size"]), wells, tuple(sorted(picks.values(), key=lambda pick: pick.rank)))
