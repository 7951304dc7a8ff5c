"""What a pool must not contain: excluded residues, too many mutations, forbidden motifs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.candidates.designs import AMINO_ACIDS
from activeloop.candidates.sites import Sites
from activeloop.errors import PoolError

WILDCARDS = "xX"


@dataclass(frozen=True)
class Rules:
    """Rules about what mutations may introduce; what the wild type has already is never held against a candidate.

    Args:
        exclude_residues: letters that no mutation may introduce, such as "CM".
        max_mutations: most mutations of one candidate; None for no limit. Needs a parent.
        forbidden_motifs: letters with `x` for any, such as "NxS" and "NxT" (N-glycosylation).

    >>> sites = Sites("ACDEFGHIKLMNPQRSTVWY-", ("N2", "A4"), np.array([2, 4], np.int32), np.array([11, 0]), "MNGAK")
    >>> codes = np.array([[11, 0], [11, 15], [0, 15], [0, 1]])  # NA (wild type), NS, AS, AC
    >>> Rules("C", 1, ("NxS",)).allow(codes, sites).tolist()
    [True, False, False, False]
    """

    exclude_residues: str = ""
    max_mutations: int | None = None
    forbidden_motifs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for motif in self.forbidden_motifs:
            letters = [c for c in motif if c not in WILDCARDS]
            if not letters or any(c not in AMINO_ACIDS for c in letters):
                raise PoolError(f'"{motif}" is not a motif. Write amino acids and x for any residue, such as NxS.')
        for letter in self.exclude_residues:
            if letter not in AMINO_ACIDS:
                raise PoolError(f'"{letter}" cannot be excluded: it is none of the 20 amino acids.')
        if self.max_mutations is not None and self.max_mutations < 1:
            raise PoolError(f"max_mutations is {self.max_mutations}; at least 1 is needed for a pool.")

    def allow(self, codes: np.ndarray, sites: Sites) -> np.ndarray:
        """Which candidates keep the rules.

        Args:
            codes: [n, L] letters at the varying columns.
            sites: those columns.

        Returns:
            bool [n].
        """
        changed = None if sites.parent is None else codes != sites.parent
        allowed = np.ones(len(codes), bool)
        for letter in self.exclude_residues:
            if letter in sites.alphabet:
                introduced = codes == sites.alphabet.index(letter)
                allowed &= ~(introduced if changed is None else introduced & changed).any(1)
        if self.max_mutations is not None:
            if changed is None:
                raise PoolError("max_mutations needs a wild type to count from. Give parent=...")
            allowed &= changed.sum(1) <= self.max_mutations
        for motif in self.forbidden_motifs:
            for window in _windows(motif, sites):
                present = np.ones(len(codes), bool)
                for column, code in window:
                    present &= codes[:, column] == code
                allowed &= ~present
        return allowed

    def describe(self) -> str:
        """The rules in words, "" when there are none."""
        parts = [f"no new {', '.join(self.exclude_residues)}"] if self.exclude_residues else []
        if self.max_mutations is not None:
            parts.append(f"at most {self.max_mutations} mutations")
        if self.forbidden_motifs:
            parts.append(f"no new motif {', '.join(self.forbidden_motifs)}")
        return "; ".join(parts)


def _windows(motif: str, sites: Sites) -> list[list[tuple[int, int]]]:
    """Each place where the motif could newly appear, as the (column, code) pairs that together make it."""
    column_at = {int(p): i for i, p in enumerate(sites.positions)}
    length = len(sites.parent_sequence) or len(sites.labels)
    starts = sorted({p - k for p in column_at for k in range(len(motif))})
    found = []
    for start in starts:
        if start < 1 or start + len(motif) - 1 > length:
            continue
        wanted = [(start + k, c) for k, c in enumerate(motif) if c not in WILDCARDS]
        if any(c not in sites.alphabet for _, c in wanted):
            continue
        parent = sites.parent_sequence
        if parent and all(parent[p - 1] == c for p, c in wanted):
            continue
        if any(p not in column_at and parent[p - 1] != c for p, c in wanted):
            continue
        found.append([(column_at[p], sites.alphabet.index(c)) for p, c in wanted if p in column_at])
    return found
