"""Fitted Gaussian processes against the textbook, their kernels against brute force."""

import numpy as np
import pytest

from activeloop.candidates import Guide, Pool
from activeloop.encoders import Morgan
from activeloop.errors import ModelError
from activeloop.measurements import Dataset
from activeloop.models import GuideGP, TanimotoGP
from activeloop.models.gp.exact import GPPredictor, fit_posterior
from activeloop.models.gp.guides import GuideKernel, GuideSpace
from activeloop.models.gp.tanimoto import Thresholds

RNG = np.random.default_rng(0)


def test_thresholds_are_minima_over_maxima():
    a, b = RNG.poisson(0.7, (7, 30)).astype(np.float32), RNG.poisson(0.7, (9, 30)).astype(np.float32)
    a[0] = b[0] = 0
    brute = np.array([[np.minimum(x, y).sum() / max(np.maximum(x, y).sum(), 1e-9) for y in b] for x in a])
    brute[0, 0] = 1
    np.testing.assert_allclose(Thresholds.of(a)(b), brute, rtol=1e-6)


def test_thresholds_agree_with_rdkit(pools):
    from rdkit import Chem, DataStructs
    from rdkit.Chem import rdFingerprintGenerator

    pool, rows = pools["compounds"], np.arange(0, 300, 25)
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    prints = [generator.GetCountFingerprint(Chem.MolFromSmiles(s)) for s in pool.names(rows)]
    theirs = np.array([DataStructs.BulkTanimotoSimilarity(p, prints) for p in prints])
    counts = Morgan().features(pool, rows)
    np.testing.assert_allclose(Thresholds.of(counts)(counts), theirs, rtol=1e-6)


def smooth(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    return np.exp(-0.5 * (x[:, None] - z) ** 2)


def test_the_posterior_is_the_textbooks():
    x, z = RNG.uniform(-3, 3, 25), np.linspace(-4, 4, 11)
    y, errors = np.sin(x), RNG.uniform(0, 0.3, 25)
    posterior = fit_posterior(smooth(x, x), y, errors)
    similarities = smooth(z, x)
    mean, variance = posterior.moments(similarities, posterior.process.whiten(similarities))
    cover = smooth(x, x) + np.diag(posterior.noise**2 / posterior.amplitude + errors**2)
    expected = posterior.mean + similarities @ np.linalg.solve(cover, y - posterior.mean)
    np.testing.assert_allclose(mean, expected, atol=1e-8)
    spread = 1 - np.einsum("ij,ji->i", similarities, np.linalg.solve(cover, similarities.T))
    np.testing.assert_allclose(variance, posterior.amplitude * spread, atol=1e-8)


def test_leave_one_out_is_a_fit_without_the_value():
    x = RNG.uniform(-3, 3, 20)
    y = np.sin(x) + 0.1 * RNG.standard_normal(20)
    posterior = fit_posterior(smooth(x, x), y, np.zeros(20))
    ratio = posterior.noise**2 / posterior.amplitude
    for i in (0, 7, 19):
        rest = np.arange(20) != i
        cover = smooth(x[rest], x[rest]) + ratio * np.eye(19)
        without = posterior.mean + smooth(x[[i]], x[rest]) @ np.linalg.solve(cover, y[rest] - posterior.mean)
        mean, variance = posterior.leave_one_out()
        assert mean[i] == pytest.approx(without[0])
        near = smooth(x[[i]], x[rest])[0]
        assert variance[i] == pytest.approx(posterior.amplitude * (1 - near @ np.linalg.solve(cover, near)))


def test_noise_is_found():
    x = np.linspace(-6, 6, 300)
    for noise in (0.05, 0.5):
        y = np.sin(x) + noise * RNG.standard_normal(300)
        found = fit_posterior(smooth(x, x), y, np.zeros(300)).noise
        assert found == pytest.approx(noise, rel=0.35)


def test_a_matrix_that_is_no_covariance_is_refused():
    with pytest.raises(ModelError, match="no covariance"):
        fit_posterior(np.array([[1.0, 5.0], [5.0, 1.0]]), np.array([1.0, -1.0]), np.zeros(2))


def test_an_uncertain_value_counts_less():
    gram, y = np.eye(2) * 0.5 + 0.5, np.array([1.0, -1.0])
    even = fit_posterior(gram, y, np.zeros(2))
    uneven = fit_posterior(gram, y, np.array([0.0, 3.0]))
    assert abs(even.mean) < 1e-9
    assert uneven.mean > 0.5


@pytest.mark.parametrize(("learner", "kind"), [(TanimotoGP(), "compounds"), (GuideGP(), "guides")])
def test_draws_of_similar_candidates_correlate(learner, kind, pools, planted):
    pool = pools[kind]
    model = learner.fit(planted(pool, 20), seed=0)
    prediction = model.predict(pool, np.arange(200), seed=0, draws=400)
    correlation = np.corrcoef(prediction.draws[:, :, 0].T)
    if kind == "compounds":
        counts = Morgan().features(pool, np.arange(200))
        kernel = Thresholds.of(counts)(counts)
    else:
        space = GuideSpace.of(pool)
        kernel = GuideKernel(space, space(pool, np.arange(200)))(pool, np.arange(200))
    upper = np.triu_indices(200, 1)
    assert np.corrcoef(correlation[upper], kernel[upper])[0, 1] > 0.4


def test_a_measured_compound_is_known_better(pools, planted):
    pool = pools["compounds"]
    dataset = planted(pool, 60)
    prediction = TanimotoGP().fit(dataset, 0).predict(pool, np.arange(len(pool)), 0, 0)
    measured = np.isin(np.arange(len(pool)), dataset.rows)
    assert prediction.sd[measured].mean() < 0.8 * prediction.sd[~measured].mean()


def test_guides_are_points_of_length_one(pools):
    pool = pools["guides"]
    points = GuideSpace.of(pool)(pool, np.arange(50))
    np.testing.assert_allclose((points**2).sum(0), 1)
    alike = GuideKernel(GuideSpace.of(pool), points)(pool, np.arange(50))
    np.testing.assert_allclose(np.diag(alike), 1)
    assert np.linalg.eigvalsh(alike).min() > -1e-9


def test_a_pool_of_two_guides_can_be_fitted():
    pool = Pool.of([Guide("ACGTACGTACGTACGTACGT"), Guide("ACGTACGTACGTACGTACGA")])
    prediction = GuideGP().fit(Dataset.of(pool, np.array([0]), np.array([3.0])), 0).predict(pool, np.arange(2), 0)
    assert np.isfinite(prediction.draws).all()
    assert prediction.mean[0, 0] == pytest.approx(3)


def test_a_large_pool_is_predicted_in_pieces(pools, planted, monkeypatch: pytest.MonkeyPatch):
    pool, rows = pools["guides"], np.arange(100)
    model = GuideGP().fit(planted(pool, 30), 0)
    whole = model.predict(pool, rows, 1, 5)
    monkeypatch.setattr(GPPredictor, "piece", 7)
    pieces = model.predict(pool, rows, 1, 5)
    for field in ("draws", "mean", "sd"):
        np.testing.assert_allclose(getattr(pieces, field), getattr(whole, field), rtol=1e-6, atol=1e-6)
