"""Classes of other packages, announced by entry points: one group a role."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from activeloop.errors import ConfigError

GROUPS = {
    "learner": "activeloop.learners",
    "encoder": "activeloop.encoders",
    "score": "activeloop.acquisition_functions",
    "batch": "activeloop.batch_strategies",
    "head": "activeloop.heads",
    "adapter": "activeloop.adapters",
    "family": "activeloop.families",
    "landscape": "activeloop.landscapes",
}
"""Role -> group of entry points; an entry point is a name and a callable that takes the options."""


def plugins(role: str) -> dict[str, Callable[..., Any]]:
    """What other packages announce for a role, by name; a package is imported when its callable is called.

    Args:
        role: one of `GROUPS`.

    >>> sorted(plugins("head"))
    []
    """
    return {entry.name: partial(_made, role, entry) for entry in entry_points(group=GROUPS[role])}


def _made(role: str, entry: EntryPoint, /, *arguments: Any, **options: Any) -> Any:
    package = entry.dist.name if entry.dist else entry.module
    try:
        made = entry.load()
    except Exception as error:  # whatever goes wrong in a plugin, its package is named
        problem = f'the {role} "{entry.name}" of the package {package} cannot be loaded ({entry.value})'
        raise ConfigError(f"{problem}: {type(error).__name__}: {error}. Repair or remove that package.") from error
    return made(*arguments, **options)
