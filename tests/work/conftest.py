"""Makes `small_campaign` of the campaigns' tests importable here too, and kinds of work that a service could add."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "campaigns"))


@pytest.fixture
def kinds_for_tests(monkeypatch: pytest.MonkeyPatch):
    """The module of that name, which processes started here can import too."""
    here = str(Path(__file__).parent)
    monkeypatch.syspath_prepend(here)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH")))))
    import kinds_for_tests

    return kinds_for_tests
