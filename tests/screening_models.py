"""Models for screens: what they say of a candidate is known beforehand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.candidates import Pool
from activeloop.prediction import FastMean, Prediction, Predictor


@dataclass(frozen=True)
class Planted(Predictor, FastMean):
    """The sum of a number for each letter at each site, rounded so that there are many exact ties.

    Args:
        seed: of the numbers.
        noise: how far another seed's numbers are mixed in.
        blind: the letter at the first site in whose candidates it sees nothing.
        steps: in 1 that are told apart.
    """

    seed: int = 0
    noise: float = 0.0
    blind: int | None = None
    steps: float = 8.0

    def mean(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        codes = pool.codes(rows).astype(np.int64)
        table = np.random.default_rng(self.seed).standard_normal((codes.shape[1], 32))
        table = table + self.noise * np.random.default_rng(self.seed + 1).standard_normal(table.shape)
        value = table[np.arange(codes.shape[1]), codes].sum(1)
        value = np.round(value * self.steps) / self.steps
        return (value if self.blind is None else np.where(codes[:, 0] == self.blind, -50.0, value))[:, None]

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        mean = self.mean(pool, rows)
        functions = mean + np.random.default_rng(seed).standard_normal((draws, 1, 1)) * 0.1
        return Prediction(functions, mean, np.full(mean.shape, 0.1), np.zeros(1))

    def explain(self) -> str:
        return f"planted {self}"

    def state(self) -> dict[str, np.ndarray]:
        return {}
