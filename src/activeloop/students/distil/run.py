"""One distillation: the teacher predicts the transfer set, the network is trained, and its fidelity is measured."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import torch

from activeloop._version import __version__
from activeloop.candidates import Pool, mostly_multiple
from activeloop.errors import ModelError
from activeloop.fidelity import best_fidelity, fidelity
from activeloop.measurements import Assay, Dataset
from activeloop.prediction import Prediction, Predictor, ValueMap
from activeloop.students.distil.bend import Bend, chosen_bend
from activeloop.students.distil.config import DistillationConfig, Shape
from activeloop.students.distil.modules import Net, Scaled, SiteTable, TorchRunner
from activeloop.students.distil.networks import network_for
from activeloop.students.distil.teacher import (
    DRAWS,
    SAMPLE,
    TeacherSampler,
    averaged_states,
    foundations,
    hidden_states,
    licence,
)
from activeloop.students.distil.trainer import MeasuredTargets, Minibatch, Trainer
from activeloop.students.distil.transfer import TransferSet
from activeloop.students.runtime.card import CHECKSUM, ModelCard
from activeloop.students.runtime.student import Student

#: ridge of the additive effects at which training starts: for a teacher's exact targets, and for measured values
EXACT_RIDGE, NOISY_RIDGE = 0.1, 1.0
#: smallest standard deviation, beside 1 for that of the means
LEAST_SD = 1e-3
#: factor on the new mutants of a pool of variants with several mutations
MORE_MUTANTS = 4
#: candidates of the training that are kept, near which an exported file is checked
EXAMPLES = 64
#: best candidates of a pool over which values are compared
BEST = 50
#: with fewer held-out candidates the scale is chosen by those of the training
FEWEST_JUDGED = 20


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
        self.measured_rows, self.size = measured, len(pool)
        transfer = config.transfer
        if mostly_multiple(pool) and not foundations(teacher):
            # where mutations do not add up, there is more to learn, and such a teacher is queried in no time
            transfer = replace(transfer, mutants=MORE_MUTANTS * transfer.mutants)
        self.transfer = TransferSet.plan(transfer, pool, measured, exclude, self.rng)
        self.sampler = self._sampler(teacher, measured)
        self.assays = unnamed(self.sampler) if dataset is None else _bounded(dataset.assays, self.sampler.maps)
        self.tokenizer = config.network.tokenizer(pool)
        self.network = network_for(config.network, teacher, self.tokenizer, pool)
        self.shape = Shape.of(self.tokenizer, len(self.sampler.shift) * (2 + config.deviations))
        self.bend: Bend | None = None
        self.net = self.network.build(self.shape, seed)
        if start is not None:
            self._load(start)
        sampler = self.sampler
        self.module = Scaled(
            *(self.net, sampler.shift, sampler.factor, config.deviations, bool(sampler.classes)),
            None if dataset is None or sampler.classes else self._bounds(),
        )
        self.features = hidden_states(teacher) if config.matching else None
        self.dataset = dataset if config.alpha else None

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
        if start.card.log != tuple(each.log for each in self.sampler.maps):
            raise ModelError(
                "training cannot go on from a student on another scale: one of both works on logarithms. Leave out the "
                "start; nothing was trained."
            )
        self.net.load_state_dict(runner.module.network.state_dict())
        self.bend = runner.module.bend
        # with its scale, so that its predictions do not jump
        shift, factor = (x.numpy().astype(np.float64) for x in (runner.module.shift, runner.module.factor))
        self.sampler = replace(self.sampler, shift=shift, factor=factor)

    def student(self, data_hash: str, teacher_name: str, teacher_version: int) -> Student:
        """Train, measure the fidelity, and write the card."""
        net = self.net
        assert isinstance(net, Net)
        classes, outputs = bool(self.sampler.classes), len(self.sampler.shift)
        trainer = Trainer(self.config, net, self.tokenizer.width, outputs, classes, self.seed)
        validation, training = (self._standardised(x) for x in (self.transfer.validation, self.transfer.training))
        fresh, additive = self.bend is None, self.tokenizer.kind != "compounds"
        if self.bend is None:
            # characters of a SMILES have no position of their own
            self.bend = self._chosen_bend(net, training, validation) if additive else Bend.straight(outputs)
        validation, training = (x and x.bent(self.bend) for x in (validation, training))
        self.module.take(self.bend, torch.zeros(0) if training is None else log_sds(training))
        measured = None if self.dataset is None else self._measured(self.dataset, self.bend)
        if fresh and additive:
            self._initialise(net, training, measured)

        def progress(done: int) -> None:
            if self.progress is not None:
                self.progress(done, trainer.steps)

        trainer.run(training, measured, validation, self._grow if self.transfer.added else None, progress)
        if not all(torch.isfinite(weights).all() for weights in net.parameters()):
            raise ModelError(
                f"the training of the student diverged at the learning rate {trainer.rate:g}. Choose a smaller `rate`; "
                "nothing was stored."
            )
        self._match_sd(net, validation)
        if training is None:
            # labels alone have no standard deviation
            self.module.no_sd()
        card = self._card(data_hash, teacher_name, teacher_version)
        return Student(replace(card, fidelity=self._fidelity()), self._runner)

    @property
    def _runner(self) -> TorchRunner:
        rows = self.transfer.training if len(self.transfer.training) else self.measured_rows
        some = rows[np.unique(np.linspace(0, len(rows) - 1, EXAMPLES).astype(np.int64))]
        return TorchRunner(self.network, self.shape, self.module, self.tokenizer.tokens(self.transfer.pool, some))

    def _standardised(self, rows: np.ndarray) -> Minibatch | None:
        """The teacher's standardised predictions of rows, with their tokens; None without rows."""
        if not len(rows):
            return None
        pool = self.transfer.pool
        hidden = np.zeros((len(rows), 0)) if self.features is None else self.features(pool, rows)
        return Minibatch.of(self.tokenizer.tokens(pool, rows), self.sampler.targets(rows), hidden)

    def _chosen_bend(self, net: Net, training: Minibatch | None, validation: Minibatch | None) -> Bend:
        """The scale on which the teacher's means are nearest to additive effects."""
        if training is None or self.sampler.classes:
            return Bend.straight(len(self.sampler.shift))
        judged = training if validation is None or len(validation) < FEWEST_JUDGED else validation

        def additive(targets: np.ndarray) -> np.ndarray:
            return net.additive.fitted(training.tokens, targets, EXACT_RIDGE, judged.tokens)

        means, own = (x.location.double().numpy() for x in (training, judged))
        return chosen_bend(means, np.median(training.sd.double().numpy(), 0), additive, own)

    def _measured(self, dataset: Dataset, bend: Bend) -> MeasuredTargets:
        tokens, sampler = self.tokenizer.tokens(dataset.pool, dataset.rows), self.sampler
        if not sampler.classes:
            places, errors = sampler.places(dataset.values), sampler.errors(dataset.values, dataset.errors)
            # a value that has no place on a logarithm, such as 0, is none to learn
            known = np.where(np.isfinite(places), places, np.nan)
            dataset = replace(dataset, values=known, errors=np.where(np.isfinite(errors), errors, 0.0))
        return MeasuredTargets.of(dataset, tokens, sampler.shift, sampler.factor, bend, bool(sampler.classes))

    def _bounds(self) -> np.ndarray:
        """[2, A] lowest and highest place of the assays on the scale of the student; infinite where there is none."""
        ends = np.array([sorted(end * assay.sign for end in assay.ends) for assay in self.assays]).T
        return self.sampler.places(ends)

    def _initialise(self, net: Net, training: Minibatch | None, measured: MeasuredTargets | None) -> None:
        """Start at least squares: additive effects, and vectors at the teacher's features where these are averages."""
        means = len(self.sampler.shift)
        if training is not None:
            targets = torch.cat([training.location, log_sds(training), training.deviations.flatten(1)], 1)
            net.fit_additive(training.tokens, targets, EXACT_RIDGE, means)
            states = averaged_states(self.sampler.teacher, self.transfer.pool)
            if isinstance(net.encoder, SiteTable) and net.encoder.averaged and states is not None:
                net.encoder.fit(training.tokens, states(self.transfer.pool, self.transfer.training))
        elif measured is not None and not self.sampler.classes:
            known = measured.weights[:, :1] > 0
            net.fit_additive(measured.tokens, measured.values * known, NOISY_RIDGE, means)

    def _grow(self) -> Minibatch | None:
        """More candidates, on which teacher and student differ."""
        rows = self.transfer.most_different(self._difference, self.rng)
        self.transfer = self.transfer.adding(rows)
        more = self._standardised(rows)
        return None if more is None or self.bend is None else more.bent(self.bend)

    def _difference(self, rows: np.ndarray) -> np.ndarray:
        student = Student(self._card("", "", 0), self._runner)
        mean = student.mean(self.transfer.pool, rows)
        own = mean if self.sampler.classes else (self.sampler.places(mean) - self.sampler.shift) / self.sampler.factor
        return np.abs(self.sampler.means(rows) - own).max(1)

    def _fidelity(self) -> dict[str, float]:
        """On candidates outside the training; and of values over the teacher's best, and of the wild type."""
        rows, sampler = self.transfer.test, self.sampler
        if not len(rows):
            return {"candidates": 0.0}
        teacher, student = self._both(rows)
        figures = fidelity(teacher, student)
        if len(rows) < 3:
            return figures
        unit = teacher.on_scale.mean.std(0)
        if not sampler.classes:
            asked = np.concatenate([self.transfer.training, self.transfer.validation, rows])
            asked = asked[asked < self.size]
            means = sampler.means(asked)
            best = asked[np.argsort(-means[:, 0], kind="stable")[: min(BEST, (len(asked) + 1) // 2)]]
            figures |= best_fidelity(*self._both(best), means.std(0) * sampler.factor)
        if self.transfer.parent is not None:
            target, own = (one.mean[0] for one in self._both(np.array([self.transfer.parent])))
            sign, a = (1, -1) if sampler.classes else (self.assays[0].sign, 0)
            figures |= {"wild_type": sign * float(own[a]), "teacher_wild_type": sign * float(target[a])}
            apart = np.abs(sampler.places(own[None]) - sampler.places(target[None]))[0]
            figures["wild_type_bias"] = float(np.max(apart / np.maximum(unit, 1e-300)))
        return figures

    def _both(self, rows: np.ndarray) -> tuple[Prediction, Prediction]:
        """The teacher's prediction and the student's, without draws."""
        student = Student(self._card("", "", 0), self._runner)
        return tuple(one.predict(self.transfer.pool, rows, self.seed, 0) for one in (self.sampler.teacher, student))  # type: ignore[return-value]

    def _match_sd(self, net: Net, validation: Minibatch | None) -> None:
        """Scale the deviations to the teacher's standard deviations: regression makes them too narrow."""
        if validation is None or self.bend is None:
            return
        with torch.no_grad():
            _, found = self.module.standardised(validation.tokens)
        sd = validation.sd.numpy() * self.bend.slope(validation.location.double().numpy())
        own = found.square().mean(1).sqrt().double().numpy()
        wider = np.log(np.maximum(sd.mean(0), 1e-6) / np.maximum(own.mean(0), 1e-6))
        net.add_log_sd(torch.from_numpy(wider).float())

    def _card(self, data_hash: str, teacher_name: str, teacher_version: int) -> ModelCard:
        sampler = self.sampler
        return ModelCard(
            network=self.network.name,
            tokenizer=self.tokenizer,
            assays=self.assays,
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
            checksum=CHECKSUM,
            log=tuple(each.log for each in sampler.maps),
            centres=tuple(each.centre for each in sampler.maps),
        )


def _bounded(assays: tuple[Assay, ...], maps: tuple[ValueMap, ...]) -> tuple[Assay, ...]:
    """The assays with the bounds between which the teacher stays: an assay of two values states none, but has them."""
    found = []
    for assay, each in zip(assays, maps or (ValueMap(),) * len(assays), strict=True):
        # those of a map are of oriented values, or of values where it turns them
        low, high = sorted(0.0 + assay.sign * each.sign * end for end in (each.low, each.high))
        if assay.bounds is None and assay.goal != "classify" and math.isfinite(high - low):
            two = {"scale": "binary"} if (low, high) == (0, 1) and not each.log else {"bounds": (low, high)}
            assay = replace(assay, lower=None, upper=None, threshold=None, **two)
        found.append(assay)
    return tuple(found)


def unnamed(sampler: TeacherSampler) -> tuple[Assay, ...]:
    """The assays of a teacher without measurements."""
    if sampler.classes:
        return (Assay("class", goal="classify"),)
    outputs = len(sampler.shift)
    names = ["value"] if outputs == 1 else [f"value {a + 1}" for a in range(outputs)]
    maps = sampler.maps or (ValueMap(),) * outputs
    return tuple(
        Assay(name, goal="minimise" if each.sign < 0 else "maximise", bounds=(each.low, each.high))
        for name, each in zip(names, maps, strict=True)
    )


def log_sds(training: Minibatch) -> torch.Tensor:
    """[N, A] logarithms of the standard deviations of targets."""
    return training.sd.clamp(min=LEAST_SD).log()


def trainable_parameters(module: torch.nn.Module) -> int:
    """How many parameters of a network are trained."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
