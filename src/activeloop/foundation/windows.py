"""Stretches of a chain that a masked-language model reads at once, and the tokens of residues there."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from activeloop.candidates import GAP, Pool
from activeloop.errors import ModelError, PoolError
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.checkpoints import fingerprint
from activeloop.foundation.tokens import Tokens

#: most residues that are read at once; ESM-2 was trained on this length, and attention costs its square
WINDOW = 1022


@dataclass(frozen=True)
class Windows:
    """Stretches of a chain, and where given residues stand in them.

    Args:
        ids: [W, T] tokens, special ones included; all windows are equally long (int64).
        row: [S] the window of each residue: the one in whose middle half it stands, where the chain goes on.
        column: [S] its token in that window.
    """

    ids: np.ndarray
    row: np.ndarray
    column: np.ndarray

    @classmethod
    def of(cls, tokens: Tokens, positions: np.ndarray, most: int = WINDOW) -> Windows:
        """Windows of at most `most` residues around the given ones.

        Args:
            tokens: of one chain.
            positions: [S] residues of it, from 0.
            most: residues of a window.

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
        begin = np.clip(np.rint((positions - size / 2) / step) * step, 0, len(residues) - size).astype(np.int64)
        starts, row = np.unique(begin, return_inverse=True)
        cut = residues[starts[:, None] + np.arange(size)]
        around = [np.tile(ids[:before], (len(cut), 1)), cut, np.tile(ids[len(ids) - after :], (len(cut), 1))]
        return cls(np.concatenate(around, axis=1), row, positions - begin + before)

    def masked(self, mask: int) -> np.ndarray:
        """[S, T] the window of each residue with that residue alone masked."""
        masked = self.ids[self.row]
        masked[np.arange(len(masked)), self.column] = mask
        return masked

    def masked_together(self, which: np.ndarray, mask: int) -> np.ndarray:
        """[W, T] the windows with all the residues masked that `which` (bool [S]) names."""
        masked = self.ids.copy()
        masked[self.row[which], self.column[which]] = mask
        return masked

    def key(self, foundation: FoundationModel, method: str, residues: ResidueTokens) -> str:
        """Hexadecimal digits that depend on everything from which a model computes probabilities here.

        Args:
            foundation: the model.
            method: what is masked.
            residues: tokens of the alphabet.
        """
        content = fingerprint(foundation.source, foundation.revision)
        start = f"{foundation.family}|{content}|{method}|{self.ids.shape}|{residues.mask}|"
        digest = hashlib.blake2b(start.encode(), digest_size=20)
        for array in (self.ids, self.row, self.column, residues.ids):
            digest.update(array.astype("<i8").tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class ResidueTokens:
    """The tokens of a model for the alphabet of a pool's sites.

    Args:
        ids: [K, G] tokens of each residue, one for each structure state that it may have (G = 1 for models of
            sequences alone); -1 where it has none.
        mask: token of a masked residue.
        longest: residues of the longest window.
    """

    ids: np.ndarray
    mask: int
    longest: int

    @classmethod
    def of(cls, foundation: FoundationModel, alphabet: str) -> ResidueTokens:
        """The tokens of an alphabet.

        Raises:
            ModelError: the model does not read one token a residue, or cannot mask one.
        """
        if not foundation.reads_residues or foundation.alphabet.mask < 0:
            raise ModelError(
                f"{foundation.name} cannot mask single residues, so that it cannot score mutations. Choose another "
                "encoder, or use its features only; nothing was scored."
            )
        known = foundation.alphabet
        codes = np.frombuffer(alphabet.encode("latin-1"), np.uint8)
        ids = known.states[:, codes].T.astype(np.int64)
        ids[(ids == known.unknown) | (codes[:, None] == ord(GAP))] = -1
        most = known.longest - len(known.before) - len(known.after) if known.longest else WINDOW
        return cls(ids, known.mask, min(WINDOW, most))

    def log_probabilities(self, logits: np.ndarray) -> np.ndarray:
        """[..., K] from logits [..., V], up to a constant: of each residue in any structure; -inf without a token."""
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
