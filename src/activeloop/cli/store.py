"""`activeloop store`: many campaigns in one place, taken in from folders and written out as folders."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from activeloop.cli.terminal import next_step, note, say, show_table
from activeloop.words import many

if TYPE_CHECKING:
    from activeloop.config import Store

WHERE = typer.Argument(metavar="DIR|URL", envvar="DATABASE_URL", help="A folder, or postgresql://user@host/database.")
IMPORT = typer.Option("--import", metavar="DIR", help="Take in the campaign of this folder, which stays as it is.")
NAME = typer.Option(metavar="TEXT", help="With --import: what the campaign is called (default: as its folder).")
AS_NEW = typer.Option("--as-new", help="With --import: as a campaign of its own, if the folder was copied to be one.")
EXPORT = typer.Option(metavar="CAMPAIGN", help="Write this campaign (its name, or how its key begins) as a folder.")
OUT = typer.Option(metavar="DIR", help="With --export: the new folder.")
ARTIFACTS = typer.Option(
    metavar="DIR|URL",
    envvar="ARTIFACTS",
    help="Where models and files are kept: a folder, s3://, gs:// or az:// (default: DIR/artifacts).",
)


def store(
    where: Annotated[str, WHERE],
    import_folder: Annotated[Path | None, IMPORT] = None,
    name: Annotated[str, NAME] = "",
    as_new: Annotated[bool, AS_NEW] = False,
    export: Annotated[str, EXPORT] = "",
    out: Annotated[Path | None, OUT] = None,
    artifacts: Annotated[str, ARTIFACTS] = "",
) -> None:
    """List the campaigns of a store, take one in from its folder, or write one as a folder.

    A store holds many campaigns in one database, for `activeloop serve` and `activeloop work`. Events, models, plates
    and files go along unchanged in either direction, and the next proposal is the same.
    """
    from activeloop.config import Store
    from activeloop.errors import InputError

    if import_folder and export:
        raise InputError("--import and --export: give one of them. Nothing was done.")
    if (name or as_new) and not import_folder:
        raise InputError(f"{'--name' if name else '--as-new'} belongs to --import. Nothing was done.")
    if bool(export) != bool(out):
        raise InputError("--export and --out belong together. Nothing was done.")
    # of a database server the schema is made, too: that is what the migration before an installation does
    with closing(Store.open(where, artifacts, fresh=import_folder is not None or "://" in where)) as found:
        if import_folder:
            _import(found, import_folder, name, as_new)
            next_step(f"`activeloop serve {where}` shows it to people and programs; `activeloop work {where}` fits it.")
        elif export and out:
            one = found.find(export)
            say(f'Written: {found.export_folder(one.key, out)} ("{one.name}", {many(one.last, "event")}).')
            next_step(f"`activeloop status {out}`.")
        else:
            rows = [(c.name, c.key, f"{c.last:,}", c.created[:10], "archived" * c.archived) for c in found.campaigns()]
            show_table(f"{many(len(rows), 'campaign')} in {found.where}", ("name", "key", "events", "made", ""), rows)


def _import(store: Store, path: Path, name: str, as_new: bool) -> None:
    from activeloop.desk.verify import verify
    from activeloop.store import CampaignFolder

    key = store.import_folder(path, name, as_new=as_new)
    one, before = store.campaign(key), len(CampaignFolder.open(path).log.rows())
    say(f'Imported {path} as "{one.name}" ({key}): {many(one.last, "event")}.')
    if one.last > before:
        more = f"event {one.last} says" if one.last == before + 1 else f"events {before + 1} to {one.last} say"
        note(f"{more} what only files said: campaign.toml as it was edited last, and plates that were edited by hand.")
    for problem in verify(store.folder(key)).problems:
        say(f"Wrong, there as here: {problem}")
