"""A Gaussian process on features: a smooth function, a linear one, and a weight for each prior score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from activeloop.models.gp.core import ExactConditioned
from activeloop.models.heads.base import (
    Functions,
    Head,
    HeadInputs,
    Posterior,
    Standardisation,
    Standardised,
    check_spread,
    exact_product,
    power_of_two_above,
)
from activeloop.models.heads.evidence import Spectrum, Variances, expected_weights, maximum_evidence

SmoothKernel = Literal["matern", "rbf"]
#: lengthscales that are tried, in units of the typical distance of two measured candidates
LENGTHS = (0.3, 0.5, 0.8, 1.3, 2.0)
#: linear shares of the signal that are tried
LINEAR_SHARES = (0.0, 0.5, 0.9)
#: hyperparameters are fitted to at most this many values
FITTED_ON = 400
#: random frequencies (a cosine and a sine each) that stand for the smooth function in samples
FREQUENCIES = 512


@dataclass(frozen=True)
class GPHead(Head):
    """A smooth function of the features, a linear one, a weight for each prior score and a constant.

    Lengthscale, linear share, variances and noise are those of the greatest marginal likelihood. Mean and standard
    deviation are exact. Samples are functions: from the prior by random Fourier features, then moved to agree with the
    measured values, so that they do not depend on which candidates are predicted. Costs N cubed.

    Args:
        kernel: of the smooth function: `matern` (5/2) or `rbf`.
        prior_correlation: expected correlation of the prior scores with the values, before any value is seen.
        covariance: of the function, when it is not to be learned.

    Source: Rasmussen and Williams 2006, Gaussian Processes for Machine Learning; samples by Matheron's rule, Wilson et
    al. 2020, arXiv:2002.09309, on random Fourier features, Rahimi and Recht 2007.
    """

    kernel: SmoothKernel = "matern"
    prior_correlation: float = 0.5
    covariance: FeatureKernel | None = None

    @property
    def name(self) -> str:
        """`process`, and the kernel when it is not the default."""
        return "process" if self.kernel == "matern" else f"process-{self.kernel}"

    def fit(self, inputs: HeadInputs, targets: np.ndarray, weights: np.ndarray, seed: int) -> GPHeadPosterior:
        """Exact inference; the seed chooses the values to which hyperparameters are fitted, when there are many."""
        columns = Standardisation.of(inputs)
        covariance = self.covariance or self._fitted(inputs, targets, weights, seed)
        posterior = GPHeadPosterior.of(columns, covariance, inputs, targets, weights, self.prior_correlation)
        check_spread(posterior.marginals(inputs)[1], targets, self.name)
        return posterior

    def with_scales(self, inputs: HeadInputs, targets: np.ndarray, weights: np.ndarray, seed: int) -> GPHead:
        """With the covariance of the greatest evidence."""
        return replace(self, covariance=self._fitted(inputs, targets, weights, seed))

    def _fitted(self, inputs: HeadInputs, targets: np.ndarray, weights: np.ndarray, seed: int) -> FeatureKernel:
        some = np.sort(np.random.default_rng(seed).permutation(len(targets))[:FITTED_ON])
        x = Standardisation.of(inputs)(inputs.take(some))
        return fitted_kernel(x, targets[some], weights[some], self.kernel, self.prior_correlation)

    def restore(self, state: dict[str, np.ndarray]) -> GPHeadPosterior:
        """The posterior that gave this state."""
        length, share, matern, *variances = state["covariance"].tolist()
        kernel = FeatureKernel("matern" if matern else "rbf", length, share, Variances(*variances))
        columns = Standardisation.restore(state)
        measured = Standardised(state["features"], state["guess"], columns.norm)
        process = ExactConditioned(state["gap"], kernel.variances.noise / state["precision"], state["inverse"])
        return GPHeadPosterior(columns, kernel, state["expected"], measured, process, state["precision"])


@dataclass(frozen=True)
class FeatureKernel:
    """The covariance of the function at two candidates.

    Args:
        kernel: of the smooth part.
        length: its lengthscale, where the typical squared distance is 2.
        share: of the signal that is linear in the features.
        variances: of signal, prior scores and noise.
    """

    kernel: SmoothKernel
    length: float
    share: float
    variances: Variances

    def __call__(self, a: Standardised, b: Standardised) -> np.ndarray:
        """[n, m] prior covariance, each entry bit for bit a function of its two candidates alone."""
        products = exact_product(a.features, b.features.T) / b.norm
        signal = self.variances.signal * self.signal(products, a.lengths, b.lengths)
        return signal + exact_product(a.basis, (self.variances.of_basis(b.basis.shape[1]) * b.basis).T)

    def variance(self, x: Standardised) -> np.ndarray:
        """[n] of each candidate."""
        signal = self.variances.signal * ((1 - self.share) + self.share * x.lengths)
        return signal + x.basis**2 @ self.variances.of_basis(x.basis.shape[1])

    def signal(self, products: np.ndarray, lengths: np.ndarray, others: np.ndarray) -> np.ndarray:
        """[n, m] of the function of the features at signal 1, from inner products [n, m] and squared lengths."""
        squares = np.maximum(lengths[:, None] + others - 2 * products, 0) / self.length**2
        if self.kernel == "rbf":
            smooth = np.exp(-0.5 * squares)
        else:
            distance = np.sqrt(5 * squares)
            smooth = (1 + distance + distance**2 / 3) * np.exp(-distance)
        return (1 - self.share) * smooth + self.share * products

    def frequencies(self, rng: np.random.Generator, width: int) -> np.ndarray:
        """[P, FREQUENCIES] from the spectral density of the smooth part."""
        normal = rng.standard_normal((width, FREQUENCIES)) / self.length
        return normal if self.kernel == "rbf" else normal / np.sqrt(rng.chisquare(5, FREQUENCIES) / 5)

    def prior_functions(
        self, normal: np.ndarray, frequencies: np.ndarray, norm: float, columns: int
    ) -> Callable[[Standardised], np.ndarray]:
        """S samples of the prior as one function from n candidates to [n, S].

        Args:
            normal: [S, 2 * FREQUENCIES + P + G + 1] standard normal numbers.
            frequencies: see above.
            norm: of the features.
            columns: G + 1.
        """
        split = np.cumsum([2 * FREQUENCIES, len(frequencies)])
        smooth, linear, basis = np.split(normal, split, axis=1)
        signal, frequencies = self.variances.signal, frequencies / np.sqrt(norm)
        smooth = smooth * np.sqrt(signal * (1 - self.share) / FREQUENCIES)
        linear = linear * np.sqrt(signal * self.share / norm)
        basis = basis * np.sqrt(self.variances.of_basis(columns))

        def function(x: Standardised) -> np.ndarray:
            phase = exact_product(x.features, frequencies)
            fourier = np.concatenate([np.cos(phase), np.sin(phase)], axis=1)
            features = exact_product(fourier, smooth.T, 1.0) + exact_product(x.features, linear.T)
            return features + exact_product(x.basis, basis.T)

        return function


def fitted_kernel(
    x: Standardised, targets: np.ndarray, weights: np.ndarray, kernel: SmoothKernel, prior_correlation: float
) -> FeatureKernel:
    """The covariance under which the values [N] have the greatest evidence."""
    features, root = x.features.astype(np.float64) / np.sqrt(x.norm), np.sqrt(weights)
    products, lengths = features @ features.T, np.square(features).sum(1)
    columns = x.basis.shape[1]
    gap = root * (targets - x.basis @ expected_weights(columns, prior_correlation))
    best: tuple[float, FeatureKernel] | None = None
    for length in np.sqrt(2) * np.array(LENGTHS):
        for share in LINEAR_SHARES:
            shape = FeatureKernel(kernel, float(length), share, Variances(1, 1, 1))
            gram = root[:, None] * shape.signal(products, lengths, lengths) * root
            spectrum = Spectrum.of(*np.linalg.eigh(gram), gap, root[:, None] * x.basis)
            variances, evidence = maximum_evidence(spectrum.evidence, columns - 1, best[1].variances if best else None)
            if best is None or evidence > best[0]:
                best = evidence, replace(shape, variances=variances)
    assert best is not None
    return best[1]


@dataclass(frozen=True)
class GPHeadPosterior(Posterior):
    """The process given N values.

    Args:
        columns: scale of every column.
        kernel: of the function.
        expected: [G + 1] prior means of the weights of prior scores and constant.
        measured: the N measured candidates.
        process: given the values less their prior means.
        precision: [N] weights of the values.
    """

    columns: Standardisation
    kernel: FeatureKernel
    expected: np.ndarray
    measured: Standardised
    process: ExactConditioned
    precision: np.ndarray

    @classmethod
    def of(
        cls,
        columns: Standardisation,
        kernel: FeatureKernel,
        inputs: HeadInputs,
        targets: np.ndarray,
        weights: np.ndarray,
        prior_correlation: float,
    ) -> GPHeadPosterior:
        """Exact inference for a given covariance."""
        x = columns(inputs)
        expected = expected_weights(x.basis.shape[1], prior_correlation)
        gram = kernel(x, x)
        gram, gap = 0.5 * (gram + gram.T), targets - x.basis @ expected
        process = ExactConditioned.of(gram, gap, kernel.variances.noise / weights, 1e-6)
        return cls(columns, kernel, expected, x, process, weights)

    @property
    def noise(self) -> float:  # type: ignore[override]
        """Standard deviation of one value of weight 1."""
        return float(np.sqrt(self.kernel.variances.noise))

    def mean(self, inputs: HeadInputs) -> np.ndarray:
        """[n] exact."""
        x = self.columns(inputs)
        return self._cross_times(x, self.process.weights[:, None])[:, 0] + self._prior_mean(x)

    def _prior_mean(self, x: Standardised) -> np.ndarray:
        return exact_product(x.basis, self.expected[:, None])[:, 0]

    def _cross_times(self, x: Standardised, weights: np.ndarray) -> np.ndarray:
        """[n, S] prior covariances with the measured candidates, times weights [N, S]."""
        return exact_product(self.kernel(x, self.measured), weights, self._reach)

    @cached_property
    def _reach(self) -> float:
        """Size that covariances seldom exceed."""
        return power_of_two_above(4 * float(np.abs(self.kernel(self.measured, self.measured)).max(initial=1.0)))

    def marginals(self, inputs: HeadInputs) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation, exact."""
        x = self.columns(inputs)
        both = self._cross_times(x, np.concatenate([self.process.weights[:, None], self.process.root], 1))
        variance = self.kernel.variance(x) - np.square(both[:, 1:]).sum(1)
        return both[:, 0] + self._prior_mean(x), np.sqrt(np.maximum(variance, 1e-9))

    def functions(self, seed: int, count: int) -> Functions:
        """Functions from the prior, moved to agree with the values."""
        width, columns = self.measured.features.shape[1], self.measured.basis.shape[1]
        frequencies = self.kernel.frequencies(np.random.default_rng([seed, 1]), width)
        size = 2 * FREQUENCIES + width + columns
        shape = (count, size + len(self.precision))
        normal, errors = np.split(np.random.default_rng([seed, 0]).standard_normal(shape), [size], axis=1)
        prior = self.kernel.prior_functions(normal, frequencies, self.columns.norm, columns)
        # one at a time: then the updates of a sample do not depend on how many there are, bit for bit
        residuals = self.process.values - prior(self.measured).T
        pairs = zip(residuals[:, :, None], errors[:, :, None], strict=True)
        updates = [self.process.updates(*pair)[:, 0] for pair in pairs]
        moves = np.array(updates).reshape(errors.shape).T

        def function(inputs: HeadInputs) -> np.ndarray:
            x = self.columns(inputs)
            posterior = prior(x) + (self._cross_times(x, moves) + self._prior_mean(x)[:, None])
            return posterior.T.astype(np.float32)

        return function

    def leave_one_out(self) -> np.ndarray:
        """[N] exact, hyperparameters kept."""
        return self.measured.basis @ self.expected + self.process.leave_one_out[0]

    def state(self) -> dict[str, np.ndarray]:
        """All that was learned."""
        kernel = self.kernel
        shape = [kernel.length, kernel.share, float(kernel.kernel == "matern")]
        return self.columns.state() | {
            "expected": self.expected,
            "features": self.measured.features,
            "guess": self.measured.basis,
            "inverse": self.process.root,
            "gap": self.process.values,
            "precision": self.precision,
            "covariance": np.concatenate([shape, kernel.variances.array()]),
        }
