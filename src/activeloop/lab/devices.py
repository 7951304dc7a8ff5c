"""Which device a campaign's config, a command or a page means by a name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from activeloop.config import OpenCampaign
from activeloop.desk.demonstration import is_demonstration, laboratory, planted
from activeloop.errors import ConfigError, did_you_mean
from activeloop.lab.drivers import Driver, SimulatedRobot, WatchedFolder
from activeloop.lab.opentrons import Opentrons
from activeloop.lab.sila import SiLA2
from activeloop.plugins import plugins

VARIABLE = "ACTIVELOOP_DEVICES"
"""Environment variable: names of devices, such as `ot2=opentrons:http://10.0.0.7:31950, reader=folder:/data/reader`."""
SIMULATED = "simulated"


def named_devices(text: str | None = None) -> dict[str, str]:
    """Name -> kind and place of the devices that whoever runs this process gave names to.

    Args:
        text: as in `ACTIVELOOP_DEVICES`; that variable when None.

    Raises:
        ConfigError: a part of it is no NAME=KIND:PLACE.

    >>> named_devices("reader=folder:/data/reader, ot2=opentrons:http://10.0.0.7:31950")
    {'reader': 'folder:/data/reader', 'ot2': 'opentrons:http://10.0.0.7:31950'}
    """
    found: dict[str, str] = {}
    for part in (os.environ.get(VARIABLE, "") if text is None else text).split(","):
        name, equals, device = (word.strip() for word in part.partition("="))
        if part.strip() and not (name and equals and device):
            raise ConfigError(
                f'{VARIABLE}: "{part.strip()}" is not NAME=KIND:PLACE, such as reader=folder:/data/reader.'
            )
        if name in found:
            raise ConfigError(f'{VARIABLE} names "{name}" twice. Give each device a name of its own.')
        if name:
            found[name] = device
    return found


def device_of(text: str, loop: OpenCampaign, named: Mapping[str, str] | None = None) -> Driver:
    """A device.

    Args:
        text: the name of one of `named`, or kind and place: `folder:DIR`, `opentrons:URL`, `sila:HOST:PORT` (with
            `?FILE.pem` of whom to trust, or `?insecure` on the same machine), `simulated` (in the campaign's folder) or
            `simulated:DIR`, or a kind that another package announces.
        loop: the campaign.
        named: as `named_devices` gives them; it is asked when None.

    Raises:
        ConfigError: there is no such device or kind, or it needs a place.
    """
    named = named_devices() if named is None else named
    if text in named:
        device = _made(named[text], loop, named)
        device.name = text  # by which runs are told, and of two folders each has its own
        return device
    return _made(text, loop, named)


def _made(text: str, loop: OpenCampaign, named: Mapping[str, str]) -> Driver:
    kind, _, where = text.partition(":")
    announced = plugins("driver")
    kinds = ("folder", "opentrons", "sila", SIMULATED, *announced)
    if kind not in kinds:
        hint = did_you_mean(kind, (*named, *kinds))
        known = f"Names: {', '.join(named)}. " if named else ""
        raise ConfigError(f'device "{text}": there is no "{kind}" here. {hint} {known}Kinds: {", ".join(kinds)}.')
    if kind == SIMULATED:
        if not is_demonstration(loop.config):
            raise ConfigError(
                f'device "{SIMULATED}" measures the protein of the demonstration alone: `activeloop demo` makes such a '
                "campaign, and so does the server."
            )
        folder = Path(where) if where else loop.folder.path / "robot"
        return SimulatedRobot(folder, laboratory(planted()), loop.config.seed)
    if kind in announced:
        return announced[kind](where)
    if not where:
        places = {"opentrons": "URL", "sila": "HOST:PORT"}
        raise ConfigError(f'device "{text}" needs a place, such as {kind}:{places.get(kind, "DIR")}.')
    if kind == "sila":
        return _sila(text, where)
    return WatchedFolder(Path(where) / "out", Path(where) / "in") if kind == "folder" else Opentrons(where)


def _sila(text: str, where: str) -> SiLA2:
    """A SiLA 2 server at `HOST:PORT`, perhaps with `?FILE.pem` or `?insecure`."""
    place, _, trusted = where.partition("?")
    host, _, port = place.rpartition(":")
    if not host or not port.isdigit():
        raise ConfigError(f'device "{text}" is not sila:HOST:PORT, such as sila:10.0.0.8:50052.')
    insecure = trusted == "insecure"
    if insecure and host not in ("127.0.0.1", "localhost", "::1"):
        raise ConfigError(f'device "{text}": without encryption only on this machine. Give ?FILE.pem of whom to trust.')
    return SiLA2(host, int(port), Path(trusted) if trusted and not insecure else None, not insecure)
