"""An Opentrons OT-2 over its HTTP API: a protocol made from the pick list is analysed by the robot, and then run."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from activeloop.errors import MissingExtraError, PlateError
from activeloop.lab.drivers import (
    LARGEST,
    Capabilities,
    DeviceError,
    Driver,
    PlateRun,
    RunFile,
    RunState,
    UnknownRunError,
)
from activeloop.plates.picklists import LABWARE, SLOTS, deck, labware_of
from activeloop.words import some

#: of Opentrons' HTTP API; https://docs.opentrons.com (robot-server, OpenAPI at /openapi.json of every robot)
VERSION = "3"
#: pipette -> rack of tips, least and largest volume in µL
PIPETTES: Mapping[str, tuple[str, float, float]] = {
    "p20_single_gen2": ("opentrons_96_tiprack_20ul", 1.0, 20.0),
    "p300_single_gen2": ("opentrons_96_tiprack_300ul", 20.0, 300.0),
    "p1000_single_gen2": ("opentrons_96_tiprack_1000ul", 100.0, 1000.0),
}
TIPS = 96
#: what a run's status means here
_STAGES = {
    "idle": "waiting",
    "succeeded": "done",
    "failed": "failed",
    "stopped": "stopped",
}

PROTOCOL = '''"""{title}"""
from opentrons import protocol_api

metadata = {{"protocolName": {title!r}, "apiLevel": "2.15", "author": "ActiveLoop"}}

# (source plate, source well, well, volume in uL)
TRANSFERS = {transfers}
SOURCES = {sources}
PLATE = {plate}
TIPS = {tips}
PIPETTE = {pipette}


def run(protocol: protocol_api.ProtocolContext):
    sources = {{name: protocol.load_labware(labware, slot, name) for name, (labware, slot) in SOURCES.items()}}
    plate = protocol.load_labware(PLATE[0], PLATE[1], PLATE[2])
    racks = [protocol.load_labware(TIPS[0], slot) for slot in TIPS[1]]
    pipette = protocol.load_instrument(PIPETTE[0], PIPETTE[1], tip_racks=racks)
    for source, source_well, well, volume in TRANSFERS:
        pipette.pick_up_tip()
        pipette.aspirate(volume, sources[source][source_well].bottom(PIPETTE[2]))
        pipette.dispense(volume, plate[well].bottom(PIPETTE[2]))
        pipette.blow_out(plate[well].top())
        pipette.drop_tip()
'''


@dataclass(frozen=True)
class DeckItem:
    """What stands on a slot.

    Args:
        slot: 1 to 11.
        labware: Opentrons' load name.
        name: of the plate, or `tips`.
    """

    slot: int
    labware: str
    name: str


@dataclass(frozen=True)
class Protocol:
    """A protocol and what stands on the deck.

    Args:
        text: Python for Opentrons' protocol API 2.15.
        pipette: that it uses.
        tips: that it uses.
        deck: by slot.
        taken: (source plate, well) -> volume that is taken, in µL.
    """

    text: str
    pipette: str
    tips: int
    deck: tuple[DeckItem, ...]
    taken: dict[tuple[str, str], float]


def protocol_of(run: PlateRun, *, mount: str = "right", height: float = 1.0) -> Protocol:
    """The protocol of a run: a new tip for each transfer, the pick list written into it.

    The plate stands on slot 1, source plates and racks of tips on the others.

    Args:
        run: with transfers.
        mount: of the pipette, `left` or `right`.
        height: of its tip above the bottom of a well, in mm.

    Raises:
        PlateError: no pipette has the volumes, labware is unknown, or source plates and tips do not fit on the deck.
    """
    if not run.transfers:
        raise PlateError(f"there is nothing to transfer to {run.plate.id}. Nothing was begun.")
    volumes = [t.volume for t in run.transfers]
    pipette = _pipette(min(volumes), max(volumes))
    rack = PIPETTES[pipette][0]
    if run.plate.size not in LABWARE:
        raise PlateError(f"Opentrons has no labware of {run.plate.size} wells for {run.plate.id}. Nothing was begun.")
    slots = deck(run.transfers, run.plate)
    labware = {plate: labware_of([t for t in run.transfers if t.source.plate == plate]) for plate in slots}
    free = [slot for slot in SLOTS if slot != 1 and slot not in slots.values()]
    racks = math.ceil(len(run.transfers) / TIPS)
    if racks > len(free):
        raise PlateError(
            f"{run.plate.id} needs {racks} racks of tips, and beside {len(slots)} source plates {len(free)} slots are "
            "free. Use fewer source plates, or smaller plates. Nothing was begun."
        )
    rack_slots = free[:racks]
    moves = [(t.source.plate, t.source.well, t.well, round(t.volume, 4)) for t in run.transfers]
    text = PROTOCOL.format(
        title=f"ActiveLoop {run.name}",
        transfers="[\n" + "".join(f"    {move!r},\n" for move in moves) + "]",
        sources=repr({plate: (labware[plate], slot) for plate, slot in slots.items()}),
        plate=repr((LABWARE[run.plate.size], 1, run.plate.id)),
        tips=repr((rack, rack_slots)),
        pipette=repr((pipette, mount, height)),
    )
    items = [DeckItem(1, LABWARE[run.plate.size], run.plate.id)]
    items += [DeckItem(slot, labware[plate], plate) for plate, slot in slots.items()]
    items += [DeckItem(slot, rack, "tips") for slot in rack_slots]
    taken: dict[tuple[str, str], float] = {}
    for t in run.transfers:
        key = (t.source.plate, t.source.well)
        taken[key] = taken.get(key, 0.0) + t.volume
    return Protocol(text, pipette, len(moves), tuple(sorted(items, key=lambda item: item.slot)), taken)


def _pipette(least: float, most: float) -> str:
    for name, (_, low, high) in PIPETTES.items():
        if low <= least and most <= high:
            return name
    ranges = ", ".join(f"{low:g} to {high:g} µL" for _, low, high in PIPETTES.values())
    raise PlateError(
        f"no pipette of an OT-2 dispenses {least:g} to {most:g} µL in one run ({ranges}). Nothing was begun."
    )


@dataclass
class Opentrons(Driver):
    """An OT-2 that fills plates; something else measures them.

    Protocols carry the name of their run as Opentrons' `key`, by which a run that was begun before a crash is found.

    Args:
        url: of the robot, such as `http://192.168.0.7:31950`.
        mount: of its pipette.
        seconds: for an answer.
        name: of the device.
    """

    url: str
    mount: str = "right"
    seconds: float = 20.0
    name: str = "opentrons"
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(True, False, tuple(sorted(LABWARE)), 1.0))

    def submit(self, run: PlateRun) -> str:
        """Upload the protocol, wait for the robot's own analysis, make a run and start it; see `Driver.submit`.

        Raises:
            PlateError: the robot's analysis found an error; nothing moves.
        """
        self.check(run)
        made = protocol_of(run, mount=self.mount)
        protocol = self._protocol(run.name) or self._upload(run.name, made.text)
        problem = self._analysed(protocol)
        if problem is None:
            return _handle(run, "")
        if problem:
            raise PlateError(f"{self.name} cannot run the protocol of {run.plate.id}: {problem}. Nothing was moved.")
        made_now = {"data": {"protocolId": protocol}}
        begun = self._run_of(protocol) or _text(self._get("POST", "/runs", json=made_now), "id")
        if _text(self._get("GET", f"/runs/{begun}"), "status") == "idle":
            self._get("POST", f"/runs/{begun}/actions", json={"data": {"actionType": "play"}})
        return _handle(run, begun)

    def begun(self, handle: str) -> bool:
        """Whether there is a run, and not only a protocol that is analysed; see `Driver.begun`."""
        return bool(json.loads(handle)["run"])

    def find(self, run: PlateRun) -> str:
        """See `Driver.find`: the robot keeps few runs, and one that it forgot is not begun again."""
        protocol = self._protocol(run.name)
        if not protocol or not (begun := self._run_of(protocol)):
            raise UnknownRunError(
                f"{self.name} knows of no run {run.name} any more. Look at {run.plate.id}; then stop the robot and let "
                "it run again."
            )
        return _handle(run, begun)

    def filled(self, run: PlateRun) -> frozenset[str] | None:
        """The wells of the robot's own list of commands; None where one did not end, or it has no list."""
        try:
            begun = json.loads(self.find(run))["run"]
        except UnknownRunError:
            return None
        if _text(self._get("GET", f"/runs/{begun}"), "status") not in ("failed", "stopped"):
            return None  # it denies what it said before
        return self._dispensed(begun)

    def poll(self, handle: str) -> RunState:
        """How a run stands; see `Driver.poll`."""
        run = json.loads(handle)["run"]
        if not run:
            return RunState("waiting", 0.0, "the robot analyses the protocol")
        found = self._get("GET", f"/runs/{run}")
        status = _text(found, "status")
        if status == "succeeded":
            filled = self._dispensed(run) or frozenset()
            if missing := sorted(set(json.loads(handle)["wells"]) - filled):
                words = f"it says that it is done, and by its list of commands it did not fill {some(missing)}"
                return RunState("failed", 1.0, f"{words}: look at the plate")
        return RunState(_STAGES.get(status, "running"), float(status == "succeeded"), _errors(found) or status)  # type: ignore[arg-type]

    def collect(self, handle: str) -> tuple[RunFile, ...]:
        """What the robot did, as it says: its list of commands."""
        run = json.loads(handle)["run"]
        return (RunFile(f"{run}-commands.json", json.dumps(self._commands(run)).encode()),)

    def cancel(self, handle: str) -> None:
        """Stop a run; see `Driver.cancel`."""
        run = json.loads(handle)["run"]
        if run and _text(self._get("GET", f"/runs/{run}"), "status") not in ("succeeded", "failed", "stopped"):
            self._get("POST", f"/runs/{run}/actions", json={"data": {"actionType": "stop"}})

    def _protocol(self, name: str) -> str:
        return next((_text(p, "id") for p in self._list("/protocols") if p.get("key") == name), "")

    def _upload(self, name: str, text: str) -> str:
        files = {"files": (f"{name}.py", text.encode(), "text/x-python")}
        return _text(self._get("POST", "/protocols", files=files, data={"key": name}), "id")

    def _analysed(self, protocol: str) -> str | None:
        """What the robot's analysis found, "" for nothing; None while it goes on."""
        found = self._list(f"/protocols/{protocol}/analyses")
        if not found or found[-1].get("status") != "completed":
            return None
        if found[-1].get("result", "ok") in ("ok", "parameter-value-required") and not found[-1].get("errors"):
            return ""
        return _errors(found[-1]) or "its analysis says not-ok"

    def _run_of(self, protocol: str) -> str:
        return next((_text(r, "id") for r in self._list("/runs") if r.get("protocolId") == protocol), "")

    def _commands(self, run: str) -> list[dict[str, Any]]:
        return self._list(f"/runs/{run}/commands", params={"pageLength": 10_000})

    def _dispensed(self, run: str) -> frozenset[str] | None:
        """The wells into which a run dispensed; None where it began to and did not end that."""
        commands = [one for one in self._commands(run) if one.get("commandType") == "dispense"]
        if any(one.get("status") != "succeeded" for one in commands):
            return None
        places = (one.get("params") for one in commands)
        return frozenset(str(place.get("wellName")) for place in places if isinstance(place, dict))

    def _get(self, method: str, path: str, **sent: Any) -> dict[str, Any]:
        found = self._request(method, path, **sent).get("data")
        if not isinstance(found, dict):
            raise self._strange(method, path)
        return found

    def _list(self, path: str, **sent: Any) -> list[dict[str, Any]]:
        found = self._request("GET", path, **sent).get("data")
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise self._strange("GET", path)
        return found

    def _strange(self, method: str, path: str) -> DeviceError:
        return DeviceError(
            f"{self.name} at {self.url} answers {method} {path} otherwise than an Opentrons with version {VERSION} of "
            "its HTTP API does. Look at its address and its software."
        )

    def _request(self, method: str, path: str, **sent: Any) -> dict[str, Any]:
        try:
            import httpx
        except ImportError:
            raise MissingExtraError("a robot over HTTP", "lab") from None
        headers = {"Opentrons-Version": VERSION}
        late, read = time.monotonic() + self.seconds, bytearray()
        where = {"url": self.url.rstrip("/") + path, "headers": headers, "timeout": self.seconds}
        try:
            with httpx.stream(method, **where, **sent) as answer:
                for part in answer.iter_bytes():
                    read += part
                    if len(read) > LARGEST << 20 or time.monotonic() > late:
                        raise self._strange(method, path)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise DeviceError(f"{self.name} at {self.url} does not answer: {_why(error)}.") from error
        try:
            content = json.loads(read)
        except (ValueError, RecursionError):
            content = None
        if answer.is_error:
            told = _errors(content) if isinstance(content, dict) else ""
            words = told or answer.reason_phrase
            raise DeviceError(f"{self.name} refused {method} {path}: {words} ({answer.status_code}).")
        if not answer.is_success or not isinstance(content, dict):
            raise self._strange(method, path)
        return content


def _handle(run: PlateRun, begun: str) -> str:
    return json.dumps({"run": begun, "wells": sorted({t.well for t in run.transfers})})


def _text(found: Mapping[str, Any], key: str) -> str:
    """A field that every answer of its kind has.

    Raises:
        DeviceError: this one does not.
    """
    if not isinstance(text := found.get(key), str) or not text:
        raise DeviceError(f'the robot\'s answer has no "{key}": its HTTP API is another one. Look at its software.')
    return text


def _errors(found: Mapping[str, Any]) -> str:
    """What an answer says of errors, in a sentence that is not too long."""
    errors = found.get("errors")
    each = errors if isinstance(errors, list) else []
    told = [str(one.get("detail", one)) if isinstance(one, dict) else str(one) for one in each[:5]]
    return " ".join("; ".join(told).split())[:500]


def _why(error: Exception) -> str:
    """Why a call failed, in words."""
    kinds = {"Timeout": "it takes too long", "Connect": "nothing listens there, or it is not who it says"}
    return next((words for kind, words in kinds.items() if kind in type(error).__name__), "the connection broke")
