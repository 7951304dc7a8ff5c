"""Passes of a masked-language model over windows of a chain."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from activeloop.foundation.base import FoundationModel
from activeloop.foundation.encoder import TransformerEncoder, attention_as, faster
from activeloop.foundation.encoding import best_device, frozen_encoder, tokens_together
from activeloop.foundation.tokens import Tokens
from activeloop.foundation.zero_shot import ResidueTokens, Windows

#: one residue of so many is hidden at once by `spaced_logits`
SPACING = 12


def logits_at(encoder: TransformerEncoder, ids: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Float32 [S, V] logits at some tokens; the head runs at those alone.

    Args:
        encoder: with a masked-language head.
        ids: [W, T] windows of one length.
        row: [S] which window.
        column: [S] which token of it.

    Raises:
        ModelError: the checkpoint has no such head.
    """
    return states_and_logits_at(encoder, ids, row, column, 0)[1]


@torch.inference_mode()
def states_and_logits_at(
    encoder: TransformerEncoder, ids: np.ndarray, row: np.ndarray, column: np.ndarray, depth: int
) -> tuple[np.ndarray, np.ndarray]:
    """Hidden states [S, D] after so many layers, and logits as `logits_at` gives them."""
    found = []
    device = next(encoder.parameters()).device
    kind = faster(encoder.heads, ids.shape[1], half=False, device=str(device))
    for piece in pieces(len(ids), max(1, tokens_together(device) // ids.shape[1])):
        some = torch.from_numpy(ids[piece]).to(device)
        real = torch.ones(some.shape, dtype=torch.bool, device=device)
        here = np.flatnonzero((row >= piece.start) & (row < piece.stop))
        which = torch.from_numpy(row[here] - piece.start), torch.from_numpy(column[here])
        with attention_as(encoder, kind):
            hidden = encoder.run(encoder.embed(some, real), real, 0, depth)
            states = hidden[which]
            logits = encoder.logits(encoder.finish(encoder.run(hidden, real, depth))[which])
        found.append((here, *(part.float().cpu().numpy() for part in (states, logits))))
    order = np.argsort(np.concatenate([here for here, _, _ in found]), kind="stable")
    states, logits = (np.concatenate([part[i] for part in found])[order] for i in (1, 2))
    return states, logits


def pieces(rows: int, size: int) -> Iterator[slice]:
    """Rows in pieces of at most `size`.

    >>> [(p.start, p.stop) for p in pieces(5, 2)]
    [(0, 2), (2, 4), (4, 5)]
    """
    for start in range(0, rows, size):
        yield slice(start, min(rows, start + size))


def masked_logits(foundation: FoundationModel, windows: Windows, mask: int) -> np.ndarray:
    """[S, V] at each residue with that residue alone hidden; a residue asked for twice is computed once."""
    where, first, again = np.unique(
        np.stack([windows.row, windows.column], axis=1), axis=0, return_index=True, return_inverse=True
    )
    hidden = windows.masked(mask)[first]
    logits = logits_at(frozen_encoder(foundation, best_device()), hidden, np.arange(len(hidden)), where[:, 1])
    return logits[again]


def plain_logits(foundation: FoundationModel, windows: Windows) -> np.ndarray:
    """[S, V] at each residue with nothing hidden."""
    return logits_at(frozen_encoder(foundation, best_device()), windows.ids, windows.row, windows.column)


def states_and_logits(foundation: FoundationModel, windows: Windows, depth: float) -> tuple[np.ndarray, np.ndarray]:
    """Hidden states [S, D] after a share of the layers, and logits [S, V], at each residue with nothing hidden."""
    encoder = frozen_encoder(foundation, best_device())
    layers = round(depth * len(encoder.layers))
    return states_and_logits_at(encoder, windows.ids, windows.row, windows.column, layers)


def jointly_masked_logits(foundation: FoundationModel, windows: Windows, which: np.ndarray, mask: int) -> np.ndarray:
    """[n, V] at each of `which` (bool [S], n of them True) with all of these hidden together."""
    hidden = windows.masked_together(which, mask)
    return logits_at(frozen_encoder(foundation, best_device()), hidden, windows.row[which], windows.column[which])


def spaced_logits(foundation: FoundationModel, windows: Windows, mask: int) -> np.ndarray:
    """[S, V] at each residue with it and every `SPACING`-th other one hidden together: `SPACING` passes in all.

    About as many are hidden as in training, so that the model is asked what it was taught.
    """
    parts = [(k, windows.column % SPACING == k) for k in range(SPACING)]
    found = {k: jointly_masked_logits(foundation, windows, which, mask) for k, which in parts if which.any()}
    logits = np.empty((len(windows.row), next(iter(found.values())).shape[1]), np.float32)
    for k, which in parts:
        if k in found:
            logits[which] = found[k]
    return logits


def log_pseudo_perplexity(foundation: FoundationModel, tokens: Tokens, spelling: ResidueTokens) -> float:
    """Mean of -log p (nats a residue) of a whole chain's residues, each hidden in turn.

    Source: Salazar et al. 2020, arXiv:1910.14659.
    """
    residues = int(tokens.lengths[0]) - tokens.first - tokens.last
    windows = Windows.of(tokens, np.arange(residues))
    logits = torch.from_numpy(masked_logits(foundation, windows, spelling.mask))
    true = torch.from_numpy(tokens.ids[0, tokens.first : tokens.first + residues].astype(np.int64))
    return float(torch.nn.functional.cross_entropy(logits, true))
