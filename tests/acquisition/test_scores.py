"""Scores against closed forms, brute force and their properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from activeloop.acquisition import (
    BALD,
    EPIG,
    AcquisitionContext,
    Entropy,
    ExpectedImprovement,
    NoisyExpectedImprovement,
    PowerSampling,
    ProbabilityOfHit,
    Scalarised,
    UpperConfidenceBound,
    entropy,
    mutual_information,
)
from activeloop.acquisition.base import best_first
from activeloop.acquisition.learning import class_epig
from activeloop.errors import ConfigError, ModelError
from activeloop.prediction import Prediction, ValueMap


def blank(best=np.nan, seed=0, **kw):
    return AcquisitionContext(
        np.atleast_1d(np.asarray(best, float)), np.random.default_rng(seed), np.array([np.nan]), **kw
    )


def marginal(mean, sd):
    mean = np.atleast_1d(mean)[:, None].astype(float)
    return Prediction(np.zeros((0, len(mean), 1)), mean, np.broadcast_to(sd, mean.shape).astype(float), np.zeros(1))


probabilities = st.integers(0, 10_000).map(
    lambda seed: np.random.default_rng(seed).dirichlet(np.full(2 + seed % 3, 0.3), size=(7, 5))
)


@given(probabilities)
@settings(max_examples=60, deadline=None)
def test_information_lies_between_zero_and_entropy_and_entropy_below_log_c(probs):
    information, whole = mutual_information(probs), entropy(probs.mean(0))
    assert (information >= 0).all()
    assert (information <= whole + 1e-12).all()
    assert (whole <= np.log(probs.shape[2]) + 1e-12).all()


@given(probabilities)
@settings(max_examples=60, deadline=None)
def test_information_about_a_target_is_at_most_that_about_the_model(probs):
    epig = class_epig(probs, probs[:, :1])
    assert (epig >= 0).all()
    assert (epig <= mutual_information(probs) + 1e-9).all()


def test_draws_that_agree_carry_no_information():
    probs = np.tile([[[0.3, 0.7], [0.5, 0.5]]], (6, 1, 1))
    prediction = Prediction.of_draws(probs, classes=("a", "b"))
    assert np.allclose(BALD()(prediction, blank()), 0.0)
    assert np.allclose(EPIG()(prediction, blank()), 0.0)
    assert Entropy()(prediction, blank())[1] == pytest.approx(np.log(2))


def test_class_epig_against_a_sum_over_outcomes():
    rng = np.random.default_rng(0)
    probs, targets = rng.dirichlet([1, 1, 1], (5, 4)), rng.dirichlet([1, 1, 1], (5, 6))
    slow = np.zeros(4)
    for i in range(4):
        for j in range(6):
            for a in range(3):
                for b in range(3):
                    both = np.mean(probs[:, i, a] * targets[:, j, b])
                    slow[i] += both * np.log(both / (probs[:, i, a].mean() * targets[:, j, b].mean())) / 6
    assert np.allclose(class_epig(probs, targets), slow)


def test_value_epig_against_the_closed_form_of_two_gaussians():
    rng = np.random.default_rng(1)
    cov = np.array([[1.0, 0.8], [0.8, 2.0]])
    draws = rng.multivariate_normal([0, 0], cov, 200_000)
    draws = (draws - draws.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(draws.T)).T) @ np.linalg.cholesky(cov).T
    prediction = Prediction.of_draws(draws[:, :, None], np.array([0.5]))
    got = EPIG()(prediction.take(np.array([0])), blank(target=prediction.take(np.array([1]))))
    assert got[0] == pytest.approx(-0.5 * np.log(1 - 0.64 / (1.25 * 2.25)), rel=1e-4)


def test_bald_of_values_is_the_gaussian_information():
    prediction = Prediction(np.zeros((2, 1, 1)), np.zeros((1, 1)), np.array([[2.0]]), np.array([0.5]))
    assert BALD()(prediction, blank())[0] == pytest.approx(0.5 * np.log(1 + 4 / 0.25))


@given(st.floats(-50, 50), st.floats(0, 20), st.floats(-50, 50))
@settings(max_examples=200, deadline=None)
def test_expected_improvement_is_at_least_what_the_mean_improves(mean, sd, best):
    score = ExpectedImprovement()(marginal(mean, sd), blank(best))[0]
    assert score >= max(0.0, mean - best)
    assert np.isfinite(score)


def test_expected_improvement_against_an_integral():
    x = np.linspace(-9, 9, 200_001)
    slow = np.trapezoid(np.maximum(0.3 + 1.7 * x - 1.0, 0) * norm.pdf(x), x)
    assert ExpectedImprovement()(marginal(0.3, 1.7), blank(1.0))[0] == pytest.approx(slow, rel=1e-6)


def test_noisy_improvement_tends_to_expected_improvement_when_the_best_is_certain():
    rng = np.random.default_rng(0)
    draws = rng.standard_normal((100_000, 2, 1)) * [[1.0], [2.0]] + [[0.0], [-1.0]]
    prediction = Prediction.of_draws(draws)
    known = Prediction.of_draws(np.full((100_000, 1, 1), 0.5))
    noisy = NoisyExpectedImprovement()(prediction, blank(9.0, measured=known))
    assert np.allclose(noisy, ExpectedImprovement()(marginal([0.0, -1.0], [[1.0], [2.0]]), blank(0.5)), atol=0.01)


def test_noisy_improvement_compares_within_a_draw():
    # In each draw the candidate is 1 above the measured one, however far both move together.
    shift = np.random.default_rng(0).standard_normal((50, 1, 1)) * 10
    got = NoisyExpectedImprovement()(Prediction.of_draws(shift + 1), blank(5.0, measured=Prediction.of_draws(shift)))
    assert got[0] == pytest.approx(1.0)


def test_probability_of_hit_uses_the_campaigns_threshold_and_its_own_first():
    prediction = marginal([0.0, 2.0], 1.0)
    stated = AcquisitionContext(np.array([9.0]), np.random.default_rng(0), np.array([1.0]))
    assert np.allclose(ProbabilityOfHit()(prediction, stated), norm.cdf([-1.0, 1.0]))
    assert np.allclose(ProbabilityOfHit(2.0)(prediction, stated), norm.cdf([-2.0, 0.0]))
    assert np.allclose(ProbabilityOfHit()(prediction, blank(0.0)), norm.cdf([0.0, 2.0]))


def test_one_weight_is_that_assay_alone():
    draws = np.random.default_rng(0).standard_normal((40, 6, 2))
    prediction = Prediction.of_draws(draws)
    one = Scalarised((0.0, 1.0), UpperConfidenceBound(1.0))(prediction, blank([np.nan, np.nan]))
    assert np.allclose(one, prediction.mean[:, 1] + prediction.sd[:, 1])


def test_the_weakest_assay_decides_under_chebyshev():
    draws = np.tile([[[1.0, 1.0], [3.0, 0.0]]], (4, 1, 1))
    prediction = Prediction.of_draws(draws)
    linear = Scalarised(score=UpperConfidenceBound(0.0))(prediction, blank([np.nan] * 2))
    weakest = Scalarised(score=UpperConfidenceBound(0.0), method="chebyshev")(prediction, blank([np.nan] * 2))
    assert linear.argmax() == 1
    assert weakest.argmax() == 0


def test_assays_of_different_scale_count_the_same():
    rng = np.random.default_rng(0)
    values, draws = rng.standard_normal((9, 2)), rng.standard_normal((20, 5, 2))
    scale = np.array([1.0, 1000.0])
    plain = Scalarised()(Prediction.of_draws(draws), blank([0.0, 0.0], values=values))
    scaled = Scalarised()(Prediction.of_draws(draws * scale), blank([0.0, 0.0], values=values * scale))
    assert np.allclose(plain, scaled)


def test_misuse_is_explained():
    several = Prediction.of_draws(np.random.default_rng(0).standard_normal((4, 3, 2)))
    with pytest.raises(ModelError, match="Scalarised"):
        UpperConfidenceBound()(several, blank())
    with pytest.raises(ModelError, match="joint draws"):
        EPIG()(marginal(0.0, 1.0), blank())
    with pytest.raises(ConfigError, match="weights"):
        Scalarised((1.0, -1.0))
    with pytest.raises(ConfigError, match="coldness"):
        PowerSampling("power", -1.0)
    with pytest.raises(ConfigError, match="3 weights for 2 assays"):
        Scalarised((1.0, 1.0, 1.0))(several, blank([np.nan] * 2))


def test_on_logarithms_a_plausible_gain_is_a_factor():
    places = Prediction(np.zeros((0, 1, 1)), np.array([[1.0]]), np.array([[0.5]]), np.zeros(1))
    reason = UpperConfidenceBound().reason(places.in_values([ValueMap(log=True)]), 0)
    assert reason == "a good prediction: value 10, and it could plausibly be better by a factor of 3.2"


def test_candidates_that_may_reach_the_highest_value_follow_their_means_and_no_gain_goes_beyond_it():
    mean, sd = np.array([[0.57], [0.83], [0.70], [0.2]]), np.array([[1.0], [0.9], [1.0], [0.1]])
    bounded = Prediction(np.zeros((0, 4, 1)), mean, sd, np.zeros(1), maps=(ValueMap(low=0, high=1),))
    score, context = UpperConfidenceBound(), blank(highest=np.array([1.0]))
    order = [best_first(score(bounded, context), 4, np.random.default_rng(seed)).tolist() for seed in range(8)]
    assert order == [[1, 2, 0, 3]] * 8
    assert score.reason(bounded, 0) == "a good prediction: value 0.57, and it could plausibly be better by 0.43"
