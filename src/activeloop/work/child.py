"""The process that does one piece of work: it may be killed at any moment, and what it wrote is whole or not there.

What it has to do comes as a first line of its standard input, which the worker holds open for as long as it lives. It
says how far it is by lines `{"share": 0.5}` on its output, and what came of it by a last line `{"done": "..."}`,
`{"failed": "..."}` (again would come to the same) or `{"lost": "..."}`; whatever else is printed is its log.
"""

from __future__ import annotations

import json
import math
import os
import sys
import threading
import time
from collections.abc import Mapping

from activeloop.config import OpenCampaign
from activeloop.errors import ActiveLoopError, ModelError
from activeloop.work.kinds import WorkKind, kind_at
from activeloop.work.leases import Lease, fence_of
from activeloop.work.places import Place, work_of

EVERY = 0.2
"""Seconds between two reports of progress."""


def say(**line: object) -> None:
    """A line for the worker, wherever what was printed before ended."""
    sys.stdout.write(f"\n{json.dumps(line)}\n")
    sys.stdout.flush()


def end_with_the_worker() -> None:
    """End when standard input does."""
    sys.stdin.read()
    os._exit(3)


def do(place: Place, lease: Lease, kinds: Mapping[str, str]) -> str:
    """Do some work of a campaign, where there is any; what came of it, in words.

    Args:
        place: where the campaign is.
        lease: of the work.
        kinds: name of a kind -> where its class stands; of all that the worker does.
    """
    loop = place.open(lease.campaign, lease.owner)
    loop.folder.log.holds = fence_of(lease)
    loop.folder.log.request = f"{lease.kind} under lease {lease.fence}"
    kind = kind_at(kinds[lease.kind])
    words = made(loop, lease, kind) if kind.missing(loop, lease.ordered) else f"nothing to {kind.name}"
    for name in kinds.keys() - {lease.kind}:  # where nothing is missing, no other process needs to look
        other = kind_at(kinds[name])
        work_of(loop).settle(lease.campaign, name, lambda other=other: not other.missing(loop, ""))
    return words


def made(loop: OpenCampaign, lease: Lease, kind: WorkKind) -> str:
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
    task = json.loads(sys.stdin.readline())
    threading.Thread(target=end_with_the_worker, daemon=True).start()
    try:
        say(done=do(Place(**task["place"]), Lease(**task["lease"]), task["kinds"]))
    except ModelError as error:  # the same data would fail again
        say(failed=str(error))
        return 1
    except ActiveLoopError as error:  # the campaign moved on, or the lease is lost, or the disk is full: look again
        say(lost=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
