"""The fit loop: minibatches, gradients, AdamW, early stopping, checkpoints."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import numpy as np
import torch

from activeloop.adapters.base import seed_rng, seeded_rng
from activeloop.errors import ModelError
from activeloop.metrics import spearman
from activeloop.models.finetuning.checkpointer import Checkpointer, prefixed, unprefixed
from activeloop.models.finetuning.config import Split, TrainingConfig
from activeloop.models.finetuning.cost import Cost, Meter
from activeloop.models.finetuning.group import Group
from activeloop.models.finetuning.objectives import TrainingObjective
from activeloop.prediction import report_fit

R = TypeVar("R")
#: called with steps done, steps at most, loss
Progress = Callable[[int, int, float], None]


@dataclass(frozen=True)
class Trace:
    """Of one run of the fit loop.

    Args:
        losses: [T] of the minibatch of each step.
        checked: [V] steps done before each validation (0: before the first step).
        validation: [V] Spearman correlation of the validation candidates' scores with their values.
        scores: [V, n] the validation candidates' scores at each of them.
        best: steps done when the returned state was reached.
        together: candidates per forward pass at the end (fewer than a minibatch: memory ran out).
        cost: of all of it, without interruptions.
    """

    losses: np.ndarray
    checked: np.ndarray
    validation: np.ndarray
    scores: np.ndarray
    best: int
    together: int
    cost: Cost

    @property
    def steps(self) -> int:
        """Steps done."""
        return len(self.losses)


def train(
    objective: TrainingObjective,
    plan: TrainingConfig,
    split: Split,
    values: np.ndarray,
    seed: int,
    checkpointer: Checkpointer | None = None,
    progress: Progress | None = None,
) -> Trace:
    """Train, and leave the objective at its best state.

    Processes that have joined a group share each step: every one calls this with the same arguments, computes its part
    of each minibatch, and ends with the same state, which is that of one process up to rounding (and up to the units
    that dropout drops).

    Args:
        objective: changed in place.
        plan: epochs, minibatches and learning rates.
        split: candidates to train on, and those to validate by (with none, the last state is the best).
        values: [N] measured values, larger is better; used for validation only.
        seed: of minibatches and dropout; what a step does depends on it and the step's number alone.
        checkpointer: a killed fit resumes from its file and ends with the same result. The file stays until its owner
            removes it.
        progress: called at every step.

    Raises:
        ModelError: not even one candidate fits into memory; the loss is not a number; or the adapter cannot be trained
            by several processes.
    """
    run = Run(objective, plan, split, values, seed)
    if checkpointer is not None:
        # one disk alone knows how far all of them are
        run.resume(run.group.same_state(checkpointer.load() if run.group.first else {}))
    while not run.done:
        loss = run.advance()
        report_fit("training", run.step, run.steps)
        if progress is not None:
            progress(run.step, run.steps, loss)
        if checkpointer is not None and run.group.first and (run.done or checkpointer.due()):
            checkpointer.save(run.state())
    return run.finish()


class Run:
    """A fit that can stop after any step and be resumed.

    Args:
        objective, plan, split, values, seed: as for `train`.
    """

    def __init__(self, objective: TrainingObjective, plan: TrainingConfig, split: Split, values: np.ndarray, seed: int):
        self.objective, self.plan, self.split, self.seed = objective, plan, split, seed
        self.group = Group.current()
        if self.group.size > 1 and objective.progress():
            raise ModelError(
                "This adapter decides what to remove by what it observes in each step, which several processes do not "
                "see alike: train it in one (without torchrun), or choose lora. Nothing was stored."
            )
        self.values = values[split.validation]
        self.rate = objective.rate if plan.rate is None else plan.rate
        self.steps = plan.steps(len(split.training))
        self.gradients = Gradients(plan.minibatch, self.group)
        self.optimiser = self._new_optimiser()
        self.losses: list[float] = []
        self.checked: list[int] = []
        self.validation: list[float] = []
        self.scores: list[np.ndarray] = []
        self.best: dict[str, torch.Tensor] = {}
        self.best_step = 0
        #: validations before this one were of other parameters
        self.since = 0
        self.before = Cost()
        self.meter = Meter(gpu=any(p.is_cuda for p in objective.parameters()))

    @property
    def step(self) -> int:
        """Steps done."""
        return len(self.losses)

    @property
    def done(self) -> bool:
        """All steps are done, or the validation has not improved for `patience` epochs."""
        waited = self.step - self.best_step
        stopped = self.plan.patience and self.best and waited >= self.plan.patience * self._epoch
        return self.step >= self.steps or bool(stopped)

    def advance(self) -> float:
        """One step; its loss."""
        if self.step == 0:
            self._validate()
        which = self._minibatch()
        # a seed of its own for each step
        seed = int(np.random.default_rng([self.seed, self.step]).integers(2**62))
        loss = self.gradients(self.objective, which, seed)
        if not np.isfinite(loss):
            raise ModelError(
                f"The loss of step {self.step + 1} is {loss}. Choose a lower learning rate; nothing was stored."
            )
        self.objective.after_backward()
        if self.plan.clip:
            torch.nn.utils.clip_grad_norm_(self.objective.parameters(), self.plan.clip)
        self.optimiser.step(self.rate * self.plan.schedule(self.step, self.steps))
        self.losses.append(loss)
        if self.objective.after_step(self.step - 1, self.steps):
            # a state of other parameters cannot be restored
            self.optimiser, self.best, self.since = self._new_optimiser(), {}, len(self.validation)
        if self.step == self.steps or self.step % (self.plan.validate_every * self._epoch) == 0:
            self._validate()
        return loss

    def finish(self) -> Trace:
        """Restore the best state, and report."""
        if self.best:
            self.objective.load(self.best)
        return Trace(
            np.array(self.losses),
            np.array(self.checked, np.int64),
            np.array(self.validation),
            np.array(self.scores).reshape(len(self.checked), len(self.values)),
            self.best_step if self.best else self.step,
            min(self.gradients.together, self.plan.minibatch),
            self._cost(),
        )

    def state(self) -> dict[str, torch.Tensor]:
        """Everything that `resume` needs."""
        numbers = {
            "losses": self.losses,
            "checked": self.checked,
            "validation": self.validation,
            "scores": np.array(self.scores).reshape(len(self.checked), len(self.values)),
            "counts": [self.best_step, self.since, self.gradients.together],
            "cost": self._cost().numbers(),
        }
        return {
            **prefixed("now", self.objective.state()),
            **prefixed("progress", self.objective.progress()),
            **prefixed("best", self.best),
            **prefixed("optimiser", self.optimiser.state()),
            **{name: torch.from_numpy(np.asarray(value, np.float64)) for name, value in numbers.items()},
        }

    def resume(self, state: dict[str, torch.Tensor]) -> None:
        """Continue from a state; from the beginning when it is {}."""
        if not state:
            return
        self.objective.load(unprefixed("now", state))
        self.objective.resume(unprefixed("progress", state))
        self.best = unprefixed("best", state)
        self.optimiser = self._new_optimiser()
        self.optimiser.load(unprefixed("optimiser", state))
        self.losses, self.validation = state["losses"].tolist(), state["validation"].tolist()
        self.checked = [int(step) for step in state["checked"]]
        self.scores = list(state["scores"].numpy())
        self.best_step, self.since, self.gradients.together = (int(count) for count in state["counts"])
        self.before = Cost.of(state["cost"].tolist())

    @property
    def _epoch(self) -> int:
        return self.plan.steps_per_epoch(len(self.split.training))

    def _minibatch(self) -> np.ndarray:
        epoch, part = divmod(self.step, self._epoch)
        order = np.random.default_rng([self.seed, epoch]).permutation(self.split.training)
        return np.array_split(order, self._epoch)[part]

    def _validate(self) -> None:
        if not len(self.split.validation):
            return
        scores = self.group.same(self.objective.scores(self.split.validation))
        correlation = spearman(scores, self.values, fewest=3)
        # constant scores order nothing
        correlation = correlation if np.isfinite(correlation) else -1.0
        if not self.best or correlation > max(self.validation[self.since :]):
            self.best, self.best_step = {k: t.detach().clone() for k, t in self.objective.state().items()}, self.step
        self.checked.append(self.step)
        self.validation.append(correlation)
        self.scores.append(np.asarray(scores, np.float64))

    def _new_optimiser(self) -> AdamW:
        return AdamW(self.objective.parameters(), self.objective.rates(), self.plan.weight_decay)

    def _cost(self) -> Cost:
        return self.before + self.meter.read()


@dataclass
class Gradients:
    """Computes gradients in parts of at most `together` candidates (gradient cache).

    All outputs of a minibatch enter one loss, also when they are computed in parts: first without gradients, which
    gives the gradient of the loss in each output, then part by part with gradients. So a ranking loss compares all
    candidates of a minibatch whatever the memory, and a step is the same up to rounding (and up to the units that
    dropout drops).

    Processes of a group share a minibatch in the same way: each computes the outputs of its part and goes through it
    backwards; the loss is that of all outputs, so that means are right whatever the sizes of the parts, and the
    gradients are added up.

    Args:
        together: candidates that go through the model at once; halved when memory runs out.
        group: of the processes that share each minibatch.

    Source: Gao et al. 2021, arXiv:2101.06983.
    """

    together: int
    group: Group = field(default_factory=Group)

    def __call__(self, objective: TrainingObjective, which: np.ndarray, seed: int) -> float:
        """Add the gradients of a minibatch to the parameters; the loss.

        Args:
            objective: its gradients are zero or None before.
            which: candidates.
            seed: of dropout.

        Raises:
            ModelError: not even one candidate fits into memory.
        """
        if self.group.size > 1:
            with seeded_rng(seed):
                return self._shared(objective, which, seed)
        while True:
            try:
                with seeded_rng(seed):
                    if len(which) <= self.together:
                        return _at_once(objective, which)
                    return _in_parts(objective, np.array_split(which, -(-len(which) // self.together)), which, seed)
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error):
                    raise
                self._halve(min(self.together, len(which)))
            _cleared(objective)

    def _shared(self, objective: TrainingObjective, which: np.ndarray, seed: int) -> float:
        """One part for each process; seeds are those of as many parts in one process."""
        parts = self.group.parts(which)
        mine, seed = parts[self.group.rank], seed + self.group.rank
        outputs = self._tried(objective, mine, partial(self._outputs, objective, mine, seed))
        everyone = self.group.gathered(outputs.detach(), [len(part) for part in parts])
        loss = objective.loss(everyone.requires_grad_(), which)
        (wanted,) = torch.autograd.grad(loss, everyone)
        start = sum(len(part) for part in parts[: self.group.rank])
        # when memory runs out on the way back, the outputs are computed anew, in parts
        ways = iter([partial(_backwards, outputs)] if outputs.requires_grad else [])
        again = partial(self._anew, objective, mine, seed)
        self._tried(objective, mine, lambda: next(ways, again)(wanted[start : start + len(mine)]))
        penalty = objective.penalty()
        # whatever the candidates: once, not once a process
        if penalty is not None and self.group.first:
            penalty.backward()
        self.group.sum_gradients(objective.parameters())
        return loss.item()

    def _outputs(self, objective: TrainingObjective, mine: np.ndarray, seed: int) -> torch.Tensor:
        """Of one process's part; with gradients when it goes through the model at once."""
        if 0 < len(mine) <= self.together:
            return _seeded_outputs(objective, mine, seed)
        with torch.no_grad():
            if not len(mine):
                # a minibatch smaller than the group: only the shape of an output is needed
                return objective.outputs(np.zeros(1, np.int64))[:0]
            pieces = np.array_split(mine, -(-len(mine) // self.together))
            return torch.cat([_seeded_outputs(objective, piece, seed + i) for i, piece in enumerate(pieces)])

    def _anew(self, objective: TrainingObjective, mine: np.ndarray, seed: int, wanted: torch.Tensor) -> None:
        pieces = np.array_split(mine, max(1, -(-len(mine) // self.together)))
        start = 0
        for i, piece in enumerate(pieces if len(mine) else ()):
            _seeded_outputs(objective, piece, seed + i).backward(wanted[start : start + len(piece)])
            start += len(piece)

    def _tried(self, objective: TrainingObjective, which: np.ndarray, what: Callable[[], R]) -> R:
        """Do something; while memory runs out, with fewer candidates at once."""
        while True:
            try:
                return what()
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error):
                    raise
                self._halve(min(self.together, len(which)))
            _cleared(objective)

    def _halve(self, tried: int) -> None:
        if tried <= 1:
            raise ModelError(
                "A single candidate does not fit into memory with its gradients. Choose a smaller model, or train "
                "fewer of its layers; nothing was stored."
            )
        self.together = tried // 2


def _cleared(objective: TrainingObjective) -> None:
    """Forget the gradients of a step that failed."""
    for parameter in objective.parameters():
        parameter.grad = None
    gc.collect()


def _backwards(outputs: torch.Tensor, wanted: torch.Tensor) -> None:
    outputs.backward(wanted)


def _at_once(objective: TrainingObjective, which: np.ndarray) -> float:
    loss = objective.loss(objective.outputs(which), which)
    penalty = objective.penalty()
    (loss if penalty is None else loss + penalty).backward()
    return loss.item()


def _in_parts(objective: TrainingObjective, parts: list[np.ndarray], which: np.ndarray, seed: int) -> float:
    with torch.no_grad():
        outputs = torch.cat([_seeded_outputs(objective, part, seed + i) for i, part in enumerate(parts)])
    loss = objective.loss(outputs.requires_grad_(), which)
    (wanted,) = torch.autograd.grad(loss, outputs)
    start = 0
    for i, part in enumerate(parts):
        _seeded_outputs(objective, part, seed + i).backward(wanted[start : start + len(part)])
        start += len(part)
    penalty = objective.penalty()
    if penalty is not None:
        penalty.backward()
    return loss.item()


def _seeded_outputs(objective: TrainingObjective, part: np.ndarray, seed: int) -> torch.Tensor:
    # both passes must drop the same units
    seed_rng(seed)
    return objective.outputs(part)


def out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out; torch has no type of its own for the processor's memory.

    >>> out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"))
    True
    """
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


#: decay rates of the means of gradients and of their squares
BETA1, BETA2 = 0.9, 0.999
EPSILON = 1e-8


class AdamW:
    """AdamW with a learning rate for each parameter, and a state of plain tensors.

    Args:
        parameters: those without a gradient stay.
        times: multiplier of the learning rate for each.
        decay: weight decay per unit of learning rate.

    Source: Kingma and Ba 2014, arXiv:1412.6980; Loshchilov and Hutter 2017, arXiv:1711.05101.
    """

    def __init__(self, parameters: Sequence[torch.nn.Parameter], times: Sequence[float], decay: float):
        self.parameters, self.times, self.decay = list(parameters), list(times), decay
        self.count = 0
        self.first, self.second = ([torch.zeros_like(p) for p in self.parameters] for _ in range(2))

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """One update; clears the gradients."""
        self.count += 1
        unbiased = (1 - BETA2**self.count) ** 0.5
        for p, own, m, v in zip(self.parameters, self.times, self.first, self.second, strict=True):
            if p.grad is None:
                continue
            m.lerp_(p.grad, 1 - BETA1)
            v.lerp_(p.grad.square(), 1 - BETA2)
            p.mul_(1 - rate * own * self.decay)
            p.addcdiv_(m, v.sqrt().div_(unbiased).add_(EPSILON), value=-rate * own / (1 - BETA1**self.count))
            p.grad = None

    def state(self) -> dict[str, torch.Tensor]:
        """Both moments of each parameter, and the number of steps."""
        moments = {f"{kind}/{i}": t for kind in ("first", "second") for i, t in enumerate(getattr(self, kind))}
        return {**moments, "count": torch.tensor(self.count)}

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """The counterpart of `state`."""
        self.count = int(state["count"])
        for kind in ("first", "second"):
            for i, moment in enumerate(getattr(self, kind)):
                moment.copy_(state[f"{kind}/{i}"])
