"""Which pretrained weights something was made with, and how they were read, so that nothing is mistaken for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from activeloop.backbones.checkpoints import fingerprint
from activeloop.backbones.foundation import READING, Foundation
from activeloop.errors import StateError

#: the key under which it is kept
KEY = "weights"


def identity(*parts: Any) -> dict[str, np.ndarray]:
    """`weights`: uint8 [M, 17], a digest of each pretrained model that occurs in some parts, and how models are read.

    {} when no model occurs.

    Args:
        parts: encoders, and settings that hold some.

    >>> from activeloop.backbones.onehot import OneHot
    >>> identity(OneHot())
    {}
    """
    digests = [fingerprint(model.source, model.revision) for part in parts for model in _models(part)]
    return {KEY: np.array([[*bytes.fromhex(d), READING] for d in digests], np.uint8)} if digests else {}


def check_identity(state: Mapping[str, np.ndarray], *parts: Any) -> None:
    """Refuse to go on with other weights than those that a state was made with; a state without any is let pass.

    Raises:
        StateError: the weights are others.
    """
    if KEY in state and not np.array_equal(state[KEY], identity(*parts)[KEY]):
        names = " or ".join(model.source for part in parts for model in _models(part))
        raise StateError(
            f"{names} has other weights, or is read in another way, than when this version was fitted: put those "
            "weights back (on a hub, name their revision), or fit again (`activeloop fit DIR --again`). Nothing was "
            "predicted."
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
