"""Bayesian linear regression on features: the last layer's Laplace approximation, exact for squared errors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from activeloop.models.gp.core import inverse_root, root
from activeloop.models.heads.base import (
    Head,
    HeadInputs,
    Posterior,
    Standardisation,
    check_spread,
    exact_product,
    power_of_two_above,
)
from activeloop.models.heads.evidence import Spectrum, Variances, expected_weights, maximum_evidence


@dataclass(frozen=True)
class LaplaceHead(Head):
    """A linear function of the features, all of whose weights are uncertain.

    The variances of weights and noise are those of the greatest marginal likelihood. Each prior score has a weight of
    its own, shrunk towards a share of `prior_correlation`; the strength is learned as well. Costs min(N, P) cubed at
    most. A sample is a set of weights, so all samples of all candidates are one matrix product. With far more features
    than values the weights keep their prior in every direction that the values do not inform.

    Args:
        prior_correlation: expected correlation of the prior scores with the values, before any value is seen.
        variances: of signal, prior scores and noise, when they are not to be learned.

    Source: MacKay 1992, Neural Computation 4:415; for last layers Daxberger et al. 2021, arXiv:2106.14806.

    >>> x = np.random.default_rng(0).standard_normal((30, 3)).astype(np.float32)
    >>> inputs = HeadInputs(x, np.zeros((30, 0)))
    >>> mean, sd = LaplaceHead().fit(inputs, x[:, 0].astype(float), np.ones(30), 0).marginals(inputs)
    >>> bool(np.abs(mean - x[:, 0]).max() < 0.1)
    True
    """

    name = "last-layer"

    prior_correlation: float = 0.5
    variances: Variances | None = None

    def fit(self, inputs: HeadInputs, targets: np.ndarray, weights: np.ndarray, seed: int) -> LinearPosterior:
        """The posterior, in closed form; the seed decides nothing."""
        design = Design.of(inputs, weights)
        variances = self.variances or self._fitted(design, targets)
        posterior = linear_posterior(design, targets, self.prior_correlation, variances)
        check_spread(posterior.marginals(inputs)[1], targets, self.name)
        return posterior

    def with_scales(self, inputs: HeadInputs, targets: np.ndarray, weights: np.ndarray, seed: int) -> LaplaceHead:
        """With the variances of the greatest evidence."""
        return replace(self, variances=self._fitted(Design.of(inputs, weights), targets))

    def _fitted(self, design: Design, targets: np.ndarray) -> Variances:
        spectrum = linear_spectrum(design, targets, self.prior_correlation)
        return maximum_evidence(spectrum.evidence, design.basis.shape[1] - 1)[0]

    def restore(self, state: dict[str, np.ndarray]) -> LinearPosterior:
        """The posterior that gave this state."""
        signal, noise = state["variances"].tolist()
        columns, directions = Standardisation.restore(state), state["directions"]
        return LinearPosterior(
            columns, directions, state["coefficients"], state["factor"], signal, noise, state["unseen"]
        )


@dataclass(frozen=True)
class Design:
    """N measured candidates as a linear model sees them.

    The features are turned into R = min(N, P) directions that span theirs; the values inform no others.

    Args:
        columns: scale of every column.
        directions: float32 [R, P], see `spanning_directions`.
        inner: [N, R] features along the directions, divided by the root of `columns.norm`.
        basis: [N, G + 1] prior scores and a constant.
        weights: [N] of the values.
    """

    columns: Standardisation
    directions: np.ndarray
    inner: np.ndarray
    basis: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, inputs: HeadInputs, weights: np.ndarray, columns: Standardisation | None = None) -> Design:
        """Of the measured candidates; the scale of every column is taken from them when it is not given."""
        columns = columns or Standardisation.of(inputs)
        x = columns(inputs)
        features = x.features.astype(np.float64)
        directions = spanning_directions(features * np.sqrt(weights)[:, None]).astype(np.float32)
        inner = features @ directions.T.astype(np.float64) / np.sqrt(columns.norm)
        return cls(columns, directions, inner, x.basis, weights.astype(np.float64))

    @property
    def rows(self) -> np.ndarray:
        """[N, R + G + 1] all columns."""
        return np.concatenate([self.inner, self.basis], axis=1)

    def expected(self, prior_correlation: float) -> np.ndarray:
        """[R + G + 1] prior means of the coefficients."""
        return np.concatenate([np.zeros(self.inner.shape[1]), expected_weights(self.basis.shape[1], prior_correlation)])

    def prior_variances(self, variances: Variances) -> np.ndarray:
        """[R + G + 1] of the coefficients, before any value is seen."""
        return np.concatenate([np.full(self.inner.shape[1], variances.signal), variances.of_basis(self.basis.shape[1])])


def spanning_directions(rows: np.ndarray) -> np.ndarray:
    """[R, P] D whose D' D projects on what rows [N, P] span, R = min(N, P).

    With fewer rows than columns the symmetric orthogonalisation of the rows, else the projection itself. Both depend on
    the rows alone; signs and turns of eigenvectors, which differ between processors, drop out.

    Source: Löwdin 1950, Journal of Chemical Physics 18:365.

    >>> spanning_directions(np.array([[0.0, 2.0, 0.0]])).tolist()
    [[0.0, 1.0, 0.0]]
    """
    count, width = rows.shape
    if not width:
        return np.zeros((0, 0))
    roots, vectors = np.linalg.eigh(rows @ rows.T if count < width else rows.T @ rows)
    positive = roots > 1e-10 * max(roots[-1], 1e-12)
    roots, vectors = roots[positive], vectors[:, positive]
    return (vectors / np.sqrt(roots)) @ vectors.T @ rows if count < width else vectors @ vectors.T


def linear_spectrum(design: Design, targets: np.ndarray, prior_correlation: float) -> Spectrum:
    """Weighted values in the principal directions of the features."""
    root = np.sqrt(design.weights)
    vectors, lengths, _ = np.linalg.svd(design.inner * root[:, None], full_matrices=False)
    used = lengths > 1e-5 * max(float(lengths.max(initial=0.0)), 1e-6)
    gap = targets - design.rows @ design.expected(prior_correlation)
    return Spectrum.of(np.square(lengths[used]), vectors[:, used], root * gap, root[:, None] * design.basis)


def linear_posterior(
    design: Design, targets: np.ndarray, prior_correlation: float, variances: Variances
) -> LinearPosterior:
    """The posterior of the coefficients given the values [N] and the variances."""
    rows, expected = design.rows, design.expected(prior_correlation)
    weighted = rows * np.sqrt(design.weights / variances.noise)[:, None]
    factor = inverse_root(weighted.T @ weighted + np.diag(1 / design.prior_variances(variances)))
    projected = rows.T @ (design.weights / variances.noise * (targets - rows @ expected))
    mean = expected + factor @ (factor.T @ projected)
    # predicted residuals of a linear smoother: Allen 1974, Technometrics 16:125 (PRESS)
    leverage = np.square(weighted @ factor).sum(1)
    left_out = targets - (targets - rows @ mean) / np.maximum(1 - leverage, 1e-9)
    noise = float(np.sqrt(variances.noise))
    return LinearPosterior(design.columns, design.directions, mean, factor, variances.signal, noise, left_out)


def prior_posterior(inputs: HeadInputs, prior_correlation: float) -> LinearPosterior:
    """The prediction of some candidates before any value is seen; scales are taken from these candidates.

    >>> inputs = HeadInputs(np.eye(2, dtype=np.float32), np.array([[1.0], [3.0]]))
    >>> prior_posterior(inputs, 0.5).marginals(inputs)[0].tolist()
    [-0.5, 0.5]
    """
    design = Design.of(inputs, np.ones(len(inputs)))
    design = replace(design, directions=design.directions[:0], inner=design.inner[:, :0])
    variances = Variances.expected()
    factor = np.diag(np.sqrt(design.prior_variances(variances)))
    # the mean of all candidates is not in question before a value is seen
    factor[-1, -1] = 1e-3
    mean, noise = design.expected(prior_correlation), float(np.sqrt(variances.noise))
    return LinearPosterior(design.columns, design.directions, mean, factor, variances.signal, noise, np.zeros(0))


@dataclass(frozen=True)
class LinearPosterior(Posterior):
    """Coefficients of which mean and covariance are known; in directions without values they keep their prior.

    Args:
        columns: scale of every column.
        directions: float32 [R, P].
        coefficients: [R + G + 1] posterior means, in the order of `Design.rows`.
        factor: [R + G + 1, R + G + 1] of which covariance = factor @ factor.T.
        signal: variance of the function in all other directions.
        noise: standard deviation of one value.
        left_out: [N] leave-one-out predictions.
    """

    columns: Standardisation
    directions: np.ndarray
    coefficients: np.ndarray
    factor: np.ndarray
    signal: float
    noise: float
    left_out: np.ndarray

    def mean(self, inputs: HeadInputs) -> np.ndarray:
        """[n] exact."""
        inside = len(self.directions)
        weights = self.coefficients[None, :inside] @ self.directions / np.sqrt(self.columns.norm)
        return LinearFunctions(self.columns, weights, self.coefficients[None, inside:]).exact(inputs)[:, 0]

    def marginals(self, inputs: HeadInputs) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation, exact."""
        x, inside = self.columns(inputs), len(self.directions)
        along = exact_product(x.features, self.directions.T) / np.sqrt(self.columns.norm)
        both = np.concatenate([self.coefficients[:, None], self.factor], axis=1)
        product = exact_product(along, both[:inside]) + exact_product(x.basis, both[inside:])
        across = np.maximum(x.lengths - np.square(along).sum(1), 0)
        return product[:, 0], np.sqrt(np.square(product[:, 1:]).sum(1) + self.signal * across)

    def functions(self, seed: int, count: int) -> LinearFunctions:
        """Weights of the columns are drawn once; then every candidate is one row of a matrix product."""
        width, inside, size = self.directions.shape[1], len(self.directions), len(self.coefficients)
        normal = np.random.default_rng(seed).standard_normal((count, width + size - inside))
        free, beside = np.split(normal, [width], axis=1)
        # the normal numbers belong to the features, and the root is symmetric: the signs of the directions, which
        # differ between processors, then change nothing
        along = exact_product(free, self.directions.T, 8.0)
        own = self.coefficients + exact_product(np.concatenate([along, beside], 1), self._root, 8.0)
        # prior samples keep what lies outside the directions
        sd = np.sqrt(self.signal)
        largest = float((np.abs(self.coefficients) + np.sqrt(np.square(self.factor).sum(1))).max())
        reach = power_of_two_above(8 * sd + 8 * largest)
        weights = sd * free + exact_product(own[:, :inside] - sd * along, self.directions, reach)
        return LinearFunctions(self.columns, weights / np.sqrt(self.columns.norm), own[:, inside:])

    @cached_property
    def _root(self) -> np.ndarray:
        return root(self.factor @ self.factor.T, 0.0)

    def leave_one_out(self) -> np.ndarray:
        """[N] by the leverage of each value."""
        return self.left_out

    def state(self) -> dict[str, np.ndarray]:
        """All that was learned."""
        return self.columns.state() | {
            "directions": self.directions,
            "coefficients": self.coefficients,
            "factor": self.factor,
            "variances": np.array([self.signal, self.noise]),
            "unseen": self.left_out,
        }


@dataclass(frozen=True)
class LinearFunctions:
    """S linear functions.

    Args:
        columns: scale of every column.
        weights: [S, P] of the standardised features.
        basis_weights: [S, G + 1] of prior scores and constant.
    """

    columns: Standardisation
    weights: np.ndarray
    basis_weights: np.ndarray

    def __call__(self, inputs: HeadInputs) -> np.ndarray:
        """Float32 [S, n]."""
        return self.exact(inputs).T.astype(np.float32)

    def exact(self, inputs: HeadInputs) -> np.ndarray:
        """Float64 [n, S]."""
        x = self.columns(inputs)
        return exact_product(x.features, self.weights.T) + exact_product(x.basis, self.basis_weights.T)
