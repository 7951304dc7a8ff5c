"""Events as JSON and back: every number exactly, unknown things refused.

Each event is an object of plain JSON whose keys are the fields of its class. Numbers that JSON lacks (NaN, infinities)
are written as the words `"nan"`, `"inf"`, `"-inf"`. The version of this form stands beside each stored event, so a
later release can read what this one wrote, and this one refuses what it cannot know.
"""

from __future__ import annotations

import dataclasses
import math
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from activeloop.campaigns.events import Distilled, Event, Fitted, Measured, Pinned, Proposed, Version, Voided
from activeloop.errors import StoreError

SCHEMA = 1

KINDS: dict[str, type] = {
    "proposed": Proposed,
    "measured": Measured,
    "voided": Voided,
    "fitted": Fitted,
    "pinned": Pinned,
    "distilled": Distilled,
}
_NAMES = {cls: kind for kind, cls in KINDS.items()}
#: fields whose stored word is an older one than their name: what was stored keeps loading, here and in older releases
_STORED: dict[type, dict[str, str]] = {Version: {"learner": "recipe"}}


def encode(event: Event) -> tuple[str, dict[str, Any]]:
    """The kind of an event and its fields as plain JSON values.

    >>> encode(Voided(event=3, rows=(4, 5), reason="pipette"))
    ('voided', {'event': 3, 'rows': [4, 5], 'reason': 'pipette'})
    """
    return _NAMES[type(event)], _plain(event)


def decode(kind: str, payload: Any, schema: int = SCHEMA) -> Event:
    """The event that `encode` was given.

    Args:
        kind: the first thing that `encode` returned.
        payload: the second.
        schema: the version of the form it was written in.

    Raises:
        StoreError: the event is damaged, or was written by a newer release.

    >>> decode("voided", {"event": 3, "rows": [4, 5], "reason": "pipette"})
    Voided(event=3, rows=(4, 5), reason='pipette')
    """
    if schema > SCHEMA or kind not in KINDS:
        raise StoreError(f'an event "{kind}" of form {schema} was written by a newer ActiveLoop: upgrade this one.')
    try:
        return _typed(KINDS[kind], payload)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise StoreError(f'a stored event "{kind}" is damaged ({error}): restore the folder from a backup.') from error


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        stored = _STORED.get(type(value), {})
        return {stored.get(f.name, f.name): _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else repr(float(value))
    if value is None or isinstance(value, (str, bool, int)):
        return value
    raise TypeError(f"an event cannot hold a {type(value).__name__}")


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def _typed(kind: Any, value: Any) -> Any:
    """`value` as the annotated type `kind`."""
    origin = get_origin(kind)
    if dataclasses.is_dataclass(kind):
        hints = _hints(kind)  # type: ignore[arg-type]
        named = {word: name for name, word in _STORED.get(kind, {}).items()}  # type: ignore[call-overload]
        value = {named.get(word, word): v for word, v in value.items()}
        if unknown := sorted(set(value) - set(hints)):
            raise ValueError(f"unknown field {unknown[0]}")
        return kind(**{name: _typed(hints[name], v) for name, v in value.items()})  # type: ignore[operator]
    if origin is tuple:
        if not isinstance(value, list):
            raise TypeError("a list was expected")
        return tuple(_typed(get_args(kind)[0], v) for v in value)
    if origin is dict:
        return {k: _typed(get_args(kind)[1], v) for k, v in value.items()}
    if origin is Literal:
        return _one_of(get_args(kind), value)
    if origin in (Union, UnionType):
        return None if value is None else _typed(next(a for a in get_args(kind) if a is not type(None)), value)
    if kind is float:
        return float(value)
    if not isinstance(value, kind):
        raise TypeError(f"{kind.__name__} was expected, not {value!r}")
    return value


def _one_of(choices: tuple[Any, ...], value: Any) -> Any:
    if value not in choices:
        raise ValueError(f"{value!r} is not one of {choices}")
    return value
