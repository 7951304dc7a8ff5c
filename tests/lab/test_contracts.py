"""The devices of this package keep the contract that is asked of everybody's."""

import pytest

from activeloop.lab import DeviceError, Faults, Opentrons, RunState, SimulatedRobot
from activeloop.replay import SimulatedLaboratory
from activeloop.replay.landscape import plant
from activeloop.testing import checks, planted_pool

POOL = planted_pool()


def robot(place, faults=None):
    return SimulatedRobot(place, SimulatedLaboratory(plant(POOL, 0.3, 1)), 2, faults or Faults())


@pytest.mark.parametrize("faults", [Faults(), Faults(dies=1.0, late=1.0)], ids=["sound", "faulty"])
def test_the_simulated_robot(tmp_path, faults):
    for check in checks(robot(tmp_path / "device", faults), POOL):
        check()


def test_opentrons(emulator):
    for check in checks(Opentrons(emulator.url), POOL):
        check()


class Restarting(SimulatedRobot):
    def submit(self, run):
        super().submit(run)
        return f"{run.name}-{len(list(self.folder.rglob('*')))}"

    def poll(self, handle):
        return super().poll(handle.rpartition("-")[0])


class Vanishing(SimulatedRobot):
    def poll(self, handle):
        raise DeviceError("gone")


class Boundless(SimulatedRobot):
    def check(self, run):
        pass


class Boasting(SimulatedRobot):
    def poll(self, handle):
        return RunState("done", 7.0)


@pytest.mark.parametrize("broken", [Restarting, Vanishing, Boundless, Boasting])
def test_a_broken_driver_fails(broken, tmp_path):
    device = broken(tmp_path / "device", SimulatedLaboratory(plant(POOL, 0.3, 1)))
    if broken is Restarting:
        (tmp_path / "device").mkdir()
    failed = []
    for check in checks(device, POOL):
        try:
            check()
        except (AssertionError, DeviceError) as error:
            failed.append(str(error))
    assert failed
