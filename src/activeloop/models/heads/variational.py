"""A variational Bayesian last layer: weights and noise learned by one bound, in closed form."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from activeloop.models.heads.base import Draws, Inputs
from activeloop.models.heads.laplace import prior_variances
from activeloop.models.heads.linear import Design, LinearPosterior, left_out_means, refuse_without_spread
from activeloop.models.heads.variances import BELIEFS, Variances

#: rounds of coordinate ascent at most, and the gain of the bound below which it ends
ROUNDS, GAIN = 500, 1e-5
#: each variance is drawn towards what is usual as if by so many coefficients or values
VALUES = 4.0


@dataclass(frozen=True)
class VariationalHead(Draws):
    """A linear function of the features whose weights are believed to be independent along principal directions.

    Maximises the evidence lower bound over means and variances of the weights, their prior variances and the noise,
    each in turn in closed form. Along the principal directions of the features the values hardly tie weights to each
    other, so a belief of 2 R numbers loses little against the full covariance.

    Args:
        belief: expected correlation of the guesses with the values, before any value is seen.
        variances: of signal, guess and noise, when they are not to be learned.

    Source: Harrison et al. 2024, arXiv:2404.11599; with ensembles of adapters below it, ENS-LoRA-VBLL,
    arXiv:2510.01471. Both train the features through the same bound; here they are given.
    """

    belief: float = 0.5
    variances: Variances | None = None

    @property
    def name(self) -> str:
        """`variational`."""
        return "variational"

    def fit(self, inputs: Inputs, targets: np.ndarray, weights: np.ndarray, seed: int) -> LinearPosterior:
        """The best belief of that form; the seed decides nothing."""
        posterior = self._climb(Design.of(inputs, weights), targets).posterior()
        refuse_without_spread(posterior.marginals(inputs)[1], targets, self.name)
        return posterior

    def settled(self, inputs: Inputs, targets: np.ndarray, weights: np.ndarray, seed: int) -> VariationalHead:
        """With the variances of the greatest bound."""
        return replace(self, variances=self._climb(Design.of(inputs, weights), targets).variances)

    def _climb(self, design: Design, targets: np.ndarray) -> Ascent:
        ascent = Ascent.of(design, targets, self.belief)
        if self.variances is not None:
            # coefficients have a closed form
            return replace(ascent, variances=self.variances).coefficients()
        bound = -np.inf
        for _ in range(ROUNDS):
            ascent = ascent.round()
            before, bound = bound, ascent.bound()
            if bound - before < GAIN:
                break
        return ascent

    def restore(self, state: dict[str, np.ndarray]) -> LinearPosterior:
        """The posterior that gave this state."""
        return LinearPosterior.restore(state)


@dataclass(frozen=True)
class Ascent:
    """Where coordinate ascent has come to.

    Args:
        design: the measured candidates.
        targets: [N].
        expected: [Q] coefficients before any value is seen.
        gram: [Q, Q] weighted products of the columns.
        pull: [Q] weighted products of the columns with the targets, less what is expected.
        variances: of signal, guess and noise.
        mean: [Q] of the coefficients, less what is expected.
        spread: [Q] their variances.
    """

    design: Design
    targets: np.ndarray
    expected: np.ndarray
    gram: np.ndarray
    pull: np.ndarray
    variances: Variances
    mean: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, design: Design, targets: np.ndarray, belief: float) -> Ascent:
        """The start: what is usual."""
        rows, expected = design.rows, design.expected(belief)
        weighted = rows * design.weights[:, None]
        usual = Variances(*(float(np.exp(centre)) for centre, _ in BELIEFS))
        zeros = np.zeros(len(expected))
        pull = weighted.T @ (targets - rows @ expected)
        return cls(design, targets, expected, weighted.T @ rows, pull, usual, zeros, prior_variances(design, usual))

    def round(self) -> Ascent:
        """Coefficients for the present variances, then variances for these coefficients."""
        moved = self.coefficients()
        return replace(moved, variances=moved.best_variances())

    def coefficients(self) -> Ascent:
        """Those of the greatest bound, for the present variances."""
        prior, noise = prior_variances(self.design, self.variances), self.variances.noise
        spread = 1 / (np.diag(self.gram) / noise + 1 / prior)
        mean = np.linalg.solve(self.gram / noise + np.diag(1 / prior), self.pull / noise)
        return replace(self, mean=mean, spread=spread)

    def best_variances(self) -> Variances:
        """Of the greatest bound, for the present coefficients."""
        inside, square = self.design.inner.shape[1], self.mean**2 + self.spread
        sums = (square[:inside].sum(), square[inside:-1].sum(), self.misfit())
        counts = (inside, len(square) - inside - 1, len(self.targets))
        usual = (float(np.exp(centre)) for centre, _ in BELIEFS)
        found = ((s + VALUES * u) / (c + VALUES) for s, c, u in zip(sums, counts, usual, strict=True))
        return Variances(*map(float, found))

    def misfit(self) -> float:
        """Expected weighted squared error."""
        gap = self.targets - self.design.rows @ (self.expected + self.mean)
        return float(self.design.weights @ gap**2 + np.diag(self.gram) @ self.spread)

    def bound(self) -> float:
        """The evidence lower bound, with what is usual for the variances, up to a constant."""
        prior, square = prior_variances(self.design, self.variances), self.mean**2 + self.spread
        noise = self.variances.noise
        fit = -0.5 * (self.misfit() / noise + len(self.targets) * np.log(noise))
        divergence = 0.5 * float((square / prior - np.log(self.spread / prior)).sum())
        usual = np.exp([centre for centre, _ in BELIEFS])
        known = self.variances.array()
        return fit - divergence - 0.5 * VALUES * float((usual / known + np.log(known)).sum())

    def posterior(self) -> LinearPosterior:
        """The belief as it now is."""
        design, variances = self.design, self.variances
        mean = self.expected + self.mean
        weighted = design.rows * np.sqrt(design.weights / variances.noise)[:, None]
        precision = self.gram / variances.noise + np.diag(1 / prior_variances(design, variances))
        leverage = (weighted * np.linalg.solve(precision, weighted.T).T).sum(1)
        unseen = left_out_means(design.rows @ mean, self.targets, leverage)
        factor = np.diag(np.sqrt(self.spread))
        noise = float(np.sqrt(variances.noise))
        return LinearPosterior(design.columns, design.directions, mean, factor, variances.signal, noise, unseen)
