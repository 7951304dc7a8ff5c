"""Folds keep positions together, are even, and do not change when more is measured."""

import numpy as np

from activeloop.candidates import Pool
from activeloop.models.finetuning.config import folds_of

POOL = Pool.single_mutants("MKTAYIAKQRMKTAYIAKQR")


def test_positions_stay_together():
    rows = np.random.default_rng(0).choice(len(POOL), 96, replace=False)
    folds = folds_of(POOL, rows, np.zeros(96), 5, seed=0)
    assert all(len(set(folds[rows // 19 == position])) == 1 for position in np.unique(rows // 19))
    assert np.bincount(folds, minlength=5).min() >= 15
    assert folds.tolist() != folds_of(POOL, rows, np.zeros(96), 5, seed=1).tolist()


def test_beside_others_they_are_dealt_at_random():
    rows = np.arange(0, len(POOL), 2)
    folds = folds_of(POOL, rows, np.zeros(len(rows)), 5, seed=0, by_position=False)
    assert np.ptp(np.bincount(folds)) <= 1
    assert all(len(set(folds[rows // 19 == position])) > 1 for position in np.unique(rows // 19))


def test_few_sites_are_dealt_at_random():
    pool = Pool.combinatorial("MKTAYIAKQR", sites=["K2", "A4"])
    folds = folds_of(pool, np.arange(0, 400, 4), np.zeros(100), 5, seed=0)
    assert np.bincount(folds).tolist() == [20] * 5


def test_one_position_cannot_be_left_out():
    folds = folds_of(POOL, np.arange(19), np.zeros(19), 2, seed=0)
    assert sorted(np.bincount(folds)) == [9, 10]


def test_later_rounds_change_nothing():
    rng = np.random.default_rng(1)
    for pool in (POOL, Pool.combinatorial("MKTAYIAKQR", sites=["K2", "A4"])):
        rows, rounds = rng.permutation(len(pool))[:90], np.repeat([0, 1, 2], 30)
        order = rng.permutation(90)
        rows, rounds = rows[order], rounds[order]
        folds = folds_of(pool, rows, rounds, 3, seed=0)
        for last in (0, 1):
            early = rounds <= last
            assert folds[early].tolist() == folds_of(pool, rows[early], rounds[early], 3, seed=0).tolist()
