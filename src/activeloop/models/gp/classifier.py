"""A Gaussian process that classifies candidates (`unfit` or `fit`), for campaigns whose goal is an accurate model."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from activeloop.candidates import Pool
from activeloop.encoders import Encoder, Morgan
from activeloop.errors import ModelError
from activeloop.measurements import Dataset
from activeloop.models.gp.latent import LatentSpace, latent_space, values
from activeloop.models.out_of_fold import OutOfFold
from activeloop.prediction import Learner, Prediction, Predictor

CLASSES = ("unfit", "fit")
#: draws from which the spread of a prediction is taken
INNER = 128
#: candidates looked up at once
PIECE = 10_000
#: amplitudes of the latent function that are compared by their evidence, and the prior on their logarithm
AMPLITUDES = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0])
CENTRE, WIDTH = np.log(6.0), 1.0


@dataclass(frozen=True)
class GPClassifier(Learner):
    """A Gaussian process over letters at sites with a logistic link, by Laplace's approximation.

    The latent function adds up one term for each mutation (for pools without a parent: for each letter). Terms are
    alike when their sites are the same or close in the sequence, their new letters have like properties, and their
    old letters are alike; the substitution's BLOSUM62 score pulls at first. Candidates with several mutations get a
    further smooth function of all letters together. Because the latent function lives in a table of sites and letters,
    a draw is a table as well: any number of candidates is predicted by looking up, and in pieces as well as at once.

    Compounds are compared by the cosine of their fingerprints.

    Args:
        encoder: features of candidates that have no sites.
        joint: dimension of the random features for the function of all letters together; 0 leaves it out.

    Source: Rasmussen and Williams 2006, chapter 3; draws after Wilson et al. 2020, arXiv:2002.09309; the variances of
    the terms are those that best explain 71 single-mutant assays of ProteinGym, fitted by evidence.
    """

    encoder: Encoder = field(default_factory=Morgan)
    joint: int = 256

    @property
    def name(self) -> str:
        """`gp-classifier`."""
        return "gp-classifier"

    def prior(self, pool: Pool) -> Predictor | None:
        """What the substitutions alone suggest; None for candidates without a parent."""
        sites = pool.sites
        if sites is None or sites.parent is None:
            return None
        space, none = latent_space(pool, self.encoder, self.joint), np.zeros(0)
        return LatentPredictor(space, pool, np.zeros(0, np.int64), none, none, float(np.exp(CENTRE)), 0)

    def fit(self, dataset: Dataset, seed: int) -> Predictor:
        """The posterior given labels 0 and 1 (a mean of replicates between them is taken as it is).

        Raises:
            ModelError: more than one assay, no label, or labels outside of 0 to 1.
        """
        if dataset.values.shape[1] != 1:
            raise ModelError(f"A classifier learns one assay; there are {dataset.values.shape[1]}. Nothing was fitted.")
        column = dataset.column()
        labels = column.values[:, 0]
        if not len(labels):
            raise ModelError("Nothing was measured yet. Record a result first; nothing was fitted.")
        if not ((labels >= 0) & (labels <= 1)).all():
            raise ModelError(f'"{dataset.assays[0].name}" must be 0 (unfit) or 1 (fit). Nothing was fitted.')
        space = latent_space(dataset.pool, self.encoder, self.joint)
        gram, mean = space.gram(dataset.pool, column.rows)
        latent, amplitude = _best_amplitude(gram, mean, labels)
        return LatentPredictor(space, dataset.pool, column.rows, labels, latent, amplitude, seed)

    def restore(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        """The same fit from its latent values."""
        if not state:
            return self.fit(dataset, seed)
        column = dataset.column()
        amplitude, labels = float(state["amplitude"][0]), column.values[:, 0]
        space = latent_space(dataset.pool, self.encoder, self.joint)
        return LatentPredictor(space, dataset.pool, column.rows, labels, state["latent"], amplitude, seed)


class LatentPredictor(Predictor, OutOfFold):
    """The posterior over latent tables and weights, in closed form after Laplace's approximation."""

    def __init__(
        self,
        space: LatentSpace,
        pool: Pool,
        rows: np.ndarray,
        labels: np.ndarray,
        latent: np.ndarray,
        amplitude: float,
        seed: int,
    ):
        self._space, self._labels, self._latent, self._amplitude = space, labels, latent, amplitude
        tokens = space.tokens(pool, rows)
        self._tokens, self._features = tokens, space.features(pool, rows, tokens)
        self._spread = space.spread(tokens)
        gram, mean = space.gram(pool, rows)
        rate = _logistic(latent)
        self._root = np.sqrt(np.maximum(rate * (1 - rate), 1e-9))
        inner = np.eye(len(rows)) + amplitude * self._root[:, None] * gram * self._root
        self._inverse = np.linalg.inv(inner)
        scaled = amplitude * gram * self._root
        self._variance = amplitude * np.diag(gram) - ((scaled @ self._inverse) * scaled).sum(1)
        self._target = latent - mean + (labels - rate) / self._root**2
        own = self._correction(np.zeros((1, len(rows))), np.zeros((1, len(rows))))
        self._mean = (space.mean + own @ self._spread, own @ self._features)
        self._inner = self._draw(INNER, seed)

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """Probabilities of the two classes."""
        drawn = self._draw(draws, seed) if draws else None
        parts = [self._piece(pool, rows[i : i + PIECE], drawn) for i in range(0, max(len(rows), 1), PIECE)]
        mean, sd, probs = (np.concatenate(p, -1) for p in zip(*parts, strict=True))
        return Prediction(_both(probs), _both(mean), np.stack([sd, sd], -1), np.zeros(2), CLASSES)

    def _piece(
        self, pool: Pool, rows: np.ndarray, drawn: tuple[np.ndarray, np.ndarray] | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Probabilities of `fit`: mean [n], their spread [n] and in the draws [S, n]."""
        tokens = self._space.tokens(pool, rows)
        features = self._space.features(pool, rows, tokens)
        inner = values(self._inner, tokens, features)
        latent = values(self._mean, tokens, features)[0]
        # The mean of a logistic of a Gaussian, by MacKay 1992.
        mean = _logistic(latent / np.sqrt(1 + np.pi / 8 * inner.var(0)))
        probs = np.zeros((0, len(rows))) if drawn is None else _logistic(values(drawn, tokens, features))
        return mean, _logistic(inner).std(0), probs

    def held_out(self) -> np.ndarray:
        """[N] probability of `fit` of each label by the posterior without its own term (hyperparameters kept).

        Source: the Laplace leave-one-out of Vehtari et al. 2016, Journal of Machine Learning Research 17:103.
        """
        precision = self._root**2
        goal = self._latent + (self._labels - _logistic(self._latent)) / precision
        without = np.maximum(1 / self._variance - precision, 1e-9)
        latent = (self._latent / self._variance - precision * goal) / without
        return _logistic(latent / np.sqrt(1 + np.pi / 8 / without))

    def explain(self) -> str:
        """How many labels, and how many of each class."""
        fit = int((self._labels > 0.5).sum())
        return f"Gaussian process classifier on {len(self._labels)} labels, {fit} of them fit."

    def state(self) -> dict[str, np.ndarray]:
        """Latent values of the measured candidates and the amplitude."""
        return {"latent": self._latent, "amplitude": np.array([self._amplitude])}

    def _correction(self, prior: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """[S, n] weights that bring prior draws [S, n] at the measured candidates to the data; noise is standard."""
        gap = self._root * (self._target - prior) - noise
        return self._amplitude * ((gap @ self._inverse) * self._root)

    def _draw(self, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng([seed, count])
        scale = np.sqrt(self._amplitude)
        table = scale * self._space.draw(count, rng)
        weights = scale * rng.standard_normal((count, self._features.shape[1]))
        prior = values((table, weights), self._tokens, self._features)
        own = self._correction(prior, rng.standard_normal((count, len(self._root))))
        return self._space.mean + table + own @ self._spread, weights + own @ self._features


def _best_amplitude(gram: np.ndarray, mean: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, float]:
    """Mode of the latent values and the amplitude of the greatest evidence; climbs from the middle of the list."""
    found: dict[int, tuple[float, np.ndarray, np.ndarray]] = {}
    weights = np.zeros(len(labels))

    def at(i: int) -> float:
        if not 0 <= i < len(AMPLITUDES):
            return -np.inf
        if i not in found:
            a = AMPLITUDES[i]
            latent, own, evidence = _laplace(a * gram, mean, labels, weights)
            found[i] = evidence - 0.5 * ((np.log(a) - CENTRE) / WIDTH) ** 2, latent, own
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
    latent = mean + gram @ weights
    value = _likelihood(latent, labels) - 0.5 * float(weights @ (latent - mean))
    for _ in range(50):
        rate = _logistic(latent)
        root = np.sqrt(np.maximum(rate * (1 - rate), 1e-9))
        inner = np.eye(len(labels)) + root[:, None] * gram * root
        right = root**2 * (latent - mean) + labels - rate
        goal = right - root * np.linalg.solve(inner, root * (gram @ right))
        step = 1.0
        while True:
            new = weights + step * (goal - weights)
            moved = gram @ new
            found = _likelihood(mean + moved, labels) - 0.5 * float(new @ moved)
            if found >= value or step < 1e-3:
                break
            step /= 2
        weights, latent, before, value = new, mean + moved, value, found
        if value - before < 1e-5:
            break
    rate = _logistic(latent)
    root = np.sqrt(np.maximum(rate * (1 - rate), 1e-9))
    return latent, weights, value - 0.5 * float(np.linalg.slogdet(np.eye(len(labels)) + root[:, None] * gram * root)[1])


def _likelihood(latent: np.ndarray, labels: np.ndarray) -> float:
    return float((labels * latent - np.logaddexp(0.0, latent)).sum())


def _logistic(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * x))


def _both(fit: np.ndarray) -> np.ndarray:
    return np.stack([1 - fit, fit], -1)
