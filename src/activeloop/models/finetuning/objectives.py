"""What the fit loop minimises: adapter and linear head on values, an order, or classes."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch.nn.functional import dropout, linear

from activeloop.foundation.tokens import Tokens
from activeloop.models.finetuning.adapted import ActivationCache, AdaptedEncoder, Entering
from activeloop.models.finetuning.checkpointer import below, prefixed
from activeloop.models.finetuning.losses import Loss


class TrainingObjective(ABC):
    """A model in training, its candidates and its loss. The loop asks; it owns parameters and candidates.

    Candidates are counted from 0 to N - 1, training and validation ones together. Random numbers (dropout) come from
    torch's generator, which the loop seeds before each step; nothing else may be random.
    """

    @abstractmethod
    def parameters(self) -> list[torch.nn.Parameter]:
        """All that learns, in a fixed order."""

    @abstractmethod
    def outputs(self, which: np.ndarray) -> torch.Tensor:
        """What the model says of some candidates, [n, ...], with gradients and with dropout."""

    @abstractmethod
    def loss(self, outputs: torch.Tensor, which: np.ndarray) -> torch.Tensor:
        """The mean loss of these candidates; it may depend on the parameters through `outputs` alone."""

    @abstractmethod
    def scores(self, which: np.ndarray) -> np.ndarray:
        """[n] predictions, larger is better, without gradients and without dropout."""

    @property
    def rate(self) -> float:
        """The highest learning rate, where a plan names none."""
        return 1e-3

    def rates(self) -> list[float]:
        """By how much the learning rate of each of `parameters` is multiplied."""
        return [1.0] * len(self.parameters())

    def penalty(self) -> torch.Tensor | None:
        """What is added to the loss whatever the candidates; called once a step, after `outputs`."""
        return None

    def after_backward(self) -> None:
        """Called when the gradients of a step are complete, before they are clipped and used."""
        return

    def after_step(self, step: int, steps: int) -> bool:
        """Called after a step (from 0) of so many; True when `parameters` are others now (a new optimiser is made)."""
        del step, steps
        return False

    @abstractmethod
    def state(self) -> dict[str, torch.Tensor]:
        """Everything that training changes."""

    @abstractmethod
    def load(self, state: dict[str, torch.Tensor]) -> None:
        """The counterpart of `state`; `parameters` may be others afterwards."""

    def progress(self) -> dict[str, torch.Tensor]:
        """What a fit that was interrupted needs beside `state`; often nothing."""
        return {}

    def resume(self, progress: dict[str, torch.Tensor]) -> None:
        """The counterpart of `progress`, after `load`."""
        del progress


#: penalties that are compared, times the number of columns
PENALTIES = np.geomspace(1e-3, 1e3, 13)


def ridge(features: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float]:
    """A weighted ridge regression whose penalty has the least leave-one-out error.

    Args:
        features: [N, P].
        targets: [N].
        weights: [N], at most 1.

    Returns:
        Coefficients [P] and intercept.

    >>> x = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> slope, intercept = ridge(x, 2 * x[:, 0] + 1, np.ones(4))
    >>> slope.round(1).tolist(), round(intercept, 1)
    ([2.0], 1.0)
    """
    share = weights / weights.sum()
    centre, middle = share @ features, float(share @ targets)
    root = np.sqrt(weights)
    x, y = root[:, None] * (features - centre), root * (targets - middle)
    left, singular, right = np.linalg.svd(x.astype(np.float64), full_matrices=False)
    along = left.T @ y
    best, coefficients = np.inf, np.zeros(features.shape[1])
    for penalty in PENALTIES * features.shape[1]:
        shrunk = singular**2 / (singular**2 + penalty)
        leverage = np.minimum((left**2) @ shrunk + share, 1 - 1e-9)
        error = float((((y - left @ (shrunk * along)) / (1 - leverage)) ** 2).sum())
        if error < best:
            best, coefficients = error, right.T @ (singular / (singular**2 + penalty) * along)
    return coefficients, middle - float(centre @ coefficients)


class Supervised(TrainingObjective):
    """A linear head on the standardised features of an adapted model, and beside them the prior mean.

    The head starts as the ridge regression on the features as pretrained, so training begins where a frozen model
    ends.

    Args:
        adapted: the model; its adapter learns.
        tokens: of the N candidates, as `reading.read` gives them.
        guess: [N, G] prior means; G may be 0.
        targets: [N] as the head's scale gives them.
        weights: [N] of the targets.
        head: says what is minimised.
        training: indices of those that are trained on; features are standardised by them.
        entering: as `ActivationCache`.
    """

    def __init__(
        self,
        adapted: AdaptedEncoder,
        tokens: Tokens,
        guess: np.ndarray,
        targets: np.ndarray,
        weights: np.ndarray,
        head: Loss,
        training: np.ndarray,
        entering: Entering | None = None,
    ):
        self.adapted, self.tokens, self.head = adapted, tokens, head
        self._training, self._entering = training, entering
        self._make_prefix()
        # as much room as all features together: a guess is one column among many
        room = np.sqrt(adapted.pooler.size) / standardising(guess[training])[1]
        self._guess = self._tensor((guess - guess[training].mean(0)) * room)
        self._targets, self._weights = self._tensor(targets), self._tensor(weights)
        #: features of the training candidates before anything was learned
        self.first = self.features(training)
        self.weight, self.bias = (torch.nn.Parameter(self._tensor(p)) for p in self._begin(self.first))

    def parameters(self) -> list[torch.nn.Parameter]:
        """Of the adapted model, then of the head."""
        return [*self.adapted.parameters(), self.weight, self.bias]

    @property
    def rate(self) -> float:
        """The adapter's."""
        return self.adapted.rate

    def rates(self) -> list[float]:
        """As the adapter wants them; 1 for the rest."""
        own = self.adapted.attached.rates()
        return [*own, *[1.0] * (len(self.parameters()) - len(own))]

    def outputs(self, which: np.ndarray) -> torch.Tensor:
        """[n] in units of the targets."""
        self.adapted.dropout(True)
        outputs = self._head(self._prefix.pooled(which), which, self.head.dropout)
        self.adapted.dropout(False)
        return outputs

    def loss(self, outputs: torch.Tensor, which: np.ndarray) -> torch.Tensor:
        """The head's."""
        return self.head.loss(outputs, self._targets[which], self._weights[which])

    @torch.no_grad()
    def scores(self, which: np.ndarray) -> np.ndarray:
        """[n] in units of the targets."""
        return self._head(self._tensor(self.features(which)), which, 0.0).cpu().numpy()

    def penalty(self) -> torch.Tensor | None:
        """The adapter's."""
        return self.adapted.attached.penalty()

    def after_backward(self) -> None:
        """Told to the adapter."""
        self.adapted.attached.after_backward()

    def after_step(self, step: int, steps: int) -> bool:
        """Told to the adapter; when it changed the model, what was made of its features is made anew."""
        changed = self.adapted.attached.after_step(step, steps)
        if changed:
            self._make_prefix()
            # a model of which something was removed has features of another mean and scale
            weight, bias = self._begin(self.features(self._training))
            self._put(weight, bias)
        return changed

    def state(self) -> dict[str, torch.Tensor]:
        """Of model and head."""
        return {**prefixed("model", self.adapted.state()), **self._head_state()}

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """The counterpart of `state`."""
        self.adapted.load(below("model", state))
        if self._prefix.made_of != (self.adapted.encoder, self.adapted.lowest, self.adapted.half):
            self._make_prefix()
        with torch.no_grad():
            for name, tensor in self._head_state().items():
                tensor.copy_(state[name])

    def progress(self) -> dict[str, torch.Tensor]:
        """The adapter's."""
        return self.adapted.attached.progress()

    def resume(self, progress: dict[str, torch.Tensor]) -> None:
        """Told to the adapter."""
        self.adapted.attached.resume(progress)

    def features(self, which: np.ndarray) -> np.ndarray:
        """Float32 [n, P] of the model as it is now."""
        return self._prefix.features(which)

    def _head_state(self) -> dict[str, torch.Tensor]:
        own = {"weight": self.weight.detach(), "bias": self.bias.detach()}
        return {**own, "centre": self._centre, "spread": self._spread}

    def _begin(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Standardise by the features [n, P] of the training candidates; weight [1, P + G] and bias [1] of a ridge."""
        centre, spread = standardising(features)
        self._centre, self._spread = self._tensor(centre), self._tensor(spread)
        which = self._training
        start = np.hstack([(features - centre) / spread, self._guess[which].cpu().numpy()])
        targets, weights = (told[which].cpu().numpy().astype(np.float64) for told in (self._targets, self._weights))
        coefficients, intercept = ridge(start, targets, weights)
        return coefficients[None], np.array([intercept])

    @torch.no_grad()
    def _put(self, weight: np.ndarray, bias: np.ndarray) -> None:
        self.weight.copy_(self._tensor(weight))
        self.bias.copy_(self._tensor(bias))

    def _head(self, features: torch.Tensor, which: np.ndarray, rate: float) -> torch.Tensor:
        standard = (features - self._centre) / self._spread
        inputs = torch.cat([dropout(standard, rate, rate > 0), self._guess[which]], 1)
        return linear(inputs, self.weight, self.bias)[:, 0]

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array.astype(np.float32)).to(self.adapted.device)

    def _make_prefix(self) -> None:
        self._prefix = ActivationCache(self.adapted, self.tokens, entering=self._entering)


def standardising(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and spread [P] of features [N, P] (float32); the spread of a column that never changes is 1."""
    spread = features.std(0)
    return features.mean(0), np.where(spread > 1e-6 * max(float(spread.max(initial=0)), 1e-12), spread, 1.0)
