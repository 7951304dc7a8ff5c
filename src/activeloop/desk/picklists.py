"""Pick lists by which a liquid handler fills the plates of a proposal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isnan
from pathlib import Path
from typing import Literal

from activeloop.config import OpenCampaign
from activeloop.errors import PlateError
from activeloop.files import numbered
from activeloop.plates import (
    Plate,
    Source,
    read_sources,
    sources_of_pool,
    transfers,
    write_echo,
    write_hamilton,
    write_opentrons,
)
from activeloop.plates.picklists import DROPLET, deck, read_volume, shown_volume
from activeloop.words import many, some

Robot = Literal["echo", "opentrons", "hamilton"]


@dataclass(frozen=True)
class PickListOptions:
    """What a pick list is asked for, volumes as people write them.

    Args:
        robot: for which it is.
        volume: that goes into each well, such as `100nL`.
        sources: a file that says where the candidates stand; the columns of the pool's file when None.
        source_volume: in each source well, where no column says it.
        dead_volume: what stays in a source well; nothing when "".
        droplet: of an Echo.
        controls: whether control wells are filled, too.
    """

    robot: Robot
    volume: str
    sources: Path | None = None
    source_volume: str = ""
    dead_volume: str = ""
    droplet: str = ""
    controls: bool = True


@dataclass(frozen=True)
class PickLists:
    """Pick lists that were written.

    Args:
        files: one, or one a plate.
        decks: of an Opentrons, where each source plate stands, in sentences.
        summary: what is transferred, in a sentence.
    """

    files: tuple[Path, ...]
    decks: tuple[str, ...]
    summary: str


def write_picklists(
    loop: OpenCampaign, plates: Sequence[Plate], options: PickListOptions, out: Path | None = None
) -> PickLists:
    """Write the pick lists of some plates.

    Args:
        loop: the campaign.
        plates: of one proposal.
        options: what is asked for.
        out: the file; one of a usual name in `plates/picklists` of the campaign's folder when None.

    Raises:
        PlateError: a volume makes no sense, or a candidate stands nowhere; nothing was written.
    """
    if options.droplet and options.robot != "echo":
        raise PlateError("only an Echo has droplets: leave --droplet out. Nothing was written.")
    pool, volume = loop.campaign.pool, read_volume(options.volume)
    dead = read_volume(options.dead_volume) if options.dead_volume else 0.0
    found: dict[str, Source | Sequence[Source]] = dict(sources_of_pool(plates, pool))
    if options.sources:
        found |= read_sources(options.sources, pool=pool)
    if options.source_volume:
        each = read_volume(options.source_volume)

        def filled(source: Source) -> Source:
            return replace(source, volume=each) if isnan(source.volume) else source

        found = {n: filled(s) if isinstance(s, Source) else [filled(one) for one in s] for n, s in found.items()}
    moves = transfers(plates, volume, found, dead_volume=dead, controls=options.controls)
    folder = loop.folder.plates / "picklists"
    if not out:
        folder.mkdir(exist_ok=True)
    both = {"dead_volume": dead, "controls": options.controls}
    written, decks = list[Path](), list[str]()
    if options.robot == "opentrons":
        for i, p in enumerate(plates, 1):
            path = numbered(out, i, len(plates)) if out else folder / f"{p.id}-opentrons.csv"
            written.append(write_opentrons(p, path, volume, found, **both))
            slots = deck([m for m in moves if m.plate is p], p)
            places = ", ".join(f"{name} on slot {slot}" for name, slot in slots.items())
            decks.append(f"Deck for {p.id}: {p.id} on slot 1, {places}.")
    else:
        number = plates[0].id.removeprefix("plate-").split("-")[0]
        path = out or folder / f"plate-{number}-{options.robot}.csv"
        if options.robot == "echo":
            drop = read_volume(options.droplet) * 1000 if options.droplet else DROPLET
            written.append(write_echo(plates, path, volume * 1000, found, drop, **both))
        else:
            written.append(write_hamilton(plates, path, volume, found, **both))
    names = list(dict.fromkeys(m.source.plate for m in moves))
    wells = len({(m.source.plate, m.source.well) for m in moves})
    unknown = len({(m.source.plate, m.source.well) for m in moves if isnan(m.source.volume)})
    unchecked = f" How much {unknown:,} of them hold is not known (--source-volume)." if unknown else ""
    summary = (
        f"{many(len(moves), 'transfer')} of {shown_volume(volume)} from {many(wells, 'well')} of "
        f"{many(len(names), 'source plate')} ({some(names)}).{unchecked}"
    )
    return PickLists(tuple(written), tuple(decks), summary)
