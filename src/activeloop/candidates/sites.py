"""The varying columns of a pool, how designs become codes, and what a pool must not contain."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Sequence as Rows
from dataclasses import dataclass, field

import numpy as np

from activeloop.candidates.designs import AMINO_ACIDS, GAP, Mutation
from activeloop.errors import PoolError

PROTEIN = AMINO_ACIDS + GAP


@dataclass(frozen=True)
class Sites:
    """The columns that vary in a pool's aligned sequences.

    Args:
        alphabet: letters by code; code i stands for `alphabet[i]`.
        labels: one name a column, such as `V39` (parent residue and position) or `3` (no parent).
        positions: [L] position of each column in the parent, from 1 (int32).
        parent: [L] code of the parent's letter in each column (uint8), or None when there is no parent.
        parent_sequence: the whole parent, or "".
    """

    alphabet: str
    labels: tuple[str, ...]
    positions: np.ndarray
    parent: np.ndarray | None
    parent_sequence: str


def encode(text: str, alphabet: str) -> np.ndarray:
    """Codes of letters: uint8 [len(text)].

    >>> encode("CA-", "AC-").tolist()
    [1, 0, 2]
    """
    table = np.zeros(256, np.uint8)
    table[np.frombuffer(alphabet.encode("latin-1"), np.uint8)] = np.arange(len(alphabet))
    return table[np.frombuffer(text.encode("latin-1"), np.uint8)]


def letters_alphabet(letters: Iterable[str]) -> str:
    """The alphabet of strings without a parent: that of proteins if they are made of amino acids, else what occurs.

    >>> letters_alphabet("FWAG"), letters_alphabet("0110"), letters_alphabet("GATTACA")
    ('ACDEFGHIKLMNPQRSTVWY-', '01', 'ACGT')
    """
    occurring = set(letters)
    is_protein = occurring <= set(PROTEIN) and not occurring <= set("ACGTN-")
    return PROTEIN if is_protein else "".join(sorted(occurring))


def protein_sites(parent: str, positions: Rows[int]) -> Sites:
    """The given positions (from 1, increasing) of a parent as columns."""
    labels = tuple(f"{parent[p - 1]}{p}" for p in positions)
    codes = encode("".join(parent[p - 1] for p in positions), PROTEIN)
    return Sites(PROTEIN, labels, np.array(positions, np.int32), codes, parent)


def letter_columns(texts: Rows[str]) -> tuple[Sites, np.ndarray]:
    """Columns and codes of strings of one length without a parent; columns that never vary are left out.

    Args:
        texts: [N] strings.

    Returns:
        The columns, and uint8 [N, L].
    """
    joined = "".join(texts)
    alphabet = letters_alphabet(set(joined))
    codes = encode(joined, alphabet).reshape(len(texts), -1)
    varies = (codes != codes[0]).any(0)
    positions = np.flatnonzero(varies).astype(np.int32) + 1
    return Sites(alphabet, tuple(map(str, positions)), positions, None, ""), np.ascontiguousarray(codes[:, varies])


@dataclass(frozen=True)
class Changes:
    """Where each of N candidates differs from one row of letters: a protein of thousands of residues, mutated at few.

    Args:
        base: [L] code of each column where nothing is changed (uint8).
        start: [N + 1] candidate i has the changes `start[i]` to `start[i + 1]`.
        column: [T] the column of each change, ascending within a candidate.
        code: [T] what stands there (uint8).

    >>> found = Changes(
    ...     np.array([5, 6, 7], np.uint8), np.array([0, 0, 2]), np.array([0, 2]), np.array([1, 2], np.uint8)
    ... )
    >>> found.codes(np.array([1, 0])).tolist(), [part.tolist() for part in found.of(np.array([1, 0]))]
    ([[1, 6, 2], [5, 6, 7]], [[0, 0], [0, 2], [1, 2]])
    """

    base: np.ndarray
    start: np.ndarray
    column: np.ndarray
    code: np.ndarray

    def of(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The changes of some candidates: place in `rows`, column and code of each, [T] each."""
        first, counts = self.start[rows], self.start[rows + 1] - self.start[rows]
        owner = np.repeat(np.arange(len(rows)), counts)
        flat = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts - first, counts)
        return owner, self.column[flat].astype(np.int64), self.code[flat]

    def codes(self, rows: np.ndarray) -> np.ndarray:
        """All columns of some candidates: uint8 [n, L]."""
        found = np.tile(self.base, (len(rows), 1))
        owner, column, code = self.of(rows)
        found[owner, column] = code
        return found


def variant_columns(names: Rows[str], parent: str, mutations: Callable[[str], Rows[Mutation]]) -> tuple[Sites, Changes]:
    """Columns and codes of variants of one parent: the positions that some variant changes, and its insertions.

    Args:
        names: [N] in standard notation.
        parent: the wild type.
        mutations: those of a name; asked once for each part between colons.

    Returns:
        The columns in the order of the parent, the inserted ones after the residue they follow; and the changes.
    """
    parts = ":".join(names).split(":")
    number = {part: i for i, part in enumerate(dict.fromkeys(parts))}
    each = [mutations(part) for part in number]
    unique = {m for some in each for m in some}
    changed = sorted({m.position for m in unique if m.old})
    inserted: dict[int, int] = {}
    for m in unique:
        if not m.old:
            inserted[m.position] = max(len(m.new), inserted.get(m.position, 0))
    columns = sorted([(p, 0) for p in changed] + [(p, k) for p, n in inserted.items() for k in range(1, n + 1)])
    at = {column: i for i, column in enumerate(columns)}
    labels = tuple(f"{p}ins{k}" if k else f"{parent[p - 1]}{p}" for p, k in columns)
    wild = encode("".join(GAP if k else parent[p - 1] for p, k in columns), PROTEIN)
    # [T] cells of all parts one behind another; part i has sizes[i] of them
    cells = [
        [(at[m.position, 0 if m.old else k], PROTEIN.index(c)) for m in some for k, c in enumerate(m.new or GAP, 1)]
        for some in each
    ]
    sizes = np.array(list(map(len, cells)), np.int64)
    column, code = np.array([pair for some in cells for pair in some], np.int64).reshape(-1, 2).T
    order = np.fromiter(map(number.__getitem__, parts), np.int64, len(parts))
    per_part = sizes[order]
    within = np.arange(per_part.sum()) - np.repeat(np.cumsum(per_part) - per_part, per_part)
    flat = np.repeat((np.cumsum(sizes) - sizes)[order], per_part) + within
    last = np.cumsum([name.count(":") + 1 for name in names])
    start = np.concatenate([[0], np.cumsum(per_part)[last - 1]])
    sites = Sites(PROTEIN, labels, np.array([p for p, _ in columns], np.int32), wild, parent)
    return sites, Changes(wild, start, column[flat].astype(np.int32), code[flat].astype(np.uint8))


WILDCARDS = "xX"


@dataclass(frozen=True)
class Rules:
    """What mutations must not introduce; what the wild type has already is always allowed.

    Args:
        exclude_residues: letters that no mutation may introduce, such as "CM".
        max_mutations: most mutations of one candidate; None for no limit. Needs a parent.
        forbidden_motifs: letters with `x` for any, such as "NxS" and "NxT" (N-glycosylation).
        start: residues at the start of the parent that no mutation may change: its methionine, or a signal peptide.

    >>> sites = Sites("ACDEFGHIKLMNPQRSTVWY-", ("N2", "A4"), np.array([2, 4], np.int32), np.array([11, 0]), "MNGAK")
    >>> codes = np.array([[11, 0], [11, 15], [0, 15], [0, 1]])  # NA (wild type), NS, AS, AC
    >>> Rules("C", 1, ("NxS",)).allow(codes, sites).tolist()
    [True, False, False, False]
    """

    exclude_residues: str = ""
    max_mutations: int | None = None
    forbidden_motifs: tuple[str, ...] = ()
    start: int = field(default=0, repr=False)  # by their repr an interrupted screen knows the rules it began with

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
        if self.start and changed is not None:
            allowed &= ~changed[:, sites.positions <= self.start].any(1)
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
        if self.start:
            parts.append(f"residue{'s 1 to' if self.start > 1 else ''} {self.start} unchanged")
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
