"""Functions drawn from a process over sites, which give every member of a library its value without listing any."""

from __future__ import annotations

import numpy as np

from activeloop.models.mutation_kernel import root
from activeloop.models.site_kernel import SiteKernel

#: random features for pairs, and for the whole
FEATURES = 1024


def prior_draws(kernel: SiteKernel, x: np.ndarray, seed: int, draws: int) -> np.ndarray:
    """Draws from the prior.

    Single sites are drawn exactly. Products over sites are drawn with random features (Rahimi and Recht 2007):
    k_s(a, b) is the mean of cos(phase(a) - phase(b)) over random phases of the letters, so the product over sites is
    the mean of the cosine of the summed differences. The phases of properties are normal; those of inequality are all
    zero with probability exp(-weight), else independent and uniform.

    Args:
        kernel: the process.
        x: [n, L] letters.
        seed: the same seed gives the same functions for any x.
        draws: S.

    Returns:
        [S, n] float32.
    """
    rng = np.random.default_rng([seed, 0])
    one, pair, whole = np.sqrt(kernel.variances).astype(np.float32)
    total = np.zeros((len(x), draws), np.float32)
    for s, table in enumerate(kernel.tables):
        left = root(table)
        values = left @ rng.standard_normal((left.shape[1], draws))
        total += one / np.float32(np.sqrt(len(kernel.tables))) * values.astype(np.float32)[x[:, s]]
    phases, shift = letter_phases(kernel, rng)
    total += whole * waves(phases, shift, x) @ rng.standard_normal((FEATURES, draws), dtype=np.float32)
    if len(kernel.tables) > 1:
        phases, shift = letter_phases(kernel, rng)
        both = np.argsort(rng.random((len(kernel.tables), FEATURES)), axis=0) < 2
        phases *= both[:, None, :]
        total += pair * waves(phases, shift, x) @ rng.standard_normal((FEATURES, draws), dtype=np.float32)
    return total.T


def letter_phases(kernel: SiteKernel, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """[L, K, M] random phases of each letter at each site, and [M] of the whole; float32."""
    letters = kernel.tables.shape[1]
    phases = np.zeros((len(kernel.tables), letters, FEATURES), np.float32)
    for s, coordinates in enumerate(kernel.coordinates):
        phases[s] = np.sqrt(2.0) * coordinates.T @ rng.standard_normal((len(coordinates), FEATURES))
        tells = rng.random(FEATURES) >= np.exp(-kernel.unequal[s])
        phases[s] += tells * rng.uniform(0, 2 * np.pi, (letters, FEATURES))
    return phases, rng.uniform(0, 2 * np.pi, FEATURES).astype(np.float32)


def waves(phases: np.ndarray, shift: np.ndarray, x: np.ndarray) -> np.ndarray:
    """[n, M] features whose products have the covariance of the process."""
    angle = np.tile(shift, (len(x), 1))
    for s in range(len(phases)):
        angle += phases[s][x[:, s]]
    return np.cos(angle, out=angle) * np.float32(np.sqrt(2.0 / FEATURES))
