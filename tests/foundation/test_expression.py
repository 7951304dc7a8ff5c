"""Ranks and bins of expression, and kinds of gene ids."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from activeloop.errors import InputError
from activeloop.foundation.expression import ranked_genes, value_bins

COUNTS = np.random.default_rng(0).poisson(1.5, (20, 30))
GENES = [f"G{i}" for i in range(30)]


def test_ranks_and_bins_ignore_depth_and_take_sparse_counts():
    assert ranked_genes(COUNTS, GENES) == ranked_genes(3 * COUNTS, GENES) == ranked_genes(csr_matrix(COUNTS), GENES)
    assert (value_bins(COUNTS) == value_bins(3 * COUNTS)).all()
    assert (value_bins(COUNTS) == value_bins(csr_matrix(COUNTS))).all()


def test_only_expressed_genes_are_ranked_and_no_more_than_fit():
    for text, row in zip(ranked_genes(COUNTS, GENES), COUNTS, strict=True):
        assert set(text.split()) == {g for g, v in zip(GENES, row, strict=True) if v}
    assert all(len(text.split()) == 5 for text in ranked_genes(COUNTS, GENES, most=5))


def test_medians_put_what_is_high_everywhere_last_and_leave_unknown_genes_out():
    medians = np.ones(30)
    medians[0], medians[1] = 1e6, np.nan
    texts = [text.split() for text in ranked_genes(COUNTS + 1, GENES, medians)]
    assert all(text[-1] == "G0" and "G1" not in text for text in texts)


def test_bins_are_ordered_as_values_are_and_zero_is_its_own():
    bins = value_bins(COUNTS, bins=6)
    assert ((bins == 0) == (COUNTS == 0)).all()
    for row, values in zip(bins, COUNTS, strict=True):
        order = np.argsort(values, kind="stable")
        assert (np.diff(row[order]) >= 0).all()
    assert bins.max() <= 5
    assert value_bins(np.zeros((2, 3))).tolist() == [[0, 0, 0], [0, 0, 0]]
    with pytest.raises(InputError, match="below 0"):
        value_bins(-np.ones((1, 2)))
