"""Whether a campaign's folder is as it was written."""

from __future__ import annotations

from dataclasses import dataclass

from activeloop.campaigns import Distilled, Fitted
from activeloop.config.store import FILE
from activeloop.errors import StoreError
from activeloop.store import CampaignFolder


@dataclass(frozen=True)
class Verified:
    """What was looked at, and what is wrong.

    Args:
        events: number of events whose chain of hashes was followed.
        artifacts: number of stored models and students whose content was hashed; in a store of files, too.
        problems: in sentences; () when all is as it was written.
    """

    events: int
    artifacts: int
    problems: tuple[str, ...]


def verify(folder: CampaignFolder, *, rebuild: bool = False) -> Verified:
    """Follow the chain of hashes of all events, hash all that they name, and compare the tables that follow from them.

    Somebody who changes an event, takes one out or puts one in has to write all later hashes anew; who keeps the last
    one elsewhere finds that too.

    Args:
        folder: of the campaign.
        rebuild: make the tables that follow from the events anew first.

    Raises:
        StoreError: the database cannot be read at all.
    """
    problems = list(folder.log.verify())
    if problems:  # what follows cannot be told from events that are wrong
        return Verified(0, 0, tuple(problems))
    if rebuild:
        folder.log.rebuild()
    recorded = list(folder.log)
    problems += folder.log.differences(recorded)
    stored: dict[str, str] = {}
    for event in (r.event for r in recorded):
        if isinstance(event, Fitted):
            stored[event.version.artifact] = f"version {event.version.number}"
        elif isinstance(event, Distilled):
            stored[event.student.artifact] = f"student {event.student.number}"
    stored.pop("", None)  # of what is rebuilt by fitting again
    for key, what in stored.items():
        try:
            folder.artifacts.get(key)
        except StoreError as error:
            problems.append(f"{what}: {error}")
    files = folder.configured.files if folder.configured else {}
    for name, key in files.items():
        try:
            folder.artifacts.objects.get(key, FILE, f'file "{name}"')
        except StoreError as error:
            problems.append(f"campaign.toml: {error}")
    return Verified(len(recorded), len(stored) + len(files), tuple(problems))
