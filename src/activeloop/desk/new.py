"""A new campaign: what a person decides, checked as a whole; its pool and first plate to look at; making it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from activeloop.campaigns import Campaign
from activeloop.campaigns.proposing import control_words, controls_among
from activeloop.candidates import Pool, TreatmentPool
from activeloop.candidates.compounds import STRUCTURES
from activeloop.candidates.proteins import parent_in
from activeloop.candidates.reading import candidate_column
from activeloop.config import (
    CampaignConfig,
    assays_of,
    campaign_of,
    check_config,
    config_text,
    learner_of,
    pool_of,
    recommender_of,
)
from activeloop.config.building import hits_of
from activeloop.config.pools import history_of, keep
from activeloop.desk.cells import as_tables
from activeloop.desk.propose import laid_out, on_one_plate
from activeloop.errors import ConfigError, TableError
from activeloop.measurements import Assay
from activeloop.measurements.columns import check_names, direction_note
from activeloop.measurements.history import check_history, unknown_cells
from activeloop.models.family import TakesFamily, no_place, with_family
from activeloop.models.history import with_history
from activeloop.plates import Plate, Proposal
from activeloop.prediction import Learner, watched_fits
from activeloop.priors.alignment import read_alignment
from activeloop.priors.profile import Profile
from activeloop.replay.table import detect_kind
from activeloop.store import CampaignFolder
from activeloop.tables import Table, read_table
from activeloop.tables.names import candidate_names
from activeloop.words import some

Kind = Literal["variants", "compounds", "guides", "treatments"]
Goal = Literal["find", "learn"]
Bars = Callable[[str, int, int], None]
FAMILY = "family-profile.csv"
"""The file in the campaign's folder of what an alignment told."""
CONTROLS = {"variants": "WT", "compounds": "DMSO", "guides": "non-targeting", "treatments": "DMSO"}
FIRST = 24
"""Candidates of a pool that are named to look at."""


@dataclass(frozen=True)
class CampaignOptions:
    """What a person decides about a new campaign; one of `singles`, `sites`, `table`, `fasta`, `cells` is its pool.

    Args:
        assays: as `[[assays]]` of `campaign.toml`: name, unit, goal, scale, bounds, threshold, hit of each.
        wild_type: of variants: its sequence, or FASTA text of one record.
        singles: all single mutants of the wild type.
        positions: only these (with `singles`), such as "20-60,75".
        signal_peptide: residues at the start of the wild type that are not varied.
        keep_start: vary the start methionine too (with `singles`).
        sites: all combinations at these, such as ("V39", "D40=AGS").
        table: a CSV, TSV or XLSX file of candidates, which is copied; of single cells (.h5ad) their treatments.
        fasta: a FASTA file of candidates, which is copied.
        kind: of the candidates; variants when None, unless the table looks otherwise, which is refused.
        column: of the candidates in the table; found by name and content when "".
        offset: added to positions to get those in the wild type.
        merge_duplicates: count rows of one candidate once.
        skip_unreadable: leave out rows that cannot be read.
        exclude: residues that no mutation may introduce.
        max_mutations: of one variant (with `sites`).
        forbid: motifs that no variant may introduce.
        goal: find the best candidates, or learn an accurate model.
        seed: of everything random.
        learner: its name in the registry.
        alignment: a file of relatives of the wild type, from which the learner learns, too.
        wells: of a plate.
        controls: control wells of a plate.
        control: what they hold; the usual of the kind when "".
        price: of one well, 0 when not known.
        cells: of treatments: names, or one file that lists them: all combinations with `compounds` and `doses`.
        compounds: names or SMILES, or one file that lists them.
        doses: such as ("0.1 uM", "1 uM"); () where no dose belongs to a treatment.
        pairs: whether two compounds are combined in each treatment.
        panels: files that tell of cells and compounds, which are copied; of single cells (.h5ad) what they say of both.
        history: a file of measurements from before the campaign, which is copied; of single cells (.h5ad) the responses
            of the genes that assays are called after, or `response`, the size of the whole one.
    """

    assays: tuple[dict[str, Any], ...]
    wild_type: str = ""
    singles: bool = False
    positions: str = ""
    signal_peptide: int = 0
    keep_start: bool = False
    sites: tuple[str, ...] = ()
    table: Path | None = None
    fasta: Path | None = None
    kind: Kind | None = None
    column: str = ""
    offset: int | None = None
    merge_duplicates: bool = False
    skip_unreadable: bool = False
    exclude: str = ""
    max_mutations: int | None = None
    forbid: tuple[str, ...] = ()
    goal: Goal = "find"
    seed: int = 0
    learner: str = "default"
    alignment: Path | None = None
    wells: int = 96
    controls: int = 8
    control: str = ""
    price: float = 0.0
    cells: tuple[str, ...] = ()
    compounds: tuple[str, ...] = ()
    doses: tuple[str, ...] = ()
    pairs: bool = False
    panels: tuple[Path, ...] = ()
    history: Path | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of the pool and of the learner, which are copied."""
        lists = [_file_of(each) for each in (self.cells, self.compounds)]
        return tuple(path for path in (self.table, self.fasta, *lists, *self.panels, self.history) if path)


def _file_of(names: tuple[str, ...]) -> Path | None:
    """The file that lists names, where that is what was given."""
    return Path(names[0]) if len(names) == 1 and os.path.isfile(names[0]) else None


@dataclass(frozen=True)
class CampaignDraft:
    """A campaign that was checked and is not made yet.

    Args:
        config: all of `campaign.toml`.
        text: of that file.
        pool: its candidates.
        learner: what will learn.
        inputs: name of a file of the pool or the learner -> its content.
        family: what the alignment says, in words; "" without one.
        warnings: about the alignment.
        notes: what a person should know, in sentences.
    """

    config: CampaignConfig
    text: str
    pool: Pool
    learner: Learner
    inputs: dict[str, bytes]
    family: str = ""
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class CampaignPreview:
    """A campaign before it is made.

    Args:
        config: the text of its `campaign.toml`.
        pool: its candidates, in a sentence.
        kind: of them.
        size: how many.
        first: the names of the first of them.
        assays: what is measured.
        goal: of the campaign.
        family, warnings, notes: as in `CampaignDraft`.
        proposal: what would be tested first.
        plates: on which it would stand.
    """

    config: str
    pool: str
    kind: str
    size: int
    first: tuple[str, ...]
    assays: tuple[Assay, ...]
    goal: Goal
    family: str
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    proposal: Proposal | None
    plates: tuple[Plate, ...]


@dataclass(frozen=True)
class MadeCampaign:
    """A campaign that was made.

    Args:
        folder: where it is.
        config: its `campaign.toml`.
        pool: its candidates, in a sentence.
        assays: what is measured.
        goal: of the campaign.
        family, warnings, notes: as in `CampaignDraft`.
    """

    folder: Path
    config: Path
    pool: str
    assays: tuple[Assay, ...]
    goal: Goal
    family: str
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


def draft(options: CampaignOptions, progress: Bars | None = None) -> CampaignDraft:
    """Check all that a person decided; nothing is made.

    Args:
        options: what was decided.
        progress: called with (part, steps done, steps in all); the part is `candidates`, `alignment` or `weighing`.

    Raises:
        ConfigError: an option makes no sense, or two contradict each other.
        InputError: a file cannot be read, or the pool cannot be made.
    """
    names = [str(assay.get("name", "")) for assay in options.assays]
    with as_tables(options.table, options.panels, options.history, names) as (table, panels, history):
        given = replace(options, table=table, panels=panels, history=history)
        if table != options.table:  # donors and plates are repeats of one treatment
            given = replace(given, kind=options.kind or "treatments", merge_duplicates=True)
        return _draft(given, progress)


def _draft(options: CampaignOptions, progress: Bars | None) -> CampaignDraft:
    kind = options.kind or ("treatments" if options.cells else None)
    kind = kind or asked_kind(options.table, options.column, bool(options.wild_type))
    parent = parent_in(options.wild_type) if options.wild_type else ""
    start, left_out = 0, ""
    if options.singles and parent:
        start, left_out = left_out_at_start(
            parent, options.signal_peptide, options.offset, options.positions, options.keep_start
        )
    elif options.signal_peptide or options.keep_start:
        raise ConfigError("--signal-peptide and --keep-start belong to --singles. No campaign was made.")
    config = check_config(_settings(options, kind, parent, start), None)
    on_one_plate(config.plate)
    assays = assays_of(config)
    check_names(assays)
    source = options.table or options.fasta
    reading, taken = partial(progress, "candidates") if progress else None, ""
    inputs = _contents(options.files)
    with _together(options.files) as base:
        pool = pool_of(config.pool, base, progress=reading)
        learner = learner_of(config.learner, pool, assays)
        if config.learner.history:
            taken = check_history(base / config.learner.history, pool, assays[0])
            history = history_of(config.learner.history, config.pool, base, pool, assays)
            if isinstance(history.pool, TreatmentPool) and ";" in history.pool.origin:
                taken = " ".join(filter(None, [taken, f"History: {history.pool.origin}."]))
            taken = " ".join(filter(None, [taken, unknown_cells(history, pool)]))
            learner = with_history(learner, history)
    recommender_of(config.select, config.goal, assays, pool)
    profile = _profile(options.alignment, pool, learner, progress) if options.alignment else None
    if profile:
        if source and source.name.casefold() == FAMILY:
            raise ConfigError(f'"{FAMILY}" is a name of the campaign itself: rename that file. No campaign was made.')
        inputs[FAMILY] = profile.text().encode()
        learner = with_family(learner, profile) if isinstance(learner, TakesFamily) else learner
    note = control_words(controls_among(pool, config.plate.control))
    if isinstance(pool, TreatmentPool):
        cells, compounds = pool.panels["cells"], pool.panels["compound"]
        if useless := [file for file in cells.unused if file in compounds.unused]:
            raise ConfigError(
                f"{useless[0]} names none of the cells ({some(cells.names)}) and none of the compounds "
                f"({some(compounds.names)}), so that it tells nothing of them: write them there as the treatments do, "
                "or leave the file out. No campaign was made."
            )
        for side in (cells, compounds):
            if two := side.doubles(side.names)[0]:
                name, known = next(iter(two.items()))
                raise ConfigError(
                    f'"{known}" and "{name}" are one by the side tables, and two of the pool. Write one of the names '
                    "in all rows, or correct the side tables. No campaign was made."
                )
    unresolved = (
        [
            told
            for part, words in (("cells", "cells"), ("compound", "compounds"))
            for told in (pool.panels[part].note(words), pool.panels[part].doubles_note(words))
        ]
        if isinstance(pool, TreatmentPool)
        else []
    )
    directions = [
        direction_note(str(assay["name"]), f"write {assay['name']}:{assay.get('unit', '')}:minimise")
        for assay in options.assays
        if "goal" not in assay
    ]
    return CampaignDraft(
        config,
        config_text(config, note),
        pool,
        learner,
        inputs,
        profile.about() if profile else "",
        tuple(profile.warnings(pool)) if profile else (),
        tuple(filter(None, (note, left_out, taken, *unresolved, *directions))),
    )


def preview_campaign(
    options: CampaignOptions,
    number: int | None = None,
    *,
    plate: bool = True,
    progress: Bars | None = None,
) -> CampaignPreview:
    """The pool and the first plate of a campaign, which is not made.

    Args:
        options: what was decided.
        number: of candidates on the first plate; as many as fit when None.
        plate: whether a first plate is chosen, which takes a moment.
        progress: as in `draft`; the parts of a fit are `folds` and `training`.

    Raises:
        ConfigError: an option makes no sense, or two contradict each other.
        InputError: a file cannot be read, or the pool cannot be made.
    """
    planned = draft(options, progress)
    proposal, plates = first_plate(planned, number, progress) if plate else (None, ())
    return CampaignPreview(
        planned.text,
        planned.pool.describe(),
        planned.pool.kind,
        len(planned.pool),
        tuple(planned.pool.names(range(min(FIRST, len(planned.pool))))),
        assays_of(planned.config),
        planned.config.goal,
        planned.family,
        planned.warnings,
        planned.notes,
        proposal,
        plates,
    )


def new(planned: CampaignDraft, directory: Path) -> MadeCampaign:
    """Make a campaign in a folder.

    Args:
        planned: what `draft` gave.
        directory: the folder; made when it is missing.

    Raises:
        InputError: it is a campaign already, or no folder; nothing was changed.
        StoreError: it cannot be written; there is no campaign in it.
    """
    config = planned.config
    folder = CampaignFolder.create(directory, planned.text, planned.inputs)
    keep(planned.pool, config.pool, folder.path, str(folder.config))
    campaign_of(config, folder, planned.pool).configure()
    return MadeCampaign(
        folder.path,
        folder.config,
        planned.pool.describe(),
        assays_of(config),
        config.goal,
        planned.family,
        planned.warnings,
        planned.notes,
    )


def first_plate(
    planned: CampaignDraft, number: int | None = None, progress: Bars | None = None
) -> tuple[Proposal, tuple[Plate, ...]]:
    """What would be tested first, and the plates on which it would stand; nothing is stored.

    Args:
        planned: what `draft` gave.
        number: of candidates; as many as fit on one plate when None.
        progress: as in `preview_campaign`.

    Raises:
        InputError: the number makes no sense.
    """
    config = planned.config
    assays = assays_of(config)
    loop = Campaign(
        planned.pool,
        assays,
        planned.learner,
        recommender_of(config.select, config.goal, assays, planned.pool),
        config.seed,
        hit=hits_of(config),
        control=config.plate.control,
        goal=config.goal,
    )
    with watched_fits(progress):
        proposal = loop.propose(on_one_plate(config.plate) if number is None else number)
    return proposal, tuple(laid_out(proposal, config.plate, config.seed))


def _contents(files: tuple[Path, ...]) -> dict[str, bytes]:
    """Name -> content of files.

    Raises:
        ConfigError: two have the same name, or one cannot be read.
    """
    found: dict[str, bytes] = {}
    for path in dict.fromkeys(files):
        if path.name in found:
            raise ConfigError(f'two files are called "{path.name}": rename one of them. No campaign was made.')
        try:
            found[path.name] = path.read_bytes()
        except IsADirectoryError:
            raise ConfigError("this is a folder. Name a file in it. No campaign was made.", file=str(path)) from None
        except OSError as error:
            raise ConfigError(f"cannot be read ({error.strerror}). No campaign was made.", file=str(path)) from error
    return found


@contextmanager
def _together(files: tuple[Path, ...]) -> Iterator[Path]:
    """A folder in which all files stand under their names, as they will in that of the campaign."""
    folders = {path.parent for path in files}
    if len(folders) < 2:
        yield next(iter(folders), Path())
        return
    with TemporaryDirectory() as folder:
        for path in files:
            (Path(folder) / path.name).symlink_to(path.absolute())
        yield Path(folder)


def _settings(options: CampaignOptions, kind: Kind, parent: str, start: int) -> dict[str, Any]:
    """All of `campaign.toml`, as plain values."""
    return {
        "goal": options.goal,
        "seed": options.seed,
        "pool": {
            "kind": kind,
            "wild_type": parent,
            "singles": options.singles,
            "positions": options.positions,
            "start": start,
            "sites": [part.strip() for part in options.sites if part.strip()],
            "table": options.table.name if options.table else "",
            "fasta": options.fasta.name if options.fasta else "",
            "column": options.column,
            "offset": options.offset,
            "merge_duplicates": options.merge_duplicates,
            "skip_unreadable": options.skip_unreadable,
            "structures": STRUCTURES if kind == "compounds" else 1,
            "exclude_residues": options.exclude.upper(),
            "max_mutations": options.max_mutations,
            "forbidden_motifs": list(options.forbid),
            "cells": file.name if (file := _file_of(options.cells)) else list(options.cells),
            "compounds": file.name if (file := _file_of(options.compounds)) else list(options.compounds),
            "doses": list(options.doses),
            "pairs": options.pairs,
            "panels": [path.name for path in options.panels],
        },
        "assays": list(options.assays),
        "learner": {"name": options.learner, "family": FAMILY if options.alignment else ""}
        | ({"history": options.history.name} if options.history else {}),
        "plate": {
            "wells": options.wells,
            "controls": options.controls,
            "control": options.control or CONTROLS[kind],
            "price_per_well": options.price,
        },
    }


def left_out_at_start(parent: str, signal: int, offset: int | None, positions: str, keep: bool) -> tuple[int, str]:
    """How many residues at the start of a wild type are not varied, and why, in a sentence.

    A start methionine cannot be exchanged without losing the start of translation, and a signal peptide is cut off.

    Args:
        parent: the wild type.
        signal: residues of the signal peptide, as stated.
        offset: what is added to positions in names: those before the first name are none of the mature protein.
        positions: those that were named, which stand as they are.
        keep: whether all are varied.

    Raises:
        ConfigError: nothing is left, or both the start and positions are stated.

    >>> left_out_at_start("MKTAY", 0, None, "", False)[0], left_out_at_start("MKTAY", 3, None, "", False)[0]
    (1, 3)
    >>> left_out_at_start("MKTAY", 0, None, "1-3", False), left_out_at_start("GKTAY", 0, None, "", False)
    ((0, ''), (0, ''))
    """
    if positions.strip() or keep:
        if signal:
            other = "--positions" if positions.strip() else "--keep-start"
            raise ConfigError(f"--signal-peptide and {other}: give one of them. No campaign was made.")
        return 0, ""
    before = offset if offset and offset > 1 else 0
    start = max(signal, before, int(parent[0] == "M"))
    if start >= len(parent):
        raise ConfigError(
            f"a start of {start} residues leaves nothing of a wild type of {len(parent)}. Correct --signal-peptide or "
            "--offset. No campaign was made."
        )
    if not start:
        return 0, ""
    how = "To vary {}, add --keep-start, or write start = 0 in campaign.toml."
    never = "mutants can be recorded and are never proposed"
    if start == 1 and not signal:
        return 1, f"the start methionine is left out: its {never}. {how.format('it too')}"
    why = "the signal peptide" if signal == start else f"the numbering begins behind them (offset {offset})"
    return start, f"residues 1 to {start} are left out ({why}): their {never}. {how.format('them too')}"


def asked_kind(source: Path | None, column: str, wild_type: bool) -> Kind:
    """The kind of the candidates when none was given: variants.

    Args:
        source: the table, None when there is none.
        column: of the candidates, "" when none was named.
        wild_type: whether one was given, which only variants have.

    Raises:
        ConfigError: the table looks like one of compounds or guides; names the column and the option.
    """
    if source is None or wild_type:
        return "variants"
    table = read_table(source)
    others: tuple[Kind, ...] = ("compounds", "guides")
    telling = {kind: set(candidate_names(kind)) for kind in ("variants", *others)}
    columns = [found] if (found := table.find(column) if column else None) else list(table.header)
    read = columns if column else _as_variants(table) or columns
    if not column and table.named(telling["variants"] - telling["compounds"] - telling["guides"]):
        return "variants"
    for kind in others:
        alone = telling[kind] - telling["variants"]
        named = [name for name in table.named(alone) if name in columns]
        alike = [name for name in read if detect_kind(table.column(name)) == kind]
        if found := named or alike:
            raise ConfigError(
                f'column "{found[0]}" looks like {kind}: are the candidates {kind}? Then add --kind {kind}. If they '
                "are variants, add --kind variants and name their column (--column). No campaign was made.",
                file=str(source),
            )
    return "variants"


def _as_variants(table: Table) -> list[str]:
    """The column that would be read as variants, in a list; [] when none would."""
    try:
        return [candidate_column(table, "variants")]
    except TableError:
        return []


def _profile(alignment: Path, pool: Pool, learner: Learner, progress: Bars | None) -> Profile:
    """The profile of an alignment, for a pool and a learner that can use it.

    Raises:
        ConfigError: the pool has no wild type, or the learner has no place for it.
        TableError: the file is no alignment of the wild type.
    """
    undone = "No campaign was made."
    if pool.sites is None or pool.sites.parent is None or not pool.sites.parent_sequence:
        raise ConfigError(
            f"--alignment tells of variants of a wild type, and this pool of {pool.kind} has none. Give the wild type "
            f"(--wild-type), or leave --alignment out. {undone}"
        )
    if not isinstance(learner, TakesFamily):
        raise ConfigError(f"--alignment: {no_place(learner.name)}. {undone}")
    read = read_alignment(alignment, pool.sites.parent_sequence, partial(progress, "alignment") if progress else None)
    if progress:
        progress("weighing", 0, 1)
    return Profile.of(read, pool.sites.parent_sequence)
