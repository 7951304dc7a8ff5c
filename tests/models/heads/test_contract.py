"""What every head promises, whatever its posterior is made of."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from activeloop.errors import ModelError
from activeloop.models.heads.base import Head, HeadInputs, Posterior
from activeloop.models.heads.dropout import DropoutHead
from activeloop.models.heads.gp import GPHead
from activeloop.models.heads.laplace import LaplaceHead
from activeloop.models.registry import HEADS
from activeloop.testing import Check, checks

CASES: dict[str, Head] = {
    "last layer": LaplaceHead(),
    "dropout": DropoutHead(),
    "dropout, given rate": DropoutHead(rate=0.1),
    "process": GPHead(),
    "process, rbf": GPHead(kernel="rbf"),
}


CHECKS = {f"{name}: {check}": check for name, head in CASES.items() for check in checks(head)}


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_contract(check: Check):
    check()


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def head(request: pytest.FixtureRequest) -> Head:
    return request.param


def planted(count: int, width: int = 6, scores: int = 0, seed: int = 0) -> tuple[HeadInputs, np.ndarray]:
    """Inputs and a truth that is linear in features of very different scales."""
    rng = np.random.default_rng([seed, width])
    scales, weights = 10.0 ** rng.uniform(-1, 1, width), rng.standard_normal(width)
    standard = np.random.default_rng([seed, count, 1]).standard_normal((count, width))
    truth = standard @ weights / np.sqrt(width)
    features = (5 + standard * scales).astype(np.float32)
    prior_scores = truth[:, None] * np.ones(scores) + np.random.default_rng(seed).standard_normal((count, scores))
    return HeadInputs(features, prior_scores), truth


def fitted(head: Head, count: int = 40, width: int = 6, scores: int = 0) -> tuple[Posterior, HeadInputs, np.ndarray]:
    inputs, truth = planted(count, width, scores)
    return head.fit(inputs, (truth - truth.mean()) / truth.std(), np.ones(count), 0), inputs, truth


def test_draws_are_joint(head: Head):
    posterior, _, _ = fitted(head, 12, 40)
    inputs, _ = planted(2, 40, seed=3)
    near = HeadInputs(np.stack([inputs.features[0], inputs.features[0] + 1e-4]), inputs.prior_scores)
    draws = posterior.draws(near, 0, 300)
    assert np.corrcoef(draws[:, 0], draws[:, 1])[0, 1] > 0.999


def test_the_seed_decides(head: Head):
    first, inputs, _ = fitted(head)
    again, _, _ = fitted(head)
    np.testing.assert_array_equal(first.draws(inputs, 1, 9), again.draws(inputs, 1, 9))


def test_heavier_values_pull_the_mean(head: Head):
    inputs = HeadInputs(np.repeat(np.eye(2, dtype=np.float32), 20, 0), np.zeros((40, 0)))
    targets = np.tile([1.0, -1.0], 20)
    targets[20:] *= -1
    up, down = (head.fit(inputs, targets, np.where(np.sign(targets) == side, 1.0, 0.05), 0) for side in (1, -1))
    assert (up.marginals(inputs)[0] > down.marginals(inputs)[0]).all()


def test_a_state_is_the_same_posterior(head: Head):
    posterior, inputs, _ = fitted(head, 20, 30, scores=2)
    state = {key: np.array(value, copy=True) for key, value in posterior.state().items()}
    restored = head.restore(state)
    np.testing.assert_array_equal(posterior.draws(inputs, 1, 9), restored.draws(inputs, 1, 9))
    np.testing.assert_array_equal(posterior.marginals(inputs), restored.marginals(inputs))
    np.testing.assert_array_equal(posterior.leave_one_out(), restored.leave_one_out())
    assert posterior.noise == restored.noise


def test_leave_one_out_predictions_are_worse_than_fitted_ones_and_still_good(head: Head):
    posterior, inputs, truth = fitted(head, 40, 60)
    targets = (truth - truth.mean()) / truth.std()
    left_out = posterior.leave_one_out()
    known = np.isfinite(left_out)
    assert left_out.shape == (40,)
    assert known.mean() > 0.8
    seen = posterior.marginals(inputs)[0]
    assert np.abs(left_out - targets)[known].mean() > np.abs(seen - targets)[known].mean()


def test_prior_scores_count_most_while_values_are_few(head: Head):
    errors = []
    for count in (4, 200):
        posterior, _, _ = fitted(head, count, 20, scores=1)
        inputs, truth = planted(300, 20, scores=1)
        errors.append(spearmanr(posterior.marginals(inputs)[0], truth).statistic)
    assert errors[0] > 0.3
    assert errors[1] > errors[0]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_values_are_enough(head: Head, count: int):
    targets = np.linspace(-1, 1, count) if count > 1 else np.zeros(1)
    posterior = head.fit(planted(count, 30, 1)[0], targets, np.ones(count), 0)
    inputs, _ = planted(20, 30, 1, seed=1)
    mean, sd = posterior.marginals(inputs)
    draws = posterior.draws(inputs, 0, 8)
    assert np.isfinite(mean).all()
    assert np.isfinite(draws).all()
    assert (sd > 0).all()
    assert np.ptp(draws, axis=0).max() > 0


def test_alike_values_are_no_trouble(head: Head):
    inputs, _ = planted(20)
    posterior = head.fit(inputs, np.zeros(20), np.ones(20), 0)
    np.testing.assert_allclose(posterior.marginals(inputs)[0], 0, atol=1e-6)
    assert np.isfinite(posterior.draws(inputs, 0, 4)).all()


def test_the_same_candidate_twice_is_no_trouble(head: Head):
    inputs, truth = planted(10, 30)
    twice = inputs.take(np.repeat(np.arange(10), 2))
    posterior = head.fit(twice, np.repeat(truth, 2), np.ones(20), 0)
    mean, sd = posterior.marginals(twice)
    np.testing.assert_array_equal(mean[::2], mean[1::2])
    assert np.isfinite(sd).all()


def test_a_feature_that_never_varied_may_vary_later(head: Head):
    inputs, truth = planted(30, 5)
    features = np.concatenate([inputs.features, np.full((30, 2), 7, np.float32)], axis=1)
    posterior = head.fit(HeadInputs(features, inputs.prior_scores), truth, np.ones(30), 0)
    moved = features.copy()
    moved[:, 5] += 1
    there, here = (posterior.marginals(HeadInputs(x, inputs.prior_scores)) for x in (moved, features))
    assert np.isfinite(there).all()
    assert (there[1] >= here[1] - 1e-9).all()


def test_no_features_leave_the_prior_scores_or_are_refused(head: Head):
    _, truth = planted(30)
    inputs = HeadInputs(np.zeros((30, 0), np.float32), truth[:, None] * 100)
    if "dropout" in head.name:
        with pytest.raises(ModelError, match="all draws are the same"):
            head.fit(inputs, truth, np.ones(30), 0)
    else:
        posterior = head.fit(inputs, truth, np.ones(30), 0)
        assert spearmanr(posterior.marginals(inputs)[0], truth).statistic > 0.99


def test_given_scales_are_those_of_a_fit_and_stay(head: Head):
    inputs, truth = planted(30, 6, 1)
    targets = truth + np.random.default_rng(7).standard_normal(30)
    targets = (targets - targets.mean()) / targets.std()
    data = targets, np.ones(30), 0
    scaled = head.with_scales(inputs, *data)
    assert type(scaled) is type(head)
    np.testing.assert_allclose(head.fit(inputs, *data).mean(inputs), scaled.fit(inputs, *data).mean(inputs), atol=1e-6)
    # features that know the targets leave no noise; scales that were learned before keep it
    knowing = HeadInputs(np.column_stack([inputs.features, 10 * targets]).astype(np.float32), inputs.prior_scores)
    assert scaled.fit(knowing, *data).noise >= head.fit(knowing, *data).noise - 1e-9
    if isinstance(head, LaplaceHead | GPHead):
        assert scaled.fit(knowing, *data).noise > 1.5 * head.fit(knowing, *data).noise


def test_every_name_is_a_case():
    assert {type(head) for head in CASES.values()} == set(HEADS.values())


def test_a_posterior_without_spread_is_refused():
    with pytest.raises(ModelError, match="without spread"):
        DropoutHead(rate=0.0)
    constant = HeadInputs(np.ones((5, 3), np.float32), np.zeros((5, 0)))
    with pytest.raises(ModelError, match="all draws are the same"):
        DropoutHead().fit(constant, np.arange(5.0), np.ones(5), 0)
