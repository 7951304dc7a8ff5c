"""Repair outcomes of guides: which share of the cut alleles has which insertion or deletion, as a distribution."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from activeloop.candidates import ExplicitPool, Pool
from activeloop.candidates.reading import candidate_column, read_candidates
from activeloop.errors import TableError
from activeloop.tables import Table, as_table
from activeloop.tables.names import COUNTS, LABELS, ROLES, SPREADS, plain

#: columns of a table with a row for each guide and outcome; inDelphi's outcome is several columns together
OUTCOMES = (
    *("outcome", "indel", "repair outcome", "repair genotype", "genotype", "identity", "allele", "event"),
    *("indel size", "indel length", "size of indel", "length of indel"),
)
PARTS = (("category", "type"), ("length", "size"), ("genotype position", "position"), ("inserted bases", "inserted"))
NAMED: dict[str, tuple[str, ...]] = {
    "reads": ("count", "counts", "reads", "read count", "mutated reads", "n reads", "# reads"),
    "share": ("fraction", "share", "proportion"),
    "percent": ("percent", "percentage"),
}
VALUES = (*(name for names in NAMED.values() for name in names), "frequency", "predicted frequency")
#: columns of a table with a column for each outcome that hold none: the depth, and what follows from the shares
DEPTH, FRAMESHIFT = "reads", "frameshift"
BESIDE = (
    *(DEPTH, "total", "total reads", "total count", "depth", "coverage", "n reads", "read count", FRAMESHIFT),
    *("efficiency", "cutting efficiency", "editing efficiency", "chromosome", "chrom", "chr", "start", "end", "strand"),
)
#: names of outcomes that tell no length
WORDS = (
    *("other", "others", "rest", "wt", "wild type", "unmodified", "unedited", "no indel", "none", "reference", "ref"),
    *("insertion", "insertions", "ins", "deletion", "deletions", "del", "mh deletion", "non mh deletion", "mh", "nhej"),
    *("mmej", "hdr", "complex", "substitution", "substitutions", "large deletion", "large insertion", "inversion"),
)
#: what the sums of shares may be off by; outcomes that are kept, and how the rest is called
OFF, MOST, OTHER = 0.02, 60, "other"
#: whole numbers that sum to at most so much may be percent of which a part was left out
PERCENT = 100.0
Rest = Literal["other", "renormalise"]
Unit = Literal["reads", "share", "percent"]
UNITS: tuple[Unit, ...] = get_args(Unit)
_WHOLE: dict[Unit, float] = {"share": 1.0, "percent": PERCENT}
_NUMBER = re.compile(r"\s*\d+(?:[.,]\d+)?\s*%?\s*")
_SIZE = re.compile(r"(?P<kind>[id])(?:el|ns|eletion|nsertion)?[\s_:+-]*(?P<size>\d+)", re.IGNORECASE)
_SIGNED = re.compile(r"(?P<kind>[+\-−])\s*(?P<size>\d+)\s*(?:bp|nt)?\s*(?:\(.*\)|\[.*\])?", re.IGNORECASE)
_BEFORE = re.compile(
    r"(?P<size>\d+)[\s-]*(?:bp|nt)?[\s-]*(?P<kind>[id])(?:el|ns)(?:etions?|ertions?)?\b.*", re.IGNORECASE
)


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

    >>> [size_of(name) for name in ("D2_L-3R0", "I1_L-1C2R0", "del 10", "+1", "-2 (%)", "3bp deletion", "1+A", "other")]
    [-2, 1, -10, 1, -2, -3, None, None]
    """
    name = name.strip()
    found = _SIZE.match(name) or _SIGNED.fullmatch(name) or _BEFORE.fullmatch(name)
    return None if found is None else int(found["size"]) * (1 if found["kind"].lower() in "i+" else -1)


def read_outcomes(
    source: Any,
    *,
    most: int = MOST,
    rest: Rest | None = None,
    unit: Unit | None = None,
    columns: Sequence[str] = (),
    column: str = "",
) -> Outcomes:
    """Outcomes of a table: a row for each guide and outcome (as of FORECasT and inDelphi), or a column for each.

    Values may be reads, shares or percent. Reads of the same guide and outcome are added up. Where there are columns of
    outcomes whose names tell their length, a further column of numbers is refused until the outcomes are named.

    Args:
        source: a table, a file or a DataFrame.
        most: outcomes that are kept; the rarer ones together are `other`.
        rest: what is to be done where shares of a guide sum to less than 1: the rest is `other`, or the shares are
            those among the listed outcomes.
        unit: of the values, where they do not show it.
        columns: those of the outcomes, where names do not show them.
        column: of the guides, where its name and cells do not show it.

    Raises:
        TableError: a column cannot be found, a value is below 0, a guide has no reads, shares do not sum to 1 (percent
            to 100), or what values are is not clear.
        InputError: a guide cannot be read.
    """
    table = as_table(source)
    column = column or candidate_column(table, "guides")
    read = read_candidates(table, "guides", column=column, merge_duplicates=True, skip_unreadable=None)
    pool, rows = ExplicitPool.from_list(read, "guides"), read.places
    long = None if columns else _long(table, column)
    names, which, values, depth = long or _wide(table, column, columns)
    if long:  # whose column of values may say what they are
        unit = unit or next((u for u in UNITS if depth in table.named(NAMED[u])), None)
        depth = ""
    if (bad := np.flatnonzero(~np.isfinite(values).all(1) | (values < 0).any(1))).size:
        raise table.error("a share or a number of reads is missing or below 0. Correct it.", int(bad[0]))
    amounts = np.zeros((len(pool), len(names)))
    for j in range(values.shape[1]):
        np.add.at(amounts, (rows, which[:, j]), values[:, j])
    first = np.full(len(pool), len(table))
    np.minimum.at(first, rows, np.arange(len(table)))
    twice = len({*zip(rows.tolist(), which[:, 0].tolist(), strict=True)}) < len(table)
    amounts, reads, names = _in_one_unit(_Sums(table, first, twice), amounts, names, rest, unit)
    if depth and np.isnan(reads).all() and not twice:
        found = table.values(depth)
        reads = np.where(found > 0, found, np.nan)[first]
    order = np.argsort(-(amounts / amounts.sum(1, keepdims=True)).mean(0), kind="stable")
    kept = [int(k) for k in order if names[k] != OTHER][:most]
    left = [k for k in range(len(names)) if k not in set(kept)]
    parts = [amounts[:, kept], *([amounts[:, left].sum(1, keepdims=True)] if left else [])]
    shares = np.concatenate(parts, axis=1)
    told = tuple(names[k] for k in kept) + ((OTHER,) if left else ())
    return Outcomes(pool, told, shares / shares.sum(1, keepdims=True), reads)


#: names of outcomes, [n, K] which they are of, [n, K] values, and the column of the values (of a row for each outcome),
#: or of all reads of a guide ("": none)
_Found = tuple[list[str], np.ndarray, np.ndarray, str]


def outcomes_hint(table: Table, kind: str) -> str:
    """What to do with a table that holds a row for each guide and outcome, so several a guide; "" for other tables.

    Such a row has a share of a distribution, which is no result of its own.
    """
    if kind != "guides":
        return ""
    try:
        column = candidate_column(table, kind)
        found = _long(table, column)
    except TableError:
        return ""
    if found is None or len({*table.column(column)}) == len(table):
        return ""
    known = {*map(plain, WORDS)}
    if sum(size_of(name) is not None or plain(name) in known for name in found[0]) <= len(found[0]) / 2:
        return ""  # such as values under `indel`, as of DeepHF, or the genotype of the cells
    return (
        "It has several rows a guide, one for each repair outcome. `activeloop outcomes FILE --out DIR` checks that "
        "they are distributions, and writes a table with one row a guide: a column for each outcome, and the share of "
        "frameshifts."
    )


def _long(table: Table, column: str) -> _Found | None:
    """A row for each guide and outcome; None where the table has no such columns."""
    free = [name for name in table.header if name != table.find(column)]
    outcome = [name for name in table.named(OUTCOMES) if name in free]
    parts = [found[0] for names in PARTS if (found := [n for n in table.named(names) if n in free])]
    value = [name for name in table.named((*VALUES, *ROLES["value"], *COUNTS)) if name in free]
    if not value or not (outcome or len(parts) > 1):
        return None
    if len(value) > 1:
        raise table.error(f"which column holds the reads or shares: {', '.join(value)}? Leave one of them.")
    columns = [table.cells(name) for name in (outcome[:1] or parts)]
    texts = [" ".join(cell for cell in cells if cell) for cells in zip(*columns, strict=True)]
    if "" in texts:
        raise table.error("the outcome is empty. Name it.", texts.index(""))
    names = list(dict.fromkeys(texts))
    place = {name: k for k, name in enumerate(names)}
    return names, np.array([[place[text]] for text in texts]), table.values(value[0])[:, None], value[0]


def _wide(table: Table, column: str, given: Sequence[str]) -> _Found:
    """The same of a table with a column for each outcome."""
    names, values = [], []
    spreads = (name for found in SPREADS.values() for name in found)
    roles = (name for role, found in ROLES.items() if role != "value" for name in found)
    beside = table.named((*BESIDE, *COUNTS, *LABELS, *roles, *spreads))
    for name in given:
        table.column(name)
    wanted = [table.find(name) or name for name in given] or [name for name in table.header if name not in beside]
    for name in wanted:
        if name == table.find(column):
            continue
        try:
            found = table.values(name)
        except TableError:
            if given or 2 * sum(_NUMBER.fullmatch(cell) is not None for cell in table.column(name)) > len(table):
                raise  # an outcome with a cell that cannot be read, not a column of texts
            continue
        if np.isfinite(found).any():
            names.append(name)
            values.append(np.where(np.isnan(found), 0.0, found))
    if len(names) < 2:
        raise table.error(
            "no outcomes are found: give a row for each guide and outcome (guide, outcome, reads), or a column for "
            f"each outcome. {table.listed}"
        )
    known = {*map(plain, WORDS)}
    unclear = [name for name in names if size_of(name) is None and plain(name) not in known]
    if not given and 0 < len(unclear) < len(names) and sum(size_of(name) is not None for name in names) > 1:
        clear = ",".join(name for name in names if name not in unclear)
        raise table.error(
            f'is "{unclear[0]}" an outcome? The names of others tell a length. Name the columns of the outcomes: '
            f"--columns {clear if len(clear) < 60 else clear[:60] + '...'} (in Python columns=[...])."
        )
    depth = table.named((*BESIDE[: BESIDE.index(FRAMESHIFT)], *COUNTS))
    return names, np.tile(np.arange(len(names)), (len(table), 1)), np.stack(values, axis=1), (depth or [""])[0]


@dataclass(frozen=True)
class _Sums:
    """Whose sums are looked at.

    Args:
        table: of which they are.
        first: [N] the first row of each guide.
        twice: whether a guide has two rows of one outcome.
    """

    table: Table
    first: np.ndarray
    twice: bool

    def error(self, problem: str, guide: int | None = None) -> TableError:
        """It, with the row of a guide, and what may be meant where rows were added up."""
        if self.twice:
            problem += " Some guides have several rows of the same outcome, which were added up: of shares leave one."
        return self.table.error(problem, None if guide is None else int(self.first[guide]))


def _in_one_unit(
    sums: _Sums, amounts: np.ndarray, names: list[str], rest: Rest | None, unit: Unit | None
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Amounts, reads [N] (NaN where only shares are known) and names, `other` among them where it is the rest."""
    totals = amounts.sum(1)
    if (empty := np.flatnonzero(totals <= 0)).size:
        raise sums.error("this guide has no reads in any outcome. Leave it out.", int(empty[0]))
    unknown, whole = np.full(len(totals), np.nan), (amounts == np.rint(amounts)).all()
    if unit is None:
        unit = _unit_of(sums, totals, bool(whole))
    if unit == "reads":
        if not whole:
            broken = int(np.flatnonzero((amounts != np.rint(amounts)).any(1))[0])
            raise sums.error("reads are whole numbers, and this guide has others. Say --unit share or percent.", broken)
        return amounts, totals, names
    full = _WHOLE[unit]
    if (over := np.flatnonzero(totals > full * (1 + OFF))).size:
        worst = int(over[0])
        raise sums.error(
            f"the outcomes of this guide sum to {totals[worst]:.4g}, and as {unit} they sum to {full:g}. Correct them.",
            worst,
        )
    less = np.flatnonzero(totals < full * (1 - OFF))
    if not less.size or rest == "renormalise":
        return amounts, unknown, names
    if rest == OTHER:
        return np.column_stack([amounts, np.maximum(full - totals, 0)]), unknown, [*names, OTHER]
    raise sums.error(
        f"the outcomes of this guide sum to {totals[less[0]]:.4g} of {full:g} (of all guides "
        f"{_span(totals)}): outcomes were left out. Say whether the rest is one more outcome (--rest other) or "
        'shares are those among the listed ones (--rest renormalise; in Python rest="other" or "renormalise").',
        int(less[0]),
    )


def _span(totals: np.ndarray) -> str:
    low, high = f"{totals.min():.4g}", f"{totals.max():.4g}"
    return low if low == high else f"{low} to {high}"


def _unit_of(sums: _Sums, totals: np.ndarray, whole: bool) -> Unit:
    """The only unit that the sums [N] of outcomes allow.

    Raises:
        TableError: there are two readings, or none.
    """
    for unit, full in _WHOLE.items():
        if (np.abs(totals - full) <= OFF * full).all():
            return unit
    shares, percents = (np.abs(totals - full) <= OFF * full for full in _WHOLE.values())
    if shares.any() and percents.any() and (shares | percents).all():
        one, other = int(np.flatnonzero(shares)[0]), int(np.flatnonzero(percents)[0])
        rows = [sums.table.row_numbers[int(sums.first[g])] for g in (one, other)]
        raise sums.error(
            f"outcomes of this guide sum to 100, as percent do, and those of the guide in row {rows[0]} to 1, as "
            "shares do. Write all in one of them.",
            other,
        )
    top = float(totals.max())
    if whole and top > PERCENT * (1 + OFF):
        return "reads"
    if whole and top > 1:
        raise sums.error(
            f"whole numbers that sum to {_span(totals)} a guide could be reads, or percent of which "
            "a part was left out. Say which: --unit reads or --unit percent (in Python unit=...)."
        )
    if top <= 1 + OFF:
        return "share"
    if float(totals.min()) > 1 + OFF and top <= PERCENT * (1 + OFF):
        raise sums.error(
            f"outcomes sum to {_span(totals)} a guide: too much for shares (1), and for percent "
            "(100) a part was left out. Say --unit percent if they are, and --rest for what was left out.",
            int(np.argmin(totals)),
        )
    raise sums.error(
        "values are neither reads (whole numbers) nor shares nor percent: those of guides sum to "
        f"{_span(totals)}, not to 1 or 100. Give one of them for all guides.",
        int(np.argmax(totals)),
    )
