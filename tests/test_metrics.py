"""Ranks and rank correlation, beside SciPy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import rankdata, spearmanr
from sklearn.metrics import average_precision_score

from activeloop.metrics import average_precision, ranks, rounding_tied, spearman

NUMBERS = st.one_of(st.integers(-5, 5).map(float), st.floats(-1e9, 1e9), st.just(np.inf))
PAIRS = hnp.arrays(float, st.tuples(st.just(2), st.integers(3, 30)), elements=NUMBERS)


@given(PAIRS)
def test_they_are_scipys(pair: np.ndarray):
    a, b = pair
    assert np.array_equal(ranks(a), rankdata(a))
    if len(set(a)) > 1 and len(set(b)) > 1:
        assert spearman(a, b) == pytest.approx(spearmanr(a, b).statistic, abs=1e-11)


@pytest.mark.parametrize("a", [[], [1.0], [2.0, 2.0, 2.0], [1.0, np.nan, 2.0]])
def test_nothing_is_made_up(a: list[float]):
    assert np.isnan(spearman(np.array(a), np.arange(float(len(a)))))


@pytest.mark.parametrize(("a", "b"), [([], []), ([1.0, 2.0], [1.0, 2.0]), ([1.0, 1.0, 1.0], [1.0, 2.0, 3.0])])
def test_what_is_undefined_is_said_as_asked(a: list[float], b: list[float]):
    assert spearman(np.array(a), np.array(b), fewest=3, undefined=-2.0) == -2.0


def test_rounding_is_no_order():
    assert np.isnan(spearman(rounding_tied(np.array([0.1 + 0.2, 0.3])), np.array([1.0, 2.0])))
    assert spearman(rounding_tied(np.array([1.0, 2.0, 3.0])), np.array([1.0, 4.0, 9.0])) == 1.0


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=30))
def test_average_precision_is_that_of_scikit_learn(pairs: list[tuple[int, bool]]):
    score, hit = np.array([s for s, _ in pairs], float), np.array([h for _, h in pairs])
    if hit.any():
        assert average_precision(score, hit) == pytest.approx(average_precision_score(hit, score))
    else:
        assert np.isnan(average_precision(score, hit))
