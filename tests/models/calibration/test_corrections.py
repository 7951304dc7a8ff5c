"""A correction learned from held-out values makes what a model states come true."""

import numpy as np
import pytest

from activeloop.models.calibration import Calibration, Conformal, Isotonic, OutOfFoldPredictions, TemperatureScaling
from activeloop.models.calibration.corrections import NoiseEstimation, ProbabilityTemperature, Rescaling, half_widths
from activeloop.models.calibration.held_out import OutOfFoldClasses, class_error
from activeloop.prediction import LEVELS, NORMAL, Prediction

METHODS = (TemperatureScaling(), Isotonic(), Conformal())


def planted(n: int, seed: int, stated: float = 1.0, noise: float = 0.0, skew: bool = False) -> OutOfFoldPredictions:
    """Errors that are twice as wide as their spread says (times `stated`), one of two widths a candidate."""
    rng = np.random.default_rng(seed)
    sd = rng.choice([1.0, 3.0], n)
    errors = rng.exponential(1.0, n) - 1.0 if skew else rng.standard_normal(n)
    return OutOfFoldPredictions(5 + 2 * sd * errors, np.full(n, 5.0), stated * sd, noise)


def judged(method: Calibration, learned_on: int, skew: bool = False) -> dict[str, float]:
    """Figures on 4,000 new values, mean over 10 sets that the correction was learned from."""
    found = []
    for seed in range(10):
        new = method.fit(planted(learned_on, seed, skew=skew)).corrected(planted(4000, 100 + seed, skew=skew))
        found.append(new.metrics([new]))
    return {name: float(np.mean([f[name] for f in found])) for name in found[0]}


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_intervals_hold_what_they_promise(method: Calibration) -> None:
    before = OutOfFoldPredictions.metrics([planted(4000, 1)])
    after = judged(method, 200)
    assert before["coverage90"] < 0.65
    assert 0.87 < after["coverage90"] < 0.93
    assert 0.45 < after["coverage50"] < 0.58
    assert after["miscalibration_area"] < 0.04 < before["miscalibration_area"]


def test_lopsided_errors_get_lopsided_intervals() -> None:
    learned = Isotonic().fit(planted(400, 0, skew=True))
    assert learned.shape is not None
    assert learned.shape[-20] > 1.5 * -learned.shape[19]
    assert (
        judged(Isotonic(), 200, skew=True)["quantile_error"]
        < judged(TemperatureScaling(), 200, skew=True)["quantile_error"]
    )


def test_conformal_promises_hold_for_few_values() -> None:
    # 20 values: a 90 % interval ends at the 19th of them, whatever their distribution
    errors = np.abs(np.random.default_rng(5).standard_t(2, 20))
    ninety = int(np.argmin(np.abs(LEVELS - 0.95))) - len(LEVELS) // 2
    assert half_widths(errors)[ninety] == np.sort(errors)[18]
    covered = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        known, new = np.abs(rng.standard_t(2, 20)), np.abs(rng.standard_t(2, 200))
        covered.append(np.mean(new <= half_widths(known)[ninety]))
    assert 0.89 < np.mean(covered) < 0.94


def test_few_values_move_little_and_fewer_than_eight_nothing() -> None:
    assert TemperatureScaling().fit(planted(7, 0, noise=0.5)) == Rescaling(1.0, 0.5)
    few = np.mean([TemperatureScaling().fit(planted(10, s, noise=0.1)).spread for s in range(20)])
    many = np.mean([TemperatureScaling().fit(planted(400, s, noise=0.1)).spread for s in range(5)])
    assert 1.1 < few < many
    assert many == pytest.approx(2.0, rel=0.08)


def test_a_learner_without_noise_is_told_its_noise() -> None:
    rng = np.random.default_rng(0)
    sd = rng.uniform(0.1, 2.0, 2000)
    values = sd * rng.standard_normal(2000) + 0.7 * rng.standard_normal(2000)
    learned = TemperatureScaling().fit(OutOfFoldPredictions(values, np.zeros(2000), sd, 0.0))
    assert learned.noise == pytest.approx(0.7, rel=0.1)
    assert learned.spread == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_the_unit_does_not_matter(method: Calibration) -> None:
    one, thousand = planted(60, 0), planted(60, 0)
    thousand = OutOfFoldPredictions(*(1000 * x for x in (thousand.values, thousand.mean, thousand.sd)), 0.0)
    a, b = method.fit(one), method.fit(thousand)
    assert b.spread == pytest.approx(a.spread, rel=1e-3)
    assert b.noise == pytest.approx(1000 * a.noise, rel=1e-3)


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_errors_of_zero_are_no_trouble(method: Calibration) -> None:
    learned = method.fit(OutOfFoldPredictions(np.ones(20), np.ones(20), np.zeros(20), 0.0))
    assert np.isfinite([learned.spread, learned.noise]).all()


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_quantiles_ascend_and_a_stored_correction_is_the_same(method: Calibration) -> None:
    learned = method.fit(planted(30, 3))
    if learned.shape is not None:
        assert learned.shape.shape == LEVELS.shape
        assert (np.diff(learned.shape) >= 0).all()
    again = Rescaling.restored(learned.state())
    assert (again.spread, again.noise) == (learned.spread, learned.noise)
    assert (again.shape is None) == (learned.shape is None)
    assert again.shape is None or np.array_equal(again.shape, learned.shape)  # type: ignore[arg-type]


def test_draws_move_with_the_spread_and_means_stay() -> None:
    draws = np.random.default_rng(0).standard_normal((50, 8, 1)).astype(np.float32) + 3
    prediction = Prediction.of_draws(draws, np.array([0.5]))
    moved = Rescaling(2.0, 1.5, 2 * NORMAL)(prediction)
    assert moved.draws.dtype == np.float32
    assert np.array_equal(moved.mean, prediction.mean)
    assert moved.draws.mean(0) == pytest.approx(prediction.mean, abs=1e-5)
    assert moved.draws.std(0) == pytest.approx(2 * prediction.sd, rel=1e-4)
    low, high = moved.interval(0.9)
    assert high - low == pytest.approx(2 * 2 * 1.6449 * np.hypot(moved.sd, 1.5), rel=1e-3)


def test_probabilities_that_are_too_sure_are_cooled() -> None:
    rng = np.random.default_rng(0)
    logits = 2 * rng.standard_normal(3000)
    labels = (rng.random(3000) < 1 / (1 + np.exp(-logits))).astype(float)
    sure = OutOfFoldClasses(labels, 1 / (1 + np.exp(-3 * logits)))
    learned = TemperatureScaling().fit_classes(sure)
    assert learned.temperature == pytest.approx(3.0, rel=0.12)
    cooled = learned.corrected(sure)
    assert class_error(cooled.probability, labels) < 0.03 < class_error(sure.probability, labels)
    assert cooled.metrics([cooled])["nll"] < sure.metrics([sure])["nll"]
    assert TemperatureScaling().fit_classes(sure.take(np.arange(5))).temperature == 1.0
    assert ProbabilityTemperature.restored(learned.state()) == learned


def test_cooled_classes_still_sum_to_one() -> None:
    fit = np.random.default_rng(0).uniform(0, 1, (20, 6))
    prediction = Prediction.of_draws(np.stack([1 - fit, fit], -1), classes=("unfit", "fit"))
    moved = ProbabilityTemperature(2.0)(prediction)
    assert moved.draws.sum(-1) == pytest.approx(1)
    assert moved.mean.sum(-1) == pytest.approx(1)
    assert (np.abs(moved.mean - 0.5) <= np.abs(prediction.mean - 0.5) + 1e-12).all()


def test_a_noise_that_is_known_stays_unless_intervals_are_clearly_too_narrow() -> None:
    rng = np.random.default_rng(0)
    for factor, stays in ((1.0, True), (1.6, True), (4.0, False)):
        held_out = OutOfFoldPredictions(factor * rng.normal(0, 1, 60), np.zeros(60), np.full(60, 0.6), 0.8)
        found = NoiseEstimation().fit(held_out)
        assert ((found.spread, found.noise) == (1.0, 0.8)) is stays
        inside = np.abs(found.corrected(held_out).standardised) < 1.645
        assert inside.mean() > 0.55
        few = held_out.take(np.arange(19))
        assert (NoiseEstimation().fit(few).spread, NoiseEstimation().fit(few).noise) == (1.0, 0.8)
