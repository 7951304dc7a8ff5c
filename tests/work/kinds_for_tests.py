"""Kinds of work that a service could add; the process that does them finds them by this module's name."""

from __future__ import annotations

import os
import sys
import time

from activeloop.campaigns import Measured
from activeloop.config import OpenCampaign
from activeloop.errors import StateError
from activeloop.work.kinds import Fit, Progress, WorkKind


class Webhook(WorkKind):
    """Prints what was asked for, and much beside it."""

    name = "webhook"

    def missing(self, loop: OpenCampaign, ordered: str) -> str:
        return ordered

    def do(self, loop: OpenCampaign, ordered: str, progress: Progress) -> str:
        for _ in range(20_000):
            sys.stdout.write("x" * 100 + "\n")
        sys.stdout.write("no line ends here: " + "x" * 2_000_000)
        if ordered == "refused":
            raise StateError("the other side answers 503.")
        return f"sent to {ordered} at niceness {os.nice(0)}"


class SlowFit(Fit):
    """A fit that never ends as long as there is one file of results."""

    def do(self, loop: OpenCampaign, ordered: str, progress: Progress) -> str:
        while sum(isinstance(recorded.event, Measured) for recorded in loop.folder.log) < 2:
            progress(1, 4)
            # the file that came meanwhile must not be seen by this process
            time.sleep(600)
        return super().do(loop, ordered, progress)


class Greedy(Fit):
    """A fit that takes 400 MiB."""

    def do(self, loop: OpenCampaign, ordered: str, progress: Progress) -> str:
        held = b"x" * (400 * 2**20)
        time.sleep(600)
        return str(len(held))
