"""Repair outcomes of guides: which share of the cut alleles has which insertion or deletion, as a distribution."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from activeloop.candidates import ExplicitPool, Pool
from activeloop.candidates.reading import candidate_column, read_candidates
from activeloop.errors import TableError
from activeloop.tables import Table, as_table
from activeloop.tables.names import COUNTS, ROLES

#: columns of a table with a row for each guide and outcome; inDelphi's outcome is several columns together
OUTCOMES = ("outcome", "indel", "repair outcome", "repair genotype", "genotype", "identity", "allele", "event")
PARTS = (("category", "type"), ("length", "size"), ("genotype position", "position"), ("inserted bases", "inserted"))
VALUES = (
    *("count", "counts", "reads", "read count", "mutated reads", "n reads", "frequency", "predicted frequency"),
    *("fraction", "share", "percent", "percentage", "proportion"),
)
#: what the sums of shares may be off by; outcomes that are kept, and how the rest is called
OFF, MOST, OTHER = 0.02, 60, "other"
Rest = Literal["other", "renormalise"]
_NUMBER = re.compile(r"\s*\d+(?:[.,]\d+)?\s*%?\s*")
_SIZE = re.compile(r"(?P<kind>[id])(?:el|ns|eletion|nsertion)?[\s_:+-]*(?P<size>\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Outcomes:
    """Distributions of outcomes over guides.

    Args:
        pool: the guides.
        names: [K] of the outcomes, the most frequent first, `other` last where rare ones were put together.
        shares: [N, K] of each guide, which sum to 1.
        reads: [N] on which they rest; NaN where the table has shares alone.

    >>> found = read_outcomes({"guide": ["ACGTACGTACGTACGTACGT"] * 2, "outcome": ["D2", "I1"], "reads": [30, 10]})
    >>> found.names, found.shares.tolist(), found.reads.tolist()
    (('D2', 'I1'), [[0.75, 0.25]], [40.0])
    """

    pool: Pool
    names: tuple[str, ...]
    shares: np.ndarray
    reads: np.ndarray

    def __len__(self) -> int:
        return len(self.shares)

    def take(self, rows: np.ndarray) -> Outcomes:
        """Those of some guides; the pool stays."""
        return replace(self, shares=self.shares[rows], reads=self.reads[rows])

    def share_of(self, names: Sequence[str]) -> np.ndarray:
        """[N] what some outcomes have together, a value that a campaign may look for.

        Raises:
            TableError: an outcome is not there.
        """
        if missing := [name for name in names if name not in self.names]:
            raise TableError(f'there is no outcome "{missing[0]}". Outcomes: {", ".join(self.names)}.')
        return self.shares[:, [self.names.index(name) for name in names]].sum(1)

    def frameshift(self) -> np.ndarray:
        """[N] share of insertions and deletions whose length is no multiple of 3, among those whose names tell it.

        Raises:
            TableError: no name tells a length, such as D2 or `ins 1`.
        """
        sizes = [size_of(name) for name in self.names]
        told = np.array([size is not None for size in sizes])
        if not told.any():
            raise TableError(f"no outcome tells its length (such as D2 or ins 1): {', '.join(self.names[:5])}.")
        shifts = np.array([size is not None and size % 3 != 0 for size in sizes])
        return self.shares[:, shifts].sum(1) / np.maximum(self.shares[:, told].sum(1), 1e-12)


def size_of(name: str) -> int | None:
    """The length of an insertion or deletion by its name, deletions below 0; None where it does not tell it.

    >>> [size_of(name) for name in ("D2_L-3R0", "I1_L-1C2R0", "del 10", "1+A", "other")]
    [-2, 1, -10, None, None]
    """
    found = _SIZE.match(name.strip())
    return None if found is None else int(found["size"]) * (1 if found["kind"].lower() == "i" else -1)


def read_outcomes(source: Any, *, most: int = MOST, rest: Rest | None = None) -> Outcomes:
    """Outcomes of a table: a row for each guide and outcome (as of FORECasT and inDelphi), or a column for each.

    Values may be reads, shares or percent. Rows of the same guide and outcome are added up.

    Args:
        source: a table, a file or a DataFrame.
        most: outcomes that are kept; the rarer ones together are `other`.
        rest: what is to be done where shares of a guide sum to less than 1: the rest is `other`, or the shares are
            those among the listed outcomes.

    Raises:
        TableError: a column cannot be found, a value is below 0, a guide has no reads, or what values are is not clear.
        InputError: a guide cannot be read.
    """
    table = as_table(source)
    column = candidate_column(table, "guides")
    read = read_candidates(table, "guides", column=column, merge_duplicates=True)
    pool, rows = ExplicitPool.from_list(read, "guides"), read.places
    names, which, values = _long(table, column) or _wide(table, column)
    if (bad := np.flatnonzero(~np.isfinite(values).all(1) | (values < 0).any(1))).size:
        raise table.error("a share or a number of reads is missing or below 0. Correct it.", int(bad[0]))
    amounts = np.zeros((len(pool), len(names)))
    for j in range(values.shape[1]):
        np.add.at(amounts, (rows, which[:, j]), values[:, j])
    amounts, reads, names = _in_one_unit(table, amounts, names, rest)
    order = np.argsort(-(amounts / amounts.sum(1, keepdims=True)).mean(0), kind="stable")
    kept = [int(k) for k in order if names[k] != OTHER][:most]
    left = [k for k in range(len(names)) if k not in set(kept)]
    columns = [amounts[:, kept], *([amounts[:, left].sum(1, keepdims=True)] if left else [])]
    shares = np.concatenate(columns, axis=1)
    told = tuple(names[k] for k in kept) + ((OTHER,) if left else ())
    return Outcomes(pool, told, shares / shares.sum(1, keepdims=True), reads)


def _long(table: Table, column: str) -> tuple[list[str], np.ndarray, np.ndarray] | None:
    """Names of outcomes, [n, 1] which each row is of, and [n, 1] values; None where the table has no such columns."""
    free = [name for name in table.header if name != table.find(column)]
    outcome = [name for name in table.named(OUTCOMES) if name in free]
    parts = [found[0] for names in PARTS if (found := [n for n in table.named(names) if n in free])]
    value = [name for name in table.named((*VALUES, *ROLES["value"], *COUNTS)) if name in free]
    if not value or not (outcome or len(parts) > 1):
        return None
    if len(value) > 1:
        raise table.error(f"which column holds the reads or shares: {', '.join(value)}? Leave one of them.")
    columns = [table.columns[table.header.index(name)] for name in (outcome[:1] or parts)]
    texts = [" ".join(cell for cell in cells if cell) for cells in zip(*columns, strict=True)]
    if "" in texts:
        raise table.error("the outcome is empty. Name it.", texts.index(""))
    names = list(dict.fromkeys(texts))
    place = {name: k for k, name in enumerate(names)}
    return names, np.array([[place[text]] for text in texts]), table.values(value[0])[:, None]


def _wide(table: Table, column: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The same of a table with a column for each outcome."""
    names, values = [], []
    for name in table.header:
        if name == table.find(column):
            continue
        try:
            found = table.values(name)
        except TableError:
            if 2 * sum(_NUMBER.fullmatch(cell) is not None for cell in table.column(name)) > len(table):
                raise  # an outcome with a cell that cannot be read, not a column of texts
            continue
        if np.isfinite(found).any():
            names.append(name)
            values.append(np.where(np.isnan(found), 0.0, found))
    if len(names) < 2:
        raise table.error(
            "no outcomes are found: give a row for each guide and outcome (guide, outcome, reads), or a column for "
            f"each outcome. Columns: {', '.join(table.header)}."
        )
    return names, np.tile(np.arange(len(names)), (len(table), 1)), np.stack(values, axis=1)


def _in_one_unit(
    table: Table, amounts: np.ndarray, names: list[str], rest: Rest | None
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Amounts, reads [N] (NaN where only shares are known) and names, `other` among them where it is the rest."""
    totals = amounts.sum(1)
    if (empty := np.flatnonzero(totals <= 0)).size:
        raise table.error(f"guide {empty[0] + 1} of the table has no reads in any outcome. Leave it out.")
    unknown = np.full(len(totals), np.nan)
    for whole in (1.0, 100.0):
        if (np.abs(totals - whole) <= OFF * whole).all():
            return amounts, unknown, names
    if (amounts == np.rint(amounts)).all() and totals.max() > 1:
        return amounts, totals, names
    whole = 1.0 if totals.max() <= 1 + OFF else 100.0
    if totals.max() > whole * (1 + OFF):
        raise table.error(
            f"values are neither reads (whole numbers) nor shares: those of guides sum to {totals.min():.4g} up to "
            f"{totals.max():.4g}. Give one of them for all guides."
        )
    if rest == "renormalise":
        return amounts, unknown, names
    if rest == OTHER:
        return np.column_stack([amounts, np.maximum(whole - totals, 0)]), unknown, [*names, OTHER]
    raise table.error(
        f"shares of guides sum to {totals.min():.4g} up to {totals.max():.4g} of {whole:g}: outcomes were left out. "
        'Say whether the rest is one more outcome (rest="other") or shares are those among the listed ones '
        '(rest="renormalise").'
    )
