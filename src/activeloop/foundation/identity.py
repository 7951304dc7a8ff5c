"""Which weights and tables something was made with, and how they were read, so that nothing is mistaken for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from activeloop.errors import StateError
from activeloop.foundation.base import READING, FoundationModel
from activeloop.foundation.checkpoints import fingerprint

#: the key under which it is kept
KEY = "weights"


@runtime_checkable
class HasIdentity(Protocol):
    """What holds numbers of a file that a model's weights do not tell."""

    def content(self) -> tuple[str, str]:
        """What it is called, for people, and a digest of 16 bytes in hexadecimal digits."""
        ...


def identity(*parts: Any) -> dict[str, np.ndarray]:
    """`weights`: uint8 [M, 17], digests of all models and files of tables in some parts, and how models are read.

    {} when there are none.

    Args:
        parts: encoders, and settings that hold some.

    >>> from activeloop.encoders.sequence import OneHot
    >>> identity(OneHot())
    {}
    """
    digests = [digest for part in parts for _, digest in _contents(part)]
    return {KEY: np.array([[*bytes.fromhex(d), READING] for d in digests], np.uint8)} if digests else {}


def check_identity(state: Mapping[str, np.ndarray], *parts: Any) -> None:
    """Refuse to go on with other weights or tables than a state was made with; a state without any is let pass.

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
    """Name and digest of each."""
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
