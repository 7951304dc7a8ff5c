"""What may be tested: a pool is a numbered list of candidates, explicit or generated on the fly.

A pool never needs all its candidates in memory at once. Rows are counted from 0; every part of the loop that works on
many candidates works on arrays of rows, and asks for `Candidate` objects only for those that a person will see.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from collections.abc import Sequence as Rows
from typing import TYPE_CHECKING

import numpy as np

from activeloop.candidates.designs import AMINO_ACIDS, Candidate, Design
from activeloop.candidates.notation import Notation
from activeloop.candidates.sites import Rules, Sites
from activeloop.errors import NotationError
from activeloop.tables.table import Table

if TYPE_CHECKING:
    from activeloop.candidates.combinatorial import CombinatorialPool
    from activeloop.candidates.explicit import ExplicitPool

__all__ = ["KINDS", "Pool", "Sites"]

KINDS = ("variants", "compounds", "guides")


class Pool(ABC):
    """What may be tested.

    Three final classes: `ExplicitPool` (listed), `CombinatorialPool` (generated on the fly) and `StreamedPool` (listed
    in a file too long for memory).

    Attributes:
        kind: one of `KINDS`.
        origin: where it comes from, in one sentence.
        notation: how its candidates are written.
        rules: what candidates must keep to be allowed; None when all are.

    >>> pool = Pool.single_mutants("MKTAYIAKQR", positions=range(2, 5))
    >>> len(pool), pool[0].name, pool.row_of("p.Lys2Cys"), pool.sites.labels
    (57, 'K2A', 1, ('K2', 'T3', 'A4'))
    >>> print(pool.describe())
    57 variants: all single mutants of a wild type of 10 residues at 3 positions.
    """

    kind: str
    origin: str
    notation: Notation
    rules: Rules | None = None

    @abstractmethod
    def __len__(self) -> int:
        """How many candidates."""

    @abstractmethod
    def design(self, row: int) -> Design:
        """The design in one row."""

    @abstractmethod
    def row_of(self, name: str) -> int | None:
        """The row of a candidate by any of its notations, or None when it is not in the pool."""

    @property
    @abstractmethod
    def sites(self) -> Sites | None:
        """The varying columns of sequence-like pools (variants, guides); None for compounds."""

    @abstractmethod
    def codes(self, rows: np.ndarray | Rows[int] | None = None) -> np.ndarray:
        """Letters of the varying columns as codes into `sites.alphabet`: uint8 [n, L]; all rows when `rows` is None."""

    def __getitem__(self, row: int) -> Candidate:
        """The candidate in one row."""
        return Candidate.of(self.design(int(row)))

    def names(self, rows: np.ndarray | Rows[int]) -> list[str]:
        """Standard notation of the given rows."""
        return [self.design(int(r)).name for r in rows]

    def chunks(self, size: int = 100_000) -> Iterator[np.ndarray]:
        """All rows in order, `size` at a time."""
        for start in range(0, len(self), size):
            yield np.arange(start, min(start + size, len(self)))

    def allowed(self, rows: np.ndarray | Rows[int]) -> np.ndarray:
        """Which of the given rows may be proposed: bool [n]. Those that break a rule still count as rows."""
        rows = np.asarray(rows)
        if self.rules is None or self.sites is None:
            return np.ones(len(rows), bool)
        return self.rules.allow(self.codes(rows), self.sites)

    def readable(self, rows: np.ndarray) -> np.ndarray:
        """Which rows hold a candidate: bool [n]; all but in long files, which are not read before they are needed."""
        return np.ones(len(rows), bool)

    def find(self, name: str) -> int:
        """The row of a candidate by any of its notations.

        Raises:
            NotationError: the name cannot be understood (says why), or names something that is not in the pool.
        """
        row = self.row_of(name)
        if row is None:
            self.notation.design(name)
            raise NotationError(f'"{name}" is not in the pool ({self.describe()[:-1]}). Check the name.')
        return row

    def rows_of(self, names: Iterable[str]) -> np.ndarray:
        """The rows of many candidates: int64 [n], -1 for those that are not in the pool."""
        found = (self.row_of(name) for name in names)
        return np.array([-1 if row is None else row for row in found], np.int64)

    def describe(self) -> str:
        """The pool in one sentence."""
        return f"{len(self):,} {self.kind}: {self.origin}."

    @staticmethod
    def single_mutants(
        parent: str | os.PathLike[str],
        positions: Iterable[int] | None = None,
        *,
        exclude_residues: str = "",
        forbidden_motifs: Iterable[str] = (),
        wild_type: bool = False,
    ) -> ExplicitPool:
        """Every exchange of one residue for each of the other nineteen.

        Args:
            parent: the wild type, or the path of its FASTA file.
            positions: those that may change, counted from 1; all when None.
            exclude_residues: letters that no mutation may introduce.
            forbidden_motifs: such as "NxS"; `x` stands for any residue.
            wild_type: whether the wild type itself belongs to the pool.

        Raises:
            NotationError: the parent is no protein.
            PoolError: a position is outside the parent, or nothing is left.
        """
        from activeloop.candidates.build import single_mutants

        rules = Rules(exclude_residues.upper(), None, tuple(forbidden_motifs))
        return single_mutants(parent, positions, rules, wild_type=wild_type)

    @staticmethod
    def combinatorial(
        parent: str | os.PathLike[str] | None,
        sites: Iterable[int | str | tuple[int | str, str]],
        letters: str = AMINO_ACIDS,
        *,
        exclude_residues: str = "",
        max_mutations: int | None = None,
        forbidden_motifs: Iterable[str] = (),
    ) -> CombinatorialPool:
        """Every combination of letters at some sites, generated on the fly.

        Args:
            parent: the wild type, or the path of its FASTA file; None for sequences made of the sites alone.
            sites: positions (39), labels ("V39"), or pairs with the letters allowed there (("V39", "VILF")).
            letters: allowed at sites that name none of their own.
            exclude_residues: letters that no mutation may introduce.
            max_mutations: most mutations of one candidate that is allowed.
            forbidden_motifs: such as "NxS"; `x` stands for any residue.

        Raises:
            NotationError: a label does not fit the parent.
            PoolError: no sites, a site twice, a letter that is none, or nothing is allowed.

        >>> pool = Pool.combinatorial("MKTAYIAKQR", ["K2", ("A4", "AGS")], max_mutations=1)
        >>> len(pool), pool[5].name, pool.row_of("K2R:A4S"), pool.allowed([5, 44]).tolist()
        (60, 'K2C:A4S', 44, [False, False])
        """
        from activeloop.candidates.build import combinatorial

        rules = Rules(exclude_residues.upper(), max_mutations, tuple(forbidden_motifs))
        return combinatorial(parent, sites, letters, rules)

    @staticmethod
    def from_table(
        table: str | os.PathLike[str] | Table,
        kind: str = "variants",
        parent: str | os.PathLike[str] | None = None,
        column: str | None = None,
        offset: int = 0,
        *,
        sites: Iterable[int | str] = (),
        sheet: str | None = None,
        merge_duplicates: bool = False,
        skip_unreadable: bool = False,
    ) -> ExplicitPool:
        """The candidates that a spreadsheet lists.

        Args:
            table: a CSV, TSV or XLSX file, or one that was read.
            kind: `variants`, `compounds` or `guides`.
            parent: the wild type of variants, or the path of its FASTA file; when it is None it is derived if the table
                holds mutations and whole sequences, and not needed for strings of one length.
            column: the column that names the candidates; guessed from its name and content when None.
            offset: added to each written position to get the position in the parent, by which the pool counts.
            sites: positions to which strings such as "FWAA" refer.
            sheet: of a workbook; the first when None.
            merge_duplicates: keep the first of several rows with the same candidate instead of refusing them.
            skip_unreadable: leave out rows whose candidate cannot be understood (stop codons, broken SMILES) instead of
                refusing the table; `origin` says how many.

        Raises:
            InputError: names file, row and fix.
        """
        from activeloop.candidates.from_table import pool_from_table

        return pool_from_table(
            table,
            kind,
            parent,
            column,
            offset,
            sites=sites,
            sheet=sheet,
            merge_duplicates=merge_duplicates,
            skip_unreadable=skip_unreadable,
        )

    @staticmethod
    def from_fasta(
        path: str | os.PathLike[str], parent: str | os.PathLike[str] | None = None, *, merge_duplicates: bool = False
    ) -> ExplicitPool:
        """The sequences of a FASTA file; compared with a wild type if one is given (needed if lengths differ).

        Args:
            path: the file.
            parent: the wild type, or the path of its FASTA file.
            merge_duplicates: keep the first of several equal sequences instead of refusing them.

        Raises:
            InputError: names file, record and fix.
        """
        from activeloop.candidates.build import from_fasta

        return from_fasta(path, parent, merge_duplicates=merge_duplicates)

    @staticmethod
    def of(designs: Iterable[Design], *, origin: str = "listed") -> ExplicitPool:
        """A pool of designs of one type (and of one parent).

        >>> from activeloop.candidates import Sequence
        >>> Pool.of([Sequence("FWAA"), Sequence("VDGV")]).codes().tolist()
        [[4, 18, 0, 0], [17, 2, 5, 17]]
        """
        from activeloop.candidates.build import of_designs

        return of_designs(designs, origin)
