"""A mixture of sisters: planted profiles of drugs over lines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from activeloop.acquisition import Recommender, Variance, choose
from activeloop.acquisition.batch_joint import VarianceReduction
from activeloop.candidates import Panel, TreatmentPool
from activeloop.errors import ModelError
from activeloop.measurements import Assay, Dataset, read_treatments
from activeloop.models.calibration import calibrated
from activeloop.models.gp.mixture import MixturePrior
from activeloop.models.gp.sisters import SisterGP
from activeloop.models.gp.treatments import TreatmentGP
from activeloop.models.stacking import StackingEnsemble

LINES = [f"L{i}" for i in range(60)]
GROUPS = 4


def table(seed: int = 0, drugs: int = 24, noise: float = 0.3) -> tuple[dict[str, list], np.ndarray]:
    """Profiles of four groups of drugs, and those without noise [drugs, lines]."""
    rng = np.random.default_rng(seed)
    groups = rng.standard_normal((GROUPS, len(LINES)))
    truth = np.stack([groups[d % GROUPS] + 0.3 * rng.standard_normal(len(LINES)) for d in range(drugs)])
    truth = truth * rng.uniform(0.7, 1.5, (drugs, 1)) + rng.normal(0, 2, (drugs, 1))
    values = truth + noise * rng.standard_normal(truth.shape)
    pairs = [(d, c) for d in range(drugs) for c in range(len(LINES)) if rng.random() < 0.9]
    columns = {
        "drug": [f"D{d}" for d, _ in pairs],
        "cell line": [LINES[c] for _, c in pairs],
        "effect": [float(values[d, c]) for d, c in pairs],
    }
    return columns, truth


COLUMNS, TRUTH = table()
TARGETS = Panel(tuple(f"D{d}" for d in range(24)), {"targets": tuple(f"T{d % GROUPS}" for d in range(24))})


def history(without: str, panel: Panel | None = None) -> Dataset:
    return read_treatments(COLUMNS, Assay("effect"), without=[without], compounds=panel).as_history()


def measured(pool: TreatmentPool, rows: np.ndarray, drug: int) -> Dataset:
    rng = np.random.default_rng(5)
    return Dataset.of(pool, rows, TRUTH[drug, rows] + 0.3 * rng.standard_normal(len(rows)), Assay("effect"))


def test_few_labels_find_the_group_of_a_new_drug():
    pool, learner = TreatmentPool(LINES, ["D3"]), SisterGP(history("D3"))
    rows = np.arange(0, 60, 6)
    others = np.setdiff1d(np.arange(60), rows)
    fitted = learner.fit(measured(pool, rows, 3), 0)
    mean = fitted.predict(pool, others, 0, draws=0).mean[:, 0]
    assert np.corrcoef(mean, TRUTH[3, others])[0, 1] > 0.85
    one = SisterGP(history("D3"), sisters=False).fit(measured(pool, rows, 3), 0)
    alone = one.predict(pool, others, 0, draws=0).mean[:, 0]
    assert np.corrcoef(mean, TRUTH[3, others])[0, 1] > np.corrcoef(alone, TRUTH[3, others])[0, 1]


def test_targets_tell_without_any_label():
    pool = TreatmentPool(LINES, ["D3"], compound_panel=TARGETS)
    with_targets, without = SisterGP(history("D3", TARGETS)).prior(pool), SisterGP(history("D3")).prior(pool)
    assert with_targets
    assert without
    r = [np.corrcoef(p.predict(pool, np.arange(60), 0, 0).mean[:, 0], TRUTH[3])[0, 1] for p in (with_targets, without)]
    assert r[0] > 0.8
    assert r[0] > r[1] + 0.2


def test_mean_deviation_covariance_and_samples_are_of_one_distribution():
    pool = TreatmentPool(LINES, ["D3", "D7"])
    fitted = SisterGP(history("D3")).fit(measured(TreatmentPool(LINES, ["D3"]), np.arange(4), 3), 0)
    rows = np.array([0, 7, 33, 90, 100])
    found = fitted.predict(pool, rows, 1, draws=20_000)
    draws = found.draws[:, :, 0].astype(np.float64)
    np.testing.assert_allclose(draws.mean(0), found.mean[:, 0], atol=0.05)
    np.testing.assert_allclose(draws.std(0), found.sd[:, 0], rtol=0.05)
    covariance = found.covariances[0].with_others(found.covariances[0])
    np.testing.assert_allclose(np.diag(covariance), found.sd[:, 0] ** 2, rtol=1e-6)
    np.testing.assert_allclose(np.cov(draws[:, :3].T), covariance[:3, :3], atol=0.1)
    piece = fitted.predict(pool, rows[2:], 1, draws=20_000)
    np.testing.assert_array_equal(piece.draws, found.draws[:, 2:])


def test_values_of_the_history_count_for_a_drug_that_was_measured_before():
    pool = TreatmentPool(LINES, ["D3"])
    known = SisterGP(read_treatments(COLUMNS, Assay("effect")).as_history()).prior(pool)
    assert known
    assert np.corrcoef(known.predict(pool, np.arange(60), 0, 0).mean[:, 0], TRUTH[3])[0, 1] > 0.9


def test_a_new_line_under_known_drugs_changes_the_places_of_both():
    old = {name: [cell for cell, line in zip(cells, COLUMNS["cell line"], strict=True) if line != "L5"]
           for name, cells in COLUMNS.items()}  # fmt: skip
    pool = TreatmentPool(["L5"], [f"D{d}" for d in range(24)])
    learner = SisterGP(read_treatments(old, Assay("effect")).as_history())
    rows = np.arange(0, 24, 3)
    data = Dataset.of(pool, rows, TRUTH[rows, 5], Assay("effect"))
    others = np.setdiff1d(np.arange(24), rows)
    mean = learner.fit(data, 0).predict(pool, others, 0, 0).mean[:, 0]
    assert np.corrcoef(mean, TRUTH[others, 5])[0, 1] > 0.8


def test_a_line_that_the_history_lacks_is_predicted_from_its_features():
    rng = np.random.default_rng(1)
    names = (*LINES, "new")
    base = np.vstack([TRUTH[:4].T, TRUTH[:4, 5]])  # the new line is like L5
    features = (base @ rng.standard_normal((4, 30)) + 0.01 * rng.standard_normal((61, 30))).astype(np.float32)
    cells = Panel(names, {}, {"expression": features})
    pool = TreatmentPool([*LINES, "new"], ["D3"], cell_panel=cells)
    prior = SisterGP(read_treatments(COLUMNS, Assay("effect")).as_history()).prior(pool)
    assert prior
    mean = prior.predict(pool, np.array([5, 60]), 0, 0).mean[:, 0]
    assert abs(mean[0] - mean[1]) < 0.7 * TRUTH[3].std()


def test_at_doses_between_those_of_the_history_its_curves_are_known():
    doses = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0]
    rng = np.random.default_rng(0)
    middle, line = rng.normal(-0.5, 0.8, 30), rng.normal(0, 0.5, 8)

    def effect(drug: int, cells: int, dose: float) -> float:
        return float(1 / (1 + 10 ** (middle[drug] + line[cells] - np.log10(dose))))

    rows = [(d, c, x) for d in range(29) for c in range(8) for x in doses[::2]]
    before = {
        "drug": [f"D{d}" for d, _, _ in rows],
        "cell line": [f"L{c}" for _, c, _ in rows],
        "dose": [f"{x} uM" for _, _, x in rows],
        "effect": [effect(*row) for row in rows],
    }
    pool = TreatmentPool([f"L{c}" for c in range(8)], ["D29"], [f"{x} uM" for x in doses[1::2]])
    truth = np.array([effect(29, c, doses[1 + 2 * x]) for c, _, x in pool.part_rows().tolist()])
    known = np.arange(0, len(pool), 6)
    fitted = SisterGP(read_treatments(before, Assay("effect")).as_history()).fit(
        Dataset.of(pool, known, truth[known], Assay("effect")), 0
    )
    mean = fitted.predict(pool, np.arange(len(pool)), 0, draws=0).mean[:, 0]
    assert np.corrcoef(mean, truth)[0, 1] > 0.95


def test_the_first_plate_is_designed_before_any_label():
    pool, learner = TreatmentPool(LINES, ["D3"]), SisterGP(history("D3"))
    picks = choose(learner.prior(pool), pool, n=6, select=Recommender(Variance(), VarianceReduction()), seed=0)
    rows = np.array([pick.row for pick in picks])
    assert len(set(rows.tolist())) == 6
    fitted = learner.fit(measured(pool, rows, 3), 0).predict(pool, np.arange(60), 0, 0).sd.mean()
    drawn = [
        learner.fit(measured(pool, np.random.default_rng(i).permutation(60)[:6], 3), 0)
        .predict(pool, np.arange(60), 0, 0)
        .sd.mean()
        for i in range(5)
    ]
    assert fitted < np.mean(drawn) * 1.05


def test_values_left_out_are_those_of_a_fit_without_them():
    rng = np.random.default_rng(0)
    prior = MixturePrior(rng.standard_normal(3), np.array([0.8, 1.2]), np.zeros(2), 0.3, 0.5)
    phi, means, values = rng.standard_normal((6, 2)), rng.standard_normal((6, 3)), rng.standard_normal(6)
    mean, variance = prior.posterior(phi, means, values).leave_one_out()
    for i in range(6):
        rest = np.arange(6) != i
        without = prior.posterior(phi[rest], means[rest], values[rest])
        np.testing.assert_allclose(without.mean(phi[[i]], means[[i]]), mean[i], rtol=1e-6)
        np.testing.assert_allclose(without.variance(phi[[i]], means[[i]]), variance[i], rtol=1e-6)


def test_on_logarithms_the_history_is_on_them_too():
    columns = {**COLUMNS, "effect": [10.0**value for value in COLUMNS["effect"]]}
    data = read_treatments(columns, Assay("effect", "nM", scale="log"), without=["D3"]).as_history()
    pool, rows = TreatmentPool(LINES, ["D3"]), np.arange(0, 60, 6)
    measured_ = Dataset.of(pool, rows, 10.0 ** TRUTH[3, rows], Assay("effect", "nM", scale="log"))
    mean = SisterGP(data).fit(measured_, 0).predict(pool, np.arange(60), 0, 0).mean[:, 0]
    assert mean.min() > 0
    assert np.corrcoef(np.log10(mean), TRUTH[3])[0, 1] > 0.85


@pytest.mark.parametrize("scale", ["log", "auto"])
def test_a_calibrated_learner_puts_its_history_on_the_scale_of_the_values(scale):
    columns = {**COLUMNS, "effect": [10.0**value for value in COLUMNS["effect"]]}
    assay = Assay("effect", "nM", goal="minimise", scale=scale)
    data = read_treatments(columns, assay, without=["D3"]).as_history()
    pool, rows = TreatmentPool(LINES, ["D3"]), np.arange(0, 60, 6)
    own = Dataset.of(pool, rows, 10.0 ** TRUTH[3, rows], assay).oriented()
    learner = TreatmentGP().with_history(data)
    for wrapped in (calibrated(learner, "noise"), StackingEnsemble((learner,))):
        fitted = wrapped.fit(own, 0)
        alone = learner.fit(own, 0).predict(pool, np.arange(60), 0, 0)
        found = fitted.predict(pool, np.arange(60), 0, 0)
        np.testing.assert_allclose(found.mean, alone.mean, rtol=1e-9)
        assert found.noise[0] < 2 * alone.noise[0]
        again = wrapped.restore(own, 0, fitted.state()).predict(pool, np.arange(60), 0, 0)
        np.testing.assert_allclose(again.mean, found.mean, rtol=1e-9)


def test_minimised_values_are_turned_in_the_history_too():
    data = replace(history("D3"), assays=(Assay("effect", goal="minimise"),))
    pool, rows = TreatmentPool(LINES, ["D3"]), np.arange(0, 60, 6)
    own = replace(measured(pool, rows, 3), assays=data.assays).oriented()
    mean = SisterGP(data).fit(own, 0).predict(pool, np.arange(60), 0, 0).mean[:, 0]
    assert np.corrcoef(mean, TRUTH[3])[0, 1] < -0.85


def test_no_history_is_refused():
    pool = TreatmentPool(LINES, ["D3"])
    with pytest.raises(ModelError, match="needs a history"):
        SisterGP().fit(measured(pool, np.arange(4), 3), 0)
    few = {name: [cell for cell, drug in zip(cells, COLUMNS["drug"], strict=True) if drug in ("D0", "D1")]
           for name, cells in COLUMNS.items()}  # fmt: skip
    with pytest.raises(ModelError, match="3 are needed"):
        SisterGP(read_treatments(few, Assay("effect")).as_history()).prior(pool)
