"""`activeloop doctor`: check the installation, or a foundation model."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from activeloop.cli.terminal import say

if TYPE_CHECKING:
    from activeloop.models.doctor.installation import CheckResult

WHAT = typer.Argument(metavar="[model]", help="`model` checks a foundation model (default: the installation).")
SOURCE = typer.Argument(metavar="[ID|DIR]", help="Hub id or folder of the model (default: the one that ships).")
REVISION = typer.Option(metavar="NAME", help="Branch, tag or commit of the model on the hub.")
AS_JSON = typer.Option("--json", help="Print a JSON list of results instead of lines.")


def doctor(
    what: Annotated[str, WHAT] = "",
    source: Annotated[str, SOURCE] = "",
    revision: Annotated[str | None, REVISION] = None,
    as_json: Annotated[bool, AS_JSON] = False,
) -> None:
    """Check the installation, or every part of a foundation model; ends with status 1 when something fails.

    A model is loaded and run: tokens, pooling, padding, masked-language head, speed, memory, each adapter, samples.
    """
    results = shown(_examined(what, source, revision), as_json)
    if any(result.verdict == "failed" for result in results):
        raise typer.Exit(1)


def shown(results: Iterable[CheckResult], as_json: bool) -> list[CheckResult]:
    """Print results as they come, or all of them as JSON in the end."""
    printed = []
    for result in results:
        printed.append(result)
        if not as_json:
            say(result.line())
    if as_json:
        say(json.dumps([result.as_dict() for result in printed], indent=1))
    return printed


def _examined(what: str, source: str, revision: str | None) -> Iterable[CheckResult]:
    from activeloop.errors import InputError, MissingExtraError
    from activeloop.renamed import current_name

    if not what:
        from activeloop.models.doctor.installation import check_installation

        return check_installation()
    if current_name("part", what) != "model":
        raise InputError(f'doctor "{what}": write `activeloop doctor`, or `activeloop doctor model ID`.')
    from activeloop.foundation.checkpoints import BUNDLED
    from activeloop.models.doctor.installation import EXTRAS, installed

    if not all(installed(package) for package in EXTRAS["models"]):
        raise MissingExtraError("a foundation model", "models")
    from activeloop.models.doctor.model import check_model

    return check_model(source or BUNDLED, revision)
