"""The one fit loop: minibatches, early stopping, checkpoints, memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from activeloop.errors import ModelError
from activeloop.metrics import spearman
from activeloop.models.finetuning.adam import AdamW
from activeloop.models.finetuning.cost import Cost, Meter
from activeloop.models.finetuning.gradients import Gradients
from activeloop.models.finetuning.keeping import Keeper, below, prefixed
from activeloop.models.finetuning.objective import Objective
from activeloop.models.finetuning.plan import Plan
from activeloop.models.finetuning.splits import Split
from activeloop.models.finetuning.trace import Trace

#: steps done, steps at most, loss
Progress = Callable[[int, int, float], None]


def train(
    objective: Objective,
    plan: Plan,
    split: Split,
    values: np.ndarray,
    seed: int,
    keeper: Keeper | None = None,
    progress: Progress | None = None,
) -> Trace:
    """Train, and leave the objective at its best state.

    Args:
        objective: what is trained; changed in place.
        plan: how.
        split: candidates to train on, and those to judge by (with none, the last state is kept).
        values: [N] measured values, larger is better; used for validation only.
        seed: of minibatches and dropout; what a step does depends on it and the step's number alone.
        keeper: where to leave checkpoints; a fit that was killed goes on from there and ends with the same result. The
            file stays until its owner removes it.
        progress: told of every step.

    Raises:
        ModelError: not even one candidate fits into memory; or the loss is not a number.
    """
    run = Run(objective, plan, split, values, seed)
    if keeper is not None:
        run.resume(keeper.load())
    while not run.done:
        loss = run.advance()
        if progress is not None:
            progress(run.step, run.steps, loss)
        if keeper is not None and (run.done or keeper.due()):
            keeper.save(run.state())
    return run.finish()


class Run:
    """A fit that can stop after any step and go on.

    Args:
        objective, plan, split, values, seed: as for `train`.
    """

    def __init__(self, objective: Objective, plan: Plan, split: Split, values: np.ndarray, seed: int):
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
