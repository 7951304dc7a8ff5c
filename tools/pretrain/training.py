"""A training run that can stop anywhere and go on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional
from transformers import EsmForMaskedLM

from activeloop.models.finetuning.group import Group
from tools.pretrain.corpus import CLS, EOS, FIRST_LETTER, LETTERS, MASK, PAD, Corpus
from tools.pretrain.model import Shape, build
from tools.pretrain.trainable import Schedule, Trainable

#: a crop shorter than this tells too little to fill a row with
SHORTEST = 32


def pack(corpora: Sequence[Corpus], weights: np.ndarray, rows: int, width: int, rng: np.random.Generator):
    """Rows filled end to end with sequences of a mixture of corpora.

    Args:
        corpora: where the sequences come from.
        weights: [K] share of the rows that each corpus fills.
        rows: R.
        width: W tokens a row.
        rng: of the choice and of the windows of long sequences.

    Returns:
        Tokens int64 [R, W] (padded at the end), and int64 [R, W] the number of the sequence within its row (-1:
        padding); a token may look only at those with its number.

    >>> tokens, piece = pack([Corpus.of(["MKT" * 12])], np.ones(1), 1, 80, np.random.default_rng(0))
    >>> [int((piece == k).sum()) for k in (0, 1, -1)], tokens[0, [0, 37, 38]].tolist()
    ([38, 38, 4], [0, 2, 0])
    """
    tokens, piece = np.full((rows, width), PAD, np.int64), np.full((rows, width), -1, np.int64)
    for r, source in enumerate(rng.choice(len(corpora), size=rows, p=weights / weights.sum())):
        at = number = 0
        while (room := width - at - 2) >= (SHORTEST if number else 1):
            text = corpora[source].crop(room, rng)
            end = at + len(text) + 2
            tokens[r, at], tokens[r, at + 1 : end - 1], tokens[r, end - 1] = CLS, text, EOS
            piece[r, at:end] = number
            at, number = end, number + 1
    return tokens, piece


def mask_tokens(tokens: np.ndarray, share: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Hide some residues, as BERT does: four fifths become <mask>, a tenth another residue, a tenth stay.

    Args:
        tokens: [R, W].
        share: of the residues that are masked.
        rng: of the choice.

    Returns:
        The tokens [R, W] to be shown, and bool [R, W] which are masked.
    """
    masked = (tokens >= FIRST_LETTER) & (tokens < FIRST_LETTER + LETTERS) & (rng.random(tokens.shape) < share)
    how = rng.random(tokens.shape)
    shown = np.where(masked & (how < 0.8), MASK, tokens)
    other = rng.integers(FIRST_LETTER, FIRST_LETTER + LETTERS, tokens.shape)
    return np.where(masked & (how >= 0.9), other, shown), masked


#: of the embeddings, ESM-2 was trained with so large a share zeroed (15 % hidden, four fifths of them as <mask>)
ZEROED = 0.15 * 0.8


def hidden_states(model: EsmForMaskedLM, tokens: torch.Tensor, piece: torch.Tensor) -> torch.Tensor:
    """[R, W, D] where each token looks only at tokens of its own sequence.

    Args:
        model: ESM-2-shaped.
        tokens: [R, W] as shown.
        piece: [R, W] number of the sequence within its row (-1: padding).
    """
    same = piece[:, :, None] == piece[:, None, :]
    embedded = _embedded(model, tokens, same)
    kind = torch.bfloat16 if torch.is_autocast_enabled(tokens.device.type) else embedded.dtype
    bias = torch.zeros(same.shape, dtype=kind, device=tokens.device)
    bias.masked_fill_(~same, torch.finfo(torch.bfloat16).min)
    rotary: Any = model.esm.rotary_embeddings
    angles = rotary(embedded, torch.arange(tokens.shape[1], device=tokens.device)[None])
    return model.esm.encoder(embedded, attention_mask=bias[:, None], position_embeddings=angles).last_hidden_state


def _embedded(model: EsmForMaskedLM, tokens: torch.Tensor, same: torch.Tensor) -> torch.Tensor:
    embeddings: Any = model.esm.embeddings
    embedded = embeddings.word_embeddings(tokens)
    if embeddings.token_dropout:
        # as `transformers` does it for a sequence alone; here its share of masks is counted within its piece
        hidden = tokens == MASK
        observed = (same & hidden[:, None, :]).sum(2) / same.sum(2)
        embedded = embedded.masked_fill(hidden[:, :, None], 0.0) * ((1 - ZEROED) / (1 - observed))[:, :, None]
    return embedded if embeddings.layer_norm is None else embeddings.layer_norm(embedded)


def masked_loss(
    states: torch.Tensor, model: EsmForMaskedLM, tokens: torch.Tensor, masked: torch.Tensor
) -> torch.Tensor:
    """Sum of the cross-entropy (nats) of the residues that are masked; the head reads no others.

    Args:
        states: [R, W, D].
        model: whose head is asked.
        tokens: [R, W] what is right.
        masked: bool [R, W].
    """
    logits = model.lm_head(states[masked]).float()
    return functional.cross_entropy(logits, tokens[masked], reduction="sum")


__all__ = ["Schedule", "Shape", "TrainingRun", "build"]

#: share of the residues that are masked in validation
MASKED_SHARE = 0.15
#: rows of a validation batch
AT_ONCE = 32


@dataclass
class TrainingRun:
    """A training run that can stop anywhere and go on.

    The rows of a step depend on the seed and its number alone, so the same run is the same however often it was
    stopped, and with any number of processes up to rounding.

    Args:
        folder: where checkpoints are kept.
        trainable: what is trained.
        schedule: how.
        corpora: the mixture.
        weights: share of the rows that each corpus fills.
        seed: of everything random.
        group: of the processes that share each step.
        half: bfloat16 where it is safe.
    """

    folder: Path
    trainable: Trainable
    schedule: Schedule
    corpora: Sequence[Corpus]
    weights: Sequence[float]
    seed: int = 0
    group: Group = field(default_factory=Group)
    half: bool = False

    def __post_init__(self):
        self.device = self.group.device
        self.model = self.trainable.model
        self.optimisers = self.trainable.optimisers(self.schedule)
        self.step = 0
        self._packed: list[torch.Tensor] | None = None
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def path(self) -> Path:
        """Of the checkpoint."""
        return self.folder / "checkpoint.safetensors"

    def resume(self) -> bool:
        """Go on from the last checkpoint, if there is one.

        Raises:
            ModelError: it belongs to another model.
        """
        if not self.path.is_file():
            return False
        tensors = load_file(self.path, self.device)
        self.trainable.load(tensors)
        self.step, self._packed = int(tensors["step"]), None
        for name, optimiser in self.optimisers.items():
            state = optimiser.state_dict()
            state["state"] = {}
            for key, value in tensors.items():
                if key.startswith(f"{name}."):
                    _, index, entry = key.split(".")
                    state["state"].setdefault(int(index), {})[entry] = value
            optimiser.load_state_dict(state)
        return True

    def save(self) -> None:
        """Write a checkpoint; an interrupted write leaves the one before untouched."""
        if not self.group.first:
            return
        tensors = self.trainable.state() | {"step": torch.tensor(self.step)}
        for kind, optimiser in self.optimisers.items():
            for index, entries in optimiser.state_dict()["state"].items():
                tensors |= {f"{kind}.{index}.{entry}": value for entry, value in entries.items()}
        new = self.path.with_suffix(".new")
        save_file({k: v.detach().clone().contiguous() for k, v in tensors.items()}, new)
        with new.open("rb") as file:
            os.fsync(file.fileno())
        new.replace(self.path)

    def advance(self) -> float:
        """One step; its loss in nats a residue."""
        tokens, piece, shown, masked = self._packed if self._packed is not None else self._pack()
        self._set_rates()
        mine, count = self.group.rows, int(np.count_nonzero(masked.numpy()))
        loss = self._loss(tokens[mine], piece[mine], shown[mine], masked[mine]) / count
        loss.backward()
        self.group.sum_gradients(self._parameters())
        for optimiser in self.optimisers.values():
            optimiser.step()
            optimiser.zero_grad()
        self.step += 1
        # while a graphics card computes: only asking for the loss waits for it
        self._packed = self._pack() if self.step < self.schedule.steps else None
        return self.group.sum(loss)

    def _pack(self) -> list[torch.Tensor]:
        """Rows of the next step."""
        rng = np.random.default_rng([self.seed, self.step])
        return _rows(self.corpora, self.weights, self.schedule.rows, self.schedule.width, self.schedule.share, rng)

    @torch.no_grad()
    def validate(self, corpora: Sequence[Corpus], rows: int = 128) -> list[float]:
        """Mean loss (nats a residue, 15 % hidden) on each of some held-out corpora; the same rows at each call."""
        losses = []
        for corpus in corpora:
            rng = np.random.default_rng([self.seed, 1])
            validation = _rows([corpus], [1.0], rows, self.schedule.width, MASKED_SHARE, rng)
            parts = zip(*(tensor.split(AT_ONCE) for tensor in validation), strict=True)
            losses.append(sum(self._loss(*part).item() for part in parts) / validation[3].sum().item())
        return losses

    def _loss(self, tokens, piece, shown, masked) -> torch.Tensor:
        tokens, piece, shown, masked = (part.to(self.device) for part in (tokens, piece, shown, masked))
        with torch.autocast(self.device.partition(":")[0], torch.bfloat16, enabled=self.half):
            return masked_loss(hidden_states(self.model, shown, piece), self.model, tokens, masked)

    def _set_rates(self) -> None:
        factor = self.schedule.factor(self.step)
        for name, optimiser in self.optimisers.items():
            for group in optimiser.param_groups:
                group["lr"] = getattr(self.schedule, name) * factor

    def _parameters(self) -> list[torch.nn.Parameter]:
        return [p for o in self.optimisers.values() for group in o.param_groups for p in group["params"]]


def _rows(
    corpora: Sequence[Corpus], weights: Sequence[float], rows: int, width: int, share: float, rng: np.random.Generator
) -> list[torch.Tensor]:
    """Tokens, pieces, what is shown and which are masked, each [R, W], of some rows."""
    tokens, piece = pack(corpora, np.asarray(weights, float), rows, width, rng)
    return [torch.from_numpy(array) for array in (tokens, piece, *mask_tokens(tokens, share, rng))]
