"""A prior over functions of letters at sites, in which a draw is a table: any number of candidates is looked up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from activeloop.candidates import AMINO_ACIDS, GAP, Pool, Sites
from activeloop.encoders import Encoder, letter_table
from activeloop.priors import blosum62


@dataclass(frozen=True)
class LatentSpace:
    """The prior over latent functions: a Gaussian table of sites and letters, and weights of explicit features.

    Args:
        sites: of the pool; None for compounds, whose functions have features only.
        plain, lettered: [L, L]; the covariance of two entries of the table is
            plain[s, t] + lettered[s, t] * alike[a, b].
        alike: [K, K] likeness of letters.
        start: [L, K] mean of the table.
        encoder: features of candidates without sites.
        joint: number of random features of all letters together, 0 = none.
    """

    sites: Sites | None
    plain: np.ndarray
    lettered: np.ndarray
    alike: np.ndarray
    start: np.ndarray
    encoder: Encoder
    joint: int

    def tokens(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[n, M] flat indices into the table, one for each mutation; beyond the table = none."""
        if self.sites is None:
            return np.zeros((len(rows), 0), np.int64)
        codes = pool.codes(rows).astype(np.int64)
        size, width = len(self.sites.alphabet), codes.shape[1]
        flat = codes + size * np.arange(width)
        if self.sites.parent is None:
            return flat
        same = codes == self.sites.parent
        flat[same] = size * width
        most = int((~same).sum(1).max(initial=0))
        return np.take_along_axis(flat, np.argsort(same, axis=1, kind="stable")[:, :most], 1)

    def features(self, pool: Pool, rows: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """[n, D] explicit features whose weights are standard normal: a constant, and either fingerprints or waves."""
        constant = np.ones((len(rows), 1))
        if self.sites is None:
            x = self.encoder.features(pool, rows).astype(np.float64)
            length = np.sqrt(np.square(x).sum(1, keepdims=True))
            return np.hstack([constant, x / np.maximum(length, 1e-12)])
        if not self.joint:
            return constant
        rng = np.random.default_rng(0)
        size = len(self.sites.alphabet)
        table = rng.standard_normal((len(self.sites.labels), size, self.joint))
        table = np.einsum("ab,lbd->lad", np.linalg.cholesky(self.alike + 1e-9 * np.eye(size)), table)
        table = np.vstack([table.reshape(-1, self.joint), np.zeros((1, self.joint))])
        phase = np.tile(rng.uniform(0, 2 * np.pi, self.joint), (len(rows), 1))
        for m in range(tokens.shape[1]):
            phase += table[tokens[:, m]]
        return np.hstack([constant, np.sqrt(1.0 / self.joint) * np.cos(phase)])

    def spread(self, tokens: np.ndarray) -> np.ndarray:
        """[n, T + 1] covariance of the whole table with the latent value of each candidate."""
        width, size = len(self.plain), len(self.alike)
        out = np.zeros((len(tokens), width, size))
        for m in range(tokens.shape[1]):
            on = np.flatnonzero(tokens[:, m] < width * size)
            site, letter = np.divmod(tokens[on, m], size)
            out[on] += self.plain[site][:, :, None] + self.lettered[site][:, :, None] * self.alike[letter][:, None, :]
        return _padded(out.reshape(len(tokens), width * size))

    def draw(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """[S, T + 1] tables from the prior, less their mean."""
        width, size = len(self.plain), len(self.alike)
        plain, lettered, alike = self._roots
        out = np.einsum("st,nt->ns", plain, rng.standard_normal((count, width)))[:, :, None]
        white = rng.standard_normal((count, width, size))
        return _padded((out + np.einsum("st,ntb,ab->nsa", lettered, white, alike, optimize=True)).reshape(count, -1))

    def gram(self, pool: Pool, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Prior covariance [n, n] and mean [n] of the latent values."""
        tokens = self.tokens(pool, rows)
        features = self.features(pool, rows, tokens)
        gram = values((self.spread(tokens), features), tokens, features)
        return 0.5 * (gram + gram.T), values((self.mean, np.zeros((1, features.shape[1]))), tokens, features)[0]

    @property
    def mean(self) -> np.ndarray:
        """[1, T + 1] the mean table."""
        return _padded(self.start.reshape(1, -1))

    @cached_property
    def _roots(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return _root(self.plain), _root(self.lettered), _root(self.alike)


def values(function: tuple[np.ndarray, np.ndarray], tokens: np.ndarray, features: np.ndarray) -> np.ndarray:
    """[S, n] values of S functions: tables [S, T + 1] looked up, and weights [S, D] on the features."""
    table, weights = function
    out = weights @ features.T
    for m in range(tokens.shape[1]):
        out += table[:, tokens[:, m]]
    return out


def latent_space(pool: Pool, encoder: Encoder, joint: int) -> LatentSpace:
    """The prior for a pool.

    Args:
        pool: variants, sequences, guides or compounds.
        encoder: features of compounds.
        joint: number of random features of all letters together; left out where all candidates are single mutants.

    Source: the variances of the terms are those that best explain 71 single-mutant assays of ProteinGym by evidence.
    """
    sites, one = pool.sites, np.zeros((1, 1))
    if sites is None:
        return LatentSpace(None, one, one, one, one, encoder, 0)
    codes = pool.codes(np.unique(np.linspace(0, len(pool) - 1, 1000).astype(np.int64)))
    several = sites.parent is None or bool(((codes != sites.parent).sum(1) > 1).any())
    return _site_space(sites, encoder, joint if several else 0)


def _site_space(sites: Sites, encoder: Encoder, joint: int) -> LatentSpace:
    distance = np.abs(sites.positions[:, None] - sites.positions[None]).astype(np.float64)
    same, alike = (distance == 0) * 1.0, _alike(sites.alphabet)
    if sites.parent is None:
        width = len(sites.labels)
        lettered = (0.9 * np.eye(width) + 0.1) / width
        return LatentSpace(
            sites, np.zeros((width, width)), lettered, alike, np.zeros((width, len(alike))), encoder, joint
        )
    near, far, old = np.exp(-distance / 3), np.exp(-distance / 25), alike[np.ix_(sites.parent, sites.parent)]
    helix = np.exp(-distance / 8) * (0.5 + 0.5 * np.cos(2 * np.pi * distance / 3.6))
    plain = 0.13 * same + 0.06 * near + 0.11 * far + 0.05 * helix + 0.015 * old + 0.02 * old * far
    lettered = 0.12 * same + 0.04 * near + 0.02 + 0.03 * old
    return LatentSpace(sites, plain, lettered, alike, _prior_mean(sites), encoder, joint)


def _prior_mean(sites: Sites) -> np.ndarray:
    """[L, K] BLOSUM62 of each substitution as a log-odds of being fit, from about -1 to 1."""
    if not set(sites.alphabet) <= set(AMINO_ACIDS + GAP):
        return np.zeros((len(sites.labels), len(sites.alphabet)))
    assert sites.parent is not None
    return (blosum62(sites.alphabet)[sites.parent] + 1.0) / 3.0


def _alike(alphabet: str) -> np.ndarray:
    """[K, K] likeness of letters, 1 on the diagonal: by property for amino acids, else only of a letter with itself."""
    if not set(alphabet) <= set(AMINO_ACIDS + GAP) or len(alphabet) < 5:
        return np.eye(len(alphabet))
    x = letter_table("properties", alphabet).astype(np.float64)
    distance = np.square(x[:, None] - x[None]).sum(2)
    smooth = np.exp(-distance / distance[distance > 0].mean() * 2)
    return 0.5 * np.eye(len(alphabet)) + 0.5 * smooth


def _padded(tables: np.ndarray) -> np.ndarray:
    """[..., T + 1]: the last entry, 0, stands for no mutation."""
    return np.concatenate([tables, np.zeros((*tables.shape[:-1], 1))], -1)


def _root(matrix: np.ndarray) -> np.ndarray:
    """A square root of a covariance that may be singular."""
    spectrum, vectors = np.linalg.eigh(matrix)
    return vectors * np.sqrt(np.maximum(spectrum, 0.0))
