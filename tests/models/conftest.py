"""Pools with a planted truth, one of each kind."""

import pytest

from activeloop.candidates import Pool
from activeloop.testing import planted_dataset, planted_pool, planted_values

POOLS = {kind: planted_pool(kind) for kind in ("variants", "compounds", "guides")}


@pytest.fixture(scope="session")
def pools() -> dict[str, Pool]:
    """A pool of each kind."""
    return POOLS


@pytest.fixture(scope="session")
def truth():
    """The function `planted_values`."""
    return planted_values


@pytest.fixture(scope="session")
def planted():
    """The function `planted_dataset`."""
    return planted_dataset
