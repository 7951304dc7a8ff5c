"""What Python users get back: DataFrames, tables as a notebook shows them, and axes of matplotlib."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from activeloop.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: libraries whose DataFrames are made, in the order in which they are looked for
LIBRARIES = ("pandas", "polars", "pyarrow", "modin", "cudf")
#: rows that a notebook shows of a long table
SHOWN = 10


def to_frame(columns: Mapping[str, Sequence[Any]], library: str = "") -> Any:
    """A DataFrame.

    Args:
        columns: name -> cells.
        library: of the DataFrame, one of `LIBRARIES`; the first of them that is installed when "".

    Raises:
        ConfigError: there is no such library of DataFrames.
        MissingExtraError: it is not installed.
    """
    if library and library not in LIBRARIES:
        raise ConfigError(f'there are no DataFrames of "{library}". Libraries: {", ".join(LIBRARIES)}.')
    found = library or next(filter(find_spec, LIBRARIES), "")
    if not found or not find_spec(found):
        raise MissingExtraError(f"a DataFrame{f' of {found}' if found else ''}", "pandas")
    import narwhals

    return narwhals.from_dict(dict(columns), backend=found).to_native()  # type: ignore[arg-type]


def html_table(
    headers: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "", *, total: int | None = None
) -> str:
    """A table as a notebook shows it; what it holds is text, never markup.

    Args:
        headers: names of the columns.
        rows: their cells; numbers are shown with four digits.
        caption: above it.
        total: rows in all, where only the first are given.

    >>> html_table(["a"], [["<b>"]])
    '<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>&lt;b&gt;</td></tr></tbody></table>'
    """
    body = ["".join(f"<td>{escape(shown(cell))}</td>" for cell in row) for row in rows]
    head = "".join(f"<th>{escape(header)}</th>" for header in headers)
    title = f"<p>{escape(caption)}</p>" if caption else ""  # a caption is as narrow as its table
    lines = "".join(f"<tr>{line}</tr>" for line in body)
    table = f"{title}<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"
    return table if total is None or total <= len(body) else f"{table}<p>{len(body):,} of {total:,} rows</p>"


def shown(cell: Any) -> str:
    """A cell in a few letters.

    >>> shown(0.123456), shown(float("nan")), shown("A24G"), shown(None)
    ('0.1235', '', 'A24G', '')
    """
    if cell is None or cell != cell:
        return ""
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def axes(given: Axes | None) -> Axes:
    """The axes to draw on: those given, or new ones."""
    if given is not None:
        return given
    from matplotlib import pyplot

    from activeloop.drawing import style

    axis = pyplot.subplots(figsize=(6.4, 4.4), layout="constrained")[1]
    style(axis)
    return axis


def whole_numbers(axis: Axes) -> None:
    """Only whole numbers along the horizontal axis, such as ranks."""
    from matplotlib.ticker import MaxNLocator

    axis.xaxis.set_major_locator(MaxNLocator("auto", integer=True))


def nothing_yet(axis: Axes, words: str) -> Axes:
    """The axes with a sentence, where there is nothing to draw."""
    axis.text(0.5, 0.5, words, transform=axis.transAxes, ha="center", va="center")
    axis.set(xticks=[], yticks=[])
    return axis
