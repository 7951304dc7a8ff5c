"""The one place by which text reaches the terminal, and options that several verbs share.

What is printed holds names, structures and paths of users: none of it is markup, and none of it steers the terminal.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from activeloop.words import worded

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID
    from rich.table import Table
    from rich.text import Text

    from activeloop.client import Client
    from activeloop.config import OpenCampaign
    from activeloop.measurements import Assay
    from activeloop.server.forms import AssayOut

ShowProgress = Callable[[str, int, int], None]
"""Called with (key of a bar, steps done, steps in all)."""
LINE_SECONDS = 10.0
"""From one line of progress to the next, where no bar can be drawn."""
BUSY_SECONDS = 10.0
"""How long a verb waits for another program that is writing to the same campaign."""

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The campaign's folder.")]
Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="Candidates, in any notation.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why; it is stored with the event.")]
Kind = Literal["variants", "compounds", "guides", "treatments"]
Goal = Literal["find", "learn"]
Column = Annotated[str, typer.Option(help="The table's column of candidates (default: found by name and content).")]
Offset = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Added to each position to get that in the wild type (default: the campaign's; old residues must agree).",
    ),
]
SkipUnreadable = Annotated[
    bool, typer.Option("--skip-unreadable", help="Leave out rows whose candidate cannot be read; they are counted.")
]
MergeDuplicates = Annotated[bool, typer.Option("--merge-duplicates", help="Count rows of the same candidate once.")]

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
Minimise = Annotated[
    bool | None, typer.Option("--minimise/--maximise", "--minimize/--maximize", help="Whether less is better.")
]
Jobs = Annotated[int | None, typer.Option(metavar="N", help="Number of processes (default: one for each core).")]
PretrainedModel = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="ID|DIR",
        help="Pretrained model of the learners that read one: proteins, compounds, DNA (default: the bundled one).",
    ),
]
ClusterAddress = Annotated[
    str | None, typer.Option("--cluster", metavar="tcp://HOST:PORT", help="Work on a Dask cluster: its scheduler.")
]
History = Annotated[
    str | None, typer.Option(metavar="FILE", help="Measurements from before, of other drugs, cells, guides or screens.")
]
Panels = Annotated[
    list[str] | None,
    typer.Option("--panel", metavar="FILE", help="Side tables of the cells and drugs of treatments; several times."),
]
SharedPlace = Annotated[
    str | None,
    typer.Option(
        "--shared",
        metavar="DIR|URL",
        help="Folder or bucket that all machines of --cluster reach (default: beside results).",
    ),
]
ResultsFolder = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Folder of the results (default: one under ./replays).")
]


#: what a terminal would obey instead of showing it (C0, C1, changes of direction), and halves of characters
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    r"""Data as a terminal can show it: what would steer it, and what no encoding holds, as an escape.

    >>> print(printable("[nH] \x1b[31mred \udcff"))
    [nH] \x1b[31mred \udcff
    """
    return _UNSEEN.sub(lambda found: ascii(found[0])[1:-1], text)


def prediction_titles(assay: Assay | AssayOut, several: bool = False) -> tuple[str, str]:
    """The headers of an assay's predictions, with its unit, and of their intervals.

    Args:
        assay: here, or as a server tells of it.
        several: whether other assays stand beside it.

    >>> from activeloop.measurements import Assay
    >>> prediction_titles(Assay("kcat", "1/s"))
    ('kcat predicted (1/s)', '90 % interval of a measurement')
    >>> prediction_titles(Assay("binds", scale="binary"))
    ('probability of binds', '90 % interval of the probability')
    """
    words = f"probability of {assay.name}" if assay.binary else f"{assay.name} predicted"
    unit = f" ({assay.unit})" if assay.unit else ""
    interval = interval_title(assay.binary or assay.goal == "classify")
    return f"{words}{unit}", f"{assay.name} 90 % interval" if several else interval


def interval_title(classes: bool) -> str:
    """What an interval is one of: a new measurement, its noise included, or the probability of a class."""
    return f"90 % interval of {'the probability' if classes else 'a measurement'}"


def say(text: str, *, error: bool = False) -> None:
    """A line; everything that is printed passes here or through `console`.

    Args:
        text: the line.
        error: on standard error.
    """
    typer.echo(printable(worded(text)), err=error)


def note(text: str) -> None:
    """A remark, on standard error."""
    say(f"Note: {text}", error=True)


def next_step(text: str) -> None:
    """What to do next."""
    say(f"Next: {text}")


def next_proposal(outstanding: int | None, command: str, what: str = "") -> None:
    """Name `propose` as what to do after a change: with --another while a proposal is out, which stays as it is.

    Args:
        outstanding: number of the proposal that is out; 0 or None for none.
        command: that proposes, as one types it.
        what: what it does then, such as "chooses among all that is in the pool".
    """
    does = f" {what}" if what else ""
    if outstanding:
        next_step(
            f"proposal {outstanding} is out and stays as it is: measure it. `{command} --another`"
            f"{does or ' makes a further one'}."
        )
    else:
        next_step(f"`{command}`{does}.")


def console(*, error: bool = False) -> Console:
    """Where tables and bars go: text is printed as it is, `[nH]` too; as wide as it must be when nobody looks.

    Args:
        error: on standard error.
    """
    from rich.console import Console

    class Plain(Console):
        def render_str(self, text: str, **style: Any) -> Text:
            return super().render_str(printable(worded(text)), **style)

    found = Plain(stderr=error, highlight=False, markup=False, emoji=False)
    return found if found.is_terminal else Plain(stderr=error, highlight=False, markup=False, emoji=False, width=140)


def new_table(headers: Sequence[str] = (), title: str = "") -> Table:
    """A table whose cells are folded, never cut; a first column of ranks is aligned to the right."""
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", show_header=bool(headers))
    for header in headers:
        table.add_column(header, justify="right" if header == "rank" else "left", overflow="fold")
    return table


def show_table(title: str, headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; see `new_table`."""
    table = new_table(headers, title)
    for row in rows:
        table.add_row(*row)
    console().print(table)


@contextmanager
def waiting(description: str) -> Iterator[None]:
    """A line that stands while something is awaited; only where somebody looks."""
    with console(error=True).status(printable(description)):
        yield


@contextmanager
def progress_bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error with the time left; see `progress_bars`.

    Yields:
        What is to be called with (steps done, steps in all).
    """
    with progress_bars({"": description}) as show:
        yield lambda done, total: show("", done, total)


@contextmanager
def fitting(other: Mapping[str, str] | None = None) -> Iterator[ShowProgress]:
    """Progress bars of what fits a model; see `progress_bars`.

    Args:
        other: further bars.
    """
    names = {"folds": "Validating the model on held-out values", "training": "Training the model"}
    with progress_bars(names | dict(other or {})) as show:
        yield show


@contextmanager
def progress_bars(names: Mapping[str, str], unit: str = "", *, keep: bool = False) -> Iterator[ShowProgress]:
    """Progress bars on standard error, where somebody looks, else a line every ten seconds.

    They appear with the first step, so no wrong input is announced as work.

    Args:
        names: key of a bar -> its description.
        unit: of the steps, to show their speed; "" for none.
        keep: whether the bars stay when all is done.

    Yields:
        What is to be called with (key, steps done, steps in all).
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}", markup=False),
        TimeRemainingColumn(),
        TextColumn("left", markup=False),
    )
    where = console(error=True)
    bar = Progress(*columns, console=where, transient=not keep, disable=not where.is_terminal)
    tasks: dict[str, TaskID] = {}
    written = time.monotonic()

    def show(key: str, done: int, total: int) -> None:
        nonlocal written
        if not where.is_terminal:
            if time.monotonic() - written >= LINE_SECONDS:
                written = time.monotonic()
                say(f"{names[key]}: {done:,} of {total:,}", error=True)
            return
        if not tasks:
            bar.start()
        if key not in tasks:
            tasks[key] = bar.add_task(printable(worded(names[key])), total=total, completed=done, speed="")
        speed = next(task.speed for task in bar.tasks if task.id == tasks[key])
        bar.update(tasks[key], completed=done, total=total, speed=f"{speed:,.0f} {unit}/s" if unit and speed else "")

    try:
        yield show
    finally:
        if tasks:  # one that never began would end with an empty line
            bar.stop()


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


def located(model: str | None) -> str | None:
    """A model by hub id, or a folder by its whole path, which every process understands."""
    return str(Path(model).resolve()) if model and Path(model).is_dir() else model


def names_of(text: str) -> tuple[str, ...]:
    """Names joined by commas, each once.

    >>> names_of("default, random,default")
    ('default', 'random')
    """
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def typed(server: str, name: object) -> str:
    """A command for a campaign of a server as one types it, with `{verb}` in the place of its verb.

    >>> typed("http://lab:8300", "my enzyme").format(verb="status")
    'activeloop --server http://lab:8300 status "my enzyme"'
    """
    word = str(name).replace("{", "{{").replace("}", "}}")
    return f"activeloop --server {server} {{verb}} " + (f'"{word}"' if " " in word else word)


def client_of(url: str) -> Client:
    """A client of a server, with the token in `ACTIVELOOP_TOKEN` or in the file that `ACTIVELOOP_TOKEN_FILE` names.

    Raises:
        ConfigError: that file cannot be read, or the address is none.
    """
    from activeloop.client import Client
    from activeloop.errors import ConfigError

    token = os.environ.get("ACTIVELOOP_TOKEN", "")
    if path := os.environ.get("ACTIVELOOP_TOKEN_FILE"):
        try:
            token = Path(path).read_text(encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"ACTIVELOOP_TOKEN_FILE cannot be read ({error.strerror}).", file=path) from error
    return Client(url, token.strip())


def opened(folder: Path, unchanged: str = "") -> OpenCampaign:
    """The campaign in a folder.

    Args:
        folder: of the campaign.
        unchanged: for verbs that write: what was not done when nothing can be written, as a sentence.
    """
    from activeloop.config import open_campaign

    found = open_campaign(folder, BUSY_SECONDS)
    if unchanged:
        found.folder.check_writable(unchanged)
    if change := found.campaign.change():
        for sentence in change.notes():
            note(f"{found.folder.config}: {sentence}.")
    return found
