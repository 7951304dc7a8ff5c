"""Liquid handlers through PyLabRobot: Hamilton STAR, Tecan EVO, Opentrons and its chatterbox, all by one driver.

Unlike a robot behind HTTP, such a device is moved by this very process. What it did stands in a journal, a line before
each transfer and one after it, so that a run that was interrupted goes on behind its last finished transfer; where it
was killed within one, nobody knows whether that well is filled, and the run fails instead of filling it twice.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from activeloop.errors import PlateError
from activeloop.files import write_whole
from activeloop.lab.drivers import Capabilities, Driver, PlateRun, RunFile, RunState, UnknownRunError


@dataclass
class PyLabRobot(Driver):
    """A liquid handler that fills plates; something else measures them.

    Args:
        handler: PyLabRobot's `LiquidHandler`, its deck laid out; it is set up on first use.
        plate: the resource on the deck on which plates are filled.
        sources: name of a source plate -> its resource.
        tips: racks, used in their order.
        journal: folder in which runs are kept.
        step: transfers between two questions.
        name: of the device.
    """

    handler: Any
    plate: Any
    sources: Mapping[str, Any]
    tips: Sequence[Any]
    journal: Path
    step: int = 8
    name: str = "pylabrobot"
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(True, False, (96, 384), 0.5))
    _loop: Any = field(default=None, init=False, repr=False)

    def submit(self, run: PlateRun) -> str:
        """Note a run, or find it; see `Driver.submit`.

        Raises:
            PlateError: a source plate or a well is not on the deck, or there are too few tips; nothing was begun.
        """
        self.check(run)
        path = self._path(run.name)
        if not path.exists():
            moves = [(t.source.plate, t.source.well, t.well, t.volume) for t in run.transfers]
            self._refuse_missing(run, moves)
            self.journal.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps({"plate": run.plate.id, "transfers": moves}))
        return run.name

    def find(self, run: PlateRun) -> str:
        """See `Driver.find`."""
        self._moves(run.name)
        return run.name

    def filled(self, run: PlateRun) -> frozenset[str] | None:
        """The wells of the journal; None where one was interrupted; see `Driver.filled`."""
        begun, done, _ = self._lines(run.name)
        return frozenset(move[2] for move in self._moves(run.name)[:done]) if begun == done else None

    def poll(self, handle: str) -> RunState:
        """Make the next transfers, and say how far the run is; see `Driver.poll`."""
        moves = self._moves(handle)
        begun, done, ended = self._lines(handle)
        if ended:
            return RunState(ended[0], done / max(len(moves), 1), ended[1])  # type: ignore[arg-type]
        if begun > done:
            well = moves[done][2]
            return self._end(handle, "failed", f"interrupted while well {well} was being filled: look at the plate")
        for number in range(done, min(done + self.step, len(moves))):
            self._note(handle, f"begun {number}")
            try:
                self._run(self._transfer(number, *moves[number]))
            except Exception as error:  # whatever a device or its library raises, the run is over
                return self._end(handle, "failed", f"well {moves[number][2]}: {type(error).__name__} {error}".strip())
            self._note(handle, f"done {number}")
            done += 1
        if done == len(moves):
            return self._end(handle, "done", "")
        return RunState("running", done / len(moves))

    def collect(self, handle: str) -> tuple[RunFile, ...]:
        """The journal of a run; see `Driver.collect`."""
        return (RunFile(f"{handle}.log", self._log(handle).read_bytes()),)

    def cancel(self, handle: str) -> None:
        """End a run; see `Driver.cancel`."""
        if not self._lines(handle)[2]:
            self._end(handle, "stopped", "stopped by its client")

    def close(self) -> None:
        """Stop the device, where it was set up."""
        if self._loop is not None:
            self._run(self.handler.stop())
            self._loop.close()
            self._loop = None

    def _run(self, work: Any) -> Any:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._loop.run_until_complete(self.handler.setup())
        return self._loop.run_until_complete(work)

    async def _transfer(self, number: int, source: str, source_well: str, well: str, volume: float) -> None:
        """One transfer with a tip of its own."""
        await self.handler.pick_up_tips([self._tip(number)])
        await self.handler.aspirate([self.sources[source].get_item(source_well)], vols=[volume])
        await self.handler.dispense([self.plate.get_item(well)], vols=[volume])
        await self.handler.discard_tips()

    def _tip(self, number: int) -> Any:
        for rack in self.tips:
            if number < rack.num_items:
                return rack.get_item(number)
            number -= rack.num_items
        raise PlateError("there are too few tips.")  # `submit` counted them

    def _refuse_missing(self, run: PlateRun, moves: Sequence[tuple[str, str, str, float]]) -> None:
        if lost := sorted({source for source, *_ in moves} - self.sources.keys()):
            known = ", ".join(self.sources) or "none"
            raise PlateError(f"source plate {lost[0]} is not on the deck of {self.name} ({known}). Nothing was begun.")
        if (tips := sum(rack.num_items for rack in self.tips)) < len(moves):
            raise PlateError(f"{run.plate.id} needs {len(moves)} tips, and {tips} are on the deck. Nothing was begun.")
        for source, source_well, well, _ in moves:
            for resource, name in ((self.sources[source], source_well), (self.plate, well)):
                try:
                    resource.get_item(name)
                except (ValueError, IndexError, KeyError) as error:
                    raise PlateError(f"{resource.name} has no well {name}. Nothing was begun.") from error

    def _path(self, handle: str) -> Path:
        return self.journal / f"{handle}.json"

    def _log(self, handle: str) -> Path:
        return self.journal / f"{handle}.log"

    def _moves(self, handle: str) -> list[tuple[str, str, str, float]]:
        try:
            return [tuple(move) for move in json.loads(self._path(handle).read_text())["transfers"]]
        except FileNotFoundError:
            raise UnknownRunError(f"{self.name} knows of no run {handle}.") from None

    def _note(self, handle: str, line: str) -> None:
        with self._log(handle).open("a") as log:
            log.write(f"{line}\n")
            log.flush()
            os.fsync(log.fileno())

    def _lines(self, handle: str) -> tuple[int, int, tuple[str, str] | None]:
        """Transfers that were begun and done, and how the run ended."""
        words = list(_words(self._log(handle)))
        ended = next(((kind, rest) for kind, rest in words if kind in ("failed", "stopped", "end")), None)
        count = {kind: sum(one == kind for one, _ in words) for kind in ("begun", "done")}
        return count["begun"], count["done"], ("done", "") if ended and ended[0] == "end" else ended

    def _end(self, handle: str, stage: str, words: str) -> RunState:
        self._note(handle, f"{'end' if stage == 'done' else stage} {words}".strip())
        moves = self._moves(handle)
        return RunState(stage, self._lines(handle)[1] / max(len(moves), 1), words)  # type: ignore[arg-type]


def _words(log: Path) -> Iterator[tuple[str, str]]:
    for line in log.read_text().splitlines() if log.exists() else ():
        kind, _, rest = line.partition(" ")
        yield kind, rest
