"""`activeloop pin`: put candidates on the next plate."""

from __future__ import annotations

from activeloop.cli.terminal import Folder, Names, Offset, Reason, next_proposal, opened, say
from activeloop.words import some


def pin(directory: Folder, names: Names, reason: Reason = "", offset: Offset = None) -> None:
    """Put candidates on the next proposal. Lifts a veto."""
    from activeloop.desk.steer import pin as pinned

    loop = opened(directory, "Nothing was changed.")
    found = pinned(loop, names, reason, offset=offset)
    say(f"Pinned {some(found.names)}: on the next proposal.")
    next_proposal(found.outstanding, f"activeloop propose {directory}")
