"""Zero-shot accuracy on deep mutational scans: how well each is predicted by tables that have not seen it.

Reads the scans of `$ACTIVELOOP_DATA` and the tables that `python -m tools.priors` wrote.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from activeloop.candidates import AMINO_ACIDS
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.checkpoints import BUNDLED
from activeloop.models.registry import foundation_model
from activeloop.priors.blosum import blosum62
from activeloop.priors.plm import plm_features, read_tables
from activeloop.priors.substitutions import SubstitutionTables
from activeloop.replay.metrics import mean_and_error, spearman
from activeloop.replay.summary import number
from benchmarks.results import HEAVY, Result, markdown_table, section
from tools.priors.scans import Scan, known_scans, split

COLUMNS = ("scan", "kind", "mutants", "left_out_part", "spearman", "plm_prior", "blosum62")
#: one of them
Row = tuple[str, str, int, int, float, float, float]
#: where the tables that ship lie
SHIPPED = Path(str(resources.files("activeloop.priors")))


def command(
    tables: Annotated[Path, typer.Option(metavar="DIR", help="Of substitutions.npz and informed.npz.")] = SHIPPED,
    model: Annotated[str, typer.Option(metavar="ID|DIR", help="The model that informs the second.")] = BUNDLED,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Results go to DIR/prior.")] = Path("docs/results"),
) -> None:
    """Zero-shot accuracy on deep mutational scans."""
    judge(tables, out / "prior", foundation_model(model))


def judge(tables: Path, results: Path, model: FoundationModel) -> None:
    """Write summary.csv and README.md beside the variances.json that is there.

    Raises:
        FetchError: `$ACTIVELOOP_DATA` does not hold the scans; nothing was written.
        ModelError: the tables are of another model, or there are none; nothing was written.
        StoreError: a file cannot be written.
    """
    from threadpoolctl import threadpool_limits

    scans = known_scans()
    plain = SubstitutionTables.read(tables / "substitutions.npz")
    informed = read_tables(str(tables / "informed.npz")).tables
    # sums in another order differ in their last digits
    with threadpool_limits(1):
        rows = [
            judged(scan, plain.scores(scan.chain), informed.scores(scan.chain, plm_features(model, scan.chain)), int(k))
            for scan, k in zip(scans, split(scans), strict=True)
        ]
    variances = json.loads((results / "variances.json").read_text("utf-8"))
    prior_result(rows, variances, model.name).write(results, "make prior")


def judged(scan: Scan, prior: np.ndarray, informed: np.ndarray, part: int) -> Row:
    """A row of `COLUMNS`: how the priors [n, 20] that have not seen a scan, and BLOSUM62, rank its mutants."""
    parent = [AMINO_ACIDS.index(scan.chain[p]) for p in scan.position]
    told = [prior[scan.position, scan.letter], informed[scan.position, scan.letter], blosum62()[parent, scan.letter]]
    kind = "stability" if scan.stability else "assay"
    prior_of, informed_of, blosum_of = (spearman(one, scan.score) for one in told)
    return scan.name, kind, len(scan), part, prior_of, informed_of, blosum_of


def prior_result(rows: Sequence[Row], variances: dict[str, float], model: str) -> Result:
    """What was found.

    Args:
        rows: of each scan.
        variances: the default variances, by name.
        model: name of the one that informs.
    """
    sections = []
    for kind, told in (("assay", "Assays of ProteinGym, single mutants"), ("stability", "Stabilities of domains")):
        ours, informed, blosum = np.array([row[4:] for row in rows if row[1] == kind]).T
        shown = (ours, informed, blosum, ours - blosum, informed - ours)
        cells = ["{:.3f} ± {:.3f}".format(*mean_and_error(values)) for values in shown]
        header = [
            f"{told} ({len(ours)})",
            "prior",
            "plm-prior",
            "BLOSUM62",
            "prior minus BLOSUM62",
            "plm-prior minus prior",
        ]
        shares = (
            f"The prior is above BLOSUM62 on {(ours > blosum).mean():.0%} of them, plm-prior above the prior on "
            f"{(informed > ours).mean():.0%}."
        )
        sections.append(markdown_table(header, [["mean Spearman", *cells]]) + "\n\n" + shares)
    each = [[row[0], str(row[2]), *(f"{value:.3f}" for value in row[4:])] for row in rows]
    how = (
        "Spearman between all single mutants of a scan and the substitution prior, by the table that was fitted "
        "without the scan's protein and its relatives; mean ± standard error over scans. *plm-prior*: its table "
        f"also reads the probabilities and hidden states that {model} gives for each residue of the wild type, in one "
        "pass without masking. It was "
        "trained on sequences alone; homologs of the domains were among them."
    )
    told = (
        "By the marginal likelihood of four draws of 150 mutants of each assay, in squared normal scores; the "
        "defaults of `MutationGP`. Unlike the prior's tables, these fourteen numbers are shared by all scans, "
        "those that are replayed included."
    )
    of_terms = markdown_table(["term", "variance"], [[name, f"{value:.4f}"] for name, value in variances.items()])
    sections += [
        section("Default variances of the process over mutations", told, of_terms),
        section("Each scan", markdown_table(["scan", "mutants", "prior", "plm-prior", "BLOSUM62"], each)),
    ]
    return Result(
        "Zero-shot accuracy on deep mutational scans",
        how,
        sections,
        {"summary": (COLUMNS, [[*r[:4], *map(number, r[4:])] for r in rows])},
        parts=HEAVY,
    )
