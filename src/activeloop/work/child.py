"""The process that does one piece of work: it may be killed at any moment, and what it wrote is whole or not there.

It says how far it is by lines `{"share": 0.5}` on its output, and what came of it by a last line `{"done": "..."}`,
`{"failed": "..."}` (again would come to the same) or `{"lost": "..."}`; whatever else is printed is its log.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

from activeloop.config import open_campaign
from activeloop.errors import ActiveLoopError, ModelError
from activeloop.work.leases import Lease, fence_of


def say(**line: object) -> None:
    """A line for the worker."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def end_with_the_worker() -> None:
    """End when standard input does, which the worker holds open for as long as it lives."""
    sys.stdin.read()
    os._exit(3)


def do(folder: Path, lease: Lease) -> str:
    """Do the work in a campaign's folder, where there is any; what came of it, in words.

    The question is always what is missing now, not what happened: it may be asked as often as anybody likes.
    """
    loop = open_campaign(folder)
    loop.folder.log.holds, loop.folder.log.actor = fence_of(lease), lease.owner
    campaign = loop.campaign
    if lease.kind == "fit":
        if not campaign.status().stale:
            return "nothing to fit"
        version = campaign.fit()
        return f"version {version.number}"
    if not loop.config.student.auto or not campaign.state().version:
        return "no student wanted"
    from activeloop.config.students import trainer_of  # with torch, which a fit may not need

    trainer = trainer_of(loop.config.student, campaign.pool, str(loop.folder.config))
    student = campaign.distil(trainer, progress=lambda done, total: say(share=done / max(total, 1)))
    return f"student {student.number} of version {student.version}"


def main(arguments: list[str]) -> int:
    """Exit status of `python -m activeloop.work.child DIR LEASE`."""
    folder, lease = Path(arguments[0]), Lease(**json.loads(arguments[1]))
    threading.Thread(target=end_with_the_worker, daemon=True).start()
    try:
        say(done=do(folder, lease))
    except ModelError as error:  # the same data would fail again
        say(failed=str(error))
        return 1
    except ActiveLoopError as error:  # the campaign moved on, or the lease is lost, or the disk is full: look again
        say(lost=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
