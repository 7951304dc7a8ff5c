"""`activeloop pin`: put candidates on the next plate."""

from __future__ import annotations

from activeloop.cli.terminal import Folder, Names, Offset, Reason, next_proposal, opened, say
from activeloop.words import some


def pin(directory: Folder, names: Names, reason: Reason = "", offset: Offset = None) -> None:
    """Put candidates on the next proposal. Lifts a veto."""
    loop = opened(directory, "Nothing was changed.")
    pinned = loop.campaign.pin(names, reason, offset=offset)
    say(f"Pinned {some(pinned)}: on the next proposal.")
    next_proposal(loop, directory)
