"""Panels: what side tables say of cell lines and drugs, by any of their names.

A panel is read from the tables that laboratories and consortia keep beside their results: expression or copy number of
lines, annotations with tissue, drugs with their targets, SMILES and synonyms. Which column holds the ids is found by
comparison with the names that the treatments use, so no fixed layout is asked for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Sequence as Rows
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from activeloop.candidates.compounds import is_written_structure
from activeloop.errors import ConfigError, NotationError
from activeloop.tables import Table, as_table
from activeloop.tables.names import plain, spelling, split_unit

#: what a side table says -> names of its column
LABELS: dict[str, tuple[str, ...]] = {
    "name": ("name", "drug_name", "compound_name", "drug", "cell_line_name", "cell_line", "ccle_name", "ccle_id"),
    "synonyms": ("synonyms", "synonym", "aliases", "alias", "other_names"),
    "targets": ("targets", "target", "putative_target", "drug_target", "moa_target"),
    "pathway": ("target_pathway", "pathway", "pathway_name", "mechanism_of_action", "moa"),
    "pubchem": ("pubchem", "pubchem_cid", "pubchem_id", "cid"),
    "smiles": ("smiles", "canonical_smiles", "isomeric_smiles"),
    "tissue": ("tissue", "site_primary", "primary_site", "lineage", "tissue_type", "type_refined", "gdsc_tissue"),
}
#: words that say nothing in such a column
_NOTHING = frozenset({"", "na", "nan", "n/a", "none", "-", "ns", "unknown", "null", "other", "unclassified", "several"})
#: spellings of two cell lines each: KM-H2 and KMH-2, TT and T.T (Cellosaurus)
_TWO_LINES = frozenset({"kmh2", "tt"})
#: share of its numbers from which a column counts as one of numbers, and columns from which they are a block
_NUMERIC, _BLOCK = 0.9, 5


@dataclass(frozen=True)
class Panel:
    """Side tables of one part of treatments.

    Args:
        names: [N] what the parts are called.
        labels: such as `targets` or `tissue` -> [N] text, "" where it is not known.
        features: file -> float32 [N, D], NaN where a part does not stand in it.
        synonyms: further name, in plain signs -> the name in `names`.
        unresolved: of the names that were asked for, those that stand in no file.
        doubtful: further name, in plain signs -> two names for which the files list it.
        unused: files in which no column holds any of the names.

    >>> panel = Panel(("688",), {"targets": ("BRAF",)}, {}, {"dabrafenib": "688"})
    >>> panel.resolve("Dabrafenib"), panel.words("targets", "688"), panel.resolve("aspirin")
    ('688', frozenset({'braf'}), None)
    """

    names: tuple[str, ...] = ()
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    features: Mapping[str, np.ndarray] = field(default_factory=dict)
    synonyms: Mapping[str, str] = field(default_factory=dict)
    unresolved: tuple[str, ...] = ()
    doubtful: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    unused: tuple[str, ...] = ()

    @cached_property
    def rows(self) -> dict[str, int]:
        """Name -> its row."""
        return {name: i for i, name in enumerate(self.names)}

    @cached_property
    def places(self) -> dict[str, int]:
        """Name, and number without its decimal (238.0), -> its row."""
        return {_digits(name): i for i, name in enumerate(self.names)} | self.rows

    def places_of(self, cells: Rows[str]) -> list[int]:
        """The row of each cell of a column of ids, -1 where it is none; other spellings count where a name is missing.

        >>> Panel(("HT-29", "A549")).places_of(["HT29", "A549", "a-549", "K562"])
        [0, 1, -1, -1]
        """
        found = [self.places.get(_digits(cell), -1) for cell in cells]
        here = set(found)
        for i, cell in enumerate(cells):
            if found[i] < 0 and len(alike := self._by_spelling.get(written_as(cell), ())) == 1:
                row = self.rows[alike[0]]
                found[i] = -1 if row in here else row
        return found

    def resolve(self, text: str) -> str | None:
        """The name of a part as people write it; None when no table has it.

        A name that differs from one of the parts in nothing but case, blanks, hyphens and dots is that part.

        Raises:
            NotationError: side tables list it for two parts, or it is written like two of them.

        >>> Panel(("HT-29", "A549")).resolve("HT29"), Panel(("A-1-12",)).resolve("A-11-2")
        ('HT-29', None)

        >>> Panel(("KM-H2", "KMH-2"), {}, {}, {}, (), {"kmh2": ("KM-H2", "KMH-2")}).resolve("KMH2")
        Traceback (most recent call last):
        activeloop.errors.NotationError: "KMH2" could be KM-H2 or KMH-2: side tables list it for both. Write one of ...
        """
        if text in self.rows:
            return text
        if two := self.doubtful.get(plain(text)):
            raise NotationError(
                f'"{text}" could be {two[0]} or {two[1]}: side tables list it for both. Write one of these names.'
            )
        if found := self.synonyms.get(plain(text)):
            return found
        alike = self._by_spelling.get(written_as(text), ())
        if len(alike) > 1:
            raise NotationError(f'"{text}" could be {alike[0]} or {alike[1]}. Write one of these names.')
        return alike[0] if alike else None

    @cached_property
    def _by_spelling(self) -> dict[str, list[str]]:
        """Spelling -> the names that are written so."""
        found: dict[str, list[str]] = {}
        for name in self.names:
            if key := written_as(name):
                found.setdefault(key, []).append(name)
        return found

    def key(self, name: str) -> str:
        """The id under which the files list a part, by a synonym; itself where they list it under no other."""
        name = _digits(name)
        return name if plain(name) in self.doubtful else _digits(self.synonyms.get(plain(name), name))

    def aliases(self, names: Iterable[str], wanted: Iterable[str]) -> dict[str, str]:
        """Which of some names are other spellings or synonyms of wanted ones: name -> the wanted name.

        Case, spaces and signs do not count, see `written_as`. A name that may be two of the wanted ones is
        neither.

        >>> Panel(("688",), synonyms={"dabrafenib": "688"}).aliases(["688", "A-549", "T47D"], ["Dabrafenib", "A549"])
        {'688': 'Dabrafenib', 'A-549': 'A549'}
        """
        targets: dict[str, list[str]] = {}
        for name in sorted(wanted := set(wanted)):
            targets.setdefault(self._spelled(name), []).append(name)
        found = ((name, targets.get(self._spelled(name), [])) for name in dict.fromkeys(names) if name not in wanted)
        return {name: same[0] for name, same in found if len(same) == 1}

    def doubles(self, names: Iterable[str]) -> tuple[dict[str, str], list[tuple[str, str]]]:
        """Which names are one part: by side tables, name -> its first name; and perhaps, as their letters agree.

        >>> Panel(("A549",), synonyms={"a549": "A549"}).doubles(["A549", "HT-29", "A-549", "HT29"])
        ({'A-549': 'A549'}, [('HT-29', 'HT29')])
        """
        first: dict[str, str] = {}
        listed, perhaps = {}, []
        for name in dict.fromkeys(names):
            known = first.setdefault(self._spelled(name), name)
            if known == name:
                continue
            if {plain(known), plain(name)} & self.synonyms.keys():
                listed[name] = known
            else:
                perhaps.append((known, name))
        return listed, perhaps

    def doubles_note(self, what: str, most: int = 3) -> str:
        """Which names may be two spellings of one part, in a sentence; "" where there are none.

        >>> Panel(("HT-29", "HT29")).doubles_note("cells")
        'Of the cells HT-29 and HT29 differ in case or signs alone: they count as two. Write them alike if ... one.'
        """
        pairs = self.doubles(self.names)[1]
        if not pairs:
            return ""
        shown = "; ".join(f"{one} and {other}" for one, other in pairs[:most])
        more = f" (and {len(pairs) - most:,} more such pairs)" if len(pairs) > most else ""
        told = f"Of the {what} {shown}{more} differ in case or signs alone"
        return f"{told}: they count as two. Write them alike if they are one."

    def _spelled(self, name: str) -> str:
        """Equal for names of one part; of names of two parts every sign counts."""
        found = self.key(name)
        return found if plain(found) in self.doubtful else written_as(found) or found

    def _with_rows(self, same: Mapping[str, str]) -> Panel:
        """With the entries of one name copied to its other spellings or synonyms, where these have none."""
        pairs = [(self.rows[name], self.rows[other]) for name, other in same.items() if other in self.rows]
        labels = {what: list(cells) for what, cells in self.labels.items()}
        features = {file: block.copy() for file, block in self.features.items()} if pairs else dict(self.features)
        for to, of in pairs:
            for cells in labels.values():
                cells[to] = cells[to] or cells[of]
            for block in features.values():
                if np.isnan(block[to]).all():
                    block[to] = block[of]
        return replace(self, labels={what: tuple(cells) for what, cells in labels.items()}, features=features)

    def with_more(self, names: Iterable[str]) -> Panel:
        """This panel with further parts, of which no table says anything."""
        new = tuple(name for name in names if name not in self.rows)
        return replace(
            self,
            names=(*self.names, *new),
            labels={what: (*cells, *[""] * len(new)) for what, cells in self.labels.items()},
            features={
                file: np.concatenate([known, np.full((len(new), known.shape[1]), np.nan, known.dtype)])
                for file, known in self.features.items()
            },
        )

    def label(self, what: str, name: str) -> str:
        """What a table says of a part; "" when it says nothing."""
        column, row = self.labels.get(what), self.rows.get(name)
        cell = column[row] if column and row is not None else ""
        return "" if cell.strip().casefold() in _NOTHING else cell.strip()

    def words(self, what: str, name: str) -> frozenset[str]:
        """The entries of a list in a cell, such as the targets of a drug, without regard to case."""
        found = (word.strip().casefold() for word in re.split(r"[,;|]", self.label(what, name)))
        return frozenset(word for word in found if word not in _NOTHING)

    @classmethod
    def read(cls, files: Iterable[str | os.PathLike[str]], names: Iterable[str]) -> Panel:
        """What some files say of parts.

        Args:
            files: CSV, TSV or XLSX, also compressed; those in which no column holds any of the names are left out.
            names: the parts, as the treatments call them.

        Raises:
            TableError: a file is no table.
        """
        asked = tuple(dict.fromkeys(names))
        panel = cls(asked)
        seen, unused = set[str](), list[str]()
        for path in files:
            table = as_table(path)
            column = _id_column(table, panel)
            if column is None:
                unused.append(Path(path).name)
                continue
            seen.update(asked[row] for row in panel.places_of(table.cells(column)) if row >= 0)
            panel = _with(panel, table, column, Path(path).name)
        by_other = panel.aliases((name for name in asked if name not in seen), seen)
        panel = panel._with_rows(by_other)
        unresolved = tuple(name for name in asked if name not in seen and name not in by_other)
        return replace(panel, unresolved=unresolved, unused=tuple(unused))

    def note(self, what: str, most: int = 5) -> str:
        """How many parts stand in no side table, and which; "" when all do."""
        if not self.unresolved or len(self.unresolved) == len(self.names):
            return ""
        shown = ", ".join(self.unresolved[:most]) + (" ..." if len(self.unresolved) > most else "")
        return f"{len(self.unresolved)} of {len(self.names)} {what} stand in no side table: {shown}."


def written_as(name: str) -> str:
    """What the spellings of one name have in common; "" of numbers, of structures, and where two lines share it.

    >>> written_as("SK-MEL-28") == written_as("SKMEL28"), written_as("10.0"), written_as("T.T"), written_as("CC(=O)O")
    (True, '', '', '')
    """
    key = spelling(name)
    named = any(sign.isalpha() for sign in key) and key not in _TWO_LINES
    return key if named and not is_written_structure(name) else ""


def one_spelling(names: Iterable[str], known: Callable[[str], str | None] = lambda name: None) -> dict[str, str]:
    """Each name -> the one under which it is known, else the first of these names that is written alike.

    Raises:
        NotationError: as `known`.

    >>> one_spelling(["MCF7", "A549", "MCF-7"])
    {'MCF7': 'MCF7', 'A549': 'A549', 'MCF-7': 'MCF7'}
    """
    first: dict[str, str] = {}
    return {
        name: known(name) or first.setdefault(written_as(name) or f" {name}", name) for name in dict.fromkeys(names)
    }


def spellings_note(names: Mapping[str, str], most: int = 5) -> str:
    """Which names were taken for another spelling, in a sentence; "" when none was.

    >>> spellings_note({"MCF7": "MCF-7", "A549": "A549"})
    'Names written in several ways were read as one: MCF7 = MCF-7.'
    """
    other = [f"{name} = {known}" for name, known in names.items() if name != known]
    shown = ", ".join(other[:most]) + (f" and {len(other) - most} more" if len(other) > most else "")
    return f"Names written in several ways were read as one: {shown}." if other else ""


def panel_files(folder: str | os.PathLike[str]) -> list[Path]:
    """The tables of a folder, in the order of their names; hidden ones are none.

    Raises:
        ConfigError: there is no such folder.
    """
    path = Path(folder)
    if not path.is_dir():
        raise ConfigError(f'there is no folder "{path}" of side tables: correct its name.')
    kinds = (".csv", ".tsv", ".txt", ".xlsx", ".csv.gz", ".tsv.gz", ".txt.gz")
    named = (each for each in path.iterdir() if not each.name.startswith((".", "~$")))
    return sorted(each for each in named if each.name.casefold().endswith(kinds))


def _id_column(table: Table, panel: Panel) -> str | None:
    """The column that holds most of the names, of two the one that writes them as they are; None when none does.

    A single one among numbers may be chance, but in a column that calls itself an id.
    """
    best, most = None, (0, 0)
    for name, cells in zip(table.header, table.columns, strict=True):
        found = alike = len({cell for cell in map(_digits, cells) if cell in panel.places})
        numbers = _number_like(cells[:20])
        if found == 1 and numbers and not plain(name).endswith("id"):
            continue
        if not numbers:  # of numbers there are many columns, and no other spellings
            alike = len(set(panel.places_of(cells)) - {-1})
        if (alike, found) > most:
            best, most = name, (alike, found)
    return best


def _number_like(cells: Rows[str]) -> bool:
    filled = [cell for cell in cells if cell]
    return bool(filled) and sum(_is_number(cell) for cell in filled) >= _NUMERIC * len(filled)


def _digits(name: str) -> str:
    """A number of a catalogue as it is, where a program wrote it as a decimal: 238.0."""
    return name[:-2] if name.endswith(".0") and name[:-2].isdecimal() else name


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _with(panel: Panel, table: Table, column: str, file: str) -> Panel:
    """A panel with what one more table says."""
    place = panel.places_of(table.cells(column))
    labels = dict(panel.labels)
    synonyms, doubtful = dict(panel.synonyms), dict(panel.doubtful)
    for what, names in LABELS.items():
        found = [name for name in table.named(names) if name != column]
        for name in found if what in ("name", "synonyms") else found[:1]:
            cells = list(labels.get(what, ("",) * len(panel.names)))
            for row, cell in zip(place, table.cells(name), strict=True):
                if row >= 0 and not cells[row]:
                    cells[row] = cell
                if row >= 0 and what in ("name", "synonyms"):
                    for word in re.split(r"[,;|]", cell) if what == "synonyms" else [cell]:
                        if word.strip().casefold() not in _NOTHING:
                            other = synonyms.setdefault(plain(word), panel.names[row])
                            if other != panel.names[row]:
                                doubtful.setdefault(plain(word), (other, panel.names[row]))
            labels[what] = tuple(cells)
    known = {plain(name) for names in LABELS.values() for name in names}
    numeric = [
        i
        for i, (name, cells) in enumerate(zip(table.header, table.columns, strict=True))
        if name != column and plain(split_unit(name)[0]) not in known and _number_like(cells[:10])
    ]
    features = dict(panel.features)
    if len(numeric) >= _BLOCK and len(numeric) > len(table.header) / 2:
        block = np.full((len(panel.names), len(numeric)), np.nan, np.float32)
        kept = [(i, row) for i, row in enumerate(place) if row >= 0]
        for j, k in enumerate(numeric):
            cells = table.columns[k]
            for i, row in kept:
                block[row, j] = float(cells[i]) if _is_number(cells[i]) else np.nan
        features[file] = block
    return replace(panel, labels=labels, features=features, synonyms=synonyms, doubtful=doubtful)
