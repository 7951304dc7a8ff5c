"""Learns the substitution priors anew: `python -m activeloop.benchmarks.substitution_prior --out FOLDER`.

Reads the scans of `$ACTIVELOOP_DATA` and writes `substitutions.npz` and, of the prior that a model informs,
`informed.npz`; to `docs/results/prior` how well each scan is foretold by the table that has not seen it (`summary.csv`,
`README.md`) and the usual variances of the process over mutations (`variances.json`), which belong into `MutationGP`.
The same data give the same files.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from activeloop.backbones.blosum import blosum62
from activeloop.backbones.checkpoints import fingerprint
from activeloop.backbones.esm import BUNDLED
from activeloop.backbones.foundation import Foundation
from activeloop.backbones.informed import opinions
from activeloop.benchmarks.datasets import DATA
from activeloop.benchmarks.machine import describe_machine
from activeloop.benchmarks.metrics import mean_and_error, spearman
from activeloop.benchmarks.parts import write_whole
from activeloop.benchmarks.relatives import split
from activeloop.benchmarks.scans import Scan, read_scans
from activeloop.benchmarks.substitution_fit import fit_tables, packed
from activeloop.benchmarks.suite_results import markdown_table
from activeloop.benchmarks.summary import csv_text, number
from activeloop.benchmarks.usual_variances import NAMES, usual_variances
from activeloop.candidates import AMINO_ACIDS
from activeloop.errors import ActiveLoopError, FetchError
from activeloop.models.finetuning.named import pretrained

COLUMNS = ("scan", "kind", "mutants", "left_out_part", "spearman", "informed", "blosum62")
#: one of them
Row = tuple[str, str, int, int, float, float, float]
#: of the mutants from which the variances are learned
SEED = 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, judge and write everything; 0, or 2 and a sentence when the data cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m activeloop.benchmarks.substitution_prior", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of substitutions.npz and informed.npz")
    parser.add_argument("--model", default=BUNDLED, help="hub id or folder of the model that informs")
    parser.add_argument("--results", type=Path, default=Path("docs/results/prior"), help="folder of the figures")
    options = parser.parse_args(arguments)
    try:
        learn(options.out, options.results, pretrained(options.model))
    except ActiveLoopError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def learn(out: Path, results: Path, model: Foundation) -> None:
    """Write the priors to one folder, and how good they are to another.

    Raises:
        FetchError: `$ACTIVELOOP_DATA` does not hold the scans; nothing was written.
        ModelError: the model has no masked-language head; nothing was written.
        TableError: one of them cannot be read; nothing was written.
        StoreError: a file cannot be written.
    """
    from threadpoolctl import threadpool_limits

    folder = os.environ.get(DATA)
    if not folder:
        raise FetchError(
            f"The scans are read from the folder that {DATA} names, and it names none. Nothing was written."
        )
    scans = read_scans(Path(folder))
    part = split(scans)
    # sums in another order differ in their last digits, and the file would
    with threadpool_limits(1):
        beside = {chain: opinions(model, chain) for chain in {scan.chain for scan in scans}}
        tables, informed = fit_tables(scans, part), fit_tables(scans, part, beside)
        variances = usual_variances(scans, tables, SEED)
    for folder in (out, results):
        folder.mkdir(parents=True, exist_ok=True)
    write_whole(out / "substitutions.npz", packed(tables))
    known = np.frombuffer(bytes.fromhex(fingerprint(model.source, model.revision)), np.uint8)
    write_whole(out / "informed.npz", packed(informed, model=known))
    write_whole(results / "variances.json", json.dumps(named(variances), indent=1) + "\n")
    rows = [
        judged(scan, tables.scores(scan.chain), informed.scores(scan.chain, beside[scan.chain]), int(k))
        for scan, k in zip(scans, part, strict=True)
    ]
    write_whole(results / "summary.csv", csv_text(COLUMNS, [[*r[:4], *map(number, r[4:])] for r in rows]))
    write_whole(results / "README.md", page(rows, named(variances), model.name))


def named(variances: np.ndarray) -> dict[str, float]:
    """The variances by name, to four digits."""
    return dict(zip(NAMES, variances.round(4).tolist(), strict=True))


def judged(scan: Scan, prior: np.ndarray, informed: np.ndarray, part: int) -> Row:
    """A row of `COLUMNS`: how the priors [n, 20] that have not seen a scan, and BLOSUM62, rank its mutants."""
    parent = [AMINO_ACIDS.index(scan.chain[p]) for p in scan.position]
    told = [prior[scan.position, scan.letter], informed[scan.position, scan.letter], blosum62()[parent, scan.letter]]
    kind = "stability" if scan.stability else "assay"
    prior_of, informed_of, blosum_of = (spearman(one, scan.score) for one in told)
    return scan.name, kind, len(scan), part, prior_of, informed_of, blosum_of


def page(rows: Sequence[Row], variances: dict[str, float], model: str) -> str:
    """What the command found, for people."""
    sections = []
    for kind, told in (("assay", "Assays of ProteinGym, single mutants"), ("stability", "Stabilities of domains")):
        ours, informed, blosum = np.array([row[4:] for row in rows if row[1] == kind]).T
        shown = (ours, informed, blosum, ours - blosum, informed - ours)
        cells = ["{:.3f} ± {:.3f}".format(*mean_and_error(values)) for values in shown]
        header = [
            f"{told} ({len(ours)})",
            "prior",
            "informed",
            "BLOSUM62",
            "prior less BLOSUM62",
            "informed less prior",
        ]
        shares = (
            f"The prior is above BLOSUM62 on {(ours > blosum).mean():.0%} of them, the informed one above the prior on "
            f"{(informed > ours).mean():.0%}."
        )
        sections.append(markdown_table(header, [["mean Spearman", *cells]]) + "\n\n" + shares)
    each = [[row[0], str(row[2]), *(f"{value:.3f}" for value in row[4:])] for row in rows]
    made = "; ".join(f"{name} {value}" for name, value in describe_machine().items())
    return "\n\n".join(
        [
            "# How well is a scan foretold before anything of it was measured?",
            "Spearman between all single mutants of a scan and the substitution prior, by the table that was fitted "
            "without the scan's protein and its relatives; mean ± standard error over scans. *Informed*: its table "
            f"also reads what {model} thinks of each residue of the wild type, in one pass with nothing hidden. It was "
            "trained on sequences alone; homologs of the domains were among them.",
            *sections,
            "## Usual variances of the process over mutations",
            "By the marginal likelihood of four draws of 150 mutants of each assay, in squared normal scores; the "
            "defaults of `MutationGP`. Unlike the prior's tables, these fourteen numbers are shared by all scans, "
            "those that are replayed included.",
            markdown_table(["term", "variance"], [[name, f"{value:.4f}"] for name, value in variances.items()]),
            "## Each scan",
            markdown_table(["scan", "mutants", "prior", "informed", "BLOSUM62"], each),
            f"Made by `make prior` on: {made}.\n",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
