"""Passes of a masked-language model over windows of a chain."""

from __future__ import annotations

import numpy as np
import torch

from activeloop.foundation.devices import attention_as, faster_attention, minibatch_tokens
from activeloop.foundation.encoder import TransformerEncoder
from activeloop.foundation.tokens import Tokens
from activeloop.foundation.windows import Windows

#: `spaced_logits` masks every residue of this spacing at once
SPACING = 12


def wild_type_logits(encoder: TransformerEncoder, windows: Windows) -> np.ndarray:
    """[S, V] at each residue with nothing masked."""
    return states_and_logits(encoder, windows, 0)[1]


def masked_logits(encoder: TransformerEncoder, windows: Windows, mask: int) -> np.ndarray:
    """[S, V] at each residue with that residue alone masked; a residue that occurs twice is computed once."""
    where, first, again = np.unique(
        np.stack([windows.row, windows.column], axis=1), axis=0, return_index=True, return_inverse=True
    )
    ids = windows.masked(mask)[first]
    return wild_type_logits(encoder, Windows(ids, np.arange(len(ids)), where[:, 1]))[again]


def jointly_masked_logits(encoder: TransformerEncoder, windows: Windows, which: np.ndarray, mask: int) -> np.ndarray:
    """[n, V] at each of `which` (bool [S], n of them True) with all of these masked together."""
    ids = windows.masked_together(which, mask)
    return wild_type_logits(encoder, Windows(ids, windows.row[which], windows.column[which]))


def spaced_logits(encoder: TransformerEncoder, windows: Windows, mask: int) -> np.ndarray:
    """[S, V] at each residue with it and every `SPACING`-th other one masked together: `SPACING` passes in all.

    About as many are masked as in training.
    """
    parts = [which for k in range(SPACING) if (which := windows.column % SPACING == k).any()]
    found = [jointly_masked_logits(encoder, windows, which, mask) for which in parts]
    logits = np.empty((len(windows.row), found[0].shape[1]), np.float32)
    for which, part in zip(parts, found, strict=True):
        logits[which] = part
    return logits


def log_pseudo_perplexity(encoder: TransformerEncoder, tokens: Tokens, mask: int) -> float:
    """Mean of -log p (nats a residue) of a whole chain's residues, each masked in turn.

    Source: Salazar et al. 2020, arXiv:1910.14659.
    """
    residues = int(tokens.lengths[0]) - tokens.first - tokens.last
    logits = torch.from_numpy(masked_logits(encoder, Windows.of(tokens, np.arange(residues)), mask))
    true = torch.from_numpy(tokens.ids[0, tokens.first : tokens.first + residues].astype(np.int64))
    return float(torch.nn.functional.cross_entropy(logits, true))


@torch.inference_mode()
def states_and_logits(encoder: TransformerEncoder, windows: Windows, layers: int) -> tuple[np.ndarray, np.ndarray]:
    """Float32 hidden states [S, D] after some layers, and logits [S, V], at each residue of the windows as they are.

    The head runs at these residues alone.

    Raises:
        ModelError: the checkpoint has no masked-language head.
    """
    found = []
    device = next(encoder.parameters()).device
    length = windows.ids.shape[1]
    kind = faster_attention(encoder.heads, length, half=False, device=str(device))
    size = max(1, minibatch_tokens(device) // length)
    for start in range(0, len(windows.ids), size):
        ids = torch.from_numpy(windows.ids[start : start + size]).to(device)
        real = torch.ones(ids.shape, dtype=torch.bool, device=device)
        here = np.flatnonzero((windows.row >= start) & (windows.row < start + size))
        which = torch.from_numpy(windows.row[here] - start), torch.from_numpy(windows.column[here])
        with attention_as(encoder, kind):
            hidden = encoder.run(encoder.embed(ids, real), real, 0, layers)
            states = hidden[which]
            logits = encoder.logits(encoder.finish(encoder.run(hidden, real, layers))[which])
        found.append((here, *(part.float().cpu().numpy() for part in (states, logits))))
    order = np.argsort(np.concatenate([here for here, _, _ in found]), kind="stable")
    states, logits = (np.concatenate([part[i] for part in found])[order] for i in (1, 2))
    return states, logits
