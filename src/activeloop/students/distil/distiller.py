"""What one calls to distil: a student of a teacher, of labels alone, or the smallest that is faithful enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from activeloop.candidates import Pool
from activeloop.errors import ConfigError, ModelError
from activeloop.foundation.checkpoints import need_models
from activeloop.measurements import Dataset
from activeloop.prediction import Prediction, Predictor
from activeloop.students.distil.config import DistillationConfig, Network, Shape, Transfer, Weights
from activeloop.students.distil.networks import DEFAULT_NETWORKS, network_for
from activeloop.students.runtime.student import Student

# Transfer and Weights: annotations of inherited fields are resolved among the names of this file
__all__ = ["Distiller", "Found", "Search", "Transfer", "Weights"]

#: called with (steps done, steps in all)
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Distiller(DistillationConfig):
    """Trains a small network to predict what a model predicts; for the settings see `DistillationConfig`."""

    def distil(
        self,
        teacher: Predictor,
        about: Dataset | Pool,
        seed: int,
        *,
        start: Student | None = None,
        exclude: np.ndarray | None = None,
        teacher_name: str = "",
        teacher_version: int = 0,
        progress: Progress | None = None,
    ) -> Student:
        """A student of a teacher.

        Args:
            teacher: a fitted model.
            about: what was measured, or the pool alone.
            seed: of every random choice; torch's generator is left as it was.
            start: an earlier student with the same network, whose weights are trained further.
            exclude: rows that the teacher never predicts for the student, and that are not among new mutants.
            teacher_name: on the card.
            teacher_version: its number, on the card.
            progress: called at each step; what it raises ends the training, and nothing is stored.

        Raises:
            ModelError: there is nothing to train on, or the start has another network.
            PoolError: the network cannot encode the pool.
            MissingExtraError: torch is not installed.
        """
        need_models()
        from activeloop.students.distil.run import DistillationRun

        pool, dataset = (about.pool, about.oriented()) if isinstance(about, Dataset) else (about, None)
        excluded = np.zeros(0, np.int64) if exclude is None else np.unique(np.asarray(exclude, np.int64))
        run = DistillationRun(self, teacher, pool, dataset, seed, start, excluded, progress)
        return run.student(about.hash if isinstance(about, Dataset) else "", teacher_name, teacher_version)

    def train_on_labels(self, dataset: Dataset, seed: int, progress: Progress | None = None) -> Student:
        """The same network trained on the measured values alone: the baseline that shows what a teacher is worth.

        Its standard deviations are 0.

        Raises:
            ModelError: nothing was measured.
            MissingExtraError: torch is not installed.
        """
        need_models()
        if not len(dataset):
            raise ModelError("nothing was measured, so there is nothing to learn. Record a result first.")
        no_transfer = replace(self.transfer, size=0, mutants=0)
        settings = replace(self, alpha=1.0, deviations=1, transfer=no_transfer, matching=0.0)
        labels = LabelMean.of(dataset.oriented())
        return settings.distil(labels, dataset, seed, teacher_name="nobody", progress=progress)


@dataclass(frozen=True)
class LabelMean(Predictor):
    """Predicts the mean of the measured values for every candidate.

    Args:
        mean: [A].
        sd: [A].
        classes: names, () for values.
    """

    mean: np.ndarray
    sd: np.ndarray
    classes: tuple[str, ...]

    @classmethod
    def of(cls, dataset: Dataset) -> LabelMean:
        """Of a data set in which larger is better."""
        mean, sd = np.nanmean(dataset.values, 0), np.nanstd(dataset.values, 0)
        if [a.goal for a in dataset.assays] == ["classify"]:
            return cls(np.array([1 - mean[0], mean[0]]), np.zeros(2), ("unfit", "fit"))
        return cls(mean, sd, ())

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """The same for all."""
        del pool, seed
        mean, sd = (np.tile(values, (len(rows), 1)) for values in (self.mean, self.sd))
        return Prediction(np.tile(mean, (draws, 1, 1)), mean, sd, np.zeros(len(self.mean)), self.classes)

    def explain(self) -> str:
        """What it is."""
        return "The mean of what was measured."

    def state(self) -> dict[str, np.ndarray]:
        """{}."""
        return {}


def by_size(networks: Sequence[Network], teacher: Predictor, about: Dataset | Pool, deviations: int) -> list[Network]:
    """Networks by how many parameters they would have, the smallest first.

    Raises:
        MissingExtraError: torch is not installed.
    """
    need_models()
    from activeloop.students.distil.run import trainable_parameters

    pool = about if isinstance(about, Pool) else about.pool

    def size(network: Network) -> int:
        tokenizer = network.tokenizer(pool)
        shape = Shape.of(tokenizer, 2 + deviations)
        return trainable_parameters(network_for(network, teacher, tokenizer, pool).build(shape, 0))

    return sorted(networks, key=size)


@dataclass(frozen=True)
class Found:
    """The result of a search.

    Args:
        student: the smallest that is faithful enough; the most faithful one when none is.
        enough: whether it is faithful enough.
        tried: each student that was trained, in this order, with its fidelity.
    """

    student: Student
    enough: bool
    tried: tuple[tuple[Student, float], ...]

    def explain(self) -> str:
        """What was tried, and the result."""
        lines = [f"{s.card.network} ({s.card.parameters:,}): {fidelity:.3f}" for s, fidelity in self.tried]
        end = "the last is faithful enough" if self.enough else "none is faithful enough, the best was taken"
        return f"Tried {'; '.join(lines)}; {end}."


@dataclass(frozen=True)
class Search:
    """Trains networks from small to large until one is faithful enough.

    Args:
        networks: tried by their number of parameters.
        fidelity: the least, above 0 and up to 1: Spearman with the teacher on held-out candidates (AUROC for classes).
        distiller: how each is trained, its own network aside; the default one when None.
    """

    networks: tuple[Network, ...] = DEFAULT_NETWORKS
    fidelity: float = 0.98
    distiller: Distiller | None = None

    def __post_init__(self) -> None:
        if not self.networks or not 0 < self.fidelity <= 1:
            raise ConfigError("a search needs networks, and a fidelity above 0 and up to 1. Nothing was trained.")

    def distil(
        self,
        teacher: Predictor,
        about: Dataset | Pool,
        seed: int,
        *,
        exclude: np.ndarray | None = None,
        teacher_name: str = "",
        teacher_version: int = 0,
        progress: Progress | None = None,
    ) -> Found:
        """The smallest student that is faithful enough; for arguments and errors see `Distiller.distil`."""
        settings, tried = self.distiller or Distiller(self.networks[0]), []
        for network in by_size(self.networks, teacher, about, settings.deviations):
            student = replace(settings, network=network).distil(
                teacher,
                about,
                seed,
                exclude=exclude,
                teacher_name=teacher_name,
                teacher_version=teacher_version,
                progress=progress,
            )
            figures = student.card.fidelity
            tried.append((student, figures.get("auroc", figures.get("spearman", 0.0))))
            if tried[-1][1] >= self.fidelity:
                return Found(student, True, tuple(tried))
        best, _ = max(tried, key=lambda one: one[1])
        return Found(best, False, tuple(tried))
