"""A mixture of Gaussian processes that share one kernel and one noise, and differ in their prior mean and their scale.

f = shift + scale * (m_k + phi @ theta), with k one of K prior means, scale one of B, and theta standard normal: the
kernel is phi phi'. The posterior is again such a mixture. As its components share the kernel, one factorisation of a
matrix of the size of phi serves all of them, so hundreds of components cost hardly more than one; their weights follow
from how likely each makes the labels. Samples are exact: a component is drawn, then theta.

Notation: N labels at places with phi [N, Q] and prior means [N, K]; other places with phi [n, Q], means [n, K].

Source: Rasmussen and Williams 2006, sections 2.1.1 (weight space), 2.7 (prior means), 5.4.2 (leave-one-out).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from activeloop.models.gp.core import inverse_root


@dataclass(frozen=True)
class MixturePrior:
    """Weights of the components before any label, and what they share.

    Args:
        log_weights: [K] of the prior means; their exponentials need not sum to 1.
        scales: [B] above 0.
        log_scale_weights: [B].
        noise: variance of the noise of one label, for a scale of 1.
        shift: of the values; how far it may be off is for phi to say (a constant column).
    """

    log_weights: np.ndarray
    scales: np.ndarray
    log_scale_weights: np.ndarray
    noise: float
    shift: float

    @property
    def typical_scale(self) -> float:
        """The likeliest before any label."""
        return float(self.scales[int(self.log_scale_weights.argmax())])

    def posterior(
        self, phi: np.ndarray, means: np.ndarray, values: np.ndarray, errors: np.ndarray | None = None
    ) -> MixturePosterior:
        """Given labels.

        Args:
            phi: [N, Q]; N may be 0.
            means: [N, K].
            values: [N].
            errors: [N] their standard errors, 0 where none is known.

        >>> prior = MixturePrior(np.zeros(2), np.ones(1), np.zeros(1), 0.01, 0.0)
        >>> means = np.array([[1.0, -1.0], [1.0, -1.0], [2.0, 0.0]])
        >>> post = prior.posterior(0.1 * np.ones((2, 1)), means[:2], np.array([1.1, 0.9]))
        >>> post.shares.sum(1).round(3).tolist(), post.mean(0.1 * np.ones((1, 1)), means[2:]).round(2).tolist()
        ([1.0, 0.0], [2.0])
        """
        noise = np.full(len(values), self.noise)
        if errors is not None:
            noise += np.square(errors / self.typical_scale)
        return MixturePosterior.of(self, phi, means, values - self.shift, noise)


@dataclass(frozen=True)
class MixturePosterior:
    """The mixture given N labels.

    Args:
        prior: before them.
        root: [Q, Q] R with R R' the posterior covariance of theta.
        pulled: [Q, K] by what the labels move theta of each prior mean.
        moved: [Q] by what the values themselves move theta times the scale.
        shares: [K, B] weights of the components; they sum to 1.
        labels: what the labels were: phi, means, values less the shift, noise variances.
    """

    prior: MixturePrior
    root: np.ndarray
    pulled: np.ndarray
    moved: np.ndarray
    shares: np.ndarray
    labels: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]

    @classmethod
    def of(
        cls, prior: MixturePrior, phi: np.ndarray, means: np.ndarray, values: np.ndarray, noise: np.ndarray
    ) -> MixturePosterior:
        """From labels less the shift [N] and the variances of their noise [N]."""
        thin = phi / noise[:, None]
        root = inverse_root(np.eye(phi.shape[1]) + phi.T @ thin)
        pulled, moved = root @ (root.T @ (thin.T @ means)), root @ (root.T @ (thin.T @ values))
        logs = prior.log_weights[:, None] + prior.log_scale_weights + log_evidence(prior, phi, means, values, noise)
        shares = np.exp(logs - logs.max())
        return cls(prior, root, pulled, moved, shares / shares.sum(), (phi, means, values, noise))

    @cached_property
    def _moments(self) -> tuple[np.ndarray, np.ndarray, float]:
        """[K] sum of share times scale, [K] of share times its square, and the latter over all."""
        first, second = self.shares @ self.prior.scales, self.shares @ self.prior.scales**2
        return first, second, float(second.sum())

    @property
    def noise(self) -> float:
        """Standard deviation of the noise of one label, in values."""
        return float(np.sqrt(self._moments[2] * self.prior.noise))

    def mean(self, phi: np.ndarray, means: np.ndarray) -> np.ndarray:
        """[n] posterior mean."""
        first = self._moments[0]
        return self.prior.shift + means @ first + phi @ (self.moved - self.pulled @ first)

    def variance(self, phi: np.ndarray, means: np.ndarray) -> np.ndarray:
        """[n] posterior variance of the function: of theta, and of which component it is."""
        first, second, total = self._moments
        own = means - phi @ self.pulled
        inside = total * np.square(phi @ self.root).sum(1)
        return np.maximum(inside + np.square(own) @ second - np.square(own @ first), 1e-12 * total)

    def covariance(
        self, phi: np.ndarray, means: np.ndarray, other_phi: np.ndarray, other_means: np.ndarray
    ) -> np.ndarray:
        """[n, m] posterior covariance of the function between places."""
        first, second, total = self._moments
        here, there = means - phi @ self.pulled, other_means - other_phi @ self.pulled
        inside = total * (phi @ self.root) @ (other_phi @ self.root).T
        return inside + (here * second) @ there.T - np.outer(here @ first, there @ first)

    def samples(self, seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """What `count` sampled functions are made of: weights of phi [Q, S] and of the prior means [K, S].

        A function at places is shift + phi @ the former + means @ the latter.
        """
        rng = np.random.default_rng(seed)
        flat = np.searchsorted(np.cumsum(self.shares), rng.random(count) * (1 - 1e-12))
        part, scale = np.unravel_index(np.minimum(flat, self.shares.size - 1), self.shares.shape)
        scales = self.prior.scales[scale]
        chosen = np.zeros((len(self.shares), count))
        chosen[part, np.arange(count)] = scales
        theta = self.root @ rng.standard_normal((len(self.root), count))
        return theta * scales + self.moved[:, None] - self.pulled @ chosen, chosen

    def leave_one_out(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean [N] and variance [N] of the function at each label given all others, weights of components included."""
        phi, means, values, noise = self.labels
        whitened = (phi @ self.root) / noise[:, None]
        precision = 1 / noise - np.square(phi @ self.root).sum(1) / noise**2  # of (K + D)^-1, its diagonal
        plain, parts = (
            target / _column(noise, target) - whitened @ (self.root.T @ (phi.T @ (target / _column(noise, target))))
            for target in (values, means)
        )
        scales = self.prior.scales
        # what the label is given the others, in each component: value less residual
        residual = (plain[:, None, None] - parts[:, :, None] * scales) / precision[:, None, None]
        spread = scales**2 / precision[:, None]
        density = -0.5 * residual**2 / spread[:, None, :] - 0.5 * np.log(spread)[:, None, :]
        logs = np.log(np.maximum(self.shares, 1e-300)) - density
        shares = np.exp(logs - logs.max((1, 2), keepdims=True))
        shares /= shares.sum((1, 2), keepdims=True)
        each = values[:, None, None] - residual
        mean = (shares * each).sum((1, 2))
        inside = np.maximum(spread - scales**2 * noise[:, None], 1e-9 * spread)
        variance = (shares * (each**2 + inside[:, None, :])).sum((1, 2)) - mean**2
        return self.prior.shift + mean, np.maximum(variance, 1e-12)


def _column(noise: np.ndarray, target: np.ndarray) -> np.ndarray:
    return noise if target.ndim == 1 else noise[:, None]


def log_evidence(
    prior: MixturePrior, phi: np.ndarray, means: np.ndarray, values: np.ndarray, noise: np.ndarray
) -> np.ndarray:
    """[K, B] log density of values less the shift [N] in each component, but for what all have in common."""
    thin = phi / noise[:, None]
    root = inverse_root(np.eye(phi.shape[1]) + phi.T @ thin)

    def inner(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """A' (K + D)^-1 b, by Woodbury's identity; column by column where both are matrices."""
        left, right = root.T @ (thin.T @ a), root.T @ (thin.T @ b)
        if b.ndim == 2:
            return (a * b / noise[:, None]).sum(0) - (left * right).sum(0)
        return (a / _column(noise, a)).T @ b - left.T @ right

    square, cross, own = inner(values, values), inner(means, values), inner(means, means)
    inverse = 1 / prior.scales
    distance = square * inverse**2 - 2 * cross[:, None] * inverse + own[:, None]
    return -0.5 * distance - len(values) * np.log(prior.scales)
