"""Monte Carlo dropout of the last hidden vector, with one mask a draw for all candidates."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from activeloop.errors import ModelError
from activeloop.models.heads.base import REACH, Columns, Head, Inputs, Posterior, Variances, exact_product
from activeloop.models.heads.laplace import Design, LinearFunctions, linear_posterior, refuse_without_spread

#: rates that are tried when none is given
RATES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
#: share of the variance of the targets that is taken for noise as if so many values had said it
NOISE, VALUES = 0.3, 2.0
#: variance of the weight of a guess
GUESS = 0.25


@dataclass(frozen=True)
class DropoutHead(Head):
    """A linear function of features of which each draw leaves out some.

    The weights are those of least squared error on average over all masks: least squares with a penalty on every
    weight, in closed form, so what is dropped when predicting was also dropped when fitting. The masks of T draws are
    [T, P] numbers for all candidates; a draw is a function of the pool, and all of them are one matrix product. Guesses
    and the constant are not dropped; the constant is uncertain as a mean of noisy values is.

    Args:
        rate: share of the features that a draw leaves out; None: that of `RATES` which predicts best what was left out.
        prediction: weight towards which the guesses together are drawn.

    Source: Gal and Ghahramani 2016, arXiv:1506.02142; the penalty: Wager et al. 2013, arXiv:1307.1493.
    """

    rate: float | None = None
    prediction: float = 0.5

    def __post_init__(self):
        if self.rate is not None and not 0 < self.rate < 1:
            raise ModelError(f"dropout: a rate of {self.rate} leaves draws without spread. Give one between 0 and 1.")

    @property
    def name(self) -> str:
        """`dropout`."""
        return "dropout"

    def fit(self, inputs: Inputs, targets: np.ndarray, weights: np.ndarray, seed: int) -> DropoutPosterior:
        """The weights, in closed form; the seed decides nothing."""
        best = self._best(inputs, targets, weights)
        refuse_without_spread(best.dropped(inputs), targets, self.name)
        return best

    def settled(self, inputs: Inputs, targets: np.ndarray, weights: np.ndarray, seed: int) -> DropoutHead:
        """With the rate that predicts best what was left out."""
        return replace(self, rate=self._best(inputs, targets, weights).rate)

    def _best(self, inputs: Inputs, targets: np.ndarray, weights: np.ndarray) -> DropoutPosterior:
        design = Design.of(inputs, weights, columns_of_equal_size(inputs, weights))
        rates = RATES if self.rate is None else (self.rate,)
        tried = [thinned(design, targets, rate, self.prediction) for rate in rates]
        return min(tried, key=lambda posterior: posterior.noise)

    def restore(self, state: dict[str, np.ndarray]) -> DropoutPosterior:
        """The posterior that gave this state."""
        rate, constant, noise = state["rate"].tolist()
        learned = Columns.restore(state), state["weights"], state["others"]
        return DropoutPosterior(*learned, rate, constant, noise, state["unseen"])


def columns_of_equal_size(inputs: Inputs, weights: np.ndarray) -> Columns:
    """Features divided by their root mean square among the measured: then dropout costs every weight the same."""
    plain = Columns.of(inputs)
    size = np.sqrt((weights[:, None] * plain.features(inputs).astype(np.float64) ** 2).sum(0) / weights.sum())
    varies = size > 0
    factor = (plain.factor / np.where(varies, size, 1)).astype(np.float32)
    return replace(plain, factor=factor, norm=float(max(1, varies.sum())))


def thinned(design: Design, targets: np.ndarray, rate: float, prediction: float) -> DropoutPosterior:
    """Weights of the least squared error [N] over all masks of one rate; its noise is the held-out error.

    Leaving out adds rate / (1 - rate) times the sum of all squared values to the penalty of each squared weight, which
    is the same as a prior variance of the weights.
    """
    total = float(design.weights.sum())
    signal = NOISE * design.columns.norm * (1 - rate) / (rate * total)
    fit = linear_posterior(design, targets, prediction, Variances(signal, GUESS, NOISE))
    inside = len(fit.directions)
    weights = fit.coefficients[:inside] @ fit.directions / np.sqrt(fit.columns.norm)
    error = float(design.weights @ (targets - fit.unseen) ** 2)
    noise = (error + VALUES * NOISE) / (total + VALUES)
    constant = float(np.sqrt(noise / (total + 1)))
    others = fit.coefficients[inside:]
    return DropoutPosterior(fit.columns, weights, others, rate, constant, float(np.sqrt(noise)), fit.unseen)


@dataclass(frozen=True)
class DropoutPosterior(Posterior):
    """Weights of which each draw leaves out some.

    Args:
        columns: scale of every column.
        weights: [P] of the standardised features.
        others: [G + 1] of guesses and constant.
        rate: share that a draw leaves out.
        constant: standard deviation of the constant.
        noise: standard deviation of one value.
        unseen: [N] held-out predictions.
    """

    columns: Columns
    weights: np.ndarray
    others: np.ndarray
    rate: float
    constant: float
    noise: float
    unseen: np.ndarray

    def mean(self, inputs: Inputs) -> np.ndarray:
        """[n] with nothing left out, which is the mean over all masks."""
        return LinearFunctions(self.columns, self.weights[None], self.others[None]).exact(inputs)[:, 0]

    def marginals(self, inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation over all masks, exact."""
        return self.mean(inputs), np.sqrt(self.dropped(inputs) ** 2 + self.constant**2)

    def dropped(self, inputs: Inputs) -> np.ndarray:
        """[n] standard deviation that leaving out alone gives."""
        squares = np.square(np.clip(self.columns.features(inputs), -REACH, REACH))
        return np.sqrt(exact_product(squares, self._variances, REACH**2)[:, 0])

    @property
    def _variances(self) -> np.ndarray:
        return self.rate / (1 - self.rate) * self.weights[:, None] ** 2

    def functions(self, seed: int, count: int) -> LinearFunctions:
        """One mask a draw."""
        uniform = np.random.default_rng([seed, 0]).random((count, len(self.weights)))
        constants = self.constant * np.random.default_rng([seed, 1]).standard_normal(count)
        others = np.tile(self.others, (count, 1))
        others[:, -1] += constants
        left = np.where(uniform >= self.rate, self.weights / (1 - self.rate), 0.0)
        return LinearFunctions(self.columns, left, others)

    def held_out(self) -> np.ndarray:
        """[N] held-out predictions, for the rate that was chosen."""
        return self.unseen

    def state(self) -> dict[str, np.ndarray]:
        """All that was learned."""
        return self.columns.state() | {
            "weights": self.weights,
            "others": self.others,
            "rate": np.array([self.rate, self.constant, self.noise]),
            "unseen": self.unseen,
        }
