"""Expression of genes as tokens: ranks as Geneformer reads them, bins as scGPT does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from activeloop.errors import InputError

#: counts of a cell before its genes are compared
TOTAL = 10_000.0
#: bins of scGPT, that of zeros counted
BINS = 51


def _dense(counts: Any) -> np.ndarray:
    return np.asarray(counts.todense() if hasattr(counts, "todense") else counts, np.float64)


def ranked_genes(counts: Any, genes: Sequence[str], medians: np.ndarray | None = None, most: int = 2048) -> list[str]:
    """Cells as Geneformer reads them: names of the expressed genes, the strongest for that gene first.

    Counts are scaled to 10,000 a cell and divided by the gene's median over a corpus, so that a gene that is high
    everywhere does not come first everywhere. Of equal values the gene that stands first in the table comes first.

    Args:
        counts: [N, G] raw counts, dense or sparse.
        genes: [G] their names, as the vocabulary of the checkpoint has them.
        medians: [G] of the non-zero scaled counts of each gene in the corpus that the checkpoint was trained on; NaN
            for genes that it lacks, which are left out. None: all 1.
        most: genes of one cell.

    Source: Theodoris et al. 2023, doi:10.1038/s41586-023-06139-9.

    >>> (
    ...     ranked_genes(np.array([[2, 0, 6]]), ["A", "B", "C"]),
    ...     ranked_genes([[2, 0, 6]], list("ABC"), np.array([1, 1, 9])),
    ... )
    (['C A'], ['A C'])
    """
    values = _dense(counts)
    total = np.maximum(values.sum(1, keepdims=True), 1e-12)
    scaled = values / total * TOTAL
    if medians is not None:
        scaled = np.nan_to_num(scaled / medians, nan=0.0, posinf=0.0)
    order = np.argsort(-scaled, axis=1, kind="stable")[:, :most]
    names = np.asarray(genes, dtype=object)
    return [" ".join(names[row[one[row] > 0]]) for row, one in zip(order, scaled, strict=True)]


def value_bins(counts: Any, bins: int = BINS) -> np.ndarray:
    """[N, G] int64: each value's bin among the non-zero values of its cell, as scGPT reads them; zeros are bin 0.

    Edges are quantiles of the cell, so that depth of sequencing and scale do not matter. A value on an edge belongs to
    the bin above it (scGPT draws lots there, which would make features differ from run to run).

    Args:
        counts: [N, G] values from 0 on, dense or sparse.
        bins: how many, that of zeros counted.

    Source: Cui et al. 2024, doi:10.1038/s41592-024-02201-0.

    >>> value_bins([[0, 1, 2, 4, 8]], bins=5).tolist(), value_bins([[0, 10, 20, 40, 80]], bins=5).tolist()
    ([[0, 1, 2, 3, 4]], [[0, 1, 2, 3, 4]])
    """
    values = _dense(counts)
    if (values < 0).any():
        raise InputError("expression below 0 (scaled values?): bins need counts or log-normalised values.")
    out = np.zeros(values.shape, np.int64)
    for cell, row in zip(out, values, strict=True):
        known = row > 0
        if known.any():
            edges = np.quantile(row[known], np.linspace(0, 1, bins)[1:-1])
            cell[known] = 1 + np.searchsorted(edges, row[known], side="right")
    return out
