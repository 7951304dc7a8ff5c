"""Makes the emulator of a robot importable, and serves it."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def emulator():
    """An emulated Opentrons robot on loopback; its `url` is where."""
    from opentrons_emulator import Emulator, Served

    found = Emulator()
    served = Served(found)
    found.url = served.url
    yield found
    served.close()
