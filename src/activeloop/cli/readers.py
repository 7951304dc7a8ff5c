"""`activeloop readers`: files of plate readers and other instruments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from activeloop.cli.terminal import next_step, progress_bar, say

WHAT = typer.Argument(
    metavar="install|list|read|check",
    help="install allotropy, by which vendors' files are read; list the programs whose files are known; read a FILE; "
    "check all files of a FOLDER.",
)
SOURCE = typer.Argument(metavar="[allotropy|FILE|FOLDER]", help="What to install, read or check.")
SOFTWARE = typer.Option(metavar="NAME", help="The program that wrote the file, where it may be of several.")
QUANTITY = typer.Option(metavar="NAME", help="Write only this quantity, as results for `record` (see `readers read`).")
REDUCE = typer.Option(
    metavar="HOW", help="Spectra and courses in time become one value: maximum, slope 0..600, area, at=450 ..."
)
OUT = typer.Option(metavar="FILE", help="Write the table here (.csv).")
SHOWN = 12


def readers(
    what: Annotated[Literal["install", "list", "read", "check"], WHAT],
    source: Annotated[str, SOURCE] = "",
    software: Annotated[str, SOFTWARE] = "",
    quantity: Annotated[str | None, QUANTITY] = None,
    reduce: Annotated[str | None, REDUCE] = None,
    out: Annotated[Path | None, OUT] = None,
) -> None:
    """Read files of instruments: plate readers, cell counters, qPCR, dispensers.

    Files are known by what is in them. Every measured value of a plate is looked up again in the file itself, without
    the parser; one that stands at another well is refused.
    """
    from activeloop.errors import InputError

    if what == "install":
        _install(source)
    elif what == "list":
        _list()
    elif not source:
        raise InputError(f"`activeloop readers {what}` needs a {'folder' if what == 'check' else 'file'}.")
    elif what == "check":
        _check(Path(source), out)
    else:
        _read(Path(source), software, quantity, reduce, out)


def _install(source: str) -> None:
    from activeloop.errors import InputError
    from activeloop.instruments import allotropy

    if source != "allotropy":
        raise InputError("`activeloop readers install allotropy` is the one that can be installed.")
    say(f"Installing allotropy {allotropy.VERSION} (MIT licence) in an environment of its own ...")
    say(f"Installed: {allotropy.install()}")


def _list() -> None:
    from activeloop.instruments import AllotropyReader

    with AllotropyReader() as reader:
        for name, title in reader.software().items():
            say(f"{name:40} {title}")


def _read(path: Path, software: str, quantity: str | None, reduce: str | None, out: Path | None) -> None:
    from activeloop.files import csv_text, write_whole
    from activeloop.instruments import AllotropyReader, read_instrument
    from activeloop.instruments.results import results_table, series_name

    with AllotropyReader() as reader:
        file = read_instrument(path, reader, software)
    if reduce:
        file = file.reduced(reduce)
    for note in file.notes:
        say(f"Note: {note}")
    if quantity is None:
        say(f"{path} ({file.software}) holds {len(file.readings):,} values:")
        for series, count in file.series().items():
            unit = f", {series[2]}" if series[2] else ""
            say(f"  {series_name(series)}: {count:,}{unit}")
        text = file.to_csv()
    else:
        table, notes = results_table(file, assay=quantity, quantity=quantity)
        for note in notes[:1]:
            say(note)
        text = csv_text(table.header, zip(*table.columns, strict=True))
    if out:
        write_whole(out, text)
        say(f"Written: {out}")
    if quantity is None:
        next_step(f"`activeloop record DIR {path} --quantity NAME` stores one of them as results.")


def _check(folder: Path, out: Path | None) -> None:
    from activeloop.files import write_whole
    from activeloop.instruments import AllotropyReader
    from activeloop.instruments.check import check_folder, checks_csv, in_words

    with AllotropyReader() as reader, progress_bar("reading") as progress:
        checks = list(check_folder(folder, reader, progress))
    for check in checks:
        if check.refused or check.expected == "differs" or check.wrong_well:
            say(f"{check.file}: {check.refused or check.difference or 'values at other wells'}")
    for sentence in in_words(checks):
        say(sentence)
    if out:
        write_whole(out, checks_csv(checks))
        say(f"Written: {out}")
