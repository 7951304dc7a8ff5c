"""`activeloop veto`: exclude candidates."""

from __future__ import annotations

from activeloop.cli.terminal import Folder, Names, Offset, Reason, next_step, opened, say, some


def veto(directory: Folder, names: Names, reason: Reason = "", offset: Offset = None) -> None:
    """Never propose these candidates. Lifts a pin; `pin` lifts it again."""
    vetoed = opened(directory, "Nothing was changed.").campaign.veto(names, reason, offset=offset)
    say(f"Vetoed {some(vetoed)}: not proposed any more.")
    next_step(f"`activeloop propose {directory}`.")
