"""From the text of `campaign.toml` to a recipe, or to a sentence that says what is wrong with it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from activeloop.errors import RecipeError, StoreError
from activeloop.recipes.recipe import FORMAT, Recipe


def read_recipe(path: Path) -> Recipe:
    """The recipe in a file.

    Raises:
        RecipeError: names the file, the key (or the line) and the cure.
        StoreError: the file cannot be read.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise RecipeError("is not UTF-8 text: save it as plain text in UTF-8.", file=str(path)) from error
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror}).") from error
    return parse_recipe(text, str(path))


def parse_recipe(text: str, file: str) -> Recipe:
    """The recipe in a text; `file` is how messages name it."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        problem = f"this is not TOML: {error}. Texts stand in quotes, lists in [ ]."
        raise RecipeError(problem, file=file, row=int(line[1]) if line else None) from error
    return check_recipe(table, file)


def check_recipe(table: Mapping[str, Any], file: str | None) -> Recipe:
    """The recipe in a table of plain values."""
    found = table.get("format", FORMAT)
    if isinstance(found, int) and found > FORMAT:
        problem = f"format {found} was written by a newer ActiveLoop (this one knows {FORMAT}): upgrade this one."
        raise RecipeError(problem, file=file)
    try:
        return Recipe.model_validate(dict(table))
    except ValidationError as error:
        raise RecipeError(_sentence(error.errors()[0]), file=file) from error


def _sentence(error: ErrorDetails) -> str:
    """The first thing that is wrong, with its key as it stands in the file."""
    key = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).lstrip(".")
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return f'there is no key "{key}"{_meant(error["loc"])}'
    if kind == "missing":
        return f'"{key}" is missing: add it.'
    if kind == "literal_error":
        return f'"{key}" is {error["input"]!r}; it must be {context["expected"]}.'
    if kind == "string_pattern_mismatch":
        return f'"{key}" is {error["input"]!r}; write it like "20-60, 75".'
    if kind == "value_error":
        return f"{f'[{key}]: ' if key else ''}{context['error']}."
    said = error["msg"].replace("Input should be", "it must be")
    return f'"{key}" is {error["input"]!r}; {said[0].lower()}{said[1:]}.'


def _meant(location: tuple[int | str, ...]) -> str:
    """The nearest key that exists, or all of them."""
    model: Any = Recipe
    for part in location[:-1]:
        if not isinstance(part, int):
            model = _part(model, part)
    known = list(model.model_fields) if model else []
    near = get_close_matches(str(location[-1]), known, n=1)
    return f'; did you mean "{near[0]}"?' if near else f". Known here: {', '.join(known)}."


def _part(model: Any, name: str) -> type[BaseModel] | None:
    annotation = model.model_fields[name].annotation
    inner = getattr(annotation, "__args__", (annotation,))[0]
    return inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None
