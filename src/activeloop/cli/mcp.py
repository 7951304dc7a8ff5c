"""`activeloop mcp`: campaigns for assistants, by the Model Context Protocol."""

from __future__ import annotations

from typing import Annotated

import typer

WHERE = typer.Argument(metavar="DIR|URL", help="A server's address (its token in ACTIVELOOP_TOKEN), or a store.")
WRITES = typer.Option(
    "--allow-writes", help="Let assistants propose plates, record results, pin, veto and fit, too (default: only look)."
)


def mcp(where: Annotated[str, WHERE], allow_writes: Annotated[bool, WRITES] = False) -> None:
    """Answer an assistant's questions about campaigns, on standard input and output.

    An assistant can do no more than the token allows, and nothing that needs a person's signature.
    """
    from activeloop.cli.remote import client_of
    from activeloop.client.assistant import assistant

    if where.startswith(("http://", "https://")):
        with client_of(where) as client:
            assistant(client, writes=allow_writes).run("stdio")
        return
    from activeloop.server.serving import in_thread
    from activeloop.server.settings import Settings

    with in_thread(Settings.of(database=where)) as url, client_of(url) as client:
        assistant(client, writes=allow_writes).run("stdio")
