"""The masked-language loss of packed rows."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional
from transformers import EsmForMaskedLM

from tools.pretrain.corpus import MASK

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


def told_loss(states: torch.Tensor, model: EsmForMaskedLM, tokens: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
    """Sum of the cross-entropy (nats) of the residues that must be told; the head sees no others.

    Args:
        states: [R, W, D].
        model: whose head is asked.
        tokens: [R, W] what is right.
        told: bool [R, W].
    """
    logits = model.lm_head(states[told]).float()
    return functional.cross_entropy(logits, tokens[told], reduction="sum")
