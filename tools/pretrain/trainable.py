"""What a training run trains, and at which rates: a whole model, or an adapter in a frozen one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from transformers import EsmForMaskedLM

from activeloop.adapters import LoRA, attach
from activeloop.adapters.base import Attached
from activeloop.errors import ModelError
from activeloop.foundation import ESM2
from activeloop.foundation.architectures import EsmEncoder
from tools.pretrain.corpus import MASK, VOCABULARY
from tools.pretrain.model import use_fast_attention


@dataclass(frozen=True)
class Schedule:
    """How it is trained: rates rise, stay, and fall at the end; the number of steps may change while it is under way.

    Args:
        steps: of the optimiser.
        rows: sequences packed into so many rows a step (over all processes).
        width: tokens a row.
        share: of the residues that are hidden.
        muon: learning rate of the matrices of the layers (Muon).
        adam: learning rate of everything else (AdamW).
        warm: steps of linear warming up.
        cooling: in which the rates fall to zero in a straight line, at the end: a share of the steps (up to 1), or so
            many steps (above 1).
    """

    steps: int
    rows: int = 32
    width: int = 256
    share: float = 0.2
    muon: float = 0.02
    adam: float = 3e-3
    warm: int = 100
    cooling: float = 0.3

    def factor(self, step: int) -> float:
        """By which both rates are multiplied at a step.

        >>> [round(Schedule(1000, warm=100).factor(step), 2) for step in (0, 49, 500, 850, 1000)]
        [0.01, 0.5, 1.0, 0.5, 0.0]
        >>> Schedule(1000, cooling=100).factor(950)
        0.5
        """
        cooling = self.cooling if self.cooling > 1 else self.cooling * self.steps
        return min(1.0, (step + 1) / self.warm, (self.steps - step) / max(1.0, cooling))

    @property
    def tokens(self) -> int:
        """Of a step."""
        return self.rows * self.width


#: tied to the embeddings, so it is kept once
TIED = "lm_head.decoder.weight"


class Trainable(ABC):
    """What is trained, and how it is stored.

    Attributes:
        model: the one that is run.
    """

    model: EsmForMaskedLM

    @abstractmethod
    def optimisers(self, schedule: Schedule) -> dict[str, torch.optim.Optimizer]:
        """By the name of their learning rate in the schedule."""

    @abstractmethod
    def state(self) -> dict[str, torch.Tensor]:
        """All trained tensors, by a name that begins with its kind."""

    @abstractmethod
    def load(self, tensors: dict[str, torch.Tensor]) -> None:
        """The counterpart of `state`; other tensors are left alone.

        Raises:
            ModelError: they belong to another model.
        """

    @abstractmethod
    def finished(self) -> EsmForMaskedLM:
        """A plain model with everything trained merged into its weights."""


class WholeModel(Trainable):
    """Every weight is trained: Muon for the matrices of the layers, AdamW for embeddings, norms and biases.

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


class AdaptedModel(Trainable):
    """An adapter is trained (AdamW); the model that it sits in stays as it was pretrained."""

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


def adapted(base: str, rank: int, seed: int, device: str, half: bool) -> AdaptedModel:
    """A pretrained model, frozen, with LoRA in all linear maps of its layers.

    Args:
        base: hub id or folder of an ESM-2 checkpoint.
        rank: of LoRA; alpha is twice as much.
        seed: of its first weights.
        device: where it is trained.
        half: whether it will run in bfloat16.

    Raises:
        ModelError: the base has another alphabet or other positions than ESM-2.
        FetchError: neither a folder nor to be had from the hub.
    """
    encoder = ESM2(base).load()
    if not isinstance(encoder, EsmEncoder) or not _like_esm2(encoder):
        raise ModelError(
            f'"{base}" has not the alphabet or the rotary positions of ESM-2. Choose one; nothing was trained.'
        )
    attached = attach(LoRA(rank, 2.0 * rank), encoder, seed)
    use_fast_attention(encoder.model, device, half)
    return AdaptedModel(attached)


def _like_esm2(encoder: EsmEncoder) -> bool:
    config = encoder.model.config
    same = config.vocab_size == len(VOCABULARY) and config.mask_token_id == MASK
    return same and config.position_embedding_type == "rotary"
