"""`activeloop replay`, `evaluate` and `demo`, and verbs that moved."""

from __future__ import annotations

from bad_input.case import MANY, Case
from bad_input.files import lines

VALUES = lines("mutant,fitness", *(f"{name},{i}" for i, name in enumerate(MANY[:30])))


def table(
    id: str, file: bytes | None, row: int | None, *expected: str, options: str = "", verb: str = "replay"
) -> Case:
    """`activeloop replay` or `evaluate` with a wrong table."""
    size = "--start 2 --batch 2 --rounds 1 --seeds 1 --policies random" if verb == "replay" else "--learners forest"
    where = f"t.csv, row {row}: " if row else "t.csv: "
    return Case(
        id, f"{verb} t.csv {size} --jobs 1 --out results {options}", where, expected, {"t.csv": file}, start="nothing"
    )


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
    Case("suite, which moved", "bench gb1 --out results", "", ("python -m benchmarks SUITE",), start="nothing"),
    Case("training, which moved", "pretrain a.fasta --out run", "", ("python -m tools.pretrain",), start="nothing"),
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
        "d exists and is not an old demo",
        ("nothing was changed",),
        {"d/letter.txt": b"x"},
        "nothing",
    ),
]
