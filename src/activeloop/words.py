"""How numbers and lists of things stand in a sentence; every part writes them this way."""

from __future__ import annotations

from collections.abc import Sequence


def many(count: int, thing: str) -> str:
    """A count and its noun.

    >>> many(1, "candidate"), many(1200, "row")
    ('1 candidate', '1,200 rows')
    """
    return f"{count:,} {thing}{'s' * (count != 1)}"


def some(names: Sequence[str], most: int = 6) -> str:
    """The first few of many names.

    >>> some(["A1G", "K2R", "T3S"], most=2)
    'A1G, K2R and 1 more'
    """
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def controls_named(names: Sequence[str]) -> str:
    """Controls by their names.

    >>> controls_named(["WT"]), controls_named(["WT", "dead"])
    ('the control WT', 'the controls WT, dead')
    """
    return f"the control{'s' * (len(names) > 1)} {some(names)}"


def shown_number(value: float, digits: int = 3) -> str:
    """A number with the digits that count; with a power of ten only where it has many zeros.

    >>> shown_number(1234.6), shown_number(0.01234), shown_number(129.6, 2), shown_number(1.5e7)
    ('1230', '0.0123', '130', '1.5e+07')
    """
    text = f"{value:.{digits}g}"
    return f"{float(text):.0f}" if "e+" in text and abs(value) < 1e6 else text
