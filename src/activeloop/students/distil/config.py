"""Distillation: a small network is taught what a model predicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from activeloop.candidates import Pool
from activeloop.errors import ConfigError, ModelError
from activeloop.foundation.checkpoints import need_models
from activeloop.measurements import Dataset
from activeloop.prediction import Prediction, Predictor
from activeloop.students.distil.network import Network
from activeloop.students.distil.transfer import Transfer
from activeloop.students.runtime.student import Student


@dataclass(frozen=True)
class Labels(Predictor):
    """Says the same of every candidate: the mean of what was measured.

    Args:
        mean: [A].
        sd: [A].
        classes: names, () for values.
    """

    mean: np.ndarray
    sd: np.ndarray
    classes: tuple[str, ...]

    @classmethod
    def of(cls, dataset: Dataset) -> Labels:
        """Of a data set in which larger is better."""
        mean, sd = np.nanmean(dataset.values, 0), np.nanstd(dataset.values, 0)
        if [a.goal for a in dataset.assays] == ["classify"]:
            return cls(np.array([1 - mean[0], mean[0]]), np.zeros(2), ("unfit", "fit"))
        return cls(mean, sd, ())

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """The same of all."""
        del pool, seed
        mean, sd = (np.tile(values, (len(rows), 1)) for values in (self.mean, self.sd))
        return Prediction(np.tile(mean, (draws, 1, 1)), mean, sd, np.zeros(len(self.mean)), self.classes)

    def explain(self) -> str:
        """That it knows nothing."""
        return "The mean of what was measured."

    def state(self) -> dict[str, np.ndarray]:
        """{}."""
        return {}


#: told of each step: steps done, steps in all
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Weights:
    """What each part of a value's loss weighs beside the squared error of the mean.

    The order is what a student is asked for; a higher weight of it costs some of the spread ("Another order" in
    `docs/results/students`).

    Args:
        marginal: the divergence of the student's normal distribution of a candidate from the teacher's.
        order: the cross-entropy of which of two candidates is better.
        joint: the squared error of the deviations.
    """

    marginal: float = 0.3
    order: float = 1.0
    joint: float = 0.3


@dataclass(frozen=True)
class Distiller:
    """Teaches a small network what a model predicts.

    For classes the loss is alpha CE(y, student) + (1 - alpha) T^2 KL(teacher || student) at temperature T. For values
    alpha weighs the squared error on measured candidates, each by how sure it is; 1 - alpha weighs what the teacher
    says of candidates that need not be measured: its mean, the order of its means, the divergence of its marginal
    distributions, and joint deviations made of its own draws, so that the student keeps what is not known, and what
    hangs together in it.

    Args:
        network: what is taught.
        alpha: weight of measured values, from 0 to 1; without a data set it is 0.
        temperature: T.
        deviations: S, how many joint deviations the student has.
        transfer: about which candidates the teacher is asked.
        matching: weight of the hidden states: the student's vector of a candidate, through one linear map, against the
            teacher's pooled features. For teachers on a pretrained model or an encoder.
        weights: of the parts of the loss for values.
        steps: of training; None: as many as the length of the candidates leaves time for.
        minibatch: candidates in a step; None: the more, the shorter they are.
        rate: the highest learning rate; None: what suits the network.

    Source: Hinton et al. 2015, arXiv:1503.02531; hidden states: Romero et al. 2015, FitNets, arXiv:1412.6550.
    """

    network: Network
    alpha: float = 0.03
    temperature: float = 1.0
    deviations: int = 32
    transfer: Transfer = field(default_factory=Transfer)
    matching: float = 0.0
    weights: Weights = field(default_factory=Weights)
    steps: int | None = None
    minibatch: int | None = None
    rate: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 1 or self.temperature <= 0 or self.deviations < 1 or (self.minibatch or 2) < 2:
            raise ConfigError(
                "a distiller needs alpha from 0 to 1, a temperature above 0, at least one deviation and minibatches of "
                "at least 2. Nothing was taught."
            )

    def teach(
        self,
        teacher: Predictor,
        about: Dataset | Pool,
        seed: int,
        *,
        start: Student | None = None,
        exclude: np.ndarray | None = None,
        called: str = "",
        version: int = 0,
        progress: Progress | None = None,
    ) -> Student:
        """A student of a teacher.

        Args:
            teacher: a fitted model.
            about: what was measured, or the pool alone.
            seed: of every random choice; torch's generator is left as it was.
            start: an earlier student with the same network, from whose weights teaching goes on.
            exclude: rows about which the teacher is never asked, and which are not among invented mutants.
            called: the teacher's name on the card.
            version: number of the teacher's version on the card.
            progress: told of each step; what it raises ends the teaching, and nothing is kept.

        Raises:
            ModelError: there is nothing to teach, or the start has another network.
            PoolError: the network cannot read the pool.
            MissingExtraError: torch is not installed.
        """
        need_models()
        from activeloop.students.distil.run import DistillationRun

        pool, dataset = (about.pool, about.oriented()) if isinstance(about, Dataset) else (about, None)
        excluded = np.zeros(0, np.int64) if exclude is None else np.unique(np.asarray(exclude, np.int64))
        lesson = DistillationRun(self, teacher, pool, dataset, seed, start, excluded, progress)
        assays = about.assays if isinstance(about, Dataset) else ()
        hash_ = about.hash if isinstance(about, Dataset) else ""
        return lesson.student(start is None, assays, hash_, called, version)

    def alone(self, dataset: Dataset, seed: int, progress: Progress | None = None) -> Student:
        """The same network taught by the measured values alone: what a teacher is worth is told by comparing with it.

        It knows nothing of what it does not know: its deviations are 0.

        Raises:
            ModelError: nothing was measured.
            MissingExtraError: torch is not installed.
        """
        need_models()

        if not len(dataset):
            raise ModelError("nothing was measured, so there is nothing to learn. Record a result first.")
        no_transfer = replace(self.transfer, size=0, mutants=0)
        settings = replace(self, alpha=1.0, deviations=1, transfer=no_transfer, matching=0.0)
        return settings.teach(Labels.of(dataset.oriented()), dataset, seed, called="nobody", progress=progress)
