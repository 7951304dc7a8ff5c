"""The profile of a protein family, from a user's alignment, as a prior."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np

from activeloop.candidates import AMINO_ACIDS, Pool
from activeloop.encoders.base import sites_of
from activeloop.errors import PoolError, TableError
from activeloop.files import csv_text, write_whole
from activeloop.priors.base import MutationPrior
from activeloop.priors.substitutions import KMER, parent_chain, scores_at_sites
from activeloop.tables.reading import read_file

#: share of equal residues from which two sequences count as one: the standard threshold for proteins
#: (Morcos et al. 2011, PNAS 108:E1293)
SIMILAR = 0.8
#: sequences that cover less of the query tell of too few positions
COVERING = 0.5
#: residues that a wild type and its record in the alignment must share, as a share of those compared
IDENTITY = 0.8
#: maximum number of sequences; of a larger file an evenly spaced part is read
MOST = 10_000
#: pseudo-counts of the background, in effective sequences
PSEUDO_COUNTS = 5.0
#: frequencies of the amino acids in UniProtKB/Swiss-Prot, in the order of `AMINO_ACIDS`
BACKGROUND = np.array(
    [.0826, .0139, .0546, .0671, .0387, .0707, .0228, .0591, .0580, .0965,
     .0241, .0406, .0475, .0393, .0553, .0665, .0536, .0686, .0110, .0292]
)  # fmt: skip
_CODE = np.full(256, -1, np.int8)
_CODE[np.frombuffer(AMINO_ACIDS.encode(), np.uint8)] = np.arange(len(AMINO_ACIDS))
_GAPS = "-."


@dataclass(frozen=True)
class Alignment:
    """Aligned sequences, one column for each residue of one of them, the query.

    Args:
        query: the query's residues, all of them.
        columns: [M] positions in `query`, from 0, of the columns.
        codes: [N, M] index into `AMINO_ACIDS`, -1 for a gap and any other letter (int8).
        name: of the query's record.
        left_out: number of sequences that cover too little of the query.
    """

    query: str
    columns: np.ndarray
    codes: np.ndarray
    name: str
    left_out: int

    @cached_property
    def weights(self) -> np.ndarray:
        """[N] of each sequence: 1 over the number of sequences, itself included, that it resembles."""
        known = (self.codes >= 0).sum(1)
        one_hot = (self.codes[:, :, None] == np.arange(len(AMINO_ACIDS))).reshape(len(self.codes), -1)
        one_hot = one_hot.astype(np.float32)
        alike = np.empty(len(self.codes))
        for start in range(0, len(alike), 1024):
            piece = slice(start, start + 1024)
            equal = one_hot[piece] @ one_hot.T
            # counts of residues below 2^24 are exact in single precision
            alike[piece] = (equal >= SIMILAR * np.minimum(known[piece, None], known[None])).sum(1)
        return 1 / alike


def read_alignment(path: str | os.PathLike[str], parent: str) -> Alignment:
    """Read an alignment in A3M, A2M, aligned FASTA or Stockholm form (also gzipped), for a wild type.

    The query is the record that is most alike to the wild type; columns in which it has no residue are left out, as
    are the insertions of A3M and A2M (lower-case letters).

    Args:
        path: the file.
        parent: the wild type.

    Raises:
        TableError: the file is no alignment, its rows differ in length, or no record is the wild type's.
    """
    file = os.fspath(path)
    data, _ = read_file(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise TableError("this is not an alignment but a binary file. Export it as A3M or FASTA.", file=file) from None
    stockholm = text.startswith("# STOCKHOLM")
    records = list(_stockholm(text) if stockholm else _fasta(text, file))
    if len(records) < 2:
        raise TableError(
            f"the alignment holds {len(records)} sequence(s). Give one with the relatives of the protein.", file=file
        )
    chains = [chain for _, chain in records]
    if not any(c.isupper() for chain in chains for c in chain):
        chains = [chain.upper() for chain in chains]
    masks = in_columns(chains, file, [name for name, _ in records])
    best = max(range(len(records)), key=lambda i: (shared_kmers(ungapped(chains[i]), parent), -i))
    name, query = records[best][0], ungapped(chains[best])
    mapped = mapped_positions(query, parent)
    found = mapped >= 0
    equal = sum(query[j] == parent[i] for i, j in enumerate(mapped) if j >= 0)
    if not found.any() or equal < IDENTITY * found.sum():
        like = f"{equal} of {int(found.sum())} residues agree" if found.any() else "they share no stretch of residues"
        raise TableError(
            f'no record is the wild type: the nearest is "{name}", and {like}. Align the wild type of this campaign '
            "with its relatives (it is the query of the search), and give that file. Nothing was read.",
            file=file,
        )
    letters = letters_of(chains[best].upper())
    residue = ~np.isin(letters, letters_of(_GAPS))
    position = (np.cumsum(residue) - 1)[masks[best]]
    # where the query has no residue, others have insertions
    kept = residue[masks[best]]
    rows = [letters_of(chain.upper())[mask][kept] for chain, mask in zip(chains, masks, strict=True)]
    step = -(-len(rows) // MOST)
    codes = _CODE[np.array([rows[best], *rows[:best:step], *rows[best + 1 :: step]])]
    covering = (codes >= 0).mean(1) >= COVERING
    covering[0] = True
    return Alignment(query, position[kept], codes[covering], name, int((~covering).sum()))


def _fasta(text: str, file: str) -> Iterator[tuple[str, str]]:
    name, pieces = None, []
    for row, line in enumerate(map(str.strip, text.splitlines()), 1):
        if line.startswith(">"):
            if name is not None:
                yield name, "".join(pieces)
            name, pieces = line[1:].split()[0] if line[1:].split() else f"sequence in line {row}", []
        elif line and not line.startswith(("#", ";")):
            if name is None:
                raise TableError(
                    'this is no alignment in A3M, A2M, FASTA or Stockholm form: no line starts with ">".',
                    file=file,
                    row=row,
                )
            pieces.append("".join(line.split()))
    if name is not None:
        yield name, "".join(pieces)


def _stockholm(text: str) -> Iterator[tuple[str, str]]:
    chains: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.strip() == "//":
            break
        if line.strip() and not line.startswith("#"):
            name, *piece = line.split()
            chains.setdefault(name, []).extend(piece)
    yield from ((name, "".join(pieces)) for name, pieces in chains.items())


def ungapped(chain: str) -> str:
    """The residues of a row of an alignment.

    >>> ungapped("..mK-TA")
    'MKTA'
    """
    return "".join(c for c in chain if c not in _GAPS).upper()


def in_columns(chains: list[str], file: str, names: list[str]) -> list[np.ndarray]:
    """Which characters of each row stand in the columns that all rows share: N times bool [length of the row].

    Lower-case letters and `.` are insertions that belong to no column. Where all rows have the same length, a column
    is one of insertions only if nothing else stands in it, so that soft-masked residues stay.

    Args:
        chains: N rows.
        file: for messages.
        names: of the rows.

    Raises:
        TableError: the rows differ in length after insertions were left out.

    >>> [mask.tolist() for mask in in_columns(["MK-T", "MaKAT"], "a.a3m", ["a", "b"])]
    [[True, True, True, True], [True, False, True, True, True]]
    """
    masks = [~inserted(chain) for chain in chains]
    if len({len(chain) for chain in chains}) == 1:
        together = np.any(masks, 0)
        return [together] * len(chains)
    for name, mask in zip(names, masks, strict=True):
        if mask.sum() != masks[0].sum():
            raise TableError(
                f'"{name}" has {mask.sum()} columns and "{names[0]}" has {masks[0].sum()} (lower-case letters and '
                "dots left out): these sequences are not aligned with each other. Give the aligned file.",
                file=file,
            )
    return masks


def inserted(chain: str) -> np.ndarray:
    """Whether each character is a lower-case letter or a dot."""
    letters = letters_of(chain)
    return (letters >= ord("a")) & (letters <= ord("z")) | (letters == ord("."))


def letters_of(chain: str) -> np.ndarray:
    """ASCII codes, `?` for any other character (uint8)."""
    return np.frombuffer(chain.encode("ascii", "replace"), np.uint8)


def shared_kmers(query: str, parent: str) -> int:
    """Number of stretches of eight residues of the wild type that stand in a sequence."""
    there = {query[i : i + KMER] for i in range(len(query) - KMER + 1)}
    return sum(parent[i : i + KMER] in there for i in range(len(parent) - KMER + 1))


def mapped_positions(query: str, parent: str) -> np.ndarray:
    """[n] position in the query, from 0, of each residue of the wild type; -1 where it has none.

    Common stretches of four residues and more are mapped, and what lies between two of them, or before the first and
    after the last, where both have equally many residues there; else one of the two has an insertion.

    >>> mapped_positions("KTAWIAKQRQ", "MKTAYIAKQRQGG").tolist()
    [-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, -1, -1]
    """
    blocks = SequenceMatcher(None, query, parent, autojunk=False).get_matching_blocks()
    common = [(block.a, block.b, block.size) for block in blocks if block.size >= 4]
    mapped = np.full(len(parent), -1)
    for start, first, size in common:
        mapped[first : first + size] = np.arange(start, start + size)
    for (a, b, size), (c, d, _) in pairwise(common):
        if c - a == d - b:
            mapped[b + size : d] = np.arange(a + size, c)
    if common:
        a, b, _ = common[0]
        before = min(a, b)
        mapped[b - before : b] = np.arange(a - before, a)
        a, b, size = common[-1]
        after = min(len(query) - a, len(parent) - b)
        mapped[b + size : b + after] = np.arange(a + size, a + after)
    return mapped


@dataclass(frozen=True)
class Profile:
    """How often each amino acid stands at each residue of a wild type, among its relatives.

    Args:
        parent: the wild type, n residues.
        frequencies: [n, 20] in the order of `AMINO_ACIDS`, with pseudo-counts; NaN where no column is.
        sequences: number of sequences.
        effective: their effective number (sum of `Alignment.weights`).
        identity: share of residues in which query and wild type agree.
        name: of the query's record.
        left_out: number of sequences that cover too little of the query.
    """

    parent: str
    frequencies: np.ndarray
    sequences: int
    effective: float
    identity: float
    name: str
    left_out: int

    @classmethod
    def of(cls, alignment: Alignment, parent: str) -> Profile:
        """The profile of a wild type's residues that stand in a column.

        f = (sum of weights of sequences with the amino acid + 5 x background) / (sum of weights + 5), gaps left out.
        """
        known = alignment.codes[:, :, None] == np.arange(len(AMINO_ACIDS))
        counts = np.tensordot(alignment.weights, known.astype(float), 1)
        by_column = (counts + PSEUDO_COUNTS * BACKGROUND) / (counts.sum(1, keepdims=True) + PSEUDO_COUNTS)
        by_residue = np.full((len(alignment.query), len(AMINO_ACIDS)), np.nan)
        by_residue[alignment.columns] = by_column
        mapped = mapped_positions(alignment.query, parent)
        frequencies = np.where((mapped >= 0)[:, None], by_residue[mapped], np.nan)
        equal = [alignment.query[j] == parent[i] for i, j in enumerate(mapped) if j >= 0]
        return cls(
            parent,
            frequencies,
            len(alignment.codes),
            float(alignment.weights.sum()),
            float(np.mean(equal)),
            alignment.name,
            alignment.left_out,
        )

    @property
    def covered(self) -> np.ndarray:
        """[n] whether a column tells of the residue."""
        return ~np.isnan(self.frequencies[:, 0])

    @cached_property
    def scores(self) -> np.ndarray:
        """[n, 20] log-odds of each amino acid against the wild type's, in standard deviations of all mutations.

        0 for the wild type's own; where no column is, the mean of all others, so that it says nothing of them.
        """
        codes = _CODE[letters_of(self.parent)]
        logs = np.log(self.frequencies)
        odds = logs - logs[np.arange(len(codes)), codes][:, None]
        mutation = np.arange(len(AMINO_ACIDS)) != codes[:, None]
        known = mutation & self.covered[:, None]
        odds = np.where(mutation, np.where(known, odds, odds[known].mean()), 0.0)
        return odds / odds[known].std()

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write it as CSV: a line of what was read, and a row for each residue of the wild type.

        Raises:
            StoreError: it cannot be written.
        """
        about = [self.sequences, self.left_out, self.effective, self.identity, self.name]
        rows = [
            [position, residue, *("" if np.isnan(f) else float(f) for f in row)]
            for position, (residue, row) in enumerate(zip(self.parent, self.frequencies, strict=True), 1)
        ]
        write_whole(Path(path), csv_text(_ABOUT, [about]) + csv_text(("position", "residue", *AMINO_ACIDS), rows))

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Profile:
        """That of a file that `write` wrote.

        Raises:
            TableError: it is none.
        """
        file = os.fspath(path)
        data, _ = read_file(path)
        try:
            lines = list(csv.reader(io.StringIO(data.decode())))
            about = dict(zip(_ABOUT, lines[1], strict=True))
            parent = "".join(row[1] for row in lines[3:])
            frequencies = np.array([[float(cell or "nan") for cell in row[2:]] for row in lines[3:]])
            if lines[0] != list(_ABOUT) or frequencies.shape != (len(parent), len(AMINO_ACIDS)):
                raise ValueError
            counts = (int(about["sequences"]), float(about["effective"]), float(about["identity"]))
            return cls(parent, frequencies, *counts, about["query"], int(about["left_out"]))
        except (ValueError, IndexError, UnicodeDecodeError):
            raise TableError("this is no family profile. Make it again from the alignment.", file=file) from None

    def about(self) -> str:
        """What was read, in words: sequences, their effective number, coverage, agreement with the wild type."""
        positions = np.flatnonzero(~self.covered) + 1
        missing = f"; nothing is known of {len(positions)} others" if len(positions) else ""
        few = f" {self.left_out} that cover less than half of it are left out." if self.left_out else ""
        return (
            f'{self.sequences} sequences (effective number {self.effective:.0f}) around "{self.name}", which agrees '
            f"with the wild type in {self.identity:.0%} of {int(self.covered.sum())} residues{missing}.{few}"
        )


_ABOUT = ("sequences", "left_out", "effective", "identity", "query")


@dataclass(frozen=True)
class FamilyPrior(MutationPrior):
    """The sum over all mutations of `Profile.scores`: log-odds of a site-independent profile of the protein's family.

    Args:
        path: of a profile that `Profile.write` wrote.
    """

    path: str
    name = "family"

    @cached_property
    def profile(self) -> Profile:
        """Read once."""
        return Profile.read(self.path)

    def table(self, pool: Pool) -> np.ndarray:
        """Float64 [L, K]; a gap, and any residue inserted after another, get the worst score at that site.

        Raises:
            PoolError: the pool has no sites or no parent, or the profile is of another protein.
            TableError: the file is no profile.
        """
        sites = sites_of(pool, self.name)
        chain = parent_chain(sites, self.name)
        if not chain:
            return np.zeros((len(sites.labels), len(sites.alphabet)))
        if chain != self.profile.parent:
            raise PoolError(
                f"{self.path}: this family profile belongs to another wild type. Make it again from the alignment "
                "(read_alignment, Profile.of). Nothing was scored."
            )
        return scores_at_sites(self.profile.scores, sites, cost=0.0)

    def content(self) -> tuple[str, str]:
        """The file, and its digest."""
        return self.path, read_file(self.path)[1]
