"""The modules of a student: additive effects, an encoder, a head, the scale of the assays, and their runner."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from activeloop.models.gp.core import signs_of
from activeloop.students.distil.bend import Bend
from activeloop.students.distil.config import Network, Shape
from activeloop.students.runtime.onnx import Runner
from activeloop.students.runtime.tokenizer import PADDING

#: scale of the head's first weights, beside 1 for the additive effects
HEAD_SCALE = 0.1
#: scale of a sum over a few mutations, so that it starts near 1
GAIN = 0.5


class StudentEncoder(nn.Module, ABC):
    """From tokens to one vector a candidate.

    Attributes:
        width: of the vector, D.
    """

    width: int

    @abstractmethod
    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Float32 [N, D] of int64 tokens [N, W]."""

    def cache_parent(self) -> None:
        """Compute what follows from the weights alone; called whenever training rests."""


class Net(nn.Module):
    """A student's network: additive effects of mutations, and beside them what a head makes of an encoder's vector.

    The head sees the additive sums too: many assays are a nonlinear scale under which mutations add up.

    Args:
        additive: from tokens to the outputs at which training starts.
        encoder: from tokens to vectors.
        hidden: units of the head's hidden layers.
        outputs: numbers per candidate.
    """

    def __init__(self, additive: Additive, encoder: StudentEncoder, hidden: tuple[int, ...], outputs: int):
        super().__init__()
        self.additive, self.encoder = additive, encoder
        self.head = OutputHead(encoder.width + additive.rank, hidden, outputs)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Float32 [N, outputs] of int64 tokens [N, W]."""
        return self.vectors_and_outputs(tokens)[1]

    def vectors_and_outputs(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The encoder's vectors [N, D], and the outputs [N, outputs]."""
        sums, total = self.additive(tokens)
        vectors = self.encoder(tokens)
        return vectors, total + self.head(torch.cat([vectors, sums], 1))

    @torch.no_grad()
    def fit_additive(self, tokens: torch.Tensor, targets: torch.Tensor, ridge: float, first: int) -> None:
        """Start at the additive effects of least squares; for the arguments see `Additive.fit`."""
        self.head.linear.bias[: targets.shape[1]] = self.additive.fit(tokens, targets, ridge, first)
        for layer in (self.head.linear, self.head.last):
            layer.weight[: targets.shape[1]] = 0.0

    @torch.no_grad()
    def add_log_sd(self, by: torch.Tensor) -> None:
        """Add `by` [A] to the logarithms of the standard deviations."""
        self.head.linear.bias[len(by) : 2 * len(by)] += by


class OutputHead(nn.Module):
    """From a candidate's vector to its outputs: a linear map, and beside it a multilayer perceptron.

    Args:
        width: of the vector.
        hidden: units of the perceptron's layers.
        outputs: numbers.
    """

    def __init__(self, width: int, hidden: tuple[int, ...], outputs: int):
        super().__init__()
        self.linear = nn.Linear(width, outputs)
        sizes = (width, *hidden)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.last = nn.Linear(sizes[-1], outputs, bias=False)
        with torch.no_grad():
            for layer in (self.linear, self.last):
                layer.weight.mul_(HEAD_SCALE)

    def forward(self, vector: torch.Tensor) -> torch.Tensor:
        """[N, outputs] of [N, D]."""
        nonlinear = vector
        for layer in self.layers:
            nonlinear = functional.silu(layer(nonlinear))
        return self.linear(vector) + self.last(nonlinear)


class SiteSums(nn.Module):
    """Sums over the tokens of a candidate of one row a cell; a cell is one token at one position.

    Args:
        shape: of the candidates; positions behind its width share the last one's cells.
    """

    parent: torch.Tensor

    def __init__(self, shape: Shape):
        super().__init__()
        self.vocabulary, self.columns = shape.vocabulary, shape.width
        self.register_buffer("parent", torch.tensor([shape.parent or (PADDING,)]), persistent=False)

    def sums(self, table: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """[N, D] of a table [cells, D] over tokens [N, W]."""
        rows = functional.embedding(self._cells(tokens), table)
        return (rows * (tokens != PADDING).unsqueeze(2).float()).sum(1)

    def changes(self, table: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """[N, D] the same, less the parent's sum."""
        return self.sums(table, tokens) - self.sums(table, self.parent)

    def counts(self, tokens: torch.Tensor):
        """Sparse [N, cells]: how often each cell occurs in a candidate more than in the parent."""
        from scipy.sparse import csr_array

        def counts(some: torch.Tensor):
            row, place = (some != PADDING).nonzero(as_tuple=True)
            cell = self._cells(some)[row, place]
            shape = (len(some), self.columns * self.vocabulary)
            return csr_array((np.ones(len(row)), (row.numpy(), cell.numpy())), shape=shape)

        found = counts(tokens) - csr_array(np.ones((len(tokens), 1))) @ counts(self.parent)
        found.eliminate_zeros()
        return found

    def _cells(self, tokens: torch.Tensor) -> torch.Tensor:
        columns = torch.arange(tokens.shape[1], device=tokens.device).clamp(max=self.columns - 1)
        return columns * self.vocabulary + tokens


#: parameters of the additive table, so that long proteins keep the student small; its fewest and most columns
TABLE_PARAMETERS, FEWEST_COLUMNS, MOST_COLUMNS = 60_000, 4, 24
#: weight of the means among the effects that share the columns
MEAN_WEIGHT = 30.0


class Additive(SiteSums):
    """Additive effects: one short vector for each position and residue, and a linear map of their sum.

    The parent's sum is subtracted, so that only mutations count.
    """

    def __init__(self, shape: Shape):
        super().__init__(shape)
        cells = shape.width * shape.vocabulary
        self.rank = min(shape.outputs, max(FEWEST_COLUMNS, min(MOST_COLUMNS, TABLE_PARAMETERS // cells)))
        self.table, self.out = nn.Embedding(cells, self.rank), nn.Linear(self.rank, shape.outputs, bias=False)
        with torch.no_grad():
            self.table.weight.mul_(0.1)
            self.out.weight.zero_()

    def forward(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Sums [N, rank] of tokens [N, W], and their map to [N, outputs]."""
        sums = self.changes(self.table.weight, tokens)
        return sums, self.out(sums)

    @torch.no_grad()
    def fit(self, tokens: torch.Tensor, targets: torch.Tensor, ridge: float, first: int) -> torch.Tensor:
        """Take the least squares solution.

        Args:
            tokens: [N, W] of candidates.
            targets: [N, K] of their first K outputs.
            ridge: weight of the squared effects, in candidates.
            first: how many of these are means.

        Returns:
            [K] the intercept: the parent's own outputs.
        """
        solved = least_squares(self._with_intercept(tokens), targets.double().numpy(), ridge)
        effects, intercept = solved[:-1], solved[-1]
        # few columns hold many outputs: the first ones, which are means, exactly
        weights = np.where(np.arange(targets.shape[1]) < first, MEAN_WEIGHT, 1.0)
        left, sizes, right = np.linalg.svd(effects * weights, full_matrices=False)
        signs = signs_of(right)
        left, right = left * signs, right * signs[:, None] / weights
        rank = min(self.rank, len(sizes))
        root = np.sqrt(sizes[:rank])
        self.table.weight[:, :rank] = torch.from_numpy(left[:, :rank] * root).float()
        self.out.weight[: targets.shape[1], :rank] = torch.from_numpy(right[:rank].T * root).float()
        # sums of unit variance suit the head, which sees them too
        sd = self(tokens)[0].std(0)[:rank].clamp(min=1e-6)
        self.table.weight[:, :rank] /= sd
        self.out.weight[: targets.shape[1], :rank] *= sd
        return torch.from_numpy(intercept).float()

    def fitted(self, tokens: torch.Tensor, targets: np.ndarray, ridge: float, others: torch.Tensor) -> np.ndarray:
        """[M, K] targets of other candidates by the least squares solution for targets [N, K]; nothing is changed."""
        return self._with_intercept(others) @ least_squares(self._with_intercept(tokens), targets, ridge)

    def _with_intercept(self, tokens: torch.Tensor):
        from scipy.sparse import csr_array, hstack

        return hstack([self.counts(tokens), csr_array(np.ones((len(tokens), 1)))], format="csr")


#: ridge of vectors fitted to a teacher's features, which are nearly exact averages
STATES_RIDGE = 0.01
#: root mean square of the fitted averages: so large that a smooth function of them is easily learned
STATES_SCALE = 3.0


class SiteTable(SiteSums, StudentEncoder):
    """The first layer of a network on one-hot residues, as look-ups; the parent's own sum is subtracted.

    Args:
        shape: of the candidates.
        width: of the sum.
        averaged: whether the sum is divided by the number of mutations.
    """

    mutated: torch.Tensor

    def __init__(self, shape: Shape, width: int, averaged: bool = False):
        super().__init__(shape)
        self.width, self.averaged = width, averaged
        self.table = nn.Embedding(shape.width * shape.vocabulary, width)
        mutated = torch.ones(shape.width, shape.vocabulary)
        mutated[:, PADDING] = 0.0
        for column, token in enumerate(shape.parent[: shape.width]):
            mutated[column, token] = 0.0
        self.register_buffer("mutated", mutated.reshape(-1, 1), persistent=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """[N, D] of tokens [N, W]."""
        total = GAIN * self.changes(self.table.weight, tokens)
        return total / self._mutations(tokens) if self.averaged else total

    @torch.no_grad()
    def fit(self, tokens: torch.Tensor, states: np.ndarray) -> None:
        """Take vectors whose averages are, by least squares, the principal components of a teacher's features.

        Args:
            tokens: [N, W] of candidates.
            states: [N, P] their features, a mean over their mutations.
        """
        _, _, directions = np.linalg.svd(states.astype(np.float64), full_matrices=False)
        directions = directions[: self.width]
        targets = states @ (directions * signs_of(directions)[:, None]).T
        shares = self.counts(tokens).multiply(1 / self._mutations(tokens).numpy()).tocsr()
        vectors = least_squares(shares, targets, STATES_RIDGE)
        size = np.sqrt(np.mean((shares @ vectors) ** 2))
        if size > 0:
            scaled = STATES_SCALE / GAIN / size * vectors
            self.table.weight[:, : targets.shape[1]] = torch.from_numpy(scaled).float()

    def _mutations(self, tokens: torch.Tensor) -> torch.Tensor:
        """[N, 1] how many there are; 1 where there is none."""
        return self.sums(self.mutated, tokens).clamp(min=1.0)


#: of the conjugate gradients
ITERATIONS = 60


def least_squares(counts, targets: np.ndarray, ridge: float) -> np.ndarray:
    """[M, K] by conjugate gradients, all K at once.

    Written by hand: `scipy.sparse.linalg.cg` takes one right-hand side at a time.

    Args:
        counts: sparse [N, M].
        targets: [N, K].
        ridge: weight of the squares of the solution.
    """
    solution = np.zeros((counts.shape[1], targets.shape[1]))
    residual = counts.T @ targets
    direction, size = residual.copy(), (residual**2).sum(0)
    least = 1e-12 * np.maximum(size, 1e-300)
    for _ in range(ITERATIONS):
        if (size <= least).all():
            break
        image = counts.T @ (counts @ direction) + ridge * direction
        length = size / np.maximum((direction * image).sum(0), 1e-300)
        solution += length * direction
        residual -= length * image
        new = (residual**2).sum(0)
        direction, size = residual + new / np.maximum(size, 1e-300) * direction, new
    return solution


#: shorter directions count as none
NO_DIRECTION = 1e-6


def parted(
    outputs: torch.Tensor, assays: int, log_sds: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Location [N, A] and deviations [N, S, A] of a network's outputs.

    The standard deviation of a candidate is one output, and the covariance is in the directions of the deviations: a
    few deviations represent what candidates share, but not all that a teacher does not know of each.

    Args:
        outputs: [N, (2 + S) * A]: location, logarithm of the standard deviation, then S directions of any length.
        assays: A.
        log_sds: [2, A] least and largest logarithm of a standard deviation; None: any.

    >>> location, deviations = parted(torch.tensor([[5.0, 0.0, 3.0, -3.0]]), 1)
    >>> location.tolist(), deviations.flatten().round(decimals=3).tolist()
    ([[5.0]], [1.0, -1.0])
    """
    location, log_sd, rest = outputs[:, :assays], outputs[:, assays : 2 * assays], outputs[:, 2 * assays :]
    directions = rest.unflatten(1, (-1, assays))
    length = (directions.square().mean(1) + NO_DIRECTION**2).sqrt()
    if log_sds is not None:
        log_sd = torch.minimum(torch.maximum(log_sd, log_sds[0]), log_sds[1])
    return location, directions * (log_sd.exp() / length).unsqueeze(1)


def sigma_points(location: torch.Tensor, deviations: torch.Tensor) -> torch.Tensor:
    """Probabilities [N, 2 S, C] at the points `location +- deviation`, which represent the draws.

    The logits of the draws are normally distributed with the S deviations, divided by sqrt(S), as columns of a root of
    their covariance; third-degree cubature takes these points, all with one weight.

    Source: Arasaratnam and Haykin 2009, Cubature Kalman filters, doi 10.1109/TAC.2009.2019800.
    """
    centre = location.unsqueeze(1)
    return torch.cat([(centre + deviations).softmax(2), (centre - deviations).softmax(2)], 1)


class Bent(nn.Module):
    """A `Bend` as operations that every runtime has.

    Args:
        bend: of A outputs.
    """

    knots: torch.Tensor
    levels: torch.Tensor
    steep: torch.Tensor
    slope: torch.Tensor
    slope_steep: torch.Tensor
    first: torch.Tensor
    inner: torch.Tensor
    ends: torch.Tensor

    def __init__(self, bend: Bend):
        super().__init__()
        self.bend = bend
        wide = np.diff(bend.targets)
        outputs, pieces = wide.shape
        parts = {
            "knots": bend.targets[:, :-1].ravel(),
            "levels": bend.values[:, :-1].ravel(),
            "steep": (np.diff(bend.values) / wide).ravel(),
            "slope": bend.slopes[:, :-1].ravel(),
            "slope_steep": (np.diff(bend.slopes) / wide).ravel(),
            "inner": bend.targets[:, 1:-1],
            "ends": bend.targets[:, [0, -1]].T,
        }
        for name, values in parts.items():
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32))
        self.register_buffer("first", torch.arange(outputs) * pieces)

    def forward(self, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Standardised values of targets [N, A], and the slope there."""
        piece = (targets.unsqueeze(2) >= self.inner).long().sum(2) + self.first
        inside = torch.minimum(torch.maximum(targets, self.ends[0]), self.ends[1])
        at = self.knots[piece]
        values = self.levels[piece] + self.steep[piece] * (targets - at)
        return values, self.slope[piece] + self.slope_steep[piece] * (inside - at)


#: logarithms of standard deviations may leave their range in training by this
ROOM = 1.0
#: where no range is known; and the logarithm of 0
ANY, NO_SD = 80.0, 500.0


class Scaled(nn.Module):
    """From tokens to the outputs of the exported file.

    Args:
        network: int64 tokens [N, W] -> targets [N, (2 + S) * A], see `parted`.
        shift: [A] mean of the assays, larger is better (for classes [C] of the logits).
        factor: [A] standard deviation of the assays.
        deviations: S.
        classes: whether the outputs are logits of classes.
        bounds: [2, A] lowest and highest possible value, larger is better; infinite where there is none.

    Attributes:
        bent: from targets to standardised values; None where these are the targets.
    """

    shift: torch.Tensor
    factor: torch.Tensor
    bounds: torch.Tensor
    log_sds: torch.Tensor

    def __init__(
        self,
        network: nn.Module,
        shift: np.ndarray,
        factor: np.ndarray,
        deviations: int,
        classes: bool,
        bounds: np.ndarray | None = None,
    ):
        super().__init__()
        self.network, self.outputs, self.deviations, self.classes = network, len(shift), deviations, classes
        self.bent: Bent | None = None
        self.register_buffer("shift", torch.tensor(shift, dtype=torch.float32))
        self.register_buffer("factor", torch.tensor(factor, dtype=torch.float32))
        self.bounded = bounds is not None and bool(np.isfinite(bounds).any())
        ends = np.tile([[-np.inf], [np.inf]], (1, len(shift))) if bounds is None else bounds
        self.register_buffer("bounds", torch.tensor(ends, dtype=torch.float32))
        self.register_buffer("log_sds", torch.tensor([[-ANY], [ANY]]).expand(2, len(shift)).clone())

    @property
    def bend(self) -> Bend:
        """From targets to standardised values."""
        return Bend.straight(self.outputs) if self.bent is None else self.bent.bend

    def take(self, bend: Bend, log_sds: torch.Tensor) -> None:
        """Take the scale of the targets.

        Args:
            bend: from targets to standardised values.
            log_sds: [N, A] logarithms of the standard deviations of the targets in training: far from the candidates
                there the network's are cut off a little outside their range.
        """
        self.bent = None if bend.is_straight else Bent(bend)
        if len(log_sds):
            self.log_sds.copy_(torch.stack([log_sds.amin(0) - ROOM, log_sds.amax(0) + ROOM]))

    def no_sd(self) -> None:
        """Give every candidate a standard deviation of 0."""
        self.log_sds.fill_(-NO_SD)

    def standardised(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Standardised location [N, A] and deviations [N, S, A]."""
        targets, deviations = parted(self.network(tokens.long()), self.outputs, self.log_sds)
        if self.bent is None:
            return targets, deviations
        location, slope = self.bent(targets)
        return location, deviations * slope.unsqueeze(1)

    def forward(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Mean [N, A], standard deviation [N, A], location [N, A] and deviations [N, S, A] of tokens [N, W]."""
        location, deviations = self.standardised(tokens)
        location, deviations = location * self.factor + self.shift, deviations * self.factor
        if not self.classes:
            if self.bounded:
                location = torch.minimum(torch.maximum(location, self.bounds[0]), self.bounds[1])
            return location, deviations.square().mean(1).sqrt(), location, deviations
        points = sigma_points(location, deviations)
        mean = points.mean(1)
        return mean, (points - mean.unsqueeze(1)).square().mean(1).sqrt(), location, deviations


#: tokens in one call of a network
TOKENS = 2**16


@dataclass(frozen=True)
class TorchRunner(Runner):
    """A network in torch.

    Args:
        network: its settings.
        shape: its input and output.
        module: with its weights and the scale of the assays, in eval mode.
        examples: int32 [M, W] tokens of some candidates of its training.
    """

    network: Network
    shape: Shape
    module: Scaled
    examples: np.ndarray

    @torch.inference_mode()
    def __call__(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Location and deviations; see `Runner`."""
        size = max(1, TOKENS // max(1, tokens.shape[1]))
        pieces = [self._run(tokens[i : i + size]) for i in range(0, max(1, len(tokens)), size)]
        location, deviations = zip(*pieces, strict=True)
        return np.concatenate(location), np.concatenate(deviations)

    def _run(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        _, _, location, deviations = self.module(torch.from_numpy(np.ascontiguousarray(tokens)))
        return location.numpy(), deviations.numpy()
