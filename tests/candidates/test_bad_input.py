"""Every wrong pool file is refused with its name, the row and a suggested fix."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from activeloop.candidates import Pool
from activeloop.errors import InputError
from bad_input.files import dated, packed, workbook

GB1 = "MQYKLILNGKTLKGETTTEAVDAATAEKVFKQYANDNGVDGEWTYDDATKTFTVTE"
GUIDE = "GACGTTACGATCGATCGACA"


SHIFTED = "mutant,score\n" + "".join(f"{a}{p + 226}G,1\n" for p, a in enumerate(GB1, 1) if a != "G")

# name, content, settings, what the message must say, spreadsheet row (None: the whole file is meant)
CASES = [
    ("empty file", b"", {}, "is empty. Export it again", None),
    ("blank file", b"\n\n  \n", {}, "is empty. Export it again", None),
    ("header only", b"mutant,score\n", {}, "no row below it. Add rows", 1),
    ("no header, variants", b"A24G,1\nK28R,2\n", {}, "has no header. Add a first row", 1),
    ("no header, numbers", b"FWAA,0.5\nVDGV,1.5\n", {}, "has no header. Add a first row", 1),
    ("column name twice", b"mutant,score,Mutant\nA24G,1,x\n", {}, 'both named "mutant". Give each its own', 1),
    ("row cut off", b"mutant,score\nA24G,1\nK28R", {}, "1 of 2 cells: the file looks half-written", 3),
    ("cells missing", b"mutant,score\nA24G\nK28R,2\n", {}, "cells are missing. Export it again", 2),
    ("cells too many", b"mutant,score\nA24G,K28R,2\n", {}, "put cells that hold the delimiter in quotation marks", 2),
    ("open quote", b'mutant,score\nA24G,1\n"K28R,2\nA26G,1\n', {}, "not closed: the file is half-written", 3),
    ("letters after a quote", b'mutant,score\n"A24G"x,1\n', {}, "the file is half-written. Export", 2),
    (
        "gzip cut off",
        gzip.compress(b"mutant,score\nA24G,1\n" * 99, mtime=0)[:40],
        {},
        "cut off. Copy or download it again",
        None,
    ),
    ("gzip of nothing", gzip.compress(b"", mtime=0), {}, "holds nothing. Export it again", None),
    ("workbook cut off", workbook(["mutant"], ["A24G"])[:-600], {}, "half-written. Save it again", None),
    ("archive, no workbook", packed(("readme.txt",)), {}, "Save the table as .xlsx or CSV", None),
    ("archive of no real workbook", packed(("xl/workbook.xml",)), {}, "is damaged. Save it again", None),
    ("old workbook", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), {}, "Save it as .xlsx or CSV", None),
    ("NUL bytes", b"mutant,score\nA24\x00G,1\n", {}, "NUL bytes. Export it as CSV or XLSX", 2),
    ("binary", b"\x89PNG\r\n\x1a\n\x01\x02\xff\xfe", {}, "a binary file. Export it as CSV or XLSX", None),
    ("no such sheet", workbook(["mutant"], ["A24G"]), {"sheet": "plate 1"}, 'no sheet "plate 1". Sheets: Sheet', None),
    ("empty workbook", workbook(), {}, "is empty. Export it again", None),
    ("no such column", b"mutant,score\nA24G,1\n", {"column": "mutants"}, 'did you mean "mutant"', None),
    ("no column of candidates", b"plate,score\nP 1,1\n", {}, "Name it (--column), one of: plate, score", None),
    ("date from a workbook", dated(), {}, 'holds the date "2024-03-01 00:00:00"', 3),
    ("date in ISO", b"mutant,score\nA24G,1\n2024-03-01,2\n", {}, "Set the format of the column to Text", 3),
    ("date, English", b"mutant,score\nA24G,1\n1-Mar,2\n", {}, "Set the format of the column to Text", 3),
    ("date, German", b"mutant;score\nA24G;1\n01.03.2024;2\n", {}, "Set the format of the column to Text", 3),
    ("spreadsheet error", b"mutant,score\nA24G,1\n#N/A,2\n", {}, "holds the spreadsheet error #N/A. Correct", 3),
    (
        "formula without value",
        workbook(["mutant"], ["A24G"], ['="K"&"28R"']),
        {},
        "Open the file in Excel and save it",
        3,
    ),
    ("empty cell", b"mutant,score\nA24G,1\n,2\n", {}, "is empty here. Fill in the candidate or delete", 3),
    ("wrong wild-type residue", b"mutant\nA24G\n\nK26G\n", {}, "has A at position 26, not K. Check the numbering", 4),
    ("outside", b"mutant\nA24G\nA57G\n", {}, "outside the wild type (1-56). Check the numbering", 3),
    ("numbering off", SHIFTED.encode(), {}, "if 226 is subtracted from each position", None),
    ("unknown letter", b"mutant\nA24G\nA24B\n", {}, '"B", which is none of the 20 amino acids (B means', 3),
    ("three letters, unknown", b"mutant\np.Ala24Xyz\n", {}, '"Xyz", which is no amino acid. Correct it', 2),
    ("stop codon", b"mutant\nA24G\nA24*\n", {}, "stop codon at 24", 3),
    ("position twice", b"mutant\nA24G:A24C\n", {}, "changes position 24 twice. Keep one", 2),
    ("no notation", b"mutant\nA24G\nclone 7\n", {}, "cannot be understood. Write A24G", 3),
    ("same variant twice", b"mutant\nA24G\nK28R\n24G\n", {}, 'as in row 2: "A24G" and "24G". Delete one', 4),
    ("mutations, no parent", b"mutant\nA24G\n", {"parent": None}, "need a wild type. Give it", None),
    (
        "lengths differ, no parent",
        b"sequence\nFWAA\nFWA\nVDGV\n",
        {"parent": None},
        "Give the wild type (parent=...)",
        3,
    ),
    (
        "leading zero lost",
        b"genotype\n1100\n110\n1010\n",
        {"parent": None},
        "Excel drops leading zeros: set the format",
        3,
    ),
    (
        "sequence and mutation disagree",
        f"mutant,sequence\nM1A,A{GB1[1:]}\nQ2A,MG{GB1[2:]}\n".encode(),
        {"parent": None},
        'does not give the sequence in column "sequence". Correct one',
        3,
    ),
    (
        "numbering off, no parent",
        "".join(["mutant,sequence\n", *(f"{GB1[p]}{p + 11}W,{GB1[:p]}W{GB1[p + 1 :]}\n" for p in range(20))]).encode(),
        {"parent": None},
        "They fit with offset=-10: give that",
        None,
    ),
    ("parent is DNA", b"mutant\nA24G\n", {"parent": "ATGCAGTATAAACTG"}, "looks like DNA or RNA", None),
    ("parent has X", b"mutant\nA24G\n", {"parent": "MKXTAY"}, '"X", which is none of the 20 amino acids', None),
    ("parent file missing", b"mutant\nA24G\n", {"parent": "wt.fasta"}, "wt.fasta: there is no such file", None),
    ("site does not fit", b"combo\nFWAA\n", {"sites": ["A39", 40, 41, 54]}, "has V at position 39, not A", None),
    (
        "guides of two lengths",
        f"guide\n{GUIDE}\n{GUIDE}GG\n".encode(),
        {"kind": "guides"},
        "without, PAM and flanks",
        3,
    ),
    ("guide with E", f"guide\n{GUIDE}\n{GUIDE[:-1]}E\n".encode(), {"kind": "guides"}, '"E", which is no DNA letter', 3),
    ("guide twice", f"guide\n{GUIDE}\n{GUIDE.lower()}\n".encode(), {"kind": "guides"}, "as in row 2", 3),
    ("name for SMILES", b"smiles\nCCO\nacetic acid\n", {"kind": "compounds"}, "Give the structure, such as CCO", 3),
    ("no such kind", b"mutant\nA24G\n", {"kind": "cells"}, "Kinds: variants, compounds, guides", None),
]
WITHOUT_FILE = {"parent is DNA", "parent has X", "parent file missing", "site does not fit", "no such kind"}


@pytest.mark.parametrize(("content", "settings", "expected", "row"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_refused_with_file_row_and_fix(tmp_path, request, content, settings, expected, row):
    path = tmp_path / "pool.csv"
    path.write_bytes(content)
    with pytest.raises(InputError) as refused:
        Pool.from_table(path, **{"parent": GB1, **settings})
    message = str(refused.value)
    assert expected in message
    assert refused.value.row == row
    if request.node.callspec.id not in WITHOUT_FILE:
        assert refused.value.file == str(path)
        assert message.startswith(str(path))
    assert len(message) < 400 + len(str(path))


@pytest.mark.parametrize(("name", "expected"), [("nowhere.csv", "no such file"), ("folder", "this is a folder")])
def test_what_is_no_file(tmp_path, name, expected):
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=expected):
        Pool.from_table(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "expected", "row"),
    [
        ("", "is empty", None),
        ("; remark", "holds no sequence", None),
        ("MKTAYI\n", 'no line starts with ">"', 1),
        (">a\nMKT\n>b\n", 'record "b" has no letters', None),
        (">a\nMKT\n>a\nMKR\n", 'the name "a" stands twice', 3),
        (">a\nMKTA\n>b\nMKTA\n", 'records "a" and "b" are the same sequence', None),
        (">a\nMKTA\n>b\nMKT\n", "different lengths (3 to 4)", None),
        (">a\nMKTA\n>b\nMKTJ\n", "J means Leu or Ile", None),
        (">a\nATGAAAACCGCT\n", "looks like DNA", None),
    ],
)
def test_fasta(tmp_path, text, expected, row):
    path = tmp_path / "pool.fasta"
    path.write_text(text)
    with pytest.raises(InputError) as refused:
        Pool.from_fasta(path)
    assert expected in str(refused.value)
    assert (refused.value.file, refused.value.row) == (str(path), row)


def test_a_wild_type_file_holds_one_sequence(tmp_path: Path):
    path = tmp_path / "wt.fasta"
    path.write_text(">a\nMKTAYI\n>b\nMKRAYI\n")
    with pytest.raises(InputError, match="holds 2 sequences"):
        Pool.single_mutants(path)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"positions": [0]}, "position 0 is outside the wild type (1-56)"),
        ({"positions": []}, "no positions were given"),
        ({"exclude_residues": "1"}, "cannot be excluded"),
        ({"forbidden_motifs": ["xx"]}, "is not a motif"),
        ({"exclude_residues": "ACDEFGHIKLMNPQRSTVWY"}, "at least one candidate"),
    ],
)
def test_single_mutants(settings, expected):
    with pytest.raises(InputError) as refused:
        Pool.single_mutants(GB1, **settings)
    assert expected in str(refused.value)
