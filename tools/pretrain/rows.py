"""Sequences packed into rows, and some of their residues hidden."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tools.pretrain.corpus import CLS, EOS, FIRST_LETTER, LETTERS, MASK, PAD, Corpus

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
        share: of the residues that must be told.
        rng: of the choice.

    Returns:
        The tokens [R, W] to be shown, and bool [R, W] which must be told.
    """
    told = (tokens >= FIRST_LETTER) & (tokens < FIRST_LETTER + LETTERS) & (rng.random(tokens.shape) < share)
    how = rng.random(tokens.shape)
    shown = np.where(told & (how < 0.8), MASK, tokens)
    other = rng.integers(FIRST_LETTER, FIRST_LETTER + LETTERS, tokens.shape)
    return np.where(told & (how >= 0.9), other, shown), told
