"""An Opentrons OT-2 over its HTTP API: a protocol made from the pick list is analysed by the robot, and then run."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from activeloop.errors import MissingExtraError, PlateError
from activeloop.lab.drivers import Capabilities, DeviceError, Driver, PlateRun, RunFile, RunState
from activeloop.plates.picklists import LABWARE, SLOTS, deck, labware_of

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
            return json.dumps({"protocol": protocol, "run": "", "wells": made.tips})
        if problem:
            raise PlateError(f"{self.name} cannot run the protocol of {run.plate.id}: {problem}. Nothing was moved.")
        begun = self._run_of(protocol) or self._get("POST", "/runs", json={"data": {"protocolId": protocol}})["id"]
        if self._get("GET", f"/runs/{begun}")["status"] == "idle":
            self._get("POST", f"/runs/{begun}/actions", json={"data": {"actionType": "play"}})
        return json.dumps({"protocol": protocol, "run": begun, "wells": made.tips})

    def poll(self, handle: str) -> RunState:
        """How a run stands; see `Driver.poll`."""
        run = json.loads(handle)["run"]
        if not run:
            return RunState("waiting", 0.0, "the robot analyses the protocol")
        found = self._get("GET", f"/runs/{run}")
        status = str(found["status"])
        problems = "; ".join(str(e.get("detail", e)) for e in found.get("errors", []))
        return RunState(_STAGES.get(status, "running"), float(status == "succeeded"), problems or status)  # type: ignore[arg-type]

    def collect(self, handle: str) -> tuple[RunFile, ...]:
        """What the robot did, as it says: its list of commands."""
        run = json.loads(handle)["run"]
        commands = self._request("GET", f"/runs/{run}/commands", params={"pageLength": 10_000})
        return (RunFile(f"{run}-commands.json", json.dumps(commands.get("data", [])).encode()),)

    def cancel(self, handle: str) -> None:
        """Stop a run; see `Driver.cancel`."""
        run = json.loads(handle)["run"]
        if run and self._get("GET", f"/runs/{run}")["status"] not in ("succeeded", "failed", "stopped"):
            self._get("POST", f"/runs/{run}/actions", json={"data": {"actionType": "stop"}})

    def _protocol(self, name: str) -> str:
        found = self._request("GET", "/protocols").get("data", [])
        return next((str(p["id"]) for p in found if p.get("key") == name), "")

    def _upload(self, name: str, text: str) -> str:
        files = {"files": (f"{name}.py", text.encode(), "text/x-python")}
        return str(self._get("POST", "/protocols", files=files, data={"key": name})["id"])

    def _analysed(self, protocol: str) -> str | None:
        """What the robot's analysis found, "" for nothing; None while it goes on."""
        found = self._request("GET", f"/protocols/{protocol}/analyses").get("data", [])
        if not found or found[-1].get("status") != "completed":
            return None
        if found[-1].get("result", "ok") in ("ok", "parameter-value-required") and not found[-1].get("errors"):
            return ""
        errors = [str(e.get("detail", e)) for e in found[-1].get("errors", [])]
        return "; ".join(errors) or "its analysis says not-ok"

    def _run_of(self, protocol: str) -> str:
        found = self._request("GET", "/runs").get("data", [])
        return next((str(r["id"]) for r in found if r.get("protocolId") == protocol), "")

    def _get(self, method: str, path: str, **sent: Any) -> dict[str, Any]:
        return self._request(method, path, **sent)["data"]

    def _request(self, method: str, path: str, **sent: Any) -> dict[str, Any]:
        try:
            import httpx
        except ImportError:
            raise MissingExtraError("a robot over HTTP", "lab") from None
        headers = {"Opentrons-Version": VERSION}
        try:
            answer = httpx.request(method, self.url.rstrip("/") + path, headers=headers, timeout=self.seconds, **sent)
        except httpx.HTTPError as error:
            raise DeviceError(f"{self.name} at {self.url} does not answer ({type(error).__name__}).") from error
        try:
            content = answer.json()
        except ValueError:
            content = {}
        if answer.is_error:
            errors = "; ".join(str(e.get("detail", e)) for e in content.get("errors", [])) or answer.reason_phrase
            raise DeviceError(f"{self.name} refused {method} {path}: {errors} ({answer.status_code}).")
        return content
