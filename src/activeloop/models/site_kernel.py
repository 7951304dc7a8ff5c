"""How alike two members of a combinatorial library are, site by site.

At each site letters are alike by what they are: equal or not, hydropathy, volume, charge, aromaticity, branching.
k_s(a, b) = exp(-sum_j theta_sj D_j(a, b)), with a weight theta for each site and property. Over sites

    k(x, y) = v1 mean_s k_s + v2 mean_(s<t) k_s k_t + v3 prod_s k_s

the three terms stand for effects of single sites, of pairs, and of the whole combination.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from activeloop.backbones.physicochemical import PROPERTIES
from activeloop.candidates import AMINO_ACIDS

DESCRIBED_BY = ("hydropathy", "volume", "charge", "aromatic", "beta_branched")
#: alphabets of so few letters are compared letter by letter only
FEW = 3


@dataclass(frozen=True)
class SiteKernel:
    """The kernel with all its parameters set.

    Args:
        unequal: [L] weight of inequality at each site.
        coordinates: L arrays [J_s, K]: weighted properties; the squared distance is what they add to the exponent.
        variances: [3] of sites, pairs and the whole.
    """

    unequal: np.ndarray
    coordinates: tuple[np.ndarray, ...]
    variances: np.ndarray

    @cached_property
    def tables(self) -> np.ndarray:
        """[L, K, K] k_s between the letters of each site."""
        apart = 1.0 - np.eye(self.coordinates[0].shape[1])
        squared = np.stack([np.square(c[:, :, None] - c[:, None, :]).sum(0) for c in self.coordinates])
        return np.exp(-self.unequal[:, None, None] * apart - squared)

    @property
    def own_variance(self) -> float:
        """Covariance of a candidate with itself; a single site has no pairs."""
        one, pair, whole = self.variances
        return float(one + whole + (pair if len(self.unequal) > 1 else 0.0))

    def between(self, x: np.ndarray, y: np.ndarray, dtype: type = np.float64) -> np.ndarray:
        """Covariance [n, m] of letters x [n, L] and y [m, L]."""
        sites = len(self.tables)
        one, pair, whole = self.variances
        total = np.zeros((len(x), len(y)), dtype)
        squares, product = np.zeros_like(total), np.ones_like(total)
        for s, table in enumerate(self.tables):
            k = table.astype(dtype)[x[:, s]][:, y[:, s]]
            total += k
            product *= k
            squares += k * k
        covariance = product * dtype(whole) + total * dtype(one / sites)
        if sites > 1:
            covariance += (total * total - squares) * dtype(pair / (sites * (sites - 1)))
        return covariance


def letter_coordinates(alphabet: str, measured: np.ndarray) -> np.ndarray:
    """What letters are, as far as it is needed to compare them at one site.

    Args:
        alphabet: K letters.
        measured: codes that were measured there.

    Returns:
        [J, K] the properties in `DESCRIBED_BY`, scaled so that the mean squared difference of two amino acids is 1;
        J = 0 when no more than three different letters, or something else than amino acids, were measured.
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
