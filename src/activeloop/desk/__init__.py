"""The use cases: what a person wants of a campaign, typed in and typed out.

Each is a function that prints nothing, knows no terminal, and returns a frozen dataclass of plain values. The command
line prints these, the server and its client send them as JSON (`plain`), and a robot's loop calls them as they are.
"""

from __future__ import annotations

import base64
import dataclasses
import math
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import NoneType, SimpleNamespace, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

USE_CASES: Mapping[str, str] = {
    "assess": "versions",
    "candidates": "candidates",
    "distil": "distil",
    "eln_file": "eln",
    "explain": "explain",
    "export": "export",
    "extend": "extend",
    "fit": "versions",
    "history": "history",
    "lay_again": "propose",
    "new": "new",
    "order": "order",
    "pin": "steer",
    "plate_file": "propose",
    "plates_of": "propose",
    "predict": "predict",
    "predict_by_student": "predict",
    "preview_campaign": "new",
    "preview_results": "record",
    "promote": "versions",
    "propose": "propose",
    "read_results": "record",
    "record": "record",
    "record_curves": "curves",
    "recorded_files": "history",
    "report_page": "report",
    "results": "history",
    "robot_standing": "robots",
    "screen": "screen",
    "show_status": "status",
    "student_file": "distil",
    "students": "distil",
    "swap_wells": "propose",
    "verify": "verify",
    "versions": "versions",
    "veto": "steer",
    "void": "steer",
    "write_picklists": "picklists",
}
"""Name of a use case -> the module of this package in which its function stands."""


def use_case(name: str) -> Callable[..., Any]:
    """The function of a use case; its module is imported now.

    >>> use_case("propose").__module__
    'activeloop.desk.propose'
    """
    return getattr(import_module(f"{__name__}.{USE_CASES[name]}"), name)


def plain(result: Any) -> Any:
    """A result as JSON holds it: what is no number (NaN, infinite) is null, a file's content is base64.

    Args:
        result: of a use case, or a value in one.

    Raises:
        TypeError: it is nothing that a result may hold.

    >>> plain({"mean": (1.0, float("nan")), "file": Path("plate-1.csv")})
    {'mean': [1.0, None], 'file': 'plate-1.csv'}
    """
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        return {field.name: plain(getattr(result, field.name)) for field in dataclasses.fields(result)}
    if isinstance(result, Mapping):
        return {str(key): plain(value) for key, value in result.items()}
    if isinstance(result, (tuple, list)):
        return [plain(value) for value in result]
    if isinstance(result, np.generic):
        result = result.item()
    if isinstance(result, float):
        return result if math.isfinite(result) else None
    if isinstance(result, Path):
        return str(result)
    if isinstance(result, bytes):
        return base64.b64encode(result).decode()
    if result is None or isinstance(result, (str, bool, int)):
        return result
    from pydantic import BaseModel  # which takes longer to load than a student predicts

    if isinstance(result, BaseModel):  # what `campaign.toml` holds
        return plain(result.model_dump())
    raise TypeError(f"a result cannot hold a {type(result).__name__}")


def typed(kind: Any, value: Any) -> Any:
    """A result as it was before `plain` made JSON of it; what was no number is NaN.

    Args:
        kind: of the result, as an annotation.
        value: as `plain` gives it.

    >>> typed(tuple[float, ...], plain((1.0, float("nan"))))
    (1.0, nan)
    """
    origin, inner = get_origin(kind), get_args(kind)
    if kind is float:
        return math.nan if value is None else float(value)
    if value is None or kind is Any or origin is Literal:
        return value
    if origin in (Union, UnionType):
        return typed(next(one for one in inner if one is not NoneType), value)
    if origin is tuple and inner[1:] != (...,):
        return tuple(typed(one, each) for one, each in zip(inner, value, strict=True))
    told: Any = value  # of the form that the kind has
    if origin and isinstance(value, dict):
        key = int if inner[0] is int else str
        return {key(name): typed(inner[1], each) for name, each in told.items()}
    if origin and isinstance(value, list):
        return (list if origin is list else tuple)(typed(inner[0], each) for each in told)
    if isinstance(value, dict) and not dataclasses.is_dataclass(kind):
        return kind.model_validate(told)  # what `campaign.toml` holds
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        return kind(**{f.name: typed(hints[f.name], told[f.name]) for f in dataclasses.fields(kind) if f.init})
    if kind is bytes:
        return base64.b64decode(told)
    return Path(told) if kind is Path else told


def result_type(name: str) -> Any:
    """What a use case returns, as its annotation says."""
    function = use_case(name)
    given = SimpleNamespace(__annotations__={"return": function.__annotations__["return"]})
    return get_type_hints(given, vars(import_module(function.__module__)))["return"]


def schema(name: str) -> dict[str, Any]:
    """The JSON schema of what a use case returns, as `plain` writes it.

    >>> schema("propose")["title"]
    'ProposedPlates'
    """
    from pydantic import TypeAdapter

    return _with_null(TypeAdapter(result_type(name)).json_schema(mode="serialization"))


def _with_null(schema: Any) -> Any:
    """A schema in which any number may be null, as what is no number is in JSON."""
    if isinstance(schema, list):
        return [_with_null(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _with_null(value) for key, value in schema.items()}
    return found | {"type": ["number", "null"]} if found.get("type") == "number" else found
