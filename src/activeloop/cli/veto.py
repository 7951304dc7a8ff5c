"""`activeloop veto`: exclude candidates."""

from __future__ import annotations

from activeloop.cli.terminal import Folder, Names, Offset, Reason, next_proposal, opened, say
from activeloop.words import some


def veto(directory: Folder, names: Names, reason: Reason = "", offset: Offset = None) -> None:
    """Never propose these candidates. Lifts a pin; `pin` lifts it again."""
    from activeloop.desk.steer import veto as vetoed

    loop = opened(directory, "Nothing was changed.")
    found = vetoed(loop, names, reason, offset=offset)
    say(f"Vetoed {some(found.names)}: not proposed any more.")
    next_proposal(found.outstanding, f"activeloop propose {directory}")
