"""`activeloop new` with wrong options."""

from __future__ import annotations

from bad_input.case import BIG, FINE, WT, Case
from bad_input.damage import full_disk
from bad_input.files import lines


def made(id: str, options: str, where: str, *expected: str, file: bytes | None = b"", name: str = "pool.csv") -> Case:
    """`activeloop new` with wrong options or a wrong file."""
    files = {} if file == b"" else {name: file}
    return Case(id, f"new x --assay kcat {options}", where, expected, files, "nothing")


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
    made("no wild type", "--singles", "", "--singles needs --wild-type"),
    made("no pool", f"--wild-type {WT}", "", "give exactly one of --singles, --sites, --table, --fasta"),
    made(
        "two pools", f"--wild-type {WT} --singles --sites K2", "", "give exactly one of", "here: --singles and --sites"
    ),
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
    made("positions of sites", f"--wild-type {WT} --sites K2 --positions 2", "", "--positions belongs to --singles"),
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
        "--max-mutations is 0",
        "it must be at least 1",
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
        "list the compounds in a table",
    ),
    made("unknown learner", f"--wild-type {WT} --singles --learner forrest", "", 'Did you mean "forest"?'),
    made(
        "assay twice", f"--wild-type {WT} --singles --assay kcat", "", 'assay "kcat" is there twice; give each its own'
    ),
    made(
        "assay with an unknown goal",
        f"--wild-type {WT} --singles --assay KD:nM:down",
        "",
        '"down" is no goal (maximise, minimise, classify)',
    ),
    made("plate of 97 wells", f"--wild-type {WT} --singles --wells 97", "", "--wells is 97; it must be 6, 12, 24"),
    made(
        "controls fill the plate",
        f"--wild-type {WT} --singles --controls 96",
        "",
        "1 candidate + 96 controls need 97 wells",
        "Change the options",
    ),
    made("negative seed", f"--wild-type {WT} --singles --seed -1", "", "--seed is -1"),
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
