"""A newcomer's walk through three campaigns, typed as one would type it, against a simulated laboratory.

`python -m tools.walk --out DIR` makes an enzyme (a scan of one's own in German Excel, two assays, then combinations),
compounds with catalogue numbers and source wells, and guides; each from `new` to the third plate, with a pick list
where there are source wells, a report and an export. Everything is done by the `activeloop` command beside this
interpreter, and results go back as people write them. Ends with status 1 at the first command that fails.
"""

from __future__ import annotations

import csv
import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from activeloop.plates import read_plates

#: IgG-binding domain B1 of streptococcal protein G (UniProt P06654, residues 227 to 282)
WILD_TYPE = "MQYKLALNGKTLKGETTTEAVDAATAEKVFKQYANDNGVDGEWTYDDATKTFTVTE"
AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
POSITIONS = "20-56"
CAMPAIGNS = ("enzyme", "compounds", "guides")


def noise(*of: object) -> float:
    """The same number in 0..1 for the same things, on every machine."""
    return int.from_bytes(hashlib.sha256(repr(of).encode()).digest()[:4]) / 2**32


class Walk:
    """Types commands and plays the laboratory.

    Args:
        out: folder of everything that is made.
        plate: candidates of a plate.
    """

    def __init__(self, out: Path, plate: int):
        self.out, self.plate = out, plate
        self._command = str(Path(sys.executable).with_name("activeloop"))

    def type(self, *arguments: object) -> str:
        """Type a command; what it said.

        Raises:
            SystemExit: it failed.
        """
        typed = [str(a) for a in arguments]
        sys.stdout.write(f"$ activeloop {' '.join(typed)}\n")
        done = subprocess.run([self._command, *typed], cwd=self.out, capture_output=True, text=True, check=False)
        sys.stdout.write(done.stdout + done.stderr)
        if done.returncode:
            raise SystemExit(1)
        return done.stdout

    def measured(self, folder: str, number: int) -> Iterator[tuple[str, str, str, bool]]:
        """Plate, well, candidate and whether it is a control, of all filled wells of a proposal's plates."""
        for path in sorted((self.out / folder / "plates").glob(f"plate-{number}*.csv")):
            for plate in read_plates(path):
                for well, held in plate.wells.items():
                    yield plate.id, well, held.candidate, held.control

    # -- an enzyme ----------------------------------------------------------------------------------------------------

    def enzyme(self) -> None:
        """A list of one's own in a German workbook, two assays, three plates, the last with combinations."""
        self._list_of_variants()
        (self.out / "wt.fasta").write_text(f">protein G B1\n{WILD_TYPE}\n")
        pool = ("--table", "Varianten.xlsx", "--wild-type", "wt.fasta", "--price", 4)
        self.type("new", "enzyme", *pool, "--assay", "kcat:1/s", "--assay", "Tm:degC:>=50", "--seed", 1)
        for number in (1, 2, 3):
            if number == 3:
                self.type("extend", "enzyme", "--combine", 2)
            self.type("propose", "enzyme", "-n", self.plate, "--plate", 96, "--controls", 6)
            self._german_results(number)
            self.type("record", "enzyme", f"Ergebnis{number}.csv")
        self.type("status", "enzyme")
        self.type("explain", "enzyme")
        self.type("report", "enzyme", "--out", "enzyme.html")
        self.type("export", "enzyme", "--out", "enzyme-tables")

    def _list_of_variants(self) -> None:
        from openpyxl import Workbook

        book = Workbook()
        sheet = book.worksheets[0]
        sheet.title = "Klone"
        sheet.append(["Variante", "Klon", "Lieferant"])
        first, last = (int(p) for p in POSITIONS.split("-"))
        names = [
            f"{old}{at}{new}"
            for at, old in enumerate(WILD_TYPE, 1)
            if first <= at <= last
            for new in AMINO_ACIDS
            if new != old
        ]
        for i, name in enumerate(names, 1):
            sheet.append([name, f"AL-{i:04}", "eigene Bank"])
        book.save(self.out / "Varianten.xlsx")

    def _german_results(self, number: int) -> None:
        """Semicolons, decimal commas, German headers, a failed well and a censored one."""
        with (self.out / f"Ergebnis{number}.csv").open("w", newline="", encoding="cp1252") as file:
            writer = csv.writer(file, delimiter=";")
            writer.writerow(["Platte", "Well", "kcat (1/s)", "Tm (°C)"])
            for i, (plate, well, name, control) in enumerate(self.measured("enzyme", number)):
                kcat, melting = self._enzyme(name, control, f"{plate}{well}")
                cells = [f"{kcat:.4f}".replace(".", ","), f"{melting:.1f}".replace(".", ",")]
                if not control and i % 29 == 7:
                    cells = ["n. b.", "n. b."]
                elif kcat < 0.05:
                    cells[0] = "<0,05"
                writer.writerow([plate, well, *cells])

    def _enzyme(self, name: str, control: bool, where: str) -> tuple[float, float]:
        mutations = [] if control or name.upper() == "WT" else name.replace(",", ":").split(":")
        effects = [1.6 * noise("kcat", m) ** 3 - 0.9 * noise("harm", m[1:-1]) for m in mutations]
        melts = [-9 * noise("Tm", m) for m in mutations]
        kcat = 1.2 * np.exp(sum(effects) + 0.08 * (noise(name, where) - 0.5))
        return float(kcat), 62 + sum(melts) + noise(where, name) - 0.5

    # -- compounds ----------------------------------------------------------------------------------------------------

    def compounds(self) -> None:
        """A catalogue with source wells; pick lists for an Echo; results typed into the plate's own list."""
        self._catalogue()
        goal = "IC50:nM:minimise:log"
        self.type("new", "inhibitor", "--table", "catalogue.csv", "--kind", "compounds", "--assay", goal, "--seed", 2)
        for number in (1, 2, 3):
            self.type("propose", "inhibitor", "-n", min(self.plate, 24), "--plate", 96, "--controls", 4)
            self.type("plate", "inhibitor", "--for", "echo", "--volume", "50nL", "--without-controls")
            self._typed_in(number)
            self.type("record", "inhibitor", f"ic50-{number}.csv")
        self.type("status", "inhibitor")
        self.type("report", "inhibitor", "--out", "inhibitor.html")

    def _catalogue(self) -> None:
        rings = ("c1ccccc1", "c1ccncc1", "c1ccsc1", "C1CCNCC1", "c1ccc2ccccc2c1", "C1CCOCC1")
        linkers = ("C(=O)N", "CN", "S(=O)(=O)N", "OC", "NC(=O)C")
        ends = ("C", "CC", "FC(F)(F)", "CCO", "Fc1ccc(cc1)", "C1CC1", "N#CC")
        with (self.out / "catalogue.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["Catalog Number", "SMILES", "Supplier", "Source Plate", "Source Well", "Volume (uL)"])
            for i, (ring, linker, end) in enumerate((r, k, e) for r in rings for k in linkers for e in ends):
                well = f"{'ABCDEFGHIJKLMNOP'[i // 24 % 16]}{i % 24 + 1}"
                writer.writerow([f"CB-{1000 + i}", f"{end}{linker}{ring}", "Chem Ltd", f"LIB{i // 384 + 1}", well, 20])

    def _typed_in(self, number: int) -> None:
        """The plate's own list with its result column filled."""
        (path,) = sorted((self.out / "inhibitor" / "plates").glob(f"plate-{number}.csv"))
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        column = next(name for name in rows[0] if name.startswith("IC50"))
        for row in rows:
            if row["kind"] == "candidate":
                row[column] = f"{10 ** (1 + 3 * noise('ic50', row['candidate'])):.1f}"
            elif row["kind"] == "control":
                row[column] = f"{20000 + 500 * noise(number, row['well']):.0f}"
        with (self.out / f"ic50-{number}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    # -- guides -------------------------------------------------------------------------------------------------------

    def guides(self) -> None:
        """A list of guides with ids; results come back by id."""
        letters = np.random.default_rng(3).choice(list("ACGT"), (240, 20))
        spacers = ["".join(row) for row in letters]
        with (self.out / "guides.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["guide_id", "spacer", "gene"])
            writer.writerows([f"g{i:03}", spacer, f"GENE{i % 12}"] for i, spacer in enumerate(spacers))
        by_name = {spacer: f"g{i:03}" for i, spacer in enumerate(spacers)}
        assay = "editing:%:maximise:0..100"
        self.type("new", "guides", "--table", "guides.csv", "--kind", "guides", "--assay", assay, "--seed", 3)
        for number in (1, 2, 3):
            self.type("propose", "guides", "-n", min(self.plate, 24), "--plate", 96, "--controls", 4)
            with (self.out / f"editing-{number}.csv").open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["guide_id", "editing (%)"])
                for _, _, name, control in self.measured("guides", number):
                    if not control:
                        share = 100 * (
                            0.2 + 0.5 * (name.count("G") + name.count("C")) / 20 + 0.25 * noise("edit", name)
                        )
                        writer.writerow([by_name[name], f"{share:.1f}"])
            self.type("record", "guides", f"editing-{number}.csv")
        self.type("report", "guides", "--out", "guides.html")


def main(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of everything that is made; must be empty.")],
    plate: Annotated[int, typer.Option(metavar="N", help="Candidates of a plate of variants.")] = 48,
    only: Annotated[str, typer.Option(metavar="NAMES", help="Joined by commas.")] = ",".join(CAMPAIGNS),
) -> None:
    """Walk through three campaigns, from `new` to the report."""
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise typer.BadParameter(f"{out} is not empty.")
    walk = Walk(out, plate)
    for name in only.split(","):
        if name not in CAMPAIGNS:
            raise typer.BadParameter(f"{name}: choose among {', '.join(CAMPAIGNS)}.")
        getattr(walk, name)()


if __name__ == "__main__":
    typer.run(main)
