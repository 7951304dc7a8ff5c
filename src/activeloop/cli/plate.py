"""`activeloop plate`: draw or export a plate again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from activeloop.cli.terminal import Folder, next_step, numbered, opened, plates_of, say

PROPOSAL = typer.Option(help="Number of the proposal (default: the last).")
OUT = typer.Option(metavar="FILE", help="Where to write it (.csv, .xlsx, .svg); with several plates they are numbered.")


def plate(
    directory: Folder, proposal: Annotated[int | None, PROPOSAL] = None, out: Annotated[Path | None, OUT] = None
) -> None:
    """List the plates of a proposal, and write them in another form."""
    from activeloop.errors import StateError
    from activeloop.plates import write_plate

    loop = opened(directory)
    state = loop.campaign.state()
    number = proposal or len(state.proposals)
    plates = plates_of(loop, number)
    if not plates:
        made = f"{len(state.proposals)} were made" if state.proposals else "none was made"
        raise StateError(
            f"there is no plate of proposal {number} ({made}): `activeloop propose {directory}` writes it."
        )
    for i, p in enumerate(plates, 1):
        say(str(p))
        if out:
            say(f"Written: {write_plate(p, numbered(out, i, len(plates)), loop.campaign.assays)}")
    next_step(f"measure it, then `activeloop record {directory} FILE`.")
