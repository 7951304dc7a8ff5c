"""Published five-fold results, to stand beside ours."""

from __future__ import annotations

import csv
import gzip
import os
from functools import lru_cache
from pathlib import Path

from activeloop.benchmarks.datasets import DATA
from activeloop.benchmarks.folds import FoldRule

_FILE = (
    "protein/proteingym_ref/benchmarks/DMS_supervised/substitutions/Spearman/"
    "DMS_substitutions_Spearman_DMS_level_fold_{}_5.csv.gz"
)


def published_spearman(assay: str, rule: FoldRule) -> dict[str, float]:
    """ProteinGym's supervised benchmark (Notin et al. 2023): Spearman by model, for an assay and a rule of folds.

    Read from `$ACTIVELOOP_DATA`; {} when that is not set, or does not list the assay.
    """
    folder = os.environ.get(DATA)
    path = Path(folder) / _FILE.format(rule) if folder else None
    if path is None or not path.is_file():
        return {}
    row = _table(path).get(assay, {})
    return {model: float(value) for model, value in row.items() if model != "DMS_id" and value}


@lru_cache(maxsize=3)
def _table(path: Path) -> dict[str, dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return {row["DMS_id"]: row for row in csv.DictReader(file)}
