"""Options, lines, tables and progress bars that several verbs share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from activeloop.config import OpenCampaign
    from activeloop.plates import Plate

BUSY_SECONDS = 10.0
"""How long a verb waits for another program that is writing to the same campaign."""

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The campaign's folder.")]
Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="Candidates, in any notation.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why; it is stored with the event.")]
Kind = Literal["variants", "compounds", "guides"]
Goal = Literal["find", "learn"]
Column = Annotated[str, typer.Option(help="The table's column of candidates (default: found by name and content).")]

# of `replay` and `evaluate`
Dataset = Annotated[
    str,
    typer.Argument(
        metavar="NAME|FILE.csv",
        help="A public set (gb1, BLAT_ECOLX_Deng_2012 ...) or a table of candidates and values.",
    ),
]
DetectedKind = Annotated[Kind | None, typer.Option(help="What the candidates are; detected in the table by default.")]
WildType = Annotated[
    str | None,
    typer.Option(metavar="SEQ|FASTA", help="The wild type of the variants, as a sequence or as a FASTA file."),
]
CandidateColumn = Annotated[str | None, typer.Option(metavar="C", help="The column of candidates (default: detected).")]
TargetColumn = Annotated[str | None, typer.Option(metavar="T", help="The column of values (default: detected).")]
Minimise = Annotated[bool | None, typer.Option("--minimise/--maximise", help="Whether less is better.")]
Jobs = Annotated[int | None, typer.Option(metavar="N", help="Number of processes (default: one for each core).")]
ResultsFolder = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Folder of the results (default: one under ./replays).")
]


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


def show_table(title: str, headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; a first column of ranks is aligned to the right."""
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for header in headers:
        table.add_column(header, justify="right" if header == "rank" else "left")
    for row in rows:
        table.add_row(*row)
    console().print(table)


@contextmanager
def progress_bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error with the time left.

    Yields:
        What is to be called with (steps done, steps in all).
    """
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def check_file(path: Path | None, endings: Sequence[str], unchanged: str) -> None:
    """Refuse a file that could not be written, before anything is computed.

    Args:
        path: the file; None is fine.
        endings: of its name, one of them.
        unchanged: what was not done, as the last sentence of the message.

    Raises:
        InputError: it has another ending, is a folder, or its folder is missing.
    """
    from activeloop.errors import InputError

    if path is None:
        return
    if path.is_dir():
        raise InputError(f"this is a folder: name a file in it. {unchanged}", file=str(path))
    if path.suffix.lower() not in endings:
        raise InputError(f"name a file that ends in {', '.join(endings)}. {unchanged}", file=str(path))
    check_parent(path, unchanged)


def check_parent(path: Path, unchanged: str) -> None:
    """Refuse a path in a folder that does not exist; see `check_file`."""
    from activeloop.errors import InputError

    if not path.absolute().parent.is_dir():
        raise InputError(f"there is no folder {path.parent}: make it first. {unchanged}", file=str(path))


def names_of(text: str) -> tuple[str, ...]:
    """Names joined by commas, each once.

    >>> names_of("default, random,default")
    ('default', 'random')
    """
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


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


def controls_named(names: Sequence[str]) -> str:
    """Controls by their names.

    >>> controls_named(["WT"]), controls_named(["WT", "dead"])
    ('the control WT', 'the controls WT, dead')
    """
    return f"the control{'s' * (len(names) > 1)} {some(list(names))}"


def opened(folder: Path) -> OpenCampaign:
    """The campaign in a folder."""
    from activeloop.config import open_campaign

    return open_campaign(folder, BUSY_SECONDS)


def known_plates(folder: Path) -> list[Plate]:
    """All plates that were written in a campaign's folder, in the order of their names."""
    from activeloop.plates import read_plates

    return [plate for path in sorted((folder / "plates").glob("*.csv")) for plate in read_plates(path)]


def numbered(path: Path, number: int, count: int) -> Path:
    """The path of one of several files; the path itself when there is one.

    >>> numbered(Path("plate.csv"), 2, 3).name
    'plate-2.csv'
    """
    return path if count == 1 else path.with_stem(f"{path.stem}-{number}")


def plates_of(folder: Path, proposal: int) -> list[Plate]:
    """The plates of one proposal."""
    name = f"plate-{proposal}"
    return [p for p in known_plates(folder) if p.id == name or p.id.startswith(f"{name}-")]
