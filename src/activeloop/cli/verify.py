"""`activeloop verify`: whether a campaign is as it was written."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from activeloop.cli.terminal import next_step, say
from activeloop.words import many

WHERE = typer.Argument(metavar="DIR|URL", help="A campaign's folder, or a store of many (a folder, postgresql://...).")
ARTIFACTS = typer.Option(
    metavar="DIR|URL", envvar="ARTIFACTS", help="Of a store: where its models are (a folder, s3://, gs://, az://)."
)
REBUILD = typer.Option("--rebuild", help="First make the tables of results, picks, plates and versions anew.")
#: tables that follow from the events
DERIVED = ("results", "files", "picks", "plates", "versions")


def verify(
    where: Annotated[str, WHERE], rebuild: Annotated[bool, REBUILD] = False, artifacts: Annotated[str, ARTIFACTS] = ""
) -> None:
    """Check that no event was changed, lost or put in, and that every stored model is whole; ends with 1 otherwise.

    Of a store all campaigns are checked.
    """
    from activeloop.desk.verify import verify as verified
    from activeloop.store import CampaignFolder

    if "://" not in where and not (Path(where) / "activeloop.db").is_file():
        checked = {"": verified(CampaignFolder.open(where), rebuild=rebuild)}
    else:
        from activeloop.config import Store

        with closing(Store.open(where, artifacts, fresh=False)) as store:
            listed = store.campaigns()
            checked = {f"{c.name} ({c.key}): ": verified(store.folder(c.key), rebuild=rebuild) for c in listed}
    problems = [problem for found in checked.values() for problem in found.problems]
    for name, found in checked.items():
        for problem in found.problems:
            say(f"Wrong: {name}{problem}")
    if problems:
        derived = all(problem.partition(" ")[0].strip(",") in DERIVED for problem in problems)
        again = f"`activeloop verify {where} --rebuild` makes these tables anew from the events, which are whole."
        what = "the folder" if "" in checked else "the store"
        whole = f"restore {what} from a backup; what was written since then can be recorded again."
        next_step(again if derived else whole)
        raise typer.Exit(1)
    events, stored = (sum(getattr(found, what) for found in checked.values()) for what in ("events", "artifacts"))
    of = f" of {many(len(checked), 'campaign')}" if "" not in checked else ""
    say(f"As it was written: {many(events, 'event')}, {many(stored, 'stored model' if not of else 'stored file')}{of}.")
