"""The transfer set: as many candidates as allowed, never those that were excluded."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from teachers import LIBRARY, PARENT, SINGLES

from activeloop.candidates import Compound, Pool
from activeloop.errors import ConfigError
from activeloop.students.distil.config import Transfer
from activeloop.students.distil.transfer import TransferSet, random_rows

NONE = np.zeros(0, np.int64)
HUGE = Pool.combinatorial(None, [(i, "ACDEFGHIKLMNPQRSTVWY") for i in range(1, 9)])


@settings(deadline=None, max_examples=30)
@given(
    st.integers(0, 1500),
    st.integers(0, 3),
    st.floats(0, 0.9),
    st.integers(0, 100),
    st.sets(st.integers(0, 284)),
    st.integers(0, 9),
)
def test_parts_do_not_overlap(size, rounds, share, mutants, excluded, seed):
    exclude, measured = np.array(sorted(excluded), np.int64), np.arange(5)
    rng = np.random.default_rng(seed)
    transfer = TransferSet.plan(Transfer(size, rounds, share, mutants), SINGLES, measured, exclude, rng)
    parts = (transfer.training, transfer.validation, transfer.test)
    together = np.concatenate(parts)
    assert len(np.unique(together)) == len(together)
    assert not np.isin(exclude, together).any()
    assert not np.isin(measured, np.concatenate(parts[1:])).any()
    assert len(parts[1]) == len(parts[2])
    assert len(together) <= len(measured) + max(size, 1) * 2 + 200
    names = transfer.pool.names(np.arange(len(transfer.pool)))
    assert "WT" in names or not transfer.mutants
    assert names[: len(SINGLES)] == SINGLES.names(np.arange(len(SINGLES)))


def with_mutants(pool: Pool, mutants: int, exclude: np.ndarray) -> TransferSet:
    rng = np.random.default_rng(0)
    return TransferSet.plan(Transfer(mutants=mutants), pool, NONE, exclude, rng).with_mutants(rng)


def test_new_mutants_are_new_and_on_the_same_sites():
    pool = with_mutants(SINGLES, 500, np.arange(40)).pool
    assert len(pool) > len(SINGLES) + 300
    assert pool.sites is not None
    assert SINGLES.sites is not None
    assert pool.sites.labels == SINGLES.sites.labels
    counts = (pool.codes() != pool.sites.parent).sum(1)[len(SINGLES) :]
    assert counts[0] == 0
    assert counts[1:].min() == 2
    assert counts.max() == 3
    # every mutation has its turn, those of excluded candidates too
    seen = {m for row in range(len(SINGLES) + 1, len(pool)) for m in pool.design(row).name.split(":")}
    assert seen == set(SINGLES.names(np.arange(len(SINGLES))))


def test_a_wild_type_that_is_excluded_is_not_in_the_training():
    pool = Pool.of([SINGLES.notation.design(name) for name in ("WT", *SINGLES.names(np.arange(50)))])
    transfer = with_mutants(pool, 20, np.array([0]))
    assert len(pool) < len(transfer.pool) <= 71
    assert 0 not in transfer.training


def test_an_excluded_double_is_not_made_again():
    pairs = [f"{a}:{b}" for a in ("K2A", "K2C") for b in ("A4G", "A4S")]
    pool = Pool.of(
        [Pool.combinatorial(PARENT, [2, 4]).notation.design(n) for n in ("K2A", "K2C", "A4G", "A4S", pairs[0])]
    )
    whole = with_mutants(pool, 200, np.array([4])).pool
    assert sorted(whole.names(np.arange(5, len(whole)))) == sorted(["WT", *pairs[1:]])


@pytest.mark.parametrize(
    "pool", [LIBRARY, Pool.of([Compound("C" * n) for n in range(1, 40)])], ids=["library", "compounds"]
)
def test_other_pools_get_no_mutants(pool: Pool):
    assert with_mutants(pool, 100, NONE).pool is pool


def test_a_huge_pool_is_never_held():
    transfer = TransferSet.plan(Transfer(size=1000, rounds=2, share=0.5), HUGE, NONE, NONE, np.random.default_rng(0))
    assert len(transfer.training) == 500
    assert transfer.added == 250
    assert len(transfer.validation) == len(transfer.test) == 100


def test_rounds_add_those_of_most_disagreement():
    rng = np.random.default_rng(0)
    transfer = TransferSet.plan(Transfer(size=400, rounds=2, share=0.5), LIBRARY, NONE, np.arange(300), rng)
    rows = transfer.most_different(lambda rows: rows.astype(float), rng)
    more = transfer.adding(rows)
    assert len(rows) == transfer.added == 100
    assert np.median(rows) > np.median(np.setdiff1d(np.arange(300, len(LIBRARY)), transfer.training))
    assert not np.isin(rows, np.concatenate([transfer.excluded, transfer.training])).any()
    assert len(more.training) == len(transfer.training) + 100


def test_rules_are_applied():
    pool = Pool.combinatorial(PARENT, [3, 7, 8], max_mutations=1)
    rows = random_rows(pool, 10_000, NONE, np.random.default_rng(0))
    assert sorted(rows) == np.flatnonzero(pool.allowed(np.arange(len(pool)))).tolist()


def test_impossible_settings():
    with pytest.raises(ConfigError, match="Nothing was trained"):
        Transfer(size=-1)
