"""Names in a recipe and what they stand for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal

from activeloop import acquisition
from activeloop.acquisition import BatchChoice, Score, Selection, default_selection
from activeloop.candidates import Pool
from activeloop.errors import ModelError, RecipeError
from activeloop.measurements import Assay
from activeloop.predictive import Learner
from activeloop.recipes.options import options_of, wrong_option
from activeloop.recipes.recipe import LearnerRecipe, SelectRecipe

Goal = Literal["find", "learn"]

GROUP = "activeloop.learners"
"""Entry points of this group add learners of other packages: name -> a callable that takes the options."""

SCORES: dict[str, Callable[..., Score]] = {
    "bald": acquisition.BALD,
    "ei": acquisition.ExpectedImprovement,
    "entropy": acquisition.Entropy,
    "epig": acquisition.EPIG,
    "greedy": acquisition.Greedy,
    "hit": acquisition.ProbabilityOfHit,
    "hypervolume": acquisition.Hypervolume,
    "nei": acquisition.NoisyExpectedImprovement,
    "random": acquisition.Random,
    "scalarised": acquisition.Scalarised,
    "thompson": acquisition.Thompson,
    "ucb": acquisition.UpperConfidenceBound,
    "variance": acquisition.Variance,
}

BATCHES: dict[str, Callable[..., BatchChoice]] = {
    "batchbald": acquisition.BatchBALD,
    "diverse": acquisition.DiverseTop,
    "lcmd": acquisition.LCMD,
    "portfolio": acquisition.Portfolio,
    "power": acquisition.PowerSampling,
    "promising": acquisition.Promising,
    "reduction": acquisition.VarianceReduction,
    "thompson": acquisition.ThompsonBatch,
    "top": acquisition.TopK,
}

RETIRED: dict[str, dict[str, str]] = {
    "learner": {
        "frozen-ensemble": 'use "frozen"',
        "gated-tuned": 'use "gated"',
        "tuned-full": 'use "fine-tuned" with the option adapter = "full"',
        "tuned-last1": 'use "fine-tuned"',
        "tuned-last2": 'use "fine-tuned" with the option last = 2',
        "tuned-light-peft": 'use "fine-tuned" with the option adapter = "light-peft"',
        "tuned-lora": 'use "fine-tuned" with the option last = 0',
        "tuned-pissa1": 'use "fine-tuned" with the options adapter = "pissa", rank = 16',
        "tuned-whole1": 'use "fine-tuned" with the options adapter = "full", last = 1',
        "tuned-whole2": 'use "fine-tuned" with the options adapter = "full", last = 2',
    },
    "score": {
        "least-confidence": 'use "entropy", which orders two classes in the same way',
        "margin": 'use "entropy", which orders two classes in the same way',
    },
    "batch": {
        "liar": 'use "power" or "diverse"',
        "logdet": 'use "lcmd" or "reduction"',
    },
}
"""Names of former releases, by what they name, and what to do instead."""

RETIRED_OPTIONS = {("learner", "gated", "tuned"): 'use "fine-tuned" by itself'}
"""Options of former releases, and what to do instead."""


def learner_of(recipe: LearnerRecipe, pool: Pool, assays: Sequence[Assay], file: str | None = None) -> Learner:
    """The learner that a recipe names.

    Args:
        recipe: a name and options.
        pool: what it learns about; `default` and the encoders follow its kind.
        assays: what is measured; `default` follows whether it is classes.
        file: how messages name the recipe.

    Raises:
        RecipeError: no learner has that name, or it does not take these options.
    """
    known = own_learners(pool, assays)
    if recipe.name not in known:  # looking for other packages takes a while
        known = learners(pool, assays)
    return make("learner", recipe.name, known, recipe.options, file)


def checked_learner_of(
    recipe: LearnerRecipe, pool: Pool, assays: Sequence[Assay], file: str | None = None, base: Path = Path()
) -> Learner:
    """The learner that a recipe names, with its correction: every version of it carries figures of held-out values.

    Its name tells its options, so that a version fitted with others is not taken for one of these.

    Args:
        recipe: a name and options.
        pool: as `learner_of`.
        assays: as `learner_of`.
        file: how messages name the recipe.
        base: the folder in which a model is looked for before it is taken for a path or an id of a hub.

    Raises:
        RecipeError: no learner has that name, or it does not take these options.
        FetchError: a pretrained model is not to be had.
    """
    from activeloop.models.calibration import calibrated, usual_calibration

    learner = learner_of(_located(recipe, base), pool, assays, file)
    note = ", ".join(f"{key}={value}" for key, value in sorted(recipe.options.items()))
    return calibrated(learner, recipe.calibration or usual_calibration(pool), note)


def _located(recipe: LearnerRecipe, base: Path) -> LearnerRecipe:
    """With the paths of a model, and of tables for it, that lie in a folder."""
    named = {key: recipe.options.get(key) for key in ("model", "tables")}
    found = {key: str(base / name) for key, name in named.items() if isinstance(name, str) and name}
    found = {key: path for key, path in found.items() if Path(path).exists()}
    return recipe.model_copy(update={"options": {**recipe.options, **found}}) if found else recipe


def learners(pool: Pool, assays: Sequence[Assay]) -> dict[str, Callable[..., Learner]]:
    """All learners by name, those of other packages included."""
    outside = {e.name: _Outside(e.load) for e in entry_points(group=GROUP)}
    return outside | own_learners(pool, assays)


def own_learners(pool: Pool, assays: Sequence[Assay]) -> dict[str, Callable[..., Learner]]:
    """The learners of this package by name, each with an encoder that suits the pool."""
    from activeloop.models.named import named_learners

    return {"default": partial(_default, pool, assays), **named_learners(pool)}


def _default(pool: Pool, assays: Sequence[Assay]) -> Learner:
    from activeloop.models.defaults import default_learner

    # What learns classes can learn nothing else, whatever the campaign is for.
    classes = len(assays) == 1 and assays[0].goal == "classify"
    return default_learner(pool, "learn" if classes else "find")


class _Outside:
    """A learner of another package, imported when it is asked for."""

    def __init__(self, load: Callable[[], Any]):
        self._load = load

    def __call__(self, **options: Any) -> Learner:
        return self._load()(**options)


def selection_of(
    recipe: SelectRecipe, goal: Goal, assays: tuple[Assay, ...], pool: Pool, file: str | None = None
) -> Selection:
    """Score and choice of the batch that a recipe names; the goal's default where it names none.

    Raises:
        RecipeError: there is no such score or choice, or it does not take these options.
    """
    usual = default_selection(goal, assays, pool)
    score, batch, first = usual.score, usual.batch, usual.first
    if recipe.score:
        score = make("score", recipe.score, SCORES, recipe.score_options, file)
    if recipe.batch:
        batch, first = make("batch", recipe.batch, BATCHES, recipe.batch_options, file), None
    return Selection(score, batch, first)


def make(role: str, name: str, known: Mapping[str, Callable[..., Any]], options: Mapping, file: str | None) -> Any:
    """Something that a recipe names.

    Args:
        role: what it is, for messages.
        name: of it.
        known: everything that can be named.
        options: of it.
        file: how messages name the recipe.

    Raises:
        RecipeError: nothing has that name, or it does not take these options.
    """
    if name not in known:
        if name in (retired := RETIRED.get(role, {})):
            raise RecipeError(f'the {role} "{name}" was removed: {retired[name]}.', file=file)
        near = get_close_matches(name, known, n=1)
        cure = f'Did you mean "{near[0]}"?' if near else f"Known: {', '.join(sorted(known))}."
        raise RecipeError(f'there is no {role} "{name}". {cure}', file=file)
    maker = known[name]
    given = {key: tuple(v) if isinstance(v, list) else v for key, v in options.items()}
    takes = options_of(maker)
    if takes is not None:
        if unknown := [key for key in given if key not in takes]:
            if instead := RETIRED_OPTIONS.get((role, name, unknown[0])):
                raise RecipeError(f'option "{unknown[0]}" of {role} "{name}" was removed: {instead}.', file=file)
            cure = f"it takes: {', '.join(takes)}" if takes else "it takes none"
            raise RecipeError(f'{role} "{name}" has no option "{unknown[0]}"; {cure}.', file=file)
        if wrong := wrong_option(maker, given):
            raise RecipeError(f'{role} "{name}": {wrong}.', file=file)
    try:
        return maker(**given)
    except (TypeError, ValueError, ModelError) as error:
        raise RecipeError(f'{role} "{name}" cannot be made with these options: {error}', file=file) from error
