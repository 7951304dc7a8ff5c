"""A Gaussian process that classifies candidates (`unfit` or `fit`), for campaigns whose goal is an accurate model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np

from activeloop.candidates import AMINO_ACIDS, GAP, Pool, Sites
from activeloop.encoders import Encoder, Morgan, scale_table
from activeloop.measurements import Dataset
from activeloop.models.base import CLASSES, class_labels
from activeloop.models.gp.core import ExactConditioned, root
from activeloop.models.gp.guides import GuideGP
from activeloop.models.gp.kernel_gp import KernelGP
from activeloop.models.gp.logistic import (
    PRIOR_MEAN,
    best_amplitude,
    expected_probability,
    gaussian_values,
    held_out_latent,
    logistic,
    sd_of_probability,
)
from activeloop.models.gp.mutation_kernel import MutationKernel, Mutations, position_kernels
from activeloop.models.gp.tanimoto import TanimotoGP
from activeloop.models.gp.treatments import TreatmentGP
from activeloop.models.gp.two_valued import TwoValuedPredictor
from activeloop.models.out_of_fold import OutOfFold
from activeloop.prediction import Learner, Prediction, Predictor
from activeloop.priors import blosum62
from activeloop.priors.profile import FAMILY_MEAN, Profile
from activeloop.priors.substitutions import substitution_scores

#: candidates looked up at once, and pairs of mutations within them
PIECE, PAIRS = 10_000, 8_000_000
#: log-odds of being fit per unit of the substitution prior, and standard deviation of its learned weight around 1 at
#: amplitude 1; chosen on the scans that the page of `docs/results/learn` names
LOGITS, WEIGHT = 1.8, 0.15
#: standard deviation, in log-odds at amplitude 1, of the weight of a family's score
FAMILY_WEIGHT = 0.15


@dataclass(frozen=True)
class GPClassifier(Learner):
    """A Gaussian process over residues at sites with a logistic link, by Laplace's approximation.

    The latent function adds up one term for each mutation (for pools without a parent: for each residue). Two terms
    are correlated when their sites are the same or close in the sequence, their new residues have similar properties,
    and their old residues are similar; the prior mean is the substitution prior, learned from other proteins, whose
    weight is learned as well. Candidates with several mutations get a further smooth function of all residues together.
    Because the latent function lives in a table of sites and residues, a sample is a table as well: any number of
    candidates is predicted by looking up, and in pieces as well as at once.

    Compounds, guides and treatments are compared by the kernel of the learner that is their default for values, behind
    the same link (`TwoValuedPredictor`): on held-out labels of public screens it told classes apart better than the
    terms for residues, or the cosine of fingerprints that compounds had.

    Args:
        encoder: features of candidates that have no sites, compared by their cosine; None for the kernel above.
        joint: number of random Fourier features for the function of all residues together; 0 leaves it out.
        family: of the wild type: its score is a further feature of learned weight. None for none.

    Source: Rasmussen and Williams 2006, chapter 3; samples after Wilson et al. 2020, arXiv:2002.09309; the variances of
    the terms are those of the greatest evidence on 71 single-mutant assays of ProteinGym.
    """

    learns_classes: ClassVar[bool] = True

    encoder: Encoder | None = None
    joint: int = 256
    family: Profile | None = None

    @property
    def name(self) -> str:
        """`gp-classifier`, and the family's name."""
        return f"gp-classifier{f'-{self.family.name}' if self.family else ''}"

    def with_family(self, family: Profile) -> GPClassifier:
        """The same with another family."""
        return replace(self, family=family)

    def _of_values(self, pool: Pool) -> KernelGP | None:
        """The learner of values whose kernel is taken; None where residues have terms of their own."""
        kinds = {"compounds": TanimotoGP, "guides": GuideGP, "treatments": TreatmentGP}
        return kinds[pool.kind]() if self.encoder is None and self.family is None and pool.kind in kinds else None

    def _space(self, pool: Pool, prior: tuple[float, float] | None = (LOGITS, WEIGHT)) -> LatentSpace:
        space = latent_space(pool, self.encoder or Morgan(), self.joint, prior)
        if self.family is None or pool.sites is None:
            return space
        table = self.family.table(pool).ravel()
        return replace(space, start=space.start + LOGITS * FAMILY_MEAN * table, family=FAMILY_WEIGHT * table)

    def prior(self, pool: Pool) -> Predictor | None:
        """The prediction by substitution scores alone; None for candidates without a parent."""
        sites = pool.sites
        if sites is None or sites.parent is None:
            return None
        space, none = self._space(pool), np.zeros(0)
        return LatentPredictor(space, pool, none.astype(np.int64), none, none, float(np.exp(PRIOR_MEAN)))

    def fit(self, dataset: Dataset, seed: int) -> Predictor:
        """The posterior given labels 0 and 1 (a mean of replicates between them is taken as it is).

        Raises:
            ModelError: more than one assay, no label, or labels outside of 0 to 1.
        """
        column = class_labels(dataset)
        if (learner := self._of_values(dataset.pool)) is not None:
            return ClassProbabilities.fit(learner, column)
        labels = column.values[:, 0]
        space = self._space(dataset.pool)
        rows = space.rows(dataset.pool, column.rows)
        latent, amplitude = best_amplitude(space.gram(rows), space.mean(rows), labels)
        return LatentPredictor(space, dataset.pool, column.rows, labels, latent, amplitude)

    def restore(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        """The same fit from its latent values."""
        if not state:
            return self.fit(dataset, seed)
        if "odds" in state and (learner := self._of_values(dataset.pool)) is not None:
            return ClassProbabilities.fit(learner, dataset.column(), state)
        # versions from before the prior had a weight have BLOSUM62 instead
        prior = tuple(state["prior"].tolist()) if "prior" in state else None
        column, space = dataset.column(), self._space(dataset.pool, prior)
        labels, amplitude = column.values[:, 0], float(state["amplitude"][0])
        return LatentPredictor(space, dataset.pool, column.rows, labels, state["latent"], amplitude)


@dataclass(frozen=True)
class ClassProbabilities(Predictor, OutOfFold):
    """Probabilities of values 0 and 1 as those of the two classes.

    Args:
        fitted: the model of the values.
    """

    fitted: TwoValuedPredictor

    @classmethod
    def fit(cls, learner: KernelGP, column: Dataset, state: dict[str, np.ndarray] | None = None) -> ClassProbabilities:
        """With the kernel of a learner of values.

        Args:
            learner: whose kernel it is.
            column: labels from 0 to 1.
            state: of the same fit from before; None to find it.
        """
        kernel, labels = learner.kernel_of(column), column.values[:, 0]
        gram = kernel(column.pool, column.rows)
        return cls(TwoValuedPredictor.fit(kernel, gram, labels, (0.0, 1.0), learner.basis(), state=state))

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """Probabilities of the two classes."""
        found = self.fitted.predict(pool, rows, seed, draws)
        probs, mean = (_both(each[..., 0].astype(np.float64)) for each in (found.draws, found.mean))
        return Prediction(probs, mean, np.repeat(found.sd, 2, axis=1), np.zeros(2), CLASSES)

    def held_out(self) -> np.ndarray:
        """[N] probability of `fit` of each label by the posterior without it."""
        return self.fitted.held_out()

    def explain(self) -> str:
        """What is compared, and how many labels of each class."""
        labels = self.fitted.labels
        return (
            f"Gaussian process classifier on {self.fitted.odds.basis} of {len(labels)} labels, "
            f"{int((labels > 0.5).sum())} of them fit."
        )

    def state(self) -> dict[str, np.ndarray]:
        """As the model of the values."""
        return self.fitted.state()


#: functions: a table [T, S] of what each residue at each site adds, and weights [D, S] of explicit features
Functions = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class LatentRows:
    """n candidates as the latent function sees them.

    Args:
        mutations: that are looked up in its table.
        features: [n, D] explicit features.
    """

    mutations: Mutations
    features: np.ndarray

    def values(self, functions: Functions) -> np.ndarray:
        """[n, S] values of S functions."""
        table, weights = functions
        return self.features @ weights + self.mutations.sums(table)


@dataclass(frozen=True)
class LatentSpace:
    """The prior over latent functions: a Gaussian table of sites and residues, and weights of explicit features.

    Args:
        sites: of the pool; None for compounds, whose functions have features only.
        kernel: covariance of the entries of the table.
        start: [T] mean of the table.
        prior: log-odds per unit of the substitution prior, and standard deviation of its weight around 1 at amplitude
            1; None: BLOSUM62, whose weight is not learned.
        encoder: features of candidates without sites.
        joint: number of random Fourier features of all residues together, 0 = none.
        family: [T] scores of a family, times the standard deviation of their weight around 0 at amplitude 1.
    """

    sites: Sites | None
    kernel: MutationKernel
    start: np.ndarray
    prior: tuple[float, float] | None
    encoder: Encoder
    joint: int
    family: np.ndarray | None = None

    def rows(self, pool: Pool, rows: np.ndarray) -> LatentRows:
        """Rows of a pool; the weights of their features are standard normal."""
        constant = np.ones((len(rows), 1))
        if self.sites is None:
            x = self.encoder.features(pool, rows).astype(np.float64)
            length = np.sqrt(np.square(x).sum(1, keepdims=True))
            none = Mutations.where(np.zeros((len(rows), 1), bool), np.zeros((len(rows), 1), np.int64), 1)
            return LatentRows(none, np.hstack([constant, x / np.maximum(length, 1e-12)]))
        codes, size = pool.codes(rows).astype(np.int64), len(self.sites.alphabet)
        counts = np.ones(codes.shape, bool) if self.sites.parent is None else codes != self.sites.parent
        mutations = Mutations.where(counts, codes, size)
        plain = constant
        if self.prior is not None and self.start.any():
            plain = np.hstack([constant, self.prior[1] * mutations.sums(self.start)[:, None]])
        if self.family is not None:
            plain = np.hstack([plain, mutations.sums(self.family)[:, None]])
        if not self.joint:
            return LatentRows(mutations, plain)
        rng = np.random.default_rng(0)
        table = rng.standard_normal((codes.shape[1], size, self.joint))
        factor = np.linalg.cholesky(self.kernel.residues[1] + 1e-9 * np.eye(size))
        table = np.einsum("ab,lbd->lad", factor, table).reshape(-1, self.joint)
        phase = rng.uniform(0, 2 * np.pi, self.joint) + mutations.sums(table)
        return LatentRows(mutations, np.hstack([plain, np.sqrt(1.0 / self.joint) * np.cos(phase)]))

    def mean(self, rows: LatentRows) -> np.ndarray:
        """[n] prior mean of the latent values."""
        return rows.mutations.sums(self.start)

    def gram(self, rows: LatentRows) -> np.ndarray:
        """[n, n] prior covariance of the latent values."""
        gram = rows.values(self.responses(rows, np.eye(rows.mutations.count)))
        return 0.5 * (gram + gram.T)

    def variance(self, rows: LatentRows) -> np.ndarray:
        """[n] prior variance of the latent values."""
        owner, first, second = rows.mutations.pairs()
        own = np.bincount(owner, self.kernel.between(first, second), minlength=rows.mutations.count)
        return own + np.square(rows.features).sum(1)

    def piece(self) -> int:
        """How many rows are looked up at once, so that their pairs of mutations stay few."""
        width = 0 if self.sites is None else len(self.sites.labels)
        most = width if self.sites is None or self.sites.parent is None else min(width, 40)
        return max(1, min(PIECE, PAIRS // max(1, most**2)))

    def responses(self, rows: LatentRows, weights: np.ndarray) -> Functions:
        """S functions: the prior covariance of table and feature weights with rows, times weights [n, S]."""
        return self.kernel.times(rows.mutations.scatter(weights)), rows.features.T @ weights

    def draw(self, count: int, features: int, rng: np.random.Generator) -> Functions:
        """S functions from the prior, less their mean, with D features."""
        plain, by_residue, similar = self._roots
        width, size = len(plain), len(similar)
        sites = np.einsum("st,nt->ns", plain, rng.standard_normal((count, width)))[:, :, None]
        white = rng.standard_normal((count, width, size))
        table = sites + np.einsum("st,ntb,ab->nsa", by_residue, white, similar, optimize=True)
        return table.reshape(count, -1).T, rng.standard_normal((count, features)).T

    @cached_property
    def _roots(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        # all directions, so that the number of random numbers depends on the shapes alone
        plain, by_residue, similar = (
            root(m, -1.0) for m in (*np.asarray(self.kernel.positions), self.kernel.residues[1])
        )
        return plain, by_residue, similar


def latent_space(
    pool: Pool, encoder: Encoder, joint: int, prior: tuple[float, float] | None = (LOGITS, WEIGHT)
) -> LatentSpace:
    """The prior for a pool of variants, sequences, guides or compounds; `joint` is left out for single mutants.

    Args:
        pool: of the candidates.
        encoder: of candidates without sites.
        joint: number of random Fourier features of all residues together.
        prior: log-odds per unit of the substitution prior, and standard deviation of its weight; None: BLOSUM62, whose
            weight is not learned.
    """
    sites = pool.sites
    if sites is None:
        none = np.zeros((2, 1, 1))
        return LatentSpace(None, MutationKernel(none, none), np.zeros(1), prior, encoder, 0)
    width, size = len(sites.labels), len(sites.alphabet)
    similar, start = _similarity(sites.alphabet), np.zeros(width * size)
    if sites.parent is None:
        plain, by_residue, several = np.zeros((width, width)), (0.9 * np.eye(width) + 0.1) / width, True
    else:
        codes = pool.codes(np.unique(np.linspace(0, len(pool) - 1, 1000).astype(np.int64)))
        several = bool(((codes != sites.parent).sum(1) > 1).any())
        same, near, far, helix = (position_kernels(sites)[name] for name in ("same", "near", "far", "helix"))
        old = similar[np.ix_(sites.parent, sites.parent)]
        plain = 0.13 * same + 0.06 * near + 0.11 * far + 0.05 * helix + 0.015 * old + 0.02 * old * far
        by_residue = 0.12 * same + 0.04 * near + 0.02 + 0.03 * old
        if prior is not None:
            start = prior[0] * substitution_scores(sites).ravel()
        elif set(sites.alphabet) <= set(AMINO_ACIDS + GAP):
            # BLOSUM62 of each substitution as a log-odds of being fit, from about -1 to 1
            start = ((blosum62(sites.alphabet)[sites.parent] + 1.0) / 3.0).ravel().astype(np.float64)
    kernel = MutationKernel(np.stack([plain, by_residue]), np.stack([np.ones_like(similar), similar]))
    return LatentSpace(sites, kernel, start, prior, encoder, joint if several else 0)


def _similarity(alphabet: str) -> np.ndarray:
    """[K, K] kernel of residues, 1 on the diagonal: by property for amino acids, else the identity."""
    if not set(alphabet) <= set(AMINO_ACIDS + GAP) or len(alphabet) < 5:
        return np.eye(len(alphabet))
    x = scale_table("properties", alphabet).astype(np.float64)
    distance = np.square(x[:, None] - x[None]).sum(2)
    return 0.5 * np.eye(len(alphabet)) + 0.5 * np.exp(-distance / distance[distance > 0].mean() * 2)


class LatentPredictor(Predictor, OutOfFold):
    """The posterior over latent tables and weights.

    Laplace's approximation is the posterior given Gaussian values: at the mode of the latent values, with the slope of
    the log likelihood as residual and its curvature as precision (Rasmussen and Williams 2006, section 3.4).
    """

    def __init__(
        self,
        space: LatentSpace,
        pool: Pool,
        rows: np.ndarray,
        labels: np.ndarray,
        latent: np.ndarray,
        amplitude: float,
    ):
        self._space, self._labels, self._latent, self._amplitude = space, labels, latent, amplitude
        self._rows = space.rows(pool, rows)
        self._prior_mean = space.mean(self._rows)
        self._values, noise = gaussian_values(latent, labels)
        gram = amplitude * space.gram(self._rows)
        self._process = ExactConditioned.of(gram, self._values - self._prior_mean, noise)
        self._variance = np.diag(gram) - self._process.explained(gram)
        self._mean = self._moved((space.start[:, None], np.zeros(())), self._process.weights[:, None])
        # [T, N] and [D, N]: of which the covariance of any candidate with the measured ones is looked up
        self._responses = space.responses(self._rows, amplitude * np.eye(len(labels)))

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """Probabilities of the two classes."""
        drawn = self._draw(draws, seed) if draws else None
        size = self._space.piece()
        parts = [self._piece(pool, rows[i : i + size], drawn) for i in range(0, max(len(rows), 1), size)]
        mean, sd, probs = (np.concatenate(p, -1) for p in zip(*parts, strict=True))
        return Prediction(_both(probs), _both(mean), np.stack([sd, sd], -1), np.zeros(2), CLASSES)

    def _piece(
        self, pool: Pool, rows: np.ndarray, drawn: Functions | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Probabilities of `fit`: mean [n], standard deviation [n] and in the draws [S, n]."""
        some = self._space.rows(pool, rows)
        latent, explained = some.values(self._mean)[:, 0], self._process.explained(some.values(self._responses))
        variance = np.maximum(self._amplitude * self._space.variance(some) - explained, 1e-9)
        probs = np.zeros((0, len(rows))) if drawn is None else logistic(some.values(drawn)).T
        return expected_probability(latent, variance), sd_of_probability(latent, variance), probs

    def held_out(self) -> np.ndarray:
        """[N] probability of `fit` of each label by the posterior without its own term (hyperparameters kept)."""
        mean, variance = held_out_latent(self._latent, self._variance, self._values, self._process.noise)
        return expected_probability(mean, variance)

    def explain(self) -> str:
        """How many labels, and how many of each class."""
        fit = int((self._labels > 0.5).sum())
        return f"Gaussian process classifier on {len(self._labels)} labels, {fit} of them fit."

    def state(self) -> dict[str, np.ndarray]:
        """Latent values of the measured candidates and the amplitude."""
        own = {"latent": self._latent, "amplitude": np.array([self._amplitude])}
        return own if self._space.prior is None else own | {"prior": np.array(self._space.prior)}

    def _moved(self, functions: Functions, updates: np.ndarray) -> Functions:
        """Functions moved by updates [n, S] of the measured candidates."""
        table, weights = self._space.responses(self._rows, self._amplitude * updates)
        return functions[0] + table, functions[1] + weights

    def _draw(self, count: int, seed: int) -> Functions:
        rng = np.random.default_rng([seed, count])
        prior = self._space.draw(count, self._rows.features.shape[1], rng)
        table, weights = (np.sqrt(self._amplitude) * part for part in prior)
        residuals = self._process.values[:, None] - self._rows.values((table, weights))
        updates = self._process.updates(residuals, rng.standard_normal((count, len(self._labels))).T)
        return self._moved((self._space.start[:, None] + table, weights), updates)


def _both(fit: np.ndarray) -> np.ndarray:
    return np.stack([1 - fit, fit], -1)
