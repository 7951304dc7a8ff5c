"""Colours of the plate picture, also told apart by people who do not see red and green."""

from __future__ import annotations

INK, QUIET = "#1c2430", "#5c6675"
EMPTY = "#b4bcc8"
CONTROL = "#f2a541"
PLAIN = "#cfdcea"
# From pale to deep blue-green in even steps of lightness: order is visible in grey, too.
RAMP = ("#f1f6ee", "#cfe6d2", "#9bd0bd", "#62b3ae", "#36919c", "#226d86", "#1c4a6b")


def colour_at(fraction: float) -> str:
    """The colour of a fraction of the scale, from 0 (low) to 1 (high).

    >>> colour_at(0.0), colour_at(1.0), colour_at(0.5)
    ('#f1f6ee', '#1c4a6b', '#62b3ae')
    """
    at = min(max(fraction, 0.0), 1.0) * (len(RAMP) - 1)
    left = min(int(at), len(RAMP) - 2)
    mixed = [
        round(a + (b - a) * (at - left)) for a, b in zip(_channels(RAMP[left]), _channels(RAMP[left + 1]), strict=True)
    ]
    return "#" + "".join(f"{c:02x}" for c in mixed)


def gradient_stops() -> list[tuple[float, str]]:
    """Offset and colour of each step of the scale."""
    return [(i / (len(RAMP) - 1), colour) for i, colour in enumerate(RAMP)]


def ink_on(fill: str) -> str:
    """Dark or white text, whichever reads better on a colour (relative luminance of WCAG 2).

    >>> ink_on("#f1f6ee"), ink_on("#1c4a6b")
    ('#1c2430', '#ffffff')
    """
    if not fill.startswith("#"):
        return INK
    linear = [(c / 255 / 12.92) if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in _channels(fill)]
    return INK if 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.22 else "#ffffff"


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
