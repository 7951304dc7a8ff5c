"""`activeloop record` with wrong results."""

from __future__ import annotations

from bad_input.case import FINE, SHIFTED, Case
from bad_input.damage import overwrite
from bad_input.files import HALF_GZIP, HALF_WORKBOOK, dated, lines, workbook


def came(id: str, file: bytes | None, row: int | None, *expected: str, options: str = "", start: str = "out") -> Case:
    """`activeloop record` with a wrong file of results."""
    where = f"r.csv, row {row}: " if row else "r.csv: "
    return Case(id, f"record loop r.csv {options}", where, expected, {"r.csv": file}, start)


RESULTS = [
    came("not in the pool", lines("mutant,kcat", "K2R,1", "W2R,1"), 3, "Correct the name", "No row was stored"),
    came(
        "result of the wrong wild type",
        lines("mutant,kcat", "A2R,1"),
        2,
        "has K at position 2, not A",
        "Correct the name",
    ),
    came("result of an unknown letter", lines("mutant,kcat", "K2J,1"), 2, "Correct the name"),
    came(
        "results numbered off",
        lines("mutant,kcat", *(f"{m},1" for m in SHIFTED)),
        None,
        "all 10 variants fit",
        "10 is subtracted",
        "--offset -10",
    ),
    came("dates for variants", dated("kcat"), 3, "Excel turned a name into a date", "Text"),
    came("no candidate", lines("mutant,kcat", "K2R,1", ",2"), 3, "Fill in"),
    came(
        "a word for a value", lines("mutant,kcat", "K2R,1", "T3S,high"), 3, '"high" is not a number', "leave it empty"
    ),
    came("two points", lines("mutant,kcat", "K2R,1.2.3"), 2, "1.2.3", "Write"),
    came("infinite", lines("mutant,kcat", "K2R,inf"), 2, '"inf" is not a measured value. Correct it'),
    came("too large", lines("mutant,kcat", "K2R,1e999"), 2, "too large", "Correct it"),
    came("only NaN", lines("mutant,kcat", "K2R,NaN", "T3S,nan"), None, "no result in it", "Export it again"),
    came(
        "empty plate",
        lines("plate,well,kcat", "plate-1,@filled,", "plate-1,@other,"),
        None,
        "no result in it",
        "Export it again",
    ),
    came(
        "only wells that were never filled",
        lines("plate,well,kcat", "plate-1,@empty,"),
        None,
        "no result in it",
        "Export it again",
    ),
    came("limit of nothing", lines("mutant,kcat", "K2R,<"), 2, '"<" is not a number', "such as 1.5 or <0.1"),
    came("limit of a word", lines("mutant,kcat", "K2R,<LOD"), 2, '"<LOD" is not a number', "such as 1.5 or <0.1"),
    came("two limits", lines("mutant,kcat", "K2R,>1<2"), 2, '">1<2" is not a number', "such as 1.5 or <0.1"),
    came("ambiguous thousands", lines("mutant,kcat", 'K2R,"1,500"'), 2, "two different numbers", "without separators"),
    came("spreadsheet error for a value", lines("mutant,kcat", "K2R,#DIV/0!"), 2, "#DIV/0!", "Correct the cell"),
    came("formula without its value", lines("mutant,kcat", "K2R,=B1+1"), 2, "formula", "paste values"),
    came(
        "another unit in the header",
        lines("mutant,kcat (nM)", "K2R,1"),
        2,
        "in nM, but kcat is measured in 1/s",
        "Convert",
    ),
    came("another unit in the cell", lines("mutant,kcat", "K2R,1", "T3S,2 nM"), 3, "in nM", "Convert"),
    came("mixed units in a column", lines("mutant,kcat,unit", "K2R,1,1/s", "T3S,1,M"), 3, "in M", "correct the unit"),
    came(
        "well never filled",
        lines("plate,well,kcat", "plate-1,@filled,1", "plate-1,@empty,2"),
        3,
        'well "@empty" of plate-1 was never filled',
        "Correct the well",
    ),
    came(
        "well that failed but was never filled",
        lines("plate,well,kcat", "plate-1,@empty,failed"),
        2,
        "was never filled",
        "Correct the well",
    ),
    came(
        "well off the plate",
        lines("plate,well,kcat", "plate-1,@filled,1", "plate-1,H12,1"),
        3,
        "a 24-well plate (A1-D6)",
        "Correct the well",
    ),
    came("well that is none", lines("well,mutant,kcat", "99,@held,1"), 2, '"99" is not', "Correct the well"),
    came(
        "well that holds another",
        lines("plate,well,mutant,kcat", "plate-1,@filled,K2R,1"),
        2,
        'holds "@held", not "K2R"',
        "Correct the well or the candidate",
    ),
    came(
        "unknown plate",
        lines("plate,well,kcat", "plate-9,@filled,1"),
        2,
        'no plate "plate-9"',
        "Plates: plate-1",
        "Correct the name",
    ),
    came(
        "plate of another size",
        lines("," + ",".join(map(str, range(1, 13))), *(f"{r}{',1' * 12}" for r in "ABCDEFGH")),
        None,
        "the shape of a 96-well plate, but plate-1 has 24",
        "Give the plate that was measured",
    ),
    came(
        "contradicting values for one well",
        lines("plate,well,kcat", "plate-1,@filled,1", "plate-1,@filled,2"),
        3,
        "in row 2 already",
        "Delete one",
    ),
    came(
        "contradiction to what is stored",
        lines("plate,well,kcat", "plate-1,@other,2.5", "plate-1,@filled,77"),
        3,
        "already has kcat",
        "void the other first. Nothing was stored",
        start="measured",
    ),
    came("replicate twice", lines("mutant,replicate,kcat", "K2R,1,1", "K2R,1,2"), 3, "in row 2 already", "Delete one"),
    came("replicate zero", lines("mutant,replicate,kcat", "K2R,0,1"), 2, 'replicate "0"', "Number the replicates"),
    came(
        "unknown assay",
        lines("mutant,assay,value", "K2R,Tm,1"),
        2,
        '"Tm" is not an assay',
        "Correct the name",
        "No row was stored",
    ),
    came(
        "one column for two assays",
        lines("mutant,value", "K2R,1"),
        None,
        "can hold one assay, and there are 2",
        "a column for each, named after it (kcat)",
        start="two",
    ),
    came("no column of values", lines("mutant,score", "K2R,1"), None, "no column of values", "--column"),
    came("ambiguous date", lines("mutant,kcat,date", "K2R,1,03/04/2026"), 2, "03/04/2026", "Write it as 2026-03-01"),
    came("date that is none", lines("mutant,kcat,date", "K2R,1,31.02.2026"), 2, "31.02.2026", "Write it as"),
    came("results missing", b"", None, "is empty. Export it again"),
    came("results of a header only", lines("mutant,kcat"), 1, "no row below it. Add rows"),
    came("results without a header", lines("K2R,1.5", "T3S,2.5"), 1, "no header. Add a first row"),
    came("results in a workbook cut off", HALF_WORKBOOK, None, "half-written. Save it again"),
    came("results in a gzip cut off", HALF_GZIP, None, "cut off. Copy or download it again"),
    came("results with an open quote", b'mutant,kcat\n"K2R,1\n', 2, "not closed", "Export it again"),
    came("results cut off in a row", b"mutant,kcat,date\nK2R,1,\nT3S", 3, "half-written", "Export it again"),
    came("results with NUL bytes", b"mutant,kcat\nK2\x00R,1\n", 2, "NUL bytes. Export it"),
    came("a folder of results", None, None, "this is a folder. Name a file in it"),
    came(
        "sheet that is not there",
        workbook(["mutant", "kcat"], ["K2R", 1]),
        None,
        'no sheet "north"',
        "Sheets: Sheet",
        options="--sheet north",
    ),
    came(
        "column that is not there", FINE, None, 'no column "OD"', "Columns: mutant, kcat", options="--column value=OD"
    ),
    Case(
        "option that is no pair",
        "record loop r.csv --column value",
        '--column "value"',
        ("is not ROLE=NAME, such as value=OD600",),
        {"r.csv": FINE},
    ),
    came(
        "role that is none",
        FINE,
        None,
        '"colour" is no role of a column of results',
        "Known: candidate, well",
        options="--column colour=kcat",
    ),
    Case("no such file", "record loop gone.csv", "gone.csv: ", ("no such file. Check the name",)),
    Case(
        "plate list edited badly",
        "record loop r.csv",
        "loop/plates/plate-1.csv, row 2: ",
        ('"Z99" is not', "No plate was read"),
        {"r.csv": FINE},
        damage=lambda: overwrite("loop/plates/plate-1.csv", b"well,candidate\nZ99,K2R\n"),
    ),
    Case(
        "plate list cut off",
        "record loop r.csv",
        "loop/plates/plate-1.csv, row 2: ",
        ("half-written",),
        {"r.csv": FINE},
        damage=lambda: overwrite("loop/plates/plate-1.csv", b"well,candidate\nA1"),
    ),
]
