"""The Gaussian process over sites agrees with plain linear algebra, and finds what was planted."""

import numpy as np
import pytest

from activeloop.candidates import Pool
from activeloop.measurements import Dataset
from activeloop.metrics import spearman
from activeloop.models.gp.site_gp import SiteGP, SitePredictor
from activeloop.models.gp.site_kernel import SiteKernel, SiteLikelihood, prior_samples, residue_coordinates

ALPHABET = "ACDEFGHIKLMNPQRSTVWY-"


@pytest.fixture(scope="module")
def library() -> Pool:
    return Pool.combinatorial("VDGV", sites=[1, 2, 3, 4], letters="ADFGKLVWY")


@pytest.fixture(scope="module")
def kernel(library: Pool) -> SiteKernel:
    coordinates = tuple(residue_coordinates(ALPHABET, np.arange(20)) * 0.7 for _ in range(4))
    return SiteKernel(np.array([0.2, 0.5, 0.3, 0.4]), coordinates, np.array([0.3, 0.4, 0.8]))


def test_residues_differ_by_one_on_average() -> None:
    coordinates = residue_coordinates(ALPHABET, np.arange(20))
    squared = np.square(coordinates[:, :, None] - coordinates[:, None, :])[:, :20, :20]
    assert squared.sum((1, 2)) / (20 * 19) == pytest.approx(np.ones(5))
    assert residue_coordinates(ALPHABET, np.array([0, 1, 1])).shape == (0, 21)
    assert residue_coordinates("01", np.array([0, 1])).shape == (0, 2)


def test_the_covariance_is_the_formula(kernel: SiteKernel) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 20, (2, 1, 4))
    k = np.array([kernel.tables[s][x[0, s], y[0, s]] for s in range(4)])
    pairs = [k[s] * k[t] for s in range(4) for t in range(s)]
    expected = 0.3 * k.mean() + 0.4 * np.mean(pairs) + 0.8 * k.prod()
    assert kernel.between(x, y)[0, 0] == pytest.approx(expected)
    assert kernel.between(x, x)[0, 0] == pytest.approx(1.5)


def test_prior_samples_have_the_covariance_of_the_kernel(kernel: SiteKernel) -> None:
    x = np.random.default_rng(1).integers(0, 20, (30, 4))
    x[1] = x[0]
    x[2, :3] = x[0, :3]
    draws = np.concatenate([prior_samples(kernel, x, seed, 200) for seed in range(20)])
    assert np.cov(draws.T) == pytest.approx(kernel.between(x, x), abs=0.2)
    assert draws[:, 0] == pytest.approx(draws[:, 1])


def test_the_slope_of_the_likelihood_is_right(library: Pool) -> None:
    rng = np.random.default_rng(2)
    x = library.codes(rng.permutation(len(library))[:40])
    coordinates = tuple(residue_coordinates(ALPHABET, c) for c in x.T)
    likelihood = SiteLikelihood(coordinates, x, rng.standard_normal(40), np.zeros(40))
    at = likelihood.hyperpriors[0] + 0.3 * rng.standard_normal(len(likelihood.hyperpriors[0]))
    _, slope = likelihood(at)
    for i in range(len(at)):
        step = np.eye(len(at))[i] * 1e-5
        assert (likelihood(at + step)[0] - likelihood(at - step)[0]) / 2e-5 == pytest.approx(slope[i], abs=1e-3)


@pytest.mark.parametrize("ranked", [False, True])
def test_an_epistatic_library_is_learned(library: Pool, kernel: SiteKernel, ranked: bool) -> None:
    every = np.arange(len(library))
    kernel = SiteKernel(kernel.unequal / 4, tuple(c / 3 for c in kernel.coordinates), kernel.variances)
    truth = prior_samples(kernel, library.codes(every), 5, 1)[0].astype(float)
    rows = np.random.default_rng(3).permutation(len(library))[:300]
    fitted = SiteGP(ranked).fit(Dataset.of(library, rows, truth[rows]), seed=0)
    assert isinstance(fitted, SitePredictor)
    left = np.setdiff1d(every, rows)
    prediction = fitted.predict(library, left, seed=0, draws=128)
    assert spearman(prediction.mean[:, 0], truth[left]) > 0.8
    assert (
        np.mean(np.abs(prediction.mean[:, 0] - truth[left]) < 1.645 * np.hypot(prediction.sd, prediction.noise)[:, 0])
        > 0.8
    )
    assert prediction.draws[:, :, 0].mean(0) == pytest.approx(prediction.mean[:, 0], abs=0.5)
    assert np.median(prediction.draws[:, :, 0].std(0) / prediction.sd[:, 0]) == pytest.approx(1.0, abs=0.2)
    assert spearman(fitted.held_out(), truth[rows]) > 0.75


def test_a_part_of_the_rows_gets_the_same_predictions(library: Pool) -> None:
    rows = np.arange(0, 200, 2)
    fitted = SiteGP().fit(Dataset.of(library, rows, np.sin(rows)), seed=0)
    whole = fitted.predict(library, np.arange(50), 7, 16)
    piece = fitted.predict(library, np.arange(20, 30), 7, 16)
    assert whole.draws[:, 20:30] == pytest.approx(piece.draws, abs=1e-4)
    assert whole.mean[20:30] == pytest.approx(piece.mean, abs=1e-5)


def test_genotypes_of_zeros_and_ones() -> None:
    pool = Pool.combinatorial(None, sites=list(range(1, 9)), letters="01")
    truth = pool.codes() @ np.arange(1.0, 9.0)
    rows = np.random.default_rng(0).permutation(256)[:60]
    fitted = SiteGP().fit(Dataset.of(pool, rows, truth[rows]), 0)
    assert spearman(fitted.predict(pool, np.arange(256), 0, 0).mean[:, 0], truth) > 0.95


def test_a_single_site_has_no_pairs(kernel: SiteKernel) -> None:
    alone = SiteKernel(kernel.unequal[:1], kernel.coordinates[:1], kernel.variances)
    x = np.array([[3]])
    assert alone.between(x, x)[0, 0] == pytest.approx(alone.own_variance(x)[0])
    zeros = np.zeros((1, 4), int)
    assert kernel.between(zeros, zeros)[0, 0] == pytest.approx(kernel.own_variance(zeros)[0])
