"""Small networks on NumPy: layers, losses, and the training of many networks in one batched product."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from activeloop.prediction import report_fit

#: (outputs [M, B], targets [B], weights [M, B]) -> gradient of the loss in the outputs [M, B]
Gradient = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def squared(outputs: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Gradient of the weighted mean squared error.

    >>> squared(np.array([[1.0, 0.0]]), np.array([0.0, 0.0]), np.ones((1, 2))).tolist()
    [[1.0, 0.0]]
    """
    return 2 * weights * (outputs - targets) / np.maximum(weights.sum(1, keepdims=True), 1e-12)


def ranking(outputs: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Gradient of the Bradley-Terry loss: -log of the probability that the better of two candidates is ranked above.

    All pairs of the minibatch count, weighted by the product of their weights; ties do not count.

    Source: Bradley and Terry 1952, Biometrika 39:324; for proteins Hawkins-Hooker et al. 2024, bioRxiv.

    >>> ranking(np.array([[0.0, 0.0]]), np.array([1.0, 0.0]), np.ones((1, 2))).tolist()
    [[-0.5, 0.5]]
    """
    better = (targets[:, None] > targets[None, :]) * (weights[:, :, None] * weights[:, None, :])
    margin = np.clip(outputs[:, :, None] - outputs[:, None, :], -30, 30)
    push = better / (1 + np.exp(margin))
    return (push.sum(1) - push.sum(2)) / np.maximum(better.sum((1, 2)), 1e-12)[:, None]


LOSSES: dict[str, Gradient] = {"squared": squared, "ranking": ranking}


#: 1 / (1 - rate) for retained hidden units of a layer, 0 for dropped ones; [..., B or 1, H]
Masks = Sequence[np.ndarray]
#: candidates that go through the layers together: their hidden units stay in the processor's cache
BLOCK = 1024


@dataclass(frozen=True)
class Layers:
    """M networks of the same shape, with one output.

    Args:
        weights: one [M, in, out] for each layer (float32).
        biases: one [M, 1, out] for each layer (float32).
        slope: of the activation below zero (0: ReLU, 0.01: leaky ReLU).
    """

    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    slope: float = 0.0

    @classmethod
    def initial(
        cls, members: int, inputs: int, hidden: Sequence[int], slope: float, rng: np.random.Generator
    ) -> Layers:
        """Weights and biases uniform within 1 / sqrt(inputs of the layer), as in torch's `Linear`."""
        sizes = (inputs, *hidden, 1)
        weights, biases = [], []
        for fan_in, fan_out in pairwise(sizes):
            bound = 1 / np.sqrt(max(1, fan_in))
            weights.append(rng.uniform(-bound, bound, (members, fan_in, fan_out)).astype(np.float32))
            biases.append(rng.uniform(-bound, bound, (members, 1, fan_out)).astype(np.float32))
        return cls(tuple(weights), tuple(biases), slope)

    def state(self) -> dict[str, np.ndarray]:
        """Weights and biases by name (`w0`, `b0` ...)."""
        return {
            f"{kind}{i}": a
            for kind, each in zip("wb", (self.weights, self.biases), strict=True)
            for i, a in enumerate(each)
        }

    @classmethod
    def restored(cls, state: dict[str, np.ndarray], slope: float) -> Layers:
        """The counterpart of `state`."""
        depth = sum(key.startswith("w") for key in state)
        weights, biases = (tuple(state[f"{kind}{i}"] for i in range(depth)) for kind in "wb")
        return cls(weights, biases, slope)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Outputs [M, n] of features [n, D]."""
        pieces = (x[i : i + BLOCK] for i in range(0, max(len(x), 1), BLOCK))
        blocks = [self.after_first(piece @ self.weights[0] + self.biases[0]) for piece in pieces]
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=1)

    def after_first(self, z: np.ndarray) -> np.ndarray:
        """Outputs [M, n] from what comes out of the first layer [M, n, H], before its activation; z is used up."""
        for w, b in zip(self.weights[1:], self.biases[1:], strict=True):
            z = activated(z, self.slope) @ w
            z += b
        return z[..., 0]


def activated(z: np.ndarray, slope: float) -> np.ndarray:
    """ReLU with a slope below zero, in place.

    >>> activated(np.array([-2.0, 1.0]), 0.5).tolist()
    [-1.0, 1.0]
    """
    if slope:
        return np.maximum(z, slope * z, out=z)
    # (z + |z|) / 2, bit for bit the same and twice as fast as NumPy's maximum
    z += np.abs(z)
    z *= z.dtype.type(0.5)
    return z


@dataclass(frozen=True)
class Grid:
    """Steps, powers of two, to which factors of products are rounded while networks are trained.

    A library adds the terms of a matrix product in an order that depends on the processor, and training amplifies a
    change of the last bit until other candidates are chosen. Sums of whole numbers below 2^24 are exact in single
    precision, whatever their order: with these steps that holds for sums up to 64, for gradients up to 64 times the
    largest of a member.

    Args:
        unit: step of features and of hidden units; features with values beyond 1 or far below have a coarser or finer
            one.
        weight: step of weights, finer or coarser by the same factor in the first layer.
        gradient: step of what is passed back, in shares of the largest value of each member.
    """

    unit: float = 2.0**-8
    weight: float = 2.0**-10
    gradient: float = 2.0**-10


def to_grid(values: np.ndarray, step: float | np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Values rounded to multiples of a power of two (adding a large number cuts what lies below its last bit).

    >>> to_grid(np.array([0.3, -1.2], np.float32), 0.25).tolist()
    [0.25, -1.25]
    """
    shift = np.asarray(1.5 * 2.0 ** np.finfo(values.dtype).nmant * step, values.dtype)
    out = np.add(values, shift, out=out)
    return np.subtract(out, shift, out=out)


def reach(values: np.ndarray, axis: tuple[int, ...] | None = None) -> np.ndarray:
    """The smallest powers of two above all sizes along some axes, which are kept; 1 where all values are 0.

    >>> reach(np.array([[3.0, -4.0]])).tolist(), reach(np.zeros((2, 1)), (1,)).tolist()
    ([[8.0]], [[1.0], [1.0]])
    """
    largest = np.maximum(values.max(axis, keepdims=True), -values.min(axis, keepdims=True))
    return np.ldexp(np.ones_like(largest), np.frexp(largest)[1])


DEFAULT_GRID = Grid()


class Trainee:
    """Networks while they are trained: all parameters in one array, all gradients in another.

    Args:
        start: their weights and biases; copied.
        features: [N, D] all that they are trained on.
        grid: of their products.

    Attributes:
        parameters: [P] weights and biases, one layer after the other.
        gradient: [P] of the loss.
    """

    def __init__(self, start: Layers, features: np.ndarray, grid: Grid = DEFAULT_GRID):
        arrays = [a for pair in zip(start.weights, start.biases, strict=True) for a in pair]
        self.parameters = np.concatenate([a.ravel() for a in arrays])
        self.gradient = np.zeros_like(self.parameters)
        self._biases = _views(self.parameters, arrays)[1::2]
        self._exact = _views(self.parameters, arrays)[::2]
        self._slopes = _views(self.gradient, arrays)
        self._weights = [np.empty_like(w) for w in self._exact]
        self._slope, self._grid = start.slope, grid
        scale = float(reach(features).item()) if features.size else 1.0
        self._steps = [grid.weight / scale, *[grid.weight] * (len(self._exact) - 1)]
        self._features = to_grid(features, grid.unit * scale)
        self._hidden: list[np.ndarray] = []

    def outputs(self, rows: np.ndarray, masks: Masks = ()) -> np.ndarray:
        """Outputs [M, n] for some rows of the features; hidden units are remembered."""
        for exact, step, weights in zip(self._exact, self._steps, self._weights, strict=True):
            to_grid(exact, step, out=weights)
        h, self._hidden = self._features[rows], []
        for i, (w, b) in enumerate(zip(self._weights, self._biases, strict=True)):
            self._hidden.append(h)
            h = h @ w
            h += b
            if i < len(self._weights) - 1:
                activated(h, self._slope)
                if masks:
                    h *= masks[i]
                to_grid(h, self._grid.unit, out=h)
        return h[..., 0]

    def backward(self, upstream: np.ndarray, masks: Masks = ()) -> None:
        """Fill `gradient` from the gradient of the last outputs [M, n]."""
        back = upstream[..., None]
        for i in range(len(self._weights) - 1, -1, -1):
            below = self._hidden[i]
            # sums of many candidates need room
            step = self._grid.gradient * max(1.0, 2.0 ** np.ceil(np.log2(back.shape[1] / 32)))
            back = to_grid(back, step * reach(back, (1, 2)))
            np.matmul(below.swapaxes(-1, -2), back, out=self._slopes[2 * i])
            np.matmul(np.ones((1, back.shape[1]), back.dtype), back, out=self._slopes[2 * i + 1])
            if i:
                above = self._weights[i].swapaxes(-1, -2)
                # a single output is no sum, and a library's product is slow at it
                back = back @ above if above.shape[1] > 1 else back * above
                back *= below > 0 if not self._slope else np.where(below > 0, 1, below.dtype.type(self._slope))
                if masks:
                    back *= masks[i - 1]

    def layers(self) -> Layers:
        """The networks as they are now."""
        return Layers(tuple(w.copy() for w in self._exact), tuple(b.copy() for b in self._biases), self._slope)


def _views(flat: np.ndarray, like: list[np.ndarray]) -> list[np.ndarray]:
    """Consecutive parts of a flat array in the shapes of others."""
    ends = np.cumsum([a.size for a in like])
    return [part.reshape(a.shape) for part, a in zip(np.split(flat, ends[:-1]), like, strict=True)]


@dataclass(frozen=True)
class Training:
    """How networks are trained: Adam, a fixed number of steps, no early stop.

    Args:
        loss: `squared` or `ranking`.
        steps: number of updates.
        batch: candidates in a minibatch, drawn anew each step; all of them when there are no more than that.
        rate: Adam's learning rate.
        decay: weight decay apart from the gradient (AdamW), per unit of learning rate.
        dropout: share of hidden units that is dropped in each step, anew for each candidate.
        passes: when above 0, passes through the data, instead of `steps` updates.
        cooling: whether the learning rate falls to 0 along half a cosine.

    Source: Kingma and Ba 2014, arXiv:1412.6980; Loshchilov and Hutter 2017, arXiv:1711.05101.
    """

    loss: str = "squared"
    steps: int = 300
    batch: int = 128
    rate: float = 1e-3
    decay: float = 0.0
    dropout: float = 0.0
    passes: int = 0
    cooling: bool = False

    def __call__(
        self, start: Layers, x: np.ndarray, targets: np.ndarray, weights: np.ndarray, rng: np.random.Generator
    ) -> Layers:
        """Train M networks on the same minibatches.

        Args:
            start: weights to start from; not changed.
            x: [N, D] float32 features.
            targets: [N] float32.
            weights: [M, N] float32 weight of each candidate for each member (0: not seen by that member).
            rng: of minibatches and dropped units.
        """
        trainee = Trainee(start, x)
        adam = Adam(trainee.parameters, self.rate, self.decay)
        gradient = LOSSES[self.loss]
        everything = np.arange(len(x))
        steps = self.passes * max(1, len(x) // self.batch) if self.passes else self.steps
        for step in range(steps):
            rows = everything if len(x) <= self.batch else rng.choice(len(x), self.batch, replace=False)
            masks = drop(start, len(rows), self.dropout, rng) if self.dropout else ()
            outputs = trainee.outputs(rows, masks)
            trainee.backward(gradient(outputs, targets[rows], weights[:, rows]).astype(np.float32, copy=False), masks)
            if self.cooling:
                adam.rate = self.rate * (0.5 + 0.5 * np.cos(np.pi * (step + 1) / steps))
            adam.step(trainee.gradient)
            if step % REPORTED == 0 or step + 1 == steps:
                report_fit("training", step + 1, steps)
        return trainee.layers()


def drop(layers: Layers, candidates: int, rate: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Masks [M, candidates, H] of all hidden layers: a unit is 0 with probability `rate`, else 1 / (1 - rate)."""
    keep = np.float32(1 - rate)
    shapes = [(w.shape[0], candidates, w.shape[2]) for w in layers.weights[:-1]]
    return [(rng.random(shape, np.float32) < keep) / keep for shape in shapes]


#: steps from one report of progress to the next
REPORTED = 50
#: decays of Adam's means of gradients and of their squares, and the root of the smallest mean square
FIRST, SECOND, EPSILON = 0.9, 0.999, 1e-8


class Adam:
    """Changes an array in place along its gradient.

    Args:
        parameters: [P] what is trained.
        rate: learning rate.
        decay: weight decay per unit of learning rate.
    """

    def __init__(self, parameters: np.ndarray, rate: float, decay: float = 0.0):
        self.parameters, self.rate, self.decay, self.count = parameters, rate, decay, 0
        self._first, self._second = np.zeros_like(parameters), np.zeros_like(parameters)

    def step(self, gradient: np.ndarray) -> None:
        """One update; the gradient [P] is used up as room for what lies between."""
        self.count += 1
        # the means are kept as sums, (1 - decay) times which they are: two passes over the arrays less
        share = np.sqrt((1 - SECOND**self.count) / (1 - SECOND)) / ((1 - FIRST**self.count) / (1 - FIRST))
        cast = self.parameters.dtype.type
        self._first *= cast(FIRST)
        self._first += gradient
        np.square(gradient, out=gradient)
        gradient += cast(EPSILON**2)
        self._second *= cast(SECOND)
        self._second += gradient
        np.sqrt(self._second, out=gradient)
        np.divide(self._first, gradient, out=gradient)
        gradient *= cast(self.rate * share)
        if self.decay:
            self.parameters *= cast(1 - self.rate * self.decay)
        self.parameters -= gradient
