"""A pool and a learner small enough that a whole campaign takes milliseconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.campaigns import StudentTrainer, TrainedStudent
from activeloop.campaigns.artifacts import pack, unpack
from activeloop.candidates import Pool
from activeloop.measurements import Assay, Dataset, Measurement
from activeloop.prediction import Learner, Prediction, Predictor

PARENT = "MKTAYI"
ASSAY = Assay("activity", unit="U/mg")


def singles() -> Pool:
    return Pool.single_mutants(PARENT)


def one_hot(pool: Pool, rows: np.ndarray) -> np.ndarray:
    return np.eye(len(pool.sites.alphabet))[pool.codes(rows)].reshape(len(rows), -1)


@dataclass(frozen=True)
class Line(Predictor):
    """A Bayesian line: weights are normal with this mean and these square roots of covariance."""

    weights: np.ndarray
    root: np.ndarray
    labels: int

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        x = one_hot(pool, np.asarray(rows))
        mean, sd = x @ self.weights, np.sqrt(((x @ self.root) ** 2).sum(1))
        deviations = np.random.default_rng(seed).standard_normal((draws, self.root.shape[1]))
        functions = mean + deviations @ (x @ self.root).T
        return Prediction(functions[:, :, None], mean[:, None], sd[:, None], np.array([0.1]))

    def explain(self) -> str:
        return f"A line through {self.labels} candidates."

    def state(self) -> dict[str, np.ndarray]:
        return {"weights": self.weights, "root": self.root}


@dataclass(frozen=True)
class Ridge(Learner):
    """Bayesian ridge regression on letters; exact, so two fits of the same data are equal."""

    penalty: float = 1.0

    @property
    def name(self) -> str:
        return "ridge"

    def prior(self, pool: Pool) -> Predictor | None:
        return None

    def fit(self, dataset: Dataset, seed: int) -> Predictor:
        x, y = one_hot(dataset.pool, dataset.rows), dataset.values[:, 0]
        precision = x.T @ x + self.penalty * np.eye(x.shape[1])
        covariance = np.linalg.inv(precision)
        return Line(covariance @ x.T @ y, np.linalg.cholesky(covariance), len(dataset))

    def restore(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        return Line(state["weights"], state["root"], len(dataset)) if state else self.fit(dataset, seed)


def truth(pool: Pool) -> np.ndarray:
    """A planted landscape: each letter at each place adds something."""
    weights = np.random.default_rng(7).normal(size=(len(pool.sites.labels) * len(pool.sites.alphabet),))
    return one_hot(pool, np.arange(len(pool))) @ weights


def answers(pool: Pool, names, plate: str = "", assay: Assay = ASSAY) -> list[Measurement]:
    """What the laboratory would say about some candidates, without noise."""
    values = truth(pool)
    return [
        Measurement(
            name, assay.name, float(values[pool.row_of(name)]), plate=plate, well=f"A{i}" if plate else "", row=i + 1
        )
        for i, name in enumerate(names, 1)
    ]


@dataclass(frozen=True)
class Copying(StudentTrainer):
    """A line through what the teacher says of the pool; with `noise` it mishears."""

    noise: float = 0.0

    @property
    def name(self) -> str:
        return f"copying, noise {self.noise:g}"

    def train(self, teacher, dataset, version, seed, progress=None) -> TrainedStudent:
        rows = np.arange(len(dataset.pool))
        x, said = one_hot(dataset.pool, rows), teacher.predict(dataset.pool, rows, seed, draws=0)
        weights = np.linalg.lstsq(x, said.mean[:, 0], rcond=None)[0]
        weights += self.noise * np.random.default_rng(seed).normal(size=len(weights))
        for step in range(3):
            if progress:
                progress(step + 1, 3)
        content = pack({"weights": weights, "root": np.eye(len(weights)) * said.sd.mean() / np.sqrt(6)})
        return TrainedStudent(content, {"spearman": 0.99}, len(weights), "line", 20 * len(weights))


def opened_line(content: bytes) -> Line:
    arrays = unpack(content)
    return Line(arrays["weights"], arrays["root"], 0)
