"""Recognising a protein, a fragment of it or a relative by short words, without keeping its sequence."""

from __future__ import annotations

import hashlib

import numpy as np

#: residues of a word: chance hits of a whole protein are rarer than one in a hundred, and a relative with half its
#: residues alike still shares about one word in 250
WORD = 8


def fingerprints(chain: str) -> np.ndarray:
    """Hashes of all words of a chain, uint32 [n - 7]; empty for shorter chains.

    >>> fingerprints("MKTAYIAKQRQ").shape, fingerprints("MKT").shape
    ((4,), (0,))
    """
    words = (chain[i : i + WORD].encode("utf-8", "replace") for i in range(len(chain) - WORD + 1))
    hashes = [int.from_bytes(hashlib.blake2b(word, digest_size=4).digest(), "little") for word in words]
    return np.array(hashes, np.uint32)


def nearest_owner(chain: str, known: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """To whom each residue belongs, by the nearest word that is known: [n], -1 everywhere when no word is.

    Args:
        chain: the protein, n letters.
        known: [W] hashes of the known words, ascending and distinct.
        owner: [W] whose word each is.

    >>> words = np.sort(fingerprints("MKTAYIAKQR"))
    >>> nearest_owner("GGGMKTAYIAKGG", words, np.array([4, 4, 4])).tolist() == [4] * 13
    True
    """
    hashes = fingerprints(chain)
    at = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    hits = np.flatnonzero(known[at] == hashes)
    if not len(hits):
        return np.full(len(chain), -1)
    # a word's middle stands for it
    middle = hits + (WORD - 1) / 2
    residue = np.arange(len(chain))
    after = np.clip(np.searchsorted(middle, residue), 1, max(len(middle) - 1, 1))
    before, after = after - 1, np.minimum(after, len(middle) - 1)
    nearest = np.where(np.abs(residue - middle[before]) <= np.abs(residue - middle[after]), before, after)
    return owner[at[hits[nearest]]]
