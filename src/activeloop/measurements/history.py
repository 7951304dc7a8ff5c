"""Measurements from before a campaign: of other drugs, other lines, other screens. They count in no budget."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from activeloop.candidates import ExplicitPool, Panel, Pool, TreatmentPool
from activeloop.candidates.designs import GUIDE_LENGTHS
from activeloop.candidates.reading import candidate_column, read_candidates
from activeloop.candidates.treatments import FIELDS, dose_column, dose_name, mixed, mixed_units, treatment_columns
from activeloop.errors import InputError, TableError
from activeloop.measurements.assay import Assay
from activeloop.measurements.columns import refuse_impossible, with_signs
from activeloop.measurements.dataset import Dataset
from activeloop.measurements.outcomes import outcomes_hint
from activeloop.measurements.rows import without_words
from activeloop.tables import Table, as_table
from activeloop.tables.names import COUNTS, ROLES, SPREADS, TARGETS, plain, split_unit
from activeloop.tables.numbers import factor_between
from activeloop.words import many, some


def read_treatments(
    source: Any,
    assay: Assay | None = None,
    *,
    column: str = "",
    without: Collection[str] = (),
    cells: Panel | None = None,
    compounds: Panel | None = None,
    called: Mapping[str, Mapping[str, str]] | None = None,
) -> Dataset:
    """Measured treatments of a table with a column for each part: cells, compound, perhaps a second one and a dose.

    Several values of one treatment are averaged, and give its standard error. Rows without a value are left out.

    Args:
        source: a table, a file or a DataFrame.
        assay: what was measured; named after its column, to be maximised, when None.
        column: of the values; that of the assay's name, else the only column of numbers, when "".
        without: compounds that are left out.
        cells: what side tables say of the cells.
        compounds: what they say of the compounds.
        called: part -> name in the table -> the name that it gets.

    Raises:
        InputError: a column cannot be found, a dose cannot be read, a value is none of the assay, or no value is
            left.

    >>> table = {"drug": ["a", "a", "b"], "cell line": ["X", "Y", "X"], "ln_IC50": [1.0, 2.0, 0.5]}
    >>> found = read_treatments(table)
    >>> found.pool.names(found.rows), found.assays[0].name
    (['X | a', 'Y | a', 'X | b'], 'ln_IC50')
    """
    table = as_table(source)
    parts = treatment_columns(table)
    value = column or _value_column(table, assay, [*parts.values()])
    table, read = without_words(table, value)
    table, _ = with_signs(table, [value], [value, *parts.values()])
    values, _, converted = table.values_in_one_unit(value, assay.unit if assay else "")
    if assay is not None:  # of other files the name may be one thing and the values their logarithms
        refuse_impossible(table, assay, values)
    texts = {part: np.array(table.cells(name), object) for part, name in parts.items()}
    for part, names in (called or {}).items():
        for column_part in (part, "second") if part == "compound" else (part,):
            if column_part in texts:
                texts[column_part] = np.array([names.get(cell, cell) for cell in texts[column_part]], object)
    keep = np.isfinite(values) & (texts["cells"] != "") & (texts["compound"] != "")
    if without:
        keep &= ~np.isin(texts["compound"].astype(str), list(without))
    if not keep.any():
        raise table.error(f'column "{value}" holds no value of a treatment. Nothing was read.')
    columns, names = _codes(table, parts, {part: cells_[keep] for part, cells_ in texts.items()}, np.flatnonzero(keep))
    codes, which = np.unique(columns, axis=0, return_inverse=True)
    order = np.argsort(np.unique(which.ravel(), return_index=True)[1], kind="stable")  # as the file has them
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    which, codes = place[which.ravel()], codes[order]
    combined = 2 if "second" in parts else 1
    limits = int((table.limits(value) & keep).sum())
    bounded = f"{many(limits, 'value')} beyond a limit (< or >) taken as the limit" if limits else ""
    told = [os.path.basename(table.file), read.rstrip("."), converted.rstrip("."), bounded]
    origin = "; ".join(filter(None, told))
    panels = {"cell_panel": cells, "compound_panel": compounds}
    pool = TreatmentPool(*names, combined=combined, codes=codes, origin=origin, **panels)
    counts = np.bincount(which)
    mean = np.bincount(which, values[keep]) / counts
    square = np.bincount(which, (values[keep] - mean[which]) ** 2)
    errors = np.sqrt(square / np.maximum(counts - 1, 1) / counts)
    data = Dataset.of(pool, np.arange(len(pool)), mean, assay or Assay(*split_unit(value)))
    return replace(data, errors=errors[:, None])


def read_history(source: Any, pool: Pool, assay: Assay, panels: Sequence[str | os.PathLike[str]] = ()) -> Dataset:
    """The measurements from before a campaign, for candidates like those of a pool.

    Of treatments a table with columns for their parts; of other candidates one with a column for each sister screen.

    Args:
        source: a table, a file or a DataFrame.
        pool: of the campaign.
        assay: of the campaign.
        panels: side tables of cells and compounds, of the history's treatments and of the pool's.

    Raises:
        InputError: it cannot be read.
    """
    if pool.kind == "variants":
        raise InputError("no learner of variants reads a history. Leave it out.")
    if not isinstance(pool, TreatmentPool):
        found = read_screens(source, pool.kind)
        if pool.kind == "guides":
            _refuse_other_lengths(source, pool, found.pool)
        return found
    table = as_table(source)
    found = read_treatments(table, assay)
    assert isinstance(found.pool, TreatmentPool)
    sides = found.pool.panels_from(panels, pool)
    both = dict(zip(FIELDS, sides, strict=False))
    called = {part: side.aliases(found.pool.part_names(part), pool.part_names(part)) for part, side in both.items()}
    if any(called.values()):
        found = read_treatments(table, assay, called=called)
        assert isinstance(found.pool, TreatmentPool)
        found.pool.origin += f"; {respelled(called)}"
    return replace(found, pool=found.pool.with_panels(*sides) if panels else found.pool).as_history()


def unknown_cells(history: Dataset, pool: Pool) -> str:
    """That a history says nothing of the cells of a pool, in a sentence; "" where it does, or they have features.

    >>> table = {"drug": ["a", "b"], "cell line": ["X", "X"], "ln_IC50": [1.0, 2.0]}
    >>> unknown_cells(read_treatments(table), TreatmentPool(["Y"], ["c"]))
    'None of the 1 cells (Y) stands in the history (X), nor has features that these have: of them it says nothing.'
    """
    if not isinstance(pool, TreatmentPool) or not isinstance(history.pool, TreatmentPool):
        return ""
    here, there = pool.part_names("cells"), history.pool.part_names("cells")
    blocks = history.pool.panels["cells"].features.values()
    rows = history.pool.panels["cells"].rows

    def described(names: Sequence[str]) -> set[int]:
        known = {name: [i for i, block in enumerate(blocks) if np.isfinite(block[rows[name]]).mean() > 0.5]
                 for name in names if name in rows}  # fmt: skip
        return {i for found in known.values() for i in found}

    if set(here) & set(there) or described(here) & described(there):
        return ""
    return (
        f"None of the {len(here):,} cells ({some(here, 3)}) stands in the history ({some(there, 3)}), nor has features "
        "that these have: of them it says nothing."
    )


def respelled(called: Mapping[str, Mapping[str, str]], most: int = 3) -> str:
    """Which parts of a history are those that a pool calls otherwise, in words; "" when there are none.

    >>> respelled({"cells": {"A-549": "A549"}, "compound": {}})
    '1 of its cells is taken for one that is spelled otherwise here: A-549 = A549'
    """
    words = []
    for part, names in called.items():
        shown = ", ".join(f"{name} = {known}" for name, known in list(names.items())[:most])
        more = " ..." if len(names) > most else ""
        what = "cells" if part == "cells" else "compounds"
        taken = "is taken for one that is" if len(names) == 1 else "are taken for ones that are"
        words += [f"{len(names):,} of its {what} {taken} spelled otherwise here: {shown}{more}"] * bool(names)
    return "; ".join(words)


def _refuse_other_lengths(source: Any, pool: Pool, screens: Pool) -> None:
    """Refuse guides of a history that cannot be laid beside those of the pool."""
    own, theirs = ({len(name) for name in each.names(range(len(each)))} for each in (pool, screens))
    if len(own | theirs) > 1 and not (own | theirs) <= GUIDE_LENGTHS.keys():
        shown = [" and ".join(map(str, sorted(lengths))) for lengths in (theirs, own)]
        raise as_table(source).error(
            f"its guides have {shown[0]} letters, and those of the campaign {shown[1]}: which of them pair with the "
            "target is open. Give 20 letters, 23 with the PAM, or 30 with flanks (4 + 20 + PAM + 3); of DeepHF's 21 "
            "letters, 20 and the first of the PAM, the first 20."
        )


def check_history(source: Any, pool: Pool, assay: Assay) -> str:
    """Whether the values of a history are those of an assay, by the name and the unit of their column.

    A column of units beside the values may name others: they are converted when they are read.

    Args:
        source: a table, a file or a DataFrame of treatments; of other candidates each column is a screen of its own.
        pool: of the campaign.
        assay: of the campaign.

    Returns:
        Which column is taken for the assay, in a sentence; "" where it has its name, or each is a screen of its own.

    Raises:
        TableError: the column has the name of another quantity, or another unit.

    >>> table = {"drug": ["a", "b"], "cell line": ["X", "X"], "kcat (1/min)": [1.0, 2.0]}
    >>> check_history(table, TreatmentPool(["X"], ["c"]), Assay("kcat", "1/min"))
    ''
    """
    if not isinstance(pool, TreatmentPool):
        return ""
    table = as_table(source)
    column = _value_column(table, assay, [*treatment_columns(table).values()])
    name, unit = split_unit(column)
    beside = ""
    if table.named(ROLES["unit"]):
        beside = without_words(table, column)[0].values_in_one_unit(column, assay.unit)[1]
    if plain(name) not in {plain(known) for known in (assay.name, *TARGETS, *ROLES["value"])}:
        raise table.error(
            f'the values stand in column "{column}", and the campaign measures {assay.name}. If that is the same '
            f"quantity in the same unit, call the column {assay.name}; if not, leave the history out."
        )
    if (unit and factor_between(unit, assay.unit) != 1 and unit != assay.unit) or (beside and not assay.unit):
        raise table.error(
            f'column "{column}" is in {unit or beside}, and {assay.name} of the campaign in {assay.unit or "no unit"}. '
            "Convert the column, or give the assay the unit of its values."
        )
    if plain(name) == plain(assay.name):
        return ""
    named = f"{assay.name} in {assay.unit}" if assay.unit else assay.name
    return f'Of {os.path.basename(table.file)} column "{column}" is taken for {named}.'


def _codes(
    table: Table, parts: dict[str, str], texts: dict[str, np.ndarray], rows: np.ndarray
) -> tuple[np.ndarray, list[list[str]]]:
    """Codes of the parts [n, P], and the names of cells, compounds and doses."""
    cells, cell = np.unique(texts["cells"].astype(str), return_inverse=True)
    drugs = [texts["compound"].astype(str), *([texts["second"].astype(str)] if "second" in texts else [])]
    compounds, codes = np.unique(np.concatenate(drugs), return_inverse=True)
    pairs = codes.reshape(len(drugs), -1).T
    names = compounds.tolist()
    if len(drugs) == 2:
        if names and names[0] == "":  # a single drug among combinations
            names, pairs = names[1:], pairs - 1
        pairs = np.sort(pairs, axis=1)
        if (same := np.flatnonzero(pairs[:, 0] == pairs[:, 1])).size:
            raise table.error("a compound is combined with itself. Name two, or one.", int(rows[same[0]]))
    columns = [cell[:, None], pairs]
    doses: list[str] = []
    if "dose" in texts:
        unit = dose_column(parts["dose"])[1]
        own = texts["dose unit"] if "dose unit" in texts else np.full(len(rows), unit, object)
        read: dict[tuple[str, str], str] = {}
        found = []
        for row, each in zip(rows.tolist(), zip(texts["dose"], own, strict=True), strict=True):
            if each not in read:
                try:
                    read[each] = dose_name(*each)
                except InputError as error:
                    raise table.error(error.problem, row) from None
                if units := mixed_units(read.values()):
                    raise table.error(mixed(units), row)
            found.append(read[each])
        listed, dose = np.unique(np.array(found), return_inverse=True)
        doses = listed.tolist()
        columns.append(dose[:, None])
    return np.concatenate(columns, axis=1).astype(np.int32), [cells.tolist(), names, doses]


def _value_column(table: Table, assay: Assay | None, taken: Sequence[str]) -> str:
    """The column of values: of the assay's name, else of a usual name, else the only one of numbers.

    Raises:
        TableError: there is none, or several could be meant.
    """
    free = [name for name in table.header if name not in taken]
    if assay is not None:
        named = [name for name in free if plain(split_unit(name)[0]) == plain(assay.name)]
        if named:
            return named[0]
    usual = [name for name in table.named((*TARGETS, *ROLES["value"])) if name in free]
    if len(usual or free) == 1:
        return (usual or free)[0]  # what cannot be read there is told with its row
    numeric = [name for name in usual or free if _has_numbers(table, name)]
    if len(numeric) == 1 or (usual and numeric):
        return numeric[0]
    listed = ", ".join(numeric or free)
    raise table.error(f"which column holds the measured values? Name it, one of: {listed}.")


def _has_numbers(table: Table, name: str) -> bool:
    try:
        return bool(np.isfinite(table.values(name)[:200]).any())
    except TableError:
        return False


def read_screens(source: Any, kind: str) -> Dataset:
    """Sister screens of a table: a column of candidates, such as guides, and a column of values for each screen.

    Args:
        source: a table, a file or a DataFrame.
        kind: of the candidates, one of `activeloop.candidates.KINDS`.

    Returns:
        [N, screens] values, NaN where a screen lacks a candidate; in round -1.

    Raises:
        InputError: a candidate cannot be read, or no column holds values.

    >>> table = {"guide": ["ACGTACGTACGTACGTACGT", "TTGTACGTACGTACGTACGT"], "WT": [0.1, 0.9], "HF1": [0.2, None]}
    >>> read_screens(table, "guides").values.tolist()
    [[0.1, 0.2], [0.9, nan]]
    """
    table = as_table(source)
    if hint := outcomes_hint(table, kind):
        raise table.error(hint)
    column = candidate_column(table, kind)
    read = read_candidates(table, kind, column=column, merge_duplicates=True, skip_unreadable=True)
    pool = ExplicitPool.from_list(read, kind)
    skip = {*table.named((*COUNTS, *(name for names in SPREADS.values() for name in names))), table.find(column)}
    names = [name for name in table.header if name not in skip and _all_numbers(table, name)]
    if not names:
        raise table.error(f"no column holds values of a screen. {table.listed}")
    fine = read.places >= 0
    rows, columns = read.places[fine], []
    assays = tuple(Assay(*split_unit(name)) for name in names)
    for name, assay in zip(names, assays, strict=True):
        values = table.values(name)
        refuse_impossible(table, assay, values)
        values = values[fine]
        known = np.isfinite(values)
        counts = np.bincount(rows[known], minlength=len(pool))
        sums = np.bincount(rows[known], values[known], len(pool))
        columns.append(np.where(counts > 0, sums / np.maximum(counts, 1), np.nan))
    values = np.stack(columns, axis=1)
    some = np.flatnonzero(np.isfinite(values).any(1))
    zeros = np.zeros((len(some), len(names)))
    return Dataset(pool, some, values[some], zeros, assays, np.full(len(some), -1), zeros.astype(np.int8))


def _all_numbers(table: Table, name: str) -> bool:
    try:
        return bool(np.isfinite(table.values(name)).any())
    except TableError:
        return False
