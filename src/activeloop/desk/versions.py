"""Versions of the model: fit one, list them, make one current; whether another round is worth its cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from activeloop.campaigns import RoundReport
from activeloop.campaigns.events import Version
from activeloop.config import OpenCampaign
from activeloop.errors import StateError
from activeloop.prediction import watched_fits


@dataclass(frozen=True)
class ListedVersion:
    """A version and how it stands.

    Args:
        version: it.
        event: number of the event that holds it.
        current: whether it predicts and proposes.
        held_back: why it did not become current by itself; "" when it did.
        usable: whether it can be made current: neither the campaign nor its learner was changed since.
    """

    version: Version
    event: int
    current: bool
    held_back: str
    usable: bool


@dataclass(frozen=True)
class FittedVersion:
    """What a fit came to.

    Args:
        version: that knows all results that count.
        fresh: whether it was fitted now; else nothing had changed.
        current: number of the version that predicts and proposes; 0 when none does.
        held_back: why that is not this one; "" when it is, or when another was promoted since.
    """

    version: Version
    fresh: bool
    current: int
    held_back: str


@dataclass(frozen=True)
class PromotedVersion:
    """A version that was made current.

    Args:
        version: it.
        changed: whether another was current before.
    """

    version: Version
    changed: bool


def fit(
    loop: OpenCampaign, *, again: bool = False, progress: Callable[[str, int, int], None] | None = None
) -> FittedVersion:
    """Fit a new version to all results that count; `propose` does so by itself.

    Args:
        loop: the campaign.
        again: fit anew although nothing changed, for instance when the stored model is lost.
        progress: called with (part, steps done, steps at most); a part is `folds` or `training`.

    Raises:
        StateError: nothing was measured yet; nothing was written.
        ModelError: the learner cannot be fitted to what is there; nothing was written.
    """
    loop.check_available()
    before = loop.campaign.state().latest
    with watched_fits(progress):
        version = loop.campaign.fit(again=again)
    state = loop.campaign.state()
    current = state.current.number if state.current else 0
    fresh = before is None or before.number != version.number
    return FittedVersion(version, fresh, current, state.held_back.get(version.number, ""))


def fit_together(
    loop: OpenCampaign, *, again: bool = False, progress: Callable[[str, int, int], None] | None = None
) -> FittedVersion | None:
    """The same by all processes that `torchrun` has started, on several cards or machines: they share each step.

    Args:
        loop: the campaign, which each of them has opened.
        again: as that of `fit`.
        progress: as that of `fit`.

    Returns:
        What `fit` returns in the first process, which alone writes; None in the others.

    Raises:
        StateError: nothing was measured yet, or the processes do not see the same results.
        ModelError: as `fit`, or the adapter cannot be trained by several processes.
    """
    from activeloop.models.finetuning.group import joined

    loop.check_available()
    with joined() as group:
        state = loop.campaign.state()
        if not group.agree(f"{state.last} {loop.campaign.learner.name} {loop.campaign.dataset().hash}"):
            raise StateError(
                "the processes do not see the same results: give all of them the same folder or database. "
                "Nothing was fitted."
            )
        if group.first:
            return fit(loop, again=again, progress=progress)
        loop.campaign.assist(again=again)
    return None


def versions(loop: OpenCampaign) -> tuple[ListedVersion, ...]:
    """All versions of a campaign, in the order in which they were fitted."""
    state = loop.campaign.state()
    current, learner = state.current, loop.campaign.learner.name
    return tuple(
        ListedVersion(
            v,
            state.version_events[v.number],
            v == current,
            state.held_back.get(v.number, ""),
            v.number not in state.outdated and v.learner == learner,
        )
        for v in state.versions
    )


def promote(loop: OpenCampaign, version: int, reason: str = "") -> PromotedVersion:
    """Make a version current: one that was held back, or an earlier one. It predicts and proposes from then on.

    Args:
        loop: the campaign.
        version: its number.
        reason: why; it stands in the log.

    Raises:
        InputError: there is no such version; nothing was changed.
        StateError: it cannot be used any more, since the campaign was changed; nothing was changed.
    """
    before = loop.campaign.state().current
    chosen = loop.campaign.promote(version, reason)
    return PromotedVersion(chosen, before != chosen)


def assess(loop: OpenCampaign, number: int | None = None) -> RoundReport:
    """Assess stopping: the gain of the last round, the expected gain of the next, and whether to go on.

    Args:
        loop: the campaign.
        number: of candidates in the next round; as in the last proposal when None.

    Raises:
        StateError: nothing was measured yet.
    """
    loop.check_available()
    return loop.campaign.assess(number)
