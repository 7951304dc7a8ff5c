"""What adapters need that may not be installed."""

from __future__ import annotations

from importlib.util import find_spec

from activeloop.errors import MissingExtraError


def need_peft() -> None:
    """Say so before anything is changed.

    Raises:
        MissingExtraError: `peft` is not installed.
    """
    if find_spec("peft") is None:
        raise MissingExtraError("An adapter", "models")
