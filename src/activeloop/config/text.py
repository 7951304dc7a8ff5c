"""From `campaign.toml` to a config and back, with a sentence for everything that is wrong with it."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from activeloop.config.config import FORMAT, AssayConfig, CampaignConfig, PoolConfig
from activeloop.errors import ConfigError, StoreError


def read_config(path: Path) -> CampaignConfig:
    """The config in a file.

    Raises:
        ConfigError: names the file, the key (or the line) and the fix.
        StoreError: the file cannot be read.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError("is not UTF-8 text: save it as plain text in UTF-8.", file=str(path)) from error
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror}).") from error
    return parse_config(text, str(path))


def parse_config(text: str, file: str) -> CampaignConfig:
    """The config in a text; `file` is how messages name it."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        problem = f"this is not TOML: {error}. Texts stand in quotes, lists in [ ]."
        raise ConfigError(problem, file=file, row=int(line[1]) if line else None) from error
    return check_config(table, file)


def check_config(table: Mapping[str, Any], file: str | None) -> CampaignConfig:
    """The config in a table of plain values."""
    found = table.get("format", FORMAT)
    if isinstance(found, int) and found > FORMAT:
        problem = f"format {found} was written by a newer ActiveLoop (this one knows {FORMAT}): upgrade this one."
        raise ConfigError(problem, file=file)
    try:
        return CampaignConfig.model_validate(dict(table))
    except ValidationError as error:
        raise ConfigError(_sentence(error.errors()[0]), file=file) from error


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
    words = error["msg"].replace("Input should be", "it must be")
    return f'"{key}" is {error["input"]!r}; {words[0].lower()}{words[1:]}.'


def _meant(location: tuple[int | str, ...]) -> str:
    """The nearest key that exists, or all of them."""
    model: Any = CampaignConfig
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


def config_text(config: CampaignConfig) -> str:
    """The text of `campaign.toml`; reading it gives the same config."""
    plate, select, student = config.plate, config.select, config.student
    blocks = [
        [
            "# An ActiveLoop campaign. Change what you like; what was measured stands in campaign.db, not here.",
            f"format = {config.format}",
            f'goal = {_value(config.goal)}  # "find" the best candidates, or "learn" an accurate model',
            f"seed = {config.seed}  # the same seed and the same results give the same proposals",
        ],
        _pool(config.pool),
        *[_assay(a) for a in config.assays],
        [
            "[learner]",
            f'name = {_value(config.learner.name)}  # "default" stacks several learners on your results',
            f'calibration = {_value(config.learner.calibration)}  # "" follows the pool; or "isotonic", "none" ...',
            *_options("learner.options", config.learner.options),
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
            f"auto = {_value(student.auto)}  # true: train a small student of each new version in the background",
            f'network = {_value(student.network)}  # "auto" suits the pool; or "conv", "transformer", "sites" ...',
            *_given(student, ("min_spearman", "int8")),
            *_options("student.options", student.options),
            *_options("student.training", student.training),
        ],
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks) + "\n"


def _pool(pool: PoolConfig) -> list[str]:
    lines = ["[pool]", f'kind = {_value(pool.kind)}  # "variants", "compounds" or "guides"']
    lines += _given(pool, ("wild_type",))
    if pool.singles:
        lines += ["singles = true  # all single mutants of the wild type"]
    if pool.sites:
        lines += [f'sites = {_value(pool.sites)}  # all combinations; "V39=AGS" allows only these residues']
    lines += _given(pool, ("positions", "table", "fasta", "column", "offset"))
    lines += _given(
        pool,
        ("exclude_residues", "max_mutations", "forbidden_motifs", "merge_duplicates", "skip_unreadable", "structures"),
    )
    return lines


def _assay(assay: AssayConfig) -> list[str]:
    lines = ["[[assays]]", f"name = {_value(assay.name)}", f"unit = {_value(assay.unit)}"]
    lines += [f'goal = {_value(assay.goal)}  # "maximise", "minimise", or "classify" (1 = fit, 0 = unfit)']
    lines += [f'scale = {_value(assay.scale)}  # "auto", "log" (differences are factors, as of IC50) or "linear"']
    return lines + _given(assay, ("bounds", "lower", "upper", "threshold", "hit"))


def _given(model: object, keys: Iterable[str]) -> list[str]:
    """Lines for those keys that do not have their default."""
    fields = type(model).model_fields  # type: ignore[attr-defined]
    values = {key: getattr(model, key) for key in keys}
    return [f"{key} = {_value(value)}" for key, value in values.items() if value != fields[key].default]


def _options(header: str, options: dict) -> list[str]:
    return ["", f"[{header}]", *(f"{_value(k)} = {_value(v)}" for k, v in options.items())] if options else []


def _value(value: object) -> str:
    # JSON's texts, numbers and truth values are also TOML's; numbers as Python writes them are too, `inf` included.
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
