"""The command `activeloop`: one verb a file, each the thin wrapper of one method."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn

import typer

from activeloop.cli.verbs import Verbs

app = typer.Typer(
    name="activeloop", cls=Verbs, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from activeloop._version import __version__

        typer.echo(f"activeloop {__version__}")
        raise typer.Exit


@app.callback()
def activeloop(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Decide what to measure next: propose a plate, record what came back, and loop.

    Start with `activeloop new my_campaign --wild-type wt.fasta --singles --assay activity`.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and end the process.

    Exit status 0: done. 1: it cannot be done now. 2: the input is wrong. An expected error is one
    message on standard error.

    Args:
        arguments: those of the command line when None.
    """
    from activeloop.errors import ActiveLoopError, InputError

    command = typer.main.get_command(app)
    try:
        with _notes_of_renamed():
            command.main(args=list(arguments) if arguments is not None else None, prog_name="activeloop")
    except ActiveLoopError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(2 if isinstance(error, InputError) else 1)
    sys.exit(0)


@contextmanager
def _notes_of_renamed() -> Iterator[None]:
    """Report each former name once, as a note on standard error."""
    from activeloop.renamed import RenamedWarning

    with warnings.catch_warnings():
        warnings.simplefilter("always", RenamedWarning)
        others, seen = warnings.showwarning, set[str]()

        def show(message: Warning | str, category: type[Warning], *where: Any) -> None:
            if not issubclass(category, RenamedWarning):
                others(message, category, *where)
            elif str(message) not in seen:
                seen.add(str(message))
                typer.echo(f"Note: {message}", err=True)

        warnings.showwarning = show
        yield
