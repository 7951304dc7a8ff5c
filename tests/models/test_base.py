"""What every learner is given of an assay."""

from dataclasses import replace

import numpy as np
import pytest

from activeloop.metrics import spearman
from activeloop.models import MutationGP
from activeloop.models.base import checked_column


def test_a_censored_value_counts_for_less_than_a_measured_one(pools, planted):
    dataset = planted(pools["variants"], 40)
    censored = replace(dataset, censored=np.where(np.arange(40)[:, None] < 5, -1, 0).astype(np.int8))
    column = checked_column(censored, 0)
    assert column.errors[:5, 0] == pytest.approx(np.full(5, dataset.values.std()))
    assert (column.errors[5:] == 0).all()


def test_bounds_that_are_far_off_mislead_less_than_values_would(pools, planted, truth):
    pool = pools["variants"]
    dataset = planted(pool, 80)
    wrong = dataset.values.copy()
    wrong[:20] = dataset.values.max()  # "above the limit", learned as if it had been measured
    values = replace(dataset, values=wrong)
    bounds = replace(values, censored=np.where(np.arange(80)[:, None] < 20, 1, 0).astype(np.int8))
    others = np.setdiff1d(np.arange(len(pool)), dataset.rows)[:800]
    found = [
        spearman(MutationGP().fit(d, 0).predict(pool, others, 0, 0).mean[:, 0], truth(pool)[others])
        for d in (values, bounds)
    ]
    assert found[1] > found[0] + 0.01
