"""Files as programs of instruments write them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from activeloop.measurements.wells import SHAPES
from activeloop.tables.grids import row_letters


def softmax(path: Path, filled: Collection[str], size: int = 96, plate: str = "plate-1") -> Path:
    """Write an export of SoftMax Pro, which is no table: one block, read at 450 and 570 nm.

    Args:
        path: where.
        filled: wells that read about 1 and 0.1, all others about 0.1 and 0.01.
        size: of the plate.
        plate: its name.
    """
    rows, columns = SHAPES[size]
    head = f"Plate:\t{plate}\t1.3\tPlateFormat\tEndpoint\tAbsorbance\tRaw\tFALSE\t1" + "\t" * 6
    lines = ["##BLOCKS= 1", f"{head}2\t450 570 \t1\t{columns}\t{size}\t1\t{rows}\t\t"]
    numbers = "\t".join(map(str, range(1, columns + 1)))
    lines.append(f"\tTemperature(°C)\t{numbers}\t\t{numbers}\t\t")
    for r in range(rows):
        values = [0.05 + r / 100 + c / 1000 + (f"{row_letters(r)}{c + 1}" in filled) for c in range(columns)]
        cells = ["\t".join(f"{v / part:.4f}" for v in values) for part in (1, 10)]
        lines.append(f"\t{'' if r else 25.0}\t{cells[0]}\t\t{cells[1]}\t\t")
    lines += ["", "~End", "Original Filename: run; Date Last Saved: 10/1/2026 3:04:05 PM"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-16")
    return path
