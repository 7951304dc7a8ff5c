"""Public data sets by name: read from `$ACTIVELOOP_DATA` when they are there, else fetched from their sources.

No value of any of them is part of this package. `registry.csv` gives the source of each and the hash of
its content. A set is looked for

1. in the folder `$ACTIVELOOP_DATA`, at the registry's path (and there checked against `MANIFEST.csv`),
2. at `$ACTIVELOOP_MIRROR`, the address of a copy of that folder,
3. at the repository its authors or curators published it in, at a fixed commit.

Sources package the same content differently (columns, order, compression), so what is checked after a download is the
SHA-256 of the sorted pairs of candidate and value, not of the file.
"""

from __future__ import annotations

import csv
import hashlib
import math
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import numpy as np

from activeloop.candidates import Panel, Pool, TreatmentPool, with_treatments
from activeloop.candidates.designs import GUIDE_LENGTHS
from activeloop.candidates.treatments import FIELDS, treatment_columns
from activeloop.errors import ConfigError, FetchError, InputError, nearest
from activeloop.measurements import Assay, Dataset, read_history
from activeloop.measurements.columns import direction_note
from activeloop.measurements.history import check_history, unknown_cells
from activeloop.models.gp.side_information import twins
from activeloop.plugins import plugins
from activeloop.replay.landscape import PLANTED, Landscape, planted_landscape
from activeloop.replay.table import Columns, assay_of, find_columns, landscape_of
from activeloop.tables import Table, read_table
from activeloop.tables.names import ROLES, TARGETS, plain, split_unit

DATA = "ACTIVELOOP_DATA"
MIRROR = "ACTIVELOOP_MIRROR"
GITHUB = "https://raw.githubusercontent.com"
_SOURCE = re.compile(r"(?P<repository>[^@\s]+)@(?P<commit>[0-9a-f]+)\s+(?P<path>.+)")


@dataclass(frozen=True)
class PublicSet:
    """One line of the registry.

    Args:
        name: such as `gb1` or `BLAT_ECOLX_Deng_2012`.
        file: its path under `$ACTIVELOOP_DATA`.
        kind: `variants`, `compounds` or `guides`.
        candidate, target: columns of that file; sources may call them differently.
        goal: whether more or less is better.
        shift: what must be added to the source's positions to count from 1.
        source: repository, commit and path.
        sha256: of the content, see `content_digest`.
        publication: to be cited.
    """

    name: str
    file: str
    kind: str
    candidate: str
    target: str
    goal: Literal["maximise", "minimise"]
    shift: int
    source: str
    sha256: str
    publication: str

    @property
    def url(self) -> str | None:
        """Where the source is fetched from; None when the registry knows the repository but no file in it."""
        found = _SOURCE.fullmatch(self.source)
        return f"{GITHUB}/{found['repository']}/{found['commit']}/{quote(found['path'])}" if found else None


@lru_cache(maxsize=1)
def registry() -> dict[str, PublicSet]:
    """All public sets by name.

    >>> registry()["gb1"].kind, registry()["enamine10k"].goal
    ('variants', 'minimise')
    """
    text = resources.files("activeloop.replay").joinpath("registry.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    return {row["name"]: PublicSet(**{**row, "shift": int(row["shift"])}) for row in rows}  # type: ignore[arg-type]


def find_set(name: str) -> PublicSet:
    """A public set by its name, without regard to case.

    Raises:
        ConfigError: there is none of that name; names the nearest ones.

    >>> find_set("GB1").name
    'gb1'
    """
    by_case = {known.casefold(): entry for known, entry in registry().items()}
    if name.casefold() in by_case:
        return by_case[name.casefold()]
    near = nearest(name, (entry.name for entry in by_case.values()), most=3)
    hint = f"Near to it: {', '.join(near)}. " if near else ""
    raise ConfigError(
        f'"{name}" is neither a file nor a public data set. {hint}'
        f"Known are gb1, phoq, pard2, t7, enamine10k, usp7, crispr-wt, ProteinGym ids and {len(by_case) - 7} more."
    )


def content_digest(candidates: Sequence[str], values: Sequence[float], kind: str) -> str:
    """SHA-256 of the sorted pairs of candidate and value (to 6 digits), without those that have no value.

    >>> content_digest(["A1C", "D2E"], [1.0, 2.0], "variants") == content_digest(["D2E", "A1C"], [2, 1], "variants")
    True
    """
    separators = re.compile(r"[,;/+ ]+") if kind == "variants" else re.compile(r"^\s+")
    pairs = zip(candidates, values, strict=True)
    lines = sorted(f"{separators.sub(':', c)}\t{v:.6g}\n" for c, v in pairs if not math.isnan(v))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


CACHE = "ACTIVELOOP_CACHE"


def public_table(entry: PublicSet) -> tuple[Table, Columns]:
    """The table of a public set and its columns.

    Raises:
        FetchError: it is not available, or is not the file it should be; nothing is stored then.
    """
    folder = os.environ.get(DATA)
    if folder and (Path(folder) / entry.file).is_file():
        table = _local(Path(folder), entry)
        return table, find_columns(table, entry.candidate, entry.target, entry.kind)
    mirror = os.environ.get(MIRROR)
    url = f"{mirror.rstrip('/')}/{entry.file}" if mirror else entry.url
    if url is None:
        raise FetchError(
            f"{entry.name}: no single file of its source ({entry.source}) is known. Put it at {entry.file} in a folder "
            f"and name that folder in {DATA}."
        )
    path = _fetch(url, entry)
    try:
        table = read_table(path)
        columns = find_columns(table, table.find(entry.candidate) or None, table.find(entry.target) or None, entry.kind)
        if not mirror and entry.shift:
            table = _shifted(table, columns.candidate, entry.shift)
        found = content_digest(table.column(columns.candidate), table.values(columns.target).tolist(), entry.kind)
    except InputError as error:
        path.unlink()
        raise FetchError(f"{url} is not the table it should be: {error} The download was deleted. {_FIX}") from error
    if found != entry.sha256:
        path.unlink()
        raise FetchError(
            f"{url}: the content hashes to {found[:12]}..., not to {entry.sha256[:12]}...: the file was changed or cut "
            f"off on its way. The download was deleted. {_FIX}"
        )
    return table, columns


_FIX = f"Try again, or put the file in a folder and name that folder in {DATA}."


def _local(folder: Path, entry: PublicSet) -> Table:
    expected = _manifest(folder).get(entry.file)
    path = folder / entry.file
    if expected and hashlib.sha256(path.read_bytes()).hexdigest() != expected:
        raise FetchError(
            f"{path} is not the file that {folder / 'MANIFEST.csv'} lists (another SHA-256). Copy it again, or unset "
            f"{DATA} to fetch it from its source."
        )
    return read_table(path)


@lru_cache(maxsize=4)
def _manifest(folder: Path) -> dict[str, str]:
    """SHA-256 by path, {} when the folder has no list."""
    path = folder / "MANIFEST.csv"
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {row["file"]: row["sha256"] for row in csv.DictReader(file)}


def _fetch(url: str, entry: PublicSet) -> Path:
    """Download a file once; pooch writes it under another name first, so a broken download leaves nothing."""
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")
    folder = Path(os.environ.get(CACHE) or pooch.os_cache("activeloop"))
    name = f"{hashlib.sha256(url.encode()).hexdigest()[:12]}-{entry.name}.table"
    try:
        return Path(pooch.retrieve(url, known_hash=None, fname=name, path=folder))
    except (requests.RequestException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0][:200]
        raise FetchError(f"{entry.name} could not be fetched from {url}: {reason}. {_FIX}") from error


def _shifted(table: Table, column: str, shift: int) -> Table:
    """The same table with all positions moved, because the source counts from 0."""
    place = table.header.index(column)
    moved = [re.sub(r"\d+", lambda m: str(int(m[0]) + shift), cell) for cell in table.columns[place]]
    columns = (*table.columns[:place], moved, *table.columns[place + 1 :])
    return replace(table, columns=columns)


@dataclass(frozen=True)
class Source:
    """The source of a landscape, as the user gave it; small, so that every process can load it for itself.

    Args:
        name: a file, a public set, or a planted landscape.
        kind: of the candidates; None = detected.
        wild_type: sequence or FASTA file; None = none, or the one that the table's own sequences give.
        candidate_column, target_column: None = detected.
        minimise: less is better; None = more is, unless the public set has another goal.
        offset: added to the positions of variants to get those in the wild type; None = old residues show that they
            are the same.
        history: file of measurements from before, as `read_history`.
        panels: side tables of the cells and compounds of treatments.
        groups: column of what is held out together, `donor` for that of donors; None = none.
    """

    name: str
    kind: str | None = None
    wild_type: str | None = None
    candidate_column: str | None = None
    target_column: str | None = None
    minimise: bool | None = None
    offset: int | None = None
    history: str | None = None
    panels: tuple[str, ...] = ()
    groups: str | None = None

    @property
    def file(self) -> Path | None:
        """The table it names, None when it is a public set or planted."""
        path = Path(self.name)
        if path.is_file():
            return path
        if (
            self.name in PLANTED
            or self.name in plugins("landscape")
            or self.name.casefold() in {known.casefold() for known in registry()}
        ):
            return None
        if path.suffix or os.sep in self.name:
            return path
        return _beside(self.name)


def load_landscape(source: Source) -> Landscape:
    """The landscape, with what was measured before it and what side tables say.

    What the history holds of the landscape itself is left out of it: that is what the campaign has to find.

    Raises:
        InputError: the name is not known, or a table cannot be used; names row and fix.
        FetchError: a public set is not available.
    """
    found = _without_history(source)
    pool = found.pool
    if source.panels:
        if not isinstance(pool, TreatmentPool):
            raise ConfigError(f"--panel: {found.kind} have no side tables; treatments do. Leave the option out.")
        pool = pool.with_panels(*pool.panels_from(source.panels))
        found = replace(found, pool=pool)
    if isinstance(pool, TreatmentPool):
        sides = [(pool.panels[part], what) for part, what in (("cells", "cells"), ("compound", "compounds"))]
        notes = [told for side, what in sides for told in (side.note(what), side.doubles_note(what))]
        found = replace(found, origin=" ".join(filter(None, [found.origin, *notes])))
    if source.history is None:
        return found
    taken, (quantity, unit) = "", split_unit(found.assay.name)
    unit = unit or found.assay.unit
    if plain(found.assay.name) not in {plain(name) for name in (*TARGETS, *ROLES["value"])}:
        taken = check_history(source.history, pool, Assay(quantity, unit))
    read = read_history(source.history, pool, replace(found.assay, unit=unit), source.panels)
    history, left_out = other_than(read, found)
    if not np.isfinite(history.values).any():
        raise ConfigError(
            f"--history {source.history}: all its values are of the replayed candidates themselves. Give measurements "
            "of others. Nothing was replayed."
        )
    told = f"History: {int(np.isfinite(history.values).sum()):,} values of {_named(read, source.history)}"
    told += f"; {left_out:,} of the replayed candidates themselves left out." if left_out else "."
    unknown = unknown_cells(read, pool)
    return replace(found, history=history, origin=" ".join(filter(None, [found.origin, told, taken, unknown])))


def _one_name(table: Table, panels: Sequence[str]) -> Callable[[str, str], str | None] | None:
    """The first of the names in a table that side tables list for one part; None without such names."""
    if not panels or table.named(("treatment", "treatments")):
        return None
    columns = treatment_columns(table)
    names = {part: table.cells(columns[part]) for part in FIELDS[:2]}
    if "second" in columns:
        names["compound"] = [*names["compound"], *table.cells(columns["second"])]
    same = {part: Panel.read(panels, each).doubles(each)[0] for part, each in names.items()}
    return (lambda part, name: same[part].get(name)) if any(same.values()) else None


def _named(history: Dataset, file: str) -> str:
    """What a history is called: its file, and which of its names are others of the pool."""
    return history.pool.origin if isinstance(history.pool, TreatmentPool) else Path(file).name


def other_than(history: Dataset, landscape: Landscape) -> tuple[Dataset, int]:
    """A history without the values of a landscape's assay for its own candidates, and how many those are.

    Its own are also salts, tautomers and other spellings of its compounds, other names and twins of its drugs on the
    same cells, and guides with or without their PAM. Values of other assays (sister screens of the same guides or
    compounds) stay.
    """
    rows = _own(history, landscape.pool)
    here = plain(split_unit(landscape.assay.name)[0])
    same = np.array([plain(split_unit(assay.name)[0]) == here for assay in history.assays], bool)
    leaks = rows[:, None] & same
    count = int(np.isfinite(history.values[leaks]).sum())
    values = np.where(leaks, np.nan, history.values)
    return replace(history, values=values).take(np.flatnonzero(np.isfinite(values).any(1))), count


def _own(history: Dataset, pool: Pool) -> np.ndarray:
    """[n] which rows of a history are candidates of a pool."""
    names = history.pool.names(history.rows)
    own = set(pool.names(np.arange(len(pool))))
    found = np.array([name in own for name in names], bool)
    if isinstance(pool, TreatmentPool) and isinstance(history.pool, TreatmentPool):
        if pool.combined > 1 or history.pool.combined > 1:
            return found
        here, there = pool.part_names("compound"), history.pool.part_names("compound")
        same = twins(history.pool.panels["compound"], here, there)
        for i in np.flatnonzero(np.any(same, axis=0)[history.pool.part_rows(history.rows)[:, 1]]).tolist():
            cells, compound, *dose = names[i].split(" | ")
            others = np.flatnonzero(same[:, there.index(compound)])
            found[i] |= any(" | ".join([cells, here[other], *dose]) in own for other in others.tolist())
    elif pool.kind == "guides":
        spacers = {_spacer(name) for name in own}
        found |= np.array([_spacer(name) in spacers for name in names], bool)
    else:
        designs = (history.pool.design(int(row)) for row in history.rows)
        found |= np.array([pool.row_of_design(design) is not None for design in designs], bool)
    return found


def _spacer(guide: str) -> str:
    """The letters of a guide that pair with its target."""
    start = GUIDE_LENGTHS.get(len(guide))
    return guide if start is None else guide[start : start + 20]


def _without_history(source: Source) -> Landscape:
    if source.groups and (source.name in PLANTED or source.name in plugins("landscape")):
        raise ConfigError(f"{source.name} is no table and has no columns: split it by another rule.")
    if source.name in PLANTED:
        return planted_landscape(source.name)
    if source.file is not None:
        table = read_table(source.file)
        if source.kind == "treatments" and not source.candidate_column:
            table = with_treatments(table, _one_name(table, source.panels))
        columns = find_columns(table, source.candidate_column, source.target_column, source.kind, source.groups)
        goal = "minimise" if source.minimise else "maximise"
        name, measured = source.file.name, assay_of(table, columns)
        note = direction_note(measured, "give --minimise") if source.minimise is None else ""
        origin = f"{name}. {note}".strip()
        return landscape_of(table, columns, name.split(".")[0], goal, source.wild_type, origin, source.offset)
    if source.name in (announced := plugins("landscape")):
        return announced[source.name]()
    entry = find_set(source.name)
    if source.kind not in (None, entry.kind):
        raise ConfigError(f"--kind {source.kind}: {entry.name} holds {entry.kind}. Leave the option out.")
    table, columns = public_table(entry)
    if source.candidate_column or source.target_column or source.groups:
        candidate, target = source.candidate_column or columns.candidate, source.target_column or columns.target
        columns = find_columns(table, candidate, target, entry.kind, source.groups)
    goal = entry.goal if source.minimise is None else "minimise" if source.minimise else "maximise"
    return landscape_of(table, columns, entry.name, goal, source.wild_type, f"{entry.publication or entry.source}.")


def _beside(name: str) -> Path | None:
    """A table of that name anywhere in the data folder, so that sets which the registry does not know can be used."""
    folder = os.environ.get(DATA)
    if not folder:
        return None
    found = sorted(
        path
        for path in Path(folder).rglob("*")
        if path.name.split(".")[0].casefold() == name.casefold() and {".csv", ".tsv", ".xlsx"} & set(path.suffixes)
    )
    if len(found) > 1:
        raise ConfigError(f'"{name}" could be any of {", ".join(map(str, found))}. Give the path.')
    return found[0] if found else None
