"""Zero-shot scores of mutations by a model with a masked-language head."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np

from activeloop.candidates import Pool, Sites
from activeloop.candidates.designs import GAP
from activeloop.encoders.base import Encoder, sites_of
from activeloop.errors import ModelError, PoolError
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.cache import keep, recall
from activeloop.foundation.checkpoints import fingerprint, need_models
from activeloop.foundation.protein_models import LetterModel
from activeloop.foundation.tokens import Tokens

#: residues that are read at once; ESM-2 was trained on so many, and attention costs their square
WINDOW = 1022


@dataclass(frozen=True)
class Windows:
    """Stretches of a chain that are read at once, and where given residues stand in them.

    Args:
        ids: [W, T] tokens, special ones included; all windows are equally long (int64).
        row: [S] the window of each residue: the one in whose middle half it stands, where the chain goes on.
        column: [S] its token in that window.
    """

    ids: np.ndarray
    row: np.ndarray
    column: np.ndarray

    @classmethod
    def of(cls, tokens: Tokens, places: np.ndarray, most: int = WINDOW) -> Windows:
        """Windows of at most `most` residues around the given ones.

        Args:
            tokens: of one chain.
            places: [S] residues of it, from 0.
            most: see above.

        >>> ids, none = np.array([[0, 5, 6, 7, 8, 9, 10, 2]]), np.zeros((1, 0))
        >>> found = Windows.of(Tokens(ids, np.array([8]), 1, 1, 1, none, none), np.array([0, 4]), most=4)
        >>> found.ids.tolist(), found.row.tolist(), found.column.tolist()
        ([[0, 5, 6, 7, 8, 2], [0, 7, 8, 9, 10, 2]], [0, 1], [1, 3])
        """
        before, after = tokens.first, tokens.last
        ids = tokens.ids[0, : tokens.lengths[0]].astype(np.int64)
        residues = ids[before : len(ids) - after]
        size = min(len(residues), most)
        step = max(1, size // 2)
        begin = np.clip(np.rint((places - size / 2) / step) * step, 0, len(residues) - size).astype(np.int64)
        starts, row = np.unique(begin, return_inverse=True)
        cut = residues[starts[:, None] + np.arange(size)]
        around = [np.tile(ids[:before], (len(cut), 1)), cut, np.tile(ids[len(ids) - after :], (len(cut), 1))]
        return cls(np.concatenate(around, axis=1), row, places - begin + before)

    def masked(self, mask: int) -> np.ndarray:
        """[S, T] the window of each residue with that residue alone hidden."""
        hidden = self.ids[self.row]
        hidden[np.arange(len(hidden)), self.column] = mask
        return hidden

    def masked_together(self, which: np.ndarray, mask: int) -> np.ndarray:
        """[W, T] the windows with all the residues hidden that `which` (bool [S]) names."""
        hidden = self.ids.copy()
        hidden[self.row[which], self.column[which]] = mask
        return hidden

    def key(self, foundation: FoundationModel, method: str, spelling: ResidueTokens) -> str:
        """Hexadecimal digits that depend on all from which a model computes letters here.

        Args:
            foundation: the model.
            method: what is hidden when it is asked.
            spelling: of the letters.
        """
        whole = hashlib.blake2b(digest_size=20)
        content = fingerprint(foundation.source, foundation.revision)
        whole.update(f"{foundation.family}|{content}|{method}|{self.ids.shape}|{spelling.mask}|".encode())
        for array in (self.ids, self.row, self.column, spelling.ids):
            whole.update(array.astype("<i8").tobytes())
        return whole.hexdigest()


@dataclass(frozen=True)
class ResidueTokens:
    """What a model calls the letters of a pool's sites.

    Args:
        ids: [K, G] tokens of each letter, one for each structure letter that it may go with (G = 1 for models of
            sequences alone); -1 where it has none.
        mask: token of a hidden residue.
        longest: residues that the model has places for.
    """

    ids: np.ndarray
    mask: int
    longest: int

    @classmethod
    def of(cls, foundation: FoundationModel, alphabet: str) -> ResidueTokens:
        """The tokens of an alphabet.

        Raises:
            ModelError: the model does not read one token a residue, or cannot hide one.
        """
        if not isinstance(foundation, LetterModel) or foundation.alphabet.mask < 0:
            raise ModelError(
                f"{foundation.name} cannot hide single residues, so that it cannot score mutations. Choose another "
                "encoder, or use its features only; nothing was scored."
            )
        known = foundation.alphabet
        codes = np.frombuffer(alphabet.encode("latin-1"), np.uint8)
        ids = known.states[:, codes].T.astype(np.int64)
        ids[(ids == known.unknown) | (codes[:, None] == ord(GAP))] = -1
        most = known.longest - len(known.before) - len(known.after) if known.longest else WINDOW
        return cls(ids, known.mask, min(WINDOW, most))

    def letters(self, logits: np.ndarray) -> np.ndarray:
        """[..., K] from logits [..., V]: of a letter with whichever structure letter; -inf where it has no token."""
        found = np.where(self.ids >= 0, logits[..., np.maximum(self.ids, 0)], -np.inf)
        return found[..., 0] if self.ids.shape[1] == 1 else np.logaddexp.reduce(found, axis=-1)


def parent_windows(foundation: FoundationModel, pool: Pool) -> Windows:
    """The parent of a pool's sites, and each site in it; a site before the first residue stands at the first.

    Raises:
        PoolError: there is no parent, or the model cannot read it.
    """
    tokens = foundation.parent_tokens(pool)
    if pool.sites is None or tokens is None:
        raise PoolError(
            f"{foundation.name}: the pool has no parent sequence to compare with. Give the wild type, or choose the "
            'method "perplexity", which needs none; nothing was scored.'
        )
    return Windows.of(tokens, np.maximum(pool.sites.positions, 1) - 1, ResidueTokens.of(foundation, "").longest)


def log_odds(letters: np.ndarray, sites: Sites) -> np.ndarray:
    """[S, K] log-odds of each letter against the parent's residue there: what a table of mutations holds.

    A gap, a letter that the model does not know, and any letter inserted after a residue get the worst score at that
    residue; the parent's own letter is 0.

    Args:
        letters: [S, K] log-probabilities, up to a constant, of each letter at each site's residue.
        sites: of a pool with a parent.
    """
    assert sites.parent is not None
    site = np.arange(len(letters))
    residues = [sites.alphabet.index(sites.parent_sequence[max(p, 1) - 1]) for p in sites.positions]
    known = np.isfinite(letters).all(0)
    scores = letters.astype(np.float64) - letters[site, residues][:, None]
    worst = scores[:, known].min(1, keepdims=True)
    inserted = np.array([sites.alphabet[code] == GAP for code in sites.parent])
    scores = np.where(inserted[:, None] | ~known, worst, scores)
    scores[site, sites.parent] = 0.0
    return scores


TableMethod = Literal["masked", "spaced", "wild-type"]
Method = Literal["masked", "spaced", "wild-type", "joint", "perplexity"]


@dataclass(frozen=True)
class ZeroShot(Encoder):
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
        from activeloop.foundation.zero_shot_passes import log_pseudo_perplexity

        spelling = ResidueTokens.of(self.foundation, "")
        tokens, parent = self.foundation.tokens(pool, rows), self.foundation.parent_tokens(pool)
        one = np.arange(len(rows))[:, None]
        found = [log_pseudo_perplexity(self.foundation, tokens.take(i), spelling) for i in one]
        usual = 0.0 if parent is None else log_pseudo_perplexity(self.foundation, parent, spelling)
        return (usual - np.array(found, np.float32))[:, None]


def zero_shot_table(foundation: FoundationModel, pool: Pool, method: TableMethod = "masked") -> np.ndarray:
    """Log-odds (nats) of each letter at each site against the parent's: [L, K], as `substitution_scores` gives them.

    Raises:
        PoolError: there is no parent.
        ModelError: the model has no masked-language head.
        MissingExtraError: torch or transformers is not installed.
    """
    need_models()
    sites = sites_of(pool, foundation.name)
    windows, spelling = parent_windows(foundation, pool), ResidueTokens.of(foundation, sites.alphabet)
    key = windows.key(foundation, method, spelling)
    letters = recall("zero-shot", key)
    if letters is None:
        letters = spelling.letters(_logits(foundation, method, windows, spelling.mask))
        keep("zero-shot", key, letters)
    return log_odds(letters, sites)


def _logits(foundation: FoundationModel, method: TableMethod, windows: Windows, mask: int) -> np.ndarray:
    """[L, V] at each site."""
    from activeloop.foundation import zero_shot_passes as passes

    if method == "wild-type":
        return passes.plain_logits(foundation, windows)
    if method == "spaced":
        return passes.spaced_logits(foundation, windows, mask)
    return passes.masked_logits(foundation, windows, mask)


def joint_scores(foundation: FoundationModel, pool: Pool, rows: np.ndarray) -> np.ndarray:
    """[n] sum of the log-odds of a candidate's mutations, all their positions hidden together.

    Args:
        foundation: with a masked-language head.
        pool: with a parent.
        rows: of the candidates.
    """
    need_models()
    from activeloop.foundation.zero_shot_passes import jointly_masked_logits

    sites = sites_of(pool, foundation.name)
    windows, spelling, codes = (
        parent_windows(foundation, pool),
        ResidueTokens.of(foundation, sites.alphabet),
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
