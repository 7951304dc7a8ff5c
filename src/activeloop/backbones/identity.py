"""Which pretrained weights something was made with, so that other weights are not taken for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from activeloop.backbones.checkpoints import fingerprint
from activeloop.backbones.foundation import Foundation
from activeloop.errors import StateError

#: the key under which it is kept
KEY = "weights"


def identity(*parts: Any) -> dict[str, np.ndarray]:
    """`weights`: uint8 [M, 16], a digest of each pretrained model that occurs in some parts; {} when none does.

    Args:
        parts: encoders, and settings that hold some.

    >>> from activeloop.backbones.onehot import OneHot
    >>> identity(OneHot())
    {}
    """
    digests = [fingerprint(model.source, model.revision) for part in parts for model in _models(part)]
    return {KEY: np.array([list(bytes.fromhex(d)) for d in digests], np.uint8)} if digests else {}


def check_identity(state: Mapping[str, np.ndarray], *parts: Any) -> None:
    """Refuse to go on with other weights than those that a state was made with; a state without any is let pass.

    Raises:
        StateError: the weights are others.
    """
    if KEY in state and not np.array_equal(state[KEY], identity(*parts)[KEY]):
        names = " or ".join(model.source for part in parts for model in _models(part))
        raise StateError(
            f"{names} has other weights than when this version was fitted: put those back (on a hub, name their "
            "revision), or fit again (`activeloop fit DIR --again`). Nothing was predicted."
        )


def _models(part: Any) -> Iterator[Foundation]:
    if isinstance(part, Foundation):
        yield part
    elif isinstance(part, tuple):
        for one in part:
            yield from _models(one)
    elif is_dataclass(part):
        for field in fields(part):
            yield from _models(getattr(part, field.name))
