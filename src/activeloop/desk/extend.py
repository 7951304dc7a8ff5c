"""Adding candidates to the pool of a campaign on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from activeloop.acquisition.combining import LISTED
from activeloop.campaigns import Extension
from activeloop.campaigns.growing import parent_of
from activeloop.candidates import read_list
from activeloop.candidates.notation import position_of
from activeloop.config import OpenCampaign
from activeloop.config.pools import positions_of
from activeloop.errors import ConfigError, InputError
from activeloop.prediction import watched_fits


def extend(
    loop: OpenCampaign,
    *,
    combine: int | None = None,
    table: Path | None = None,
    candidates: Sequence[str] = (),
    positions: str = "",
    sites: str = "",
    budget: int | None = None,
    force: bool = False,
    column: str = "",
    offset: int | None = None,
    skip_unreadable: bool = False,
    merge_duplicates: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> Extension:
    """Add candidates to the pool; see `Campaign.extend`. A new version is fitted then, when there are results.

    That they were added is stored before the fit, which takes long and may be done again: where it fails or is stopped,
    the candidates stay, and the next proposal or `fit` makes up for it.

    Args:
        loop: the campaign.
        combine: most mutations of a combination.
        table: a CSV, TSV, XLSX or FASTA file of candidates.
        candidates: names of candidates, in any notation.
        positions: new ones, such as "20-60, 75".
        sites: new ones, such as "V39, D40=AGS" (only these residues at D40).
        budget: combinations at most; the default when None.
        force: combine although few single mutants were measured.
        column: of the candidates in the table; found by name and content when "".
        offset: of the positions in the table.
        skip_unreadable: leave out rows that cannot be read.
        merge_duplicates: count rows of one candidate once.
        progress: called with (part, steps done, steps at most); a part is `folds` or `training` of the fit.

    Raises:
        InputError: several ways at once, or the file or a position makes no sense; nothing was added.
        StateError: there is nothing to combine; nothing was added.
    """
    campaign = loop.campaign
    ways = {"--combine": combine, "--list": table, "candidates": candidates, "--positions": positions, "--sites": sites}
    given = [name for name, one in ways.items() if one]
    if combine == 0:
        raise InputError("combinations of 0 mutations: give at least 2. Nothing was added.")
    if len(given) > 1:
        raise ConfigError(f"{' and '.join(given)}: extend the pool in one way at a time. Nothing was added.")
    if (budget is not None or force) and given not in ([], ["--combine"]):
        option = "--force" if force else "--budget"
        raise ConfigError(f"{option} is about combinations, and {given[0]} adds none. Nothing was added.")
    loop.check_available()
    if table is not None:
        try:
            found = read_list(
                campaign.pool,
                table,
                column or None,
                offset=offset,
                skip_unreadable=skip_unreadable,
                merge_duplicates=merge_duplicates,
            )
        except InputError as error:
            raise type(error)(f"{error.problem} Nothing was added.", file=error.file, row=error.row) from None
        with watched_fits(progress):
            done = campaign.extend(
                candidates=found.designs, origin=found.origin, names=found.names, labels=found.labels
            )
        return done.noted(found.note) if found.note else done
    if candidates:
        with watched_fits(progress):
            return campaign.extend(candidates=candidates, origin="a list", offset=offset)
    if positions or sites:
        parent = parent_of(campaign.pool)
        if positions:
            pairs = [(p, "") for p in positions_of(positions, len(parent)) or ()]
        else:
            named = [part.strip().partition("=") for part in sites.split(",") if part.strip()]
            pairs = [(position_of(site, parent), residues.strip().upper()) for site, _, residues in named]
        with watched_fits(progress):
            return campaign.extend(sites=pairs)
    wells = loop.config.plate
    fits = max(1, (wells.wells - wells.controls) // wells.replicates)
    with watched_fits(progress):
        return campaign.extend(combine=combine, plate=fits, force=force, budget=LISTED if budget is None else budget)
