"""Fit the substitution priors: `python -m tools.priors --out FOLDER`.

Reads the scans of `$ACTIVELOOP_DATA` and writes `substitutions.npz`, of the prior that a protein language model
informs `informed.npz`, and `variances.json`, the default variances of the process over mutations, which belong into
`MutationGP`. The same data give the same files. `python -m benchmarks prior` says how good they are.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from activeloop.errors import ActiveLoopError
from activeloop.files import write_whole
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.checkpoints import BUNDLED, fingerprint
from activeloop.models.registry import foundation_model
from activeloop.priors.plm import plm_features
from tools.priors.fit import NAMES, default_variances, fit_tables, packed
from tools.priors.scans import known_scans, split

#: of the mutants from which the variances are learned
SEED = 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit and write everything; 0, or 2 and a sentence when the data cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m tools.priors", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of substitutions.npz and informed.npz")
    parser.add_argument("--model", default=BUNDLED, help="hub id or folder of the model that informs")
    parser.add_argument("--results", type=Path, default=Path("docs/results/prior"), help="folder of variances.json")
    options = parser.parse_args(arguments)
    try:
        fit(options.out, options.results, foundation_model(options.model))
    except ActiveLoopError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def fit(out: Path, results: Path, model: FoundationModel) -> None:
    """Write the priors to one folder, and the default variances to another.

    Raises:
        FetchError, TableError: as `known_scans`; nothing was written.
        ModelError: the model has no masked-language head; nothing was written.
        StoreError: a file cannot be written.
    """
    from threadpoolctl import threadpool_limits

    scans = known_scans()
    part = split(scans)
    # sums in another order differ in their last digits, and the file would
    with threadpool_limits(1):
        beside = {chain: plm_features(model, chain) for chain in {scan.chain for scan in scans}}
        tables, informed = fit_tables(scans, part), fit_tables(scans, part, beside)
        variances = default_variances(scans, tables, SEED)
    for folder in (out, results):
        folder.mkdir(parents=True, exist_ok=True)
    write_whole(out / "substitutions.npz", packed(tables))
    known = np.frombuffer(bytes.fromhex(fingerprint(model.source, model.revision)), np.uint8)
    write_whole(out / "informed.npz", packed(informed, model=known))
    named = dict(zip(NAMES, variances.round(4).tolist(), strict=True))
    write_whole(results / "variances.json", json.dumps(named, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
