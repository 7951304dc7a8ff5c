"""The loop in which a student learns, and its minibatches."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from activeloop.measurements import Dataset
from activeloop.models.finetuning.loop import AdamW, seeded_rng
from activeloop.models.transforms import Scale, precision
from activeloop.students.distil import losses
from activeloop.students.distil.modules import Net
from activeloop.students.distil.scaled import parted
from activeloop.students.distil.targets import TeacherTargets
from activeloop.students.runtime.reading import PADDING

if TYPE_CHECKING:
    from activeloop.students.distil.config import Distiller


@dataclass(frozen=True)
class Minibatch:
    """N candidates with a teacher's answers.

    Args:
        tokens: int64 [N, W].
        location, sd: [N, A].
        deviations: [N, S, A].
        probabilities: [N, A] of classes, [N, 0] for values.
        hidden: [N, P] the teacher's hidden states; P may be 0.
    """

    tokens: torch.Tensor
    location: torch.Tensor
    sd: torch.Tensor
    deviations: torch.Tensor
    probabilities: torch.Tensor
    hidden: torch.Tensor

    @classmethod
    def of(cls, tokens: np.ndarray, answers: TeacherTargets, hidden: np.ndarray) -> Minibatch:
        """As tensors."""
        parts = [getattr(answers, f.name) for f in fields(answers)] + [hidden.astype(np.float32)]
        return cls(torch.from_numpy(tokens.astype(np.int64)), *map(torch.from_numpy, parts))

    def __len__(self) -> int:
        return len(self.tokens)

    def take(self, rows: torch.Tensor) -> Minibatch:
        """Some of them."""
        return Minibatch(*(getattr(self, f.name)[rows] for f in fields(self)))

    def joined(self, other: Minibatch) -> Minibatch:
        """Both, one after the other."""
        rest = [f.name for f in fields(self)[1:]]
        return Minibatch(
            stacked(self.tokens, other.tokens), *(torch.cat([getattr(self, f), getattr(other, f)]) for f in rest)
        )


@dataclass(frozen=True)
class MeasuredTargets:
    """N measured candidates.

    Args:
        tokens: int64 [N, W].
        values: [N, A] standardised; for classes [N] the number of the class.
        weights: [N, A] how sure each is; 0 where it was not measured (for classes [N, 1]).
    """

    tokens: torch.Tensor
    values: torch.Tensor
    weights: torch.Tensor

    def __len__(self) -> int:
        return len(self.tokens)

    @classmethod
    def of(
        cls, dataset: Dataset, tokens: np.ndarray, shift: np.ndarray, factor: np.ndarray, classes: bool
    ) -> MeasuredTargets:
        """Those of a data set in which larger is better.

        A censored value is learned as one whose standard error is the spread of all.
        """
        known = ~np.isnan(dataset.values)
        read = torch.from_numpy(tokens.astype(np.int64))
        if classes:
            # a candidate that was not measured weighs nothing, whatever class stands there
            numbers = np.where(known, dataset.values, 0.0)[:, 0].astype(np.int64)
            return cls(read, torch.from_numpy(numbers), torch.from_numpy(known[:, :1].astype(np.float32)))
        errors = np.where(dataset.censored != 0, np.maximum(dataset.errors, factor), dataset.errors)
        weights = np.stack([precision(errors[:, a], Scale(0.0, float(factor[a]))) for a in range(len(factor))], axis=1)
        values = np.where(known, (dataset.values - shift) / factor, 0.0)
        return cls(read, *(torch.from_numpy(x.astype(np.float32)) for x in (values, np.where(known, weights, 0.0))))


def stacked(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Tokens below each other, padded to one width.

    >>> stacked(torch.ones(1, 2, dtype=torch.int64), torch.ones(1, 1, dtype=torch.int64)).tolist()
    [[1, 1], [1, 0]]
    """
    width = max(first.shape[1], second.shape[1])
    wide = [torch.nn.functional.pad(x, (0, width - x.shape[1]), value=PADDING) for x in (first, second)]
    return torch.cat(wide)


def trimmed(tokens: torch.Tensor) -> torch.Tensor:
    """Without columns in which nothing stands.

    >>> trimmed(torch.tensor([[2, 3, 0], [2, 0, 0]])).tolist()
    [[2, 3], [2, 0]]
    """
    used = (tokens != PADDING).any(0).nonzero()
    return tokens[:, : int(used.max()) + 1] if len(used) else tokens[:, :1]


#: letters in a minibatch when nothing is said, and the fewest and most candidates in one
AT_ONCE, SMALLEST, LARGEST = 4096, 32, 512
#: letters that a network goes through when nothing is said, and the fewest and most steps
LETTERS, FEWEST, MOST = 3_000_000, 400, 2000
#: the highest learning rate when nothing is said
RATE = 3e-3
#: a network that only looks letters up can go through so many times more of them, in smaller steps
MORE, SLOWER = 4, 3.0
#: share of the steps in which the learning rate rises
RISING = 0.05
#: how often the watched candidates are looked at
LOOKS = 10
#: gradients are not longer than that
LONGEST = 1.0
DECAY = 0.01
#: by how much the rate of tables of letters is multiplied: each of their rows is in few candidates
FASTER = 3.0


class Trainer:
    """Teaches one network.

    Args:
        settings: of the distiller.
        net: what is taught, changed in place.
        width: letters of a candidate.
        outputs: A.
        classes: whether the outputs are logits of classes.
        seed: of the minibatches.

    Attributes:
        steps: how many there are.
        minibatch: candidates in each.
        rate: the highest learning rate.
    """

    def __init__(self, settings: Distiller, net: Net, width: int, outputs: int, classes: bool, seed: int):
        self.settings, self.net, self.outputs, self.classes = settings, net, outputs, classes
        self.seed, self.draw = seed, torch.Generator().manual_seed(seed)
        more, slower = (MORE, SLOWER) if settings.network.sites else (1, 1.0)
        usual = min(LARGEST, max(SMALLEST, AT_ONCE // width))
        self.minibatch = settings.minibatch or usual
        self.steps = settings.steps or min(MOST, max(FEWEST, more * LETTERS // (width * self.minibatch)))
        self.rate = settings.rate or RATE / slower

    def run(
        self,
        taught: Minibatch | None,
        measured: MeasuredTargets | None,
        watched: Minibatch | None,
        grow: Callable[[], Minibatch | None] | None,
        tell: Callable[[int], None],
    ) -> None:
        """Train, and leave the network as it was best, in eval mode.

        Args:
            taught: with a teacher's answers; None for labels alone.
            measured: with values.
            watched: tell how well it does; None: the last weights are kept.
            grow: gives more exercises, made for the student as it is.
            tell: told how many steps are done.
        """
        steps = self.steps
        tables = {id(m.weight) for m in self.net.modules() if isinstance(m, nn.Embedding)}
        self.bridge = None if taught is None or not taught.hidden.shape[1] else self._bridge(taught.hidden)
        learning = [*self.net.parameters(), *([] if self.bridge is None else self.bridge.parameters())]
        parameters = [p for p in learning if p.requires_grad]
        times = [FASTER if id(p) in tables else 1.0 for p in parameters]
        optimiser = AdamW(parameters, times, DECAY)
        rounds = self.settings.transfer.rounds
        growing = {steps * (r + 1) // (rounds + 2) for r in range(rounds)} if grow is not None else set()
        looks = {steps * (k + 1) // LOOKS for k in range(LOOKS // 2, LOOKS)}
        best: tuple[float, dict[str, torch.Tensor]] = (math.inf, {})
        self.usual = None if taught is None else taught.sd.square().mean(0)
        for step in range(steps):
            if step in growing and grow is not None and taught is not None:
                self._rest()
                more = grow()
                taught = taught if more is None else taught.joined(more)
            self.net.train()
            self._step(taught, measured, parameters, optimiser, self._rate(step, steps))
            if step + 1 in looks and watched is not None:
                self._rest()
                lost = self._watch(watched)
                best = (lost, copy.deepcopy(self.net.state_dict())) if lost < best[0] else best
            tell(step + 1)
        if best[1]:
            self.net.load_state_dict(best[1])
        self._rest()

    def _bridge(self, hidden: torch.Tensor) -> HiddenStateLoss:
        with seeded_rng(self.seed):
            return HiddenStateLoss(self.net.body.width, hidden)

    def _rest(self) -> None:
        self.net.eval()
        self.net.body.settle()

    def _rate(self, step: int, steps: int) -> float:
        """Rises in a straight line, then falls along half a cosine."""
        rising = max(1, int(RISING * steps))
        if step < rising:
            return self.rate * (step + 1) / rising
        return self.rate * (0.5 + 0.5 * math.cos(math.pi * (step - rising) / max(1, steps - rising)))

    def _step(
        self,
        taught: Minibatch | None,
        measured: MeasuredTargets | None,
        parameters: list[nn.Parameter],
        optimiser: AdamW,
        rate: float,
    ) -> None:
        alpha = self.settings.alpha if measured is not None else 0.0
        some = None if taught is None or alpha == 1 else taught.take(self._chosen(len(taught), 1 - alpha))
        labelled = None if measured is None or not alpha else self._chosen(len(measured), alpha)
        tokens = [x for x in (None if some is None else some.tokens, _of(measured, labelled)) if x is not None]
        read = trimmed(tokens[0] if len(tokens) == 1 else stacked(tokens[0], tokens[1]))
        vectors, numbers = self.net.told(read)
        count = 0 if some is None else len(some)
        loss = numbers.new_zeros(())
        if some is not None:
            loss = loss + (1 - alpha) * self._taught_loss(numbers[:count], some)
            if self.bridge is not None:
                loss = loss + self.settings.matching * self.bridge.apart(vectors[:count], some.hidden)
        if measured is not None and labelled is not None:
            loss = loss + alpha * self._measured_loss(numbers[count:], measured, labelled)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, LONGEST)
        optimiser.step(rate)

    def _chosen(self, count: int, share: float) -> torch.Tensor:
        """Places of a minibatch: a share of it, but never fewer than two."""
        wanted = max(2, round(self.minibatch * share))
        return torch.randint(count, (wanted,), generator=self.draw) if count > wanted else torch.arange(count)

    @torch.no_grad()
    def _watch(self, watched: Minibatch) -> float:
        return float(self._taught_loss(self.net(watched.tokens), watched))

    def _taught_loss(self, numbers: torch.Tensor, some: Minibatch) -> torch.Tensor:
        location, deviations = parted(numbers, self.outputs)
        weights, temperature = self.settings.weights, self.settings.temperature
        assert self.usual is not None
        joint = losses.joint(some.deviations, deviations, self.usual)
        apart = (location - some.location).square().mean()
        if self.classes:
            found = losses.probabilities_of(location, deviations)
            return losses.divergence(some.probabilities, found, temperature) + weights.joint * (joint + 0.1 * apart)
        spread = deviations.square().mean(1).clamp(min=1e-12).sqrt()
        order = torch.stack([losses.order(some.location[:, a], location[:, a]) for a in range(self.outputs)]).mean()
        marginal = losses.marginal(some.location, some.sd, location, spread, temperature)
        return apart + weights.marginal * marginal + weights.order * order + weights.joint * joint

    def _measured_loss(self, numbers: torch.Tensor, measured: MeasuredTargets, rows: torch.Tensor) -> torch.Tensor:
        location, deviations = parted(numbers, self.outputs)
        weights = measured.weights[rows]
        total = weights.sum().clamp(min=1e-6)
        if self.classes:
            found = losses.probabilities_of(location, deviations).clamp(min=1e-8).log()
            return (functional.nll_loss(found, measured.values[rows], reduction="none") * weights[:, 0]).sum() / total
        return ((location - measured.values[rows]).square() * weights).sum() / total


class HiddenStateLoss(nn.Module):
    """From a student's vectors to its teacher's hidden states, by one linear map.

    Args:
        width: of the vectors.
        hidden: [N, P] states of the teacher, whose mean and spread the map's outputs are brought to.
    """

    def __init__(self, width: int, hidden: torch.Tensor):
        super().__init__()
        self.mean, self.spread = hidden.mean(0), hidden.std().clamp(min=1e-6)
        self.map = nn.Linear(width, hidden.shape[1])

    def apart(self, vectors: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """Mean squared distance, in units of the teacher's variance."""
        return (self.map(vectors) - (hidden - self.mean) / self.spread).square().mean()


def _of(measured: MeasuredTargets | None, rows: torch.Tensor | None) -> torch.Tensor | None:
    return None if measured is None or rows is None else measured.tokens[rows]
