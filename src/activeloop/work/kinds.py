"""The kinds of work: what is missing in a campaign, and what makes it."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from activeloop.config import OpenCampaign

if TYPE_CHECKING:
    from activeloop.config import StudentConfig

Progress = Callable[[int, int], None]
"""Called with (steps done, steps in all)."""


class WorkKind(ABC):
    """A kind of work, such as a fit. It asks what is missing now, not what happened, so it may be asked at any time.

    A class of it takes no arguments: the process that does the work finds it by its module and name. Rows of the table
    `work` come to be by events (`DUE_AFTER` of `activeloop.store.schema`) or by `Work.ask`.
    """

    name: ClassVar[str]
    """As its rows have it."""
    superseded: ClassVar[bool] = False
    """Whether what changes while it runs makes its result worthless, so that it begins anew at once."""

    @abstractmethod
    def missing(self, loop: OpenCampaign, ordered: str) -> str:
        """What is missing, in words; "" when nothing is.

        Args:
            loop: the campaign.
            ordered: what somebody asked for beyond the campaign's settings; "" for nothing.
        """

    @abstractmethod
    def do(self, loop: OpenCampaign, ordered: str, progress: Progress) -> str:
        """Make what is missing; what came of it, in words.

        It may be killed at any moment and done again: what it writes is whole or not there, and is there once.

        Args:
            loop: the campaign, whose log takes events only while the work is held.
            ordered: as in `missing`.
            progress: may be called as often as convenient.

        Raises:
            ModelError: another attempt would come to the same.
        """


class Fit(WorkKind):
    """A new version, when results came that the last one does not know."""

    name = "fit"
    superseded = True

    def missing(self, loop: OpenCampaign, ordered: str) -> str:
        """See `WorkKind.missing`."""
        return "a version of the new results" if loop.campaign.status().stale else ""

    def do(self, loop: OpenCampaign, ordered: str, progress: Progress) -> str:
        """See `WorkKind.do`."""
        return f"version {loop.campaign.fit().number}"


class Distil(WorkKind):
    """A student of the current version, where `[student] auto` is set or somebody asked for one."""

    name = "distil"

    @staticmethod
    def order(settings: StudentConfig, seed: int | None, *, again: bool) -> str:
        """What is asked for, as text.

        Args:
            settings: of the training.
            seed: of it; the campaign's own when None.
            again: train again also when nothing changed.
        """
        return json.dumps({"settings": settings.model_dump(mode="json"), "seed": seed, "again": again})

    def missing(self, loop: OpenCampaign, ordered: str) -> str:
        """See `WorkKind.missing`."""
        version = loop.campaign.state().current
        if version is None or not (ordered or loop.config.student.auto):
            return ""
        trainer, seed, again = self._wanted(loop, ordered)
        there = not again and loop.campaign.has_student(trainer, seed)
        return "" if there else f"a student of version {version.number}"

    def do(self, loop: OpenCampaign, ordered: str, progress: Progress) -> str:
        """See `WorkKind.do`."""
        trainer, seed, again = self._wanted(loop, ordered)
        student = loop.campaign.distil(trainer, seed, again=again, progress=progress)
        return f"student {student.number} of version {student.version}"

    def _wanted(self, loop: OpenCampaign, ordered: str) -> tuple[Any, int | None, bool]:
        from activeloop.config import StudentConfig
        from activeloop.config.students import trainer_of

        wanted = json.loads(ordered) if ordered else {"seed": None, "again": False}
        settings = StudentConfig.model_validate(wanted["settings"]) if ordered else loop.config.student
        trainer = trainer_of(settings, loop.campaign.pool, loop.folder.called)
        return trainer, wanted["seed"], wanted["again"]


KINDS: tuple[type[WorkKind], ...] = (Fit, Distil)
"""Those of a campaign itself; a worker is given further ones by whoever starts it."""


def names_of(kinds: Sequence[type[WorkKind]]) -> Mapping[str, str]:
    """Name of a kind -> where its class stands.

    >>> names_of([Fit])
    {'fit': 'activeloop.work.kinds:Fit'}
    """
    return {kind.name: f"{kind.__module__}:{kind.__qualname__}" for kind in kinds}


def kind_at(place: str) -> WorkKind:
    """The kind whose class stands at a place.

    >>> kind_at("activeloop.work.kinds:Fit").name
    'fit'
    """
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)()
