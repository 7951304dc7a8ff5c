"""Teachers of which all is known, and the pools that they know."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.candidates import Pool
from activeloop.prediction import Prediction, Predictor

PARENT = "MKTAYIAKQRQISFVKSHFSRQ"
SINGLES = Pool.single_mutants(PARENT, positions=range(3, 18))
LIBRARY = Pool.combinatorial(PARENT, [(p, "ACDEFG") for p in (3, 7, 8, 15)])


@dataclass(frozen=True)
class Additive(Predictor):
    """A sum over sites, of which it is not sure: every draw is another sum.

    Args:
        seed: of the sums.
        unsure: spread of the draws' sums, beside 1 for that of the mean.
        pairs: weight of the products of neighbouring sites.
        classes: whether it tells classes.
        outputs: how many assays.
    """

    seed: int = 0
    unsure: float = 0.3
    pairs: float = 0.0
    classes: bool = False
    outputs: int = 1

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        sites = pool.sites
        assert sites is not None
        codes = pool.codes(rows).astype(int)
        shape = (self.outputs, 30, len(sites.alphabet))
        mean = self._sum(np.random.default_rng(self.seed).standard_normal(shape), codes, sites)
        rng = np.random.default_rng([self.seed, seed])
        basis = [self.unsure * self._sum(rng.standard_normal(shape), codes, sites) for _ in range(4)]
        joint = mean + np.tensordot(rng.standard_normal((draws, 4)), np.stack(basis), 1)
        sd = np.sqrt(np.square(basis).sum(0))
        if self.classes:
            many = mean + np.tensordot(np.random.default_rng(1).standard_normal((512, 4)), np.stack(basis), 1)
            return Prediction(_both(joint), _both(many).mean(0), _both(many).std(0), np.zeros(2), ("unfit", "fit"))
        return Prediction(joint, mean, sd, np.full(self.outputs, 0.1))

    def explain(self) -> str:
        return "A planted teacher."

    def state(self) -> dict[str, np.ndarray]:
        return {}

    def _sum(self, tables: np.ndarray, codes: np.ndarray, sites) -> np.ndarray:
        """[n, A] over the mutations of each candidate."""
        at = sites.positions
        effects = tables[:, at, :] - tables[:, at, sites.parent][:, :, None]
        each = effects[:, np.arange(len(at)), codes]
        total = each.sum(2)
        if self.pairs:
            total = total + self.pairs * (each[:, :, 1:] * each[:, :, :-1]).sum(2)
        return total.T


def _both(logits: np.ndarray) -> np.ndarray:
    fit = 1 / (1 + np.exp(-logits))
    return np.concatenate([1 - fit, fit], -1)
