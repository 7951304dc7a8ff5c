"""The variances of a process over mutations, by marginal likelihood."""

from __future__ import annotations

import numpy as np

from activeloop.candidates import Pool
from activeloop.models.mutation_kernel import TERMS, MutationKernel
from activeloop.models.mutations import Mutations, parented

#: variance of the constant, in normal scores
CONSTANT = 1.0


def learn_variances(
    pool: Pool, measured: Mutations, scores: np.ndarray, table: np.ndarray, usual: np.ndarray, width: float
) -> np.ndarray:
    """Log variances [14] that explain the scores best, held near the usual ones.

    Args:
        pool: of the variants.
        measured: n variants.
        scores: [n] normal scores.
        table: [L, K] the prior.
        usual: [14] usual log variances: of `TERMS`, the prior's weight, the noise.
        width: standard deviation of each around the usual one.
    """
    from scipy.optimize import minimize

    prior = measured.sums(table.ravel())
    parts = np.stack([*term_matrices(pool, measured), np.outer(prior, prior)])
    residual = scores - prior

    def objective(logs: np.ndarray) -> tuple[float, np.ndarray]:
        loss, slope = marginal(np.exp(logs), parts, residual)
        away = (logs - usual) / width
        return loss + 0.5 * float(away @ away), slope * np.exp(logs) + away / width

    found = minimize(objective, usual, jac=True, method="L-BFGS-B", options={"maxiter": 30})
    return found.x


def term_matrices(pool: Pool, measured: Mutations) -> list[np.ndarray]:
    """[n, n] of each of `TERMS` at variance 1."""
    sites = parented(pool)
    cells, inverse = np.unique(measured.cell, return_inverse=True)
    onto = np.zeros((measured.count, len(cells)))
    np.add.at(onto, (measured.owner, inverse), 1.0)
    matrices = []
    for i in range(len(TERMS)):
        kernel = MutationKernel.of(sites, np.eye(len(TERMS))[i])
        matrices.append(onto @ kernel.between(cells[:, None], cells[None]) @ onto.T)
    return matrices


def marginal(variances: np.ndarray, parts: np.ndarray, residual: np.ndarray) -> tuple[float, np.ndarray]:
    """Negative log marginal likelihood and its slope in the variances.

    Args:
        variances: [P + 1] of the parts, then the noise.
        parts: [P, n, n].
        residual: [n].
    """
    from scipy.linalg import cho_factor, cho_solve

    n = len(residual)
    covariance = np.tensordot(variances[:-1], parts, 1) + CONSTANT + variances[-1] * np.eye(n)
    factor = cho_factor(covariance, lower=True, check_finite=False)
    alpha = cho_solve(factor, residual, check_finite=False)
    inverse = cho_solve(factor, np.eye(n), check_finite=False)
    loss = 0.5 * residual @ alpha + np.log(np.diag(factor[0])).sum()
    pull = 0.5 * (inverse - np.outer(alpha, alpha))
    return float(loss), np.append(np.tensordot(parts, pull, 2), np.trace(pull))
