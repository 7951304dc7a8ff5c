"""Made the folders beside it, once, with the code of commit 538db0d; later code must open them to the same answers.

Kept as the record of how. All of it is done by commands; from the root of the repository:

    python tests/golden/make_folders.py [NAME ... | configs]

writes `campaigns/NAME` (a folder as a user has it), `expected/NAME.json` (what was remembered, predicted and proposed)
and, for `taught`, `student.onnx` with its predictions. The network's weights are cut to the fewest that work, and only
synthetic sequences and values are used. Picture and workbook of a plate are kept for one campaign, whose database is
as it was written; the others' were put into smaller pages. `configs` writes `expected/configs.json`: the names under
which versions and students of the files in `configs` are known again; those files were written by hand.
"""

import contextlib
import csv
import hashlib
import json
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from golden.names import history, picks_of, plate_of, predicted, predictions_of, read, typed  # noqa: E402

SHORT = "MKTAYIAKQR"
SINGLES = ("--wild-type", SHORT, "--singles")
TWENTY = ("--wild-type", "MKTAYIAKQRQISFVKSHFS", "--singles")
SMILES = (
    "CCO CCN CCC CCCO CCCN c1ccccc1 Cc1ccccc1 Oc1ccccc1 Nc1ccccc1 Clc1ccccc1 Fc1ccccc1 CC(=O)O CC(=O)N CC(C)O CC(C)N "
    "C1CCCCC1 C1CCNCC1 C1CCOCC1 c1ccncc1 Cc1ccncc1 Oc1ccncc1 c1ccc2ccccc2c1 CCOC(=O)C CCNC(=O)C OC(=O)c1ccccc1 "
    "NC(=O)c1ccccc1 COc1ccccc1 CSc1ccccc1 N#Cc1ccccc1 CCc1ccccc1 CC(=O)c1ccccc1 CCCCO CCCCN CCCCCC OCCO NCCN NCCO"
).split()


def guides(count: int = 60) -> list[str]:
    """Spacers of 20 letters, from their number alone."""
    return ["".join("ACGT"[b % 4] for b in hashlib.sha256(f"guide {i}".encode()).digest()[:20]) for i in range(count)]


#: name -> what is typed after `activeloop new DIR`; lists of candidates stand in a table
CAMPAIGNS: dict[str, tuple[list[object], list[str]]] = {
    "singles": ([*SINGLES, "--assay", "kcat:1/s", "--seed", 5, "--price", 2], []),
    "library": (["--wild-type", SHORT, "--sites", "K2,T3=ACDEFIT", "--assay", "kcat", "--seed", 6], []),
    "compounds": (["--kind", "compounds", "--assay", "KD:nM:minimise", "--seed", 7], SMILES),
    "guides": (["--kind", "guides", "--assay", "knockdown:%", "--seed", 8], guides()),
    "classes": ([*SINGLES, "--assay", "fit::classify", "--goal", "learn", "--seed", 9], []),
    "two-assays": (
        [*SINGLES, "--assay", "kcat:1/s", "--assay", "KD:nM:minimise", "--seed", 10, "--learner", "forest"],
        [],
    ),
    "taught": (["--wild-type", "MKTAYI", "--singles", "--assay", "kcat", "--seed", 11], []),
    **{
        f"learner-{name}": (
            [
                "--wild-type",
                SHORT,
                "--singles",
                "--positions",
                "3-4",
                "--assay",
                "kcat",
                "--seed",
                12,
                "--learner",
                name,
            ],
            [],
        )
        for name in ("site-gp", "forest", "ensemble", "dropout", "alde")
    },
    **{
        f"model-{name}": (
            [*TWENTY, "--positions", "3-7", "--assay", "kcat", "--seed", 13, "--learner", name.split("+")[0]],
            [],
        )
        for name in ("fine-tuned", "fine-tuned+pairs", "frozen", "informed", "likelihood", "gated")
    },
}
#: what is written into campaign.toml behind the learner's name, so that a fit takes seconds and its file stays small
OPTIONS = {
    "learner-forest": "trees = 10\n",
    "learner-ensemble": "members = 3\nhidden = [8, 4]\n",
    "learner-dropout": "hidden = [16, 8]\n",
    "two-assays": "trees = 10\n",
    "model-fine-tuned": "epochs = 2\nrank = 2\n",
    "model-fine-tuned+pairs": 'epochs = 2\nrank = 2\nlast = 1\nadapter = "dora"\ndraws = "dropout"\nloss = "pairs"\n'
    'pooling = "mean"\n',
    "model-frozen": 'draws = "last-layer"\n',
    "model-likelihood": "epochs = 2\nmembers = 2\nrank = 2\n",
}
STUDENT = """
[student]
auto = false
network = "conv"
options = { width = 4, blocks = 1, kernel = 3 }
teaching = { steps = 30, deviations = 4, alpha = 0.1 }
"""
KEEP_FILES = "singles"


def value(name: str, assay: str) -> float:
    """What the laboratory says: from letters of the name alone."""
    digest = hashlib.sha256(f"{assay} {name}".encode()).digest()
    found = sum(ord(letter) % 7 for letter in name) / 4 + digest[0] / 256
    return float(found > 3.2) if assay == "fit" else round(found, 3)


def results(folder: Path, assays: list[str], proposal: int, to: Path) -> None:
    """What comes back for a plate; the control has 1, and one well failed."""
    with (folder / "plates" / f"plate-{proposal}.csv").open(newline="") as file:
        wells = [row for row in csv.DictReader(file) if row["kind"] in ("candidate", "control")]
    failed = plate_of(folder, proposal)[-1]["well"] if assays == ["kcat"] else ""
    with to.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["plate", "well", *assays])
        for row in wells:
            control = row["kind"] == "control"
            told = [
                "failed" if row["well"] == failed else 1.0 if control else value(row["candidate"], a) for a in assays
            ]
            writer.writerow([row["plate"], row["well"], *told])


def returned(path: Path) -> list[list[str]]:
    """The rows of a table of results."""
    with path.open(newline="") as file:
        return list(csv.reader(file))[1:]


def small(database: Path) -> None:
    """The same rows in smaller pages: less than half of the file."""
    connection = sqlite3.connect(database)
    for command in ("journal_mode=delete", "page_size=1024"):
        connection.execute(f"pragma {command}")
    connection.execute("vacuum")
    connection.execute("pragma journal_mode=wal")
    connection.close()


def campaign(name: str, work: Path) -> None:
    """Two rounds (one with learners other than the usual), and all that can be said between them."""
    options, listed = CAMPAIGNS[name]
    folder = FOLDER / "campaigns" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(exist_ok=True)
    if listed:
        table = work / "candidates.csv"
        table.write_text("\n".join(["smiles" if name == "compounds" else "guide", *listed]) + "\n")
        options = [*options, "--table", table]
    typed("new", folder, *options, "--wells", 24, "--controls", 2)
    config = folder / "campaign.toml"
    text = config.read_text()
    if name in OPTIONS:
        text = text.replace("\n[select]", f"[learner.options]\n{OPTIONS[name]}\n[select]")
    if name == "taught":
        text = text[: text.index("[student]")] + STUDENT.lstrip()
    config.write_text(text)
    assays = assays_of(name)
    number = 12 if name.startswith("model") else 10
    rounds = (1,) if name.startswith(("model", "learner")) else (1, 2)
    for proposal in rounds:
        typed("propose", folder, "-n", number)
        file = Path(f"results_{proposal}.csv")  # in the folder in which one types: its name is kept in the log
        results(folder, assays, proposal, file)
        typed("record", folder, file)
        if proposal == 1 and name == "singles":
            tested = {p["candidate"] for p in plate_of(folder, 1)}
            others = [row[0] for row in predictions_of(folder, work / "p.csv")[1:] if row[0] not in tested]
            # row of the table that came back, as a spreadsheet counts; the header is row 1
            void = 2 + [row[1] for row in returned(work / "results_1.csv")].index(plate_of(folder, 1)[0]["well"])
            typed("pin", folder, others[3], "--reason", "the reviewer asked")
            typed("veto", folder, others[5], others[6], "--reason", "not to be had")
            typed("void", folder, 2, "--row", void, "--reason", "a bubble in the well")
        if name == "library" and proposal == 2:  # the first version's file is large, and only the last is asked
            shutil.rmtree(folder / "artifacts")
            (folder / "artifacts").mkdir()
        typed("fit", folder)
        if name == "taught":
            typed("distil", folder, "--out", FOLDER / "student.onnx")
    if name == "library":
        rest = [row[0] for row in predictions_of(folder, work / "p.csv")[1:]]
        tested = {p["candidate"] for i in (1, 2) for p in plate_of(folder, i)}
        free = [r for r in rest if r not in tested]
        typed("veto", folder, free[0], "--reason", "not to be had")
        typed("pin", folder, free[1])
    for path in (folder / "plates").iterdir():
        if path.suffix != ".csv" and (name != KEEP_FILES or path.stem != "plate-1"):
            path.unlink()
    if name != KEEP_FILES:
        small(folder / "campaign.db")
    expect(name, folder, work)


def another_round(folder: Path, assays: list[str], proposal: int, work: Path) -> list[list[object]]:
    """What the version fitted to a further plate predicts of the first candidates."""
    file = work / f"results_{proposal}.csv"
    results(folder, assays, proposal, file)
    typed("record", folder, file)
    typed("fit", folder)
    return predictions_of(folder, work / "next.csv")[:20]


def assays_of(name: str) -> list[str]:
    """What a campaign measures."""
    options = CAMPAIGNS[name][0]
    return [str(options[i + 1]).partition(":")[0] for i, option in enumerate(options) if option == "--assay"]


def expect(name: str, folder: Path, work: Path) -> None:
    """What the copy of a folder says; the folder itself is left as it is."""
    copy = work / "copy"
    shutil.copytree(folder, copy)
    said = {"history": history(copy), "predictions": predictions_of(copy, work / "said.csv")}
    if name == "taught":
        typed("predict", "--student", FOLDER / "student.onnx", work / "said.csv", "--out", work / "student.csv")
        said["student"] = predicted(work / "student.csv")
    typed("propose", copy, "-n", 6)
    number = len(said["history"]["proposals"]) + 1
    said["proposal"] = picks_of(copy, number)
    if not name.startswith("model"):
        said["next"] = another_round(copy, assays_of(name), number, work)
    (FOLDER / "expected").mkdir(exist_ok=True)
    (FOLDER / "expected" / f"{name}.json").write_text(json.dumps(said, separators=(",", ":")) + "\n")


def configs() -> None:
    """What each `campaign.toml` of `configs` means."""
    said = {path.stem: read(path) for path in sorted((FOLDER / "recipes").glob("*.toml"))}
    (FOLDER / "expected" / "recipes.json").write_text(json.dumps(said, indent=0) + "\n")


def main(names: list[str]) -> None:
    """Make those that are named, or all."""
    if names == ["recipes"]:
        return configs()
    for name in names or CAMPAIGNS:
        with tempfile.TemporaryDirectory() as work, contextlib.chdir(work):
            campaign(name, Path(work))


if __name__ == "__main__":
    main(sys.argv[1:])
