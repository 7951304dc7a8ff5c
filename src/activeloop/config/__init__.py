"""`campaign.toml`: the one place where names become objects."""

from activeloop.config.building import Opened, assays_of, campaign_of, open_campaign, pool_of
from activeloop.config.config import (
    AssayRecipe,
    LearnerRecipe,
    PlateRecipe,
    PoolRecipe,
    Recipe,
    SelectRecipe,
    StudentRecipe,
)
from activeloop.config.registry import BATCHES, SCORES, learner_of, learners, selection_of
from activeloop.config.text import check_recipe, parse_recipe, read_recipe, recipe_text

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
