"""What people decide beside the model: candidates that must be tested or never are, results that are wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from activeloop.config import OpenCampaign


@dataclass(frozen=True)
class Steered:
    """Candidates that were pinned or vetoed.

    Args:
        names: their standard notation.
        outstanding: number of the proposal that is out, and stays as it is; 0 for none.
    """

    names: tuple[str, ...]
    outstanding: int


@dataclass(frozen=True)
class VoidedResults:
    """Results that were declared wrong.

    Args:
        event: with which they came.
        count: how many were voided now; 0 when all of them were before.
        outstanding: number of the proposal that is out, and stays as it is; 0 for none.
    """

    event: int
    count: int
    outstanding: int


def pin(loop: OpenCampaign, names: Sequence[str], reason: str = "", *, offset: int | None = None) -> Steered:
    """Put candidates on the next proposal in any case; lifts a veto.

    Args:
        loop: the campaign.
        names: in any notation.
        reason: why; it stands in the log.
        offset: added to their positions.

    Raises:
        InputError: a name cannot be read, is not in the pool, is a control or is on a plate; nothing was changed.
    """
    return Steered(loop.campaign.pin(names, reason, offset=offset), _outstanding(loop))


def veto(loop: OpenCampaign, names: Sequence[str], reason: str = "", *, offset: int | None = None) -> Steered:
    """Never propose candidates; lifts a pin.

    Args:
        loop: the campaign.
        names: in any notation.
        reason: why; it stands in the log.
        offset: added to their positions.

    Raises:
        InputError: a name cannot be read, or is not in the pool; nothing was changed.
    """
    return Steered(loop.campaign.veto(names, reason, offset=offset), _outstanding(loop))


def void(loop: OpenCampaign, event: int, rows: Sequence[int] = (), reason: str = "") -> VoidedResults:
    """Declare results wrong: they stay on record and no longer count; their candidates may be proposed again.

    Args:
        loop: the campaign.
        event: number of the event they came with.
        rows: of its file, as a spreadsheet counts; all when ().
        reason: why; it stands in the log.

    Raises:
        InputError: there are no such results; nothing was changed.
    """
    return VoidedResults(event, loop.campaign.void(event, rows, reason), _outstanding(loop))


def _outstanding(loop: OpenCampaign) -> int:
    out = loop.campaign.state().outstanding
    return out.number if out else 0
