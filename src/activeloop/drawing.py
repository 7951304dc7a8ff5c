"""What pictures and pages share: colours, axes, and figures as PNG or SVG.

Matplotlib is imported where something is drawn.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, filterwarnings

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT, GRID = "#1f2933", "#616e7c", "#e4e7eb"
OWN, BASELINE = "#0b6bcb", "#8a94a0"
# Okabe and Ito's palette: distinguishable with colour blindness.
OTHERS = ("#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#444444")

#: colour of a picture -> variable of the style of a page, which has another value on a dark screen
_VARIABLES = {INK: "--ink", FAINT: "--faint", GRID: "--line", OWN: "--own", OTHERS[-1]: "--ink"}


def style(axis: Axes, title: str = "", grid: str = "y") -> None:
    """Plain axes: no frame, lines of a grid behind everything, small labels.

    Args:
        axis: of a figure.
        title: above it, on the left.
        grid: `x`, `y` or `both`.
    """
    axis.set_title(title, fontsize=11, color=INK, loc="left")
    axis.grid(axis=grid, color=GRID, linewidth=0.8)  # type: ignore[arg-type]
    axis.set_axisbelow(True)
    axis.tick_params(colors=FAINT, labelsize=9.5, length=0)
    axis.xaxis.label.set_color(FAINT)
    axis.yaxis.label.set_color(FAINT)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.spines["bottom"].set_color(GRID)


@contextmanager
def settings() -> Iterator[None]:
    """Under which every figure is made and saved: names of users are no formulas, and files depend on content alone."""
    from matplotlib import rc_context

    # a name such as $R_1$ is no formula, and one in a script that the font lacks is drawn as boxes
    chosen: dict[Any, Any] = {"svg.hashsalt": "activeloop", "svg.fonttype": "none", "text.parse_math": False}
    with rc_context(chosen), catch_warnings():
        filterwarnings("ignore", "Glyph")
        yield


def png(figure: Figure, dpi: int = 150) -> bytes:
    """The picture as a PNG file."""
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=dpi)
    return out.getvalue()


def svg(figure: Figure) -> bytes:
    """The picture as an SVG file."""
    out = io.BytesIO()
    with settings():
        figure.savefig(out, format="svg", dpi=150, metadata={"Date": None, "Creator": None})
    return out.getvalue()


def inline(file: bytes, words: str) -> str:
    """An SVG file as part of a page: in the colours of the page, light or dark, and with words for who cannot see it.

    Styles become attributes, so that it is drawn also where a page allows no style in its text (CSP).

    Args:
        file: of `svg`.
        words: what is shown.

    >>> inline(
    ...     b'<?xml version="1.0"?><svg width="9pt"><g id="a"><path style="fill: #1f2933" d="M 1.23456 0"/></g></svg>',
    ...     "A line",
    ... )
    '<svg role="img" aria-label="A line" width="9pt"><g><path fill="var(--ink)" d="M 1.23 0"/></g></svg>'
    """
    text = file.decode()
    text = text[text.index("<svg") :]
    # a page knows both name spaces
    for needless in (
        r"<metadata>.*?</metadata>",
        r"<style.*?</style>",
        r" ?font-family: [^;\"]*;",
        r" xmlns(:xlink)?=\"[^\"]*\"",
    ):
        text = re.sub(needless, "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="[^"]*"', "<g", text)  # of several pictures they would not be unique
    text = text.replace("fill: #ffffff", "fill: none")
    for colour, variable in _VARIABLES.items():
        text = text.replace(f": {colour}", f": var({variable})")
    text = re.sub(r'style="([^"]*)"', _attributes, text)
    places = r'(?<= )(?:d|x|y)="[^"]*"'  # to a hundredth of a point
    text = re.sub(places, lambda found: re.sub(r"(\.\d\d)\d+", r"\1", found[0]).replace("\n", ""), text)
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(words)}"', 1).strip()


def _attributes(found: re.Match[str]) -> str:
    pairs = (one.split(":", 1) for one in found[1].split(";") if ":" in one)
    return " ".join(f'{name.strip()}="{value.strip()}"' for name, value in pairs)
