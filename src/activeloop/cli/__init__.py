"""The command `activeloop`: one verb a file, each the thin wrapper of one method."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Annotated, Any, NoReturn

import typer

from activeloop.cli.verbs import KEPT, NOTHING, StoppedError, Verbs

#: every wrong use of options; Typer has carried Click's classes under several paths
_WRONG_USAGE: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
_WORDS = {
    "Unable to parse .* exceeded maximum size": "give a smaller number",
    ", unable to (parse|interpret).*": "",
    "Value error, ": "",
    r"No such option: (\S+)": r"there is no option \1.",
    "Input should be": "it must be",
    "a valid integer": "a whole number",
    "a valid number": "a number",
    "a valid boolean": "true or false",
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
}

app = typer.Typer(name="activeloop", cls=Verbs, rich_markup_mode=None, pretty_exceptions_enable=False)


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
    server: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="Do it with a campaign of this server; the token stands in ACTIVELOOP_TOKEN.",
        ),
    ] = "",
) -> None:
    """Decide what to measure next: propose a plate, record what came back, and loop.

    Start with `activeloop new my_campaign --wild-type wt.fasta --singles --assay activity`.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and end the process.

    Exit status 0: done. 1: it cannot be done now. 2: the input is wrong. 130: stopped by Ctrl-C. An expected error is
    one message on standard error.

    Args:
        arguments: those of the command line when None.
    """
    from activeloop.errors import ActiveLoopError, InputError

    given = sys.argv[1:] if arguments is None else list(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a character shows its number
    try:
        _refuse_undecoded(given)
        with _notes_of_renamed():
            command = typer.main.get_command(app)
            status = command.main(args=given, prog_name="activeloop", standalone_mode=False)
            sys.exit(status if isinstance(status, int) else 0)
    except _WRONG_USAGE as error:
        error.message = _in_own_words(error.message)
        if getattr(error, "possibilities", None):  # of an option that does not exist
            from activeloop.errors import did_you_mean

            hint = did_you_mean(error.option_name, error.possibilities)
            error.message, error.possibilities = f"{error.message} {hint}", ()
        error.show()
        sys.exit(error.exit_code)
    except (StoppedError, KeyboardInterrupt, typer.Abort):
        _fail(stopped(given), 130)
    except ActiveLoopError as error:
        _fail(str(error), 2 if isinstance(error, InputError) else 1)
    except MemoryError:
        _fail("there is not enough memory for this: make the pool, the plate or the learner smaller.", 1)
    except Exception as error:
        from activeloop.plugins import blamed

        if not (problem := blamed(error)):
            raise
        _fail(problem, 1)
    sys.exit(0)


def stopped(arguments: Sequence[str]) -> str:
    """What is kept of a command that was stopped, and what is not.

    >>> stopped(["pin", "kcat", "K2R"])
    'stopped. The event is stored whole or not at all: `activeloop status kcat` shows which.'
    """
    verb, folder = (*(word for word in arguments if not word.startswith("-")), "", "DIR")[:2]
    return f"stopped. {KEPT.get(verb, NOTHING).format(dir=folder)}"


def _in_own_words(problem: str) -> str:
    """What is wrong with an option, without the words of the library that found it.

    >>> _in_own_words("Input should be a valid integer, unable to parse string as an integer")
    'it must be a whole number'
    """
    for theirs, ours in _WORDS.items():
        problem = re.sub(theirs, ours, problem)
    return problem


def _fail(problem: str, status: int) -> NoReturn:
    from activeloop.cli.terminal import say

    say(f"Error: {problem}", error=True)
    sys.exit(status)


def _refuse_undecoded(arguments: Sequence[str]) -> None:
    """Refuse words that are no text: names of files and candidates are stored, so they must be."""
    from activeloop.errors import InputError

    for word in arguments:
        if any("\ud800" <= letter <= "\udfff" for letter in word):
            raise InputError(
                f'"{word}" is not text in UTF-8: rename the file, or write the name anew. Nothing was done.'
            )


@contextmanager
def _notes_of_renamed() -> Iterator[None]:
    """Report each former name once, as a note on standard error."""
    from activeloop.cli.terminal import note
    from activeloop.renamed import RenamedWarning

    with warnings.catch_warnings():
        warnings.simplefilter("always", RenamedWarning)
        others, seen = warnings.showwarning, set[str]()

        def show(message: Warning | str, category: type[Warning], *where: Any) -> None:
            if not issubclass(category, RenamedWarning):
                others(message, category, *where)
            elif str(message) not in seen:
                seen.add(str(message))
                note(str(message))

        warnings.showwarning = show
        yield
