"""Pools that grow: candidates behind those of a pool, whose rows stay as they are."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Sequence as Rows
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, final

import numpy as np

from activeloop.candidates.designs import Design
from activeloop.candidates.labels import Labels, LabelTable
from activeloop.candidates.pool import ExplicitPool, Match, Pool, TreatmentPool
from activeloop.candidates.proteins import read_fasta
from activeloop.candidates.reading import candidate_column, duplicates, name_columns, read_each
from activeloop.candidates.sites import Sites, encode
from activeloop.candidates.treatments import with_treatments
from activeloop.errors import NotationError, PoolError, check_type
from activeloop.tables import Table, as_table
from activeloop.tables.frames import is_frame


def grown(
    pool: Pool,
    designs: Rows[Design],
    origin: str,
    names: Iterable[tuple[str, int]] = (),
    labels: Mapping[str, Rows[str]] | None = None,
) -> Pool:
    """A pool with more candidates behind its own: every row keeps its candidate, and the rules hold for all.

    Args:
        pool: N candidates.
        designs: M more of its kind, none of them in it, each once.
        origin: where these come from, in words that go on a sentence.
        names: other names of these, and the place in `designs` of what each stands for.
        labels: what else is known of each: column -> its cells.

    Raises:
        PoolError: one is there already, twice, or of another kind than the pool.

    >>> pool = Pool.single_mutants("MKTA", positions=[2, 3])
    >>> more = grown(pool, [pool.notation.design("K2R:T3S")], "1 combination")
    >>> len(pool), more.names([37, 38]), more.added
    (38, ['T3Y', 'K2R:T3S'], 1)
    >>> print(more.describe())
    39 variants: all single mutants of a wild type of 4 residues at 2 positions, and 1 combination.
    """
    if not designs:
        return pool
    wrong = next((d for d in designs if type(d) is not type(pool.design(0))), None)
    if wrong is not None:
        raise PoolError(f'"{wrong.name}" is no candidate of the kind that the pool holds ({pool.kind}).')
    there = next((d for d in designs if pool.row_of_design(d) is not None), None)
    if there is not None:
        raise PoolError(f'"{there.name}" is in the pool already. Leave it out.')
    if twice := duplicates(pool.notation, designs, map(pool.notation.quick_key, designs)):
        raise PoolError(f'"{designs[twice[0][1]].name}" is listed twice. Keep one of them.')
    told = f"{pool.origin}, and {origin}"
    if isinstance(pool, ExplicitPool):
        more: Pool = pool.with_more(designs, told, names, labels)
    elif isinstance(pool, TreatmentPool):
        more = pool.with_more(designs, told)
    elif isinstance(pool, GrownPool):
        more = GrownPool(pool.base, pool.listed.with_more(designs, told, names, labels), told)
    else:
        given = LabelTable.of(labels or {})
        listed = ExplicitPool(designs, kind=pool.kind, origin=told, notation=pool.notation, names=names, labels=given)
        more = GrownPool(pool, listed, told)
    more.added = pool.added + len(designs)
    return more


@final
class GrownPool(Pool):
    """A generated pool, and listed candidates behind it.

    Args:
        base: N candidates.
        listed: M more.
        origin: of all, in one sentence.

    >>> library = Pool.combinatorial("MKTAYIAKQR", ["K2", "A4"])
    >>> pool = grown(library, [library.notation.design("K2R:Y5F")], "1 variant of a list")
    >>> pool.sites.labels, pool.row_of("K2R:Y5F"), pool.names([0, 400])
    (('K2', 'A4', 'Y5'), 400, ['K2A', 'K2R:Y5F'])
    """

    def __init__(self, base: Pool, listed: ExplicitPool, origin: str):
        self.base, self.listed = base, listed
        self.kind, self.origin, self.notation = base.kind, origin, base.notation
        self.rules, self.numbering = base.rules, base.numbering

    def __len__(self) -> int:
        return len(self.base) + len(self.listed)

    def design(self, row: int) -> Design:
        """The design in one row."""
        own = len(self.base)
        return self.base.design(row) if row < own else self.listed.design(row - own)

    def row_of_design(self, design: Design) -> int | None:
        """The row of a design, or None when it is not in the pool."""
        if (row := self.base.row_of_design(design)) is not None:
            return row
        row = self.listed.row_of_design(design)
        return None if row is None else len(self.base) + row

    def rows_labelled(self, label: str) -> tuple[int, ...]:
        """The rows to which the pool's file or a list gives another name."""
        return (*self.base.rows_labelled(label), *(len(self.base) + r for r in self.listed.rows_labelled(label)))

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of the labels of its candidates."""
        return tuple(dict.fromkeys((*self.base.label_names, *self.listed.label_names)))

    def labels(self, row: int) -> Labels:
        """The labels of the candidate in one row."""
        own = len(self.base)
        return self.base.labels(row) if row < own else self.listed.labels(row - own)

    def id_of(self, row: int) -> str:
        """What people call the candidate in one row; see `Pool.id_of`."""
        own = len(self.base)
        return self.base.id_of(row) if row < own else self.listed.id_of(row - own)

    @property
    def sites(self) -> Sites | None:
        """The varying columns of both parts."""
        return self._columns[0] if self._columns else None

    def codes(self, rows: np.ndarray | Rows[int] | None = None) -> np.ndarray:
        """Letters of the varying columns as codes: uint8 [n, L]; all rows when `rows` is None."""
        if self._columns is None:
            raise PoolError("compounds have no sequence. Use an encoder that reads structures.")
        sites, more, at = self._columns
        chosen, own = np.arange(len(self)) if rows is None else np.asarray(rows, np.int64), len(self.base)
        blank = np.zeros(len(sites.labels), np.uint8) if sites.parent is None else sites.parent
        codes = np.tile(blank, (len(chosen), 1))
        first = chosen < own
        codes[np.ix_(first, at)] = self.base.codes(chosen[first])
        codes[~first] = more[chosen[~first] - own]
        return codes

    @property
    def hash(self) -> str:
        """That of the generated part and of the listed ones."""
        return f"{self.base.hash}+{self.listed.hash}"

    @cached_property
    def _columns(self) -> tuple[Sites, np.ndarray, np.ndarray] | None:
        """The columns, the codes [M, L] of the listed ones, and where the columns of the base stand: [K]."""
        base = self.base.sites
        if base is None:
            return None
        if base.parent is None:
            texts = self.listed.names(range(len(self.listed)))
            if unknown := sorted(set("".join(texts)) - set(base.alphabet)):
                raise PoolError(f'"{unknown[0]}" stands in no candidate of the pool, so it has no meaning here.')
            return base, encode("".join(texts), base.alphabet).reshape(len(texts), -1), np.arange(len(base.labels))
        found, own = self.listed.sites, self.listed.codes()
        assert found is not None
        assert found.parent is not None
        # the label tells apart what was inserted after one residue
        every = {(int(p), label): c for p, label, c in zip(base.positions, base.labels, base.parent, strict=True)}
        every |= {(int(p), label): c for p, label, c in zip(found.positions, found.labels, found.parent, strict=True)}
        order = sorted(every, key=lambda key: (key[0], "ins" in key[1], key[1]))
        labels = [label for _, label in order]
        parent = np.array([every[key] for key in order], np.uint8)
        sites = Sites(
            base.alphabet, tuple(labels), np.array([p for p, _ in order], np.int32), parent, base.parent_sequence
        )
        codes = np.tile(parent, (len(own), 1))
        codes[:, [labels.index(label) for label in found.labels]] = own
        return sites, codes, np.array([labels.index(label) for label in base.labels])


@dataclass(frozen=True)
class ReadList:
    """The candidates of a file, whether they are in a pool or not.

    Args:
        designs: one for each row or record, in the order of the file.
        rows: of each in the pool; None where it is not in it.
        names: other names in the file, and the place in `designs` of what each stands for.
        labels: what else the file says of each: column -> its cells.
        origin: the file, in words.
        note: what was left out or merged, "" when nothing was.
    """

    designs: tuple[Design, ...]
    rows: tuple[int | None, ...]
    names: tuple[tuple[str, int], ...]
    labels: dict[str, list[str]]
    origin: str
    note: str = ""


def read_list(
    pool: Pool,
    path: Any,
    column: str | None = None,
    *,
    offset: int | None = None,
    skip_unreadable: bool = False,
    merge_duplicates: bool = False,
) -> ReadList:
    """The candidates of a table or of a FASTA file, in the pool's notation, whether they are in it or not.

    Args:
        pool: whose candidates they are, or could be.
        path: CSV, TSV, XLSX or FASTA; a DataFrame, a table; or names as people write them.
        column: that names them; found by name and content when None.
        offset: of the positions in the file; see `Resolver`.
        skip_unreadable: leave out rows that cannot be understood instead of refusing the file.
        merge_duplicates: count rows of one candidate once instead of refusing them.

    Raises:
        InputError: names file, row and fix.
    """
    table = None if isinstance(path, (str, os.PathLike)) else _table_of(path)
    name = Path(path if table is None else table.file).name
    if table is None and re.search(r"\.(fa|faa|fas|fasta)(\.gz)?$", name, re.IGNORECASE):
        records = read_fasta(path)
        resolver = pool.resolver(records.values(), offset=offset)
        try:
            matches = [resolver.find(sequence) for sequence in records.values()]
        except NotationError as error:
            raise NotationError(error.problem, file=str(path)) from None
        named = tuple((record, i) for i, record in enumerate(records))
        return ReadList(*_designs(pool, matches), named, {"name": list(records)}, name)
    table = table or as_table(path)
    if isinstance(pool, TreatmentPool) and not column:
        table = with_treatments(table, pool.resolve, required=False)

    def reading(names: list[str]) -> Callable[[str], Match]:
        return pool.resolver(names, offset=offset).find

    found = read_each(
        table, pool.kind, column, reading, skip_unreadable=skip_unreadable, merge_duplicates=merge_duplicates
    )
    column = column or candidate_column(table, pool.kind)
    at = {number: i for i, number in enumerate(table.row_numbers)}
    places = [at[row] for row in found.rows]
    named = [(text, k) for k, i in enumerate(places) for cells in name_columns(table, column) if (text := cells[i])]
    own = table.find(column)
    others = {header: cells for header, cells in zip(table.header, table.columns, strict=True) if header != own}
    labels = {header: [cells[i] for i in places] for header, cells in others.items()}
    return ReadList(*_designs(pool, found.found), tuple(named), labels, name, found.note)


def _designs(pool: Pool, matches: Rows[Match]) -> tuple[tuple[Design, ...], tuple[int | None, ...]]:
    designs = tuple(pool.notation.design(m.name) if m.row is None else pool.design(m.row) for m in matches)
    return designs, tuple(m.row for m in matches)


def _table_of(source: Any) -> Table:
    """A table, or a list of names as one."""
    if isinstance(source, Table) or is_frame(source):
        return as_table(source)
    expected = 'a list of names, such as ["A24G", "WT"], or a DataFrame'
    check_type(source, Iterable, "a list of names", expected)
    names = list(source)
    for name in names:
        check_type(name, str, "the name of a candidate", expected)
    return Table("the list of names", ("candidate",), (names,), range(1, len(names) + 1), "")


def rows_asked(
    pool: Pool,
    source: Any,
    column: str = "",
    *,
    offset: int | None = None,
    skip_unreadable: bool = False,
    merge_duplicates: bool = False,
) -> tuple[Pool, np.ndarray, str]:
    """The rows of the candidates that somebody asks about, the pool that they are in, and a note on what was left out.

    That is the pool itself, with those behind it that are asked about and that it does not hold.

    Args:
        pool: of the candidates.
        source: a file, a DataFrame, or names as people write them; arguments and errors as of `read_list`.
        column: of the names; found when "".
        offset: as of `read_list`.
        skip_unreadable: as of `read_list`.
        merge_duplicates: as of `read_list`.

    >>> pool, rows, _ = rows_asked(Pool.single_mutants("MKTA"), ["p.Lys2Cys", "WT"])
    >>> pool.names(rows)
    ['K2C', 'WT']
    """
    found = read_list(
        pool,
        source,
        column or None,
        offset=offset,
        skip_unreadable=skip_unreadable,
        merge_duplicates=merge_duplicates,
    )
    asked = list(zip(found.designs, found.rows, strict=True))
    once = {pool.notation.key(design): design for design, row in asked if row is None}
    behind = {key: len(pool) + i for i, key in enumerate(once)}
    rows = [behind[pool.notation.key(design)] if row is None else row for design, row in asked]
    return grown(pool, list(once.values()), "others"), np.array(rows, np.int64), found.note
