"""Single cells from AnnData files (.h5ad), larger than memory, to one profile for each condition.

Cells of one condition are repeats of one treatment, not independent candidates: they are added up here (pseudobulk),
and splits are made by compound, cells, donor or scaffold, never by cell. Needs the extra `cells`.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from activeloop.candidates.panel import one_spelling, spellings_note
from activeloop.errors import InputError, MissingExtraError, TableError, did_you_mean
from activeloop.measurements.doses import WORDS
from activeloop.tables.genes import gene_kind
from activeloop.tables.names import PARTS, plain
from activeloop.tables.numbers import converted, factor_between

if TYPE_CHECKING:
    from h5py import File, Group

#: bytes of values that are in memory at a time, about
CHUNK = 2**25
#: numbers of a result, 4 GiB
LARGEST = 2**29
Role = Literal["cells", "compound", "dose", "dose unit", "donor", "plate", "structure", "control"]
#: role -> names of its column of `obs`, those of sci-Plex 3 and Tahoe-100M among them
COLUMNS: dict[Role, tuple[str, ...]] = {
    "donor": ("donor", "donor_id", "patient", "patient_id", "sample_donor", "individual", "replicate_donor"),
    "cells": ("cell_line_name", "cell_line", "cell_name", "cell_type", *PARTS["cells"], "cell_line_id"),
    "compound": (
        *("drugname_drugconc", "product_name", "drug", "drug_name", "compound", "compound_name", "treatment"),
        *("perturbation", "condition", "pert_iname", "sm_name"),
    ),
    "dose": ("dose_value", "dose_val", *PARTS["dose"]),
    "dose unit": PARTS["dose unit"],
    "plate": ("plate", "plate_id", "culture_plate", "plate_name", "batch", "replicate"),
    "structure": ("smiles", "canonical_smiles", "SMILES"),
    "control": ("vehicle", "control", "is_control", "neg_control"),
}
#: one entry of Tahoe's `drugname_drugconc`
_TAHOE = re.compile(
    r"""\[?\(\s*['"](?P<drug>.*)['"]\s*,\s*(?P<dose>[-+.\deE]+)\s*,\s*['"](?P<unit>[^'"]*)['"]\s*\)\]?"""
)
#: what stands where nothing is known of a cell, plain
_NOTHING = frozenset({"", "nan", "na", "<na>", "none", "null", "unassigned", "doublet", "multiplet"})
_CONTROLS = WORDS["negative"] | {
    plain(w) for w in ("control", "ctrl", "non-targeting", "nt", "DMSO_TF", "vehicle control")
}


@dataclass(frozen=True)
class Condition:
    """What was done to a group of cells.

    Args:
        cells: line or type; "" when the file names none.
        compound: its name; "" of a control.
        dose: in the unit of all; 0 of a control, NaN when the file names none.
        donor, plate: "" when the file names none, or conditions were not kept apart by it.
        count: cells.
    """

    cells: str
    compound: str
    dose: float
    donor: str
    plate: str
    count: int

    @property
    def control(self) -> bool:
        """Whether the cells were untreated."""
        return not self.compound


@dataclass(frozen=True)
class Pseudobulk:
    """One profile for each condition.

    Args:
        conditions: in the order of their first cell.
        values: [C, G] sums of counts, or means of values that are no counts.
        genes: [G] ids.
        kind: of the ids: `Ensembl`, `symbol` or `Entrez`.
        counts: whether values are sums of counts.
        unit: of doses; "" when the file names none.
        structures: compound -> SMILES, as far as the file has them.
        notes: what was added up, converted or assumed, in sentences.
    """

    conditions: tuple[Condition, ...]
    values: np.ndarray
    genes: tuple[str, ...]
    kind: str
    counts: bool
    unit: str
    structures: Mapping[str, str]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.conditions)

    def expression(self) -> np.ndarray:
        """[C, G] log2 of counts per million and one; values that are no counts as they are."""
        if not self.counts:
            return self.values
        total = np.maximum(self.values.sum(1, keepdims=True), 1.0)
        return np.log2(1 + self.values / total * 1e6)

    def responses(self) -> tuple[tuple[Condition, ...], np.ndarray]:
        """Treated conditions, and [T, G] their expression less that of their own controls.

        Controls are those of the same cells, donor and plate; where there are none, of the same cells and donor; then
        of the same cells.

        Raises:
            InputError: some cells have no control.
        """
        expression, treated = self.expression(), [i for i, c in enumerate(self.conditions) if not c.control]
        groups: list[dict[tuple[str, ...], list[int]]] = [{}, {}, {}]
        for i, c in enumerate(self.conditions):
            if c.control:
                for group, key in zip(groups, _near(c), strict=True):
                    group.setdefault(key, []).append(i)
        out = np.empty((len(treated), expression.shape[1]))
        for row, i in enumerate(treated):
            c = self.conditions[i]
            own = next((group[key] for group, key in zip(groups, _near(c), strict=True) if key in group), None)
            if own is None:
                raise InputError(
                    f"{c.cells or 'these cells'} have no control (vehicle, DMSO, untreated, control): responses are "
                    "differences to it. Nothing was computed."
                )
            weights = np.array([self.conditions[k].count for k in own], np.float64)
            out[row] = expression[i] - weights @ expression[own] / weights.sum()
        return tuple(self.conditions[i] for i in treated), out

    def folds(self, by: Literal["compound", "cells", "donor", "scaffold"], count: int = 5, seed: int = 0) -> np.ndarray:
        """[C] int64 the fold of each condition: what is held out together is never on both sides; -1 of controls.

        Args:
            by: what a model should predict unseen; `scaffold` needs structures and RDKit.
            count: folds.
            seed: which goes where.

        Raises:
            InputError: there are fewer groups than folds (cells are never split), or no structures.
        """
        if by not in ("compound", "cells", "donor", "scaffold"):
            raise InputError(
                f'"{by}": split by compound, cells, donor or scaffold. Cells of one condition are repeats.'
            )
        names = [self._group(c, by) for c in self.conditions]
        groups = sorted({name for name, c in zip(names, self.conditions, strict=True) if not c.control and name})
        if len(groups) < max(count, 2):
            raise InputError(
                f"{len(groups)} {by}{'s' * (by != 'cells')} cannot make {count} folds: take fewer, or split by "
                "something else. A split by cell would put repeats of one condition on both sides, and is not offered."
            )
        shuffled = np.random.default_rng(seed).permutation(len(groups))
        fold = {groups[k]: i % count for i, k in enumerate(shuffled)}
        return np.array([-1 if c.control else fold.get(n, -1) for n, c in zip(names, self.conditions, strict=True)])

    def _group(self, c: Condition, by: str) -> str:
        if by != "scaffold":
            return str(getattr(c, by))
        if not self.structures:
            raise InputError("the file has no structures (a column smiles of its cells): split by compound.")
        from activeloop.candidates.compounds import scaffold

        smiles = self.structures.get(c.compound, "")
        # a compound without a ring, or without a structure, is a group of its own
        return (scaffold(smiles) if smiles else "") or c.compound


def _near(c: Condition) -> tuple[tuple[str, ...], ...]:
    return (c.cells, c.donor, c.plate), (c.cells, c.donor), (c.cells,)


def read_cells(
    file: str | os.PathLike[str],
    *,
    columns: Mapping[Role, str] | None = None,
    genes: str | None = None,
    only: Sequence[str] = (),
    layer: str | None = None,
    by_plate: bool = False,
    controls: Sequence[str] = (),
) -> Pseudobulk:
    """Add up the cells of each condition of an AnnData file; only a part of it is in memory at a time.

    The matrix may be sparse by rows or by columns, or dense, compressed or not, in `X` or a layer. Columns of sci-Plex
    3 (`cell_type`, `product_name`, `dose`, `vehicle`) and of Tahoe-100M (`cell_line`, `drugname_drugconc`, `plate`) are
    known, and others by usual names.

    Args:
        file: .h5ad.
        columns: role (`cells`, `compound`, `dose`, `dose unit`, `donor`, `plate`, `structure`, `control`) -> column of
            `obs`, where names do not show it; "" for none.
        genes: column of `var` with the ids of genes; the index when None.
        only: ids of the genes that are read; all when empty.
        layer: of the matrix; `X` when None; `raw` is what AnnData keeps as `.raw`.
        by_plate: keep plates apart, so that responses are differences to the control of their own plate.
        controls: further words for untreated cells among the compounds.

    Raises:
        MissingExtraError: without h5py.
        TableError: it is no AnnData file, or a column or layer is missing.
        InputError: ids of genes of several kinds, values below 0, doses in units that cannot be converted. Nothing is
            returned.
    """
    try:
        import h5py
    except ImportError as error:
        raise MissingExtraError("reading .h5ad", "cells") from error
    name = os.fspath(file)
    try:
        opened = h5py.File(name, "r")
    except FileNotFoundError:
        raise TableError("there is no such file. Check the name and the folder.", file=name) from None
    except OSError as error:
        raise TableError(f"this is no .h5ad file, or it is damaged ({error}).", file=name) from None
    with opened as h5:
        if "obs" not in h5 or "var" not in h5:
            raise TableError("this HDF5 file is no AnnData: it has no obs and var.", file=name)
        try:
            return _Reader(name, h5, dict(columns or {}), controls).read(genes, only, layer, by_plate)
        except (OSError, RuntimeError) as error:  # of HDF5, in the middle of a table
            raise TableError(f"this file is damaged ({error}). Nothing was read.", file=name) from None


@dataclass
class _Reader:
    name: str
    h5: File
    given: dict[Role, str]
    controls: Sequence[str]

    def read(self, genes: str | None, only: Sequence[str], layer: str | None, by_plate: bool) -> Pseudobulk:
        self.notes: list[str] = []
        self.var = "raw/var" if self._is_raw(layer) else "var"
        ids, kind, merged = self._genes(genes, only)
        roles = self._roles()
        conditions, codes, unit, structures = self._conditions(roles, by_plate)
        if not conditions:
            raise self._error("no cell has a treatment, a line and a donor where there are columns of these.")
        matrix: Any = self._matrix(layer)
        shape = tuple(matrix.attrs.get("shape", matrix.attrs.get("h5sparse_shape", ()))) or getattr(matrix, "shape", ())
        if shape and (len(shape) != 2 or shape[0] != len(codes) or shape[1] != self.columns):
            size = " x ".join(f"{n:,}" for n in shape)
            raise self._error(f"the matrix is {size}, and there are {len(codes):,} cells and {self.columns:,} genes.")
        values, counts = self._sums(matrix, codes, len(conditions), merged, len(ids))
        sizes = np.bincount(codes[codes >= 0], minlength=len(conditions))
        if not counts:
            values /= np.maximum(sizes, 1)[:, None]
            self.notes.append("Values are no counts (log-normalised?): means of them, not sums.")
        found = tuple(replace(c, count=int(n)) for c, n in zip(conditions, sizes, strict=True))
        return Pseudobulk(found, values, tuple(ids), kind, counts, unit, structures, tuple(self.notes))

    # -- tables of cells and genes

    def _error(self, problem: str) -> InputError:
        return InputError(f"{problem} Nothing was read.", file=self.name)

    def _names(self, table: str) -> list[str]:
        group: Any = self.h5[table]
        if not hasattr(group, "keys"):  # one table of records, as anndata wrote before 0.7
            return list(group.dtype.names or ())
        return [column for column in group if not column.startswith("__")]

    def _codes(self, table: str, column: str) -> tuple[np.ndarray, list[str]]:
        """A column as codes and their texts: of 10^6 cells a few megabytes, whatever their names are."""
        node: Any = self.h5[table][column]  # type: ignore[index]
        if isinstance(node, np.ndarray):
            if (known := f"uns/{column}_categories") in self.h5 and node.dtype.kind == "i":
                return node.astype(np.int64), list(map(_text, np.asarray(self.h5[known])))
            unique, codes = np.unique(node, return_inverse=True)
            return codes, list(map(_text, unique))
        if hasattr(node, "keys") and "codes" in node:
            return np.asarray(node["codes"][:], np.int64), [_text(c) for c in node["categories"][:]]
        if "categories" in node.attrs:  # as anndata wrote them before 0.8
            return np.asarray(node[:], np.int64), list(map(_text, np.asarray(self.h5[node.attrs["categories"]])))
        if hasattr(node, "keys"):
            values = node["values"][:] if "values" in node else None
            if values is None:
                raise self._error(f'the column "{column}" of {table} is of a kind that is not read. Write it as text.')
            if "mask" in node:
                texts = [_text(v) for v in values]
                values = np.array(["" if m else t for t, m in zip(texts, node["mask"][:], strict=True)], object)
        else:
            values = node[:]
        unique, codes = np.unique(values, return_inverse=True)
        return codes, [_text(u) for u in unique]

    def _genes(self, column: str | None, only: Sequence[str]) -> tuple[list[str], str, np.ndarray | None]:
        """Genes of the result, their kind, and the number of the gene of each column (-1: not read)."""
        var: Any = self.h5[self.var]
        name = column or _text(var.attrs.get("_index", "_index" if hasattr(var, "keys") else "index"))
        if name not in (names := self._names(self.var)):
            raise TableError(f'var has no column "{name}". {did_you_mean(name, names)}', file=self.name)
        codes, texts = self._codes(self.var, name)
        listed = [texts[c] for c in codes]
        self.columns = len(listed)
        try:
            kind, listed = gene_kind(listed)
        except InputError as error:
            raise InputError(error.problem, file=self.name) from None
        unique = list(dict.fromkeys(listed))
        if len(unique) < len(listed):
            words = f"{len(listed) - len(unique):,} columns are of genes that another column has, too"
            self.notes.append(f"{words}: their values were added up.")
        if only:
            wanted = gene_kind(only)[1]
            if missing := [gene for gene in wanted if gene not in set(unique)]:
                raise self._error(f"{len(missing):,} of the genes to be read are not there, such as {missing[0]}.")
            unique = list(dict.fromkeys(wanted))
        places = {gene: i for i, gene in enumerate(unique)}
        numbers = np.array([places.get(gene, -1) for gene in listed])
        return unique, kind, None if len(unique) == len(listed) and (np.diff(numbers) == 1).all() else numbers

    def _roles(self) -> dict[Role, str]:
        names = self._names("obs")
        by_plain: dict[str, str] = {}
        for column in names:
            by_plain.setdefault(plain(column), column)
        roles: dict[Role, str] = {}
        for role, column in self.given.items():
            if role not in COLUMNS:
                raise self._error(f'"{role}" is no role of a column. There are {", ".join(COLUMNS)}.')
            if not column:
                continue
            if column not in names:
                raise TableError(f'obs has no column "{column}". {did_you_mean(column, names)}', file=self.name)
            roles[role] = column
        for role, words in COLUMNS.items():
            if role not in roles and role not in self.given:
                free = [by_plain[w] for w in map(plain, words) if w in by_plain and by_plain[w] not in roles.values()]
                if free:
                    roles[role] = self._finest(free) if role == "compound" else free[0]
        if "compound" not in roles:
            raise self._error(
                f'no column of obs names the treatment. Say which (the role "compound"). There are {", ".join(names)}.'
            )
        return roles

    def _finest(self, columns: list[str]) -> str:
        """The column of treatments that tells all others apart, too.

        Raises:
            InputError: two say different things.
        """
        codes = {column: self._codes("obs", column)[0] for column in dict.fromkeys(columns)}
        several = [column for column in codes if len(np.unique(codes[column])) > 1] or columns[:1]

        def tells(one: str, other: str) -> bool:
            return len(np.unique(np.stack([codes[one], codes[other]], 1), axis=0)) == len(np.unique(codes[one]))

        found = next((c for c in several if all(tells(c, other) for other in several)), None)
        if found is None:
            raise self._error(
                f"{' and '.join(several)} could both name the treatment, and say different things. Say which "
                'one it is (the role "compound").'
            )
        return found

    def _conditions(
        self, roles: Mapping[Role, str], by_plate: bool
    ) -> tuple[list[Condition], np.ndarray, str, dict[str, str]]:
        used: list[Role] = ["cells", "compound", "dose", "dose unit", "donor", "control"]
        if by_plate:
            used.append("plate")
        columns = {role: self._codes("obs", roles[role]) for role in used if role in roles}
        codes = np.stack([column[0] for column in columns.values()], 1)
        unique, first, of = np.unique(codes, axis=0, return_index=True, return_inverse=True)
        order = np.argsort(np.argsort(first))
        of, unique = order[of.ravel()], unique[np.argsort(first)]
        structures = self._structures(roles)
        keys, units, kept, lost = [], set[str](), list[int](), dict[str, int]()
        counts = np.bincount(of, minlength=len(unique))
        for i, row in enumerate(unique):
            cell: dict[Any, str] = {
                role: texts[code] if code >= 0 and plain(texts[code]) not in _NOTHING else ""
                for (role, (_, texts)), code in zip(columns.items(), row, strict=True)
            }
            found = self._condition(cell, units)
            if isinstance(found, str):
                lost[found] = lost.get(found, 0) + int(counts[i])
            else:
                keys.append(found)
                kept.append(i)
        for what in ("line", "compound", "donor"):
            if what in lost:
                self.notes.append(f"{lost[what]:,} cells without a {what} were left out.")
        if "compound" in lost:
            self.notes.append("Cells without a compound may be untreated: if so, say it (--control nan).")
        keys = self._in_one_spelling(keys, structures)
        unit, doses = self._one_unit(keys, units)
        places: dict[Condition, int] = {}
        merged = np.full(len(unique), -1)
        merged[kept] = [
            places.setdefault(replace(c, dose=dose), len(places)) for (c, _), dose in zip(keys, doses, strict=True)
        ]
        return list(places), merged[of], unit, structures

    def _in_one_spelling(
        self, keys: Sequence[tuple[Condition, str]], structures: dict[str, str]
    ) -> list[tuple[Condition, str]]:
        """With one name for each line and each compound."""
        lines = one_spelling(c.cells for c, _ in keys)
        compounds = one_spelling(c.compound for c, _ in keys)
        if note := spellings_note({**compounds, **lines}):
            self.notes.append(note)
        for name in [name for name in structures if compounds.get(name, name) != name]:
            structures.setdefault(compounds[name], structures.pop(name))
        return [(replace(c, cells=lines[c.cells], compound=compounds[c.compound]), unit) for c, unit in keys]

    def _condition(self, cell: Mapping[Role, str], units: set[str]) -> tuple[Condition, str] | str:
        """The condition and the unit of its dose; or what is missing, in a word."""
        compound, dose, unit = cell.get("compound", ""), cell.get("dose", ""), cell.get("dose unit", "")
        if match := _TAHOE.fullmatch(compound.strip()):
            compound, dose, unit = match["drug"], match["dose"], match["unit"]
        untreated = plain(compound) in _CONTROLS or plain(compound) in set(map(plain, self.controls))
        untreated = untreated or (not compound and any(plain(word) in _NOTHING for word in self.controls))
        if not cell.get("cells", "?"):
            return "line"
        if not cell.get("donor", "?"):
            return "donor"
        untreated = untreated or cell.get("control", "").casefold() in ("true", "1", "1.0", "yes")
        found = re.fullmatch(r"\s*([-+.\deE]+)\s*([a-zA-Zµμ%].*)?", dose)
        try:
            value = float(found[1]) if found else math.nan
        except ValueError:
            value = math.nan
        unit = (found[2] or unit) if found else unit
        if dose and not found and not untreated and dose.casefold() not in ("nan", "na", "none"):
            raise self._error(f'"{dose}" is no dose. Name its column (the role "dose").')
        if untreated or value == 0:  # dose 0 is the control
            return Condition(cell.get("cells", ""), "", 0.0, cell.get("donor", ""), cell.get("plate", ""), 0), ""
        if not compound:
            return "compound"
        if value == value:
            units.add(unit)
        made = Condition(cell.get("cells", ""), compound, value, cell.get("donor", ""), cell.get("plate", ""), 0)
        return made, unit

    def _one_unit(self, keys: Sequence[tuple[Condition, str]], units: set[str]) -> tuple[str, list[float]]:
        if len(units) < 2:
            return next(iter(units), ""), [c.dose for c, _ in keys]
        if "" in units:
            raise self._error(f"some doses have no unit, and others are in {', '.join(sorted(units - {''}))}.")
        unit = sorted(units)[0]
        out = []
        for c, own in keys:
            factor = factor_between(own, unit) if own else None
            if own and factor is None:
                raise self._error(f"doses are in {unit} and in {own}, which cannot be converted into each other.")
            out.append(converted(c.dose, factor) if factor is not None and c.dose == c.dose else c.dose)
        self.notes.append(f"Doses in {', '.join(sorted(units - {unit}))} were converted to {unit}.")
        return unit, out

    def _structures(self, roles: Mapping[Role, str]) -> dict[str, str]:
        if "structure" not in roles:
            return {}
        (codes, names), (others, smiles) = self._codes("obs", roles["compound"]), self._codes("obs", roles["structure"])
        pairs = np.unique(np.stack([codes, others], 1), axis=0)
        out: dict[str, str] = {}
        for name, other in pairs:
            if name >= 0 and other >= 0 and smiles[other]:
                match = _TAHOE.fullmatch(names[name].strip())
                out.setdefault(match["drug"] if match else names[name], smiles[other])
        return out

    # -- the matrix

    def _matrix(self, layer: str | None) -> Any:
        if self._is_raw(layer):
            return self.h5["raw/X"]
        if layer is None:
            if "X" not in self.h5:
                raise TableError(f"there is no matrix X. Name a layer: {self._layers()}.", file=self.name)
            return self.h5["X"]
        layers: Any = self.h5.get("layers", {})
        if layer not in layers:
            raise TableError(f'no layer "{layer}". There is: {self._layers()}.', file=self.name)
        return layers[layer]

    def _is_raw(self, layer: str | None) -> bool:
        layers: Any = self.h5.get("layers", {})
        return layer == "raw" and "raw/X" in self.h5 and "raw" not in layers

    def _layers(self) -> str:
        layers: Any = self.h5.get("layers", {})
        names = [*layers, *(["raw"] if "raw/X" in self.h5 else [])]
        return ", ".join(names) or "none"

    def _sums(
        self, matrix: Any, codes: np.ndarray, conditions: int, merged: np.ndarray | None, genes: int
    ) -> tuple[np.ndarray, bool]:
        """[C, G] sums over the cells of each condition, and whether all values are whole numbers."""
        if conditions * genes > LARGEST:
            size = f"{conditions:,} conditions x {genes:,} genes"
            raise self._error(f"{size} do not fit in memory. Name the genes to be read.")
        out, whole = np.zeros((conditions, genes)), True
        for rows, columns, values in self._entries(matrix, len(codes)):
            if len(values) and float(values.min()) < 0:
                raise self._error(
                    "the matrix has values below 0 (scaled expression?). Name a layer of counts or of log-normalised "
                    f"values (--layer). There is: {self._layers()}."
                )
            if not np.isfinite(values).all():
                raise self._error("the matrix has values that are no numbers.")
            whole = whole and bool((values == np.rint(values)).all())
            if merged is not None:
                columns = merged[columns]
                kept = columns >= 0
                rows, columns, values = rows[kept], columns[kept], values[kept]
            of = codes[rows]
            kept = of >= 0
            np.add.at(out, (of[kept], columns[kept]), values[kept])
        return out, whole

    def _entries(self, matrix: Any, cells: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Row, column and value of all entries that are not 0, a part at a time."""
        if hasattr(matrix, "keys"):
            yield from _sparse(matrix)
            return
        step = max(1, CHUNK // max(1, matrix.shape[1] * matrix.dtype.itemsize))
        if matrix.chunks:
            step = max(matrix.chunks[0], step // matrix.chunks[0] * matrix.chunks[0])
            step = min(step, max(1, 4 * CHUNK // max(1, matrix.shape[1] * matrix.dtype.itemsize)))
        for start in range(0, cells, step):
            part = matrix[start : start + step]
            rows, columns = np.nonzero(part)
            yield rows + start, columns, part[rows, columns].astype(np.float64)


def _sparse(group: Group) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    kind = _text(group.attrs.get("encoding-type", group.attrs.get("h5sparse_format", "csr_matrix")))
    ends: Any = np.asarray(group["indptr"][:], np.int64)  # type: ignore[index]
    data, indices = group["data"], group["indices"]
    most, start = CHUNK // 16, 0
    while start < len(ends) - 1:
        stop = int(np.searchsorted(ends, ends[start] + most, side="right")) - 1
        stop = min(max(stop, start + 1), len(ends) - 1)
        # one row (or column) may be longer than a part
        for low in range(int(ends[start]), max(int(ends[stop]), int(ends[start]) + 1), most):
            high = min(low + most, int(ends[stop]))
            along = np.searchsorted(ends, np.arange(low, high), side="right") - 1
            across = np.asarray(indices[low:high], np.int64)  # type: ignore[index]
            values = np.asarray(data[low:high], np.float64)  # type: ignore[index]
            yield (across, along, values) if kind.startswith("csc") else (along, across, values)
        start = stop


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)
