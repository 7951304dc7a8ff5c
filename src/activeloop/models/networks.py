"""Small networks on NumPy: layers, losses, and the training of many networks in one batched product."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

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
        blocks = [self.forward(x[i : i + BLOCK])[1] for i in range(0, max(len(x), 1), BLOCK)]
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=1)

    def after_first(self, z: np.ndarray) -> np.ndarray:
        """Outputs [M, n] from what comes out of the first layer [M, n, H], before its activation."""
        for w, b in zip(self.weights[1:], self.biases[1:], strict=True):
            z = np.maximum(z, self.slope * z) @ w + b
        return z[..., 0]

    def forward(self, x: np.ndarray, masks: Masks = ()) -> tuple[list[np.ndarray], np.ndarray]:
        """Inputs of each layer after the first ([M, n, H]), and the outputs [M, n]."""
        hidden: list[np.ndarray] = []
        h = x
        for i, (w, b) in enumerate(zip(self.weights[:-1], self.biases[:-1], strict=True)):
            z = h @ w + b
            h = np.maximum(z, self.slope * z)
            if masks:
                h = h * masks[i]
            hidden.append(h)
        return hidden, (h @ self.weights[-1] + self.biases[-1])[..., 0]

    def gradients(self, x: np.ndarray, hidden: list[np.ndarray], d: np.ndarray, masks: Masks = ()) -> list[np.ndarray]:
        """Gradients of all weights, then of all biases, from that of the outputs d [M, n]."""
        upstream = d[..., None]
        of_weights, of_biases = [], []
        for i in range(len(self.weights) - 1, -1, -1):
            below = hidden[i - 1] if i else x
            of_weights.append(below.swapaxes(-1, -2) @ upstream)
            of_biases.append(upstream.sum(-2, keepdims=True))
            if i:
                upstream = upstream @ self.weights[i].swapaxes(-1, -2)
                upstream *= np.where(below > 0, 1, np.float32(self.slope))
                if masks:
                    upstream *= masks[i - 1]
        return of_weights[::-1] + of_biases[::-1]


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
        layers = Layers(tuple(w.copy() for w in start.weights), tuple(b.copy() for b in start.biases), start.slope)
        adam = Adam([*layers.weights, *layers.biases], self.rate, self.decay)
        gradient = LOSSES[self.loss]
        everything = np.arange(len(x))
        steps = self.passes * max(1, len(x) // self.batch) if self.passes else self.steps
        for step in range(steps):
            rows = everything if len(x) <= self.batch else rng.choice(len(x), self.batch, replace=False)
            batch = x[rows]
            masks = drop(layers, len(rows), self.dropout, rng) if self.dropout else ()
            hidden, outputs = layers.forward(batch, masks)
            d = gradient(outputs, targets[rows], weights[:, rows]).astype(np.float32)
            if self.cooling:
                adam.rate = self.rate * (0.5 + 0.5 * np.cos(np.pi * (step + 1) / steps))
            adam.step(layers.gradients(batch, hidden, d, masks))
        return layers


def drop(layers: Layers, candidates: int, rate: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Masks [M, candidates, H] of all hidden layers: a unit is 0 with probability `rate`, else 1 / (1 - rate)."""
    keep = np.float32(1 - rate)
    shapes = [(w.shape[0], candidates, w.shape[2]) for w in layers.weights[:-1]]
    return [(rng.random(shape, np.float32) < keep) / keep for shape in shapes]


class Adam:
    """Changes arrays in place along their gradients.

    Args:
        arrays: what is trained.
        rate: learning rate.
        decay: weight decay per unit of learning rate.
    """

    def __init__(self, arrays: list[np.ndarray], rate: float, decay: float = 0.0):
        self.arrays, self.rate, self.decay, self.count = arrays, rate, decay, 0
        self.first = [np.zeros_like(a) for a in arrays]
        self.second = [np.zeros_like(a) for a in arrays]

    def step(self, gradients: list[np.ndarray]) -> None:
        """One update."""
        self.count += 1
        rate = self.rate * np.sqrt(1 - 0.999**self.count) / (1 - 0.9**self.count)
        for a, g, m, v in zip(self.arrays, gradients, self.first, self.second, strict=True):
            m += np.float32(0.1) * (g - m)
            v += np.float32(0.001) * (g * g - v)
            if self.decay:
                a *= np.float32(1 - self.rate * self.decay)
            a -= np.float32(rate) * m / (np.sqrt(v) + np.float32(1e-8))
