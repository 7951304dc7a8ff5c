"""A Gaussian process behind a logistic link, by Laplace's approximation: mode, evidence, probabilities, held out.

Source: Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, chapter 3.
"""

from __future__ import annotations

import numpy as np

from activeloop.models.gp.core import settled

#: amplitudes of the latent function that are compared by their evidence, and the prior on their logarithm
AMPLITUDES = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0])
PRIOR_MEAN, PRIOR_SD = np.log(6.0), 1.0
#: where a standard normal distribution is summed up
NODES = np.linspace(-5.0, 5.0, 61)


def best_amplitude(gram: np.ndarray, mean: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, float]:
    """Mode of the latent values and the amplitude of the greatest evidence; climbs from the middle of the list.

    Args:
        gram: [N, N] prior covariance of the latent values at amplitude 1.
        mean: [N] their prior mean.
        labels: [N] from 0 to 1.
    """
    found: dict[int, tuple[float, np.ndarray, np.ndarray]] = {}
    weights = np.zeros(len(labels))

    def at(i: int) -> float:
        if not 0 <= i < len(AMPLITUDES):
            return -np.inf
        if i not in found:
            a = AMPLITUDES[i]
            latent, own, evidence = _laplace(a * gram, mean, labels, weights)
            found[i] = evidence - 0.5 * ((np.log(a) - PRIOR_MEAN) / PRIOR_SD) ** 2, latent, own
        return found[i][0]

    best = len(AMPLITUDES) // 2
    while True:
        weights = found[best][2] if at(best) > -np.inf else weights
        better = max((best - 1, best + 1), key=at)
        if at(better) <= at(best):
            return found[best][1], float(AMPLITUDES[best])
        best = better


def _laplace(
    gram: np.ndarray, mean: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Mode of the latent values [n], its weights [n] and the log evidence (Rasmussen and Williams, algorithm 3.1).

    Newton's method from `weights` (latent = mean + gram @ weights), halving steps that do not climb.
    """
    from scipy.linalg import cho_factor, cho_solve

    def factor(latent: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, bool]]:
        rate = logistic(latent)
        root = np.sqrt(np.maximum(rate * (1 - rate), 1e-9))
        inner = np.eye(len(labels)) + root[:, None] * gram * root
        return root, cho_factor(inner, lower=True, overwrite_a=True, check_finite=False)

    latent = mean + gram @ weights
    value = _likelihood(latent, labels) - 0.5 * float(weights @ (latent - mean))
    root, inner = factor(latent)
    for _ in range(50):
        right = root**2 * (latent - mean) + labels - logistic(latent)
        goal = right - root * cho_solve(inner, root * (gram @ right), check_finite=False)
        step = 1.0
        while True:
            new = weights + step * (goal - weights)
            moved = gram @ new
            found = _likelihood(mean + moved, labels) - 0.5 * float(new @ moved)
            if found >= value or step < 1e-3:
                break
            step /= 2
        weights, latent, before, value = new, mean + moved, value, found
        root, inner = factor(latent)
        if value - before < 1e-5:
            break
    return latent, weights, value - float(np.log(np.diag(inner[0])).sum())


def _likelihood(latent: np.ndarray, labels: np.ndarray) -> float:
    return float((labels * latent - np.logaddexp(0.0, latent)).sum())


def logistic(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x))."""
    return 0.5 * (1 + np.tanh(0.5 * x))


def gaussian_values(latent: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values [N] and variances of their noise [N], given which a Gaussian process is Laplace's approximation.

    At the mode, the slope of the log likelihood is the residual and its curvature the precision (section 3.4).

    Args:
        latent: [N] mode of the latent values.
        labels: [N] from 0 to 1.
    """
    rate = logistic(latent)
    precision = np.maximum(rate * (1 - rate), 1e-9)
    return latent + (labels - rate) / precision, 1 / precision


def held_out_latent(
    latent: np.ndarray, variance: np.ndarray, values: np.ndarray, noise: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean [N] and variance [N] of each latent value by the posterior without its own label, amplitude kept.

    Not by the leave-one-out of `core`: where labels are certain their noise is so large that the difference loses its
    digits.

    Args:
        latent: [N] mode.
        variance: [N] of the posterior there.
        values: [N] as `gaussian_values`.
        noise: [N] variances, as there.

    Source: the Laplace leave-one-out of Vehtari et al. 2016, Journal of Machine Learning Research 17:103.
    """
    without = np.maximum(1 / variance - 1 / noise, 1e-9)
    return (latent / variance - values / noise) / without, 1 / without


def expected_probability(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Mean of the logistic of a Gaussian (MacKay 1992, Neural Computation 4:720)."""
    return logistic(mean / np.sqrt(1 + np.pi / 8 * variance))


def sd_of_probability(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Standard deviation of the logistic of a Gaussian, by quadrature.

    >>> sd_of_probability(np.zeros(1), np.array([100.0])).round(2).tolist()
    [0.46]
    """
    first, second, shares = np.zeros_like(mean), np.zeros_like(mean), np.exp(-0.5 * NODES**2)
    for node, share in zip(NODES, shares / shares.sum(), strict=True):
        rate = logistic(mean + node * np.sqrt(variance))
        first += share * rate
        second += share * rate**2
    return np.sqrt(np.maximum(second - first**2, 0.0))


#: standard deviations of the prior on the logarithm of the factor of log-odds, and on their shift
FACTOR_SD, SHIFT_SD = 0.5, 1.0


def log_odds(chance: np.ndarray) -> np.ndarray:
    """The inverse of `logistic`, of probabilities that are neither 0 nor 1."""
    chance = np.clip(chance, 1e-12, 1 - 1e-12)
    return np.log(chance) - np.log1p(-chance)


def calibrated_odds(chance: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Shift and factor of log-odds of probabilities under which held-out labels are likeliest.

    Where one class is rare, a wide Gaussian of log-odds pulls probabilities towards one half; the shift takes them
    back to shares. Their order stays.

    Args:
        chance: [N] probabilities of held-out labels.
        labels: [N] from 0 to 1.

    Source: Platt 1999, Advances in Large Margin Classifiers.
    """
    from scipy.optimize import minimize

    odds = log_odds(chance)

    def loss(parameters: np.ndarray) -> float:
        shift, log = parameters
        prior = 0.5 * ((shift / SHIFT_SD) ** 2 + (log / FACTOR_SD) ** 2)
        return prior - _likelihood(shift + np.exp(log) * odds, labels)

    shift, log = settled(minimize(loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-7}).x)
    return float(shift), float(np.exp(log))
