"""Whether the options in a recipe are such as a learner, score or batch takes, told by its fields or parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from inspect import Parameter, signature
from typing import Any, Literal, get_args, get_origin, get_type_hints

PLAIN = (bool, int, float, str, tuple, type(None))


def options_of(maker: Callable[..., Any]) -> dict[str, Any] | None:
    """The options that something takes, each with what it is when not given; None when that is not known.

    What cannot be written in `campaign.toml`, such as an encoder, is no option.

    Args:
        maker: a class, a function, or one of these with some options already given, which are not counted.

    >>> from activeloop.acquisition import UpperConfidenceBound
    >>> options_of(UpperConfidenceBound)
    {'beta': 1.0}
    >>> options_of(partial(UpperConfidenceBound, beta=2.0))
    {}
    """
    settled = maker.keywords if isinstance(maker, partial) else {}
    taken = signature(plain(maker)).parameters
    if any(p.kind == Parameter.VAR_KEYWORD for p in taken.values()):
        return None
    first = len(maker.args) if isinstance(maker, partial) else 0
    left = {name: p.default for name, p in list(taken.items())[first:] if name not in settled}
    return {name: usual for name, usual in left.items() if isinstance(usual, PLAIN)}


def plain(maker: Callable[..., Any]) -> Callable[..., Any]:
    """What makes it, without the options already given."""
    return maker.func if isinstance(maker, partial) else maker


def wrong_option(maker: Callable[..., Any], given: Mapping[str, Any]) -> str:
    """The first option that cannot be, and what it may be; "" when all can.

    A number is one like its default, or such as its type says: counts from 1 on, the others from 0 on; a word is one of
    those that are known.

    Args:
        maker: a class or a function with type hints.
        given: option -> value, with lists as tuples; all are taken.

    >>> from activeloop.acquisition import DiverseTop, PowerSampling, UpperConfidenceBound
    >>> wrong_option(UpperConfidenceBound, {"beta": -1.0})
    'option "beta" is -1.0; it must be a number from 0 on'
    >>> wrong_option(DiverseTop, {"among": 0})
    'option "among" is 0; it must be a whole number from 1 on'
    >>> print(wrong_option(PowerSampling, {"kind": "soft"}))
    option "kind" is 'soft'; it must be 'power', 'softmax' or 'softrank'
    """
    usual = options_of(maker) or {}
    made = plain(maker)
    hints = get_type_hints(made.__init__ if isinstance(made, type) else made)
    for name, value in given.items():
        words = get_args(hints[name]) if get_origin(hints[name]) is Literal else ()
        if demanded := _demanded(value, _like(usual[name], hints[name]), words):
            return f'option "{name}" is {value!r}; it must be {demanded}'
    return ""


def _like(usual: Any, hint: Any) -> Any:
    """The default, or in place of None something of the type that may be given."""
    kinds = {int: 1, float: 0.0, str: ""}
    return next((kinds[kind] for kind in get_args(hint) if kind in kinds), None) if usual is None else usual


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
