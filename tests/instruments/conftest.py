"""Exports of a plate reader."""

import pytest

HEAD = "User: ada,Path: C:\\Data,Test run no.: 7\nTest name: growth,Date: 5/14/2026,Time: 3:29:50 PM\n\n"
HEAD += "ID1: plate-1,ID2: ,ID3: ,\nAbsorbance\n\n\nRaw Data (600 1)\n\n"
COLUMNS = "," + "".join(f"{c}," for c in range(1, 13)) + "\n"


@pytest.fixture
def mars():
    """Write an export of BMG's MARS: head, column numbers, a line a row."""

    def text(values):
        lines = [f"{'ABCDEFGH'[r]}," + ",".join(f"{v:.3f}" for v in row) for r, row in enumerate(values)]
        return HEAD + COLUMNS + "\n".join(lines) + "\n"

    return text
