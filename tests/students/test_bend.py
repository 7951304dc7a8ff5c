"""The scale on which a student learns its teacher's values."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from activeloop.students.distil.bend import Bend, chosen_bend
from activeloop.students.distil.modules import Bent

VALUES = hnp.arrays(float, st.integers(1, 300), elements=st.floats(-5, 5, width=32))


@given(VALUES, st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 3))
def test_values_come_back_and_order_stays(values: np.ndarray, share: float, sd: float):
    bend = Bend.of([values], [sd], [share])
    column = np.concatenate([np.sort(values), [values.max() + 3]])[:, None]
    targets = bend.to_target(column)
    np.testing.assert_allclose(bend.to_value(targets), column, atol=1e-6)
    assert (np.diff(targets[:, 0]) >= 0).all()
    assert (bend.slope(targets) > 0).all()


def test_the_graph_computes_what_the_map_is():
    rng = np.random.default_rng(0)
    bend = Bend.of([np.exp(rng.standard_normal(2000)), rng.standard_normal(5)], [0.3, 0.5], [0.0, 1.0])
    targets = rng.normal(0, 3, (500, 2))
    values, slopes = Bent(bend)(torch.from_numpy(targets).float())
    np.testing.assert_allclose(values.numpy(), bend.to_value(targets), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(slopes.numpy(), bend.slope(targets), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("bent", "straight"), [(np.exp, False), (lambda x: x, True)])
def test_the_scale_on_which_effects_add_up_is_chosen(bent, straight: bool):
    rng = np.random.default_rng(0)
    effects, mutated = rng.standard_normal(40), rng.random((600, 40)) < 0.1
    values = bent(mutated @ effects)[:, None]
    values = (values - values.mean()) / values.std()

    def additive(targets: np.ndarray) -> np.ndarray:
        columns = np.column_stack([mutated, np.ones(600)])
        return columns[500:] @ np.linalg.lstsq(columns[:500], targets, rcond=None)[0]

    assert chosen_bend(values[:500], np.array([0.5]), additive, values[500:]).is_straight is straight
