"""Any table as people and instruments write it: CSV, TSV, XLSX; numbers and units."""

from activeloop.tables.table import Number, Table, parse_number, read_table

__all__ = ["Number", "Table", "parse_number", "read_table"]
