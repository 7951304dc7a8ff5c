"""From a recipe to the objects of a campaign."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from activeloop.campaigns import Campaign
from activeloop.candidates import AMINO_ACIDS, Pool
from activeloop.config.config import PoolRecipe, Recipe
from activeloop.config.registry import checked_learner_of, selection_of
from activeloop.config.text import read_recipe
from activeloop.errors import InputError, RecipeError
from activeloop.measurements import Assay
from activeloop.store import CampaignFolder
from activeloop.store.database import BUSY_SECONDS


@dataclass(frozen=True)
class Opened:
    """A campaign on disk, ready for use.

    Args:
        folder: where it is.
        recipe: what its `campaign.toml` says.
        campaign: the loop.
    """

    folder: CampaignFolder
    recipe: Recipe
    campaign: Campaign


def open_campaign(path: str | Path, busy_seconds: float = BUSY_SECONDS) -> Opened:
    """The campaign in a folder.

    Args:
        path: the folder.
        busy_seconds: how long to wait for another program that is writing to it.

    Raises:
        InputError: there is none, or its `campaign.toml` is wrong.
        StoreError: its database cannot be used.
    """
    folder = CampaignFolder.open(path, busy_seconds)
    recipe = read_recipe(folder.recipe)
    return Opened(folder, recipe, campaign_of(recipe, folder))


def campaign_of(recipe: Recipe, folder: CampaignFolder) -> Campaign:
    """The campaign of a recipe, kept in a folder."""
    assays, file = assays_of(recipe), str(folder.recipe)
    pool = pool_of(recipe.pool, folder.path, file)
    return Campaign(
        pool=pool,
        assays=assays,
        learner=checked_learner_of(recipe.learner, pool, assays, file, folder.path),
        select=selection_of(recipe.select, recipe.goal, assays, pool, file),
        seed=recipe.seed,
        log=folder.log,
        shelf=folder.shelf,
        price=recipe.plate.price_per_well or None,
        hit=hits_of(recipe),
    )


def assays_of(recipe: Recipe) -> tuple[Assay, ...]:
    """The assays of a recipe."""
    return tuple(Assay(a.name, a.unit, a.goal, a.lower, a.upper) for a in recipe.assays)


def hits_of(recipe: Recipe) -> tuple[float, ...] | None:
    """From which value a candidate is a hit in each assay (NaN: not stated); None when no assay states one."""
    stated = tuple(math.nan if a.hit is None else a.hit for a in recipe.assays)
    return None if all(map(math.isnan, stated)) else stated


def pool_of(recipe: PoolRecipe, base: Path, file: str | None = None) -> Pool:
    """The pool of a recipe.

    Args:
        recipe: what it says.
        base: the folder in which its files are looked for.
        file: how messages name the recipe.

    Raises:
        InputError: the pool cannot be made; names the file at fault.
    """
    parent = recipe.wild_type or None
    if recipe.table or recipe.fasta:
        return _listed(recipe, base, parent, file)
    rules = {"exclude_residues": recipe.exclude_residues, "forbidden_motifs": recipe.forbidden_motifs}
    try:
        if recipe.singles:
            return Pool.single_mutants(recipe.wild_type, positions_of(recipe.positions), **rules)
        sites = [_site(text) for text in recipe.sites]
        return Pool.combinatorial(parent, sites, max_mutations=recipe.max_mutations, **rules)
    except InputError as error:
        raise error if error.file or not file else RecipeError(f"[pool]: {error.problem}", file=file) from error


def _listed(recipe: PoolRecipe, base: Path, parent: str | None, file: str | None) -> Pool:
    source = base / (recipe.table or recipe.fasta)
    if not source.exists():
        raise RecipeError(f'[pool]: there is no file "{source}": put it there or correct its name.', file=file)
    if recipe.fasta:
        return Pool.from_fasta(source, parent, merge_duplicates=recipe.merge_duplicates)
    column, merge = recipe.column or None, recipe.merge_duplicates
    return Pool.from_table(source, recipe.kind, parent, column, recipe.offset, merge_duplicates=merge)


def positions_of(text: str) -> list[int] | None:
    """Positions from ranges; None (everywhere) for "".

    Raises:
        RecipeError: a range runs backwards.

    >>> positions_of("3-5, 9")
    [3, 4, 5, 9]
    """
    if not text.strip():
        return None
    positions: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if int(last or first) < int(first):
            raise RecipeError(f'positions "{part.strip()}" run backwards. Write them as {int(last)}-{int(first)}.')
        positions.extend(range(int(first), int(last or first) + 1))
    return positions


def _site(text: str) -> str | tuple[str, str]:
    name, _, letters = text.partition("=")
    return (name.strip(), letters.strip() or AMINO_ACIDS)
