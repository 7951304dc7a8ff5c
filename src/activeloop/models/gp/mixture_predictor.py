"""Predictions of mixtures that share a kernel: of one drug or several, of guides."""

from __future__ import annotations

import zlib
from abc import abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np

from activeloop.candidates import Pool
from activeloop.models.gp.mixture import MixturePosterior
from activeloop.models.transforms import PieceFunction, Scale, TargetCovariance, Transform, TransformedPredictor
from activeloop.prediction import Validated


class Group(NamedTuple):
    """Candidates that one mixture predicts.

    Args:
        name: of the mixture, such as the drug; two mixtures share no parameter.
        posterior: the mixture.
        index: [n] places of the candidates in the rows that were asked for.
        phi: [n, Q] their coordinates.
        means: [n, K] prior means there.
    """

    name: str
    posterior: MixturePosterior
    index: np.ndarray
    phi: np.ndarray
    means: np.ndarray


class MixturePredictor(TransformedPredictor, Validated):
    """A predictor made of mixtures, on the scale of the values.

    Attributes:
        posteriors: of each group that has labels.
        order: of each measured candidate of the data set: its group, and its place among the labels of that.
    """

    transform: Transform = Scale(0.0, 1.0)
    piece: ClassVar[int] = 8192
    posteriors: dict[str, MixturePosterior]
    order: tuple[tuple[str, int], ...]

    @abstractmethod
    def _groups(self, pool: Pool, rows: np.ndarray) -> list[Group]:
        """The groups of some candidates."""

    def _piece_function(self, pool: Pool, rows: np.ndarray, seed: int, draws: int) -> PieceFunction:
        def piece_of(piece: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            some = rows[piece]
            samples, mean, sd = np.zeros((draws, len(some)), np.float32), np.zeros(len(some)), np.zeros(len(some))
            for name, posterior, index, phi, means in self._groups(pool, some):
                mean[index], sd[index] = posterior.mean(phi, means), np.sqrt(posterior.variance(phi, means))
                if draws:  # those of two groups are independent
                    own = np.random.SeedSequence([seed, zlib.crc32(name.encode())]).generate_state(1)[0]
                    theta, chosen = posterior.samples(int(own), draws)
                    samples[:, index] = (posterior.prior.shift + phi @ theta + means @ chosen).T
            return samples, mean, sd

        return piece_of

    def _target_mean(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        mean = np.zeros(len(rows))
        for piece in self._pieces(rows):
            for _, posterior, index, phi, means in self._groups(pool, rows[piece]):
                mean[piece.start + index] = posterior.mean(phi, means)
        return mean

    def _target_covariance(self) -> TargetCovariance:
        def covariance(pool: Pool, rows: np.ndarray, other: Pool, others: np.ndarray) -> np.ndarray:
            found = np.zeros((len(rows), len(others)))
            there = {group.name: group for group in self._groups(other, others)}
            for name, posterior, index, phi, means in self._groups(pool, rows):
                if name in there:
                    beside = there[name]
                    between = posterior.covariance(phi, means, beside.phi, beside.means)
                    found[np.ix_(index, beside.index)] = between
            return found

        return covariance

    def _leave_one_out(self) -> tuple[np.ndarray, np.ndarray]:
        parts = {name: self.posteriors[name].leave_one_out() for name in {name for name, _ in self.order}}
        found = np.array([[parts[name][0][k], parts[name][1][k]] for name, k in self.order]).reshape(-1, 2)
        return found[:, 0], np.sqrt(found[:, 1])

    def state(self) -> dict[str, np.ndarray]:
        """{}: fitted again from the same history in a few seconds."""
        return {}
