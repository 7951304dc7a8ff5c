"""`activeloop plate`: draw, export or lay out a plate again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from activeloop.cli.propose import (
    CONTROLS,
    EDGES,
    LAYOUT,
    PLATE,
    REPLICATES,
    Layout,
)
from activeloop.cli.terminal import Folder, check_file, next_step, opened, say
from activeloop.files import numbered

if TYPE_CHECKING:
    pass

PROPOSAL = typer.Option(help="Number of the proposal (default: the last).")
OUT = typer.Option(
    metavar="FILE",
    help="Where to write it (.csv, .xlsx, .svg; pick lists: .csv); with several plates they are numbered.",
)
FOR = typer.Option("--for", help="Write a pick list for this liquid handler, from source wells to the plate.")
VOLUME = typer.Option(metavar="VOLUME", help="Of a pick list: what goes into each well, such as 100nL or 2.5uL.")
SOURCES = typer.Option(
    metavar="FILE",
    help="Of a pick list: a table with the candidates' (and controls') source plates and wells, and perhaps volumes "
    "(default: the columns of the pool's file).",
)
SOURCE_VOLUME = typer.Option(metavar="VOLUME", help="Of a pick list: in each source well, where no column says it.")
DEAD_VOLUME = typer.Option(metavar="VOLUME", help="Of a pick list: what stays in a source well (default: 0).")
DROPLET = typer.Option(metavar="VOLUME", help="Of an Echo: 2.5nL (550, 650; the default) or 25nL (525).")
CONTROL_WELLS = typer.Option("--without-controls", help="Of a pick list: control wells are filled by hand.")
DOSES = typer.Option(
    metavar="DOSES",
    help="Of a pick list: doses of each candidate's replicates instead of one volume, such as '10 uM, 1:3, 8' or "
    "'0.1, 1, 10 uM'.",
)
STOCK = typer.Option(metavar="CONC", help="With --doses: concentration of the stocks, where no column says it (10mM).")
FINAL = typer.Option("--well-volume", metavar="VOLUME", help="With --doses: what a well holds at the end (50uL).")
Robot = Literal["echo", "opentrons", "hamilton"]


def plate(
    directory: Folder,
    proposal: Annotated[int | None, PROPOSAL] = None,
    out: Annotated[Path | None, OUT] = None,
    wells: Annotated[int | None, PLATE] = None,
    controls: Annotated[int | None, CONTROLS] = None,
    replicates: Annotated[int | None, REPLICATES] = None,
    layout: Annotated[Layout | None, LAYOUT] = None,
    empty_edges: Annotated[bool | None, EDGES] = None,
    robot: Annotated[Robot | None, FOR] = None,
    volume: Annotated[str, VOLUME] = "",
    sources: Annotated[Path | None, SOURCES] = None,
    source_volume: Annotated[str, SOURCE_VOLUME] = "",
    dead_volume: Annotated[str, DEAD_VOLUME] = "",
    droplet: Annotated[str, DROPLET] = "",
    without_controls: Annotated[bool, CONTROL_WELLS] = False,
    doses: Annotated[str, DOSES] = "",
    stock: Annotated[str, STOCK] = "",
    well_volume: Annotated[str, FINAL] = "",
) -> None:
    """List the plates of a proposal, write them in another form, or lay them out anew before anything was measured.

    With --for, a pick list for a liquid handler is written instead, into DIR/plates/picklists.
    """
    from activeloop.desk.picklists import PickListOptions, write_picklists
    from activeloop.desk.propose import PlateOptions, lay_again, plates_of
    from activeloop.errors import StateError
    from activeloop.plates import write_plate
    from activeloop.plates.files import refuse_typed_results

    stated = {
        "--volume": volume,
        "--sources": sources,
        "--source-volume": source_volume,
        "--dead-volume": dead_volume,
        "--droplet": droplet,
        "--without-controls": without_controls,
        "--doses": doses,
        "--stock": stock,
        "--well-volume": well_volume,
    }
    check_picking(robot, stated, out)
    options = PlateOptions(wells, controls, replicates, layout, empty_edges)
    loop = opened(directory, "Nothing was changed." if options.given else "")
    made = len(loop.campaign.state().proposals)
    number = proposal or made
    laid = lay_again(loop, number, options) if options.given else plates_of(loop, number)
    for sentence in laid.notes:
        say(f"Note: {sentence}")
    plates = list(laid.plates)
    if options.given:
        say(f"Laid out anew: {', '.join(p.id for p in plates)}. Use the new files; the old layout is gone.")
    if not plates:
        made = f"{made} were made" if made else "none was made"
        raise StateError(
            f"there is no plate of proposal {number} ({made}): `activeloop propose {directory}` writes it."
        )
    for i, p in enumerate(plates, 1):
        say(str(p))
        if out and not robot:
            path = numbered(out, i, len(plates))
            refuse_typed_results(path, loop.campaign.assays, "Nothing was written.")
            say(f"Written: {write_plate(p, path, loop.campaign.assays)}")
    if robot:
        liquids = (volume, sources, source_volume, dead_volume, droplet, not without_controls)
        asked = PickListOptions(robot, *liquids, doses, stock, well_volume)
        lists = write_picklists(loop, plates, asked, out)
        for sentence in (*lists.decks, lists.summary, *(f"Written: {path}" for path in lists.files)):
            say(sentence)
    next_step(f"measure it, then `activeloop record {directory} FILE`.")


def check_picking(robot: Robot | None, stated: Mapping[str, object], out: Path | None) -> None:
    """Refuse options that do not belong together, before anything is read."""
    from activeloop.errors import PlateError

    named = [option for option, value in stated.items() if value]
    if robot is None and named:
        raise PlateError(f"{named[0]} belongs to a pick list: add --for echo, opentrons or hamilton.")
    if robot is None:
        return
    if not stated["--doses"] and (one := next((o for o in ("--stock", "--well-volume") if stated[o]), "")):
        raise PlateError(f"{one} belongs to --doses. Nothing was written.")
    if not stated["--volume"] and not stated["--doses"]:
        example = "100nL" if robot == "echo" else "2.5uL"
        raise PlateError(f"say what goes into each well: --volume {example}. Nothing was written.")
    if stated["--droplet"] and robot != "echo":
        raise PlateError("only an Echo has droplets: leave --droplet out. Nothing was written.")
    check_file(out, (".csv",), "Nothing was written.")
