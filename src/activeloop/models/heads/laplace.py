"""The last layer's Laplace approximation, which for squared errors is exact: Bayesian linear regression."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from activeloop.models.heads.base import Draws, Inputs
from activeloop.models.heads.linear import Design, LinearPosterior, left_out_means, refuse_without_spread
from activeloop.models.heads.variances import BELIEFS, CONSTANT, Spectrum, Variances, likeliest


@dataclass(frozen=True)
class LastLayer(Draws):
    """A linear function of the features, all of whose weights are uncertain.

    The variances of weights and noise are those of the greatest marginal likelihood. Each guess has a weight of its
    own, drawn towards a share of `belief`; how far it may move is learned as well. Costs min(N, P) cubed at most. A
    draw is a set of weights, so all draws of all candidates are one matrix product. With far more features than values
    the weights keep their prior in every direction about which the values say nothing.

    Args:
        belief: expected correlation of the guesses with the values, before any value is seen.
        variances: of signal, guess and noise, when they are not to be learned.

    Source: MacKay 1992, Neural Computation 4:415; for last layers Daxberger et al. 2021, arXiv:2106.14806.

    >>> x = np.random.default_rng(0).standard_normal((30, 3)).astype(np.float32)
    >>> inputs = Inputs(x, np.zeros((30, 0)))
    >>> mean, sd = LastLayer().fit(inputs, x[:, 0].astype(float), np.ones(30), 0).marginals(inputs)
    >>> bool(np.abs(mean - x[:, 0]).max() < 0.1)
    True
    """

    belief: float = 0.5
    variances: Variances | None = None

    @property
    def name(self) -> str:
        """`last-layer`."""
        return "last-layer"

    def fit(self, inputs: Inputs, targets: np.ndarray, weights: np.ndarray, seed: int) -> LinearPosterior:
        """The posterior, in closed form; the seed decides nothing."""
        design = Design.of(inputs, weights)
        variances = self.variances or likeliest_linear(design, targets, self.belief)
        posterior = linear_posterior(design, targets, self.belief, variances)
        refuse_without_spread(posterior.marginals(inputs)[1], targets, self.name)
        return posterior

    def settled(self, inputs: Inputs, targets: np.ndarray, weights: np.ndarray, seed: int) -> LastLayer:
        """With the likeliest variances."""
        return replace(self, variances=likeliest_linear(Design.of(inputs, weights), targets, self.belief))

    def restore(self, state: dict[str, np.ndarray]) -> LinearPosterior:
        """The posterior that gave this state."""
        return LinearPosterior.restore(state)


def likeliest_linear(design: Design, targets: np.ndarray, belief: float) -> Variances:
    """The variances under which the values [N] are likeliest."""
    spectrum = linear_spectrum(design, targets, belief)
    return likeliest(spectrum.evidence, design.guess.shape[1] - 1)[0]


def linear_spectrum(design: Design, targets: np.ndarray, belief: float) -> Spectrum:
    """The values in the principal directions of the features."""
    root = np.sqrt(design.weights)
    inner = design.inner * root[:, None]
    roots = np.square(inner).sum(0)
    vectors = inner / np.sqrt(roots)
    gap = targets - design.rows @ design.expected(belief)
    return Spectrum.of(roots, vectors, root * gap, root[:, None] * design.guess)


def linear_posterior(design: Design, targets: np.ndarray, belief: float, variances: Variances) -> LinearPosterior:
    """What the values [N] say of the coefficients, for given variances."""
    from scipy.linalg import solve_triangular

    rows, expected = design.rows, design.expected(belief)
    weighted = rows * np.sqrt(design.weights / variances.noise)[:, None]
    precision = weighted.T @ weighted + np.diag(1 / prior_variances(design, variances))
    lower = np.linalg.cholesky(precision)
    factor = solve_triangular(lower, np.eye(len(lower)), lower=True).T
    pull = rows.T @ (design.weights / variances.noise * (targets - rows @ expected))
    mean = expected + factor @ (factor.T @ pull)
    leverage = np.square(weighted @ factor).sum(1)
    unseen = left_out_means(rows @ mean, targets, leverage)
    noise = float(np.sqrt(variances.noise))
    return LinearPosterior(design.columns, design.directions, mean, factor, variances.signal, noise, unseen)


def prior_variances(design: Design, variances: Variances) -> np.ndarray:
    """[R + G + 1] of the coefficients, before any value is seen."""
    inside, guesses = design.inner.shape[1], design.guess.shape[1] - 1
    return np.concatenate([np.full(inside, variances.signal), np.full(guesses, variances.guess), [CONSTANT]])


def belief_alone(inputs: Inputs, belief: float) -> LinearPosterior:
    """What is believed of some candidates before any value is seen; scales are taken from these candidates.

    >>> guess = np.array([[1.0], [3.0]])
    >>> belief_alone(Inputs(np.eye(2, dtype=np.float32), guess), 0.5).marginals(Inputs(np.eye(2), guess))[0].tolist()
    [-0.5, 0.5]
    """
    design = Design.of(inputs, np.ones(len(inputs)))
    design = Design(design.columns, design.directions[:0], design.inner[:, :0], design.guess, design.weights)
    variances = Variances(*(float(np.exp(centre)) for centre, _ in BELIEFS))
    factor = np.diag(np.sqrt(prior_variances(design, variances)))
    # the mean of all candidates is not in question before a value is seen
    factor[-1, -1] = 1e-3
    none = np.zeros(0)
    mean = design.expected(belief)
    return LinearPosterior(
        design.columns, design.directions, mean, factor, variances.signal, float(np.sqrt(variances.noise)), none
    )
