"""`activeloop new` with wrong tables."""

from __future__ import annotations

from bad_input.case import SHIFTED, WT, Case
from bad_input.files import HALF_GZIP, HALF_WORKBOOK, OLD_WORKBOOK, PICTURE, dated, lines, packed

GUIDE = "GACGTTACGATCGATCGACA"


def listed(id: str, file: bytes | None, row: int | None, *expected: str, options: str = f"--wild-type {WT}") -> Case:
    """`activeloop new --table` with a wrong table."""
    where = f"pool.csv, row {row}: " if row else "pool.csv: "
    return Case(id, f"new x --assay kcat --table pool.csv {options}", where, expected, {"pool.csv": file}, "nothing")


TABLES = [
    listed("wrong wild type", lines("mutant", "K2R", "A3R"), 3, "has T at position 3, not A. Check the numbering"),
    listed(
        "outside the wild type", lines("mutant", "K2R", "A57G"), 3, "outside the wild type (1-10). Check the numbering"
    ),
    listed("numbering off", lines("mutant", *SHIFTED), None, "if 10 is subtracted from each position"),
    listed(
        "wrong offset",
        lines("mutant", "K2R", "T3S", "A4G", "Y5F", "I6V"),
        2,
        "has Y at position 5, not K",
        "Check the numbering",
        options=f"--wild-type {WT} --offset 3",
    ),
    listed("unknown letter", lines("mutant", "K2R", "K2J"), 3, '"J"', "Leu or Ile", "Correct it"),
    listed("stop codon", lines("mutant", "K2R", "K2*"), 3, "stop codon at 2"),
    listed("duplicated variant", lines("mutant", "K2R", "T3S", "2R"), 4, 'as in row 2: "K2R" and "2R". Delete one'),
    listed("position twice in a variant", lines("mutant", "K2R:K2A"), 2, "changes position 2 twice. Keep one"),
    listed("date in a workbook", dated(), 3, "Excel turned a name into a date. Set the format of the column to Text"),
    listed("date in a text table", lines("mutant,x", "K2R,1", "1-Mar,2"), 3, "Set the format of the column to Text"),
    listed("spreadsheet error", lines("mutant,x", "K2R,1", "#N/A,2"), 3, "#N/A. Correct the cell"),
    listed("empty cell", lines("mutant,x", "K2R,1", ",2"), 3, "Fill in the candidate or delete the row"),
    listed("workbook cut off", HALF_WORKBOOK, None, "half-written. Save it again"),
    listed("old workbook", OLD_WORKBOOK, None, "Save it as .xlsx or CSV"),
    listed("archive", packed(("readme.txt",)), None, "Save the table as .xlsx or CSV"),
    listed("gzip cut off", HALF_GZIP, None, "cut off. Copy or download it again"),
    listed("picture", PICTURE, None, "a binary file. Export it as CSV or XLSX"),
    listed("quote not closed", b'mutant,x\nK2R,1\n"T3S,2\n', 3, "half-written", "Export it again"),
    listed("row cut off", b"mutant,x\nK2R,1\nT3S", 3, "half-written", "Export it again"),
    listed("empty file", b"", None, "is empty. Export it again"),
    listed("header only", lines("mutant,x"), 1, "no row below it. Add rows"),
    listed("folder", None, None, "this is a folder. Name a file in it"),
    listed(
        "wrong column",
        lines("mutant,x", "K2R,1"),
        None,
        'no column "mutants"',
        'did you mean "mutant"',
        options="--column mutants",
    ),
    listed("no column of candidates", lines("plate,score", "P 1,1"), None, "plate, score"),
    listed("column twice", lines("mutant,x,Mutant", "K2R,1,T3S"), 1, "Give each its own"),
    listed(
        "name for a SMILES",
        lines("smiles", "CCO", "acetic acid"),
        3,
        "Give the structure, such as CCO",
        options="--kind compounds",
    ),
    listed(
        "SMILES that cannot be read",
        lines("smiles", "CCO", "C1CC(C"),
        3,
        '"C1CC(C"',
        "Correct the structure",
        options="--kind compounds",
    ),
    listed("compound twice", lines("smiles", "CCO", "OCC"), 3, "as in row 2", "Delete one", options="--kind compounds"),
    listed(
        "guide with a wrong letter",
        lines("guide", GUIDE, GUIDE[:-1] + "E"),
        3,
        '"E", which is no DNA letter',
        options="--kind guides",
    ),
    listed(
        "guides of two lengths",
        lines("guide", GUIDE, GUIDE + "GG"),
        3,
        "without, PAM and flanks",
        options="--kind guides",
    ),
    Case(
        "sequences of two lengths",
        "new x --assay a --fasta p.fasta",
        "p.fasta: ",
        ("different lengths (3 to 4)",),
        {"p.fasta": lines(">a", "MKTA", ">b", "MKT")},
        "nothing",
    ),
    Case(
        "sequence with an unknown letter",
        "new x --assay a --fasta p.fasta",
        "p.fasta: ",
        ("J means Leu or Ile",),
        {"p.fasta": lines(">a", "MKTA", ">b", "MKTJ")},
        "nothing",
    ),
]
