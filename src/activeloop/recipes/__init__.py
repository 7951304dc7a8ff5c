"""`campaign.toml`: the one place where names become objects."""

from activeloop.recipes.building import Opened, assays_of, campaign_of, open_campaign, pool_of
from activeloop.recipes.reading import check_recipe, parse_recipe, read_recipe
from activeloop.recipes.recipe import (
    AssayRecipe,
    LearnerRecipe,
    PlateRecipe,
    PoolRecipe,
    Recipe,
    SelectRecipe,
    StudentRecipe,
)
from activeloop.recipes.registry import BATCHES, SCORES, learner_of, learners, selection_of
from activeloop.recipes.writing import recipe_text

__all__ = [
    "BATCHES",
    "SCORES",
    "AssayRecipe",
    "LearnerRecipe",
    "Opened",
    "PlateRecipe",
    "PoolRecipe",
    "Recipe",
    "SelectRecipe",
    "StudentRecipe",
    "assays_of",
    "campaign_of",
    "check_recipe",
    "learner_of",
    "learners",
    "open_campaign",
    "parse_recipe",
    "pool_of",
    "read_recipe",
    "recipe_text",
    "selection_of",
]
