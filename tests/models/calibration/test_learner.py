"""Any learner can be calibrated, keeps its contract, and carries metrics of its calibration."""

from dataclasses import replace

import numpy as np
import pytest

from activeloop.candidates import Pool
from activeloop.errors import ConfigError
from activeloop.measurements import Assay, Dataset
from activeloop.models import GPClassifier, MLPEnsemble, MutationGP, RandomForest, SiteGP, Training
from activeloop.models.calibration import (
    Calibrated,
    CalibratedClassifier,
    CalibratedPredictor,
    Conformal,
    Isotonic,
    TemperatureScaling,
    Uncalibrated,
    calibrated,
)
from activeloop.models.scale import ScaledPredictor
from activeloop.models.stacking import StackingEnsemble, StackingPredictor
from activeloop.prediction import Learner, Predictor, Validated

SHORT = Training(steps=100, batch=64, rate=5e-3)
POOL = Pool.combinatorial("MKTAYIAKQR", sites=["K2", "A4", "I6"])


def noisy(labels: int, seed: int, noise: float = 1.0) -> Dataset:
    """Additive values and noise."""
    rng = np.random.default_rng(seed)
    return Dataset.of(POOL, (rows := rng.permutation(len(POOL))[:labels]), truth(noise, seed)[rows])


def truth(noise: float, seed: int) -> np.ndarray:
    """[N] what a measurement of each candidate would give."""
    effects = np.random.default_rng(1).standard_normal((3, len(POOL.sites.alphabet)))  # type: ignore[union-attr]
    additive = 10 + 2 * effects[np.arange(3), POOL.codes()].sum(1)
    return additive + noise * np.random.default_rng([seed, 7]).standard_normal(len(POOL))


@pytest.mark.parametrize(
    "learner",
    [
        SiteGP(),
        RandomForest(trees=20, features=0.3),
        MLPEnsemble(members=5, share=0.8, hidden=(32,), training=SHORT),
        StackingEnsemble((RandomForest(trees=20), SiteGP())),
    ],
    ids=lambda learner: learner.name,
)
def test_new_measurements_lie_in_their_intervals(learner: Learner) -> None:
    covered = []
    for seed in range(3):
        data = noisy(100, seed)
        fitted = Calibrated(learner, Conformal()).fit(data, seed)
        new = np.setdiff1d(np.arange(len(POOL)), data.rows)
        low, high = fitted.predict(POOL, new, seed, draws=0).interval(0.9)
        values = truth(1.0, seed)[new]
        covered.append(np.mean((low[:, 0] <= values) & (values <= high[:, 0])))
    assert 0.82 < np.mean(covered) < 0.97


def test_the_order_of_candidates_stays() -> None:
    data = noisy(60, 0)
    plain, corrected = SiteGP().fit(data, 0), Calibrated(SiteGP()).fit(data, 0)
    rows = np.arange(300)
    assert np.array_equal(plain.predict(POOL, rows, 0, 4).mean, corrected.predict(POOL, rows, 0, 4).mean)


def test_a_network_ensemble_is_told_its_noise() -> None:
    learner = MLPEnsemble(members=5, share=0.8, hidden=(32,), training=SHORT)
    fitted = Calibrated(learner).fit(noisy(150, 0), 0)
    assert 0.5 < fitted.predict(POOL, np.arange(3), 0).noise[0] < 2.5


def test_metrics_stand_in_every_checked_predictor() -> None:
    fitted = Calibrated(SiteGP(), Isotonic()).fit(noisy(80, 0), 0)
    assert isinstance(fitted, Validated)
    found = fitted.metrics()
    assert found["held_out"] == 80
    assert 0.7 < found["coverage90"] <= 1
    assert 0.3 < found["held_out_spearman"] <= 1
    assert 0 <= found["miscalibration_area"] < 0.2
    assert "held-out values" in fitted.explain()


def test_several_assays_have_metrics_of_their_own() -> None:
    one = noisy(40, 0)
    two = replace(
        one,
        values=np.concatenate([one.values, -one.values], 1),
        errors=np.zeros((40, 2)),
        censored=np.zeros((40, 2), np.int8),
        assays=(Assay("kcat"), Assay("heat")),
    )
    fitted = Calibrated(SiteGP(), Conformal()).fit(two, 0)
    assert isinstance(fitted, Validated)
    assert {"kcat coverage90", "heat coverage90"} <= set(fitted.metrics())
    prediction = fitted.predict(POOL, np.arange(9), 0)
    assert prediction.shape is not None
    assert prediction.shape.shape[0] == 2
    low, high = prediction.interval(0.8)
    assert (low < high).all()


def test_classes_get_an_error_of_calibration() -> None:
    data = noisy(80, 0)
    labels = (data.values > np.median(data.values)).astype(float)
    classes = replace(data, values=labels, assays=(Assay("fit", goal="classify"),))
    fitted = Calibrated(GPClassifier()).fit(classes, 0)
    assert isinstance(fitted, CalibratedClassifier)
    assert 0 <= fitted.metrics()["ece"] < 0.3
    prediction = fitted.predict(POOL, np.arange(20), 0, draws=8)
    assert prediction.draws.shape == (8, 20, 2)
    assert prediction.draws.sum(-1) == pytest.approx(1)
    again = Calibrated(GPClassifier()).restore(classes, 0, fitted.state())
    assert np.allclose(again.predict(POOL, np.arange(20), 0, draws=8).draws, prediction.draws)


def test_the_classifier_is_judged_on_labels_it_did_not_see() -> None:
    data = noisy(40, 1)
    labels = (data.values > np.median(data.values)).astype(float)
    classes = replace(data, values=labels, assays=(Assay("fit", goal="classify"),))
    fitted = GPClassifier().fit(classes, 0)
    left = fitted.held_out()  # type: ignore[attr-defined]
    refits = []
    for i in range(40):
        rest = np.arange(40) != i
        refits.append(GPClassifier().fit(classes.take(rest), 0).predict(POOL, classes.rows[[i]], 0, 0).mean[0, 1])
    assert np.abs(left - np.array(refits)).mean() < 0.06
    assert np.corrcoef(left, refits)[0, 1] > 0.9


def test_the_figures_are_stored_and_come_back() -> None:
    data, learner = noisy(40, 0), Calibrated(RandomForest(trees=20), Conformal())
    fitted = learner.fit(data, 3)
    again = learner.restore(data, 3, fitted.state())
    assert isinstance(again, ScaledPredictor)
    assert isinstance(again.fitted, CalibratedPredictor)
    assert again.metrics() == fitted.metrics()  # type: ignore[attr-defined]
    one, two = (p.predict(POOL, np.arange(20), 1, draws=4) for p in (fitted, again))
    assert np.array_equal(one.draws, two.draws)
    assert np.array_equal(one.interval(0.9), two.interval(0.9))


def test_bounds_are_not_judged_as_values() -> None:
    data = noisy(40, 0)
    censored = np.zeros((40, 1), np.int8)
    censored[:10] = -1
    fitted = Calibrated(SiteGP()).fit(replace(data, censored=censored), 0)
    assert fitted.metrics()["held_out"] == 30  # type: ignore[attr-defined]


def test_stacking_has_out_of_fold_predictions() -> None:
    fitted = StackingEnsemble((SiteGP(), SiteGP(ranked=True))).fit(noisy(60, 0), 0)
    assert isinstance(fitted, StackingPredictor)
    assert fitted.held_out().shape == fitted.held_out_sd().shape == (60,)
    assert (fitted.held_out_sd() > 0).all()


def test_calibrated_learners_can_be_stacked() -> None:
    ensemble = StackingEnsemble((Calibrated(SiteGP()), Calibrated(SiteGP(ranked=True))))
    fitted: Predictor = ensemble.fit(noisy(40, 0), 0)
    assert fitted.predict(POOL, np.arange(5), 0).draws.shape == (64, 5, 1)


def test_before_any_measurement_the_prior_is_that_of_the_learner() -> None:
    singles = Pool.single_mutants("MKTAYIAKQR")
    prior = Calibrated(MutationGP(), TemperatureScaling()).prior(singles)
    assert prior is not None
    assert "prior" in prior.explain()


def test_a_learner_may_be_checked_only() -> None:
    data, rows = noisy(40, 0), np.arange(50)
    checked = Calibrated(SiteGP(), Uncalibrated())
    fitted, bare = checked.fit(data, 0), SiteGP().fit(data, 0)
    assert checked.name == "sites"
    assert fitted.metrics()["held_out"] == 40  # type: ignore[attr-defined]
    one, two = fitted.predict(POOL, rows, 1, 8), bare.predict(POOL, rows, 1, 8)
    np.testing.assert_allclose(one.draws, two.draws, rtol=1e-6)
    assert np.array_equal(one.sd, two.sd)
    assert np.array_equal(one.noise, two.noise)


def test_corrections_have_names() -> None:
    once = calibrated(SiteGP(), "conformal")
    assert once.name == "sites+conformal"
    assert calibrated(once, "isotonic").name == "sites+isotonic"
    assert once.learner == calibrated(once, "isotonic").learner == SiteGP()
    with pytest.raises(ConfigError, match="temperature, isotonic, conformal, noise, none"):
        calibrated(SiteGP(), "luck")
