"""What a training run changes: a whole model, or an adapter in a frozen one."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from transformers import EsmForMaskedLM

from activeloop.adapters.base import Attached
from activeloop.errors import ModelError
from tools.pretrain.schedule import Schedule

#: tied to the embeddings, so it is kept once
TIED = "lm_head.decoder.weight"


class Learned(ABC):
    """What learns, and how it is kept.

    Attributes:
        model: the one that is run.
    """

    model: EsmForMaskedLM

    @abstractmethod
    def optimisers(self, schedule: Schedule) -> dict[str, torch.optim.Optimizer]:
        """By the name of their learning rate in the schedule."""

    @abstractmethod
    def state(self) -> dict[str, torch.Tensor]:
        """Everything that learns, by a name that begins with its kind."""

    @abstractmethod
    def load(self, tensors: dict[str, torch.Tensor]) -> None:
        """The counterpart of `state`; other tensors are left alone.

        Raises:
            ModelError: they belong to another model.
        """

    @abstractmethod
    def finished(self) -> EsmForMaskedLM:
        """A plain model with all that was learnt in its weights."""


class WholeModel(Learned):
    """Every weight learns: Muon for the matrices of the layers, AdamW for embeddings, norms and biases.

    Source: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon; torch's own optimiser.
    """

    def __init__(self, model: EsmForMaskedLM):
        self.model = model

    def optimisers(self, schedule: Schedule) -> dict[str, torch.optim.Optimizer]:
        """`muon` and `adam`."""
        named = [(n, p) for n, p in self.model.named_parameters() if "contact" not in n]
        matrices = [p for n, p in named if p.ndim == 2 and ".layer." in n]
        others = [p for n, p in named if not (p.ndim == 2 and ".layer." in n)]
        return {
            "muon": torch.optim.Muon(matrices, lr=schedule.muon, weight_decay=0.01, momentum=0.95),
            "adam": torch.optim.AdamW(others, lr=schedule.adam, betas=(0.9, 0.98), weight_decay=0.01),
        }

    def state(self) -> dict[str, torch.Tensor]:
        """`model.` and the names of `transformers`."""
        return {f"model.{k}": v for k, v in self.model.state_dict().items() if k != TIED}

    def load(self, tensors: dict[str, torch.Tensor]) -> None:
        """Weights of a checkpoint."""
        weights = {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
        own = {k: v.shape for k, v in self.model.state_dict().items() if k != TIED}
        if own != {k: v.shape for k, v in weights.items()}:
            raise ModelError("The checkpoint is of a model of another shape. Give its shape; nothing was trained.")
        self.model.load_state_dict(weights, strict=False)

    def finished(self) -> EsmForMaskedLM:
        """The model itself."""
        return self.model


class AdaptedModel(Learned):
    """An adapter learns (AdamW); the model that it sits in stays as it was pretrained."""

    def __init__(self, attached: Attached):
        self.attached = attached
        self.model = attached.encoder.model

    def optimisers(self, schedule: Schedule) -> dict[str, torch.optim.Optimizer]:
        """`adam`; without decay, which would pull towards the base."""
        adam = torch.optim.AdamW(self.attached.parameters(), lr=schedule.adam, betas=(0.9, 0.98), weight_decay=0.0)
        return {"adam": adam}

    def state(self) -> dict[str, torch.Tensor]:
        """`adapter.` and the adapter's own names."""
        return {f"adapter.{k}": v for k, v in self.attached.state().items()}

    def load(self, tensors: dict[str, torch.Tensor]) -> None:
        """State of the adapter."""
        state = {k.removeprefix("adapter."): v for k, v in tensors.items() if k.startswith("adapter.")}
        if not state:
            raise ModelError("The checkpoint holds no adapter. Give the options it was made with; nothing was trained.")
        self.attached.load(state)

    def finished(self) -> EsmForMaskedLM:
        """The adapter merged into its base."""
        return self.attached.merge().model
