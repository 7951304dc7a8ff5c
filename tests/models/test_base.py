"""What every learner is given of an assay."""

from dataclasses import replace

import numpy as np

from activeloop.metrics import spearman
from activeloop.models import MutationGP


def test_bounds_that_are_far_off_mislead_less_than_values_would(pools, planted, truth):
    pool = pools["variants"]
    dataset = planted(pool, 80)
    wrong = dataset.values.copy()
    wrong[:20] = dataset.values.max()  # "below the limit", learned as if it had been measured
    values = replace(dataset, values=wrong)
    bounds = replace(values, censored=np.where(np.arange(80)[:, None] < 20, -1, 0).astype(np.int8))
    others = np.setdiff1d(np.arange(len(pool)), dataset.rows)[:800]
    found = [
        spearman(MutationGP().fit(d, 0).predict(pool, others, 0, 0).mean[:, 0], truth(pool)[others])
        for d in (values, bounds)
    ]
    assert found[1] > found[0] + 0.01
