"""What several verbs say or ask in the same words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from activeloop.config import OpenCampaign
    from activeloop.plates import Plate

BUSY_SECONDS = 10.0
"""How long a verb waits for another program that is writing to the same campaign."""

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The campaign's folder.")]
Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="Candidates, in any notation.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why; it is kept with the event.")]


def say(text: str) -> None:
    """A line of what was done."""
    typer.echo(text)


def next_step(text: str) -> None:
    """What to do next."""
    typer.echo(f"Next: {text}")


def console() -> Console:
    """Where tables go; as wide as it must be when nobody looks."""
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=140)


def many(count: int, thing: str) -> str:
    """A count and its noun.

    >>> many(1, "candidate"), many(1200, "row")
    ('1 candidate', '1,200 rows')
    """
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def some(names: tuple[str, ...] | list[str], most: int = 6) -> str:
    """The first few of many names.

    >>> some(["A1G", "K2R", "T3S"], most=2)
    'A1G, K2R and 1 more'
    """
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def opened(folder: Path) -> OpenCampaign:
    """The campaign in a folder."""
    from activeloop.config import open_campaign

    return open_campaign(folder, BUSY_SECONDS)


def known_plates(folder: Path) -> list[Plate]:
    """All plates that were written in a campaign's folder, in the order of their names."""
    from activeloop.plates import read_plates

    return [plate for path in sorted((folder / "plates").glob("*.csv")) for plate in read_plates(path)]


def plates_of(folder: Path, proposal: int) -> list[Plate]:
    """Those of one proposal."""
    name = f"plate-{proposal}"
    return [p for p in known_plates(folder) if p.id == name or p.id.startswith(f"{name}-")]
