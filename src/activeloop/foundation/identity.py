"""Digests of the weights and tables that a fitted model depends on, checked when it is loaded again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from activeloop.errors import StateError
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.checkpoints import fingerprint
from activeloop.foundation.reading import READING_VERSION

#: its key in a stored state
KEY = "weights"


@runtime_checkable
class HasIdentity(Protocol):
    """What depends on a file beside a model's weights."""

    def content(self) -> tuple[str, str]:
        """Name of the file, and a digest of 16 bytes in hexadecimal digits."""
        ...


def identity(*parts: Any) -> dict[str, np.ndarray]:
    """`weights`: uint8 [M, 17], digests of all models and tables in some parts, and `READING_VERSION`; {} for none.

    Args:
        parts: encoders, and settings that hold some.

    >>> from activeloop.encoders.sequence import OneHot
    >>> identity(OneHot())
    {}
    """
    digests = [digest for part in parts for _, digest in _contents(part)]
    return {KEY: np.array([[*bytes.fromhex(d), READING_VERSION] for d in digests], np.uint8)} if digests else {}


def check_identity(state: Mapping[str, np.ndarray], *parts: Any) -> None:
    """Check that weights and tables are those of a stored state; a state without any passes.

    Raises:
        StateError: they are others.
    """
    if KEY not in state:
        return
    names = [name for part in parts for name, _ in _contents(part)]
    now, then = identity(*parts).get(KEY, np.zeros((0, 0), np.uint8)), state[KEY]
    if np.array_equal(now, then):
        return
    alike = now.shape == then.shape
    others = [name for i, name in enumerate(names) if not (alike and np.array_equal(now[i], then[i]))]
    raise StateError(
        f"{' or '.join(dict.fromkeys(others)) or 'The learner'} has other contents, or is read in another way, than "
        "when this version was fitted: put those back (on a hub, name their revision), or fit again (`activeloop fit "
        "DIR --again`). Nothing was predicted."
    )


def _contents(part: Any) -> Iterator[tuple[str, str]]:
    if isinstance(part, FoundationModel):
        yield part.source, fingerprint(part.source, part.revision)
    elif isinstance(part, tuple):
        for one in part:
            yield from _contents(one)
    elif is_dataclass(part):
        for field in fields(part):
            yield from _contents(getattr(part, field.name))
        if isinstance(part, HasIdentity):
            yield part.content()
