"""A simulated laboratory: a library of kinase-like compounds, and plates of dose readings for those it is asked for.

`python laboratory.py library library.csv` writes the library; `python laboratory.py measure CAMPAIGN readings.csv`
measures what the last proposal of a campaign asks for. The same seed gives the same compounds, potencies and readings.
"""

from __future__ import annotations

import argparse
import csv
import itertools
from pathlib import Path

import numpy as np

#: substituent -> what it adds to the potency (log10 of a factor), at each of three places
AT_PHENYL = {
    **{"[H]": 0.0, "F": 0.25, "Cl": 0.45, "OC": 0.1, "C(F)(F)F": 0.3, "C#N": 0.6, "N(C)C": -0.5},
    **{"S(C)(=O)=O": 0.8, "C(=O)N": 0.7},
}
AT_C4 = {"C": 0.0, "NC": 0.7, "N": 0.3, "OC": -0.2, "NC1CC1": 1.1, "Cl": -0.6, "N1CCOCC1": 0.5}
AT_C5 = {"[H]": 0.0, "F": 0.3, "Cl": 0.5, "C": -0.2, "C#N": 0.4, "C(F)(F)F": 0.6}
LINKERS = {"N": 0.0, "O": -0.7, "NC": -0.4}
#: doses of a series, in µM
DOSES = 10.0 ** np.linspace(-3, 1, 8)


def structures() -> dict[str, float]:
    """All structures, and the log10 of their EC50 in µM: additive, one interaction, and a part that no rule tells."""
    found = {}
    parts = itertools.product(AT_PHENYL.items(), LINKERS.items(), AT_C4.items(), AT_C5.items())
    for (phenyl, p), (linker, q), (c4, r), (c5, s) in parts:
        smiles = f"c1({phenyl})ccc(cc1){linker}c1ncc({c5})c({c4})n1".replace("([H])", "")
        together = 0.5 if c4.startswith("NC") and phenyl in ("C#N", "S(C)(=O)=O", "C(=O)N") else 0.0
        own = np.random.default_rng([len(found), 7]).normal() * 0.25
        found[smiles] = 1.0 - 1.1 * (p + q + r + s + together) + own
    return found


def library(count: int, seed: int) -> list[tuple[str, str]]:
    """Number and structure of some compounds."""
    every = list(structures())
    chosen = np.random.default_rng(seed).choice(len(every), count, replace=False)
    return [(f"AL-{k:04d}", every[k]) for k in sorted(chosen)]


def readings(compounds: list[str], seed: int) -> list[list[object]]:
    """Rows of 96-well plates: eight compounds at eight doses, DMSO on the left, wells without cells on the right."""
    truth, rng, rows = structures(), np.random.default_rng([seed, len(compounds)]), []
    for number in range(0, len(compounds), 8):
        plate, brightness = f"D{seed}-{number // 8 + 1}", 40_000 * rng.uniform(0.8, 1.25)
        for row, letter in enumerate("ABCDEFGH"):
            rows.append([plate, f"{letter}1", "DMSO", "", brightness * (1 + 0.05 * rng.normal())])
            rows.append([plate, f"{letter}12", "no cells", "", 0.02 * brightness * (1 + 0.1 * rng.normal())])
            if number + row >= len(compounds):
                continue
            smiles = compounds[number + row]
            slope, floor = rng.uniform(0.9, 1.6), rng.uniform(0.0, 0.15)
            for k, dose in enumerate(DOSES):
                alive = floor + (1 - floor) / (1 + (dose / 10 ** truth[smiles]) ** slope)
                signal = brightness * (0.02 + 0.98 * alive) * (1 + 0.06 * rng.normal())
                rows.append([plate, f"{letter}{k + 3}", smiles, f"{dose:.4g}", signal])
        dead = rng.integers(len(rows) - 8, len(rows))  # a clogged tip now and then
        rows[dead][4] = "clogged"
    return rows


def write(path: Path, header: list[str], rows: list) -> None:
    """Rows as a spreadsheet has them."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([f"{c:.0f}" if isinstance(c, float) else c for c in row] for row in rows)


def main() -> None:
    """One of both commands."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("library", help="write the library")
    one.add_argument("out", type=Path)
    one.add_argument("--compounds", type=int, default=400)
    one.add_argument("--seed", type=int, default=1)
    other = commands.add_parser("measure", help="measure what the last proposal asks for")
    other.add_argument("campaign", type=Path)
    other.add_argument("out", type=Path)
    given = parser.parse_args()
    if given.command == "library":
        write(given.out, ["catalogue id", "smiles"], library(given.compounds, given.seed))
        return
    from activeloop.config import open_campaign

    proposal = open_campaign(given.campaign).campaign.state().outstanding
    if proposal is None:
        parser.error(f"no proposal is out: activeloop propose {given.campaign}")
    asked = [pick.name for pick in proposal.picks]
    known = {canonical(smiles): smiles for smiles in structures()}
    rows = readings([known[canonical(smiles)] for smiles in asked], proposal.number)
    write(given.out, ["plate", "well", "compound", "dose (µM)", "luminescence"], rows)


def canonical(smiles: str) -> str:
    """The structure under which a campaign knows a compound."""
    from activeloop.candidates.compounds import parent_structure

    return parent_structure(smiles)


if __name__ == "__main__":
    main()
