"""The training loop of a student: minibatches, losses, learning rate, early stopping."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from activeloop.adapters.base import seeded_rng
from activeloop.measurements import Dataset
from activeloop.models.finetuning.loop import AdamW
from activeloop.models.transforms import Scale, precision
from activeloop.students.distil.bend import Bend
from activeloop.students.distil.config import DistillationConfig
from activeloop.students.distil.modules import Net, parted, sigma_points
from activeloop.students.distil.teacher import TeacherTargets
from activeloop.students.runtime.tokenizer import PADDING


@dataclass(frozen=True)
class Minibatch:
    """N candidates with a teacher's targets.

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
    def of(cls, tokens: np.ndarray, targets: TeacherTargets, hidden: np.ndarray) -> Minibatch:
        """As tensors."""
        parts = [getattr(targets, f.name) for f in fields(targets)] + [hidden.astype(np.float32)]
        return cls(torch.from_numpy(tokens.astype(np.int64)), *map(torch.from_numpy, parts))

    def __len__(self) -> int:
        return len(self.tokens)

    def bent(self, bend: Bend) -> Minibatch:
        """With targets on the scale of a bend, of predictions that are standardised."""
        if bend.is_straight:
            return self
        location = bend.to_target(self.location.double().numpy())
        slope = torch.from_numpy(bend.slope(location)).float()
        return replace(
            self,
            location=torch.from_numpy(location).float(),
            sd=self.sd / slope,
            deviations=self.deviations / slope.unsqueeze(1),
        )

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
        weights: [N, A] precisions; 0 where it was not measured (for classes [N, 1]).
    """

    tokens: torch.Tensor
    values: torch.Tensor
    weights: torch.Tensor

    def __len__(self) -> int:
        return len(self.tokens)

    @classmethod
    def of(
        cls, dataset: Dataset, tokens: np.ndarray, shift: np.ndarray, factor: np.ndarray, bend: Bend, classes: bool
    ) -> MeasuredTargets:
        """Those of a data set in which larger is better, on the scale of the teacher's targets.

        The standard error of a censored value is the standard deviation of all values at least.
        """
        known = ~np.isnan(dataset.values)
        encoded = torch.from_numpy(tokens.astype(np.int64))
        if classes:
            # a candidate that was not measured has weight 0, whatever its class
            numbers = np.where(known, dataset.values, 0.0)[:, 0].astype(np.int64)
            return cls(encoded, torch.from_numpy(numbers), torch.from_numpy(known[:, :1].astype(np.float32)))
        errors = np.where(dataset.censored != 0, np.maximum(dataset.errors, factor), dataset.errors)
        values = bend.to_target(np.where(known, (dataset.values - shift) / factor, 0.0))
        weights = precision(errors / factor / bend.slope(values), Scale(0.0, 1.0))
        return cls(encoded, *(torch.from_numpy(x.astype(np.float32)) for x in (values, np.where(known, weights, 0.0))))


def stacked(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Tokens below each other, padded to one width.

    >>> stacked(torch.ones(1, 2, dtype=torch.int64), torch.ones(1, 1, dtype=torch.int64)).tolist()
    [[1, 1], [1, 0]]
    """
    width = max(first.shape[1], second.shape[1])
    return torch.cat([functional.pad(x, (0, width - x.shape[1]), value=PADDING) for x in (first, second)])


def trimmed(tokens: torch.Tensor) -> torch.Tensor:
    """Without columns of padding alone.

    >>> trimmed(torch.tensor([[2, 3, 0], [2, 0, 0]])).tolist()
    [[2, 3], [2, 0]]
    """
    used = (tokens != PADDING).any(0).nonzero()
    return tokens[:, : int(used.max()) + 1] if len(used) else tokens[:, :1]


#: tokens in a minibatch by default, and the fewest and most candidates in one
BATCH_TOKENS, SMALLEST_BATCH, LARGEST_BATCH = 4096, 32, 512
#: tokens in all steps by default, and the fewest and most steps
TRAINING_TOKENS, FEWEST_STEPS, MOST_STEPS = 3_000_000, 400, 2000
#: default of the highest learning rate
RATE = 3e-3
#: factor on the tokens of a network of look-ups alone, which is fast, and divisor of its rate
SITE_TOKENS, SITE_SLOWER = 4, 3.0
#: share of the steps in which the learning rate rises
WARMUP = 0.05
#: evaluations on the validation set
EVALUATIONS = 10
#: longest gradient
CLIP = 1.0
DECAY = 0.01
#: factor on the rate of embeddings: each of their rows is in few candidates
EMBEDDING_RATE = 3.0


class Trainer:
    """Trains one network.

    Args:
        config: of the distillation.
        net: what is trained, changed in place.
        width: tokens of a candidate.
        outputs: A.
        classes: whether the outputs are logits of classes.
        seed: of the minibatches.

    Attributes:
        steps: how many there are.
        minibatch: candidates in each.
        rate: the highest learning rate.
    """

    def __init__(self, config: DistillationConfig, net: Net, width: int, outputs: int, classes: bool, seed: int):
        self.config, self.net, self.outputs, self.classes = config, net, outputs, classes
        self.seed, self.rng = seed, torch.Generator().manual_seed(seed)
        more, slower = (SITE_TOKENS, SITE_SLOWER) if config.network.sites else (1, 1.0)
        self.minibatch = config.minibatch or min(LARGEST_BATCH, max(SMALLEST_BATCH, BATCH_TOKENS // width))
        steps = min(MOST_STEPS, max(FEWEST_STEPS, more * TRAINING_TOKENS // (width * self.minibatch)))
        self.steps = config.steps or steps
        self.rate = config.rate or RATE / slower

    def run(
        self,
        training: Minibatch | None,
        measured: MeasuredTargets | None,
        validation: Minibatch | None,
        grow: Callable[[], Minibatch | None] | None,
        progress: Callable[[int], None],
    ) -> None:
        """Train, and leave the network as it was at the best evaluation, in eval mode.

        Args:
            training: with a teacher's targets; None for labels alone.
            measured: with values.
            validation: for early stopping; None: the last weights are taken.
            grow: gives more training candidates, chosen for the student as it is.
            progress: called with the number of steps done.
        """
        steps, rounds = self.steps, self.config.transfer.rounds
        embeddings = {id(m.weight) for m in self.net.modules() if isinstance(m, nn.Embedding)}
        self.matching = None
        if training is not None and training.hidden.shape[1]:
            with seeded_rng(self.seed):
                self.matching = HiddenStateLoss(self.net.encoder.width, training.hidden)
        trained = [*self.net.parameters(), *([] if self.matching is None else self.matching.parameters())]
        parameters = [p for p in trained if p.requires_grad]
        optimiser = AdamW(parameters, [EMBEDDING_RATE if id(p) in embeddings else 1.0 for p in parameters], DECAY)
        growing = {steps * (r + 1) // (rounds + 2) for r in range(rounds)} if grow is not None else set()
        evaluations = {steps * (k + 1) // EVALUATIONS for k in range(EVALUATIONS // 2, EVALUATIONS)}
        best: tuple[float, dict[str, torch.Tensor]] = (math.inf, {})
        self.variance = None if training is None else training.sd.square().mean(0)
        for step in range(steps):
            if step in growing and grow is not None and training is not None:
                self._rest()
                more = grow()
                training = training if more is None else training.joined(more)
            self.net.train()
            self._step(training, measured, parameters, optimiser, self._rate(step))
            if step + 1 in evaluations and validation is not None:
                self._rest()
                with torch.no_grad():
                    loss = float(self._teacher_loss(self.net(validation.tokens), validation))
                best = (loss, copy.deepcopy(self.net.state_dict())) if loss < best[0] else best
            progress(step + 1)
        if best[1]:
            self.net.load_state_dict(best[1])
        self._rest()

    def _rest(self) -> None:
        self.net.eval()
        self.net.encoder.cache_parent()

    def _rate(self, step: int) -> float:
        """A linear warm-up, then half a cosine."""
        warmup = max(1, int(WARMUP * self.steps))
        if step < warmup:
            return self.rate * (step + 1) / warmup
        return self.rate * (0.5 + 0.5 * math.cos(math.pi * (step - warmup) / max(1, self.steps - warmup)))

    def _step(
        self,
        training: Minibatch | None,
        measured: MeasuredTargets | None,
        parameters: list[nn.Parameter],
        optimiser: AdamW,
        rate: float,
    ) -> None:
        alpha = self.config.alpha if measured is not None else 0.0
        some = None if training is None or alpha == 1 else training.take(self._random(len(training), 1 - alpha))
        rows = None if measured is None or not alpha else self._random(len(measured), alpha)
        tokens = [] if some is None else [some.tokens]
        if measured is not None and rows is not None:
            tokens.append(measured.tokens[rows])
        vectors, outputs = self.net.vectors_and_outputs(trimmed(tokens[0] if len(tokens) == 1 else stacked(*tokens)))
        count = 0 if some is None else len(some)
        loss = outputs.new_zeros(())
        if some is not None:
            loss = loss + (1 - alpha) * self._teacher_loss(outputs[:count], some)
            if self.matching is not None:
                loss = loss + self.config.matching * self.matching(vectors[:count], some.hidden)
        if measured is not None and rows is not None:
            loss = loss + alpha * self._measured_loss(outputs[count:], measured.values[rows], measured.weights[rows])
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, CLIP)
        optimiser.step(rate)

    def _random(self, count: int, share: float) -> torch.Tensor:
        """Rows of a share of a minibatch, two at least."""
        wanted = max(2, round(self.minibatch * share))
        return torch.randint(count, (wanted,), generator=self.rng) if count > wanted else torch.arange(count)

    def _teacher_loss(self, outputs: torch.Tensor, some: Minibatch) -> torch.Tensor:
        location, deviations = parted(outputs, self.outputs)
        weights, temperature = self.config.weights, self.config.temperature
        assert self.variance is not None
        joint = ((some.deviations - deviations).square() / self.variance.clamp(min=1e-12)).mean()
        error = (location - some.location).square().mean()
        if self.classes:
            found = sigma_points(location, deviations).mean(1)
            return soft_divergence(some.probabilities, found, temperature) + weights.joint * (joint + 0.1 * error)
        sd = deviations.square().mean(1).clamp(min=1e-12).sqrt()
        order = torch.stack([order_loss(some.location[:, a], location[:, a]) for a in range(self.outputs)]).mean()
        marginal = normal_divergence(some.location, some.sd, location, sd, temperature)
        return error + weights.marginal * marginal + weights.order * order + weights.joint * joint

    def _measured_loss(self, outputs: torch.Tensor, values: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        location, deviations = parted(outputs, self.outputs)
        total = weights.sum().clamp(min=1e-6)
        if self.classes:
            found = sigma_points(location, deviations).mean(1).clamp(min=1e-8).log()
            return (functional.nll_loss(found, values, reduction="none") * weights[:, 0]).sum() / total
        return ((location - values).square() * weights).sum() / total


#: smaller standard deviations, as a share of the mean one, count as it
SD_FLOOR = 0.1
#: each candidate of a minibatch is compared with those at these distances before it
NEIGHBOURS = (1, 2, 4, 8)


def soft_divergence(teacher: torch.Tensor, student: torch.Tensor, temperature: float) -> torch.Tensor:
    """T^2 KL(teacher || student) of probabilities [N, C] at temperature T; the mean over candidates.

    Source: Hinton et al. 2015, arXiv:1503.02531.

    >>> same = torch.tensor([[0.2, 0.8]])
    >>> round(float(soft_divergence(same, same, 2.0)), 6)
    0.0
    """
    target, found = (torch.log_softmax(p.clamp(min=1e-8).log() / temperature, 1) for p in (teacher, student))
    return temperature**2 * (target.exp() * (target - found)).sum(1).mean()


def normal_divergence(
    mean: torch.Tensor, sd: torch.Tensor, own_mean: torch.Tensor, own_sd: torch.Tensor, temperature: float
) -> torch.Tensor:
    """T^2 KL of the teacher's normal distributions from the student's, all widened by T; the mean over all.

    Args:
        mean: [N, A] of the teacher.
        sd: [N, A] of the teacher.
        own_mean: [N, A] of the student.
        own_sd: [N, A] of the student.
        temperature: T; it multiplies the standard deviations, so at larger ones the means count less.

    >>> one, two = torch.ones(3, 1), torch.full((3, 1), 2.0)
    >>> round(float(normal_divergence(one, two, one, two, 1.0)), 6)
    0.0
    """
    floor = SD_FLOOR * sd.mean(0) + 1e-6
    target, own = sd.square() + floor**2, own_sd.square() + floor**2
    ratio = target / own
    error = (mean - own_mean).square() / own
    return 0.5 * (temperature**2 * (ratio - 1 - ratio.log()) + error).mean()


def order_loss(mean: torch.Tensor, own_mean: torch.Tensor) -> torch.Tensor:
    """KL divergence of which of two candidates is better, for each candidate and its neighbours in a minibatch.

    The teacher's probability is a logistic function of the difference of its means, in units of half the median one.

    Args:
        mean: [N] of the teacher.
        own_mean: [N] of the student.

    >>> values = torch.tensor([0.0, 1.0, 2.0])
    >>> bool(order_loss(values, values) < order_loss(values, -values))
    True
    """
    gap, own = (torch.cat([values - values.roll(k) for k in NEIGHBOURS]) for values in (mean, own_mean))
    unit = gap.abs().median().clamp(min=1e-3) / 2
    target = torch.sigmoid(gap / unit)
    own, gap = own / unit, gap / unit
    # less the teacher's own entropy, so that the minimum is 0
    return (functional.softplus(own) - target * own - functional.softplus(gap) + target * gap).mean()


class HiddenStateLoss(nn.Module):
    """Distance of a student's vectors, through one linear map, from its teacher's hidden states (FitNets).

    Args:
        width: of the vectors.
        hidden: [N, P] states of the teacher, which standardise the map's targets.
    """

    def __init__(self, width: int, hidden: torch.Tensor):
        super().__init__()
        self.mean, self.sd = hidden.mean(0), hidden.std().clamp(min=1e-6)
        self.map = nn.Linear(width, hidden.shape[1])

    def forward(self, vectors: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """Mean squared distance, in units of the teacher's variance."""
        return (self.map(vectors) - (hidden - self.mean) / self.sd).square().mean()
