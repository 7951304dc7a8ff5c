"""Whether the options in a recipe are such as a learner, score or batch takes, told by its fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints


def wrong_option(made: type, given: Mapping[str, Any]) -> str:
    """The first option that cannot be, and what it may be; "" when all can.

    A number is one like its default: counts from 1 on, the others from 0 on; a word is one of those that are known.

    Args:
        made: a dataclass.
        given: option -> value, with lists as tuples; the options are its fields.

    >>> from activeloop.acquisition import ConstantLiar, DiverseTop, UpperConfidenceBound
    >>> wrong_option(UpperConfidenceBound, {"beta": -1.0})
    'option "beta" is -1.0; it must be a number from 0 on'
    >>> wrong_option(DiverseTop, {"among": 0})
    'option "among" is 0; it must be a whole number from 1 on'
    >>> print(wrong_option(ConstantLiar, {"lie": "white"}))
    option "lie" is 'white'; it must be 'believer', 'best' or 'worst'
    """
    usual = {f.name: f.default for f in fields(made)}
    hints = get_type_hints(made)
    for name, value in given.items():
        words = get_args(hints[name]) if get_origin(hints[name]) is Literal else ()
        if demanded := _demanded(value, usual[name], words):
            return f'option "{name}" is {value!r}; it must be {demanded}'
    return ""


def _demanded(value: Any, usual: Any, words: tuple[str, ...]) -> str:
    """What a value must be, "" when it is; a default that is nothing plain (None, an encoder) demands nothing."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if words:
        *others, last = (repr(word) for word in words)
        return "" if value in words else f"{', '.join(others)} or {last}"
    if isinstance(usual, bool):
        return "" if isinstance(value, bool) else "true or false"
    if isinstance(usual, int):
        least = min(usual, 1)
        return "" if number and isinstance(value, int) and value >= least else f"a whole number from {least} on"
    if isinstance(usual, float):
        return "" if number and value >= min(usual, 0) else f"a number from {min(usual, 0):g} on"
    if isinstance(usual, str | tuple):
        kind = "a text" if isinstance(usual, str) else "a list, such as [1, 2]"
        return "" if isinstance(value, type(usual)) else kind
    return ""
