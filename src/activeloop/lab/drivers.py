"""Devices that fill or measure plates, behind one contract."""

from __future__ import annotations

import hashlib
import json
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from activeloop.errors import ActiveLoopError, InputError
from activeloop.files import csv_text, write_whole
from activeloop.plates import Plate
from activeloop.plates.picklists import Transfer
from activeloop.replay import SimulatedLaboratory

Stage = Literal["waiting", "running", "done", "failed", "stopped"]


class DeviceError(ActiveLoopError):
    """A device cannot be reached, or does not answer as it should; what it does may go on. It is asked again later."""


class UnknownRunError(DeviceError):
    """A device knows of no such run, although it may have begun it."""


@dataclass(frozen=True)
class PlateRun:
    """What a device is to do with a plate.

    Args:
        name: of the run; a device that is given the same name again does nothing new.
        plate: the plate.
        transfers: what goes where; () for a device that only measures.
        filled: wells of the plate that an earlier run filled, which ended before its end.
    """

    name: str
    plate: Plate
    transfers: tuple[Transfer, ...] = ()
    filled: frozenset[str] = frozenset()


@dataclass(frozen=True)
class RunState:
    """How a run stands.

    Args:
        stage: `waiting` and `running` are asked again; the others are ends.
        share: of it that is done.
        words: what the device says of it.
    """

    stage: Stage
    share: float = 0.0
    words: str = ""


@dataclass(frozen=True)
class RunFile:
    """A file that a run wrote.

    Args:
        name: of the file.
        content: its bytes.
    """

    name: str
    content: bytes


@dataclass(frozen=True)
class Capabilities:
    """What a device can do.

    Args:
        dispenses: fills the wells of a plate.
        measures: writes files with results.
        wells: sizes of plates that it takes.
        least_volume: in µL, that it can dispense.
    """

    dispenses: bool
    measures: bool
    wells: tuple[int, ...] = (96, 384)
    least_volume: float = 0.0


class Driver(ABC):
    """A device. Each call may be repeated after a crash of the caller, and then changes nothing."""

    name: str
    capabilities: Capabilities

    @abstractmethod
    def submit(self, run: PlateRun) -> str:
        """Begin a run, or find the one of that name; returns the device's handle of it.

        Raises:
            InputError: the device cannot do that (size of the plate, volume, labware); nothing was begun.
            DeviceError: it cannot be reached; whether the run was begun is known by asking again.
        """

    def begun(self, handle: str) -> bool:
        """Whether a run was begun; False while the device still checks it, so that it is submitted again."""
        return True

    def find(self, run: PlateRun) -> str:
        """The handle of a run that was begun. A device that may forget its runs begins none here, unlike `submit`.

        Raises:
            UnknownRunError: it knows of no such run.
            DeviceError: the device cannot be reached now.
        """
        return self.submit(run)

    def filled(self, run: PlateRun) -> frozenset[str] | None:
        """The wells that a run which did not end well has filled, by the device's own record.

        Returns:
            None where nobody can tell, so that the plate goes to the device again only when a person says so.

        Raises:
            DeviceError: the device cannot be reached now.
        """
        return None

    @abstractmethod
    def poll(self, handle: str) -> RunState:
        """How a run stands.

        Raises:
            DeviceError: the device cannot be reached now.
        """

    @abstractmethod
    def collect(self, handle: str) -> tuple[RunFile, ...]:
        """The files of a run that is done; () of a device that writes none.

        Raises:
            DeviceError: they cannot be had now.
        """

    @abstractmethod
    def cancel(self, handle: str) -> None:
        """Stop a run; nothing where it ended already.

        Raises:
            DeviceError: the device cannot be reached now.
        """

    def check(self, run: PlateRun) -> None:
        """Refuse a plate or volumes that the device cannot handle, before anything moves.

        Raises:
            InputError: what is too large or too small.
        """
        able = self.capabilities
        if run.plate.size not in able.wells:
            sizes = ", ".join(map(str, able.wells))
            raise InputError(f"{self.name} takes plates of {sizes} wells, and {run.plate.id} has {run.plate.size}.")
        small = next((t for t in run.transfers if t.volume < able.least_volume), None)
        if small:
            raise InputError(
                f"{self.name} dispenses {able.least_volume:g} µL and more, and well {small.well} of {run.plate.id} is "
                f"to get {small.volume:g} µL."
            )
        wells = [t.well for t in run.transfers if not t.vehicle]  # which comes on top of a stock
        if twice := next((w for w in wells if wells.count(w) > 1), None):
            raise InputError(f"well {twice} of {run.plate.id} would be filled twice.")


@dataclass
class WatchedFolder(Driver):
    """People, or any program, between two folders: pick lists go out, files of instruments come in.

    A file is taken once: when its size has not changed between two looks that are `quiet` seconds apart, and nobody
    had its content before. It is of a run when its name, or a line of its first 4,000 bytes, names the run or its
    plate; where two campaigns have lists of plates of one name in the outbox, it has to name the run.

    Args:
        outbox: where the plate's list and its transfers are written.
        inbox: where files of results appear; it may be a network share that goes away for a while.
        quiet: seconds for which a file must stay as it is.
        clock: seconds, as `time.monotonic`.
        name: of whoever fills and measures.
    """

    outbox: Path
    inbox: Path
    quiet: float = 2.0
    clock: Callable[[], float] | None = None
    name: str = "folder"
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(True, True, (6, 12, 24, 48, 96, 384, 1536)))
    _seen: dict[Path, tuple[int, int, float]] = field(default_factory=dict, init=False, repr=False)

    def submit(self, run: PlateRun) -> str:
        """Write the plate's list and its transfers into the outbox."""
        from activeloop.plates.files import plate_content

        self.check(run)
        try:
            self.outbox.mkdir(parents=True, exist_ok=True)
            content = plate_content(run.plate, f"{run.plate.id}.csv", ())
            write_whole(self.outbox / f"{run.name}.csv", content)
            rows = [
                (t.source.plate, t.source.well, t.plate.id, t.well, t.held.candidate, t.volume) for t in run.transfers
            ]
            header = ("source plate", "source well", "plate", "well", "candidate", "volume (µL)")
            if rows:
                write_whole(self.outbox / f"{run.name}-transfers.csv", csv_text(header, rows))
        except OSError as error:
            raise DeviceError(f"{self.outbox} cannot be written ({error.strerror}).") from error
        return self.find(run)

    def find(self, run: PlateRun) -> str:
        """The run; its lists are not written again."""
        return json.dumps({"run": run.name, "plate": run.plate.id})

    def poll(self, handle: str) -> RunState:
        """Done when a complete file names the run, or the plate."""
        told = json.loads(handle)
        words = f"waits for a file of {told['plate']}"
        found = self._complete(told["run"], told["plate"])
        return RunState("done", 1.0, found.name) if found else RunState("waiting", 0.0, words)

    def collect(self, handle: str) -> tuple[RunFile, ...]:
        """The file that names the run, or the plate."""
        told = json.loads(handle)
        if not (found := self._complete(told["run"], told["plate"])):
            raise DeviceError(f"the file of {told['plate']} is gone from {self.inbox}, or is being written again.")
        content = _content(found)
        if self._complete(told["run"], told["plate"]) != found or len(content) != self._seen[found][0]:
            raise DeviceError(f"{found} was written again while it was read.")
        return (RunFile(found.name, content),)

    def cancel(self, handle: str) -> None:
        """Take the plate's list out of the outbox."""
        run = json.loads(handle)["run"]
        try:
            for name in (f"{run}.csv", f"{run}-transfers.csv"):
                (self.outbox / name).unlink(missing_ok=True)
        except OSError as error:
            raise DeviceError(f"{self.outbox} cannot be written ({error.strerror}).") from error

    def _complete(self, run: str, plate: str) -> Path | None:
        """The file of a run.

        Raises:
            DeviceError: a folder cannot be read, or the file may be of a plate of another campaign.
        """
        import time

        now, complete = (self.clock or time.monotonic)(), list[Path]()
        try:
            for path in sorted(p for p in self.inbox.iterdir() if p.is_file() and not p.name.startswith((".", "~"))):
                stat = path.stat()
                size, changed, since = self._seen.get(path, (-1, 0, now))
                if (size, changed) != (stat.st_size, stat.st_mtime_ns):
                    self._seen[path] = (stat.st_size, stat.st_mtime_ns, now)
                elif stat.st_size and now - since >= self.quiet:
                    complete.append(path)
            own = "".join(run.partition(plate)[:2])  # whose run it is, and the plate
            if mine := next((path for path in complete if _names(path, _naming(own))), None):
                return mine
            found = next((path for path in complete if _names(path, _naming(plate, _NO_RUN))), None)
            if found and (others := self._others(own, plate)):
                raise DeviceError(
                    f"{found} names {plate}, and may be of {run} or of {others[0]}, a plate of another campaign: let "
                    f"its name or its first line hold the name of its run, or take {others[0]}.csv out of "
                    f"{self.outbox} when that is over."
                )
        except OSError as error:
            raise DeviceError(f"{error.filename or self.inbox} cannot be read now ({error.strerror}).") from error
        return found

    def _others(self, own: str, plate: str) -> list[str]:
        """Runs of other campaigns whose plates have the same name, by their lists in the outbox."""
        lists = (path.stem for path in sorted(self.outbox.glob("*.csv")) if not path.stem.endswith("-transfers"))
        return [name for name in lists if not name.startswith(own) and _naming(plate).search(name)]


def _names(path: Path, wanted: re.Pattern[str]) -> bool:
    """Whether a file's name or its beginning names something."""
    if wanted.search(path.stem):
        return True
    with path.open("rb") as file:
        return bool(wanted.search(file.read(4000).replace(b"\0", b"").decode("latin-1")))


_NO_RUN = r"(?<![0-9a-f]{8}-)"
"""What stands before the plate in the name of a run: whose it is."""


def _naming(word: str, before: str = "") -> re.Pattern[str]:
    """Where a plate or a run is named, and none that only begins like it."""
    return re.compile(rf"(?<![a-z0-9]){before}{re.escape(word)}(?![a-z0-9]|[-_]\d)", re.IGNORECASE)


LARGEST = 128
"""Mebibytes of what a device sends at once."""


def _content(path: Path) -> bytes:
    try:
        if (size := path.stat().st_size) > LARGEST << 20:
            raise DeviceError(
                f"{path} has {size >> 20:,} MiB, and {LARGEST} are read. Write it smaller, or take it away."
            )
        return path.read_bytes()
    except OSError as error:
        raise DeviceError(f"{path} cannot be read now ({error.strerror}).") from error


@dataclass(frozen=True)
class Faults:
    """What goes wrong with a simulated robot, each with this chance for a run.

    Args:
        dies: it does not answer for a while, in the middle of a plate.
        late: its file is not there when it says that it is done.
        cut: its file is half-written when it is looked at first.
        twice: it writes its file a second time, under another name.
        fails: the run ends as failed, and has to be begun anew.
        lost_tip: a well gets nothing; its result says so.
    """

    dies: float = 0.0
    late: float = 0.0
    cut: float = 0.0
    twice: float = 0.0
    fails: float = 0.0
    lost_tip: float = 0.0


@dataclass
class SimulatedRobot(Driver):
    """A robot and a plate reader that do not exist: they dispense, measure a landscape, and fail as real ones do.

    What it did stands in its folder, as with a device that lives on when its client is killed: `runs/NAME.json` of each
    run and `dispensed.csv`, a line for each transfer, by which tests see what was dispensed, and how often. Time passes
    by being asked.

    Args:
        folder: its own.
        laboratory: what it measures, with noise, plate and edge effects, drift and failed wells.
        seed: of measurements and faults.
        faults: what goes wrong.
        steps: questions after which a run is done.
        name: of it.
    """

    folder: Path
    laboratory: SimulatedLaboratory
    seed: int = 0
    faults: Faults = Faults()
    steps: int = 3
    name: str = "simulated-robot"
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(True, True, (24, 96, 384, 1536), 0.5))
    LOG: ClassVar[str] = "dispensed.csv"

    def submit(self, run: PlateRun) -> str:
        """Begin a run; the file of a run is made once and never again."""
        self.check(run)
        for folder in (self._runs, self._files):
            folder.mkdir(parents=True, exist_ok=True)
        if not self._path(run.name).exists():
            self._measure(run)
            wells = {name: well.candidate for name, well in run.plate.wells.items() if name not in run.filled}
            state = {"plate": run.plate.id, "wells": wells, "asked": 0, "collected": 0, "ended": ""}
            write_whole(self._path(run.name), json.dumps(state))
        return run.name

    def find(self, run: PlateRun) -> str:
        """A run that was begun."""
        self._state(run.name)
        return run.name

    def filled(self, run: PlateRun) -> frozenset[str]:
        """The wells that its log names."""
        return frozenset(line.split(",")[2] for line in self._lines() if line.startswith(f"{run.name},"))

    def poll(self, handle: str) -> RunState:
        """How a run stands; each question lets some time pass."""
        state, chance = self._state(handle), self._chance(handle)
        state["asked"] += 1
        asked, total = state["asked"], len(state["wells"])
        dead = chance("dies") and 2 <= asked <= 4
        if not dead and not state["ended"]:
            self._dispense(handle, state, math.ceil(total * min(asked / self.steps, 1.0)))
        if not state["ended"] and chance("fails") and asked >= 2:
            state["ended"] = "failed"
        elif not state["ended"] and asked >= self.steps and not dead:
            state["ended"] = "done"
        write_whole(self._path(handle), json.dumps(state))
        if dead:
            raise DeviceError(f"{self.name} does not answer.")
        if state["ended"] == "failed":
            return RunState("failed", asked / self.steps, "a tip was not picked up")
        if state["ended"] == "stopped":
            return RunState("stopped", asked / self.steps, "stopped by its client")
        if state["ended"]:
            late = chance("late") and asked < self.steps + 3
            return RunState("running", 0.99, "the reader is busy") if late else RunState("done", 1.0)
        return RunState("running", min(asked / self.steps, 0.98))

    def collect(self, handle: str) -> tuple[RunFile, ...]:
        """The reader's file; the first time perhaps not all of it."""
        state, chance = self._state(handle), self._chance(handle)
        content = (self._files / f"{handle}.csv").read_bytes()
        state["collected"] += 1
        write_whole(self._path(handle), json.dumps(state))
        if chance("cut") and state["collected"] == 1:
            content = content[: len(content) * 2 // 3]
        files = [RunFile(f"{handle}.csv", content)]
        if chance("twice"):
            files.append(RunFile(f"{handle} (copy).csv", content))
        return tuple(files)

    def cancel(self, handle: str) -> None:
        """Stop a run."""
        state = self._state(handle)
        state["ended"] = state["ended"] or "stopped"
        write_whole(self._path(handle), json.dumps(state))

    @property
    def _runs(self) -> Path:
        return self.folder / "runs"

    @property
    def _files(self) -> Path:
        return self.folder / "files"

    def _path(self, run: str) -> Path:
        return self._runs / f"{run}.json"

    def _state(self, handle: str) -> dict[str, Any]:
        try:
            return json.loads(self._path(handle).read_text())
        except FileNotFoundError:
            raise UnknownRunError(f"{self.name} knows of no run {handle}.") from None

    def _lines(self) -> list[str]:
        path = self.folder / self.LOG
        return path.read_text().splitlines() if path.exists() else []

    def _chance(self, handle: str) -> Callable[[str], bool]:
        """Whether a fault happens in a run: the same whenever it is asked."""

        def happens(fault: str) -> bool:
            digest = hashlib.sha256(f"{self.seed} {handle} {fault}".encode()).digest()
            return int.from_bytes(digest[:8], "big") / 2**64 < getattr(self.faults, fault)

        return happens

    def _dispense(self, handle: str, state: dict[str, Any], upto: int) -> None:
        """Fill the first wells of a run that are not filled yet; its log says which are."""
        filled = {line.split(",")[2] for line in self._lines() if line.startswith(f"{handle},")}
        new = [item for item in list(state["wells"].items())[:upto] if item[0] not in filled]
        with (self.folder / self.LOG).open("a") as log:
            log.writelines(f"{handle},{state['plate']},{well},{candidate}\n" for well, candidate in new)

    def _measure(self, run: PlateRun) -> None:
        rng = np.random.default_rng([self.seed, *run.name.encode()])
        rows = []
        for well, _, value in self.laboratory.measure(run.plate, self.seed):
            lost = rng.random() < self.faults.lost_tip
            shown = "failed" if lost or math.isnan(value) else f"{value:.6g}"
            rows.append((run.plate.id, well, shown))
        header = ("plate", "well", self.laboratory.landscape.assay.name)
        write_whole(self._files / f"{run.name}.csv", csv_text(header, rows))
