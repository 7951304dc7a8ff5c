"""Hill curves: planted ones are found, intervals cover them, and what the doses do not show stays open."""

from __future__ import annotations

import math

import numpy as np
import pytest

from activeloop.measurements.curves import PRIORS, DoseSeries, Prior, fit_curve, fit_curves, next_doses

DOSES = 10.0 ** np.linspace(-3, 1, 8)  # µM
VIABILITY = PRIORS["viability"]._replace(start_sd=5.0)


def hill(doses, start, end, log_ec50, slope):
    return end + (start - end) / (1 + (doses / 10.0**log_ec50) ** slope)


def planted(seed: int, count: int, noise: float, replicates: int):
    """Series of random curves, and the log10 of their true IC50s (infinite where there is none)."""
    rng, series, truths = np.random.default_rng(seed), [], []
    doses = np.repeat(DOSES, replicates)
    for k in range(count):
        start, end = 100 + 3 * rng.normal(), rng.uniform(0, 60)
        log_ec50, slope = rng.uniform(-3.5, 1.5), math.exp(rng.uniform(math.log(0.6), math.log(3)))
        responses = hill(doses, start, end, log_ec50, slope) + noise * rng.normal(size=len(doses))
        series.append(DoseSeries(f"c{k}", "", doses, responses, VIABILITY))
        truths.append(log_ec50 + math.log10((start - 50) / (50 - end)) / slope if end < 50 else math.inf)
    return series, np.array(truths)


@pytest.mark.parametrize(("noise", "replicates"), [(5.0, 1), (5.0, 2), (10.0, 3)])
def test_intervals_cover_planted_ic50s(noise, replicates):
    """12 seeds of 12 curves: 90 % intervals of IC50s inside the doses cover 85 to 98 %."""
    inside, wrong, censored = [], 0, 0
    for seed in range(12):
        series, truths = planted(seed, 12, noise, replicates)
        for curve, truth in zip(fit_curves(series), truths, strict=True):
            found = curve.estimates["IC50"]
            if found.qualifier == "=":
                low = math.log10(found.low) if found.low else -math.inf
                inside.append(low <= truth <= (math.log10(found.high) if math.isfinite(found.high) else math.inf))
            else:
                censored += 1
                # a limit may be wrong by what a dilution step and the noise leave open
                wrong += truth < 0.7 if found.qualifier == ">" else truth > -2.7
    assert 0.85 <= np.mean(inside) <= 0.98, (np.mean(inside), len(inside))
    assert wrong <= 0.1 * censored


def test_the_curve_without_noise_is_found_exactly():
    series = DoseSeries("A", "", DOSES, hill(DOSES, 100, 10, -1, 1.5), VIABILITY)
    curve = fit_curve(series, noise=0.3)
    assert curve.ec50 == pytest.approx(0.1, rel=0.03)
    assert curve.slope == pytest.approx(1.5, rel=0.05)
    assert (curve.start, curve.end) == (pytest.approx(100, abs=0.7), pytest.approx(10, abs=0.7))
    expected = 10 ** (-1 + math.log10(50 / 40) / 1.5)
    assert curve.estimates["IC50"].value == pytest.approx(expected, rel=0.03)
    area = hill(10.0 ** np.linspace(-3, 1, 4001), 100, 10, -1, 1.5).mean() / 100
    assert curve.estimates["AUC"].value == pytest.approx(area, abs=0.01)


def test_a_rising_curve_is_as_good_as_a_falling_one():
    falling = DoseSeries("A", "", DOSES, hill(DOSES, 100, 10, -1, 1.5), VIABILITY)
    rising = DoseSeries("A", "", DOSES, 100 - falling.responses, PRIORS["inhibition"]._replace(start_sd=5.0))
    one, other = fit_curve(falling, 2.0), fit_curve(rising, 2.0)
    assert one.estimates["IC50"].value == pytest.approx(other.estimates["IC50"].value, rel=0.01)
    assert other.end > other.start


@pytest.mark.parametrize(
    ("level", "qualifier", "limit", "effect"), [(99.0, ">", DOSES[-1], False), (4.0, "<", DOSES[0], True)]
)
def test_a_flat_curve_is_a_limit(level, qualifier, limit, effect):
    rng = np.random.default_rng(0)
    curve = fit_curves([DoseSeries("A", "", DOSES, level + rng.normal(size=8), VIABILITY)])[0]
    found = curve.estimates["IC50"]
    assert (found.qualifier, found.value) == (qualifier, pytest.approx(limit))
    assert curve.effect is effect
    assert math.isnan(curve.estimates["EC50"].value) is not effect


def test_a_partial_effect_never_reaches_half():
    """It falls to 70 % and stays there: there is no IC50 at any dose, and there is an EC50."""
    curve = fit_curve(DoseSeries("A", "", DOSES, hill(DOSES, 100, 70, -1, 1.5), VIABILITY), noise=2.0)
    assert curve.estimates["IC50"].qualifier == ">"
    assert math.isinf(curve.estimates["IC50"].high)
    assert curve.estimates["EC50"].value == pytest.approx(0.1, rel=0.3)


def test_the_unit_of_doses_changes_nothing_but_the_unit():
    series, _ = planted(3, 1, 5.0, 2)
    nano = DoseSeries("c0", "", series[0].doses * 1000, series[0].responses, VIABILITY)
    one, other = fit_curve(series[0], 5.0), fit_curve(nano, 5.0)
    assert one.estimates["IC50"].value * 1000 == pytest.approx(other.estimates["IC50"].value, rel=1e-6)


def test_the_same_seed_gives_the_same_curve():
    series, _ = planted(4, 3, 5.0, 1)
    assert [c.estimates for c in fit_curves(series, seed=1)] == [c.estimates for c in fit_curves(series, seed=1)]


@pytest.mark.parametrize("response", ["viability", "raw"])
def test_four_doses_without_repeats_show_no_effect_where_there_is_none(response):
    """No degree of freedom is left: the noise is the likeliest one of all curves together."""
    rng, doses = np.random.default_rng(0), np.array([10.0, 100, 1000, 10_000])
    series = []
    for k in range(40):
        readings = 100 + 8 * rng.normal(size=4) if k % 4 else hill(doses, 100, 5, 2.5, 1.5) + 8 * rng.normal(size=4)
        width = float(np.ptp(readings))
        raw = Prior(float(readings.mean()), width, float(readings.mean()), width, math.nan, 1.0)
        series.append(DoseSeries(f"c{k}", "", doses, readings, VIABILITY if response == "viability" else raw))
    curves = fit_curves(series)
    false = np.mean([curve.effect for k, curve in enumerate(curves) if k % 4])
    found = np.mean([curve.effect for k, curve in enumerate(curves) if not k % 4])
    assert false <= (0.1 if response == "viability" else 0.25)
    assert found >= (0.9 if response == "viability" else 0.3)


def test_next_doses_lie_where_the_ic50_is_open():
    inside = fit_curve(DoseSeries("A", "", DOSES, hill(DOSES, 100, 0, -1, 1.5), VIABILITY), noise=5.0)
    beyond = fit_curve(DoseSeries("B", "", DOSES, hill(DOSES, 100, 0, 1.2, 1.5), VIABILITY), noise=5.0)
    assert all(0.01 < dose < 1 for dose in next_doses(inside, 2))
    assert max(next_doses(beyond, 2)) > DOSES[-1]
    assert len(set(next_doses(inside, 4))) == 4


def test_next_doses_pay():
    """Ten planted curves: two readings at the proposed doses narrow the IC50 more than two at random ones."""
    series, truths = planted(11, 10, 6.0, 1)
    rng, widths = np.random.default_rng(0), {"proposed": [], "random": []}
    for one, truth in zip(series, truths, strict=True):
        if not -2.5 < truth < 0.5:
            continue
        curve = fit_curve(one, 6.0)
        for rule, doses in (("proposed", next_doses(curve, 2)), ("random", rng.choice(DOSES, 2, replace=False))):
            doses = np.asarray(doses)
            more = np.concatenate([one.doses, doses])
            answers = np.concatenate([one.responses, curve.at(doses) + 6.0 * np.random.default_rng(1).normal(size=2)])
            sd = fit_curve(DoseSeries(one.compound, "", more, answers, VIABILITY), 6.0).estimates["IC50"].sd
            widths[rule].append(sd)
    assert len(widths["random"]) >= 4
    assert np.nanmean(widths["proposed"]) < np.nanmean(widths["random"])
