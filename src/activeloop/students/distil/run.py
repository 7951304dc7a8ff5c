"""One distillation: the teacher predicts the transfer set, the network is trained, and its fidelity is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import torch

from activeloop._version import __version__
from activeloop.candidates import Pool
from activeloop.errors import ModelError
from activeloop.measurements import Assay, Dataset
from activeloop.metrics import auroc, spearman
from activeloop.prediction import Predictor
from activeloop.students.distil.config import DistillationConfig, Shape
from activeloop.students.distil.modules import Net, Scaled, SiteTable, TorchRunner
from activeloop.students.distil.networks import network_for
from activeloop.students.distil.teacher import (
    DRAWS,
    EPSILON,
    SAMPLE,
    TeacherSampler,
    averaged_states,
    hidden_states,
    licence,
)
from activeloop.students.distil.trainer import MeasuredTargets, Minibatch, Trainer
from activeloop.students.distil.transfer import TransferSet
from activeloop.students.runtime.card import ModelCard
from activeloop.students.runtime.student import Student

#: ridge of the additive effects at which training starts: for a teacher's exact targets, and for measured values
EXACT_RIDGE, NOISY_RIDGE = 0.1, 1.0
#: smallest standard deviation, beside 1 for that of the means; and what is taken off the logarithm of one for 0
LEAST_SD, NO_SD = 1e-3, 500.0


class DistillationRun:
    """One distillation.

    Args:
        config: its settings.
        teacher: a fitted model.
        pool: of the candidates.
        dataset: measured candidates of it, larger is better; None for none.
        seed: of every random choice.
        start: an earlier student, whose weights are trained further.
        exclude: rows that are in no set.
        progress: called with (steps done, steps in all).

    Raises:
        ModelError: there is nothing to train on, or the start has another network.
    """

    def __init__(
        self,
        config: DistillationConfig,
        teacher: Predictor,
        pool: Pool,
        dataset: Dataset | None,
        seed: int,
        start: Student | None,
        exclude: np.ndarray,
        progress: Callable[[int, int], None] | None,
    ):
        self.config, self.seed, self.progress = config, seed, progress
        self.rng = np.random.default_rng(seed)
        measured = np.zeros(0, np.int64) if dataset is None else dataset.rows
        self.transfer = TransferSet.plan(config.transfer, pool, measured, exclude, self.rng)
        self.sampler = self._sampler(teacher, measured)
        self.tokenizer = config.network.tokenizer(pool)
        self.network = network_for(config.network, teacher, self.tokenizer, pool)
        self.shape = Shape.of(self.tokenizer, len(self.sampler.shift) * (2 + config.deviations))
        self.fresh = start is None
        self.net = self.network.build(self.shape, seed)
        if start is not None:
            self._load(start)
        sampler = self.sampler
        self.module = Scaled(self.net, sampler.shift, sampler.factor, config.deviations, bool(sampler.classes))
        self.features = hidden_states(teacher) if config.matching else None
        self.measured = None
        if dataset is not None and config.alpha:
            tokens = self.tokenizer.tokens(dataset.pool, dataset.rows)
            self.measured = MeasuredTargets.of(dataset, tokens, sampler.shift, sampler.factor, bool(sampler.classes))

    def _sampler(self, teacher: Predictor, measured: np.ndarray) -> TeacherSampler:
        """The teacher, scaled by a sample of the candidates; mutants are added behind them."""
        deviations, training = self.config.deviations, self.transfer.training
        rows = self.rng.permutation(training) if len(training) else measured
        if not len(rows):
            raise ModelError("no candidate is left to train on. Exclude fewer, or widen the transfer set.")
        prediction = teacher.predict(self.transfer.pool, rows[:SAMPLE], self.seed, DRAWS * deviations)
        self.transfer = self.transfer.with_mutants(self.rng)
        return TeacherSampler.of(teacher, self.transfer.pool, prediction, self.seed, deviations)

    def _load(self, start: Student) -> None:
        """Take the weights and the scale of an earlier student."""
        runner = start.runner
        if not isinstance(runner, TorchRunner) or (runner.network, runner.shape) != (self.network, self.shape):
            raise ModelError(
                f"training cannot go on from a student of another network or other candidates ({start.card.network}). "
                "Leave out the start; nothing was trained."
            )
        self.net.load_state_dict(runner.module.network.state_dict())
        # with its scale, so that its predictions do not jump
        shift, factor = (x.numpy().astype(np.float64) for x in (runner.module.shift, runner.module.factor))
        self.sampler = replace(self.sampler, shift=shift, factor=factor)

    def student(self, assays: tuple[Assay, ...], data_hash: str, teacher_name: str, teacher_version: int) -> Student:
        """Train, measure the fidelity, and write the card."""
        net = self.net
        assert isinstance(net, Net)
        classes, outputs = bool(self.sampler.classes), len(self.sampler.shift)
        trainer = Trainer(self.config, net, self.tokenizer.width, outputs, classes, self.seed)
        validation, training = (self._targets(x) for x in (self.transfer.validation, self.transfer.training))
        if self.fresh and self.tokenizer.kind != "compounds":
            # characters of a SMILES have no position of their own
            self._initialise(net, training)

        def progress(done: int) -> None:
            if self.progress is not None:
                self.progress(done, trainer.steps)

        trainer.run(training, self.measured, validation, self._grow if self.transfer.added else None, progress)
        self._match_sd(net, validation)
        card = self._card(assays or self._unnamed, data_hash, teacher_name, teacher_version)
        return Student(replace(card, fidelity=self._fidelity()), self._runner)

    @property
    def _runner(self) -> TorchRunner:
        return TorchRunner(self.network, self.shape, self.module)

    def _targets(self, rows: np.ndarray) -> Minibatch | None:
        """The teacher's targets for rows, with their tokens; None without rows."""
        if not len(rows):
            return None
        pool = self.transfer.pool
        hidden = np.zeros((len(rows), 0)) if self.features is None else self.features(pool, rows)
        return Minibatch.of(self.tokenizer.tokens(pool, rows), self.sampler.targets(rows), hidden)

    def _initialise(self, net: Net, training: Minibatch | None) -> None:
        """Start at least squares: additive effects, and vectors at the teacher's features where these are averages."""
        if training is not None:
            log_sd = training.sd.clamp(min=LEAST_SD).log()
            targets = torch.cat([training.location, log_sd, training.deviations.flatten(1)], 1)
            net.fit_additive(training.tokens, targets, EXACT_RIDGE)
            states = averaged_states(self.sampler.teacher, self.transfer.pool)
            if isinstance(net.encoder, SiteTable) and net.encoder.averaged and states is not None:
                net.encoder.fit(training.tokens, states(self.transfer.pool, self.transfer.training))
        elif self.measured is not None and not self.sampler.classes:
            known = self.measured.weights[:, :1] > 0
            net.fit_additive(self.measured.tokens, self.measured.values * known, NOISY_RIDGE)

    def _grow(self) -> Minibatch | None:
        """More candidates, on which teacher and student differ."""
        rows = self.transfer.most_different(self._difference, self.rng)
        self.transfer = self.transfer.adding(rows)
        return self._targets(rows)

    def _difference(self, rows: np.ndarray) -> np.ndarray:
        mean, _ = self._predict(rows)
        own = mean if self.sampler.classes else (mean - self.sampler.shift) / self.sampler.factor
        return np.abs(self.sampler.means(rows) - own).max(1)

    def _predict(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation [N, A] of the student, in the assays' unit."""
        student = Student(self._card(self._unnamed, "", "", 0), self._runner)
        prediction = student.predict(self.transfer.pool, rows, self.seed, draws=0)
        return prediction.mean, prediction.sd

    def _fidelity(self) -> dict[str, float]:
        rows = self.transfer.test
        if not len(rows):
            return {"candidates": 0.0}
        prediction = self.sampler.teacher.predict(self.transfer.pool, rows, self.seed, draws=0)
        own = self._predict(rows)
        if self.sampler.classes:
            return class_fidelity(prediction.mean, own[0])
        return fidelity((prediction.mean, prediction.sd), own)

    def _match_sd(self, net: Net, validation: Minibatch | None) -> None:
        """Scale the deviations to the teacher's variance: regression makes them too narrow."""
        wider = torch.zeros(len(self.sampler.shift))
        if validation is not None:
            with torch.no_grad():
                _, found = self.module.standardised(validation.tokens)
            target, own = validation.sd.square().mean(0), found.square().mean((0, 1))
            wider = 0.5 * (target / own.clamp(min=1e-12)).clamp(min=1e-12).log()
        elif not len(self.transfer.training):
            # labels alone have no standard deviation
            wider -= NO_SD
        net.add_log_sd(wider)

    @property
    def _unnamed(self) -> tuple[Assay, ...]:
        if self.sampler.classes:
            return (Assay("class", goal="classify"),)
        outputs = len(self.sampler.shift)
        return tuple(Assay("value" if outputs == 1 else f"value {a + 1}") for a in range(outputs))

    def _card(self, assays: tuple[Assay, ...], data_hash: str, teacher_name: str, teacher_version: int) -> ModelCard:
        sampler = self.sampler
        return ModelCard(
            network=self.network.name,
            tokenizer=self.tokenizer,
            assays=assays,
            classes=sampler.classes,
            noise=tuple(map(float, sampler.noise)),
            shape=sampler.shape,
            parameters=trainable_parameters(self.module),
            teacher=teacher_name or type(sampler.teacher).__name__,
            teacher_version=teacher_version,
            data_hash=data_hash,
            fidelity={},
            licence=licence(sampler.teacher),
            code_version=__version__,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            seed=self.seed,
        )


def trainable_parameters(module: torch.nn.Module) -> int:
    """How many parameters of a network are trained."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


#: share of the candidates for `top_recall`
TOP = 0.1


def fidelity(teacher: tuple[np.ndarray, np.ndarray], student: tuple[np.ndarray, np.ndarray]) -> dict[str, float]:
    """How closely a student follows its teacher, for values.

    Args:
        teacher: mean and standard deviation, both [N, A].
        student: the same.

    Returns:
        `spearman`, `sd_spearman` and `top_recall`, each of the assay in which it is lowest, and `candidates`; only the
        last when there are fewer than three candidates. A correlation with a constant counts as 0.

    >>> one = (np.arange(20.0)[:, None], np.ones((20, 1)))
    >>> fidelity(one, one)
    {'spearman': 1.0, 'sd_spearman': 0.0, 'top_recall': 1.0, 'candidates': 20.0}
    """
    count = len(teacher[0])
    if count < 3:
        return {"candidates": float(count)}
    assays = range(teacher[0].shape[1])
    mean, sd = [[(t[:, a], s[:, a]) for a in assays] for t, s in zip(teacher, student, strict=True)]
    return {
        "spearman": min(spearman(t, s, undefined=0.0) for t, s in mean),
        "sd_spearman": min(spearman(t, s, undefined=0.0) for t, s in sd),
        "top_recall": min(top_recall(t, s) for t, s in mean),
        "candidates": float(count),
    }


def class_fidelity(teacher: np.ndarray, student: np.ndarray) -> dict[str, float]:
    """How closely a student follows its teacher, for classes.

    Args:
        teacher: probabilities [N, C].
        student: the same.

    Returns:
        `spearman` of the probability of the last class, `auroc` (of the student's probability of the last class for
        the teacher's most probable class; for its better half when that is the same for all), `kl` in nats,
        `top_recall` and `candidates`; only the last for fewer than three.
    """
    count = len(teacher)
    if count < 3:
        return {"candidates": float(count)}
    last = teacher.argmax(1) == teacher.shape[1] - 1
    if last.all() or not last.any():
        last = teacher[:, -1] > np.median(teacher[:, -1])
    target, found = np.clip(teacher, EPSILON, 1), np.clip(student, EPSILON, 1)
    return {
        "spearman": spearman(teacher[:, -1], student[:, -1], undefined=0.0),
        "auroc": auroc(student[:, -1], last, undefined=0.5),
        "kl": float((target * np.log(target / found)).sum(1).mean()),
        "top_recall": top_recall(teacher[:, -1], student[:, -1]),
        "candidates": float(count),
    }


def top_recall(teacher: np.ndarray, student: np.ndarray) -> float:
    """Share of the teacher's top tenth (one at least) that is in the student's.

    >>> top_recall(np.arange(20.0), np.arange(20.0) * (np.arange(20) != 19))
    0.5
    """
    count = max(1, int(TOP * len(teacher)))
    top, own = (np.argsort(-values, kind="stable")[:count] for values in (teacher, student))
    return float(np.isin(top, own).mean())
