"""Tables from people and instruments: CSV, TSV, XLSX; numbers and units."""

from activeloop.tables.numbers import Number, parse_number
from activeloop.tables.reading import read_table
from activeloop.tables.table import Table

__all__ = ["Number", "Table", "parse_number", "read_table"]
