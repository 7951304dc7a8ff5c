"""Tables from people and instruments: CSV, TSV, XLSX; numbers and units."""

from activeloop.tables.numbers import Number, parse_number
from activeloop.tables.reading import Book, as_table, read_table
from activeloop.tables.table import Table

__all__ = ["Book", "Number", "Table", "as_table", "parse_number", "read_table"]
