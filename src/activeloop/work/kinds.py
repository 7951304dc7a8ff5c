"""The kinds of work: what is missing in a campaign, and what makes it."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from activeloop.config import OpenCampaign

if TYPE_CHECKING:
    from activeloop.config import StudentConfig

Progress = Callable[[int, int], None]
"""Called with (steps done, steps in all)."""


@dataclass(frozen=True)
class Later:
    """Work that goes on, but not now: it is looked at again.

    Args:
        words: how it stands.
        seconds: after which it is looked at again, or sooner when something changes.
        share: of it that is done.
    """

    words: str
    seconds: float
    share: float = 0.0


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
    def do(self, loop: OpenCampaign, ordered: str, progress: Progress) -> str | Later:
        """Make what is missing; what came of it, in words, or when it is to be looked at again.

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


class RobotRounds(WorkKind):
    """The next steps of the robotic loop, where `[robot]` names devices and somebody let it run.

    Devices work for hours and people decide for days, so that a look takes moments and comes again: what is missing
    follows from the campaign's events and from the devices' own records of their runs, whoever looks.
    """

    name = "robot"
    looks: ClassVar[int] = 2
    """How often in a row a device that works is asked: a folder takes a file that did not change in between."""
    between: ClassVar[float] = 2.5
    """Seconds between these, at most."""

    def missing(self, loop: OpenCampaign, ordered: str) -> str:
        """See `WorkKind.missing`."""
        state, config = loop.campaign.state(), loop.config.robot
        if config is None:
            return ""
        if state.robot == "run":
            return "the next step of the robot"
        if state.robot != "stop":
            return ""
        ended = {(run.device, run.run) for run in state.runs}  # a plate that a person sent has no run
        going = any(sent.note and (sent.to, sent.note) not in ended for sent in state.sent.values())
        return "the end of a run" if going else ""

    def do(self, loop: OpenCampaign, ordered: str, progress: Progress) -> str | Later:
        """See `WorkKind.do`."""
        from activeloop.lab import Robot
        from activeloop.work.uploads import UploadedFile

        assert loop.config.robot is not None  # else nothing was missing
        robot = Robot.of(loop)
        robot.reads = UploadedFile
        robot.awaited = lambda: self._awaited(loop)
        every, looked, said = loop.config.robot.every, 0, ""
        while True:
            step = robot.step()
            if step.words != said:
                print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {step.words}", flush=True)  # noqa: T201  # kept as its log
            said = step.words
            progress(round(step.share * 100), 100)
            if step.doing == "stopped":
                if loop.campaign.state().robot == "run":
                    loop.campaign.order_robot("stop", reason=step.words)
                return step.words
            if step.doing in ("approval", "paused"):
                return step.words  # until somebody orders something
            if step.doing != "unreadable":  # which is looked at again by the same process, until it is given up
                looked = looked + 1 if step.waits else 0
            if looked >= self.looks:
                return Later(step.words, every, step.share)
            if step.waits:
                time.sleep(min(every, self.between))

    @staticmethod
    def _awaited(loop: OpenCampaign) -> str:
        """A version that is due and that another process fits; not one that cannot be fitted."""
        from activeloop.work.places import work_of

        if not Fit().missing(loop, ""):
            return ""
        states = work_of(loop).states(loop.folder.log.campaign)
        failed = any(state.kind == Fit.name and state.stage == "failed" for state in states)
        return "" if failed else "a version of the new results"


KINDS: tuple[type[WorkKind], ...] = (Fit, Distil, RobotRounds)
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
