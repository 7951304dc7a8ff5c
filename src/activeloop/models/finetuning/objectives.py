"""Training objectives: the role that the fit loop minimises, and adapter and linear head on measured values."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch.nn.functional import dropout, linear

from activeloop.adapters.base import Attached
from activeloop.foundation.tokens import Tokens
from activeloop.models.finetuning.adapted import ActivationCache, AdaptedEncoder, Entering
from activeloop.models.finetuning.checkpointer import prefixed, unprefixed
from activeloop.models.finetuning.losses import Loss


class TrainingObjective(ABC):
    """A model in training, its candidates and its loss; the fit loop calls it.

    Candidates are counted from 0 to N - 1, training and validation ones together. Random numbers (dropout) come from
    torch's generator, which the loop seeds before each step; nothing else may be random.
    """

    @abstractmethod
    def parameters(self) -> list[torch.nn.Parameter]:
        """All trainable parameters, in a fixed order."""

    @abstractmethod
    def outputs(self, which: np.ndarray) -> torch.Tensor:
        """Model outputs of some candidates, [n, ...], with gradients and with dropout."""

    @abstractmethod
    def loss(self, outputs: torch.Tensor, which: np.ndarray) -> torch.Tensor:
        """The mean loss of these candidates; it may depend on the parameters through `outputs` alone."""

    @abstractmethod
    def scores(self, which: np.ndarray) -> np.ndarray:
        """[n] predictions, larger is better, without gradients and without dropout."""

    @abstractmethod
    def state(self) -> dict[str, torch.Tensor]:
        """Everything that training changes."""

    @abstractmethod
    def load(self, state: dict[str, torch.Tensor]) -> None:
        """The counterpart of `state`; `parameters` may be others afterwards."""

    @property
    def rate(self) -> float:
        """Peak learning rate, where a plan gives none."""
        return 1e-3

    def rates(self) -> list[float]:
        """Multiplier of the learning rate for each of `parameters`."""
        return [1.0] * len(self.parameters())

    def penalty(self) -> torch.Tensor | None:
        """Term added to the loss whatever the candidates; called once a step, after `outputs`."""
        return None

    def after_backward(self) -> None:
        """Called when the gradients of a step are complete, before they are clipped and used."""
        return

    def after_step(self, step: int, steps: int) -> bool:
        """Called after a step (from 0) of a fit's steps; True when `parameters` have changed (new optimiser)."""
        del step, steps
        return False

    def progress(self) -> dict[str, torch.Tensor]:
        """What an interrupted fit needs beside `state`."""
        return {}

    def resume(self, progress: dict[str, torch.Tensor]) -> None:
        """The counterpart of `progress`, after `load`."""
        del progress


class AdapterObjective(TrainingObjective):
    """An objective whose model is an encoder with an adapter: what the adapter does in a step is done here."""

    @property
    @abstractmethod
    def attached(self) -> Attached:
        """The adapter in its encoder."""

    @abstractmethod
    def encoder_changed(self) -> None:
        """Called when the adapter has changed its encoder: whatever was computed from it is invalid."""

    def penalty(self) -> torch.Tensor | None:
        """The adapter's."""
        return self.attached.penalty()

    def after_backward(self) -> None:
        """The adapter's."""
        self.attached.after_backward()

    def after_step(self, step: int, steps: int) -> bool:
        """The adapter's; when it has changed the encoder, the objective follows."""
        changed = self.attached.after_step(step, steps)
        if changed:
            self.encoder_changed()
        return changed

    def progress(self) -> dict[str, torch.Tensor]:
        """The adapter's."""
        return self.attached.progress()

    def resume(self, progress: dict[str, torch.Tensor]) -> None:
        """The adapter's."""
        self.attached.resume(progress)


class Supervised(AdapterObjective):
    """A linear head on the standardised features of an adapted model, beside them the prior mean.

    The head starts as the ridge regression on the features as pretrained, so training begins where a frozen model
    ends.

    Args:
        adapted: the model; its adapter is trained.
        tokens: of the N candidates, from `tokens_of`.
        prior: [N, G] prior means; G may be 0.
        targets: [N] on the loss's scale.
        weights: [N] of the targets.
        loss: minimised.
        training: indices of the training candidates, by which features are standardised.
        entering: as `ActivationCache`.
    """

    def __init__(
        self,
        adapted: AdaptedEncoder,
        tokens: Tokens,
        prior: np.ndarray,
        targets: np.ndarray,
        weights: np.ndarray,
        loss: Loss,
        training: np.ndarray,
        entering: Entering | None = None,
    ):
        self.adapted, self.tokens, self._loss = adapted, tokens, loss
        self._training, self._entering = training, entering
        self._new_cache()
        # on the scale of all features together: a prior mean is one column among many
        scale = np.sqrt(adapted.pooler.size) / standardisation(prior[training])[1]
        self._prior = self._tensor((prior - prior[training].mean(0)) * scale)
        self._targets, self._weights = self._tensor(targets), self._tensor(weights)
        #: features of the training candidates as pretrained
        self.first = self.features(training)
        self.weight, self.bias = (torch.nn.Parameter(self._tensor(p)) for p in self._ridge_on(self.first))

    @property
    def attached(self) -> Attached:
        """The adapter."""
        return self.adapted.attached

    def parameters(self) -> list[torch.nn.Parameter]:
        """Of the adapted model, then of the head."""
        return [*self.adapted.parameters(), self.weight, self.bias]

    @property
    def rate(self) -> float:
        """The adapter's."""
        return self.adapted.rate

    def rates(self) -> list[float]:
        """The adapter's; 1 for the rest."""
        own = self.attached.rates()
        return [*own, *[1.0] * (len(self.parameters()) - len(own))]

    def outputs(self, which: np.ndarray) -> torch.Tensor:
        """[n] in units of the targets."""
        self.adapted.dropout(True)
        outputs = self._head(self._cache.pooled(which), which, self._loss.dropout)
        self.adapted.dropout(False)
        return outputs

    def loss(self, outputs: torch.Tensor, which: np.ndarray) -> torch.Tensor:
        """Of the outputs, by the targets."""
        return self._loss.loss(outputs, self._targets[which], self._weights[which])

    @torch.no_grad()
    def scores(self, which: np.ndarray) -> np.ndarray:
        """[n] in units of the targets."""
        return self._head(self._tensor(self.features(which)), which, 0.0).cpu().numpy()

    @torch.no_grad()
    def encoder_changed(self) -> None:
        """New activations, and a new ridge regression: features of a pruned model have another mean and scale."""
        self._new_cache()
        weight, bias = self._ridge_on(self.features(self._training))
        self.weight.copy_(self._tensor(weight))
        self.bias.copy_(self._tensor(bias))

    def state(self) -> dict[str, torch.Tensor]:
        """Of model and head."""
        return {**prefixed("model", self.adapted.state()), **self.head_state()}

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """The counterpart of `state`."""
        self.adapted.load(unprefixed("model", state))
        if not self._cache.valid:
            self._new_cache()
        with torch.no_grad():
            for name, tensor in self.head_state().items():
                tensor.copy_(state[name])

    def features(self, which: np.ndarray) -> np.ndarray:
        """Float32 [n, P] of the model as it is now."""
        return self._cache.features(which)

    def head_state(self) -> dict[str, torch.Tensor]:
        """Weight [1, P + G] and bias [1] of the head, mean and standard deviation [P] of the features."""
        own = {"weight": self.weight.detach(), "bias": self.bias.detach()}
        return {**own, "centre": self._centre, "spread": self._spread}

    def _ridge_on(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Standardise by the features [n, P] of the training candidates; weight [1, P + G] and bias [1] of a ridge."""
        centre, spread = standardisation(features)
        self._centre, self._spread = self._tensor(centre), self._tensor(spread)
        which = self._training
        inputs = np.hstack([(features - centre) / spread, self._prior[which].cpu().numpy()])
        targets, weights = (t[which].cpu().numpy().astype(np.float64) for t in (self._targets, self._weights))
        coefficients, intercept = ridge(inputs, targets, weights)
        return coefficients[None], np.array([intercept])

    def _head(self, features: torch.Tensor, which: np.ndarray, rate: float) -> torch.Tensor:
        standardised = (features - self._centre) / self._spread
        inputs = torch.cat([dropout(standardised, rate, rate > 0), self._prior[which]], 1)
        return linear(inputs, self.weight, self.bias)[:, 0]

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array.astype(np.float32)).to(self.adapted.device)

    def _new_cache(self) -> None:
        self._cache = ActivationCache(self.adapted, self.tokens, entering=self._entering)


#: ridge penalties that are compared, times the number of columns
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


def standardisation(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation [P] of features [N, P] (float32); 1 for a constant column."""
    spread = features.std(0)
    return features.mean(0), np.where(spread > 1e-6 * max(float(spread.max(initial=0)), 1e-12), spread, 1.0)
