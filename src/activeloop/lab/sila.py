"""A device behind SiLA 2: any server that offers the feature `PlateRuns`, whose definition stands in `features/`.

Source: SiLA 2 Part (A), (B), https://sila-standard.com; by the library `sila2`.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from activeloop.errors import ConfigError, InputError, MissingExtraError
from activeloop.lab.drivers import Capabilities, DeviceError, Driver, PlateRun, RunFile, RunState

T = TypeVar("T")
FEATURE = "bio.activeloop/plates/PlateRuns/v1"
"""The feature's fully qualified identifier."""
STAGES = ("waiting", "running", "done", "failed", "stopped")


def feature_definition() -> str:
    """The definition of the feature, by which a vendor or a laboratory makes a server.

    >>> "<Identifier>SubmitRun</Identifier>" in feature_definition()
    True
    """
    return files("activeloop.lab").joinpath("features", "PlateRuns.sila.xml").read_text(encoding="utf-8")


@dataclass
class SiLA2(Driver):
    """A SiLA 2 server that fills plates, measures them, or both.

    Its commands take the name of a run, so each may be repeated, also by another process.

    Args:
        address: of the server.
        port: of it.
        certificates: PEM file of whom to trust; those of this machine when None.
        encrypted: whether the connection is; SiLA 2 asks for it, and only a device on the same machine goes without.
        name: of the device.
        seconds: to wait for an answer.
    """

    address: str
    port: int
    certificates: Path | None = None
    encrypted: bool = True
    name: str = "sila"
    seconds: float = 60.0
    _client: Any = field(default=None, init=False, repr=False)
    _able: Capabilities | None = field(default=None, init=False, repr=False)

    @property
    def capabilities(self) -> Capabilities:  # type: ignore[override] - it is asked for, once
        """What the server says that it can do.

        Raises:
            DeviceError: it cannot be reached.
            ConfigError: it offers no such feature.
        """
        if self._able is None:
            told = [
                self._asked(lambda runs, name=name: getattr(runs, name).get())
                for name in ("Dispenses", "Measures", "WellCounts", "LeastVolume")
            ]
            self._able = Capabilities(bool(told[0]), bool(told[1]), tuple(map(int, told[2])), float(told[3]))
        return self._able

    def submit(self, run: PlateRun) -> str:
        """Begin a run, or find the one of that name; its handle is its name."""
        self.check(run)
        moves = [(t.source.plate, t.source.well, t.well, t.volume) for t in run.transfers]
        self._asked(lambda runs: runs.SubmitRun(run.name, run.plate.id, run.plate.size, moves))
        return run.name

    def find(self, run: PlateRun) -> str:
        """A run that was begun: its name."""
        return run.name

    def poll(self, handle: str) -> RunState:
        """How a run stands."""
        told = self._asked(lambda runs: runs.GetRun(handle))
        if told.Stage not in STAGES:
            raise DeviceError(f'{self.name} says "{told.Stage}" of {handle}, which is none of {", ".join(STAGES)}.')
        stage = cast(Literal["waiting", "running", "done", "failed", "stopped"], told.Stage)
        return RunState(stage, min(max(told.Share, 0.0), 1.0), told.Words)

    def collect(self, handle: str) -> tuple[RunFile, ...]:
        """The files of a run."""
        told = self._asked(lambda runs: runs.CollectFiles(handle))
        return tuple(RunFile(one.Name, one.Content) for one in told.Files)

    def cancel(self, handle: str) -> None:
        """Stop a run; nothing where it ended already."""
        self._asked(lambda runs: runs.CancelRun(handle))

    def close(self) -> None:
        """Close the connection; it is opened again on use."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _asked(self, ask: Callable[[Any], T]) -> T:
        """What the server answers.

        Args:
            ask: called with the feature.
        """
        try:
            from sila2.framework import DefinedExecutionError, SilaError
        except ImportError:
            raise MissingExtraError("a device behind SiLA 2", "sila") from None
        try:
            return _within(self.seconds, lambda: ask(self._feature()))
        except DefinedExecutionError as error:
            if error.identifier == "RunRefused":
                raise InputError(f"{self.name} refuses the run: {error.message}") from error
            raise DeviceError(f"{self.name}: {error.message}") from error
        except (ConfigError, MissingExtraError):
            raise
        except Exception as error:  # gRPC's, the library's own and what it makes of a broken answer
            self.close()
            where = f"{self.name} at {self.address}:{self.port}"
            words = str(error).splitlines() if isinstance(error, SilaError) else ()
            what = words[0] if words else type(error).__name__
            raise DeviceError(f"{where} does not answer as it should: {what[:200]}") from error

    def _feature(self) -> Any:
        """The server's feature; the connection is made when there is none."""
        from sila2.client import SilaClient

        if self._client is None:
            trusted = self.certificates.read_bytes() if self.certificates else None
            self._client = SilaClient(self.address, self.port, root_certs=trusted, insecure=not self.encrypted)
        offered = [str(one) for one in self._client.SiLAService.ImplementedFeatures.get()]
        if FEATURE not in offered:
            known = ", ".join(one for one in offered if "/SiLAService/" not in one) or "none"
            raise ConfigError(f"{self.name} offers no {FEATURE}; it offers: {known}.")
        return self._client.PlateRuns


def _within(seconds: float, do: Callable[[], T]) -> T:
    """What a call gives, in a thread that is left alone when it takes too long: the library waits without end.

    Raises:
        TimeoutError: it takes longer.
    """
    ended: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue()

    def run() -> None:
        try:
            ended.put((do(), None))
        except BaseException as error:
            ended.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        found, error = ended.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if error is not None:
        raise error
    return cast(T, found)
