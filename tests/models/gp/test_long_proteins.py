"""Long proteins: kernels by distance give what matrices of all columns give, and no matrix of all columns is formed."""

import numpy as np
import pytest

from activeloop.acquisition import batch_joint
from activeloop.acquisition.batch_joint import site_features
from activeloop.candidates import AMINO_ACIDS, Pool
from activeloop.models.gp import mutation_kernel
from activeloop.models.gp.mutation_gp import DEFAULT_VARIANCES
from activeloop.models.gp.mutation_kernel import TERMS, LongPositions, MutationKernel


@pytest.fixture(scope="module")
def pool() -> Pool:
    parent = "".join(np.random.default_rng(0).choice(list(AMINO_ACIDS), 40))
    names = ["4insGS", f"{parent[6]}7A:22insW", f"{parent[9]}10del"]
    notation = Pool.single_mutants(parent).notation
    singles = [f"{parent[p - 1]}{p}{a}" for p in range(3, 30) for a in "ACW" if a != parent[p - 1]]
    return Pool.of([*map(notation.design, singles), *map(notation.design, names)])


VARIANCES = [np.array(DEFAULT_VARIANCES[: len(TERMS)]), *(np.eye(len(TERMS)))]


def both(pool: Pool, variances: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> tuple[MutationKernel, MutationKernel]:
    assert pool.sites is not None
    column = np.linspace(-1, 1, len(pool.sites.labels) * len(pool.sites.alphabet))
    dense = MutationKernel.of(pool.sites, variances, column, 0.2)
    monkeypatch.setattr(mutation_kernel, "LONG", 10)
    monkeypatch.setattr(mutation_kernel, "BLOCK", 100)  # several blocks
    long = MutationKernel.of(pool.sites, variances, column, 0.2)
    assert isinstance(dense.positions, np.ndarray)
    assert isinstance(long.positions[0], LongPositions)
    return dense, long


@pytest.mark.parametrize("variances", VARIANCES, ids=["all", *TERMS])
def test_covariances_are_the_same(pool, variances, monkeypatch):
    dense, long = both(pool, variances, monkeypatch)
    cells = np.arange(len(dense.positions[0]) * dense.residues.shape[1])
    np.testing.assert_allclose(
        long.between(cells[:, None], cells[None]), dense.between(cells[:, None], cells[None]), atol=1e-12
    )
    weights = np.zeros((len(cells), 3))
    weights[::37, 0], weights[5, 1] = 1.5, -2.0
    np.testing.assert_allclose(long.times(weights), dense.times(weights), atol=1e-10)


@pytest.mark.parametrize("variances", VARIANCES, ids=["all", *TERMS])
def test_samples_have_that_covariance(pool, variances, monkeypatch):
    _, long = both(pool, variances, monkeypatch)
    count = 20_000
    tables = long.draw(np.random.default_rng(0), count).reshape(-1, count)
    cells = np.arange(0, len(tables), 29)
    found = tables[cells] @ tables[cells].T / count
    np.testing.assert_allclose(found, long.between(cells[:, None], cells[None]), atol=0.09)


def test_features_have_the_same_distances(pool, monkeypatch):
    rows = np.arange(0, len(pool), 3)
    dense = site_features(pool, rows).astype(float)
    monkeypatch.setattr(batch_joint, "LONG", 10)
    long = site_features(pool, rows).astype(float)
    assert long.shape == dense.shape
    apart = [np.square(x[:, None] - x[None]).sum(2) for x in (dense, long)]
    np.testing.assert_allclose(apart[0], apart[1], atol=1e-4)
