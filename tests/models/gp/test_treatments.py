"""Treatments without a history: effects of cells, compounds and doses."""

from __future__ import annotations

import numpy as np
import pytest

from activeloop.candidates import TreatmentPool
from activeloop.measurements import Assay, Dataset
from activeloop.metrics import spearman
from activeloop.models import TreatmentGP
from activeloop.models.gp.treatments import DOSED, SHARES

DOSES = ["0.01 uM", "0.1 uM", "1 uM", "10 uM"]


@pytest.fixture(scope="module")
def screen() -> tuple[TreatmentPool, np.ndarray]:
    """Ten compounds on six lines at four doses, which act by their dose above all."""
    pool = TreatmentPool([f"L{i}" for i in range(6)], [f"D{i}" for i in range(10)], DOSES)
    rng, codes = np.random.default_rng(0), pool.part_rows()
    truth = codes[:, 2] + rng.normal(0, 0.4, 6)[codes[:, 0]] + rng.normal(0, 0.6, 10)[codes[:, 1]]
    return pool, truth + 0.1 * rng.standard_normal(len(truth))


def predicted(pool: TreatmentPool, values: np.ndarray, known: np.ndarray, asked: np.ndarray) -> np.ndarray:
    fitted = TreatmentGP().fit(Dataset.of(pool, known, values[known], Assay("effect")), 0)
    return fitted.predict(pool, asked, 0, draws=0).mean[:, 0]


def test_a_new_compound_has_the_effect_of_the_dose(screen):
    pool, values = screen
    new = pool.part_rows()[:, 1] == 9
    known = np.random.default_rng(1).choice(np.flatnonzero(~new), 60, replace=False)
    assert spearman(predicted(pool, values, known, np.flatnonzero(new)), values[new]) > 0.9


def test_the_effect_that_is_there_has_the_largest_share(screen):
    pool, values = screen
    known = np.random.default_rng(2).choice(len(pool), 100, replace=False)
    shares = TreatmentGP().kernel_of(Dataset.of(pool, known, values[known], Assay("effect"))).shares
    assert max(shares, key=lambda name: shares[name]) == "dose"
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["dose"] > 2 * DOSED["dose"]


def test_the_order_of_labels_and_a_unit_change_no_share(screen):
    pool, values = screen
    known = np.random.default_rng(3).choice(len(pool), 60, replace=False)
    shares = [
        TreatmentGP().kernel_of(Dataset.of(pool, rows, factor * values[rows], Assay("effect"))).shares
        for rows, factor in ((known, 1.0), (known[::-1], 1.0), (known, 1000.0))
    ]
    assert shares[0] == shares[1] == shares[2]


def test_the_kernel_is_one_of_a_treatment_with_itself(screen):
    for pool in (screen[0], TreatmentPool(["L"], ["a", "b", "c"], combined=2)):
        rows = np.arange(len(pool))
        kernel = TreatmentGP().kernel(pool, rows)
        gram = kernel(pool, rows)
        np.testing.assert_allclose(np.diag(gram), 1.0)
        assert np.linalg.eigvalsh(gram).min() > -1e-9
        assert kernel.shares == (DOSED if pool.dosed else SHARES)
