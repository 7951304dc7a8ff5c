"""The kernel over the sites of a library, its parameters by marginal likelihood, and functions sampled from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from activeloop.candidates import AMINO_ACIDS
from activeloop.encoders.sequence import PROPERTIES
from activeloop.models.base import distinct_combinations
from activeloop.models.gp.core import root, settled

DESCRIBED_BY = ("hydropathy", "volume", "charge", "aromatic", "beta_branched")
#: up to this many residues are compared by identity only
FEW = 3


@dataclass(frozen=True)
class SiteKernel:
    """The kernel with all its parameters set.

    Args:
        unequal: [L] weight of inequality at each site.
        coordinates: L arrays [J_s, K]: weighted properties; the squared distance is what they add to the exponent.
        variances: [3] of sites, pairs and the whole.
        column: [L, K] scores of residues, summed over sites, times the standard deviation of their weight, whose mean
            is 0; None for none.
    """

    unequal: np.ndarray
    coordinates: tuple[np.ndarray, ...]
    variances: np.ndarray
    column: np.ndarray | None = None

    @cached_property
    def tables(self) -> np.ndarray:
        """[L, K, K] k_s between the residues of each site."""
        apart = 1.0 - np.eye(self.coordinates[0].shape[1])
        squared = np.stack([np.square(c[:, :, None] - c[:, None, :]).sum(0) for c in self.coordinates])
        return np.exp(-self.unequal[:, None, None] * apart - squared)

    def own_variance(self, x: np.ndarray) -> np.ndarray:
        """[n] covariance of candidates [n, L] with themselves; a single site has no pairs."""
        one, pair, whole = self.variances
        own = np.full(len(x), one + whole + (pair if len(self.unequal) > 1 else 0.0))
        return own if self.column is None else own + column_sums(self.column, x) ** 2

    def between(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Covariance [n, m] of residue codes x [n, L] and y [m, L]."""
        sites = len(self.tables)
        one, pair, whole = self.variances
        total = np.zeros((len(x), len(y)))
        squares, product = np.zeros_like(total), np.ones_like(total)
        for s, table in enumerate(self.tables):
            k = table[x[:, s]][:, y[:, s]]
            total += k
            product *= k
            squares += k * k
        covariance = product * whole + total * (one / sites)
        if sites > 1:
            covariance += (total * total - squares) * (pair / (sites * (sites - 1)))
        if self.column is not None:
            covariance += np.outer(column_sums(self.column, x), column_sums(self.column, y))
        return covariance


def column_sums(column: np.ndarray, x: np.ndarray) -> np.ndarray:
    """[n] sum over sites of a table [L, K], for residue codes x [n, L]."""
    return column[np.arange(len(column)), x].sum(1)


def residue_coordinates(alphabet: str, measured: np.ndarray) -> np.ndarray:
    """Coordinates in which the residues at one site are compared.

    Args:
        alphabet: K residues.
        measured: codes that were measured there.

    Returns:
        [J, K] the properties in `DESCRIBED_BY`, scaled so that the mean squared difference of two amino acids is 1;
        J = 0 when no more than three different residues, or something else than amino acids, were measured.
    """
    known = np.array([a in AMINO_ACIDS for a in alphabet])
    if len(np.unique(measured)) <= FEW or not known[measured].all():
        return np.zeros((0, len(alphabet)))
    columns = np.zeros((len(DESCRIBED_BY), len(alphabet)))
    for column, name in zip(columns, DESCRIBED_BY, strict=True):
        values = np.array(PROPERTIES[name], float)
        # the mean squared difference of n values, over pairs of different ones, is 2 n / (n - 1) times their variance
        scaled = (values - values.mean()) / (values.std() * np.sqrt(2 * len(values) / (len(values) - 1)))
        column[known] = scaled[[AMINO_ACIDS.index(a) for a in alphabet if a in AMINO_ACIDS]]
    return columns


#: prior means and standard deviations of the log parameters: noise, three variances, inequality, each property
NOISE, VARIANCES = (np.log(0.05), 1.5), ((np.log(0.3), 1.5), (np.log(0.1), 1.5), (np.log(1.0), 1.5))
UNEQUAL, PROPERTY = (np.log(0.5), 1.0), (np.log(0.05), 1.5)


@dataclass(frozen=True)
class SiteLikelihood:
    """Marginal likelihood of n standardised values.

    Args:
        coordinates: L arrays [J_s, K] from `residue_coordinates`.
        x: [n, L] residue codes.
        y: [n] values of mean 0 and standard deviation 1.
        errors: [n] variance of each value beyond the common noise.
        column: as `SiteKernel`.
    """

    coordinates: tuple[np.ndarray, ...]
    x: np.ndarray
    y: np.ndarray
    errors: np.ndarray
    column: np.ndarray | None = None

    @cached_property
    def distances(self) -> tuple[np.ndarray, ...]:
        """L arrays [1 + J_s, K, K]: 1 for different residues, then the squared difference of each property."""
        apart = 1.0 - np.eye(self.coordinates[0].shape[1])[None]
        return tuple(np.concatenate([apart, np.square(c[:, :, None] - c[:, None, :])]) for c in self.coordinates)

    @property
    def hyperpriors(self) -> tuple[np.ndarray, np.ndarray]:
        """Prior mean and standard deviation of all log parameters."""
        pairs = [NOISE, *VARIANCES]
        for d in self.distances:
            pairs += [UNEQUAL, *[PROPERTY] * (len(d) - 1)]
        mean, sd = np.array(pairs).T
        return mean, sd

    def fit(self, iterations: int = 60) -> np.ndarray:
        """Log parameters of the greatest posterior density."""
        from scipy.optimize import minimize

        mean, sd = self.hyperpriors
        bounds = list(zip(mean - 4 * sd, mean + 4 * sd, strict=True))
        options = {"maxiter": iterations}
        return settled(minimize(self, mean, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x)

    def kernel(self, logs: np.ndarray) -> SiteKernel:
        """The kernel of given log parameters."""
        unequal, coordinates, i = [], [], 4
        for c in self.coordinates:
            unequal.append(np.exp(logs[i]))
            coordinates.append(c * np.exp(0.5 * logs[i + 1 : i + 1 + len(c)])[:, None])
            i += 1 + len(c)
        return SiteKernel(np.array(unequal), tuple(coordinates), np.exp(logs[1:4]), self.column)

    def __call__(self, logs: np.ndarray) -> tuple[float, np.ndarray]:
        """Negative log posterior density of the parameters, and its slope."""
        from scipy.linalg import cho_solve, get_lapack_funcs

        n, sites = self.x.shape
        kernel = self.kernel(logs)
        parts = [t[self.x[:, s]][:, self.x[:, s]] for s, t in enumerate(kernel.tables)]
        one, pair, whole = kernel.variances
        total = np.sum(parts, axis=0)
        pairs = max(sites * (sites - 1) / 2, 1)
        pairwise = (total * total - sum(k * k for k in parts)) / (2 * pairs)
        product = np.prod(parts, axis=0)
        covariance = one / sites * total + pair * pairwise + whole * product
        if self.column is not None:
            own = column_sums(self.column, self.x)
            covariance += np.outer(own, own)
        noise = np.exp(logs[0])
        covariance[np.diag_indices(n)] += noise + self.errors + 1e-6
        # `potri` is three times as fast as the inverse of `negative_log_evidence`
        potrf, potri = get_lapack_funcs(("potrf", "potri"), (covariance,))
        factor, failed = potrf(covariance, lower=1)
        if failed:
            return 1e10, np.zeros_like(logs)
        alpha = cho_solve((factor, True), self.y, check_finite=False)
        lower, _ = potri(factor, lower=1)
        inverse = np.tril(lower) + np.tril(lower, -1).T
        pull = 0.5 * (inverse - np.outer(alpha, alpha))
        weighted = pull * product
        slope = [noise * np.trace(pull), one / sites * np.vdot(pull, total), pair * np.vdot(pull, pairwise)]
        slope.append(whole * weighted.sum())
        weighted *= whole
        common = total * (pair / pairs) + one / sites
        i = 4
        for s, d in enumerate(self.distances):
            change = weighted + pull * parts[s] * (common - parts[s] * (pair / pairs))
            onehot = np.eye(d.shape[1])[self.x[:, s]]
            moved = np.tensordot(d, onehot.T @ change @ onehot, 2)
            slope.extend(-np.exp(logs[i : i + len(d)]) * moved)
            i += len(d)
        mean, sd = self.hyperpriors
        away = (logs - mean) / sd
        loss = 0.5 * self.y @ alpha + np.log(np.diag(factor)).sum() + 0.5 * away @ away
        return float(loss), np.array(slope) + away / sd


#: candidates whose products are formed at once where halves do not repeat
PIECE = 8192


def kernel_times(kernel: SiteKernel, x: np.ndarray, labels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """k(x, labels) @ alpha without forming k.

    Single sites and pairs become tables of residues. The product over all sites is one of two halves of the sites; in a
    library each half takes few values, so the product of two small matrices holds every combination.

    Args:
        kernel: the kernel.
        x: [N, L] residue codes.
        labels: [n, L] those of the labels.
        alpha: [n] their weights.

    Returns:
        [N] float64.
    """
    sites = x.shape[1]
    one, pair, whole = kernel.variances
    total = np.zeros(len(x))
    of_labels = [table[:, labels[:, s]] for s, table in enumerate(kernel.tables)]
    for s, k in enumerate(of_labels):
        total += (one / sites * (k @ alpha))[x[:, s]]
        for t in range(s):
            both = 2 * pair / (sites * (sites - 1)) * ((k * alpha) @ of_labels[t].T)
            total += both[x[:, s], x[:, t]]
    if kernel.column is not None:
        total += column_sums(kernel.column, x) * float(column_sums(kernel.column, labels) @ alpha)
    return total + whole * _products(of_labels, x, alpha)


def _products(of_labels: list[np.ndarray], x: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """[N] sum over labels of alpha times the product over sites."""
    middle = (x.shape[1] + 1) // 2
    left, in_left = _half(of_labels[:middle], x[:, :middle])
    if middle == x.shape[1]:
        return (left @ alpha)[in_left]
    right, in_right = _half(of_labels[middle:], x[:, middle:])
    weighted = left * alpha
    if len(left) * len(right) <= 4 * len(x):
        return (weighted @ right.T)[in_left, in_right]
    total = np.empty(len(x))
    for start in range(0, len(x), PIECE):
        piece = slice(start, start + PIECE)
        total[piece] = np.einsum("ij,ij->i", weighted[in_left[piece]], right[in_right[piece]])
    return total


def _half(of_labels: list[np.ndarray], x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[U, n] product over some sites for each different combination, and [N] which of them each candidate has."""
    first, inverse = distinct_combinations(x, of_labels[0].shape[0])
    product = np.ones((len(first), of_labels[0].shape[1]))
    for k, column in zip(of_labels, x[first].T, strict=True):
        product *= k[column]
    return product, inverse


#: random features for pairs, and for the whole
FEATURES = 1024


def prior_samples(kernel: SiteKernel, x: np.ndarray, seed: int, count: int, dtype: type = np.float64) -> np.ndarray:
    """Samples of the prior.

    Single sites are sampled exactly, products over sites with random Fourier features (Rahimi and Recht 2007):
    k_s(a, b) is the mean of cos(phase(a) - phase(b)) over random phases of the residues, so the product over sites is
    the mean of the cosine of the summed differences. The phases of properties are normal; those of inequality are all
    zero with probability exp(-weight), else independent and uniform.

    Args:
        kernel: the process.
        x: [n, L] residue codes.
        seed: the same seed gives the same functions for any x.
        count: S.
        dtype: of the features; single precision costs a tenth, and is enough where nothing is solved for.

    Returns:
        [S, n].
    """
    rng = np.random.default_rng([seed, 0])
    one, pair, whole = np.sqrt(kernel.variances)
    total = np.zeros((len(x), count))
    for s, table in enumerate(kernel.tables):
        left = root(table)
        values = left @ rng.standard_normal((left.shape[1], count))
        total += one / np.sqrt(len(kernel.tables)) * values[x[:, s]]
    phases, shift = residue_phases(kernel, rng)
    total += (
        whole
        * fourier_features(phases.astype(dtype), shift.astype(dtype), x)
        @ rng.standard_normal((FEATURES, count)).astype(dtype)
    )
    if len(kernel.tables) > 1:
        phases, shift = residue_phases(kernel, rng)
        both = np.argsort(rng.random((len(kernel.tables), FEATURES)), axis=0) < 2
        phases *= both[:, None, :]
        total += fourier_features(phases.astype(dtype), shift.astype(dtype), x) @ (
            pair * rng.standard_normal((FEATURES, count))
        ).astype(dtype)
    if kernel.column is not None:
        total += np.outer(column_sums(kernel.column, x), np.random.default_rng([seed, 2]).standard_normal(count))
    return total.T


def residue_phases(kernel: SiteKernel, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """[L, K, M] random phases of each residue at each site, and [M] of the whole."""
    size = kernel.tables.shape[1]
    phases = np.zeros((len(kernel.tables), size, FEATURES))
    for s, coordinates in enumerate(kernel.coordinates):
        phases[s] = np.sqrt(2.0) * coordinates.T @ rng.standard_normal((len(coordinates), FEATURES))
        differs = rng.random(FEATURES) >= np.exp(-kernel.unequal[s])
        phases[s] += differs * rng.uniform(0, 2 * np.pi, (size, FEATURES))
    return phases, rng.uniform(0, 2 * np.pi, FEATURES)


def fourier_features(phases: np.ndarray, shift: np.ndarray, x: np.ndarray) -> np.ndarray:
    """[n, M] features whose products have the covariance of the process."""
    angle = np.tile(shift, (len(x), 1))
    for s in range(len(phases)):
        angle += phases[s][x[:, s]]
    return np.cos(angle, out=angle) * angle.dtype.type(np.sqrt(2.0 / FEATURES))
