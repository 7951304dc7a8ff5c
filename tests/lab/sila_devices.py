"""Two SiLA 2 servers of one device: by the library `sila2`, and written by hand upon gRPC without it."""

from __future__ import annotations

import base64
import socket
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc

# all of the library at once: what it generates can be loaded once in a process
import sila2.client  # noqa: F401
from sila2.framework import DefinedExecutionError, Feature
from sila2.server import FeatureImplementationBase, SilaServer
from sila2.server.encryption import generate_self_signed_certificate

from activeloop.lab.sila import FEATURE, feature_definition


@dataclass
class Device:
    """Fills and measures plates: a run takes three questions; `filled` is every transfer that was done."""

    wells: tuple[int, ...] = (96, 384)
    least: float = 0.5
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    filled: list[tuple[str, str, str, str, float]] = field(default_factory=list)

    def submit(self, run: str, plate: str, wells: int, moves: list[tuple[str, str, str, float]]) -> str:
        """What speaks against the run; "" for nothing."""
        if wells not in self.wells:
            return f"no plates of {wells} wells"
        told = {"plate": plate, "wells": wells, "moves": moves}
        if run in self.runs:
            same = {key: self.runs[run][key] for key in told} == told
            return "" if same else f"{run} was begun with other transfers"
        self.runs[run] = told | {"asked": 0, "stopped": False}
        self.filled += [(run, *move) for move in moves]
        return ""

    def stage(self, run: str) -> tuple[str, float, str]:
        one = self.runs[run]
        one["asked"] += not one["stopped"]
        if one["stopped"]:
            return "stopped", 0.5, "stopped by its client"
        done = one["asked"] >= 3
        return ("done", 1.0, "") if done else ("running", one["asked"] / 3, "dispensing")

    def files(self, run: str) -> list[tuple[str, bytes]]:
        one = self.runs[run]
        rows = "".join(f"{one['plate']},{move[2]},{i}\n" for i, move in enumerate(one["moves"]))
        return [(f"{run}.csv", f"plate,well,value\n{rows}".encode())]

    def cancel(self, run: str) -> None:
        self.runs[run]["stopped"] = self.runs[run]["asked"] < 3


def by_library(device: Device, *, encrypted: bool = False) -> tuple[Any, int]:
    """A server of the library, and its port."""
    feature = Feature(feature_definition())

    def refuse(kind: str, words: str) -> None:
        raise DefinedExecutionError(feature.defined_execution_errors[kind], words)

    class PlateRuns(FeatureImplementationBase):
        def get_Dispenses(self, *, metadata: Any) -> bool:
            return True

        def get_Measures(self, *, metadata: Any) -> bool:
            return True

        def get_WellCounts(self, *, metadata: Any) -> list[int]:
            return list(device.wells)

        def get_LeastVolume(self, *, metadata: Any) -> float:
            return device.least

        def SubmitRun(self, RunName: str, PlateName: str, Wells: int, Transfers: Any, *, metadata: Any) -> None:
            if problem := device.submit(RunName, PlateName, Wells, [tuple(one) for one in Transfers]):
                refuse("RunRefused", problem)

        def GetRun(self, RunName: str, *, metadata: Any) -> tuple[str, float, str]:
            self._known(RunName)
            return device.stage(RunName)

        def CollectFiles(self, RunName: str, *, metadata: Any) -> list[tuple[str, bytes]]:
            self._known(RunName)
            return device.files(RunName)

        def CancelRun(self, RunName: str, *, metadata: Any) -> None:
            self._known(RunName)
            device.cancel(RunName)

        def _known(self, run: str) -> None:
            if run not in device.runs:
                refuse("RunUnknown", f"there is no run {run}")

    server = SilaServer("Dispenser", "PlateDispenser", "A device of the tests", "1.0", "https://example.org")
    server.set_feature_implementation(feature, PlateRuns(server))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    if encrypted:
        key, server.trusted = generate_self_signed_certificate(server.server_uuid, "127.0.0.1")
        server.start("127.0.0.1", port, private_key=key, cert_chain=server.trusted, enable_discovery=False)
    else:
        server.start_insecure("127.0.0.1", port, enable_discovery=False)
    return server, port


# -- by hand ----------------------------------------------------------------------------------------------------------


def varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def put(place: int, content: bytes) -> bytes:
    """A field that holds bytes: a text, or a message."""
    return varint(place << 3 | 2) + varint(len(content)) + content


def text(place: int, value: str) -> bytes:
    return put(place, put(1, value.encode()))


def real(place: int, value: float) -> bytes:
    return put(place, varint(1 << 3 | 1) + struct.pack("<d", value))


def whole(place: int, value: int) -> bytes:
    return put(place, varint(1 << 3) + varint(value))


def fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """(place, value) of each field of a message."""

    def number(at: int) -> tuple[int, int]:
        shift = value = 0
        while True:
            value |= (message[at] & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if not message[at - 1] & 0x80:
                return value, at

    at = 0
    while at < len(message):
        key, at = number(at)
        if key & 7 == 0:
            value, at = number(at)
        elif key & 7 == 1:
            (value,), at = struct.unpack("<d", message[at : at + 8]), at + 8
        else:
            size, at = number(at)
            value, at = message[at : at + size], at + size
        yield key >> 3, value


def basic(message: bytes, zero: Any = b"") -> Any:
    """The value of a basic type of SiLA; what is not sent is zero."""
    return next((value for _, value in fields(message)), zero)


def word(message: bytes) -> str:
    return basic(message).decode()


class Refused(Exception):
    """A defined execution error: its identifier, and words."""


class ByHand(grpc.GenericRpcHandler):
    """The calls of SiLAService and of the feature, from bytes to bytes."""

    def __init__(self, device: Device):
        self.device = device
        self.calls: dict[str, Callable[[bytes], bytes]] = {
            "SiLAService/Get_ImplementedFeatures": lambda _: (
                text(1, "org.silastandard/core/SiLAService/v1") + text(1, FEATURE)
            ),
            "SiLAService/GetFeatureDefinition": lambda _: text(1, feature_definition()),
            "PlateRuns/Get_Dispenses": lambda _: whole(1, 1),
            "PlateRuns/Get_Measures": lambda _: whole(1, 1),
            "PlateRuns/Get_WellCounts": lambda _: b"".join(whole(1, n) for n in device.wells),
            "PlateRuns/Get_LeastVolume": lambda _: real(1, device.least),
            "PlateRuns/SubmitRun": self.submit,
            "PlateRuns/GetRun": lambda m: (lambda s: text(1, s[0]) + real(2, s[1]) + text(3, s[2]))(
                device.stage(self.run(m))
            ),
            "PlateRuns/CollectFiles": lambda m: b"".join(
                put(1, put(1, text(1, name) + put(2, put(1, content)))) for name, content in device.files(self.run(m))
            ),
            "PlateRuns/CancelRun": lambda m: device.cancel(self.run(m)) or b"",
        }

    def run(self, message: bytes) -> str:
        found = word(dict(fields(message))[1])
        if found not in self.device.runs:
            raise Refused("RunUnknown", f"there is no run {found}")
        return found

    def submit(self, message: bytes) -> bytes:
        told, moves = dict(fields(message)), []
        for place, value in fields(message):
            if place == 4:
                one = dict(fields(basic(value)))
                moves.append((word(one[1]), word(one[2]), word(one[3]), basic(one[4], 0.0)))
        if problem := self.device.submit(word(told[1]), word(told[2]), basic(told[3], 0), moves):
            raise Refused("RunRefused", problem)
        return b""

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        call = self.calls.get(".".join(details.method.split(".")[-1:]))

        def answer(message: bytes, context: grpc.ServicerContext) -> bytes:
            assert call is not None
            try:
                return call(message)
            except Refused as error:
                kind, words = error.args
                place = f"{FEATURE}/DefinedExecutionError/{kind}"
                told = put(2, put(1, place.encode()) + put(2, words.encode()))
                context.abort(grpc.StatusCode.ABORTED, base64.b64encode(told).decode())
                raise

        return grpc.unary_unary_rpc_method_handler(answer) if call else None


def by_hand(device: Device) -> tuple[grpc.Server, int]:
    """A server without the library, and its port."""
    server = grpc.server(ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((ByHand(device),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port
