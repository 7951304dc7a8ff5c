"""What happens in campaigns, told to whoever watches: one look at the database for all of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextvars import Context
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool

from activeloop.errors import ActiveLoopError
from activeloop.server import forms
from activeloop.server.views import events_out, work_out
from activeloop.store.database import Database

SECONDS = 0.5
"""Between two looks."""
AT_ONCE = 200
"""Events that are read at once."""


def line_of(event: forms.LoggedOut) -> dict[str, str]:
    """An event of the log as one of a stream.

    >>> line_of(forms.LoggedOut(sequence=3, at="2026-01-02", kind="voided", actor="ada", reason="pipette"))["id"]
    '3'
    """
    return {"id": str(event.sequence), "event": event.kind, "data": json.dumps(event.model_dump(exclude_none=True))}


@dataclass
class _Watched:
    """A campaign that somebody watches."""

    watchers: int = 0
    last: int = 0
    work: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Watch:
    """Follows the campaigns that are watched.

    Args:
        database: of all campaigns.
    """

    def __init__(self, database: Database):
        self._database = database
        self._watched: dict[str, _Watched] = {}
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    async def follow(self, campaign: str, after: int) -> AsyncIterator[dict[str, str]]:
        """Events of a campaign, as server-sent events: those after a number, then those that happen.

        Args:
            campaign: its key.
            after: number of the last event that is known.
        """
        watched = self._watched.setdefault(campaign, _Watched())
        watched.watchers += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look(), context=Context())  # of no request: it looks for all
        work = ""
        try:
            while not self._stopped:
                changed = watched.changed
                for event in await run_in_threadpool(events_out, self._database, campaign, after, AT_ONCE):
                    after = event.sequence
                    yield line_of(event)
                if watched.work != work:
                    work = watched.work
                    yield {"event": "work", "data": work}
                if after >= watched.last:
                    await changed.wait()
        finally:
            watched.watchers -= 1
            if not watched.watchers and self._watched.get(campaign) is watched:
                del self._watched[campaign]

    def stop(self) -> None:
        """End all streams; whoever follows comes again with the last number that they know."""
        self._stopped = True
        for watched in self._watched.values():
            watched.changed.set()
        if self._task:
            self._task.cancel()

    async def _look(self) -> None:
        while self._watched:
            try:
                now = await run_in_threadpool(self._now, list(self._watched))
            except ActiveLoopError:
                now = {}  # the database may be restarted; the next look tells
            for key, (last, work) in now.items():
                watched = self._watched.get(key)
                if watched and (last, work) != (watched.last, watched.work):
                    watched.last, watched.work = last, work
                    watched.changed.set()
                    watched.changed = asyncio.Event()
            await asyncio.sleep(SECONDS)

    def _now(self, keys: list[str]) -> dict[str, tuple[int, str]]:
        """Last event and work of campaigns."""
        names = {f"key{i}": key for i, key in enumerate(keys)}
        which = ", ".join(f":{name}" for name in names)
        rows = self._database.read(f"SELECT campaign, last FROM campaigns WHERE campaign IN ({which})", **names)
        found = {}
        for key, last in rows:
            work = [one.model_dump(mode="json", exclude={"printed"}) for one in work_out(self._database, key)]
            found[key] = (int(last), json.dumps(work))
        return found
