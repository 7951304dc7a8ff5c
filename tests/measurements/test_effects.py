from __future__ import annotations

import numpy as np
import pytest

from activeloop.measurements.effects import moderated_variances, plate_effects


def layout(rng: np.random.Generator, plates: int) -> tuple[np.ndarray, np.ndarray]:
    """An unbalanced layout: 9 candidates on one plate or several, each plate linked to the next."""
    candidates = np.concatenate([np.arange(plates), np.arange(plates), rng.integers(0, 9, 30)])
    on = np.concatenate([np.arange(plates), (np.arange(plates) + 1) % plates, rng.integers(0, plates, 30)])
    _, candidates = np.unique(candidates, return_inverse=True)
    return candidates, on


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("plates", [2, 3, 5])
def test_shifts_solve_the_mixed_model_equations(seed, plates):
    rng = np.random.default_rng(seed)
    candidates, on = layout(rng, plates)
    values = rng.normal(size=9)[candidates % 9] + rng.normal(size=plates)[on] + rng.normal(0, 0.3, len(on))
    effects = plate_effects(values, candidates, on, plates)
    ratio = (effects.sd / effects.noise) ** 2
    x, z = np.eye(candidates.max() + 1)[candidates], np.eye(plates)[on]
    left = np.block([[x.T @ x, x.T @ z], [z.T @ x, z.T @ z + np.eye(plates) / ratio]])
    solved = np.linalg.solve(left, np.concatenate([x.T @ values, z.T @ values]))
    kept = len(solved) - plates
    np.testing.assert_allclose(effects.shifts, solved[kept:], atol=0.08)  # a few values were pulled in
    assert effects.shifts.sum() == pytest.approx(0.0, abs=1e-8)
    shared = effects.sd**2 / plates  # of the offset that all plates have in common, which no difference depends on
    np.testing.assert_allclose(
        effects.covariance, effects.noise**2 * np.linalg.inv(left)[kept:, kept:] - shared, atol=1e-6 * max(1.0, shared)
    )


def test_a_shift_of_all_values_changes_nothing_and_a_factor_scales():
    rng = np.random.default_rng(0)
    candidates, on = layout(rng, 3)
    values = rng.normal(size=len(on)) + np.array([0.0, 2.0, 5.0])[on]
    plain = plate_effects(values, candidates, on, 3)
    moved = plate_effects(3.0 * values + 100.0, candidates, on, 3)
    np.testing.assert_allclose(moved.shifts, 3.0 * plain.shifts, rtol=1e-6)
    assert moved.noise == pytest.approx(3.0 * plain.noise)
    assert moved.sd == pytest.approx(3.0 * plain.sd)


def test_plates_without_effect_are_hardly_shifted():
    sizes = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        on = np.repeat(np.arange(6), 8)
        sizes.append(np.abs(plate_effects(rng.normal(size=48), np.zeros(48, int), on, 6).shifts).mean())
    raw = np.sqrt(2 / np.pi) / np.sqrt(8)  # mean size of a plate's mean of eight
    assert np.mean(sizes) < 0.6 * raw


def test_groups_of_plates_that_nothing_links():
    candidates, on = np.array([0, 0, 0, 1, 1, 1, 2, 2]), np.array([0, 1, 1, 2, 3, 3, 4, 4])
    effects = plate_effects(np.array([1.0, 2.0, 2.1, 5.0, 5.5, 5.4, 9.0, 9.1]), candidates, on, 5)
    assert effects.unlinked.tolist() == [0, 0, 2, 2, 4]
    assert effects.shifts[0] == pytest.approx(-effects.shifts[1])
    assert effects.shifts[4] == 0.0


def test_nothing_measured_has_no_effects():
    none = np.empty(0, np.int64)
    effects = plate_effects(np.empty(0), none, none, 0)
    assert (effects.shifts.shape, effects.noise, effects.freedom) == ((0,), 0.0, 0)


def test_equal_noise_gives_almost_always_everyone_the_pooled_variance():
    freedom, alike = np.full(40, 2), 0
    for seed in range(40):
        squares = 0.25 * np.random.default_rng(seed).chisquare(2, 40)
        alike += np.ptp(moderated_variances(squares, freedom, 0.25, 80)) == 0
    assert alike >= 36


def test_unequal_noise_pulls_each_towards_the_pooled_variance():
    freedom = np.full(40, 5)
    squares = np.where(np.arange(40) % 2, 0.05, 50.0)
    variances = moderated_variances(squares, freedom, 5.0, 200)
    assert 0.01 < variances[1] < 5.0 < variances[0]
