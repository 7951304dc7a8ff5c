"""`activeloop doctor`: check the installation, a foundation model, or data."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from activeloop.cli.terminal import say

if TYPE_CHECKING:
    from activeloop.desk.leaks import Leak
    from activeloop.models.doctor.installation import CheckResult

WHAT = typer.Argument(
    metavar="[model|data|server]",
    help="`model` checks a foundation model, `data` tables, `server` a store and its settings (default: the "
    "installation).",
)
SOURCE = typer.Argument(
    metavar="[ID|DIR|FILE...]",
    help="Hub id or folder of the model (default: the one that ships), or tables, or the place of a store.",
)
COLUMN = typer.Option(
    metavar="ROLE=NAME", help="With data: the column of a role: structure, compound, cells, split, plate, donor, value."
)
REVISION = typer.Option(metavar="NAME", help="Branch, tag or commit of the model on the hub.")
AS_JSON = typer.Option("--json", help="Print a JSON list of results instead of lines.")


def doctor(
    what: Annotated[str, WHAT] = "",
    source: Annotated[list[str] | None, SOURCE] = None,
    revision: Annotated[str | None, REVISION] = None,
    column: Annotated[list[str] | None, COLUMN] = None,
    as_json: Annotated[bool, AS_JSON] = False,
) -> None:
    """Check the installation, a foundation model, or data; ends with status 1 when something fails.

    A model is loaded and run: tokens, pooling, padding, masked-language head, speed, memory, each adapter, samples.

    Data are searched for leaks before anything is fitted: salts, tautomers and near twins of one compound, names
    written in several ways, pairs both ways round, repeats or donors on both sides of a split, plates that cannot be
    told from a condition; of several tables also what stands in more than one.
    """
    if what == "data":
        from activeloop.cli.record import columns_of
        from activeloop.desk.leaks import find_leaks
        from activeloop.errors import InputError

        if not source:
            raise InputError("name the tables: `activeloop doctor data FILE...`.")
        results = shown(find_leaks(source, columns_of(column or [])), as_json)
    elif what == "server":
        results = shown(_server(" ".join(source or ()) or None), as_json)
    else:
        results = shown(_examined(what, " ".join(source or ()), revision), as_json)
    if any(result.verdict == "failed" for result in results):
        raise typer.Exit(1)


def shown(results: Iterable[CheckResult | Leak], as_json: bool) -> list[CheckResult | Leak]:
    """Print results as they come, or all of them as JSON in the end."""
    printed = []
    for result in results:
        printed.append(result)
        if not as_json:
            say(result.line())
    if as_json:
        say(json.dumps([result.as_dict() for result in printed], indent=1))
    return printed


def _server(where: str | None) -> Iterable[CheckResult]:
    """The checks of a server's settings and store."""
    from activeloop.config import Store
    from activeloop.desk.server_check import check_server
    from activeloop.server.settings import Settings

    settings = Settings.of(database=where)
    with closing(Store.open(settings.database, settings.artifacts, fresh=False)) as store:
        yield from check_server(store, settings.oidc_issuer, settings.secret, settings.database)


def _examined(what: str, source: str, revision: str | None) -> Iterable[CheckResult]:
    from activeloop.errors import InputError, MissingExtraError
    from activeloop.renamed import current_name

    if not what:
        from activeloop.models.doctor.installation import check_installation

        return check_installation()
    if current_name("part", what) != "model":
        raise InputError(
            f'doctor "{what}": write `activeloop doctor`, `... doctor model ID`, `... doctor data FILE` or '
            "`... doctor server DIR`."
        )
    from activeloop.foundation.checkpoints import BUNDLED
    from activeloop.models.doctor.installation import EXTRAS, installed

    if not all(installed(package) for package in EXTRAS["models"]):
        raise MissingExtraError("a foundation model", "models")
    from activeloop.models.doctor.model import check_model

    return check_model(source or BUNDLED, revision)
