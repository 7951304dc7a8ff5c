"""Bayesian linear regression on features: the last layer’s Laplace approximation, exact for squared errors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from activeloop.errors import ModelError
from activeloop.models.heads.base import (
    BELIEFS,
    CONSTANT,
    REACH,
    Columns,
    Head,
    Inputs,
    Posterior,
    Spectrum,
    Variances,
    exact_product,
    likeliest,
)


@dataclass(frozen=True)
class Design:
    """N measured candidates as a linear model sees them.

    The features are turned into their R = min(N, P) principal directions; across these the values say nothing.

    Args:
        columns: scale of every column.
        directions: float32 [R, P], orthonormal.
        inner: [N, R] features along the directions, divided by the root of `columns.norm`.
        guess: [N, G + 1] guesses and a constant.
        weights: [N] of the values.
    """

    columns: Columns
    directions: np.ndarray
    inner: np.ndarray
    guess: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, inputs: Inputs, weights: np.ndarray, columns: Columns | None = None) -> Design:
        """Of the measured candidates; the scale of every column is taken from them when it is not given."""
        columns = columns or Columns.of(inputs)
        features = columns.features(inputs).astype(np.float64)
        directions = principal_directions(features * np.sqrt(weights)[:, None]).astype(np.float32)
        inner = features @ directions.T.astype(np.float64) / np.sqrt(columns.norm)
        return cls(columns, directions, inner, columns.guess(inputs), weights.astype(np.float64))

    @property
    def rows(self) -> np.ndarray:
        """[N, R + G + 1] all columns."""
        return np.concatenate([self.inner, self.guess], axis=1)

    def expected(self, prediction: float) -> np.ndarray:
        """[R + G + 1] coefficients before any value is seen: the guesses share `prediction` among them."""
        guesses = self.guess.shape[1] - 1
        return np.concatenate([np.zeros(self.inner.shape[1]), np.full(guesses, prediction / max(1, guesses)), [0.0]])


def principal_directions(rows: np.ndarray) -> np.ndarray:
    """[R, P] orthonormal directions in which rows [N, P] differ from 0, R <= min(N, P); the longest last.

    By the eigenvectors of the smaller of the two products of the rows with themselves.
    """
    count, width = rows.shape
    if count < width:
        roots, vectors = np.linalg.eigh(rows @ rows.T)
        kept = roots > 1e-10 * max(roots[-1], 1e-12)
        return (rows.T @ (vectors[:, kept] / np.sqrt(roots[kept]))).T
    roots, vectors = np.linalg.eigh(rows.T @ rows)
    return vectors[:, roots > 1e-10 * max(roots[-1], 1e-12)].T if width else np.zeros((0, 0))


@dataclass(frozen=True)
class LinearPosterior(Posterior):
    """Coefficients of which mean and covariance are known; where nothing was learned they are as before.

    Args:
        columns: scale of every column.
        directions: float32 [R, P].
        coefficients: [R + G + 1] as expected, see `Design.rows`.
        factor: [R + G + 1, R + G + 1] of which covariance = factor @ factor.T.
        signal: variance, across the directions, of the function.
        noise: standard deviation of one value.
        unseen: [N] held-out predictions.
    """

    columns: Columns
    directions: np.ndarray
    coefficients: np.ndarray
    factor: np.ndarray
    signal: float
    noise: float
    unseen: np.ndarray

    def mean(self, inputs: Inputs) -> np.ndarray:
        """[n] exact."""
        inside = len(self.directions)
        weights = self.coefficients[None, :inside] @ self.directions / np.sqrt(self.columns.norm)
        return LinearFunctions(self.columns, weights, self.coefficients[None, inside:]).exact(inputs)[:, 0]

    def marginals(self, inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation, exact."""
        features, guess = self.columns.features(inputs), self.columns.guess(inputs)
        inside = len(self.directions)
        along = exact_product(features, self.directions.T, REACH) / np.sqrt(self.columns.norm)
        both = np.concatenate([self.coefficients[:, None], self.factor], axis=1)
        told = exact_product(along, both[:inside], REACH) + exact_product(guess, both[inside:], REACH)
        length = np.square(features, dtype=np.float64).sum(1) / self.columns.norm
        across = np.maximum(length - np.square(along).sum(1), 0)
        return told[:, 0], np.sqrt(np.square(told[:, 1:]).sum(1) + self.signal * across)

    def functions(self, seed: int, count: int) -> LinearFunctions:
        """Weights of the columns are drawn once; then every candidate is one row of a matrix product."""
        return LinearFunctions(self.columns, *self.weights(seed, count))

    def weights(self, seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """[count, P] weights of the standardised features and [count, G + 1] of guesses and constant."""
        width, inside = self.directions.shape[1], len(self.directions)
        normal = np.random.default_rng(seed).standard_normal((count, len(self.coefficients) + width))
        own = self.coefficients + exact_product(normal[:, : len(self.coefficients)], self.factor.T, 8.0)
        free = np.sqrt(self.signal) * normal[:, len(self.coefficients) :]
        # the part of a prior draw about which the values said nothing
        along = exact_product(free, self.directions.T, 2.0 ** np.ceil(np.log2(8 * np.sqrt(self.signal))))
        reach = 2.0 ** np.ceil(np.log2(8 * np.sqrt(self.signal) + 8 * self._largest))
        weights = free + exact_product(own[:, :inside] - along, self.directions, reach)
        return weights / np.sqrt(self.columns.norm), own[:, inside:]

    @property
    def _largest(self) -> float:
        """Size that coefficients seldom exceed."""
        sizes = np.abs(self.coefficients) + np.sqrt(np.square(self.factor).sum(1))
        return float(sizes.max())

    def held_out(self) -> np.ndarray:
        """[N] held-out predictions."""
        return self.unseen

    def state(self) -> dict[str, np.ndarray]:
        """All that was learned."""
        return self.columns.state() | {
            "directions": self.directions,
            "coefficients": self.coefficients,
            "factor": self.factor,
            "variances": np.array([self.signal, self.noise]),
            "unseen": self.unseen,
        }

    @classmethod
    def restore(cls, state: dict[str, np.ndarray]) -> LinearPosterior:
        """The counterpart of `state`."""
        signal, noise = state["variances"].tolist()
        columns, directions = Columns.restore(state), state["directions"]
        return cls(columns, directions, state["coefficients"], state["factor"], signal, noise, state["unseen"])


@dataclass(frozen=True)
class LinearFunctions:
    """S linear functions.

    Args:
        columns: scale of every column.
        weights: [S, P] of the standardised features.
        others: [S, G + 1] of guesses and constant.
    """

    columns: Columns
    weights: np.ndarray
    others: np.ndarray

    def __call__(self, inputs: Inputs) -> np.ndarray:
        """Float32 [S, n]."""
        return self.exact(inputs).T.astype(np.float32)

    def exact(self, inputs: Inputs) -> np.ndarray:
        """Float64 [n, S]."""
        features, guess = self.columns.features(inputs), self.columns.guess(inputs)
        return exact_product(features, self.weights.T, REACH) + exact_product(guess, self.others.T, REACH)


def left_out_means(fitted: np.ndarray, targets: np.ndarray, leverage: np.ndarray) -> np.ndarray:
    """[N] what a linear smoother says of each value without it, in closed form.

    Args:
        fitted: [N] what it says with all values.
        targets: [N] the values.
        leverage: [N] by how much each fitted value follows its own value.

    Source: Allen 1974, Technometrics 16:125 (PRESS).
    """
    return targets - (targets - fitted) / np.maximum(1 - leverage, 1e-9)


def refuse_without_spread(sd: np.ndarray, targets: np.ndarray, what: str) -> None:
    """Refuse a posterior that is certain of everything although the values differ.

    Args:
        sd: [n] standard deviations of what it says of some candidates.
        targets: [N] the values.
        what: its name.

    Raises:
        ModelError: they are all 0, or not numbers.
    """
    if not np.isfinite(sd).all() or (np.ptp(targets) > 0 and not sd.max(initial=0) > 0):
        raise ModelError(f"{what}: all draws are the same, so nothing can be told from them. Nothing was fitted.")


@dataclass(frozen=True)
class LaplaceHead(Head):
    """A linear function of the features, all of whose weights are uncertain.

    The variances of weights and noise are those of the greatest marginal likelihood. Each guess has a weight of its
    own, drawn towards a share of `prediction`; how far it may move is learned as well. Costs min(N, P) cubed at most. A
    draw is a set of weights, so all draws of all candidates are one matrix product. With far more features than values
    the weights keep their prior in every direction about which the values say nothing.

    Args:
        prediction: expected correlation of the guesses with the values, before any value is seen.
        variances: of signal, guess and noise, when they are not to be learned.

    Source: MacKay 1992, Neural Computation 4:415; for last layers Daxberger et al. 2021, arXiv:2106.14806.

    >>> x = np.random.default_rng(0).standard_normal((30, 3)).astype(np.float32)
    >>> inputs = Inputs(x, np.zeros((30, 0)))
    >>> mean, sd = LaplaceHead().fit(inputs, x[:, 0].astype(float), np.ones(30), 0).marginals(inputs)
    >>> bool(np.abs(mean - x[:, 0]).max() < 0.1)
    True
    """

    prediction: float = 0.5
    variances: Variances | None = None

    @property
    def name(self) -> str:
        """`last-layer`."""
        return "last-layer"

    def fit(self, inputs: Inputs, targets: np.ndarray, weights: np.ndarray, seed: int) -> LinearPosterior:
        """The posterior, in closed form; the seed decides nothing."""
        design = Design.of(inputs, weights)
        variances = self.variances or likeliest_linear(design, targets, self.prediction)
        posterior = linear_posterior(design, targets, self.prediction, variances)
        refuse_without_spread(posterior.marginals(inputs)[1], targets, self.name)
        return posterior

    def settled(self, inputs: Inputs, targets: np.ndarray, weights: np.ndarray, seed: int) -> LaplaceHead:
        """With the likeliest variances."""
        return replace(self, variances=likeliest_linear(Design.of(inputs, weights), targets, self.prediction))

    def restore(self, state: dict[str, np.ndarray]) -> LinearPosterior:
        """The posterior that gave this state."""
        return LinearPosterior.restore(state)


def likeliest_linear(design: Design, targets: np.ndarray, prediction: float) -> Variances:
    """The variances under which the values [N] are likeliest."""
    spectrum = linear_spectrum(design, targets, prediction)
    return likeliest(spectrum.evidence, design.guess.shape[1] - 1)[0]


def linear_spectrum(design: Design, targets: np.ndarray, prediction: float) -> Spectrum:
    """The values in the principal directions of the features."""
    root = np.sqrt(design.weights)
    inner = design.inner * root[:, None]
    roots = np.square(inner).sum(0)
    vectors = inner / np.sqrt(roots)
    gap = targets - design.rows @ design.expected(prediction)
    return Spectrum.of(roots, vectors, root * gap, root[:, None] * design.guess)


def linear_posterior(design: Design, targets: np.ndarray, prediction: float, variances: Variances) -> LinearPosterior:
    """What the values [N] say of the coefficients, for given variances."""
    from scipy.linalg import solve_triangular

    rows, expected = design.rows, design.expected(prediction)
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


def marginal_prediction(inputs: Inputs, prediction: float) -> LinearPosterior:
    """What is believed of some candidates before any value is seen; scales are taken from these candidates.

    >>> guess = np.array([[1.0], [3.0]])
    >>> marginal_prediction(Inputs(np.eye(2, dtype=np.float32), guess), 0.5).marginals(Inputs(np.eye(2), guess))[
    ...     0
    ... ].tolist()
    [-0.5, 0.5]
    """
    design = Design.of(inputs, np.ones(len(inputs)))
    design = Design(design.columns, design.directions[:0], design.inner[:, :0], design.guess, design.weights)
    variances = Variances(*(float(np.exp(centre)) for centre, _ in BELIEFS))
    factor = np.diag(np.sqrt(prior_variances(design, variances)))
    # the mean of all candidates is not in question before a value is seen
    factor[-1, -1] = 1e-3
    none = np.zeros(0)
    mean = design.expected(prediction)
    return LinearPosterior(
        design.columns, design.directions, mean, factor, variances.signal, float(np.sqrt(variances.noise)), none
    )
