"""The laboratory: a folder that is watched, robots and their drivers, and the loop that runs on them."""

from typing import TYPE_CHECKING

from activeloop._lazy import on_use

if TYPE_CHECKING:
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
    from activeloop.lab.robot import Robot, RobotPlan, Step
    from activeloop.lab.sila import SiLA2

__all__ = [
    "Capabilities",
    "DeviceError",
    "Driver",
    "Faults",
    "Opentrons",
    "PlateRun",
    "PyLabRobot",
    "Robot",
    "RobotPlan",
    "RunFile",
    "RunState",
    "SiLA2",
    "SimulatedRobot",
    "Step",
    "WatchedFolder",
]

__getattr__ = on_use(__name__)
