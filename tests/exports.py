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


def gen5(path: Path, plates: dict[str, list[list[float]]]) -> Path:
    """Write an export of Gen5 with several plates, one behind the other: each read for luminescence, 96 wells.

    Args:
        path: where.
        plates: number of a plate, such as `Plate 1` -> [8, 12] values.
    """
    numbers = "\t".join(map(str, range(1, 13)))
    parts = []
    for name, values in plates.items():
        layout = [f"{row_letters(r)}\t" + "\t".join(f"SPL{12 * r + c + 1}" for c in range(12)) for r in range(8)]
        rows = [f"{row_letters(r)}\t" + "\t".join(f"{v:g}" for v in row) + "\tLUM:Lum" for r, row in enumerate(values)]
        parts += [
            "\n\nSoftware Version\t3.12.08\n\n\n\nExperiment File Path:\tC:\\lab\\run.xpt\n",
            "Protocol File Path:\tC:\\lab\\l.prt\n",
            f"\n\n\nPlate Number\t{name}\nDate\t10/10/2026\nTime\t9:16:43 PM\nReader Type:\tSynergy H1\n",
            "Reader Serial Number:\t7\nReading Type\tManual\n\nProcedure Details\n\nPlate Type\t96 WELL PLATE\n",
            "Eject plate on completion\t\nRead\tLUM\n\tLuminescence Endpoint\n\tFull Plate\n",
            "\tIntegration Time: 0:01.00 (MM:SS.ss)\n\tFilter Set 1\n\t    Emission: Full light\n",
            "\t    Optics: Top,  Gain: 135\n\tRead Speed: Normal,  Delay: 100 msec\n\tRead Height: 4.5 mm\n\nLayout\n",
            "".join(f"{line}\n" for line in (f"\t{numbers}", *(f"{line}\tWell ID" for line in layout))),
            "\nResults\n",
            "".join(f"{line}\n" for line in (f"\t{numbers}", *rows)),
        ]
    path.write_text("".join(parts), encoding="cp1252")
    return path
