"""`activeloop backup`: a whole store in one file."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from activeloop.cli.store import ARTIFACTS, WHERE
from activeloop.cli.terminal import next_step, say
from activeloop.words import many

FILE = typer.Argument(metavar="FILE.zip", help="The new file.")


def backup(
    where: Annotated[str, WHERE], file: Annotated[Path, FILE], artifacts: Annotated[str, ARTIFACTS] = ""
) -> None:
    """Back up all campaigns of a store: events, models, files, members, tokens. The server may run meanwhile.

    The file holds secrets of webhooks and all results: keep it as safe as the store.
    """
    from activeloop.config import Store
    from activeloop.desk.backup import backup as saved

    with closing(Store.open(where, artifacts, fresh=False)) as store:
        found = saved(store, file)
    what = f"{many(found.campaigns, 'campaign')}, {many(found.events, 'event')}, {many(found.objects, 'stored file')}"
    say(f"Written: {file} ({what}).")
    next_step(f"`activeloop restore {file} PLACE` fills an empty place with it; try that once before you need it.")
