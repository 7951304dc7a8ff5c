"""The laboratory: files of instruments, a folder that is watched, robots and their drivers."""

from typing import TYPE_CHECKING

from activeloop._lazy import on_use

if TYPE_CHECKING:
    from activeloop.lab.allotropy import AllotropyReader
    from activeloop.lab.drivers import (
        Capabilities,
        DeviceError,
        Driver,
        Faults,
        PlateRun,
        RunFile,
        RunState,
        SimulatedRobot,
        WatchedFolder,
    )
    from activeloop.lab.opentrons import Opentrons
    from activeloop.lab.pylabrobot import PyLabRobot
    from activeloop.lab.raw import read_instrument
    from activeloop.lab.readings import Cube, InstrumentFile, Reader, Reading, readings_of
    from activeloop.lab.robot import Robot, RobotPlan, Step

__all__ = [
    "AllotropyReader",
    "Capabilities",
    "Cube",
    "DeviceError",
    "Driver",
    "Faults",
    "InstrumentFile",
    "Opentrons",
    "PlateRun",
    "PyLabRobot",
    "Reader",
    "Reading",
    "Robot",
    "RobotPlan",
    "RunFile",
    "RunState",
    "SimulatedRobot",
    "Step",
    "WatchedFolder",
    "read_instrument",
    "readings_of",
]

__getattr__ = on_use(__name__)
