"""Makes `bad_input` and `tiny_models` importable by the tests, and tiny models on the spot."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of a tiny ESM-2-shaped checkpoint: 3 layers, width 32, 4 heads."""
    from tiny_models import tiny_esm

    return tiny_esm(tmp_path_factory.mktemp("models") / "tiny-esm")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests keep for later goes to a folder that dies with them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACTIVELOOP_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
