"""What may be tested: a pool is a numbered list of candidates, explicit or generated on the fly.

A pool never needs all its candidates in memory at once. Rows are counted from 0; every part of the loop that works on
many candidates works on arrays of rows, and makes `Candidate` objects only for those that a person will see.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Sequence as Rows
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, final, get_args

import numpy as np

from activeloop.candidates.compounds import is_written_structure
from activeloop.candidates.designs import (
    AMINO_ACIDS,
    Candidate,
    Compound,
    Design,
    Guide,
    Mutation,
    Part,
    Sequence,
    Treatment,
    Variant,
)
from activeloop.candidates.labels import Labels, LabelTable, Texts
from activeloop.candidates.notation import (
    CompoundNotation,
    GuideNotation,
    NamedDesigns,
    Notation,
    SequenceNotation,
    VariantNotation,
    notation_from,
    notation_settings,
    position_of,
)
from activeloop.candidates.panel import Panel
from activeloop.candidates.proteins import read_parent
from activeloop.candidates.reading import (
    CandidateList,
    ListReader,
    duplicates,
    read_candidates,
    read_fasta_candidates,
)
from activeloop.candidates.sites import (
    Changes,
    Rules,
    Sites,
    encode,
    letter_columns,
    letters_alphabet,
    protein_sites,
    variant_columns,
)
from activeloop.candidates.treatments import BAR, FIELDS, TreatmentNotation, mixed, mixed_units
from activeloop.errors import InputError, NotationError, PoolError, check_type, did_you_mean, wrong_type
from activeloop.notebook import SHOWN, axes, html_table
from activeloop.tables.frames import is_frame, library_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LARGEST = 2**62
#: letters that are looked at together
CELLS = 2**24
#: of a larger pool of all combinations, treatments are not listed
LISTED_TREATMENTS = 2_000_000
#: in a larger pool, names are not searched for a similar one
SEARCHABLE = 20_000
#: names of one list for which a similar one is looked for
HINTS = 5
#: candidates that a picture of a pool looks at
DRAWN = 20_000
#: what to do with names where designs are expected
LISTED = "names in a table or DataFrame to Pool.from_table or Pool.from_frame"


class Pool(ABC):
    """What may be tested.

    Final classes: `ExplicitPool` (listed), `CombinatorialPool` (generated on the fly), `GrownPool` (generated, and
    listed ones behind), `StreamedPool` (listed in a file too long for memory), `TreatmentPool` (several parts each).

    Attributes:
        kind: one of `KINDS`.
        origin: where it comes from, in one sentence.
        notation: how its candidates are written.
        rules: what candidates must keep to be allowed; None when all are.
        numbering: what people add to the positions in names that they write to get those in the wild type; None where
            nobody has said, so that names without old residues are asked about.
        added: how many rows at the end came later than the others (`growth.grown`); what kind of pool it is, the
            others say.
        library: of the DataFrame that listed its candidates, in which DataFrames are given back; "" for any.

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
    numbering: int | None = None
    added: int = 0
    library: str = ""

    @abstractmethod
    def __len__(self) -> int:
        """How many candidates."""

    @abstractmethod
    def design(self, row: int) -> Design:
        """The design in one row."""

    @abstractmethod
    def row_of_design(self, design: Design) -> int | None:
        """The row of a design, or None when it is not in the pool."""

    def row_of(self, name: str) -> int | None:
        """The row of a candidate by its name in the pool's own notation and numbering, or None when it is not in it."""
        try:
            return self.row_of_design(self.notation.design(name))
        except NotationError:
            return None

    def part(self, field: str) -> Pool:
        """One part of candidates of several, as a pool of its own, such as `part("compound")` of treatments.

        Candidates of one part alone are their own: `part("compound")` of compounds is the pool itself.

        Raises:
            PoolError: there is no such part.
        """
        if self.kind == f"{field}s":
            return self
        raise PoolError(f'{self.kind} have no part "{field}".')

    def rows_labelled(self, label: str) -> tuple[int, ...]:
        """The rows to which the pool's file gives another name, such as a catalogue number."""
        return ()

    def searchable(self) -> list[str]:
        """The names among which one that is near to a mistyped one is looked for; none where that would take long."""
        return self.names(range(len(self))) if len(self) <= SEARCHABLE else []

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of the labels of its candidates: columns of its file beside that of the candidates."""
        return ()

    def labels(self, row: int) -> Labels:
        """What else the pool's file says of the candidate in one row; see `Candidate`."""
        return ()

    def id_of(self, row: int) -> str:
        """What people call the candidate in one row: id, catalogue number or name in the pool's file; else ""."""
        return ""

    def called(self, name: str) -> str:
        """What people call a candidate: a variant by its mutations, all else by its id if the pool's file has one.

        Args:
            name: in the pool's own notation.
        """
        row = None if self.kind == "variants" else self.row_of(name)
        return (self.id_of(row) if row is not None else "") or name

    @property
    @abstractmethod
    def sites(self) -> Sites | None:
        """The varying columns of variants and guides; None for compounds."""

    @abstractmethod
    def codes(self, rows: np.ndarray | Rows[int] | None = None) -> np.ndarray:
        """Letters of the varying columns as codes into `sites.alphabet`: uint8 [n, L]; all rows when `rows` is None."""

    def changes(self, rows: np.ndarray | Rows[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where rows differ from the parent: place in `rows`, column and code of each difference, in this order.

        >>> [part.tolist() for part in Pool.single_mutants("MKTA").changes([20, 0])]
        [[0, 1], [1, 0], [1, 0]]
        """
        rows, sites = np.asarray(rows, np.int64), self.sites
        if sites is None or sites.parent is None:
            raise PoolError("only candidates of a wild type differ from it. Give the wild type.")
        found = []
        size = max(1, CELLS // len(sites.labels))
        for first in range(0, max(1, len(rows)), size):
            codes = self.codes(rows[first : first + size])
            owner, column = np.nonzero(codes != sites.parent)
            found.append((owner + first, column, codes[owner, column]))
        owner, column, code = map(np.concatenate, zip(*found, strict=True))
        return owner, column, code

    def __getitem__(self, row: int) -> Candidate:
        """The candidate in one row."""
        return Candidate.of(self.design(int(row)), self.labels(int(row)))

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
        rules, sites = self.rules, self.sites
        if rules != Rules(start=rules.start) or sites.parent is None:
            return rules.allow(self.codes(rows), sites)
        owner, column, _ = self.changes(rows)  # a scan of a long protein has too many columns to look at all
        allowed = np.ones(len(rows), bool)
        allowed[owner[sites.positions[column] <= rules.start]] = False
        return allowed

    def readable(self, rows: np.ndarray) -> np.ndarray:
        """Which rows hold a candidate: bool [n]; all except in files too long to be read whole."""
        return np.ones(len(rows), bool)

    def resolver(self, names: Iterable[str], *, offset: int | None = None) -> Resolver:
        """Finds the candidates of a list of names as people write them; see `Resolver`."""
        return Resolver(self, names, offset=offset)

    def find(self, name: str, *, offset: int | None = None) -> int:
        """The row of a candidate as people write it: in any notation, or by another name in the pool's file.

        Args:
            name: of the candidate.
            offset: what is added to each of its positions; see `Resolver`.

        Raises:
            NotationError: the name cannot be understood, or could mean two candidates, or is not in the pool.
        """
        return self.resolver([name], offset=offset).row(name)

    def rows_of(self, names: Iterable[str]) -> np.ndarray:
        """The rows of candidates by their names as in `row_of`: int64 [n], -1 for those that are not in the pool."""
        found = (self.row_of(name) for name in names)
        return np.array([-1 if row is None else row for row in found], np.int64)

    @property
    def hash(self) -> str:
        """Depends on kind, wild type and the set of candidates alone: with one hash, one name means one candidate.

        >>> Pool.of([Guide("ACGT"), Guide("TTGT")]).hash == Pool.of([Guide("TTGT"), Guide("ACGT")]).hash
        True
        """
        return _hashed(self.kind, self.design(0), sorted(self.names(range(len(self)))))

    def describe(self) -> str:
        """The pool in one sentence."""
        return f"{len(self):,} {self.kind}: {self.origin}."

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.describe()[:-1]}>"

    def _repr_html_(self) -> str:
        first = self.names(range(min(SHOWN, len(self))))
        return html_table(["candidate"], [[name] for name in first], self.describe(), total=len(self))

    def plot(self, ax: Axes | None = None) -> Axes:
        """A picture of what may be tested: how often each residue stands at each varying site; of compounds their size.

        Where there is a wild type, its residues are left out. A sample stands for a large pool.

        Args:
            ax: where to draw; new axes when None.
        """
        ax = axes(ax)
        whole = len(self) <= DRAWN  # rows at even steps would show the same letters again and again
        rows = np.arange(len(self)) if whole else np.sort(np.random.default_rng(0).integers(len(self), size=DRAWN))
        ax.set_title(f"{len(self):,} {self.kind}")
        if self.sites is None:
            lengths = np.array([len(name) for name in self.names(rows)])
            step = 1 + int(np.ptp(lengths)) // 40
            ax.hist(lengths, bins=np.arange(lengths.min(), lengths.max() + 2 * step, step) - 0.5)
            ax.set(xlabel="length of the SMILES", ylabel=self.kind)
            return ax
        letters, labels = self.sites.alphabet, self.sites.labels
        codes = self.codes(rows)
        counts = np.stack([(codes == code).sum(0) for code in range(len(letters))]).astype(np.float64)
        found = np.flatnonzero(counts.any(1))  # few pools have gaps
        if (parent := self.sites.parent) is not None:
            counts[parent, np.arange(len(labels))] = np.nan
        counts, letters = counts[found], [letters[code] for code in found]
        shown = counts if whole else counts / len(rows)
        ax.grid(False)
        ax.set_facecolor("#e4e7eb")
        picture = ax.imshow(shown, aspect="auto", cmap="Blues", vmin=0.0, interpolation="none")
        step = -(-len(labels) // 30)
        ax.set_xticks(range(0, len(labels), step), labels[::step], rotation=90)
        ax.set_yticks(range(len(letters)), letters)
        ax.set(xlabel="site", ylabel="residue" if self.kind == "variants" else "base")
        ax.figure.colorbar(picture, ax=ax, label=self.kind if whole else f"share of the {self.kind}")
        return ax

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
        rules = Rules(exclude_residues.upper(), None, tuple(forbidden_motifs))
        sequence = read_parent(parent)
        chosen = range(1, len(sequence) + 1) if positions is None else _checked_positions(positions, sequence)
        residues = [a for a in AMINO_ACIDS if a not in rules.exclude_residues]
        mutations = [Mutation(p, sequence[p - 1], a) for p in chosen for a in residues if a != sequence[p - 1]]
        designs = [Variant(sequence, ())] * wild_type + [Variant(sequence, (m,)) for m in mutations]
        where = "" if positions is None else f" at {len(chosen)} position{'s' * (len(chosen) != 1)}"
        origin = f"all single mutants of {_parent_name(parent, sequence)}{where}{_with(rules)}"
        keys = [design.name for design in designs]  # each once
        notation = VariantNotation(sequence)
        pool = ExplicitPool(designs, kind="variants", origin=origin, notation=notation, keys=keys)
        if rules.forbidden_motifs and pool.sites is not None:
            size = max(1, CELLS // len(pool.sites.labels))
            allowed = [rules.allow(pool.codes(rows), pool.sites) for rows in pool.chunks(size)]
            kept = [designs[i] for i in np.flatnonzero(np.concatenate(allowed))]
            pool = ExplicitPool(kept, kind="variants", origin=origin, notation=pool.notation)
        pool.rules = rules if rules != Rules() else None
        return pool

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
        rules = Rules(exclude_residues.upper(), max_mutations, tuple(forbidden_motifs))
        sequence = "" if parent is None else read_parent(parent)
        check_type(sites, Iterable, "a list of sites", "some, such as sites=['V39', 'D40']")
        pairs = [site if isinstance(site, tuple) else (site, letters) for site in sites]
        if not pairs:
            raise PoolError("no sites were given. Name some, such as sites=['V39', 'D40'].")
        if sequence:
            placed = sorted((position_of(site, sequence), allowed) for site, allowed in pairs)
        else:
            placed = list(enumerate((allowed for _, allowed in pairs), 1))
        positions = tuple(p for p, _ in placed)
        twice = [p for p in positions if positions.count(p) > 1]
        if twice:
            raise PoolError(f"site {twice[0]} is named twice. Name each site once.")
        if not sequence and max_mutations is not None:
            raise PoolError("max_mutations needs a wild type to count from. Give it as parent.")
        allowed = tuple(_allowed_letters(text, p, sequence, rules) for p, text in placed)
        forced = sum(sequence[p - 1] not in x for p, x in zip(positions, allowed, strict=True)) if sequence else 0
        if max_mutations is not None and forced > max_mutations:
            raise PoolError(
                f"{forced} sites do not allow the wild type's residue, so none has at most {max_mutations} mutations. "
                "Allow it, or more mutations."
            )
        of_what = f" of {_parent_name(parent, sequence)}" if parent is not None else ""
        named = ", ".join(f"{sequence[p - 1] if sequence else ''}{p}" for p in positions)
        origin = f"all combinations at sites {named}{of_what}{_with(rules)}"
        return CombinatorialPool(sequence, positions, allowed, rules if rules != Rules() else None, origin)

    @staticmethod
    def from_table(
        table: Any,
        kind: str = "variants",
        parent: str | os.PathLike[str] | None = None,
        column: str | None = None,
        offset: int | None = None,
        *,
        sites: Iterable[int | str] = (),
        sheet: str | None = None,
        merge_duplicates: bool = False,
        skip_unreadable: bool = False,
        structures: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> ExplicitPool | TreatmentPool:
        """The candidates that a spreadsheet lists.

        Args:
            table: a CSV, TSV or XLSX file, one that was read, or a DataFrame.
            kind: `variants`, `compounds`, `guides` or `treatments` (a column for each part: cells, compound, dose).
            parent: the wild type of variants, or the path of its FASTA file; when it is None it is derived if the table
                holds mutations and whole sequences, and not needed for strings of one length.
            column: that names the candidates; found by name and content when None.
            offset: added to each written position to get the position in the parent, by which the pool counts; when
                it is None they are the same, which old residues must show.
            sites: positions to which strings such as "FWAA" refer.
            sheet: of a workbook; the first when None.
            merge_duplicates: keep the first of several rows with the same candidate instead of refusing them.
            skip_unreadable: leave out rows whose candidate cannot be understood (stop codons, broken SMILES) instead of
                refusing the table; `origin` counts them.
            structures: of compounds: version of the rules that compare them; the newest when None.
            progress: called with (rows read, rows in all).

        Raises:
            InputError: names file, row and fix.
        """
        listed = read_candidates(
            table,
            kind,
            parent,
            column,
            offset,
            sites=sites,
            sheet=sheet,
            merge_duplicates=merge_duplicates,
            skip_unreadable=skip_unreadable,
            structures=structures,
            progress=progress,
        )
        pool = TreatmentPool.from_list(listed) if kind == "treatments" else ExplicitPool.from_list(listed, kind)
        pool.library = library_of(table) if is_frame(table) else ""
        return pool

    @staticmethod
    def from_frame(
        frame: Any,
        kind: str = "variants",
        parent: str | os.PathLike[str] | None = None,
        column: str | None = None,
        offset: int | None = None,
        **options: Any,
    ) -> ExplicitPool | TreatmentPool:
        """The candidates that a DataFrame lists, read by the rules for files.

        Args:
            frame: of pandas, polars, pyarrow or any library that narwhals knows; or column name -> cells.
            kind: `variants`, `compounds` or `guides`.
            parent: as in `from_table`.
            column: as in `from_table`.
            offset: as in `from_table`.
            options: further ones of `from_table`.

        Raises:
            InputError: names row and fix; the first row is row 2, as in a spreadsheet.

        >>> table = {"mutant": ["A4G", "K2R"], "catalog number": ["S-17", "S-18"]}
        >>> pool = Pool.from_frame(table, parent="MKTAYIAKQR")
        >>> len(pool), pool.names([pool.find("S-18")])
        (2, ['K2R'])
        """
        if not is_frame(frame):
            raise wrong_type("a DataFrame", frame, "one of pandas, polars or pyarrow; of files see Pool.from_table")
        return Pool.from_table(frame, kind, parent, column, offset, **options)

    @staticmethod
    def from_fasta(
        path: str | os.PathLike[str],
        parent: str | os.PathLike[str] | None = None,
        *,
        merge_duplicates: bool = False,
        skip_unreadable: bool = False,
    ) -> ExplicitPool:
        """The sequences of a FASTA file; compared with a wild type if one is given (needed if lengths differ).

        Args:
            path: the file.
            parent: the wild type, or the path of its FASTA file.
            merge_duplicates: keep the first of several equal sequences instead of refusing them.
            skip_unreadable: leave out records that are no proteins; `origin` counts them.

        Raises:
            InputError: names file, record and fix.
        """
        listed = read_fasta_candidates(path, parent, merge_duplicates=merge_duplicates, skip_unreadable=skip_unreadable)
        return ExplicitPool.from_list(listed, "variants")

    @staticmethod
    def of(designs: Iterable[Design], *, origin: str = "listed") -> ExplicitPool | TreatmentPool:
        """A pool of designs of one type (and of one parent).

        >>> Pool.of([Sequence("FWAA"), Sequence("VDGV")]).codes().tolist()
        [[4, 18, 0, 0], [17, 2, 5, 17]]
        """
        check_type(designs, Iterable, "a list of designs", LISTED)
        listed = list(designs)
        for design in listed:
            check_type(design, get_args(Design), "a design (Variant, Sequence, Compound, Guide or Treatment)", LISTED)
        types = {type(d) for d in listed}
        if len(types) != 1:
            found = ", ".join(sorted(t.__name__ for t in types)) or "nothing"
            raise PoolError(f"a pool holds designs of one type; here: {found}.")
        if isinstance(listed[0], Treatment):
            return TreatmentPool.listing([each for each in listed if isinstance(each, Treatment)], origin)
        notation, kind = _notation_of(listed)
        for design in listed:
            if notation.design(design.name).name != design.name:
                raise PoolError(f'"{design.name}" is not in standard notation. Make it with the pool\'s notation.')
        return ExplicitPool(listed, kind=kind, origin=origin, notation=notation)


@final
class ExplicitPool(Pool):
    """Listed candidates, each once.

    Args:
        designs: of one type; variants of one parent, sequences and guides of one length.
        kind: one of `KINDS`.
        origin: where they come from, in one sentence.
        notation: how they are written.
        keys: `notation.quick_key` of each, if known.
        names: other names, such as a catalogue number, and the row of what each stands for.
        numbering: see `Pool`.
        labels: what else is known of each.

    Raises:
        PoolError: none at all, or the same candidate twice.
    """

    def __init__(
        self,
        designs: Rows[Design] | NamedDesigns,
        *,
        kind: str,
        origin: str,
        notation: Notation,
        keys: Rows[str] | None = None,
        names: Iterable[tuple[str, int]] = (),
        numbering: int | None = None,
        labels: LabelTable = LabelTable(),  # noqa: B008 (frozen)
    ):
        if not designs:
            raise PoolError("a pool needs at least one candidate. Nothing was listed, or the rules leave nothing.")
        self.kind, self.origin, self.notation, self.numbering = kind, origin, notation, numbering
        self._designs = designs if isinstance(designs, NamedDesigns) else tuple(designs)
        if keys is None:
            keys = list(map(notation.quick_key, self._designs))
            if twice := duplicates(notation, self._designs, keys):
                first, second = twice[0]
                both = f'"{self._designs[first].name}" and "{self._designs[second].name}"'
                raise PoolError(f"candidates {first + 1} and {second + 1} are the same: {both}. Keep one of them.")
        self._keys, self._other_names, self._label_table = keys, list(names), labels

    @classmethod
    def from_list(cls, listed: CandidateList, kind: str) -> ExplicitPool:
        """The pool of the candidates of a file."""
        return cls(
            listed.designs,
            kind=kind,
            origin=listed.origin,
            notation=listed.notation,
            keys=listed.keys,
            names=listed.names,
            numbering=listed.offset,
            labels=listed.labels,
        )

    def to_arrays(self) -> dict[str, np.ndarray]:
        """All of it as arrays of numbers, from which `from_arrays` makes it again without reading a candidate."""
        sites = self.sites
        about = {
            "kind": self.kind,
            "origin": self.origin,
            "numbering": self.numbering,
            "notation": notation_settings(self.notation),
            "label_names": self._label_table.names,
            "id_name": self._label_table.id_name,
            "sites": sites and [sites.alphabet, sites.labels, sites.parent_sequence],
        }
        keys = [] if self._keys is self._names or list(self._keys) == self._names else self._keys
        found = {"about": _bytes(json.dumps(about)), "names": _joined(self._names), "keys": _joined(keys)}
        found["other_names"] = _joined([text for text, _ in self._other_names])
        found["other_rows"] = np.array([row for _, row in self._other_names], np.int64)
        for i, column in enumerate(self._label_table.columns):
            found[f"labels_{i}"], found[f"label_ends_{i}"] = _bytes(column.text), column.ends
        if sites is not None and self._columns is not None:
            codes = self._columns[1]
            found["positions"] = sites.positions
            parts = vars(codes) if isinstance(codes, Changes) else {"codes": codes}
            found |= {f"cells_{name}": array for name, array in parts.items()}
        return found

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> ExplicitPool:
        """The pool of `to_arrays`."""
        about = json.loads(arrays["about"].tobytes())
        names, notation = _split(arrays["names"]), notation_from(about["notation"])
        columns = [
            Texts(arrays[f"labels_{i}"].tobytes().decode(), arrays[f"label_ends_{i}"])
            for i in range(len(about["label_names"]))
        ]
        pool = cls(
            NamedDesigns(names, notation),
            kind=about["kind"],
            origin=about["origin"],
            notation=notation,
            keys=_split(arrays["keys"]) or names,
            names=zip(_split(arrays["other_names"]), arrays["other_rows"].tolist(), strict=True),
            numbering=about["numbering"],
            labels=LabelTable(tuple(about["label_names"]), tuple(columns), about["id_name"]),
        )
        cells = {name.removeprefix("cells_"): arrays[name] for name in arrays if name.startswith("cells_")}
        for array in cells.values():
            array.setflags(write=False)
        if about["sites"]:
            alphabet, labels, parent = about["sites"]
            codes = cells["codes"] if "codes" in cells else Changes(**cells)
            base = codes.base if isinstance(codes, Changes) else None
            pool._columns = Sites(alphabet, tuple(labels), arrays["positions"], base, parent), codes
        return pool

    def with_more(
        self,
        designs: Rows[Design],
        origin: str,
        names: Iterable[tuple[str, int]] = (),
        labels: Mapping[str, Rows[str]] | None = None,
    ) -> ExplicitPool:
        """This pool with more candidates behind its own; see `growth.grown`."""
        first, found = len(self._designs), labels or {}
        columns = {name: [self._label_table.cell(name, row) for row in range(first)] for name in self.label_names}
        columns |= {name: [""] * first for name in found if name not in columns}
        every = {name: [*cells, *found.get(name, [""] * len(designs))] for name, cells in columns.items()}
        pool = ExplicitPool(
            (*self._designs, *designs),
            kind=self.kind,
            origin=origin,
            notation=self.notation,
            keys=[*self._keys, *map(self.notation.quick_key, designs)],
            names=[*self._other_names, *((name, first + place) for name, place in names)],
            numbering=self.numbering,
            labels=LabelTable.of(every),
        )
        pool.rules = self.rules
        return pool

    def __len__(self) -> int:
        return len(self._designs)

    def design(self, row: int) -> Design:
        """The design in one row."""
        return self._designs[row]

    def names(self, rows: np.ndarray | Rows[int]) -> list[str]:
        """Standard notation of the given rows."""
        names = self._names
        return [names[row] for row in np.asarray(rows, np.int64).tolist()]

    def row_of(self, name: str) -> int | None:
        """The row of a candidate by its name in the pool's own notation and numbering, or None when it is not in it."""
        row = (self._by_name if self.kind == "compounds" else self._rows).get(name)
        return super().row_of(name) if row is None else row

    def row_of_design(self, design: Design) -> int | None:
        """The row of a design, or None when it is not in the pool."""
        quick = self.notation.quick_key(design)
        row = self._rows.get(quick)
        if row is None or not isinstance(design, Compound):
            return row
        key = self.notation.key(design)
        alike = (row, *self._alike.get(quick, ()))
        return next((r for r in alike if self.notation.key(self._designs[r]) == key), None)

    def rows_labelled(self, label: str) -> tuple[int, ...]:
        """The rows to which the pool's file gives another name, such as a catalogue number."""
        return self._named.get(label.strip().casefold(), ())

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of the labels of its candidates."""
        return self._label_table.names

    def labels(self, row: int) -> Labels:
        """The labels of the candidate in one row."""
        return self._label_table.row(row)

    def id_of(self, row: int) -> str:
        """What people call the candidate in one row; see `Pool.id_of`."""
        return self._label_table.id_of(row)

    # What a million candidates are found by takes a second to build, and many a question needs none of it.

    @cached_property
    def _names(self) -> list[str]:
        designs = self._designs
        return designs.names if isinstance(designs, NamedDesigns) else [design.name for design in designs]

    def searchable(self) -> list[str]:
        """Its names, and the other names in its file."""
        return [*super().searchable(), *self._named] if len(self) <= SEARCHABLE else []

    @cached_property
    def _by_name(self) -> dict[str, int]:
        return dict(zip(self._names, range(len(self)), strict=True))

    @cached_property
    def _rows(self) -> dict[str, int]:
        """Quick key -> the first of its rows."""
        return dict(zip(reversed(self._keys), range(len(self) - 1, -1, -1), strict=True))

    @cached_property
    def _alike(self) -> dict[str, list[int]]:
        """Quick key -> the other rows that have it."""
        found: dict[str, list[int]] = {}
        for row, key in enumerate(self._keys if len(self._rows) < len(self) else ()):
            if self._rows[key] != row:
                found.setdefault(key, []).append(row)
        return found

    @cached_property
    def _named(self) -> dict[str, tuple[int, ...]]:
        found: dict[str, tuple[int, ...]] = {}
        for text, row in self._other_names:
            known = found.get(folded := text.casefold(), ())
            if row not in known:
                found[folded] = (*known, row)
        return found

    @property
    def sites(self) -> Sites | None:
        """The varying columns; None for compounds."""
        return self._columns[0] if self._columns else None

    def codes(self, rows: np.ndarray | Rows[int] | None = None) -> np.ndarray:
        """Letters of the varying columns as codes: uint8 [n, L]; all rows when `rows` is None."""
        if self._columns is None:
            raise PoolError("compounds have no sequence. Use an encoder that reads structures.")
        codes = self._columns[1]
        if isinstance(codes, Changes):
            return codes.codes(np.arange(len(self)) if rows is None else np.asarray(rows, np.int64))
        return codes if rows is None else codes[np.asarray(rows, np.int64)]

    def changes(self, rows: np.ndarray | Rows[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """See `Pool.changes`."""
        codes = self._columns[1] if self._columns else None
        return codes.of(np.asarray(rows, np.int64)) if isinstance(codes, Changes) else super().changes(rows)

    @cached_property
    def hash(self) -> str:
        """See `Pool.hash`."""
        return super().hash

    @cached_property
    def _columns(self) -> tuple[Sites, np.ndarray | Changes] | None:
        first = self._designs[0]
        if isinstance(first, Compound):
            return None
        if isinstance(first, Variant):
            if isinstance(self._designs, NamedDesigns):
                read = VariantNotation(first.parent).design
                return variant_columns(self._names, first.parent, lambda name: read(name).mutations)
            known = {str(m): (m,) for d in self._designs if isinstance(d, Variant) for m in d.mutations}
            return variant_columns(self._names, first.parent, lambda name: known.get(name, ()))
        columns = letter_columns(self._names)
        columns[1].setflags(write=False)  # Shared by all callers.
        return columns


@final
class CombinatorialPool(Pool):
    """All combinations of letters at sites, in lexical order; only the sites are stored, so 20^7 take no memory.

    Args:
        parent: the wild type, or "" for sequences made of the sites alone.
        positions: [L] of the sites in the parent, increasing (1 .. L without a parent).
        letters: [L] letters allowed at each site, each once; row r has letter number
            `r // (combinations of all later sites) % (letters here)`.
        rules: what a candidate must keep to be allowed.
        origin: in one sentence.

    >>> pool = CombinatorialPool("", (1, 2, 3, 4), ("ACDEFGHIKLMNPQRSTVWY",) * 4, Rules(), "all combinations")
    >>> len(pool), pool.row_of("FWAA"), pool.design(39600).name
    (160000, 39200, 'FYAA')
    """

    def __init__(
        self, parent: str, positions: tuple[int, ...], letters: tuple[str, ...], rules: Rules | None, origin: str
    ):
        self.kind, self.origin, self.rules = "variants", origin, rules
        self.letters = letters
        self._sizes = np.array([len(x) for x in letters], np.int64)
        self._length = math.prod(map(len, letters))
        if not positions or not self._length:
            raise PoolError("a combinatorial pool needs at least one site, and each site at least one letter.")
        if self._length > LARGEST:
            raise PoolError(
                f"{len(positions)} sites make {self._length:.1e} combinations, too many to number. Use fewer."
            )
        self._strides = np.array([math.prod(map(len, letters[i + 1 :])) for i in range(len(letters))], np.int64)
        self.notation: Notation
        if parent:
            self._sites = protein_sites(parent, positions)
            self.notation = VariantNotation(parent, sites=positions)
        else:
            columns = np.arange(1, len(letters) + 1, dtype=np.int32)
            alphabet = letters_alphabet("".join(letters))
            self._sites = Sites(alphabet, tuple(map(str, columns)), columns, None, "")
            self.notation = SequenceNotation(len(letters))
        self._codes = np.zeros((len(letters), int(self._sizes.max())), np.uint8)
        for i, allowed in enumerate(letters):
            self._codes[i, : len(allowed)] = encode(allowed, self._sites.alphabet)

    def __len__(self) -> int:
        return self._length

    def design(self, row: int) -> Design:
        """The design in one row."""
        if not 0 <= row < self._length:
            raise IndexError(f"row {row} of a pool of {self._length}")
        here = [x[row // int(s) % len(x)] for x, s in zip(self.letters, self._strides, strict=True)]
        parent = self._sites.parent_sequence
        if not parent:
            return Sequence("".join(here))
        pairs = zip(self._sites.positions.tolist(), here, strict=True)
        return Variant(parent, tuple(Mutation(p, parent[p - 1], a) for p, a in pairs if a != parent[p - 1]))

    def names(self, rows: np.ndarray | Rows[int]) -> list[str]:
        """Standard notation of the given rows."""
        chosen = np.asarray(rows, np.int64).reshape(-1)
        if len(chosen) and not 0 <= chosen.min() <= chosen.max() < self._length:
            return super().names(chosen)  # which names the row that is none
        digits = (chosen[:, None] // self._strides % self._sizes).tolist()
        parts = [[each[k] for each, k in zip(self._parts, line, strict=True)] for line in digits]
        if not self._sites.parent_sequence:
            return list(map("".join, parts))
        return [":".join(filter(None, line)) or "WT" for line in parts]

    @cached_property
    def _parts(self) -> list[list[str]]:
        """What each letter of each site adds to a name."""
        parent, places = self._sites.parent_sequence, self._sites.positions.tolist()
        if not parent:
            return list(map(list, self.letters))
        each = zip(places, self.letters, strict=True)
        return [["" if a == parent[p - 1] else str(Mutation(p, parent[p - 1], a)) for a in text] for p, text in each]

    def row_of(self, name: str) -> int | None:
        """See `Pool.row_of`; of a variant as `names` writes it by what each mutation adds to the row."""
        wild, added = self._added
        row, last = wild, -1
        for part in name.split(":") if wild is not None else ():
            place, step = added.get(part, (-1, 0))
            if place <= last:  # no mutation of these sites, or not in their order
                return super().row_of(name)
            row, last = (row or 0) + step, place
        return super().row_of(name) if wild is None else row

    @cached_property
    def _added(self) -> tuple[int | None, dict[str, tuple[int, int]]]:
        """The row of the wild type (None: not in the pool), and of each mutation its site and what it adds."""
        parent, sites = self._sites.parent_sequence, self._sites.positions.tolist()
        own = [text.find(parent[p - 1]) for p, text in zip(sites, self.letters, strict=True)] if parent else [-1]
        if min(own) < 0:
            return None, {}
        added = {}
        for i, (parts, digit, stride) in enumerate(zip(self._parts, own, self._strides.tolist(), strict=True)):
            added |= {part: (i, (k - digit) * stride) for k, part in enumerate(parts) if part}
        return int(np.dot(own, self._strides)), added

    def row_of_design(self, design: Design) -> int | None:
        """The row of a design, or None when it is not in the pool."""
        here = design.name if isinstance(design, Sequence) else self._letters_at_sites(design)
        if here is None:
            return None
        digits = [x.find(a) for x, a in zip(self.letters, here, strict=True)]
        return None if min(digits) < 0 else int(np.dot(digits, self._strides))

    @property
    def sites(self) -> Sites:
        """The sites."""
        return self._sites

    @property
    def hash(self) -> str:
        """See `Pool.hash`; of the sites, whose combinations are not listed."""
        labels = zip(self._sites.positions.tolist(), self.letters, strict=True)
        return _hashed(self.kind, self.design(0), [f"{place}{''.join(sorted(text))}" for place, text in labels])

    def codes(self, rows: np.ndarray | Rows[int] | None = None) -> np.ndarray:
        """Letters at the sites as codes: uint8 [n, L]; all rows when `rows` is None (mind the memory)."""
        chosen = np.arange(self._length) if rows is None else np.asarray(rows, np.int64)
        codes = np.empty((len(chosen), len(self.letters)), np.uint8)
        for i, (stride, size) in enumerate(zip(self._strides, self._sizes, strict=True)):
            codes[:, i] = self._codes[i][chosen // stride % size]
        return codes

    def _letters_at_sites(self, design: Design) -> list[str] | None:
        """The letters of a variant at the sites; None when it differs from the parent elsewhere."""
        assert isinstance(design, Variant)
        changed = {m.position: m for m in design.mutations}
        here = []
        for position in self._sites.positions.tolist():
            mutation = changed.pop(position, None)
            here.append(mutation.new if mutation else design.parent[position - 1])
        single = all(len(a) == 1 for a in here) and all(m.old for m in design.mutations)
        return here if single and not changed else None


@final
class PartPool(Pool):
    """One part of treatments as a pool of its own, so that whatever encodes such candidates encodes them here.

    Args:
        kind: `compounds` where all have a structure; else what they are.
        names: [N] what the treatments call them.
        structures: [N] SMILES; () where a name is all there is.
        panel: what side tables say of them.
    """

    def __init__(self, kind: str, names: Rows[str], structures: Rows[str] = (), panel: Panel = Panel()):  # noqa: B008
        self.kind, self.origin, self.panel = kind, "a part of treatments", panel
        self.notation = CompoundNotation()
        self.called_names, self.structures = tuple(names), tuple(structures)

    def __len__(self) -> int:
        return len(self.called_names)

    def design(self, row: int) -> Design:
        """The compound, where its structure is known, else the name."""
        return Compound(self.structures[row]) if self.structures else Part(self.called_names[row])

    def row_of_design(self, design: Design) -> int | None:
        """The row of a design."""
        places = self.structures or self.called_names
        return places.index(design.name) if design.name in places else None

    def rows_labelled(self, label: str) -> tuple[int, ...]:
        """The row of a name or synonym."""
        name = self.panel.resolve(label) or label
        return (self.row_by_name[name],) if name in self.row_by_name else ()

    @cached_property
    def row_by_name(self) -> dict[str, int]:
        """Name -> row."""
        return {name: row for row, name in enumerate(self.called_names)}

    @property
    def sites(self) -> Sites | None:
        """None: nothing of it is a sequence."""
        return None

    def codes(self, rows: np.ndarray | Rows[int] | None = None) -> np.ndarray:
        """There are none."""
        raise PoolError(f"{self.kind} have no sequence. Use an encoder that reads structures.")


@final
class TreatmentPool(Pool):
    """Treatments as codes of their parts, listed or all combinations: 10^8 of these take no memory.

    Args:
        cells: names of lines or samples.
        compounds: names or SMILES.
        doses: as `dose_name` writes them; () where no dose belongs to a treatment.
        combined: compounds of each treatment: 1, or 2 of which the order means nothing.
        codes: int32 [N, 1 + combined (+ 1)] of listed treatments; None: all combinations, generated on the fly.
        origin: in one sentence.
        cell_panel, compound_panel: what side tables say.

    >>> pool = TreatmentPool(("A375", "HT29"), ("a", "b", "c"), ("0.1 uM", "1 uM"), combined=2)
    >>> len(pool), pool[7].name, pool.row_of("HT29 | b + a | 1 uM"), len(pool.part("compound"))
    (12, 'HT29 | a + b | 1 uM', 7, 3)
    """

    kind = "treatments"

    def __init__(
        self,
        cells: Rows[str],
        compounds: Rows[str],
        doses: Rows[str] = (),
        *,
        combined: int = 1,
        codes: np.ndarray | None = None,
        origin: str = "",
        cell_panel: Panel | None = None,
        compound_panel: Panel | None = None,
    ):
        self._names = {"cells": tuple(cells), "compound": tuple(compounds), "dose": tuple(doses)}
        self.combined = combined
        self.panels = {
            "cells": cell_panel or Panel(self._names["cells"]),
            "compound": compound_panel or Panel(self._names["compound"]),
        }
        for what, names in self._names.items():
            if len(set(names)) < len(names):
                twice = next(name for name in names if names.count(name) > 1)
                raise PoolError(f'the {what} "{twice}" is listed twice. Name each once.')
            if what != "dose" and (wrong := next((name for name in names if BAR in name), None)):
                raise PoolError(f'"{wrong}" holds a bar, which stands between the parts of a treatment. Rename it.')
        if units := mixed_units(doses):
            raise PoolError(mixed(units))
        if not cells or len(compounds) < combined:
            raise PoolError(f"a pool of treatments needs cells and at least {combined} compounds. Name them.")
        self.listed = None if codes is None else np.ascontiguousarray(codes, np.int32)
        several = math.comb(len(compounds), combined)
        self._sizes = (len(cells), several, max(1, len(doses)))
        self._length = math.prod(self._sizes) if self.listed is None else len(self.listed)
        if not self._length or self._length > LARGEST:
            raise PoolError(f"{self._length:,} treatments cannot be numbered. Name fewer or more parts.")
        what = f"{len(cells):,} cells x {several:,} {'pairs of compounds' if combined == 2 else 'compounds'}"
        what += f" x {len(doses):,} doses" if doses else ""
        self.origin = origin or f"all combinations of {what}"
        self.notation = TreatmentNotation(combined, bool(doses), self.panels["cells"], self.panels["compound"])

    def __len__(self) -> int:
        return self._length

    @property
    def dosed(self) -> bool:
        """Whether a dose belongs to each treatment."""
        return bool(self._names["dose"])

    @property
    def fields(self) -> tuple[str, ...]:
        """The parts of its treatments."""
        return FIELDS if self.dosed else FIELDS[:2]

    def part_names(self, field: str) -> tuple[str, ...]:
        """The names of one part."""
        return self._names[field]

    def resolve(self, field: str, text: str) -> str | None:
        """The name of a part as people write it; None when no panel has it."""
        return self.panels[field].resolve(text)

    def part(self, field: str) -> Pool:
        """One part as a pool of its own; that of compounds with their structures where all are known.

        Raises:
            PoolError: treatments have no such part.
        """
        if field not in self.fields:
            raise PoolError(f'treatments here have no part "{field}". Parts: {", ".join(self.fields)}.')
        return self._parts[field]

    @cached_property
    def _parts(self) -> dict[str, PartPool]:
        compounds, panel = self._names["compound"], self.panels["compound"]
        notation = CompoundNotation()
        told = sum(map(is_written_structure, compounds)) >= len(compounds) / 2  # else names, of which some are SMILES
        written = [panel.label("smiles", name) or (name if told else "") for name in compounds]
        structures = [_readable(notation, smiles) for smiles in written]
        known = structures if all(structures) else ()
        found = {"compound": PartPool("compounds" if known else "names of compounds", compounds, known, panel)}
        found["cells"] = PartPool("cells", self._names["cells"], (), self.panels["cells"])
        return found | {"dose": PartPool("doses", self._names["dose"])}

    def part_rows(self, rows: np.ndarray | Rows[int] | None = None) -> np.ndarray:
        """Int32 [n, 1 + combined (+ 1)] codes of cells, compounds in ascending order, and dose."""
        chosen = np.arange(self._length) if rows is None else np.asarray(rows, np.int64)
        if self.listed is not None:
            return self.listed[chosen]
        if len(chosen) and not 0 <= chosen.min() <= chosen.max() < self._length:
            raise IndexError(f"rows {chosen.min()} to {chosen.max()} of a pool of {self._length}")
        _, several, doses = self._sizes
        cells, rest = np.divmod(chosen, several * doses)
        drug, dose = np.divmod(rest, doses)
        columns = [cells, *(_pairs(drug, len(self._names["compound"])) if self.combined == 2 else [drug])]
        return np.stack([*columns, *([dose] if self.dosed else [])], axis=1).astype(np.int32)

    def design(self, row: int) -> Design:
        """The treatment in one row."""
        if not 0 <= row < self._length:
            raise IndexError(f"row {row} of a pool of {self._length}")
        codes = self.part_rows([row])[0].tolist()
        drugs = tuple(self._names["compound"][code] for code in codes[1 : 1 + self.combined] if code >= 0)
        dose = self._names["dose"][codes[-1]] if self.dosed else ""
        return Treatment(self._names["cells"][codes[0]], tuple(sorted(drugs)), dose)

    def names(self, rows: np.ndarray | Rows[int]) -> list[str]:
        """Standard notation of the given rows."""
        return [self.design(int(row)).name for row in np.asarray(rows, np.int64).tolist()]

    def row_of_design(self, design: Design) -> int | None:
        """The row of a treatment, or None when it is not in the pool."""
        if not isinstance(design, Treatment):
            return None
        codes = self._codes_of(design)
        if codes is None:
            return None
        if self.listed is not None:
            return self._by_codes.get(codes)
        _, several, doses = self._sizes
        drug = _pair_number(codes[1], codes[2], len(self._names["compound"])) if self.combined == 2 else codes[1]
        if drug < 0:
            return None
        return (codes[0] * several + drug) * doses + (codes[-1] if self.dosed else 0)

    def _codes_of(self, design: Treatment) -> tuple[int, ...] | None:
        cell = self._places["cells"].get(design.cells)
        drugs = sorted(self._places["compound"].get(name, -2) for name in design.compounds)
        dose = self._places["dose"].get(design.dose) if self.dosed else 0
        if cell is None or dose is None or -2 in drugs or len(drugs) > self.combined:
            return None
        drugs = [-1] * (self.combined - len(drugs)) + drugs
        return (cell, *drugs, *([dose] if self.dosed else []))

    @cached_property
    def _places(self) -> dict[str, dict[str, int]]:
        return {what: {name: i for i, name in enumerate(names)} for what, names in self._names.items()}

    @cached_property
    def _by_codes(self) -> dict[tuple[int, ...], int]:
        assert self.listed is not None
        return {tuple(codes): row for row, codes in enumerate(self.listed.tolist())}

    @property
    def sites(self) -> Sites | None:
        """None: treatments are no sequences."""
        return None

    def codes(self, rows: np.ndarray | Rows[int] | None = None) -> np.ndarray:
        """There are none; see `part_rows`."""
        raise PoolError("treatments have no sequence. Use `part_rows`, or an encoder of one part.")

    @cached_property
    def hash(self) -> str:
        """See `Pool.hash`; of the parts where all combinations belong to the pool."""
        names = self.names(range(len(self))) if self.listed is not None else []
        parts = [f"{what}\t{name}" for what, each in self._names.items() for name in sorted(each)]
        return _hashed(f"{self.kind} {self.combined}", self.design(0), sorted(names) or parts)

    def searchable(self) -> list[str]:
        """Nothing: parts are looked for by their own names."""
        return []

    def with_more(self, designs: Rows[Design], origin: str) -> TreatmentPool:
        """These treatments, listed, and others behind them, whose parts may be new.

        Raises:
            PoolError: there are too many to be listed, or doses are in units of several kinds.
        """
        if len(self) > LISTED_TREATMENTS:
            raise PoolError(
                f"a pool of {len(self):,} treatments is not listed, so that nothing can be added to it. Make a "
                "campaign of all cells, compounds and doses, and record the results there."
            )
        more = [one for one in designs if isinstance(one, Treatment)]
        parts = {"cells": [d.cells for d in more], "compound": [c for d in more for c in d.compounds]}
        parts["dose"] = [d.dose for d in more if d.dose]
        names = {what: tuple(dict.fromkeys([*each, *parts[what]])) for what, each in self._names.items()}
        made = TreatmentPool(
            *(names[what] for what in ("cells", "compound", "dose")),
            combined=self.combined,
            codes=self.part_rows(),
            origin=origin,
            cell_panel=self.panels["cells"].with_more(names["cells"]),
            compound_panel=self.panels["compound"].with_more(names["compound"]),
        )
        codes = [made._codes_of(one) for one in more]
        assert made.listed is not None
        made.listed = np.concatenate([made.listed, np.array(codes, np.int32)])
        made._length = len(made.listed)
        return made

    def with_panels(self, cells: Panel, compounds: Panel) -> TreatmentPool:
        """The same treatments with what side tables say of their parts."""
        return TreatmentPool(
            self._names["cells"],
            self._names["compound"],
            self._names["dose"],
            combined=self.combined,
            codes=self.listed,
            origin=self.origin,
            cell_panel=cells,
            compound_panel=compounds,
        )

    def panels_from(self, files: Rows[str | os.PathLike[str]], *also: TreatmentPool) -> tuple[Panel, Panel]:
        """What side tables say of its cells and of its compounds, and of those of other pools."""
        cells, drugs = ([n for pool in (self, *also) for n in pool.part_names(p)] for p in ("cells", "compound"))
        return Panel.read(files, cells), Panel.read(files, drugs)

    @classmethod
    def from_list(cls, listed: CandidateList) -> TreatmentPool:
        """The pool of the treatments of a file."""
        return cls.listing([each for each in listed.designs if isinstance(each, Treatment)], listed.origin)

    @classmethod
    def listing(cls, treatments: Iterable[Treatment], origin: str = "listed") -> TreatmentPool:
        """A pool of listed treatments, each once.

        Raises:
            PoolError: none, or one twice, or some with and others without a dose.
        """
        listed = list(treatments)
        if not listed:
            raise PoolError("a pool needs at least one candidate. Nothing was listed.")
        if len({bool(each.dose) for each in listed}) > 1:
            raise PoolError("some treatments have a dose and others none. Give all or none of them one.")
        cells = {name: i for i, name in enumerate(dict.fromkeys(each.cells for each in listed))}
        drugs = {name: i for i, name in enumerate(dict.fromkeys(n for each in listed for n in each.compounds))}
        doses = {name: i for i, name in enumerate(dict.fromkeys(each.dose for each in listed if each.dose))}
        combined = max(len(each.compounds) for each in listed)
        codes = np.full((len(listed), 1 + combined + bool(doses)), -1, np.int32)
        for i, each in enumerate(listed):
            found = sorted(drugs[name] for name in each.compounds)
            codes[i, 0], codes[i, 1 + combined - len(found) : 1 + combined] = cells[each.cells], found
            if doses:
                codes[i, -1] = doses[each.dose]
        if len(np.unique(codes, axis=0)) < len(codes):
            _, first, counts = np.unique(codes, axis=0, return_index=True, return_counts=True)
            name = listed[int(first[np.argmax(counts > 1)])].name
            raise PoolError(f'the treatment "{name}" is listed twice. Keep one of them.')
        return cls(tuple(cells), tuple(drugs), tuple(doses), combined=combined, codes=codes, origin=origin)


def _pairs(number: np.ndarray, count: int) -> list[np.ndarray]:
    """The two compounds i < j of each pair, in lexical order.

    >>> [each.tolist() for each in _pairs(np.arange(3), 3)]
    [[0, 0, 1], [1, 2, 2]]
    """
    # pairs that begin with i or a later compound are a triangle, so its root is in closed form
    left = math.comb(count, 2) - 1 - number
    back = ((np.sqrt(8 * left.astype(np.float64) + 1) - 1) / 2).astype(np.int64)
    back += ((back + 1) * (back + 2) // 2 <= left).astype(np.int64)
    back -= (back * (back + 1) // 2 > left).astype(np.int64)
    first = count - 2 - back
    return [first, count - 1 - (left - back * (back + 1) // 2)]


def _pair_number(first: int, second: int, count: int) -> int:
    """The number of a pair, -1 where it is no pair.

    >>> [_pair_number(i, j, 3) for i, j in ((0, 1), (0, 2), (1, 2), (-1, 2))]
    [0, 1, 2, -1]
    """
    if not 0 <= first < second:
        return -1
    back = count - 2 - first
    return math.comb(count, 2) - 1 - (back * (back + 1) // 2 + (count - 1 - second))


def _readable(notation: CompoundNotation, smiles: str) -> str:
    try:
        return notation.design(smiles).name
    except InputError:
        return ""


@dataclass(frozen=True)
class Match:
    """What a name that somebody wrote stands for.

    Args:
        name: in the pool's own notation.
        row: in the pool; None when it is not in it.
    """

    name: str
    row: int | None


class Resolver:
    """Finds the candidates of a list of names as people write them: every entrance of a list goes through it.

    All names of a list are read in one numbering: with `offset` added to their positions, else with the pool's own
    `numbering` or none, whichever their old residues show. A name may also be one that the pool's file gives a
    candidate beside its design (a compound's name, a catalogue number, a FASTA record).

    Args:
        pool: what may be meant.
        names: the whole list.
        offset: of the positions in this list; None when it was not given.

    Raises:
        NotationError: the list can be read in two ways; see `ListReader`.

    >>> pool = Pool.single_mutants("MKTAYIAKQR")
    >>> names = ["p.Lys2Cys", "T3=", "k2r"]
    >>> resolver = pool.resolver(names)
    >>> [resolver.find(name) for name in names][:2]
    [Match(name='K2C', row=20), Match(name='WT', row=None)]
    """

    def __init__(self, pool: Pool, names: Iterable[str], *, offset: int | None = None):
        self._pool = pool
        texts = [name for name in names if not pool.rows_labelled(name)]
        self._reader = ListReader(
            pool.notation, texts, offset=offset, numbering=pool.numbering, possible=self._possible
        )
        self._found: dict[str, Match] = {}
        self._hints = HINTS

    def find(self, name: str) -> Match:
        """What a name of the list stands for.

        Raises:
            NotationError: it cannot be understood, or could mean two candidates.
        """
        if name not in self._found:
            self._found[name] = self._match(name)
        return self._found[name]

    def row(self, name: str) -> int:
        """The row of a name of the list.

        Raises:
            NotationError: as `find`, or it is not in the pool.
        """
        match = self.find(name)
        if match.row is None:
            same = "" if match.name == name.strip() else f" ({match.name})"
            self._hints -= 1  # to look through a large pool takes a while
            near = did_you_mean(name, self._pool.searchable()) if self._hints >= 0 else ""
            fix = near or "Check the name."
            raise NotationError(f'"{name}"{same} is not in the pool ({self._pool.describe()[:-1]}). {fix}')
        return match.row

    def _possible(self, design: Design) -> bool:
        return self._pool.row_of_design(design) is not None

    def _match(self, name: str) -> Match:
        pool, labelled = self._pool, self._pool.rows_labelled(name)
        try:
            design = self._reader.design(name)
            row = pool.row_of_design(design)
        except NotationError:
            if not labelled:
                raise
            design, row = None, None
        if labelled and isinstance(design, Variant) and row is None:
            other = pool.names(labelled[:1])[0]
            raise NotationError(
                f'"{name}" is another name of "{other}" in the pool, and reads as {design.name}. Write which it is.'
            )
        rows = dict.fromkeys((*labelled, *(() if row is None else (row,))))
        if len(rows) > 1:
            names = " and ".join(f'"{n}"' for n in pool.names(list(rows)[:2]))
            raise NotationError(f'"{name}" can mean {names} of the pool. Write which of them it is.')
        if rows:
            (row,) = rows
            return Match(pool.names([row])[0], row)
        assert design is not None  # there is neither a row nor a label
        return Match(design.name, None)


def _bytes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8)


def _joined(texts: Iterable[str]) -> np.ndarray:
    return _bytes("\0".join(texts))  # no table holds this sign


def _split(joined: np.ndarray) -> list[str]:
    return joined.tobytes().decode().split("\0") if len(joined) else []


def _hashed(kind: str, example: Design, names: Iterable[str]) -> str:
    parent = example.parent if isinstance(example, Variant) else ""
    digest = hashlib.blake2b(f"{kind}\n{parent}\n".encode(), digest_size=16)
    for name in names:
        digest.update(name.encode() + b"\n")
    return digest.hexdigest()


def _notation_of(designs: list[Design]) -> tuple[Notation, str]:
    first = designs[0]
    if isinstance(first, Variant):
        if len({d.parent for d in designs if isinstance(d, Variant)}) > 1:
            raise PoolError("the variants have different wild types. Make one pool for each wild type.")
        return VariantNotation(first.parent), "variants"
    if isinstance(first, Sequence):
        return SequenceNotation(len(first.sequence)), "variants"
    if isinstance(first, Guide):
        return GuideNotation(len(first.sequence)), "guides"
    return CompoundNotation(), "compounds"


def _checked_positions(positions: Iterable[int], sequence: str) -> list[int]:
    chosen = sorted({int(p) for p in positions})
    outside = [p for p in chosen if not 1 <= p <= len(sequence)]
    if outside:
        raise PoolError(f"position {outside[0]} is outside the wild type (1-{len(sequence)}). Correct the positions.")
    if not chosen:
        raise PoolError("no positions were given. Name some, or leave them out for all.")
    return chosen


def _allowed_letters(text: str, position: int, sequence: str, rules: Rules) -> str:
    letters = "".join(dict.fromkeys(text.strip().upper() if sequence else text))
    if sequence:
        wrong = next((c for c in letters if c not in AMINO_ACIDS), None)
        if wrong:
            raise PoolError(f'site {position} allows "{wrong}", which is none of the 20 amino acids. Correct it.')
    elif not letters.isascii() or any(c.isspace() for c in letters):
        raise PoolError(f'"{text}" cannot be the letters of site {position}. Use plain letters or digits.')
    old = sequence[position - 1] if sequence else ""
    kept = "".join(c for c in letters if c not in rules.exclude_residues or c == old)
    if not kept:
        raise PoolError(f"site {position} has no letter left. Allow more letters, or exclude fewer.")
    return kept


def _parent_name(parent: str | os.PathLike[str] | None, sequence: str) -> str:
    text = "" if parent is None else os.fspath(parent)
    if text.strip().upper().removesuffix("*") == sequence or text.strip().startswith(">"):
        return f"a wild type of {len(sequence)} residues"
    return Path(text).name


def _with(rules: Rules) -> str:
    text = rules.describe()
    return f" ({text})" if text else ""
