"""Monte Carlo dropout of the last hidden vector, with one mask a draw for all candidates."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from activeloop.errors import ModelError
from activeloop.models.heads.base import (
    REACH,
    Head,
    HeadInputs,
    Posterior,
    Standardisation,
    check_spread,
    exact_product,
)
from activeloop.models.heads.evidence import Variances
from activeloop.models.heads.laplace import Design, LinearFunctions, linear_posterior

#: rates that are tried when none is given
RATES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
#: prior of the noise, as a share of the variance of the targets, and the number of values that it counts for
NOISE, NOISE_VALUES = 0.3, 2.0
#: variance of the weight of a prior score
PRIOR_VARIANCE = 0.25


@dataclass(frozen=True)
class DropoutHead(Head):
    """A linear function of features of which each draw leaves out some.

    The weights are those of least squared error on average over all masks: least squares with a penalty on every
    weight, in closed form, so features are dropped in the fit as well as in the prediction. The masks of T draws are
    [T, P] values for all candidates; a draw is a function of the pool, and all of them are one matrix product. Prior
    scores and the constant are not dropped; the constant is uncertain as a mean of noisy values is.

    Args:
        rate: share of the features that a draw leaves out; None: that of `RATES` with the least leave-one-out error.
        prior_correlation: weight towards which the prior scores together are drawn.

    Source: Gal and Ghahramani 2016, arXiv:1506.02142; the penalty: Wager et al. 2013, arXiv:1307.1493.
    """

    name = "dropout"

    rate: float | None = None
    prior_correlation: float = 0.5

    def __post_init__(self):
        if self.rate is not None and not 0 < self.rate < 1:
            raise ModelError(f"dropout: a rate of {self.rate} leaves draws without spread. Give one between 0 and 1.")

    def fit(self, inputs: HeadInputs, targets: np.ndarray, weights: np.ndarray, seed: int) -> DropoutPosterior:
        """The weights, in closed form; the seed decides nothing."""
        best = self._fitted(inputs, targets, weights)
        check_spread(best.dropout_sd(inputs), targets, self.name)
        return best

    def with_scales(self, inputs: HeadInputs, targets: np.ndarray, weights: np.ndarray, seed: int) -> DropoutHead:
        """With the rate of the least leave-one-out error."""
        return replace(self, rate=self._fitted(inputs, targets, weights).rate)

    def _fitted(self, inputs: HeadInputs, targets: np.ndarray, weights: np.ndarray) -> DropoutPosterior:
        design = Design.of(inputs, weights, columns_of_equal_size(inputs, weights))
        rates = RATES if self.rate is None else (self.rate,)
        fits = [dropout_posterior(design, targets, rate, self.prior_correlation) for rate in rates]
        return min(fits, key=lambda posterior: posterior.noise)

    def restore(self, state: dict[str, np.ndarray]) -> DropoutPosterior:
        """The posterior that gave this state."""
        rate, constant_sd, noise = state["rate"].tolist()
        columns, weights, basis_weights = Standardisation.restore(state), state["weights"], state["others"]
        return DropoutPosterior(columns, weights, basis_weights, rate, constant_sd, noise, state["unseen"])


def columns_of_equal_size(inputs: HeadInputs, weights: np.ndarray) -> Standardisation:
    """Features divided by their root mean square among the measured: then dropout costs every weight the same."""
    plain = Standardisation.of(inputs)
    squares = plain(inputs).features.astype(np.float64) ** 2
    size = np.sqrt((weights[:, None] * squares).sum(0) / weights.sum())
    varies = size > 0
    factor = (plain.factor / np.where(varies, size, 1)).astype(np.float32)
    return replace(plain, factor=factor, norm=float(max(1, varies.sum())))


def dropout_posterior(design: Design, targets: np.ndarray, rate: float, prior_correlation: float) -> DropoutPosterior:
    """Weights of the least squared error [N] over all masks of one rate; its noise is the leave-one-out error.

    Dropout adds rate / (1 - rate) times the sum of all squared values to the penalty of each squared weight, which is
    the same as a prior variance of the weights.
    """
    total = float(design.weights.sum())
    signal = NOISE * design.columns.norm * (1 - rate) / (rate * total)
    fit = linear_posterior(design, targets, prior_correlation, Variances(signal, PRIOR_VARIANCE, NOISE))
    inside = len(fit.directions)
    weights = fit.coefficients[:inside] @ fit.directions / np.sqrt(fit.columns.norm)
    error = float(design.weights @ (targets - fit.left_out) ** 2)
    noise = (error + NOISE_VALUES * NOISE) / (total + NOISE_VALUES)
    sd = float(np.sqrt(noise / (total + 1)))
    basis_weights = fit.coefficients[inside:]
    return DropoutPosterior(fit.columns, weights, basis_weights, rate, sd, float(np.sqrt(noise)), fit.left_out)


@dataclass(frozen=True)
class DropoutPosterior(Posterior):
    """Weights of which each draw leaves out some.

    Args:
        columns: scale of every column.
        weights: [P] of the standardised features.
        basis_weights: [G + 1] of prior scores and constant.
        rate: share that a draw leaves out.
        constant_sd: standard deviation of the constant.
        noise: standard deviation of one value.
        left_out: [N] leave-one-out predictions.
    """

    columns: Standardisation
    weights: np.ndarray
    basis_weights: np.ndarray
    rate: float
    constant_sd: float
    noise: float
    left_out: np.ndarray

    def mean(self, inputs: HeadInputs) -> np.ndarray:
        """[n] with nothing left out, which is the mean over all masks."""
        return LinearFunctions(self.columns, self.weights[None], self.basis_weights[None]).exact(inputs)[:, 0]

    def marginals(self, inputs: HeadInputs) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation over all masks, exact."""
        return self.mean(inputs), np.sqrt(self.dropout_sd(inputs) ** 2 + self.constant_sd**2)

    def dropout_sd(self, inputs: HeadInputs) -> np.ndarray:
        """[n] standard deviation by dropout alone."""
        squares = np.square(np.clip(self.columns(inputs).features, -REACH, REACH))
        variances = self.rate / (1 - self.rate) * self.weights[:, None] ** 2
        return np.sqrt(exact_product(squares, variances, REACH**2)[:, 0])

    def functions(self, seed: int, count: int) -> LinearFunctions:
        """One mask a draw."""
        uniform = np.random.default_rng([seed, 0]).random((count, len(self.weights)))
        constants = self.constant_sd * np.random.default_rng([seed, 1]).standard_normal(count)
        basis_weights = np.tile(self.basis_weights, (count, 1))
        basis_weights[:, -1] += constants
        masked = np.where(uniform >= self.rate, self.weights / (1 - self.rate), 0.0)
        return LinearFunctions(self.columns, masked, basis_weights)

    def leave_one_out(self) -> np.ndarray:
        """[N] for the rate that was chosen."""
        return self.left_out

    def state(self) -> dict[str, np.ndarray]:
        """All that was learned."""
        return self.columns.state() | {
            "weights": self.weights,
            "others": self.basis_weights,
            "rate": np.array([self.rate, self.constant_sd, self.noise]),
            "unseen": self.left_out,
        }
