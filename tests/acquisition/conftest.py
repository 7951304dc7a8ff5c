"""A pool and a model whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from activeloop.candidates import Pool, Sequence, Sites
from activeloop.prediction import Prediction, Predictor

LETTERS = "ACDEFGHIKLMNPQRSTVWY"


class CodesPool(Pool):
    """All words of some length over the first letters of the amino-acid alphabet, in order."""

    kind = "variants"
    origin = "all words, for tests"

    def __init__(self, length: int, size: int, refuse_even: bool = False):
        self.length, self.size = length, size
        if refuse_even:
            self.allowed = lambda rows: np.asarray(rows) % 2 == 1

    def __len__(self):
        return self.size**self.length

    def design(self, row):
        return Sequence("".join(LETTERS[c] for c in self.codes(np.array([row]))[0]))

    def row_of_design(self, design):
        return next((r for r in range(len(self)) if self.design(r) == design), None)

    @property
    def sites(self):
        labels = tuple(str(i + 1) for i in range(self.length))
        return Sites(LETTERS[: self.size], labels, np.arange(1, self.length + 1, dtype=np.int32), None, "")

    def codes(self, rows=None):
        rows = np.arange(len(self)) if rows is None else np.asarray(rows)
        powers = self.size ** np.arange(self.length)[::-1]
        return ((rows[:, None] // powers) % self.size).astype(np.uint8)


class PlantedPredictor(Predictor):
    """A random additive function of the letters; draws are perturbed tables, so they are functions too."""

    def __init__(self, noise: float = 0.1, classes: bool = False, broken: bool = False):
        self.noise, self.classes, self.broken = noise, classes, broken
        self.asked = 0

    def _tables(self, pool, count, seed):
        return np.random.default_rng(seed).standard_normal((count, pool.length, pool.size))

    def _values(self, pool, rows, count, seed):
        codes = pool.codes(rows)
        tables = self._tables(pool, count, seed)
        return sum(tables[:, s, codes[:, s]] for s in range(pool.length))

    def mean(self, pool, rows):
        return self._values(pool, rows, 1, 99)[0]

    def predict(self, pool, rows, seed, draws=64):
        self.asked = max(self.asked, len(rows))
        mean = self.mean(pool, rows)
        sd = 0.1 + np.abs(self._values(pool, rows, 1, 7)[0])
        if self.broken:
            mean = mean * np.nan
        f = mean + 0.3 * self._values(pool, rows, draws, seed) if draws else np.zeros((0, len(rows)))
        if not self.classes:
            return Prediction(f[:, :, None], mean[:, None], sd[:, None], np.array([self.noise]))
        squash = lambda x: np.stack([1 / (1 + np.exp(x)), 1 / (1 + np.exp(-x))], -1)  # noqa: E731
        mean, drawn = squash(mean), squash(f)
        return Prediction(drawn, mean, 0.2 * mean * (1 - mean), np.zeros(2), ("unfit", "fit"))

    def explain(self):
        return "Planted."

    def state(self):
        return {}


@pytest.fixture
def words():
    """The pool's class."""
    return CodesPool


@pytest.fixture
def planted():
    """The predictor's class."""
    return PlantedPredictor
