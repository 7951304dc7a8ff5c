"""A recipe as the text of `campaign.toml`, with a word on each key."""

from __future__ import annotations

import json
from collections.abc import Iterable

from activeloop.recipes.recipe import AssayRecipe, PoolRecipe, Recipe


def recipe_text(recipe: Recipe) -> str:
    """The text of `campaign.toml`; reading it gives the same recipe."""
    plate, select, student = recipe.plate, recipe.select, recipe.student
    blocks = [
        [
            "# An ActiveLoop campaign. Change what you like; what was measured stands in campaign.db, not here.",
            f"format = {recipe.format}",
            f'goal = {_value(recipe.goal)}  # "find" the best candidates, or "learn" an accurate model',
            f"seed = {recipe.seed}  # the same seed and the same results give the same proposals",
        ],
        _pool(recipe.pool),
        *[_assay(a) for a in recipe.assays],
        [
            "[learner]",
            f'name = {_value(recipe.learner.name)}  # "default" weighs several learners by what you measured',
            f'calibration = {_value(recipe.learner.calibration)}  # "" follows the pool; or "isotonic", "none" ...',
            *_options("learner.options", recipe.learner.options),
        ],
        [
            "[select]",
            f'score = {_value(select.score)}  # "" follows the goal; or "ucb", "ei", "thompson", "entropy" ...',
            f'batch = {_value(select.batch)}  # "" follows the goal; or "top", "diverse", "lcmd", "power" ...',
            *_options("select.score_options", select.score_options),
            *_options("select.batch_options", select.batch_options),
        ],
        [
            "[plate]",
            f"wells = {plate.wells}",
            f"controls = {plate.controls}",
            f"control = {_value(plate.control)}  # what the control wells hold",
            f"replicates = {plate.replicates}  # wells for each candidate",
            f"empty_edges = {_value(plate.empty_edges)}  # outer wells dry out first",
            f"price_per_well = {plate.price_per_well!r}  # 0 when you do not want to count costs",
        ],
        [
            "[student]",
            f"auto = {_value(student.auto)}  # true: each new version teaches a small student in the background",
            f'network = {_value(student.network)}  # "auto" suits the pool; or "conv", "transformer", "sites" ...',
            *_given(student, ("keep", "int8")),
            *_options("student.options", student.options),
            *_options("student.teaching", student.teaching),
        ],
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks) + "\n"


def _pool(pool: PoolRecipe) -> list[str]:
    lines = ["[pool]", f'kind = {_value(pool.kind)}  # "variants", "compounds" or "guides"']
    lines += _given(pool, ("wild_type",))
    if pool.singles:
        lines += ["singles = true  # all single mutants of the wild type"]
    if pool.sites:
        lines += [f'sites = {_value(pool.sites)}  # all combinations; "V39=AGS" allows only these letters']
    lines += _given(pool, ("positions", "table", "fasta", "column", "offset"))
    lines += _given(pool, ("exclude_residues", "max_mutations", "forbidden_motifs", "merge_duplicates"))
    return lines


def _assay(assay: AssayRecipe) -> list[str]:
    lines = ["[[assays]]", f"name = {_value(assay.name)}", f"unit = {_value(assay.unit)}"]
    lines += [f'goal = {_value(assay.goal)}  # "maximise", "minimise", or "classify" (1 = fit, 0 = unfit)']
    return lines + _given(assay, ("lower", "upper", "hit"))


def _given(model: object, keys: Iterable[str]) -> list[str]:
    """Lines for those keys that do not have their default."""
    fields = type(model).model_fields  # type: ignore[attr-defined]
    values = {key: getattr(model, key) for key in keys}
    return [f"{key} = {_value(value)}" for key, value in values.items() if value != fields[key].default]


def _options(header: str, options: dict) -> list[str]:
    return ["", f"[{header}]", *(f"{_value(k)} = {_value(v)}" for k, v in options.items())] if options else []


def _value(value: object) -> str:
    # JSON's texts, lists, numbers and truth values are also TOML's.
    return repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
