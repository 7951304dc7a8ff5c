"""Templates of the pages, and how they write numbers and moments."""

from __future__ import annotations

import math
import secrets
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from activeloop._version import __version__
from activeloop.words import fields_named, many, shown_number

TABS = (
    ("", "Overview"),
    ("/plates", "Plates"),
    ("/results", "Results"),
    ("/candidates", "Candidates"),
    ("/model", "Model"),
    ("/students", "Students"),
    ("/robot", "Robot"),
    ("/audit", "Audit"),
    ("/settings", "Settings"),
)
"""The pages of a campaign: what follows its address, and their names."""


def figure(value: float | None, digits: int = 4) -> str:
    """A number as pages show it; a dash where there is none.

    >>> figure(12345.6), figure(float("nan")), figure(None)
    ('12350', '–', '–')
    """
    return "–" if value is None or math.isnan(value) else shown_number(value, digits)


def moment(iso: str) -> str:
    """A moment of the log as people read it.

    >>> moment("2026-01-02T03:04:05.678+00:00")
    '2026-01-02 03:04 UTC'
    """
    return f"{iso[:16].replace('T', ' ')} UTC" if iso else "–"


_templates = Environment(
    loader=PackageLoader("activeloop.server"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals |= {"tabs": TABS, "version": __version__, "many": many, "new_request": lambda: secrets.token_hex(16)}
_templates.filters |= {"figure": figure, "moment": moment, "breakable": lambda name: breakable(name)}
_templates.filters["in_form"] = lambda text: fields_named(text, "“{}”")


def breakable(name: str) -> Markup:
    """A name that may be broken between its mutations.

    >>> str(breakable("Y5S:V15<E"))
    'Y5S:<wbr>V15&lt;E'
    """
    return Markup(":<wbr>").join(name.split(":"))


def render(template: str, **fields: Any) -> str:
    """A page, or a part of one, of a template.

    Args:
        template: its name.
        fields: of it.
    """
    return _templates.get_template(template).render(fields)
