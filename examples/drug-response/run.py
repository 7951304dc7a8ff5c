"""Case study: from a spreadsheet of dose readings to new compounds, and to a small model to carry along.

`python run.py` plays the laboratory too; `python run.py --library mine.csv --readings mine_doses.csv` takes your own
files: a list of compounds (a column `smiles`), and readings (compound, dose with its unit, signal).
Each step is a command that you may type yourself; they are printed as they run.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def run(*words: object, may_refuse: bool = False) -> None:
    """Print a command and run it; the study ends where one fails, unless a refusal is an answer, too."""
    print("\n$", " ".join(map(str, words)), flush=True)
    program = [sys.executable] if words[0] == "python" else [str(Path(sys.executable).with_name("activeloop"))]
    status = subprocess.run([*program, *map(str, words[1:])], check=False).returncode
    if status and not may_refuse:
        sys.exit(status)


def main() -> None:
    """The whole study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("drug-response"), help="folder of everything")
    parser.add_argument("--library", type=Path, help="your compounds (default: those of the simulated laboratory)")
    parser.add_argument("--readings", type=Path, help="your dose readings, with which the study begins")
    parser.add_argument("--response", default="viability", help="what the readings are turned into")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--plate", type=int, default=24, help="compounds of a round")
    parser.add_argument("--short", action="store_true", help="two rounds of eight compounds of sixty, no student")
    given = parser.parse_args()
    if given.short:
        given.rounds, given.plate = 2, 8
    given.out.mkdir(parents=True)
    library, campaign = given.library or given.out / "library.csv", given.out / "campaign"
    laboratory = HERE / "laboratory.py"
    if given.library is None:
        run("python", laboratory, "library", library, "--compounds", 60 if given.short else 400)
    run("activeloop", "new", campaign, "--table", library, "--kind", "compounds", "--assay", "IC50:nM:minimise",
        "--wells", 96, "--controls", 8)  # fmt: skip
    if given.readings:
        run("activeloop", "curves", given.readings, "--response", given.response, "--out", given.out / "curves",
            "--record", campaign)  # fmt: skip
        run("activeloop", "propose", campaign, "-n", given.plate)
    else:
        for number in range(1, given.rounds + 1):
            readings = given.out / f"readings_{number}.csv"
            run("activeloop", "propose", campaign, "-n", given.plate)
            run("python", laboratory, "measure", campaign, readings)
            run("activeloop", "curves", readings, "--response", "viability", "--out", given.out / f"curves_{number}",
                "--record", campaign)  # fmt: skip
        run("activeloop", "fit", campaign)
    run("activeloop", "report", campaign, "--out", given.out / "report.html")
    if not given.short:
        # of few results a student may be too far from its teacher to be written out: it says so
        run("activeloop", "distil", campaign, "--out", given.out / "student.onnx", may_refuse=True)
    if given.library is None:
        beside_random(given.out, library)


def beside_random(out: Path, library: Path) -> None:
    """How potent what was measured is, beside random picks: the simulated laboratory knows all compounds."""
    sys.path.insert(0, str(HERE))
    from laboratory import canonical, structures

    truth = {canonical(smiles): value for smiles, value in structures().items()}
    with library.open(encoding="utf-8", newline="") as file:
        every = np.array([truth[canonical(row["smiles"])] for row in csv.DictReader(file)])
    measured = []
    for table in sorted(out.glob("curves_*/curves.csv")):
        with table.open(encoding="utf-8", newline="") as file:
            measured += [truth[canonical(row["compound"])] for row in csv.DictReader(file)]
    top = np.sort(every)[max(len(every) // 20, 1) - 1]
    found, rng = np.array(measured), np.random.default_rng(0)
    random = [rng.choice(every, len(found), replace=False) for _ in range(1000)]
    best, at_random = found.min(), np.mean([r.min() for r in random])
    print(f"\n{len(found)} of {len(every)} compounds measured.")
    print(
        f"Of the most potent twentieth {(found <= top).sum()} of {(every <= top).sum()} were found (random picks "
        f"{np.mean([(r <= top).sum() for r in random]):.1f})."
    )
    print(f"Best EC50: {nanomolar(best)} (random {nanomolar(at_random)}, the whole library {nanomolar(every.min())}).")


def nanomolar(log_micromolar: float) -> str:
    """A dose in words."""
    return f"{1000 * 10**log_micromolar:.3g} nM"


if __name__ == "__main__":
    main()
