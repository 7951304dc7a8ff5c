"""Options that several suites have, and the environment of the processes that they start."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import typer

OUT = typer.Option(metavar="DIR", help="Results go to DIR/SUITE.")
WORK = typer.Option(metavar="DIR", help="Where single results are kept, so that a stopped suite goes on.")
ROOT = Path(__file__).parents[1]


def names_of(text: str) -> tuple[str, ...]:
    """What commas part, without what is empty.

    >>> names_of("a, b,")
    ('a', 'b')
    """
    return tuple(part.strip() for part in text.split(",") if part.strip())


def own_process() -> dict[str, str]:
    """The environment of a process that is measured alone: one thread, and this package can be imported."""
    threads = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, **threads, "PYTHONPATH": os.pathsep.join(paths)}


@contextmanager
def working(work: Path, totals: Mapping[str, int], of_what: str) -> Iterator[Callable[[str], None]]:
    """A progress bar for each name; Ctrl-C ends with a word on what is kept.

    Args:
        work: where finished parts are kept.
        totals: how many there are of each name.
        of_what: what they are.

    Yields:
        What is to be called with the name of every part that is done.
    """
    from collections import Counter

    from rich.console import Console

    from activeloop.cli.replay import bars

    done: Counter[str] = Counter()
    with bars(Console(stderr=True), totals, of_what) as show:

        def finished(name: str) -> None:
            done[name] += 1
            show(name, done[name])

        try:
            yield finished
        except KeyboardInterrupt:
            typer.echo(f"Stopped. What is finished is kept in {work}; the same command goes on from there.", err=True)
            raise typer.Exit(130) from None
