"""Mistakes at the command line, each with the message that it must get."""

from __future__ import annotations

import resource
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bad_files import HALF_GZIP, HALF_WORKBOOK, OLD_WORKBOOK, PICTURE, dated, lines, packed, workbook

WT = "MKTAYIAKQR"
GUIDE = "GACGTTACGATCGATCGACA"


@dataclass(frozen=True)
class Case:
    """One mistake.

    In texts, `@filled`, `@other` and `@empty` are wells of plate 1, and `@held` is what the first of them holds.

    Args:
        id: of the test.
        typed: the arguments.
        where: how the message begins: file and row, as far as there are any.
        says: what else it must say, the cure above all.
        files: what is written before: name -> content; None makes a folder.
        start: the campaign that is there: "nothing", "out" (a plate is out), "measured" (and came back), "two" assays.
        status: 2 when what was given is wrong, 1 when it cannot be done now.
        damage: what is done to the campaign before.
        during: what is wrong while the command runs.
    """

    id: str
    typed: str
    where: str
    says: tuple[str, ...]
    files: dict[str, bytes | None] = field(default_factory=dict)
    start: str = "out"
    status: int = 2
    damage: Callable[[], object] | None = None
    during: Callable[[], object] | None = None


def made(id: str, options: str, where: str, *says: str, file: bytes | None = b"", name: str = "pool.csv") -> Case:
    """`activeloop new` with wrong options or a wrong file."""
    files = {} if file == b"" else {name: file}
    return Case(id, f"new x --assay kcat {options}", where, says, files, "nothing")


def listed(id: str, file: bytes | None, row: int | None, *says: str, options: str = f"--wild-type {WT}") -> Case:
    """`activeloop new --table` with a wrong table."""
    where = f"pool.csv, row {row}: " if row else "pool.csv: "
    return Case(id, f"new x --assay kcat --table pool.csv {options}", where, says, {"pool.csv": file}, "nothing")


def came(id: str, file: bytes | None, row: int | None, *says: str, options: str = "", start: str = "out") -> Case:
    """`activeloop record` with a wrong file of results."""
    where = f"r.csv, row {row}: " if row else "r.csv: "
    return Case(id, f"record loop r.csv {options}", where, says, {"r.csv": file}, start)


def recipe(id: str, old: str, new: str, *says: str, where: str = "loop/campaign.toml: ") -> Case:
    """A change of campaign.toml by hand, then `activeloop propose`."""
    return Case(id, "propose loop --another", where, says, damage=lambda: edit(old, new))


def table(id: str, file: bytes | None, row: int | None, *says: str, options: str = "", verb: str = "replay") -> Case:
    """`activeloop replay` or `evaluate` with a wrong table."""
    size = "--start 2 --batch 2 --rounds 1 --seeds 1 --policies random" if verb == "replay" else "--learners forest"
    where = f"t.csv, row {row}: " if row else "t.csv: "
    return Case(
        id, f"{verb} t.csv {size} --jobs 1 --out results {options}", where, says, {"t.csv": file}, start="nothing"
    )


def edit(old: str, new: str) -> None:
    path = Path("loop/campaign.toml")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def sql(statement: str) -> None:
    connection = sqlite3.connect("loop/campaign.db")
    with connection:
        connection.execute(statement)
    connection.close()


def overwrite(name: str, content: bytes) -> None:
    Path(name).write_bytes(content)


def lose_the_model() -> None:
    for path in Path("loop/artifacts").rglob("*.npz"):
        path.unlink()


def no_plates() -> None:
    shutil.rmtree("loop/plates")
    Path("loop/plates").write_text("")


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file can grow beyond `size` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def locked(how: str) -> Iterator[None]:
    """Another program is writing to the campaign."""
    other = sqlite3.connect("loop/campaign.db", isolation_level=None)
    try:
        other.execute(f"BEGIN {how}")
        yield
    finally:
        other.close()


SHIFTED = [f"{letter}{i + 10}G" for i, letter in enumerate(WT, 1) if letter != "G"]
MANY = [f"{WT[p]}{p + 1}{a}" for p in range(10) for a in "ACDEFGHIKLMNPQRSTVWY" if a != WT[p]]
FINE = lines("mutant,kcat", "K2R,1", "T3S,2")
BIG = lines("mutant,kcat_1,kcat_2,kcat_3", *(f"{name},1.25,1.5,1.75" for name in MANY))
VALUES = lines("mutant,fitness", *(f"{name},{i}" for i, name in enumerate(MANY[:30])))

POOLS = [
    made("wild type with an unknown letter", "--singles --wild-type MKXTAY", "", '"X", which is none of the 20 amino'),
    made("wild type of DNA", "--singles --wild-type ATGCAGTATAAACTG", "", "looks like DNA or RNA"),
    made("wild type file missing", "--singles --wild-type gone.fasta", "gone.fasta: ", "no such file. Check the name"),
    made(
        "wild type file empty", "--singles --wild-type wt.fasta", "wt.fasta: ", "is empty", file=b"\n", name="wt.fasta"
    ),
    made(
        "wild type file with two sequences",
        "--singles --wild-type wt.fasta",
        "wt.fasta: ",
        "holds 2 sequences",
        file=lines(">a", "MKT", ">b", "MKR"),
        name="wt.fasta",
    ),
    made(
        "wild type file without a name",
        "--singles --wild-type wt.fasta",
        "wt.fasta, row 1: ",
        'no line starts with ">"',
        file=lines(WT),
        name="wt.fasta",
    ),
    made("no wild type", "--singles", "", "singles needs wild_type"),
    made("no pool", f"--wild-type {WT}", "", "give exactly one of singles, sites, table, fasta"),
    made("two pools", f"--wild-type {WT} --singles --sites K2", "", "give exactly one of", "here: singles and sites"),
    made("site of another wild type", f"--wild-type {WT} --sites K3", "", "has T at position 3, not K", "Check"),
    made("site outside", f"--wild-type {WT} --sites K99", "", "outside the wild type (1-10)", "Check"),
    made(
        "site that is none", f"--wild-type {WT} --sites first", "", "is not a site. Write a position such as 39, or V39"
    ),
    made("site twice", f"--wild-type {WT} --sites K2,K2", "", "site 2 is named twice. Name each site once"),
    made(
        "site with an unknown letter",
        f"--wild-type {WT} --sites K2=AJ",
        "",
        'site 2 allows "J", which is none of the 20 amino acids. Correct it',
    ),
    made(
        "positions outside",
        f"--wild-type {WT} --singles --positions 5-99",
        "",
        "position 11 is outside the wild type (1-10)",
    ),
    made("positions in words", f"--wild-type {WT} --singles --positions two", "", 'write it like "20-60, 75"'),
    made("positions backwards", f"--wild-type {WT} --singles --positions 9-5", "", "run backwards. Write them as 5-9"),
    made("positions of sites", f"--wild-type {WT} --sites K2 --positions 2", "", "positions belongs to singles"),
    made("residue excluded that is none", f"--wild-type {WT} --singles --exclude 1", "", "cannot be excluded"),
    made(
        "all residues excluded",
        f"--wild-type {WT} --singles --exclude ACDEFGHIKLMNPQRSTVWY",
        "",
        "at least one candidate",
    ),
    made("motif that is none", f"--wild-type {WT} --singles --forbid xx", "", "is not a motif"),
    made(
        "no mutations at all",
        f"--wild-type {WT} --sites K2 --max-mutations 0",
        "",
        "max_mutations",
        "greater than or equal to 1",
    ),
    made(
        "rules for a table",
        f"--wild-type {WT} --table pool.csv --exclude C",
        "",
        "take unwanted rows out of the table instead",
        file=FINE,
    ),
    made(
        "compounds as single mutants",
        f"--wild-type {WT} --singles --kind compounds",
        "",
        "for compounds list them in a table",
    ),
    made("unknown learner", f"--wild-type {WT} --singles --learner forrest", "", 'Did you mean "forest"?'),
    made(
        "assay twice", f"--wild-type {WT} --singles --assay kcat", "", 'assay "kcat" is there twice; give each its own'
    ),
    made(
        "assay with an unknown goal",
        f"--wild-type {WT} --singles --assay KD:nM:down",
        "",
        "it must be 'maximise', 'minimise' or 'classify'",
    ),
    made(
        "plate of 97 wells", f"--wild-type {WT} --singles --wells 97", "", '"plate.wells" is 97; it must be 6, 12, 24'
    ),
    made(
        "controls fill the plate",
        f"--wild-type {WT} --singles --controls 96",
        "",
        "1 candidate + 96 controls need 97 wells",
        "Change the options",
    ),
    made("negative seed", f"--wild-type {WT} --singles --seed -1", "", '"seed" is -1'),
    made("table missing", f"--wild-type {WT} --table gone.csv", "", "--table", "gone.csv", "does not exist"),
    Case(
        "a campaign is there",
        f"new loop --assay x --wild-type {WT} --singles",
        "loop is a campaign already",
        ("choose another folder. Nothing was changed",),
    ),
    Case(
        "a file is there",
        f"new f --assay x --wild-type {WT} --singles",
        "f is a file",
        ("choose another name",),
        {"f": b"x"},
        "nothing",
    ),
    Case(
        "no room for the table",
        f"new x --assay x --wild-type {WT} --table big.csv",
        "",
        ("cannot be written", "make room"),
        {"big.csv": BIG + b"\n" * 300_000},
        "nothing",
        1,
        during=lambda: full_disk(200_000),
    ),
]

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
        "the numbering is off",
        "10 is subtracted",
        "Renumber them",
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
        '"colour" is nothing that a column of results can be',
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

RECIPES = [
    recipe(
        "not TOML",
        "wells = 24",
        "wells = many",
        "this is not TOML",
        "Texts stand in quotes",
        where="loop/campaign.toml, row ",
    ),
    recipe("unknown learner by hand", '"forest"', '"forrest"', 'no learner "forrest". Did you mean "forest"?'),
    recipe("unknown score", 'score = ""', 'score = "luck"', 'no score "luck". Known: bald'),
    recipe("unknown batch", 'batch = ""', 'batch = "liars"', 'no batch "liars". Did you mean "liar"?'),
    recipe(
        "unknown option of a learner",
        "[select]",
        "options = {leaves = 3}\n[select]",
        'has no option "leaves"; it takes: trees',
    ),
    recipe(
        "option of the wrong type",
        "[select]",
        'options = {trees = "many"}\n[select]',
        'option "trees" of learner "forest" is \'many\'; usual is 100',
    ),
    recipe(
        "option out of range",
        "[select]",
        "options = {trees = 0}\n[select]",
        'learner "forest" cannot be made',
        "trees and min_leaf must be at least 1",
    ),
    recipe("a number in quotes", "seed = 5", 'seed = "5"', "\"seed\" is '5'; it must be a valid integer"),
    recipe("a negative number", "controls = 2", "controls = -2", '"plate.controls" is -2'),
    recipe(
        "a number for a text",
        'wild_type = "MKTAYIAKQR"',
        "wild_type = 12",
        '"pool.wild_type" is 12; it must be a valid string',
    ),
    recipe("a text for yes or no", "singles = true", 'singles = "yes"', "\"pool.singles\" is 'yes'"),
    recipe("NaN as a limit", "[[assays]]", "[[assays]]\nlower = nan", '"assays[1].lower" is nan'),
    recipe("unknown goal", 'goal = "find"', 'goal = "win"', "it must be 'find' or 'learn'"),
    recipe("unknown key", "wells = 24", "wels = 24", 'no key "plate.wels"; did you mean "wells"?'),
    recipe("key missing", 'name = "kcat"', "", '"assays[1].name" is missing: add it'),
    recipe("newer format", "format = 1", "format = 9", "newer ActiveLoop", "upgrade"),
    recipe("wild type changed to what is none", "MKTAYIAKQR", "MKT?", '[pool]: the wild type has "?"'),
    recipe(
        "table not there",
        "singles = true",
        'table = "gone.csv"',
        "there is no file",
        "put it there or correct its name",
    ),
    recipe(
        "controls do not fit",
        "controls = 2",
        "controls = 24",
        "1 candidate + 24 controls need 25 wells",
        "[plate] in loop/campaign.toml",
        where="",
    ),
    Case(
        "not UTF-8",
        "status loop",
        "loop/campaign.toml: ",
        ("save it as plain text in UTF-8",),
        damage=lambda: overwrite("loop/campaign.toml", "seed = 1 # µ".encode("latin-1")),
    ),
    Case(
        "empty recipe",
        "status loop",
        "loop/campaign.toml: ",
        ('"pool" is missing: add it',),
        damage=lambda: overwrite("loop/campaign.toml", b""),
    ),
]

STORE = [
    Case(
        "database locked against writing",
        "record loop r.csv",
        "loop/campaign.db ",
        ("is locked by another program: close it", "Nothing was written"),
        {"r.csv": FINE},
        status=1,
        during=lambda: locked("IMMEDIATE"),
    ),
    Case(
        "database locked altogether",
        "propose loop --another",
        "loop/campaign.db ",
        ("is locked by another program: close it",),
        status=1,
        during=lambda: locked("EXCLUSIVE"),
    ),
    Case(
        "disk full while results come in",
        "record loop big.csv",
        "loop/campaign.db ",
        ("the disk is full", "make room", "Nothing was written"),
        {"big.csv": BIG},
        status=1,
        during=lambda: full_disk(40_000),
    ),
    Case(
        "disk full while a model is kept",
        "fit loop --again",
        "loop/artifacts ",
        ("the disk may be full",),
        start="measured",
        status=1,
        during=lambda: full_disk(33_000),
    ),
    Case(
        "no database any more",
        "record loop r.csv",
        "loop has lost its campaign.db",
        ("restore it from a backup", "Nothing was written"),
        {"r.csv": FINE},
        status=1,
        damage=lambda: Path("loop/campaign.db").unlink(),
    ),
    Case(
        "database damaged",
        "record loop r.csv",
        "loop/campaign.db ",
        ("restore it from a backup", "Nothing was written"),
        {"r.csv": FINE},
        status=1,
        damage=lambda: overwrite("loop/campaign.db", b"no database" * 999),
    ),
    Case(
        "database of a newer release",
        "status loop",
        "loop/campaign.db ",
        ("newer ActiveLoop", "pip install --upgrade", "Nothing was changed"),
        status=1,
        damage=lambda: sql("UPDATE alembic_version SET version_num = '9999'"),
    ),
    Case(
        "event damaged",
        "propose loop --another",
        "loop/campaign.db ",
        ("is damaged", "restore it from a backup"),
        status=1,
        damage=lambda: sql("UPDATE events SET payload = '{\"picks'"),
    ),
    Case(
        "event lost",
        "record loop r.csv",
        "loop/campaign.db ",
        ("lacks event 1: restore it from a backup",),
        {"r.csv": FINE},
        "measured",
        1,
        damage=lambda: sql("DELETE FROM events WHERE sequence = 1"),
    ),
    Case("model lost", "predict loop", "", ("fit again",), start="measured", status=1, damage=lose_the_model),
]

OPTIONS = [
    Case("no such campaign", "propose nowhere", "nowhere is not a folder", ("activeloop new nowhere",)),
    Case("folder without a campaign", "status .", ". has no campaign.toml", ("activeloop new",)),
    Case("no candidates", "propose loop -n 0 --another", "", ("ask for at least 1",)),
    Case("no such plate", "propose loop --another --plate 97", "", ("no 97-well plate. Use one of 6, 12",)),
    Case(
        "no room beside the controls",
        "propose loop --another --controls 24",
        "",
        ("1 candidate + 24 controls need 25 wells", "Change the options"),
    ),
    Case(
        "negative controls", "propose loop --another --controls -1", "", ("-1 controls: the number cannot be negative",)
    ),
    Case("no replicates", "propose loop --another --replicates 0", "", ("at least 1",)),
    Case(
        "more replicates than wells",
        "propose loop --another --replicates 99",
        "",
        ("x 99 replicates", "Use 384 wells, fewer replicates"),
    ),
    Case(
        "negative seed of a proposal",
        "propose loop --another --seed -1",
        "",
        ("seed -1", "from 0 on. Nothing was proposed"),
    ),
    Case(
        "plate as PDF",
        "propose loop --another --out p.pdf",
        "p.pdf: ",
        ("written as .csv, .xlsx or .svg", "Nothing was proposed"),
    ),
    Case(
        "plate where a folder is",
        "propose loop --another --out d.csv",
        "d.csv: ",
        ("this is a folder", "Nothing was proposed"),
        {"d.csv": None},
    ),
    Case(
        "no folder of plates",
        "propose loop",
        "loop/plates is no folder",
        ("make it a folder", "Nothing was proposed"),
        status=1,
        damage=no_plates,
    ),
    Case(
        "plate into no folder",
        "propose loop --another --out gone/p.csv",
        "gone/p.csv: ",
        ("make it first", "Nothing was proposed"),
    ),
    Case("pin of the wrong wild type", "pin loop A2R", "", ("has K at position 2, not A",)),
    Case("pin of what is on a plate", "pin loop @held", "", ("is on a plate already", "Nothing was changed")),
    Case("veto of two notations", "veto loop K2R K2R:T3S", "", ("K2R:T3S", "not in the pool")),
    Case("event without results", "void loop 1", "", ("event 1 holds no results", "Nothing was voided")),
    Case(
        "row without a result",
        "void loop 2 --row 99",
        "",
        ("no result from row 99", "Nothing was voided"),
        start="measured",
    ),
    Case(
        "plate of no proposal",
        "plate loop --proposal 4",
        "",
        ("there is no plate of proposal 4 (1 were made)",),
        status=1,
    ),
    Case(
        "plate exported as PDF",
        "plate loop --out p.pdf",
        "p.pdf: ",
        ("Use .csv or .xlsx (lists) or .svg (picture)", "Nothing was written"),
    ),
    Case("worth of nothing", "worth loop", "", ("nothing was measured yet",), status=1),
    Case("fit of nothing", "fit loop", "", ("nothing was measured yet: record results first",), status=1),
    Case("no model yet", "predict loop", "", ("there is no model yet: record results and fit first",), status=1),
    Case(
        "prediction of what is not in the pool",
        "predict loop c.csv",
        "c.csv, row 3: ",
        ("has K at position 2, not A", "Check the numbering"),
        {"c.csv": lines("mutant", "K2R", "A2R")},
        "measured",
    ),
    Case(
        "predictions into no folder",
        "predict loop --out gone/p.csv",
        "gone/p.csv",
        ("cannot be written",),
        start="measured",
        status=1,
    ),
    Case("verb that is none", "recrod loop r.csv", "", ("No such command 'recrod'", "--help")),
    Case("option that is none", "propose loop --nmuber 3", "", ("No such option: --nmuber", "--number")),
]

REPLAYS = [
    table("table without numbers", lines("mutant,note", "K2R,good", "T3S,bad"), None, "--target-column"),
    table("table of one row", lines("mutant,fitness", "K2R,1"), None, "fewer than two different values"),
    table("table of one value", lines("mutant,fitness", "K2R,1", "T3S,1"), None, "fewer than two different values"),
    table(
        "column missing", VALUES, None, 'no column "kcot"', "Columns: mutant, fitness", options="--target-column kcot"
    ),
    table(
        "candidates missing",
        VALUES,
        None,
        'no column "variant"',
        "Columns: mutant, fitness",
        options="--candidate-column variant",
    ),
    table("infinite value", VALUES + b"K2W,inf\n", 32, "is not a measured value. Correct it or leave it empty"),
    table("word for a value", VALUES + b"K2W,high\n", 32, "is not a number"),
    table("replay of the wrong wild type", VALUES, 2, "Check the numbering", options="--wild-type ACDEFGHIKL"),
    table("variants as guides", VALUES, 2, "DNA letter", options="--kind guides"),
    table("table cut off", VALUES + b"K2W", 32, "half-written"),
    table("table that is a folder", None, None, "this is a folder"),
    Case("unknown set", "replay gb2 --out results", "", ('"gb2"', "gb1"), start="nothing"),
    Case("table that is not there", "replay gone.csv --out results", "gone.csv: ", ("no such file",), start="nothing"),
    Case(
        "unknown policy",
        "replay planted-small --policies luck --out results",
        '"luck" is not a policy',
        ("Policies: default", "Nothing was replayed"),
        start="nothing",
    ),
    Case(
        "no policy",
        "replay planted-small --policies , --out results",
        "",
        ("--policies names no policy", "name one"),
        start="nothing",
    ),
    Case(
        "more than there is",
        "replay planted-small --start 9999 --out results",
        "",
        ("Lower --start", "Nothing was replayed"),
        start="nothing",
    ),
    Case(
        "no first plate", "replay planted-small --start 0 --out results", "--start 0", ("at least 1",), start="nothing"
    ),
    Case("no seeds", "replay planted-small --seeds 0 --out results", "", ("--seeds 0", "at least 1"), start="nothing"),
    Case(
        "no processes",
        "replay planted-small --start 8 --batch 4 --rounds 1 --policies random --seeds 1 --jobs -1 --out results",
        "",
        ("--jobs -1", "at least 1"),
        start="nothing",
    ),
    table(
        "evaluate without numbers",
        lines("mutant,note", "K2R,good", "T3S,bad"),
        None,
        "--target-column",
        verb="evaluate",
    ),
    table(
        "evaluate of one row",
        lines("mutant,fitness", "K2R,1"),
        None,
        "fewer than two different values",
        verb="evaluate",
    ),
    Case(
        "evaluate an unknown learner",
        "evaluate planted-small --learners magic --out results",
        "",
        ('"magic" is not a learner', "Learners: default", "Nothing was evaluated"),
        start="nothing",
    ),
    Case(
        "no positions to fold by",
        "evaluate planted-small --folds modulo --out results",
        "--folds modulo",
        ("Use --folds random",),
        start="nothing",
    ),
    Case(
        "folds of nothing",
        "evaluate planted-small --limit 0 --learners forest --jobs 1 --out results",
        "--limit 0: ",
        ("must be at least 10. Nothing was evaluated",),
        start="nothing",
    ),
    Case(
        "folds that are none",
        "evaluate planted-small --folds thirds --out results",
        "",
        ("thirds", "modulo"),
        start="nothing",
    ),
    Case("suite that is none", "bench gb2 --out results", "", ("gb2", "gb1"), start="nothing"),
    Case(
        "results where a file is",
        "replay planted-small --start 8 --batch 4 --rounds 1 --seeds 1 --policies random --jobs 1 --out f",
        "f cannot be written",
        ("Choose another --out",),
        {"f": b"x"},
        "nothing",
        1,
    ),
    Case(
        "negative seed of the demo",
        "demo --out d --seed -1",
        "--seed -1",
        ("from 0 on. Nothing was changed",),
        start="nothing",
    ),
    Case(
        "no learner",
        "evaluate planted-small --learners , --out results",
        "",
        ("--learners names no learner",),
        start="nothing",
    ),
    Case(
        "demo over other things",
        "demo --out d",
        "d exists and is no old demo",
        ("nothing was changed",),
        {"d/letter.txt": b"x"},
        "nothing",
    ),
]

CASES = [*POOLS, *TABLES, *RESULTS, *RECIPES, *STORE, *OPTIONS, *REPLAYS]
assert len({case.id for case in CASES}) == len(CASES), "two cases of one name"
