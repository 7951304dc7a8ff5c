"""How a student is taught: the teacher is asked, the network learns, and both are compared."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import torch

from activeloop._version import __version__
from activeloop.candidates import Pool
from activeloop.errors import ModelError
from activeloop.measurements import Assay, Dataset
from activeloop.prediction import Predictor
from activeloop.students.distil.fidelity import agreement, class_agreement
from activeloop.students.distil.layers import SiteTable
from activeloop.students.distil.modules import Net
from activeloop.students.distil.provenance import averaged_states, hidden_states, licence
from activeloop.students.distil.scaled import Scaled, TorchRunner
from activeloop.students.distil.search import learning, ready, shape_of
from activeloop.students.distil.targets import DRAWS, SEEN, TeacherSampler
from activeloop.students.distil.trainer import MeasuredTargets, Minibatch, Trainer
from activeloop.students.distil.transfer import with_mutants
from activeloop.students.runtime.card import ModelCard
from activeloop.students.runtime.student import Student

if TYPE_CHECKING:
    from activeloop.students.distil.config import Distiller, Progress


#: ridge of the sum over mutations with which a student begins: a teacher's answers are exact, measured values are not
EXACT, NOISY = 0.1, 1.0
#: smallest spread, beside a spread of 1 of the means, and a logarithm of none at all
LEAST, NOTHING = 1e-3, 500.0


class DistillationRun:
    """One teaching.

    Args:
        settings: of the distiller.
        teacher: who is asked.
        pool: about whose candidates.
        dataset: measured candidates of it, larger is better; None for none.
        seed: of every random choice.
        start: an earlier student, from whose weights teaching goes on.
        exclude: rows about which the teacher is never asked.
        progress: told of each step.

    Raises:
        ModelError: there is nothing to teach, or the start has another network.
    """

    def __init__(
        self,
        settings: Distiller,
        teacher: Predictor,
        pool: Pool,
        dataset: Dataset | None,
        seed: int,
        start: Student | None,
        exclude: np.ndarray,
        progress: Progress | None,
    ):
        self.settings, self.seed, self.progress = settings, seed, progress
        self.rng = np.random.default_rng(seed)
        measured = np.zeros(0, np.int64) if dataset is None else dataset.rows
        self.material = settings.transfer.plan(pool, measured, exclude, self.rng)
        self.voice = self._listen(teacher, measured)
        self.reading = settings.network.reading(pool)
        self.network = ready(settings.network, teacher, self.reading, pool)
        self.shape = shape_of(self.reading, len(self.voice.shift) * (2 + settings.deviations))
        self.module = self._first(start)
        self.features = hidden_states(teacher) if settings.matching else None
        self.measured = None if dataset is None or settings.alpha == 0 else self._measured(dataset)

    def _listen(self, teacher: Predictor, measured: np.ndarray) -> TeacherSampler:
        """The teacher's voice, from candidates that stand for all; mutants are invented behind them."""
        deviations = self.settings.deviations
        rows = self.rng.permutation(self.material.taught) if len(self.material.taught) else measured
        if not len(rows):
            raise ModelError("no candidate is left to be taught. Exclude fewer, or widen the transfer set.")
        prediction = teacher.predict(self.material.pool, rows[:SEEN], self.seed, DRAWS * deviations)
        self.material = with_mutants(self.material, self.rng)
        return TeacherSampler.of(teacher, self.material.pool, prediction, self.seed, deviations)

    def student(self, fresh: bool, assays: tuple[Assay, ...], data_hash: str, called: str, version: int) -> Student:
        """Teach, compare with the teacher, and write the card."""
        net = self.module.network
        assert isinstance(net, Net)
        classes, outputs = bool(self.voice.classes), len(self.voice.shift)
        course = Trainer(self.settings, net, self.reading.width, outputs, classes, self.seed)
        steps = course.steps
        tell = (lambda done: None) if self.progress is None else (lambda done: self.progress(done, steps))  # type: ignore[misc]
        watched = self._asked(self.material.watched)
        taught = self._asked(self.material.taught)
        if fresh and self.reading.kind != "compounds":
            # letters of a SMILES stand at no position of their own
            self._begin(net, taught)
        grow = None if not self.material.added else self._grow
        course.run(taught, self.measured, watched, grow, tell)
        self._spread_as_taught(net, watched)
        runner = TorchRunner(self.network, self.shape, self.module)
        card = self._card(assays or _unnamed(self.voice), data_hash, called, version)
        return Student(card, runner).with_agreement(self._agreement(runner))

    def _first(self, start: Student | None) -> Scaled:
        """The network with its first weights, or with those of an earlier student."""
        shift, factor = self.voice.shift, self.voice.factor
        if start is None:
            net = self.network.build(self.shape, self.seed)
            return Scaled(net, shift, factor, self.settings.deviations, bool(self.voice.classes))
        runner = start.runner
        if not isinstance(runner, TorchRunner) or (runner.network, runner.shape) != (self.network, self.shape):
            raise ModelError(
                f"teaching cannot go on from a student of another network or other candidates ({start.card.network}). "
                "Leave out the start; nothing was taught."
            )
        net = self.network.build(self.shape, self.seed)
        net.load_state_dict(runner.module.network.state_dict())
        # the student's numbers keep their unit, so what it says does not jump
        self.voice = replace(self.voice, shift=_numbers(runner.module.shift), factor=_numbers(runner.module.factor))
        return Scaled(net, self.voice.shift, self.voice.factor, self.settings.deviations, bool(self.voice.classes))

    def _measured(self, dataset: Dataset) -> MeasuredTargets:
        tokens = self.reading.tokens(dataset.pool, dataset.rows)
        return MeasuredTargets.of(dataset, tokens, self.voice.shift, self.voice.factor, bool(self.voice.classes))

    def _asked(self, rows: np.ndarray) -> Minibatch | None:
        """What the teacher says of rows, with their tokens; None without rows."""
        if not len(rows):
            return None
        pool = self.material.pool
        hidden = np.zeros((len(rows), 0)) if self.features is None else self.features(pool, rows)
        return Minibatch.of(self.reading.tokens(pool, rows), self.voice.ask(rows), hidden)

    def _begin(self, net: Net, taught: Minibatch | None) -> None:
        """Let the sum over mutations begin as what fits best."""
        if taught is not None:
            goal = torch.cat([taught.location, taught.sd.clamp(min=LEAST).log(), taught.deviations.flatten(1)], 1)
            net.begin(taught.tokens, goal, EXACT)
            states = averaged_states(self.voice.teacher, self.material.pool)
            if isinstance(net.body, SiteTable) and net.body.averaged and states is not None:
                net.body.begin(taught.tokens, states(self.material.pool, self.material.taught))
        elif self.measured is not None and not self.voice.classes:
            known = self.measured.weights[:, :1] > 0
            net.begin(self.measured.tokens, self.measured.values * known, NOISY)

    def _grow(self) -> Minibatch | None:
        """More candidates, on which teacher and student differ."""
        rows = self.material.grown(self._disagreement, self.rng)
        self.material = self.material.taking(rows)
        return self._asked(rows)

    def _disagreement(self, rows: np.ndarray) -> np.ndarray:
        mean, _ = self._says(TorchRunner(self.network, self.shape, self.module), rows)
        said = self.voice.means(rows)
        own = mean if self.voice.classes else (mean - self.voice.shift) / self.voice.factor
        return np.abs(said - own).max(1)

    def _says(self, runner: TorchRunner, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation [N, A] of the student, in the assays' unit."""
        student = Student(self._card(_unnamed(self.voice), "", "", 0), runner)
        prediction = student.predict(self.material.pool, rows, self.seed, draws=0)
        return prediction.mean, prediction.sd

    def _agreement(self, runner: TorchRunner) -> dict[str, float]:
        rows = self.material.checked
        if not len(rows):
            return {"candidates": 0.0}
        said = self.voice.teacher.predict(self.material.pool, rows, self.seed, draws=0)
        own = self._says(runner, rows)
        if self.voice.classes:
            return class_agreement(said.mean, own[0])
        return agreement((said.mean, said.sd), own)

    def _spread_as_taught(self, net: Net, watched: Minibatch | None) -> None:
        """Stretch the deviations until their spread is the teacher's: what is learned by regression is too narrow."""
        wider = torch.zeros(len(self.voice.shift))
        if watched is not None:
            with torch.no_grad():
                _, found = self.module.split(watched.tokens)
            goal, own = watched.sd.square().mean(0), found.square().mean((0, 1))
            wider = 0.5 * (goal / own.clamp(min=1e-12)).clamp(min=1e-12).log()
        elif not len(self.material.taught):
            # nobody said anything of spreads
            wider -= NOTHING
        net.widen(wider)

    def _card(self, assays: tuple[Assay, ...], data_hash: str, called: str, version: int) -> ModelCard:
        voice = self.voice
        return ModelCard(
            network=self.network.name,
            reading=self.reading,
            assays=assays,
            classes=voice.classes,
            noise=tuple(map(float, voice.noise)),
            shape=voice.shape,
            parameters=learning(self.module),
            teacher=called or type(voice.teacher).__name__,
            teacher_version=version,
            data_hash=data_hash,
            agreement={},
            licence=licence(voice.teacher),
            code_version=__version__,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            seed=self.seed,
        )


def _unnamed(voice: TeacherSampler) -> tuple[Assay, ...]:
    if voice.classes:
        return (Assay("class", goal="classify"),)
    return tuple(Assay("value" if len(voice.shift) == 1 else f"value {a + 1}") for a in range(len(voice.shift)))


def _numbers(buffer: torch.Tensor) -> np.ndarray:
    return buffer.numpy().astype(np.float64)
