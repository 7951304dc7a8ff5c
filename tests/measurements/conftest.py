from __future__ import annotations

import pytest

from activeloop.candidates import Pool
from activeloop.measurements import Assay, Well
from activeloop.plates import Plate

PARENT = "MKTAYIAKQRQISFVKSHFSRQ"


@pytest.fixture(scope="session")
def pool() -> Pool:
    return Pool.single_mutants(PARENT, wild_type=True)


@pytest.fixture(scope="session")
def kcat() -> Assay:
    return Assay("kcat", unit="1/s", lower=0.1, upper=1000.0)


@pytest.fixture
def write(tmp_path):
    """Writes lines to a file (CSV, or XLSX by its name) and returns its path."""

    def make(*lines: str, name: str = "results.csv"):
        path = tmp_path / name
        if name.endswith(".xlsx"):
            from openpyxl import Workbook

            book = Workbook()
            for line in lines:
                book.active.append([_typed(cell) for cell in line.split(",")])
            book.save(path)
        else:
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return make


def _typed(cell: str) -> str | float | None:
    try:
        return float(cell) if cell else None
    except ValueError:
        return cell


@pytest.fixture(scope="session")
def plate() -> Plate:
    """24 wells: A1, A2 controls, A3 to A6 four candidates, B1 and B2 two replicates of a fifth; the rest empty."""
    wells = {"A1": Well("WT", 1, control=True), "A2": Well("WT", 2, control=True)}
    wells |= {f"A{i}": Well(name) for i, name in enumerate(("K2R", "T3S", "A4G", "Y5F"), 3)}
    return Plate("plate-1", 24, wells | {"B1": Well("I6V", 1), "B2": Well("I6V", 2)})
