"""The one fit loop: minibatches, gradients, AdamW, early stopping, checkpoints."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from activeloop.errors import ModelError
from activeloop.metrics import spearman
from activeloop.models.finetuning.checkpointer import Checkpointer, below, prefixed
from activeloop.models.finetuning.objectives import TrainingObjective
from activeloop.models.finetuning.plan import Cost, Meter, Split, Trace, TrainingConfig


@contextmanager
def seeded_rng(seed: int) -> Iterator[None]:
    """What torch draws inside depends on the seed alone; outside nothing changes."""
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices):
        seed_rng(seed)
        yield


def seed_rng(seed: int) -> None:
    """Seed torch's generators; `torch.manual_seed` would leave a note in memory at each call where CUDA never starts.

    >>> with seeded_rng(3):
    ...     one = torch.rand(2)
    >>> with seeded_rng(3):
    ...     print(torch.equal(one, torch.rand(2)))
    True
    """
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)


#: how slowly the means of gradients and of their squares forget
FIRST, SECOND = 0.9, 0.999
SMALL = 1e-8


class AdamW:
    """Moves parameters along their gradients, each by about the learning rate.

    Args:
        parameters: what is moved; those without a gradient stay.
        times: by how much the learning rate of each is multiplied.
        decay: weight decay per unit of learning rate.

    Source: Kingma and Ba 2014, arXiv:1412.6980; Loshchilov and Hutter 2017, arXiv:1711.05101.
    """

    def __init__(self, parameters: Sequence[torch.nn.Parameter], times: Sequence[float], decay: float):
        self.parameters, self.times, self.decay = list(parameters), list(times), decay
        self.count = 0
        self.first, self.second = ([torch.zeros_like(p) for p in self.parameters] for _ in range(2))

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """One update; gradients are gone afterwards."""
        self.count += 1
        unbiased = (1 - SECOND**self.count) ** 0.5
        for p, own, m, v in zip(self.parameters, self.times, self.first, self.second, strict=True):
            if p.grad is None:
                continue
            m.lerp_(p.grad, 1 - FIRST)
            v.lerp_(p.grad.square(), 1 - SECOND)
            p.mul_(1 - rate * own * self.decay)
            p.addcdiv_(m, v.sqrt().div_(unbiased).add_(SMALL), value=-rate * own / (1 - FIRST**self.count))
            p.grad = None

    def state(self) -> dict[str, torch.Tensor]:
        """Both means of each parameter, and how many steps were done."""
        means = {f"{kind}/{i}": t for kind in ("first", "second") for i, t in enumerate(getattr(self, kind))}
        return {**means, "count": torch.tensor(self.count)}

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """The counterpart of `state`."""
        self.count = int(state["count"])
        for kind in ("first", "second"):
            for i, mean in enumerate(getattr(self, kind)):
                mean.copy_(state[f"{kind}/{i}"])


@dataclass
class Gradients:
    """Computes gradients in parts of at most `together` candidates.

    All outputs of a minibatch enter one loss, also when they are computed in parts: then once without gradients, from
    which the gradient of the loss in each output follows, and once more, part by part, with gradients. So a ranking
    loss compares all candidates of a minibatch whatever the memory, and a step is the same up to rounding (and up to
    which units dropout drops).

    Args:
        together: candidates that go through the model at once; halved when memory runs out.

    Source: Gao et al. 2021, arXiv:2101.06983 (gradient cache).
    """

    together: int

    def __call__(self, objective: TrainingObjective, which: np.ndarray, seed: int) -> float:
        """Adds the gradients of a minibatch to the parameters; the loss.

        Args:
            objective: what is minimised; its gradients are zero or None before.
            which: candidates.
            seed: of dropout.

        Raises:
            ModelError: not even one candidate fits into memory.
        """
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
            for parameter in objective.parameters():
                parameter.grad = None
            gc.collect()

    def _halve(self, tried: int) -> None:
        if tried <= 1:
            raise ModelError(
                "A single candidate does not fit into memory with its gradients. Choose a smaller model, or train "
                "fewer of its layers; nothing was kept."
            )
        self.together = tried // 2


def _at_once(objective: TrainingObjective, which: np.ndarray) -> float:
    loss = objective.loss(objective.outputs(which), which)
    penalty = objective.penalty()
    (loss if penalty is None else loss + penalty).backward()
    return loss.item()


def _in_parts(objective: TrainingObjective, parts: list[np.ndarray], which: np.ndarray, seed: int) -> float:
    with torch.no_grad():
        outputs = torch.cat([_seeded(objective, part, seed + i) for i, part in enumerate(parts)])
    loss = objective.loss(outputs.requires_grad_(), which)
    (wanted,) = torch.autograd.grad(loss, outputs)
    start = 0
    for i, part in enumerate(parts):
        _seeded(objective, part, seed + i).backward(wanted[start : start + len(part)])
        start += len(part)
    penalty = objective.penalty()
    if penalty is not None:
        penalty.backward()
    return loss.item()


def _seeded(objective: TrainingObjective, part: np.ndarray, seed: int) -> torch.Tensor:
    # both passes must drop the same units
    seed_rng(seed)
    return objective.outputs(part)


def out_of_memory(error: BaseException) -> bool:
    """Whether that is what an error says; torch has no type of its own for the processor's memory.

    >>> out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"))
    True
    """
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


#: steps done, steps at most, loss
Progress = Callable[[int, int, float], None]


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

    Args:
        objective: what is trained; changed in place.
        plan: how.
        split: candidates to train on, and those to judge by (with none, the last state is kept).
        values: [N] measured values, larger is better; used for validation only.
        seed: of minibatches and dropout; what a step does depends on it and the step's number alone.
        checkpointer: where to leave checkpoints; a killed fit resumes there and ends with the same result. The
            file stays until its owner removes it.
        progress: told of every step.

    Raises:
        ModelError: not even one candidate fits into memory; or the loss is not a number.
    """
    run = Run(objective, plan, split, values, seed)
    if checkpointer is not None:
        run.resume(checkpointer.load())
    while not run.done:
        loss = run.advance()
        if progress is not None:
            progress(run.step, run.steps, loss)
        if checkpointer is not None and (run.done or checkpointer.due()):
            checkpointer.save(run.state())
    return run.finish()


class Run:
    """A fit that can stop after any step and go on.

    Args:
        objective, plan, split, values, seed: as for `train`.
    """

    def __init__(self, objective: TrainingObjective, plan: TrainingConfig, split: Split, values: np.ndarray, seed: int):
        self.objective, self.plan, self.split, self.seed = objective, plan, split, seed
        self.values = values[split.validation]
        self.rate = objective.rate if plan.rate is None else plan.rate
        self.steps = plan.steps(len(split.training))
        self.gradients = Gradients(plan.minibatch)
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
        """All steps are done, or nothing became better for too long."""
        waited = self.step - self.best_step
        tired = self.plan.patience and self.best and waited >= self.plan.patience * self._epoch
        return self.step >= self.steps or bool(tired)

    def advance(self) -> float:
        """One step; its loss."""
        if self.step == 0:
            self._validate()
        which = self._minibatch()
        loss = self.gradients(self.objective, which, _number(self.seed, self.step))
        refuse_no_number(loss, self.step)
        self.objective.after_backward()
        if self.plan.clip:
            torch.nn.utils.clip_grad_norm_(self.objective.parameters(), self.plan.clip)
        self.optimiser.step(self.rate * self.plan.pace(self.step, self.steps))
        self.losses.append(loss)
        if self.objective.after_step(self.step - 1, self.steps):
            # a state of other parameters cannot be gone back to
            self.optimiser, self.best, self.since = self._new_optimiser(), {}, len(self.validation)
        if self.step == self.steps or self.step % (self.plan.every * self._epoch) == 0:
            self._validate()
        return loss

    def finish(self) -> Trace:
        """Put the best state back, and tell what happened."""
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
        counts = [self.best_step, self.since, self.gradients.together]
        numbers = {
            "losses": self.losses,
            "checked": self.checked,
            "validation": self.validation,
            "scores": np.array(self.scores).reshape(len(self.checked), len(self.values)),
            "counts": counts,
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
        """Go on from a state; from the beginning when it is {}."""
        if not state:
            return
        self.objective.load(below("now", state))
        self.objective.resume(below("progress", state))
        self.best = below("best", state)
        self.optimiser = self._new_optimiser()
        self.optimiser.load(below("optimiser", state))
        self.losses, self.validation = state["losses"].tolist(), state["validation"].tolist()
        self.checked = [int(step) for step in state["checked"]]
        self.scores = list(state["scores"].numpy())
        self.best_step, self.since, self.gradients.together = (int(count) for count in state["counts"])
        self.before = Cost.of(state["cost"].tolist())

    @property
    def _epoch(self) -> int:
        return self.plan.steps_of_epoch(len(self.split.training))

    def _minibatch(self) -> np.ndarray:
        epoch, part = divmod(self.step, self._epoch)
        order = np.random.default_rng([self.seed, epoch]).permutation(self.split.training)
        return np.array_split(order, self._epoch)[part]

    def _validate(self) -> None:
        if not len(self.split.validation):
            return
        scores = self.objective.scores(self.split.validation)
        agreement = spearman(scores, self.values, fewest=3)
        # scores that are all the same order nothing
        agreement = agreement if np.isfinite(agreement) else -1.0
        if not self.best or agreement > max(self.validation[self.since :]):
            self.best, self.best_step = {k: t.detach().clone() for k, t in self.objective.state().items()}, self.step
        self.checked.append(self.step)
        self.validation.append(agreement)
        self.scores.append(np.asarray(scores, np.float64))

    def _new_optimiser(self) -> AdamW:
        return AdamW(self.objective.parameters(), self.objective.rates(), self.plan.decay)

    def _cost(self) -> Cost:
        return self.before + self.meter.read()


def refuse_no_number(loss: float, step: int) -> None:
    """A fit that blew up must not pass for a model.

    Raises:
        ModelError: the loss is not a number.
    """
    if not np.isfinite(loss):
        raise ModelError(f"The loss of step {step + 1} is {loss}. Choose a lower learning rate; nothing was kept.")


def _number(seed: int, step: int) -> int:
    """A seed of its own for each step."""
    return int(np.random.default_rng([seed, step]).integers(2**62))
