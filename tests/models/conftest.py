"""Pools with a planted truth, one of each kind."""

import itertools

import numpy as np
import pytest

from activeloop.candidates import Compound, Guide, Pool
from activeloop.measurements import Dataset

PROTEIN = Pool.combinatorial("MKTAYIAKQR", sites=["K2", "A4", "I6"])
COMPOUNDS = Pool.of(
    [
        Compound(f"{head}{'C' * length}{tail}")
        for head, length, tail in itertools.product(
            ("c1ccccc1", "C1CCCCC1", "c1ccncc1", "C1CCNCC1", "N#C", "FC(F)(F)"),
            range(1, 8),
            ("O", "N", "C(=O)O", "Cl", "C(=O)NC", "S", "c1ccco1", "N1CCOCC1"),
        )
    ]
)
GUIDES = Pool.of(
    [Guide("".join(letters)) for letters in np.unique(np.random.default_rng(0).choice(list("ACGT"), (500, 20)), axis=0)]
)
POOLS = {pool.kind: pool for pool in (PROTEIN, COMPOUNDS, GUIDES)}


def planted_truth(pool: Pool) -> np.ndarray:
    """[N] planted values of all candidates: additive over sites, groups or positions, far from 0 and 1."""
    rng = np.random.default_rng(1)
    if pool.sites is None:
        names = pool.names(range(len(pool)))
        return np.array([5 + 3 * ("N" in n) - 2 * ("F" in n) + 0.3 * n.count("C") + 2 * ("c1" in n) for n in names])
    effects = rng.standard_normal((len(pool.sites.labels), len(pool.sites.alphabet)))
    return 10 + 2 * effects[np.arange(len(effects)), pool.codes()].sum(1)


def planted_dataset(pool: Pool, labels: int, seed: int = 0) -> Dataset:
    """Labels of a random part of a pool, without noise."""
    rows = np.random.default_rng(seed).choice(len(pool), labels, replace=False)
    return Dataset.of(pool, rows, planted_truth(pool)[rows])


@pytest.fixture(scope="session")
def pools() -> dict[str, Pool]:
    """A pool of each kind."""
    return POOLS


@pytest.fixture(scope="session")
def truth():
    """The function `planted_truth`."""
    return planted_truth


@pytest.fixture(scope="session")
def planted():
    """The function `planted_dataset`."""
    return planted_dataset
