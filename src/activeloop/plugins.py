"""Classes of other packages, announced by entry points: one group a role; and which package it was when one fails."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from traceback import walk_tb
from typing import Any

from activeloop.errors import ActiveLoopError, PluginError

GROUPS = {
    "learner": "activeloop.learners",
    "encoder": "activeloop.encoders",
    "score": "activeloop.acquisition_functions",
    "batch": "activeloop.batch_strategies",
    "head": "activeloop.heads",
    "adapter": "activeloop.adapters",
    "family": "activeloop.families",
    "landscape": "activeloop.landscapes",
    "reader": "activeloop.readers",
    "driver": "activeloop.drivers",
}
"""Role -> group of entry points; an entry point is a name and a callable that takes the options."""
_KINDS = {
    "learner": "activeloop.prediction:Learner",
    "encoder": "activeloop.encoders.base:Encoder",
    "score": "activeloop.acquisition.base:AcquisitionFunction",
    "batch": "activeloop.acquisition.base:BatchStrategy",
    "head": "activeloop.models.heads.base:Head",
    "adapter": "activeloop.adapters.config:Adapter",
    "family": "activeloop.foundation.families:Family",
    "landscape": "activeloop.replay.landscape:Landscape",
    "reader": "activeloop.instruments.readings:Reader",
    "driver": "activeloop.lab.drivers:Driver",
}
"""Role -> what such a callable returns; imported when one has returned, since this file is to the left of them."""


def plugins(role: str) -> dict[str, Callable[..., Any]]:
    """What other packages announce for a role, by name; a package is imported when its callable is called.

    Args:
        role: one of `GROUPS`.

    >>> sorted(plugins("head"))
    []
    """
    return {entry.name: partial(_made, role, entry) for entry in entry_points(group=GROUPS[role])}


def package_of(entry: EntryPoint) -> str:
    """The name under which the package of an entry point is installed."""
    return entry.dist.name if entry.dist else entry.module


def _made(role: str, entry: EntryPoint, /, *arguments: Any, **options: Any) -> Any:
    what = f'the {role} "{entry.name}" of the package {package_of(entry)}'
    fix = "Repair or remove that package, or name another in campaign.toml."
    try:
        maker = entry.load()
    except Exception as error:  # whatever goes wrong in a plugin, its package is named
        raise PluginError(f"{what} cannot be loaded ({entry.value}): {in_words(error)}. {fix}") from error
    try:
        made = maker(*arguments, **options)
    except ActiveLoopError:
        raise
    except Exception as error:
        raise PluginError(f"{what} cannot be made ({entry.value}): {in_words(error)}. {fix}") from error
    module, _, name = _KINDS[role].partition(":")
    if not isinstance(made, getattr(import_module(module), name)):
        found = f"{entry.value} returned {type(made).__name__}, not {name}"
        raise PluginError(f"{what} is none: {found}. {fix}")
    return made


def in_words(error: BaseException) -> str:
    """An error of other code in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def blamed(error: BaseException) -> str:
    """What package failed when an error is none of ours, as a sentence; "" when no other package was at work.

    It is the one in whose code the error arose, or whose object was in use where it arose: what returns the wrong thing
    is noticed by who called it.
    """
    packages = {
        entry.module.partition(".")[0]: package_of(entry) for g in GROUPS.values() for entry in entry_points(group=g)
    }
    frames = [frame for frame, _ in walk_tb(error.__traceback__)][::-1]
    running = (_root(frame.f_globals.get("__name__", "")) for frame in frames)
    if found := next((packages[root] for root in running if root in packages), ""):
        return f"the package {found} failed: {in_words(error)}. Repair or remove it, or name another in campaign.toml."
    held = (thing for frame in frames for local in frame.f_locals.values() for thing in (local, *_parts(local)))
    if found := next((packages[root] for thing in held if (root := _root(type(thing).__module__)) in packages), ""):
        return (
            f"this failed while something of the package {found} was in use, which may have returned the wrong thing: "
            f"{in_words(error)}. Repair or remove it, or name another in campaign.toml."
        )
    return ""


def _root(module: str) -> str:
    return module.partition(".")[0]


def _parts(thing: object) -> list[object]:
    """What an object of ours holds."""
    return (
        list(vars(thing).values())
        if _root(type(thing).__module__) == "activeloop" and hasattr(thing, "__dict__")
        else []
    )
