"""DataFrames of any library as tables: their cells become the text that a spreadsheet would show."""

from __future__ import annotations

import datetime
import decimal
import enum
import hashlib
import math
import numbers
from collections.abc import Mapping, Sequence
from typing import Any

from activeloop.errors import TableError
from activeloop.notebook import LIBRARIES
from activeloop.tables.numbers import Typed
from activeloop.tables.table import Table, checked_table

#: the one name of a DataFrame in messages, before what it holds is known
FRAME = "DataFrame"


def is_frame(value: Any) -> bool:
    """Whether something is a DataFrame of a library that narwhals knows, or a mapping of columns.

    >>> is_frame({"mutant": ["K2R"]}), is_frame("results.csv"), is_frame([1.0])
    (True, False, False)
    """
    if isinstance(value, Mapping):
        return True
    if not hasattr(type(value), "columns"):  # so narwhals is imported for DataFrames alone
        return False
    import narwhals

    found = narwhals.from_native(value, pass_through=True)
    return isinstance(found, (narwhals.DataFrame, narwhals.LazyFrame))


def library_of(frame: Any) -> str:
    """The library of a DataFrame, as `to_frame` names it; "" where DataFrames are not made by it."""
    if isinstance(frame, Mapping):
        return ""
    import narwhals

    name = narwhals.from_native(frame).implementation.name.lower()
    return name if name in LIBRARIES else ""


def table_of_frame(frame: Any, *, block: str | None = None) -> Table:
    """A DataFrame as the table that a spreadsheet with the same cells would be.

    The first row below the names of the columns is row 2. Numbers keep all their digits, and their point is the decimal
    sign; what is missing is an empty cell. An index with a name or with labels is the first column.

    Args:
        frame: of pandas, polars, pyarrow or any library that narwhals knows; or column name -> cells.
        block: row or label of the block shaped like a plate, where there are several.

    Raises:
        TableError: it is none, it is empty, or a cell holds something that no spreadsheet could show.

    >>> table = table_of_frame({"mutant": ["K2R", "T3S"], "kcat": [1.5, None]})
    >>> table.header, table.columns
    (('mutant', 'kcat'), (['K2R', 'T3S'], ['1.5', '']))
    """
    columns = _columns(frame)
    digest = hashlib.blake2b(digest_size=16)
    cells = []
    for name, column in columns:
        texts = [_text(value, name, row) for row, value in enumerate(column, 2)]
        digest.update("\x1f".join((name, *texts, "\x1e")).encode(errors="surrogatepass"))
        cells.append(texts)
    content_hash = digest.hexdigest()
    # Frames of two rounds are two files, as their plates may differ.
    file = f"{FRAME} {content_hash[:8]}"
    if len({len(column) for column in cells}) > 1:
        raise TableError("its columns have different lengths.", file=FRAME)
    records = [[name for name, _ in columns], *(list(row) for row in zip(*cells, strict=True))]
    return checked_table(records, file, content_hash, delimiter="", block=block)


def _columns(frame: Any) -> list[tuple[str, Sequence[Any]]]:
    if isinstance(frame, Mapping):
        if any(isinstance(c, str) or not hasattr(type(c), "__iter__") for c in frame.values()):
            raise TableError("a mapping must hold a list of cells for each name of a column.", file=FRAME)
        return [(str(name), column if isinstance(column, list) else list(column)) for name, column in frame.items()]
    import narwhals

    frame = _with_index(frame)
    try:
        found: Any = narwhals.from_native(frame)
        if isinstance(found, narwhals.LazyFrame):
            found = found.collect()
        return [(str(column.name), column.to_list()) for column in found.iter_columns()]
    except (narwhals.exceptions.NarwhalsError, ImportError, ValueError) as error:
        raise TableError(f"it cannot be read as a table ({' '.join(str(error).split())}).", file=FRAME) from error


def _with_index(frame: Any) -> Any:
    """A frame of pandas or its like with its index as a column, where that says anything."""
    if not hasattr(frame, "reset_index"):
        return frame
    if frame.columns.nlevels > 1:
        problem = "its columns have names of several levels. Give each one name: df.columns = [...]."
        raise TableError(problem, file=FRAME)
    index = frame.index
    labels = getattr(index, "inferred_type", "integer") not in ("integer", "empty")
    named = any(name is not None for name in index.names)
    if not (named or labels) or set(index.names) & set(frame.columns):
        return frame
    return frame.reset_index()


def _text(value: Any, column: str, row: int) -> str:
    """A cell as a spreadsheet shows it; a whole number without a point."""
    if isinstance(value, str):
        return str(value.value if isinstance(value, enum.Enum) else value)
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return ""
    if isinstance(value, bool) or type(value).__name__ == "bool":  # NumPy's is no subclass
        return "TRUE" if value else "FALSE"
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat(sep=" ") if isinstance(value, datetime.datetime) else value.isoformat()
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, decimal.Decimal):
        return "" if value.is_nan() else Typed(value)
    if isinstance(value, numbers.Real):
        number = float(value)
        if math.isnan(number):
            return ""
        whole = number.is_integer() and abs(number) < 1e15
        return str(int(number)) if whole else Typed(number)
    problem = f'column "{column}" holds a {type(value).__name__}, which no spreadsheet can show: {value!r:.60}.'
    raise TableError(f"{problem} Make it text or a number.", file=FRAME, row=row)
