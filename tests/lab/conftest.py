"""The reader of instruments' files, in the environment that `make readers` makes; CI never skips it."""

import os
from pathlib import Path

import pytest

from activeloop.lab import AllotropyReader
from activeloop.lab.allotropy import VARIABLE

#: beside the Python that runs the tests, as in the Makefile
ENVIRONMENT = Path(os.environ.get(VARIABLE) or Path(__file__).parents[2] / ".venv" / "readers") / "allotropy"


@pytest.fixture(scope="session")
def reader():
    with AllotropyReader(folder=ENVIRONMENT) as found:
        if not found.installed and "CI" not in os.environ:
            pytest.skip("needs allotropy: make readers")
        yield found
