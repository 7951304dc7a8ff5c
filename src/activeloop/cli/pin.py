"""`activeloop pin`: put candidates on the next plate."""

from __future__ import annotations

from activeloop.cli.terminal import Folder, Names, Reason, next_step, opened, say, some


def pin(directory: Folder, names: Names, reason: Reason = "") -> None:
    """Put candidates on the next proposal. Lifts a veto."""
    pinned = opened(directory, "Nothing was changed.").campaign.pin(names, reason)
    say(f"Pinned {some(pinned)}: on the next proposal.")
    next_step(f"`activeloop propose {directory}`.")
