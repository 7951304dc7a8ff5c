"""The profile of a protein's family: how often each amino acid stands at each residue, as a prior of mutations."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from activeloop.candidates import AMINO_ACIDS, Pool
from activeloop.encoders.base import sites_of
from activeloop.errors import PoolError, TableError
from activeloop.files import csv_text, write_whole
from activeloop.priors.alignment import Alignment, Progress, mapped_positions, read_alignment
from activeloop.priors.base import MutationPrior
from activeloop.priors.substitutions import scores_at_sites
from activeloop.tables.reading import read_file

#: pseudo-counts of the background, in effective sequences
PSEUDO_COUNTS = 5.0
#: frequencies of the amino acids in UniProtKB/Swiss-Prot, in the order of `AMINO_ACIDS`
BACKGROUND = np.array(
    [.0826, .0139, .0546, .0671, .0387, .0707, .0228, .0591, .0580, .0965,
     .0241, .0406, .0475, .0393, .0553, .0665, .0536, .0686, .0110, .0292]
)  # fmt: skip


#: mean and standard deviation of the weight of a profile's column before any label, for scores of standard deviation 1
#: and values on a scale of standard deviation 1, where a prior of substitutions is beside it: on every set with an
#: alignment their sum orders mutants better than either (`docs/results/family`). Wider ones lose by eight labels what
#: they win by none
FAMILY_MEAN, FAMILY_SD = 0.3, 0.2
#: standard deviation of that weight around 0 where no prior is beside it
ALONE_SD = 0.3**0.5
#: with fewer effective sequences, or of a smaller share of the varied positions, a profile tells little
FEW_SEQUENCES, FEW_RESIDUES = 20, 0.5
_ABOUT = ("sequences", "used", "left_out", "effective", "identity", "query")


@dataclass(frozen=True, eq=False)
class Profile(MutationPrior):
    """How often each amino acid stands at each residue of a wild type, among its relatives.

    As a prior: the sum over all mutations of `scores`. It is a second column of a learner's prior
    (`default_learner(pool, goal, family)`), whose weight is learned.

    Args:
        parent: the wild type, n residues.
        frequencies: [n, 20] in the order of `AMINO_ACIDS`, with pseudo-counts; NaN where no column is.
        sequences: number of sequences in the alignment.
        used: number of those that were counted: of more than 10,000 every k-th, without those left out.
        left_out: number of sequences that cover too little of the query.
        effective: effective number of those used (sum of `Alignment.weights`).
        identity: share of residues in which query and wild type agree.
        query: name of the query's record.
        file: it was read from; for messages.
    """

    parent: str
    frequencies: np.ndarray = field(repr=False)
    sequences: int
    used: int
    left_out: int
    effective: float
    identity: float
    query: str
    file: str = ""

    @property
    def name(self) -> str:
        """`family-` and the beginning of its digest, so that no model is taken for one with another family."""
        return f"family-{self.digest[:8]}"

    @classmethod
    def of(cls, alignment: Alignment, parent: str) -> Profile:
        """The profile of a wild type's residues that stand in a column.

        f = (sum of weights of sequences with the amino acid + 5 x background) / (sum of weights + 5), gaps left out.
        """
        counts = np.zeros((len(alignment.columns), len(AMINO_ACIDS)))
        for code in range(len(AMINO_ACIDS)):
            counts[:, code] = alignment.weights @ (alignment.codes == code)
        by_column = (counts + PSEUDO_COUNTS * BACKGROUND) / (counts.sum(1, keepdims=True) + PSEUDO_COUNTS)
        by_residue = np.full((len(alignment.query), len(AMINO_ACIDS)), np.nan)
        by_residue[alignment.columns] = by_column
        mapped = mapped_positions(alignment.query, parent)
        own = np.array([residue in AMINO_ACIDS for residue in parent])
        frequencies = np.where(((mapped >= 0) & own)[:, None], by_residue[mapped], np.nan)
        equal = [alignment.query[j] == parent[i] for i, j in enumerate(mapped) if j >= 0]
        return cls(
            parent,
            frequencies,
            alignment.count,
            len(alignment.codes),
            alignment.left_out,
            float(alignment.weights.sum()),
            float(np.mean(equal)),
            alignment.name,
        )

    @classmethod
    def from_alignment(cls, path: str | os.PathLike[str], parent: str, progress: Progress | None = None) -> Profile:
        """That of an alignment file (A3M, A2M, aligned FASTA, Stockholm, also gzipped), see `read_alignment`.

        Raises:
            TableError: the file is no alignment of this wild type.
        """
        return cls.of(read_alignment(path, parent, progress), parent)

    @property
    def covered(self) -> np.ndarray:
        """[n] whether a column tells of the residue."""
        return ~np.isnan(self.frequencies[:, 0])

    @cached_property
    def scores(self) -> np.ndarray:
        """[n, 20] log-odds of each amino acid against the wild type's, in standard deviations of all mutations.

        0 for the wild type's own; where no column is, the mean of all others, so that it says nothing of them.
        """
        codes = np.array([AMINO_ACIDS.find(residue) for residue in self.parent])
        logs = np.log(self.frequencies)
        odds = logs - logs[np.arange(len(codes)), codes][:, None]
        mutation = np.arange(len(AMINO_ACIDS)) != codes[:, None]
        known = mutation & self.covered[:, None]
        odds = np.where(mutation, np.where(known, odds, odds[known].mean()), 0.0)
        return odds / odds[known].std()

    def check(self, pool: Pool) -> None:
        """Refuse a pool of another protein.

        Raises:
            PoolError: it is of one, or has no wild type.
        """
        if pool.sites is None or pool.sites.parent is None or not pool.sites.parent_sequence:
            raise PoolError(
                "an alignment tells of variants of a wild type, and this pool has none. Give the wild type, or leave "
                "the alignment out."
            )
        chain = pool.sites.parent_sequence
        if chain != self.parent:
            raise PoolError(
                f"{self.file or 'the family profile'} belongs to another wild type ({len(self.parent)} residues, "
                f"{self.parent[:12]}...) than this pool ({len(chain)} residues, {chain[:12]}...). Make it again from "
                "an alignment of this one."
            )

    def table(self, pool: Pool) -> np.ndarray:
        """Float64 [L, K]; a gap, and any residue inserted after another, get the worst score at that site.

        Raises:
            PoolError: the pool has no wild type, or another one.
        """
        self.check(pool)
        return scores_at_sites(self.scores, sites_of(pool, self.name), cost=0.0)

    @cached_property
    def digest(self) -> str:
        """Of wild type and frequencies: 32 hexadecimal digits."""
        content = self.parent.encode() + np.ascontiguousarray(self.frequencies, "<f8").tobytes()
        return hashlib.blake2b(content, digest_size=16).hexdigest()

    def content(self) -> tuple[str, str]:
        """Its file, and its digest."""
        return self.file or "the family profile", self.digest

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Profile) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def text(self) -> str:
        """As CSV: a line of what was read, and a row for each residue of the wild type."""
        about = [self.sequences, self.used, self.left_out, self.effective, self.identity, self.query]
        rows = [
            [position, residue, *("" if np.isnan(f) else float(f) for f in row)]
            for position, (residue, row) in enumerate(zip(self.parent, self.frequencies, strict=True), 1)
        ]
        return csv_text(_ABOUT, [about]) + csv_text(("position", "residue", *AMINO_ACIDS), rows)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write it as CSV, whole or not at all.

        Raises:
            StoreError: it cannot be written.
        """
        write_whole(Path(path), self.text())

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Profile:
        """That of a file that `write` wrote.

        Raises:
            TableError: it is none; names the row at fault.
        """
        file = os.fspath(path)
        data, _ = read_file(path)
        again = "Put back the file as it was made, or make it again from the alignment."
        try:
            lines = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
            if lines[0] != list(_ABOUT) or lines[2] != ["position", "residue", *AMINO_ACIDS]:
                raise ValueError
            sequences, used, left_out, effective, identity, query = lines[1]
            known = (int(sequences), int(used), int(left_out), float(effective), float(identity), query)
        except (ValueError, IndexError, UnicodeDecodeError):
            raise TableError(f"this is no family profile. {again}", file=file) from None
        parent, frequencies = [], []
        for row, cells in enumerate(lines[3:], 4):
            try:
                position, residue, *shares = cells
                numbers = [float(cell or "nan") for cell in shares]
                whole = np.isnan(numbers).all() or (min(numbers) > 0 and abs(sum(numbers) - 1) < 0.01)
                if int(position) != row - 3 or len(residue) != 1 or len(numbers) != len(AMINO_ACIDS) or not whole:
                    raise ValueError
            except ValueError:
                problem = f"this row is no residue with its 20 frequencies, which are above 0 and sum to 1. {again}"
                raise TableError(problem, file=file, row=row) from None
            parent.append(residue)
            frequencies.append(numbers)
        if np.isnan(frequencies).all():
            raise TableError(f"this family profile knows of no residue. {again}", file=file)
        return cls("".join(parent), np.array(frequencies), *known, file)

    def about(self) -> str:
        """What was read, in words: sequences, their effective number, coverage, agreement with the wild type."""
        part = f" ({self.used:,} of them counted)" if self.used + self.left_out < self.sequences else ""
        few = f", {self.left_out:,} left out that cover less than half of it" if self.left_out else ""
        return (
            f'{self.sequences:,} sequences{part}, effective number {self.effective:.0f}{few}; "{self.query}" is the '
            f"wild type in {self.identity:.0%} of the residues compared; {self._coverage()}"
        )

    def _coverage(self) -> str:
        missing = np.flatnonzero(~self.covered) + 1
        told = f"it tells of {int(self.covered.sum())} of {len(self.parent)} positions"
        if not len(missing):
            return told
        ends = np.flatnonzero(np.diff(missing) > 1)
        stretches = zip(missing[np.r_[0, ends + 1]], missing[np.r_[ends, -1]], strict=True)
        shown = [f"{a}-{b}" if b > a else f"{a}" for a, b in stretches]
        more = f" and {len(shown) - 5} more stretches" if len(shown) > 5 else ""
        return f"{told} (not of {', '.join(shown[:5])}{more})"

    def warnings(self, pool: Pool) -> list[str]:
        """What makes it tell little of a pool, in sentences."""
        found = []
        if self.effective < FEW_SEQUENCES:
            found.append(
                f"the alignment has an effective number of {self.effective:.0f} sequences: with fewer than "
                f"{FEW_SEQUENCES} a profile tells little. Search a larger database, or with a looser threshold."
            )
        positions = sites_of(pool, self.name).positions
        varied = np.unique(np.clip(positions, 1, len(self.parent))) - 1
        told = int(self.covered[varied].sum())
        if told < FEW_RESIDUES * len(varied):
            found.append(f"the alignment tells of only {told} of the {len(varied)} positions that vary.")
        return found
