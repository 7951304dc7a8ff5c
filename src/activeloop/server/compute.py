"""What fits, predicts or proposes is done in child processes, so that the web process stays small and quick."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from activeloop import tracing
from activeloop.errors import ActiveLoopError, InputError, StoreError

if TYPE_CHECKING:
    from activeloop.config.store import Store

ANSWER_BYTES = 256 << 20
"""Most that one answer may hold."""
IDLE_SECONDS = 120.0
"""After which a child that does nothing is ended."""
USES = 200
"""Orders after which a child is replaced, so that what libraries keep in memory does not add up."""


@dataclass(frozen=True)
class Place:
    """Where campaigns are.

    Args:
        database, artifacts, cache: as in `Settings`.
        models: that configs may name.
    """

    database: str
    artifacts: str = ""
    cache: str = ""
    models: Sequence[str] = ()


def open_store(place: Place) -> Store:
    """The store of the campaigns of a place."""
    from activeloop.config.store import Store

    cache = Path(place.cache) if place.cache else None
    return Store.open(place.database, place.artifacts, cache, models=place.models)


@dataclass(frozen=True)
class Order:
    """Something to be done with a campaign.

    Args:
        verb: its name in `activeloop.server.verbs.VERBS`.
        campaign: key; "" = of none.
        actor: who wants it.
        request: of what request its events are.
        arguments: of the verb, as JSON holds them.
        if_match: number of the last event on which it was decided; None = any.
        traceparent: of the trace that it belongs to; set when it is sent.
    """

    verb: str
    campaign: str = ""
    actor: str = ""
    request: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    if_match: int | None = None
    traceparent: str = ""


class Compute:
    """Children that do orders, each one at a time.

    Args:
        place: where the campaigns are.
        most: children at once.
    """

    def __init__(self, place: Place, most: int = 2):
        self.place, self._most = place, most
        self._free: asyncio.Semaphore | None = None
        self._idle: list[_Child] = []
        self._busy: set[_Child] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._tasks: dict[tuple[str, str], asyncio.Task[Any]] = {}

    async def do(self, order: Order) -> Any:
        """The answer to an order, as JSON holds it.

        Raises:
            ActiveLoopError: what the verb raised.
        """
        if self._free is None:
            self._free = asyncio.Semaphore(self._most)
        async with self._free:
            child = self._idle.pop() if self._idle else await _Child.start(self.place)
            child.rest()
            self._busy.add(child)
            try:
                answer = await child.ask(replace(order, traceparent=tracing.traceparent()))
            except BaseException:
                self._end(child)
                raise
            finally:
                self._busy.discard(child)
            if child.uses < USES:
                self._idle.append(child)
                child.retire_later(self._retire)
            else:
                self._end(child)
        if "error" in answer:
            raise _error_of(answer["error"])
        return answer["answer"]

    async def wait(self, order: Order, seconds: float) -> Any:
        """The answer to an order, or None when it takes longer; the same request waits on for what was begun.

        Args:
            order: what is to be done.
            seconds: to wait at most, where the order is of a request that can be repeated.
        """
        if not order.request:
            return await self.do(order)
        key = (order.campaign, order.request)
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.create_task(self.do(order))
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            return None
        self._tasks.pop(key, None)
        return task.result()

    async def stop(self, seconds: float = 10.0) -> None:
        """End all children; what is being done may end within some seconds."""
        if running := [task for task in self._tasks.values() if not task.done()]:
            await asyncio.wait(running, timeout=seconds)
        for child in (*self._idle, *self._busy):
            self._end(child)
        self._idle.clear()
        await asyncio.gather(*self._ending, *self._tasks.values(), return_exceptions=True)

    def _retire(self, child: _Child) -> None:
        if child in self._idle:
            self._idle.remove(child)
            self._end(child)

    def _end(self, child: _Child) -> None:
        task = asyncio.create_task(child.end())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


class _Child:
    """A process that does orders."""

    def __init__(self, process: asyncio.subprocess.Process):
        self._process, self.uses = process, 0
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    async def start(cls, place: Place) -> _Child:
        pipe = asyncio.subprocess.PIPE
        command = (sys.executable, "-m", "activeloop.server.verbs", json.dumps(asdict(place)))
        return cls(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=ANSWER_BYTES))

    async def ask(self, order: Order) -> dict[str, Any]:
        assert self._process.stdin is not None  # both are pipes
        assert self._process.stdout is not None
        self.uses += 1
        try:
            self._process.stdin.write(json.dumps(asdict(order)).encode() + b"\n")
            await self._process.stdin.drain()
            line = await self._process.stdout.readline()
        except (OSError, ValueError) as error:
            raise StoreError(f"the process that computes failed ({error}). Try again.") from error
        if not line:
            raise StoreError("the process that computes ended, as when memory runs out. Nothing more was stored.")
        return json.loads(line)

    def rest(self) -> None:
        if self._timer:
            self._timer.cancel()

    def retire_later(self, retire: Callable[[_Child], None]) -> None:
        self._timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, retire, self)

    async def end(self) -> None:
        self.rest()
        with suppress(ProcessLookupError):
            self._process.kill()
        with suppress(OSError):
            await self._process.communicate()  # until its pipes are closed


def _error_of(told: Mapping[str, Any]) -> ActiveLoopError:
    """The error that a child told of."""
    import activeloop.errors

    kind = getattr(activeloop.errors, told["kind"], ActiveLoopError)
    if issubclass(kind, InputError):
        return kind(told["problem"], file=told["file"], row=told["row"])
    error = ActiveLoopError.__new__(kind)  # some take other arguments, and all are shown by their message
    Exception.__init__(error, told["problem"])
    return error
