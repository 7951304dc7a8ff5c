"""A Gaussian process on features: a smooth function, a linear one and the guess, weighed by what was measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from activeloop.models.heads.base import (
    CONSTANT,
    REACH,
    Columns,
    Functions,
    Head,
    Inputs,
    Posterior,
    Spectrum,
    Variances,
    exact_product,
    likeliest,
)
from activeloop.models.heads.laplace import refuse_without_spread

Kernel = Literal["matern", "rbf"]
#: lengthscales that are tried, in units of the usual distance of two measured candidates
LENGTHS = (0.3, 0.5, 0.8, 1.3, 2.0)
#: linear shares of the signal that are tried
SHARES = (0.0, 0.5, 0.9)
#: hyperparameters are learned from at most so many values
MOST = 400
#: pairs of waves that stand for the smooth function in draws
WAVES = 512


@dataclass(frozen=True)
class GPHead(Head):
    """A smooth function of the features, a linear one, a weight for each guess and a constant.

    Lengthscale, linear share, variances and noise are those of the greatest marginal likelihood. Mean and spread are
    exact. Draws are functions: from the prior by random waves, then moved to agree with what was measured, so that they
    do not depend on which candidates are asked. Costs N cubed.

    Args:
        kernel: of the smooth function: `matern` (5/2) or `rbf`.
        prediction: expected correlation of the guesses with the values, before any value is seen.
        covariance: of the function, when it is not to be learned.

    Source: Rasmussen and Williams 2006, Gaussian Processes for Machine Learning; draws by Matheron's rule, Wilson et
    al. 2020, arXiv:2002.09309, on random features, Rahimi and Recht 2007.
    """

    kernel: Kernel = "matern"
    prediction: float = 0.5
    covariance: Covariance | None = None

    @property
    def name(self) -> str:
        """`process`, and the kernel when it is not the usual one."""
        return "process" if self.kernel == "matern" else f"process-{self.kernel}"

    def fit(self, inputs: Inputs, targets: np.ndarray, weights: np.ndarray, seed: int) -> GPHeadPosterior:
        """Exact inference; the seed chooses the values from which hyperparameters are learned, when there are many."""
        columns = Columns.of(inputs)
        covariance = self.covariance or self._likeliest(inputs, targets, weights, seed)
        posterior = GPHeadPosterior.of(columns, covariance, inputs, targets, weights, self.prediction)
        refuse_without_spread(posterior.marginals(inputs)[1], targets, self.name)
        return posterior

    def settled(self, inputs: Inputs, targets: np.ndarray, weights: np.ndarray, seed: int) -> GPHead:
        """With the likeliest covariance."""
        return replace(self, covariance=self._likeliest(inputs, targets, weights, seed))

    def _likeliest(self, inputs: Inputs, targets: np.ndarray, weights: np.ndarray, seed: int) -> Covariance:
        some = np.sort(np.random.default_rng(seed).permutation(len(targets))[:MOST])
        part = Inputs(inputs.features[some], inputs.guess[some])
        columns = Columns.of(inputs)
        return likeliest_covariance(columns, part, targets[some], weights[some], self.kernel, self.prediction)

    def restore(self, state: dict[str, np.ndarray]) -> GPHeadPosterior:
        """The posterior that gave this state."""
        length, share, smooth, *variances = state["covariance"].tolist()
        covariance = Covariance("matern" if smooth else "rbf", length, share, Variances(*variances))
        return GPHeadPosterior(
            columns=Columns.restore(state),
            covariance=covariance,
            noise=float(np.sqrt(covariance.variances.noise)),
            **{key: state[key] for key in GPHeadPosterior.KEPT},
        )


@dataclass(frozen=True)
class Covariance:
    """Of the function at two candidates.

    Args:
        kernel: of the smooth part.
        length: its lengthscale, where the usual squared distance is 2.
        share: of the signal that is linear in the features.
        variances: of signal, guess and noise.
    """

    kernel: Kernel
    length: float
    share: float
    variances: Variances

    def signal(self, products: np.ndarray, length: np.ndarray, other: np.ndarray) -> np.ndarray:
        """[n, m] of the function of the features at signal 1, from inner products [n, m] and squared lengths."""
        squares = np.maximum(length[:, None] + other - 2 * products, 0) / self.length**2
        if self.kernel == "rbf":
            smooth = np.exp(-0.5 * squares)
        else:
            distance = np.sqrt(5 * squares)
            smooth = (1 + distance + distance**2 / 3) * np.exp(-distance)
        return (1 - self.share) * smooth + self.share * products

    def own(self, length: np.ndarray) -> np.ndarray:
        """[n] of a candidate with itself at signal 1, from squared lengths."""
        return (1 - self.share) + self.share * length

    def waves(self, rng: np.random.Generator, width: int) -> np.ndarray:
        """[P, WAVES] frequencies whose waves make the smooth part."""
        frequencies = rng.standard_normal((width, WAVES)) / self.length
        return frequencies if self.kernel == "rbf" else frequencies / np.sqrt(rng.chisquare(5, WAVES) / 5)


def likeliest_covariance(
    columns: Columns, inputs: Inputs, targets: np.ndarray, weights: np.ndarray, kernel: Kernel, prediction: float
) -> Covariance:
    """The covariance under which the values [N] are likeliest."""
    features = columns.features(inputs).astype(np.float64) / np.sqrt(columns.norm)
    products, length = features @ features.T, np.square(features).sum(1)
    guess, root = columns.guess(inputs), np.sqrt(weights)
    gap = root * (targets - guess @ expected_others(guess.shape[1] - 1, prediction))
    best: tuple[float, Covariance] | None = None
    for scale in LENGTHS:
        for share in SHARES:
            shape = Covariance(kernel, scale * np.sqrt(2), share, Variances(1, 1, 1))
            gram = root[:, None] * shape.signal(products, length, length) * root
            spectrum = Spectrum.of(*np.linalg.eigh(gram), gap, root[:, None] * guess)
            variances, evidence = likeliest(spectrum.evidence, guess.shape[1] - 1, best[1].variances if best else None)
            if best is None or evidence > best[0]:
                best = evidence, Covariance(kernel, shape.length, share, variances)
    assert best is not None
    return best[1]


def expected_others(guesses: int, prediction: float) -> np.ndarray:
    """[G + 1] weights of the guesses, which share `prediction`, and the constant."""
    return np.concatenate([np.full(guesses, prediction / max(1, guesses)), [0.0]])


@dataclass(frozen=True)
class GPHeadPosterior(Posterior):
    """The process given N values.

    Args:
        columns: scale of every column.
        covariance: of the function.
        expected: [G + 1] weights of guesses and constant before any value is seen.
        features: float32 [N, P] standardised, of the measured candidates.
        guess: [N, G + 1] theirs.
        noise: standard deviation of one value of weight 1.
        inverse: [N, N] upper triangular, of which precision of the values = inverse @ inverse.T.
        gap: [N] values less what was expected of them.
        precision: [N] weights of the values.
    """

    KEPT: ClassVar = ("expected", "features", "guess", "inverse", "gap", "precision")

    columns: Columns
    covariance: Covariance
    expected: np.ndarray
    features: np.ndarray
    guess: np.ndarray
    noise: float
    inverse: np.ndarray
    gap: np.ndarray
    precision: np.ndarray

    @classmethod
    def of(
        cls,
        columns: Columns,
        covariance: Covariance,
        inputs: Inputs,
        targets: np.ndarray,
        weights: np.ndarray,
        prediction: float,
    ) -> GPHeadPosterior:
        """Exact inference for a given covariance."""
        from scipy.linalg import solve_triangular

        features, guess = columns.features(inputs), columns.guess(inputs)
        expected = expected_others(guess.shape[1] - 1, prediction)
        gap, noise = targets - guess @ expected, float(np.sqrt(covariance.variances.noise))
        prior = cls(columns, covariance, expected, features, guess, noise, np.zeros((0, 0)), gap, weights)
        gram = prior.across(features, guess)
        lower = np.linalg.cholesky(0.5 * (gram + gram.T) + np.diag(noise**2 / weights + 1e-6))
        return replace(prior, inverse=solve_triangular(lower, np.eye(len(lower)), lower=True).T)

    def across(self, features: np.ndarray, guess: np.ndarray) -> np.ndarray:
        """[n, N] prior covariance with the measured candidates."""
        norm = self.columns.norm
        products = exact_product(features, self.features.T, REACH) / norm
        lengths = (np.square(x, dtype=np.float64).sum(1) / norm for x in (features, self.features))
        smooth = self.covariance.variances.signal * self.covariance.signal(products, *lengths)
        return smooth + exact_product(guess, (self._others * self.guess).T, REACH)

    @property
    def _others(self) -> np.ndarray:
        """[G + 1] prior variances of the weights of guesses and constant."""
        return np.concatenate([np.full(self.guess.shape[1] - 1, self.covariance.variances.guess), [CONSTANT]])

    def mean(self, inputs: Inputs) -> np.ndarray:
        """[n] exact."""
        return self.moved(self._pull[:, None], inputs)[:, 0]

    def moved(self, moves: np.ndarray, inputs: Inputs) -> np.ndarray:
        """[n, S] what is expected, moved by weights [N, S] of the covariances with the measured candidates."""
        features, guess = self.columns.features(inputs), self.columns.guess(inputs)
        moved = exact_product(self.across(features, guess), moves, self._reach)
        return moved + exact_product(guess, self.expected[:, None], REACH)

    def marginals(self, inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation, exact."""
        features, guess = self.columns.features(inputs), self.columns.guess(inputs)
        across = self.across(features, guess)
        told = exact_product(across, np.concatenate([self._pull[:, None], self.inverse], 1), self._reach)
        mean = told[:, 0] + exact_product(guess, self.expected[:, None], REACH)[:, 0]
        length = np.square(features, dtype=np.float64).sum(1) / self.columns.norm
        prior = self.covariance.variances.signal * self.covariance.own(length) + guess**2 @ self._others
        return mean, np.sqrt(np.maximum(prior - np.square(told[:, 1:]).sum(1), 1e-9))

    @cached_property
    def _pull(self) -> np.ndarray:
        """[N] weights of the covariances in the mean."""
        return self.inverse @ (self.inverse.T @ self.gap)

    @cached_property
    def _reach(self) -> float:
        """Size that covariances seldom exceed."""
        largest = float(np.abs(self.across(self.features, self.guess)).max(initial=1.0))
        return 2.0 ** np.ceil(np.log2(4 * largest))

    def functions(self, seed: int, count: int) -> Functions:
        """Functions from the prior, moved to agree with the values."""
        rng = np.random.default_rng([seed, 1])
        waves = self.covariance.waves(rng, self.features.shape[1])
        sizes = (2 * WAVES, self.features.shape[1], self.guess.shape[1], len(self.gap))
        parts = np.random.default_rng([seed, 0]).standard_normal((count, sum(sizes)))
        wave, line, other, error = np.split(parts, np.cumsum(sizes)[:-1], axis=1)
        signal, share = self.covariance.variances.signal, self.covariance.share
        wave = wave * np.sqrt(signal * (1 - share) / WAVES)
        line = line * np.sqrt(signal * share / self.columns.norm)
        prior = PriorFunctions(waves / np.sqrt(self.columns.norm), wave, line, other * np.sqrt(self._others))
        error = error * np.sqrt(self.covariance.variances.noise / self.precision)
        gaps = self.gap - error - prior(self.features, self.guess).T
        # one at a time: then the moves of a draw do not depend on how many there are, bit for bit
        moves = np.array([self.inverse @ (self.inverse.T @ gap) for gap in gaps]).reshape(gaps.shape)

        def drawn(inputs: Inputs) -> np.ndarray:
            start = prior(self.columns.features(inputs), self.columns.guess(inputs))
            return (start + self.moved(moves.T, inputs)).T.astype(np.float32)

        return drawn

    def held_out(self) -> np.ndarray:
        """[N] predictions without a candidate's own value, exact (hyperparameters kept)."""
        expected = self.guess @ self.expected
        return expected + self.gap - self._pull / np.square(self.inverse).sum(1)

    def state(self) -> dict[str, np.ndarray]:
        """All that was learned."""
        covariance = self.covariance
        shape = [covariance.length, covariance.share, float(covariance.kernel == "matern")]
        kept = {key: getattr(self, key) for key in self.KEPT}
        told = np.concatenate([shape, covariance.variances.array()])
        return self.columns.state() | kept | {"covariance": told}


@dataclass(frozen=True)
class PriorFunctions:
    """S functions from the prior: waves [P, W], and weights [S, ...] of waves, features, guesses and constant."""

    frequencies: np.ndarray
    wave: np.ndarray
    line: np.ndarray
    other: np.ndarray

    def __call__(self, features: np.ndarray, guess: np.ndarray) -> np.ndarray:
        """[n, S]."""
        phase = exact_product(features, self.frequencies, REACH)
        waves = np.concatenate([np.cos(phase), np.sin(phase)], axis=1)
        smooth = exact_product(waves, self.wave.T, 1.0)
        return smooth + exact_product(features, self.line.T, REACH) + exact_product(guess, self.other.T, REACH)
