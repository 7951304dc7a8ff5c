"""From `campaign.toml` to a config and back, with a sentence for everything that is wrong with it."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from activeloop.config.config import FORMAT, AssayConfig, CampaignConfig, PoolConfig, RobotConfig
from activeloop.errors import ConfigError, StoreError, nearest

LARGEST = 10_000_000
"""Bytes of a file that is still read."""
SHOWN = 60
"""Letters of a wrong value that a message shows."""


def read_config(path: Path) -> CampaignConfig:
    """The config in a file.

    Raises:
        ConfigError: names the file, the key (or the line) and the fix.
        StoreError: the file cannot be read.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST:
            problem = f"has {size:,} bytes, too many for a campaign.toml: put the right file back."
            raise ConfigError(problem, file=str(path))
        text = path.read_bytes().decode("utf-8-sig")  # Windows' Notepad begins a file with a byte-order mark
    except UnicodeDecodeError as error:
        raise ConfigError("is not UTF-8 text: save it as plain text in UTF-8.", file=str(path)) from error
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror}).") from error
    return parse_config(text, str(path))


def parse_config(text: str, file: str) -> CampaignConfig:
    """The config in a text; `file` is how messages name it."""
    try:
        table = tomllib.loads(text)
        return check_config(table, file)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        problem = f"this is not TOML: {error}. Texts stand in quotes, lists in [ ]."
        raise ConfigError(problem, file=file, row=int(line[1]) if line else None) from error
    except RecursionError as error:
        raise ConfigError(f"{_deepest(text)}: lists or tables stand in each other too deeply.", file=file) from error
    except ConfigError:
        raise
    except ValueError as error:  # Python reads no number of more digits
        row = next((i for i, line in enumerate(text.splitlines(), 1) if re.search(r"[0-9_]{1000}", line)), None)
        key = text.splitlines()[row - 1].partition("=")[0].strip() if row else "a number"
        raise ConfigError(f'"{key}" has thousands of digits: write a smaller number.', file=file, row=row) from error


def _deepest(text: str) -> str:
    """The key whose value holds the most brackets."""
    lines = [line for line in text.splitlines() if "=" in line]
    line = max(lines, key=lambda line: line.count("[") + line.count("{"), default="")
    return f'"{line.partition("=")[0].strip()[:40]}"'


def check_config(table: Mapping[str, Any], file: str | None) -> CampaignConfig:
    """The config in a table of plain values."""
    found = table.get("format", FORMAT)
    if isinstance(found, int) and found > FORMAT:
        problem = (
            f"format {_written(found)} was written by a newer ActiveLoop (this one knows {FORMAT}): upgrade this one."
        )
        raise ConfigError(problem, file=file)
    try:
        return CampaignConfig.model_validate(dict(table))
    except ValidationError as error:
        raise ConfigError(_sentence(error.errors()[0]), file=file) from error


#: type of a wrong value in pydantic's words -> what it must be in ours
_MUST = {
    "bool_type": "true or false",
    "dict_type": "a table",
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than": "above {gt}",
    "greater_than_equal": "at least {ge}",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller number",
    "int_type": "a whole number",
    "less_than": "below {lt}",
    "less_than_equal": "at most {le}",
    "list_type": "a list in [ ]",
    "literal_error": "{expected}",
    "model_attributes_type": "a table",
    "model_type": "a table",
    "string_too_long": "a text of at most {max_length} letters",
    "string_type": "a text in quotes",
    "string_unicode": "a text of whole characters",
    "too_long": "a list of at most {max_length}",
    "too_short": "a list of at least {min_length}",
}
#: what a learner's or network's option may be, of which pydantic reports each kind on its own
_OPTION = "true or false, a number, a text in quotes, or a list of numbers or of texts"


def _sentence(error: ErrorDetails) -> str:
    """The first thing that is wrong, with its key as it stands in the file."""
    location, kind = error["loc"], error["type"]
    context = {
        name: f"{value:g}" if isinstance(value, float) else value for name, value in error.get("ctx", {}).items()
    }
    places = [i for i, part in enumerate(location) if str(part).endswith(("options", "training"))]
    of_option = bool(places) and len(location) > places[0] + 2
    if of_option:
        location = location[: places[0] + 2]
    key = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
    if kind == "extra_forbidden":
        return f'there is no key "{key}"{_meant(location)}'
    if kind == "missing":
        return f'"{key}" is missing: add it.'
    if kind == "value_error":
        quoted = f'"{key}":' if isinstance(error["input"], str) else f"[{key}]:"
        return f"{f'{quoted} ' if key else ''}{context['error']}."
    found = f'"{key}" is {_written(error["input"])}'
    if kind in ("string_pattern_mismatch", "string_too_short"):
        return (
            f'{found}; write it like "20-60, 75".' if key.endswith("positions") else f"{found}; it must not be empty."
        )
    must = _OPTION if of_option else _MUST.get(kind, "something else").format(**context)
    if must in ("a table", "a list in [ ]") and isinstance(error["input"], list | dict):
        begin = f"[[{key}]]" if must.startswith("a list") else f"[{key}]"
        return f'"{key}" is written wrongly; begin it with {begin} in a line of its own.'
    if must == "a number" and isinstance(error["input"], int) and not isinstance(error["input"], bool):
        must = "a smaller number"
    return f"{found}; it must be {must}."


def _written(value: object) -> str:
    """A value as it stands in the file, the beginning of a long one."""
    if isinstance(value, bool | str):
        text = json.dumps(value, ensure_ascii=False)
    elif isinstance(value, dict):
        text = "a table"
    elif isinstance(value, list):
        text = f"[{', '.join(_written(v) for v in value[:9])}]"
    else:
        text = str(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _meant(location: tuple[int | str, ...]) -> str:
    """The nearest key that exists, or all of them."""
    model: Any = CampaignConfig
    for part in location[:-1]:
        if not isinstance(part, int):
            model = _part(model, part)
    known = list(model.model_fields) if model else []
    near = nearest(str(location[-1]), known)
    return f'; did you mean "{near[0]}"?' if near else f". Known here: {', '.join(known)}."


def _part(model: Any, name: str) -> type[BaseModel] | None:
    annotation = model.model_fields[name].annotation
    inner = getattr(annotation, "__args__", (annotation,))[0]
    return inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None


def config_text(config: CampaignConfig, control_note: str = "") -> str:
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
            *_given(config.learner, ("family", "history")),
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
            f"control = {_value(plate.control)}  # {control_note or 'what the control wells hold'}",
            f"replicates = {plate.replicates}  # wells for each candidate",
            f"empty_edges = {_value(plate.empty_edges)}  # outer wells dry out first",
            f'layout = {_value(plate.layout)}  # "compact", "by-column", "random"; "auto": compact if hardly filled',
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
        *([_robot(config.robot)] if config.robot else []),
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks) + "\n"


def _pool(pool: PoolConfig) -> list[str]:
    lines = ["[pool]", f'kind = {_value(pool.kind)}  # "variants", "compounds", "guides" or "treatments"']
    lines += _given(pool, ("wild_type",))
    if pool.singles:
        lines += ["singles = true  # all single mutants of the wild type"]
    if pool.sites:
        lines += [f'sites = {_value(pool.sites)}  # all combinations; "V39=AGS" allows only these residues']
    if pool.start:
        lines += [f"start = {pool.start}  # residues at the start whose mutants are never proposed; 0 to allow them"]
    lines += _given(pool, ("positions", "table", "fasta", "column", "offset"))
    lines += _given(pool, ("cells", "compounds", "doses", "pairs", "panels"))
    lines += _given(
        pool,
        ("exclude_residues", "max_mutations", "forbidden_motifs", "merge_duplicates", "skip_unreadable", "structures"),
    )
    return lines


def _assay(assay: AssayConfig) -> list[str]:
    lines = ["[[assays]]", f"name = {_value(assay.name)}", f"unit = {_value(assay.unit)}"]
    lines += [f'goal = {_value(assay.goal)}  # "maximise", "minimise", or "classify" (1 = fit, 0 = unfit)']
    lines += [
        f'scale = {_value(assay.scale)}  # "auto", "log" (differences are factors), "linear" or "binary" (0 and 1)'
    ]
    return lines + _given(assay, ("bounds", "lower", "upper", "threshold", "hit"))


def _robot(robot: RobotConfig) -> list[str]:
    return [
        "[robot]",
        f"devices = {_value(robot.devices)}  # that a plate visits, in this order",
        f"rounds = {robot.rounds}  # of proposals, also those of before",
        f"approve = {_value(robot.approve)}  # true: each plate waits until somebody lets it go",
        *_given(robot, [name for name in type(robot).model_fields if name not in ("devices", "rounds", "approve")]),
    ]


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
