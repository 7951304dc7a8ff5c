"""`activeloop restore`: a store from a backup."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from activeloop.cli.store import ARTIFACTS, WHERE
from activeloop.cli.terminal import next_step, say
from activeloop.words import many

FILE = typer.Argument(metavar="FILE.zip", help="What `activeloop backup` wrote.")


def restore(
    file: Annotated[Path, FILE], where: Annotated[str, WHERE], artifacts: Annotated[str, ARTIFACTS] = ""
) -> None:
    """Restore all campaigns of a backup into an empty place, which may be another kind of database.

    Every chain of events and every model is checked before anything is written.
    """
    from activeloop.config import Store
    from activeloop.desk.backup import restore as filled

    with closing(Store.open(where, artifacts)) as store:
        found = filled(file, store)
    say(f"Restored {many(found.campaigns, 'campaign')} with {many(found.events, 'event')}, as of {found.made}.")
    next_step(f"`activeloop doctor server {where}`, then `activeloop serve {where}`.")
