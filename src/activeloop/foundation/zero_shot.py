"""Zero-shot scores of mutations by a model with a masked-language head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from activeloop.candidates import GAP, Pool, Sites
from activeloop.encoders.base import Encoder, sites_of
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.cache import recall, store
from activeloop.foundation.checkpoints import need_models
from activeloop.foundation.windows import ResidueTokens, parent_windows

TableMethod = Literal["masked", "spaced", "wild-type"]
Method = Literal["masked", "spaced", "wild-type", "joint", "perplexity"]


@dataclass(frozen=True)
class ZeroShot(Encoder):
    """One column: log-odds of a candidate against its parent in a masked-language model; 0 for the parent.

    `masked`: log-odds of the new residue against the parent's with that position masked in the parent, summed over the
    mutations; as many passes as there are sites, whatever the size of the pool. `spaced`: the same with every twelfth
    position masked together, twelve passes. `wild-type`: the same with nothing masked, one pass. `joint`: all mutated
    positions of a candidate masked together, a pass for each set of positions that occurs. `perplexity`: the log
    pseudo-perplexity (nats a residue) of the parent less that of the candidate, a pass for each residue of each
    candidate: for a few candidates, and the one method for insertions and deletions; a pool without a parent is
    compared with a perplexity of 1.

    Args:
        foundation: with a masked-language head.
        method: one of these.

    Source: Meier et al. 2021, NeurIPS (ESM-1v), for the first and third; Salazar et al. 2020, arXiv:1910.14659, for
    `perplexity`.
    """

    foundation: FoundationModel
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
        from activeloop.foundation.devices import best_device
        from activeloop.foundation.zero_shot_passes import log_pseudo_perplexity

        mask = ResidueTokens.of(self.foundation, "").mask
        tokens, parent = self.foundation.tokens(pool, rows), self.foundation.parent_tokens(pool)
        encoder = self.foundation.frozen_encoder(best_device())
        found = [log_pseudo_perplexity(encoder, tokens.take(row), mask) for row in np.arange(len(rows))[:, None]]
        of_parent = 0.0 if parent is None else log_pseudo_perplexity(encoder, parent, mask)
        return (of_parent - np.array(found, np.float32))[:, None]


def zero_shot_table(foundation: FoundationModel, pool: Pool, method: TableMethod = "masked") -> np.ndarray:
    """Log-odds (nats) of each residue at each site against the parent's: [L, K], as `substitution_scores` gives them.

    Raises:
        PoolError: there is no parent.
        ModelError: the model has no masked-language head.
        MissingExtraError: torch or transformers is not installed.
    """
    need_models()
    from activeloop.foundation import zero_shot_passes as passes
    from activeloop.foundation.devices import best_device

    sites = sites_of(pool, foundation.name)
    windows, residues = parent_windows(foundation, pool), ResidueTokens.of(foundation, sites.alphabet)
    key = windows.key(foundation, method, residues)
    log_probabilities = recall("zero-shot", key)
    if log_probabilities is None:
        encoder = foundation.frozen_encoder(best_device())
        if method == "wild-type":
            logits = passes.wild_type_logits(encoder, windows)
        else:
            masking = passes.spaced_logits if method == "spaced" else passes.masked_logits
            logits = masking(encoder, windows, residues.mask)
        log_probabilities = residues.log_probabilities(logits)
        store("zero-shot", key, log_probabilities)
    return log_odds(log_probabilities, sites)


def joint_scores(foundation: FoundationModel, pool: Pool, rows: np.ndarray) -> np.ndarray:
    """[n] sum of the log-odds of a candidate's mutations, all their positions masked together.

    Args:
        foundation: with a masked-language head.
        pool: with a parent.
        rows: of the candidates.
    """
    need_models()
    from activeloop.foundation.devices import best_device
    from activeloop.foundation.zero_shot_passes import jointly_masked_logits

    sites = sites_of(pool, foundation.name)
    windows, residues = parent_windows(foundation, pool), ResidueTokens.of(foundation, sites.alphabet)
    encoder, codes = foundation.frozen_encoder(best_device()), pool.codes(rows)
    changed, kind = np.unique(codes != sites.parent, axis=0, return_inverse=True)
    scores = np.zeros(len(codes))
    for k, which in enumerate(changed):
        if which.any():
            same, log_probabilities = kind == k, np.zeros((len(which), len(sites.alphabet)))
            logits = jointly_masked_logits(encoder, windows, which, residues.mask)
            log_probabilities[which] = residues.log_probabilities(logits)
            table = log_odds(log_probabilities, sites)
            scores[same] = table[np.arange(len(which)), codes[same]][:, which].sum(1)
    return scores


def log_odds(log_probabilities: np.ndarray, sites: Sites) -> np.ndarray:
    """[S, K] log-odds of each residue against the parent's at each site: what a table of mutations holds.

    A gap, a residue that the model does not know, and any residue inserted after another get the worst score at that
    site; the parent's own residue is 0.

    Args:
        log_probabilities: [S, K] up to a constant, of each residue at each site.
        sites: of a pool with a parent.
    """
    assert sites.parent is not None
    site = np.arange(len(log_probabilities))
    parent = [sites.alphabet.index(sites.parent_sequence[max(p, 1) - 1]) for p in sites.positions]
    known = np.isfinite(log_probabilities).all(0)
    scores = log_probabilities.astype(np.float64) - log_probabilities[site, parent][:, None]
    worst = scores[:, known].min(1, keepdims=True)
    inserted = np.array([sites.alphabet[code] == GAP for code in sites.parent])
    scores = np.where(inserted[:, None] | ~known, worst, scores)
    scores[site, sites.parent] = 0.0
    return scores
