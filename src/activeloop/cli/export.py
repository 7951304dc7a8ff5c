"""`activeloop export`: a campaign as tables, as a file of electronic notebooks, or into a notebook."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from activeloop.cli.terminal import Folder, check_file, next_step, note, opened, say
from activeloop.words import many

OUT = typer.Option(metavar="FOLDER", help="Where to write tables; made when it is missing.")
FORMAT = typer.Option("--format", help="Of tables: csv, json, or parquet (needs pyarrow or polars).")
TO = typer.Option(
    "--to",
    metavar="FILE.eln|URL",
    help="One file for electronic notebooks (RO-Crate), or the address of an eLabFTW, whose key stands in "
    "ELABFTW_API_KEY.",
)


def export(
    directory: Folder,
    out: Annotated[Path | None, OUT] = None,
    form: Annotated[Literal["csv", "parquet", "json"], FORMAT] = "csv",
    to: Annotated[str, TO] = "",
) -> None:
    """Write everything of a campaign: as tables (--out), or for an electronic notebook (--to).

    results.csv is read by `record` of another campaign to the same data. A file .eln holds the report, plates, results,
    predictions, events and cards of models. An eLabFTW gets an experiment of the campaign and one of each round; doing
    it again updates them.
    """
    from activeloop.desk.export import export as write
    from activeloop.errors import ConfigError

    if (out is None) == (not to):
        raise ConfigError("say where to: --out FOLDER for tables, or --to FILE.eln or URL. Nothing was written.")
    if to:
        (_push if to.startswith(("http://", "https://")) else _write_file)(directory, to)
        return
    assert out is not None  # or the address of a notebook was given
    found = write(opened(directory), out, form)
    for path, rows in found.files.items():
        say(f"Written: {path} ({rows:,} rows)")
    if found.note:
        note(found.note)
    taken = f"; `activeloop record OTHER {out / 'results.csv'}` takes the results into another campaign"
    next_step(f"read them anywhere{taken if form == 'csv' else ''}.")


def _write_file(directory: Path, to: str) -> None:
    """Write a file `.eln`."""
    from activeloop.desk.eln import eln_file
    from activeloop.files import write_whole

    path = Path(to)
    check_file(path, (".eln",), "Nothing was written.")
    content = eln_file(opened(directory), path.name).content
    say(f"Written: {write_whole(path, content)} ({len(content) / 1e6:.1f} MB)")
    next_step("import it into an electronic notebook, or unzip it.")


def _push(directory: Path, url: str) -> None:
    """Push a campaign into an eLabFTW."""
    import os

    from activeloop.client.elabftw import ELabFTW
    from activeloop.desk.eln import notebook_entries
    from activeloop.errors import ConfigError

    if not (key := os.environ.get("ELABFTW_API_KEY", "").strip()):
        raise ConfigError("ELABFTW_API_KEY is not set: make a key in your eLabFTW (settings, API keys).")
    entries = notebook_entries(opened(directory))
    with ELabFTW(url, key) as notebook:
        for one in notebook.push(entries):
            how = "made" if one.made else "updated" if one.changed else "is there as it is"
            say(f"Experiment {one.number}, {one.title}: {how}, {many(one.files, 'file')} new.")
            say(f"  {one.address}")
    next_step("the same command again updates these experiments.")
