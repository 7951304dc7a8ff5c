"""Pick lists by which a liquid handler fills the plates of a proposal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isnan, nan
from pathlib import Path
from typing import Literal

from activeloop.config import OpenCampaign
from activeloop.errors import PlateError
from activeloop.files import StagedFiles, csv_text, numbered
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
from activeloop.plates.doses import Dispenser, DoseSeries, dosed, read_series
from activeloop.plates.picklists import (
    DROPLET,
    ECHO_MOST,
    Sources,
    deck,
    echo_text,
    hamilton_text,
    opentrons_text,
    read_dose,
    read_volume,
    shown_volume,
)
from activeloop.tables import Book
from activeloop.words import many, some

Robot = Literal["echo", "opentrons", "hamilton"]


@dataclass(frozen=True)
class PickListOptions:
    """What a pick list is asked for, volumes as people write them.

    Args:
        robot: for which it is.
        volume: that goes into each well, such as `100nL`.
        sources: a file (also taken apart) of where the candidates stand; the columns of the pool's file when None.
        source_volume: in each source well, where no column says it.
        dead_volume: what stays in a source well; nothing when "".
        droplet: of an Echo.
        controls: whether control wells are filled, too.
        doses: that the replicates of a candidate get, such as `10 uM, 1:3, 8`; "" = the same volume in each well.
        stock: concentration of the stocks, where no column says it, such as `10 mM`.
        well_volume: final volume of a well, to which doses refer.
    """

    robot: Robot
    volume: str = ""
    sources: Path | Book | None = None
    source_volume: str = ""
    dead_volume: str = ""
    droplet: str = ""
    controls: bool = True
    doses: str = ""
    stock: str = ""
    well_volume: str = ""


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
    pool = loop.campaign.pool
    dead = read_volume(options.dead_volume) if options.dead_volume else 0.0
    found: dict[str, Source | Sequence[Source]] = dict(sources_of_pool(plates, pool))
    if options.sources:
        found |= read_sources(options.sources, pool=pool)
    if options.source_volume:
        each = read_volume(options.source_volume)

        def filled(source: Source) -> Source:
            return replace(source, volume=each) if isnan(source.volume) else source

        found = {n: filled(s) if isinstance(s, Source) else [filled(one) for one in s] for n, s in found.items()}
    if options.doses:
        return _write_doses(loop, plates, options, found, dead, out)
    volume = read_volume(options.volume)
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


ROBOTS = {
    "echo": Dispenser("an Echo", DROPLET / 1000, ECHO_MOST / 1000, DROPLET / 1000),
    "hamilton": Dispenser("a Hamilton channel", 0.5, 1000.0),
    "opentrons": Dispenser("an Opentrons pipette", 1.0, 1000.0),
}
"""What each robot dispenses."""


def _write_doses(
    loop: OpenCampaign,
    plates: Sequence[Plate],
    options: PickListOptions,
    sources: Sources,
    dead: float,
    out: Path | None,
) -> PickLists:
    """Write pick lists by which wells have doses, and the list of these doses, which `activeloop curves` reads."""
    if options.volume or not options.well_volume:
        raise PlateError(
            "doses say what goes into each well: give --well-volume 50uL, its volume at the end, and no --volume. "
            "Nothing was written."
        )
    if not options.controls:
        raise PlateError("doses are equalled with the vehicle of the controls: leave --without-controls out.")
    robot = ROBOTS[options.robot]
    if options.droplet:
        drop = read_volume(options.droplet)
        robot = replace(robot, least=drop, step=drop)
    stock = read_dose(options.stock) if options.stock else nan
    series = DoseSeries(read_series(options.doses), read_volume(options.well_volume), stock)
    made = dosed(plates, series, robot, sources, dead_volume=dead)
    folder = out.parent if out else loop.folder.plates / "picklists"
    if not out:
        folder.mkdir(exist_ok=True)
    number = plates[0].id.removeprefix("plate-").split("-")[0]
    texts, decks = dict[Path, str](), list[str]()
    if options.robot == "opentrons":
        for i, p in enumerate(plates, 1):
            moves = [m for m in made.transfers if m.plate is p]
            path = numbered(out, i, len(plates)) if out else folder / f"{p.id}-opentrons.csv"
            texts[path] = opentrons_text(p, moves, path)
            places = ", ".join(f"{name} on slot {slot}" for name, slot in deck(moves, p).items())
            decks.append(f"Deck for {p.id}: {p.id} on slot 1, {places}.")
    else:
        path = out or folder / f"plate-{number}-{options.robot}.csv"
        echo = options.robot == "echo"
        texts[path] = echo_text(made.transfers, robot.step * 1000) if echo else hamilton_text(made.transfers)
    rows = [
        (p.id, well, p.called(held.candidate), float(f"{dose:.6g}"), "negative" if held.control else "compound")
        for p, well, held, dose in made.doses
    ]
    layout = folder / (f"{out.stem}-doses.csv" if out else f"plate-{number}-doses.csv")
    texts[layout] = csv_text(("plate", "well", "compound", "dose (µM)", "kind"), rows)
    with StagedFiles() as files:
        for path, text in texts.items():
            files.add(path, text)
        written = files.put()
    share = made.vehicle / series.volume
    unequal = " Wells differ in it: name where the control stands (--sources), with enough." if made.unequal else ""
    summary = (
        f"{many(len(made.transfers), 'transfer')} for {many(len(series.doses), 'dose')} of "
        f"{some([f'{dose:g}' for dose in series.doses], 12)} µM in {shown_volume(series.volume)}; stock and vehicle "
        f"are {shown_volume(float(f'{made.vehicle:.4g}'))} of each well ({share:.2%}).{unequal} `activeloop curves "
        f"FILE --layout {layout}` reads what comes back."
    )
    return PickLists(tuple(written), tuple(decks), summary)
