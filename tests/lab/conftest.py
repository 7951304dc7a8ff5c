"""The reader of instruments' files, in the environment that `make readers` makes; CI never skips it."""

import os
import sys
from pathlib import Path

import pytest

from activeloop.lab import AllotropyReader
from activeloop.lab.allotropy import VARIABLE

sys.path.insert(0, str(Path(__file__).parent))

#: beside the Python that runs the tests, as in the Makefile
ENVIRONMENT = Path(os.environ.get(VARIABLE) or Path(__file__).parents[2] / ".venv" / "readers") / "allotropy"


@pytest.fixture(scope="session")
def reader():
    with AllotropyReader(folder=ENVIRONMENT) as found:
        if not found.installed and "CI" not in os.environ:
            pytest.skip("needs allotropy: make readers")
        yield found


HEAD = "User: ada,Path: C:\\Data,Test run no.: 7\nTest name: growth,Date: 5/14/2026,Time: 3:29:50 PM\n\n"
HEAD += "ID1: plate-1,ID2: ,ID3: ,\nAbsorbance\n\n\nRaw Data (600 1)\n\n"
COLUMNS = "," + "".join(f"{c}," for c in range(1, 13)) + "\n"


@pytest.fixture
def mars():
    """Write an export of BMG's MARS: head, column numbers, a line a row."""

    def text(values):
        lines = [f"{'ABCDEFGH'[r]}," + ",".join(f"{v:.3f}" for v in row) for r, row in enumerate(values)]
        return HEAD + COLUMNS + "\n".join(lines) + "\n"

    return text


@pytest.fixture
def emulator():
    """An emulated Opentrons robot on loopback; its `url` is where."""
    from opentrons_emulator import Emulator, Served

    found = Emulator()
    served = Served(found)
    found.url = served.url
    yield found
    served.close()
