"""`activeloop veto`: exclude candidates."""

from __future__ import annotations

from activeloop.cli.terminal import Folder, Names, Offset, Reason, next_proposal, opened, say
from activeloop.words import some


def veto(directory: Folder, names: Names, reason: Reason = "", offset: Offset = None) -> None:
    """Never propose these candidates. Lifts a pin; `pin` lifts it again."""
    loop = opened(directory, "Nothing was changed.")
    vetoed = loop.campaign.veto(names, reason, offset=offset)
    say(f"Vetoed {some(vetoed)}: not proposed any more.")
    next_proposal(loop, directory)
