"""Options that several suites have, and the environment of the processes that they start."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import typer

from activeloop.errors import ModelError

OUT = typer.Option(metavar="DIR", help="Results go to DIR/SUITE.")
WORK = typer.Option(metavar="DIR", help="Where single results are kept, so that a stopped suite goes on.")
ROOT = Path(__file__).parents[1]
STATUS = Path("/proc/self/status")


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
def one_thread() -> Iterator[None]:
    """All arithmetic on one thread."""
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def held_bytes(field: str = "VmHWM") -> int:
    """The most bytes that this process held, or those that it holds now (`VmRSS`).

    Raises:
        ModelError: the system does not tell.
    """
    lines = STATUS.read_text("utf-8").splitlines() if STATUS.exists() else []
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:")]
    if not found:
        raise ModelError(f"{STATUS} does not tell {field}, so memory cannot be told here. Measure on Linux.")
    return found[0]


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

    from activeloop.cli.terminal import progress_bars, say

    done: Counter[str] = Counter()
    with progress_bars({name: name for name in totals}, of_what, keep=True) as show:

        def finished(name: str) -> None:
            done[name] += 1
            show(name, done[name], totals[name])

        try:
            yield finished
        except KeyboardInterrupt:
            say(f"Stopped. What is finished is kept in {work}; the same command goes on from there.", error=True)
            raise typer.Exit(130) from None
