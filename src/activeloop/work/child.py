"""The process that does one piece of work: it may be killed at any moment, and what it wrote is whole or not there.

What it has to do comes as a first line of its standard input, which the worker holds open for as long as it lives. It
says how far it is by lines `{"share": 0.5}` on its output, and what came of it by a last line `{"done": "..."}`,
`{"later": "10 ..."}` (to be looked at again after those seconds), `{"failed": "..."}` (again would come to the same) or
`{"lost": "..."}`; whatever else is printed is its log.

In a Job of a cluster it outlives its worker: what it has to do stands in `ACTIVELOOP_TASK`, the place in `DATABASE_URL`
and `ARTIFACTS`, and its last line is written to the file that Kubernetes keeps with the pod, too.
"""

from __future__ import annotations

import json
import math
import os
import sys
import threading
import time
from collections.abc import Mapping

from activeloop import tracing
from activeloop.config import OpenCampaign
from activeloop.errors import ActiveLoopError, ModelError
from activeloop.work.kinds import Later, WorkKind, kind_at
from activeloop.work.leases import Lease, fence_of, request_of
from activeloop.work.places import Place, work_of

EVERY = 0.2
"""Seconds between two reports of progress."""
NICE = 10
"""Niceness beside a worker: pages that people read on the same machine come first."""
KEPT = 4096
"""Bytes of a last line that Kubernetes keeps."""


def say(**line: object) -> None:
    """A line for the worker, wherever what was printed before ended."""
    sys.stdout.write(f"\n{json.dumps(line)}\n")
    sys.stdout.flush()


def say_at_last(**line: str) -> None:
    """How it ended, which Kubernetes keeps with the pod where it runs in one."""
    say(**line)
    if path := os.environ.get("ACTIVELOOP_LAST_WORDS"):
        (end, words), most = next(iter(line.items())), KEPT
        while len(text := json.dumps({end: words[:most]}).encode()) > KEPT:
            most -= 1 + (len(text) - KEPT) // 12  # a character takes up to 12 bytes
        with open(path, "wb") as file:
            file.write(text)


def end_with_the_worker() -> None:
    """End when standard input does."""
    sys.stdin.read()
    os._exit(3)


def do(place: Place, lease: Lease, kinds: Mapping[str, str], *, outlives: bool = False) -> str | Later:
    """Do some work of a campaign, where there is any; what came of it, in words.

    Args:
        place: where the campaign is.
        lease: of the work.
        kinds: name of a kind -> where its class stands; of all that the worker does.
        outlives: whether this process outlives its worker.
    """
    loop = place.open(lease.campaign, lease.owner)
    loop.folder.log.holds = fence_of(lease, outlives=outlives)
    loop.folder.log.request = request_of(lease)
    kind = kind_at(kinds[lease.kind])
    found = made(loop, lease, kind) if kind.missing(loop, lease.ordered) else f"nothing to {kind.name}"
    for name in kinds.keys() - {lease.kind}:  # where nothing is missing, no other process needs to look
        other = kind_at(kinds[name])
        work_of(loop).settle(lease.campaign, name, lambda other=other: not other.missing(loop, ""))
    return found


def made(loop: OpenCampaign, lease: Lease, kind: WorkKind) -> str | Later:
    """Make what is missing, and say how far it is; what came of it, in words."""
    told = -math.inf

    def progress(done: int, total: int) -> None:
        nonlocal told
        if time.monotonic() - told >= EVERY:
            told = time.monotonic()
            say(share=done / max(total, 1))

    return kind.do(loop, lease.ordered, progress)


def main() -> int:
    """Exit status of `python -m activeloop.work.child`."""
    environ, in_job = os.environ, "ACTIVELOOP_TASK" in os.environ
    task = json.loads(environ["ACTIVELOOP_TASK"] if in_job else sys.stdin.readline())
    if in_job:
        named = ("DATABASE_URL", "ARTIFACTS", "ACTIVELOOP_WORK")
        place = Place(*(environ.get(name, "") for name in named))
    else:
        place = Place(**task["place"])
        if hasattr(os, "nice"):
            os.nice(NICE)
        threading.Thread(target=end_with_the_worker, daemon=True).start()
    tracing.start("activeloop-worker")
    lease = Lease(**task["lease"])
    told = {"activeloop.campaign": lease.campaign, tracing.REQUEST: request_of(lease)}
    try:
        with tracing.span(lease.kind, parent=task.get("traceparent", ""), attributes=told):
            found = do(place, lease, task["kinds"], outlives=in_job)
        if isinstance(found, Later):
            say(share=found.share)
            say_at_last(later=f"{found.seconds:g} {found.words}")
        else:
            say_at_last(done=found)
    except ModelError as error:  # the same data would fail again
        say_at_last(failed=str(error))
        return 1
    except ActiveLoopError as error:  # the campaign moved on, or the lease is lost, or the disk is full: look again
        say_at_last(lost=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
