"""Masked-language-model training of an ESM-2-shaped model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional
from transformers import EsmConfig, EsmForMaskedLM

from activeloop.models.pretraining.corpus import MASK, PAD, VOCABULARY, Corpus, mask_tokens, pack


@dataclass(frozen=True)
class Shape:
    """Of an ESM-2-shaped model.

    Args:
        layers: how many.
        width: of the hidden states.
        heads: of attention; few wide ones suit processors without a graphics card.
        inner: width of the feed-forward part.
    """

    layers: int = 6
    width: int = 256
    heads: int = 4
    inner: int = 1024

    def config(self) -> EsmConfig:
        """What `transformers` needs to make the model; no dropout, no rescaling of masked embeddings."""
        return EsmConfig(
            vocab_size=len(VOCABULARY),
            mask_token_id=MASK,
            pad_token_id=PAD,
            hidden_size=self.width,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            intermediate_size=self.inner,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            position_embedding_type="rotary",
            token_dropout=False,
            emb_layer_norm_before=False,
            max_position_embeddings=1026,
            vocab_list=list(VOCABULARY),
        )


@dataclass(frozen=True)
class Schedule:
    """How it is trained.

    Args:
        steps: of the optimiser.
        rows: sequences packed into so many rows a step.
        width: tokens a row.
        share: of the residues that are hidden.
        muon: learning rate of the matrices of the layers (Muon).
        adam: learning rate of everything else (AdamW).
        warm: steps of linear warming up.
        cooling: share of the steps, at the end, in which the rates fall to zero in a straight line.
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
        """By which both rates are multiplied at a step."""
        left = (self.steps - step) / max(1.0, self.cooling * self.steps)
        return min(1.0, (step + 1) / self.warm, left)


def hidden_states(model: EsmForMaskedLM, tokens: torch.Tensor, piece: torch.Tensor) -> torch.Tensor:
    """[R, W, D] where each token looks only at tokens of its own sequence."""
    away = piece[:, None, :, None] != piece[:, None, None, :]
    embedded = model.esm.embeddings.word_embeddings(tokens)
    bias = torch.zeros(away.shape, dtype=embedded.dtype).masked_fill_(away, torch.finfo(torch.bfloat16).min)
    return model.esm(inputs_embeds=embedded, attention_mask=bias).last_hidden_state


def masked_loss(model: EsmForMaskedLM, tokens: np.ndarray, piece: np.ndarray, shown: np.ndarray, told: np.ndarray):
    """Mean cross-entropy (nats) of the residues that must be told."""
    states = hidden_states(model, torch.from_numpy(shown), torch.from_numpy(piece))
    which = torch.from_numpy(told)
    return functional.cross_entropy(model.lm_head(states[which]).float(), torch.from_numpy(tokens)[which])


def optimisers(model: nn.Module, schedule: Schedule) -> dict[str, torch.optim.Optimizer]:
    """Muon for the matrices of the layers, AdamW for embeddings, norms and biases."""
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and ".layer." in n]
    others = [p for n, p in model.named_parameters() if not (p.ndim == 2 and ".layer." in n) and "contact" not in n]
    return {
        "muon": torch.optim.Muon(matrices, lr=schedule.muon, weight_decay=0.01, momentum=0.95),
        "adam": torch.optim.AdamW(others, lr=schedule.adam, betas=(0.9, 0.98), weight_decay=0.01),
    }


class FusedIntermediate(nn.Module):
    """The widening half of a feed-forward block with torch's own GELU; the hand-written one takes a fifth longer."""

    def __init__(self, dense: nn.Linear):
        super().__init__()
        self.dense = dense

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """[R, W, D] to [R, W, inner]."""
        return functional.gelu(self.dense(states))


def build(shape: Shape, seed: int) -> EsmForMaskedLM:
    """A model with random weights; attention is written out, which trains fastest at these lengths."""
    config = shape.config()
    config._attn_implementation = "eager"
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = EsmForMaskedLM(config)
    layers: Any = model.esm.encoder.layer
    for layer in layers:
        layer.intermediate = FusedIntermediate(layer.intermediate.dense)
    return model


@dataclass
class Run:
    """A training run that can stop anywhere and go on.

    Args:
        folder: where checkpoints are kept.
        model: what is trained.
        schedule: how.
        corpora: the mixture.
        weights: share of the rows that each corpus fills.
        seed: of everything random; a step's rows depend on seed and step alone.
    """

    folder: Path
    model: EsmForMaskedLM
    schedule: Schedule
    corpora: Sequence[Corpus]
    weights: Sequence[float]
    seed: int = 0

    def __post_init__(self):
        self.optimisers = optimisers(self.model, self.schedule)
        self.step = 0
        self.folder.mkdir(parents=True, exist_ok=True)

    def resume(self) -> bool:
        """Go on from the last checkpoint, if there is one."""
        path = self.folder / "checkpoint.safetensors"
        if not path.is_file():
            return False
        tensors = load_file(path)
        self.step = int(tensors["step"])
        weights = {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
        self.model.load_state_dict(weights, strict=False)
        for name, optimiser in self.optimisers.items():
            state = optimiser.state_dict()
            state["state"] = {}
            for key, value in tensors.items():
                if key.startswith(f"{name}."):
                    _, index, field = key.split(".")
                    state["state"].setdefault(int(index), {})[field] = value
            optimiser.load_state_dict(state)
        return True

    def save(self, name: str = "checkpoint") -> None:
        """Write a checkpoint; an interrupted write leaves the one before untouched."""
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items() if "lm_head.decoder.weight" not in k}
        for kind, optimiser in self.optimisers.items():
            for index, fields in optimiser.state_dict()["state"].items():
                tensors |= {f"{kind}.{index}.{field}": value for field, value in fields.items()}
        tensors["step"] = torch.tensor(self.step)
        new = self.folder / f"{name}.new"
        save_file({k: v.detach().clone().contiguous() for k, v in tensors.items()}, new)
        new.replace(self.folder / f"{name}.safetensors")

    def advance(self) -> float:
        """One step; its loss in nats a residue."""
        schedule = self.schedule
        rng = np.random.default_rng([self.seed, self.step])
        tokens, piece = pack(self.corpora, np.asarray(self.weights, float), schedule.rows, schedule.width, rng)
        shown, told = mask_tokens(tokens, schedule.share, rng)
        rates = {"muon": schedule.muon, "adam": schedule.adam}
        for name, optimiser in self.optimisers.items():
            for group in optimiser.param_groups:
                group["lr"] = rates[name] * schedule.factor(self.step)
        with torch.autocast("cpu", torch.bfloat16):
            loss = masked_loss(self.model, tokens, piece, shown, told)
        loss.backward()
        for optimiser in self.optimisers.values():
            optimiser.step()
            optimiser.zero_grad()
        self.step += 1
        return loss.item()

    @torch.no_grad()
    def validate(self, corpora: Sequence[Corpus], rows: int = 128) -> list[float]:
        """Mean loss (nats a residue, 15 % hidden) on each of some held-out corpora."""
        losses = []
        for corpus in corpora:
            rng = np.random.default_rng([self.seed, 1])
            tokens, piece = pack([corpus], np.ones(1), rows, self.schedule.width, rng)
            shown, told = mask_tokens(tokens, 0.15, rng)
            with torch.autocast("cpu", torch.bfloat16):
                losses.append(masked_loss(self.model, tokens, piece, shown, told).item())
        return losses
