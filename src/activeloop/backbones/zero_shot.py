"""What a pretrained model thinks of mutations before anything was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from activeloop.backbones.base import Backbone, sites_of
from activeloop.backbones.foundation import Foundation
from activeloop.backbones.kept import keep, recall
from activeloop.backbones.needs import need_models
from activeloop.backbones.zero_shot_chain import Spelling, Windows, log_odds, parent_windows
from activeloop.candidates import Pool

TableMethod = Literal["masked", "spaced", "wild-type"]
Method = Literal["masked", "spaced", "wild-type", "joint", "perplexity"]


@dataclass(frozen=True)
class ZeroShot(Backbone):
    """One column: how much likelier a foundation model thinks a candidate than its parent; 0 for the parent.

    `masked`: log-odds of the new letter against the parent's with that position hidden in the parent, summed over the
    mutations; as many passes as there are sites, whatever the size of the pool. `spaced`: the same with every twelfth
    position hidden together, twelve passes. `wild-type`: the same with nothing hidden, one pass. `joint`: all mutated
    positions of a candidate hidden together, a pass for each set of positions that occurs. `perplexity`: the log
    pseudo-perplexity (nats a residue) of the parent less that of the candidate, a pass for each residue of each
    candidate: for a few candidates, and the one that judges insertions and deletions; a pool without a parent is
    compared with a perplexity of 1.

    Args:
        foundation: with a masked-language head.
        method: one of these.

    Source: Meier et al. 2021, NeurIPS (ESM-1v), for the first and third; Salazar et al. 2020, arXiv:1910.14659, for
    `perplexity`.
    """

    foundation: Foundation
    method: Method = "masked"

    @property
    def name(self) -> str:
        """`zero-shot-`, the model's name, and the method when it is not `masked`."""
        return f"zero-shot-{self.foundation.name}" + ("" if self.method == "masked" else f"-{self.method}")

    def features(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """Float32 [n, 1].

        Raises:
            PoolError: the pool has no sites, or no parent where the method needs one.
            ModelError: the model has no masked-language head.
        """
        rows = np.asarray(rows, np.int64)
        if self.method == "perplexity":
            return self._perplexities(pool, rows)
        sites = sites_of(pool, self.name)
        if self.method == "joint":
            scores = joint_scores(self.foundation, pool, rows)
        else:
            table = zero_shot_table(self.foundation, pool, self.method)
            scores = table[np.arange(len(sites.labels)), pool.codes(rows)].sum(1)
        return scores[:, None].astype(np.float32)

    def _perplexities(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        need_models()
        from activeloop.backbones.zero_shot_passes import log_pseudo_perplexity

        spelling = Spelling.of(self.foundation, "")
        tokens, parent = self.foundation.tokens(pool, rows), self.foundation.parent_tokens(pool)
        one = np.arange(len(rows))[:, None]
        found = [log_pseudo_perplexity(self.foundation, tokens.take(i), spelling) for i in one]
        usual = 0.0 if parent is None else log_pseudo_perplexity(self.foundation, parent, spelling)
        return (usual - np.array(found, np.float32))[:, None]


def zero_shot_table(foundation: Foundation, pool: Pool, method: TableMethod = "masked") -> np.ndarray:
    """Log-odds (nats) of each letter at each site against the parent's: [L, K], as `substitution_scores` gives them.

    Raises:
        PoolError: there is no parent.
        ModelError: the model has no masked-language head.
        MissingExtraError: torch or transformers is not installed.
    """
    need_models()
    sites = sites_of(pool, foundation.name)
    windows, spelling = parent_windows(foundation, pool), Spelling.of(foundation, sites.alphabet)
    key = windows.key(foundation, method, spelling)
    letters = recall("zero-shot", key)
    if letters is None:
        letters = spelling.letters(_logits(foundation, method, windows, spelling.mask))
        keep("zero-shot", key, letters)
    return log_odds(letters, sites)


def _logits(foundation: Foundation, method: TableMethod, windows: Windows, mask: int) -> np.ndarray:
    """[L, V] at each site."""
    from activeloop.backbones import zero_shot_passes as passes

    if method == "wild-type":
        return passes.plain_logits(foundation, windows)
    if method == "spaced":
        return passes.spaced_logits(foundation, windows, mask)
    return passes.masked_logits(foundation, windows, mask)


def joint_scores(foundation: Foundation, pool: Pool, rows: np.ndarray) -> np.ndarray:
    """[n] sum of the log-odds of a candidate's mutations, all their positions hidden together.

    Args:
        foundation: with a masked-language head.
        pool: with a parent.
        rows: of the candidates.
    """
    need_models()
    from activeloop.backbones.zero_shot_passes import jointly_masked_logits

    sites = sites_of(pool, foundation.name)
    windows, spelling, codes = (
        parent_windows(foundation, pool),
        Spelling.of(foundation, sites.alphabet),
        pool.codes(rows),
    )
    changed, kind = np.unique(codes != sites.parent, axis=0, return_inverse=True)
    scores = np.zeros(len(codes))
    for k, which in enumerate(changed):
        if which.any():
            mine, letters = kind == k, np.zeros((len(which), len(sites.alphabet)))
            letters[which] = spelling.letters(jointly_masked_logits(foundation, windows, which, spelling.mask))
            table = log_odds(letters, sites)
            scores[mine] = table[np.arange(len(which)), codes[mine]][:, which].sum(1)
    return scores
