"""What pretrained models need that may not be installed."""

from __future__ import annotations

from importlib.util import find_spec

from activeloop.errors import MissingExtraError

#: of the extra `models`
PACKAGES = ("torch", "transformers", "safetensors")


def need_models() -> None:
    """Say so before anything is loaded.

    Raises:
        MissingExtraError: torch, transformers or safetensors is not installed.
    """
    if any(find_spec(package) is None for package in PACKAGES):
        raise MissingExtraError("a foundation model", "models")
